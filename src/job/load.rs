//! Reading the bytes of a job file.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::place::Source;
use super::{JobError, nearest};

/// The most that is read of a job file, in bytes.
const MAX_BYTES: u64 = 16 << 20;

/// Reads the text of a job file, without a byte order mark.
pub(super) fn read(path: &Path) -> Result<String, JobError> {
    if path.is_dir() {
        return Err(JobError::Directory { path: path.to_owned(), hint: names_hint(&job_files(path)) });
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|source| unreadable(path, source))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(JobError::TooLarge { path: path.to_owned() });
    }
    text(bytes, path)
}

/// The text of the bytes, without a byte order mark.
pub(super) fn text(bytes: Vec<u8>, path: &Path) -> Result<String, JobError> {
    let origin = path.display().to_string();
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        let place = Source::new("", &origin).place(0);
        return Err(JobError::Encoding { place, problem: "this is UTF-16" });
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = String::from_utf8_lossy(&error.as_bytes()[..valid]);
        let place = Source::new(without_mark(&before), &origin).place(before.len());
        JobError::Encoding { place, problem: "a byte that is not UTF-8" }
    })?;
    Ok(without_mark(&text).to_owned())
}

fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

fn unreadable(path: &Path, source: std::io::Error) -> JobError {
    let path = path.to_owned();
    match source.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => JobError::Missing { hint: missing_hint(&path), path },
        _ => JobError::Unreadable { path, source },
    }
}

fn missing_hint(path: &Path) -> String {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if !directory.is_dir() {
        return format!("; there is no directory {}", directory.display());
    }
    let names = job_files(directory);
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    match nearest(&name, names.iter().map(String::as_str)) {
        Some(near) => format!("; did you mean {}?", beside(path, near).display()),
        None => names_hint(&names),
    }
}

fn beside(path: &Path, name: &str) -> PathBuf {
    path.with_file_name(name)
}

/// The names of the job files in a directory, in order.
fn job_files(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "toml") && entry.path().is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// At most five names, so that a message stays a message.
fn names_hint(names: &[String]) -> String {
    let shown = names.iter().take(5).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len() {
        0 => "; there is no *.toml either".to_owned(),
        1..=5 => format!("; there is {shown}"),
        count => format!("; there is {shown} and {} more", count - 5),
    }
}
