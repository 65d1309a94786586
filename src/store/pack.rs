//! Bodies in as few bytes as pay: compressed, small ones with a dictionary, large ones once.
//!
//! A packed body is a tag byte and what it says:
//! `0` raw bytes · `1` length, zstd · `2` dictionary id, length, zstd with that dictionary ·
//! `3` the id of a row of `body`. Numbers are LEB128.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use rusqlite::{Connection, OptionalExtension};
use sha2::{Digest, Sha256};
use zstd::bulk::{Compressor, Decompressor};

use super::StoreError;

/// A body longer than this is stored in `body`, once.
const INLINE_BYTES: usize = 8 * 1024;
/// A body shorter than this does not pay to compress.
const WORTH_COMPRESSING: usize = 128;
/// What zstd level is used: with a dictionary, level 1 is as small as higher ones on short JSON.
const LEVEL: i32 = 1;
/// How many bodies a dictionary is trained on.
const SAMPLES: usize = 512;
/// How large a dictionary may get.
const DICTIONARY_BYTES: usize = 16 * 1024;

const RAW: u8 = 0;
const ZSTD: u8 = 1;
const ZSTD_DICTIONARY: u8 = 2;
const ELSEWHERE: u8 = 3;

/// Packs the bodies of one kind (requests, replies, rows), and learns a dictionary for them.
pub(super) struct Packer {
    kind: &'static str,
    job: String,
    /// `None` leaves bodies as they are.
    plain: Option<Compressor<'static>>,
    trained: Option<(i64, Compressor<'static>)>,
    samples: Vec<Vec<u8>>,
}

impl Packer {
    /// A packer that goes on with the dictionary that an earlier run of the job has left.
    pub(super) fn load(connection: &Connection, kind: &'static str, job: &str) -> Result<Self, StoreError> {
        let found = connection
            .prepare_cached("SELECT id, bytes FROM dictionary WHERE job = ?1 AND kind = ?2 ORDER BY id DESC LIMIT 1")?
            .query_row((job, kind), |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)))
            .optional()?;
        let trained = found.map(|(id, bytes)| trained(&bytes).map(|compressor| (id, compressor))).transpose()?;
        let plain = Some(Compressor::new(LEVEL).map_err(StoreError::Compress)?);
        Ok(Self { kind, job: job.to_owned(), plain, trained, samples: Vec::new() })
    }

    /// A packer that leaves bodies as they are, and keeps large ones once.
    pub(super) const fn plain() -> Self {
        Self { kind: "", job: String::new(), plain: None, trained: None, samples: Vec::new() }
    }

    /// Packs a body into `out`.
    pub(super) fn pack(&mut self, connection: &Connection, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), StoreError> {
        out.clear();
        if bytes.len() > INLINE_BYTES {
            out.push(ELSEWHERE);
            write_number(put_body(connection, self.plain.as_mut(), bytes)?.unsigned_abs(), out);
            return Ok(());
        }
        self.learn(connection, bytes)?;
        let trained = self.trained.as_mut().map(|(id, compressor)| (*id, compressor));
        pack_inline(self.plain.as_mut(), trained, bytes, out)
    }

    fn learn(&mut self, connection: &Connection, bytes: &[u8]) -> Result<(), StoreError> {
        if self.plain.is_none() || self.trained.is_some() || bytes.len() < WORTH_COMPRESSING {
            return Ok(());
        }
        self.samples.push(bytes.to_vec());
        if self.samples.len() < SAMPLES {
            return Ok(());
        }
        let samples = std::mem::take(&mut self.samples);
        // Samples that have nothing in common train no dictionary: the next ones may.
        if let Ok(dictionary) = zstd::dict::from_samples(&samples, DICTIONARY_BYTES) {
            connection.prepare_cached("INSERT INTO dictionary (job, kind, bytes) VALUES (?1, ?2, ?3)")?.execute((
                &self.job,
                self.kind,
                &dictionary,
            ))?;
            self.trained = Some((connection.last_insert_rowid(), trained(&dictionary)?));
        }
        Ok(())
    }
}

fn trained(dictionary: &[u8]) -> Result<Compressor<'static>, StoreError> {
    let mut compressor = Compressor::with_dictionary(LEVEL, dictionary).map_err(StoreError::Compress)?;
    compressor.include_dictid(false).map_err(StoreError::Compress)?;
    Ok(compressor)
}

fn pack_inline(
    plain: Option<&mut Compressor<'static>>,
    trained: Option<(i64, &mut Compressor<'static>)>,
    bytes: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), StoreError> {
    if let Some(plain) = plain.filter(|_| bytes.len() >= WORTH_COMPRESSING) {
        let compressed = if let Some((id, compressor)) = trained {
            out.push(ZSTD_DICTIONARY);
            write_number(id.unsigned_abs(), out);
            compressor.compress(bytes)
        } else {
            out.push(ZSTD);
            plain.compress(bytes)
        };
        let compressed = compressed.map_err(StoreError::Compress)?;
        write_number(bytes.len() as u64, out);
        if out.len() + compressed.len() < bytes.len() {
            out.extend_from_slice(&compressed);
            return Ok(());
        }
        out.clear();
    }
    out.push(RAW);
    out.extend_from_slice(bytes);
    Ok(())
}

fn put_body(connection: &Connection, plain: Option<&mut Compressor<'static>>, bytes: &[u8]) -> Result<i64, StoreError> {
    let hash: [u8; 32] = Sha256::digest(bytes).into();
    let mut first = [0; 8];
    first.copy_from_slice(&hash[..8]);
    let prefix = i64::from_be_bytes(first);
    let found = connection
        .prepare_cached("SELECT id FROM body WHERE hash_prefix = ?1 AND hash = ?2")?
        .query_row((prefix, hash), |row| row.get(0))
        .optional()?;
    if let Some(id) = found {
        return Ok(id);
    }
    let mut packed = Vec::new();
    pack_inline(plain, None, bytes, &mut packed)?;
    connection
        .prepare_cached("INSERT INTO body (hash, hash_prefix, bytes) VALUES (?1, ?2, ?3)")?
        .execute((hash, prefix, &packed))?;
    Ok(connection.last_insert_rowid())
}

/// Unpacks bodies, and keeps the dictionaries that they need.
pub(super) struct Unpacker {
    plain: Decompressor<'static>,
    trained: HashMap<i64, Decompressor<'static>>,
}

impl Unpacker {
    pub(super) fn new() -> Result<Self, StoreError> {
        let plain = Decompressor::new().map_err(StoreError::Compress)?;
        Ok(Self { plain, trained: HashMap::new() })
    }

    /// Gives back the bytes that were packed.
    pub(super) fn unpack(&mut self, connection: &Connection, packed: &[u8]) -> Result<Vec<u8>, StoreError> {
        let (tag, mut rest) = packed.split_first().ok_or_else(|| StoreError::Damaged("an empty body"))?;
        match *tag {
            RAW => Ok(rest.to_vec()),
            ZSTD => decompress(&mut self.plain, rest),
            ZSTD_DICTIONARY => {
                let id = read_id(&mut rest)?;
                let decoder = match self.trained.entry(id) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(unknown) => unknown.insert(decoder(connection, id)?),
                };
                decompress(decoder, rest)
            }
            ELSEWHERE => {
                let id = read_id(&mut rest)?;
                let packed: Vec<u8> = connection
                    .prepare_cached("SELECT bytes FROM body WHERE id = ?1")?
                    .query_row([id], |row| row.get(0))
                    .optional()?
                    .ok_or_else(|| StoreError::Damaged("a body that is not there"))?;
                if packed.first() == Some(&ELSEWHERE) {
                    return Err(StoreError::Damaged("a body that points to a body"));
                }
                self.unpack(connection, &packed)
            }
            _ => Err(StoreError::Damaged("an unknown tag on a body")),
        }
    }
}

fn decoder(connection: &Connection, id: i64) -> Result<Decompressor<'static>, StoreError> {
    let bytes: Vec<u8> = connection
        .prepare_cached("SELECT bytes FROM dictionary WHERE id = ?1")?
        .query_row([id], |row| row.get(0))
        .optional()?
        .ok_or_else(|| StoreError::Damaged("a dictionary that is not there"))?;
    Decompressor::with_dictionary(&bytes).map_err(StoreError::Compress)
}

fn decompress(decompressor: &mut Decompressor<'static>, mut rest: &[u8]) -> Result<Vec<u8>, StoreError> {
    let length = usize::try_from(read_number(&mut rest)?).map_err(|_| StoreError::Damaged("a body's length"))?;
    // A frame can say of itself how long it is at most; a damaged length must not reserve memory.
    let bound = rest.len().saturating_mul(40_000).max(64 * 1024);
    if length > bound {
        return Err(StoreError::Damaged("a body's length"));
    }
    let bytes = decompressor.decompress(rest, length).map_err(|_| StoreError::Damaged("a compressed body"))?;
    if bytes.len() == length { Ok(bytes) } else { Err(StoreError::Damaged("a body's length")) }
}

fn read_id(rest: &mut &[u8]) -> Result<i64, StoreError> {
    i64::try_from(read_number(rest)?).map_err(|_| StoreError::Damaged("an id"))
}

/// Writes a number in LEB128.
pub(super) fn write_number(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

/// Reads a number in LEB128 and moves past it.
pub(super) fn read_number(rest: &mut &[u8]) -> Result<u64, StoreError> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, tail) = rest.split_first().ok_or_else(|| StoreError::Damaged("a number that is cut short"))?;
        *rest = tail;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(StoreError::Damaged("a number that is too long"))
}
