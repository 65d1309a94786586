//! One item of a results file, in each format.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::model::{Answer, Attempt, BodyShape, Content, Endpoint, Key, Outcome, Reply, Speed, Streamed};

use super::trail::Trail;

/// All that a results file says of an item. Nothing in it tells a replay from the recording.
pub(super) struct ResultLine<'a> {
    /// The row's id.
    pub(super) id: &'a str,
    /// The model that was asked.
    pub(super) model: &'a str,
    /// Which sample it is, from 0.
    pub(super) sample: u32,
    /// The row's fields, as a JSON object.
    pub(super) fields: &'a [u8],
    /// What its exchanges add up to.
    pub(super) trail: Trail,
    /// The exchange that settled it.
    pub(super) last: Option<LastStep<'a>>,
    /// How many turns it has.
    pub(super) steps: usize,
}

/// The exchange that settled an item.
pub(super) struct LastStep<'a> {
    pub(super) key: Key,
    pub(super) attempt: &'a Attempt,
}

impl<'a> ResultLine<'a> {
    /// A line for an item whose exchanges were settled by these attempts, in order.
    pub(super) fn new(
        item: (&'a str, &'a str, u32, &'a [u8]),
        steps: impl IntoIterator<Item = (Endpoint, Key, &'a Attempt)>,
    ) -> Self {
        let (id, model, sample, fields) = item;
        let mut line = Self { id, model, sample, fields, trail: Trail::default(), last: None, steps: 0 };
        for (endpoint, key, attempt) in steps {
            line.trail.add(endpoint, attempt);
            line.last = Some(LastStep { key, attempt });
            line.steps += 1;
        }
        line
    }

    /// Says that something is not recorded.
    pub(super) fn not_recorded(&mut self, error: String) {
        self.trail.outcome = Outcome::NotRecorded;
        self.trail.error = Some(error);
        self.trail.answer = None;
    }

    /// Appends the line as JSON.
    pub(super) fn write_jsonl(&self, out: &mut Vec<u8>) {
        let answer = self.trail.answer.as_ref();
        let responses = (self.steps > 1).then_some(self.trail.texts.as_slice());
        let speed = self.speed().map(|speed| SpeedFields {
            ttft_ms: speed.first_token_us.map(milliseconds),
            tokens_per_second: speed.tokens_per_second,
        });
        let head = Head {
            id: self.id,
            model: self.model,
            sample: self.sample,
            outcome: self.trail.outcome.as_str(),
            response: Response(answer),
            responses,
            tool_calls: answer.and_then(|answer| answer.tool_calls.as_deref()).map(one_line),
            error: self.trail.error.as_deref(),
            finish_reason: answer.and_then(|answer| answer.finish_reason.as_deref()),
            prompt_tokens: self.trail.prompt_tokens,
            completion_tokens: self.trail.completion_tokens,
            cost_usd: self.trail.cost_usd,
            attempts: self.trail.attempts,
            latency_ms: milliseconds(self.trail.latency_us),
            speed,
        };
        serde_json::to_writer(&mut *out, &head).expect("a line of plain values is JSON, and memory takes it");
        out.pop();
        out.extend_from_slice(b",\"input\":");
        out.extend_from_slice(self.fields);
        out.extend_from_slice(b"}\n");
    }

    /// How fast the answer came, where it was streamed; of a conversation, the last one.
    fn speed(&self) -> Option<Speed> {
        self.trail.answer.as_ref()?.speed(self.reply()?)
    }

    fn reply(&self) -> Option<&Reply> {
        self.last.as_ref()?.attempt.reply.as_ref().ok()
    }

    /// The line as CSV cells: the input's columns, then nightreel's, with those of streams or
    /// without.
    pub(super) fn csv_cells(&self, columns: &[String], streams: bool) -> Vec<String> {
        let fields: Map<String, Value> = serde_json::from_slice(self.fields).unwrap_or_default();
        let answer = self.trail.answer.as_ref();
        let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
        let own = [
            self.id.to_owned(),
            self.model.to_owned(),
            self.sample.to_string(),
            self.trail.outcome.as_str().to_owned(),
            text(answer),
            self.trail.error.clone().unwrap_or_default(),
            answer.and_then(|answer| answer.finish_reason.clone()).unwrap_or_default(),
            number(self.trail.prompt_tokens),
            number(self.trail.completion_tokens),
            self.trail.cost_usd.map(|cost| cost.to_string()).unwrap_or_default(),
            self.trail.attempts.to_string(),
            milliseconds(self.trail.latency_us).to_string(),
        ];
        let speed = self.speed().unwrap_or_default();
        let time = speed.first_token_us.map(|us| milliseconds(us).to_string());
        let streamed = [time, speed.tokens_per_second.map(|rate| rate.to_string())].map(Option::unwrap_or_default);
        let streamed = streamed.into_iter().filter(|_| streams);
        let input = columns.iter().map(|column| fields.get(column).map(cell).unwrap_or_default());
        input.chain(own).chain(streamed).collect()
    }

    /// Appends the line as a line of an `OpenAI` Batch output file.
    pub(super) fn write_openai_batch(&self, custom_id: &str, out: &mut Vec<u8>) {
        let reply = self.reply();
        let body = reply.and_then(|reply| self.whole_body(reply));
        let body = body.as_ref().and_then(|body| std::str::from_utf8(body).ok());
        let body = body.and_then(|body| serde_json::from_str::<&RawValue>(body.trim_ascii()).ok());
        let id = self.last.as_ref().map_or_else(String::new, |last| last.key.to_string()[..32].to_owned());
        let response = reply.zip(body).map(|(reply, body)| BatchResponse {
            status_code: reply.status,
            request_id: reply.header("x-generation-id").or(reply.header("cf-aig-log-id")).unwrap_or_default(),
            body: one_line(body),
        });
        let error = response.is_none().then(|| BatchError {
            code: self.trail.outcome.as_str(),
            message: self.trail.error.as_deref().unwrap_or_default(),
        });
        let line = BatchLine { id: format!("batch_req_{id}"), custom_id, response, error };
        serde_json::to_writer(&mut *out, &line).expect("a line of plain values is JSON, and memory takes it");
        out.push(b'\n');
    }

    /// The body in one piece: a batch output file has no streams. One that is no answer is none.
    fn whole_body<'r>(&self, reply: &'r Reply) -> Option<Cow<'r, [u8]>> {
        if let Some(plain) = reply.uncompressed() {
            return self.whole_body(&plain).map(|body| Cow::Owned(body.into_owned()));
        }
        match reply.shape() {
            BodyShape::Json(body) => Some(Cow::Borrowed(body)),
            BodyShape::Events => self.trail.answer.as_ref().map(|_| Cow::Owned(Streamed::read(&reply.body).body)),
        }
    }
}

/// nightreel's columns of a CSV file, behind the input's.
pub(super) const OWN_COLUMNS: [&str; 12] = [
    "id",
    "model",
    "sample",
    "outcome",
    "response",
    "error",
    "finish_reason",
    "prompt_tokens",
    "completion_tokens",
    "cost_usd",
    "attempts",
    "latency_ms",
];

/// nightreel's further columns of a CSV file where answers are streamed.
pub(super) const STREAM_COLUMNS: [&str; 2] = ["ttft_ms", "tokens_per_second"];

/// What a line has of a streamed answer, and no other line has.
#[derive(Serialize)]
struct SpeedFields {
    ttft_ms: Option<f64>,
    tokens_per_second: Option<f64>,
}

#[derive(Serialize)]
struct Head<'a> {
    id: &'a str,
    model: &'a str,
    sample: u32,
    outcome: &'a str,
    response: Response<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    responses: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<Cow<'a, RawValue>>,
    error: Option<&'a str>,
    finish_reason: Option<&'a str>,
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    cost_usd: Option<f64>,
    attempts: u32,
    latency_ms: f64,
    #[serde(flatten)]
    speed: Option<SpeedFields>,
}

struct Response<'a>(Option<&'a Answer>);

impl Serialize for Response<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.and_then(|answer| answer.content.as_ref()) {
            Some(Content::Text(text)) => serializer.serialize_str(text),
            Some(Content::Json(json)) => one_line(json).serialize(serializer),
            None => serializer.serialize_none(),
        }
    }
}

#[derive(Serialize)]
struct BatchLine<'a> {
    id: String,
    custom_id: &'a str,
    response: Option<BatchResponse<'a>>,
    error: Option<BatchError<'a>>,
}

#[derive(Serialize)]
struct BatchResponse<'a> {
    status_code: u16,
    request_id: &'a str,
    body: Cow<'a, RawValue>,
}

#[derive(Serialize)]
struct BatchError<'a> {
    code: &'a str,
    message: &'a str,
}

/// The same JSON without line ends between its parts, which a provider may well send.
fn one_line(json: &RawValue) -> Cow<'_, RawValue> {
    if !json.get().contains(['\n', '\r']) {
        return Cow::Borrowed(json);
    }
    let value: Value = serde_json::from_str(json.get()).expect("a raw value was parsed before");
    Cow::Owned(serde_json::value::to_raw_value(&value).expect("a JSON value is JSON"))
}

fn text(answer: Option<&Answer>) -> String {
    match answer.and_then(|answer| answer.content.as_ref()) {
        Some(Content::Text(text)) => text.clone(),
        Some(Content::Json(json)) => json.get().to_owned(),
        None => {
            answer.and_then(|answer| answer.tool_calls.as_ref()).map(|calls| calls.get().to_owned()).unwrap_or_default()
        }
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a latency has far fewer than 53 bits")]
fn milliseconds(us: u64) -> f64 {
    us as f64 / 1000.0
}
