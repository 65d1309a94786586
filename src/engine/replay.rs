//! Replay that keeps nothing: recordings to results, on every core, without a runtime or a socket.
//!
//! One thread reads, renders and numbers the items; the others look recordings up and turn them
//! into lines, a chunk of items each; the calling thread writes the chunks in order.

use std::collections::BTreeMap;
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::input::Input;
use crate::model::{KeyRules, Outcome, Success};
use crate::prompt::Prompt;
use crate::record::{Recall, Redactor};
use crate::store::StoreError;

use super::intake::recorded_steps;
use super::item::{Planned, Planner};
use super::missing::Missing;
use super::result_line::ResultLine;
use super::result_writer::LineFormatter;
use super::trail::Trail;
use super::worker::not_recorded;
use super::{Event, ExportError, ItemSettled, Miss, Monitor, Output, ResultWriter, Snapshot, StopReason};

/// How many items make a chunk.
const CHUNK: usize = 128;
/// How many chunks may wait between two threads.
const CHUNKS: usize = 4;
/// How many misses are told with what is nearest to them.
const MISSES: usize = 5;

/// How a replay is carried out.
pub struct ReplayOptions {
    /// The input.
    pub input: Input,
    /// What makes its requests.
    pub prompt: Arc<Prompt>,
    /// Strikes secrets.
    pub redactor: Arc<Redactor>,
    /// Rows to answer.
    pub rows: u64,
    /// How many threads look up.
    pub threads: usize,
}

/// What a replay has come to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Replayed {
    /// Items by outcome.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// Items.
    pub items: u64,
    /// The first items that were not recorded.
    pub misses: Vec<Miss>,
    /// What the recorded answers cost when they were made, in USD.
    pub cost_usd: f64,
    /// How long it took.
    pub elapsed: Duration,
    /// Whether it was stopped before its end; there are no results then.
    pub stopped: bool,
}

/// Why a replay cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// A store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The results cannot be written.
    #[error(transparent)]
    Output(#[from] ExportError),
    /// The rows cannot be read.
    #[error("{0}")]
    Intake(StopReason),
    /// A thread could not be started.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
    /// A thread met a defect of nightreel's.
    #[error("a thread of the replay met a defect of nightreel's; please report it")]
    Panicked,
}

/// Answers every item from recordings, and writes the results in input order. `recall` opens the
/// recordings, once a thread; `stopped` is asked whether to stop before the end.
///
/// # Errors
/// Fails if a store cannot be read or the results cannot be written.
pub fn replay(
    options: ReplayOptions,
    recall: impl Fn() -> Result<Recall, StoreError>,
    results: Option<(Output, ResultWriter)>,
    monitor: &mut dyn Monitor,
    stopped: &(dyn Fn() -> bool + Sync),
) -> Result<Replayed, ReplayError> {
    let begun = Instant::now();
    let threads = options.threads.max(1);
    let recalls = (0..threads).map(|_| recall()).collect::<Result<Vec<_>, _>>()?;
    let formatter = results.as_ref().map(|(_, writer)| writer.formatter());
    let rules = Arc::clone(options.prompt.rules());
    let planner = Planner::new(&options.input, options.prompt, Arc::clone(&options.redactor), options.rows)
        .map_err(ReplayError::Intake)?;
    let (chunks_sender, chunks) = sync_channel(CHUNKS * threads);
    let chunks = Arc::new(Mutex::new(chunks));
    let (answered_sender, answered) = sync_channel(CHUNKS * threads);
    let (mut replayed, missing) = std::thread::scope(|scope| {
        let mut handles = Vec::new();
        let name = |name: &str| std::thread::Builder::new().name(name.to_owned());
        let reading = move || read(planner, &chunks_sender, stopped);
        handles.push(name("replay-reader").spawn_scoped(scope, reading).map_err(ReplayError::Thread)?);
        for recall in recalls {
            let (chunks, answered) = (Arc::clone(&chunks), answered_sender.clone());
            let lookup = Lookup { recall, redactor: Arc::clone(&options.redactor), formatter: formatter.clone() };
            let looking = move || lookup.run(&chunks, &answered);
            handles.push(name("replay-lookup").spawn_scoped(scope, looking).map_err(ReplayError::Thread)?);
        }
        drop((chunks, answered_sender));
        let written = write(&answered, results, monitor, stopped);
        // Whoever still sends sees that nobody receives.
        drop(answered);
        let mut result = written;
        for handle in handles {
            let ended = handle.join().unwrap_or(Err(ReplayError::Panicked));
            result = match (result, ended) {
                (Ok(written), Ok(())) => Ok(written),
                // What ended the reading thread is the cause of a hole in the order.
                (_, Err(error)) | (Err(error), Ok(())) => Err(error),
            };
        }
        result
    })?;
    replayed.elapsed = begun.elapsed();
    if !missing.is_empty() {
        replayed.misses = explained(missing, recall()?, &rules)?;
    }
    Ok(replayed)
}

struct Chunk<T> {
    number: u64,
    content: T,
}

/// Plans all items, and hands them over in chunks.
fn read(
    mut planner: Planner,
    chunks: &SyncSender<Chunk<Vec<Planned>>>,
    stopped: &(dyn Fn() -> bool + Sync),
) -> Result<(), ReplayError> {
    let mut items = Vec::with_capacity(CHUNK);
    let mut number = 0;
    let (models, samples) = planner.shape();
    while let Some(row) = planner.next_row().filter(|_| !stopped()) {
        let row = row.map_err(ReplayError::Intake)?;
        for (model, base) in (0..models).zip((row.position..).step_by(samples as usize)) {
            let draft = planner.draft(&row, model).map_err(ReplayError::Intake)?;
            let first = planner.first(&draft).map_err(ReplayError::Intake)?;
            for sample in 0..samples {
                let place = (base + sample, sample);
                items.push(planner.plan(&row, &draft, &first, place).map_err(ReplayError::Intake)?);
            }
        }
        if items.len() >= CHUNK {
            let content = std::mem::replace(&mut items, Vec::with_capacity(CHUNK));
            if chunks.send(Chunk { number, content }).is_err() {
                return Ok(());
            }
            number += 1;
        }
    }
    if !items.is_empty() {
        // Where nobody receives it, the writing has failed, and says so itself.
        let _failed = chunks.send(Chunk { number, content: items });
    }
    Ok(())
}

/// What a chunk of items has come to.
#[derive(Default)]
struct Answered {
    lines: Vec<u8>,
    settled: Vec<ItemSettled>,
    missing: Vec<Missing>,
}

struct Lookup {
    recall: Recall,
    redactor: Arc<Redactor>,
    formatter: Option<LineFormatter>,
}

impl Lookup {
    fn run(
        mut self,
        planned: &Mutex<Receiver<Chunk<Vec<Planned>>>>,
        answered: &SyncSender<Chunk<Answered>>,
    ) -> Result<(), ReplayError> {
        loop {
            let received = planned.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(Chunk { number, content: items }) = received else { return Ok(()) };
            let content = self.answer(&items)?;
            if answered.send(Chunk { number, content }).is_err() {
                return Ok(());
            }
        }
    }

    fn answer(&mut self, items: &[Planned]) -> Result<Answered, ReplayError> {
        let mut answered = Answered::default();
        // A lock for each item would cost more than to read it.
        self.recall.hold()?;
        if let (Some(first), Some(last)) = (items.first(), items.last()) {
            self.recall.read_ahead(first.position..last.position + 1)?;
        }
        for item in items {
            self.item(item, &mut answered)?;
        }
        self.recall.let_go()?;
        Ok(answered)
    }

    fn item(&mut self, item: &Planned, answered: &mut Answered) -> Result<(), ReplayError> {
        let steps = recorded_steps(&mut self.recall, item, &self.redactor).map_err(ReplayError::Intake)?;
        let settled = steps.found.iter().map(|(_, asked, found)| (asked.request.endpoint, asked.key, &found.attempt));
        let identity = (item.row.id.as_str(), &*item.draft.model, item.sample, item.row.fields.as_ref());
        let mut line = ResultLine::new(identity, settled);
        if let Some((step, asked)) = &steps.missing {
            line.not_recorded(not_recorded(usize::from(*step)));
            if answered.missing.len() < MISSES {
                answered.missing.push(Missing::new(item, *step, asked));
            }
        }
        if let Some(formatter) = &self.formatter {
            formatter.format(&line, &mut answered.lines);
        }
        answered.settled.push(settled_item(item, line.trail));
        Ok(())
    }
}

fn settled_item(item: &Planned, trail: Trail) -> ItemSettled {
    ItemSettled {
        position: item.position,
        row_id: item.row.id.clone(),
        model: Arc::clone(&item.draft.model),
        sample: item.sample,
        outcome: trail.outcome,
        error: trail.error,
        replayed: trail.outcome != Outcome::NotRecorded,
        attempts: trail.attempts,
        prompt_tokens: trail.prompt_tokens.unwrap_or(0),
        completion_tokens: trail.completion_tokens.unwrap_or(0),
        cost_usd: trail.cost_usd,
        latency_us: trail.latency_us,
        served: trail.served,
    }
}

/// Writes the chunks in order, whatever order they come in. Gives the first requests, too, that
/// nothing answers.
fn write(
    answered: &Receiver<Chunk<Answered>>,
    mut results: Option<(Output, ResultWriter)>,
    monitor: &mut dyn Monitor,
    stopped: &(dyn Fn() -> bool + Sync),
) -> Result<(Replayed, Vec<Missing>), ReplayError> {
    let (mut replayed, mut missing) = (Replayed::default(), Vec::new());
    let mut waiting = BTreeMap::new();
    let mut next = 0;
    for Chunk { number, content } in answered {
        waiting.insert(number, content);
        while let Some(chunk) = waiting.remove(&next) {
            next += 1;
            if let Some((output, writer)) = &mut results {
                let written = writer.write_lines(&chunk.lines, chunk.settled.len() as u64);
                written.map_err(|error| ExportError::output(output, error))?;
            }
            monitor.on(&Event::Settled(&chunk.settled));
            monitor.on(&Event::Tick(Snapshot::default()));
            replayed.add(&chunk.settled);
            let room = MISSES.saturating_sub(missing.len());
            missing.extend(chunk.missing.into_iter().take(room));
        }
    }
    replayed.stopped = stopped();
    if let Some((output, writer)) = results.filter(|_| !replayed.stopped) {
        writer.finish().map_err(|error| ExportError::output(&output, error))?;
    }
    Ok((replayed, missing))
}

/// What comes nearest to what nothing answers.
fn explained(missing: Vec<Missing>, recall: Recall, rules: &KeyRules) -> Result<Vec<Miss>, ReplayError> {
    let mut recall = recall;
    missing.into_iter().map(|missing| Ok(missing.explained(&mut recall, rules)?)).collect()
}

impl Replayed {
    fn add(&mut self, settled: &[ItemSettled]) {
        for item in settled {
            *self.outcomes.entry(item.outcome.as_str()).or_default() += 1;
            self.cost_usd += item.cost_usd.unwrap_or(0.0);
            self.items += 1;
        }
    }

    /// Items that count as done well.
    #[must_use]
    pub fn succeeded(&self, success: Success) -> u64 {
        success.names().filter_map(|outcome| self.outcomes.get(outcome)).sum()
    }

    /// Items of an outcome.
    #[must_use]
    pub fn count(&self, outcome: Outcome) -> u64 {
        self.outcomes.get(outcome.as_str()).copied().unwrap_or(0)
    }
}
