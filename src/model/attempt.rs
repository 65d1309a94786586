//! One send, and what it means.

use super::{End, Fault, FaultKind, Reply, Streamed};

/// One send of a request, with all that came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// Which send of its exchange this is, from 1. A refused stream does not count up.
    pub number: u32,
    /// When it was sent: milliseconds since 1970-01-01 UTC.
    pub sent_at_ms: i64,
    /// How long its parts took.
    pub timing: Timing,
    /// What came back.
    pub reply: Result<Reply, Fault>,
    /// What it means.
    pub class: Class,
    /// What it cost, in USD; `None` is what nobody knows. It is a fact of the time when the reply
    /// came, and is kept: prices change.
    pub cost_usd: Option<f64>,
    /// What a budget counts for it where nobody knows what it cost, in USD; `None` where the cost
    /// is known, and where no budget held anything back for it.
    pub assumed_cost_usd: Option<f64>,
}

impl Attempt {
    /// Whether whoever asked did not wait for the end of it.
    #[must_use]
    pub fn is_given_up(&self) -> bool {
        match &self.reply {
            Ok(reply) => reply.end == End::GivenUp,
            Err(fault) => fault.kind == FaultKind::GivenUp,
        }
    }

    /// Whether it may have cost something, where nobody knows what it cost.
    #[must_use]
    pub fn may_have_cost(&self) -> bool {
        self.class.may_cost() || self.reply.as_ref().is_ok_and(Streamed::has_begun)
    }

    /// Whether it is what the request brings, and may stand in for it where it could be sent anew:
    /// neither was the account the cause of it, nor did whoever asked go away.
    #[must_use]
    pub fn stands(&self) -> bool {
        let of_the_account = self.class.is_of_the_account() || self.is_forbidden();
        !self.is_given_up() && !of_the_account && self.class != Class::NotConnected
    }

    /// Whether it is a 403 that no moderation is the cause of. It may be the key's, the account's, the
    /// model's or the region's matter, and most say no more than "forbidden": none of them is the request's.
    fn is_forbidden(&self) -> bool {
        self.class == Class::Rejected && self.reply.as_ref().is_ok_and(|reply| reply.status == 403)
    }
}

/// How long the parts of an attempt took, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timing {
    /// From being ready to being sent: what the limits held it back for.
    pub queued_us: u64,
    /// From the send to the response's headers; zero where none came.
    pub first_byte_us: u64,
    /// From the send to the end of the body, or to the fault.
    pub total_us: u64,
}

/// What an attempt means for its item and for the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// A 2xx with a whole answer in it and no error anywhere.
    Answered,
    /// Too many requests: by the gateway, the router or a provider.
    RateLimited,
    /// A quota that waiting seconds will not refill: a daily quota, a gateway's spend limit.
    QuotaExhausted,
    /// The server or the provider behind it failed; the same request may work later.
    ServerError,
    /// A 2xx whose body is no answer: blank, cut short, not JSON, no choices and no tokens.
    BadBody,
    /// A deadline passed: ours, or one that a server told us of (408, 504, 524).
    TimedOut,
    /// The connection broke after the send: the outcome is unknown, it may have been billed.
    ConnectionLost,
    /// No connection could be made: nothing was sent.
    NotConnected,
    /// An HTTP/2 stream was refused: not processed, sent again at once, not counted as paid.
    RefusedStream,
    /// The request itself is wrong; the same request never works.
    Rejected,
    /// A guardrail, a moderation or a data policy blocked the request or its response.
    Blocked,
    /// The credentials were refused: no request of this run works.
    Unauthorized,
    /// The account or the key is out of credit: no request of this run works.
    OutOfCredit,
    /// The gateway is not set up for this (unknown gateway, provider or stored key).
    Misconfigured,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 14] = [
        Self::Answered,
        Self::RateLimited,
        Self::QuotaExhausted,
        Self::ServerError,
        Self::BadBody,
        Self::TimedOut,
        Self::ConnectionLost,
        Self::NotConnected,
        Self::RefusedStream,
        Self::Rejected,
        Self::Blocked,
        Self::Unauthorized,
        Self::OutOfCredit,
        Self::Misconfigured,
    ];

    /// The name that a store, a results line and a summary use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::RateLimited => "rate_limited",
            Self::QuotaExhausted => "quota_exhausted",
            Self::ServerError => "server_error",
            Self::BadBody => "bad_body",
            Self::TimedOut => "timed_out",
            Self::ConnectionLost => "connection_lost",
            Self::NotConnected => "not_connected",
            Self::RefusedStream => "refused_stream",
            Self::Rejected => "rejected",
            Self::Blocked => "blocked",
            Self::Unauthorized => "unauthorized",
            Self::OutOfCredit => "out_of_credit",
            Self::Misconfigured => "misconfigured",
        }
    }

    /// The class that a name stands for.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == name)
    }

    /// Whether the account, its key or its gateway is the cause, and not the request.
    #[must_use]
    pub const fn is_of_the_account(self) -> bool {
        matches!(self, Self::QuotaExhausted | Self::Unauthorized | Self::OutOfCredit | Self::Misconfigured)
    }

    /// Whether nothing was sent that anybody processed: a request that does not count.
    #[must_use]
    pub const fn is_unsent(self) -> bool {
        matches!(self, Self::NotConnected | Self::RefusedStream)
    }

    /// Whether the request may have cost something: it brought an answer, or one that was kept
    /// back, or may have been billed.
    #[must_use]
    pub const fn may_cost(self) -> bool {
        matches!(self, Self::Answered | Self::Blocked) || self.may_be_billed()
    }

    /// Whether the request may have been billed though no answer came of it.
    #[must_use]
    pub const fn may_be_billed(self) -> bool {
        matches!(self, Self::BadBody | Self::TimedOut | Self::ConnectionLost)
    }
}
