//! How the server is set up.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::{Explain, Pace, Unanswered};
use crate::gateway::Gateway;
use crate::model::Mode;
use crate::price::Prices;
use crate::record::{Playback, Redactor};
use crate::store::Store;

/// How long requests in flight may still take when a server is stopped that sends: whoever stops it
/// pays for the answers that are under way.
const GRACE: Duration = Duration::from_mins(1);
/// The same where the server replays alone: what is cut can be asked for again.
const GRACE_OF_REPLAY: Duration = Duration::from_secs(2);

/// How the server answers.
#[derive(Clone)]
pub struct Options {
    /// What is recorded; its options say whether the server may send, and what keys leave out.
    pub playback: Arc<Playback>,
    /// What answers what is not recorded, and where that is kept. A server that replays alone needs
    /// none, and never uses it.
    pub upstream: Option<Upstream>,
    /// Says why nothing answers a request.
    pub explain: Explain,
    /// Strikes from requests and replies what must not be kept. What a client proves itself by is
    /// struck beside it.
    pub redactor: Arc<Redactor>,
    /// How fast recordings are played.
    pub pace: Pace,
    /// Whom it may listen to.
    pub exposure: Exposure,
    /// How long requests in flight may still take when it is stopped. Default: a minute, and 2 s where
    /// it replays alone.
    pub grace: Duration,
    /// What `GET /nightreel/report` answers.
    pub report: Report,
}

/// What is done each time that an exchange has been kept.
pub type AfterKept = Arc<dyn Fn() + Send + Sync>;

/// Told what whoever runs the server should know at once, in a sentence without secrets.
pub type Notice = Arc<dyn Fn(&str) + Send + Sync>;

/// Makes what `GET /nightreel/report` answers.
pub type Report = Arc<dyn Fn() -> Value + Send + Sync>;

/// What answers what is not recorded, and where that is kept.
#[derive(Clone)]
pub struct Upstream {
    /// What answers.
    pub gateway: Arc<dyn Gateway>,
    /// Where exchanges are kept, the first store of what is recorded: those of a server are one run, which begins with the first of them.
    pub store: Store,
    /// The job that the run is of.
    pub job: String,
    /// What is said of the run, as JSON without secrets. Its member `record` has what keys leave out,
    /// as a job's description has it.
    pub description: String,
    /// Whether the simulated gateway answers.
    pub simulated: bool,
    /// What models cost, where replies do not say.
    pub prices: Option<Arc<Prices>>,
    /// What is done once an exchange is kept, before its client has the end of the reply. It may take
    /// its time.
    pub after_kept: Option<AfterKept>,
    /// Told of a reply that was cut because it is longer than what is taken.
    pub notice: Option<Notice>,
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
    /// A server with nothing to send with, that plays as fast as it can, to this machine alone.
    #[must_use]
    pub fn new(playback: Arc<Playback>) -> Self {
        let grace = if playback.options().mode == Mode::Replay { GRACE_OF_REPLAY } else { GRACE };
        Self {
            playback,
            upstream: None,
            explain: Arc::new(Unanswered::plain),
            redactor: Arc::default(),
            pace: Pace::default(),
            exposure: Exposure::default(),
            grace,
            report: Arc::new(|| Value::Null),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("playback", &self.playback)
            .field("upstream", &self.upstream)
            .field("pace", &self.pace)
            .field("exposure", &self.exposure)
            .field("grace", &self.grace)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream")
            .field("store", &self.store)
            .field("job", &self.job)
            .field("simulated", &self.simulated)
            .finish_non_exhaustive()
    }
}
