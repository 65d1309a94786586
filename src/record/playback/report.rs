//! What a session reports at its end.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value;

use crate::model::{Key, Mode};
use crate::record::{SessionReport, UnusedRecording, UsedRecording};
use crate::store::{KeptRequest, Place, StoreError};

use super::state::State;
use super::tape::{Anew, At, Lent};
use super::{Playback, PlaybackOptions, Policy};

/// How much of a prompt is shown, in characters.
const SHOWN: usize = 60;

/// What makes two recordings one for those who ask: of several the newest of the first store counts.
type Slot = (Option<Arc<str>>, Key, u32);

impl Playback {
    /// What came of all requests so far, and which recordings nobody asked for. Recordings that
    /// another one stands in front of, and those that were never lent, do not count as unused.
    ///
    /// It reads every request of the stores.
    ///
    /// # Errors
    /// Fails if a store cannot be read.
    pub fn report(&self) -> Result<SessionReport, StoreError> {
        self.report_on(Concern::All)
    }

    /// The same, where of the recordings that nobody asked for those alone count that are meant for
    /// one session: those recorded in it; where there are none, those recorded without a session;
    /// where there are none of these either, all. Of what the policy hands out the first one of alone,
    /// the later ones do not count.
    ///
    /// # Errors
    /// Fails if a store cannot be read.
    pub fn report_of(&self, session: &str) -> Result<SessionReport, StoreError> {
        self.report_on(Concern::Session(Some(session).filter(|session| !session.is_empty())))
    }

    fn report_on(&self, concern: Concern<'_>) -> Result<SessionReport, StoreError> {
        let mut state = self.lock();
        let mut report = SessionReport {
            derived: state.totals.derived,
            exhausted: state.totals.exhausted,
            cost_avoided_usd: sum_of_costs(state.totals.cost_avoided_usd),
            unpriced_hits: state.totals.unpriced_hits,
            live_cost_usd: sum_of_costs(state.totals.live_cost_usd),
            unpriced_live: state.totals.unpriced_live,
            refusals: state.totals.refusals,
            refused: state.refused.clone(),
            cut: state.totals.cut,
            account_failures: state.totals.account_failures,
            ..SessionReport::default()
        };
        state.sessions.counts.iter().for_each(|counts| report.add(counts.clone()));
        state.missed.iter().for_each(|missed| report.missed.push(|| missed.clone()));
        if self.options().mode != Mode::Record {
            state.report_recordings(self.options(), concern, &mut report)?;
        }
        Ok(report)
    }
}

/// Which recordings a report tells of where nobody asked for them.
#[derive(Debug, Clone, Copy)]
enum Concern<'a> {
    All,
    /// All of them, which one session is lent.
    Lent,
    /// Those that are meant for a session; `None` is the unnamed one.
    Session(Option<&'a str>),
}

impl Concern<'_> {
    /// What it comes to where these are the recordings.
    fn among(self, entries: &[Entry]) -> Self {
        let has = |session| entries.iter().any(|entry| entry.place.session.as_deref() == session);
        match self {
            Self::Session(session) if has(session) => self,
            Self::Session(_) if has(None) => Self::Session(None),
            Self::Session(_) | Self::Lent => Self::Lent,
            Self::All => Self::All,
        }
    }

    /// What `place` is one of several recordings of, of which a policy may hand out one alone.
    fn group(self, key: Key, place: &Place) -> (Option<Arc<str>>, Key) {
        match self {
            Self::Lent => (None, key),
            Self::All | Self::Session(_) => (place.session.clone(), key),
        }
    }

    fn covers(self, place: &Place) -> bool {
        match self {
            Self::All | Self::Lent => true,
            Self::Session(session) => place.session.as_deref() == session,
        }
    }
}

/// A recording, as far as the report looks at it.
struct Entry {
    at: At,
    key: Key,
    place: Place,
}

impl State {
    fn report_recordings(
        &mut self,
        options: &PlaybackOptions,
        concern: Concern<'_>,
        report: &mut SessionReport,
    ) -> Result<(), StoreError> {
        let entries = self.entries()?;
        let concern = concern.among(&entries);
        let real: HashSet<Key> = entries.iter().filter(|entry| !entry.place.simulated).map(|entry| entry.key).collect();
        let mut slots: HashSet<Slot> = HashSet::new();
        let mut anew: HashMap<(usize, Key), Anew> = HashMap::new();
        let uses = self.uses();
        let used_entries = entries.iter().filter(|entry| uses.contains_key(&entry.at));
        // Once one of a group is there, the others of it do not count.
        let mut groups: HashSet<_> = used_entries.map(|entry| concern.group(entry.key, &entry.place)).collect();
        let has_one_each = options.policy == Policy::First;
        for entry in entries {
            let count = uses.get(&entry.at).copied();
            report.used_recordings.extend(count.map(|count| used(&entry, count)));
            let lent = Lent::of(&entry.place, options.mode, real.contains(&entry.key));
            let slot = (entry.place.session.clone(), entry.key, entry.place.occurrence);
            if !anew.entry((entry.at.source, entry.key)).or_default().lets_stand(&entry.place)
                || lent == Lent::PassedOver
                || !slots.insert(slot)
                || lent == Lent::SentAgain
                || count.is_some()
                || !concern.covers(&entry.place)
                || (has_one_each && !groups.insert(concern.group(entry.key, &entry.place)))
            {
                continue;
            }
            report.unused += 1;
            if report.unused_recordings.has_room() {
                let described = self.unused(&entry)?;
                report.unused_recordings.push(|| described);
            } else {
                report.unused_recordings.more += 1;
            }
        }
        Ok(())
    }

    /// All recordings: those of the first store first, and in each the newest first.
    fn entries(&mut self) -> Result<Vec<Entry>, StoreError> {
        let mut entries = Vec::new();
        for (index, source) in self.sources.iter_mut().enumerate() {
            source.visit_requests(|KeptRequest { place, key, .. }| {
                entries.push(Entry { at: At { source: index, exchange: place.exchange }, key, place });
            })?;
        }
        Ok(entries)
    }

    /// Reads what people know a recording by.
    fn unused(&mut self, entry: &Entry) -> Result<UnusedRecording, StoreError> {
        let request = self.sources[entry.at.source].recordings.kept_request(entry.at.exchange)?;
        Ok(UnusedRecording {
            session: entry.place.session.as_deref().map(str::to_owned),
            key: entry.key.to_string(),
            occurrence: entry.place.occurrence,
            endpoint: request.endpoint.to_string(),
            model: request.model.to_string(),
            prompt: prompt_text(&request.body).unwrap_or_default(),
        })
    }
}

/// A sum of costs in USD without the error of adding them: to a billionth of a cent, as small as any
/// price of a token.
fn sum_of_costs(sum_usd: f64) -> f64 {
    const PARTS: f64 = 1e11;
    (sum_usd * PARTS).round() / PARTS
}

fn used(entry: &Entry, count: u64) -> UsedRecording {
    UsedRecording {
        session: entry.place.session.as_deref().map(str::to_owned),
        key: entry.key.to_string(),
        occurrence: entry.place.occurrence,
        count,
    }
}

/// How the last thing that was asked begins.
fn prompt_text(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let asked = ["messages", "input", "prompt"].into_iter().find_map(|name| body.get(name))?;
    let text = last_text(asked)?;
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    Some(words.chars().take(SHOWN).collect())
}

/// The last text within a prompt: a text, a list of texts, of messages or of their parts.
fn last_text(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text),
        Value::Array(items) => items.iter().rev().find_map(last_text),
        Value::Object(item) => item.get("content").or_else(|| item.get("text")).and_then(last_text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::sum_of_costs;

    #[test]
    fn a_sum_of_costs_has_no_error_of_adding_them() {
        for (costs, expected) in [(&[0.014; 3][..], 0.042), (&[0.1, 0.2], 0.3), (&[0.000_000_05; 3], 0.000_000_15)] {
            let sum = sum_of_costs(costs.iter().sum());
            assert_eq!(sum.to_bits(), f64::to_bits(expected), "{sum}");
        }
    }
}
