//! The seam to whatever answers requests, the HTTP client behind it, and what an answer means.
//!
//! A [`Gateway`] takes a request and gives a [`Response`] whose body is still arriving. The one
//! that sends is [`HttpGateway`]: Cloudflare AI Gateway to `OpenRouter`, or any OpenAI-compatible
//! base URL. It sends once: nothing below it repeats a request, so that every send is seen.
//! [`classify`] says what a reply or a fault means for its item and for the run; it is a pure
//! function, so a recorded reply means today what it meant when it came.

mod base_url;
mod classify;
mod credentials;
mod deadline;
mod envelope;
mod fault;
mod gateway_code;
mod handover;
mod hint;
mod http;
mod kept_header;
mod named_error;
mod options;
mod passed_on;
mod query_credential;
mod refusal;
mod response;
mod secret;
mod sent;
mod shard;
mod tag;
mod told;
mod unusable;
mod verdict;

#[cfg(test)]
mod tests;

use futures_util::future::BoxFuture;

use crate::model::{Fault, Request};

pub use base_url::{BaseUrl, BaseUrlError};
pub use classify::classify;
pub use credentials::{CredentialProblem, Credentials};
pub use http::{GatewayError, HttpGateway};
pub use kept_header::{keeps_header, kept_header};
pub use options::Options;
pub use passed_on::PassedOn;
pub use query_credential::is_query_credential;
pub use response::Response;
pub use secret::{Secret, SecretError};
pub use sent::Sent;
pub use tag::Tag;
pub use verdict::{Stops, Verdict};

/// Something that answers requests: the network, a recording, or one that wraps another.
pub trait Gateway: Send + Sync {
    /// Sends a request once.
    ///
    /// The future ends when the response's headers have come; the body follows in the
    /// [`Response`]. Dropping the future, or the response, gives the request up.
    ///
    /// # Errors
    /// The fault that came instead of a reply. Its kind says whether the request may have been
    /// processed, and so billed.
    fn send<'a>(&'a self, request: &'a Request, tag: &'a Tag) -> BoxFuture<'a, Result<Response, Fault>>;
}
