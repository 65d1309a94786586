//! Stopping a run: gently, then at once.

use std::fmt;
use std::sync::{Arc, OnceLock};

use tokio_util::sync::CancellationToken;

use super::StopKind;

/// Stops a run. The first reason counts.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    drain: CancellationToken,
    abort: CancellationToken,
    reason: Arc<OnceLock<StopReason>>,
}

/// Why a run stops before its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopReason {
    /// The user, or the system, asked for it.
    Signal,
    /// The time that the run was given has passed.
    Deadline,
    /// What is left of the budget is not enough for another request.
    Budget {
        /// Cap, spent and reserved.
        message: String,
        /// The least budget that is enough for it, as people read it, where that is known.
        least: Option<String>,
    },
    /// Nobody knows what the answers of a model cost, so that no budget can be kept.
    CostUnknown {
        /// Which ones.
        message: String,
        /// What would bound it, for people.
        needs: String,
    },
    /// The other models are done, and some take no more requests: which ones, and why each of them.
    LaneClosed(Vec<(Arc<str>, StopReason)>),
    /// The credentials were refused.
    Unauthorized(String),
    /// The account or the key has no credit left.
    OutOfCredit(String),
    /// The gateway is not set up for this run, or its address is wrong.
    Misconfigured(String),
    /// A quota that waiting seconds does not refill is used up.
    QuotaExhausted(String),
    /// The model cannot be asked so, whatever the row.
    Rejected(String),
    /// No connection can be made.
    NotReachable(String),
    /// The input could not be read on, though it was checked.
    Input(String),
    /// There is something to send, and nothing to send it with.
    NoGateway(String),
    /// The store could not be written.
    Store(String),
}

impl StopReason {
    /// What it is, without what is told of it.
    #[must_use]
    pub const fn kind(&self) -> StopKind {
        match self {
            Self::Signal => StopKind::Signal,
            Self::Deadline => StopKind::Deadline,
            Self::Budget { .. } => StopKind::Budget,
            Self::CostUnknown { .. } => StopKind::CostUnknown,
            Self::LaneClosed(_) => StopKind::LaneClosed,
            Self::Unauthorized(_) => StopKind::Unauthorized,
            Self::OutOfCredit(_) => StopKind::OutOfCredit,
            Self::Misconfigured(_) => StopKind::Misconfigured,
            Self::QuotaExhausted(_) => StopKind::QuotaExhausted,
            Self::Rejected(_) => StopKind::Rejected,
            Self::NotReachable(_) => StopKind::NotReachable,
            Self::Input(_) => StopKind::Input,
            Self::NoGateway(_) => StopKind::NoGateway,
            Self::Store(_) => StopKind::Store,
        }
    }

    /// The name that the store keeps.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        self.kind().as_str()
    }

    /// How the run goes on, for people: it reads behind what was kept.
    #[must_use]
    pub fn way_on(&self) -> String {
        match self {
            Self::LaneClosed(lanes) => way_on_of_lanes(lanes),
            Self::Budget { least: Some(least), .. } => StopKind::Budget
                .way_on_after(Some(&format!("raise the budget to at least {least} (--budget or limits.budget_usd)"))),
            Self::CostUnknown { needs, .. } => StopKind::CostUnknown.way_on_after(Some(needs)),
            _ => self.kind().way_on(),
        }
    }
}

/// How a run goes on some of whose models take no more requests: what each of them needs, once where
/// all need the same.
fn way_on_of_lanes(lanes: &[(Arc<str>, StopReason)]) -> String {
    let mut ways: Vec<String> = lanes.iter().map(|(_, reason)| reason.way_on()).collect();
    ways.dedup();
    if ways.len() > 1 {
        ways = lanes.iter().map(|(model, reason)| format!("{model}: {}", reason.way_on())).collect();
    }
    ways.push("--model NAME asks the other models alone".to_owned());
    ways.join("; ")
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())?;
        match self {
            Self::Signal | Self::Deadline => Ok(()),
            Self::LaneClosed(lanes) => {
                for (index, (model, reason)) in lanes.iter().enumerate() {
                    write!(f, "{} {model}: {reason}", if index == 0 { ':' } else { ';' })?;
                }
                Ok(())
            }
            Self::Budget { message, .. }
            | Self::CostUnknown { message, .. }
            | Self::Unauthorized(message)
            | Self::OutOfCredit(message)
            | Self::Misconfigured(message)
            | Self::QuotaExhausted(message)
            | Self::Rejected(message)
            | Self::NotReachable(message)
            | Self::Input(message)
            | Self::NoGateway(message)
            | Self::Store(message) => write!(f, ": {message}"),
        }
    }
}

impl Stop {
    /// Takes nothing more in and waits for what is in flight.
    pub fn drain(&self, reason: StopReason) {
        // A later reason is a consequence of the first one.
        let _first_counts = self.reason.set(reason);
        self.drain.cancel();
    }

    /// Drops what is in flight.
    pub fn abort(&self) {
        let _first_counts = self.reason.set(StopReason::Signal);
        self.drain.cancel();
        self.abort.cancel();
    }

    /// Why the run stops; `None` while it does not.
    #[must_use]
    pub fn reason(&self) -> Option<&StopReason> {
        self.reason.get().filter(|_| self.drain.is_cancelled())
    }

    /// Whether the run takes nothing more in.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.drain.is_cancelled()
    }

    /// Returns when the run is to take nothing more in.
    pub async fn draining(&self) {
        self.drain.cancelled().await;
    }

    /// Returns when the run is to drop what is in flight.
    pub async fn aborting(&self) {
        self.abort.cancelled().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_budget_that_is_enough_is_told_where_it_is_known() {
        let budget = |least: Option<&str>| StopReason::Budget {
            message: "$0.00471 of $0.00510 are spent".to_owned(),
            least: least.map(str::to_owned),
        };
        for (least, expected) in [
            (None, "raise the budget (--budget or limits.budget_usd), and the same command"),
            (
                Some("$0.00584"),
                "raise the budget to at least $0.00584 (--budget or limits.budget_usd), and the same command",
            ),
        ] {
            assert_eq!(budget(least).way_on(), format!("{expected} goes on with the rest"));
            assert_eq!(budget(least).to_string(), "budget used up: $0.00471 of $0.00510 are spent");
        }
    }

    #[test]
    fn a_closed_model_is_told_with_its_cause_and_what_mends_it() {
        let lane = |model: &str, reason| (Arc::from(model), reason);
        let rejected = || StopReason::Rejected("no such model".to_owned());
        let quota = StopReason::QuotaExhausted("used up".to_owned());
        let others = "--model NAME asks the other models alone";
        let gone = StopReason::LaneClosed(vec![lane("gone", rejected()), lane("lost", rejected())]);
        assert_eq!(
            gone.to_string(),
            "model closed: gone: model refused: no such model; lost: model refused: no such model"
        );
        assert_eq!(gone.way_on(), format!("{}; {others}", rejected().way_on()));
        assert!(!gone.way_on().contains("quota"));
        let both = StopReason::LaneClosed(vec![lane("gone", rejected()), lane("busy", quota.clone())]);
        assert_eq!(both.way_on(), format!("gone: {}; busy: {}; {others}", rejected().way_on(), quota.way_on()));
    }
}
