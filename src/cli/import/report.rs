//! What an import took and what it left out, for people and for programs.

use std::collections::BTreeMap;
use std::path::Path;

use nightreel::interchange::{ImportFormat, Imported, Note, Place, Skipped};
use nightreel::model::Endpoint;
use serde_json::{Value, json};

use super::super::count::counted;
use super::super::page::Page;
use super::super::terminal_text::one_line;
use super::struck::Struck;
use super::target::Written;

/// What came of all files.
#[derive(Debug, Default)]
pub(super) struct Report {
    files: Vec<FileReport>,
    written: Option<Written>,
}

/// What came of a file.
#[derive(Debug)]
pub(super) struct FileReport {
    file: String,
    format: ImportFormat,
    /// How many of an endpoint and a status; no status is a fault.
    taken: BTreeMap<(Endpoint, Option<u16>), usize>,
    skipped: Vec<Skipped>,
    notes: Vec<Note>,
    struck: Struck,
}

impl FileReport {
    pub(super) fn new(file: &Path, imported: &Imported, struck: Struck) -> Self {
        let mut counts = BTreeMap::new();
        for exchange in &imported.exchanges {
            let status = exchange.attempt.reply.as_ref().ok().map(|reply| reply.status);
            *counts.entry((exchange.request.endpoint, status)).or_default() += 1;
        }
        Self {
            file: file.display().to_string(),
            format: imported.format,
            taken: counts,
            skipped: imported.skipped.clone(),
            notes: imported.notes.clone(),
            struck,
        }
    }

    fn count(&self) -> usize {
        self.taken.values().sum()
    }

    fn json(&self) -> Value {
        let taken = self.taken.iter().map(
            |((endpoint, status), count)| json!({ "endpoint": endpoint.path(), "status": status, "count": count }),
        );
        let skipped = self.skipped.iter().map(|Skipped { place, why }| told(place, "why", why));
        let notes = self.notes.iter().map(|Note { place, what }| told(place, "what", what));
        json!({
            "file": self.file,
            "format": self.format.as_str(),
            "taken": taken.collect::<Vec<_>>(),
            "skipped": skipped.collect::<Vec<_>>(),
            "notes": notes.collect::<Vec<_>>(),
            "struck": { "requests": self.struck.requests, "responses": self.struck.responses },
        })
    }

    fn add_to(&self, page: &mut Page) {
        page.line(format_args!(
            "{} ({}): took {}, left out {}",
            one_line(&self.file),
            self.format,
            self.count(),
            self.skipped.len()
        ));
        for ((endpoint, status), count) in &self.taken {
            let status = status.map_or("no response".to_owned(), |status| status.to_string());
            page.line(format_args!("  took {count} × {endpoint}, {status}"));
        }
        if let Some(bodies) = self.struck.told() {
            page.line(format_args!("  struck credentials from {bodies}"));
        }
        for skipped in &self.skipped {
            page.line(format_args!("  left out {}", one_line(&skipped.to_string())));
        }
        for note in &self.notes {
            page.line(format_args!("  of {}", one_line(&note.to_string())));
        }
    }
}

/// What is said of an interaction, under the name of what that is.
fn told(place: &Place, name: &str, what: &str) -> Value {
    let mut told = json!({
        "interaction": place.number,
        "line": place.line,
        "method": place.method,
        "path": place.path,
        name: what,
    });
    if let Some(file) = &place.file {
        told["file"] = file.display().to_string().into();
    }
    told
}

impl Report {
    pub(super) fn add(&mut self, file: FileReport) {
        self.files.push(file);
    }

    pub(super) fn written(&mut self, written: Written) {
        self.written = Some(written);
    }

    fn count(&self) -> usize {
        self.files.iter().map(FileReport::count).sum()
    }

    pub(super) fn text(&self) -> String {
        let mut page = Page::default();
        self.files.iter().for_each(|file| file.add_to(&mut page));
        let exchanges = counted(self.count() as u64, "exchange");
        match &self.written {
            Some(Written::Run { store, run }) => {
                let verb = if self.count() == 1 { "is" } else { "are" };
                page.line(format_args!("{exchanges} {verb} run {run} of {}", store.display()));
            }
            Some(Written::Fixture { path, exchanges: all, replaced }) => {
                let path = path.display();
                let in_place =
                    if *replaced == 0 { String::new() } else { format!(", {replaced} of them in place of others") };
                page.line(format_args!("{exchanges} went into {path}{in_place}; it holds {all} now"));
            }
            None => {}
        }
        page.finish()
    }

    pub(super) fn json(&self) -> String {
        let mut report = json!({
            "files": self.files.iter().map(FileReport::json).collect::<Vec<_>>(),
            "taken": self.count(),
            "skipped": self.files.iter().map(|file| file.skipped.len()).sum::<usize>(),
        });
        match &self.written {
            Some(Written::Run { store, run }) => {
                report["store"] = store.display().to_string().into();
                report["run"] = run.0.into();
            }
            Some(Written::Fixture { path, exchanges, replaced }) => {
                report["fixture"] = path.display().to_string().into();
                report["replaced"] = (*replaced).into();
                report["exchanges"] = (*exchanges).into();
            }
            None => {}
        }
        format!("{report}\n")
    }
}
