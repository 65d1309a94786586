//! Who is at the other end of a socket.

use std::io;

use tokio::net::UnixStream;

/// The user that root is.
const ROOT: u32 = 0;

/// The user of this process.
pub(super) fn own_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Whether a run of one user serves another.
pub(super) const fn serves(owner: u32, peer: u32) -> bool {
    peer == owner || peer == ROOT
}

/// Whether a run serves whoever has connected.
pub(super) fn is_served(stream: &UnixStream) -> bool {
    stream.peer_cred().is_ok_and(|peer| serves(own_user(), peer.uid()))
}

/// Whether the process of a user is what listens at the other end.
///
/// # Errors
/// Fails if the system does not say who it is.
pub(super) fn is_process(stream: &UnixStream, owner: u32, process: u32) -> io::Result<bool> {
    let peer = stream.peer_cred()?;
    Ok(peer.uid() == owner && peer.pid().and_then(|pid| u32::try_from(pid).ok()) == Some(process))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_serves_its_own_user_and_root_and_nobody_else() {
        for (owner, peer, expected) in [
            (1_000, 1_000, true),
            (1_000, ROOT, true),
            (1_000, 1_001, false),
            (ROOT, ROOT, true),
            (ROOT, 1_000, false),
            // What a user is called who is unknown in a namespace.
            (1_000, 65_534, false),
        ] {
            assert_eq!(serves(owner, peer), expected, "a run of {owner} and {peer}");
        }
    }

    #[tokio::test]
    async fn the_process_at_the_other_end_is_known() {
        let (here, _there) = UnixStream::pair().unwrap();
        let process = std::process::id();
        assert!(is_served(&here));
        for (owner, of, expected) in
            [(own_user(), process, true), (own_user(), process + 1, false), (own_user() + 1, process, false)]
        {
            assert_eq!(is_process(&here, owner, of).unwrap(), expected);
        }
    }
}
