//! What a request says of who may answer it.

use serde::Deserialize;

/// What a request says of who may answer it: the parts of its `provider` that leave no choice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Pin {
    /// The providers that may answer; empty where any may.
    providers: Vec<String>,
    /// The quantizations that may answer; empty where any may.
    quantizations: Vec<String>,
}

#[derive(Deserialize)]
struct Body {
    provider: Option<Preferences>,
}

/// `OpenRouter`'s `provider` object. What is of another type than documented says nothing.
#[derive(Deserialize)]
struct Preferences {
    #[serde(default)]
    order: Option<Vec<String>>,
    #[serde(default)]
    only: Option<Vec<String>>,
    #[serde(default)]
    allow_fallbacks: Option<bool>,
    #[serde(default)]
    quantizations: Option<Vec<String>>,
}

impl Pin {
    /// The pin in the body of a request.
    pub(super) fn of_body(body: &[u8]) -> Self {
        // Most bodies have none, and need not be parsed for it.
        if !std::str::from_utf8(body).is_ok_and(|text| text.contains("\"provider\"")) {
            return Self::default();
        }
        let Ok(Body { provider: Some(preferences) }) = serde_json::from_slice(body) else { return Self::default() };
        let Preferences { order, only, allow_fallbacks, quantizations } = preferences;
        let only = only.unwrap_or_default();
        let ordered = order.filter(|_| allow_fallbacks == Some(false)).unwrap_or_default();
        Self {
            providers: if only.is_empty() { ordered } else { only },
            quantizations: quantizations.unwrap_or_default(),
        }
    }

    /// Whether it names the providers.
    pub(super) const fn names_providers(&self) -> bool {
        !self.providers.is_empty()
    }

    /// Whether it names the quantizations.
    pub(super) const fn names_quantizations(&self) -> bool {
        !self.quantizations.is_empty()
    }

    /// Whether a provider may answer, as far as its name tells.
    pub(super) fn admits_provider(&self, provider: &str) -> bool {
        !self.names_providers() || self.providers.iter().any(|slug| may_be(slug, provider))
    }

    /// Whether a quantization may answer.
    pub(super) fn admits_quantization(&self, quantization: &str) -> bool {
        !self.names_quantizations() || self.quantizations.iter().any(|known| known.eq_ignore_ascii_case(quantization))
    }

    /// The providers that may answer, for people.
    pub(super) fn providers(&self) -> String {
        self.providers.join(", ")
    }

    /// The quantizations that may answer, for people.
    pub(super) fn quantizations(&self) -> String {
        self.quantizations.join(", ")
    }
}

/// Names that replies have for a provider whose slug is another word.
const OTHER_NAMES: [(&str, &str); 2] = [("googlevertex", "google"), ("wandb", "weightsbiases")];

/// Whether a slug, such as `google-vertex/us-east5`, may stand for a provider's name as replies
/// have it, such as `Google`. Names are not documented, so that one which is a part of the other is
/// let pass.
fn may_be(slug: &str, provider: &str) -> bool {
    let base = |name: &str| plain(name.split('/').next().unwrap_or_default());
    let (slug, provider) = (base(slug), base(provider));
    slug.contains(&provider) || provider.contains(&slug) || OTHER_NAMES.contains(&(slug.as_str(), provider.as_str()))
}

/// A name without case, blanks and punctuation.
fn plain(name: &str) -> String {
    name.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_leaves_no_choice_is_a_pin() {
        for (provider, providers, quantizations) in [
            ("{}", "", ""),
            (r#"{"order":["azure"]}"#, "", ""),
            (r#"{"order":["azure"],"allow_fallbacks":true}"#, "", ""),
            (r#"{"order":["azure","openai"],"allow_fallbacks":false}"#, "azure, openai", ""),
            (r#"{"only":["azure"]}"#, "azure", ""),
            (r#"{"only":["azure"],"order":["openai"],"allow_fallbacks":false}"#, "azure", ""),
            (r#"{"only":[],"order":["openai"],"allow_fallbacks":false}"#, "openai", ""),
            (r#"{"only":null,"quantizations":["fp8","bf16"]}"#, "", "fp8, bf16"),
            (r#"{"only":"azure"}"#, "", ""),
            ("null", "", ""),
            ("\"azure\"", "", ""),
        ] {
            let pin = Pin::of_body(format!("{{\"model\":\"m\",\"provider\":{provider}}}").as_bytes());
            assert_eq!(
                (pin.providers().as_str(), pin.quantizations().as_str()),
                (providers, quantizations),
                "{provider}"
            );
        }
        assert_eq!(Pin::of_body(b"{\"messages\":[]}"), Pin::default());
        assert_eq!(Pin::of_body(b"\xff\"provider\""), Pin::default());
    }

    #[test]
    fn a_slug_stands_for_the_name_that_replies_have() {
        for (slug, provider, same) in [
            ("azure", "Azure", true),
            ("amazon-bedrock", "Amazon Bedrock", true),
            ("google-vertex/us-east5", "Google", true),
            ("google-vertex", "Google Vertex", true),
            ("google-ai-studio", "Google AI Studio", true),
            ("z-ai", "Z.AI", true),
            ("novita", "NovitaAI", true),
            ("deepinfra/fp8", "DeepInfra", true),
            ("Together", "together", true),
            ("wandb", "Weights & Biases", true),
            ("azure", "OpenAI", false),
            ("openai", "Azure", false),
            ("amazon-bedrock", "Anthropic", false),
            ("google-vertex", "Google AI Studio", false),
            ("alpha", "Beta", false),
        ] {
            let pin = Pin { providers: vec![slug.to_owned()], ..Pin::default() };
            assert_eq!(pin.admits_provider(provider), same, "{slug} and {provider}");
        }
        assert!(Pin::default().admits_provider("Anyone"));
    }
}
