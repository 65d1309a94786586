//! Which session an imported exchange is in, and the how-manieth of its key it is there.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use nightreel::model::{Exchange, Key};

/// The word for each file's own name.
const OF_FILE: &str = "file";

/// A session's name that no server takes.
#[derive(Debug, thiserror::Error)]
#[error("the session's name has {0} bytes, and may have {longest}; give it a shorter one", longest = Exchange::LONGEST_SESSION)]
pub(super) struct LongSession(usize);

/// How the session of a file's exchanges is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SessionName {
    /// By the file's name.
    File,
    /// So.
    Name(Arc<str>),
}

impl FromStr for SessionName {
    type Err = LongSession;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        if name == OF_FILE { Ok(Self::File) } else { checked(name).map(Self::Name) }
    }
}

fn checked(name: &str) -> Result<Arc<str>, LongSession> {
    if name.len() > Exchange::LONGEST_SESSION { Err(LongSession(name.len())) } else { Ok(name.into()) }
}

/// Gives exchanges their sessions and, where several files ask the same in one, their numbers.
#[derive(Debug)]
pub(super) struct Sessions {
    name: Option<SessionName>,
    /// The sessions that files have given their names to.
    named: HashSet<String>,
    /// How many of a session's key the files before had.
    asked: HashMap<(Option<Arc<str>>, Key), u32>,
}

impl Sessions {
    pub(super) fn new(name: Option<SessionName>) -> Self {
        Self { name, named: HashSet::new(), asked: HashMap::new() }
    }

    /// The session that a file shares with one before it, which only their folders tell apart.
    pub(super) fn shared(&mut self, file: &Path) -> Option<String> {
        let stem = stem(file);
        let is_new = self.name != Some(SessionName::File) || self.named.insert(stem.clone());
        (!is_new).then_some(stem)
    }

    /// Places the exchanges of a file. Those that have a session already stay in it.
    ///
    /// # Errors
    /// Fails if the file's name is none that a session may have.
    pub(super) fn place(&mut self, file: &Path, exchanges: &mut [Exchange]) -> Result<(), LongSession> {
        let session = match &self.name {
            None => None,
            Some(SessionName::Name(name)) => Some(Arc::clone(name)),
            Some(SessionName::File) => Some(checked(&stem(file))?),
        };
        let mut asked = HashMap::new();
        for exchange in exchanges {
            exchange.session = exchange.session.take().or_else(|| session.clone());
            let place = (exchange.session.clone(), exchange.request.key);
            let before = self.asked.get(&place).copied().unwrap_or(0);
            exchange.occurrence = exchange.occurrence.saturating_add(before);
            let next = asked.entry(place).or_insert(0);
            *next = exchange.occurrence.saturating_add(1).max(*next);
        }
        self.asked.extend(asked);
        Ok(())
    }
}

/// A file's name without what says how it is written, such as `.yaml.gz`.
fn stem(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let name = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zz")).unwrap_or(&name);
    Path::new(name).file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_has_a_name_that_a_server_takes() {
        let (longest, longer) = ("s".repeat(256), "s".repeat(257));
        for (name, expected) in [("file", Ok(SessionName::File)), (&longest, Ok(SessionName::Name((*longest).into())))]
        {
            assert_eq!(name.parse::<SessionName>().map_err(|error| error.to_string()), expected);
        }
        let problem = "the session's name has 257 bytes, and may have 256; give it a shorter one";
        assert_eq!(longer.parse::<SessionName>().unwrap_err().to_string(), problem);
        let mut sessions = Sessions::new(Some(SessionName::File));
        assert!(sessions.place(Path::new(&longest), &mut []).is_ok());
        assert_eq!(sessions.place(Path::new(&longer), &mut []).unwrap_err().to_string(), problem);
    }

    #[test]
    fn the_stem_of_a_file_has_no_extension() {
        for (file, expected) in [
            ("cassettes/chat.yml", "chat"),
            ("a.b.yaml.gz", "a.b"),
            ("chat.zz", "chat"),
            ("chat", "chat"),
            ("log.har", "log"),
        ] {
            assert_eq!(stem(Path::new(file)), expected);
        }
    }
}
