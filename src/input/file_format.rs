//! The format that a file's name says.

use std::path::Path;

use crate::model::Format;

use super::Compression;

/// The format that a file's name says, looking through `.gz` and `.zst`.
pub(super) fn of_path(path: &Path) -> Option<Format> {
    let name = if Compression::of_path(path).is_some() { path.with_extension("") } else { path.to_owned() };
    match extension(&name)?.as_str() {
        "csv" => Some(Format::Csv),
        "tsv" => Some(Format::Tsv),
        "jsonl" | "ndjson" => Some(Format::Jsonl),
        _ => None,
    }
}

/// A name's extension in lower case.
pub(super) fn extension(path: &Path) -> Option<String> {
    path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_says_the_format_through_a_compression() {
        let cases = [
            ("a.csv", Some(Format::Csv)),
            ("a.TSV", Some(Format::Tsv)),
            ("dir.x/a.jsonl", Some(Format::Jsonl)),
            ("a.ndjson.zst", Some(Format::Jsonl)),
            ("a.csv.GZ", Some(Format::Csv)),
            ("a.json", None),
            ("a.gz", None),
            (".csv", None),
            ("csv", None),
        ];
        for (name, format) in cases {
            assert_eq!(of_path(Path::new(name)), format, "{name}");
        }
    }
}
