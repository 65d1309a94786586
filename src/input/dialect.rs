//! What parts the cells of a CSV or TSV file, and what ends its rows.

use std::sync::Arc;

use crate::model::Format;

use super::{InputError, Options, Problem};

/// What parts cells and rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialect {
    /// The byte between cells.
    pub(super) delimiter: u8,
    /// The byte that ends a row: `\n`, or `\r` for files of the old Mac kind.
    pub(super) terminator: u8,
    /// Whether the delimiter was taken from the header.
    pub(super) detected: bool,
}

impl Dialect {
    /// Takes the dialect from the options and, where they say nothing, from the first line.
    pub(super) fn of(head: &[u8], format: Format, options: &Options, file: &Arc<str>) -> Result<Self, InputError> {
        let terminator = if head.contains(&b'\r') && !head.contains(&b'\n') { b'\r' } else { b'\n' };
        let plain = |delimiter| Self { delimiter, terminator, detected: false };
        match (options.delimiter, format) {
            (Some(delimiter), _) => Ok(plain(delimiter)),
            (None, Format::Tsv) => Ok(plain(b'\t')),
            (None, _) => match unquoted_header(head, terminator) {
                header if header.contains(&b',') => Ok(plain(b',')),
                header if header.contains(&b';') => Ok(Self { detected: true, ..plain(b';') }),
                header if header.contains(&b'\t') => Err(unclear(file, '\t')),
                header if header.contains(&b'|') => Err(unclear(file, '|')),
                _ => Ok(plain(b',')),
            },
        }
    }
}

/// Checks a delimiter that a caller has set.
pub(super) fn check(options: &Options, format: Format, file: &Arc<str>) -> Result<(), InputError> {
    let problem = match options.delimiter {
        Some(_) if !matches!(format, Format::Csv | Format::Tsv) => "only csv and tsv files have one",
        Some(b'"') => "a quote has a meaning of its own",
        Some(b'\n' | b'\r') => "a line end has a meaning of its own",
        Some(delimiter) if !delimiter.is_ascii() => "it is not an ASCII character",
        None | Some(_) => return Ok(()),
    };
    Err(InputError::of_file(file, Problem::Delimiter(problem)))
}

fn unclear(file: &Arc<str>, found: char) -> InputError {
    let hint = if found == '\t' { "set format = \"tsv\", or the delimiter" } else { "set the delimiter" };
    InputError::of_file(file, Problem::UnclearDelimiter(found)).hinted(hint)
}

/// The first line that is not blank, without what stands in quotes.
fn unquoted_header(head: &[u8], terminator: u8) -> Vec<u8> {
    let mut header = Vec::new();
    let mut quoted = false;
    for byte in head {
        match byte {
            b'"' => quoted = !quoted,
            _ if quoted => {}
            byte if *byte == terminator && !header.trim_ascii().is_empty() => break,
            byte => header.push(*byte),
        }
    }
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delimiter(head: &str) -> Result<u8, String> {
        let options = Options::default();
        let dialect = Dialect::of(head.as_bytes(), Format::Csv, &options, &Arc::from("q.csv"));
        dialect.map(|dialect| dialect.delimiter).map_err(|error| error.to_string())
    }

    #[test]
    fn a_delimiter_is_taken_from_the_header_only_where_it_is_clear() {
        assert_eq!(delimiter("a,b;c\n1;2,3"), Ok(b','));
        assert_eq!(delimiter("a;b\n1,2;3"), Ok(b';'));
        assert_eq!(delimiter("\"a,x\";b\n"), Ok(b';'));
        assert_eq!(delimiter("\"a;b\"\n"), Ok(b','));
        assert_eq!(delimiter("\r\na;b\r\n"), Ok(b';'));
        assert_eq!(delimiter("\"a\n,b\";c\n1,2"), Ok(b';'));
        assert_eq!(delimiter("question"), Ok(b','));
        assert_eq!(
            delimiter("a\tb\n"),
            Err(r#"q.csv: the header has no ",", but has '\t'; set format = "tsv", or the delimiter"#.to_owned())
        );
        assert_eq!(delimiter("a|b"), Err(r#"q.csv: the header has no ",", but has '|'; set the delimiter"#.to_owned()));
    }
}
