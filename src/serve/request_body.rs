//! The body of a request: read whole, and decoded.

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, EXPECT};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};

use super::refusal::Refusal;
use crate::listener::Cut;
use crate::model::{Coding, UnpackError};

/// The longest body that is taken, decoded or not: 64 MiB.
pub(super) const LONGEST_BODY: usize = 64 << 20;
/// How much of a longer one is read and thrown away, so that its client comes to read the refusal:
/// most of them send all before they look.
const THROWN_AWAY: usize = 1 << 30;

/// Why there is no body.
#[derive(Debug)]
pub(super) enum NoBody {
    /// It cannot be taken.
    Refused(Refusal),
    /// Whoever sent it went away.
    Gone,
}

impl From<Cut> for NoBody {
    fn from(_: Cut) -> Self {
        Self::Gone
    }
}

impl From<Refusal> for NoBody {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Reads a body to its end and decodes it.
pub(super) async fn read(headers: &HeaderMap, body: Incoming) -> Result<Bytes, NoBody> {
    let raw = gather(headers, body).await?;
    let codings = codings(headers)?;
    if codings.is_empty() {
        return Ok(raw);
    }
    // Tens of megabytes take their time, and others are served meanwhile.
    let decoded = tokio::task::spawn_blocking(move || decode(raw, &codings, LONGEST_BODY));
    Ok(decoded.await.map_err(|_| NoBody::Gone)??)
}

/// Reads a body that nobody wants to its end, within reason, so that its client comes to read what
/// is said instead; not where it looks before it sends.
pub(super) async fn throw_away(headers: &HeaderMap, mut body: Incoming) {
    let mut length = 0_usize;
    while !headers.contains_key(EXPECT) && length <= THROWN_AWAY {
        match body.frame().await {
            Some(Ok(frame)) => length = length.saturating_add(frame.data_ref().map_or(0, Bytes::len)),
            Some(Err(_)) | None => return,
        }
    }
}

async fn gather(headers: &HeaderMap, mut body: Incoming) -> Result<Bytes, NoBody> {
    let too_long = || NoBody::Refused(Refusal::TooLong(LONGEST_BODY));
    let told = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if told > LONGEST_BODY && (headers.contains_key(EXPECT) || told > THROWN_AWAY) {
        return Err(too_long());
    }
    let (mut first, mut rest, mut length) = (Bytes::new(), BytesMut::new(), 0_usize);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Cut)?.into_data() else { continue };
        length = length.saturating_add(data.len());
        if length > THROWN_AWAY {
            return Err(too_long());
        }
        if length > LONGEST_BODY || told > LONGEST_BODY {
            (first, rest) = Default::default();
        } else if first.is_empty() {
            // Nearly all bodies come in one piece, which is then not copied.
            first = data;
        } else {
            if rest.is_empty() {
                rest.extend_from_slice(&first);
            }
            rest.extend_from_slice(&data);
        }
    }
    if length > LONGEST_BODY {
        return Err(too_long());
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}

/// The codings of a body, in the order in which they were applied.
fn codings(headers: &HeaderMap) -> Result<Vec<Coding>, Refusal> {
    let mut codings = Vec::new();
    for value in headers.get_all(CONTENT_ENCODING) {
        let value = String::from_utf8_lossy(value.as_bytes());
        for name in value.split(',').map(str::trim) {
            if name.is_empty() || name.eq_ignore_ascii_case("identity") {
                continue;
            }
            codings.push(Coding::of_name(name).ok_or_else(|| Refusal::UnknownEncoding(name.to_owned()))?);
        }
    }
    Ok(codings)
}

fn decode(body: Bytes, codings: &[Coding], longest: usize) -> Result<Bytes, Refusal> {
    codings.iter().rev().try_fold(body, |body, coding| {
        coding.unpack(&body, longest).map_err(|error| match error {
            UnpackError::TooLong { longest } => Refusal::TooLong(longest),
            UnpackError::Damaged { source, .. } => {
                Refusal::BadEncoding { encoding: coding.name(), problem: source.to_string() }
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;

    const BODY: &[u8] = br#"{"model":"m"}"#;

    fn headers(value: &'static str) -> HeaderMap {
        [(CONTENT_ENCODING, http::HeaderValue::from_static(value))].into_iter().collect()
    }

    fn gzipped(body: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    }

    fn decoded(name: &'static str, body: &[u8], longest: usize) -> Result<Bytes, Refusal> {
        decode(Bytes::copy_from_slice(body), &codings(&headers(name))?, longest)
    }

    #[test]
    fn every_known_encoding_is_undone() {
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(BODY).unwrap();
        let mut bare = DeflateEncoder::new(Vec::new(), Compression::fast());
        bare.write_all(BODY).unwrap();
        let zstd = zstd::bulk::compress(&gzipped(BODY), 1).unwrap();
        for (name, body) in [
            ("identity", BODY.to_vec()),
            ("gzip", gzipped(BODY)),
            ("X-GZIP", [gzipped(&BODY[..5]), gzipped(&BODY[5..])].concat()),
            ("deflate", zlib.finish().unwrap()),
            ("deflate", bare.finish().unwrap()),
            ("gzip, zstd", zstd),
        ] {
            assert_eq!(decoded(name, &body, 100).unwrap(), BODY, "{name}");
        }
    }

    #[test]
    fn what_grows_too_long_is_not_decoded_to_its_end() {
        let bomb = gzipped(&vec![b' '; 1 << 20]);
        assert_eq!(decoded("gzip", &bomb, 1000), Err(Refusal::TooLong(1000)));
        let bomb = zstd::bulk::compress(&vec![b' '; 1 << 20], 1).unwrap();
        assert_eq!(decoded("zstd", &bomb, 1000), Err(Refusal::TooLong(1000)));
    }

    #[test]
    fn what_is_not_what_it_says_is_refused() {
        let zlib = &b"\x78\x9c\xff\xff"[..];
        for (name, body) in [("gzip", BODY), ("deflate", zlib), ("zstd", BODY)] {
            let refusal = decoded(name, body, 100).unwrap_err();
            assert!(matches!(refusal, Refusal::BadEncoding { encoding, .. } if encoding == name), "{refusal}");
        }
        assert_eq!(codings(&headers("gzip, br")), Err(Refusal::UnknownEncoding("br".to_owned())));
    }
}
