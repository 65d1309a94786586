//! An HTTP server that clients of any language ask instead of a gateway: it answers from recordings,
//! byte for byte and piece by piece, and passes on and records what is not there.
//!
//! ```text
//! request → route → body → session, key → recorded? → played: status, headers, pieces, and its end
//!                                        → not → sent → pieces to the client and into the recording
//!                                        → neither → what is nearest, and a status nobody retries
//! ```
//!
//! On the way of a replay there is one task a connection, and no other. A request that is sent has a
//! task of its own, which its client ends by leaving; what makes a reply whole goes out when the exchange is
//! committed. Whatever a client saw when it was recorded, it sees again: a cut connection after the
//! same pieces, a silence of the same length, no reply at all. What was never sent, because no
//! connection was made or the stream was refused, is told by a 502 and not recorded.

mod asked;
mod asked_models;
mod error_shape;
mod host;
mod live;
mod models;
mod options;
mod origin;
mod pace;
mod passing;
mod piece;
mod recording;
mod redactors;
mod refusal;
mod reply;
mod reply_body;
mod request_body;
mod route;
mod score;
mod server;
mod service;
mod session;
#[cfg(test)]
mod tests;
mod unanswered;

pub use options::{AfterKept, Exposure, Notice, Options, Report, Upstream};
pub use pace::{Pace, PaceError};
pub use recording::KeepError;
pub use server::{Server, StartError, run};
pub use unanswered::{Explain, Unanswered};
