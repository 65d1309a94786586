//! Looking through the stores for what comes nearest to a request that nothing answers.

use crate::model::Request;
use crate::record::look_through::look_through;
use crate::record::miss::{AskedFor, Miss};
use crate::store::StoreError;

use super::tape::At;
use super::{Playback, PlaybackOptions};

impl Playback {
    /// Says why nothing answers a request of a session, which has been given `recorded` recordings
    /// of it, and which recordings come nearest. `record_with` is the command that would record it.
    ///
    /// It reads through the stores beside everything else that is asked, one recording at a time, the
    /// newest first, as far as a [`Search`](crate::record::Search) looks.
    ///
    /// # Errors
    /// Fails if a store cannot be read.
    pub fn explain(
        &self,
        session: &str,
        request: &Request,
        recorded: usize,
        record_with: &str,
    ) -> Result<Miss, StoreError> {
        let occurrence = u32::try_from(recorded).unwrap_or(u32::MAX);
        let PlaybackOptions { rules, struck_as, .. } = self.options();
        let kept = self.stores().iter().map(|store| store.reader()?.struck_as()).collect::<Result<Vec<_>, _>>()?;
        let struck_as = &kept.into_iter().chain([struck_as.clone()]).flatten().collect::<Vec<_>>();
        let asked = AskedFor { request, session, occurrence, recorded, rules, struck_as, record_with };
        let uses = self.lock().uses();
        look_through(self.stores(), asked, |source, exchange| uses.contains_key(&At { source, exchange }))
    }
}
