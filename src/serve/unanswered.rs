//! What is said of a request that nothing answers.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::model::Request;
use crate::record::{Miss, Redactor};

/// What is said of a request that nothing answers. It goes out with a status that no client takes
/// for one that passes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unanswered {
    /// Why nothing does, by one word.
    pub reason: String,
    /// Why nothing does, for people.
    pub message: String,
    /// The body of the reply: JSON in the shape of `OpenAI`'s errors.
    pub body: Bytes,
}

/// Says why nothing answers a request of a session that has been given so many recordings of it.
/// It may read the stores: it is called where it may take its time.
pub type Explain = Arc<dyn Fn(&str, &Request, usize) -> Unanswered + Send + Sync>;

impl Unanswered {
    /// What can be said without looking into the stores.
    #[must_use]
    pub fn plain(session: &str, request: &Request, recorded: usize) -> Self {
        let (endpoint, model) = (request.endpoint, &request.model);
        let whose = if session.is_empty() { String::new() } else { format!(" in session \"{session}\"") };
        let (reason, said) = match recorded {
            0 => ("not_recorded", "is not recorded".to_owned()),
            1 => ("exhausted", format!("was asked more than the once that it is recorded{whose}")),
            times => ("exhausted", format!("was asked more than the {times} times that it is recorded{whose}")),
        };
        let message = format!("this request to {endpoint} of model \"{model}\" (key {}) {said}", request.key);
        let error = json!({"message": message, "type": "invalid_request_error", "param": null, "code": reason});
        Self { reason: reason.to_owned(), message, body: json!({ "error": error }).to_string().into() }
    }

    /// The same with everything struck that must not be told: the texts of what is asked and of what
    /// is recorded are in it.
    #[must_use]
    pub fn struck(self, redactor: &Redactor) -> Self {
        let Self { reason, message, body } = self;
        Self { reason, message: redactor.strike_text(&message), body: redactor.strike(&body) }
    }

    /// The same with how to record it: in words, and as the command where those are nothing else.
    #[must_use]
    pub fn with_recording(self, told: &str, command: Option<&str>) -> Self {
        let message = format!("{}\nrecord it with: {told}", self.message);
        let Ok(mut body) = serde_json::from_slice::<Value>(&self.body) else { return Self { message, ..self } };
        body["error"]["message"] = json!(message);
        body["error"]["nightreel"]["record_with"] = json!(command);
        Self { message, body: body.to_string().into(), ..self }
    }
}

impl From<&Miss> for Unanswered {
    fn from(miss: &Miss) -> Self {
        let body = miss.body().to_string().into();
        Self { reason: miss.reason.code().to_owned(), message: miss.message(), body }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Endpoint, KeyRules};
    use crate::record::AskedFor;

    #[test]
    fn a_miss_that_is_explained_is_told_with_all_there_is_to_it() {
        let body = Bytes::from_static(b"{}");
        let rules = KeyRules::default();
        let request = Request::new(Endpoint::Messages, "m".into(), body, &rules).unwrap();
        let asked = AskedFor {
            request: &request,
            rules: &rules,
            session: "s",
            occurrence: 0,
            recorded: 0,
            struck_as: &[],
            record_with: "it",
        };
        let miss = Miss::explain(asked, []);
        let said = Unanswered::from(&miss);
        assert_eq!((said.reason.as_str(), &said.message), (miss.reason.code(), &miss.message()));
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&said.body).unwrap(), miss.body());
    }

    #[test]
    fn a_request_that_was_never_recorded_is_told_from_one_that_was_too_seldom() {
        let body = Bytes::from_static(b"{}");
        let request = Request::new(Endpoint::Responses, "m".into(), body, &KeyRules::default()).unwrap();
        for (session, recorded, reason, end) in [
            ("", 0, "not_recorded", ") is not recorded"),
            ("a", 1, "exhausted", ") was asked more than the once that it is recorded in session \"a\""),
            ("", 5, "exhausted", ") was asked more than the 5 times that it is recorded"),
        ] {
            let said = Unanswered::plain(session, &request, recorded);
            assert!(said.message.ends_with(end), "{}", said.message);
            let body: serde_json::Value = serde_json::from_slice(&said.body).unwrap();
            assert_eq!((&body["error"]["code"], said.reason.as_str()), (&reason.into(), reason));
        }
    }
}
