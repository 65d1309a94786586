//! Many requests at once: every one is answered, over few connections, without a stream refused.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::join_all;

use super::server::{Server, Speaks};
use super::{options, send};
use crate::gateway::HttpGateway;
use crate::model::{Fault, FaultKind};

/// Sends so many requests at once, twice over, and shows how long it took over how many
/// connections. Over HTTP/1.1 their number hangs on how quick this machine connects.
async fn burst(speaks: Speaks, in_flight: usize, latency_ms: u64) -> (Server, Arc<HttpGateway>) {
    raise_file_limit();
    let server = Server::answering(speaks, Duration::from_millis(latency_ms)).await;
    let base = if speaks == Speaks::Http1 { server.http() } else { server.https() };
    let mut options = options(&base);
    options.in_flight = in_flight;
    options.ca_cert = Some(server.certificate.path().to_owned());
    let gateway = Arc::new(HttpGateway::new(options).unwrap());
    for round in ["cold", "warm"] {
        let started = Instant::now();
        let sends = (0..in_flight).map(|_| {
            let gateway = Arc::clone(&gateway);
            tokio::spawn(async move {
                let response = send(&gateway).await.unwrap();
                assert_eq!(response.http2, matches!(speaks, Speaks::Http2Tls(_)));
                response.collect().await.0
            })
        });
        for reply in join_all(sends).await {
            assert_eq!(reply.unwrap().body, super::server::ANSWER);
        }
        let connections = server.connections.load(Ordering::SeqCst);
        println!("{speaks:?}, {in_flight} at once, {round}: {:?}, {connections} connections", started.elapsed());
    }
    assert_eq!(server.requests.load(Ordering::SeqCst), 2 * in_flight, "nothing was sent twice");
    (server, gateway)
}

/// A thousand connections, each with two ends in this process.
fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(8192, |maximum| maximum.min(8192));
    if limit.current.is_some_and(|current| current < wanted) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum }).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_share_connections_of_a_hundred_streams() {
    let (server, _gateway) = burst(Speaks::Http2Tls(100), 200, 300).await;
    assert_eq!(server.connections.load(Ordering::SeqCst), 7, "one connection a client, no handshake thrown away");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_share_connections_of_eight_streams() {
    let (server, _gateway) = burst(Speaks::Http2Tls(8), 200, 300).await;
    assert_eq!(server.connections.load(Ordering::SeqCst), 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_over_http1_with_tls_are_answered() {
    burst(Speaks::Http1Tls, 200, 300).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_at_once_over_plain_http1_are_answered() {
    burst(Speaks::Http1, 1000, 300).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_at_once_over_http2_are_answered() {
    burst(Speaks::Http2Tls(100), 1000, 300).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_retire_lose_no_request_and_repeat_none() {
    let server = Server::answering(Speaks::Http2Retiring(20), Duration::from_millis(5)).await;
    let mut options = options(&server.https());
    options.in_flight = 64;
    options.ca_cert = Some(server.certificate.path().to_owned());
    let gateway = HttpGateway::new(options).unwrap();
    let sends = (0..1000).map(|_| async {
        loop {
            match send(&gateway).await {
                Ok(response) => return response.collect().await.0.body,
                Err(Fault { kind: FaultKind::Refused | FaultKind::Connect, .. }) => {}
                Err(fault) => panic!("{:?}: {}", fault.kind, fault.message),
            }
        }
    });
    let answers = futures_util::stream::iter(sends).buffer_unordered(64).count().await;
    assert_eq!(answers, 1000);
    assert_eq!(server.requests.load(Ordering::SeqCst), 1000, "what was refused or not sent was not processed");
    println!("1000 over connections of 20 requests: {} connections", server.connections.load(Ordering::SeqCst));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_one_after_another_use_one_connection() {
    for speaks in [Speaks::Http1, Speaks::Http1Tls, Speaks::Http2Tls(100)] {
        let server = Server::answering(speaks, Duration::ZERO).await;
        let base = if speaks == Speaks::Http1 { server.http() } else { server.https() };
        let mut options = options(&base);
        options.in_flight = 200;
        options.ca_cert = Some(server.certificate.path().to_owned());
        let gateway = HttpGateway::new(options).unwrap();
        for _ in 0..20 {
            send(&gateway).await.unwrap().collect().await;
        }
        let connections = server.connections.load(Ordering::SeqCst);
        assert!(connections <= 2, "{speaks:?}: {connections}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_http2_a_server_that_offers_it_is_spoken_to_in_http1() {
    let server = Server::answering(Speaks::Http1Tls, Duration::ZERO).await;
    let mut options = options(&server.https());
    options.http1_only = true;
    options.ca_cert = Some(server.certificate.path().to_owned());
    assert!(!super::send_with(options).await.unwrap().http2);
}
