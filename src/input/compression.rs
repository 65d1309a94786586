//! Compressed files, known by their first bytes.

use std::fmt;
use std::io::{self, Read};
use std::path::Path;

use super::file_format;

/// The largest zstd window that is decoded, as a power of two: 128 MiB, what `zstd -d` takes
/// unasked. A hostile frame could ask for gigabytes.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// gzip, of one member or several.
    Gzip,
    /// Zstandard, of one frame or several.
    Zstd,
}

impl Compression {
    /// What the first bytes of a file say.
    pub(super) fn of_magic(magic: &[u8]) -> Option<Self> {
        match magic {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            // A frame, or a skippable frame before it.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::Zstd),
            _ => None,
        }
    }

    /// What a file's name says.
    pub(super) fn of_path(path: &Path) -> Option<Self> {
        match file_format::extension(path)?.as_str() {
            "gz" | "gzip" => Some(Self::Gzip),
            "zst" | "zstd" => Some(Self::Zstd),
            _ => None,
        }
    }

    /// Reads through the compression: all members, all frames.
    pub(super) fn decode(self, compressed: impl Read + Send + 'static) -> io::Result<Box<dyn Read + Send>> {
        Ok(match self {
            Self::Gzip => Box::new(flate2::read::MultiGzDecoder::new(compressed)),
            Self::Zstd => {
                let mut decoder = zstd::Decoder::new(compressed)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
                Box::new(decoder)
            }
        })
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        })
    }
}

/// What a file is whose first bytes say that it is no text, and none of the compressions above.
pub(super) fn foreign(magic: &[u8]) -> Option<(&'static str, &'static str)> {
    let known: [(&[u8], _, _); 5] = [
        (b"PK\x03\x04", "a ZIP archive or an .xlsx workbook", "unpack it, or export the sheet as CSV"),
        (b"PAR1", "a Parquet file", "export it as CSV or JSONL"),
        (b"BZh", "bzip2 data", "unpack it, or compress it with gzip or zstd"),
        (b"\xfd7zXZ", "xz data", "unpack it, or compress it with gzip or zstd"),
        (b"SQLite format 3", "a SQLite database", "export the table as CSV or JSONL"),
    ];
    let found = known.into_iter().find(|(start, ..)| magic.starts_with(start))?;
    Some((found.1, found.2))
}
