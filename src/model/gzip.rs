//! Bodies that were kept as a server compressed them.

use std::io::Read;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;

use super::{End, Reply};

/// How large a body may become: what is longer is taken for an attack, and left as it is.
const LONGEST: u64 = 128 * 1024 * 1024;
/// How everything begins that gzip has made.
const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// What gzip was made of; `None` where it is none, is damaged or cut, or is longer than 128 MiB.
#[must_use]
pub fn gunzip(bytes: &[u8]) -> Option<Bytes> {
    read(bytes).and_then(|(plain, whole)| whole.then_some(plain))
}

/// What could be read, and whether that is all of it.
fn read(bytes: &[u8]) -> Option<(Bytes, bool)> {
    if !bytes.starts_with(&MAGIC) {
        return None;
    }
    let mut plain = Vec::new();
    let whole = MultiGzDecoder::new(bytes).take(LONGEST + 1).read_to_end(&mut plain).is_ok();
    (plain.len() as u64 <= LONGEST).then(|| (plain.into(), whole))
}

impl Reply {
    /// The reply with its body as it was before gzip; `None` where it is no gzip, or says nothing
    /// of it. Of a body that was cut, what came is read.
    ///
    /// What is kept and replayed are the bytes that came. This is for whoever wants to know what
    /// they say.
    #[must_use]
    pub fn uncompressed(&self) -> Option<Self> {
        let encoding = self.header("content-encoding")?.trim();
        if !["gzip", "x-gzip"].iter().any(|name| encoding.eq_ignore_ascii_case(name)) {
            return None;
        }
        let (body, whole) = read(&self.body)?;
        if !whole && self.end == End::Complete {
            return None;
        }
        let headers = self.headers.iter().filter(|header| header.name != "content-encoding").cloned().collect();
        Some(Self { status: self.status, headers, body, chunks: Vec::new(), end: self.end })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::super::Header;
    use super::*;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn reply(encoding: &str, body: Vec<u8>, end: End) -> Reply {
        let headers = vec![Header { name: "content-encoding".to_owned(), value: encoding.to_owned() }];
        Reply { status: 200, headers, body: body.into(), chunks: vec![], end }
    }

    #[test]
    fn a_body_is_read_where_it_is_gzip_and_says_so() {
        let (whole, cut) = (gzip(b"{\"a\":1}"), gzip(&vec![7; 100_000])[..60].to_vec());
        let twice = [gzip(b"one "), gzip(b"two")].concat();
        for (encoding, body, end, expected) in [
            ("gzip", whole.clone(), End::Complete, Some(b"{\"a\":1}".to_vec())),
            ("X-GZip ", twice, End::Complete, Some(b"one two".to_vec())),
            ("br", whole.clone(), End::Complete, None),
            ("gzip", b"{\"a\":1}".to_vec(), End::Complete, None),
            ("gzip", whole[..whole.len() - 3].to_vec(), End::Complete, None),
            ("gzip", whole[..whole.len() - 3].to_vec(), End::Reset, Some(b"{\"a\":1}".to_vec())),
            ("gzip", b"\x1f\x8b".to_vec(), End::Complete, None),
        ] {
            let plain = reply(encoding, body, end).uncompressed();
            assert_eq!(plain.as_ref().map(|plain| plain.body.to_vec()), expected, "{encoding} {end:?}");
            assert!(plain.is_none_or(|plain| plain.headers.is_empty()));
        }
        let some = reply("gzip", cut, End::Reset).uncompressed().unwrap();
        assert!(some.body.iter().all(|byte| *byte == 7));
    }

    #[test]
    fn what_would_fill_the_memory_is_left_as_it_is() {
        let bomb = gzip(&vec![0; usize::try_from(LONGEST).unwrap() + 1]);
        assert!(bomb.len() < 1_000_000);
        assert_eq!(gunzip(&bomb), None);
        assert_eq!(reply("gzip", bomb, End::Complete).uncompressed(), None);
    }
}
