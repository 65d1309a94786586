//! Whether a run goes on or a new one begins.

use std::fmt;

use crate::job::changed_parts;
use crate::model::Mode;
use crate::store::{Run, RunId};

/// How a run begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begin {
    /// An earlier run goes on: nothing that decides what is asked has changed.
    Resume(RunId),
    /// A new run begins.
    New {
        /// The run whose recordings answer first.
        continues: Option<RunId>,
        /// What has changed since that run.
        changed: Option<Changed>,
    },
}

/// What has changed since the last run of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// That run.
    pub since: RunId,
    /// Whether the input's content has changed.
    pub input: bool,
    /// The keys of the job file that have changed, dotted.
    pub job: Vec<String>,
}

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = self.job.clone();
        if self.input {
            parts.insert(0, "the input's content".to_owned());
        }
        write!(f, "{} changed since run {}", parts.join(", "), self.since)
    }
}

/// Decides how a run begins: `latest` is the job's newest run, `identity` and `input_hash` are what
/// is asked now.
///
/// A run that is complete goes on too, with nothing left to do, unless everything is to be asked
/// again (`record`). Where something has changed, a new run begins that takes over from the last
/// one what is still asked; in mode `record` it does so only from a run that was cut short.
#[must_use]
pub fn decide_begin(latest: Option<&Run>, mode: Mode, new: bool, identity: &str, input_hash: [u8; 32]) -> Begin {
    let Some(latest) = latest else { return Begin::New { continues: None, changed: None } };
    let complete = latest.ended.as_deref() == Some("complete");
    let again = new || mode == Mode::Record && complete;
    let job = changed_parts(&latest.begun.job_identity, identity);
    let input = latest.begun.input_hash != input_hash;
    if again {
        return Begin::New { continues: None, changed: None };
    }
    if job.is_empty() && !input {
        // A replay that was kept holds items that were not recorded: only another replay goes on
        // with it.
        let replays = [mode.as_str(), latest.begun.mode.as_str()].map(|mode| mode == Mode::Replay.as_str());
        return match replays {
            [false, false] | [true, true] => Begin::Resume(latest.id),
            _ => Begin::New { continues: Some(latest.id), changed: None },
        };
    }
    Begin::New { continues: Some(latest.id), changed: Some(Changed { since: latest.id, input, job }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::NewRun;

    const ASKED: &str = r#"{"request":{"prompt":"p"}}"#;
    const CHANGED: &str = r#"{"request":{"prompt":"q"}}"#;

    fn latest(mode: Mode, ended: Option<&str>) -> Run {
        let begun = NewRun {
            job: "j".to_owned(),
            job_file: "j.toml".to_owned(),
            job_identity: ASKED.to_owned(),
            job_description: String::new(),
            input: "i.csv".to_owned(),
            input_hash: [1; 32],
            mode: mode.as_str().to_owned(),
            simulated: false,
            continues: None,
            row_count: 1,
            item_count: 1,
            started_at_ms: 0,
        };
        Run { id: RunId(7), begun, ended_at_ms: None, ended: ended.map(str::to_owned), version: String::new() }
    }

    #[test]
    fn a_run_goes_on_where_nothing_has_changed() {
        for (mode, ended) in [(Mode::Auto, None), (Mode::Auto, Some("complete")), (Mode::Record, Some("killed"))] {
            let begin = decide_begin(Some(&latest(mode, ended)), mode, false, ASKED, [1; 32]);
            assert_eq!(begin, Begin::Resume(RunId(7)), "{mode:?} {ended:?}");
        }
    }

    #[test]
    fn a_change_begins_a_run_that_takes_over_what_is_still_asked() {
        let begin = decide_begin(Some(&latest(Mode::Auto, None)), Mode::Auto, false, CHANGED, [2; 32]);
        let Begin::New { continues, changed: Some(changed) } = begin else { panic!("a new run begins") };
        assert_eq!(continues, Some(RunId(7)));
        assert_eq!(changed.to_string(), "the input's content, request.prompt changed since run 7");
    }

    #[test]
    fn everything_is_asked_again_where_that_was_wanted() {
        let again = Begin::New { continues: None, changed: None };
        let complete = latest(Mode::Record, Some("complete"));
        assert_eq!(decide_begin(Some(&complete), Mode::Record, false, ASKED, [1; 32]), again);
        assert_eq!(decide_begin(None, Mode::Auto, false, ASKED, [1; 32]), again);
        assert_eq!(decide_begin(Some(&complete), Mode::Auto, true, ASKED, [1; 32]), again);
    }
}
