//! Plain values: what a row, a request, a reply and an outcome are.
//!
//! No I/O, no clock and no async stands here, so that every other module may import it.

mod answer;
mod attempt;
mod canonical;
mod coding;
mod directives;
mod endpoint;
mod exchange;
mod format;
mod ignore;
mod key;
mod mode;
mod normalise;
mod outcome;
mod reply;
mod request;
mod row;
mod success;

pub use answer::{
    Answer, AnswerError, Content, Event, EventParser, Finish, Members, Speed, StreamEnd, StreamProblem, Streamed,
    TokenPlaces, Usage, events,
};
pub use attempt::{Attempt, Class, Timing};
pub use canonical::{CanonicalError, canonical_json};
pub use coding::{Coding, UnpackError, gunzip};
pub use directives::{Attribution, CustomCost, Directives};
pub use endpoint::{Endpoint, UnknownEndpoint};
pub use exchange::Exchange;
pub use format::{Format, UnknownFormat};
pub use ignore::{IgnorePath, IgnorePathError};
pub use key::{Key, KeyRules};
pub use mode::{Mode, UnknownMode};
pub use normalise::{Normaliser, NormaliserError, Pattern, undated};
pub use outcome::Outcome;
pub use reply::{BodyShape, Chunk, End, Fault, FaultKind, Header, Reply};
pub use request::Request;
pub use row::{Row, RowRequest};
pub use success::Success;
