//! Who gives the answers of a run, as it goes on.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::model_name::may_be_same;
use super::{ItemSettled, Served};

/// Who gives the answers of a run. It is told every item that settles, and says at first sight what
/// a person should know: several providers where none is pinned, one that is not the pinned one,
/// another model than was asked for.
#[derive(Debug, Default)]
pub(super) struct Servers {
    lanes: HashMap<Arc<str>, Lane>,
}

/// Who gives the answers of one model.
#[derive(Debug, Default)]
struct Lane {
    /// Who gave the last answer: the next one is most often from there too.
    last: Option<Served>,
    /// The providers that gave answers whose requests leave it open.
    providers: BTreeSet<String>,
    /// The quantizations of answers whose requests leave it open.
    quantizations: BTreeSet<String>,
    /// The providers and quantizations that gave answers against a pin.
    intruders: BTreeSet<String>,
    other_model: bool,
}

impl Servers {
    /// Takes note of an item, and gives what is to be told for the first time.
    pub(super) fn add(&mut self, note: &ItemSettled) -> Vec<String> {
        let mut warnings = Vec::new();
        if note.served.is_empty() {
            return warnings;
        }
        let lane = match self.lanes.get_mut(&note.model) {
            Some(lane) => lane,
            None => self.lanes.entry(Arc::clone(&note.model)).or_default(),
        };
        for served in &note.served {
            if lane.last.as_ref() != Some(served) {
                lane.add(served, note, &mut warnings);
                lane.last = Some(served.clone());
            }
        }
        warnings
    }
}

impl Lane {
    fn add(&mut self, served: &Served, note: &ItemSettled, warnings: &mut Vec<String>) {
        let (pin, model, row) = (&served.pin, &note.model, &note.row_id);
        if let Some(provider) = &served.provider {
            if !pin.names_providers() {
                let mixed = is_second(&mut self.providers, provider);
                warnings
                    .extend(mixed.map(|first| several("providers", model, &[&first, provider], &provider_pin(&first))));
            } else if !pin.admits_provider(provider) && self.intruders.insert(provider.clone()) {
                let pinned = pin.providers();
                warnings.push(format!("row {row:?} asked {model} of {pinned} alone, and {provider} answered"));
            }
        }
        if let Some(quantization) = &served.quantization {
            if !pin.names_quantizations() {
                let mixed = is_second(&mut self.quantizations, quantization);
                let told =
                    |first: String| several("quantizations", model, &[&first, quantization], &quantization_pin(&first));
                warnings.extend(mixed.map(told));
            } else if !pin.admits_quantization(quantization) && self.intruders.insert(quantization.clone()) {
                let pinned = pin.quantizations();
                warnings.push(format!("row {row:?} asked {model} in {pinned} alone, and {quantization} answered"));
            }
        }
        if let Some(other) = served.model.as_ref().filter(|other| !self.other_model && !may_be_same(model, other)) {
            self.other_model = true;
            warnings.push(format!("row {row:?} asked {model}, and another model answered: {other}"));
        }
    }
}

/// Adds a name, and gives the first one where this is the second.
fn is_second(names: &mut BTreeSet<String>, name: &str) -> Option<String> {
    if names.contains(name) {
        return None;
    }
    let first = if names.len() == 1 { names.first().cloned() } else { None };
    names.insert(name.to_owned());
    first
}

/// That several of a kind gave a model's answers, and how to have one alone.
pub(super) fn several(kind: &str, model: &str, names: &[&str], pin: &str) -> String {
    let names = names.join(", ");
    format!("{model} is answered by several {kind} ({names}), whose answers may differ; to pin one: {pin}")
}

/// How a job pins a provider of this name.
pub(super) fn provider_pin(provider: &str) -> String {
    let slug: Vec<String> = provider
        .split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    format!("request.params.provider = {{ only = [\"{}\"] }}", slug.join("-"))
}

/// How a job pins a quantization.
pub(super) fn quantization_pin(quantization: &str) -> String {
    format!("request.params.provider = {{ quantizations = [{quantization:?}] }}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::pin::Pin;
    use crate::model::Outcome;

    fn note(row: &str, model: &str, served: Served) -> ItemSettled {
        ItemSettled {
            position: 0,
            row_id: row.to_owned(),
            model: model.into(),
            sample: 0,
            outcome: Outcome::Ok,
            error: None,
            replayed: false,
            attempts: 1,
            prompt_tokens: 0,
            completion_tokens: 0,
            cost_usd: None,
            latency_us: 0,
            served: vec![served],
        }
    }

    fn by(provider: &str, pin: &str) -> Served {
        let pin = Pin::of_body(format!("{{\"provider\":{{{pin}}}}}").as_bytes());
        Served { provider: Some(provider.to_owned()), pin, ..Served::default() }
    }

    #[test]
    fn a_mix_of_providers_is_told_once_a_model_and_never_where_they_are_pinned() {
        let mut servers = Servers::default();
        let pinned = "\"only\":[\"azure\",\"openai\"]";
        let expected = "a is answered by several providers (Azure, Amazon Bedrock), whose answers may differ; \
                        to pin one: request.params.provider = { only = [\"azure\"] }";
        for (row, model, served, told) in [
            ("1", "a", by("Azure", ""), None),
            ("2", "a", by("Azure", ""), None),
            ("3", "a", by("Amazon Bedrock", ""), Some(expected)),
            ("4", "a", by("OpenAI", ""), None),
            ("5", "a", by("Azure", ""), None),
            ("6", "b", by("OpenAI", ""), None),
            ("7", "c", by("OpenAI", pinned), None),
            ("8", "c", by("Azure", pinned), None),
            ("9", "d", Served::default(), None),
        ] {
            let warnings = servers.add(&note(row, model, served));
            assert_eq!(warnings, told.into_iter().collect::<Vec<_>>(), "row {row}");
        }
    }

    #[test]
    fn an_answer_against_a_pin_is_told_with_its_row() {
        let mut servers = Servers::default();
        let pin = "\"order\":[\"azure\"],\"allow_fallbacks\":false";
        assert!(servers.add(&note("1", "a", by("Azure", pin))).is_empty());
        assert_eq!(
            servers.add(&note("2", "a", by("OpenAI", pin))),
            ["row \"2\" asked a of azure alone, and OpenAI answered"]
        );
        assert!(servers.add(&note("3", "a", by("OpenAI", pin))).is_empty());
        let quantized =
            |quantization: &str, pin: &str| Served { quantization: Some(quantization.to_owned()), ..by("Azure", pin) };
        let fp8 = "\"quantizations\":[\"fp8\"]";
        assert_eq!(
            servers.add(&note("4", "b", quantized("int4", fp8))),
            ["row \"4\" asked b in fp8 alone, and int4 answered"]
        );
        assert!(servers.add(&note("5", "c", quantized("int4", ""))).is_empty());
        let mixed = servers.add(&note("6", "c", quantized("bf16", "")));
        assert!(mixed[0].starts_with("c is answered by several quantizations (int4, bf16)"), "{mixed:?}");
    }

    #[test]
    fn another_model_is_told_once() {
        let mut servers = Servers::default();
        let model = |model: &str| Served { model: Some(model.to_owned()), ..Served::default() };
        assert!(servers.add(&note("1", "x/a", model("x/a-2025-08-07"))).is_empty());
        assert_eq!(
            servers.add(&note("2", "x/a", model("x/b"))),
            ["row \"2\" asked x/a, and another model answered: x/b"]
        );
        assert!(servers.add(&note("3", "x/a", model("x/c"))).is_empty());
    }
}
