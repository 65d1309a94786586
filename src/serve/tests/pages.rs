//! Web pages that ask.

use super::client::{ask, body, chat};
use super::stage::{exchange, recording, replaying, whole};
use super::upstream::Upstream;

const FOREIGN: (&str, &str) = ("origin", "https://example.com");

#[tokio::test]
async fn a_page_may_ask_for_recordings_and_see_every_header() {
    let stage = replaying(vec![exchange("a", Ok(whole("1")))]).await;
    let path = "/v1/chat/completions";
    let wanted =
        [FOREIGN, ("access-control-request-method", "POST"), ("access-control-request-headers", "authorization")];
    let preflight = ask(stage.address(), "OPTIONS", path, &wanted, "").await;
    assert_eq!(preflight.status(), 204);
    assert_eq!(preflight.header("access-control-allow-origin"), Some("https://example.com"));
    assert_eq!(preflight.header("access-control-allow-headers"), Some("authorization"));
    let answered = ask(stage.address(), "POST", path, &[FOREIGN], body("a")).await;
    assert_eq!((answered.text().as_str(), answered.header("access-control-expose-headers")), ("1", Some("*")));
    let missed = ask(stage.address(), "POST", path, &[FOREIGN], body("a")).await;
    assert_eq!(missed.header("access-control-allow-origin"), Some("https://example.com"));
    assert_eq!(chat(stage.address(), "a").await.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn a_page_of_another_host_may_not_spend() {
    let upstream = Upstream::start().await;
    let stage = recording(&upstream.base_url()).await;
    let refused = ask(stage.address(), "POST", "/v1/chat/completions", &[FOREIGN], body("a")).await;
    assert_eq!((refused.status(), refused.header("access-control-allow-origin")), (403, None));
    assert!(refused.message().starts_with("a page of https://example.com may not ask: "), "{}", refused.message());
    assert_eq!(stage.stop().await, []);
}
