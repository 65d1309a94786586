//! Connections that fail, each in its own way: what kind of fault it is, and what people read.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::server::{Server, Speaks, answer_with, read_request};
use super::{options, send, send_with};
use crate::gateway::{GatewayError, HttpGateway};
use crate::model::{End, Fault, FaultKind};

fn check(fault: &Fault, kind: FaultKind, words: &str) {
    assert_eq!(fault.kind, kind, "{}", fault.message);
    assert!(fault.message.contains(words), "{} should say {words}", fault.message);
}

async fn fault_at(base_url: &str) -> Fault {
    send_with(options(base_url)).await.unwrap_err()
}

/// Lets the connection be reset, instead of closed, when it is dropped.
fn reset(stream: &TcpStream) {
    stream.set_zero_linger().unwrap();
}

#[tokio::test]
async fn nobody_listens() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    check(&fault_at(&format!("http://{closed}")).await, FaultKind::Connect, "is the server running there?");
}

#[tokio::test]
async fn nobody_knows_the_name() {
    // No label may be this long, so no resolver is asked over the network.
    let host = format!("{}.localdomain", "x".repeat(64));
    let fault = fault_at(&format!("http://{host}:1/v1")).await;
    check(&fault, FaultKind::Connect, "no address is known for");
}

#[tokio::test]
async fn a_certificate_of_an_unknown_issuer() {
    let server = Server::answering(Speaks::Http2Tls(100), Duration::ZERO).await;
    let fault = fault_at(&server.https()).await;
    check(&fault, FaultKind::Connect, "SSL_CERT_FILE");
}

#[tokio::test]
async fn a_certificate_for_another_host() {
    let server = Server::answering(Speaks::Http2Tls(100), Duration::ZERO).await;
    let mut options = options(&format!("https://{}", server.address));
    options.ca_cert = Some(server.certificate.path().to_owned());
    check(&send_with(options).await.unwrap_err(), FaultKind::Connect, "not valid for it");
}

#[tokio::test]
async fn plain_http_where_tls_was_meant_and_the_other_way_round() {
    let plain = Server::answering(Speaks::Http1, Duration::ZERO).await;
    let https = plain.http().replace("http:", "https:");
    check(&fault_at(&https).await, FaultKind::Connect, "is it an http:// address?");
    let tls = Server::answering(Speaks::Http1Tls, Duration::ZERO).await;
    check(&fault_at(&tls.http()).await, FaultKind::Reset, "does it expect https://?");
}

#[tokio::test]
async fn a_certificate_file_that_is_none() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut options = options("https://localhost:1");
    options.ca_cert = Some(file.path().to_owned());
    assert!(matches!(HttpGateway::new(options.clone()), Err(GatewayError::NoCertificate { .. })));
    options.ca_cert = Some(file.path().join("missing"));
    assert!(matches!(HttpGateway::new(options), Err(GatewayError::ReadCertificates { .. })));
}

#[tokio::test]
async fn the_connection_ends_before_the_answer() {
    let closing = Server::playing(|mut stream| async move {
        read_request(&mut stream).await;
    })
    .await;
    check(&fault_at(&closing.http()).await, FaultKind::Reset, "closed the connection before it answered");
    let resetting = Server::playing(|mut stream| async move {
        read_request(&mut stream).await;
        reset(&stream);
    })
    .await;
    check(&fault_at(&resetting.http()).await, FaultKind::Reset, "broke before an answer came");
    let halfway = Server::playing(|stream| async move { drop(answer_with(stream, "HTTP/1.1 200 O").await) }).await;
    check(&fault_at(&halfway.http()).await, FaultKind::Reset, "before it answered");
}

#[tokio::test]
async fn the_connection_ends_within_the_answer() {
    for (answer, came) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"cho", "{\"cho"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"cho\r\n", "{\"cho"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nnonsense\r\n", ""),
    ] {
        let server = Server::playing(move |stream| async move { drop(answer_with(stream, answer).await) }).await;
        let (reply, _) = send_with(options(&server.http())).await.unwrap().collect().await;
        assert_eq!((reply.end, reply.body.as_ref()), (End::Reset, came.as_bytes()), "{answer}");
    }
}

#[tokio::test]
async fn a_server_that_speaks_something_else() {
    let server = Server::playing(|stream| async move { drop(answer_with(stream, "220 mail ready\r\n").await) }).await;
    check(&fault_at(&server.http()).await, FaultKind::Reset, "something other than HTTP");
}

#[tokio::test]
async fn a_head_that_is_too_long() {
    const LINES: &str = "x-line: 1\r\n";
    let head = |lines: usize| -> &'static str {
        format!("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n{}\r\n", LINES.repeat(lines)).leak()
    };
    let answering = |answer| Server::playing(move |stream| async move { drop(answer_with(stream, answer).await) });
    let longest = answering(head(99)).await;
    assert_eq!(send_with(options(&longest.http())).await.unwrap().status, 200);
    let fault = fault_at(&answering(head(100)).await.http()).await;
    check(&fault, FaultKind::Reset, "answered with a head that is too long to be read: more than 100 lines");
}

#[tokio::test]
async fn an_idle_connection_that_the_server_closed_is_replaced() {
    let server = Server::playing(|stream| async move {
        drop(answer_with(stream, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await);
    })
    .await;
    let gateway = HttpGateway::new(options(&server.http())).unwrap();
    for _ in 0..5 {
        // The next request finds the connection closed, or closing as it is written.
        match send(&gateway).await {
            Ok(response) => assert_eq!(response.collect().await.0.body, "{}"),
            Err(fault) => check(&fault, FaultKind::Reset, "closed the connection"),
        }
    }
}

#[tokio::test]
async fn a_head_without_end_is_refused() {
    let server = Server::playing(|mut stream| async move {
        read_request(&mut stream).await;
        let mut head = b"HTTP/1.1 200 OK\r\n".to_vec();
        head.extend(std::iter::repeat_n(*b"x-filler: 0123456789\r\n", 100_000).flatten());
        // The client hangs up before all of it is read.
        let _ = stream.write_all(&head).await;
    })
    .await;
    assert_eq!(fault_at(&server.http()).await.kind, FaultKind::Reset);
}

/// Frames of HTTP/2 that a server may send, as bytes.
mod frame {
    pub(super) const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];

    pub(super) fn reset(stream: u8, reason: u8) -> Vec<u8> {
        vec![0, 0, 4, 3, 0, 0, 0, 0, stream, 0, 0, 0, reason]
    }

    pub(super) fn go_away(last_stream: u8, reason: u8) -> Vec<u8> {
        vec![0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, last_stream, 0, 0, 0, reason]
    }
}

/// Reads the client's preface and its frames up to the end of its first request.
async fn read_first_request(stream: &mut TlsStream<TcpStream>) {
    stream.write_all(&frame::SETTINGS).await.unwrap();
    stream.read_exact(&mut [0; 24]).await.unwrap();
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.unwrap();
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        stream.read_exact(&mut vec![0; length as usize]).await.unwrap();
        let ends_stream = head[3] <= 1 && head[4] & 1 == 1;
        if ends_stream {
            return;
        }
    }
}

async fn http2_fault(answer: Vec<u8>) -> Fault {
    let server = Server::playing_http2(move |mut stream| {
        let answer = answer.clone();
        async move {
            read_first_request(&mut stream).await;
            stream.write_all(&answer).await.unwrap();
            stream.flush().await.unwrap();
            // Until the client has read it.
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
    })
    .await;
    let mut options = options(&server.https());
    options.ca_cert = Some(server.certificate.path().to_owned());
    options.idle_timeout = Duration::from_secs(5);
    let fault = send_with(options).await.unwrap_err();
    assert_eq!(server.connections.load(Ordering::SeqCst), 1, "nothing was repeated in secret");
    fault
}

#[tokio::test]
async fn a_deadline_before_any_connection_took_the_request_leaves_it_unsent() {
    let server = Server::playing(|mut stream| async move {
        // No handshake comes of it.
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await;
    let mut options = options(&server.https());
    options.idle_timeout = Duration::from_millis(50);
    check(&send_with(options).await.unwrap_err(), FaultKind::Connect, "(the idle time-out); it was not sent");
}

#[tokio::test]
async fn an_http2_server_refuses_before_it_looks() {
    for (answer, kind) in [
        (frame::reset(1, 7), FaultKind::Refused),
        (frame::go_away(0, 0), FaultKind::Refused),
        // In these the stream may have been worked on.
        (frame::reset(1, 2), FaultKind::Reset),
        (frame::reset(1, 8), FaultKind::Reset),
        (frame::go_away(0, 11), FaultKind::Reset),
    ] {
        let fault = http2_fault(answer.clone()).await;
        assert_eq!(fault.kind, kind, "{answer:?}: {}", fault.message);
        assert!(fault.message.contains("localhost:"), "{}", fault.message);
    }
}

#[tokio::test]
async fn an_http2_connection_that_breaks_is_lost() {
    let server = Server::playing_http2(|mut stream| async move {
        read_first_request(&mut stream).await;
        reset(stream.get_ref().0);
    })
    .await;
    let mut options = options(&server.https());
    options.ca_cert = Some(server.certificate.path().to_owned());
    check(&send_with(options).await.unwrap_err(), FaultKind::Reset, "broke before an answer came");
}
