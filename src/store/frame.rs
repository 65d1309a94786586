//! A reply or a fault as one run of bytes, so that headers and body compress together.
//!
//! A reply: `0`, how many headers, each name and value, how many chunks, each the microseconds since
//! the one before and its length, then the raw body to the end. A fault: `1`, then its message.
//! Texts stand behind their length; numbers are LEB128.

use bytes::Bytes;

use crate::model::{Chunk, Fault, Header, Reply};

use super::StoreError;
use super::pack::{read_number, write_number};

const REPLY: u8 = 0;
const FAULT: u8 = 1;

/// Writes what came back.
pub(super) fn write(reply: &Result<Reply, Fault>, out: &mut Vec<u8>) {
    out.clear();
    match reply {
        Ok(reply) => write_reply(reply, out),
        Err(fault) => {
            out.push(FAULT);
            out.extend_from_slice(fault.message.as_bytes());
        }
    }
}

fn write_reply(reply: &Reply, out: &mut Vec<u8>) {
    out.push(REPLY);
    write_number(reply.headers.len() as u64, out);
    for header in &reply.headers {
        write_text(&header.name, out);
        write_text(&header.value, out);
    }
    write_number(reply.chunks.len() as u64, out);
    let mut before_us = 0;
    for chunk in &reply.chunks {
        write_number(chunk.offset_us.saturating_sub(before_us), out);
        write_number(chunk.length as u64, out);
        before_us = chunk.offset_us;
    }
    out.extend_from_slice(&reply.body);
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    write_number(text.len() as u64, out);
    out.extend_from_slice(text.as_bytes());
}

/// What a frame holds: the columns of its attempt say the rest.
pub(super) enum Frame {
    /// Headers, chunks and body.
    Reply(Vec<Header>, Vec<Chunk>, Bytes),
    /// The message of a fault.
    Fault(String),
}

/// Reads what came back.
pub(super) fn read(bytes: Vec<u8>) -> Result<Frame, StoreError> {
    let bytes = Bytes::from(bytes);
    let mut rest = bytes.get(1..).ok_or_else(|| StoreError::Damaged("an empty reply"))?;
    match bytes[0] {
        REPLY => {
            let headers = list(&mut rest, |rest| Ok(Header { name: read_text(rest)?, value: read_text(rest)? }))?;
            let mut offset_us = 0;
            let chunks = list(&mut rest, |rest| {
                offset_us += read_number(rest)?;
                let length = usize::try_from(read_number(rest)?).map_err(|_| StoreError::Damaged("a chunk"))?;
                Ok(Chunk { offset_us, length })
            })?;
            let body = bytes.slice(bytes.len() - rest.len()..);
            Ok(Frame::Reply(headers, chunks, body))
        }
        FAULT => Ok(Frame::Fault(String::from_utf8_lossy(rest).into_owned())),
        _ => Err(StoreError::Damaged("an unknown kind of reply")),
    }
}

fn list<T>(rest: &mut &[u8], mut read: impl FnMut(&mut &[u8]) -> Result<T, StoreError>) -> Result<Vec<T>, StoreError> {
    let count = read_number(rest)?;
    // A damaged count must not reserve memory.
    let mut items = Vec::with_capacity(usize::try_from(count).unwrap_or(usize::MAX).min(64));
    for _ in 0..count {
        items.push(read(rest)?);
    }
    Ok(items)
}

fn read_text(rest: &mut &[u8]) -> Result<String, StoreError> {
    let length = usize::try_from(read_number(rest)?).map_err(|_| StoreError::Damaged("a header"))?;
    let (text, tail) = rest.split_at_checked(length).ok_or_else(|| StoreError::Damaged("a header"))?;
    *rest = tail;
    Ok(String::from_utf8(text.to_vec()).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::model::{End, FaultKind};

    use super::*;

    fn any_reply() -> impl Strategy<Value = Reply> {
        let header = (".{0,12}", ".{0,40}").prop_map(|(name, value)| Header { name, value });
        let chunk = (0..1_000_000_u64, 0..5_000_usize);
        let body = prop::collection::vec(any::<u8>(), 0..2_000);
        (prop::collection::vec(header, 0..5), prop::collection::vec(chunk, 0..5), body).prop_map(
            |(headers, chunks, body)| {
                let mut offset_us = 0;
                let chunks = chunks
                    .into_iter()
                    .map(|(gap_us, length)| {
                        offset_us += gap_us;
                        Chunk { offset_us, length }
                    })
                    .collect();
                Reply { status: 200, headers, body: body.into(), chunks, end: End::Complete }
            },
        )
    }

    proptest! {
        #[test]
        fn a_reply_comes_back_as_it_was(reply in any_reply()) {
            let mut bytes = Vec::new();
            write(&Ok(reply.clone()), &mut bytes);
            let Frame::Reply(headers, chunks, body) = read(bytes).unwrap() else { panic!("a reply was written") };
            prop_assert_eq!((headers, chunks, body), (reply.headers, reply.chunks, reply.body));
        }

        #[test]
        fn damaged_bytes_are_an_error_and_not_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _frame = read(bytes);
        }
    }

    #[test]
    fn a_fault_comes_back_as_it_was() {
        let mut bytes = Vec::new();
        write(&Err(Fault { kind: FaultKind::Reset, message: "gone".to_owned() }), &mut bytes);
        assert!(matches!(read(bytes).unwrap(), Frame::Fault(message) if message == "gone"));
    }
}
