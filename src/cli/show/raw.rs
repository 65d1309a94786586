//! The exact bytes of a body.

use anyhow::anyhow;
use clap::ValueEnum;
use nightreel::store::AttemptView;

use super::super::context::print_bytes;
use super::super::exit::Failure;
use super::command::Only;
use super::exchange::Exchange;
use super::item::Item;

/// Which body of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Part {
    /// What was sent.
    Request,
    /// What came back.
    Response,
}

/// Writes the exact bytes of a body to standard output.
pub(super) fn write_raw(item: &Item, part: Part, only: Only) -> Result<(), Failure> {
    let exchange = exchange(item, only).map_err(|problem| Failure::usage(anyhow!(problem)))?;
    let bytes = match part {
        Part::Request => Ok(exchange.request.as_ref()),
        Part::Response => attempt(exchange, only).and_then(body),
    };
    let bytes = bytes.map_err(|problem| Failure::usage(anyhow!(problem)))?;
    print_bytes(bytes).map_err(Failure::store)
}

/// The exchange that is meant: the last one where none is named.
fn exchange(item: &Item, only: Only) -> Result<&Exchange, String> {
    let exchange = match only.step {
        Some(step) => item.exchanges.iter().find(|exchange| exchange.step == step),
        None => item.exchanges.last(),
    };
    exchange.ok_or_else(|| match (only.step, item.exchanges.len()) {
        (_, 0) => "nothing was asked for this item".to_owned(),
        (step, exchanges) => {
            let last = exchanges - 1;
            format!("the item has no step {}; its steps are 0 to {last}", step.unwrap_or_default())
        }
    })
}

/// The attempt that is meant: the one that settled the exchange where none is named.
fn attempt(exchange: &Exchange, only: Only) -> Result<&AttemptView, String> {
    let attempt = match only.attempt {
        Some(_) => exchange.shown(only).next().map(|(_, attempt)| attempt),
        None => exchange.attempts.iter().find(|attempt| attempt.settling),
    };
    attempt.ok_or_else(|| match (only.attempt, exchange.attempts.len()) {
        (_, 0) => format!("step {} has no attempts yet", exchange.step),
        (Some(attempt), attempts) => format!("step {} has no attempt {attempt}; it has {attempts}", exchange.step),
        (None, attempts) => {
            let step = exchange.step;
            format!("no attempt has settled step {step} yet; name one of its {attempts} with --attempt")
        }
    })
}

fn body(attempt: &AttemptView) -> Result<&[u8], String> {
    let reply = attempt.attempt.reply.as_ref();
    reply.map(|reply| reply.body.as_ref()).map_err(|fault| format!("the attempt brought no response: {fault}"))
}
