//! The display as a whole, with writers that behave and writers that do not.

mod bar;
mod json;
mod lines;
mod readers;
mod teletype;

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nightreel::engine::{Changed, Event, ItemSettled, RunBegun, Snapshot, StopReason};
use nightreel::model::{Class, Mode, Outcome, Success};
use nightreel::store::RunId;

use super::handle::{Progress, Setup};
use super::kind::Display;
use super::paint::Paint;
use super::terminal::Size;

/// A writer that keeps what it gets.
#[derive(Debug, Clone, Default)]
pub(super) struct Screenful(Arc<Mutex<Vec<u8>>>);

impl Screenful {
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Screenful {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn setup(display: Display, writer: impl Write + Send + 'static) -> Setup {
    Setup {
        display,
        quiet: false,
        capacity: 64,
        paint: Paint::PLAIN,
        writer: Box::new(writer),
        size: || Size { width: 60, height: 24 },
        // Long enough for a loaded machine: a test that waits for it to pass sets its own.
        patience: Duration::from_mins(1),
    }
}

fn begun() -> RunBegun {
    RunBegun {
        run: Some(RunId(4)),
        job: "quickstart".to_owned(),
        mode: Mode::Auto,
        simulated: false,
        rows: 5,
        items: 10,
        models: vec!["a".to_owned(), "b".to_owned()],
        settled_before: 1,
        resumed: false,
        success: Success::default(),
        changed: Some(Changed { since: RunId(3), input: true, job: vec!["request.prompt".to_owned()] }),
    }
}

fn item(position: u32) -> ItemSettled {
    ItemSettled {
        position,
        row_id: format!("r{position}"),
        model: "a".into(),
        sample: 0,
        outcome: Outcome::Failed(Class::ServerError),
        error: Some("the server said \"no\"".to_owned()),
        replayed: false,
        attempts: 6,
        prompt_tokens: 10,
        completion_tokens: 2,
        cost_usd: Some(0.5),
        latency_us: 1_500,
        served: Vec::new(),
    }
}

/// Everything that an engine can tell, once.
fn tell_all(progress: &Progress) {
    use nightreel::engine::Monitor;
    let mut monitor = progress.monitor();
    monitor.on(&Event::Checking { rows: 5 });
    monitor.on(&Event::Begun(&begun()));
    monitor.on(&Event::Settled(&[item(7)]));
    let after = Duration::from_millis(1_500);
    monitor.on(&Event::Retrying { row_id: "r8", class: Class::RateLimited, message: "busy", after });
    monitor.on(&Event::Tick(Snapshot { in_flight: 3, in_flight_limit: 4, waiting: 2, bound: None }));
    progress.say("said");
    progress.warn("warned");
    monitor.on(&Event::Warning("look out"));
    let reason = &StopReason::OutOfCredit("no credit".to_owned());
    monitor.on(&Event::Stopping { reason, in_flight: 3, deadline: Duration::from_secs(30) });
}
