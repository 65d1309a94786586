//! Numbers in ECMAScript's format, by their exact decimal value.

use super::CanonicalError;
use super::reader::Reader;

/// A number that has more digits before its point is written with an exponent.
const MOST_DIGITS: i64 = 21;

impl Reader<'_, '_> {
    pub(super) fn number(&mut self) -> Result<(), CanonicalError> {
        if let Some(end) = self.plain_whole_number() {
            self.out.extend_from_slice(&self.json[self.at..end]);
            self.at = end;
            return Ok(());
        }
        let negative = self.peek() == Some(b'-');
        if negative {
            self.at += 1;
        }
        let mut digits = Vec::with_capacity(20);
        let whole = self.digits(&mut digits)?;
        if whole > 1 && digits[0] == b'0' {
            return Err(self.error("a number starts with 0"));
        }
        let mut point = i64::try_from(whole).unwrap_or(i64::MAX);
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits(&mut digits)?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            point = point.saturating_add(self.exponent()?);
        }
        write_number(negative, &digits, point, &mut self.out);
        Ok(())
    }

    /// Where a number ends that stands as it is written: most are whole, and not very large.
    fn plain_whole_number(&self) -> Option<usize> {
        let text = &self.json[self.at..];
        let sign = usize::from(text.first() == Some(&b'-'));
        let count = text[sign..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let starts_well = matches!(text.get(sign), Some(b'1'..=b'9')) || (count == 1 && sign == 0);
        let goes_on = matches!(text.get(sign + count), Some(b'.' | b'e' | b'E'));
        let is_short = i64::try_from(count).is_ok_and(|count| count <= MOST_DIGITS);
        (starts_well && is_short && !goes_on).then_some(self.at + sign + count)
    }

    fn digits(&mut self, into: &mut Vec<u8>) -> Result<usize, CanonicalError> {
        let start = self.at;
        while let Some(byte @ b'0'..=b'9') = self.peek() {
            into.push(byte);
            self.at += 1;
        }
        if self.at == start { Err(self.error("a digit was expected")) } else { Ok(self.at - start) }
    }

    fn exponent(&mut self) -> Result<i64, CanonicalError> {
        let negative = self.peek() == Some(b'-');
        if matches!(self.peek(), Some(b'-' | b'+')) {
            self.at += 1;
        }
        let mut digits = Vec::new();
        self.digits(&mut digits)?;
        let value = digits.iter().try_fold(0_i64, |sum, digit| {
            sum.checked_mul(10)?.checked_add(i64::from(digit - b'0')).filter(|sum| *sum < 1_000_000_000_000)
        });
        let value = value.ok_or_else(|| self.error("a number's exponent is out of range"))?;
        Ok(if negative { -value } else { value })
    }
}

/// Writes a number: ECMAScript's `Number::toString` over an exact decimal value, which is
/// `0.DIGITS` times ten to the `point`.
fn write_number(negative: bool, digits: &[u8], point: i64, out: &mut Vec<u8>) {
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    let digits = &digits[zeros..];
    let end = digits.iter().rposition(|digit| *digit != b'0').map_or(0, |last| last + 1);
    let digits = &digits[..end];
    if digits.is_empty() {
        out.push(b'0');
        return;
    }
    let point = point - i64::try_from(zeros).unwrap_or(i64::MAX);
    let count = i64::try_from(digits.len()).unwrap_or(i64::MAX);
    if negative {
        out.push(b'-');
    }
    let zeros = |count: i64| std::iter::repeat_n(b'0', usize::try_from(count).unwrap_or(0));
    if count <= point && point <= MOST_DIGITS {
        out.extend_from_slice(digits);
        out.extend(zeros(point - count));
    } else if 0 < point && point <= MOST_DIGITS {
        let (whole, fraction) = digits.split_at(usize::try_from(point).unwrap_or(0));
        out.extend_from_slice(whole);
        out.push(b'.');
        out.extend_from_slice(fraction);
    } else if -6 < point && point <= 0 {
        out.extend_from_slice(b"0.");
        out.extend(zeros(-point));
        out.extend_from_slice(digits);
    } else {
        out.push(digits[0]);
        if count > 1 {
            out.push(b'.');
            out.extend_from_slice(&digits[1..]);
        }
        out.extend_from_slice(if point > 0 { b"e+" } else { b"e-" });
        out.extend_from_slice((point - 1).abs().to_string().as_bytes());
    }
}
