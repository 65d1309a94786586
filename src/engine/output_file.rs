//! A file that is there when it is whole.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// How many links may lead to a file, one to the next.
const LINKS: usize = 40;

/// A file that is written. An ordinary one takes its place, with the rights of what was there, when it
/// is whole; what is none (a device, a pipe, what this process has open) is written to as it is.
#[derive(Debug)]
pub struct OutputFile(Form);

#[derive(Debug)]
enum Form {
    /// A new file beside its place.
    Beside { file: NamedTempFile, place: PathBuf },
    /// What is written to as it is.
    Open(File),
}

/// What a path leads to.
enum Place {
    /// An ordinary file, which may not be there yet, and its rights where it is.
    Ordinary(PathBuf, Option<Permissions>),
    /// Anything else.
    Special,
}

impl OutputFile {
    /// Begins a file.
    ///
    /// # Errors
    /// Fails if no file can be made beside the place, or what is there cannot be written to.
    pub fn create(path: &Path) -> io::Result<Self> {
        match find(path)? {
            Place::Special => OpenOptions::new().append(true).open(path).map(|file| Self(Form::Open(file))),
            Place::Ordinary(place, rights) => {
                let file = beside(&place)?;
                if let Some(rights) = rights {
                    file.as_file().set_permissions(rights)?;
                }
                Ok(Self(Form::Beside { file, place }))
            }
        }
    }

    /// Whether a file could be written there now: to know it before anything is paid for.
    ///
    /// # Errors
    /// Fails if no file can be made beside the place.
    pub fn check(path: &Path) -> io::Result<()> {
        match find(path)? {
            // To open a pipe is to wait for its reader.
            Place::Special => Ok(()),
            Place::Ordinary(place, _) => beside(&place).map(drop),
        }
    }

    /// Puts the file in its place.
    ///
    /// # Errors
    /// Fails if it cannot be synced or put there; what was there before stays then.
    pub fn finish(self) -> io::Result<()> {
        match self.0 {
            Form::Beside { file, place } => {
                file.as_file().sync_all()?;
                file.persist(place).map(drop).map_err(|error| error.error)
            }
            Form::Open(_) => Ok(()),
        }
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Form::Beside { file, .. } => file.write(bytes),
            Form::Open(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Form::Beside { file, .. } => file.flush(),
            Form::Open(file) => file.flush(),
        }
    }
}

/// Follows the links of a path.
fn find(path: &Path) -> io::Result<Place> {
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            // A link that the kernel makes up leads to a file that somebody has open.
            Ok(metadata) if metadata.is_symlink() && directory_of(&path).canonicalize()?.starts_with("/proc") => {
                return Ok(Place::Special);
            }
            Ok(metadata) if metadata.is_symlink() => path = directory_of(&path).join(fs::read_link(&path)?),
            Ok(metadata) if metadata.is_file() => return Ok(Place::Ordinary(path, Some(metadata.permissions()))),
            Ok(_) => return Ok(Place::Special),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Place::Ordinary(path, None)),
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("its links lead to nothing"))
}

fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A file beside another one, with the rights of an ordinary new file.
fn beside(path: &Path) -> io::Result<NamedTempFile> {
    let Some(name) = path.file_name() else { return Err(io::ErrorKind::InvalidFilename.into()) };
    let prefix = format!(".{}.", name.to_string_lossy());
    tempfile::Builder::new().prefix(&prefix).make_in(directory_of(path), |path| File::create_new(path))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::os::fd::AsRawFd as _;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    fn write(path: &Path, text: &str) -> io::Result<()> {
        OutputFile::check(path)?;
        let mut file = OutputFile::create(path)?;
        file.write_all(text.as_bytes())?;
        file.finish()
    }

    #[test]
    fn a_file_is_as_it_was_until_it_is_whole_and_keeps_its_rights() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out.jsonl");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let mut file = OutputFile::create(&path).unwrap();
        file.write_all(b"new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        file.finish().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        drop(OutputFile::create(&path).unwrap());
        assert_eq!(
            (fs::read_to_string(&path).unwrap().as_str(), fs::read_dir(directory.path()).unwrap().count()),
            ("new", 1)
        );
    }

    #[test]
    fn a_link_stays_and_what_it_leads_to_is_written() {
        let directory = tempfile::tempdir().unwrap();
        let (link, place) = (directory.path().join("link"), directory.path().join("sub/out"));
        fs::create_dir(directory.path().join("sub")).unwrap();
        symlink("sub/out", &link).unwrap();
        for text in ["one", "two"] {
            write(&link, text).unwrap();
            assert!(link.is_symlink());
            assert_eq!(fs::read_to_string(&place).unwrap(), text);
        }
        symlink("circle", directory.path().join("circle")).unwrap();
        assert!(write(&directory.path().join("circle"), "x").is_err());
    }

    #[test]
    fn what_is_no_ordinary_file_is_written_to_and_stays() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("log");
        let mut open = OpenOptions::new().create_new(true).append(true).open(&log).unwrap();
        open.write_all(b"before\n").unwrap();
        // What a program that writes to /dev/stdout does where that is a file.
        write(Path::new(&format!("/proc/self/fd/{}", open.as_raw_fd())), "after\n").unwrap();
        assert_eq!(fs::read_to_string(&log).unwrap(), "before\nafter\n");
        let link = directory.path().join("null");
        symlink("/dev/null", &link).unwrap();
        write(&link, "nothing").unwrap();
        assert!(!Path::new("/dev/null").metadata().unwrap().is_file());
        let pipe = directory.path().join("pipe");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RWXU, 0).unwrap();
        let reading = {
            let pipe = pipe.clone();
            std::thread::spawn(move || {
                let mut read = String::new();
                File::open(pipe).unwrap().read_to_string(&mut read).unwrap();
                read
            })
        };
        write(&pipe, "through").unwrap();
        assert_eq!(reading.join().unwrap(), "through");
    }

    #[test]
    fn what_cannot_be_written_is_known_beforehand() {
        let directory = tempfile::tempdir().unwrap();
        for place in [directory.path().to_owned(), directory.path().join("none/out"), "/".into(), "".into()] {
            assert!(OutputFile::check(&place).is_err(), "{}", place.display());
        }
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
