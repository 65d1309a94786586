//! What each fault does to the reply of a request.

use std::time::Duration;

use bytes::Bytes;

use super::answer::{Answer, PROCESSING};
use super::draw::Draw;
use super::faults::Fault;
use super::refusal::{EdgeForm, GatewayError, Hint, Refusal, RouterError};
use super::reply::{Ending, Reply};
use super::simulation::Asked;

/// What is sent before a slow answer to keep its connection alive.
pub(super) const PADDING: &[u8] = b"\n         \n";
/// How many times it is sent where no answer follows.
const BLANK_TIMES: usize = 60;
/// How many comments a stream has where no answer follows.
const BLANK_COMMENTS: usize = 3;

/// The error that a fault answers instead of an answer; `None` where it lets the model answer.
pub(super) fn refusal(fault: Fault, asked: &Asked, draw: &mut Draw, retry_after: Duration) -> Option<Refusal> {
    let is_even = (asked.digest.word() ^ u64::from(asked.attempt)) & 1 == 0;
    Some(match fault {
        Fault::RateLimited => match Hint::pick(draw, retry_after) {
            hint @ Hint::Seconds(_) if is_even => GatewayError::rate_limited(Some(hint)).into(),
            hint => RouterError::rate_limited(hint).into(),
        },
        Fault::RateLimitedWithoutHint if is_even => GatewayError::rate_limited(None).into(),
        Fault::RateLimitedWithoutHint => RouterError::rate_limited_upstream().into(),
        Fault::ServerError => RouterError::server_error().into(),
        Fault::BadGateway => RouterError::bad_gateway().into(),
        Fault::Overloaded if is_even => RouterError::overloaded().into(),
        Fault::Overloaded => Refusal::Edge(draw.pick(&[EdgeForm::Problem, EdgeForm::Page])),
        Fault::ProviderFailed => GatewayError::provider_failed().into(),
        Fault::Unauthorized => GatewayError::unauthorized().into(),
        Fault::KeyDisabled => RouterError::key_disabled().into(),
        Fault::OutOfCredit => RouterError::out_of_credit().into(),
        Fault::SpendLimit => GatewayError::spend_limit().into(),
        Fault::Blocked => GatewayError::blocked().into(),
        Fault::Reset
        | Fault::ResetInBody
        | Fault::Truncated
        | Fault::Hang
        | Fault::Stall
        | Fault::ErrorIn200
        | Fault::ErrorInChoice
        | Fault::FinishError
        | Fault::Blank
        | Fault::NotJson
        | Fault::Empty
        | Fault::NoChoices
        | Fault::Length => return None,
    })
}

/// Whether a refusal comes at once, as one of a gate does, or takes as long as an answer.
pub(super) const fn is_instant(fault: Fault) -> bool {
    !matches!(fault, Fault::ServerError | Fault::BadGateway | Fault::Overloaded | Fault::ProviderFailed)
}

/// The reply of an answer that a fault has struck. What no reply tells (a reset, a hang) is the
/// connection's matter.
pub(super) fn spoil(answer: Answer<'_>, fault: Option<Fault>, draw: &mut Draw) -> Reply {
    let is_stream = answer.is_stream();
    match fault {
        Some(Fault::Truncated) => answer.reply().ending_with(draw.pick(&[Ending::Closed, Ending::Reset])),
        Some(Fault::ResetInBody) => answer.reply().ending_with(Ending::Reset),
        Some(Fault::Stall) => answer.reply().ending_with(Ending::Stalled),
        // A stream that has begun can only tell its error in a chunk.
        Some(Fault::ErrorIn200) if !is_stream => answer.error_alone(RouterError::provider_lost()),
        Some(Fault::ErrorIn200 | Fault::ErrorInChoice) => answer.failed(Some(RouterError::provider_lost())).reply(),
        Some(Fault::FinishError) => answer.ended_by_error(RouterError::provider_lost()),
        Some(Fault::Blank) if is_stream => Reply::events(vec![Bytes::from_static(PROCESSING); BLANK_COMMENTS]),
        Some(Fault::Blank) => Reply::whole(200, "application/json", PADDING.repeat(BLANK_TIMES)),
        Some(Fault::NotJson) if is_stream => Reply::events(vec![Bytes::from_static(b"data: .\n\n")]),
        Some(Fault::NotJson) => draw.pick::<fn() -> Reply>(&[lone_dot, page])(),
        Some(Fault::Empty) => answer.emptied().reply(),
        Some(Fault::NoChoices) => answer.without_choices().reply(),
        _ => answer.reply(),
    }
}

fn lone_dot() -> Reply {
    Reply::whole(200, "application/json", [PADDING, b"."].concat())
}

fn page() -> Reply {
    let page =
        "<!DOCTYPE html>\n<html><head><title>Simulated page</title></head><body>Just a moment...</body></html>\n";
    Reply::whole(200, "text/html; charset=UTF-8", page)
}
