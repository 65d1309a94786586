//! The model that is asked, over HTTP.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};

/// The model's name.
const NAME: &str = "openai/gpt-5-mini";
/// How often a request is sent that is told to come back later.
const ATTEMPTS: u32 = 3;

/// A model behind an OpenAI-compatible base URL.
pub(crate) struct Model {
    client: Client,
    url: String,
    bearer: Option<String>,
}

/// Why a model gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ModelError {
    #[error("the model cannot be reached: {0}")]
    Connection(#[from] reqwest::Error),
    #[error("the model was asked to come back later, {ATTEMPTS} times")]
    RateLimited,
    #[error("the model answered with the status {0}: {1}")]
    Status(StatusCode, String),
    #[error("the model refused: {0}")]
    Refused(String),
    #[error("the model's answer broke off after {0:?}")]
    BrokeOff(String),
    #[error("the model's answer cannot be read: {0}")]
    Unreadable(String),
}

impl Model {
    pub(crate) fn new(base_url: &str, api_key: Option<&str>) -> Result<Self, ModelError> {
        // The first one that is installed counts.
        _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder();
        if base_url.starts_with("http://") {
            // Plain HTTP is spoken to this machine alone: it needs no proxy, and no certificates.
            builder = builder.no_proxy().tls_certs_only([]);
        }
        let url = format!("{}/chat/completions", base_url.trim_end_matches('/'));
        Ok(Self { client: builder.build()?, url, bearer: api_key.map(|key| format!("Bearer {key}")) })
    }

    /// The body of a request.
    pub(crate) fn body(messages: &Value, more: &Value) -> Value {
        let mut body = json!({"model": NAME, "temperature": 0, "messages": messages});
        for (name, value) in more.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        body
    }

    /// The message that answers a request.
    pub(crate) async fn message(&self, body: &Value) -> Result<Value, ModelError> {
        message_of(&self.send(body).await?.bytes().await?)
    }

    /// Sends a request, and again where it is told when to come back.
    pub(crate) async fn send(&self, body: &Value) -> Result<Response, ModelError> {
        for _ in 0..ATTEMPTS {
            let mut request = self.client.post(&self.url).header(CONTENT_TYPE, "application/json");
            if let Some(bearer) = &self.bearer {
                request = request.header(AUTHORIZATION, bearer);
            }
            let response = request.body(body.to_string()).send().await?;
            match response.status() {
                StatusCode::OK => return Ok(response),
                StatusCode::TOO_MANY_REQUESTS => tokio::time::sleep(wait(&response)).await,
                status => return Err(ModelError::Status(status, response.text().await?)),
            }
        }
        Err(ModelError::RateLimited)
    }
}

/// The message in the body of a reply.
pub(crate) fn message_of(body: &[u8]) -> Result<Value, ModelError> {
    let body: Value = serde_json::from_slice(body).map_err(|error| ModelError::Unreadable(error.to_string()))?;
    let message = &body["choices"][0]["message"];
    match (message["refusal"].as_str(), message.is_object()) {
        (Some(refusal), _) => Err(ModelError::Refused(refusal.to_owned())),
        (None, true) => Ok(message.clone()),
        (None, false) => Err(ModelError::Unreadable("it has no message".to_owned())),
    }
}

/// How long a reply says to wait.
fn wait(response: &Response) -> Duration {
    let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    Duration::from_secs(seconds.unwrap_or(1))
}
