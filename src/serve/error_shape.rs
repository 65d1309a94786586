//! The shape of an error by the service that a client takes the server for.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::route::{is_base, without_session};

/// The header that Anthropic's clients send with every request.
const ANTHROPIC_VERSION: &str = "anthropic-version";

/// Whose errors a client can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ErrorShape {
    /// `{"error": {"message", "type", "param", "code"}}`, the code a word.
    OpenAi,
    /// The same beside `"type": "error"`, and types of its own.
    Anthropic,
    /// `{"error": {"code", "message", "metadata"}}`, the code a status: its own clients lose the text
    /// of an error whose code is a word, and all that is neither of the three.
    OpenRouter,
}

impl ErrorShape {
    /// The shape for a request, by its path without a query and by its headers.
    pub(super) fn of(path: &str, headers: &HeaderMap) -> Self {
        let segments = without_session(path);
        let before = |name: &str| segments.iter().position(|segment| *segment == name).map(|at| &segments[..at]);
        if headers.contains_key(ANTHROPIC_VERSION) || before("messages").is_some_and(is_base) {
            return Self::Anthropic;
        }
        // What stands behind is the name of a model.
        let base = before("models").unwrap_or(&segments);
        let is_routers = base.starts_with(&["api", "v1"]) || base.contains(&"openrouter");
        if is_routers { Self::OpenRouter } else { Self::OpenAi }
    }

    /// An error in this shape, of one in `OpenAI`'s.
    pub(super) fn shape(self, status: StatusCode, body: Bytes) -> Bytes {
        let Ok(mut value) = serde_json::from_slice::<Value>(&body) else { return body };
        match self {
            Self::OpenAi => return body,
            Self::Anthropic => {
                value["type"] = json!("error");
                if let Some(kind) = anthropic_type(&value["error"]["type"], status) {
                    value["error"]["type"] = json!(kind);
                }
            }
            Self::OpenRouter => {
                let Some(error) = value["error"].as_object_mut() else { return body };
                let word = error.insert("code".to_owned(), json!(status.as_u16()));
                let mut metadata = json!({ "error_type": word });
                if let Some(details) = error.remove("nightreel") {
                    metadata["nightreel"] = details;
                }
                error.insert("metadata".to_owned(), metadata);
            }
        }
        value.to_string().into()
    }
}

/// Anthropic's word for a status; `None` where the error has a type of our own.
fn anthropic_type(kind: &Value, status: StatusCode) -> Option<&'static str> {
    let is_openais = ["invalid_request_error", "server_error"].iter().any(|known| kind == known);
    is_openais.then_some(match status {
        StatusCode::FORBIDDEN => "permission_error",
        StatusCode::NOT_FOUND => "not_found_error",
        StatusCode::PAYLOAD_TOO_LARGE => "request_too_large",
        status if status.is_server_error() => "api_error",
        _ => "invalid_request_error",
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_path_or_a_header_says_whose_errors_can_be_read() {
        use ErrorShape::{Anthropic, OpenAi, OpenRouter};
        for (path, shape) in [
            ("/v1/chat/completions", OpenAi),
            ("/session/a/v1/chat/completions", OpenAi),
            ("/openai/deployments/openrouter-model/chat/completions", OpenAi),
            ("/v1/models/openrouter/auto", OpenAi),
            ("/v1/threads/t/messages", OpenAi),
            ("/api/v2/chat/completions", OpenAi),
            ("/v1/messages", Anthropic),
            ("/v1/messages/count_tokens", Anthropic),
            ("/session/a/anthropic/v1/messages/batches", Anthropic),
            ("/api/v1/messages", Anthropic),
            ("/api/v1/chat/completions", OpenRouter),
            ("/session/api/api/v1/credits", OpenRouter),
            ("/openrouter/v1/responses", OpenRouter),
            ("/v1/account/gateway/openrouter/chat/completions", OpenRouter),
            ("/api/v1/models/author/name", OpenRouter),
        ] {
            assert_eq!(ErrorShape::of(path, &HeaderMap::new()), shape, "{path}");
            let headers = [(ANTHROPIC_VERSION.parse().unwrap(), HeaderValue::from_static("2023-06-01"))];
            assert_eq!(ErrorShape::of(path, &headers.into_iter().collect()), Anthropic, "{path}");
        }
    }

    #[test]
    fn an_error_has_what_each_service_says() {
        let error = |kind: &str| json!({"error": {"message": "m", "type": kind, "param": "p", "code": "word"}});
        let shaped = |shape: ErrorShape, status: u16, error: &Value| -> Value {
            let body = shape.shape(StatusCode::from_u16(status).unwrap(), error.to_string().into());
            serde_json::from_slice(&body).unwrap()
        };
        let mut miss = error("not_recorded");
        miss["error"]["nightreel"] = json!({"nearest": []});
        assert_eq!(shaped(ErrorShape::OpenAi, 400, &miss), miss);
        let mut expected = miss.clone();
        expected["type"] = json!("error");
        assert_eq!(shaped(ErrorShape::Anthropic, 400, &miss), expected);
        for (status, kind, expected) in [
            (400, "invalid_request_error", "invalid_request_error"),
            (404, "invalid_request_error", "not_found_error"),
            (413, "invalid_request_error", "request_too_large"),
            (403, "invalid_request_error", "permission_error"),
            (502, "server_error", "api_error"),
        ] {
            let said = shaped(ErrorShape::Anthropic, status, &error(kind));
            assert_eq!((&said["type"], &said["error"]["type"]), (&json!("error"), &json!(expected)), "{status}");
        }
        let metadata = json!({"error_type": "word", "nightreel": {"nearest": []}});
        let expected = json!({"message": "m", "type": "not_recorded", "param": "p", "code": 400, "metadata": metadata});
        assert_eq!(shaped(ErrorShape::OpenRouter, 400, &miss), json!({"error": expected}));
    }
}
