//! Explaining what was not recorded.

mod any;
mod nearest;
mod reasons;
mod told;

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

use super::*;
use crate::model::{Endpoint, Key, KeyRules, Normaliser, Request};
use crate::store::RunId;

const RECORD_WITH: &str = "nightreel serve --store F --mode auto";

/// A recording of a chat, and what may be said of it otherwise.
struct Recorded {
    endpoint: Endpoint,
    body: Value,
    session: Option<&'static str>,
}

fn recorded(body: Value) -> Recorded {
    Recorded { endpoint: Endpoint::ChatCompletions, body, session: None }
}

fn chat(content: &str) -> Value {
    json!({ "model": "m", "messages": [{ "role": "system", "content": "Be brief." }, { "role": "user", "content": content }] })
}

fn with(mut body: Value, name: &str, value: impl Into<Value>) -> Value {
    body[name] = value.into();
    body
}

fn request(endpoint: Endpoint, body: &Value, rules: &KeyRules) -> Request {
    let model = body["model"].as_str().unwrap_or_default();
    Request::new(endpoint, model.into(), Bytes::from(body.to_string()), rules).unwrap()
}

fn candidate(at: usize, recorded: &Recorded, rules: &KeyRules) -> Candidate {
    let request = request(recorded.endpoint, &recorded.body, rules);
    Candidate {
        id: RunId(1).item(u32::try_from(at).unwrap()).exchange(0),
        endpoint: request.endpoint,
        model: request.model,
        key: request.key,
        session: recorded.session.map(Arc::from),
        occurrence: 0,
        was_handed_out: false,
        body: request.body,
    }
}

/// A request of the unnamed session that was never recorded.
fn asked_for<'a>(request: &'a Request, rules: &'a KeyRules) -> AskedFor<'a> {
    AskedFor { request, session: "", occurrence: 0, recorded: 0, rules, struck_as: &[], record_with: "" }
}

fn explain(recordings: &[Recorded], asked: &Value, rules: &KeyRules) -> Miss {
    let request = request(Endpoint::ChatCompletions, asked, rules);
    let struck_as = &["ACCOUNT".to_owned()];
    let asked =
        AskedFor { session: "s", occurrence: 1, struck_as, record_with: RECORD_WITH, ..asked_for(&request, rules) };
    Miss::explain(asked, recordings.iter().enumerate().map(|(at, recorded)| candidate(at, recorded, rules)))
}

fn reason(recordings: &[Recorded], asked: &Value) -> MissReason {
    explain(recordings, asked, &KeyRules::default()).reason
}

fn remedy(path: &str, normalise: &[Normaliser], ignore: &[&str]) -> MissReason {
    let ignore = ignore.iter().map(|path| (*path).to_owned()).collect();
    MissReason::Normaliser { path: path.to_owned(), remedy: Remedy { normalise: normalise.to_vec(), ignore } }
}

fn prompt_changed(path: &str) -> MissReason {
    MissReason::PromptChanged { path: path.to_owned() }
}

fn parameter_changed(path: &str) -> MissReason {
    MissReason::ParameterChanged { path: path.to_owned() }
}
