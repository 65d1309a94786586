//! A temporary directory that is removed in the end, even if nobody drops it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Once;

use tempfile::TempDir;

/// How the names of the directories begin.
const PREFIX: &str = "nightreel-test-";
/// The file that a process has locked as long as it lives.
const ALIVE: &str = "alive";
/// The file that says that nothing in the directory will be missed.
const EXPENDABLE: &str = "expendable";

/// A temporary directory. Dropping it removes it. Where it is never dropped, and is expendable, the
/// next process that makes one removes it.
#[derive(Debug)]
pub(super) struct Directory {
    directory: TempDir,
    /// Closing it lets go of the lock.
    _alive: File,
}

impl Directory {
    /// Makes one, and removes what processes that have ended have left.
    pub(super) fn make() -> io::Result<Self> {
        static SWEPT: Once = Once::new();
        SWEPT.call_once(|| sweep(&std::env::temp_dir()));
        Self::make_in(&std::env::temp_dir())
    }

    fn make_in(parent: &Path) -> io::Result<Self> {
        let directory = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent)?;
        let alive = File::create(directory.path().join(ALIVE))?;
        alive.lock()?;
        Ok(Self { directory, _alive: alive })
    }

    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Leaves the directory where it is, for people.
    pub(super) fn keep(self) -> PathBuf {
        let path = self.directory.keep();
        // What is kept is what they look for.
        _ = fs::remove_file(path.join(ALIVE));
        path
    }
}

/// Says whether anything in a directory would be missed.
pub(super) fn mark_expendable(directory: &Path, is_expendable: bool) -> io::Result<()> {
    let mark = directory.join(EXPENDABLE);
    if is_expendable {
        return File::create(mark).map(drop);
    }
    match fs::remove_file(mark) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes the directories of processes that have ended, where nothing in them will be missed. What
/// cannot be removed is somebody else's.
fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    let is_ours = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PREFIX));
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_ours) {
        // The mark is made when the lock is held, so one without a holder has been left.
        let Ok(alive) = File::open(path.join(ALIVE)) else { continue };
        if path.join(EXPENDABLE).exists() && alive.try_lock().is_ok() {
            _ = fs::remove_dir_all(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_and_would_not_be_missed_is_removed() {
        let parent = tempfile::tempdir().unwrap();
        for (is_left, is_expendable, stays) in
            [(true, true, false), (true, false, true), (false, true, true), (false, false, true)]
        {
            let Directory { directory, _alive: alive } = Directory::make_in(parent.path()).unwrap();
            mark_expendable(directory.path(), true).unwrap();
            mark_expendable(directory.path(), is_expendable).unwrap();
            // A process that ends lets go of its locks.
            let held = (!is_left).then_some(alive);
            sweep(parent.path());
            assert_eq!(directory.path().exists(), stays, "{is_left} {is_expendable}");
            drop(held);
        }
    }

    #[test]
    fn what_is_kept_for_people_stays_and_what_is_dropped_goes() {
        let parent = tempfile::tempdir().unwrap();
        let kept = Directory::make_in(parent.path()).unwrap().keep();
        drop(Directory::make_in(parent.path()).unwrap());
        fs::create_dir(parent.path().join(format!("{PREFIX}strange"))).unwrap();
        sweep(parent.path());
        assert_eq!(kept.read_dir().unwrap().count(), 0);
        assert_eq!(parent.path().read_dir().unwrap().count(), 2);
    }
}
