//! What is made of what came of items.

use std::str::FromStr;

use serde_json::Value;

use super::JobError;
use super::setting::{Section, Setting};
use crate::model::{Outcome, Success};

/// Reads which outcomes count as success: `[outcomes]`.
pub(super) fn read(root: &mut Section) -> Result<Success, JobError> {
    let mut section = root.subsection("outcomes", &["success"])?;
    Ok(section.read("success", success)?.unwrap_or_default())
}

fn success(setting: Setting) -> Result<Success, JobError> {
    if setting.is_text() {
        return Err(setting.refuse("must be a list of outcomes, not a string; put it in [ ]"));
    }
    let known = Success::CHOICES.map(Outcome::as_str);
    let one = |setting: Setting| setting.word(&known).map(|Named(success)| success);
    setting.list()?.into_iter().try_fold(Success::default(), |all, setting| Ok(all.or(one(setting)?)))
}

/// What a job counts as success, by its description in a store.
#[must_use]
pub fn described_success(description: &str) -> Success {
    let description: Value = serde_json::from_str(description).unwrap_or_default();
    let names = description["outcomes"]["success"].as_array().into_iter().flatten().filter_map(Value::as_str);
    names.filter_map(Success::of).fold(Success::default(), Success::or)
}

/// A success of one outcome, by its name.
struct Named(Success);

impl FromStr for Named {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Success::of(name).map(Self).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Job;
    use super::*;

    const JOB: &str = "[input]\npath = \"r.csv\"\n[request]\nmodels = [\"m\"]\nprompt = \"x\"\n";

    fn job(success: &str) -> Result<Job, String> {
        let text = format!("{JOB}[outcomes]\nsuccess = {success}\n");
        Job::from_text("j.toml".as_ref(), &text, &[]).map_err(|error| error.to_string())
    }

    #[test]
    fn a_description_tells_what_counts_as_success_and_an_identity_does_not() {
        let default = Job::from_text("j.toml".as_ref(), JOB, &[]).unwrap();
        assert!(default.success.is_default());
        assert_eq!(described_success(&default.describe()), Success::default());
        let job = job("[\"truncated\", \"ok\", \"empty\"]").unwrap();
        assert_eq!(job.success.names().collect::<Vec<_>>(), ["ok", "truncated", "empty"]);
        assert_eq!(described_success(&job.describe()), job.success);
        assert_eq!(job.identity(), default.identity());
        assert_eq!(described_success("{}"), Success::default());
    }

    #[test]
    fn what_can_be_no_success_is_named_with_its_place() {
        for (success, expected) in [
            ("[\"truncted\"]", "j.toml:7:12: outcomes.success[0] cannot be \"truncted\"; did you mean \"truncated\"?"),
            (
                "[\"empty\", \"blocked\"]",
                "j.toml:7:21: outcomes.success[1] cannot be \"blocked\"; known are truncated, filtered, refused, empty",
            ),
            ("\"empty\"", "j.toml:7:11: outcomes.success must be a list of outcomes, not a string; put it in [ ]"),
        ] {
            assert_eq!(job(success).unwrap_err(), expected);
        }
    }
}
