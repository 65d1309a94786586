//! Items for programs.

use nightreel::model::{Attempt, Header};
use nightreel::store::{AttemptView, Run};
use serde::Serialize;

use super::super::local_time::utc;
use super::body::Body;
use super::command::Only;
use super::event_id::event_id;
use super::exchange::{Exchange, shown};
use super::item::Item;
use super::stream::{Stream, StreamJson};

/// One JSON object with all the items.
pub(super) fn json(run: &Run, items: &[Item], only: Only) -> String {
    let items = items.iter().map(|item| item_json(item, only)).collect();
    let view = ItemsJson { run: run.id.0, job: &run.begun.job, items };
    let json = serde_json::to_string_pretty(&view).expect("plain values are JSON");
    format!("{json}\n")
}

#[derive(Serialize)]
struct ItemsJson<'a> {
    run: u32,
    job: &'a str,
    items: Vec<ItemJson<'a>>,
}

#[derive(Serialize)]
struct ItemJson<'a> {
    position: u32,
    /// The row's id; like the others `null` while the item is not settled.
    id: Option<&'a str>,
    row_number: Option<u32>,
    model: Option<&'a str>,
    sample: Option<u32>,
    outcome: Option<&'static str>,
    error: Option<&'a str>,
    input: Option<Body<'a>>,
    exchanges: Vec<ExchangeJson<'a>>,
}

#[derive(Serialize)]
struct ExchangeJson<'a> {
    step: u8,
    endpoint: Option<&'static str>,
    key: String,
    occurrence: u32,
    settled: bool,
    request: Body<'a>,
    attempts: Vec<AttemptJson<'a>>,
}

#[derive(Serialize)]
struct AttemptJson<'a> {
    /// Its place in the list, from 1: what `--attempt` takes.
    attempt: u32,
    settling: bool,
    class: &'static str,
    sent_at: String,
    queued_ms: f64,
    first_byte_ms: f64,
    total_ms: f64,
    /// The id by which a Cloudflare gateway's log finds it, whether it was answered or not.
    event_id: Option<String>,
    gateway_log_id: Option<&'a str>,
    /// `HIT` where the answer came from a gateway's cache.
    cache_status: Option<&'a str>,
    generation_id: Option<&'a str>,
    cf_ray: Option<&'a str>,
    served_model: Option<&'a str>,
    provider: Option<&'a str>,
    status: Option<u16>,
    /// `complete`, or how the reply or the send broke.
    ended: &'static str,
    /// What the network said, where there was no reply.
    fault: Option<&'a str>,
    /// In USD; `null` where nobody knows.
    cost_usd: Option<f64>,
    /// Whether a price says so, since the reply does not.
    cost_is_by_price: bool,
    /// What a budget counts for it where nobody knows what it cost.
    assumed_cost_usd: Option<f64>,
    /// Whether the one of these that is known is the least, since the price has proved too low.
    cost_is_lower_bound: bool,
    headers: Vec<HeaderJson<'a>>,
    body: Option<Body<'a>>,
    /// What the body adds up to, where it is a stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<StreamJson>,
}

#[derive(Serialize)]
struct HeaderJson<'a> {
    name: &'a str,
    value: &'a str,
}

fn item_json(item: &Item, only: Only) -> ItemJson<'_> {
    let view = item.view.as_ref();
    ItemJson {
        position: item.id.position(),
        id: view.map(|view| view.row_id.as_str()),
        row_number: view.map(|view| view.row_number),
        model: view.map(|view| view.model.as_str()),
        sample: view.map(|view| view.sample),
        outcome: view.map(|view| view.outcome.as_str()),
        error: view.and_then(|view| view.error.as_deref()),
        input: view.map(|view| Body(&view.fields)),
        exchanges: shown(&item.exchanges, only).map(|exchange| exchange_json(exchange, only)).collect(),
    }
}

fn exchange_json(exchange: &Exchange, only: Only) -> ExchangeJson<'_> {
    ExchangeJson {
        step: exchange.step,
        endpoint: exchange.endpoint.map(nightreel::model::Endpoint::path),
        key: exchange.state.key.to_string(),
        occurrence: exchange.state.occurrence,
        settled: exchange.state.settled,
        request: Body(&exchange.request),
        attempts: exchange.shown(only).map(|(number, view)| attempt_json(number, view)).collect(),
    }
}

fn attempt_json(number: u32, view: &AttemptView) -> AttemptJson<'_> {
    let Attempt { sent_at_ms, timing, reply, class, cost_usd, assumed_cost_usd, .. } = &view.attempt;
    let whole = reply.as_ref();
    let header = |name: &str| whole.ok().and_then(|reply| reply.header(name));
    AttemptJson {
        attempt: number,
        settling: view.settling,
        class: class.as_str(),
        sent_at: utc(*sent_at_ms),
        queued_ms: milliseconds(timing.queued_us),
        first_byte_ms: milliseconds(timing.first_byte_us),
        total_ms: milliseconds(timing.total_us),
        event_id: event_id(view),
        gateway_log_id: header("cf-aig-log-id"),
        cache_status: header("cf-aig-cache-status").or_else(|| header("x-openrouter-cache-status")),
        generation_id: header("x-generation-id"),
        cf_ray: header("cf-ray"),
        served_model: view.served_model.as_deref(),
        provider: view.provider.as_deref(),
        status: whole.ok().map(|reply| reply.status),
        ended: whole.map_or_else(|fault| fault.kind.as_str(), |reply| reply.end.as_str()),
        fault: whole.err().map(|fault| fault.message.as_str()),
        cost_usd: *cost_usd,
        cost_is_by_price: view.is_by_price,
        assumed_cost_usd: *assumed_cost_usd,
        cost_is_lower_bound: view.is_underpriced,
        headers: whole.map(|reply| reply.headers.iter().map(header_json).collect()).unwrap_or_default(),
        body: whole.ok().map(|reply| Body(&reply.body)),
        stream: whole.ok().and_then(Stream::of).map(Stream::json),
    }
}

fn header_json(header: &Header) -> HeaderJson<'_> {
    HeaderJson { name: &header.name, value: &header.value }
}

#[expect(clippy::cast_precision_loss, reason = "a latency has far fewer than 53 bits")]
pub(super) fn milliseconds(us: u64) -> f64 {
    us as f64 / 1000.0
}
