//! Web pages that ask.

use reqwest::{Client, Version};

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

#[tokio::test]
async fn a_page_whose_name_was_made_to_lead_here_may_not_spend() {
    const NAME: &str = "rebind.example.com:9811";
    let upstream = Upstream::start().await;
    let stage = recording(&upstream.base_url()).await;
    let (host, page) = (("host", NAME), ("origin", "http://rebind.example.com:9811"));
    let absolute = format!("http://{NAME}/v1/chat/completions");
    for (method, path, headers) in [
        ("POST", "/v1/chat/completions", &[host, page][..]),
        ("POST", "/v1/chat/completions", &[host]),
        ("POST", &absolute, &[]),
        ("GET", "/v1/models", &[host]),
        ("GET", "/nightreel/report", &[host]),
        ("OPTIONS", "/v1/chat/completions", &[host, page]),
    ] {
        let refused = ask(stage.address(), method, path, headers, body("a")).await;
        assert_eq!((refused.status(), refused.header("x-should-retry")), (403, Some("false")), "{method} {path}");
        assert_eq!(refused.json()["error"]["code"], "foreign_host");
        assert!(refused.message().starts_with(&format!("a request to {NAME} is refused: ")), "{}", refused.message());
    }
    _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().http2_prior_knowledge().no_proxy().resolve("rebind.example.com", stage.address());
    let asked = client
        .build()
        .unwrap()
        .post(format!("http://rebind.example.com:{}/v1/chat/completions", stage.address().port()));
    let refused = asked.body(body("a")).send().await.unwrap();
    assert_eq!((refused.version(), refused.status().as_u16()), (Version::HTTP_2, 403));
    assert_eq!(stage.stop().await, []);
}

#[tokio::test]
async fn recordings_are_given_under_any_name() {
    let stage = replaying(vec![exchange("a", Ok(whole("1")))]).await;
    let headers = [("host", "rebind.example.com"), FOREIGN];
    assert_eq!(ask(stage.address(), "POST", "/v1/chat/completions", &headers, body("a")).await.text(), "1");
}
