//! How the server is set up.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::{Pace, Playback};
use crate::gateway::Gateway;
use crate::model::{KeyRules, Mode};
use crate::price::Prices;
use crate::record::Redactor;
use crate::store::Store;

/// How long requests in flight may still take when the server is stopped.
const GRACE: Duration = Duration::from_secs(2);

/// How the server answers.
#[derive(Clone)]
pub struct Options {
    /// Whether it replays, and whether it may send.
    pub mode: Mode,
    /// What is recorded.
    pub playback: Arc<dyn Playback>,
    /// What a key leaves out of a request: the same as in `playback`.
    pub rules: KeyRules,
    /// What answers what is not recorded, and where that is kept. A server that replays alone has
    /// none.
    pub live: Option<Live>,
    /// Strikes from requests and replies what must not be kept. What a client proves itself by is
    /// struck beside it.
    pub redactor: Arc<Redactor>,
    /// How fast recordings are played.
    pub pace: Pace,
    /// Whom it may listen to.
    pub exposure: Exposure,
    /// How long requests in flight may still take when it is stopped.
    pub grace: Duration,
    /// What `GET /nightreel/report` answers.
    pub report: Report,
}

/// Makes what `GET /nightreel/report` answers.
pub type Report = Arc<dyn Fn() -> Value + Send + Sync>;

/// What answers what is not recorded, and where that is kept.
#[derive(Clone)]
pub struct Live {
    /// What answers.
    pub gateway: Arc<dyn Gateway>,
    /// Where exchanges are kept: those of a server are one run, which begins with the first of them.
    pub store: Store,
    /// The job that the run is of.
    pub job: String,
    /// What is said of the run, as JSON without secrets.
    pub description: String,
    /// Whether the simulated gateway answers.
    pub simulated: bool,
    /// What models cost, where replies do not say.
    pub prices: Option<Arc<Prices>>,
}

/// Whom the server may listen to. Whoever reaches it may read what is recorded, and where it sends,
/// spend with its credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Exposure {
    /// This machine alone.
    #[default]
    Loopback,
    /// Other machines too, which get recordings and nothing else.
    Replays,
    /// Other machines too, for which it also sends.
    Everything,
}

impl Options {
    /// A server that replays and never sends, as fast as it can, to this machine alone.
    #[must_use]
    pub fn replaying(playback: Arc<dyn Playback>, rules: KeyRules) -> Self {
        Self {
            mode: Mode::Replay,
            playback,
            rules,
            live: None,
            redactor: Arc::default(),
            pace: Pace::default(),
            exposure: Exposure::default(),
            grace: GRACE,
            report: Arc::new(|| Value::Null),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("mode", &self.mode)
            .field("rules", &self.rules)
            .field("live", &self.live)
            .field("pace", &self.pace)
            .field("exposure", &self.exposure)
            .field("grace", &self.grace)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live")
            .field("store", &self.store)
            .field("job", &self.job)
            .field("simulated", &self.simulated)
            .finish_non_exhaustive()
    }
}
