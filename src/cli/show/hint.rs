//! What a person can do about an item that did not end well.

use nightreel::model::{Class, Outcome};

/// What to do about an outcome; `None` where nothing is wrong.
pub(super) const fn hint(outcome: Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::Ok => None,
        Outcome::Truncated => Some("raise max_tokens in request.params, and run again"),
        Outcome::Filtered => Some("look at the prompt, or ask another model or provider"),
        Outcome::Refused => Some("look at the prompt, or ask another model"),
        Outcome::Empty => {
            Some("raise max_tokens (a model that reasons may use it up), or run again with --retry failed")
        }
        Outcome::NotRecorded => Some("record it: run the job without --mode replay"),
        Outcome::Failed(class) => class_hint(class),
    }
}

const fn class_hint(class: Class) -> Option<&'static str> {
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
        Class::OutOfCredit => "add credit to the account, and run again with --retry failed",
        Class::Misconfigured => "check [gateway] and what is set up at the gateway, and run again with --retry failed",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_did_not_end_well_has_a_hint() {
        let failed = Class::ALL.into_iter().filter(|class| *class != Class::Answered).map(Outcome::Failed);
        let others = [Outcome::Truncated, Outcome::Filtered, Outcome::Refused, Outcome::Empty, Outcome::NotRecorded];
        for outcome in failed.chain(others) {
            assert!(hint(outcome).is_some(), "{outcome:?}");
        }
        assert_eq!(hint(Outcome::Ok), None);
    }
}
