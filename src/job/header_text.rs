//! A text that goes into a header as it is.

use super::JobError;
use super::setting::Setting;

/// The longest text that is taken, in characters: servers refuse headers that are far longer.
const LONGEST: usize = 500;

/// Reads a text that a header carries unharmed: ASCII without control characters, and without
/// blanks around it, which a server may drop.
pub(super) fn read(setting: Setting) -> Result<String, JobError> {
    let ascii = setting.refuse("goes into a header, so it must be ASCII without control characters");
    let blanks = setting.refuse("must not begin or end with a blank");
    let long = setting.refuse(format!("must not be longer than {LONGEST} characters"));
    let text = setting.filled_text()?;
    if !text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        Err(ascii)
    } else if text.trim() != text {
        Err(blanks)
    } else if text.len() > LONGEST {
        Err(long)
    } else {
        Ok(text)
    }
}
