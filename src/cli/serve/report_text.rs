//! The report as people read it.

use nightreel::record::{Missed, Refused, SessionCounts, SessionReport, UnusedRecording};

use super::super::count::{count, counted};
use super::super::money::spent;
use super::super::page::Page;
use super::super::table::{Align, Table};
use super::super::terminal_text::{lines, one_line, quoted_line, shortened_within};

/// How many sessions, missed requests and unused recordings are shown each.
const SHOWN: usize = 20;
/// How many digits of a key tell it from others.
const KEY_DIGITS: usize = 12;
/// How many characters of a session's name stand in the table; the report's JSON has all of them.
const NAME_WIDTH: usize = 60;
/// What stands for the session of requests that name none.
const UNNAMED: &str = "(no session)";

/// What came of it all, for people.
pub(super) fn report_text(report: &SessionReport) -> String {
    let mut page = Page::default();
    page.line(headline(report));
    page.text(&money(report));
    if report.sessions.total() > 1 {
        page.text(&sessions(report));
    }
    page.text(&cut(report.cut));
    page.text(&account_failures(report.account_failures));
    missed(report, &mut page);
    refused(report, &mut page);
    unused(report, &mut page);
    page.finish()
}

/// The name of a session, for people.
pub(super) fn session_name(name: &str) -> String {
    if name.is_empty() { UNNAMED.to_owned() } else { one_line(name) }
}

/// A request that nothing answered, in a line.
pub(super) fn missed_line(missed: &Missed) -> String {
    missed_name(missed) + &times(missed.count)
}

/// What is the same of a request that nothing answered, however often it is asked.
pub(super) fn missed_name(missed: &Missed) -> String {
    let Missed { session, key, endpoint, model, reason, .. } = missed;
    let (model, session, reason) = (one_line(model), session_name(session), one_line(reason));
    format!("{endpoint} {model}, {session}: {reason} (key {})", short(key))
}

/// A request that was refused, in a line.
pub(super) fn refused_line(refused: &Refused) -> String {
    refused_name(refused) + &times(refused.count)
}

/// What is the same of a request that was refused, however often it is.
pub(super) fn refused_name(refused: &Refused) -> String {
    let Refused { session, method, path, status, code, .. } = refused;
    let (method, path, session, code) = (one_line(method), one_line(path), session_name(session), one_line(code));
    format!("{method} {path}, {session}: status {status}, {code}")
}

/// A recording that no request was answered by, in a line.
pub(super) fn unused_line(unused: &UnusedRecording) -> String {
    let UnusedRecording { session, key, occurrence, endpoint, model, prompt } = unused;
    let key = short(key);
    let of = session.as_deref().map(|session| format!(", recorded in {}", session_name(session))).unwrap_or_default();
    let begins = if prompt.is_empty() { String::new() } else { format!(" {}", quoted_line(prompt)) };
    format!("{endpoint} {}{begins} (key {key}, occurrence {occurrence}{of})", one_line(model))
}

fn times(number: u64) -> String {
    if number == 1 { String::new() } else { format!(", {} times", count(number)) }
}

/// As much of a key as tells it from others.
fn short(key: &str) -> &str {
    key.get(..KEY_DIGITS).unwrap_or(key)
}

fn headline(report: &SessionReport) -> String {
    let derived = match report.derived {
        0 => String::new(),
        derived => format!("{} of models made from the recordings, ", count(derived)),
    };
    let exhausted = match report.exhausted {
        0 => String::new(),
        exhausted => format!(" ({} after all recordings were handed out)", count(exhausted)),
    };
    let refused = match report.refusals {
        0 => String::new(),
        refusals => format!(", {} refused", count(refusals)),
    };
    format!(
        "{}: {} replayed, {derived}{} sent, {} missed{exhausted}{refused}; {} not used",
        counted(report.asked(), "request"),
        count(report.hits),
        count(report.live),
        count(report.misses),
        counted(report.unused, "recording")
    )
}

fn money(report: &SessionReport) -> String {
    let mut parts = Vec::new();
    if report.hits > 0 {
        parts.push(format!("avoided {}", spent(report.cost_avoided_usd, report.unpriced_hits > 0)));
    }
    if report.live > 0 {
        parts.push(format!("spent {}", spent(report.live_cost_usd, report.unpriced_live > 0)));
    }
    if parts.is_empty() { String::new() } else { format!("  cost: {}\n", parts.join(", ")) }
}

fn sessions(report: &SessionReport) -> String {
    let columns =
        [("session", Align::Left), ("replayed", Align::Right), ("sent", Align::Right), ("missed", Align::Right)];
    let mut table = Table::new(&columns);
    for SessionCounts { name, hits, misses, live } in report.sessions.shown.iter().take(SHOWN) {
        table.row([shortened_within(&session_name(name), NAME_WIDTH), count(*hits), count(*live), count(*misses)]);
    }
    table.render("  ") + &more(report.sessions.total())
}

fn missed(report: &SessionReport, page: &mut Page) {
    for missed in report.missed.shown.iter().take(SHOWN) {
        page.line(format!("  missed: {}", missed_line(missed)));
        for line in lines(missed.message.as_bytes()).lines() {
            page.line(format!("      {line}").trim_end());
        }
    }
    page.text(&more(report.missed.total()));
}

fn refused(report: &SessionReport, page: &mut Page) {
    for refused in report.refused.shown.iter().take(SHOWN) {
        page.line(format!("  refused: {}", refused_line(refused)));
        for line in lines(refused.message.as_bytes()).lines() {
            page.line(format!("      {line}").trim_end());
        }
    }
    page.text(&more(report.refused.total()));
}

/// What the server's own end did to those who were waiting.
fn cut(cut: u64) -> String {
    match cut {
        0 => String::new(),
        1 => {
            "  1 request was cut: its answer was under way when the server ended (--drain gives more time)\n".to_owned()
        }
        cut => format!(
            "  {} requests were cut: their answers were under way when the server ended (--drain gives more time)\n",
            count(cut)
        ),
    }
}

/// What was recorded that another key, or another account, may be answered otherwise.
fn account_failures(failures: u64) -> String {
    let what = "failed by the account, or with a 403: recorded so, and --mode auto sends";
    match failures {
        0 => String::new(),
        1 => format!("  1 sent request {what} it again\n"),
        failures => format!("  {} sent requests {what} them again\n", count(failures)),
    }
}

fn unused(report: &SessionReport, page: &mut Page) {
    for unused in report.unused_recordings.shown.iter().take(SHOWN) {
        page.line(format!("  not used: {}", unused_line(unused)));
    }
    page.text(&more(report.unused_recordings.total()));
}

/// How many more there are than are shown.
fn more(total: u64) -> String {
    match total.saturating_sub(SHOWN as u64) {
        0 => String::new(),
        more => format!("  and {} more\n", count(more)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_report::{missed, report, unused};
    use super::*;

    #[test]
    fn a_clean_session_is_a_line_or_two() {
        let mut report = SessionReport { cost_avoided_usd: 0.0125, ..SessionReport::default() };
        report.add(SessionCounts { name: String::new(), hits: 5, misses: 0, live: 0 });
        assert_eq!(
            report_text(&report),
            "5 requests: 5 replayed, 0 sent, 0 missed; 0 recordings not used\n  cost: avoided $0.0125\n"
        );
        let report = SessionReport { derived: 2, ..report };
        assert!(
            report_text(&report).starts_with("7 requests: 5 replayed, 2 of models made from the recordings, 0 sent, ")
        );
        let nothing = report_text(&SessionReport::default());
        assert_eq!(nothing, "0 requests: 0 replayed, 0 sent, 0 missed; 0 recordings not used\n");
    }

    #[test]
    fn what_was_missed_and_what_was_left_is_told_with_its_session() {
        assert_eq!(
            report_text(&report()),
            "1,212 requests: 1,203 replayed, 4 sent, 2 missed (1 after all recordings were handed out), 3 refused; \
             1 recording not used\n  \
             cost: avoided ≥ $0.500, spent unknown\n  \
             session       replayed  sent  missed\n  \
             (no session)     1,200     4       0\n  \
             tests/a              3     0       2\n  \
             1 request was cut: its answer was under way when the server ended (--drain gives more time)\n  \
             2 sent requests failed by the account, or with a 403: recorded so, and --mode auto sends them again\n  \
             missed: chat/completions m/x, tests/a: prompt_changed (key fedcba987654), 2 times\n      \
             $.messages[0].content: recorded \"a\", asked \"<b>\"\n\n      \
             to record it: nightreel serve --mode auto\n  \
             refused: POST /v1/moderations, tests/a: status 404, unknown_url, 3 times\n      \
             nothing is answered at POST /v1/moderations\n  \
             not used: embeddings m \"Why is the sky blue?\" (key 0123456789ab, occurrence 2, recorded in old)\n"
        );
    }

    #[test]
    fn nothing_that_a_client_sent_steers_the_terminal() {
        let mut report = SessionReport::default();
        report.missed.push(|| Missed {
            session: "a\nb".to_owned(),
            model: "\u{1b}[31m".to_owned(),
            message: "x\u{1b}]0;title\u{7}".to_owned(),
            ..missed()
        });
        report.add_unused(|| UnusedRecording { prompt: "one\ntwo\u{202e}".to_owned(), ..unused() });
        let text = report_text(&report);
        assert!(!text.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{text}");
        assert!(text.contains("a\\nb") && text.contains("one\\ntwo"), "{text}");
    }

    #[test]
    fn a_long_name_does_not_widen_the_table() {
        let mut report = SessionReport::default();
        for name in ["short".to_owned(), format!("tests/{}[first]", "x".repeat(240))] {
            report.add(SessionCounts { name, hits: 1, misses: 0, live: 0 });
        }
        let text = report_text(&report);
        assert!(text.lines().all(|line| line.chars().count() < 100), "{text}");
        assert!(text.contains("  tests/xxx") && text.contains("xxx[first]  "), "{text}");
    }

    #[test]
    fn the_quotes_of_a_prompt_are_no_end_of_it() {
        let line = unused_line(&UnusedRecording { prompt: "largest \"x\" y".to_owned(), ..unused() });
        assert!(line.starts_with(r#"embeddings m "largest \"x\" y" (key "#), "{line}");
    }

    #[test]
    fn a_long_list_says_how_much_is_left_out() {
        let mut report = SessionReport::default();
        for _ in 0..1_005 {
            report.add_unused(unused);
        }
        let text = report_text(&report);
        assert_eq!(text.matches("not used: ").count(), SHOWN);
        assert!(text.ends_with("  and 985 more\n"), "{text}");
    }
}
