//! `man`: nightreel's manual pages.

use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::Context;
use clap::{Args, CommandFactory};
use clap_mangen::Man;

use super::Cli;
use super::context::complain;
use super::exit::{Exit, Failure};

/// What `--help` says behind the flags.
const HELP: &str = "There is nightreel.1, and a page for each command.
To read one:      man -l DIR/nightreel-run.1
To install them:  nightreel man ~/.local/share/man/man1";

/// Writes the man pages into a directory.
#[derive(Debug, Args)]
#[command(after_long_help = HELP)]
pub(crate) struct ManArgs {
    /// The directory; it is made where there is none.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

/// Writes the pages.
pub(crate) fn man(args: &ManArgs) -> Result<Exit, Failure> {
    let directory = args.directory.display();
    fs::create_dir_all(&args.directory)
        .with_context(|| format!("cannot make the directory {directory}"))
        .map_err(Failure::usage)?;
    write_pages(&args.directory)
        .with_context(|| format!("cannot write the man pages to {directory}"))
        .map_err(Failure::store)?;
    complain(&format!("wrote nightreel.1 and a page for each command to {directory}"));
    Ok(Exit::Success)
}

fn write_pages(directory: &Path) -> io::Result<()> {
    let mut nightreel = Cli::command().disable_help_subcommand(true);
    nightreel.build();
    for command in std::iter::once(&nightreel).chain(nightreel.get_subcommands()) {
        let source = format!("nightreel {}", env!("CARGO_PKG_VERSION"));
        Man::new(command.clone()).source(source).manual("nightreel's manual").generate_to(directory)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_page_for_each_command() {
        let directory = tempfile::tempdir().unwrap();
        let pages = directory.path().join("man1");
        man(&ManArgs { directory: pages.clone() }).unwrap();
        let page = fs::read_to_string(pages.join("nightreel.1")).unwrap();
        for command in Cli::command().get_subcommands() {
            let name = command.get_name();
            assert!(page.contains(&format!("nightreel\\-{name}")), "{name}");
            assert!(pages.join(format!("nightreel-{name}.1")).is_file(), "{name}");
        }
    }
}
