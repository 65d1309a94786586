//! An item for people.

use nightreel::store::{ItemView, Run};

use super::super::count::counted;
use super::super::page::Page;
use super::super::terminal_text::one_line;
use super::command::Only;
use super::exchange::{Exchange, shown};
use super::hint::{AskedBy, hint};
use super::item::Item;
use super::{attempt_text, body};

/// An item: its row, and each exchange with its request and every attempt.
pub(super) fn text(run: &Run, item: &Item, only: Only) -> String {
    let mut page = Page::default();
    let outcome = item.view.as_ref().map_or("not settled yet", |view| view.outcome.as_str());
    let (id, job, position) = (run.id, one_line(&run.begun.job), item.id.position());
    page.line(format_args!("run {id} of {job}, item #{position}: {outcome}"));
    if let Some(view) = &item.view {
        write_row(&mut page, view, AskedBy::of(&run.begun));
    }
    for exchange in shown(&item.exchanges, only) {
        page.line("");
        write_exchange(&mut page, exchange, only, run.begun.started_at_ms);
    }
    if item.exchanges.is_empty() {
        page.line("\nnothing was asked for it");
    }
    page.finish()
}

fn write_row(page: &mut Page, view: &ItemView, asked_by: AskedBy) {
    page.line(format_args!("  row     {} (number {})", one_line(&view.row_id), view.row_number));
    page.line(format_args!("  model   {}, sample {}", one_line(&view.model), view.sample));
    if let Some(error) = &view.error {
        page.line(format_args!("  error   {}", one_line(error)));
    }
    if let Some(hint) = hint(view.outcome, asked_by) {
        page.line(format_args!("  to do   {hint}"));
    }
    page.line("\nfields of the row");
    page.text(&body::text(&view.fields));
}

fn write_exchange(page: &mut Page, exchange: &Exchange, only: Only, run_started_at_ms: i64) {
    let endpoint = exchange.endpoint.map(|endpoint| format!(" to {endpoint}")).unwrap_or_default();
    let (step, key, occurrence) = (exchange.step, exchange.state.key, exchange.state.occurrence);
    let bytes = counted(exchange.request.len() as u64, "byte");
    page.line(format_args!("step {step}: request{endpoint}, {bytes}"));
    page.line(format_args!("  key {key}, occurrence {occurrence}"));
    page.text(&body::text(&exchange.request));
    for (number, view) in exchange.shown(only) {
        page.line("");
        attempt_text::write(page, number, view, run_started_at_ms);
    }
}
