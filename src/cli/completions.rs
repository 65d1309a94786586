//! `completions`: what a shell needs to complete nightreel's commands and flags.

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use super::Cli;
use super::context::print;
use super::exit::{Exit, Failure};

/// What `--help` says behind the flags.
const HELP: &str = "To install them:
  bash  nightreel completions bash > ~/.local/share/bash-completion/completions/nightreel
  zsh   nightreel completions zsh > _nightreel    (in a directory of $fpath)
  fish  nightreel completions fish > ~/.config/fish/completions/nightreel.fish";

/// Prints a shell's completions.
#[derive(Debug, Args)]
#[command(after_long_help = HELP)]
pub(crate) struct CompletionsArgs {
    /// The shell.
    shell: Shell,
}

/// Prints the completions.
pub(crate) fn completions(args: &CompletionsArgs) -> Result<Exit, Failure> {
    print(&script(args.shell)).map_err(Failure::store)?;
    Ok(Exit::Success)
}

fn script(shell: Shell) -> String {
    let mut script = Vec::new();
    generate(shell, &mut Cli::command(), "nightreel", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn every_shell_is_told_of_every_command() {
        for shell in Shell::value_variants() {
            let script = script(*shell);
            for command in Cli::command().get_subcommands() {
                assert!(script.contains(command.get_name()), "{shell}: {}", command.get_name());
            }
        }
    }
}
