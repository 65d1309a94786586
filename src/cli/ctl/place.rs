//! Where runs listen: a directory of the user's own, with a socket for each run.

use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::super::run_facts::hexadecimal;

/// The longest path that a socket can have, in bytes: the system's field has one more, for a zero.
const LONGEST: usize = 107;
/// How many bytes of a job's hash stand in a name.
const HASH: usize = 8;

/// Why no socket can be in a directory.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlaceError {
    /// It belongs to somebody else.
    #[error("{} belongs to another user", path.display())]
    NotOurs { path: PathBuf },
    /// Others may enter it.
    #[error("others may enter {}; chmod 700 mends that", path.display())]
    Open { path: PathBuf },
    /// It is something else, such as a link.
    #[error("{} is not a directory", path.display())]
    NotADirectory { path: PathBuf },
    /// The system has no room for the name.
    #[error("{} is too long a path for a socket", path.display())]
    TooLong { path: PathBuf },
    /// It cannot be made or looked at.
    #[error("{} cannot be used: {source}", path.display())]
    Unusable { path: PathBuf, source: io::Error },
}

/// The directories that a run of a user listens in, the best one first. `runtime` is what
/// `XDG_RUNTIME_DIR` says.
pub(super) fn directories(runtime: Option<OsString>, user: u32) -> Vec<PathBuf> {
    let runtime = runtime.map(PathBuf::from).filter(|path| path.is_absolute()).map(|path| path.join("nightreel"));
    runtime.into_iter().chain([PathBuf::from(format!("/tmp/nightreel-{user}"))]).collect()
}

/// The directory that a user's session has, which another session may not know of.
pub(super) fn session_directory(user: u32) -> PathBuf {
    PathBuf::from(format!("/run/user/{user}/nightreel"))
}

/// The name of a run's socket: by its process, which has one run, and its job.
pub(super) fn socket_name(process: u32, job: &str, simulated: bool) -> String {
    let mut hash = Sha256::new();
    hash.update([u8::from(simulated)]);
    hash.update(job);
    format!("{process}-{}.sock", hexadecimal(&hash.finalize()[..HASH]))
}

/// The path of a socket in a directory.
///
/// # Errors
/// Fails if the system has no room for it.
pub(super) fn socket_in(directory: &Path, name: &str) -> Result<PathBuf, PlaceError> {
    let path = directory.join(name);
    if path.as_os_str().as_bytes().len() > LONGEST { Err(PlaceError::TooLong { path }) } else { Ok(path) }
}

/// Makes sure that a directory is there, and a user's own.
///
/// # Errors
/// Fails if it cannot be made, or if anybody else may enter it.
pub(super) fn make(directory: &Path, user: u32) -> Result<(), PlaceError> {
    match DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(unusable(directory, error)),
        _ => check(directory, user),
    }
}

/// Whether a directory is a user's own, and nobody else may enter it.
///
/// # Errors
/// Fails if it is not.
pub(super) fn check(directory: &Path, user: u32) -> Result<(), PlaceError> {
    // What a link points to may be anybody's.
    let metadata = fs::symlink_metadata(directory).map_err(|error| unusable(directory, error))?;
    let path = || directory.to_owned();
    match () {
        () if !metadata.is_dir() => Err(PlaceError::NotADirectory { path: path() }),
        () if metadata.uid() != user => Err(PlaceError::NotOurs { path: path() }),
        () if metadata.mode() & 0o077 != 0 => Err(PlaceError::Open { path: path() }),
        () => Ok(()),
    }
}

fn unusable(directory: &Path, source: io::Error) -> PlaceError {
    PlaceError::Unusable { path: directory.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::super::peer::own_user;
    use super::*;

    #[test]
    fn a_run_listens_in_the_sessions_directory_or_in_one_of_its_own() {
        let tmp = PathBuf::from("/tmp/nightreel-1000");
        for (runtime, expected) in [
            (Some("/run/user/1000"), vec![PathBuf::from("/run/user/1000/nightreel"), tmp.clone()]),
            (Some("relative"), vec![tmp.clone()]),
            (Some(""), vec![tmp.clone()]),
            (None, vec![tmp.clone()]),
        ] {
            assert_eq!(directories(runtime.map(OsString::from), 1_000), expected);
        }
    }

    #[test]
    fn sockets_of_two_jobs_or_of_a_job_and_its_rehearsal_differ() {
        let names = [socket_name(1, "a", false), socket_name(1, "a", true), socket_name(1, "b", false)];
        assert!(names[0] != names[1] && names[0] != names[2]);
        assert_eq!(names[0].len(), "1-0123456789abcdef.sock".len());
        let name = socket_name(u32::MAX, "a", false);
        assert!(socket_in(Path::new("/tmp/nightreel-4294967295"), &name).is_ok());
        let deep = PathBuf::from(format!("/{}", "d".repeat(80)));
        assert!(matches!(socket_in(&deep, &name), Err(PlaceError::TooLong { .. })));
    }

    #[test]
    fn a_directory_is_made_for_its_user_alone() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("nightreel");
        for _ in 0..2 {
            make(&directory, own_user()).unwrap();
            assert_eq!(fs::metadata(&directory).unwrap().mode() & 0o777, 0o700);
        }
    }

    #[test]
    fn a_directory_that_others_may_enter_or_own_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("nightreel");
        make(&directory, own_user()).unwrap();
        for mode in [0o701, 0o710, 0o755, 0o777] {
            fs::set_permissions(&directory, Permissions::from_mode(mode)).unwrap();
            assert!(matches!(make(&directory, own_user()), Err(PlaceError::Open { .. })), "{mode:o}");
        }
        fs::set_permissions(&directory, Permissions::from_mode(0o700)).unwrap();
        assert!(matches!(make(&directory, own_user() + 1), Err(PlaceError::NotOurs { .. })));
        let link = parent.path().join("link");
        symlink(&directory, &link).unwrap();
        let file = parent.path().join("file");
        fs::write(&file, "").unwrap();
        for path in [link, file] {
            assert!(matches!(make(&path, own_user()), Err(PlaceError::NotADirectory { .. })), "{}", path.display());
        }
        let nowhere = parent.path().join("no/nightreel");
        assert!(matches!(make(&nowhere, own_user()), Err(PlaceError::Unusable { .. })));
    }
}
