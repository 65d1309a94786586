//! The stage between `serve` and the command that it runs: nightreel itself, which has the system
//! end the command where the server is killed, and then becomes the command.
//!
//! That a process dies with its parent can only be asked for by the process itself, and code that
//! runs between `fork` and `exec` cannot be written safely. A process that is started anew and
//! replaces itself can.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use super::program::Program;

/// How the stage is called: the name that it has as its first argument.
const NAME: &str = "nightreel: about to run a command";
/// The program that this process runs.
const MYSELF: &str = "/proc/self/exe";

/// What starts a program so that it ends where this process is killed, on a system that can do so;
/// elsewhere it starts the program as it is.
///
/// The system watches the thread that starts it, not the process: that must be one that lives on.
pub(super) fn staged(program: &Program) -> Command {
    if !cfg!(target_os = "linux") || !std::path::Path::new(MYSELF).exists() {
        let mut command = Command::new(&program.name);
        command.args(&program.args);
        return command;
    }
    let mut command = Command::new(MYSELF);
    std::os::unix::process::CommandExt::arg0(&mut command, NAME);
    command.arg(std::process::id().to_string()).arg(&program.name).args(&program.args);
    command
}

/// Becomes the command where this process was started as the stage; else returns at once. The exit
/// code is one of a command that cannot be run.
pub(crate) fn become_command() -> Option<ExitCode> {
    let mut words = std::env::args_os();
    if words.next()? != NAME {
        return None;
    }
    let parent = words.next()?;
    let words: Vec<OsString> = words.collect();
    Some(replaced_by(&Program::of_words(&words)?, &parent))
}

#[cfg(target_os = "linux")]
fn replaced_by(program: &Program, parent: &std::ffi::OsStr) -> ExitCode {
    use std::os::unix::process::CommandExt as _;

    use rustix::process::{Signal, getppid, set_parent_process_death_signal};

    use super::super::context::complain;
    use super::program::NotRunnable;

    // Without it the command only lives on where the server is killed.
    let _best_effort = set_parent_process_death_signal(Some(Signal::TERM));
    let is_orphan = getppid().is_none_or(|pid| parent != pid.as_raw_nonzero().to_string().as_str());
    if is_orphan {
        return ExitCode::from(143);
    }
    let error = Command::new(&program.name).args(&program.args).exec();
    let problem = NotRunnable::of(&error, &program.name);
    let name = program.name.display();
    complain(&problem.as_ref().map_or_else(
        || format!("nightreel: {name} cannot be run: {error}"),
        |problem| format!("nightreel: {problem}"),
    ));
    ExitCode::from(problem.map_or(126, |problem| problem.exit_code()))
}

#[cfg(not(target_os = "linux"))]
fn replaced_by(_program: &Program, _parent: &std::ffi::OsStr) -> ExitCode {
    ExitCode::from(126)
}
