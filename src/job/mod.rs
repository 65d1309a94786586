//! The job file: what to ask, of whom, and within which limits.
//!
//! A job file is TOML. It is parsed into a tree that knows the place of every key and value,
//! flags are laid over it, and the specs read plain values out of it. A key that no spec knows is
//! refused with the nearest name, so nothing in a job file is ignored.

mod attribution;
mod call;
mod changes;
mod describe;
mod directives;
mod document;
mod duration;
mod env_text;
mod gateway;
mod header_text;
mod input;
mod limit_setting;
mod limits;
mod load;
mod message;
mod nearest;
mod outcomes;
mod place;
mod problem;
mod record;
#[cfg(test)]
mod refusals;
mod request;
mod retry;
mod secret_line;
mod set;
mod setting;
mod spec;
mod struck;
#[cfg(test)]
mod tests;

pub use call::Call;
pub use changes::changed_parts;
pub use describe::{described_prices, without_userinfo};
pub use env_text::EnvText;
pub use gateway::{Base, GatewaySpec};
pub use input::{InputSpec, described_stdin};
pub use limit_setting::{LimitSetting, LimitSettingError};
pub use limits::{InFlight, LaneLimits, Limits, described_budget_usd};
pub use message::MessageSpec;
pub(crate) use nearest::nearest;
pub use outcomes::described_success;
pub use place::Place;
pub use problem::JobError;
pub use record::{RecordSpec, Redact};
pub use request::RequestSpec;
pub use retry::{Retry, Timeouts};
pub use secret_line::may_be_shown;
pub use set::Override;
pub use spec::Job;
pub use struck::Strike;
