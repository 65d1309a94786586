//! How a run of a store goes on: what a person does first, and the command that then does it.

use nightreel::engine::StopKind;
use nightreel::job::{Call, described_budget_usd};
use nightreel::model::Outcome;
use nightreel::store::{Limit, LimitChange, Run};

use super::money::usd;
use super::run_command::{Chosen, RunCommand};
use super::run_facts::RunFacts;
use super::run_state::RunState;

/// How a run goes on, for people; `None` where nothing is left to do, or where no job file says what it
/// asks. A command that would meet the same budget again is not told: what changes is left to be chosen.
pub(crate) fn way_on(facts: &RunFacts, changes: &[LimitChange], command: &RunCommand) -> Option<String> {
    if facts.run.begun.job_file.is_empty() {
        return None;
    }
    let cap = Cap::of(&facts.run, changes);
    match &facts.state {
        RunState::Running(_) => None,
        RunState::Complete => asks_again(facts).then(|| {
            let (first, command) = cap.held(facts, command);
            told("to ask again what failed", first, &command.again(true))
        }),
        RunState::Killed => Some(goes_on(None, cap, facts, command)),
        RunState::Stopped(ended) => Some(goes_on(StopKind::from_name(ended), cap, facts, command)),
    }
}

fn goes_on(stopped: Option<StopKind>, cap: Cap, facts: &RunFacts, command: &RunCommand) -> String {
    let (first, command) = match stopped {
        Some(StopKind::Budget) => cap.passed(facts, command),
        Some(StopKind::CostUnknown) => (needs(stopped), cap.kept(command).1.choosing(Chosen::Prices)),
        _ => {
            let (chosen, command) = cap.held(facts, command);
            let firsts: Vec<String> = needs(stopped).into_iter().chain(chosen).collect();
            ((!firsts.is_empty()).then(|| firsts.join(", ")), command)
        }
    };
    told("to go on", first, &command.to_string())
}

fn needs(stopped: Option<StopKind>) -> Option<String> {
    stopped.and_then(StopKind::needs).map(str::to_owned)
}

fn told(what: &str, first: Option<String>, command: &str) -> String {
    let first = first.map(|first| format!(", {first}")).unwrap_or_default();
    format!("{what}{first}: {command}")
}

/// Whether something failed that another answer may mend: what was never recorded is recorded instead.
fn asks_again(facts: &RunFacts) -> bool {
    facts.failed() > facts.totals.count(Outcome::NotRecorded)
}

/// What bounded the cost of a run when it was last called.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Cap {
    /// What it was called with.
    Called(Option<f64>),
    /// What `nightreel ctl` made of that.
    Changed(Option<f64>),
}

impl Cap {
    fn of(run: &Run, changes: &[LimitChange]) -> Self {
        let description = &run.begun.job_description;
        let called = described_budget_usd(description);
        let since_ms = Call::described(description).at_ms.unwrap_or(run.begun.started_at_ms);
        let is_of_call = |change: &&LimitChange| change.what == Limit::BudgetUsd && change.at_ms >= since_ms;
        match changes.iter().rfind(is_of_call).map(|change| change.now) {
            Some(now) if now != called => Self::Changed(now),
            _ => Self::Called(called),
        }
    }

    /// The same as [`Cap::kept`] where something of it is left; else a raised one is to be chosen.
    fn held(self, facts: &RunFacts, command: &RunCommand) -> (Option<String>, RunCommand) {
        let (Self::Called(cap_usd) | Self::Changed(cap_usd)) = self;
        if cap_usd.is_some_and(|cap_usd| facts.totals.counted_usd() >= cap_usd) {
            self.passed(facts, command)
        } else {
            self.kept(command)
        }
    }

    /// A command that goes on where it is used up, and what to do first.
    fn passed(self, facts: &RunFacts, command: &RunCommand) -> (Option<String>, RunCommand) {
        (Some(self.raised(facts.totals.counted_usd())), command.choosing(Chosen::Budget))
    }

    /// A command that holds to it, and what to do first where only a person can say what holds.
    fn kept(self, command: &RunCommand) -> (Option<String>, RunCommand) {
        match self {
            Self::Called(_) => (None, command.clone()),
            Self::Changed(Some(usd)) => (None, command.with_budget(usd)),
            Self::Changed(None) => {
                let first = "choose a budget, as nightreel ctl took the last one away";
                (Some(first.to_owned()), command.choosing(Chosen::Budget))
            }
        }
    }

    /// What to do where it is used up, by what of it is: replies that cost more than was reserved for
    /// them may have passed it.
    fn raised(self, counted_usd: f64) -> String {
        match self {
            Self::Called(Some(cap_usd)) | Self::Changed(Some(cap_usd)) if counted_usd > cap_usd => {
                format!("raise the budget above the {} that are counted", usd(counted_usd))
            }
            Self::Called(Some(cap_usd)) => format!("raise the budget above {}", usd(cap_usd)),
            Self::Changed(Some(cap_usd)) => {
                format!("raise the budget above the {} that nightreel ctl made of it", usd(cap_usd))
            }
            Self::Called(None) | Self::Changed(None) => "raise the budget".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use nightreel::model::{Class, Success};
    use nightreel::store::{LaneTotals, NewRun, RunId, Totals};
    use serde_json::json;

    use super::*;

    const CALLED_AT_MS: i64 = 100;

    fn facts(state: RunState, flags: &[&str], budget_usd: Option<f64>) -> RunFacts {
        let description = json!({
            "directory": std::env::current_dir().unwrap(),
            "flags": flags,
            "called_at_ms": CALLED_AT_MS,
            "limits": { "budget_usd": budget_usd },
        });
        let job_description = description.to_string();
        let begun = NewRun { job_file: "j.toml".to_owned(), job_description, ..NewRun::of_exchanges("j", 0) };
        let begun = NewRun { mode: "auto".to_owned(), ..begun };
        let run = Run { id: RunId(1), begun, ended_at_ms: None, ended: None, version: String::new() };
        RunFacts { run, state, totals: Totals::default(), success: Success::default() }
    }

    fn stopped(kind: StopKind) -> RunState {
        RunState::Stopped(kind.as_str().to_owned())
    }

    fn change(at_ms: i64, now: Option<f64>) -> LimitChange {
        LimitChange { run: RunId(1), lane: None, at_ms, what: Limit::BudgetUsd, was: None, now, reason: String::new() }
    }

    fn way(facts: &RunFacts, changes: &[LimitChange]) -> Option<String> {
        way_on(facts, changes, &RunCommand::of_run(&facts.run.begun, Path::new("a.db")))
    }

    #[test]
    fn no_command_is_told_that_meets_the_same_budget_again() {
        let budget = ["--limit", "3", "--budget", "3"];
        let of_job = ["--limit", "3"];
        let set = ["--set", "limits.budget_usd=3", "--limit", "3"];
        let raise = "to go on, raise the budget above $3.00: nightreel run j.toml --limit 3 --store a.db --budget USD";
        let lowered = [change(CALLED_AT_MS + 1, Some(9.0)), change(CALLED_AT_MS + 2, Some(0.25))];
        let earlier = [change(CALLED_AT_MS - 1, Some(0.25))];
        let taken_away = [change(CALLED_AT_MS, None)];
        let table = "to go on, give a price table (prices = \"…\" in the job or --prices) that has the model and \
                     bounds its answers (max_completion_tokens, or max_tokens in request.params), or go on without the \
                     budget: nightreel run j.toml --limit 3 --budget 3 --store a.db --prices FILE";
        for (state, flags, changes, expected) in [
            (stopped(StopKind::Budget), budget.as_slice(), [].as_slice(), raise),
            (stopped(StopKind::Budget), &of_job, &[], raise),
            (stopped(StopKind::Budget), &set, &[], raise),
            (stopped(StopKind::Budget), &budget, &earlier, raise),
            (
                stopped(StopKind::Budget),
                &budget,
                &lowered,
                "to go on, raise the budget above the $0.250 that nightreel ctl made of it: \
                 nightreel run j.toml --limit 3 --store a.db --budget USD",
            ),
            (stopped(StopKind::CostUnknown), &budget, &[], table),
            (stopped(StopKind::CostUnknown), &["--prices", "p.toml", "--limit", "3", "--budget", "3"], &[], table),
            (
                stopped(StopKind::Signal),
                &budget,
                &lowered,
                "to go on: nightreel run j.toml --limit 3 --budget 0.25 --store a.db",
            ),
            (
                RunState::Killed,
                &budget,
                &taken_away,
                "to go on, choose a budget, as nightreel ctl took the last one away: \
                 nightreel run j.toml --limit 3 --store a.db --budget USD",
            ),
            (RunState::Killed, &budget, &earlier, "to go on: nightreel run j.toml --limit 3 --budget 3 --store a.db"),
            (
                stopped(StopKind::Unauthorized),
                &of_job,
                &[],
                "to go on, mend the credentials: nightreel run j.toml --limit 3 --store a.db",
            ),
            (
                RunState::Stopped("incomplete".to_owned()),
                &of_job,
                &[],
                "to go on: nightreel run j.toml --limit 3 --store a.db",
            ),
        ] {
            let told = way(&facts(state.clone(), flags, Some(3.0)), changes);
            assert_eq!(told.as_deref(), Some(expected), "{state:?} {flags:?} {changes:?}");
        }
    }

    #[test]
    fn a_budget_that_was_passed_is_raised_above_what_is_counted() {
        let mut facts = facts(stopped(StopKind::Budget), &[], Some(3.0));
        for (cost_usd, lost_usd, above) in
            [(2.9, 0.0, "$3.00"), (3.5, 0.0, "the $3.50 that are counted"), (2.5, 0.7, "the $3.20 that are counted")]
        {
            facts.totals.lanes = vec![LaneTotals { cost_usd, ..LaneTotals::default() }];
            facts.totals.lost.worst_usd = lost_usd;
            let expected =
                format!("to go on, raise the budget above {above}: nightreel run j.toml --store a.db --budget USD");
            assert_eq!(way(&facts, &[]), Some(expected));
        }
    }

    #[test]
    fn a_run_that_was_killed_goes_on_with_its_budget_unless_what_was_lost_has_used_it_up() {
        let raise = "--store a.db --budget USD";
        for (state, lost_usd, first, flags) in [
            (RunState::Killed, 0.4, "", "--budget 3 --store a.db"),
            (RunState::Killed, 0.5, ", raise the budget above $3.00", raise),
            (RunState::Killed, 0.7, ", raise the budget above the $3.20 that are counted", raise),
            (stopped(StopKind::Store), 0.4, ", make the store writable", "--budget 3 --store a.db"),
            (stopped(StopKind::Store), 0.5, ", make the store writable, raise the budget above $3.00", raise),
            (stopped(StopKind::Signal), 0.5, ", raise the budget above $3.00", raise),
        ] {
            let mut facts = facts(state.clone(), &["--budget", "3"], Some(3.0));
            facts.totals.lanes = vec![LaneTotals { cost_usd: 2.5, ..LaneTotals::default() }];
            facts.totals.lost.worst_usd = lost_usd;
            let expected = format!("to go on{first}: nightreel run j.toml {flags}");
            assert_eq!(way(&facts, &[]), Some(expected), "{state:?} {lost_usd}");
        }
    }

    #[test]
    fn a_complete_run_is_asked_again_where_something_failed_that_may_go_well() {
        let rejected = Outcome::Failed(Class::Rejected);
        let raised = [change(CALLED_AT_MS, Some(9.0))];
        let again = |budget: &str| {
            Some(format!(
                "to ask again what failed: nightreel run j.toml --budget {budget} --store a.db --retry failed"
            ))
        };
        for (outcomes, changes, expected) in [
            (vec![(Outcome::Ok, 3)], [].as_slice(), None),
            (vec![(Outcome::Ok, 3), (Outcome::NotRecorded, 2)], &[], None),
            (vec![(Outcome::Ok, 3), (rejected, 2)], &[], again("3")),
            (vec![(rejected, 2)], &raised, again("9")),
        ] {
            let mut facts = facts(RunState::Complete, &["--budget", "3", "--retry", "failed"], Some(3.0));
            facts.totals.lanes = vec![LaneTotals { outcomes, ..LaneTotals::default() }];
            assert_eq!(way(&facts, changes), expected);
        }
    }

    #[test]
    fn what_failed_is_not_asked_again_with_a_budget_that_is_used_up() {
        let mut facts = facts(RunState::Complete, &["--budget", "3"], Some(3.0));
        let outcomes = vec![(Outcome::Failed(Class::Rejected), 2)];
        facts.totals.lanes = vec![LaneTotals { outcomes, cost_usd: 3.0, ..LaneTotals::default() }];
        let expected = "to ask again what failed, raise the budget above $3.00: \
                        nightreel run j.toml --store a.db --retry failed --budget USD";
        assert_eq!(way(&facts, &[]).as_deref(), Some(expected));
    }

    #[test]
    fn a_retry_that_was_cut_short_goes_on_as_one() {
        let facts = facts(RunState::Killed, &["--retry", "failed"], None);
        let expected = "to go on: nightreel run j.toml --retry failed --store a.db";
        assert_eq!(way(&facts, &[]).as_deref(), Some(expected));
    }
}
