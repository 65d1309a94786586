//! Which hosts a request may name.

use http::header::HOST;
use http::request::Parts;
use url::{Host, Url};

/// The first host that a request names and that is not this machine: the name of somebody's page,
/// which can lead here whenever its owner likes. Every place counts that may name one.
pub(super) fn foreign(head: &Parts) -> Option<String> {
    let lines = head.headers.get_all(HOST).iter().map(|line| String::from_utf8_lossy(line.as_bytes()));
    let target = head.uri.authority().map(|authority| authority.as_str().into());
    let mut named = lines.chain(target).filter(|named| !named.trim().is_empty());
    named.find(|named| !of_authority(named).is_some_and(|host| is_own(&host))).map(|named| named.trim().to_owned())
}

/// The host of a header's `host:port`, as URLs have it.
pub(super) fn of_authority(authority: &str) -> Option<Host> {
    Url::parse(&format!("http://{}", authority.trim())).ok()?.host().map(|host| host.to_owned())
}

/// Whether a host is this machine, and cannot be made to be another one.
pub(super) fn is_own(host: &Host) -> bool {
    match host {
        Host::Domain(name) => {
            let name = name.strip_suffix('.').unwrap_or(name);
            name == "localhost" || name.ends_with(".localhost")
        }
        // Whoever connects to the address of all reaches the loopback device.
        Host::Ipv4(address) => address.is_loopback() || address.is_unspecified(),
        Host::Ipv6(address) => {
            let address = address.to_canonical();
            address.is_loopback() || address.is_unspecified()
        }
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn head(target: &str, hosts: &[&str]) -> Parts {
        let request = Request::builder().uri(target);
        let request = hosts.iter().fold(request, |request, host| request.header(HOST, *host));
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn a_host_is_this_machine_by_names_that_nobody_can_lead_elsewhere() {
        for (host, is_foreign) in [
            ("localhost", false),
            ("LOCALHOST:8788", false),
            ("localhost.:8788", false),
            ("app.localhost:8788", false),
            ("127.0.0.1:8788", false),
            ("127.1:8788", false),
            ("127.8.9.1", false),
            ("[::1]:8788", false),
            ("[::ffff:127.0.0.1]:8788", false),
            ("0.0.0.0:8788", false),
            ("", false),
            (" ", false),
            ("rebind.example.com:8788", true),
            ("localhost.example.com", true),
            ("notlocalhost", true),
            ("localhost@example.com", true),
            ("192.0.2.1:8788", true),
            ("[2001:db8::1]:8788", true),
            ("127.0.0.1.example.com", true),
            ("a b", true),
        ] {
            assert_eq!(foreign(&head("/v1/models", &[host])), is_foreign.then(|| host.to_owned()), "{host}");
        }
    }

    #[test]
    fn every_place_that_names_a_host_counts() {
        for (target, hosts, is_foreign) in [
            ("/", &[][..], false),
            ("http://localhost/v1", &["127.0.0.1"], false),
            ("http://evil.example/v1", &["127.0.0.1"], true),
            ("http://evil.example/v1", &[], true),
            ("http://127.0.0.1/v1", &["evil.example"], true),
            ("/", &["127.0.0.1", "evil.example"], true),
        ] {
            assert_eq!(foreign(&head(target, hosts)).is_some(), is_foreign, "{target} {hosts:?}");
        }
    }
}
