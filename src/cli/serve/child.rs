//! The command that `serve` runs, and the signals that are meant for it.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use signal_hook::consts::{SIGHUP, SIGINT};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::low_level::siginfo::Origin as SignalOrigin;

use super::super::exit::Exit;
use super::super::signals::{Ignored, Origin, SignalCounter};
use super::program::Program;
use super::reaction::{Reaction, reaction};
use super::stage::staged;

/// A command that runs.
pub(super) struct RunningCommand {
    child: Child,
    target: Arc<Target>,
}

/// Where signals go.
#[derive(Debug, Default)]
struct Target(Mutex<Stage>);

/// How far the command is.
#[derive(Debug, Clone, Copy)]
enum Stage {
    /// It is not started; a signal that came already waits for it.
    Awaited(Option<Signal>),
    /// It runs.
    Running(Pid),
    /// It has ended, and its number may be another's.
    Gone,
}

impl Default for Stage {
    fn default() -> Self {
        Self::Awaited(None)
    }
}

/// The signals that end a process, taken over so that the server outlives its command.
pub(super) struct TakenSignals {
    target: Arc<Target>,
}

impl TakenSignals {
    /// Takes the signals over, before there is anything to send them to. What whoever started the
    /// server has it ignore stays ignored, by the server and by its command.
    pub(super) fn take() -> io::Result<Self> {
        let target = Arc::new(Target::default());
        let mut signals = SignalsInfo::<WithOrigin>::new(Ignored::now().for_command())?;
        let receiver = Arc::clone(&target);
        let wait = move || {
            let mut counter = SignalCounter::default();
            for signal in signals.forever() {
                receiver.react(&signal, counter.count(Instant::now()));
            }
        };
        std::thread::Builder::new().name("signals".to_owned()).spawn(wait)?;
        Ok(Self { target })
    }

    /// Starts a program with more variables, on standard input, output and error of this process.
    /// The thread that calls must live as long as the command may: the system ends the command
    /// with it.
    pub(super) fn start(self, program: &Program, variables: &[(&str, String)]) -> io::Result<RunningCommand> {
        let child = staged(program).envs(variables.iter().map(|(name, value)| (name, value))).spawn()?;
        self.target.set(Pid::from_child(&child));
        Ok(RunningCommand { child, target: self.target })
    }
}

impl RunningCommand {
    /// Waits until the command ends. The code is its own, or as shells have it where a signal ended it.
    pub(super) fn wait(mut self) -> io::Result<u8> {
        let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while let Err(error) = waitid(WaitId::Pid(Pid::from_child(&self.child)), ended) {
            if error != Errno::INTR {
                return Err(error.into());
            }
        }
        // It is still there, though it has ended: from here on nothing is sent to its number.
        self.target.clear();
        Ok(code_of(self.child.wait()?))
    }
}

impl Target {
    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, pid: Pid) {
        let before = std::mem::replace(&mut *self.stage(), Stage::Running(pid));
        if let Stage::Awaited(Some(signal)) = before {
            self.send(signal);
        }
    }

    fn clear(&self) {
        *self.stage() = Stage::Gone;
    }

    fn send(&self, signal: Signal) {
        match &mut *self.stage() {
            Stage::Awaited(waiting) => *waiting = Some(signal),
            // It may have ended by itself just now.
            Stage::Running(pid) => drop(kill_process(*pid, signal)),
            Stage::Gone => {}
        }
    }

    /// Leaves a signal to the command that the terminal has sent it too, where it was there to get it.
    fn leave(&self, signal: Signal) {
        if let Stage::Awaited(waiting) = &mut *self.stage() {
            *waiting = Some(signal);
        }
    }

    fn react(&self, signal: &SignalOrigin, number: Option<u32>) {
        match reaction(number, Origin::of(signal)) {
            Reaction::PassOn => self.send(named(signal.signal)),
            Reaction::Wait => self.leave(named(signal.signal)),
            Reaction::Kill => self.send(Signal::KILL),
            Reaction::End => {
                self.send(Signal::KILL);
                std::process::exit(Exit::Stopped as i32)
            }
        }
    }
}

/// One of the signals that are taken over.
fn named(signal: i32) -> Signal {
    match signal {
        SIGINT => Signal::INT,
        SIGHUP => Signal::HUP,
        _ => Signal::TERM,
    }
}

/// The exit code that shells give for how a process ended.
fn code_of(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_as_shells_give_it() {
        for (raw, expected) in [(0, 0), (3 << 8, 3), (255 << 8, 255), (2, 130), (9, 137), (15, 143), (128 + 11, 139)] {
            assert_eq!(code_of(ExitStatus::from_raw(raw)), expected, "{raw:#x}");
        }
    }
}
