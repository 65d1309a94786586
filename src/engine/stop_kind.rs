//! What stops a run before its end, as the store names it.

/// What stops a run before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StopKind {
    /// The user, or the system, asked for it.
    Signal,
    /// The time that the run was given has passed.
    Deadline,
    /// What is left of the budget is not enough for another request.
    Budget,
    /// Nobody knows what answers cost, so that no budget can be kept.
    CostUnknown,
    /// Some models take no more requests, and the others are done.
    LaneClosed,
    /// The credentials were refused.
    Unauthorized,
    /// The account or the key has no credit left.
    OutOfCredit,
    /// The gateway is not set up for the run, or its address is wrong.
    Misconfigured,
    /// A quota that waiting seconds does not refill is used up.
    QuotaExhausted,
    /// The model cannot be asked so, whatever the row.
    Rejected,
    /// No connection can be made.
    NotReachable,
    /// The input could not be read on.
    Input,
    /// There is something to send, and nothing to send it with.
    NoGateway,
    /// The store could not be written.
    Store,
}

impl StopKind {
    /// Every one.
    pub const ALL: [Self; 14] = [
        Self::Signal,
        Self::Deadline,
        Self::Budget,
        Self::CostUnknown,
        Self::LaneClosed,
        Self::Unauthorized,
        Self::OutOfCredit,
        Self::Misconfigured,
        Self::QuotaExhausted,
        Self::Rejected,
        Self::NotReachable,
        Self::Input,
        Self::NoGateway,
        Self::Store,
    ];

    /// The name that a store keeps.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Signal => "stopped by a signal",
            Self::Deadline => "deadline passed",
            Self::Budget => "budget used up",
            Self::CostUnknown => "cost unknown",
            Self::LaneClosed => "model closed",
            Self::Unauthorized => "credentials refused",
            Self::OutOfCredit => "out of credit",
            Self::Misconfigured => "gateway misconfigured",
            Self::QuotaExhausted => "quota exhausted",
            Self::Rejected => "model refused",
            Self::NotReachable => "gateway not reachable",
            Self::Input => "input unreadable",
            Self::NoGateway => "nothing to send with",
            Self::Store => "store not writable",
        }
    }

    /// What a name of a store stands for.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// What a person has to do first, for people; `None` where the same command goes on as it is.
    #[must_use]
    pub const fn needs(self) -> Option<&'static str> {
        Some(match self {
            Self::Signal | Self::Deadline => return None,
            Self::Budget => "raise the budget (--budget or limits.budget_usd)",
            Self::CostUnknown => {
                "give a price table (prices = \"…\" in the job or --prices) that has the model and bounds its answers \
                 (max_completion_tokens, or max_tokens in request.params), or go on without the budget"
            }
            Self::LaneClosed => "mend what closed the model",
            Self::Unauthorized => "mend the credentials",
            Self::OutOfCredit => "add credit or raise the limit",
            Self::Misconfigured => "mend the gateway or its address",
            Self::QuotaExhausted => "wait until the quota is refilled",
            Self::Rejected => "mend the model's name or its settings",
            Self::NotReachable => "wait until the gateway can be reached",
            Self::Input => "mend the input",
            Self::NoGateway => "give it what to send with",
            Self::Store => "make the store writable",
        })
    }

    /// How the run goes on, for people: it reads behind what was kept.
    #[must_use]
    pub fn way_on(self) -> String {
        self.way_on_after(self.needs())
    }

    /// How the run goes on once a person has done something first.
    pub(super) fn way_on_after(self, needs: Option<&str>) -> String {
        let first = needs.map(|needs| format!("{needs}, and ")).unwrap_or_default();
        let more = if self == Self::Deadline { "; --deadline or timeouts.run gives it more time" } else { "" };
        format!("{first}the same command goes on with the rest{more}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_a_store_stands_for_what_it_names() {
        for kind in StopKind::ALL {
            assert_eq!(StopKind::from_name(kind.as_str()), Some(kind));
        }
        for other in ["complete", "killed", "incomplete", ""] {
            assert_eq!(StopKind::from_name(other), None, "{other}");
        }
    }

    #[test]
    fn where_the_cost_is_unknown_no_higher_budget_is_advised() {
        let way = StopKind::CostUnknown.way_on();
        assert!(way.contains("--prices") && way.contains("without the budget"), "{way}");
        assert!(!way.contains("--budget") && !way.contains("higher"), "{way}");
    }

    #[test]
    fn what_a_run_needs_is_told_before_the_command_that_goes_on() {
        for (kind, expected) in [
            (StopKind::Signal, "the same command goes on with the rest"),
            (
                StopKind::Deadline,
                "the same command goes on with the rest; --deadline or timeouts.run gives it more time",
            ),
            (StopKind::Unauthorized, "mend the credentials, and the same command goes on with the rest"),
        ] {
            assert_eq!(kind.way_on(), expected);
        }
    }
}
