//! What can be asked of a run, and what it answers.

use serde::{Deserialize, Serialize};

use crate::job::LimitSetting;

use super::RunStatus;

/// Something that is asked of a run while it goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case")]
pub enum ControlRequest {
    /// How does it stand?
    Status,
    /// Send nothing more until [`Resume`](Self::Resume).
    Pause,
    /// Go on sending.
    Resume,
    /// Hold to other limits from now on: to all of these, or where one cannot be, to none.
    Set {
        /// The model whose limits they are; `None` for those of the whole run.
        model: Option<String>,
        /// The limits.
        settings: Vec<LimitSetting>,
    },
}

/// What a run answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub enum ControlReply {
    /// It is done; the run stands so now.
    Done(Box<RunStatus>),
    /// It is not done.
    Refused {
        /// Why, for people.
        message: String,
    },
}

impl ControlReply {
    /// A refusal.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::Refused { message: message.into() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn requests_are_objects_with_settings_as_people_write_them() {
        let settings = ["in_flight=8", "budget_usd=none"].map(|text| text.parse().unwrap()).to_vec();
        for (request, expected) in [
            (ControlRequest::Status, json!({ "request": "status" })),
            (ControlRequest::Pause, json!({ "request": "pause" })),
            (ControlRequest::Resume, json!({ "request": "resume" })),
            (
                ControlRequest::Set { model: Some("m".to_owned()), settings },
                json!({ "request": "set", "model": "m", "settings": ["in_flight=8", "budget_usd=none"] }),
            ),
        ] {
            assert_eq!(serde_json::to_value(&request).unwrap(), expected);
            assert_eq!(serde_json::from_value::<ControlRequest>(expected).unwrap(), request);
        }
    }

    #[test]
    fn a_setting_that_a_job_file_may_not_have_does_not_come_through() {
        let wrong = json!({ "request": "set", "model": null, "settings": ["in_flight=0"] });
        let error = serde_json::from_value::<ControlRequest>(wrong).unwrap_err().to_string();
        assert_eq!(error, "set: limits.in_flight must be a whole number from 1 to 100000, not 0");
    }
}
