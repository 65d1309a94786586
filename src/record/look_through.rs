//! Looking through stores for what comes nearest to a request that nothing answers.

use std::slice::from_ref;

use super::miss::{AskedFor, Candidate, Miss, Search};
use crate::store::{ExchangeId, Reader, Store, StoreError};

/// Says why nothing in some stores answers a request, and which recordings come nearest.
/// `was_handed_out` says which exchanges, each with the place of its store, have answered one already.
///
/// The stores are read one recording at a time, the newest first, as far as a [`Search`] looks.
pub(super) fn look_through(
    stores: &[Store],
    asked: AskedFor<'_>,
    was_handed_out: impl Fn(usize, ExchangeId) -> bool,
) -> Result<Miss, StoreError> {
    let mut readers = stores.iter().map(Store::reader).collect::<Result<Vec<_>, _>>()?;
    let mut search = Search::new(asked);
    for ((place, reader), store) in readers.iter_mut().enumerate().zip(stores) {
        let seen = reader.see_requests(|seen| {
            let was_handed_out = was_handed_out(place, seen.exchange);
            search.look_at(Candidate { was_handed_out, ..seen.into() })
        });
        seen.map_err(|error| error.in_file(store.path()))?;
    }
    if search.is_full() {
        let kinds = readers.iter_mut().map(Reader::recorded_kinds).collect::<Result<Vec<_>, _>>()?;
        for (endpoint, model) in kinds.concat() {
            search.know(endpoint, &model);
        }
    }
    let keys = search.keys_of_other_models();
    for key in from_ref(&asked.request.key).iter().chain(&keys) {
        for reader in &mut readers {
            let Some(place) = reader.places(key)?.pop() else { continue };
            search.take(reader.kept_request(place.exchange)?.into());
        }
    }
    Ok(search.finish())
}
