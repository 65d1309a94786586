//! The loopback device. A new network namespace has one that is down, so that nobody there reaches
//! 127.0.0.1.

use std::io;

/// The address, as the kernel's table has it.
const LOOPBACK: &[u8] = b"127.0.0.1";

/// How the loopback device was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loopback {
    /// It is up.
    Up,
    /// It was down, and has been brought up.
    Raised,
}

/// Why the loopback device stays down.
#[derive(Debug, thiserror::Error)]
#[error(
    "the loopback device is down here, so nobody can reach 127.0.0.1, and it cannot be brought up ({reason}); \
     bring it up: ip link set lo up"
)]
pub struct LoopbackDown {
    /// Why it was not brought up.
    pub reason: io::Error,
}

/// Makes sure that 127.0.0.1 can be reached. A loopback device that is down is brought up in a
/// network namespace that has no route to anywhere, such as that of `unshare -rn`: there it is of
/// no other use, and nobody is let in by it. Whoever calls should tell it.
///
/// # Errors
/// Fails where the device is down and there are routes beside it, or where this process may not
/// bring it up.
pub fn raise_loopback() -> Result<Loopback, LoopbackDown> {
    if is_up() {
        return Ok(Loopback::Up);
    }
    match raise() {
        Ok(()) if is_up() => Ok(Loopback::Raised),
        Ok(()) => Err(LoopbackDown { reason: io::Error::other("it stays down") }),
        Err(reason) => Err(LoopbackDown { reason }),
    }
}

/// Whether there is a way to 127.0.0.1, by the kernel's table of local addresses: no socket is opened
/// to find out. A system that has no such table has its loopback device up.
fn is_up() -> bool {
    std::fs::read("/proc/self/net/fib_trie").map_or(true, |table| has_local_address(&table))
}

fn has_local_address(table: &[u8]) -> bool {
    table.windows(LOOPBACK.len()).any(|window| window == LOOPBACK)
}

#[cfg(target_os = "linux")]
fn raise() -> io::Result<()> {
    use std::fs::File;
    use std::io::{Read as _, Write as _};

    use rustix::net::{AddressFamily, Protocol, SocketFlags, SocketType, socket_with};

    /// The first of the protocols of netlink(7) is that of routes and links.
    const ROUTE: Option<Protocol> = None;

    if has_routes(&std::fs::read_to_string("/proc/self/net/route")?) {
        return Err(io::Error::other("there are routes beside it, so this is the system's to do"));
    }
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, ROUTE)?;
    let (mut socket, mut reply) = (File::from(socket), [0; 1024]);
    socket.write_all(&up_message())?;
    let length = socket.read(&mut reply)?;
    outcome(&reply[..length])
}

#[cfg(not(target_os = "linux"))]
fn raise() -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Whether the kernel's table of routes has any: its first line is the names of its columns.
#[cfg(target_os = "linux")]
fn has_routes(table: &str) -> bool {
    table.lines().skip(1).any(|line| !line.trim().is_empty())
}

/// The message of rtnetlink(7) that brings the loopback device up, and asks for a word of it.
#[cfg(target_os = "linux")]
fn up_message() -> Vec<u8> {
    const NEW_LINK: u16 = 16;
    const REQUEST_WITH_REPLY: u16 = 0x1 | 0x4;
    /// The index that the loopback device has in every namespace.
    const DEVICE: i32 = 1;
    const UP: u32 = 1;
    const LENGTH: u32 = 32;

    let header = [&NEW_LINK.to_ne_bytes()[..], &REQUEST_WITH_REPLY.to_ne_bytes(), &[0; 8]].concat();
    let device = [&[0; 4][..], &DEVICE.to_ne_bytes(), &UP.to_ne_bytes(), &UP.to_ne_bytes()].concat();
    [&LENGTH.to_ne_bytes()[..], &header, &device].concat()
}

/// What the kernel says: an error's number behind the header of a message of 16 bytes, 0 for none.
#[cfg(target_os = "linux")]
fn outcome(reply: &[u8]) -> io::Result<()> {
    let code = reply.get(16..20).and_then(|code| code.try_into().ok()).map(i32::from_ne_bytes);
    match code {
        Some(0) => Ok(()),
        Some(code) => Err(io::Error::from_raw_os_error(-code)),
        None => Err(io::ErrorKind::InvalidData.into()),
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_is_up_is_left_alone() {
        assert_eq!(raise_loopback().unwrap(), Loopback::Up);
    }

    #[test]
    fn a_device_that_is_up_has_an_address() {
        for (table, expected) in
            [("", false), ("Local:\n  |-- 10.0.0.1\n", false), ("Local:\n  |-- 127.0.0.1\n     /32 host LOCAL\n", true)]
        {
            assert_eq!(has_local_address(table.as_bytes()), expected, "{table}");
        }
    }

    #[test]
    fn a_table_of_routes_has_some_behind_its_first_line() {
        let names = "Iface\tDestination\tGateway\n";
        for (table, expected) in
            [(names.to_owned(), false), (format!("{names}  \n"), false), (format!("{names}eth0\t0\t1\n"), true)]
        {
            assert_eq!(has_routes(&table), expected, "{table}");
        }
    }

    #[test]
    fn the_message_is_as_long_as_it_says() {
        let message = up_message();
        assert_eq!(message.len(), 32);
        assert_eq!(message[..4], 32_u32.to_ne_bytes());
    }

    #[test]
    fn the_kernels_word_is_an_error_or_none() {
        let reply = |code: i32| [&[0; 16][..], &code.to_ne_bytes(), &[0; 16]].concat();
        assert!(outcome(&reply(0)).is_ok());
        assert_eq!(outcome(&reply(-1)).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(outcome(&[0; 10]).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn what_stays_down_is_told_with_the_command_that_mends_it() {
        let told = LoopbackDown { reason: io::Error::from_raw_os_error(1) }.to_string();
        assert!(told.contains("Operation not permitted") && told.ends_with(": ip link set lo up"), "{told}");
    }
}
