//! A run from its first item to its last commit.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::clock::now_ms;
use crate::gateway::Gateway;
use crate::input::Input;
use crate::model::{Mode, Success};
use crate::price::{Prices, worst_case};
use crate::prompt::Prompt;
use crate::record::{Action, Recall, Recorder, Redactor, Source, decide};
use crate::store::{Lease, RunId, Scope, Spent, Store, StoreError, Writer, WriterOptions};

use super::control::{Controller, FirstBudget};
use super::days::Days;
use super::dispatch::{Dispatch, Dispatched, Sources};
use super::intake::{Intake, IntakeOptions};
use super::reachability::Reachability;
use super::retry::RetryPolicy;
use super::worker::Shared;
use super::{Admission, AdmissionOptions, Bound, BudgetOptions, Event, Monitor, Orders, Stop, StopReason};

/// How many pieces of news may wait to be told.
const NEWS: usize = 64;

/// How a run is carried out.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// The job's name.
    pub job: String,
    /// Whether it replays, and whether it may send.
    pub mode: Mode,
    /// Whether the simulated gateway answers.
    pub simulated: bool,
    /// Rows to ask.
    pub rows: u64,
    /// Whether this run is going on.
    pub resumed: bool,
    /// The run whose recordings answer first.
    pub continues: Option<RunId>,
    /// Whether items that failed before are asked again.
    pub retry_failed: bool,
    /// Which outcomes count as success.
    pub success: Success,
    /// What the gate holds to, but for the budget.
    pub admission: AdmissionOptions,
    /// What the run may cost in all its sessions, in USD.
    pub budget_usd: Option<f64>,
    /// How often an item is tried.
    pub retry: RetryPolicy,
    /// How long it may take until it stops.
    pub deadline: Option<Duration>,
    /// How long what is in flight is waited for when the run stops.
    pub drain: Duration,
    /// What models cost, where replies do not say.
    pub prices: Option<Arc<Prices>>,
}

/// What a run works with.
pub struct Gate {
    /// What answers; else why there is nothing to send with.
    pub gateway: Result<Arc<dyn Gateway>, String>,
    /// Strikes secrets.
    pub redactor: Arc<Redactor>,
    /// Read-only stores that are looked into beside the run's own.
    pub fixtures: Vec<Source>,
    /// What is asked of the run while it goes on.
    pub orders: Orders,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Why it stopped before its end; `None` where it is complete.
    pub stopped: Option<StopReason>,
    /// What bounded its speed, with its share of the time in percent.
    pub bound: Option<(Bound, u64)>,
    /// How long this session took.
    pub elapsed: Duration,
    /// Items that ended in a defect of nightreel's: they are asked again next time.
    pub panicked: u64,
}

/// Why a run cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The rows cannot be read.
    #[error("{0}")]
    Intake(StopReason),
    /// The intake could not be started.
    #[error("cannot start the intake: {0}")]
    Thread(std::io::Error),
}

/// A run that has begun in the store.
pub struct Begun {
    /// Which one it is.
    pub run: RunId,
    /// The right to carry it out.
    pub lease: Lease,
    /// Where its rows come from.
    pub input: Input,
    /// What makes its requests.
    pub prompt: Arc<Prompt>,
}

/// Carries out a run that has begun in the store, and ends it there.
///
/// # Errors
/// Fails if the store cannot be read or written; what was committed stays.
pub async fn run(
    options: RunOptions,
    begun: Begun,
    store: &Store,
    gate: Gate,
    monitor: &mut dyn Monitor,
    stop: Stop,
) -> Result<Ended, RunError> {
    let started = Instant::now();
    let Begun { run, lease, input, prompt } = begun;
    let models = (0..prompt.models()).filter(|model| prompt.model(*model).is_some()).count();
    let budget = options.budget_usd.map(|cap_usd| budget(cap_usd, (&options, models), run, store)).transpose()?;
    for warning in budget.iter().flat_map(|budget| unbounded(budget, &prompt)) {
        monitor.on(&Event::Warning(&warning));
    }
    let intake = intake(&options, run, (input, prompt), store, (&gate.redactor, gate.fixtures))?;
    let controller = Controller::new(gate.orders, started, first_budget((&options, models), run, store));
    let admission = Admission::new(AdmissionOptions { budget, ..options.admission });
    let days = Days::begin(&admission, store, options.simulated, run)?;
    let writer_options = WriterOptions { job: options.job.clone(), run: Some(run), lease: lease.clone(), now_ms };
    let (writer, durable) = Writer::start(store, writer_options)?;
    let (news_sender, news) = mpsc::channel(NEWS);
    let shared = Arc::new(Shared {
        run,
        run_started_at_ms: store.reader()?.run(run)?.begun.started_at_ms,
        mode: options.mode,
        gateway: gate.gateway,
        admission,
        recorder: Recorder::new(writer.submit(), gate.redactor),
        policy: options.retry,
        stop: stop.clone(),
        reachability: Reachability::default(),
        news: news_sender,
        pausing: AtomicUsize::new(0),
        prices: options.prices,
        models,
    });
    let ends_at = options.deadline.map(|deadline| started + deadline);
    let mut dispatch =
        Dispatch::new(Sources { durable, news, days, controller }, (ends_at, options.drain), monitor, stop);
    dispatch.carry_out(Arc::clone(&shared), intake).await?;
    let closed = shared.admission.closed();
    drop(shared);
    let Dispatched { bound, panicked, stop, written } = dispatch.finish(writer).await;
    let stopped = match &written {
        Err(error) => Some(StopReason::Store(error.to_string())),
        Ok(()) => stop.reason().cloned().or_else(|| of_closed(&closed)),
    };
    let state = if panicked > 0 { "incomplete" } else { stopped.as_ref().map_or("complete", StopReason::as_str) };
    let ended = store.end_run(run, state, now_ms()).and_then(|()| lease.release());
    written?;
    ended?;
    Ok(Ended { stopped, bound, elapsed: started.elapsed(), panicked })
}

/// The budget, less what the run has spent in earlier sessions, what was lost at their end among it,
/// and what these tell of the cost of an answer.
fn budget(
    cap_usd: f64,
    (options, models): (&RunOptions, usize),
    run: RunId,
    store: &Store,
) -> Result<BudgetOptions, StoreError> {
    let reader = store.reader()?;
    let Spent { known_usd, assumed_usd, assumed, unknown } = reader.spent(run)?;
    let dearest = reader.dearest(&options.job, options.simulated)?;
    let cost_unknown = reader.cost_unknown(run)?;
    let prices = options.prices.clone();
    let worst = move |model: &str, prompt_tokens: u64, most_tokens: Option<u64>| {
        worst_case(&prices.as_ref()?.of(model)?, prompt_tokens, most_tokens)
    };
    Ok(BudgetOptions {
        cap_usd,
        spent_usd: known_usd + assumed_usd,
        assumed_usd,
        assumed,
        by_price: reader.by_price(run)?,
        unpriced: unknown,
        models,
        dearest,
        cost_unknown,
        worst_case: Arc::new(worst),
    })
}

/// What people are told of a budget where no price bounds what a request may cost.
fn unbounded(budget: &BudgetOptions, prompt: &Prompt) -> Vec<String> {
    let models: Vec<&str> =
        (0..prompt.models()).filter_map(|model| prompt.model(model)).map(|model| &**model).collect();
    let has_price = |model: &str| (budget.worst_case)(model, 1, Some(1)).is_some();
    let is_bounded = |model: &str| prompt.bounds_answers() || (budget.worst_case)(model, 1, None).is_some();
    let (priced, unpriced): (Vec<&str>, Vec<&str>) = models.into_iter().partition(|model| has_price(model));
    let unbounded: Vec<&str> = priced.into_iter().filter(|model| !is_bounded(model)).collect();
    let counts = "each request counts with the dearest answer so far and a quarter more, the first one goes alone";
    let unpriced = (!unpriced.is_empty()).then(|| {
        let models = unpriced.join(", ");
        format!("the budget has no price of {models}: {counts}; prices = \"…\" in the job or --prices bounds it")
    });
    let unbounded = (!unbounded.is_empty()).then(|| {
        let models = unbounded.join(", ");
        format!(
            "neither the job nor the price table says how long an answer of {models} may be: {counts}; max_tokens in \
             request.params or max_completion_tokens in the price table bounds it"
        )
    });
    unpriced.into_iter().chain(unbounded).collect()
}

/// Tells what a budget that comes while the run goes on begins with.
fn first_budget((options, models): (&RunOptions, usize), run: RunId, store: &Store) -> FirstBudget {
    let (options, store) = (options.clone(), store.clone());
    Box::new(move |cap_usd| budget(cap_usd, (&options, models), run, &store))
}

/// Why a run is not complete of whose models some take no more requests.
pub(super) fn of_closed(closed: &[(Arc<str>, StopReason)]) -> Option<StopReason> {
    (!closed.is_empty()).then(|| StopReason::LaneClosed(closed.to_vec()))
}

fn intake(
    options: &RunOptions,
    run: RunId,
    (input, prompt): (Input, Arc<Prompt>),
    store: &Store,
    (redactor, fixtures): (&Arc<Redactor>, Vec<Source>),
) -> Result<Intake, RunError> {
    let recall = Recall::new(sources(options, run, store, fixtures)?)?;
    let options = IntakeOptions {
        input,
        prompt,
        redactor: Arc::clone(redactor),
        run,
        rows: options.rows,
        retry_failed: options.retry_failed,
        success: options.success,
        earlier: options.resumed.then(|| store.clone()),
    };
    Intake::new(options, recall).map_err(RunError::Intake)
}

/// Where recordings are looked for: in the run's own store, then in the fixtures.
fn sources(options: &RunOptions, run: RunId, store: &Store, fixtures: Vec<Source>) -> Result<Vec<Source>, StoreError> {
    let preferred = if options.resumed { Some(run) } else { options.continues };
    let scope = Scope {
        preferred,
        others: decide(options.mode, true) == Action::Replay,
        simulated: (options.mode != Mode::Replay).then_some(options.simulated),
        answers_only: options.mode == Mode::Auto,
    };
    let own = Source::own(store, scope)?;
    let fixtures = if scope.others { fixtures } else { Vec::new() };
    Ok(std::iter::once(own).chain(fixtures).collect())
}
