//! Recordings of some stores, handed out to sessions.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::model::{Attempt, Class, Endpoint, Key, KeyRules, Mode, Request};
use crate::record::{Action, Missed, Refused, decide};
use crate::store::{Access, ExchangeId, Store, StoreError};

use super::Policy;
use super::handed_out::Next;
use super::holding::Holding;
use super::source::Source;
use super::state::State;

/// How recordings are handed out.
#[derive(Debug, Clone, Default)]
pub struct PlaybackOptions {
    /// Whether recordings answer, and whether what is not recorded is sent.
    pub mode: Mode,
    /// What keys leave out.
    pub rules: KeyRules,
    /// What a session is given that asks the same request again.
    pub policy: Policy,
    /// What stands in the place of what is struck from requests by rules of the user's: a miss that
    /// such a word explains is known by it.
    pub struck_as: Vec<String>,
}

/// What is done about a request.
#[derive(Debug)]
pub enum Asked {
    /// A recording answers it.
    Replay(Box<Attempt>),
    /// It is sent and recorded, as this occurrence of its key in its session.
    Send {
        /// The occurrence.
        occurrence: u32,
    },
    /// Nothing answers it.
    Miss {
        /// How many recordings of it the session has been given: none where it was never recorded.
        recorded: usize,
    },
}

/// A request that was sent and is on record now.
#[derive(Debug, Clone, Copy)]
pub struct Live {
    /// Where it was sent.
    pub endpoint: Endpoint,
    /// Its key.
    pub key: Key,
    /// Which occurrence it is.
    pub occurrence: u32,
    /// Where it lies, in the first store.
    pub exchange: ExchangeId,
    /// What came of it.
    pub class: Class,
    /// Whether that [stands](Attempt::stands).
    pub stands: bool,
    /// What it cost, in USD, where that is known.
    pub cost_usd: Option<f64>,
}

/// The recordings of some stores, handed out to those who ask.
///
/// Each session is given the recordings of a key in order, whatever other sessions ask. It may be
/// asked from several threads.
///
/// Where `auto` comes to a recording that does not [stand](Attempt::stands), the request is sent and
/// recorded as the same occurrence; so is the next one of a session that has just got such an answer.
/// Of one occurrence the newest counts, so that a replay gives what `auto` gives; one that does not stand
/// and has none behind it as often as it is asked for. `record` numbers all that is asked, so that a
/// failure and the answer behind it are replayed one after the other.
pub struct Playback {
    options: PlaybackOptions,
    stores: Vec<Store>,
    state: Arc<Mutex<State>>,
    holding: Holding,
}

impl Playback {
    /// Hands out the recordings of some stores. Where recordings are added, they are added to the
    /// first one, by a run that begins later than this is made. Of two recordings for the same
    /// request that of the earlier store counts.
    ///
    /// # Errors
    /// Fails if a store cannot be read.
    pub fn new(stores: Vec<Store>, options: PlaybackOptions) -> Result<Self, StoreError> {
        let sources = stores.iter().map(Source::open).collect::<Result<_, _>>()?;
        let state = Arc::new(Mutex::new(State::new(sources, &options.rules)?));
        Ok(Self { options, stores, holding: Holding::start(&state)?, state })
    }

    /// Hands out the recordings of one store, such as a fixture, that nothing is added to.
    ///
    /// # Errors
    /// Fails if it cannot be read.
    pub fn of_fixture(path: &Path, options: PlaybackOptions) -> Result<Self, StoreError> {
        Self::new(vec![Store::open(path, Access::ReadOnly)?], options)
    }

    /// How recordings are handed out.
    #[must_use]
    pub const fn options(&self) -> &PlaybackOptions {
        &self.options
    }

    pub(super) fn stores(&self) -> &[Store] {
        &self.stores
    }

    /// What is done about the next request of a session; the unnamed session is empty.
    ///
    /// The request's key must be made by the rules of the options.
    ///
    /// # Errors
    /// Fails if a store cannot be read.
    pub fn ask(&self, session: &str, request: &Request) -> Result<Asked, StoreError> {
        let mut state = self.hold()?;
        let (index, name) = state.sessions.of(session);
        let handed = state.handed(&request.key, &self.options)?;
        match handed.next(index, name.as_ref(), self.policy(request)) {
            Next::Recorded(taped) => {
                state.replay(index, taped, request.endpoint).map(|attempt| Asked::Replay(Box::new(attempt)))
            }
            Next::Nothing { occurrence, recorded } => {
                let sends = decide(self.options.mode, false) == Action::Send;
                if !sends {
                    state.forget_unrecorded(&request.key);
                }
                // A list of models that is not recorded can be made of what is, and counts as that.
                if sends || request.endpoint != Endpoint::Models {
                    state.count_unanswered(index, sends, recorded);
                }
                Ok(if sends { Asked::Send { occurrence } } else { Asked::Miss { recorded } })
            }
        }
    }

    /// The recording that answers a request of a session, where there is one and it suits; else the
    /// request counts as not asked. In `record`, where nothing is handed out, it is the newest.
    ///
    /// # Errors
    /// Fails if a store cannot be read.
    pub fn lend(
        &self,
        session: &str,
        request: &Request,
        suits: impl FnOnce(&Attempt) -> bool,
    ) -> Result<Option<Box<Attempt>>, StoreError> {
        let (mut state, policy) = (self.hold()?, self.policy(request));
        let (index, name) = state.sessions.of(session);
        let hands_out = self.options.mode != Mode::Record;
        let taped = if hands_out {
            state.handed(&request.key, &self.options)?.peek(index, name.as_ref(), policy)
        } else {
            state.newest((index, name.as_ref()), &request.key, &self.options)?
        };
        let Some(taped) = taped else {
            if self.options.mode == Mode::Replay {
                state.forget_unrecorded(&request.key);
            }
            return Ok(None);
        };
        let attempt = state.read(taped)?;
        if !suits(&attempt) {
            return Ok(None);
        }
        if hands_out {
            state.handed(&request.key, &self.options)?.next(index, name.as_ref(), policy);
        }
        state.count_hit(index, request.endpoint, &attempt);
        Ok(Some(Box::new(attempt)))
    }

    /// What a session is given that asks a request again. What models there are does not change with
    /// the number of those who ask: the list is never used up.
    fn policy(&self, request: &Request) -> Policy {
        match self.options.policy {
            Policy::Once if request.endpoint == Endpoint::Models => Policy::RepeatLast,
            policy => policy,
        }
    }

    /// Tells that what was sent for a session is on record now.
    pub fn recorded(&self, session: &str, live: &Live) {
        let mut state = self.lock();
        state.count_live(live);
        let is_of_the_account = live.class.is_of_the_account() || live.class == Class::Rejected;
        state.totals.account_failures += u64::from(is_of_the_account && !live.stands);
        let (index, name) = state.sessions.of(session);
        state.has_sent(index, &live.key);
        if self.options.mode == Mode::Auto {
            state.add((index, name), live);
        } else if live.endpoint == Endpoint::Models && live.stands {
            state.keep_models(index, live);
        }
    }

    /// Tells that what was sent for a session could not be kept: it has its cost all the same.
    pub fn not_kept(&self, cost_usd: Option<f64>) {
        self.lock().count_cost(cost_usd);
    }

    /// Tells that a request was sent whose reply was cut off by the end of whoever passed it on.
    pub fn note_cut(&self) {
        self.lock().totals.cut += 1;
    }

    /// Tells that a request was refused before anything was looked for: the report shows it.
    pub fn note_refused(&self, refused: Refused) {
        self.lock().note_refused(refused);
    }

    /// Closes the stores: nothing is answered any more. Whoever wants to leave a store as one file
    /// does so behind this.
    pub fn close(&self) {
        self.lock().close();
    }

    /// Tells that what was to be sent for a session was not, and nothing of it is on record: the
    /// next request for it is the same occurrence.
    pub fn not_sent(&self, session: &str, key: &Key, occurrence: u32) {
        let mut state = self.lock();
        let (index, _) = state.sessions.of(session);
        state.not_sent(index, key, occurrence);
    }

    /// How many requests could not be sent and are not on record: a session that asks the same once
    /// more, and is answered, has it recorded.
    #[must_use]
    pub fn unsent(&self) -> usize {
        self.lock().count_unsent()
    }

    /// Tells that a request for models was answered by what the stores have recordings of.
    pub fn note_derived(&self) {
        self.lock().totals.derived += 1;
    }

    /// Tells why a request of a session was not answered: the report shows it.
    pub fn note_missed(&self, key: Key, missed: Missed) {
        self.lock().note_missed(key, missed);
    }

    /// The models that the stores have recordings of, by name.
    ///
    /// # Errors
    /// Fails if a store cannot be read.
    pub fn models(&self) -> Result<Vec<String>, StoreError> {
        self.lock().models()
    }

    /// How many recordings the stores hold.
    ///
    /// # Errors
    /// Fails if a store cannot be read.
    pub fn count_recordings(&self) -> Result<u64, StoreError> {
        self.lock().count_recordings()
    }

    /// What is handed out, of stores that are held for the moment.
    fn hold(&self) -> Result<MutexGuard<'_, State>, StoreError> {
        let mut state = self.lock();
        if state.hold()? {
            self.holding.taken();
        }
        Ok(state)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // What a panic left behind is a request that was not counted.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Playback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Playback").field("options", &self.options).field("stores", &self.stores).finish_non_exhaustive()
    }
}
