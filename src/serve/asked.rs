//! A request as it is sent, as it is kept, and where it belongs.

use bytes::Bytes;
use serde_json::{Map, Value};

use super::refusal::Refusal;
use crate::gateway::PassedOn;
use crate::model::{CanonicalError, Endpoint, KeyRules, Request};
use crate::record::Redactor;

/// A request, as it is sent and as it is kept.
#[derive(Debug, Clone)]
pub(super) struct AskedRequest {
    /// What is looked for and kept: the body with secrets struck, and with the deployment as its model
    /// where it names none, and the key of that.
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
        let named = deployment.map_or_else(|| body.clone(), |name| Request::naming_model(body.clone(), name));
        let kept = redactor.strike(&named);
        let kept = Request::of_body(endpoint, kept, rules).map_err(|error| not_json(&error, &body))?;
        Ok(Self { kept, body })
    }

    /// A request for the list of models, whose query stands in the place of a body.
    pub(super) fn models(query: &str, rules: &KeyRules, redactor: &Redactor) -> Result<Self, Refusal> {
        let members: Map<String, Value> =
            PassedOn::query(query).map(|(name, value)| (name, Value::String(value))).collect();
        let body = Value::Object(members).to_string().into();
        Self::new(Endpoint::Models, None, body, rules, redactor)
    }

    /// A request for one model, whose name stands in the place of a body.
    pub(super) fn model(name: &str, rules: &KeyRules, redactor: &Redactor) -> Result<Self, Refusal> {
        Self::new(Endpoint::Models, None, Value::from(name).to_string().into(), rules, redactor)
    }

    /// The request that is sent.
    pub(super) fn sent(&self) -> Request {
        Request { body: self.body.clone(), ..self.kept.clone() }
    }
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
    fn two_deployments_have_two_keys_and_each_is_sent_the_body_as_it_came() {
        let [one, other] = ["gpt-a", "gpt-b"].map(|name| asked(r#"{"messages":[]}"#, Some(name)).unwrap());
        assert_ne!(one.kept.key, other.kept.key);
        assert_eq!(one.kept.body, r#"{"model":"gpt-a","messages":[]}"#);
        assert_eq!(one.sent().body, r#"{"messages":[]}"#);
        let named = asked(r#"{"model":"gpt-a","messages":[]}"#, None).unwrap();
        assert_eq!(named.kept.key, one.kept.key, "it is the same model, however it is named");
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
        let one = |name| AskedRequest::model(name, &KeyRules::default(), &redactor).unwrap();
        assert_eq!(one("a/b c").body, r#""a/b c""#);
        let list = AskedRequest::models("id=a", &KeyRules::default(), &redactor).unwrap();
        assert_ne!(one("a").kept.key, list.kept.key);
    }
}
