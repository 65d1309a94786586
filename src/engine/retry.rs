//! Class × attempt → settle, or try again, and when.

use std::time::Duration;

use crate::model::Class;

/// The first pause is up to this long; each one after it up to twice the one before.
const BASE: Duration = Duration::from_millis(500);
/// No pause that nightreel chooses is longer.
const CAP: Duration = Duration::from_mins(1);
/// No pause that a server asks for is longer: past it the item is tried all the same.
const HINT_CAP: Duration = Duration::from_mins(10);
/// What a server's pause is stretched by at random, so that not everybody comes back at once.
const HINT_JITTER: f64 = 0.1;
/// How long a refused stream waits at most before it is sent again.
const REFUSED_PAUSE: Duration = Duration::from_millis(50);
/// How often a stream may be refused before its item is given up.
const REFUSED_MOST: u32 = 1_000;
/// How often a request whose outcome is unknown is sent again: each time it may be billed twice.
const UNKNOWN_MOST: u32 = 1;

/// How often an item is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts of an exchange, the first one among them.
    pub attempts: u32,
}

/// What an exchange has been through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tries {
    /// Attempts that count: sent, and not refused unprocessed.
    pub counted: u32,
    /// Attempts among them whose outcome is unknown.
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
            Class::RefusedStream => self.refused += 1,
            Class::NotConnected => self.not_connected += 1,
            Class::ConnectionLost | Class::TimedOut => {
                self.counted += 1;
                self.unknown += 1;
            }
            _ => self.counted += 1,
        }
        if !matches!(class, Class::NotConnected) {
            self.not_connected = 0;
        }
    }
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

/// What follows an attempt of a class: `tries` has it counted already. `hint` is the pause that
/// the server asks for, `random` is from 0 to 1.
///
/// A connection that cannot be made never settles an exchange: nothing was sent, and it says
/// nothing of the request. The run stops instead where that goes on.
#[must_use]
pub fn next(class: Class, tries: Tries, policy: RetryPolicy, hint: Option<Duration>, random: f64) -> Next {
    let retry = match class {
        Class::Answered
        | Class::Rejected
        | Class::Blocked
        | Class::Unauthorized
        | Class::OutOfCredit
        | Class::Misconfigured
        | Class::QuotaExhausted => false,
        Class::RateLimited | Class::ServerError | Class::BadBody => tries.counted < policy.attempts,
        Class::TimedOut | Class::ConnectionLost => tries.counted < policy.attempts && tries.unknown <= UNKNOWN_MOST,
        Class::RefusedStream => tries.refused < REFUSED_MOST,
        Class::NotConnected => true,
    };
    if !retry {
        return Next::Settle;
    }
    let after = match (class, hint) {
        (Class::RefusedStream, _) => REFUSED_PAUSE.mul_f64(random),
        (_, Some(hint)) => hint.min(HINT_CAP).mul_f64(random.mul_add(HINT_JITTER, 1.0)),
        (Class::NotConnected, None) => backoff(tries.not_connected).mul_f64(random),
        (_, None) => backoff(tries.counted).mul_f64(random),
    };
    Next::Retry { after }
}

/// What people are told where a server asks for a longer pause than is made; `None` where its
/// pause is made whole.
#[must_use]
pub fn shortened_hint(hint: Option<Duration>) -> Option<String> {
    let asked = hint.filter(|hint| *hint > HINT_CAP)?;
    let (asked, made) = (whole_seconds(asked), whole_seconds(HINT_CAP));
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
fn backoff(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    (BASE * (1 << doublings)).min(CAP)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetryPolicy = RetryPolicy { attempts: 3 };

    fn after(class: Class, counted: u32) -> Next {
        let unknown = u32::from(class.may_be_billed() && class != Class::BadBody) * counted;
        next(class, Tries { counted, unknown, refused: counted, not_connected: counted }, POLICY, None, 1.0)
    }

    #[test]
    fn each_class_is_tried_again_as_its_row_says() {
        // How many attempts an exchange gets at three allowed; `None`: as many as it takes.
        let table = [
            (Class::Answered, Some(1)),
            (Class::RateLimited, Some(3)),
            (Class::QuotaExhausted, Some(1)),
            (Class::ServerError, Some(3)),
            (Class::BadBody, Some(3)),
            (Class::TimedOut, Some(2)),
            (Class::ConnectionLost, Some(2)),
            (Class::NotConnected, None),
            (Class::RefusedStream, Some(REFUSED_MOST)),
            (Class::Rejected, Some(1)),
            (Class::Blocked, Some(1)),
            (Class::Unauthorized, Some(1)),
            (Class::OutOfCredit, Some(1)),
            (Class::Misconfigured, Some(1)),
        ];
        assert_eq!(table.map(|(class, _)| class), Class::ALL);
        for (class, attempts) in table {
            let settled = (1..=REFUSED_MOST + 1).find(|counted| after(class, *counted) == Next::Settle);
            assert_eq!(settled, attempts, "{class:?}");
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
            let told = shortened_hint(hint.map(Duration::from_secs));
            let expected = asked.map(|asked| {
                format!("the server asks to be left alone for {asked}; it is asked again after 10 min, the longest pause made")
            });
            assert_eq!(told, expected, "{hint:?}");
            let tries = Tries { counted: 1, ..Tries::default() };
            let Some(hint) = hint.filter(|hint| *hint > 0).map(Duration::from_secs) else { continue };
            let made = next(Class::RateLimited, tries, POLICY, Some(hint), 0.0);
            assert_eq!(
                made,
                Next::Retry { after: hint.min(HINT_CAP) },
                "the pause that is told is the one that is made"
            );
        }
    }

    #[test]
    fn pauses_double_up_to_a_cap_and_hints_come_first() {
        let pauses = [1, 2, 3, 8, 60].map(|failures| backoff(failures).as_millis());
        assert_eq!(pauses, [500, 1_000, 2_000, 60_000, 60_000]);
        let tries = Tries { counted: 1, ..Tries::default() };
        let hinted = next(Class::RateLimited, tries, POLICY, Some(Duration::from_secs(7)), 0.0);
        assert_eq!(hinted, Next::Retry { after: Duration::from_secs(7) });
        let jittered = next(Class::RateLimited, tries, POLICY, Some(Duration::from_secs(10)), 1.0);
        assert_eq!(jittered, Next::Retry { after: Duration::from_secs(11) });
    }
}
