//! What people paste for a base URL, and where it leads.

use crate::gateway::{BaseUrl, BaseUrlError};
use crate::model::Endpoint;

#[test]
fn every_pasted_form_leads_to_the_same_endpoint() {
    let gateway = "https://gateway.ai.cloudflare.com/v1/acct/gw/openrouter";
    for (pasted, chat) in [
        (format!("{gateway}/v1"), format!("{gateway}/v1/chat/completions")),
        (format!("  {gateway}/v1/  "), format!("{gateway}/v1/chat/completions")),
        (format!("{gateway}/v1/v1"), format!("{gateway}/v1/chat/completions")),
        (format!("{gateway}/v1/chat/completions"), format!("{gateway}/v1/chat/completions")),
        (format!("{gateway}/v1/chat/completions/chat/completions/"), format!("{gateway}/v1/chat/completions")),
        (format!("{gateway}/v1/models"), format!("{gateway}/v1/chat/completions")),
        (gateway.to_owned(), format!("{gateway}/chat/completions")),
        (format!("{gateway}//"), format!("{gateway}/chat/completions")),
        (format!("{gateway}/chat/completions"), format!("{gateway}/chat/completions")),
        ("https://openrouter.ai".to_owned(), "https://openrouter.ai/api/v1/chat/completions".to_owned()),
        ("https://openrouter.ai/api".to_owned(), "https://openrouter.ai/api/v1/chat/completions".to_owned()),
        ("HTTPS://OpenRouter.ai/api/v1/".to_owned(), "https://openrouter.ai/api/v1/chat/completions".to_owned()),
        ("http://localhost:8080".to_owned(), "http://localhost:8080/v1/chat/completions".to_owned()),
        ("http://[::1]:8080/v1".to_owned(), "http://[::1]:8080/v1/chat/completions".to_owned()),
        ("https://host/v1/messages".to_owned(), "https://host/v1/chat/completions".to_owned()),
        (
            "https://ai.example.com/openrouter".to_owned(),
            "https://ai.example.com/openrouter/chat/completions".to_owned(),
        ),
        (
            "https://gateway.ai.cloudflare.com/v1/a/g/compat".to_owned(),
            "https://gateway.ai.cloudflare.com/v1/a/g/compat/chat/completions".to_owned(),
        ),
    ] {
        let base: BaseUrl = pasted.parse().unwrap_or_else(|error| panic!("{pasted}: {error}"));
        assert_eq!(base.join(Endpoint::ChatCompletions).as_str(), chat, "{pasted}");
        let again: BaseUrl = base.to_string().parse().unwrap();
        assert_eq!(again, base, "{pasted}");
    }
}

#[test]
fn other_endpoints_behind_openrouter_get_the_version() {
    for base in ["https://gateway.ai.cloudflare.com/v1/a/g/openrouter", "https://ai.example.com/openrouter/v1"] {
        let base: BaseUrl = base.parse().unwrap();
        for endpoint in Endpoint::ALL {
            let url = base.join(endpoint);
            assert!(!url.path().contains("v1/v1"), "{url}");
            if endpoint != Endpoint::ChatCompletions {
                assert!(url.path().ends_with(&format!("/openrouter/v1/{endpoint}")), "{url}");
            }
        }
    }
}

#[test]
fn a_deployment_stands_in_the_url_where_the_base_url_has_one() {
    for (base, expected) in [
        (
            "https://r.azure.com/openai/deployments/gpt-a",
            "https://r.azure.com/openai/deployments/gpt%2Fb/chat/completions",
        ),
        ("https://r.azure.com/openai/deployments", "https://r.azure.com/openai/deployments/gpt%2Fb/chat/completions"),
        ("https://r.azure.com/openai/v1", "https://r.azure.com/openai/v1/chat/completions"),
        ("https://openrouter.ai/api/v1", "https://openrouter.ai/api/v1/chat/completions"),
    ] {
        let base: BaseUrl = base.parse().unwrap();
        assert_eq!(base.join_deployment(Endpoint::ChatCompletions, "gpt/b").as_str(), expected);
    }
}

#[test]
fn a_gateway_is_known_by_its_host_or_its_path() {
    for (text, cloudflare) in [
        ("https://gateway.ai.cloudflare.com/v1/a/g/openrouter", true),
        ("http://127.0.0.1:9/v1/a/g/openrouter/v1", true),
        ("https://openrouter.ai/api/v1", false),
        ("https://host/v1/projects/p/locations/l", false),
        ("https://host/v1", false),
    ] {
        assert_eq!(text.parse::<BaseUrl>().unwrap().is_cloudflare(), cloudflare, "{text}");
    }
}

#[test]
fn a_mistake_is_refused_with_what_to_do() {
    let refused = |text: &str| text.parse::<BaseUrl>().unwrap_err();
    assert_eq!(refused("  "), BaseUrlError::Empty);
    assert_eq!(refused("openrouter.ai/api/v1"), BaseUrlError::NotHttp);
    assert_eq!(refused("localhost:8080/v1"), BaseUrlError::NotHttp);
    assert_eq!(refused("wss://gateway.ai.cloudflare.com/v1/a/g"), BaseUrlError::NotHttp);
    assert_eq!(refused("https://"), BaseUrlError::NoHost);
    assert_eq!(refused("https://host/v1?key=1"), BaseUrlError::HasQuery);
    assert_eq!(refused("https://host/v1#x"), BaseUrlError::HasQuery);
    assert_eq!(refused("https://host/v1 /x"), BaseUrlError::Blank);
    assert_eq!(refused("https://host:99999/v1"), BaseUrlError::Unreadable(url::ParseError::InvalidPort));
    assert_eq!(
        refused("https://gateway.ai.cloudflare.com/v1/${CLOUDFLARE_ACCOUNT_ID}/g/openrouter"),
        BaseUrlError::Unexpanded("${CLOUDFLARE_ACCOUNT_ID}".to_owned())
    );
    assert_eq!(refused("https://$HOST/v1"), BaseUrlError::Unexpanded("$HOST".to_owned()));
    assert_eq!(
        refused("https://gateway.ai.cloudflare.com/v1/{account_id}/g/openrouter"),
        BaseUrlError::Placeholder("{account_id}".to_owned())
    );
    assert_eq!(refused("http://127.0.0.1:1/v1//g/openrouter"), BaseUrlError::EmptyPart);
    assert_eq!(
        refused("https://gateway.ai.cloudflare.com/v1/a/g/").to_string(),
        "https://gateway.ai.cloudflare.com/v1/a/g is the gateway's universal endpoint, which names no provider; \
         use https://gateway.ai.cloudflare.com/v1/a/g/openrouter"
    );
    assert!(matches!(refused("https://gateway.ai.cloudflare.com/a/g/openrouter"), BaseUrlError::NotAGateway { .. }));
}

#[test]
fn credentials_in_a_url_are_refused_and_never_shown() {
    for text in ["https://user:sk-secret@host/v1", "https://sk-secret@host/v1", "https://u:sk-secret@/v1"] {
        let error = text.parse::<BaseUrl>().unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    }
}

#[test]
fn the_ids_of_a_gateway_are_checked() {
    let base = BaseUrl::cloudflare(" 0123abc ", "my-gateway").unwrap();
    assert_eq!(base.to_string(), "https://gateway.ai.cloudflare.com/v1/0123abc/my-gateway/openrouter/v1");
    assert!(base.is_cloudflare());
    assert_eq!(BaseUrl::cloudflare("", "g"), Err(BaseUrlError::EmptyId("account id")));
    assert_eq!(BaseUrl::cloudflare("a", " "), Err(BaseUrlError::EmptyId("gateway id")));
    assert_eq!(BaseUrl::cloudflare("a/b", "g"), Err(BaseUrlError::BadId("account id")));
    assert_eq!(BaseUrl::cloudflare("${A}", "g"), Err(BaseUrlError::Unexpanded("${A}".to_owned())));
}
