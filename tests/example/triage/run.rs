//! All tickets of a file.

use std::io::{self, Write};

use serde_json::json;

use super::sorting::Category;
use super::{Model, ModelError, Ticket, draft_refund, sort, summarise};

/// Sorts tickets, drafts answers, sums them up, and writes it all down. What the model refuses is
/// left to a person.
pub(crate) async fn run(model: &Model, tickets: &[Ticket], out: &mut impl Write) -> io::Result<()> {
    for ticket in tickets {
        let said = match sort(model, ticket).await {
            Ok(sorting) if sorting.category == Category::Refund => draft_refund(model, ticket, order).await,
            Ok(sorting) => Ok(format!("{:?}{}", sorting.category, if sorting.urgent { ", urgent" } else { "" })),
            Err(error) => Err(error),
        };
        match said {
            Ok(said) => writeln!(out, "{}: {said}", ticket.id)?,
            Err(ModelError::Refused(why)) => writeln!(out, "{}: for a person ({why})", ticket.id)?,
            Err(error) => writeln!(out, "{}: {error}", ticket.id)?,
        }
    }
    let mut told = Ok(());
    let tell = |text: &str| {
        if told.is_ok() {
            told = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        }
    };
    let summed = summarise(model, tickets, tell).await;
    told?;
    match summed {
        Ok(_) => writeln!(out),
        Err(error) => writeln!(out, "\nno summary: {error}"),
    }
}

/// What is known of an order. A real program asks its database.
pub(crate) fn order(number: &str) -> serde_json::Value {
    match number {
        "A-17" => json!({"order": "A-17", "paid_usd": 40, "delivered": false}),
        other => json!({"order": other, "error": "no such order"}),
    }
}
