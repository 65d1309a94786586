//! Who gave an answer.

use serde::Deserialize;

use crate::model::{Answer, Attempt};
use crate::record::Redactor;

use super::pin::Pin;

/// Who gave an answer, as far as the reply says so, and what its request said of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Served {
    /// The model that answered.
    pub model: Option<String>,
    /// The provider that answered.
    pub provider: Option<String>,
    /// How the provider's copy of the model is quantized, such as `fp8`.
    pub quantization: Option<String>,
    /// What the request says of who may answer.
    pub(super) pin: Pin,
}

#[derive(Deserialize)]
struct Body {
    openrouter_metadata: Option<RouterMetadata>,
}

/// How `OpenRouter` routed a request: told where `gateway.router_metadata` asks for it.
#[derive(Deserialize)]
struct RouterMetadata {
    endpoints: Option<Endpoints>,
}

#[derive(Deserialize)]
struct Endpoints {
    available: Option<Vec<Endpoint>>,
}

#[derive(Deserialize)]
struct Endpoint {
    #[serde(default)]
    selected: bool,
    provider: Option<String>,
    quantization: Option<String>,
}

impl Served {
    /// Who gave an answer to a request, of which the body as it is kept will do.
    pub(super) fn of(request: &[u8], attempt: &Attempt, answer: &Answer) -> Self {
        let endpoint = chosen_endpoint(attempt);
        let provider = answer.provider.clone().filter(|provider| !provider.is_empty());
        Self {
            model: answer.model.clone().filter(|model| !model.is_empty()),
            quantization: endpoint.as_ref().and_then(Endpoint::known_quantization),
            provider: provider.or_else(|| endpoint?.provider),
            pin: Pin::of_body(request),
        }
    }
}

impl Served {
    /// The same, less what must not be told.
    pub(super) fn struck(&self, redactor: &Redactor) -> Self {
        let struck = |text: &Option<String>| text.as_ref().map(|text| redactor.strike_text(text));
        Self {
            model: struck(&self.model),
            provider: struck(&self.provider),
            quantization: struck(&self.quantization),
            pin: self.pin.clone(),
        }
    }
}

impl Endpoint {
    fn known_quantization(&self) -> Option<String> {
        self.quantization.clone().filter(|quantization| quantization != "unknown")
    }
}

/// How the model that gave an answer is quantized, where the reply tells it.
pub(super) fn quantization(attempt: &Attempt) -> Option<String> {
    chosen_endpoint(attempt)?.known_quantization()
}

/// The endpoint that the router chose, where a reply tells: in its JSON, or in an event of its stream.
fn chosen_endpoint(attempt: &Attempt) -> Option<Endpoint> {
    let body = &attempt.reply.as_ref().ok()?.body;
    let text = std::str::from_utf8(body).ok().filter(|text| text.contains("\"openrouter_metadata\""))?;
    let whole = serde_json::from_str::<Body>(text).ok();
    let events = || {
        let lines = text.lines().filter(|line| line.contains("\"openrouter_metadata\""));
        lines.rev().find_map(|line| serde_json::from_str::<Body>(line.strip_prefix("data:")?).ok())
    };
    let available = whole.or_else(events)?.openrouter_metadata?.endpoints?.available?;
    available.into_iter().find(|endpoint| endpoint.selected)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Class, End, Endpoint as Call, Reply, Timing};

    const ROUTED: &str = r#""openrouter_metadata":{"strategy":"direct","endpoints":{"total":2,"available":[
        {"provider":"Other","model":"m","selected":false,"quantization":"fp8"},
        {"provider":"DeepInfra","model":"m","selected":true,"quantization":"fp4"}]}}"#;

    fn attempt(body: String) -> Attempt {
        let reply = Reply { status: 200, headers: vec![], body: body.into(), chunks: vec![], end: End::Complete };
        let (timing, class) = (Timing::default(), Class::Answered);
        Attempt { number: 1, sent_at_ms: 0, timing, reply: Ok(reply), class, cost_usd: None, assumed_cost_usd: None }
    }

    fn served(provider: &str, metadata: &str) -> Served {
        let body = format!(
            "{{\"model\":\"m-1\",{provider}\"choices\":[{{\"message\":{{\"content\":\"hi\"}}}}]{}{metadata}}}",
            if metadata.is_empty() { "" } else { "," }
        );
        let answer = Answer::parse(Call::ChatCompletions, body.as_bytes()).unwrap();
        Served::of(b"{}", &attempt(body), &answer)
    }

    #[test]
    fn model_provider_and_quantization_are_read_where_a_reply_tells_them() {
        let of = |model: &str, provider: Option<&str>, quantization: Option<&str>| Served {
            model: Some(model.to_owned()),
            provider: provider.map(str::to_owned),
            quantization: quantization.map(str::to_owned),
            pin: Pin::default(),
        };
        assert_eq!(served("", ""), of("m-1", None, None));
        assert_eq!(served("\"provider\":\"Azure\",", ""), of("m-1", Some("Azure"), None));
        assert_eq!(served("\"provider\":\"Azure\",", ROUTED), of("m-1", Some("Azure"), Some("fp4")));
        assert_eq!(served("", ROUTED), of("m-1", Some("DeepInfra"), Some("fp4")));
        assert_eq!(served("", &ROUTED.replace("fp4", "unknown")), of("m-1", Some("DeepInfra"), None));
        for other in ["\"openrouter_metadata\":7", "\"openrouter_metadata\":{\"endpoints\":[]}"] {
            assert_eq!(served("", other), of("m-1", None, None));
        }
    }

    #[test]
    fn a_stream_tells_it_in_an_event() {
        let flat = ROUTED.replace('\n', "");
        let stream = format!(
            ": OPENROUTER PROCESSING\r\n\r\ndata: {{\"choices\":[]}}\r\n\r\ndata: {{{flat}}}\r\n\r\ndata: [DONE]\r\n"
        );
        assert_eq!(quantization(&attempt(stream)).as_deref(), Some("fp4"));
    }
}
