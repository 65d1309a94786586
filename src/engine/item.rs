//! One thing to ask: a row, a model, a sample, and what is known of it already.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::input::{Input, RowReader};
use crate::model::{Key, Request, Row};
use crate::prompt::{Draft, Prompt};
use crate::record::{Found, Redactor};
use crate::store::{ExchangeRecord, ItemId, RowRecord, StoreError, Tally};

use super::StopReason;

/// One thing to ask.
#[derive(Debug)]
pub(super) struct Item {
    /// Which one it is.
    pub(super) id: ItemId,
    /// Where it comes from and what it asks.
    pub(super) planned: Planned,
    /// The exchanges that recordings answer, from the first step on.
    pub(super) replayed: Vec<(Arc<ExchangeRecord>, Found)>,
    /// How many attempts the first exchange that is to be sent has had before.
    pub(super) earlier_attempts: u32,
}

/// An item before anything is known of its recordings.
#[derive(Debug, Clone)]
pub(super) struct Planned {
    /// Its place in input order, from 0.
    pub(super) position: u32,
    /// Its row, as it is stored.
    pub(super) row: Arc<RowRecord>,
    /// Which sample it is, from 0.
    pub(super) sample: u32,
    /// Makes its requests.
    pub(super) draft: Arc<Draft>,
    /// Its first request.
    pub(super) first: Asked,
    /// The how-manieth time its first key is asked in the run, from 0. Its later steps share it:
    /// their requests hold the first one, so that they can only repeat together.
    pub(super) occurrence: u32,
}

/// A request, as it is sent and as it is kept.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// What is sent.
    pub(super) request: Request,
    /// What is kept: the body with secrets struck.
    pub(super) kept: Bytes,
    /// The key of what is kept.
    pub(super) key: Key,
}

/// Reads rows and plans their items, in input order.
pub(super) struct Planner {
    rows: RowReader,
    prompt: Arc<Prompt>,
    redactor: Arc<Redactor>,
    tally: Arc<Mutex<Tally>>,
    left: u64,
    position: u32,
}

/// A row whose items can be planned.
pub(super) struct PlannedRow {
    row: Row,
    record: Arc<RowRecord>,
    /// The position of its first item.
    pub(super) position: u32,
}

impl Planner {
    pub(super) fn new(
        input: &Input,
        prompt: Arc<Prompt>,
        redactor: Arc<Redactor>,
        rows: u64,
    ) -> Result<Self, StopReason> {
        let reader = input.rows().map_err(|error| StopReason::Input(error.to_string()))?;
        Ok(Self { rows: reader, prompt, redactor, tally: Arc::default(), left: rows, position: 0 })
    }

    /// A planner from the first row on that counts keys with this one: each key is asked of one
    /// model, so that two planners of different models count different keys.
    pub(super) fn beside(&self, input: &Input, rows: u64) -> Result<Self, StopReason> {
        let beside = Self::new(input, Arc::clone(&self.prompt), Arc::clone(&self.redactor), rows)?;
        Ok(Self { tally: Arc::clone(&self.tally), ..beside })
    }

    /// Passes over the rows all of whose items stand before a position.
    pub(super) fn skip_to(&mut self, position: u32) {
        while self.left > 0 && self.position + self.items_a_row() <= position && self.rows.next().is_some() {
            self.left -= 1;
            self.position += self.items_a_row();
        }
    }

    /// The model that is asked of, where the job names them.
    pub(super) fn model(&self, model: usize) -> Option<&Arc<str>> {
        self.prompt.model(model)
    }

    /// The next row.
    pub(super) fn next_row(&mut self) -> Option<Result<PlannedRow, StopReason>> {
        self.left = self.left.checked_sub(1)?;
        let row = match self.rows.next()? {
            Ok(row) => row,
            Err(error) => return Some(Err(StopReason::Input(error.to_string()))),
        };
        let fields = kept_fields(&row.fields, &self.redactor);
        let record = RowRecord {
            number: u32::try_from(row.number).expect("the check has counted the rows"),
            id: row.id.clone(),
            line: row.line,
            fields,
        };
        let position = self.position;
        self.position += self.items_a_row();
        Some(Ok(PlannedRow { row, record: Arc::new(record), position }))
    }

    /// How many items each row has.
    pub(super) fn items_a_row(&self) -> u32 {
        u32::try_from(self.prompt.models()).expect("the check has counted the items") * self.prompt.samples()
    }

    /// What makes the requests of a row for one of the models.
    pub(super) fn draft(&self, row: &PlannedRow, model: usize) -> Result<Arc<Draft>, StopReason> {
        let draft = self.prompt.draft(&row.row, model).map_err(|error| StopReason::Input(error.to_string()))?;
        Ok(Arc::new(draft))
    }

    /// The models, each with its samples, of every row.
    pub(super) fn shape(&self) -> (usize, u32) {
        (self.prompt.models(), self.prompt.samples())
    }

    /// Counts a key, and says how often it was asked before.
    pub(super) fn count(&mut self, key: &Key) -> Result<u32, StopReason> {
        let mut first = [0; 8];
        first.copy_from_slice(key.prefix());
        Ok(self.tally.lock().unwrap_or_else(PoisonError::into_inner).count(&first)?)
    }

    /// Plans an item of a row.
    pub(super) fn plan(
        &mut self,
        row: &PlannedRow,
        draft: &Arc<Draft>,
        first: &Asked,
        place: (u32, u32),
    ) -> Result<Planned, StopReason> {
        let (position, sample) = place;
        let occurrence = self.count(&first.key)?;
        Ok(Planned {
            position,
            row: Arc::clone(&row.record),
            sample,
            draft: Arc::clone(draft),
            first: first.clone(),
            occurrence,
        })
    }

    /// The first request of a draft.
    pub(super) fn first(&self, draft: &Draft) -> Result<Asked, StopReason> {
        asked(draft, 0, &[], &self.redactor).map_err(StopReason::Input)
    }
}

/// The fields of a row as they are kept: with secrets struck, like the request that is made of them.
fn kept_fields(fields: &Map<String, Value>, redactor: &Redactor) -> Bytes {
    let whole: Bytes = serde_json::to_vec(fields).expect("a map of JSON values is JSON").into();
    let struck = redactor.strike(&whole);
    // A rule that is made for text may break the JSON around it.
    if struck == whole || serde_json::from_slice::<Map<String, Value>>(&struck).is_ok() {
        return struck;
    }
    let mut fields = Value::Object(fields.clone());
    strike_texts(&mut fields, redactor);
    serde_json::to_vec(&fields).expect("JSON values are JSON").into()
}

fn strike_texts(value: &mut Value, redactor: &Redactor) {
    match value {
        Value::String(text) => *text = redactor.strike_text(text),
        Value::Array(values) => values.iter_mut().for_each(|value| strike_texts(value, redactor)),
        Value::Object(fields) => fields.values_mut().for_each(|value| strike_texts(value, redactor)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The request of a step, as it is sent and as it is kept.
pub(super) fn asked(draft: &Draft, step: usize, answers: &[String], redactor: &Redactor) -> Result<Asked, String> {
    let request = draft.request(step, answers).map_err(|error| error.to_string())?;
    if redactor.is_empty() {
        return Ok(Asked { kept: request.body.clone(), key: request.key, request });
    }
    let kept = redactor.strike(&request.body);
    let key = if kept == request.body {
        request.key
    } else {
        draft.key(&kept).map_err(|error| format!("what redaction left of a request is no JSON: {error}"))?
    };
    Ok(Asked { request, kept, key })
}

impl Planned {
    /// The exchange of a step.
    pub(super) fn exchange(&self, id: ItemId, step: u8, asked: &Asked) -> ExchangeRecord {
        ExchangeRecord {
            id: id.exchange(step),
            key: asked.key,
            occurrence: self.occurrence,
            session: None,
            endpoint: asked.request.endpoint,
            request: asked.kept.clone(),
        }
    }
}

impl From<StoreError> for StopReason {
    fn from(error: StoreError) -> Self {
        Self::Store(error.to_string())
    }
}
