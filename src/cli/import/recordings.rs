//! The files of recordings that a command names.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use nightreel::interchange::{self, ImportFormat, Imported, Source};

use super::super::exit::Failure;

/// Stands for standard input.
const STDIN: &str = "-";

/// The files that a command names: those of recordings, and those of a batch's results.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recordings<'a> {
    pub(super) files: &'a [PathBuf],
    pub(super) outputs: &'a [PathBuf],
    pub(super) format: Option<ImportFormat>,
}

impl Recordings<'_> {
    /// Reads all of them, each with the name that it goes by.
    pub(super) fn read(self) -> Result<Vec<(PathBuf, Imported)>, Failure> {
        let named = self.files.iter().chain(self.outputs).filter(|file| file.as_os_str() == STDIN).count();
        if named > 1 {
            return Err(Failure::usage(anyhow!(
                "standard input (`{STDIN}`) can be read once, and is named {named} times"
            )));
        }
        self.files.iter().map(|file| Ok((name(file), self.one(file)?))).collect()
    }

    fn one(self, file: &Path) -> Result<Imported, Failure> {
        if self.outputs.is_empty() {
            return interchange::read(open(file)?, self.format).map_err(Failure::usage);
        }
        match (self.files.len(), self.format) {
            (1, None | Some(ImportFormat::OpenaiBatch)) => {
                let outputs = self.outputs.iter().map(|output| open(output)).collect::<Result<_, _>>()?;
                interchange::read_batch(open(file)?, outputs).map_err(Failure::usage)
            }
            (1, Some(format)) => Err(Failure::usage(anyhow!("--output is for openai-batch, and not for {format}"))),
            _ => Err(Failure::usage(anyhow!("--output goes with one FILE, the requests of the batch"))),
        }
    }
}

/// What a file is called.
fn name(file: &Path) -> PathBuf {
    if file.as_os_str() == STDIN { "stdin".into() } else { file.to_owned() }
}

fn open(file: &Path) -> Result<Source, Failure> {
    if file.as_os_str() != STDIN {
        return Source::open(file).map_err(Failure::usage);
    }
    let mut bytes = Vec::new();
    let read = io::stdin().lock().read_to_end(&mut bytes);
    read.map_err(|error| Failure::usage(anyhow!("cannot read standard input: {error}")))?;
    Ok(Source::of_bytes(name(file), bytes))
}
