//! Dates and times.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::bytes::{Captures, Regex};

use crate::model::canonical::Step;

/// What stands for a date, with its time where it has one.
pub(super) const PLACEHOLDER: &str = "‹timestamp›";

/// The words of a name that say that it names a time; so does `at` behind another word.
const TIME_WORDS: [&str; 19] = [
    "timestamp",
    "ts",
    "time",
    "datetime",
    "date",
    "epoch",
    "now",
    "today",
    "created",
    "updated",
    "modified",
    "started",
    "finished",
    "expires",
    "expiry",
    "expiration",
    "iat",
    "exp",
    "nbf",
];

/// A Unix time from 2001 to 2286, in seconds, milliseconds, microseconds or nanoseconds.
const UNIX_TIME: &str = r"[1-9][0-9]{9}(?:[0-9]{3}|[0-9]{6}|[0-9]{9})?(?:\.[0-9]+)?";

/// A date, with the weekday before it and the time behind it.
static DATES: LazyLock<Regex> = LazyLock::new(|| {
    let (year, month, day) = ("(?:19|20)[0-9]{2}", "(?:0[1-9]|1[0-2])", "(?:0[1-9]|[12][0-9]|3[01])");
    let short_day = "(?:[12][0-9]|3[01]|0?[1-9])";
    let counted_day = format!("{short_day}(?:st|nd|rd|th)?");
    let month_name = "(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?\
        |sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)";
    let weekday = "(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?";
    let zone = "(?:z|(?:utc|gmt)(?:[+-][0-9]{1,2}(?::?[0-9]{2})?)?|[+-][0-9]{2}(?::?[0-9]{2})?\
        |[ecmp][sd]t|ces?t|bst|ist|jst)";
    let clock = r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?(?:\x20?[ap](?:m\b|\.m\.))?";
    let time = format!(r"{clock}(?:\x20?{zone}\b)?(?:\x20\([a-z\x20]+\))?");
    let behind = format!(r"(?:(?:,?\x20(?:at\x20)?|t|,|:){time})?");
    let short_month = "(?:1[0-2]|0?[1-9])";
    let hour = "[0-9]{1,2}(?:時|时|点)(?:[0-9]{1,2}分(?:[0-9]{1,2}秒)?)?";
    let pattern = format!(
        r"(?xi-u) \b (?: {weekday},?\x20 )? (?:
            {year}-{month}-{day}{behind}                                  # 2026-11-22T18:24:14.5+01:00
            | {year}{month}{day}t[0-9]{{6}}(?:[.,][0-9]+)?{zone}?         # 20261122T182414Z
            | {year}[/.]{month}[/.]{day}{behind}                          # 2026/11/22 18:24
            | {short_day}[/.]{short_day}[/.]{year}{behind}                # 11/22/2026, 22.11.2026
            | {counted_day}[\x20/-](?:of\x20)?{month_name}[,.]?[\x20/-]{year}{behind}    # 22 Nov 2026 18:24:14 GMT
            | {month_name}\.?\x20{counted_day},?\x20{year}{behind}        # November 22nd, 2026 at 6:24 PM
            | {month_name}\x20{{1,2}}{short_day}\x20{time}\x20{year}      # Nov 22 18:24:14 2026
            | {year}年{short_month}月{short_day}日(?:\x20?(?:{time}|{hour}))?     # 2026年11月22日 18時24分14秒
        ) \b{{end-half}}"
    );
    Regex::new(&pattern).expect("the pattern is valid")
});

/// A Unix time behind a name.
static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = format!(
        r#"(?x-u) \b (?<name> [A-Za-z][A-Za-z0-9_.-]* ) ["']? [\x20\t\r\n]* [:=] [\x20\t\r\n]* ["']?
            (?<time> {UNIX_TIME} ) \b{{end-half}}"#
    );
    Regex::new(&pattern).expect("the pattern is valid")
});

static WHOLE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(&format!("^(?:{UNIX_TIME})$")).expect("the pattern is valid"));

/// The text at a place with a placeholder for every date.
pub(super) fn replace<'t>(path: &[Step<'_>], text: Cow<'t, [u8]>) -> Cow<'t, [u8]> {
    if is_unix_time(path, &text) {
        return Cow::Borrowed(PLACEHOLDER.as_bytes());
    }
    let text = replace_all(text, &DATES, |found| found.get(0).map(|date| date.range()));
    replace_all(text, &NAMED, |found| {
        let time = found.name("time").filter(|_| names_a_time(&found["name"]));
        time.map(|time| time.range())
    })
}

/// Whether a number, or a whole string, is a Unix time by the name of the member it stands in.
pub(super) fn is_unix_time(path: &[Step<'_>], text: &[u8]) -> bool {
    let name = path.iter().rev().find_map(|step| match step {
        Step::Member(name) => Some(name),
        Step::Element(_) => None,
    });
    WHOLE.is_match(text) && name.is_some_and(|name| names_a_time(name))
}

/// Replaces the place that `place` finds in each match; a match without one is left.
fn replace_all<'t>(
    text: Cow<'t, [u8]>,
    regex: &Regex,
    place: impl Fn(&Captures<'_>) -> Option<std::ops::Range<usize>>,
) -> Cow<'t, [u8]> {
    let (mut out, mut copied, mut at) = (Vec::new(), 0, 0);
    while let Some(found) = regex.captures_at(&text, at) {
        let start = found.get(0).expect("the whole match is always there").start();
        match place(&found) {
            Some(place) => {
                out.extend_from_slice(&text[copied..place.start]);
                out.extend_from_slice(PLACEHOLDER.as_bytes());
                (copied, at) = (place.end, place.end);
            }
            None => at = start + 1,
        }
    }
    if copied == 0 {
        return text;
    }
    out.extend_from_slice(&text[copied..]);
    Cow::Owned(out)
}

/// Whether a name, in any of the ways that names are put together, has a word for a time in it.
fn names_a_time(name: &[u8]) -> bool {
    let name = String::from_utf8_lossy(name);
    let words = words(&name);
    let at = words.len() > 1 && words.last().is_some_and(|word| word == "at");
    at || words.iter().any(|word| TIME_WORDS.contains(&word.as_str()))
}

/// The words of `created_at`, `createdAt`, `created-at` and `CreatedAt`, in lower case.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut after_lower = false;
    for character in name.chars() {
        let parts = !character.is_alphanumeric() || (after_lower && character.is_uppercase());
        if parts {
            words.push(String::new());
        }
        if character.is_alphanumeric() {
            words.last_mut().expect("there is always a word").extend(character.to_lowercase());
        }
        after_lower = character.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(text: &str) -> String {
        String::from_utf8(replace(&[], Cow::Borrowed(text.as_bytes())).into_owned()).unwrap()
    }

    #[test]
    fn what_is_a_date_is_found_within_a_text() {
        for date in [
            "2026-11-22",
            "2026-11-22 18:24:14",
            "2026-11-22 18:24",
            "2026-11-22T18:24:14Z",
            "2026-11-22t18:24:14.123456789z",
            "2026-11-22T18:24:14,5+01:00",
            "2026-11-22 18:24:14 -0500",
            "2026-11-22 18:24:14 UTC",
            "20261122T182414Z",
            "20261122T182414",
            "2026/11/22 18:24:14",
            "11/22/2026, 6:24:14 PM",
            "22.11.2026 18:24",
            "22 November 2026",
            "22nd of November, 2026",
            "1 Jan 2026 00:00",
            "November 22, 2026",
            "Nov 22nd, 2026 at 6:24 p.m.",
            "Sunday, November 22, 2026 6:24 PM EST",
            "Sun, 22 Nov 2026 18:24:14 GMT",
            "Sun, 22 Nov 2026 18:24:14 +0000",
            "Sun Nov 22 18:24:14 2026",
            "Sun Nov  2 18:24:14 2026",
            "Sun Nov 22 2026 18:24:14 GMT+0000 (Coordinated Universal Time)",
            "22/Nov/2026:18:24:14 +0000",
            "Sunday, 2026-11-22",
            "2026年11月22日",
            "2026年1月2日 18:24",
            "2026年11月22日18時24分14秒",
            "2026年11月22日 18点",
        ] {
            assert_eq!(normal(&format!("it is {date}, and so on")), "it is ‹timestamp›, and so on", "{date}");
            assert_eq!(normal(&format!("[{date}]")), "[‹timestamp›]", "{date}");
            assert_eq!(normal(&format!("It is {date}. Why?")), "It is ‹timestamp›. Why?", "{date}");
            assert_eq!(normal(date), "‹timestamp›", "{date}");
        }
    }

    #[test]
    fn a_unix_time_counts_behind_a_name_that_says_so() {
        for (text, expected) in [
            (r#"{"created": 1763836800}"#, r#"{"created": ‹timestamp›}"#),
            ("{'expiresAt':'1763836800123'}", "{'expiresAt':'‹timestamp›'}"),
            ("timestamp=1763836800.25 id=7", "timestamp=‹timestamp› id=7"),
            ("last_seen_at: 1763836800.", "last_seen_at: ‹timestamp›."),
            ("total: 1763836800", "total: 1763836800"),
            ("what is 3 times 1763836800?", "what is 3 times 1763836800?"),
            ("created: 17638368001", "created: 17638368001"),
            ("1763836800", "1763836800"),
        ] {
            assert_eq!(normal(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_left() {
        for text in [
            "2026年13月1日",
            "11月22日",
            "it took 00:05:30",
            "2026-13-01",
            "2026-11-32",
            "12026-11-22",
            "1815-06-18",
            "in May 2026",
            "Sunday",
        ] {
            assert_eq!(normal(text), text);
        }
    }

    #[test]
    fn a_members_name_says_whether_its_value_is_a_time() {
        for (name, expected) in [
            ("created", true),
            ("created_at", true),
            ("createdAt", true),
            ("start-time", true),
            ("Timestamp", true),
            ("sentAt", true),
            ("metadata.ts", true),
            ("at", false),
            ("runtime", false),
            ("seed", false),
            ("candidate", false),
        ] {
            assert_eq!(
                is_unix_time(&[Step::Member(Cow::Borrowed(name.as_bytes()))], b"1763836800"),
                expected,
                "{name}"
            );
        }
    }
}
