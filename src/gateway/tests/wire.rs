//! What goes over the wire, byte for byte, and what is kept of what comes back.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::AsyncWriteExt;

use super::server::{Server, Speaks, answer_with, read_request};
use super::{options, request, send, send_with};
use crate::gateway::{Credentials, GatewayError, HttpGateway, Options, Secret};
use crate::model::{End, FaultKind};

/// Sends one request and gives what the server read of it.
async fn sent_with(change: impl FnOnce(&mut Options, &Server)) -> String {
    let seen = Arc::new(Mutex::new(String::new()));
    let note = Arc::clone(&seen);
    let server = Server::playing(move |mut stream| {
        let note = Arc::clone(&note);
        async move {
            let request = read_request(&mut stream).await;
            note.lock().unwrap().push_str(&request);
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await.unwrap();
        }
    })
    .await;
    let mut options = options(&server.http());
    change(&mut options, &server);
    let (reply, _) = send_with(options).await.unwrap().collect().await;
    assert_eq!(reply.body, "{}");
    seen.lock().unwrap().clone()
}

fn credentials() -> Credentials {
    Credentials { api_key: Secret::new("sk-or-key\n").ok(), token: Secret::new("cf-token").ok() }
}

#[tokio::test]
async fn a_gateway_is_told_all_it_needs() {
    let sent = sent_with(|options, server| {
        options.base_url = format!("http://{}/v1/acct/gw/openrouter/v1", server.address).parse().unwrap();
        options.credentials = credentials();
        options.headers = vec![("X-Title".to_owned(), "Näme".to_owned())];
    })
    .await;
    let (head, body) = sent.split_once("\r\n\r\n").unwrap();
    assert_eq!(body.as_bytes(), request().body, "the body goes out as it is");
    let (first, headers) = head.split_once("\r\n").unwrap();
    assert_eq!(first, "POST /v1/acct/gw/openrouter/v1/chat/completions HTTP/1.1");
    for line in [
        "content-type: application/json",
        "accept: application/json",
        "accept-encoding: identity",
        "authorization: Bearer sk-or-key",
        "cf-aig-authorization: Bearer cf-token",
        "cf-aig-skip-cache: true",
        "cf-aig-max-attempts: 1",
        "cf-aig-no-wholesale: true",
        "cf-aig-event-id: event-1",
        r#"cf-aig-metadata: {"run":"run-1","item":"\u00e9","attempt":1}"#,
        "x-title: Näme",
        concat!("user-agent: nightreel/", env!("CARGO_PKG_VERSION")),
    ] {
        let count = headers.lines().filter(|&sent| sent == line).count();
        assert_eq!(count, 1, "{line} in\n{headers}");
    }
}

#[tokio::test]
async fn a_gateway_is_told_what_the_job_wants_of_it() {
    let sent = sent_with(|options, server| {
        options.base_url = format!("http://{}/v1/acct/gw/openrouter/v1", server.address).parse().unwrap();
        options.directives.cache_ttl = Some(Duration::from_hours(1));
        options.directives.cache_key = Some("v1".to_owned());
        options.directives.metadata = serde_json::json!({"team": "grün"}).as_object().unwrap().clone();
        options.attribution.title = Some("Night shift".to_owned());
        options.attribution.router_metadata = true;
    })
    .await;
    let cache_key = format!("cf-aig-cache-key: v1:{}", request().key);
    for line in [
        "cf-aig-cache-ttl: 3600",
        cache_key.as_str(),
        r#"cf-aig-metadata: {"run":"run-1","item":"\u00e9","attempt":1,"team":"gr\u00fcn"}"#,
        "x-openrouter-title: Night shift",
        "x-openrouter-metadata: enabled",
    ] {
        assert_eq!(sent.lines().filter(|&sent| sent == line).count(), 1, "{line} in\n{sent}");
    }
    assert!(!sent.contains("cf-aig-skip-cache"), "a cache that is wanted is not skipped: {sent}");
}

#[tokio::test]
async fn others_are_told_nothing_of_the_run() {
    let sent = sent_with(|options, _| {
        options.directives.cache_key = Some("v1".to_owned());
        options.attribution.title = Some("Night shift".to_owned());
    })
    .await;
    assert!(!sent.contains("cf-aig") && sent.contains("x-openrouter-title: Night shift"), "{sent}");
    let sent = sent_with(|options, _| options.credentials.api_key = Secret::new("sk-or-key").ok()).await;
    assert!(!sent.contains("cf-aig"), "{sent}");
    let sent = sent_with(|options, _| options.credentials = credentials()).await;
    assert!(sent.contains("cf-aig-skip-cache: true"), "a token means a gateway: {sent}");
}

#[test]
fn headers_that_are_not_the_users_are_refused() {
    let with = |name: &str, value: &str| {
        let mut options = options("http://127.0.0.1:1/v1");
        options.headers = vec![(name.to_owned(), value.to_owned())];
        HttpGateway::new(options).unwrap_err()
    };
    assert!(matches!(with("Authorization", "x"), GatewayError::ReservedHeader { .. }));
    assert!(matches!(with("no name", "x"), GatewayError::HeaderName { .. }));
    let error = with("x-key", "hidden\r\nx: y");
    assert!(!error.to_string().contains("hidden") && error.to_string().contains("x-key"), "{error}");
}

#[test]
fn nothing_shows_a_credential() {
    let mut options = options("http://127.0.0.1:1/v1");
    options.credentials = credentials();
    options.headers = vec![("api-key".to_owned(), "sk-or-key".to_owned())];
    let shown = format!("{options:?} {:?}", HttpGateway::new(options.clone()).unwrap());
    assert!(!shown.contains("sk-or-key") && !shown.contains("cf-token"), "{shown}");
}

#[tokio::test]
async fn a_reply_is_kept_as_it_came() {
    let head = "HTTP/1.1 429 Slow Down\r\nRetry-After: 3\r\nSet-Cookie: a=b\r\nX-RateLimit-Limit: 1\r\n\
                X-RateLimit-Limit: 2\r\ncf-ray: \u{fc}\r\ncontent-length: 7\r\n\r\n \n{}\0\r\n";
    let server = Server::playing(move |stream| async move { drop(answer_with(stream, head).await) }).await;
    let response = send_with(options(&server.http())).await.unwrap();
    assert!(!response.http2);
    let first_byte_us = response.first_byte_us;
    let (reply, total_us) = response.collect().await;
    assert_eq!((reply.status, reply.end, reply.chunks.len()), (429, End::Complete, 0));
    assert_eq!(reply.body.as_ref(), b" \n{}\0\r\n");
    let headers: Vec<(&str, &str)> =
        reply.headers.iter().map(|header| (header.name.as_str(), header.value.as_str())).collect();
    assert_eq!(
        headers,
        [
            ("retry-after", "3"),
            ("x-ratelimit-limit", "1"),
            ("x-ratelimit-limit", "2"),
            ("cf-ray", "\u{fc}"),
            ("content-length", "7")
        ]
    );
    assert!(0 < first_byte_us && first_byte_us <= total_us);
}

#[tokio::test]
async fn a_redirect_is_a_reply() {
    let goal = Server::playing(|stream| async move { drop(stream) }).await;
    let there = goal.http();
    let server = Server::playing(move |stream| {
        let answer = format!("HTTP/1.1 307 Go\r\nlocation: {there}?state=1\r\ncontent-length: 0\r\n\r\n");
        async move { drop(answer_with(stream, answer).await) }
    })
    .await;
    let (reply, _) = send_with(options(&server.http())).await.unwrap().collect().await;
    assert_eq!(reply.status, 307);
    assert_eq!(reply.header("location"), Some(goal.http().as_str()));
    assert_eq!(goal.connections.load(std::sync::atomic::Ordering::SeqCst), 0, "nobody went there");
}

#[tokio::test]
async fn pieces_are_noted_with_their_times() {
    let server = Server::playing(|stream| async move {
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n";
        let mut stream = answer_with(stream, head).await;
        tokio::time::sleep(Duration::from_millis(30)).await;
        stream.write_all(b"3\r\ncde\r\n0\r\n\r\n").await.unwrap();
    })
    .await;
    let (reply, total_us) = send_with(options(&server.http())).await.unwrap().collect().await;
    assert_eq!((reply.body.as_ref(), reply.end), (&b"abcde"[..], End::Complete));
    let lengths: Vec<usize> = reply.chunks.iter().map(|chunk| chunk.length).collect();
    assert_eq!(lengths, [2, 3]);
    assert!(reply.chunks[0].offset_us + 20_000 < reply.chunks[1].offset_us);
    assert!(reply.chunks[1].offset_us <= total_us);
}

#[tokio::test]
async fn silence_ends_a_send_before_its_answer_and_within_it() {
    let idle = Duration::from_millis(50);
    let mute = Server::playing(|mut stream| async move {
        read_request(&mut stream).await;
        std::future::pending::<()>().await;
    })
    .await;
    let mut options = options(&mute.http());
    options.idle_timeout = idle;
    let fault = send_with(options.clone()).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::TimedOut);
    assert!(fault.message.contains("50ms (the idle time-out)"), "{}", fault.message);

    let stalled = Server::playing(|stream| async move {
        let _open = answer_with(stream, "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"par").await;
        std::future::pending::<()>().await;
    })
    .await;
    options.base_url = stalled.http().parse().unwrap();
    let (reply, _) = send_with(options).await.unwrap().collect().await;
    assert_eq!((reply.end, reply.body.as_ref()), (End::TimedOut, &b"{\"par"[..]));
}

#[tokio::test]
async fn a_drip_of_padding_does_not_outlive_the_total_deadline() {
    let server = Server::playing(|stream| async move {
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        let mut stream = answer_with(stream, head).await;
        while stream.write_all(b"1\r\n \r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    let mut options = options(&server.http());
    options.idle_timeout = Duration::from_secs(5);
    options.total_timeout = Duration::from_millis(150);
    let (reply, total_us) = send_with(options).await.unwrap().collect().await;
    assert_eq!(reply.end, End::TimedOut);
    assert!(reply.body.len() > 2 && reply.body.iter().all(|&byte| byte == b' '));
    assert!((150_000..3_000_000).contains(&total_us), "{total_us}");
}

#[tokio::test]
async fn a_loopback_address_is_reached_past_every_proxy() {
    // A process cannot change its own environment safely, so another one runs the test.
    let test = "gateway::tests::wire::a_reply_is_kept_as_it_came";
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"] {
        child.env(name, "http://127.0.0.1:1");
    }
    let output = child.args(["--exact", test]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[tokio::test]
async fn a_send_is_one_request_and_nothing_is_looked_up_after_it() {
    let server = Server::answering(Speaks::Http1, Duration::ZERO).await;
    let (reply, _) = send_with(options(&server.http())).await.unwrap().collect().await;
    assert_eq!(reply.status, 200);
    assert_eq!(server.requests.load(std::sync::atomic::Ordering::SeqCst), 1);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_idle_connection_is_kept_alive() {
    // Where a server is silent for minutes, a router in between forgets the connection, unless the
    // system asks now and then whether the other end still lives.
    let mute = Server::playing(|mut stream| async move {
        read_request(&mut stream).await;
        std::future::pending::<()>().await;
    })
    .await;
    let (url, port) = (mute.http(), format!(":{:04X}", mute.address.port()));
    let waiting = tokio::spawn(async move { send_with(options(&url)).await.map(|_| ()) });
    let kept_alive = || {
        let connections = std::fs::read_to_string("/proc/net/tcp").unwrap();
        connections.lines().any(|line| {
            // Local and remote address, state, queues, timer: 02 is the timer of keep-alive.
            let columns: Vec<&str> = line.split_whitespace().collect();
            columns.len() > 5 && columns[2].ends_with(&port) && columns[3] == "01" && columns[5].starts_with("02:")
        })
    };
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    while !kept_alive() {
        assert!(tokio::time::Instant::now() < deadline, "the connection has no timer that keeps it alive");
        tokio::task::yield_now().await;
    }
    waiting.abort();
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let server = Server::playing(|mut stream| async move {
        while !read_request(&mut stream).await.is_empty() {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await.unwrap();
        }
    })
    .await;
    let gateway = HttpGateway::new(options(&server.http())).unwrap();
    for _ in 0..9 {
        send(&gateway).await.unwrap().collect().await;
    }
    assert_eq!(server.connections.load(std::sync::atomic::Ordering::SeqCst), 1);
}
