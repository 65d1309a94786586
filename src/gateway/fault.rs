//! What a client's error says: whether the request went out, and what to do about it.

use std::error::Error;
use std::io;
use std::time::Duration;

use rustls::CertificateError;

use super::BaseUrl;
use super::deadline::Missed;
use super::handover::Handover;
use crate::model::{Fault, FaultKind};

/// How h2 words a stream that the server did not process, and a connection that it closed in
/// order before it got to the stream. Its error type is out of reach: only its text is shared.
/// A `GOAWAY` with an error in it is not among them, since it ends streams in work as well.
const UNPROCESSED: [&str; 2] =
    ["stream error received: refused stream", "connection error received: not a result of an error"];

/// How hyper words a request that it gave back before it wrote any of it.
const UNSENT: &str = "client error (Canceled)";

/// The fault for a client's error. The URL, and with it whatever stands in it, is left out.
pub(super) fn fault_of(
    error: &reqwest::Error,
    base: &BaseUrl,
    connect_timeout: Duration,
    handover: &Handover,
) -> Fault {
    if error.is_connect() {
        return Fault { kind: FaultKind::Connect, message: not_connected(error, base, connect_timeout) };
    }
    let (at, cause) = (base.authority(), root_cause(error));
    if is_unprocessed(error) {
        let message = format!("{at} refused the request before it looked at it: {cause}");
        return Fault { kind: FaultKind::Refused, message };
    }
    if error.is_builder() {
        return Fault { kind: FaultKind::Connect, message: format!("no request to {at} could be made: {cause}") };
    }
    if handover.withdraw() {
        let message = format!("the connection to {at} broke before the request was sent: {cause}");
        return Fault { kind: FaultKind::Refused, message };
    }
    let message = match find::<hyper::Error>(error) {
        Some(hyper) if hyper.is_incomplete_message() => {
            format!("{at} closed the connection before it answered")
        }
        Some(hyper) if hyper.is_parse_too_large() => {
            format!("{at} answered with a head that is too long to be read: more than 100 lines, or too many bytes")
        }
        Some(hyper) if hyper.is_parse() => {
            let hint = if base.is_https() { "" } else { "; does it expect https://?" };
            format!("{at} answered with something other than HTTP: {cause}{hint}")
        }
        _ => format!("the connection to {at} broke before an answer came: {cause}"),
    };
    Fault { kind: FaultKind::Reset, message }
}

/// The fault for a request that no connection took for so long.
pub(super) fn untaken_fault(longest: Duration, base: &BaseUrl) -> Fault {
    let message = format!("no connection to {} took the request in {longest:?}; it was not sent", base.authority());
    Fault { kind: FaultKind::Connect, message }
}

/// The fault for a deadline that passed before the headers came.
pub(super) fn missed_fault(missed: Missed, base: &BaseUrl, handover: &Handover) -> Fault {
    let at = base.authority();
    if handover.withdraw() {
        let message = format!("no connection to {at} took the request: {missed}; it was not sent");
        return Fault { kind: FaultKind::Connect, message };
    }
    Fault { kind: FaultKind::TimedOut, message: format!("{at} did not answer: {missed}") }
}

/// Whether it is certain that the server did nothing with the request.
fn is_unprocessed(error: &reqwest::Error) -> bool {
    if find::<hyper::Error>(error).is_some_and(hyper::Error::is_canceled) {
        return true;
    }
    chain(error)
        .map(ToString::to_string)
        .any(|text| text.starts_with(UNSENT) || UNPROCESSED.iter().any(|unprocessed| text.starts_with(unprocessed)))
}

fn not_connected(error: &reqwest::Error, base: &BaseUrl, connect_timeout: Duration) -> String {
    let (host, at, cause) = (base.host(), base.authority(), root_cause(error));
    if error.is_dns() {
        return format!("no address is known for {host} ({cause}); check the base URL and the network");
    }
    if error.is_timeout() {
        return format!("no connection to {at} was made in {connect_timeout:?} (the connect time-out)");
    }
    if let Some(tls) = tls_error(error) {
        return not_trusted(tls, base);
    }
    if cause.contains("tunnel") || cause.contains("proxy") || cause.contains("socks") {
        return format!("no connection to {at}: {cause}; check HTTPS_PROXY, HTTP_PROXY and NO_PROXY");
    }
    match find::<io::Error>(error).map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionRefused) => format!("{at} refused the connection; is the server running there?"),
        _ => format!("no connection to {at}: {cause}"),
    }
}

fn not_trusted(tls: &rustls::Error, base: &BaseUrl) -> String {
    let at = base.authority();
    match tls {
        rustls::Error::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::Other(_) | CertificateError::BadSignature,
        ) => format!(
            "{at} has a certificate whose issuer is not known here ({tls}); if it is a company's or your own, \
             name the issuer's certificate file (ca_cert, or SSL_CERT_FILE)"
        ),
        rustls::Error::InvalidCertificate(_) => format!("{at} has a certificate that is not valid for it: {tls}"),
        rustls::Error::InvalidMessage(_) => {
            format!("{at} does not answer in TLS ({tls}); is it an http:// address?")
        }
        _ => format!("no TLS connection to {at}: {tls}"),
    }
}

/// An error and its sources, outermost first.
fn chain<'a>(error: &'a reqwest::Error) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let first: &'a (dyn Error + 'static) = error;
    std::iter::successors(Some(first), |error: &&'a (dyn Error + 'static)| (*error).source())
}

fn find<E: Error + 'static>(error: &reqwest::Error) -> Option<&E> {
    chain(error).find_map(|error| error.downcast_ref())
}

/// An I/O error carries the TLS error inside, not as its source, and may be wrapped in another.
fn tls_error(error: &reqwest::Error) -> Option<&rustls::Error> {
    chain(error).find_map(|error| error.downcast_ref().or_else(|| inside(error.downcast_ref()?)))
}

fn inside(error: &io::Error) -> Option<&rustls::Error> {
    let inner = error.get_ref()?;
    inner.downcast_ref().or_else(|| inside(inner.downcast_ref()?))
}

/// What the innermost error says, on one line.
fn root_cause(error: &reqwest::Error) -> String {
    let last = chain(error).last().map(ToString::to_string).unwrap_or_default();
    last.split_whitespace().collect::<Vec<_>>().join(" ")
}
