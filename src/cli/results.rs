//! Whether results can be put where they are wanted: known before anything is paid for.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use nightreel::engine::{ExportError, Output};

use super::exit::Failure;
use super::plan::Plan;

/// What the store is called among the sources.
pub(crate) const STORE: &str = "the store";

/// Makes sure that results can be written, and take the place of nothing that they come from.
pub(crate) fn check_place(output: &Output, sources: &[(&str, &Path)]) -> Result<(), Failure> {
    let Output::File(path) = output else { return Ok(()) };
    let shown = path.display();
    for (what, source) in sources {
        if resolved(path) == resolved(source) {
            return Err(Failure::usage(anyhow!("{shown} is {what} itself; name another file with --output")));
        }
        if *what == STORE && is_companion(path, source) {
            return Err(Failure::usage(anyhow!(
                "{shown} is a file that SQLite keeps beside {what}; name another file with --output"
            )));
        }
    }
    output.check().map_err(|error| ExportError::output(output, error).into())
}

/// Whether a file is one of those that `SQLite` keeps beside a store.
pub(crate) fn is_companion(path: &Path, store: &Path) -> bool {
    let (path, store) = (resolved(path), resolved(store));
    ["-wal", "-shm", "-journal"].into_iter().any(|ending| {
        let mut companion = store.clone().into_os_string();
        companion.push(ending);
        path == companion
    })
}

/// A path without links, of a file that may not be there yet.
fn resolved(path: &Path) -> PathBuf {
    let beside = |path: &Path| {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Some(parent.canonicalize().ok()?.join(path.file_name()?))
    };
    path.canonicalize().ok().or_else(|| beside(path)).unwrap_or_else(|| path.to_owned())
}

/// Makes sure that the results of a plan can be written.
pub(crate) fn check_target(output: Option<&Output>, plan: &Plan, store: &Path) -> Result<(), Failure> {
    let sources = [("the input", plan.job.input.path.as_path()), ("the job file", &plan.job.path), (STORE, store)];
    output.map_or(Ok(()), |output| check_place(output, &sources))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_take_the_place_of_nothing_that_they_come_from() {
        let directory = tempfile::tempdir().unwrap();
        let store = directory.path().join("nightreel.db");
        std::fs::write(&store, "a store").unwrap();
        let check = |name: &str| {
            let output = Output::of_path(&directory.path().join(name));
            check_place(&output, &[(STORE, &store)]).map_err(|failure| failure.error.to_string())
        };
        assert!(check("./nightreel.db").unwrap_err().contains("is the store itself"));
        for companion in ["nightreel.db-wal", "./nightreel.db-shm", "nightreel.db-journal"] {
            let refused = check(companion).unwrap_err();
            assert!(refused.contains("is a file that SQLite keeps beside the store"), "{refused}");
        }
        let new = directory.path().join("new.db");
        let output = Output::of_path(&new);
        assert!(check_place(&output, &[(STORE, &new)]).is_err(), "a store that is still to be made counts too");
        std::os::unix::fs::symlink(&store, directory.path().join("link.db")).unwrap();
        assert!(is_companion(&directory.path().join("nightreel.db-wal"), &directory.path().join("link.db")));
        std::fs::remove_file(directory.path().join("link.db")).unwrap();
        assert!(check("nowhere/out.jsonl").unwrap_err().starts_with("cannot write the results to "));
        assert_eq!(check("out.jsonl"), Ok(()));
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
        assert!(check_place(&Output::Stdout, &[(STORE, &store)]).is_ok());
    }
}
