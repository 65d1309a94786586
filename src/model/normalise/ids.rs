//! Ids that are made at random.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::bytes::{Captures, Regex};

use super::numbering::mark;

/// The prefixes of the ids that model APIs and their gateways give out.
const PREFIXES: &str = "asst|batch|call|chatcmpl|cmpl|container|conv|ctc|embd|event|evt|fc|file|ft|ftjob|gen|item|job|mcp\
    |msg|obj|org|part|proj|req|resp|rs|run|sess|session|span|srvtoolu|step|task|thread|toolu|trace|upload|user|vs|ws";

/// What may be an id within a text. A placeholder is an id too: it stands for one.
static WITHIN: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"(?x)
        ‹id:[0-9]+›
        | (?-u:\b) (?:
            [0-9a-fA-F]{8} (?: - [0-9a-fA-F]{4} ){3} - [0-9a-fA-F]{12}
            | (?<prefix> [a-z][a-z0-9]{0,15} ) [-_] (?: [a-z]{2,8} [-_] | [0-9]{10} - )? (?<tail> [0-9A-Za-z]{14,} )
            | (?<dense> [0-7][0-9A-HJKMNP-TV-Z]{25} | [0-9a-fA-F]{24,} )
        ) (?-u:\b)";
    Regex::new(pattern).expect("the pattern is valid")
});

/// A text that is nothing but an id with a known prefix.
static WHOLE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(&format!("^(?:{PREFIXES})[-_](?<tail>[0-9A-Za-z]{{6,}})$")).expect("the pattern is valid")
});

static KNOWN: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(&format!("^(?:{PREFIXES})$")).expect("the pattern is valid"));

/// The text with every id marked.
pub(super) fn replace(text: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    if WHOLE.captures(&text).is_some_and(|found| has_digit(&found["tail"]) && has_letter(&found["tail"])) {
        let mut whole = Vec::with_capacity(text.len() + 2);
        mark(&text, &mut whole);
        return Cow::Owned(whole);
    }
    let (mut out, mut copied, mut at) = (Vec::new(), 0, 0);
    while let Some(found) = WITHIN.captures_at(&text, at) {
        let id = found.get(0).expect("the whole match is always there");
        if is_id(&found) {
            out.extend_from_slice(&text[copied..id.start()]);
            mark(id.as_bytes(), &mut out);
            (copied, at) = (id.end(), id.end());
        } else {
            at = id.start() + 1;
        }
    }
    if copied == 0 {
        return text;
    }
    out.extend_from_slice(&text[copied..]);
    Cow::Owned(out)
}

/// Whether what may be an id is one. A long number is none, and neither is a word with a number at
/// its end, such as the name of a test.
fn is_id(found: &Captures<'_>) -> bool {
    if let Some(dense) = found.name("dense") {
        return has_digit(dense.as_bytes()) && has_letter(dense.as_bytes());
    }
    let (Some(prefix), Some(tail)) = (found.name("prefix"), found.name("tail")) else { return true };
    let tail = tail.as_bytes();
    if KNOWN.is_match(prefix.as_bytes()) {
        return has_digit(tail) || tail.iter().any(u8::is_ascii_uppercase);
    }
    let digits = tail.iter().filter(|byte| byte.is_ascii_digit()).count();
    digits >= 3 && tail.windows(2).any(|pair| pair[0].is_ascii_digit() && pair[1].is_ascii_alphabetic())
}

fn has_digit(text: &[u8]) -> bool {
    text.iter().any(u8::is_ascii_digit)
}

fn has_letter(text: &[u8]) -> bool {
    text.iter().any(u8::is_ascii_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::super::numbering::{Numbering, number};
    use super::*;

    fn normal(text: &str) -> String {
        let replaced = replace(Cow::Borrowed(text.as_bytes()));
        String::from_utf8(number(&replaced, Numbering::ByAppearance)).unwrap()
    }

    #[test]
    fn what_is_an_id_is_found_within_a_text() {
        for id in [
            "550e8400-e29b-41d4-a716-446655440000",
            "550E8400-E29B-41D4-A716-446655440000",
            "01ARZ3NDEKTSV4RRFFQ69G5FAV",
            "507f1f77bcf86cd799439011",
            "d41d8cd98f00b204e9800998ecf8427e",
            "gen-1780944599-AbCdEfGhIjKlMnOpQrSt",
            "chatcmpl-BKw3ZqYxX0aBcDeFgHiJkLmNoPqRs",
            "msg_01XFDUDYJgAACzvnptvVoYEL",
            "msg_bdrk_01FnJwNabcdefghijkLMNop1",
            "resp_67ccd2bed1ec8190b14f964abc0542670bb6a6b452d3795b",
            "run_abc123DEF456ghi7",
            "req_011CSHoEeqs5C35K2UUqR7Fy",
            "file-6F2ksmvXxt4VdoqmHRw6kL",
            "toolu_bdrk_015FK8Aabcdefghijk2",
            "user_01h455vb4pex5vsknk084sn02q",
        ] {
            assert_eq!(normal(&format!("see {id}, and {id}.")), "see ‹id:1›, and ‹id:1›.", "{id}");
            assert_eq!(normal(id), "‹id:1›", "{id}");
        }
    }

    #[test]
    fn what_is_no_id_is_left() {
        for text in [
            "the file-report-2024 and run_2024_baseline",
            "test_internationalization2 test_serialization1",
            "314159265358979323846264338327",
            "an-extraordinarilylongwordwithoutnumbers",
            "run_1",
            "gpt-4o-2024-08-06",
            "deadbeef",
            "",
        ] {
            assert_eq!(normal(text), text);
        }
    }

    #[test]
    fn a_short_id_with_a_known_prefix_counts_alone() {
        assert_eq!(normal("file-abc123"), "‹id:1›");
        assert_eq!(normal("read file-abc123"), "read file-abc123");
    }

    #[test]
    fn what_looks_like_an_id_does_not_hide_one_within() {
        assert_eq!(normal("chatcmpl-550e8400-e29b-41d4-a716-446655440000"), "chatcmpl-‹id:1›");
        assert_eq!(normal("sha-abcdefabcdefabcdefabcdef12"), "sha-‹id:1›");
    }
}
