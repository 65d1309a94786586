//! A pattern of a job to strike.

use std::ops::Range;

use regex::bytes::{Captures, Regex, RegexBuilder};

use super::escape::escaped;
use super::replacement::{Finder, Replacement};

/// How large a rule's compiled form may get, in bytes.
const SIZE_LIMIT: usize = 1 << 20;

/// A pattern, and what takes the place of what it matches.
#[derive(Clone)]
pub(super) struct Rule {
    regex: Regex,
    with: Box<[u8]>,
    /// The same as it is written within a JSON string, where that is something else.
    with_in_json: Option<Box<[u8]>>,
}

/// A rule that is no regular expression. It is told by its number: it may itself be a secret.
#[derive(Debug, thiserror::Error)]
#[error("record.redact: pattern {number} is not a regular expression: {problem}")]
pub struct RedactError {
    /// Which rule it is, from 1.
    pub number: usize,
    /// What is wrong with it.
    pub problem: String,
}

impl Rule {
    /// The job's rule of a number.
    pub(super) fn new(number: usize, pattern: &str, with: &str) -> Result<Self, RedactError> {
        let regex = RegexBuilder::new(pattern).size_limit(SIZE_LIMIT).build();
        let regex = regex.map_err(|error| RedactError { number, problem: problem(&error) })?;
        // The names of groups stay as they are.
        let in_json = escaped(with);
        let with_in_json = (in_json != with).then(|| in_json.into_bytes().into());
        Ok(Self { regex, with: with.as_bytes().into(), with_in_json })
    }
}

impl Finder for Rule {
    fn find(&self, text: &[u8], is_in_string: &dyn Fn(&Range<usize>) -> bool) -> Vec<Replacement> {
        let replacement = |captures: Captures<'_>| {
            let place = captures.get(0).expect("the whole match is always there").range();
            let with = self.with_in_json.as_ref().filter(|_| is_in_string(&place)).unwrap_or(&self.with);
            let mut expanded = Vec::new();
            captures.expand(with, &mut expanded);
            Replacement { length: place.len(), place, with: expanded }
        };
        let replacements = self.regex.captures_iter(text).map(replacement);
        replacements.filter(|replacement| text[replacement.place.clone()] != *replacement.with).collect()
    }

    fn is_strict(&self) -> bool {
        false
    }
}

/// What is wrong with a pattern, without the pattern: the last line of the parser's message.
fn problem(error: &regex::Error) -> String {
    match error {
        regex::Error::Syntax(text) => {
            text.lines().next_back().unwrap_or_default().trim_start_matches("error: ").to_owned()
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::record::Redactor;
    use crate::record::redact::readings::Readings;
    use crate::record::redact::replacement::replaced;

    fn struck(pattern: &str, with: &str, body: &str) -> String {
        let rule = Rule::new(1, pattern, with).unwrap();
        let body = body.as_bytes();
        String::from_utf8(replaced(body, &Readings::of(body, false).found(&rule)).0).unwrap()
    }

    #[test]
    fn what_a_string_stands_for_is_struck_and_all_around_it_stays() {
        for (pattern, body, expected) in [
            ("Zoë", r#"{"a":"I am Zo\u00eb, \"4711\""}"#, r#"{"a":"I am N, \"4711\""}"#),
            ("Zoë", r#"{"a": 1e-7, "b" :"\/\u0041 Zo\u00EB\u00e9"}"#, r#"{"a": 1e-7, "b" :"\/\u0041 N\u00e9"}"#),
            ("Zoë", r#"{"Zo\u00eb":"Zoë","b":"\n"}"#, r#"{"N":"N","b":"\n"}"#),
            ("😀", r#"["\ud83d\uDE00!"]"#, r#"["N!"]"#),
            (r#""4711""#, r#"["say \"4711\", é"]"#, r#"["say N, é"]"#),
            (r#""4711"#, r#"["say \"4711\", é"]"#, r#"["say N\", é"]"#),
            (r"line\nbreak", r#"["line\nbreak \u00e9"]"#, r#"["N \u00e9"]"#),
            (r"C:\\x", r#"["C:\\x"]"#, r#"["N"]"#),
            ("a/b", r#"["a\/b"]"#, r#"["N"]"#),
            ("Zoë", "data: [\"Zo\\u00eb\"]\n\ndata: Zo\\u00eb\n\n", "data: [\"N\"]\n\ndata: N\n\n"),
            ("Zoë", r#"{"a":"I am Zo\u00eb, \u00"#, r#"{"a":"I am N, \u00"#),
            ("Zoë", r#"{"a":"I am Zo\u00eb""#, r#"{"a":"I am N""#),
            ("Zoë", "\u{feff}{\"a\":\"Zo\\u00eb \\\"\"}", "\u{feff}{\"a\":\"N \\\"\"}"),
        ] {
            assert_eq!(struck(pattern, "N", body), expected, "{pattern} in {body}");
        }
    }

    #[test]
    fn anchors_are_the_ends_of_what_a_string_stands_for() {
        for (pattern, body, expected) in [
            ("^Zoë$", r#"["Zo\u00eb","I am Zo\u00eb"]"#, r#"["N","I am Zo\u00eb"]"#),
            ("(?m)^name: .*$", r#"["id: 1\nname: Zo\nend"]"#, r#"["id: 1\nN\nend"]"#),
            (r"\bnew\b", r#"["a\nnew\tday"]"#, r#"["a\nN\tday"]"#),
            ("^", r#"["a\nb"]"#, r#"N["Na\nb"]"#),
        ] {
            assert_eq!(struck(pattern, "N", body), expected, "{pattern} in {body}");
        }
    }

    #[test]
    fn what_takes_a_place_is_escaped_with_what_groups_matched() {
        for (pattern, with, body, expected) in [
            ("Zoë", "\"N\\\n", r#"["Zo\u00eb"]"#, r#"["\"N\\\n"]"#),
            (r"(Zo.) of (\S+)", "$2/$1", r#"["Zo\u00eb of \"x\""]"#, r#"["\"x\"/Zoë"]"#),
            (r"(?<who>Zo.) of", "<${who}> by", r#"["Zo\u00eb of \"x\""]"#, r#"["<Zoë> by \"x\""]"#),
            ("Zo(.)", "Zo$1", r#"["Zo\u00eb\n"]"#, r#"["Zo\u00eb\n"]"#),
        ] {
            assert_eq!(struck(pattern, with, body), expected, "{pattern} in {body}");
        }
    }

    #[test]
    fn what_is_matched_in_both_ways_is_struck_once() {
        for (pattern, with, body, expected) in [
            (r#""email":\s*"[^"]*""#, r#""e":1"#, r#"{"email": "zo\u00eb@x","b":"\n"}"#, r#"{"e":1,"b":"\n"}"#),
            (r#"zo.@x|"email":\s*"[^"]*""#, r#""e":1"#, r#"{"email": "zo\u00eb@x"}"#, r#"{"e":1}"#),
            ("[0-9]+", "N", r#"["12\u003345 6"]"#, r#"["N N"]"#),
            ("[A-Za-zë]+", "N", r#"["Zo\u00eb!\nby"]"#, r#"["N!\nN"]"#),
        ] {
            assert_eq!(struck(pattern, with, body), expected, "{pattern} in {body}");
        }
    }

    #[test]
    fn a_part_of_an_escape_is_no_text() {
        for (pattern, body, expected) in [
            ("[0-9]{4}", r#"["\u0022 1234"]"#, r#"["\u0022 N"]"#),
            ("[0-9]+", r#"["\u04101234"]"#, r#"["\u0410N"]"#),
            ("[a-z]+@x", r#"["to:\nzoe@x"]"#, r#"["to:\nN"]"#),
            (r#"said [^"]*"#, r#"["Z said \"hi\""]"#, r#"["Z N\"hi\""]"#),
            // Half of a surrogate pair is a character that nobody knows, and so is half of an escape.
            ("Zoë", r#"["Zo\u00eb \ud83d","Zo\u00eb"]"#, r#"["N \ud83d","N"]"#),
            ("Zo", r#"["Zo\ud83d"]"#, r#"["N\ud83d"]"#),
            ("[0-9a-f]{2,}", r#"["Zoe\ude00ff"]"#, r#"["Zoe\ude00N"]"#),
            (r#"I am [^"]*"#, r#"["\n I am \ud83d Zo\u00eb"]"#, r#"["\n N"]"#),
            ("[0-9]+", r#"{"a":"12 \u00"#, r#"{"a":"N \u00"#),
        ] {
            assert_eq!(struck(pattern, "N", body), expected, "{pattern} in {body}");
        }
    }

    #[test]
    fn what_goes_beyond_a_string_takes_the_escapes_that_it_cuts() {
        for (pattern, body, expected) in [
            (r#""name":.{4}"#, r#"{"name":"Z\u00eb"}"#, r#"{N"}"#),
            (r#""name":.{5}"#, r#"{"name":"{\"a\":\"\\n\"}"}"#, r#"{N\":\"\\n\"}"}"#),
        ] {
            assert_eq!(struck(pattern, "N", body), expected, "{pattern} in {body}");
        }
    }

    #[test]
    fn where_no_json_is_an_escape_is_looked_at_as_one_and_as_it_is() {
        for (pattern, body, expected) in [
            ("Zoë", r"Zo\u00eb is no JSON", "N is no JSON"),
            ("Zoë", r#"["Zo\u00eb \x"]"#, r#"["N \x"]"#),
            (r"\bZoe\b", r#"{a: "hi\nZoe"}"#, r#"{a: "hi\nN"}"#),
            ("new", r"C:\new\u00e9", r"C:\N\u00e9"),
            ("ew", r"C:\new", r"C:\nN"),
            ("Zoë", r"Zo\\u00eb", "N"),
        ] {
            assert_eq!(struck(pattern, "N", body), expected, "{pattern} in {body}");
        }
        assert_eq!(struck("4711|Zoë", "\"N\"", r"C:\x 4711 Zo\u00eb"), r#"C:\x "N" \"N\""#);
    }

    #[test]
    fn json_among_other_words_is_looked_into_and_stays_json() {
        let json = r#"{"name":"to:\nZo\u00eb","n":"\u04101234"}"#;
        for (pattern, expected) in [
            ("Zoë", r#"{"name":"to:\n\"N\"","n":"\u04101234"}"#),
            ("n?Zo.", r#"{"name":"to:\n\"N\"","n":"\u04101234"}"#),
            ("[0-9]+", r#"{"name":"to:\nZo\u00eb","n":"\u0410\"N\""}"#),
            (r#""n":"[^"]*""#, r#"{"name":"to:\nZo\u00eb","N"}"#),
        ] {
            for (before, behind) in [
                ("Here it is:\n```json\n", "\n```\nwhich is \"all\"."),
                ("{\"a\":true}\n", "\n{\"b\":\"\\n\"}\n"),
                ("invalid request: ", ""),
                ("\u{feff}", ""),
            ] {
                let text = format!("{before}{json}{behind}");
                let expected = format!("{before}{expected}{behind}");
                assert_eq!(struck(pattern, "\"N\"", &text), expected, "{pattern} in {text}");
                let body = json!({ "content": text }).to_string();
                let kept: Value = serde_json::from_str(&struck(pattern, "\"N\"", &body)).unwrap();
                assert_eq!(kept["content"], expected, "{pattern} in {body}");
            }
        }
    }

    #[test]
    fn json_within_a_string_is_looked_into_and_stays_json() {
        let body = r#"{"arguments":"{\"name\":\"Zo\\u00eb\",\"n\":\"4711\"}"}"#;
        for (pattern, with, expected) in [
            ("Zoë", "N", r#"{"arguments":"{\"name\":\"N\",\"n\":\"4711\"}"}"#),
            ("Zoë|4711", "\"N\"", r#"{"arguments":"{\"name\":\"\\\"N\\\"\",\"n\":\"\\\"N\\\"\"}"}"#),
            (r#""name":"[^"]*""#, r#""name":null"#, r#"{"arguments":"{\"name\":null,\"n\":\"4711\"}"}"#),
            (r#""n":"4711""#, r#""n":0"#, r#"{"arguments":"{\"name\":\"Zo\\u00eb\",\"n\":0}"}"#),
        ] {
            assert_eq!(struck(pattern, with, body), expected, "{pattern}");
        }
        for (pattern, name) in
            [("[a-z]+@x", "to:\nzoe@x"), (r"\d{2,}", "Zo\u{eb} 4711"), ("[0-9a-c]{3,}", "\u{410}\u{411}\nabc")]
        {
            let string: String = name.chars().map(|one| written(one, !one.is_ascii())).collect();
            let written = format!(r#"{{"name":"{string}"}}"#);
            let body = serde_json::to_string(&json!({ "arguments": written })).unwrap();
            let kept: Value = serde_json::from_str(&struck(pattern, "N", &body)).unwrap();
            let kept: Value = serde_json::from_str(kept["arguments"].as_str().unwrap()).unwrap();
            assert_eq!(kept["name"], struck(pattern, "N", name), "{pattern}");
        }
        let twice = serde_json::to_string(&json!({ "a": body })).unwrap();
        let outer: Value = serde_json::from_str(&struck("Zoë", "N", &twice)).unwrap();
        assert_eq!(outer["a"], struck("Zoë", "N", body));
    }

    #[test]
    fn a_body_is_struck_but_once() {
        let redactor = Redactor::new([], [("Zoë|\"4711\"", "N"), (r"\d+", "9")]).unwrap();
        let body = Bytes::from_static(br#"{"a":"Zo\u00eb \"4711\" 12\u0033"}"#);
        let once = redactor.strike(&body);
        assert_eq!(once, r#"{"a":"N N 9"}"#);
        assert_eq!(redactor.strike(&once), once);
    }

    /// A character as JSON writes it, escaped where it must be or may be.
    fn written(character: char, may_be_escaped: bool) -> String {
        if may_be_escaped || matches!(character, '"' | '\\' | '\n') {
            return character.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect();
        }
        character.to_string()
    }

    proptest! {
        #[test]
        fn however_a_text_is_escaped_what_is_named_is_struck_from_it(
            pieces in prop::collection::vec("[abu0-9\"\\\\\n é😀]{0,4}|Zoë\"|😀\n", 0..9),
            escaped in prop::collection::vec(any::<bool>(), 45),
        ) {
            let text = pieces.concat();
            let string: String = text.chars().zip(escaped).map(|(one, escaped)| written(one, escaped)).collect();
            let kept = struck("Zoë\"|😀\n", "\"N\"\n", &format!(r#"{{"a":"{string}"}}"#));
            let kept: Value = serde_json::from_str(&kept).unwrap();
            prop_assert_eq!(&kept["a"], &text.replace("Zoë\"", "\"N\"\n").replace("😀\n", "\"N\"\n"));
        }
    }
}
