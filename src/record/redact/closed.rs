//! JSON that breaks off, brought to an end.

use std::iter;

use super::escape::breaks_off;

/// What stands for a byte that is of no character.
const UNKNOWN: u8 = b'?';

/// JSON that may break off, ended so that it can be read. A string that is a value keeps what came of it;
/// a name and a word that break off go, for nobody knows the rest. What is there stays in its place.
pub(super) fn closed(json: &[u8]) -> Vec<u8> {
    let mut closer = Closer { text: in_utf8(json), ends: Vec::new(), is_name: false, whole: 0 };
    let mut at = 0;
    while at < closer.text.len() {
        at = closer.read(at);
    }
    let Closer { mut text, ends, whole, .. } = closer;
    text.truncate(whole);
    text.extend(ends.into_iter().rev());
    text
}

struct Closer {
    text: Vec<u8>,
    /// What ends the objects and arrays that are open, the outermost first.
    ends: Vec<u8>,
    /// Whether a string would be the name of a member.
    is_name: bool,
    /// Up to where it is JSON but for the ends. Nothing begins or ends behind that.
    whole: usize,
}

impl Closer {
    /// Reads what stands at a place, and says where to go on.
    fn read(&mut self, at: usize) -> usize {
        match self.text[at] {
            begin @ (b'{' | b'[') => {
                self.is_name = begin == b'{';
                self.ends.push(if self.is_name { b'}' } else { b']' });
                self.whole = at + 1;
            }
            b'}' | b']' => {
                self.ends.pop();
                self.whole = at + 1;
            }
            b',' => {
                self.is_name = self.ends.last() == Some(&b'}');
                self.whole = at;
            }
            b':' => self.is_name = false,
            b'"' => return self.string(at + 1),
            _ => {}
        }
        at + 1
    }

    /// Reads a string whose text begins at a place.
    fn string(&mut self, start: usize) -> usize {
        let mut at = start;
        while let Some(byte) = self.text.get(at) {
            match byte {
                b'"' => {
                    if !self.is_name {
                        self.whole = at + 1;
                    }
                    return at + 1;
                }
                b'\\' if breaks_off(&self.text[at..]) => {
                    self.text[at..].fill(UNKNOWN);
                    break;
                }
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
        if !self.is_name {
            self.text.push(b'"');
            self.whole = self.text.len();
        }
        self.text.len()
    }
}

/// A text of the same length that is UTF-8: a character that breaks off is none.
fn in_utf8(text: &[u8]) -> Vec<u8> {
    let mut utf8 = Vec::with_capacity(text.len() + 1);
    for chunk in text.utf8_chunks() {
        utf8.extend_from_slice(chunk.valid().as_bytes());
        utf8.extend(iter::repeat_n(UNKNOWN, chunk.invalid().len()));
    }
    utf8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_breaks_off_is_ended() {
        for (cut, expected) in [
            (r#"{"a":[{"b":"c"#, r#"{"a":[{"b":"c"}]}"#),
            (r#"{"a":"b\"#, r#"{"a":"b?"}"#),
            (r#"{"a":"b\u00"#, r#"{"a":"b????"}"#),
            (r#"{"a":"b\\"#, r#"{"a":"b\\"}"#),
            (r#"{"a":"b\""#, r#"{"a":"b\""}"#),
            (r#"{"a":"b","#, r#"{"a":"b"}"#),
            (r#"{"a":"b","c"#, r#"{"a":"b"}"#),
            (r#"{"a":"b","c":"#, r#"{"a":"b"}"#),
            (r#"{"a":"b","c":12"#, r#"{"a":"b"}"#),
            (r#"{"a":12,"#, r#"{"a":12}"#),
            (r#"{"a":["b",nul"#, r#"{"a":["b"]}"#),
            (r#"{"a":{}"#, r#"{"a":{}}"#),
            (r#"{"a"#, "{}"),
            ("{", "{}"),
            (r#"{"a":"b"}"#, r#"{"a":"b"}"#),
            ("[DONE]", "[DONE]"),
            ("]\"", "]\"\""),
            ("", ""),
        ] {
            assert_eq!(str::from_utf8(&closed(cut.as_bytes())).unwrap(), expected, "{cut}");
        }
        assert_eq!(closed(b"{\"a\":\"\xf0\x9f"), b"{\"a\":\"??\"}");
    }
}
