//! Reading a file of recordings.

use std::io;
use std::path::{Path, PathBuf};

use crate::model::Endpoint;

use super::batch::{Results, lines};
use super::circumstances::{Circumstances, Written};
use super::detect::{Lines, of_documents, of_lines};
use super::exchange_line::{self, LineProblem};
use super::found::Found;
use super::node::{Content, Node};
use super::take::Taker;
use super::{ImportFormat, Imported, Place, Skipped, file, go_vcr, har, httpmock, json, ruby_vcr, vcrpy, yaml};

/// Why a file of recordings cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It cannot be opened.
    #[error("cannot read {}: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is compressed, and damaged.
    #[error("cannot read {}: it is compressed, and damaged: {source}", path.display())]
    Compressed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: io::Error,
    },
    /// It is too long.
    #[error("cannot read {}: it is longer than 2 GiB", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// It is no YAML or no JSON.
    #[error("{}:{line}:{column}: {problem}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What is wrong there.
        problem: String,
    },
    /// Nothing in it says what it is.
    #[error(
        "{} is in none of the formats that are read ({known})",
        path.display(),
        known = ImportFormat::ALL.map(ImportFormat::as_str).join(", ")
    )]
    Unknown {
        /// The file.
        path: PathBuf,
    },
    /// It is not in the format that it was said to be in.
    #[error("{} is not in the format {format}: it has no {mark}", path.display(), mark = format.mark())]
    Other {
        /// The file.
        path: PathBuf,
        /// The format.
        format: ImportFormat,
    },
    /// It holds requests alone.
    #[error("{} holds the requests of a batch; name the file of its results too (--output FILE)", path.display())]
    NoResults {
        /// The file.
        path: PathBuf,
    },
    /// It holds results alone.
    #[error("{} holds the results of a batch; import the file of its requests, with this one as --output", path.display())]
    NoRequests {
        /// The file.
        path: PathBuf,
    },
}

/// Reads a file of recordings, in a format or in the one that its content shows.
///
/// Exchanges of one request are numbered in the file's order. They have no session, unless the file
/// is nightreel's own.
///
/// # Errors
/// Fails if the file cannot be read, or is in no format that is known. What of it cannot be taken
/// is no error: it is told of.
pub fn read(path: &Path, format: Option<ImportFormat>) -> Result<Imported, ImportError> {
    let text = file::text(path)?;
    let as_lines = match format {
        None => of_lines(&text),
        Some(ImportFormat::Exchanges) => Some(Lines::Exchanges),
        Some(ImportFormat::OpenaiBatch) => Some(of_lines(&text).unwrap_or(Lines::BatchInput)),
        Some(_) => None,
    };
    match as_lines {
        Some(Lines::Exchanges) => exchanges(path, &text),
        Some(Lines::BatchInput) => Err(ImportError::NoResults { path: path.to_owned() }),
        Some(Lines::BatchOutput) => Err(ImportError::NoRequests { path: path.to_owned() }),
        None => recordings(path, &text, format),
    }
}

/// Reads the requests of an `OpenAI` batch and the files of their results and errors, whose lines
/// may stand in any order.
///
/// # Errors
/// Fails if a file cannot be read, or has a line that is none of a batch.
pub fn read_batch(input: &Path, outputs: &[PathBuf]) -> Result<Imported, ImportError> {
    let requests = file::text(input)?;
    let texts: Vec<String> = outputs.iter().map(|output| file::text(output)).collect::<Result<_, _>>()?;
    let (mut results, mut taker) = (Results::default(), Taker::default());
    for (path, text) in outputs.iter().zip(&texts) {
        results.add(text).map_err(|(line, error)| of_json(path, line, &error))?;
    }
    results.join(&requests, &mut taker).map_err(|(line, error)| of_json(input, line, &error))?;
    Ok(taker.finish(ImportFormat::OpenaiBatch))
}

/// What is wrong with JSON that begins on a line.
fn of_json(path: &Path, first_line: usize, error: &serde_json::Error) -> ImportError {
    let problem = error.to_string();
    let problem = problem.rsplit_once(" at line ").map_or(problem.as_str(), |(problem, _)| problem).to_owned();
    // An error of the whole value names no place of its own.
    let line = first_line + error.line().saturating_sub(1);
    ImportError::Syntax { path: path.to_owned(), line, column: error.column().max(1), problem }
}

fn exchanges(path: &Path, text: &str) -> Result<Imported, ImportError> {
    let mut taker = Taker::default();
    for (number, (line, text)) in (1..).zip(lines(text)) {
        match exchange_line::exchange(text) {
            Ok(exchange) => taker.push(exchange),
            Err(LineProblem::Json(error)) => return Err(of_json(path, line, &error)),
            Err(LineProblem::Content(why)) => {
                let place = Place { number, line, method: String::new(), path: String::new() };
                taker.skip(Skipped { place, why });
            }
        }
    }
    Ok(taker.finish(ImportFormat::Exchanges))
}

fn recordings(path: &Path, text: &str, format: Option<ImportFormat>) -> Result<Imported, ImportError> {
    let documents = documents_of(path, text)?;
    let format =
        format.or_else(|| of_documents(&documents)).ok_or_else(|| ImportError::Unknown { path: path.to_owned() })?;
    let other = || ImportError::Other { path: path.to_owned(), format };
    let mut taker = Taker::default();
    if format == ImportFormat::Har {
        let entries = documents.first().and_then(har::entries).ok_or_else(other)?;
        (1..).zip(entries).for_each(|(number, entry)| take_entry(number, entry, &mut taker));
    } else {
        for (number, mut found) in (1..).zip(interactions(&documents, format).ok_or_else(other)?) {
            found.place.number = number;
            taker.take(found);
        }
    }
    Ok(taker.finish(format))
}

/// The documents of a text: JSON, or YAML, which may look like it.
fn documents_of(path: &Path, text: &str) -> Result<Vec<Node>, ImportError> {
    let json = text.trim_start().starts_with(['{', '[']).then(|| json::document(text));
    if let Some(Ok(document)) = json {
        return Ok(vec![document]);
    }
    let is_yaml = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
    yaml::documents(text).map_err(|problem| match json {
        Some(Err(error)) if !is_yaml => of_json(path, 1, &error),
        _ => ImportError::Syntax {
            path: path.to_owned(),
            line: problem.line,
            column: problem.column,
            problem: problem.problem,
        },
    })
}

/// The interactions of all documents; `None` where one of them has none of this format.
fn interactions(documents: &[Node], format: ImportFormat) -> Option<Vec<Found>> {
    let of_one = match format {
        ImportFormat::Vcr => ruby_vcr::interactions,
        ImportFormat::Vcrpy => vcrpy::interactions,
        ImportFormat::GoVcr => go_vcr::interactions,
        _ => return httpmock::interactions(documents),
    };
    let full: Vec<&Node> = documents.iter().filter(|document| document.content != Content::Null).collect();
    let all: Option<Vec<Vec<Found>>> = full.into_iter().map(of_one).collect();
    all.filter(|all| !all.is_empty()).map(|all| all.into_iter().flatten().collect())
}

/// Takes an entry of a log. One that nightreel has written says itself what it was.
fn take_entry(number: usize, entry: &Node, taker: &mut Taker) {
    let found = har::interaction(number, entry);
    let own = entry.get(har::OWN).and_then(|own| serde_json::from_value::<OwnMember>(json::value(own)).ok());
    let (Some(own), Ok(request)) = (own, &found.request) else { return taker.take(found) };
    let reply = found.reply.as_ref().ok();
    let reply: Option<Written> = reply.map(|reply| (reply.status, reply.headers.clone(), reply.body.clone()));
    match own.circumstances.exchange(own.endpoint, request.clone(), reply) {
        Ok(exchange) => taker.push(exchange),
        Err(why) => taker.skip(Skipped { place: found.place, why }),
    }
}

/// nightreel's own member of an entry.
#[derive(serde::Deserialize)]
struct OwnMember {
    #[serde(deserialize_with = "endpoint")]
    endpoint: Endpoint,
    #[serde(flatten)]
    circumstances: Circumstances,
}

fn endpoint<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Endpoint, D::Error> {
    let path: String = serde::Deserialize::deserialize(deserializer)?;
    Endpoint::from_path(&path).ok_or_else(|| serde::de::Error::custom("there is no such endpoint"))
}
