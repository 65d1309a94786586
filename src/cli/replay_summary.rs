//! What a replay came to, for a person to read in ten seconds.

use nightreel::engine::{NearMiss, Output, Replayed};
use nightreel::model::Outcome;
use nightreel::record::Comparison;

use super::count::{count, counted};
use super::plan::Plan;
use super::run_command::RunCommand;
use super::summary::{line, seconds};

/// What a replay came to.
pub(crate) struct ReplaySummary<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) replayed: &'a Replayed,
    pub(crate) written: Option<Output>,
    pub(crate) simulated: bool,
    /// What records that which is missing.
    pub(crate) record: RunCommand,
}

impl ReplaySummary<'_> {
    /// What is said of it; nothing where all went well and nobody wants to know.
    pub(crate) fn said(&self, quiet: bool) -> Option<String> {
        let whole = self.replayed.succeeded(self.plan.job.success) == self.replayed.items;
        let wanted = !quiet || !whole || self.replayed.stopped;
        wanted.then(|| self.text().trim_end().to_owned())
    }

    fn text(&self) -> String {
        let replayed = self.replayed;
        let state = if replayed.stopped { "stopped" } else { "replayed" };
        let mut text = format!("{}: {state} in {}\n", self.plan.job.name, seconds(replayed.elapsed));
        let outcomes = replayed.outcomes.iter().map(|(outcome, items)| format!("{} {outcome}", count(*items)));
        let outcomes = outcomes.collect::<Vec<_>>().join(", ");
        line(&mut text, &format!("{} items: {outcomes}; nothing was sent", count(replayed.items)));
        match &self.written {
            Some(_) if replayed.stopped => line(&mut text, "no results were written"),
            Some(Output::File(path)) => {
                line(&mut text, &format!("results: {} ({} lines)", path.display(), count(replayed.items)));
            }
            _ => {}
        }
        if self.simulated {
            line(&mut text, "simulated answers: they were recorded with the simulated gateway");
        }
        self.misses(&mut text);
        text
    }

    fn misses(&self, text: &mut String) {
        for miss in &self.replayed.misses {
            line(text, &format!("row {:?}, {}: {}", miss.row_id, miss.model, miss.what));
            for told in told_near(miss.nearest.as_ref()) {
                line(text, &format!("    {told}"));
            }
        }
        let missing = self.replayed.count(Outcome::NotRecorded);
        let told = self.replayed.misses.len() as u64;
        if missing > told {
            line(text, &format!("… and {} more are not recorded", count(missing - told)));
        }
        if missing > 0 {
            line(text, &format!("record them: {}", self.record));
        }
    }
}

/// What comes nearest to a request that is not recorded, in lines.
fn told_near(nearest: Option<&NearMiss>) -> Vec<String> {
    let Some(nearest) = nearest else { return vec!["nothing like it is recorded".to_owned()] };
    let Comparison { differences, more } = nearest.comparison();
    if differences.is_empty() {
        return vec!["the same request was recorded fewer times than it is asked".to_owned()];
    }
    let which = match nearest {
        NearMiss::InPlace(_) => None,
        NearMiss::Alike(nearest) => Some(format!("nearest: {nearest}")),
    };
    let more = (*more > 0).then(|| format!("and {}", counted(*more as u64, "more difference")));
    which.into_iter().chain(differences.iter().map(ToString::to_string)).chain(more).collect()
}
