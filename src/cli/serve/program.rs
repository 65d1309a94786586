//! The program that `serve` is asked to run: whether there is one.

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Where programs are looked for if `PATH` is not set, as the C library does.
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// A program with its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Program {
    pub(super) name: OsString,
    pub(super) args: Vec<OsString>,
}

/// Why a program cannot be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotRunnable {
    /// There is none of that name.
    #[error("there is no command {}", .0.display())]
    NotFound(PathBuf),
    /// There is a file of that name that is no program.
    #[error("{} cannot be run: it is no executable file", .0.display())]
    NotExecutable(PathBuf),
}

impl NotRunnable {
    /// The exit code that shells have for it.
    pub(super) const fn exit_code(&self) -> u8 {
        match self {
            Self::NotFound(_) => 127,
            Self::NotExecutable(_) => 126,
        }
    }

    /// Why a program could not be started after all.
    pub(super) fn of(error: &std::io::Error, name: &OsStr) -> Option<Self> {
        match error.kind() {
            std::io::ErrorKind::NotFound => Some(Self::NotFound(name.into())),
            std::io::ErrorKind::PermissionDenied => Some(Self::NotExecutable(name.into())),
            _ => None,
        }
    }
}

impl Program {
    /// The program of some words; `None` where there are none.
    pub(super) fn of_words(words: &[OsString]) -> Option<Self> {
        let (name, args) = words.split_first()?;
        Some(Self { name: name.clone(), args: args.to_vec() })
    }

    /// Whether the system would find it and run it, by the variable `PATH`.
    pub(super) fn check(&self, path: Option<&OsStr>) -> Result<(), NotRunnable> {
        let name = Path::new(&self.name);
        let has_directory = self.name.as_encoded_bytes().contains(&b'/');
        let candidates: Vec<PathBuf> = if has_directory || self.name.is_empty() {
            vec![name.to_owned()]
        } else {
            let path = path.unwrap_or(OsStr::new(DEFAULT_PATH));
            std::env::split_paths(path).map(|directory| directory.join(name)).collect()
        };
        if candidates.iter().any(|candidate| is_executable(candidate)) {
            return Ok(());
        }
        match candidates.into_iter().find(|candidate| candidate.exists()) {
            Some(file) => Err(NotRunnable::NotExecutable(file)),
            None => Err(NotRunnable::NotFound(name.to_owned())),
        }
    }
}

fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn program(name: impl Into<OsString>) -> Program {
        Program { name: name.into(), args: Vec::new() }
    }

    #[test]
    fn a_program_is_found_as_the_system_finds_it() {
        let directory = tempfile::tempdir().unwrap();
        let (first, second) = (directory.path().join("first"), directory.path().join("second"));
        for (folder, name, mode) in [(&first, "text", 0o644), (&first, "both", 0o644), (&second, "both", 0o755)] {
            fs::create_dir_all(folder).unwrap();
            fs::write(folder.join(name), "").unwrap();
            fs::set_permissions(folder.join(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        let path = std::env::join_paths([&first, &second]).unwrap();
        let check = |name: &OsStr| program(name).check(Some(&path));
        assert_eq!(check("both".as_ref()), Ok(()));
        assert_eq!(check("text".as_ref()), Err(NotRunnable::NotExecutable(first.join("text"))));
        assert_eq!(check("none".as_ref()), Err(NotRunnable::NotFound("none".into())));
        assert_eq!(check("".as_ref()), Err(NotRunnable::NotFound("".into())));
        assert_eq!(check(second.join("both").as_ref()), Ok(()));
        assert_eq!(check(first.join("both").as_ref()), Err(NotRunnable::NotExecutable(first.join("both"))));
        assert_eq!(check(first.as_ref()), Err(NotRunnable::NotExecutable(first.clone())));
    }

    #[test]
    fn without_a_path_the_systems_programs_are_found() {
        assert_eq!(program("sh").check(None), Ok(()));
    }

    #[test]
    fn the_exit_codes_are_the_shells() {
        for (problem, code) in [(NotRunnable::NotFound("x".into()), 127), (NotRunnable::NotExecutable("x".into()), 126)]
        {
            assert_eq!(problem.exit_code(), code);
        }
    }
}
