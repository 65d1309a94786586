//! A run: intake → lanes → attempts → settle, and what stops it.

mod admission;
mod attempt;
mod bound;
mod check;
mod columns;
mod control;
mod days;
mod dispatch;
mod event;
mod export;
mod intake;
mod item;
mod missing;
mod model_name;
mod outlet;
mod output_file;
mod pin;
mod reachability;
mod replay;
mod result_line;
mod result_writer;
mod resume;
mod retry;
mod run;
mod sending;
mod served;
mod servers;
mod stop;
mod stop_kind;
mod trail;
mod who_answered;
mod worker;

pub use admission::{
    Admission, AdmissionOptions, AdmissionStatus, BudgetOptions, BudgetStatus, Change, LaneOptions, LaneStatus, Permit,
    Refusal, Settled, Size, Spent, Underpriced, WorstCase, day_began_ms,
};
pub use bound::Bound;
pub use check::{CheckError, CheckOptions, Checked, check};
pub use control::{Activity, BudgetState, Control, ControlReply, ControlRequest, LaneState, Orders, RunStatus};
pub use event::{Event, ItemSettled, RunBegun, Snapshot};
pub use export::{ExportError, export};
pub use missing::{Miss, NearMiss};
pub use output_file::OutputFile;
pub use reachability::Reachability;
pub use replay::{ReplayError, ReplayOptions, Replayed, replay};
pub use result_writer::{Output, ResultColumns, ResultFormat, ResultWriter, UnknownResultFormat};
pub use resume::{Begin, Changed, decide_begin};
pub use retry::{Next, RetryPolicy, Situation, Tries, next, shortened_hint};
pub use run::{Begun, Ended, Gate, RunError, RunOptions, run};
pub use served::Served;
pub use stop::{Stop, StopReason};
pub use stop_kind::StopKind;
pub use who_answered::{ServedWarning, WhoAnswered};

/// Who is told what happens. It is called from the task that owns the run: it must not block.
pub trait Monitor: Send {
    /// Something has happened.
    fn on(&mut self, event: &Event<'_>);
}

impl<F: FnMut(&Event<'_>) + Send> Monitor for F {
    fn on(&mut self, event: &Event<'_>) {
        self(event);
    }
}
