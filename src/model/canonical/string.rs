//! Strings: as short as JSON allows, and a lone surrogate as the escape that it is.

use std::borrow::Cow;

use super::CanonicalError;
use super::reader::Reader;

impl<'a> Reader<'a, '_> {
    /// Copies a string whose text is its own canonical form; says whether it is one, and stays where
    /// it is where not.
    pub(super) fn copied_string(&mut self) -> bool {
        let mut end = self.at + 1;
        loop {
            end += plain_length(&self.json[end..]);
            match self.json[end..] {
                [b'"', ..] => break,
                [b'\\', b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't', ..] => end += 2,
                _ => return false,
            }
        }
        if end > self.utf8_to {
            return false;
        }
        self.out.extend_from_slice(&self.json[self.at..=end]);
        self.at = end + 1;
        true
    }

    /// Reads a string and gives its content as UTF-8, where a lone surrogate stays the escape
    /// that it is, in lower case. What is borrowed has no escape, and needs none.
    pub(super) fn string(&mut self) -> Result<Cow<'a, [u8]>, CanonicalError> {
        self.at += 1;
        let start = self.at;
        let mut owned: Option<Vec<u8>> = None;
        loop {
            let plain = plain_length(&self.json[self.at..]);
            if let Some(text) = &mut owned {
                text.extend_from_slice(&self.json[self.at..self.at + plain]);
            }
            self.at += plain;
            match self.peek().ok_or_else(|| self.error("a string has no end"))? {
                b'"' => break,
                b'\\' => {
                    let mut text = owned.take().unwrap_or_else(|| self.json[start..self.at].to_vec());
                    self.escape(&mut text)?;
                    owned = Some(text);
                }
                _ => return Err(self.error("a control character in a string")),
            }
        }
        let end = self.at;
        self.at += 1;
        if end > self.utf8_to {
            return Err(self.error("a string is not UTF-8"));
        }
        Ok(owned.map_or_else(|| Cow::Borrowed(&self.json[start..end]), Cow::Owned))
    }

    fn escape(&mut self, text: &mut Vec<u8>) -> Result<(), CanonicalError> {
        self.at += 1;
        let byte = self.peek().ok_or_else(|| self.error("a string has no end"))?;
        let plain = match byte {
            b'"' | b'\\' | b'/' => byte,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => return self.unicode_escape(text),
            _ => return Err(self.error("an unknown escape in a string")),
        };
        text.push(plain);
        self.at += 1;
        Ok(())
    }

    fn unicode_escape(&mut self, text: &mut Vec<u8>) -> Result<(), CanonicalError> {
        let first = self.hex4()?;
        let mut code = u32::from(first);
        if (0xd800..0xdc00).contains(&first) && self.json[self.at..].starts_with(b"\\u") {
            let mark = self.at;
            self.at += 1;
            let second = self.hex4()?;
            if (0xdc00..0xe000).contains(&second) {
                code = 0x1_0000 + ((code - 0xd800) << 10) + (u32::from(second) - 0xdc00);
            } else {
                self.at = mark;
            }
        }
        if let Some(character) = char::from_u32(code) {
            text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        } else {
            // A lone surrogate in the WTF-8 form, which no valid text contains: `write`
            // turns it back into its escape, and it sorts by its code unit.
            text.extend_from_slice(&wtf8(first));
        }
        Ok(())
    }

    /// Reads `uXXXX`, the reader standing on the `u`.
    fn hex4(&mut self) -> Result<u16, CanonicalError> {
        let digits = self.json.get(self.at + 1..self.at + 5).ok_or_else(|| self.error("a string has no end"))?;
        let mut code = 0_u16;
        for digit in digits {
            let value = char::from(*digit).to_digit(16).ok_or_else(|| self.error("four hex digits were expected"))?;
            code = code << 4 | u16::try_from(value).expect("a hex digit is below 16");
        }
        self.at += 5;
        Ok(code)
    }
}

/// How many bytes a string goes on without an escape, its end, or what no string may hold.
fn plain_length(text: &[u8]) -> usize {
    let (words, rest) = text.as_chunks();
    for (index, word) in words.iter().enumerate() {
        let ends = ends(u64::from_le_bytes(*word));
        if ends != 0 {
            return index * size_of::<u64>() + ends.trailing_zeros() as usize / 8;
        }
    }
    let plain = rest.iter().take_while(|byte| !matches!(byte, b'"' | b'\\' | 0..=0x1f)).count();
    text.len() - rest.len() + plain
}

/// The highest bit of each byte of a word that ends a run of plain ones. Above the lowest of them
/// others may be set that are none.
const fn ends(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 0xff;
    const fn below(word: u64, limit: u64) -> u64 {
        word.wrapping_sub(ONES * limit) & !word & (ONES * 0x80)
    }
    const fn equal(word: u64, byte: u8) -> u64 {
        below(word ^ (ONES * byte as u64), 1)
    }
    below(word, 0x20) | equal(word, b'"') | equal(word, b'\\')
}

/// Writes what [`Reader::string`] gave, with the escapes that it needs.
pub(super) fn write(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text;
    while let Some(&byte) = rest.first() {
        let mut taken = 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0..=0x1f => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            0xed if rest.len() >= 3 && rest[1] >= 0xa0 => {
                let unit = 0xd000 | u16::from(rest[1] & 0x3f) << 6 | u16::from(rest[2] & 0x3f);
                out.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
                taken = 3;
            }
            _ => {
                taken = rest.iter().position(|byte| needs_care(*byte)).unwrap_or(rest.len()).max(1);
                out.extend_from_slice(&rest[..taken]);
            }
        }
        rest = &rest[taken..];
    }
    out.push(b'"');
}

const fn needs_care(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\' || byte == 0xed
}

/// The three bytes that UTF-8 would have for a surrogate, if it allowed one.
fn wtf8(unit: u16) -> [u8; 3] {
    let low = |shift: u32| u8::try_from(unit >> shift & 0x3f).expect("six bits fit a byte") | 0x80;
    [0xed, low(6), low(0)]
}
