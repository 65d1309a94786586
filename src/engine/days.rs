//! Requests a day, counted from the store.

use tokio::time::Instant;

use std::sync::Arc;
use std::time::Duration;

use crate::clock::now_ms;
use crate::store::{Reader, RunId, SentBy, Store, StoreError};

use super::{Admission, day_began_ms};

/// How often it is looked up what other processes have sent.
const LOOK: Duration = Duration::from_secs(1);

/// Tells the gate what was sent on this day before the run began, and by other runs of the store
/// while it goes on.
pub(super) struct Days {
    store: Option<Reader>,
    others: SentBy,
    last: i64,
    looked_at: Instant,
}

impl Days {
    /// Counts what was sent on this day so far, where anything holds to it.
    pub(super) fn begin(admission: &Admission, store: &Store, simulated: bool, run: RunId) -> Result<Self, StoreError> {
        let others = SentBy { simulated, but: Some(run) };
        let mut days = Self { store: None, others, last: 0, looked_at: Instant::now() };
        if admission.counts_days() {
            days.store = Some(store.reader()?);
            days.count(admission, SentBy { simulated, but: None })?;
        }
        Ok(days)
    }

    /// Counts what others have sent since, every so often.
    pub(super) fn look(&mut self, admission: &Admission) -> Result<(), StoreError> {
        if self.looked_at.elapsed() < LOOK {
            return Ok(());
        }
        self.looked_at = Instant::now();
        self.count(admission, self.others)
    }

    fn count(&mut self, admission: &Admission, by: SentBy) -> Result<(), StoreError> {
        let Some(reader) = &self.store else { return Ok(()) };
        let sent = reader.sent_since(day_began_ms(now_ms()), by, self.last)?;
        self.last = sent.last;
        for (model, requests) in &sent.by_model {
            admission.count_sent(Some(&Arc::from(model.as_str())), *requests);
        }
        if sent.of_unknown_model > 0 {
            admission.count_sent(None, sent.of_unknown_model);
        }
        Ok(())
    }
}
