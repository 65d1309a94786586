//! What checking a job has found.

use std::path::Path;

use nightreel::engine::Checked;
use nightreel::job::Job;
use serde::Serialize;

use super::super::count::{count, counted};
use super::super::page::Page;
use super::super::terminal_text::one_line;

/// How many columns are named to people.
const COLUMNS_NAMED: usize = 30;

/// What checking a job has found.
#[derive(Debug, Default, Serialize)]
pub(super) struct Verdict {
    file: String,
    valid: bool,
    job: Option<String>,
    rows: Option<u64>,
    items: Option<u64>,
    models: Vec<String>,
    samples: Option<u32>,
    columns: Vec<String>,
    problem_count: u64,
    problems: Vec<String>,
    /// What may keep a run from succeeding, though the job is right.
    pub(super) notes: Vec<String>,
}

impl Verdict {
    /// A verdict on a job file of which nothing is known.
    pub(super) fn new(file: &Path) -> Self {
        Self { file: file.display().to_string(), ..Self::default() }
    }

    /// Takes over what the job file says.
    pub(super) fn know_job(&mut self, job: &Job) {
        self.job = Some(job.name.clone());
        self.models.clone_from(&job.request.models);
        self.samples = Some(job.request.samples.get());
    }

    /// Says that all is well.
    pub(super) fn accept(&mut self, checked: Checked) {
        self.valid = true;
        (self.rows, self.items) = (Some(checked.rows), Some(checked.items));
        self.columns = checked.columns;
    }

    /// Says that one thing is wrong.
    pub(super) fn refuse(&mut self, problem: String) {
        self.refuse_rows(vec![problem], 1);
    }

    /// Says what is wrong; there may be more than is told.
    pub(super) fn refuse_rows(&mut self, problems: Vec<String>, count: u64) {
        (self.valid, self.problem_count, self.problems) = (false, count, problems);
    }

    pub(super) const fn is_valid(&self) -> bool {
        self.valid
    }

    /// One JSON object.
    pub(super) fn json(&self) -> String {
        let json = serde_json::to_string_pretty(self).expect("plain values are JSON");
        format!("{json}\n")
    }

    /// What was found, where all is well.
    pub(super) fn text(&self) -> String {
        let (Some(rows), Some(items)) = (self.rows, self.items) else { return String::new() };
        let mut factors = vec![counted(rows, "row")];
        if !self.models.is_empty() {
            factors.push(counted(self.models.len() as u64, "model"));
        }
        factors.push(counted(u64::from(self.samples.unwrap_or(1)), "sample"));
        let (factors, items) = (factors.join(" × "), counted(items, "item"));
        let mut page = Page::default();
        page.line(format_args!("{}: {factors} = {items}; nothing was sent", one_line(&self.file)));
        if !self.columns.is_empty() {
            page.line(format_args!("columns: {}", self.columns_text()));
        }
        page.finish()
    }

    fn columns_text(&self) -> String {
        let mut names: Vec<String> = self.columns.iter().take(COLUMNS_NAMED).map(|name| one_line(name)).collect();
        if self.columns.len() > names.len() {
            names.push(format!("and {} more", count((self.columns.len() - names.len()) as u64)));
        }
        names.join(", ")
    }

    /// What is wrong, a line for each problem, and how much of it there is.
    pub(super) fn problems_text(&self) -> String {
        let mut page = Page::default();
        for problem in &self.problems {
            page.line(problem);
        }
        let rest = self.problem_count.saturating_sub(self.problems.len() as u64);
        if rest > 0 {
            page.line(format_args!("… and {} more", count(rest)));
        }
        if !self.valid {
            let problems = counted(self.problem_count, "problem");
            page.line(format_args!("{}: {problems}; nothing was sent", one_line(&self.file)));
        }
        page.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict() -> Verdict {
        let models = vec!["a".to_owned(), "b".to_owned()];
        Verdict { models, samples: Some(1), ..Verdict::new(Path::new("jobs/truthful.toml")) }
    }

    #[test]
    fn a_job_that_is_right_is_told_in_one_line_and_its_columns() {
        let mut verdict = verdict();
        let columns = vec!["Question".to_owned(), "Best\nAnswer".to_owned()];
        verdict.accept(Checked { rows: 817, items: 1634, digest: [0; 32], columns, streams: false });
        assert_eq!(
            verdict.text(),
            "jobs/truthful.toml: 817 rows × 2 models × 1 sample = 1,634 items; nothing was sent\n\
             columns: Question, Best\\nAnswer\n"
        );
        assert_eq!(verdict.problems_text(), "");
    }

    #[test]
    fn many_columns_are_cut() {
        let mut verdict = verdict();
        let columns = (0..31).map(|number| number.to_string()).collect();
        verdict.accept(Checked { rows: 1, items: 1, digest: [0; 32], columns, streams: false });
        assert!(verdict.text().ends_with("28, 29, and 1 more\n"), "{}", verdict.text());
    }

    #[test]
    fn problems_are_told_and_counted() {
        let mut verdict = verdict();
        verdict.refuse_rows(vec!["a.csv:2: x".to_owned(), "a.csv:3: y".to_owned()], 1_500);
        assert_eq!(
            verdict.problems_text(),
            "a.csv:2: x\na.csv:3: y\n… and 1,498 more\njobs/truthful.toml: 1,500 problems; nothing was sent\n"
        );
        assert_eq!(verdict.text(), "");
        let json: serde_json::Value = serde_json::from_str(&verdict.json()).unwrap();
        assert_eq!((&json["valid"], &json["problem_count"]), (&false.into(), &1_500.into()));
    }
}
