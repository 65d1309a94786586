//! An HTTP client that shows what came over the wire: bytes, chunks, and when.

use std::fmt;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::wait::PATIENCE;

/// How many bytes of a piece are shown where a test fails.
const SHOWN: usize = 1000;

/// A `POST` that is sent on a connection of its own.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    url: String,
    headers: String,
    body: Vec<u8>,
}

/// An answer of which the head has come.
#[derive(Debug)]
pub(crate) struct Reply {
    /// The status.
    pub(crate) status: u16,
    head: String,
    stream: TcpStream,
    unread: Vec<u8>,
    asked: Instant,
    ending: Option<Ending>,
}

/// An answer that has ended.
#[derive(Clone)]
pub(crate) struct Answer {
    /// The status; 0 where the connection ended before it.
    pub(crate) status: u16,
    /// The status line and the header lines.
    pub(crate) head: String,
    /// The pieces of the body as they were framed, and when each came after the request was sent.
    pub(crate) pieces: Vec<(Duration, Vec<u8>)>,
    /// How it ended.
    pub(crate) ending: Ending,
}

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// As its framing says.
    Whole,
    /// The connection ended before that.
    Cut,
}

impl Ask {
    /// One with a body of JSON.
    pub(crate) fn post(url: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        Self { url: url.into(), headers: "content-type: application/json\r\n".to_owned(), body: body.into() }
    }

    /// One more header.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers += &format!("{name}: {value}\r\n");
        self
    }

    /// Sends it and waits for the head of the answer; none where the connection ends before it.
    pub(crate) fn reply(&self) -> Option<Reply> {
        let (host, path) = self.url.strip_prefix("http://").unwrap().split_once('/').unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let (headers, length) = (&self.headers, self.body.len());
        let head = format!("POST /{path} HTTP/1.1\r\nhost: {host}\r\n{headers}content-length: {length}\r\n\r\n");
        stream.write_all(&[head.as_bytes(), &self.body].concat()).unwrap();
        Reply::read(stream)
    }

    /// Sends it and reads the answer to its end.
    pub(crate) fn answer(&self) -> Answer {
        let none = || Answer { status: 0, head: String::new(), pieces: Vec::new(), ending: Ending::Cut };
        self.reply().map_or_else(none, Reply::answer)
    }
}

impl Reply {
    fn read(stream: TcpStream) -> Option<Self> {
        let asked = Instant::now();
        let (head, status) = (String::new(), 0);
        let mut reply = Self { status, head, stream, unread: Vec::new(), asked, ending: None };
        let end = reply.up_to(b"\r\n\r\n")?;
        reply.head = String::from_utf8(reply.take(end)).unwrap();
        reply.status = reply.head[9..12].parse().unwrap();
        Some(reply)
    }

    /// The next piece of the body; none at its end.
    pub(crate) fn piece(&mut self) -> Option<Vec<u8>> {
        if self.ending.is_some() {
            return None;
        }
        let piece = self.framed();
        if piece.is_none() {
            self.ending.get_or_insert(Ending::Cut);
        }
        piece
    }

    /// Reads it to its end.
    pub(crate) fn answer(mut self) -> Answer {
        let mut pieces = Vec::new();
        while let Some(piece) = self.piece() {
            pieces.push((self.asked.elapsed(), piece));
        }
        Answer { status: self.status, head: self.head, pieces, ending: self.ending.unwrap() }
    }

    /// None where the connection ends within it, or where the whole has ended.
    fn framed(&mut self) -> Option<Vec<u8>> {
        if header(&self.head, "transfer-encoding").is_some() {
            return self.chunk();
        }
        let length = header(&self.head, "content-length").map_or(0, |length| length.parse().unwrap());
        let whole = self.fill(length);
        self.ending = Some(if whole { Ending::Whole } else { Ending::Cut });
        Some(self.take(length.min(self.unread.len())))
    }

    fn chunk(&mut self) -> Option<Vec<u8>> {
        let end = self.up_to(b"\r\n")?;
        let line = String::from_utf8(self.take(end)).unwrap();
        let length = usize::from_str_radix(line.trim_end(), 16).unwrap();
        if !self.fill(length + 2) {
            return None;
        }
        let chunk = self.take(length);
        assert_eq!(self.take(2), b"\r\n");
        if chunk.is_empty() {
            self.ending = Some(Ending::Whole);
            return None;
        }
        Some(chunk)
    }

    /// How many unread bytes there are up to the end of a mark.
    fn up_to(&mut self, mark: &[u8]) -> Option<usize> {
        loop {
            if let Some(at) = self.unread.windows(mark.len()).position(|window| window == mark) {
                return Some(at + mark.len());
            }
            let unread = self.unread.len();
            if !self.fill(unread + 1) {
                return None;
            }
        }
    }

    /// Reads until so many bytes are unread; false where the connection ends before that.
    fn fill(&mut self, length: usize) -> bool {
        let mut buffer = vec![0; 64 * 1024];
        while self.unread.len() < length {
            match self.stream.read(&mut buffer) {
                Ok(0) => return false,
                Ok(read) => self.unread.extend_from_slice(&buffer[..read]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return false,
                Err(error) => panic!("the connection cannot be read: {error}"),
            }
        }
        true
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        self.unread.drain(..length).collect()
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.head.trim_end())?;
        for (at, piece) in &self.pieces {
            let shown = String::from_utf8_lossy(&piece[..piece.len().min(SHOWN)]).into_owned();
            writeln!(f, "{at:?}: {} bytes: {shown:?}", piece.len())?;
        }
        write!(f, "{:?}", self.ending)
    }
}

impl Answer {
    /// The bytes of the body.
    pub(crate) fn body(&self) -> Vec<u8> {
        self.chunks().concat()
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body()).unwrap()
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body()).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The pieces of the body.
    pub(crate) fn chunks(&self) -> Vec<&[u8]> {
        self.pieces.iter().map(|(_, piece)| piece.as_slice()).collect()
    }

    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        header(&self.head, name)
    }
}

fn header(head: &str, name: &str) -> Option<String> {
    let lines = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    lines.filter(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned()).next()
}
