//! Finding the recording that answers a request.

use std::ops::Range;
use std::path::Path;

use super::look_through::look_through;
use super::{AskedFor, Nearest};
use crate::model::{Attempt, Key, KeyRules, Mode, Request};
use crate::store::{Access, Reader, Recorded, Run, RunId, Scope, Store, StoreError};

/// A store that recordings are looked for in.
pub struct Source {
    store: Store,
    reader: Reader,
    scope: Scope,
    own: bool,
}

/// Looks for recordings: at the same place of the preferred run first, then by key; in the run's
/// own store first, then in the fixtures.
pub struct Recall {
    sources: Vec<Searched>,
}

struct Searched {
    source: Source,
    by_key: bool,
    window: Vec<Recorded>,
}

/// A recording that answers a request.
#[derive(Debug, Clone)]
pub struct Found {
    /// What settled the exchange then.
    pub attempt: Attempt,
    /// Where it lies.
    pub origin: Origin,
}

/// Where a recording lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// In the store that the run writes: the attempt's row id.
    Own(i64),
    /// In a fixture.
    Fixture,
}

impl Source {
    /// A read-only store, such as a fixture. What the job's newest run in it has comes first.
    /// Simulated answers are lent where `simulated` says so, and to a replay, which sends nothing
    /// in their stead.
    ///
    /// # Errors
    /// Fails if it cannot be read.
    pub fn open(path: &Path, job: &str, mode: Mode, simulated: bool) -> Result<Self, StoreError> {
        Self::lending(path, job, mode, simulated).map_err(|error| error.in_file(path))
    }

    fn lending(path: &Path, job: &str, mode: Mode, simulated: bool) -> Result<Self, StoreError> {
        let store = Store::open(path, Access::ReadOnly)?;
        let mut reader = store.reader()?;
        reader.search_late_keys();
        let lends_simulated = simulated || mode == Mode::Replay;
        let rehearsed = if lends_simulated { reader.latest_run(job, true)? } else { None };
        let preferred = reader.latest_run(job, false)?.or(rehearsed).map(|run| run.id);
        let only_real = if lends_simulated { None } else { Some(false) };
        let scope = Scope { preferred, others: true, simulated: only_real, answers_only: mode == Mode::Auto };
        Ok(Self { store, reader, scope, own: false })
    }

    /// The store that a run writes.
    ///
    /// # Errors
    /// Fails if it cannot be read.
    pub fn own(store: &Store, scope: Scope) -> Result<Self, StoreError> {
        Ok(Self { store: store.clone(), reader: store.reader()?, scope, own: true })
    }

    /// The run whose recordings come first, where there is one.
    ///
    /// # Errors
    /// Fails if it cannot be read.
    pub fn preferred_run(&self) -> Result<Option<Run>, StoreError> {
        self.scope.preferred.map(|run| self.reader.run(run)).transpose().map_err(|error| self.naming(error))
    }

    /// Names the file in an error of reading it: there may be several sources.
    fn naming(&self, error: StoreError) -> StoreError {
        error.in_file(self.store.path())
    }

    /// The request that the preferred run has in a row's place.
    fn request_in_place(&mut self, position: u32, row_id: &str, step: u8) -> Result<Option<bytes::Bytes>, StoreError> {
        let Some(run) = self.scope.preferred else { return Ok(None) };
        let by_row = self.reader.items_of_row(run, row_id)?.first().copied();
        let item = by_row.unwrap_or_else(|| run.item(position));
        self.reader.request(item.exchange(step))
    }

    /// The same source, to be read beside this one.
    fn reopened(&self) -> Result<Self, StoreError> {
        let mut reader = self.store.reader()?;
        if !self.own {
            reader.search_late_keys();
        }
        Ok(Self { store: self.store.clone(), reader, scope: self.scope, own: self.own })
    }
}

impl Recall {
    /// Recall from some stores, the first one first.
    ///
    /// # Errors
    /// Fails if a store cannot be read.
    pub fn new(sources: Vec<Source>) -> Result<Self, StoreError> {
        let sources = sources.into_iter().map(|source| {
            let by_key = source.reader.has_keys().map_err(|error| source.naming(error))?;
            Ok(Searched { source, by_key, window: Vec::new() })
        });
        Ok(Self { sources: sources.collect::<Result<_, StoreError>>()? })
    }

    /// Recall from the same stores, to be used beside this one.
    ///
    /// # Errors
    /// Fails if a store cannot be read.
    pub fn reopened(&self) -> Result<Self, StoreError> {
        let reopened = |searched: &Searched| {
            Ok(Searched { source: searched.source.reopened()?, by_key: searched.by_key, window: Vec::new() })
        };
        Ok(Self { sources: self.sources.iter().map(reopened).collect::<Result<_, StoreError>>()? })
    }

    /// Whether there is anything to look in.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sources.iter().all(|searched| !searched.by_key && searched.source.scope.preferred.is_none())
    }

    /// Reads one state of the stores from now on, which nobody may begin to write meanwhile.
    ///
    /// # Errors
    /// Fails if a store cannot be read.
    pub fn hold(&self) -> Result<(), StoreError> {
        self.sources.iter().try_for_each(|searched| searched.source.reader.hold())
    }

    /// Lets others write the stores.
    ///
    /// # Errors
    /// Fails if a store cannot be read.
    pub fn let_go(&self) -> Result<(), StoreError> {
        self.sources.iter().try_for_each(|searched| searched.source.reader.let_go())
    }

    /// Reads ahead what the preferred runs have at some positions, in one go.
    ///
    /// # Errors
    /// Fails if a store cannot be read.
    pub fn read_ahead(&mut self, positions: Range<u32>) -> Result<(), StoreError> {
        for searched in &mut self.sources {
            if let Some(run) = searched.source.scope.preferred {
                let window = searched.source.reader.recorded(run, positions.clone());
                searched.window = window.map_err(|error| searched.source.naming(error))?;
            }
        }
        Ok(())
    }

    /// The recording that answers a request at a place of the run.
    ///
    /// # Errors
    /// Fails if a store cannot be read.
    pub fn find(&mut self, position: u32, step: u8, key: &Key, occurrence: u32) -> Result<Option<Found>, StoreError> {
        for searched in &mut self.sources {
            let found = searched.find(position, step, key, occurrence);
            if let Some(found) = found.map_err(|error| searched.source.naming(error))? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The recorded request that stood in the place of one that was not found.
    ///
    /// # Errors
    /// Fails if a store cannot be read.
    pub fn in_place(&mut self, position: u32, row_id: &str, step: u8) -> Result<Option<bytes::Bytes>, StoreError> {
        for Searched { source, .. } in &mut self.sources {
            let request = source.request_in_place(position, row_id, step);
            if let Some(request) = request.map_err(|error| source.naming(error))? {
                return Ok(Some(request));
            }
        }
        Ok(None)
    }

    /// The recording that is most like a request that was not found, wherever it stands; `None` where
    /// none has anything in common with it. It reads through the stores.
    ///
    /// # Errors
    /// Fails if a store cannot be read.
    pub fn most_alike(&self, request: &Request, rules: &KeyRules) -> Result<Option<Nearest>, StoreError> {
        let stores: Vec<_> = self.sources.iter().map(|searched| searched.source.store.clone()).collect();
        let (session, occurrence, recorded, record_with) = ("", 0, 0, "");
        let asked = AskedFor { request, session, occurrence, recorded, rules, struck_as: &[], record_with };
        Ok(look_through(&stores, asked, |_, _| false)?.nearest.into_iter().next())
    }
}

impl Searched {
    fn find(&mut self, position: u32, step: u8, key: &Key, occurrence: u32) -> Result<Option<Found>, StoreError> {
        if let Some(run) = self.source.scope.preferred
            && let Some(recorded) = self.at(run, position, step, key, occurrence)
        {
            return Ok(Some(self.found(recorded)));
        }
        if !self.by_key {
            return Ok(None);
        }
        let recorded = self.source.reader.find(key, occurrence, self.source.scope)?;
        Ok(recorded.map(|recorded| self.found(recorded)))
    }

    fn at(&self, run: RunId, position: u32, step: u8, key: &Key, occurrence: u32) -> Option<Recorded> {
        let id = run.item(position).exchange(step);
        let index = self.window.binary_search_by_key(&id, |recorded| recorded.exchange).ok()?;
        let recorded = &self.window[index];
        (recorded.key == *key && recorded.occurrence == occurrence).then(|| recorded.clone())
    }

    fn found(&self, recorded: Recorded) -> Found {
        let origin = if self.source.own { Origin::Own(recorded.attempt_id) } else { Origin::Fixture };
        Found { attempt: recorded.attempt, origin }
    }
}
