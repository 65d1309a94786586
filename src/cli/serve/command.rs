//! `nightreel serve`.

use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use tokio::runtime::Builder;

use super::super::context::{complain, env};
use super::super::exit::{Exit, Failure};
use super::args::ServeArgs;
use super::mode::ChosenMode;
use super::report_text::report_text;
use super::session::{Served, Session, cannot_report};
use super::settings::settings;
use super::verdict::{asked_nothing, exit_code};

/// Serves recordings until it is told to end, or until the command has ended that it runs.
pub(crate) fn serve(args: &ServeArgs) -> Result<ExitCode, Failure> {
    if args.lacks_command(std::env::args_os()) {
        return Err(Failure::usage(anyhow!(
            "there is no command behind --; name one, or leave -- out for a server of its own"
        )));
    }
    let program = args.program();
    if let Some(program) = &program
        && let Err(problem) = program.check(std::env::var_os("PATH").as_deref())
    {
        complain(&format!("nightreel: {problem}"));
        return Ok(problem.exit_code().into());
    }
    let job = settings(args, &env)?;
    let mode = ChosenMode::choose(args.mode, env("CI").as_deref(), job.record.mode);
    let session = Session::prepare(args, &job, mode)?;
    // A replay is so little work that handing it to another thread would cost more than doing it.
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot start the server").map_err(Failure::usage)?;
    let served = match &program {
        Some(program) => session.run_command(&runtime, program),
        None => session.run_alone(&runtime),
    };
    // What still waits for an upstream's answer is not worth waiting for.
    runtime.shutdown_background();
    conclude(&session, served?)
}

/// Says what came of it, and gives the exit code.
fn conclude(session: &Session<'_>, served: Served) -> Result<ExitCode, Failure> {
    let report = session.playback.report();
    let closed = session.close();
    let report = report?;
    let gates = session.args.report.gates();
    let exit = gates.exit(&report);
    let is_to_be_known = report.unanswered() > 0 || report.cut > 0 || report.account_failures > 0;
    if !session.args.quiet || is_to_be_known || exit != Exit::Success {
        complain(&format!("nightreel serve: {}", report_text(&report).trim_end()));
    }
    if let Some(warning) = asked_nothing(served.command, &report) {
        complain(&format!("nightreel serve: warning: {warning}"));
    }
    let written = session
        .report
        .as_ref()
        .map_or(Ok(()), |file| file.write(&report, gates).map_err(|error| cannot_report(file, &error)));
    let kept = served.problem.map_or(Ok(()), |problem| Err(Failure::store(problem)));
    for failure in [kept, written, closed].into_iter().filter_map(Result::err) {
        if matches!(served.command, None | Some(0)) {
            return Err(failure);
        }
        // The command's own failure goes before.
        complain(&format!("nightreel: {:#}", failure.error));
    }
    Ok(exit_code(served.command, exit))
}
