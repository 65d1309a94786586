//! Writing a fixture: the same exchanges are the same file, byte for byte.

use std::fs::{self, File, Permissions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags};

use crate::model::{Exchange, Key};

use super::connect::create_schema;
use super::inserter::Inserter;
use super::keep::write_run;
use super::{NewRun, StoreError, log};

/// The job that the runs of a fixture are of.
pub const FIXTURE_JOB: &str = "fixture";
/// Where the header of a `SQLite` file tells which version of the library wrote it last.
const LIBRARY_VERSION: SeekFrom = SeekFrom::Start(96);
/// Who may read a new fixture, as far as the process lets them: it is made to be handed on.
const MODE: u32 = 0o644;
/// How the name of a file begins that is about to become a fixture.
const PREFIX: &str = ".nightreel";
/// How many links may lead to a fixture, one to the next.
const LINKS: usize = 40;

/// Writes a fixture: a store that holds some exchanges and nothing else, in place of what was there.
///
/// The same exchanges, in whatever order they come, make the same bytes: they are sorted, bodies
/// are not compressed (a repository does so itself, and sees what two versions share), and neither
/// the time of writing nor a version of any software stands in the file. Of two with the same
/// session, key and occurrence the later one counts. Simulated answers are a run of their own.
///
/// # Errors
/// Fails if the file cannot be written; what was there then stays as it was. A link is followed; what
/// is read-only or no file is not replaced. What takes a file's place has its rights.
pub fn write_fixture(path: &Path, exchanges: impl IntoIterator<Item = Exchange>) -> Result<(), StoreError> {
    let failed = |source| StoreError::Open { path: path.to_owned(), source };
    let path = &destination(path).map_err(failed)?;
    let directory = directory_of(path);
    let rights = rights_of(path).map_err(failed)?;
    let mut builder = tempfile::Builder::new();
    // The system takes from these what the process gives to nobody; those of a file that is replaced
    // are given when the new one is whole.
    builder.prefix(PREFIX).permissions(Permissions::from_mode(if rights.is_some() { 0o600 } else { MODE }));
    let file = builder.tempfile_in(directory).map_err(failed)?;
    fill(file.path(), sorted(exchanges))?;
    make_way(path)?;
    let written = file.as_file();
    rights.map_or(Ok(()), |rights| written.set_permissions(rights)).map_err(failed)?;
    forget_version(written).and_then(|()| written.sync_all()).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed)
}

/// Makes sure that nobody has a fixture open to record into it, which would keep it from being replaced.
///
/// # Errors
/// Fails if somebody has, or if what a process has left beside it that was killed cannot be brought in.
pub fn check_unused(path: &Path) -> Result<(), StoreError> {
    make_way(&destination(path).map_err(|source| StoreError::Open { path: path.to_owned(), source })?)
}

/// Makes sure that a fixture can be written, before what it is to hold is paid for.
///
/// # Errors
/// Fails if it is no regular file or read-only, and if nothing can be written beside it.
pub fn check_writable(path: &Path) -> Result<(), StoreError> {
    let file = destination(path).and_then(|path| {
        // It is gone as soon as it has been made.
        tempfile::Builder::new().prefix(PREFIX).tempfile_in(directory_of(&path))
    });
    file.map(drop).map_err(|source| StoreError::Open { path: path.to_owned(), source })
}

/// The directory that a file lies in.
fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The rights of a file that is there.
fn rights_of(path: &Path) -> io::Result<Option<Permissions>> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(Permissions::from_mode(metadata.permissions().mode() & 0o777))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Leaves no log beside what is replaced: it would be taken for the log of what takes its place.
fn make_way(path: &Path) -> Result<(), StoreError> {
    if log::lies_beside(path) && path.exists() {
        log::fold(path)?;
    }
    if log::lies_beside(path) { Err(StoreError::InUse { path: path.to_owned() }) } else { Ok(()) }
}

/// The file that a path leads to, where it may be replaced.
fn destination(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_symlink() => {
                let target = fs::read_link(&path)?;
                path = path.parent().unwrap_or(Path::new("")).join(target);
            }
            Ok(metadata) if !metadata.is_file() => return Err(io::Error::other("it is no regular file")),
            Ok(metadata) if metadata.permissions().readonly() => {
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is read-only"));
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => return Ok(path),
        }
    }
    Err(io::Error::other("its links lead to nothing"))
}

/// What the exchanges of a fixture are sorted by.
fn order(exchange: &Exchange) -> (Option<Arc<str>>, &'static str, Key, u32) {
    let request = &exchange.request;
    (exchange.session.clone(), request.endpoint.path(), request.key, exchange.occurrence)
}

fn sorted(exchanges: impl IntoIterator<Item = Exchange>) -> Vec<Exchange> {
    let mut sorted: Vec<Exchange> = exchanges.into_iter().collect();
    // Stable, and then from behind: the last one of equals is the one that stays.
    sorted.reverse();
    sorted.sort_by_cached_key(order);
    sorted.dedup_by_key(|exchange| order(exchange));
    sorted
}

fn fill(path: &Path, exchanges: Vec<Exchange>) -> Result<(), StoreError> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update(None, "page_size", 4096)?;
    // Nobody else sees the file before it is whole: nothing has to be taken back.
    connection.pragma_update(None, "journal_mode", "OFF")?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    create_schema(&connection)?;
    let mut inserter = Inserter::plain(connection);
    inserter.begin()?;
    let (simulated, real): (Vec<_>, Vec<_>) = exchanges.into_iter().partition(Exchange::is_simulated);
    let written = write_family(&mut inserter, false, real).and_then(|()| write_family(&mut inserter, true, simulated));
    inserter.end(written)?;
    inserter.into_connection().close().map_err(|(_, error)| error.into())
}

fn write_family(inserter: &mut Inserter, simulated: bool, exchanges: Vec<Exchange>) -> Result<(), StoreError> {
    let Some(started_at_ms) = exchanges.iter().map(|exchange| exchange.attempt.sent_at_ms).min() else { return Ok(()) };
    let run = NewRun { simulated, ..NewRun::of_exchanges(FIXTURE_JOB, started_at_ms) };
    let id = write_run(inserter, &run, exchanges)?;
    // A fixture made by the next version of nightreel is the same file.
    inserter.connection().execute("UPDATE run SET version = '' WHERE id = ?1", [id.0])?;
    Ok(())
}

/// The version of the `SQLite` library in the header is there to be looked at; nothing reads it.
fn forget_version(mut file: &File) -> io::Result<()> {
    file.seek(LIBRARY_VERSION)?;
    file.write_all(&[0; 4])
}
