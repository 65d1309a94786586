//! What an error's own name means, whatever status it came under.

use super::verdict::{Ruling, Stops};
use crate::model::Class;

/// The ruling on an error by its name; `None` for a name that leaves it to the status.
///
/// The names are `OpenRouter`'s `error_type`s, and the codes and types of `OpenAI` and Anthropic
/// that mean one thing only.
pub(super) fn named_ruling(name: &str) -> Option<Ruling> {
    use Stops::{Lane, Run};
    Some(match name {
        "rate_limit_exceeded" | "rate_limit_error" | "capacity_exhausted" | "too_many_requests" => {
            Ruling::of(Class::RateLimited)
        }
        "provider_overloaded"
        | "provider_unavailable"
        | "overloaded_error"
        | "temporarily_unavailable"
        | "server"
        | "server_error"
        | "internal_server_error" => Ruling::of(Class::ServerError),
        "timeout" | "timeout_error" => Ruling::of(Class::TimedOut),
        "insufficient_quota" | "payment_required" | "billing_error" | "insufficient_credits" => {
            Ruling::new(Class::OutOfCredit, Run, "add credit to the account")
        }
        "authentication" | "authentication_error" | "invalid_api_key" => {
            Ruling::new(Class::Unauthorized, Run, "the provider key is missing or wrong")
        }
        "content_policy_violation" | "content_filter" | "refusal" | "moderation" => Ruling::of(Class::Blocked),
        "model_not_found"
        | "model_deprecated"
        | "model_unavailable_upstream"
        | "free_variant_ended"
        | "wrong_endpoint" => Ruling::new(Class::Rejected, Lane, "check the model's name"),
        "privacy_restricted" => {
            Ruling::new(Class::Rejected, Lane, "the account's privacy settings rule this model out")
        }
        "context_length_exceeded"
        | "max_tokens_exceeded"
        | "token_limit_exceeded"
        | "string_too_long"
        | "invalid_request"
        | "invalid_prompt"
        | "precondition_failed"
        | "payload_too_large"
        | "request_too_large"
        | "unprocessable"
        | "invalid_image"
        | "image_too_large"
        | "image_too_small"
        | "unsupported_image_format"
        | "image_not_found"
        | "image_download_failed" => Ruling::of(Class::Rejected),
        _ => return None,
    })
}

/// The status that a coarse type stands for, for an error that came without one.
pub(super) fn status_of_kind(kind: &str) -> Option<u16> {
    Some(match kind {
        "invalid_request_error" | "invalid_request" => 400,
        "authentication_error" => 401,
        "permission_error" | "permission_denied" => 403,
        "not_found_error" | "not_found" => 404,
        "rate_limit_error" | "requests" | "tokens" => 429,
        _ => return None,
    })
}
