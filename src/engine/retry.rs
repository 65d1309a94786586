//! Class × what was tried → settle, or try again, and when.

use std::time::Duration;

use crate::job::Retry;
use crate::model::Class;

/// The first pause is up to this long; each one after it up to twice the one before.
const BASE: Duration = Duration::from_millis(500);
/// What a server's pause is stretched by at random, so that not everybody comes back at once.
const HINT_JITTER: f64 = 0.1;
/// No pause is stretched by more: a lane that waits a minute loses what it stays away beyond it.
const MOST_JITTER: Duration = Duration::from_secs(1);
/// How long a refused stream waits at most before it is sent again.
const REFUSED_PAUSE: Duration = Duration::from_millis(50);
/// How often a stream may be refused before its item is given up.
const REFUSED_MOST: u32 = 1_000;

/// How often an item is situation, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RetryPolicy {
    /// How often an exchange is sent again, by what came of it, and the longest pauses.
    pub budgets: Retry,
    /// From an item's first send on, how long another attempt may begin.
    pub item_deadline: Option<Duration>,
}

/// What an exchange has been through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tries {
    /// Attempts as they are numbered: sent, and not refused unprocessed.
    pub sent: u32,
    /// Attempts among them that may cost something: all but rate limits.
    pub counted: u32,
    /// Rate limits.
    pub rate_limited: u32,
    /// Failures of the server.
    pub server_error: u32,
    /// Successes without an answer.
    pub bad_body: u32,
    /// Attempts whose outcome is unknown.
    pub unknown: u32,
    /// Streams that were refused.
    pub refused: u32,
    /// Connections that could not be made, one after another.
    pub not_connected: u32,
}

impl Tries {
    /// Adds an attempt of a class.
    pub const fn add(&mut self, class: Class) {
        match class {
            Class::RateLimited => self.rate_limited += 1,
            Class::ServerError => self.server_error += 1,
            Class::BadBody => self.bad_body += 1,
            Class::ConnectionLost | Class::TimedOut => self.unknown += 1,
            Class::RefusedStream => self.refused += 1,
            Class::NotConnected => self.not_connected += 1,
            Class::Answered
            | Class::Rejected
            | Class::Blocked
            | Class::Unauthorized
            | Class::OutOfCredit
            | Class::Misconfigured
            | Class::QuotaExhausted => {}
        }
        if !matches!(class, Class::NotConnected) {
            self.not_connected = 0;
        }
        if !class.is_unsent() {
            self.sent += 1;
        }
        if !class.is_unsent() && !matches!(class, Class::RateLimited) {
            self.counted += 1;
        }
    }
}

/// Where an exchange stands after an attempt: all that decides what follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Situation {
    /// What it meant.
    pub class: Class,
    /// What its exchange has been through, this attempt among it.
    pub tries: Tries,
    /// The pause that the server asks for.
    pub hint: Option<Duration>,
    /// How long ago the first request of its item was sent; `None` where nothing was.
    pub sent_for: Option<Duration>,
}

/// What follows an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The exchange rests on this attempt.
    Settle,
    /// Another attempt follows.
    Retry {
        /// After this pause.
        after: Duration,
    },
}

/// What follows an attempt; `random` is from 0 to 1.
///
/// Where the item's deadline passes before another attempt could begin, none is waited for.
/// A connection that cannot be made settles nothing while nothing was sent: it says nothing of the
/// request. The run stops instead where that goes on.
#[must_use]
pub fn next(situation: &Situation, policy: &RetryPolicy, random: f64) -> Next {
    if !has_budget(situation, &policy.budgets) {
        return Next::Settle;
    }
    let after = pause(situation, &policy.budgets, random);
    let deadline = policy.item_deadline.zip(situation.sent_for);
    let is_late = deadline.is_some_and(|(deadline, sent_for)| sent_for.saturating_add(after) >= deadline);
    if is_late { Next::Settle } else { Next::Retry { after } }
}

/// Whether the budgets allow another attempt.
const fn has_budget(situation: &Situation, budgets: &Retry) -> bool {
    let tries = &situation.tries;
    let is_within = tries.counted < budgets.attempts;
    match situation.class {
        Class::Answered
        | Class::Rejected
        | Class::Blocked
        | Class::Unauthorized
        | Class::OutOfCredit
        | Class::Misconfigured
        | Class::QuotaExhausted => false,
        Class::RateLimited => tries.rate_limited <= budgets.rate_limited,
        Class::ServerError => is_within && tries.server_error <= budgets.server_error,
        Class::BadBody => is_within && tries.bad_body <= budgets.bad_body,
        Class::TimedOut | Class::ConnectionLost => is_within && tries.unknown <= budgets.outcome_unknown,
        Class::RefusedStream => tries.refused < REFUSED_MOST,
        Class::NotConnected => true,
    }
}

/// How long to wait before another attempt: what the server asks for, else up to twice as long as
/// before.
fn pause(situation: &Situation, budgets: &Retry, random: f64) -> Duration {
    let tries = &situation.tries;
    let failures = match (situation.class, situation.hint) {
        (Class::RefusedStream, _) => return REFUSED_PAUSE.mul_f64(random),
        (_, Some(hint)) => {
            let hint = hint.min(budgets.max_hint);
            return hint + hint.mul_f64(HINT_JITTER).min(MOST_JITTER).mul_f64(random);
        }
        (Class::NotConnected, None) => tries.not_connected,
        (Class::RateLimited, None) => tries.rate_limited,
        (_, None) => tries.counted,
    };
    backoff(failures, budgets.max_pause).mul_f64(random)
}

/// What people are told where a server asks for a longer pause than is made; `None` where its
/// pause is made whole.
#[must_use]
pub fn shortened_hint(hint: Option<Duration>, most: Duration) -> Option<String> {
    let asked = hint.filter(|hint| *hint > most)?;
    let (asked, made) = (whole_seconds(asked), whole_seconds(most));
    Some(format!(
        "the server asks to be left alone for {asked}; it is asked again after {made}, the longest pause made"
    ))
}

/// A time in its two largest units: `1 h 5 min`.
fn whole_seconds(time: Duration) -> String {
    let seconds = time.as_secs();
    let parts = [(seconds / 86_400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s")];
    let told = parts.iter().skip_while(|(count, _)| *count == 0).take(2).filter(|(count, _)| *count > 0);
    told.map(|(count, unit)| format!("{count} {unit}")).collect::<Vec<_>>().join(" ")
}

/// The longest pause after so many failures.
fn backoff(failures: u32, longest: Duration) -> Duration {
    let doublings = failures.saturating_sub(1).min(31);
    BASE.saturating_mul(1 << doublings).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Budgets of which no two are alike.
    fn policy() -> RetryPolicy {
        let budgets = Retry {
            attempts: 10,
            rate_limited: 20,
            server_error: 4,
            bad_body: 3,
            outcome_unknown: 1,
            ..Retry::default()
        };
        RetryPolicy { budgets, item_deadline: None }
    }

    fn after(class: Class, tries: Tries) -> Situation {
        Situation { class, tries, hint: None, sent_for: Some(Duration::ZERO) }
    }

    /// How many attempts of one class after another an exchange gets; `None`: as many as it takes.
    fn attempts_of(class: Class, policy: &RetryPolicy) -> Option<u32> {
        let mut tries = Tries::default();
        (1..=REFUSED_MOST + 1).find(|_| {
            tries.add(class);
            next(&after(class, tries), policy, 1.0) == Next::Settle
        })
    }

    /// What bounds the attempts of a class, beside `attempts` where it says so.
    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Budget {
        Never,
        RateLimited,
        ServerError,
        BadBody,
        Unknown,
        Refused,
        Unbounded,
    }

    const TABLE: [(Class, Budget); 14] = [
        (Class::Answered, Budget::Never),
        (Class::RateLimited, Budget::RateLimited),
        (Class::QuotaExhausted, Budget::Never),
        (Class::ServerError, Budget::ServerError),
        (Class::BadBody, Budget::BadBody),
        (Class::TimedOut, Budget::Unknown),
        (Class::ConnectionLost, Budget::Unknown),
        (Class::NotConnected, Budget::Unbounded),
        (Class::RefusedStream, Budget::Refused),
        (Class::Rejected, Budget::Never),
        (Class::Blocked, Budget::Never),
        (Class::Unauthorized, Budget::Never),
        (Class::OutOfCredit, Budget::Never),
        (Class::Misconfigured, Budget::Never),
    ];

    #[test]
    fn each_class_has_the_budget_of_its_row_and_no_other() {
        assert_eq!(TABLE.map(|(class, _)| class), Class::ALL);
        for (class, budget) in TABLE {
            for size in [0, 1, 2, 7, 30] {
                for given in [Budget::RateLimited, Budget::ServerError, Budget::BadBody, Budget::Unknown] {
                    let mut policy = policy();
                    let budgets = &mut policy.budgets;
                    match given {
                        Budget::RateLimited => budgets.rate_limited = size,
                        Budget::ServerError => budgets.server_error = size,
                        Budget::BadBody => budgets.bad_body = size,
                        _ => budgets.outcome_unknown = size,
                    }
                    let size = |budget: Budget, otherwise: u32| if budget == given { size } else { otherwise };
                    let expected = match budget {
                        Budget::Never => Some(1),
                        Budget::RateLimited => Some(size(budget, 20) + 1),
                        Budget::ServerError => Some((size(budget, 4) + 1).min(10)),
                        Budget::BadBody => Some((size(budget, 3) + 1).min(10)),
                        Budget::Unknown => Some((size(budget, 1) + 1).min(10)),
                        Budget::Refused => Some(REFUSED_MOST),
                        Budget::Unbounded => None,
                    };
                    assert_eq!(attempts_of(class, &policy), expected, "{class:?}, {policy:?}");
                }
            }
        }
    }

    #[test]
    fn attempts_bound_all_budgets_together_and_what_costs_nothing_does_not_count() {
        let policy = RetryPolicy { budgets: Retry { attempts: 4, ..policy().budgets }, item_deadline: None };
        for free in [Class::RateLimited, Class::RefusedStream, Class::NotConnected] {
            let mut tries = Tries::default();
            let mut follows = |class: Class| {
                tries.add(class);
                next(&after(class, tries), &policy, 0.0)
            };
            for class in [Class::ServerError, free, Class::BadBody, free, free, Class::TimedOut, free] {
                assert_ne!(follows(class), Next::Settle, "{class:?} among {free:?}");
            }
            assert_eq!(follows(Class::ServerError), Next::Settle);
            assert_eq!(tries.counted, 4);
        }
    }

    #[test]
    fn one_attempt_means_that_nothing_that_was_answered_is_sent_again() {
        let budgets = Retry { attempts: 1, rate_limited: 0, ..Retry::default() };
        let policy = RetryPolicy { budgets, item_deadline: None };
        for (class, budget) in TABLE {
            let is_unsent = matches!(budget, Budget::Refused | Budget::Unbounded);
            assert_eq!(attempts_of(class, &policy) == Some(1), !is_unsent, "{class:?}");
        }
    }

    #[test]
    fn attempts_are_numbered_by_what_was_sent_and_processed() {
        for class in Class::ALL {
            let mut tries = Tries::default();
            tries.add(class);
            let is_unsent = matches!(class, Class::NotConnected | Class::RefusedStream);
            assert_eq!(tries.sent, u32::from(!is_unsent), "{class:?}");
            assert_eq!(tries.counted, u32::from(!is_unsent && class != Class::RateLimited), "{class:?}");
        }
    }

    #[test]
    fn a_hint_that_is_not_followed_whole_is_told() {
        for (hint, asked) in [
            (None, None),
            (Some(0), None),
            (Some(600), None),
            (Some(601), Some("10 min 1 s")),
            (Some(3_600), Some("1 h")),
            (Some(7_503), Some("2 h 5 min")),
            (Some(90_000), Some("1 d 1 h")),
        ] {
            let most = Duration::from_mins(10);
            let told = shortened_hint(hint.map(Duration::from_secs), most);
            let expected = asked.map(|asked| {
                format!("the server asks to be left alone for {asked}; it is asked again after 10 min, the longest pause made")
            });
            assert_eq!(told, expected, "{hint:?}");
            let Some(hint) = hint.filter(|hint| *hint > 0).map(Duration::from_secs) else { continue };
            let tries = Tries { sent: 1, rate_limited: 1, ..Tries::default() };
            let situation = Situation { class: Class::RateLimited, tries, hint: Some(hint), sent_for: None };
            let made = next(&situation, &RetryPolicy::default(), 0.0);
            assert_eq!(made, Next::Retry { after: hint.min(most) }, "the pause that is told is the one that is made");
        }
    }

    #[test]
    fn pauses_double_up_to_a_cap_and_hints_come_first() {
        let longest = Duration::from_mins(1);
        let pauses = [1, 2, 3, 8, 60].map(|failures| backoff(failures, longest).as_millis());
        assert_eq!(pauses, [500, 1_000, 2_000, 60_000, 60_000]);
        assert_eq!(backoff(99, Duration::from_hours(24)), Duration::from_hours(24));
        let mut tries = Tries::default();
        tries.add(Class::RateLimited);
        for (hint, random, seconds) in [(7, 0.0, 7.0), (10, 1.0, 11.0), (6_000, 0.0, 600.0)] {
            let hinted = Situation { hint: Some(Duration::from_secs(hint)), ..after(Class::RateLimited, tries) };
            let after = Duration::from_secs_f64(seconds);
            assert_eq!(next(&hinted, &policy(), random), Next::Retry { after }, "{hint} s");
        }
        let short = Retry { max_hint: Duration::from_secs(2), max_pause: Duration::from_millis(9), ..policy().budgets };
        let policy = RetryPolicy { budgets: short, item_deadline: None };
        let hinted = Situation { hint: Some(Duration::from_secs(5)), ..after(Class::ServerError, tries) };
        assert_eq!(next(&hinted, &policy, 0.0), Next::Retry { after: Duration::from_secs(2) });
        let unhinted = after(Class::RateLimited, tries);
        assert_eq!(next(&unhinted, &policy, 1.0), Next::Retry { after: Duration::from_millis(9) });
    }

    #[test]
    fn pauses_grow_with_the_failures_of_their_kind() {
        let mut tries = Tries::default();
        for class in [Class::ServerError, Class::RateLimited, Class::RateLimited, Class::NotConnected] {
            tries.add(class);
        }
        for (class, milliseconds) in
            [(Class::ServerError, 500), (Class::RateLimited, 1_000), (Class::NotConnected, 500)]
        {
            let pause = Duration::from_millis(milliseconds);
            assert_eq!(next(&after(class, tries), &policy(), 1.0), Next::Retry { after: pause }, "{class:?}");
        }
    }

    #[test]
    fn no_attempt_is_waited_for_that_would_begin_behind_the_items_deadline() {
        let policy = RetryPolicy { item_deadline: Some(Duration::from_secs(10)), ..policy() };
        for (class, budget) in TABLE {
            let mut tries = Tries::default();
            tries.add(class);
            let follows = |sent_for: Option<u64>, hint: Option<u64>| {
                let (sent_for, hint) = (sent_for.map(Duration::from_secs), hint.map(Duration::from_secs));
                next(&Situation { hint, sent_for, ..after(class, tries) }, &policy, 0.0) == Next::Settle
            };
            let never = budget == Budget::Never;
            assert_eq!(follows(None, None), never, "{class:?}, nothing was sent");
            assert_eq!(follows(Some(9), None), never, "{class:?}, in time");
            assert!(follows(Some(10), None), "{class:?}, at the deadline");
            let heeds_hints = class != Class::RefusedStream;
            assert_eq!(follows(Some(5), Some(5)), never || heeds_hints, "{class:?}, a hint beyond the deadline");
        }
    }
}
