//! Asks a run.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::time::Duration;

use nightreel::engine::{ControlReply, ControlRequest};
use tokio::net::UnixStream;
use tokio::time::{Instant, sleep, timeout};

use super::peer::{is_process, own_user, serves};
use super::place::{PlaceError, check, directories, session_directory, socket_in, socket_name};
use super::target::Target;
use super::wire::{self, LONGEST_REPLY, WireError};

/// How long a run that has just begun is waited for until it listens.
const BEGINNING: Duration = Duration::from_secs(2);
/// How often it is looked for.
const EVERY: Duration = Duration::from_millis(20);
/// How long a run may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a run that goes on does not answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClientError {
    /// It has ended meanwhile.
    #[error("process {0}, which ran it, has just ended")]
    Ended(u32),
    /// It is somebody else's.
    #[error(
        "process {process}, which runs it, belongs to another user (uid {owner}); that user or root may control it"
    )]
    OtherUser { process: u32, owner: u32 },
    /// It does not listen anywhere.
    #[error(
        "process {process}, which runs it, does not listen{}; it may be ending, or it said at its start why not",
        reasons(problems)
    )]
    NotListening { process: u32, problems: Vec<PlaceError> },
    /// It listens, and the connection failed.
    #[error("cannot speak to process {process}, which runs it: {source}")]
    Connection { process: u32, source: io::Error },
    /// It was not understood.
    #[error("process {process}, which runs it, does not answer as it should: {source}")]
    Wire { process: u32, source: WireError },
    /// It says nothing.
    #[error("process {0}, which runs it, does not answer; is it stopped or suspended?")]
    Silent(u32),
}

fn reasons(problems: &[PlaceError]) -> String {
    let reasons: Vec<String> = problems.iter().map(ToString::to_string).collect();
    if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join("; ")) }
}

/// What a run answers. `runtime` is what `XDG_RUNTIME_DIR` says.
///
/// # Errors
/// Fails if it is another user's, or does not answer.
pub(super) async fn ask(
    target: &Target,
    request: ControlRequest,
    runtime: Option<OsString>,
) -> Result<ControlReply, ClientError> {
    let process = target.holder.pid;
    let owner = owner_of(process)?;
    if !serves(owner, own_user()) {
        return Err(ClientError::OtherUser { process, owner });
    }
    let begun = Instant::now();
    let mut stream = loop {
        match connect(target, owner, runtime.clone()).await? {
            Ok(stream) => break stream,
            Err(_) if begun.elapsed() < BEGINNING => sleep(EVERY).await,
            Err(problems) => return Err(ClientError::NotListening { process, problems }),
        }
        owner_of(process)?;
    };
    let conversation = async {
        wire::write(&mut stream, request).await?;
        wire::read(&mut stream, LONGEST_REPLY).await
    };
    match timeout(PATIENCE, conversation).await {
        Ok(answered) => answered.map_err(|source| ClientError::Wire { process, source }),
        Err(_) => Err(ClientError::Silent(process)),
    }
}

/// The user of a process.
fn owner_of(process: u32) -> Result<u32, ClientError> {
    let metadata = fs::metadata(format!("/proc/{process}")).map_err(|_| ClientError::Ended(process))?;
    Ok(metadata.uid())
}

/// A connection to the run, or why there is none yet.
async fn connect(
    target: &Target,
    owner: u32,
    runtime: Option<OsString>,
) -> Result<Result<UnixStream, Vec<PlaceError>>, ClientError> {
    let process = target.holder.pid;
    let failed = |source| ClientError::Connection { process, source };
    let name = socket_name(process, &target.job, target.simulated);
    let mut problems = Vec::new();
    for directory in places(runtime, owner) {
        if !directory.exists() {
            continue;
        }
        let path = match check(&directory, owner).and_then(|()| socket_in(&directory, &name)) {
            Ok(path) => path,
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        match timeout(PATIENCE, UnixStream::connect(&path)).await {
            Ok(Ok(stream)) if is_process(&stream, owner, process).map_err(failed)? => return Ok(Ok(stream)),
            // Somebody else's, or left behind, or not there yet.
            Ok(Ok(_)) => {}
            Ok(Err(error)) if is_absent(&error) => {}
            Ok(Err(error)) => return Err(failed(error)),
            Err(_) => return Err(ClientError::Silent(process)),
        }
    }
    Ok(Err(problems))
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

/// Where the run may listen: it may have begun in another session of its user.
fn places(runtime: Option<OsString>, owner: u32) -> Vec<PathBuf> {
    let mut places = directories(runtime, owner);
    places.push(session_directory(owner));
    places
}
