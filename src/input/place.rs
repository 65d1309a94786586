//! Where in a file something is.

use std::fmt;
use std::sync::Arc;

/// Where in a file something is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The path as the caller gave it, or `stdin`.
    pub file: Arc<str>,
    /// The physical line of the decompressed file, from 1.
    pub line: Option<u64>,
    /// The character on that line, from 1.
    pub column: Option<u64>,
}

impl Place {
    /// A file as a whole.
    pub(super) fn file(file: &Arc<str>) -> Self {
        Self { file: Arc::clone(file), line: None, column: None }
    }

    /// A line of a file.
    pub(super) fn line(file: &Arc<str>, line: u64) -> Self {
        Self { file: Arc::clone(file), line: Some(line), column: None }
    }

    /// The same line at a column.
    pub(super) fn column(self, column: u64) -> Self {
        Self { column: Some(column), ..self }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        self.line.map_or(Ok(()), |line| write!(f, ":{line}"))?;
        self.column.map_or(Ok(()), |column| write!(f, ":{column}"))
    }
}

/// The column of the character at an offset of a line, from 1. An offset inside of a character is
/// that character's.
pub(super) fn column_at(line: &[u8], offset: usize) -> u64 {
    let through = &line[..line.len().min(offset.saturating_add(1))];
    let characters = through.iter().filter(|byte| !is_continuation(**byte)).count() + usize::from(offset >= line.len());
    u64::try_from(characters.max(1)).expect("a line's length fits 64 bits")
}

/// Whether a byte goes on with a UTF-8 character rather than starting one.
const fn is_continuation(byte: u8) -> bool {
    byte & 0b1100_0000 == 0b1000_0000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_counts_characters_not_bytes() {
        let line = "aéb".as_bytes();
        assert_eq!([0, 1, 2, 3, 4, 9].map(|offset| column_at(line, offset)), [1, 2, 2, 3, 4, 4]);
        assert_eq!(column_at(b"", 0), 1);
    }
}
