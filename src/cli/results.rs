//! Whether results can be put where they are wanted: known before anything is paid for.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use nightreel::engine::{ExportError, Output};

use super::exit::Failure;
use super::plan::Plan;
use super::run_args::ResultArgs;

/// What the store is called among the sources.
pub(crate) const STORE: &str = "the store";
/// What a fixture is called among the sources.
pub(crate) const FIXTURE: &str = "the fixture";
/// How a file of `SQLite` begins.
const SQLITE: [u8; 16] = *b"SQLite format 3\0";

/// Makes sure that results can be written, and take the place of nothing that they come from.
pub(crate) fn check_place(output: &Output, sources: &[(&str, &Path)]) -> Result<(), Failure> {
    let Output::File(path) = output else { return Ok(()) };
    check_takes_no_place(path, "--output", sources)?;
    output.check().map_err(|error| ExportError::output(output, error).into())
}

/// Makes sure that a file which a flag names takes the place of no source, nor of any other store:
/// what was recorded is not made again.
pub(crate) fn check_takes_no_place(path: &Path, flag: &str, sources: &[(&str, &Path)]) -> Result<(), Failure> {
    let shown = path.display();
    let refused = |is_what: &str| Err(Failure::usage(anyhow!("{shown} {is_what}; name another file with {flag}")));
    for (what, source) in sources {
        if resolved(path) == resolved(source) {
            return refused(&format!("is {what} itself"));
        }
        if is_companion(path, source) && [STORE, FIXTURE].contains(what) {
            return refused(&format!("is a file that SQLite keeps beside {what}"));
        }
        if source.is_dir() && resolved(path).starts_with(resolved(source)) {
            return refused(&format!("lies in {what}"));
        }
    }
    if is_database(path) {
        return refused("is an SQLite database, such as a store or a fixture, and is not replaced");
    }
    Ok(())
}

/// Whether a file is a database by how it begins. What is no regular file is not read.
fn is_database(path: &Path) -> bool {
    let mut begin = [0; SQLITE.len()];
    let mut read = || File::open(path)?.read_exact(&mut begin);
    path.is_file() && read().is_ok() && begin == SQLITE
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

/// Makes sure that the results of a plan can be written. `read` is what is read beside the plan's own
/// files.
pub(crate) fn check_target(results: &ResultArgs, plan: &Plan, read: &[(&str, &Path)]) -> Result<(), Failure> {
    let Some((output, _)) = results.target() else { return Ok(()) };
    let job = &plan.job;
    let mut sources = vec![("the input", job.input.path.as_path()), ("the job file", job.path.as_path())];
    sources.extend(read);
    sources.extend(results.fixtures(job.record.fixture.as_deref()).map(|fixture| (FIXTURE, fixture)));
    check_place(&output, &sources)
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

    #[test]
    fn no_file_takes_the_place_of_a_fixture_or_of_any_other_store() {
        let directory = tempfile::tempdir().unwrap();
        let place = |name: &str| directory.path().join(name);
        for name in ["fixture.db", "other.db"] {
            std::fs::write(place(name), SQLITE).unwrap();
        }
        for name in ["notes.txt", "job.toml"] {
            std::fs::write(place(name), "SQLite").unwrap();
        }
        std::fs::create_dir(place("texts")).unwrap();
        let (fixture, texts, job) = (place("fixture.db"), place("texts"), place("job.toml"));
        let sources = [(FIXTURE, fixture.as_path()), (FIXTURE, &texts), ("the job file", &job)];
        let check = |name: &str| {
            check_takes_no_place(&place(name), "--report", &sources).map_err(|failure| failure.error.to_string())
        };
        for (name, says) in [
            ("fixture.db", "fixture.db is the fixture itself; name another file with --report"),
            ("fixture.db-wal", "is a file that SQLite keeps beside the fixture"),
            ("texts/new.json", "lies in the fixture"),
            ("other.db", "is an SQLite database"),
            ("job.toml", "is the job file itself"),
        ] {
            let refused = check(name).unwrap_err();
            assert!(refused.contains(says), "{refused}");
        }
        for name in ["notes.txt", "job.toml-wal", "new.db", "texts.json"] {
            assert_eq!(check(name), Ok(()), "{name}");
        }
    }
}
