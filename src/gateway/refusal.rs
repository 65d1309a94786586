//! What an error means, by who speaks, what it is called, and its status.

use super::envelope::{ErrorBody, Layer};
use super::gateway_code::{api_ruling, gateway_ruling};
use super::named_error::{named_ruling, status_of_kind};
use super::verdict::{Ruling, Stops};
use crate::model::{Class, Reply};

/// An error, and the reply it stands in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Refusal<'a> {
    pub(super) reply: &'a Reply,
    pub(super) error: &'a ErrorBody,
    /// Whether anything was answered in this run: then credentials, path and host are right.
    pub(super) run_has_answers: bool,
}

impl Refusal<'_> {
    /// What it means.
    pub(super) fn ruling(&self) -> Ruling {
        let status = self.status();
        if self.reply.header("cf-aig-dlp").is_some_and(|dlp| dlp.contains("\"BLOCK\"")) {
            return Ruling::new(Class::Blocked, Stops::Nothing, "the gateway's data loss prevention did it");
        }
        match self.error.layer {
            Layer::Gateway => gateway_ruling(self.error, status, self.run_has_answers),
            Layer::CloudflareApi => api_ruling(self.error, status),
            Layer::Router | Layer::Unknown => {
                let named = self.error.names.iter().find_map(|name| named_ruling(name));
                let plain = self.edge().or_else(|| self.of_spending_limit(status)).or(named);
                let plain = plain.unwrap_or_else(|| self.by_status(status));
                self.of_provider(self.of_availability(self.of_quota(plain)))
            }
        }
    }

    /// The status that counts: the reply's own where it is an error's, else the one inside.
    pub(super) fn status(&self) -> u16 {
        if self.reply.status >= 400 {
            return self.reply.status;
        }
        let inside = self.error.number.and_then(|number| u16::try_from(number).ok());
        let inside = inside.filter(|status| (400..600).contains(status));
        let by_kind = || self.error.kind.as_deref().into_iter().chain(self.names()).find_map(status_of_kind);
        inside.or_else(by_kind).unwrap_or(500)
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.error.names.iter().map(String::as_str)
    }

    /// Cloudflare's edge says in plain text that it let nothing through.
    fn edge(&self) -> Option<Ruling> {
        let start = String::from_utf8_lossy(&self.reply.body[..self.reply.body.len().min(64)]).trim().to_lowercase();
        let code: u32 = start.strip_prefix("error code: ")?.trim().parse().ok()?;
        match code {
            1015 => Some(Ruling::of(Class::RateLimited)),
            1006..=1010 | 1012 | 1020 => Some(Ruling::new(
                Class::Misconfigured,
                self.unless_answered(Stops::Run),
                "Cloudflare's edge turned the client away before the gateway saw it, by its User-Agent or address",
            )),
            _ => None,
        }
    }

    /// What the key may spend is spent: every other request would be refused too. `OpenRouter` says it
    /// as 403, and names the period that the limit is for; others say it as 402 or 429.
    fn of_spending_limit(&self, status: u16) -> Option<Ruling> {
        let limits =
            ["key limit exceeded", "spending limit", "spend limit", "budget limit", "budget has been exceeded"];
        let is_named = self.error.kind.as_deref() == Some("budget_exceeded");
        let is_said = matches!(status, 402 | 403 | 429) && !self.error.moderated && self.error.says(&limits);
        if !is_named && !is_said {
            return None;
        }
        if self.error.says(&["daily", "weekly", "monthly"]) {
            let advice = "the key may spend no more in this period; raise its limit, or run again when the period ends";
            return Some(Ruling::new(Class::QuotaExhausted, Stops::Run, advice));
        }
        let advice = "the key may spend no more, whatever credit the account has; raise its limit, or take another key";
        Some(Ruling::new(Class::OutOfCredit, Stops::Run, advice))
    }

    fn by_status(&self, status: u16) -> Ruling {
        match status {
            401 => Ruling::new(Class::Unauthorized, Stops::Run, "the provider key is missing or wrong"),
            402 => Ruling::new(
                Class::OutOfCredit,
                Stops::Run,
                "add credit to the account or the key; a request without max_tokens reserves the model's longest answer",
            ),
            403 => self.forbidden(),
            404 | 405 => self.missing(),
            400 if self.error.says(&["not a valid model", "unknown model", "model not found", "no such model"]) => {
                Ruling::new(Class::Rejected, Stops::Lane, "check the model's name")
            }
            407 => Ruling::new(Class::Misconfigured, Stops::Run, "the proxy wants credentials; check HTTPS_PROXY"),
            408 | 504 | 524 => Ruling::of(Class::TimedOut),
            425 | 499 | 500.. => Ruling::of(Class::ServerError),
            429 => Ruling::of(Class::RateLimited),
            451 => Ruling::of(Class::Blocked),
            _ => Ruling::of(Class::Rejected),
        }
    }

    /// 403: a moderation's doing, or the key's, or the model's.
    fn forbidden(&self) -> Ruling {
        let error = self.error;
        if error.moderated || error.says(&["moderation", "flagged", "guardrail", "content policy", "dlp policy"]) {
            return Ruling::of(Class::Blocked);
        }
        let about_key = ["api key", "apikey", "this key", "your key", "the key", "management key", "credential"];
        let about_token = ["your token", "the token", "api token", "access token", "invalid token"];
        if error.says(&about_key) || error.says(&about_token) || error.says(&["not authorized", "unauthorized"]) {
            return Ruling::new(Class::Unauthorized, Stops::Run, "the provider key may not do this");
        }
        if error.says(&["region", "country", "territory"]) {
            return Ruling::new(Class::Rejected, Stops::Lane, "");
        }
        if error.layer == Layer::Unknown {
            let advice = "something before the gateway turned the request away (a firewall, or an access rule)";
            return Ruling::new(Class::Misconfigured, self.unless_answered(Stops::Run), advice);
        }
        Ruling::of(Class::Rejected)
    }

    /// 404 and 405: the model, what was asked of it, or the path.
    fn missing(&self) -> Ruling {
        let error = self.error;
        let about_path =
            error.layer == Layer::Unknown || error.says(&["invalid url", "unknown url", "no route", "route not found"]);
        if about_path && !self.run_has_answers {
            return Ruling::new(Class::Misconfigured, Stops::Run, "is the base URL's path right?");
        }
        // What one row asks for (a tool, an image) another may not.
        if error.says(&["support tool", "support image", "support input", "support the", "requested parameters"]) {
            return Ruling::of(Class::Rejected);
        }
        let stops = if self.depends_on_row() { Stops::Nothing } else { Stops::Lane };
        let advice = if error.says(&["data policy", "privacy"]) {
            "the account's privacy settings rule this model out"
        } else {
            "check the model's name and the provider settings"
        };
        Ruling::new(Class::Rejected, stops, advice)
    }

    /// A quota that lasts a day is no matter of waiting for seconds.
    fn of_quota(&self, ruling: Ruling) -> Ruling {
        let daily = ["per-day", "per day", "perday", "daily limit", "daily quota"];
        if ruling.class == Class::RateLimited && self.error.says(&daily) {
            return Ruling::new(Class::QuotaExhausted, Stops::Lane, "the quota is the day's; run again when it is new");
        }
        ruling
    }

    /// The router knows whether the same request may work later.
    fn of_availability(&self, ruling: Ruling) -> Ruling {
        let lane = if self.depends_on_row() { Stops::Nothing } else { Stops::Lane };
        match (self.error.retryable, ruling.class) {
            (Some(false), Class::RateLimited) => Ruling::new(Class::QuotaExhausted, lane, ruling.advice),
            (Some(false), Class::ServerError | Class::TimedOut) => Ruling::new(Class::Rejected, lane, ruling.advice),
            (Some(true), Class::Rejected) => Ruling::of(Class::ServerError),
            _ => ruling,
        }
    }

    /// Where the router's provider was the one to refuse, another model's may not.
    fn of_provider(&self, ruling: Ruling) -> Ruling {
        if self.error.provider.is_none() || ruling.stops != Stops::Run {
            return ruling;
        }
        let advice = match ruling.class {
            Class::Unauthorized => "the key that the router has for this provider is at fault",
            Class::OutOfCredit => "the account that the router uses at this provider is at fault",
            _ => ruling.advice,
        };
        Ruling::new(ruling.class, Stops::Lane, advice)
    }

    fn depends_on_row(&self) -> bool {
        self.error.excluded_by.iter().any(|by| matches!(by.as_str(), "context_length" | "require_parameters"))
    }

    fn unless_answered(&self, stops: Stops) -> Stops {
        if self.run_has_answers { Stops::Nothing } else { stops }
    }
}
