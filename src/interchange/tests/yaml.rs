//! Every way in which YAML writes a scalar down, by the bytes that it is read as.

use proptest::prelude::*;

use super::super::body::Side;
use super::super::node::Content;
use super::super::yaml::documents;

/// The bytes of the member `body` of a document.
fn body(yaml: &str) -> Vec<u8> {
    Side::Response.bytes(documents(yaml).unwrap()[0].get("body")).unwrap().unwrap_or_default()
}

#[test]
fn a_scalar_of_any_style_is_read_to_its_bytes() {
    for (yaml, expected) in [
        ("body: plain text", "plain text"),
        ("body: plain\n  folded\n\n  twice", "plain folded\ntwice"),
        ("body: 'it''s\n\n  two\n  lines'", "it's\ntwo lines"),
        (
            "body: \"a\\n  \\tb\\\n  \\  c\\\"\\\\\\/\\x41\\u00e9\\U0001F600\\e\\0\\N\\_\\L\\P\"",
            "a\n  \tb  c\"\\/Aé😀\u{1b}\0\u{85}\u{a0}\u{2028}\u{2029}",
        ),
        ("body: \"\\n    \\n{\\\"a\\\":\\\"x\n  y\\\"}\"", "\n    \n{\"a\":\"x y\"}"),
        ("body: |\n  a\n   b\n\n  c\n", "a\n b\n\nc\n"),
        ("body: |-\n  a\n\n\n", "a"),
        ("body: |+\n  : c\n\n  data: x\n\n\nnext: 1", ": c\n\ndata: x\n\n\n"),
        ("body: |2+\n    deep\n  flat\n\n", "  deep\nflat\n\n"),
        ("body: |2-\n\n   a", "\n a"),
        ("body: |\n  no end", "no end"),
        ("body: |\n  a\r\n  b\r\n", "a\nb\n"),
        ("body: >\n  one\n  two\n\n  three\n    kept\n  four\n", "one two\nthree\n  kept\nfour\n"),
        ("body: >-\n  one\n  two\n", "one two"),
        ("body: é ü 😀", "é ü 😀"),
        ("body: 12", "12"),
        ("body: no", "no"),
        ("body: 2024-01-02 03:04:05 Z", "2024-01-02 03:04:05 Z"),
        ("y: 1\nbody: y", "y"),
        ("body: !!str 12", "12"),
        ("body: !ruby/string x", "x"),
        ("body: ! 'bare tag'", "bare tag"),
        ("--- # comment\nbody: \"# none\" # one", "# none"),
        ("%YAML 1.1\n---\nbody: x\n...\n", "x"),
        ("{version: 1, body: 'flow'}", "flow"),
        ("body: &a text\nother: *a", "text"),
        ("base: &b {body: merged, x: 1}\n<<: *b\n", "merged"),
        ("base: &b {body: merged}\n<<: [*b]\nbody: own", "own"),
        ("? body\n: complex", "complex"),
    ] {
        assert_eq!(String::from_utf8_lossy(&body(yaml)), expected, "{yaml}");
    }
}

#[test]
fn binary_data_is_decoded_under_either_tag() {
    for yaml in [
        "body: !binary |-\n  AP+A\n  /w==\n",
        "body: !!binary |\n  AP+A/w==\n",
        "body: !!binary \"AP+A/w\"",
        "body: !<tag:yaml.org,2002:binary> AP+A/w==",
        "%TAG !y! tag:yaml.org,2002:\n---\nbody: !y!binary 'AP+A/w=='",
    ] {
        assert_eq!(body(yaml), b"\0\xff\x80\xff", "{yaml}");
    }
    let problem = documents("a: 1\nbody: !!binary '*'").unwrap_err();
    assert_eq!((problem.line, problem.column), (2, 16));
    assert!(problem.problem.starts_with("binary data is no base64"), "{}", problem.problem);
}

/// What libyaml makes of these line breaks, as it writes them: an indentation behind them is none
/// of the text.
#[test]
fn line_breaks_of_yaml_1_1_are_kept_and_their_indentation_is_not() {
    for (yaml, expected) in [
        ("body: 'one\u{2028}  two'", "one\u{2028}two"),
        ("body: 'one\u{2028}\n  two'", "one\u{2028}\ntwo"),
        ("body: 'one\n\n\u{2028}  two'", "one\n\u{2028}two"),
        ("body: 'one \n \t\u{2028}  \n two'", "one\u{2028}\ntwo"),
        ("body: 'it''s\u{2028}'", "it's\u{2028}"),
        ("body: one\n  two\u{2028}  three\n\n  four # none", "one two\u{2028}three\nfour"),
        ("body: \"one\\\u{2028}  two\"", "onetwo"),
        ("body: \"one\\ \n  \\ \u{2028}\n  \\x41\\\\\n  b\"", "one   \u{2028}\nA\\ b"),
        // As PyYAML's own emitter and editors of Windows write it.
        ("body: 'one\u{85}  two'", "one two"),
        ("body: 'one\u{85}\n  two'", "one\ntwo"),
        ("body: |\n  one\u{85}  two\u{85}", "one\ntwo\n"),
        ("body: 'one\u{2028}\r\n  two'\r\n", "one\u{2028}\ntwo"),
        ("body: |\r\n  one\u{2028}  two\r\n\r\n\u{2028}  three\r\n", "one\u{2028}two\n\n\u{2028}three\n"),
        // Blocks that have little else.
        ("body: |\n  one\n\u{2028}\n  two\n", "one\n\u{2028}\ntwo\n"),
        ("body: |+\n\u{2028}", "\u{2028}"),
        ("body: |\n\u{2028}", ""),
        ("body: |+\n\u{2028}\nnext: 1", "\u{2028}\n"),
        ("body: |2-\n\u{2028}\n   two\u{2028}", "\u{2028}\n two"),
        ("body: >\n  one\n\u{2028}  two\n", "one\u{2028}two\n"),
        ("body: >\n  one\u{2028}  two\n  three\n", "one\u{2028}two three\n"),
        ("body: >+\n\n\u{2028}  one\n    deep\u{2028}  two\n\u{2029}", "\n\u{2028}one\n  deep\u{2028}two\n\u{2029}"),
        ("body: >-\n  one\u{2028}", "one"),
        ("a | b: 1\nbody: | # a > b\n\n  > one\u{2028}  |\n", "\n> one\u{2028}|\n"),
        ("list:\n- >2\n   a\n\u{2028}  b\n", ""),
        ("body: '\u{2029}\u{2028}  two'", "\u{2029}\u{2028}two"),
        ("body: |\n  one\u{2028}  two\n", "one\u{2028}two\n"),
        ("body: |\n  one\n\u{2028}    two\n", "one\n\u{2028}  two\n"),
        ("body: |2-\n\u{2028}  two", "\u{2028}two"),
        ("body: \"one \\L two\"", "one \u{2028} two"),
        ("other: '\u{2028} \u{e000}'\nbody: '\u{e001}'", "\u{e001}"),
    ] {
        assert_eq!(String::from_utf8_lossy(&body(yaml)), expected, "{yaml:?}");
    }
}

#[test]
fn lines_are_counted_as_editors_count_them() {
    let documents = documents("a: 'x\u{2028}  y'\r\nb: |\n  \u{2029}\n  x\nc: 1\n").unwrap();
    let lines: Vec<usize> = documents[0].members().iter().map(|(_, value)| value.line).collect();
    assert_eq!(lines, [1, 4, 5]);
    let long = format!("a: '{}\u{2028}'\nb: 1\n", "é\n  ".repeat(3_000));
    assert_eq!(super::super::yaml::documents(&long).unwrap()[0].get("b").unwrap().line, 3_002);
    let problem = super::super::yaml::documents("a: '\u{2028}'\nb: }").unwrap_err();
    assert_eq!((problem.line, problem.column), (2, 4));
}

#[test]
fn nothing_is_nothing_and_an_empty_text_is_a_text() {
    for (yaml, null) in
        [("body:", true), ("body: ~", true), ("body: ''", false), ("body: !!str", false), ("body: null", true)]
    {
        let documents = documents(yaml).unwrap();
        let is_null = documents[0].members()[0].1.content == Content::Null;
        assert_eq!(is_null, null, "{yaml}");
    }
}

#[test]
fn aliases_that_would_fill_the_memory_are_refused() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let before = format!("*a{}, ", level - 1).repeat(10);
        bomb += &format!("a{level}: &a{level} [{before}]\n");
    }
    let problem = documents(&bomb).unwrap_err();
    assert_eq!(problem.problem, "the aliases stand for too many values, or for too much text");
    let text = format!("a: &a '{}'\nb: [{}]\n", "x".repeat(2 << 20), "*a, ".repeat(300));
    let problem = documents(&text).unwrap_err();
    assert_eq!((problem.line, problem.problem.contains("too much text")), (2, true), "{}", problem.problem);
    assert!(documents(&text.replace(&"*a, ".repeat(300), "*a, *a, *a")).is_ok());
    assert!(documents("a: &a [*a]").is_err());
    assert!(documents("a: *nobody").is_err());
}

#[test]
fn a_mistake_is_told_by_line_and_column() {
    for (yaml, line, column) in
        [("a: 1\nb: [1, 2\nc: }", 3, 2), ("a: 'x\n", 1, 4), ("a: 1\n  b: 2\n", 2, 4), ("a: \"\\q\"", 1, 4)]
    {
        let problem = documents(yaml).unwrap_err();
        assert_eq!((problem.line, problem.column), (line, column), "{yaml}: {}", problem.problem);
    }
}

#[test]
fn deep_nesting_is_an_error_and_no_overflow() {
    assert!(documents(&"[".repeat(100_000)).is_err());
    assert!(documents(&"- ".repeat(100_000)).is_err());
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[\\PC\\n\\t\u{2028}\u{2029}:\\-'\"|>&*!\\[\\]{}# ]{0,80}") {
        let _read = documents(&text);
    }

    #[test]
    fn a_quoted_text_is_read_as_it_was(text in any::<String>()) {
        // What JSON escapes, YAML escapes so too; only surrogate pairs are none of YAML's.
        let quoted = serde_json::to_string(&text).unwrap();
        let writable = text.chars().all(|character| !matches!(character, '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'));
        prop_assume!(writable);
        prop_assert_eq!(body(&format!("body: {quoted}")), text.into_bytes());
    }
}
