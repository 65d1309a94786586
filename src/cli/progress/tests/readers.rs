//! Readers that do not read, and writers that break.

use std::sync::Condvar;
use std::time::Instant;

use nightreel::engine::Monitor;

use super::*;

/// A writer that waits until it is opened, as a pipe does that nobody reads.
#[derive(Debug, Clone)]
pub(super) struct Gate {
    state: Arc<(Mutex<GateState>, Condvar)>,
    screen: Screenful,
}

#[derive(Debug, Default)]
struct GateState {
    is_open: bool,
    has_writer: bool,
}

impl Gate {
    pub(super) fn shut() -> (Self, Screenful) {
        let screen = Screenful::default();
        (Self { state: Arc::default(), screen: screen.clone() }, screen)
    }

    pub(super) fn open(&self) {
        self.state.0.lock().unwrap().is_open = true;
        self.state.1.notify_all();
    }

    pub(super) fn wait_for_a_write(&self) {
        let state = self.state.0.lock().unwrap();
        let _entered = self.state.1.wait_while(state, |state| !state.has_writer).unwrap();
    }
}

impl Write for Gate {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.state.0.lock().unwrap();
        state.has_writer = true;
        self.state.1.notify_all();
        let _open = self.state.1.wait_while(state, |state| !state.is_open).unwrap();
        self.screen.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A writer that fails, as a closed pipe does.
struct Closed;

impl Write for Closed {
    fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::BrokenPipe.into())
    }
}

/// A writer with a defect.
struct Defect;

impl Write for Defect {
    fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
        panic!("a test's writer panics");
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const DISPLAYS: [Display; 4] = [Display::Bar, Display::Lines, Display::Json, Display::Silent];

#[test]
fn a_run_goes_on_where_nobody_reads() {
    for display in DISPLAYS {
        let (gate, screen) = Gate::shut();
        let patience = Duration::from_millis(100);
        let progress = Progress::with(Setup { patience, ..setup(display, gate.clone()) });
        progress.say("first");
        gate.wait_for_a_write();
        let mut monitor = progress.monitor();
        monitor.on(&Event::Begun(&begun()));
        let items: Vec<_> = (0..1_000).map(item).collect();
        for _ in 0..20 {
            tell_all(&progress);
            monitor.on(&Event::Settled(&items));
        }
        let asked = Instant::now();
        assert!(!progress.finish(), "{display:?}: nothing was read");
        assert!(asked.elapsed() >= patience, "{display:?}");
        assert!(asked.elapsed() < Duration::from_secs(30), "{display:?}");
        assert_eq!(screen.text(), "");
        gate.open();
    }
}

#[test]
fn what_found_no_room_is_counted() {
    let (gate, screen) = Gate::shut();
    let progress = Progress::with(setup(Display::Silent, gate.clone()));
    progress.say("first");
    gate.wait_for_a_write();
    for number in 0..200 {
        progress.say(&format!("line {number}"));
    }
    gate.open();
    assert!(progress.finish());
    let text = screen.text();
    let said = text.lines().filter(|line| line.starts_with("line ")).count();
    assert_eq!(said, 64, "as many as there is room for");
    assert!(text.contains("… 136 more lines not shown\n"), "{text}");
}

#[test]
fn a_closed_standard_error_ends_nothing() {
    for display in DISPLAYS {
        let progress = Progress::with(setup(display, Closed));
        tell_all(&progress);
        assert!(progress.finish(), "{display:?}: the thread has ended by itself");
    }
}

#[test]
fn a_defect_of_the_display_does_not_hold_the_run_up() {
    let progress = Progress::with(setup(Display::Lines, Defect));
    tell_all(&progress);
    let asked = Instant::now();
    progress.finish();
    assert!(asked.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_command_that_ends_early_shows_what_was_said() {
    let screen = Screenful::default();
    let progress = Progress::with(setup(Display::Bar, screen.clone()));
    progress.say("last words");
    drop(progress);
    assert_eq!(screen.text(), "last words\n");
}
