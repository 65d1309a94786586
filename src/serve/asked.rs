//! A request as it is sent, as it is kept, and where it belongs.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::refusal::Refusal;
use crate::gateway::is_query_credential;
use crate::model::{CanonicalError, Endpoint, KeyRules, Request};
use crate::record::Redactor;

/// A request, as it is sent and as it is kept.
#[derive(Debug, Clone)]
pub(super) struct AskedRequest {
    /// What is looked for and kept: the body with secrets struck, and the key of that.
    pub(super) kept: Request,
    /// What is sent: the body as it came.
    pub(super) body: Bytes,
}

impl AskedRequest {
    /// A request of a body that came.
    pub(super) fn new(
        endpoint: Endpoint,
        deployment: Option<&str>,
        body: Bytes,
        rules: &KeyRules,
        redactor: &Redactor,
    ) -> Result<Self, Refusal> {
        let kept = redactor.strike(&body);
        let model = model(&kept).or(deployment.map(Into::into)).unwrap_or_default();
        let kept = Request::new(endpoint, model, kept, rules).map_err(|error| not_json(&error, &body))?;
        Ok(Self { kept, body })
    }

    /// A request for the list of models, whose query stands in the place of a body.
    pub(super) fn models(query: &str, rules: &KeyRules, redactor: &Redactor) -> Result<Self, Refusal> {
        let members: Map<String, Value> = form_urlencoded::parse(query.as_bytes())
            .filter(|(name, _)| !is_query_credential(name))
            .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
            .collect();
        let body = Value::Object(members).to_string().into();
        Self::new(Endpoint::Models, None, body, rules, redactor)
    }

    /// The request that is sent.
    pub(super) fn sent(&self) -> Request {
        Request { body: self.body.clone(), ..self.kept.clone() }
    }
}

/// The model that a body names.
fn model(body: &[u8]) -> Option<Arc<str>> {
    #[derive(Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        model: Option<Cow<'a, str>>,
    }
    serde_json::from_slice::<Body<'_>>(body).ok()?.model.map(Into::into)
}

/// Says where a body stops being JSON.
fn not_json(error: &CanonicalError, body: &[u8]) -> Refusal {
    let before = &body[..error.offset.min(body.len())];
    let line = before.split(|byte| *byte == b'\n').count();
    let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let column = String::from_utf8_lossy(&before[line_start..]).chars().count() + 1;
    Refusal::NotJson { problem: error.problem, line, column }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(body: &'static str, deployment: Option<&str>) -> Result<AskedRequest, Refusal> {
        let redactor = Redactor::new(["sk-very-secret"], []).unwrap();
        let body = Bytes::from_static(body.as_bytes());
        AskedRequest::new(Endpoint::ChatCompletions, deployment, body, &KeyRules::default(), &redactor)
    }

    #[test]
    fn the_body_names_the_model_and_the_deployment_does_where_it_does_not() {
        for (body, deployment, expected) in [
            (r#"{"model":"a\/b","x":{"model":"c"}}"#, Some("d"), "a/b"),
            (r#"{"messages":[]}"#, Some("d"), "d"),
            (r#"{"model":1}"#, None, ""),
            ("[]", None, ""),
        ] {
            assert_eq!(&*asked(body, deployment).unwrap().kept.model, expected, "{body}");
        }
    }

    #[test]
    fn what_must_not_be_kept_is_sent_and_no_part_of_the_key() {
        let with = asked(r#"{"a":"sk-very-secret"}"#, None).unwrap();
        let without = asked(r#"{"a":"[redacted]"}"#, None).unwrap();
        assert_eq!(with.kept, without.kept);
        assert_eq!(with.sent().body, r#"{"a":"sk-very-secret"}"#);
        assert_eq!(with.sent().key, with.kept.key);
    }

    #[test]
    fn what_is_no_json_is_told_by_line_and_column() {
        for (body, line, column) in [("", 1, 1), ("{\"a\":1,\n \"é\": x}", 2, 7), ("{} {}", 1, 4), ("{\"a\":1", 1, 7)]
        {
            let refusal = asked(body, None).unwrap_err();
            let Refusal::NotJson { line: told_line, column: told_column, .. } = refusal else { panic!("{refusal}") };
            assert_eq!((told_line, told_column), (line, column), "{body}: {refusal}");
        }
    }

    #[test]
    fn a_query_stands_in_the_place_of_a_body_without_credentials() {
        let redactor = Redactor::default();
        let models = |query| AskedRequest::models(query, &KeyRules::default(), &redactor).unwrap().body;
        assert_eq!(models(""), "{}");
        assert_eq!(models("b=1+2&a=%22&api_key=sk&key=x"), r#"{"b":"1 2","a":"\""}"#);
    }
}
