//! The store: one `SQLite` file of runs, with every request and reply in it.
//!
//! It is written by one thread a process, which commits whatever is queued at once: a commit makes
//! a row safe from a killed process, and frees its place in flight. A second thread syncs the log
//! behind it: only then is an item reported as done, safe from a power cut too.

mod budget_correction;
mod by_price;
mod column;
mod connect;
mod exchanges;
mod file;
mod fixture;
mod frame;
mod id;
mod in_flight;
mod inserter;
mod item_view;
mod keep;
mod key_index;
mod lease;
mod left;
mod limit_change;
mod log;
mod lost;
mod names;
mod pack;
mod places;
mod progress;
mod reader;
mod record;
mod recording;
mod requests;
mod run;
mod served;
mod spent;
mod stand_in;
mod store_error;
mod syncer;
mod tally;
#[cfg(test)]
mod tests;
mod totals;
mod writer;

pub use budget_correction::BudgetCorrection;
pub use by_price::ByPrice;
pub use connect::{Access, Store};
pub use exchanges::KeptExchange;
pub use fixture::{FIXTURE_JOB, check_unused, check_writable, write_fixture};
pub use id::{ExchangeId, ItemId, Items, RunId};
pub use item_view::{AttemptOrigin, AttemptView, ItemView, StepView};
pub use key_index::KeyIndex;
pub use lease::{Holder, Lease};
pub use left::LeftAttempt;
pub use limit_change::{Limit, LimitChange};
pub use lost::Lost;
pub use places::{KeptRequest, Place, RecordingCount, RecordingCounts};
pub use progress::{ExchangeState, Progress};
pub use reader::Reader;
pub use record::{ExchangeRecord, Facts, ItemRecord, Record, RowRecord, Settled};
pub use recording::{Recorded, Scope};
pub use requests::SeenRequest;
pub use run::{NewRun, Run};
pub use served::ServedGroup;
pub use spent::{Dearest, SentBy, SentSince, Spent};
pub use store_error::StoreError;
pub use tally::Tally;
pub use totals::{FailureGroup, LaneTotals, Learned, Totals};
pub use writer::{Durable, Submit, Writer, WriterOptions};
