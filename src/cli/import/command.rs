//! The command.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;
use nightreel::interchange::ImportFormat;

use super::super::context::{complain, print};
use super::super::credential_text::without_credentials;
use super::super::exit::{Exit, Failure};
use super::look::secrets_left;
use super::recordings::Recordings;
use super::report::{FileReport, Report};
use super::sessions::{SessionName, Sessions};
use super::struck::Striker;
use super::target::Target;

/// What `--help` says behind the flags.
const HELP: &str = "\
The formats: vcr (Ruby's VCR), vcrpy, go-vcr, httpmock, har, openai-batch, exchanges (nightreel's JSON \
lines); by default a file's content says which it is. A request is taken where its URL ends in a call that \
nightreel knows, whatever host and path stand before: chat/completions, completions, embeddings, responses, \
messages, and GET models. Its body is kept, its headers are not: they may hold credentials. Of the response \
the status, the body byte for byte and the headers that a run keeps are taken. Everything else is left out, \
and told of.

Values of environment variables whose names end in KEY, TOKEN, SECRET or PASSWORD are struck from bodies, \
and so are the credentials that the recorded requests were sent with. From how many bodies is told.

Nothing is written where a file cannot be read, or where nothing can be taken.";

/// Takes other tools' recordings.
#[derive(Debug, Args)]
#[command(after_long_help = HELP)]
pub(crate) struct ImportArgs {
    /// The files of recordings; `-` is standard input.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// A file of an OpenAI batch's results or errors; FILE is its requests then.
    #[arg(long, short, value_name = "FILE")]
    output: Vec<PathBuf>,

    /// The format of every file; by default what its content shows.
    #[arg(long, value_name = "FORMAT")]
    format: Option<ImportFormat>,

    /// The store that they become a run of [default: `NIGHTREEL_STORE`, else nightreel.db].
    #[arg(long, value_name = "FILE", conflicts_with = "fixture")]
    store: Option<PathBuf>,

    /// The fixture that they are merged into, a file or a directory of texts: the same request's same
    /// occurrence is replaced.
    #[arg(long, value_name = "PATH")]
    fixture: Option<PathBuf>,

    /// The session that they are kept in; `file` is each file's name without its extension.
    #[arg(long, value_name = "NAME|file")]
    session: Option<SessionName>,

    /// The job that the run in the store is of.
    #[arg(long, value_name = "NAME", default_value = "import", conflicts_with = "fixture")]
    job: String,

    /// Prints what was taken and left out as one JSON object.
    #[arg(long)]
    json: bool,
}

/// Imports recordings.
pub(crate) fn import(args: &ImportArgs) -> Result<Exit, Failure> {
    let target = Target::of(args.store.as_deref(), args.fixture.as_deref(), &args.job);
    let striker = Striker::from_environment()?;
    let (mut report, mut exchanges) = (Report::default(), Vec::new());
    let mut sessions = Sessions::new(args.session.clone());
    // Every file is read before anything is written.
    let recordings = Recordings { files: &args.files, outputs: &args.output, format: args.format }.read()?;
    for (file, mut imported) in recordings {
        let struck = striker.strike(&mut imported)?;
        if let Some(warning) = struck.warning(&file) {
            complain(&warning);
        }
        if let Some(session) = sessions.shared(&file) {
            let file = file.display();
            complain(&format!("note: {file} shares the session {session:?} with a file before it: its answers follow"));
        }
        let placed = sessions.place(&file, &mut imported.exchanges);
        placed.map_err(|error| Failure::usage(anyhow!("{}: {error}", file.display())))?;
        report.add(FileReport::new(&file, &imported, struck));
        exchanges.extend(imported.exchanges);
    }
    let is_empty = exchanges.is_empty();
    let secrets = secrets_left(&exchanges, &target.path().display().to_string());
    if !is_empty {
        report.written(target.write(exchanges)?);
    }
    let text = if args.json { report.json() } else { report.text() };
    print(&without_credentials(&text)).map_err(Failure::store)?;
    if let Some(note) = secrets {
        complain(&note);
    }
    if is_empty {
        complain("nightreel: nothing was taken, and nothing is written");
        return Ok(Exit::Usage);
    }
    Ok(Exit::Success)
}
