//! What came of the requests that recordings were asked for, session by session.

use serde::{Deserialize, Serialize};

/// What came of the requests that recordings were asked for, and which recordings nobody asked for:
/// plain values, the same for people and programs.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SessionReport {
    /// Requests that a recording answered.
    pub hits: u64,
    /// Requests that nothing answered.
    pub misses: u64,
    /// Requests that were sent, as no recording was to answer them.
    pub live: u64,
    /// Requests for models that an answer was made for, of the models that are recorded.
    #[serde(default)]
    pub derived: u64,
    /// Requests that were refused before anything was looked for, or for which nothing could be sent:
    /// nothing answered them either.
    #[serde(default)]
    pub refusals: u64,
    /// Those of the sent ones whose replies were cut off, as the server ended before they had.
    #[serde(default)]
    pub cut: u64,
    /// Those of the sent ones that failed by the account, or with a 403 that no moderation is the cause of:
    /// what came of them is recorded, and `auto` sends them again.
    #[serde(default)]
    pub account_failures: u64,
    /// Those of the misses and of the sent ones whose recordings had all been handed out.
    pub exhausted: u64,
    /// Recordings that no request was answered by.
    pub unused: u64,
    /// What the recordings that answered have cost once, in USD: the known costs alone.
    pub cost_avoided_usd: f64,
    /// How many hits had a recording whose cost nobody knows.
    pub unpriced_hits: u64,
    /// What was sent has cost, in USD: the known costs alone.
    pub live_cost_usd: f64,
    /// How many of the sent requests have a cost that nobody knows.
    pub unpriced_live: u64,
    /// The sessions, by name.
    pub sessions: Listed<SessionCounts>,
    /// The requests that nothing answered, in the order in which they first came.
    pub missed: Listed<Missed>,
    /// The requests that were refused, in the order in which they first came.
    #[serde(default)]
    pub refused: Listed<Refused>,
    /// Every recording that answered a request. It is never cut short: whoever prunes by it would
    /// throw away what is left out.
    pub used_recordings: Vec<UsedRecording>,
    /// The recordings that no request was answered by.
    pub unused_recordings: Listed<UnusedRecording>,
}

/// The first of some things, and how many more there were.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed<T> {
    /// The first of them.
    pub shown: Vec<T>,
    /// How many more there were.
    pub more: u64,
}

/// What came of the requests of one session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionCounts {
    /// The session; empty for requests that named none.
    pub name: String,
    /// Requests that a recording answered.
    pub hits: u64,
    /// Requests that nothing answered.
    pub misses: u64,
    /// Requests that were sent.
    pub live: u64,
}

/// A request that nothing answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missed {
    /// The session; empty where the request named none.
    pub session: String,
    /// Its key, in hexadecimal digits.
    #[serde(default)]
    pub key: String,
    /// Where it was sent: the path without host and `/v1`.
    pub endpoint: String,
    /// The model that it asked for.
    pub model: String,
    /// Why nothing answered it, in one word of `snake_case`.
    pub reason: String,
    /// The message that its client was told.
    pub message: String,
    /// How often the session asked it.
    pub count: u64,
}

/// A request that was refused: nothing was looked for, or nothing could be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The session; empty where the request named none.
    pub session: String,
    /// Its method.
    pub method: String,
    /// Its path, without a query.
    pub path: String,
    /// The status that its client was told.
    pub status: u16,
    /// Why, in one word of `snake_case`.
    #[serde(default)]
    pub code: String,
    /// The message that its client was told.
    pub message: String,
    /// How often the session was told so.
    pub count: u64,
}

impl Refused {
    /// Whether another one differs in nothing but how often there was such.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        (&self.session, &self.method, &self.path, self.status, &self.code, &self.message)
            == (&other.session, &other.method, &other.path, other.status, &other.code, &other.message)
    }
}

/// A recording that answered requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsedRecording {
    /// The session that it was recorded in; `None` where there was none.
    pub session: Option<String>,
    /// Its key, in hexadecimal digits.
    pub key: String,
    /// Which of the recordings of this key in its session it is, from 0.
    pub occurrence: u32,
    /// How many requests it answered.
    pub count: u64,
}

/// A recording that no request was answered by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnusedRecording {
    /// The session that it was recorded in; `None` where there was none.
    pub session: Option<String>,
    /// Its key, in hexadecimal digits.
    pub key: String,
    /// Which of the recordings of this key in its session it is, from 0.
    pub occurrence: u32,
    /// Where it was sent: the path without host and `/v1`.
    pub endpoint: String,
    /// The model that it asked for.
    pub model: String,
    /// How its prompt begins.
    pub prompt: String,
}

impl SessionReport {
    /// Adds what came of the requests of a session.
    pub fn add(&mut self, session: SessionCounts) {
        self.hits += session.hits;
        self.misses += session.misses;
        self.live += session.live;
        self.sessions.push(|| session);
    }

    /// How many requests there were.
    #[must_use]
    pub const fn asked(&self) -> u64 {
        self.hits + self.misses + self.live + self.derived + self.refusals
    }

    /// How many of the requests nothing answered.
    #[must_use]
    pub const fn unanswered(&self) -> u64 {
        self.misses + self.refusals
    }

    /// Adds a recording that no request was answered by; it is described only where it is shown.
    pub fn add_unused(&mut self, describe: impl FnOnce() -> UnusedRecording) {
        self.unused += 1;
        self.unused_recordings.push(describe);
    }
}

impl<T> Listed<T> {
    /// How many are shown at most.
    pub const MOST: usize = 1_000;

    /// Whether one more would be shown.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.shown.len() < Self::MOST
    }

    /// Adds one more; it is made only where it is shown.
    pub fn push(&mut self, make: impl FnOnce() -> T) {
        if self.has_room() {
            self.shown.push(make());
        } else {
            self.more += 1;
        }
    }

    /// How many there were in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.shown.len() as u64 + self.more
    }
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self { shown: Vec::new(), more: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(name: &str) -> SessionCounts {
        SessionCounts { name: name.to_owned(), hits: 3, misses: 2, live: 1 }
    }

    #[test]
    fn the_sums_count_the_sessions_that_are_not_shown_too() {
        let mut report = SessionReport::default();
        for number in 0..Listed::<SessionCounts>::MOST + 5 {
            report.add(session(&format!("s{number}")));
        }
        assert_eq!((report.hits, report.misses, report.live), (3_015, 2_010, 1_005));
        assert_eq!((report.sessions.shown.len(), report.sessions.more, report.sessions.total()), (1_000, 5, 1_005));
    }

    #[test]
    fn what_is_not_shown_is_not_made() {
        let mut listed = Listed { shown: vec![0; Listed::<i32>::MOST], more: 0 };
        listed.push(|| panic!("made"));
        assert_eq!(listed.total(), 1_001);
    }

    #[test]
    fn a_report_comes_back_from_its_json() {
        let mut report = SessionReport { cost_avoided_usd: 0.1 + 0.2, ..SessionReport::default() };
        report.add(session(""));
        report.missed.push(|| Missed {
            session: "a".to_owned(),
            key: "00ff".to_owned(),
            endpoint: "chat/completions".to_owned(),
            model: "m".to_owned(),
            reason: "prompt_changed".to_owned(),
            message: "no \"recording\"".to_owned(),
            count: 2,
        });
        report.refused.push(|| Refused {
            session: String::new(),
            method: "POST".to_owned(),
            path: "/v1/moderations".to_owned(),
            status: 404,
            code: "unknown_url".to_owned(),
            message: "nothing is answered".to_owned(),
            count: 1,
        });
        report.add_unused(|| UnusedRecording {
            session: None,
            key: "00ff".to_owned(),
            occurrence: 1,
            endpoint: "embeddings".to_owned(),
            model: "m".to_owned(),
            prompt: "Why?".to_owned(),
        });
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<SessionReport>(&text).unwrap(), report);
    }
}
