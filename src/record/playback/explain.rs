//! Looking through the stores for what comes nearest to a request that nothing answers.

use crate::model::Request;
use crate::record::miss::{AskedFor, Miss, Search};
use crate::store::{KeptRequest, Reader, Store, StoreError};

use super::Playback;

/// How many requests are read at once.
const PAGE: usize = 500;
/// How many recordings of the model that is asked are looked at, the newest first.
const OF_MODEL: usize = 50_000;
/// How many recordings of other models.
const OF_OTHERS: usize = 10_000;

impl Playback {
    /// Says why nothing answers a request of a session, which has been given `recorded` recordings
    /// of it, and which recordings come nearest. `record_with` is the command that would record it.
    ///
    /// It reads through the stores beside everything else that is asked: up to 50,000 recordings of
    /// the model and 10,000 others of each.
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
        let rules = &self.options().rules;
        let mut search = Search::new(AskedFor { request, session, occurrence, recorded, rules, record_with });
        for reader in &mut self.stores().iter().map(Store::reader).collect::<Result<Vec<_>, _>>()? {
            look_at(reader, &mut search, Some(&request.model), OF_MODEL, |_| true)?;
            look_at(reader, &mut search, None, OF_OTHERS, |other| other.model != request.model)?;
        }
        Ok(search.finish())
    }
}

/// Looks at recordings of one model, or of all, that are wanted.
fn look_at(
    reader: &mut Reader,
    search: &mut Search<'_>,
    model: Option<&str>,
    most: usize,
    wanted: impl Fn(&KeptRequest) -> bool,
) -> Result<(), StoreError> {
    let (mut before, mut seen) = (None, 0);
    while seen < most {
        let page = reader.requests(model, before, PAGE)?;
        let Some(last) = page.last() else { break };
        before = Some(last.place.exchange);
        seen += page.len();
        for request in page.into_iter().filter(&wanted) {
            search.look_at(request.into());
        }
    }
    Ok(())
}
