//! Who asks, and that nobody can read it afterwards.

use super::client::{ask, body};
use super::stage::{recording, recording_with};
use super::upstream::Upstream;
use crate::gateway::{Credentials, Secret};

const KEY: &str = "sk-client-0123456789abcdef";
const TOKEN: &str = "token-fedcba9876543210";

fn bearer(credential: &str) -> String {
    format!("Bearer {credential}")
}

#[tokio::test]
async fn a_client_proves_itself_where_the_server_has_nothing_to_do_it_with() {
    let upstream = Upstream::start().await;
    for (own, expected) in [(None, KEY), (Some("sk-of-the-server"), "sk-of-the-server")] {
        let stage = recording_with(
            &upstream.base_url(),
            |options| options,
            |gateway| {
                let api_key = own.map(|own| Secret::new(own).unwrap());
                crate::gateway::Options { credentials: Credentials { api_key, token: None }, ..gateway }
            },
        )
        .await;
        let authorization = bearer(KEY);
        let headers = [("authorization", authorization.as_str()), ("openai-organization", "org"), ("cookie", "a=b")];
        let (_, received) =
            tokio::join!(ask(stage.address(), "POST", "/v1/chat/completions", &headers, body("a")), async {
                let received = upstream.receive().await;
                let told = ["authorization", "openai-organization", "cookie"]
                    .map(|name| received.header(name).map(str::to_owned));
                received.answer("200 OK", "", "{}").await;
                told
            });
        assert_eq!(received, [Some(bearer(expected)), Some("org".to_owned()), None]);
    }
}

#[tokio::test]
async fn nothing_that_a_client_proves_itself_by_is_on_record() {
    let upstream = Upstream::start().await;
    let stage = recording(&upstream.base_url()).await;
    let authorization = bearer(KEY);
    let headers = [("authorization", authorization.as_str()), ("x-api-key", TOKEN)];
    let prompt = format!("my keys are {KEY} and {TOKEN}");
    let (first, second) = KEY.split_at(13);
    let events = [
        format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{first}\"}}}}]}}\n\n"),
        format!(
            "data: {{\"choices\":[{{\"delta\":{{\"content\":\"{second}\"}}}}]}}\n\ndata: {{\"a\":\"{}",
            &TOKEN[..15]
        ),
        format!("{}\"}}\n\ndata: [DONE]\n\n", &TOKEN[15..]),
    ];
    let (live, sent) =
        tokio::join!(ask(stage.address(), "POST", "/v1/chat/completions", &headers, body(&prompt)), async {
            let mut received = upstream.receive().await;
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n";
            received.write(format!("{head}x-request-id: {KEY}\r\n\r\n")).await;
            for event in &events {
                received.chunk(event).await;
            }
            let sent = received.body.clone();
            tokio::spawn(received.end_stream());
            sent
        });
    assert_eq!((live.text(), sent), (events.concat(), body(&prompt)), "both of them get all of it");
    let directory = stage.directory.path().to_owned();
    stage.server.stop().await.unwrap();
    let exchanges = super::stage::recorded(&stage.directory);
    let shown = format!("{:?} {:?}", exchanges[0].request.body, exchanges[0].attempt);
    assert!(shown.contains("my keys are [redacted] and [redacted]"), "{shown}");
    for part in [KEY, TOKEN, first, &TOKEN[..15], second] {
        assert!(!shown.contains(part), "{part} in {shown}");
        for file in std::fs::read_dir(&directory).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            assert!(!bytes.windows(part.len()).any(|window| window == part.as_bytes()), "{part}");
        }
    }
}
