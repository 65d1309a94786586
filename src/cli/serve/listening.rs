//! Where the server listens, and who may reach it there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use clap::Args;
use nightreel::model::Mode;

use super::super::listen::address;

/// The port that a server has where nobody asks for another.
const PORT: u16 = 8788;

/// Where the server listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
#[command(next_help_heading = "Where it listens")]
pub(super) struct ListenArgs {
    /// Listens on this address, or on this port of 127.0.0.1; port 0 takes a free one. Default:
    /// 127.0.0.1:8788, and a free port where a command is run.
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub(super) listen: Option<SocketAddr>,

    /// Listens on an address that other machines can reach, too.
    #[arg(long)]
    pub(super) allow_remote: bool,

    /// Sends and records on such an address, too: whoever reaches it asks with your key.
    #[arg(long)]
    pub(super) allow_remote_recording: bool,
}

impl ListenArgs {
    /// The address, where it may be listened on in a mode; else what to do about it.
    pub(super) fn address(&self, mode: Mode, has_command: bool) -> Result<SocketAddr, String> {
        let port = if has_command { 0 } else { PORT };
        let address = self.listen.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        let (records, remote) = (mode != Mode::Replay, !address.ip().is_loopback());
        match (remote, records, self.allow_remote, self.allow_remote_recording) {
            (false, ..) | (true, _, _, true) | (true, false, true, false) => Ok(address),
            (true, true, _, false) => Err(format!(
                "{address} can be reached from other machines, and who asks there asks with your key; \
                 add --allow-remote-recording if that is meant, or --mode replay"
            )),
            (true, false, false, false) => {
                Err(format!("{address} can be reached from other machines; add --allow-remote if that is meant"))
            }
        }
    }
}

/// An address that this machine reaches the server at.
pub(super) fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// Whether what is sent to an authority comes to the one who listens on an address: each request would
/// make another one there, without end.
pub(super) fn leads_here(authority: &str, address: SocketAddr) -> bool {
    let Some((host, port)) = authority.rsplit_once(':') else { return false };
    let own = address.ip().to_canonical();
    let listens_to = |ip: IpAddr| {
        let ip = ip.to_canonical();
        ip == own || (own.is_unspecified() && ip.is_loopback()) || (ip.is_unspecified() && own.is_loopback())
    };
    let bare = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
    let is_own = match bare.parse() {
        Ok(ip) => listens_to(ip),
        Err(_) => (bare == "localhost" || bare.ends_with(".localhost")) && (own.is_loopback() || own.is_unspecified()),
    };
    // Which port a free one is, is only known once it is taken.
    is_own && address.port() != 0 && port.parse() == Ok(address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_machines_reach_it_only_where_that_is_meant() {
        use Mode::{Auto, Record, Replay};
        for (listen, mode, allow_remote, allow_remote_recording, fits) in [
            (None, Auto, false, false, true),
            (Some("127.0.0.1:1"), Record, false, false, true),
            (Some("[::1]:1"), Auto, false, false, true),
            (Some("0.0.0.0:1"), Replay, false, false, false),
            (Some("0.0.0.0:1"), Replay, true, false, true),
            (Some("0.0.0.0:1"), Replay, false, true, true),
            (Some("0.0.0.0:1"), Auto, false, false, false),
            (Some("0.0.0.0:1"), Auto, true, false, false),
            (Some("0.0.0.0:1"), Auto, false, true, true),
            (Some("192.0.2.1:1"), Record, true, false, false),
            (Some("192.0.2.1:1"), Record, true, true, true),
            (Some("[::]:1"), Record, true, false, false),
        ] {
            let listen = listen.map(|text| text.parse().unwrap());
            let args = ListenArgs { listen, allow_remote, allow_remote_recording };
            assert_eq!(args.address(mode, false).is_ok(), fits, "{args:?} {mode:?}");
        }
    }

    #[test]
    fn a_command_gets_a_free_port_unless_one_is_named() {
        let args = |listen| ListenArgs { listen, allow_remote: false, allow_remote_recording: false };
        let named = Some("127.0.0.1:9".parse().unwrap());
        for (listen, has_command, expected) in
            [(None, false, "127.0.0.1:8788"), (None, true, "127.0.0.1:0"), (named, true, "127.0.0.1:9")]
        {
            assert_eq!(args(listen).address(Mode::Auto, has_command).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn a_client_is_never_sent_to_the_address_of_all() {
        for (listens, reached) in [("0.0.0.0:1", "127.0.0.1:1"), ("[::]:1", "[::1]:1"), ("192.0.2.1:1", "192.0.2.1:1")]
        {
            assert_eq!(reachable(listens.parse().unwrap()).to_string(), reached);
        }
    }
    #[test]
    fn a_server_does_not_send_to_itself() {
        for (authority, listens, is_itself) in [
            ("127.0.0.1:8788", "127.0.0.1:8788", true),
            ("localhost:8788", "127.0.0.1:8788", true),
            ("localhost.:8788", "[::1]:8788", true),
            ("app.localhost:8788", "127.0.0.1:8788", true),
            ("0.0.0.0:8788", "127.0.0.1:8788", true),
            ("[::1]:8788", "[::1]:8788", true),
            ("127.0.0.1:8788", "0.0.0.0:8788", true),
            ("192.0.2.1:8788", "192.0.2.1:8788", true),
            ("127.0.0.1:8789", "127.0.0.1:8788", false),
            ("127.0.0.2:8788", "127.0.0.1:8788", false),
            ("127.0.0.1:0", "127.0.0.1:0", false),
            ("192.0.2.1:8788", "127.0.0.1:8788", false),
            ("localhost:8788", "192.0.2.1:8788", false),
            ("api.openai.com:443", "127.0.0.1:443", false),
        ] {
            assert_eq!(leads_here(authority, listens.parse().unwrap()), is_itself, "{authority} {listens}");
        }
    }
}
