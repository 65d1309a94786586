//! What the module promises, by the kind of file.

mod anthropic;
mod batches;
mod files;
mod json;
mod real_data;
mod round_trip;
mod tables;

use serde_json::Value;

use crate::model::{Format, Row};

use super::{Input, InputError, Options};

/// An input whose content is at hand, called `q` in messages.
fn input(content: &[u8], options: Options) -> Result<Input, InputError> {
    Input::from_reader(content, "q", options)
}

fn of_format(format: Format) -> Options {
    Options { format: Some(format), ..Options::default() }
}

/// All rows, or what is said of them.
fn read(content: &[u8], options: Options) -> Vec<Result<Row, String>> {
    match input(content, options).and_then(|input| input.rows()) {
        Ok(rows) => rows.map(|row| row.map_err(|error| error.to_string())).collect(),
        Err(error) => vec![Err(error.to_string())],
    }
}

/// What is said of a file that has one thing wrong.
fn message(content: &[u8], options: Options) -> String {
    let mut errors = read(content, options).into_iter().filter_map(Result::err);
    let first = errors.next().expect("the file is wrong");
    assert_eq!(errors.next(), None, "only one thing is wrong");
    first
}

/// The rows' cells or fields.
fn fields(rows: &[Result<Row, String>]) -> Vec<Value> {
    rows.iter().map(|row| Value::Object(row.as_ref().expect("the row is good").fields.clone())).collect()
}
