//! What is asked of each row.

use std::num::NonZeroU32;

use serde_json::{Map, Value};

use super::setting::{Section, Setting};
use super::{JobError, MessageSpec};
use crate::model::{Endpoint, Format};

/// How many samples of a row there may be: all items of a row are planned at once.
const MOST_SAMPLES: u32 = 10_000;
const KEYS: [&str; 9] = ["models", "system", "prompt", "messages", "turns", "params", "endpoint", "samples", "stream"];

/// What is asked of each row: `[request]`.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestSpec {
    /// The models to ask, each of them about every row. Empty only where each line of the input
    /// is a request of its own.
    pub models: Vec<String>,
    /// The template of the system prompt.
    pub system: Option<String>,
    /// The template of the one user message.
    pub prompt: Option<String>,
    /// The templates of all messages.
    pub messages: Option<Vec<MessageSpec>>,
    /// The templates of a conversation's user messages, each sent with the answers before it.
    pub turns: Option<Vec<String>>,
    /// Further fields of the body, in the file's order.
    pub params: Map<String, Value>,
    /// The call.
    pub endpoint: Endpoint,
    /// How often each row is asked of each model.
    pub samples: NonZeroU32,
    /// Whether answers are streamed.
    pub stream: bool,
}

/// How deep a parameter may be nested; a canonical body has room for 128 levels in all.
const MAX_DEPTH: usize = 100;

impl RequestSpec {
    pub(super) fn read(root: &mut Section, format: Option<Format>) -> Result<Self, JobError> {
        let mut section = root.subsection("request", &KEYS)?;
        let spec = Self::values(&mut section)?;
        spec.check_models(&section)?;
        match format.filter(|format| format.brings_requests()) {
            Some(format) => check_no_template(&section, format)?,
            None => spec.check_template(&section)?,
        }
        Ok(spec)
    }

    fn values(section: &mut Section) -> Result<Self, JobError> {
        let messages =
            |setting: Setting| setting.list()?.into_iter().map(MessageSpec::read).collect::<Result<Vec<_>, _>>();
        let samples = section.read("samples", |setting| setting.positive(MOST_SAMPLES))?;
        Ok(Self {
            models: section.read("models", Setting::texts)?.unwrap_or_default(),
            system: section.read("system", Setting::filled_text)?,
            prompt: section.read("prompt", Setting::filled_text)?,
            messages: section.read("messages", messages)?,
            turns: section.read("turns", Setting::texts)?,
            params: section.read("params", |setting| setting.open_section()?.json())?.unwrap_or_default(),
            endpoint: section
                .read("endpoint", |setting| setting.word(&Endpoint::ASKING.map(Endpoint::path)))?
                .unwrap_or_default(),
            samples: samples.unwrap_or(NonZeroU32::MIN),
            stream: section.read("stream", |setting| setting.boolean())?.unwrap_or_default(),
        })
    }

    fn check_models(&self, section: &Section) -> Result<(), JobError> {
        let twice = self.models.iter().enumerate().find(|(index, model)| self.models[..*index].contains(model));
        twice.map_or(Ok(()), |(_, model)| {
            Err(section.refuse("models", format!("names \"{model}\" twice; to ask it again, raise request.samples")))
        })
    }

    fn check_template(&self, section: &Section) -> Result<(), JobError> {
        let help = "write models = [\"openai/gpt-5-mini\"] under [request]";
        if !section.has("models") {
            return Err(section.missing("models", help));
        }
        if let Some(name) = self.empty_list() {
            return Err(section.refuse(name, "is an empty list; name at least one"));
        }
        let given: Vec<&str> = ["prompt", "messages", "turns"].into_iter().filter(|name| section.has(name)).collect();
        match given.as_slice() {
            [_] => {}
            [] => return Err(section.missing("prompt", "write prompt = \"{{ column }}\" under [request]")),
            [first, second, ..] => {
                return Err(section.refuse(second, format!("cannot go with request.{first}; keep one of them")));
            }
        }
        self.check_endpoint(section)?;
        self.check_params(section)
    }

    fn empty_list(&self) -> Option<&'static str> {
        let lists = [
            ("models", self.models.is_empty()),
            ("messages", self.messages.as_ref().is_some_and(Vec::is_empty)),
            ("turns", self.turns.as_ref().is_some_and(Vec::is_empty)),
        ];
        lists.into_iter().find(|(_, empty)| *empty).map(|(name, _)| name)
    }

    fn check_endpoint(&self, section: &Section) -> Result<(), JobError> {
        let endpoint = self.endpoint;
        if matches!(endpoint, Endpoint::Embeddings | Endpoint::Completions)
            && let Some(name) = ["system", "messages", "turns"].into_iter().find(|name| section.has(name))
        {
            let problem = format!("cannot go with the endpoint \"{endpoint}\", which takes one text; use prompt");
            return Err(section.refuse(name, problem));
        }
        if endpoint == Endpoint::Embeddings && self.stream {
            let problem = format!("cannot go with the endpoint \"{endpoint}\", which streams nothing; remove it");
            return Err(section.refuse("stream", problem));
        }
        if endpoint == Endpoint::Messages && !self.params.contains_key("max_tokens") {
            let problem = "must have max_tokens for the endpoint \"messages\"; write max_tokens = 1024 in it";
            return Err(section.refuse("params", problem));
        }
        let instructs = self.messages.iter().flatten().any(MessageSpec::is_system);
        if instructs && self.system.is_some() {
            return Err(
                section.refuse("system", "cannot go with a system message in request.messages; keep one of them")
            );
        }
        if instructs && endpoint == Endpoint::Messages {
            let problem = "cannot have a system message for the endpoint \"messages\"; write it as request.system";
            return Err(section.refuse("messages", problem));
        }
        Ok(())
    }

    /// What nightreel writes into a body itself may not come a second time.
    fn check_params(&self, section: &Section) -> Result<(), JobError> {
        if self.params.values().any(|value| depth(value) > MAX_DEPTH) {
            return Err(section.refuse("params", format!("is nested deeper than {MAX_DEPTH} levels")));
        }
        let written: &[(&str, &str)] = match self.endpoint {
            Endpoint::ChatCompletions => &[("messages", "request.prompt or request.messages")],
            Endpoint::Completions => &[("prompt", "request.prompt")],
            Endpoint::Embeddings => &[("input", "request.prompt")],
            Endpoint::Models => &[],
            Endpoint::Responses => {
                &[("input", "request.prompt or request.messages"), ("instructions", "request.system")]
            }
            Endpoint::Messages => &[("messages", "request.prompt or request.messages"), ("system", "request.system")],
        };
        let always = [("model", "request.models"), ("stream", "request.stream")];
        always.iter().chain(written).find(|(name, _)| self.params.contains_key(*name)).map_or(Ok(()), |(name, key)| {
            Err(section.refuse("params", format!("cannot have \"{name}\"; write it as {key}")))
        })
    }
}

/// A line that is a request of its own is sent as it is, so there is nothing to build.
fn check_no_template(section: &Section, format: Format) -> Result<(), JobError> {
    let building = ["system", "prompt", "messages", "turns", "params", "stream"];
    building.into_iter().find(|name| section.has(name)).map_or(Ok(()), |name| {
        let format = format.as_str();
        let problem =
            format!("cannot go with input.format = \"{format}\": each line is a whole request and is sent as it is");
        Err(section.refuse(name, problem))
    })
}

/// How many lists and tables stand in one another.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}
