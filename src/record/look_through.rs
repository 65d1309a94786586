//! Looking through stores for what comes nearest to a request that nothing answers.

use std::slice::from_ref;

use super::miss::{AskedFor, Candidate, Miss, Search};
use crate::model::Key;
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
    let mut lookup = LookUp { readers: &mut readers, was_handed_out };
    for key in from_ref(&asked.request.key).iter().chain(&search.keys_of_other_models()) {
        if let Some(candidate) = lookup.likeliest(key, &search)? {
            search.take(candidate);
        }
    }
    Ok(search.finish())
}

/// Looking recordings up by their key.
struct LookUp<'a, F> {
    readers: &'a mut [Reader],
    was_handed_out: F,
}

impl<F: Fn(usize, ExchangeId) -> bool> LookUp<'_, F> {
    /// The recording of a key that is likeliest meant: of several the newest of the first store that
    /// has one.
    fn likeliest(&mut self, key: &Key, search: &Search<'_>) -> Result<Option<Candidate>, StoreError> {
        let mut likeliest: Option<(f64, usize, ExchangeId, bool)> = None;
        for (at, reader) in self.readers.iter_mut().enumerate() {
            for place in reader.places(key)?.into_iter().rev() {
                let was_handed_out = (self.was_handed_out)(at, place.exchange);
                let preference = search.preference(place.session.as_deref(), was_handed_out);
                if likeliest.is_none_or(|(before, ..)| preference > before) {
                    likeliest = Some((preference, at, place.exchange, was_handed_out));
                }
            }
        }
        let Some((_, at, exchange, was_handed_out)) = likeliest else { return Ok(None) };
        let kept = self.readers[at].kept_request(exchange)?;
        Ok(Some(Candidate { was_handed_out, ..kept.into() }))
    }
}
