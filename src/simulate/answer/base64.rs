//! Base64, as embeddings are asked for in it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The standard alphabet, with padding.
pub(super) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_standard_come_out() {
        let examples = ["", "f", "fo", "foo", "foob", "fooba", "foobar"];
        let expected = ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"];
        assert_eq!(examples.map(|text| base64(text.as_bytes())), expected);
        assert_eq!(base64(&[0xff, 0xfe, 0xfd]), "//79");
    }
}
