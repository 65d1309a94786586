//! An attempt for people.

use nightreel::model::{Attempt, End, Reply};
use nightreel::store::AttemptView;

use super::super::count::{count, counted};
use super::super::local_time::local;
use super::super::money::{spent, usd};
use super::super::page::Page;
use super::super::terminal_text::{one_line, shortened};
use super::body;
use super::event_id::event_id;
use super::stream::Stream;

/// How long a header's value is told.
const VALUE: usize = 200;

/// An attempt: what it means, how long it took, and what came back.
pub(super) fn write(page: &mut Page, number: u32, view: &AttemptView, run_started_at_ms: i64) {
    let attempt = &view.attempt;
    let settling = if view.settling { ", which settled it" } else { "" };
    let earlier = if attempt.sent_at_ms < run_started_at_ms { ", recorded before this run began" } else { "" };
    page.line(format_args!("attempt {number}{settling}: {}{earlier}", attempt.class.as_str()));
    page.line(format_args!("  {}", times(attempt)));
    page.line(format_args!("  cost {}", cost(view)));
    if let Some(event_id) = event_id(view) {
        page.line(format_args!("  event id {event_id}"));
    }
    if let Some(served_by) = served_by(view) {
        page.line(format_args!("  {served_by}"));
    }
    match &attempt.reply {
        Ok(reply) => write_reply(page, reply),
        Err(fault) => page.line(format_args!("  no response ({}): {}", fault.kind.as_str(), one_line(&fault.message))),
    }
}

fn cost(view: &AttemptView) -> String {
    match (view.attempt.cost_usd, view.attempt.assumed_cost_usd) {
        (Some(cost_usd), _) if view.is_underpriced => {
            format!("{}, by a price that has proved too low", spent(cost_usd, true))
        }
        (Some(cost_usd), _) if view.is_by_price => format!("{}, by its price", usd(cost_usd)),
        (Some(cost_usd), _) => usd(cost_usd),
        (None, Some(assumed)) if view.is_underpriced => {
            format!("unknown; the budget counts {}, since its price has proved too low", spent(assumed, true))
        }
        (None, Some(assumed)) => format!("unknown; the budget counts {}", usd(assumed)),
        (None, None) => "unknown".to_owned(),
    }
}

/// Which model answered, and whose.
fn served_by(view: &AttemptView) -> Option<String> {
    match (view.served_model.as_deref(), view.provider.as_deref()) {
        (Some(model), Some(provider)) => Some(format!("answered by {} of {}", one_line(model), one_line(provider))),
        (Some(name), None) | (None, Some(name)) => Some(format!("answered by {}", one_line(name))),
        (None, None) => None,
    }
}

fn write_reply(page: &mut Page, reply: &Reply) {
    let end = if reply.end == End::Complete { String::new() } else { format!(", ended by {}", reply.end.as_str()) };
    let pieces = match reply.chunks.len() as u64 {
        0 => String::new(),
        pieces => format!(" in {}", counted(pieces, "piece")),
    };
    page.line(format_args!("  status {}, {}{pieces}{end}", reply.status, counted(reply.body.len() as u64, "byte")));
    let stream = Stream::of(reply);
    if let Some(stream) = &stream {
        stream.write_head(page);
    }
    for header in &reply.headers {
        page.line(format_args!("  {}: {}", one_line(&header.name), shortened(&header.value, VALUE)));
    }
    page.text(&body::text(&reply.body));
    if let Some(stream) = &stream {
        stream.write_texts(page);
    }
}

fn times(attempt: &Attempt) -> String {
    let timing = attempt.timing;
    format!(
        "sent {} after {} in the queue; first byte after {}, end after {}",
        local(attempt.sent_at_ms),
        milliseconds(timing.queued_us),
        milliseconds(timing.first_byte_us),
        milliseconds(timing.total_us)
    )
}

/// A time in milliseconds, to the tenth where that says something.
pub(super) fn milliseconds(us: u64) -> String {
    if us >= 100_000 {
        format!("{} ms", count(us.saturating_add(500) / 1000))
    } else {
        format!("{}.{} ms", us / 1000, us % 1000 / 100)
    }
}

#[cfg(test)]
mod tests {
    use nightreel::model::{Class, Fault, FaultKind, Header, Timing};
    use nightreel::store::RunId;

    use super::*;

    fn text(number: u32, view: &AttemptView, run_started_at_ms: i64) -> String {
        let mut page = Page::default();
        write(&mut page, number, view, run_started_at_ms);
        page.finish()
    }

    #[test]
    fn a_cost_is_told_as_far_as_it_is_known() {
        let fault = Fault { kind: FaultKind::TimedOut, message: "slow".to_owned() };
        let mut view = view(Err(fault), Class::TimedOut);
        let too_low = "price has proved too low";
        for (cost_usd, assumed_cost_usd, is_by_price, expected, of_underpriced) in [
            (None, None, false, "unknown", "unknown".to_owned()),
            (
                None,
                Some(0.25),
                false,
                "unknown; the budget counts $0.250",
                format!("unknown; the budget counts ≥ $0.250, since its {too_low}"),
            ),
            (Some(0.25), None, true, "$0.250, by its price", "≥ $0.250, by a price that has proved too low".to_owned()),
        ] {
            (view.attempt.cost_usd, view.attempt.assumed_cost_usd) = (cost_usd, assumed_cost_usd);
            (view.is_by_price, view.is_underpriced) = (is_by_price, false);
            assert_eq!(cost(&view), expected);
            view.is_underpriced = true;
            assert_eq!(cost(&view), of_underpriced);
        }
        (view.attempt.cost_usd, view.is_by_price, view.is_underpriced) = (Some(0.0), false, false);
        assert_eq!(cost(&view), "$0");
    }

    fn view(reply: Result<Reply, Fault>, class: Class) -> AttemptView {
        let timing = Timing { queued_us: 1_250, first_byte_us: 99_990, total_us: 1_234_567 };
        let attempt =
            Attempt { number: 2, sent_at_ms: 5, timing, reply, class, cost_usd: None, assumed_cost_usd: None };
        let (exchange, provider) = (RunId(1).item(0).exchange(0), Some("Azure".to_owned()));
        AttemptView {
            exchange,
            origin: None,
            settling: true,
            served_model: Some("m".to_owned()),
            provider,
            is_by_price: false,
            is_underpriced: false,
            attempt,
        }
    }

    #[test]
    fn a_reply_is_told_with_its_headers_and_body() {
        let headers = vec![Header { name: "retry-after".to_owned(), value: "1\u{1b}".to_owned() }];
        let body = bytes::Bytes::from_static(b"{\"a\":1}");
        let reply = Reply { status: 429, headers, body, chunks: Vec::new(), end: End::Reset };
        let text = text(2, &view(Ok(reply), Class::RateLimited), 0);
        assert!(text.starts_with("attempt 2, which settled it: rate_limited\n  sent "), "{text}");
        let expected = " after 1.2 ms in the queue; first byte after 99.9 ms, end after 1,235 ms\n  cost unknown\n  \
                         answered by m of Azure\n  \
                        status 429, 7 bytes, ended by reset\n  retry-after: 1\\u{1b}\n{\n  \"a\": 1\n}\n";
        assert!(text.ends_with(expected), "{text}");
    }

    #[test]
    fn a_fault_is_told_and_so_is_an_earlier_recording() {
        let fault = Fault { kind: FaultKind::Reset, message: "reset by peer".to_owned() };
        let text = text(1, &view(Err(fault), Class::ConnectionLost), 6);
        assert!(text.starts_with("attempt 1, which settled it: connection_lost, recorded before this run began\n"));
        assert!(text.ends_with("  no response (reset): reset by peer\n"), "{text}");
    }
}
