//! Which faults are injected, and how often.

use std::str::FromStr;

use super::draw::Draw;
use super::ledger::Fate;

/// Shares that are added up may miss 1 by this much.
const ROUNDING: f64 = 1e-9;

/// Writes the enum, the struct of shares and what connects them from one list, so that no fault can
/// be in the one and not in the other.
macro_rules! faults {
    ($($(#[doc = $doc:literal])+ $variant:ident $name:ident,)+) => {
        /// A fault that the simulated gateway can inject.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Fault {
            $($(#[doc = $doc])+ $variant,)+
        }

        /// What share of the requests meets each fault: from 0 to 1 each, and 1 at most together.
        #[derive(Debug, Clone, Copy, PartialEq, Default)]
        pub struct Faults {
            $($(#[doc = $doc])+ pub $name: f64,)+
        }

        impl Fault {
            /// Every fault.
            pub const ALL: [Self; [$(stringify!($name)),+].len()] = [$(Self::$variant),+];

            /// The name that an option and the stats use.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => stringify!($name),)+
                }
            }
        }

        impl Faults {
            /// The share of one fault.
            #[must_use]
            pub const fn share(&self, fault: Fault) -> f64 {
                match fault {
                    $(Fault::$variant => self.$name,)+
                }
            }

            /// The share of one fault, to be set.
            pub const fn share_mut(&mut self, fault: Fault) -> &mut f64 {
                match fault {
                    $(Fault::$variant => &mut self.$name,)+
                }
            }
        }
    };
}

faults! {
    /// 429 with a hint how long to wait: the gateway's 2003 or the router's, with `Retry-After` in
    /// seconds or as a date, `availability.retry_after`, or `X-RateLimit-Reset` in milliseconds.
    RateLimited rate_limited,
    /// 429 without any hint: the gateway's 2003, or a provider's that the router passes on.
    RateLimitedWithoutHint rate_limited_without_hint,
    /// 500 of the router.
    ServerError server_error,
    /// 502 of the router: the provider's reply is in `metadata.raw`.
    BadGateway bad_gateway,
    /// 529 of the router and 524 of the edge (a problem document, or a page), in turn from attempt to
    /// attempt.
    Overloaded overloaded,
    /// 400 with code 2005 of the gateway: the upstream failed, the same request may work later.
    ProviderFailed provider_failed,
    /// The connection is reset before any header.
    Reset reset,
    /// The connection is reset within the body.
    ResetInBody reset_in_body,
    /// The connection is closed or reset within the body.
    Truncated truncated,
    /// No answer ever comes; the connection stays open.
    Hang hang,
    /// Half of the body comes, then nothing; the connection stays open.
    Stall stall,
    /// 200 with an error and no answer; in a stream an error chunk after some text.
    ErrorIn200 error_in_200,
    /// 200 with half of a text, `finish_reason` "error" and the error inside the choice.
    ErrorInChoice error_in_choice,
    /// 200 with half of a text and `finish_reason` "error", and no other word of the error.
    FinishError finish_error,
    /// 200 with white space alone; in a stream comments alone.
    Blank blank,
    /// 200 with something that is not JSON: a lone dot, or a page of HTML.
    NotJson not_json,
    /// 200 with the text "" and no tokens.
    Empty empty,
    /// 200 without any choice.
    NoChoices no_choices,
    /// 200 with a text that ends at a token limit (`finish_reason` "length").
    Length length,
    /// 401 with code 2009 of the gateway, though the token is good.
    Unauthorized unauthorized,
    /// 401 of the router: the key is disabled.
    KeyDisabled key_disabled,
    /// 402 of the router: the account is out of credit.
    OutOfCredit out_of_credit,
    /// 429 with code 2041 of the gateway: a spend limit, which waiting does not lift.
    SpendLimit spend_limit,
    /// 424 with code 2016 of the gateway: a guardrail blocked the prompt.
    Blocked blocked,
}

/// A text or a set of shares that cannot be injected.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FaultsError {
    /// A part without `=`.
    #[error("\"{0}\" has no share; write {0}=0.1")]
    NoShare(String),
    /// A name that stands for no fault.
    #[error("unknown fault \"{name}\"; the nearest is \"{nearest}\", known are {known}", known = known())]
    Unknown {
        /// The name as written.
        name: String,
        /// The fault whose name is nearest.
        nearest: &'static str,
    },
    /// A name that stands twice.
    #[error("the fault \"{0}\" stands twice; leave one out")]
    Twice(&'static str),
    /// A share that is no number from 0 to 1.
    #[error("the share of {name} is {share}; write a number from 0 to 1, 0.1 for a tenth of the requests")]
    Share {
        /// The fault.
        name: &'static str,
        /// The share as written.
        share: String,
    },
    /// Shares that are more than the whole.
    #[error("the shares of all faults are {0} together; they can be 1 at most")]
    Sum(f64),
}

fn known() -> String {
    Fault::ALL.map(Fault::as_str).join(", ")
}

impl Fault {
    /// What becomes of the answer of the simulated model, where it answers, and is paid for, before
    /// the fault strikes.
    pub(super) const fn fate(self) -> Option<Fate> {
        match self {
            Self::Reset | Self::ResetInBody | Self::Truncated => Some(Fate::Cut),
            Self::Hang | Self::Stall => Some(Fate::Hung),
            Self::Length => Some(Fate::Delivered),
            _ => None,
        }
    }

    fn named(name: &str) -> Result<Self, FaultsError> {
        if let Some(fault) = Self::ALL.into_iter().find(|fault| fault.as_str() == name) {
            return Ok(fault);
        }
        let distance = |fault: &Self| strsim::damerau_levenshtein(fault.as_str(), name);
        let nearest = Self::ALL.into_iter().min_by_key(distance).expect("there are faults").as_str();
        Err(FaultsError::Unknown { name: name.to_owned(), nearest })
    }
}

impl Faults {
    /// # Errors
    /// Fails where a share is not from 0 to 1, or all of them are more than 1.
    pub(super) fn check(self) -> Result<Self, FaultsError> {
        let shares = Fault::ALL.map(|fault| (fault, self.share(fault)));
        if let Some((fault, share)) = shares.iter().find(|(_, share)| !(0.0..=1.0).contains(share)) {
            return Err(FaultsError::Share { name: fault.as_str(), share: share.to_string() });
        }
        let sum: f64 = shares.iter().map(|(_, share)| share).sum();
        if sum > 1.0 + ROUNDING { Err(FaultsError::Sum(sum)) } else { Ok(self) }
    }

    /// The fault of one attempt, if it meets any.
    pub(super) fn draw(&self, draw: &mut Draw) -> Option<Fault> {
        let mut rest = draw.unit();
        Fault::ALL.into_iter().find(|&fault| {
            rest -= self.share(fault);
            rest < 0.0
        })
    }
}

impl FromStr for Faults {
    type Err = FaultsError;

    /// Takes `rate_limited=0.1,reset=0.03`; an empty text is no faults.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut faults = Self::default();
        let mut seen = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, share) = part.split_once('=').ok_or_else(|| FaultsError::NoShare(part.to_owned()))?;
            let fault = Fault::named(name.trim())?;
            if seen.contains(&fault) {
                return Err(FaultsError::Twice(fault.as_str()));
            }
            seen.push(fault);
            let not_a_share = |_| FaultsError::Share { name: fault.as_str(), share: share.trim().to_owned() };
            *faults.share_mut(fault) = share.trim().parse().map_err(not_a_share)?;
        }
        faults.check()
    }
}

#[cfg(test)]
mod tests {
    use super::super::digest::BodyDigest;
    use super::super::draw::Purpose;
    use super::*;

    #[test]
    fn shares_are_read_by_name() {
        let faults: Faults = "rate_limited=0.1, reset = 0.03,".parse().unwrap();
        assert_eq!(faults, Faults { rate_limited: 0.1, reset: 0.03, ..Faults::default() });
        assert_eq!("".parse(), Ok(Faults::default()));
    }

    #[test]
    fn an_unknown_name_is_told_the_nearest() {
        let error = "rate_limit=0.1".parse::<Faults>().unwrap_err();
        assert_eq!(error, FaultsError::Unknown { name: "rate_limit".to_owned(), nearest: "rate_limited" });
        assert!(error.to_string().starts_with("unknown fault \"rate_limit\"; the nearest is \"rate_limited\""));
    }

    #[test]
    fn wrong_shares_are_refused_and_named() {
        for (text, start) in [
            ("reset", "\"reset\" has no share"),
            ("reset=ten", "the share of reset is ten"),
            ("reset=10%", "the share of reset is 10%"),
            ("reset=1.5", "the share of reset is 1.5"),
            ("reset=-0.1", "the share of reset is -0.1"),
            ("reset=NaN", "the share of reset is NaN"),
            ("reset=0.1,reset=0.2", "the fault \"reset\" stands twice"),
            ("reset=0.6,blank=0.6", "the shares of all faults are 1.2"),
        ] {
            let message = text.parse::<Faults>().unwrap_err().to_string();
            assert!(message.starts_with(start), "{text}: {message}");
        }
    }

    #[test]
    fn ten_tenths_are_a_whole() {
        let text = Fault::ALL[..10].iter().map(|fault| format!("{}=0.1", fault.as_str())).collect::<Vec<_>>();
        assert!(text.join(",").parse::<Faults>().is_ok());
    }

    #[test]
    fn faults_come_in_their_shares() {
        let faults: Faults = "rate_limited=0.2,reset=0.1,blocked=0.05".parse().unwrap();
        let mut counts = [0u32; Fault::ALL.len()];
        for number in 0..20_000u32 {
            let mut draw = Draw::new(3, &BodyDigest::of(&number.to_le_bytes()), Purpose::Attempt(1));
            if let Some(fault) = faults.draw(&mut draw) {
                counts[fault as usize] += 1;
            }
        }
        for (fault, expected) in
            [(Fault::RateLimited, 4000), (Fault::Reset, 2000), (Fault::Blocked, 1000), (Fault::Hang, 0)]
        {
            let count = counts[fault as usize];
            assert!(count.abs_diff(expected) < 200, "{fault:?}: {count}");
        }
    }

    #[test]
    fn a_share_of_one_meets_every_request() {
        let faults: Faults = "hang=1".parse().unwrap();
        for number in 0..1000u32 {
            let mut draw = Draw::new(0, &BodyDigest::of(&number.to_le_bytes()), Purpose::Attempt(1));
            assert_eq!(faults.draw(&mut draw), Some(Fault::Hang));
        }
    }
}
