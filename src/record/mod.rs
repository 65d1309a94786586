//! Record and replay: whether a request is sent, what answers it otherwise, and what is kept.

mod compare;
mod decide;
mod look_through;
mod miss;
mod playback;
mod recall;
mod recorder;
mod redact;
mod session_report;

pub use compare::{Comparison, Difference, Shown, differences};
pub use decide::{Action, decide};
pub use miss::{AskedFor, Candidate, Miss, MissReason, Nearest, Remedy, Search, Wording};
pub use playback::{Asked, Live, Playback, PlaybackOptions, Policy, UnknownPolicy};
pub use recall::{Found, Origin, Recall, Source};
pub use recorder::Recorder;
pub use redact::{RedactError, Redactor};
pub use session_report::{Listed, Missed, Refused, SessionCounts, SessionReport, UnusedRecording, UsedRecording};
