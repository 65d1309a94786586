//! A miss as the error that a client of the API is told.

use serde_json::{Value, json};

use super::{Miss, MissReason, Nearest, Wording};
use crate::model::Endpoint;
use crate::record::{Difference, Shown};

impl Miss {
    /// The error as the endpoint's clients know errors, with all there is to tell under `nightreel`:
    ///
    /// ```json
    /// {"error": {"message": "…", "type": "not_recorded", "param": "$.messages[1].content",
    ///   "code": "prompt_changed", "nightreel": {"reason": "prompt_changed", "endpoint": "…",
    ///   "model": "…", "key": "…", "session": "…", "occurrence": 0, "nearest": [{"run": 1, "item": 0,
    ///   "step": 0, "session": null, "occurrence": 0, "key": "…", "model": "…", "similarity": 0.97,
    ///   "differences": [{"path": "…", "recorded": …, "asked": …, "at": 15}],
    ///   "more_differences": 0}], "record_with": "…"}}}
    /// ```
    ///
    /// `messages` puts `"type": "error"` beside `error`. Of a difference, a side where there is
    /// nothing has no member.
    #[must_use]
    pub fn body(&self) -> Value {
        let error = json!({
            "message": self.message(),
            "type": "not_recorded",
            "param": self.reason.path(),
            "code": self.reason.code(),
            "nightreel": self.details(),
        });
        match self.endpoint {
            Endpoint::Messages => json!({ "type": "error", "error": error }),
            _ => json!({ "error": error }),
        }
    }

    fn details(&self) -> Value {
        let mut details = json!({
            "reason": self.reason.code(),
            "endpoint": self.endpoint.path(),
            "model": &*self.model,
            "key": self.key.to_string(),
            "session": self.session,
            "occurrence": self.occurrence,
            "nearest": self.nearest.iter().map(nearest).collect::<Vec<_>>(),
            "record_with": self.record_with,
        });
        if let Some(newest) = self.newest {
            details["newest_compared"] = json!(newest);
        }
        if let Some((name, more)) = more(&self.reason, self.wording) {
            details[name] = more;
        }
        details
    }
}

/// What only one reason has to tell, with the name of its member.
fn more(reason: &MissReason, wording: Wording) -> Option<(&'static str, Value)> {
    match reason {
        MissReason::EndpointNotRecorded { recorded, .. } => Some(("recorded_endpoints", json!(recorded))),
        MissReason::ModelNotRecorded { recorded, .. } => Some(("recorded_models", json!(recorded))),
        MissReason::Exhausted { recorded, .. } => Some(("recorded", json!(recorded))),
        MissReason::Normaliser { remedy, .. } => Some(("match_with", json!(wording.remedy_words(remedy)))),
        MissReason::OtherSession { session } => Some(("recorded_session", json!(session))),
        MissReason::NothingRecorded
        | MissReason::PromptChanged { .. }
        | MissReason::ParameterChanged { .. }
        | MissReason::Redaction { .. }
        | MissReason::OtherRules => None,
    }
}

fn nearest(nearest: &Nearest) -> Value {
    let comparison = &nearest.comparison;
    json!({
        "run": nearest.id.item().run().0,
        "item": nearest.id.item().position(),
        "step": nearest.id.step(),
        "session": nearest.session.as_deref(),
        "occurrence": nearest.occurrence,
        "key": nearest.key.to_string(),
        "model": &*nearest.model,
        "similarity": f64::from(nearest.per_cent()) / 100.0,
        "differences": comparison.differences.iter().map(difference).collect::<Vec<_>>(),
        "more_differences": comparison.more,
    })
}

fn difference(difference: &Difference) -> Value {
    let mut told = json!({ "path": difference.path });
    let sides = [("recorded", &difference.recorded), ("asked", &difference.asked)];
    for (name, side) in sides {
        if let Some(value) = side.as_ref().map(Shown::value) {
            told[name] = value.clone();
        }
    }
    if let Some(at) = difference.at {
        told["at"] = json!(at);
    }
    told
}
