//! Server-sent events, out of bytes that come in any pieces.

use std::ops::Range;

/// What may stand before the first line.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// One event of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its `event:` line; empty where it has none.
    pub name: String,
    /// Its `data:` lines, joined by line feeds.
    pub data: Vec<u8>,
    /// Bytes of the stream up to its first line; comments before it are its own.
    pub start: usize,
    /// Bytes of the stream up to its end.
    pub end: usize,
    /// Whether a blank line ended it. The last event of a stream may have none.
    pub ended: bool,
}

impl Event {
    /// Where the body has each line of its data.
    #[must_use]
    pub fn data_places(&self, body: &[u8]) -> Vec<Range<usize>> {
        let mut start = self.start;
        let mut places = Vec::new();
        for whole in body[self.start..self.end].split(|byte| matches!(byte, b'\n' | b'\r')) {
            let end = start + whole.len();
            let line = if start == 0 { whole.strip_prefix(BYTE_ORDER_MARK).unwrap_or(whole) } else { whole };
            if let (b"data", value) = field(line) {
                places.push(end - value.len()..end);
            }
            start = end + 1;
        }
        places
    }
}

/// Takes a stream in pieces of any length, and gives its events as they end.
///
/// Lines end with CR, LF or both. Nothing is decoded but names, so that a character may be split
/// over pieces. Each byte is looked at once, however long its line is.
#[derive(Debug, Default)]
pub struct EventParser {
    /// What has come of a line that has not ended.
    line: Vec<u8>,
    /// The name and the data of the event that has not ended.
    name: String,
    data: Option<Vec<u8>>,
    /// Where it begins.
    start: usize,
    /// How many bytes were taken.
    offset: usize,
    /// The last line ended with CR, so that an LF behind it is a part of its end.
    after_return: bool,
    /// A line has ended, so that no byte order mark follows.
    begun: bool,
    comments: usize,
}

impl EventParser {
    /// Takes the next piece, and gives the events that end in it.
    pub fn push(&mut self, mut piece: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        if let [first, rest @ ..] = piece
            && std::mem::take(&mut self.after_return)
            && *first == b'\n'
        {
            self.offset += 1;
            piece = rest;
        }
        while let Some(at) = piece.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            let returns = piece[at] == b'\r';
            let feeds = returns && piece.get(at + 1) == Some(&b'\n');
            // Where an event ends may not depend on whether this piece has the LF too.
            self.offset += at + 1;
            events.extend(self.end_line(&piece[..at]));
            self.offset += usize::from(feeds);
            self.after_return = returns && piece.len() == at + 1;
            piece = &piece[at + 1 + usize::from(feeds)..];
        }
        self.line.extend_from_slice(piece);
        self.offset += piece.len();
        events
    }

    /// Ends the stream; gives the event that no blank line ended, where there is one.
    pub fn finish(&mut self) -> Option<Event> {
        if !self.line.is_empty() {
            self.end_line(&[]);
        }
        self.end_event().map(|event| Event { ended: false, ..event })
    }

    /// How many comments have come.
    #[must_use]
    pub const fn comments(&self) -> usize {
        self.comments
    }

    /// Takes the last part of a line, without its end.
    fn end_line(&mut self, part: &[u8]) -> Option<Event> {
        let mut earlier = std::mem::take(&mut self.line);
        let line = if earlier.is_empty() {
            part
        } else {
            earlier.extend_from_slice(part);
            &earlier
        };
        let line = if self.begun { line } else { line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line) };
        self.begun = true;
        if line.is_empty() {
            return self.end_event();
        }
        self.take(line);
        None
    }

    fn take(&mut self, line: &[u8]) {
        let (name, value) = field(line);
        match name {
            b"" => self.comments += 1,
            b"event" => self.name = String::from_utf8_lossy(value).into_owned(),
            b"data" => match &mut self.data {
                Some(data) => {
                    data.push(b'\n');
                    data.extend_from_slice(value);
                }
                None => self.data = Some(value.to_owned()),
            },
            _ => {}
        }
    }

    /// The event that ends here. One without data is none.
    fn end_event(&mut self) -> Option<Event> {
        let name = std::mem::take(&mut self.name);
        let data = self.data.take()?;
        let start = std::mem::replace(&mut self.start, self.offset);
        Some(Event { name, data, start, end: self.offset, ended: true })
    }
}

/// The name and the value of a line.
fn field(line: &[u8]) -> (&[u8], &[u8]) {
    let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
    let value = line.get(colon + 1..).unwrap_or_default();
    (&line[..colon], value.strip_prefix(b" ").unwrap_or(value))
}

/// The events of a whole body, and how many comments it has.
#[must_use]
pub fn events(body: &[u8]) -> (Vec<Event>, usize) {
    let mut parser = EventParser::default();
    let mut events = parser.push(body);
    events.extend(parser.finish());
    (events, parser.comments())
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use proptest::prelude::*;

    use super::*;

    fn in_pieces<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Event>, usize) {
        let mut parser = EventParser::default();
        let mut events = Vec::new();
        for piece in pieces {
            events.extend(parser.push(piece));
        }
        events.extend(parser.finish());
        (events, parser.comments())
    }

    /// Names, data and whether a blank line ended them.
    fn told(body: &str) -> Vec<(String, String, bool)> {
        let (events, _) = events(body.as_bytes());
        events.into_iter().map(|event| (event.name, String::from_utf8(event.data).unwrap(), event.ended)).collect()
    }

    #[test]
    fn events_are_read_as_the_standard_says() {
        let plain =
            |data: &[&str]| data.iter().map(|data| (String::new(), (*data).to_owned(), true)).collect::<Vec<_>>();
        for (body, expected) in [
            ("data: a\n\ndata:b\n\n", plain(&["a", "b"])),
            ("data: a\r\n\r\ndata: b\r\n\r\n", plain(&["a", "b"])),
            ("data: a\r\rdata: b\r\r", plain(&["a", "b"])),
            ("data: a\r\n\ndata: b\n\r\n", plain(&["a", "b"])),
            ("\u{feff}data: a\n\n", plain(&["a"])),
            ("data: a\ndata: b\ndata:\n\n", plain(&["a\nb\n"])),
            ("data\n\ndata:\n\n", plain(&["", ""])),
            ("data:  a \n\n", plain(&[" a "])),
            (": comment\n\n:\n\nid: 7\nretry: 5\ndata: a\nunknown: x\n\n", plain(&["a"])),
            ("event: lost\n\ndata: a\n\n", plain(&["a"])),
            ("\n\n\r\n", plain(&[])),
        ] {
            assert_eq!(told(body), expected, "{body:?}");
        }
        assert_eq!(told("event: ping\ndata: {}\n\n"), [("ping".to_owned(), "{}".to_owned(), true)]);
        for last in ["data: a", "data: a\n", "data: a\r\n"] {
            assert_eq!(told(last), [(String::new(), "a".to_owned(), false)], "{last:?}");
        }
        assert_eq!(events(b": a\n\n: b\n: c").1, 3);
    }

    #[test]
    fn an_event_knows_where_it_ends() {
        let body = b": c\n\ndata: a\n\ndata: b\r\n\r\ndata: c";
        let places: Vec<_> = events(body).0.into_iter().map(|event| (event.start, event.end)).collect();
        // The LF of a blank line's CR LF may come with another piece, and counts with what follows.
        assert_eq!(places, [(0, 14), (14, 24), (24, 32)]);
    }

    #[test]
    fn a_line_of_megabytes_in_many_pieces_takes_no_time() {
        let mut body = b"data: ".to_vec();
        body.extend(std::iter::repeat_n(b'x', 8 << 20));
        body.extend(b"\n\n");
        let begun = Instant::now();
        let (events, _) = in_pieces(body.chunks(8 << 10));
        assert_eq!(events[0].data.len(), 8 << 20);
        assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
    }

    fn body() -> impl Strategy<Value = Vec<u8>> {
        let part = prop_oneof![
            4 => prop_oneof![Just("\n"), Just("\r"), Just("\r\n"), Just("\n\n")].prop_map(|end| end.as_bytes().to_vec()),
            4 => prop_oneof![Just("data: "), Just("data:"), Just("data"), Just("event: e"), Just(": "), Just("id:")]
                .prop_map(|field| field.as_bytes().to_vec()),
            3 => "[aé😀 ]{0,4}".prop_map(String::into_bytes),
            1 => Just(BYTE_ORDER_MARK.to_vec()),
            1 => prop::collection::vec(any::<u8>(), 0..4),
        ];
        prop::collection::vec(part, 0..40).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn pieces_of_any_length_give_the_same_events(body in body(), cuts in prop::collection::vec(0..8_usize, 0..80)) {
            let (mut rest, mut pieces) = (body.as_slice(), Vec::new());
            for cut in cuts {
                let (piece, tail) = rest.split_at(cut.min(rest.len()));
                pieces.push(piece);
                rest = tail;
            }
            pieces.push(rest);
            prop_assert_eq!(in_pieces(pieces), events(&body));
        }

        #[test]
        fn events_follow_each_other_within_the_body(body in body()) {
            let (events, _) = events(&body);
            let mut before = 0;
            for event in events {
                prop_assert!(event.start == before && event.end > event.start && event.end <= body.len());
                let lines: Vec<&[u8]> = event.data_places(&body).into_iter().map(|place| &body[place]).collect();
                prop_assert_eq!(lines.join(&b'\n'), event.data);
                before = event.end;
            }
        }
    }
}
