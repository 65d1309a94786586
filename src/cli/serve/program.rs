//! The program that `serve` is asked to run: whether there is one.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Where programs are looked for if `PATH` is not set, as the C library does.
const DEFAULT_PATH: &str = "/bin:/usr/bin";
/// How much of a script the system looks at to find its interpreter.
const LONGEST_HEAD: u64 = 256;

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
    /// There is a file of that name, and nothing to run it with.
    #[error("{} cannot be run: it is a script for {interpreter:?}, and there is no such file", script.display())]
    NoInterpreter {
        /// The file.
        script: PathBuf,
        /// What its first line names.
        interpreter: String,
    },
    /// There is a file of that name, and the system says that something else is not there.
    #[error("{} cannot be run: it is there, and the interpreter or loader that it needs is not", .0.display())]
    NoLoader(PathBuf),
}

impl NotRunnable {
    /// The exit code that shells have for it.
    pub(super) const fn exit_code(&self) -> u8 {
        match self {
            Self::NotFound(_) | Self::NoInterpreter { .. } | Self::NoLoader(_) => 127,
            Self::NotExecutable(_) => 126,
        }
    }

    /// Why a program could not be started after all.
    pub(super) fn of(error: &std::io::Error, name: &OsStr) -> Option<Self> {
        match error.kind() {
            std::io::ErrorKind::NotFound if has_directory(name) && Path::new(name).exists() => {
                Some(Self::NoLoader(name.into()))
            }
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
        let candidates: Vec<PathBuf> = if has_directory(&self.name) || self.name.is_empty() {
            vec![name.to_owned()]
        } else {
            let path = path.unwrap_or(OsStr::new(DEFAULT_PATH));
            std::env::split_paths(path).map(|directory| directory.join(name)).collect()
        };
        if let Some(file) = candidates.iter().find(|candidate| is_executable(candidate)) {
            return match missing_interpreter(file) {
                Some(interpreter) => Err(NotRunnable::NoInterpreter { script: file.clone(), interpreter }),
                None => Ok(()),
            };
        }
        match candidates.into_iter().find(|candidate| candidate.exists()) {
            Some(file) => Err(NotRunnable::NotExecutable(file)),
            None => Err(NotRunnable::NotFound(name.to_owned())),
        }
    }
}

fn has_directory(name: &OsStr) -> bool {
    name.as_encoded_bytes().contains(&b'/')
}

/// The interpreter that the first line of a script names, where there is none.
fn missing_interpreter(script: &Path) -> Option<String> {
    let mut head = Vec::new();
    File::open(script).ok()?.take(LONGEST_HEAD).read_to_end(&mut head).ok()?;
    let line = head.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let line = String::from_utf8_lossy(line);
    // A carriage return is part of the name to the system, and the reason why there is none.
    let interpreter = line.trim_start_matches([' ', '\t']).split([' ', '\t']).next()?;
    (!interpreter.is_empty() && !Path::new(interpreter).exists()).then(|| interpreter.to_owned())
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
    fn a_script_is_run_by_what_its_first_line_names() {
        let directory = tempfile::tempdir().unwrap();
        let script = directory.path().join("script");
        for (text, missing) in [
            ("#!/bin/sh\n", None),
            ("#! /bin/sh -e\n", None),
            ("echo none\n", None),
            ("", None),
            ("#!\n", None),
            ("#!/no/such -x\n", Some("/no/such")),
            ("#!/bin/sh\r\n", Some("/bin/sh\r")),
        ] {
            fs::write(&script, text).unwrap();
            fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
            let expected = missing.map(|interpreter| NotRunnable::NoInterpreter {
                script: script.clone(),
                interpreter: interpreter.to_owned(),
            });
            assert_eq!(program(script.as_os_str()).check(None).err(), expected, "{text:?}");
        }
        let not_found = std::io::ErrorKind::NotFound.into();
        assert_eq!(NotRunnable::of(&not_found, script.as_os_str()), Some(NotRunnable::NoLoader(script.clone())));
        assert_eq!(NotRunnable::of(&not_found, "script".as_ref()), Some(NotRunnable::NotFound("script".into())));
    }

    #[test]
    fn the_exit_codes_are_the_shells() {
        let no_interpreter = NotRunnable::NoInterpreter { script: "x".into(), interpreter: "y".to_owned() };
        for (problem, code) in [
            (NotRunnable::NotFound("x".into()), 127),
            (no_interpreter, 127),
            (NotRunnable::NoLoader("x".into()), 127),
            (NotRunnable::NotExecutable("x".into()), 126),
        ] {
            assert_eq!(problem.exit_code(), code);
        }
    }
}
