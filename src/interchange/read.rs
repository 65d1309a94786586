//! Reading a file of recordings.

use std::path::Path;

use super::attachments::Attachments;
use super::batch::{Results, lines};
use super::detect::{Lines, is_json_lines, of_documents, of_lines};
use super::exchange_line::{self, LineProblem};
use super::found::Found;
use super::node::{Content, Node};
use super::take::Taker;
use super::{
    ImportError, ImportFormat, Imported, Place, Skipped, Source, go_vcr, har, har_own, httpmock, json, ruby_vcr, vcrpy,
    yaml,
};

/// Reads a file of recordings, in a format or in the one that its content shows.
///
/// Exchanges of one request are numbered in the file's order. They have no session, unless the file
/// is nightreel's own.
///
/// # Errors
/// Fails if the file cannot be read, or is in no format that is known. What of it cannot be taken
/// is no error: it is told of.
pub fn read(mut source: Source, format: Option<ImportFormat>) -> Result<Imported, ImportError> {
    let text = source.text()?;
    let path = || source.name().to_owned();
    if text.trim().is_empty() {
        return Err(ImportError::Empty { path: path() });
    }
    let (as_lines, format) = match (format, of_lines(&text)) {
        (Some(ImportFormat::Exchanges), Some(Lines::Exchanges)) => (Some(Lines::Exchanges), format),
        (
            Some(ImportFormat::OpenaiBatch),
            Some(lines @ (Lines::BatchInput | Lines::BatchOutput | Lines::AnthropicOutput)),
        ) => (Some(lines), format),
        (Some(format @ (ImportFormat::Exchanges | ImportFormat::OpenaiBatch)), _) => {
            return Err(ImportError::Other { path: path(), format });
        }
        (None, lines) => (lines, None),
        (format, _) => (None, format),
    };
    match as_lines {
        Some(Lines::Exchanges) => exchanges(source.name(), &text),
        Some(Lines::BatchInput) => Err(ImportError::NoResults { path: path() }),
        Some(Lines::BatchOutput) => Err(ImportError::NoRequests { path: path() }),
        Some(Lines::AnthropicOutput) => Err(ImportError::Anthropic { path: path() }),
        None => recordings(&source, &text, format),
    }
}

/// Reads the requests of an `OpenAI` batch and the files of their results and errors, whose lines
/// may stand in any order.
///
/// # Errors
/// Fails if a file cannot be read, or has a line that is none of a batch.
pub fn read_batch(mut input: Source, mut outputs: Vec<Source>) -> Result<Imported, ImportError> {
    let requests = input.text()?;
    let texts: Vec<String> = outputs.iter_mut().map(Source::text).collect::<Result<_, _>>()?;
    let path = || input.name().to_owned();
    if requests.trim().is_empty() {
        return Err(ImportError::Empty { path: path() });
    }
    let mut all = [(&input, &requests)].into_iter().chain(outputs.iter().zip(&texts));
    if let Some((file, _)) = all.find(|(_, text)| of_lines(text) == Some(Lines::AnthropicOutput)) {
        return Err(ImportError::Anthropic { path: file.name().to_owned() });
    }
    let other = outputs.iter().zip(&texts).find(|(_, text)| of_lines(text) == Some(Lines::BatchInput));
    match (of_lines(&requests), other.map(|(output, _)| output.name().to_owned())) {
        (Some(Lines::BatchOutput), Some(other)) => {
            return Err(ImportError::Swapped { results: path(), requests: other });
        }
        (Some(Lines::BatchOutput), None) => return Err(ImportError::NoRequests { path: path() }),
        (_, Some(path)) => return Err(ImportError::NotResults { path }),
        (_, None) => {}
    }
    let (mut results, mut taker) = (Results::default(), Taker::default());
    for (output, text) in outputs.iter().zip(&texts) {
        results.add(output.name(), text).map_err(|(line, error)| of_json(output.name(), line, &error))?;
    }
    results.join(&requests, &mut taker).map_err(|(line, error)| of_json(input.name(), line, &error))?;
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
        let place = Place { file: None, number, line, method: String::new(), path: String::new() };
        match exchange_line::exchange(text) {
            Ok(exchange) => taker.push(&place, exchange),
            Err(LineProblem::Json(error)) => return Err(of_json(path, line, &error)),
            Err(LineProblem::Content(why)) => taker.skip(Skipped { place, why }),
        }
    }
    Ok(taker.finish(ImportFormat::Exchanges))
}

fn recordings(source: &Source, text: &str, format: Option<ImportFormat>) -> Result<Imported, ImportError> {
    let path = || source.name().to_owned();
    let other = |format: Option<ImportFormat>| match format {
        Some(format) => ImportError::Other { path: path(), format },
        None => ImportError::Unknown { path: path() },
    };
    let documents = match documents_of(source.name(), text) {
        Err(error) => {
            let line = second_archive(text).filter(|_| matches!(format, None | Some(ImportFormat::Har)));
            return Err(match line {
                Some(line) => ImportError::Archives { path: path(), line },
                None if is_json_lines(text) => other(format),
                None => error,
            });
        }
        Ok(documents) => documents,
    };
    if documents.iter().all(|document| document.content == Content::Null) {
        return Err(ImportError::Empty { path: path() });
    }
    let format = format.or_else(|| of_documents(&documents)).ok_or_else(|| other(None))?;
    let mut taker = Taker::default();
    if format == ImportFormat::Har {
        let entries = documents.first().and_then(har::entries).ok_or_else(|| other(Some(format)))?;
        if let Some(second) = documents.get(1) {
            return Err(ImportError::Archives { path: path(), line: second.line });
        }
        let attachments = Attachments::new(source.directory());
        (1..).zip(entries).for_each(|(number, entry)| take_entry(number, entry, attachments, &mut taker));
        return Ok(taker.finish(format));
    }
    let (found, strangers) = interactions(&documents, format);
    match (found, strangers.first()) {
        (None, _) => return Err(other(Some(format))),
        (Some(_), Some(&line)) => return Err(ImportError::Document { path: path(), line, format }),
        (Some(found), None) => {
            for (number, mut found) in (1..).zip(found) {
                found.place.number = number;
                taker.take(found);
            }
        }
    }
    Ok(taker.finish(format))
}

/// The line on which more JSON begins behind an archive.
fn second_archive(text: &str) -> Option<usize> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<serde::de::IgnoredAny>();
    values.next()?.ok()?;
    let (first, rest) = text.split_at(values.byte_offset());
    let second = rest.trim_start();
    let is_archive = of_documents(&[json::document(first).ok()?]) == Some(ImportFormat::Har);
    let before = text.len() - second.len();
    (is_archive && second.starts_with('{')).then(|| text[..before].matches('\n').count() + 1)
}

/// The documents of a text: JSON, or YAML. What looks like JSON and is damaged is YAML only by its
/// name: YAML would take most of it, and bodies with raw line breaks for others than they were.
fn documents_of(path: &Path, text: &str) -> Result<Vec<Node>, ImportError> {
    if text.trim_start().starts_with(['{', '[']) {
        match json::document(text) {
            Ok(document) => return Ok(vec![document]),
            Err(error) if !is_named_yaml(path) => return Err(of_json(path, 1, &error)),
            Err(_) => {}
        }
    }
    yaml::documents(text).map_err(|problem| ImportError::Syntax {
        path: path.to_owned(),
        line: problem.line,
        column: problem.column,
        problem: problem.problem,
    })
}

/// Whether a file is YAML by its name, which may say beside that it is compressed.
fn is_named_yaml(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let name = [".gz", ".zz"].into_iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
    Path::new(name).extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

/// The interactions of all documents, `None` where none has some of this format; and the lines of
/// those that have none.
fn interactions(documents: &[Node], format: ImportFormat) -> (Option<Vec<Found>>, Vec<usize>) {
    let of_one = match format {
        ImportFormat::Vcr => ruby_vcr::interactions,
        ImportFormat::Vcrpy => vcrpy::interactions,
        ImportFormat::GoVcr => go_vcr::interactions,
        _ => httpmock::interactions,
    };
    let (mut all, mut strangers) = (None, Vec::new());
    for document in documents.iter().filter(|document| document.content != Content::Null) {
        match of_one(document) {
            Some(found) => all.get_or_insert_with(Vec::new).extend(found),
            None => strangers.push(document.line),
        }
    }
    (all, strangers)
}

/// Takes an entry of a log. One that nightreel has written says itself what it was.
fn take_entry(number: usize, entry: &Node, attachments: Attachments<'_>, taker: &mut Taker) {
    let found = har::interaction(number, entry, attachments);
    match har_own::exchange(entry, &found) {
        None => taker.take(found),
        Some(Ok(exchange)) => taker.push(&found.place, exchange),
        Some(Err(why)) => taker.skip(Skipped { place: found.place, why }),
    }
}
