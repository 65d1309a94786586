//! How fast requests are sent, and for how much.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use serde_json::Value;

use super::setting::{Section, Setting};
use super::{JobError, nearest};

const LANE_KEYS: [&str; 4] = ["requests_per_minute", "tokens_per_minute", "requests_per_day", "in_flight"];

const KEYS: [&str; 6] =
    ["requests_per_minute", "tokens_per_minute", "requests_per_day", "in_flight", "budget_usd", "model"];

/// The most requests that may be in flight.
const MAX_IN_FLIGHT: u32 = 100_000;

/// How fast requests are sent, and for how much, over all models: `[limits]`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Limits {
    /// Requests in any minute.
    pub requests_per_minute: Option<NonZeroU32>,
    /// Tokens in any minute, of prompts and answers.
    pub tokens_per_minute: Option<NonZeroU32>,
    /// Requests a day.
    pub requests_per_day: Option<NonZeroU32>,
    /// Requests in flight at once.
    pub in_flight: InFlight,
    /// The most that a run may cost, in USD.
    pub budget_usd: Option<f64>,
    /// A model's own limits, beside those above.
    pub model: BTreeMap<String, LaneLimits>,
}

/// What a run may cost, in USD, by its job's description in a store; `None` where nothing bounds it.
#[must_use]
pub fn described_budget_usd(description: &str) -> Option<f64> {
    let description: Value = serde_json::from_str(description).unwrap_or_default();
    description["limits"]["budget_usd"].as_f64()
}

/// One model's own limits: `[limits.model."name"]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LaneLimits {
    /// Requests in any minute.
    pub requests_per_minute: Option<NonZeroU32>,
    /// Tokens in any minute, of prompts and answers.
    pub tokens_per_minute: Option<NonZeroU32>,
    /// Requests a day.
    pub requests_per_day: Option<NonZeroU32>,
    /// Requests in flight at once.
    pub in_flight: Option<InFlight>,
}

/// How many requests may be in flight at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InFlight {
    /// nightreel finds out how many the server takes, and goes on finding out.
    #[default]
    Auto,
    /// This many.
    Fixed(NonZeroU32),
}

impl InFlight {
    /// The most that nightreel chooses.
    pub const AUTO_MOST: usize = 1_024;

    /// How many requests may be in flight at once, at most.
    #[must_use]
    pub fn limit(self) -> usize {
        match self {
            Self::Auto => Self::AUTO_MOST,
            Self::Fixed(number) => usize::try_from(number.get()).unwrap_or(usize::MAX),
        }
    }

    fn read(setting: Setting) -> Result<Self, JobError> {
        if setting.is_text() {
            return setting.word::<Auto>(&["auto"]).map(|_| Self::Auto);
        }
        setting.positive(MAX_IN_FLIGHT).map(Self::Fixed)
    }
}

struct Auto;

impl std::str::FromStr for Auto {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        if word == "auto" { Ok(Self) } else { Err(()) }
    }
}

impl Limits {
    /// Reads the limits; `models` are those that a lane may be for, empty where any may be.
    pub(super) fn read(root: &mut Section, models: &[String]) -> Result<Self, JobError> {
        let mut section = root.subsection("limits", &KEYS)?;
        Ok(Self {
            requests_per_minute: section.read("requests_per_minute", |setting| setting.positive(u32::MAX))?,
            tokens_per_minute: section.read("tokens_per_minute", |setting| setting.positive(u32::MAX))?,
            requests_per_day: section.read("requests_per_day", |setting| setting.positive(u32::MAX))?,
            in_flight: section.read("in_flight", InFlight::read)?.unwrap_or_default(),
            budget_usd: section.read("budget_usd", |setting| setting.amount())?,
            model: section.read("model", |setting| lanes(setting, models))?.unwrap_or_default(),
        })
    }
}

impl LaneLimits {
    fn read(setting: Setting) -> Result<Self, JobError> {
        let mut section = setting.section(&LANE_KEYS)?;
        Ok(Self {
            requests_per_minute: section.read("requests_per_minute", |setting| setting.positive(u32::MAX))?,
            tokens_per_minute: section.read("tokens_per_minute", |setting| setting.positive(u32::MAX))?,
            requests_per_day: section.read("requests_per_day", |setting| setting.positive(u32::MAX))?,
            in_flight: section.read("in_flight", InFlight::read)?,
        })
    }
}

fn lanes(setting: Setting, models: &[String]) -> Result<BTreeMap<String, LaneLimits>, JobError> {
    let lane = |(model, setting): (String, Setting)| {
        check_model(&model, &setting, models)?;
        Ok((model, LaneLimits::read(setting)?))
    };
    setting.open_section()?.into_settings().map(lane).collect()
}

/// A lane for a model that is never asked is a typing mistake.
fn check_model(model: &str, setting: &Setting, models: &[String]) -> Result<(), JobError> {
    if models.is_empty() || models.iter().any(|known| known == model) {
        return Ok(());
    }
    let names = || models.iter().map(String::as_str);
    let hint = match nearest(model, names()) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => format!("request.models has {}", names().collect::<Vec<_>>().join(", ")),
    };
    Err(setting.refuse(format!("is for a model that is not asked; {hint}")))
}
