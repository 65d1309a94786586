//! What of a job is recorded already.

use nightreel::engine::{Begin, Checked, decide_begin};
use nightreel::store::{Reader, RunId, StoreError};

use super::super::count::{count, counted};
use super::super::plan::Plan;

/// What of a job is recorded already, and would not be sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Recorded {
    /// Nothing.
    Nothing,
    /// A run goes on that has settled some of the items.
    Settled { run: RunId, settled: u64, items: u64 },
    /// A new run begins; what an earlier one has answered and is still asked is taken from there.
    Changed { run: RunId, what: String },
}

impl Recorded {
    /// Looks a job's newest run up.
    pub(super) fn read(reader: &Reader, plan: &Plan, checked: &Checked) -> Result<Self, StoreError> {
        let job = &plan.job;
        let latest = reader.latest_run(&job.name, false)?;
        match decide_begin(latest.as_ref(), job.record.mode, false, &plan.identity(), checked.digest) {
            Begin::Resume(run) => {
                let settled = reader.totals(run.first(checked.items))?.settled();
                Ok(if settled == 0 { Self::Nothing } else { Self::Settled { run, settled, items: checked.items } })
            }
            Begin::New { continues: Some(run), changed } => {
                let what = changed.map(|changed| changed.to_string()).unwrap_or_default();
                Ok(Self::Changed { run, what })
            }
            Begin::New { continues: None, .. } => Ok(Self::Nothing),
        }
    }

    /// What a person is told of it.
    pub(super) fn note(&self) -> Option<String> {
        match self {
            Self::Nothing => None,
            Self::Settled { run, settled, items } if settled == items => {
                let items = counted(*items, "item");
                Some(format!("run {run} has settled all {items} already: nothing would be sent, unless run --new"))
            }
            Self::Settled { run, settled, items } => Some(format!(
                "run {run} has settled {} of the {} already, and they are not sent again: about {} % of this is left",
                count(*settled),
                counted(*items, "item"),
                (items - settled) * 100 / items
            )),
            Self::Changed { run, what } => {
                let what = if what.is_empty() { String::new() } else { format!(" ({what})") };
                Some(format!("what run {run} has answered and is still asked is not sent again{what}: it may be less"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_settled_is_told_with_what_is_left() {
        let settled = |settled| Recorded::Settled { run: RunId(3), settled, items: 1_634 }.note().unwrap();
        assert_eq!(
            settled(500),
            "run 3 has settled 500 of the 1,634 items already, and they are not sent again: about 69 % of this is left"
        );
        assert!(settled(1_634).starts_with("run 3 has settled all 1,634 items already"));
        assert_eq!(Recorded::Nothing.note(), None);
    }
}
