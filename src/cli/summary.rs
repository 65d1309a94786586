//! What a run came to, for a person to read in ten seconds.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nightreel::engine::{Ended, Output, StopReason, WhoAnswered};
use nightreel::job::Job;
use nightreel::model::{Class, Outcome, Success};
use nightreel::store::{FailureGroup, Items, Reader, Run, StoreError, Totals};

use super::count::count;
use super::exit::Exit;
use super::money::told;
use super::run::exit_of_stop;
use super::run_command::RunCommand;

/// How many groups of failures are told.
const GROUPS: usize = 5;

/// What a run came to.
pub(crate) struct Summary {
    success: Success,
    job: String,
    command: RunCommand,
    store: PathBuf,
    run: Option<(Run, Totals, Vec<FailureGroup>)>,
    /// What should be known of who gave the answers.
    who_answered: Vec<String>,
    ended: Option<Ended>,
    items: u64,
    sent_before: u64,
    results: Option<String>,
}

impl Summary {
    /// Reads what came of the items that the command is about.
    pub(crate) fn read(
        reader: &mut Reader,
        items: Items,
        (job, command): (&Job, RunCommand),
        ended: Option<Ended>,
    ) -> Result<Self, StoreError> {
        let (totals, failures) = (reader.totals(items)?, reader.failures(items, job.success)?);
        let run = reader.run(items.run)?;
        let who_answered = WhoAnswered::read(reader, items)?.warnings;
        let who_answered = who_answered.iter().map(|warning| command.warned(warning)).collect();
        Ok(Self {
            who_answered,
            ended,
            items: run.begun.item_count,
            run: Some((run, totals, failures)),
            ..Self::stopped_early(job, command)
        })
    }

    /// A run that was stopped before it began.
    fn stopped_early(job: &Job, command: RunCommand) -> Self {
        Self {
            success: job.success,
            job: job.name.clone(),
            command,
            store: PathBuf::new(),
            run: None,
            who_answered: Vec::new(),
            ended: None,
            items: 0,
            sent_before: 0,
            results: None,
        }
    }

    /// How many items there are to settle, and how many requests earlier sessions have sent.
    pub(crate) const fn expected(&mut self, items: u64, sent_before: u64) {
        self.items = items;
        self.sent_before = sent_before;
    }

    /// Where it is kept.
    pub(crate) fn store_path(&mut self, path: &Path) {
        path.clone_into(&mut self.store);
    }

    /// Whether every item is settled.
    pub(crate) fn is_complete(&self) -> bool {
        let stopped = self.ended.as_ref().is_some_and(|ended| ended.stopped.is_some());
        self.run.as_ref().is_some_and(|(_, totals, _)| totals.settled() >= self.items) && !stopped
    }

    /// Says where the results are.
    pub(crate) fn wrote(&mut self, output: &Output, lines: u64) {
        self.results = Some(match output {
            Output::Stdout => format!("{} lines on standard output", count(lines)),
            Output::File(path) => format!("{} ({} lines)", path.display(), count(lines)),
        });
    }

    /// Says that there are no results yet.
    pub(crate) fn did_not_write(&mut self, output: &Output) {
        let Output::File(path) = output else { return };
        self.results = Some(format!("{} is written when the run is complete", path.display()));
    }

    /// How the command ends.
    pub(crate) fn exit(&self) -> Exit {
        let Some((_, totals, _)) = &self.run else { return Exit::Stopped };
        let left = self.items.saturating_sub(totals.succeeded(self.success));
        exit(self.ended.as_ref(), totals, left)
    }

    /// What is said of it; nothing where all went well and nobody wants to know.
    pub(crate) fn said(&self, quiet: bool) -> Option<String> {
        let wanted = !quiet || self.exit() != Exit::Success;
        wanted.then(|| self.text().trim_end().to_owned())
    }

    fn text(&self) -> String {
        let Some((run, totals, failures)) = &self.run else {
            return format!("{}: stopped before anything was sent; run again to begin", self.job);
        };
        let reason = self.ended.as_ref().and_then(|ended| ended.stopped.as_ref());
        if let Some(StopReason::NoGateway(problem)) = reason {
            return format!("{}: nothing was sent: {problem}", self.job);
        }
        let mut text = self.headline(run, totals);
        line(&mut text, &outcomes(totals, self.items, self.success));
        line(&mut text, &self.traffic(totals));
        for warning in &self.who_answered {
            line(&mut text, &format!("warning: {}", one_line(warning)));
        }
        if let Some(speed) = self.speed(totals) {
            line(&mut text, &speed);
        }
        if let Some(results) = &self.results {
            line(&mut text, &format!("results: {results}"));
        }
        if run.begun.simulated {
            line(&mut text, "simulated answers: nothing was asked of a real model, nothing was paid");
        }
        self.failures(failures, &mut text);
        self.stopped(totals, &mut text);
        text
    }

    fn headline(&self, run: &Run, totals: &Totals) -> String {
        let state = match &self.ended {
            _ if self.is_complete() && self.ended.is_none() => "complete already, nothing to send".to_owned(),
            Some(ended) if self.is_complete() => format!("complete in {}", seconds(ended.elapsed)),
            Some(ended) => format!("stopped after {}", seconds(ended.elapsed)),
            None => format!("{} of {} items settled", totals.settled(), self.items),
        };
        format!("{}: run {}, {state} (store {})\n", self.job, run.id, self.store.display())
    }

    fn traffic(&self, totals: &Totals) -> String {
        let sent = totals.sent();
        let now = sent.saturating_sub(self.sent_before);
        let mut text = format!("{} requests sent", count(now));
        if self.sent_before > 0 {
            let _infallible = write!(text, " now, {} in all", count(sent));
        }
        if totals.replayed > 0 {
            let _infallible = write!(text, ", {} answered by recordings", count(totals.replayed));
        }
        if sent == 0 && totals.lost.requests == 0 {
            return text;
        }
        let (prompt, completion) = totals.tokens();
        let _infallible = write!(
            text,
            "; {} + {} tokens; {}",
            count(prompt),
            count(completion),
            told(totals, self.command.has_prices())
        );
        text
    }

    fn speed(&self, totals: &Totals) -> Option<String> {
        let ended = self.ended.as_ref()?;
        let (bound, percent) = ended.bound?;
        let sent = totals.sent();
        if sent == 0 || ended.elapsed < Duration::from_secs(1) {
            return None;
        }
        Some(format!("speed bounded by the {} ({percent} % of the time)", bound.as_str()))
    }

    fn failures(&self, failures: &[FailureGroup], text: &mut String) {
        for group in failures.iter().take(GROUPS) {
            let error = group.error.as_deref().map(|error| format!(": {}", one_line(error))).unwrap_or_default();
            line(text, &format!("{} × {}{error}", count(group.count), group.outcome.as_str()));
            let example = &group.example_row_id;
            line(text, &format!("    such as row {example:?}; {}", self.advice(group)));
        }
        let rest: u64 = failures.iter().skip(GROUPS).map(|group| group.count).sum();
        if rest > 0 {
            let run = self.run.as_ref().map(|(run, ..)| run.id.to_string()).unwrap_or_default();
            line(text, &format!("{} more failed otherwise: nightreel show {run}{}", count(rest), self.command.store()));
        }
    }

    /// What to do about what ended like this.
    fn advice(&self, group: &FailureGroup) -> String {
        let again = self.command.again(self.is_complete());
        match group.outcome {
            Outcome::Truncated => "raise max_tokens in request.params".to_owned(),
            Outcome::Filtered | Outcome::Refused | Outcome::Failed(Class::Blocked) => {
                format!("look at it with {}", self.command.show(group.example))
            }
            Outcome::NotRecorded => format!("record it: {}", self.command),
            Outcome::Failed(Class::Rejected) => {
                format!("the request is wrong; mend the job or the row, then {again}")
            }
            Outcome::Failed(Class::RateLimited) => format!("lower --rpm or --in-flight, then {again}"),
            Outcome::Ok | Outcome::Empty | Outcome::Failed(_) => format!("ask again: {again}"),
        }
    }

    fn stopped(&self, totals: &Totals, text: &mut String) {
        let Some(ended) = &self.ended else { return };
        if ended.panicked > 0 {
            line(text, &format!("{} items met a defect of nightreel's and are left for the next run", ended.panicked));
        }
        let Some(reason) = &ended.stopped else { return };
        line(text, &format!("stopped: {reason}"));
        let kept = count(totals.settled());
        line(text, &format!("{kept} settled items are kept; {}", reason.way_on()));
    }
}

/// How a run ends: by what stopped it, what was sent, and how many of its items are not done well.
fn exit(ended: Option<&Ended>, totals: &Totals, not_well: u64) -> Exit {
    let stopped = ended.and_then(|ended| ended.stopped.as_ref());
    match stopped {
        Some(reason) => exit_of_stop(reason, totals.sent()),
        None if totals.count(Outcome::NotRecorded) > 0 => Exit::NotRecorded,
        None if not_well > 0 => Exit::ItemsFailed,
        None => Exit::Success,
    }
}

fn outcomes(totals: &Totals, items: u64, success: Success) -> String {
    let mut outcomes: Vec<(Outcome, u64)> = Vec::new();
    for (outcome, count) in totals.lanes.iter().flat_map(|lane| &lane.outcomes) {
        match outcomes.iter_mut().find(|(known, _)| known == outcome) {
            Some((_, sum)) => *sum += count,
            None => outcomes.push((*outcome, *count)),
        }
    }
    outcomes.sort_by_key(|(outcome, count)| {
        (*outcome != Outcome::Ok, !success.contains(*outcome), std::cmp::Reverse(*count))
    });
    let mut text = format!("{} items: ", count(items));
    let parts = outcomes.iter().map(|(outcome, items)| format!("{} {}", count(*items), outcome.as_str()));
    text.push_str(&parts.collect::<Vec<_>>().join(", "));
    let left = items.saturating_sub(totals.settled());
    if left > 0 {
        let and = if outcomes.is_empty() { "" } else { ", " };
        let _infallible = write!(text, "{and}{} not settled", count(left));
    }
    text
}

/// Adds a line, set in.
pub(super) fn line(text: &mut String, content: &str) {
    text.push_str("  ");
    text.push_str(content);
    text.push('\n');
}

fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = words.join(" ");
    let shown: String = text.chars().take(200).collect();
    if shown.len() < text.len() { format!("{shown}…") } else { shown }
}

/// How long something took, for people.
pub(super) fn seconds(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{:.1} s", duration.as_secs_f64()),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use nightreel::store::LaneTotals;

    use super::*;

    fn totals(outcomes: &[(Outcome, u64)], sent: u64) -> Totals {
        let lane = LaneTotals { model: "m".to_owned(), outcomes: outcomes.to_vec(), ..LaneTotals::default() };
        Totals { lanes: vec![lane], attempts: vec![(Class::Answered, sent)], ..Totals::default() }
    }

    fn stopped(reason: StopReason) -> Ended {
        Ended { stopped: Some(reason), bound: None, elapsed: Duration::ZERO, panicked: 0 }
    }

    #[test]
    fn every_way_to_end_has_its_exit_code() {
        let message = || "m".to_owned();
        let ok = totals(&[(Outcome::Ok, 2)], 2);
        let nothing = totals(&[], 0);
        let cases = [
            (None, &ok, 0, Exit::Success),
            (None, &totals(&[(Outcome::Ok, 1), (Outcome::Truncated, 1)], 2), 1, Exit::ItemsFailed),
            (None, &totals(&[(Outcome::Ok, 1), (Outcome::Truncated, 1)], 2), 0, Exit::Success),
            (None, &totals(&[(Outcome::Ok, 1), (Outcome::NotRecorded, 1)], 0), 1, Exit::NotRecorded),
            (None, &ok, 1, Exit::ItemsFailed),
            (Some(stopped(StopReason::Signal)), &ok, 1, Exit::Stopped),
            (Some(stopped(StopReason::Deadline)), &nothing, 3, Exit::Stopped),
            (Some(stopped(StopReason::Budget { message: message(), least: None })), &ok, 1, Exit::Stopped),
            (Some(stopped(StopReason::LaneClosed(Vec::new()))), &ok, 1, Exit::Stopped),
            (Some(stopped(StopReason::Unauthorized(message()))), &nothing, 3, Exit::Stopped),
            (Some(stopped(StopReason::OutOfCredit(message()))), &ok, 1, Exit::Stopped),
            (Some(stopped(StopReason::Misconfigured(message()))), &nothing, 3, Exit::Stopped),
            (Some(stopped(StopReason::QuotaExhausted(message()))), &ok, 1, Exit::Stopped),
            (Some(stopped(StopReason::NotReachable(message()))), &nothing, 3, Exit::Stopped),
            (Some(stopped(StopReason::NoGateway(message()))), &nothing, 3, Exit::Usage),
            (Some(stopped(StopReason::Input(message()))), &nothing, 3, Exit::Usage),
            (Some(stopped(StopReason::Input(message()))), &ok, 1, Exit::Stopped),
            (Some(stopped(StopReason::Store(message()))), &ok, 1, Exit::Store),
        ];
        for (ended, totals, not_well, expected) in cases {
            assert_eq!(exit(ended.as_ref(), totals, not_well), expected, "{ended:?} {not_well}");
        }
    }
}
