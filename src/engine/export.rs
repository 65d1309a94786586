//! Results of a run, from the store, at any time.

use std::io;

use serde_json::{Map, Value};

use crate::model::Request;
use crate::store::{ItemView, Items, Reader, StoreError};

use super::columns::Columns;
use super::result_line::ResultLine;
use super::{Output, ResultColumns, ResultFormat, ResultWriter};

/// How many items are read at once.
const PAGE: usize = 512;

/// Why results could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The output cannot be written.
    #[error("cannot write the results to {output}: {source}")]
    Output {
        /// Where to.
        output: String,
        /// What the system says.
        source: io::Error,
    },
}

impl ExportError {
    /// An output that cannot be written.
    #[must_use]
    pub fn output(output: &Output, source: io::Error) -> Self {
        let output = match output {
            Output::Stdout => "standard output".to_owned(),
            Output::File(path) => path.display().to_string(),
        };
        Self::Output { output, source }
    }
}

/// Writes the settled items of a run, or some of them, in input order; gives their number.
///
/// # Errors
/// Fails if the store cannot be read or the output cannot be written.
pub fn export(
    reader: &mut Reader,
    items: impl Into<Items>,
    output: &Output,
    format: ResultFormat,
) -> Result<u64, ExportError> {
    let wanted = items.into();
    let begun = reader.run(wanted.run)?.begun;
    let csv = format == ResultFormat::Csv;
    let columns = if csv { columns(reader, wanted, &begun.job_identity)? } else { ResultColumns::default() };
    let items_a_row = begun.item_count / begun.row_count.max(1);
    let failed = |source| ExportError::output(output, source);
    let mut writer = ResultWriter::create(output, format, columns, items_a_row).map_err(failed)?;
    let formatter = writer.formatter();
    let mut out = Vec::new();
    pages(reader, wanted, |_, items| {
        out.clear();
        for item in items {
            formatter.format(&line(item), &mut out);
        }
        writer.write_lines(&out, items.len() as u64).map_err(failed)
    })?;
    writer.finish().map_err(failed)
}

fn line(item: &ItemView) -> ResultLine<'_> {
    let steps = item.steps.iter().map(|step| (step.endpoint, step.key, &step.attempt));
    let mut line = ResultLine::new((&item.row_id, &item.model, item.sample, &item.fields), steps);
    if item.outcome == crate::model::Outcome::NotRecorded || item.steps.is_empty() {
        line.trail.outcome = item.outcome;
        line.trail.error.clone_from(&item.error);
        line.trail.answer = None;
    }
    line
}

fn columns(reader: &mut Reader, wanted: Items, job: &str) -> Result<ResultColumns, ExportError> {
    let job: Value = serde_json::from_str(job).unwrap_or_default();
    let request = &job["request"];
    // Without a template each row is a request, and says itself whether it asks for a stream.
    let rows_ask = ["prompt", "messages", "turns"].iter().all(|name| request[name].is_null());
    let mut streams = request["stream"] == true;
    let mut columns = Columns::default();
    pages(reader, wanted, |reader, items| {
        for item in items {
            let fields: Map<String, Value> = serde_json::from_slice(&item.fields).unwrap_or_default();
            columns.add(&fields);
            if rows_ask && !streams {
                let body = reader.request(item.item.exchange(0))?;
                streams = body.is_some_and(|body| Request::asks_for_stream(&body));
            }
        }
        Ok(())
    })?;
    Ok(ResultColumns { input: columns.into_names(), streams })
}

fn pages(
    reader: &mut Reader,
    wanted: Items,
    mut page: impl FnMut(&mut Reader, &[ItemView]) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let mut from = 0;
    loop {
        let items = reader.items(wanted, from, PAGE)?;
        let Some(last) = items.last() else { return Ok(()) };
        let last = last.item.position();
        page(reader, &items)?;
        let Some(next) = last.checked_add(1) else { return Ok(()) };
        from = next;
    }
}
