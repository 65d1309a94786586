//! What is said when a server starts, and of misses as they happen.

use std::sync::atomic::{AtomicU64, Ordering};

use nightreel::model::Mode;
use nightreel::store::RecordingCount;

use super::super::count::counted;
use super::super::terminal_text::shortened;

/// How many misses are told as they happen; the others are counted, and the report has them.
const TOLD: u64 = 20;
/// How much of a miss is told as it happens, in characters.
const SHOWN: usize = 300;

/// What a server begins with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Announcement<'a> {
    pub(super) mode: Mode,
    /// The stores, by name.
    pub(super) stores: &'a str,
    /// How many recordings there are that the mode makes use of.
    pub(super) recordings: RecordingCount,
    /// The host that is sent to; `None` where nothing is sent.
    pub(super) upstream: Option<&'a str>,
}

/// The misses that have been told.
#[derive(Debug, Default)]
pub(super) struct Misses(AtomicU64);

impl Announcement<'_> {
    /// One line.
    pub(super) fn line(self) -> String {
        let rest = match (self.mode, self.upstream) {
            (Mode::Replay, _) | (_, None) => "nothing is sent".to_owned(),
            (Mode::Auto, Some(host)) => format!("what is not recorded is sent to {host}"),
            (Mode::Record, Some(host)) => format!("everything is sent to {host}"),
        };
        let RecordingCount { recordings, runs } = self.recordings;
        let recordings = counted(recordings, "recording");
        // To find which of them others stand before takes a look at each; that there are such is known by this.
        let runs = if runs > 1 { format!(" of {}", counted(runs, "run")) } else { String::new() };
        format!("nightreel serve: mode {} · {} · {recordings}{runs} · {rest}", self.mode.as_str(), self.stores)
    }
}

impl Misses {
    /// What is said of one more miss; nothing once enough have been told.
    pub(super) fn tell(&self, message: &str) -> Option<String> {
        let before = self.0.fetch_add(1, Ordering::Relaxed);
        let first = message.lines().next().unwrap_or_default();
        match before {
            0..TOLD => Some(format!("nightreel serve: {}", shortened(first, SHOWN))),
            TOLD => Some("nightreel serve: further misses are counted, and told at the end".to_owned()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_says_where_answers_come_from() {
        for (mode, runs, upstream, expected) in [
            (Mode::Replay, 1, None, "nightreel serve: mode replay · a.db, b.db · 1,234 recordings · nothing is sent"),
            (
                Mode::Replay,
                2,
                None,
                "nightreel serve: mode replay · a.db, b.db · 1,234 recordings of 2 runs · nothing is sent",
            ),
            (
                Mode::Auto,
                1,
                Some("openrouter.ai:443"),
                "nightreel serve: mode auto · a.db, b.db · 1,234 recordings · what is not recorded is sent to \
                 openrouter.ai:443",
            ),
            (
                Mode::Record,
                1,
                Some("openrouter.ai:443"),
                "nightreel serve: mode record · a.db, b.db · 1,234 recordings · everything is sent to openrouter.ai:443",
            ),
        ] {
            let recordings = RecordingCount { recordings: 1_234, runs };
            let announcement = Announcement { mode, stores: "a.db, b.db", recordings, upstream };
            assert_eq!(announcement.line(), expected);
        }
    }

    #[test]
    fn a_flood_of_misses_is_counted_and_not_told() {
        let misses = Misses::default();
        let told: Vec<String> = (0..1_000).filter_map(|number| misses.tell(&format!("miss {number}\nmore"))).collect();
        assert_eq!(told.len(), 21);
        assert_eq!((told[0].as_str(), told[19].as_str()), ("nightreel serve: miss 0", "nightreel serve: miss 19"));
        assert!(told[20].contains("counted"));
    }
}
