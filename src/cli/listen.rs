//! Where a command that serves listens.

use std::net::{Ipv4Addr, SocketAddr};

use nightreel::listener::{Loopback, LoopbackDown, raise_loopback};

use super::context::complain;

/// An address, or a port of this machine.
pub(crate) fn address(text: &str) -> Result<SocketAddr, String> {
    let port = |text: &str| text.parse::<u16>().ok().map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    let local = text.strip_prefix("localhost:").or(text.strip_prefix(':')).unwrap_or(text);
    let address = text.parse().ok().or_else(|| port(local));
    address.ok_or_else(|| "write an address and a port, as 127.0.0.1:8787, or a port alone".to_owned())
}

/// Makes sure that whoever listens for this machine alone can be reached at all.
pub(crate) fn ready_loopback(listen: SocketAddr) -> Result<(), LoopbackDown> {
    if listen.ip().is_loopback() && raise_loopback()? == Loopback::Raised {
        complain("nightreel: the loopback device of this network namespace was down, and has been brought up");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_be_a_port_alone() {
        for (text, expected) in [
            ("127.0.0.1:1", "127.0.0.1:1"),
            ("8787", "127.0.0.1:8787"),
            (":0", "127.0.0.1:0"),
            ("localhost:80", "127.0.0.1:80"),
            ("[::1]:9", "[::1]:9"),
            ("0.0.0.0:9", "0.0.0.0:9"),
        ] {
            assert_eq!(address(text).unwrap().to_string(), expected, "{text}");
        }
        for text in ["", "host:80", "127.0.0.1", "70000", "127.0.0.1:70000"] {
            assert!(address(text).is_err(), "{text}");
        }
    }
}
