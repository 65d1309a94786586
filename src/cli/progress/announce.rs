//! What is said when a run begins, and when it stops.

use nightreel::engine::{RunBegun, StopReason};
use nightreel::model::Mode;

use super::message::Stopping;
use super::number::{counted, grouped};
use super::paint::one_line;
use super::span::wait;

/// How many models are named; more are counted.
const NAMED: usize = 4;

/// The lines that a run begins with.
pub(super) fn begun(begun: &RunBegun) -> Vec<String> {
    let first = format!("{}: {}", begun.job, [which(begun), what(begun), models(begun), how(begun)].join(" · "));
    let lines = std::iter::once(first).chain(changed(begun));
    lines.map(|line| one_line(&line)).collect()
}

/// The line that says that a run stops.
pub(super) fn stopping(stopping: &Stopping) -> String {
    let reason = one_line(&stopping.message);
    if stopping.in_flight == 0 {
        return format!("stopping: {reason}");
    }
    let waiting = counted(stopping.in_flight as u64, "request");
    let deadline = wait(stopping.deadline);
    // Where nobody has pressed it yet, the first Ctrl-C asks for the same, and the second one ends it.
    let press = if stopping.reason == StopReason::Signal.as_str() { "again" } else { "twice" };
    format!(
        "stopping: {reason}; waiting up to {deadline} for {waiting} in flight; press Ctrl-C {press} to stop at once"
    )
}

/// What is said while rows are checked.
pub(super) fn checking(rows: u64) -> String {
    format!("checking the input: {}", counted(rows, "row"))
}

fn which(begun: &RunBegun) -> String {
    match begun.run {
        Some(run) if begun.resumed => format!("run {run} goes on"),
        Some(run) => format!("run {run} begins"),
        None => "a replay that is not kept".to_owned(),
    }
}

fn what(begun: &RunBegun) -> String {
    let items = format!("{} of {}", counted(begun.items, "item"), counted(begun.rows, "row"));
    match begun.settled_before {
        0 => items,
        before => format!("{items}, {} settled before", grouped(before)),
    }
}

fn models(begun: &RunBegun) -> String {
    match begun.models.as_slice() {
        [] => "the rows name their models".to_owned(),
        [model] => format!("model {model}"),
        few @ [..] if few.len() <= NAMED => format!("models {}", few.join(", ")),
        many => counted(many.len() as u64, "model"),
    }
}

fn how(begun: &RunBegun) -> String {
    let simulated = if begun.simulated { ", the simulated gateway answers" } else { "" };
    format!("mode {}{simulated}", begun.mode.as_str())
}

fn changed(begun: &RunBegun) -> Option<String> {
    let changed = begun.changed.as_ref()?;
    let begins = begun.run.map(|run| format!("run {run} begins; ")).unwrap_or_default();
    let rest = if begun.mode == Mode::Replay { "nothing is sent" } else { "the rest is sent" };
    Some(format!("{changed}: {begins}what run {} settled is replayed, {rest}", changed.since))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use nightreel::engine::Changed;
    use nightreel::model::Success;
    use nightreel::store::RunId;

    use super::*;

    fn first() -> RunBegun {
        RunBegun {
            run: Some(RunId(4)),
            job: "quickstart".to_owned(),
            mode: Mode::Auto,
            simulated: false,
            rows: 5_000,
            items: 10_000,
            models: vec!["a".to_owned(), "b".to_owned()],
            settled_before: 0,
            resumed: false,
            success: Success::default(),
            changed: None,
        }
    }

    #[test]
    fn a_run_says_what_it_is_about_to_do() {
        let models = |count: usize| vec!["m".to_owned(); count];
        for (run, said) in [
            (first(), "quickstart: run 4 begins · 10,000 items of 5,000 rows · models a, b · mode auto"),
            (
                RunBegun { resumed: true, settled_before: 1_234, simulated: true, ..first() },
                "quickstart: run 4 goes on · 10,000 items of 5,000 rows, 1,234 settled before · models a, b · mode auto, \
                 the simulated gateway answers",
            ),
            (
                RunBegun { run: None, mode: Mode::Replay, models: models(1), items: 1, rows: 1, ..first() },
                "quickstart: a replay that is not kept · 1 item of 1 row · model m · mode replay",
            ),
            (
                RunBegun { models: models(0), ..first() },
                "quickstart: run 4 begins · 10,000 items of 5,000 rows · the rows name their models · mode auto",
            ),
            (
                RunBegun { models: models(5), ..first() },
                "quickstart: run 4 begins · 10,000 items of 5,000 rows · 5 models · mode auto",
            ),
        ] {
            assert_eq!(begun(&run), [said]);
        }
    }

    #[test]
    fn a_run_says_what_has_changed() {
        let change = Changed { since: RunId(3), input: true, job: vec!["request.prompt".to_owned()] };
        let auto = RunBegun { changed: Some(change), ..first() };
        let what =
            "the input's content, request.prompt changed since run 3: run 4 begins; what run 3 settled is replayed";
        assert_eq!(begun(&auto)[1], format!("{what}, the rest is sent"));
        let replay = RunBegun { mode: Mode::Replay, ..auto };
        assert_eq!(begun(&replay)[1], format!("{what}, nothing is sent"));
    }

    #[test]
    fn a_run_that_stops_says_what_it_waits_for() {
        let stop = |reason: &StopReason, in_flight| Stopping {
            reason: reason.as_str(),
            message: reason.to_string(),
            in_flight,
            deadline: Duration::from_secs(30),
        };
        for (reason, press) in [(StopReason::Signal, "again"), (StopReason::Deadline, "twice")] {
            let waiting = format!(
                "stopping: {reason}; waiting up to 30s for 12 requests in flight; press Ctrl-C {press} to stop at once"
            );
            assert_eq!(stopping(&stop(&reason, 12)), waiting);
            assert_eq!(stopping(&stop(&reason, 0)), format!("stopping: {reason}"));
        }
    }
}
