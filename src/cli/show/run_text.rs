//! A run for people.

use std::path::Path;

use nightreel::model::Outcome;
use nightreel::store::{FailureGroup, LaneTotals, Totals};

use super::super::count::{count, counted};
use super::super::local_time::local;
use super::super::money::{spent, told};
use super::super::page::Page;
use super::super::run_command::RunCommand;
use super::super::run_facts::{RunFacts, hexadecimal};
use super::super::table::{Align, Table};
use super::super::terminal_text::{one_line, shortened};
use super::super::way_on::way_on;
use super::command::RunView;
use super::hint::{AskedBy, hint};
use super::{limit_text, refused, served_text};

/// How long an error is told.
const ERROR: usize = 400;
/// How many groups of failures are told.
const GROUPS: usize = 20;

/// A run, its sums, what became of its limits, and what did not end well.
pub(super) fn text(view: &RunView, store: &Path) -> String {
    let RunView { facts, failures, refused, changes, who_answered } = view;
    let begun = &facts.run.begun;
    let command = RunCommand::of_run(begun, store);
    let mut page = Page::default();
    page.line(format_args!("run {} of {}: {}", facts.run.id, one_line(&begun.job), facts.state));
    for (name, value) in head(facts).into_iter().chain(sums(facts, &command)) {
        page.line(format_args!("  {name:<10}{value}"));
    }
    if !facts.totals.lanes.is_empty() {
        page.line("");
        page.text(&lanes(&facts.totals));
    }
    limit_text::write(&mut page, changes);
    if !failures.is_empty() {
        write_failures(&mut page, failures, (AskedBy::of(begun), &command));
    }
    refused::write(&mut page, refused);
    if let Some(way_on) = way_on(facts, changes, &command) {
        page.line(format_args!("\n{way_on}"));
    }
    page.text(&served_text::text(who_answered, &command));
    page.finish()
}

/// Whether a job file says what the run asks.
fn is_of_job(facts: &RunFacts) -> bool {
    !facts.run.begun.job_file.is_empty()
}

fn head(facts: &RunFacts) -> Vec<(&'static str, String)> {
    let (run, begun) = (&facts.run, &facts.run.begun);
    let simulated = if begun.simulated { ", answered by the simulated gateway" } else { "" };
    let hash = hexadecimal(&begun.input_hash[..8]);
    let mut head = Vec::new();
    // What was imported or served has neither.
    if is_of_job(facts) {
        let input = one_line(&begun.input);
        head.push(("job file", one_line(&begun.job_file)));
        head.push(("input", format!("{input}: {}, SHA-256 {hash}…", counted(begun.row_count, "row"))));
    }
    head.push(("mode", format!("{}{simulated}", one_line(&begun.mode))));
    head.push(("started", local(begun.started_at_ms)));
    if !facts.success.is_default() {
        head.push(("success", facts.success.names().collect::<Vec<_>>().join(", ")));
    }
    head.extend(run.ended_at_ms.map(|ended_at_ms| ("ended", local(ended_at_ms))));
    head.extend(begun.continues.map(|earlier| ("continues", format!("run {earlier}"))));
    head.push(("version", one_line(&run.version)));
    head
}

fn sums(facts: &RunFacts, command: &RunCommand) -> Vec<(&'static str, String)> {
    let (totals, items) = (&facts.totals, facts.run.begun.item_count);
    let (ok, failed) = (count(facts.succeeded()), count(facts.failed()));
    let mut sums = vec![
        ("items", format!("{} of {} settled: {ok} ok, {failed} failed", count(totals.settled()), count(items))),
        ("sent", sent(totals)),
    ];
    if totals.replayed > 0 {
        sums.push(("replayed", format!("{}, answered by earlier recordings", counted(totals.replayed, "request"))));
    }
    sums.push(("cost", told(totals, command.has_prices())));
    sums
}

fn sent(totals: &Totals) -> String {
    let classes: Vec<String> =
        totals.attempts.iter().map(|(class, number)| format!("{} {}", count(*number), class.as_str())).collect();
    match totals.attempts.iter().map(|(_, number)| number).sum() {
        0 => "nothing".to_owned(),
        attempts => format!("{}: {}", counted(attempts, "attempt"), classes.join(", ")),
    }
}

/// A table of the models, with a column for each outcome that there is.
fn lanes(totals: &Totals) -> String {
    let mut outcomes: Vec<Outcome> = vec![Outcome::Ok];
    for (outcome, _) in totals.lanes.iter().flat_map(|lane| &lane.outcomes) {
        if !outcomes.contains(outcome) {
            outcomes.push(*outcome);
        }
    }
    let right = |name| (name, Align::Right);
    let mut columns = vec![("model", Align::Left), right("settled")];
    columns.extend(outcomes.iter().map(|outcome| right(outcome.as_str())));
    columns.extend(["prompt tokens", "answer tokens", "cost"].map(right));
    let mut table = Table::new(&columns);
    for lane in &totals.lanes {
        table.row(lane_cells(lane, &outcomes));
    }
    table.render("  ")
}

fn lane_cells(lane: &LaneTotals, outcomes: &[Outcome]) -> Vec<String> {
    let of = |outcome: &Outcome| lane.outcomes.iter().find(|(of, _)| of == outcome).map_or(0, |(_, number)| *number);
    let model = if lane.model.is_empty() { "(not settled)".to_owned() } else { shortened(&lane.model, 60) };
    let mut cells = vec![model, count(lane.settled())];
    cells.extend(outcomes.iter().map(|outcome| count(of(outcome))));
    cells.extend([
        count(lane.prompt_tokens),
        count(lane.completion_tokens),
        spent(lane.cost_usd, lane.may_cost_more()),
    ]);
    cells
}

fn write_failures(page: &mut Page, failures: &[FailureGroup], of_run: (AskedBy, &RunCommand)) {
    page.line("\nwhat did not end well");
    for group in failures.iter().take(GROUPS) {
        write_failure(page, group, of_run);
    }
    let more: u64 = failures.iter().skip(GROUPS).map(|group| group.count).sum();
    if more > 0 {
        page.line(format_args!("  … and {} of other causes; --json tells all of them", counted(more, "item")));
    }
}

fn write_failure(page: &mut Page, group: &FailureGroup, (asked_by, command): (AskedBy, &RunCommand)) {
    let error = group.error.as_deref().map(|error| format!(": {}", shortened(error, ERROR))).unwrap_or_default();
    page.line(format_args!("  {} × {}{error}", count(group.count), group.outcome.as_str()));
    if let Some(hint) = hint(group.outcome, asked_by) {
        page.line(format_args!("      {hint}"));
    }
    let row = shortened(&group.example_row_id, 60);
    page.line(format_args!("      row {row}: {}", command.show(group.example)));
}

#[cfg(test)]
mod tests {
    use nightreel::model::{Class, Success};
    use nightreel::store::{NewRun, Run, RunId};

    use super::super::super::run_state::RunState;
    use super::*;

    fn facts() -> RunFacts {
        let begun = NewRun {
            job: "truthful".to_owned(),
            job_file: "jobs/truthful.toml".to_owned(),
            job_identity: "{}".to_owned(),
            job_description: serde_json::json!({
                "directory": std::env::current_dir().unwrap(),
                "flags": ["--limit", "3", "--set", "request.system=be brief"],
            })
            .to_string(),
            input: "q.csv".to_owned(),
            input_hash: [0xab; 32],
            mode: "auto".to_owned(),
            simulated: true,
            continues: Some(RunId(2)),
            row_count: 817,
            item_count: 1634,
            started_at_ms: 0,
        };
        let ended = Some("out of credit".to_owned());
        let run = Run { id: RunId(3), begun, ended_at_ms: None, ended, version: "0.1.0".to_owned() };
        let rejected = Outcome::Failed(Class::Rejected);
        let first = LaneTotals {
            model: "a".to_owned(),
            outcomes: vec![(Outcome::Ok, 1200), (rejected, 34)],
            prompt_tokens: 5000,
            completion_tokens: 70,
            cost_usd: 0.5,
            assumed_cost_usd: 0.0,
            is_underpriced: false,
            unknown_costs: 2,
            unpriced_answers: 0,
        };
        let second = LaneTotals { model: "b".to_owned(), outcomes: vec![(Outcome::Ok, 1)], ..LaneTotals::default() };
        let attempts = vec![(Class::Answered, 1201), (Class::Rejected, 34), (Class::ConnectionLost, 2)];
        let totals = Totals { lanes: vec![first, second], attempts, replayed: 7, ..Totals::default() };
        RunFacts { run, state: RunState::Stopped("out of credit".to_owned()), totals, success: Success::default() }
    }

    #[test]
    fn a_run_is_told_with_its_sums_and_what_to_do() {
        let group = FailureGroup {
            outcome: Outcome::Failed(Class::Rejected),
            error: Some("bad\nmodel".to_owned()),
            count: 34,
            example: RunId(3).item(12),
            example_row_id: "q7".to_owned(),
        };
        let view = RunView {
            facts: facts(),
            failures: vec![group],
            refused: Vec::new(),
            changes: Vec::new(),
            who_answered: nightreel::engine::WhoAnswered::default(),
        };
        let text = text(&view, Path::new("other.db"));
        for expected in [
            "run 3 of truthful: stopped: out of credit\n",
            "  input     q.csv: 817 rows, SHA-256 abababababababab…\n",
            "  mode      auto, answered by the simulated gateway\n",
            "  continues run 2\n",
            "  items     1,235 of 1,634 settled: 1,201 ok, 34 failed\n",
            "  sent      1,237 attempts: 1,201 answered, 34 rejected, 2 connection_lost\n",
            "  replayed  7 requests, answered by earlier recordings\n",
            "  cost      ≥ $0.500; cost unknown for 2 attempts without an answer, which may have been billed\n",
            "  model  settled     ok  rejected  prompt tokens  answer tokens      cost\n",
            "  a        1,234  1,200        34          5,000             70  ≥ $0.500\n",
            "  34 × rejected: bad\\nmodel\n",
            "      row q7: nightreel show 3 --position 12 --store other.db\n",
            "\nto go on, add credit or raise the limit: nightreel run jobs/truthful.toml --limit 3 --set 'request.system=be brief' --simulate \
             --store other.db\n",
        ] {
            assert!(text.contains(expected), "{expected}\n{text}");
        }
    }

    #[test]
    fn a_run_without_a_job_file_has_no_empty_lines_and_no_command_that_goes_on() {
        let mut facts = facts();
        facts.run.begun.job_file.clear();
        facts.run.begun.input.clear();
        let view = RunView {
            facts,
            failures: Vec::new(),
            refused: Vec::new(),
            changes: Vec::new(),
            who_answered: nightreel::engine::WhoAnswered::default(),
        };
        let text = text(&view, Path::new("other.db"));
        for absent in ["job file", "input", "to go on", "nightreel run"] {
            assert!(!text.contains(absent), "{absent}\n{text}");
        }
        assert!(text.lines().all(|line| line.is_empty() || line == line.trim_end()), "{text}");
        assert!(text.contains("  mode      auto"), "{text}");
    }
}
