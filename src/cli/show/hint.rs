//! What a person can do about an item that did not end well.

use nightreel::model::{Class, Outcome};
use nightreel::store::NewRun;

/// What asked the items of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AskedBy {
    /// A job, which can be run again.
    Job,
    /// A client of a server, or another tool whose recording was imported: no command asks again.
    Others,
}

impl AskedBy {
    /// What asked those of a run.
    pub(super) const fn of(run: &NewRun) -> Self {
        if run.job_file.is_empty() { Self::Others } else { Self::Job }
    }
}

/// What to do about an outcome; `None` where nothing is wrong, or nothing can be done.
pub(super) const fn hint(outcome: Outcome, asked_by: AskedBy) -> Option<&'static str> {
    match asked_by {
        AskedBy::Job => job_hint(outcome),
        AskedBy::Others => others_hint(outcome),
    }
}

/// What to do about requests that were refused for good, whose items were left for the next run.
pub(super) const fn left_hint(class: Class, asked_by: AskedBy) -> Option<&'static str> {
    match (class, asked_by) {
        // A row's own fault settles its item: what is left was no row's.
        (Class::Rejected, AskedBy::Job) => Some("mend the model's name or its settings, and run again"),
        (Class::Rejected, AskedBy::Others) => Some("check the model's name"),
        _ => hint(Outcome::Failed(class), asked_by),
    }
}

const fn job_hint(outcome: Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::Ok => None,
        Outcome::Truncated => Some("raise max_tokens in request.params, and run again"),
        Outcome::Filtered => Some("look at the prompt, or ask another model or provider"),
        Outcome::Refused => Some("look at the prompt, or ask another model"),
        Outcome::Empty => {
            Some("raise max_tokens (a model that reasons may use it up), or run again with --retry failed")
        }
        Outcome::NotRecorded => Some("record it: run the job without --mode replay"),
        Outcome::Failed(class) => job_class_hint(class),
    }
}

const fn job_class_hint(class: Class) -> Option<&'static str> {
    Some(match class {
        Class::Answered => return None,
        Class::RateLimited => "run again with --retry failed, and with a lower --rpm or --in-flight",
        Class::QuotaExhausted => {
            "wait until the quota is filled again, or have it raised; then run with --retry failed"
        }
        Class::ServerError | Class::ConnectionLost | Class::NotConnected | Class::RefusedStream => {
            "run again with --retry failed"
        }
        Class::BadBody => "look at what came back with `nightreel show`; run again with --retry failed",
        Class::TimedOut => "raise [timeouts], or run again with --retry failed",
        Class::Rejected => "the request itself is wrong: change what the message names in the job or the row",
        Class::Blocked => "a guardrail or a data policy says no: change the prompt, or the policy",
        Class::Unauthorized => "check the provider key and the gateway token, and run again with --retry failed",
        Class::OutOfCredit => {
            "add credit to the account, or raise the limit of the key, and run again with --retry failed"
        }
        Class::Misconfigured => "check [gateway] and what is set up at the gateway, and run again with --retry failed",
    })
}

const fn others_hint(outcome: Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::Ok | Outcome::NotRecorded => None,
        Outcome::Truncated => Some("raise max_tokens in the request"),
        Outcome::Filtered => Some("look at the prompt, or ask another model or provider"),
        Outcome::Refused => Some("look at the prompt, or ask another model"),
        Outcome::Empty => Some("raise max_tokens in the request (a model that reasons may use it up)"),
        Outcome::Failed(class) => others_class_hint(class),
    }
}

const fn others_class_hint(class: Class) -> Option<&'static str> {
    Some(match class {
        Class::Answered
        | Class::RateLimited
        | Class::ServerError
        | Class::ConnectionLost
        | Class::NotConnected
        | Class::RefusedStream
        | Class::TimedOut => return None,
        Class::QuotaExhausted => "wait until the quota is filled again, or have it raised",
        Class::BadBody => "look at what came back with `nightreel show`",
        Class::Rejected => "the request itself is wrong: change what the message names",
        Class::Blocked => "a guardrail or a data policy says no: change the prompt, or the policy",
        Class::Unauthorized => "check the provider key and the gateway token",
        Class::OutOfCredit => "add credit to the account, or raise the limit of the key",
        Class::Misconfigured => "check what is set up at the gateway",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn not_well() -> impl Iterator<Item = Outcome> {
        let failed = Class::ALL.into_iter().filter(|class| *class != Class::Answered).map(Outcome::Failed);
        let others = [Outcome::Truncated, Outcome::Filtered, Outcome::Refused, Outcome::Empty, Outcome::NotRecorded];
        failed.chain(others)
    }

    #[test]
    fn whatever_did_not_end_well_has_a_hint() {
        for outcome in not_well() {
            assert!(hint(outcome, AskedBy::Job).is_some(), "{outcome:?}");
        }
        assert_eq!(hint(Outcome::Ok, AskedBy::Job), None);
    }

    #[test]
    fn where_no_job_can_be_run_nobody_is_told_to_run_one() {
        for outcome in not_well() {
            let hint = hint(outcome, AskedBy::Others).unwrap_or_default();
            for word in ["--", "run again", "the job", "the row", "[", "request.params"] {
                assert!(!hint.contains(word), "{outcome:?}: {hint}");
            }
        }
    }

    #[test]
    fn what_was_refused_and_left_was_the_models_fault_and_no_rows() {
        for asked_by in [AskedBy::Job, AskedBy::Others] {
            assert!(left_hint(Class::Rejected, asked_by).is_some_and(|hint| hint.contains("the model's name")));
            let others = Class::ALL.into_iter().filter(|class| *class != Class::Rejected);
            for class in others {
                assert_eq!(left_hint(class, asked_by), hint(Outcome::Failed(class), asked_by), "{class:?}");
            }
        }
    }
}
