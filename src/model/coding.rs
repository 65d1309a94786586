//! Compressed bodies.

use std::io::{self, Read};

use bytes::Bytes;
use flate2::bufread::GzDecoder;
use flate2::read::{DeflateDecoder, ZlibDecoder};

use super::{End, Reply};

/// How large a kept body may become: what is longer is taken for an attack, and left as it is.
const LONGEST: usize = 128 << 20;
/// Bodies are compressed in windows of 8 MiB at most, as browsers hold it.
const ZSTD_WINDOW_LOG: u32 = 23;

/// A way in which HTTP compresses bodies, of those that are undone here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// Of one member or several. What stands behind them counts for nothing, as for most that read it.
    Gzip,
    /// A zlib stream, or a bare one, as some send it.
    Deflate,
    /// Of one frame or several.
    Zstd,
}

/// Why a body cannot be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// It becomes longer than was allowed.
    #[error("it becomes longer than {longest} bytes")]
    TooLong {
        /// What was allowed.
        longest: usize,
    },
    /// It is damaged, or cut.
    #[error("{source}")]
    Damaged {
        /// What could be read of it.
        read: Bytes,
        /// What is wrong with it.
        source: io::Error,
    },
}

impl Coding {
    /// The coding of a name that `content-encoding` has for it, in any case.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        match name.trim().to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => Some(Self::Gzip),
            "deflate" => Some(Self::Deflate),
            "zstd" => Some(Self::Zstd),
            _ => None,
        }
    }

    /// The coding that a body shows by its first bytes. Deflate shows in none for certain.
    #[must_use]
    pub const fn of_beginning(body: &[u8]) -> Option<Self> {
        match body {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Zstd),
            _ => None,
        }
    }

    /// Its name in `content-encoding`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Zstd => "zstd",
        }
    }

    /// What a body was compressed from.
    ///
    /// # Errors
    /// Fails if it is not compressed in this way, is damaged or cut, or becomes too long.
    pub fn unpack(self, body: &[u8], longest: usize) -> Result<Bytes, UnpackError> {
        let mut plain = Vec::new();
        let limit = u64::try_from(longest).unwrap_or(u64::MAX).saturating_add(1);
        let read = match self {
            Self::Gzip => gunzip_members(body, limit, &mut plain),
            Self::Deflate if is_zlib(body) => ZlibDecoder::new(body).take(limit).read_to_end(&mut plain),
            Self::Deflate => DeflateDecoder::new(body).take(limit).read_to_end(&mut plain),
            Self::Zstd => zstd::stream::read::Decoder::with_buffer(body).and_then(|mut decoder| {
                decoder.window_log_max(ZSTD_WINDOW_LOG)?;
                decoder.take(limit).read_to_end(&mut plain)
            }),
        };
        match read {
            _ if plain.len() > longest => Err(UnpackError::TooLong { longest }),
            Ok(_) => Ok(plain.into()),
            Err(source) => Err(UnpackError::Damaged { read: plain.into(), source }),
        }
    }

    /// Whether a body may be compressed in this way. A header may say so of one that its client has
    /// unpacked; no text is a deflated one, but for what a zlib stream begins with.
    fn is_of(self, body: &[u8]) -> bool {
        match self {
            Self::Deflate if Self::of_beginning(body).is_none() => is_zlib(body) || std::str::from_utf8(body).is_err(),
            _ => Self::of_beginning(body) == Some(self),
        }
    }
}

/// Whether a body begins as a zlib stream does: its method, and a checksum of its first two bytes.
fn is_zlib(body: &[u8]) -> bool {
    matches!(body, [first, second, ..] if first & 0x0f == 8 && (u16::from(*first) << 8 | u16::from(*second)) % 31 == 0)
}

/// Reads the members of gzip, up to what is none.
fn gunzip_members(mut body: &[u8], limit: u64, plain: &mut Vec<u8>) -> io::Result<usize> {
    loop {
        let left = limit.saturating_sub(plain.len() as u64);
        GzDecoder::new(&mut body).take(left).read_to_end(plain)?;
        if plain.len() as u64 >= limit || Coding::of_beginning(body) != Some(Coding::Gzip) {
            return Ok(plain.len());
        }
    }
}

/// What gzip was made of; `None` where it is none, is damaged or cut, or is longer than 128 MiB.
#[must_use]
pub fn gunzip(bytes: &[u8]) -> Option<Bytes> {
    Coding::Gzip.is_of(bytes).then(|| Coding::Gzip.unpack(bytes, LONGEST).ok())?
}

impl Reply {
    /// The reply with its body as it was before it was compressed; `None` where it was not, says
    /// nothing of it, or was in a way that is not undone here. Of a body that was cut, what came is
    /// read.
    ///
    /// What is kept and replayed are the bytes that came. This is for whoever wants to know what
    /// they say.
    #[must_use]
    pub fn uncompressed(&self) -> Option<Self> {
        let codings = self.codings()?;
        let body = codings.into_iter().rev().try_fold(self.body.clone(), |body, coding| {
            let is_cut = self.end != End::Complete;
            without(coding, &body, is_cut)
        })?;
        Some(self.plain(body))
    }

    /// The same, with what can be read of a body that is damaged, and of one that only shows by its first
    /// bytes how it was compressed.
    #[must_use]
    pub fn uncompressed_as_far_as_it_goes(&self) -> Option<Self> {
        let is_named = !self.has_unread_coding();
        let shown = || {
            let coding = Coding::of_beginning(&self.body).or_else(|| is_zlib(&self.body).then_some(Coding::Deflate))?;
            without(coding, &self.body, coding != Coding::Deflate).map(|body| self.plain(body))
        };
        let as_named = || {
            let codings = self.codings()?;
            let without = |body: Bytes, coding| without(coding, &body, Coding::of_beginning(&body).is_some());
            codings.into_iter().rev().try_fold(self.body.clone(), without).map(|body| self.plain(body))
        };
        is_named.then(|| self.uncompressed().or_else(as_named).or_else(shown))?
    }

    /// Whether a header names a way to compress that is not undone here.
    #[must_use]
    pub fn has_unread_coding(&self) -> bool {
        self.header("content-encoding")
            .is_some_and(|names| coding_names(names).any(|name| Coding::of_name(name).is_none()))
    }

    /// In which ways it was compressed, the last one last; `None` where it was not, or one is not known.
    fn codings(&self) -> Option<Vec<Coding>> {
        let names = coding_names(self.header("content-encoding")?);
        names.map(Coding::of_name).collect::<Option<Vec<Coding>>>().filter(|codings| !codings.is_empty())
    }

    /// The same reply with a plain body.
    fn plain(&self, body: Bytes) -> Self {
        let headers = self.headers.iter().filter(|header| header.name != "content-encoding").cloned().collect();
        Self { status: self.status, headers, body, chunks: Vec::new(), end: self.end }
    }
}

/// The codings that `content-encoding` names.
fn coding_names(names: &str) -> impl Iterator<Item = &str> {
    let names = names.split(',').map(str::trim);
    names.filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("identity"))
}

/// A body without the last way in which it was compressed. One that is cut gives what came of it.
fn without(coding: Coding, body: &[u8], is_cut: bool) -> Option<Bytes> {
    match coding.is_of(body).then(|| coding.unpack(body, LONGEST))? {
        Ok(plain) => Some(plain),
        Err(UnpackError::Damaged { read, .. }) if is_cut && !read.is_empty() => Some(read),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::super::Header;
    use super::*;

    const JSON: &[u8] = b"{\"a\":1}";

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(plain: &[u8], level: u32) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(level));
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn deflate(plain: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(plain: &[u8]) -> Vec<u8> {
        zstd::bulk::compress(plain, 1).unwrap()
    }

    fn reply(encoding: &str, body: Vec<u8>, end: End) -> Reply {
        let headers = vec![Header { name: "content-encoding".to_owned(), value: encoding.to_owned() }];
        Reply { status: 200, headers, body: body.into(), chunks: vec![], end }
    }

    #[test]
    fn a_body_is_read_where_it_is_compressed_and_says_so() {
        let (whole, json) = (gzip(JSON), Some(JSON.to_vec()));
        let cut = |mut body: Vec<u8>| {
            body.truncate(body.len() - 3);
            body
        };
        let twice = [gzip(b"one "), gzip(b"two")].concat();
        for (encoding, body, end, expected) in [
            ("gzip", whole.clone(), End::Complete, json.clone()),
            ("X-GZip ", twice, End::Complete, Some(b"one two".to_vec())),
            ("br", whole.clone(), End::Complete, None),
            ("", whole.clone(), End::Complete, None),
            ("gzip", JSON.to_vec(), End::Complete, None),
            ("gzip", JSON.to_vec(), End::Reset, None),
            ("gzip", cut(whole.clone()), End::Complete, None),
            ("gzip", cut(whole.clone()), End::Reset, json.clone()),
            ("gzip", [&*whole, b"\0\0\0"].concat(), End::Complete, json.clone()),
            ("gzip", [&*whole, b"\r\n"].concat(), End::Reset, json.clone()),
            ("gzip", b"\x1f\x8b".to_vec(), End::Complete, None),
            ("deflate", zlib(JSON, 6), End::Complete, json.clone()),
            ("Deflate", zlib(JSON, 0), End::Complete, json.clone()),
            ("deflate", deflate(JSON), End::Complete, json.clone()),
            ("deflate", JSON.to_vec(), End::Complete, None),
            ("deflate", JSON.to_vec(), End::Reset, None),
            ("deflate", whole.clone(), End::Complete, None),
            ("deflate", whole.clone(), End::Reset, None),
            ("gzip", b"\x1f\x8b".to_vec(), End::Reset, None),
            ("deflate", cut(zlib(JSON, 6)), End::Complete, None),
            ("deflate", cut(zlib(JSON, 6)), End::Reset, json.clone()),
            ("zstd", zstd(JSON), End::Complete, json.clone()),
            ("zstd", JSON.to_vec(), End::Complete, None),
            ("deflate, identity, gzip", gzip(&zlib(JSON, 6)), End::Complete, json.clone()),
            ("br, gzip", whole, End::Complete, None),
        ] {
            let plain = reply(encoding, body, end).uncompressed();
            assert_eq!(plain.as_ref().map(|plain| plain.body.to_vec()), expected, "{encoding} {end:?}");
            assert!(plain.is_none_or(|plain| plain.headers.is_empty()));
        }
        let cut = gzip(&vec![7; 100_000])[..60].to_vec();
        let some = reply("gzip", cut, End::Reset).uncompressed().unwrap();
        assert!(some.body.iter().all(|byte| *byte == 7));
    }

    #[test]
    fn what_would_fill_the_memory_is_left_as_it_is() {
        let zeros = vec![0; LONGEST + 1];
        for (encoding, bomb) in [("gzip", gzip(&zeros)), ("zstd", zstd(&zeros))] {
            assert!(bomb.len() < 1_000_000);
            assert_eq!(gunzip(&bomb), None);
            assert_eq!(reply(encoding, bomb, End::Complete).uncompressed(), None);
        }
    }

    #[test]
    fn a_coding_has_the_name_that_it_is_known_by() {
        for coding in [Coding::Gzip, Coding::Deflate, Coding::Zstd] {
            assert_eq!(Coding::of_name(coding.name()), Some(coding));
        }
        assert_eq!(Coding::of_name("br"), None);
    }
}
