//! The id by which the gateway's log finds an attempt.

use nightreel::gateway::Sent;
use nightreel::store::AttemptView;

/// The event id that an attempt was sent with; `None` where another store's run sent it.
pub(super) fn event_id(view: &AttemptView) -> Option<String> {
    let (origin, attempt) = (view.origin?, &view.attempt);
    let item = origin.exchange.item();
    let sent = Sent {
        run_started_at_ms: origin.run_started_at_ms,
        run: item.run().0,
        position: item.position(),
        step: origin.exchange.step(),
        attempt: attempt.number,
        at_ms: attempt.sent_at_ms,
    };
    Some(sent.event_id())
}
