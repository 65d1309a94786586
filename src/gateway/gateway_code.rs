//! What the codes of Cloudflare's gateway and API mean.

use super::envelope::ErrorBody;
use super::verdict::{Ruling, Stops};
use crate::model::Class;

/// The ruling on an error of the gateway's own. `run_has_answers` says that the same credentials
/// have worked in this run already.
pub(super) fn gateway_ruling(error: &ErrorBody, status: u16, run_has_answers: bool) -> Ruling {
    use Class::{Blocked, Misconfigured, OutOfCredit, QuotaExhausted, RateLimited, Rejected, ServerError};
    use Stops::{Nothing, Run};
    match error.number {
        Some(2001) => Ruling::new(
            Misconfigured,
            Run,
            "does the gateway id exist under this account id? Create it under AI > AI Gateway",
        ),
        Some(2003) => Ruling::new(RateLimited, Nothing, "this is the limit set on the gateway itself, in its settings"),
        // The provider's own status is lost behind this 400, and transient failures are among them.
        Some(2005 | 7013) => Ruling::of(ServerError),
        Some(2008) => {
            Ruling::new(Misconfigured, Run, "the path behind the gateway id must name a provider, as /openrouter does")
        }
        // A good token was seen refused in a burst, and taken again a little later.
        Some(2009) if run_has_answers => {
            Ruling::new(RateLimited, Nothing, "the gateway token was good before, so this is tried again")
        }
        Some(2009) => Ruling::new(
            Class::Unauthorized,
            Run,
            "the gateway token is missing or wrong; it needs the permission AI Gateway Run",
        ),
        Some(2016 | 2017) => Ruling::new(Blocked, Nothing, "the gateway's guardrails did it"),
        Some(2029 | 2030) => Ruling::new(Blocked, Nothing, "the gateway's data loss prevention did it"),
        Some(2019) => Ruling::of(Rejected),
        Some(2021) => Ruling::new(OutOfCredit, Run, "add credit to the Cloudflare account"),
        Some(2040) => Ruling::new(
            Misconfigured,
            Run,
            "the gateway stores no provider key of that name; store one there, or send the provider key",
        ),
        Some(2041) => Ruling::new(
            QuotaExhausted,
            Run,
            "this is a spend limit set on the gateway; raise it, or wait for its window to end",
        ),
        _ => unknown_gateway_code(error, status),
    }
}

fn unknown_gateway_code(error: &ErrorBody, status: u16) -> Ruling {
    if error.says(&["guardrail", "security configurations", "dlp policy"]) {
        return Ruling::new(Class::Blocked, Stops::Nothing, "a policy of the gateway did it");
    }
    match status {
        401 | 403 => Ruling::new(
            Class::Unauthorized,
            Stops::Run,
            "is the gateway token right, and does it have the permission AI Gateway Run?",
        ),
        402 => Ruling::new(Class::OutOfCredit, Stops::Run, "add credit to the Cloudflare account"),
        404 | 405 => Ruling::new(Class::Misconfigured, Stops::Run, "check the base URL"),
        408 | 504 | 524 => Ruling::of(Class::TimedOut),
        424 => Ruling::of(Class::Blocked),
        429 => Ruling::of(Class::RateLimited),
        500.. => Ruling::of(Class::ServerError),
        _ => Ruling::of(Class::Rejected),
    }
}

/// The ruling on an error of Cloudflare's API, which answers where the gateway was not reached.
pub(super) fn api_ruling(error: &ErrorBody, status: u16) -> Ruling {
    match (error.number, status) {
        (Some(9106 | 9109 | 10000), _) | (_, 401 | 403) => Ruling::new(
            Class::Unauthorized,
            Stops::Run,
            "the Cloudflare token is missing, wrong, or lacks a permission",
        ),
        (_, 429) => Ruling::of(Class::RateLimited),
        (number, 500..) if number != Some(7003) => Ruling::of(Class::ServerError),
        _ => Ruling::new(Class::Misconfigured, Stops::Run, "check the base URL and the account id"),
    }
}
