//! Bodies that an archive keeps in files beside it.

use std::fs;
use std::path::{Component, Path, PathBuf};

use super::body::Side;

/// The files beside an archive; none where it came from no directory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attachments<'a> {
    directory: Option<&'a Path>,
}

impl<'a> Attachments<'a> {
    pub(super) const fn new(directory: Option<&'a Path>) -> Self {
        Self { directory }
    }

    /// The body in a file. None outside of the archive's directory is opened: an archive may come
    /// from anybody.
    pub(super) fn read(self, name: &str, side: Side) -> Result<Vec<u8>, String> {
        let file = self.find(name).and_then(|file| fs::read(file).map_err(|error| error.to_string()));
        file.map_err(|why| format!("its {} body is in the file {name:?}, which cannot be read: {why}", side.member()))
    }

    fn find(self, name: &str) -> Result<PathBuf, String> {
        let directory = self.directory.ok_or("what names it came from no directory")?;
        let named = Path::new(name);
        if !named.components().all(|component| matches!(component, Component::Normal(_))) {
            return Err("it lies outside of the archive's directory".to_owned());
        }
        let directory = directory.canonicalize().map_err(|error| error.to_string())?;
        let file = directory.join(named).canonicalize().map_err(|error| error.to_string())?;
        match () {
            () if !file.starts_with(&directory) => Err("it lies outside of the archive's directory".to_owned()),
            () if !file.is_file() => Err("it is no file".to_owned()),
            () => Ok(file),
        }
    }
}
