//! Admission: when a request may be sent.
//!
//! One gate for the whole run. [`Admission::admit`] gives a [`Permit`] when everything that a
//! request needs is there: its lane is open and not asked to stay away, there is a place in flight,
//! the budget reaches for the worst that it may cost, and its tokens and its turn are due. The
//! permit is settled with what the request has really used, and holds its place until what it
//! brought is safe.
//!
//! Pure functions decide: [`in_flight::decide`] how many a lane has in flight,
//! [`learned_pace::LearnedPace`] how fast it goes where the server alone knows its quota, and
//! [`price_trust::PriceTrust`] what a request may cost at worst where its price may be wrong.

mod admit;
mod assumed;
mod budget;
mod change;
mod day;
mod gate;
mod in_flight;
mod lane;
mod learned_pace;
mod missing_bound;
mod options;
mod pace;
mod permit;
mod places;
mod price_trust;
#[cfg(test)]
mod quota_server;
mod status;
#[cfg(test)]
mod tests;
mod token_pace;
mod trial;
mod underpriced;
mod usage;

pub use admit::Refusal;
pub use budget::BudgetStatus;
pub use change::Change;
pub use day::day_began_ms;
pub use gate::Admission;
pub use lane::LaneOptions;
pub use options::{AdmissionOptions, BudgetOptions, WorstCase};
pub use permit::{Permit, Settled, Spent};
pub use status::{AdmissionStatus, LaneStatus};
pub use underpriced::Underpriced;
pub use usage::Size;
