//! Who may change a fixture.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::place::{PlaceError, io_error};

/// Held by whoever changes a fixture, among all threads and processes of a user on this machine. It
/// lies apart from the fixture, where git would see it, and is removed by whoever had it last.
#[derive(Debug)]
pub(super) struct Lock {
    path: PathBuf,
    /// Closing it lets the next one in.
    _file: File,
}

impl Lock {
    /// Waits until nobody else has the lock of a fixture.
    pub(super) fn take(fixture: &Path) -> Result<Self, PlaceError> {
        let path = std::env::temp_dir().join(name(&canonical(fixture)?));
        loop {
            let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
            let file = file.map_err(io_error("open the lock", &path))?;
            file.lock().map_err(io_error("lock", &path))?;
            let held = file.metadata().map_err(io_error("look at the lock", &path))?;
            // Whoever had it before may have removed it, and others may hold a new one.
            if std::fs::metadata(&path).is_ok_and(|there| (there.dev(), there.ino()) == (held.dev(), held.ino())) {
                return Ok(Self { path, _file: file });
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Where it stays, it is an empty file that does no harm.
        _ = std::fs::remove_file(&self.path);
    }
}

/// The one path of a fixture that may not be there yet; the directory that it is to lie in is.
pub(super) fn canonical(fixture: &Path) -> Result<PathBuf, PlaceError> {
    if let Ok(path) = fixture.canonicalize() {
        return Ok(path);
    }
    let parent = fixture.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let parent = parent.canonicalize().map_err(io_error("find", parent))?;
    Ok(fixture.file_name().map_or_else(|| parent.clone(), |name| parent.join(name)))
}

fn name(canonical: &Path) -> String {
    let digest = Sha256::digest(canonical.as_os_str().as_encoded_bytes());
    let mut name = format!("nightreel-{}-", rustix::process::geteuid().as_raw());
    for byte in &digest[..8] {
        write!(name, "{byte:02x}").expect("a String takes all");
    }
    name + ".lock"
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn a_fixture_has_one_lock_by_whatever_path() {
        let directory = tempfile::tempdir().unwrap();
        let straight = directory.path().join("new.db");
        let crooked = directory.path().join("..").join(directory.path().file_name().unwrap()).join("new.db");
        assert_eq!(canonical(&straight).unwrap(), canonical(&crooked).unwrap());
        assert_ne!(name(&straight), name(&directory.path().join("other.db")));
    }

    #[test]
    fn one_at_a_time_holds_it_and_the_last_one_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let fixture = directory.path().join("fixture.db");
        let busy = AtomicBool::new(false);
        let work = || {
            for _ in 0..50 {
                let _lock = Lock::take(&fixture).unwrap();
                assert!(!busy.swap(true, Ordering::SeqCst), "two held it at once");
                std::thread::yield_now();
                busy.store(false, Ordering::SeqCst);
            }
        };
        std::thread::scope(|scope| (0..8).for_each(|_| drop(scope.spawn(work))));
        assert!(!std::env::temp_dir().join(name(&canonical(&fixture).unwrap())).exists());
    }
}
