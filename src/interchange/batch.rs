//! `OpenAI` Batch: requests in one file, their results in others.

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::path::Path;

use serde::Deserialize;
use serde::de::Error;
use serde_json::Value;
use serde_json::value::RawValue;

use super::found::{Found, FoundReply, final_status};
use super::node::{Content, Node};
use super::take::Taker;
use super::{Place, Skipped};

/// A request of a batch.
#[derive(Deserialize)]
struct InputLine<'a> {
    custom_id: String,
    method: Option<String>,
    url: Option<String>,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
}

/// A result of a batch.
#[derive(Deserialize)]
struct OutputLine<'a> {
    custom_id: String,
    #[serde(borrow)]
    response: Option<Response<'a>>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Response<'a> {
    status_code: u16,
    request_id: Option<String>,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
}

/// The lines of a file with their numbers, without blank ones.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty())
}

/// What a line of requests is, and one of results.
const REQUEST: &str = "a request of a batch: an object with `custom_id`, `method`, `url` and `body`";
const RESULT: &str = "a result of a batch: an object with `custom_id` and `response` or `error`";

/// The object of a line. An array of as many values would be taken for one otherwise.
fn object<'a, T: Deserialize<'a>>(line: &'a str, wanted: &str) -> Result<T, serde_json::Error> {
    let value: &RawValue = serde_json::from_str(line)?;
    if value.get().starts_with('{') {
        serde_json::from_str(line)
    } else {
        Err(Error::custom(format!("it is not {wanted}")))
    }
}

/// The results of some files, by the ids of their requests.
#[derive(Default)]
pub(super) struct Results<'a> {
    by_id: HashMap<String, (Place, Option<OutputLine<'a>>)>,
    doubled: Vec<Skipped>,
}

impl<'a> Results<'a> {
    /// Adds a file; fails with the line that is no result.
    pub(super) fn add(&mut self, file: &Path, text: &'a str) -> Result<(), (usize, serde_json::Error)> {
        for (number, (line, text)) in (1..).zip(lines(text)) {
            let output: OutputLine<'a> = object(text, RESULT).map_err(|error| (line, error))?;
            let place = Place { file: Some(file.to_owned()), number, line, method: String::new(), path: String::new() };
            match self.by_id.entry(output.custom_id.clone()) {
                Entry::Vacant(free) => {
                    free.insert((place, Some(output)));
                }
                Entry::Occupied(taken) => {
                    self.doubled.push(Skipped { place, why: format!("{:?} has a result already", taken.key()) });
                }
            }
        }
        Ok(())
    }

    /// Joins the requests of a file with these results; fails with the line that is no request.
    pub(super) fn join(mut self, input: &str, taker: &mut Taker) -> Result<(), (usize, serde_json::Error)> {
        let mut asked = HashSet::new();
        for (number, (line, text)) in (1..).zip(lines(input)) {
            let input: InputLine<'_> = object(text, REQUEST).map_err(|error| (line, error))?;
            let result = self.by_id.get_mut(&input.custom_id).and_then(|(_, output)| output.take());
            let mut found = found(number, line, &input, result);
            if !asked.insert(input.custom_id.clone()) {
                found.reply = Err(format!("a request before it has its custom_id, {:?}, too", input.custom_id));
            }
            taker.take(found);
        }
        let left = self.by_id.into_values().filter_map(|(place, output)| Some((place, output?)));
        let left = left.map(|(place, output)| {
            let why = format!("a result of {:?}, which no request has for its custom_id", output.custom_id);
            Skipped { place, why }
        });
        let mut left: Vec<Skipped> = left.chain(self.doubled).collect();
        left.sort_by(|one, other| (&one.place.file, one.place.line).cmp(&(&other.place.file, other.place.line)));
        for skipped in left {
            taker.skip(skipped);
        }
        Ok(())
    }
}

fn found(number: usize, line: usize, input: &InputLine<'_>, result: Option<OutputLine<'_>>) -> Found {
    let node = Node { line, content: Content::Null };
    let mut found =
        Found::new(number, &node, input.method.as_deref().map(Cow::Borrowed), input.url.as_deref().map(Cow::Borrowed));
    if let Some(body) = input.body {
        found.request = Ok(body.get().as_bytes().to_vec());
    }
    found.reply = match result {
        Some(result) => reply(result),
        None => Err(format!("no output file has a result of {:?}", input.custom_id)),
    };
    found
}

fn reply(result: OutputLine<'_>) -> Result<FoundReply, String> {
    let error = result.error.filter(|error| !error.is_null());
    let Some(response) = result.response else {
        return Err(format!("it has no response: {}", error.unwrap_or_default()));
    };
    let beside = |why: String| error.map_or_else(|| why.clone(), |error| format!("{why}; its error is {error}"));
    let kind = ("content-type".to_owned(), "application/json".to_owned());
    let id = response.request_id.filter(|id| !id.is_empty()).map(|id| ("x-request-id".to_owned(), id));
    let body = response.body.map(|body| body.get().as_bytes().to_vec()).unwrap_or_default();
    let status = final_status(response.status_code).map_err(beside)?;
    Ok(FoundReply { status, headers: [kind].into_iter().chain(id).collect(), body })
}
