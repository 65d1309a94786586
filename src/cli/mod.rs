//! The command line: one file a command.

mod ci;
mod command_line;
mod completions;
mod context;
mod count;
mod credential_text;
mod ctl;
mod estimate;
mod exchange_file;
mod exit;
mod export;
mod export_format;
mod fixture;
mod fixture_store;
mod gateway;
mod given_flags;
mod import;
mod job_args;
mod listen;
mod local_time;
mod man;
mod money;
mod page;
mod plan;
mod progress;
mod replay;
mod replay_summary;
mod results;
mod run;
mod run_args;
mod run_command;
mod run_facts;
mod run_name;
mod run_state;
mod runs;
mod serve;
mod shell_word;
mod show;
mod signals;
mod simulate;
mod store_args;
mod store_words;
mod summary;
mod table;
mod terminal_text;
mod validate;
mod way_on;

use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use credential_text::without_credentials;
use exit::{Exit, Failure};
use given_flags::GivenFlags;

/// Batches of prompts through an LLM gateway, kept in one SQLite file, replayed offline.
#[derive(Debug, Parser)]
#[command(name = "nightreel", version, propagate_version = true, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs a job: asks what is not recorded, records it, and goes on where it stopped.
    Run(Box<run_args::RunArgs>),
    /// Answers a job from recordings alone: no network, no credentials.
    Replay(Box<replay::ReplayArgs>),
    /// Checks a job and every row of its input; nothing is sent.
    Validate(validate::ValidateArgs),
    /// Says how many requests, tokens and dollars a job would take; nothing is sent.
    Estimate(Box<estimate::EstimateArgs>),
    /// Controls a run that goes on: shows how it stands, pauses it, changes its limits.
    Ctl(ctl::CtlArgs),
    /// Serves recordings to any client, records the rest, and runs a command against it.
    Serve(Box<serve::ServeArgs>),
    /// Serves the simulated gateway.
    Simulate(Box<simulate::SimulateArgs>),
    /// Lists the runs of a store.
    Runs(runs::RunsArgs),
    /// Shows a run, or an item with its attempts and bodies.
    Show(show::ShowArgs),
    /// Writes the results of a run.
    Export(export::ExportArgs),
    /// Takes other tools' recordings: cassettes, HAR, batches.
    Import(import::ImportArgs),
    /// Makes, reads, checks and cleans fixtures.
    Fixture(fixture::FixtureArgs),
    /// Prints a shell's completions.
    Completions(completions::CompletionsArgs),
    /// Writes the man pages into a directory.
    Man(man::ManArgs),
}

impl Command {
    /// The store that the command is about, where that is one alone.
    fn store(&self) -> Option<&Path> {
        match self {
            Self::Run(args) => Some(&args.store.store),
            Self::Replay(args) => Some(&args.store.store),
            Self::Runs(args) => Some(args.store()),
            Self::Show(args) => Some(args.store()),
            Self::Export(args) => Some(args.store()),
            _ => None,
        }
    }
}

/// Runs the command that the arguments name.
pub(crate) fn main() -> ExitCode {
    if let Some(exit) = serve::become_command() {
        return exit;
    }
    signals::outlive_size_limit();
    let mut command = Cli::command();
    let matches = command.try_get_matches_from_mut(std::env::args_os());
    let parsed = matches.and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, matches)));
    let (cli, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => return misused(&error.format(&mut command)),
    };
    let flags = GivenFlags::of(&command, &matches);
    let ended = match &cli.command {
        Command::Run(args) => run::run(args, &flags),
        Command::Replay(args) => replay::replay_command(args, &flags),
        Command::Validate(args) => validate::validate(args),
        Command::Estimate(args) => estimate::estimate(args),
        Command::Ctl(args) => ctl::ctl(args),
        Command::Serve(args) => match serve::serve(args) {
            // A command that it ran may have ended with any code.
            Ok(exit) => return exit,
            Err(failure) => Err(failure),
        },
        Command::Simulate(args) => simulate::simulate(args),
        Command::Runs(args) => runs::runs(args),
        Command::Show(args) => show::show(args),
        Command::Export(args) => export::export(args),
        Command::Import(args) => import::import(args),
        Command::Fixture(args) => fixture::fixture(args),
        Command::Completions(args) => completions::completions(args),
        Command::Man(args) => man::man(args),
    };
    let ended = ended.map_err(|failure| match cli.command.store() {
        Some(store) => failure.in_store(store),
        None => failure,
    });
    ended.unwrap_or_else(|failure| explain(&failure)).into()
}

/// Says what is wrong with the arguments, or what `--help` and `--version` ask for.
fn misused(error: &clap::Error) -> ExitCode {
    let text = error.render().to_string();
    if without_credentials(&text) == text {
        error.exit();
    }
    context::complain(text.trim_end());
    ExitCode::from(Exit::Usage)
}

/// Says what went wrong. Some errors tell their cause in their own text, others leave it to their
/// source: what was said already is not said again.
fn explain(failure: &Failure) -> Exit {
    let mut text = failure.error.to_string();
    for cause in failure.error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    context::complain(&format!("nightreel: {text}"));
    failure.exit
}
