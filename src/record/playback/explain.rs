//! Looking through the stores for what comes nearest to a request that nothing answers.

use crate::model::Request;
use crate::record::miss::{AskedFor, Candidate, Miss, Search};
use crate::store::{Reader, Store, StoreError};

use super::tape::At;
use super::{Playback, PlaybackOptions};

impl Playback {
    /// Says why nothing answers a request of a session, which has been given `recorded` recordings
    /// of it, and which recordings come nearest. `record_with` is the command that would record it.
    ///
    /// It reads through the stores beside everything else that is asked, one recording at a time, the
    /// newest first, as far as a [`Search`] looks.
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
        let mut readers = self.stores().iter().map(Store::reader).collect::<Result<Vec<_>, _>>()?;
        let kept = readers.iter().map(Reader::struck_as).collect::<Result<Vec<_>, _>>()?;
        let struck_as = &kept.into_iter().chain([struck_as.clone()]).flatten().collect::<Vec<_>>();
        let mut search =
            Search::new(AskedFor { request, session, occurrence, recorded, rules, struck_as, record_with });
        let uses = self.lock().uses();
        for (source, reader) in readers.iter_mut().enumerate() {
            reader.see_requests(|seen| {
                let was_handed_out = uses.contains_key(&At { source, exchange: seen.exchange });
                search.look_at(Candidate { was_handed_out, ..seen.into() })
            })?;
        }
        if search.is_full() {
            for (endpoint, model) in
                readers.iter_mut().map(Reader::recorded_kinds).collect::<Result<Vec<_>, _>>()?.concat()
            {
                search.know(endpoint, &model);
            }
        }
        let keys = search.keys_of_other_models();
        for key in [request.key].iter().chain(&keys) {
            for reader in &mut readers {
                let Some(place) = reader.places(key)?.pop() else { continue };
                search.take(reader.kept_request(place.exchange)?.into());
            }
        }
        Ok(search.finish())
    }
}
