//! JSONL.

use serde_json::json;

use super::super::Options;
use super::{fields, message, of_format, read};
use crate::model::Format;

fn jsonl() -> Options {
    of_format(Format::Jsonl)
}

fn with_id(id: &str) -> Options {
    Options { id: Some(id.to_owned()), ..jsonl() }
}

#[test]
fn blank_lines_count_as_lines_and_not_as_rows() {
    let rows = read("\u{feff}{\"a\":1}\r\n\n  \t\r\n {\"a\":[true,null,\"x\"]} \n{}".as_bytes(), jsonl());
    assert_eq!(fields(&rows), [json!({"a": 1}), json!({"a": [true, null, "x"]}), json!({})]);
    let places: Vec<_> = rows.into_iter().flatten().map(|row| (row.number, row.line, row.id)).collect();
    assert_eq!(places, [(1, 1, "1".to_owned()), (2, 4, "2".to_owned()), (3, 5, "3".to_owned())]);
}

#[test]
fn an_empty_file_has_no_rows() {
    assert_eq!(read(b"", jsonl()), []);
    assert_eq!(read(b"\xef\xbb\xbf\n", jsonl()), []);
}

#[test]
fn fields_keep_the_order_of_the_file() {
    let rows = read(br#"{"z":1,"a":2,"m":3}"#, jsonl());
    let names: Vec<_> = rows[0].as_ref().unwrap().fields.keys().map(String::as_str).collect();
    assert_eq!(names, ["z", "a", "m"]);
}

#[test]
fn an_id_is_a_field_or_a_path_and_a_string_or_a_number() {
    let cases = [
        ("id", r#"{"id":"x"}"#, "x"),
        ("id", r#"{"id":81}"#, "81"),
        ("id", r#"{"id":123456789012345678901234567890}"#, "123456789012345678901234567890"),
        ("id", r#"{"id":-1.5}"#, "-1.5"),
        ("meta.row", r#"{"meta":{"row":"r"}}"#, "r"),
        ("meta.row", r#"{"meta":{"row":"r"},"meta.row":"whole"}"#, "whole"),
        ("turns.1", r#"{"turns":["a","b"]}"#, "b"),
    ];
    for (path, line, id) in cases {
        assert_eq!(read(line.as_bytes(), with_id(path))[0].as_ref().unwrap().id, id, "{path} {line}");
    }
}

#[test]
fn an_id_that_is_none_says_why() {
    let cases = [
        ("id", r#"{"id":" "}"#, r#"q:1: the id "id" is empty"#),
        ("id", r#"{"id":null}"#, r#"q:1: the id "id" is null, not a string or a number"#),
        ("a.b", r#"{"a":{"b":[1]}}"#, r#"q:1: the id "a.b" is a list, not a string or a number"#),
        (
            "question",
            r#"{"question_id":1,"b":2}"#,
            r#"q:1: the id field "question" is missing; did you mean "question_id"? the fields are "question_id", "b""#,
        ),
        (
            "turns.9",
            r#"{"turns":["a"]}"#,
            r#"q:1: the id field "turns.9" is missing; did you mean "turns"? the fields are "turns""#,
        ),
        ("id", "{}", r#"q:1: the id field "id" is missing"#),
    ];
    for (path, line, expected) in cases {
        assert_eq!(message(line.as_bytes(), with_id(path)), expected);
    }
}

#[test]
fn an_integer_beyond_64_bits_keeps_its_digits_as_a_string() {
    let line = r#"{"a":18446744073709551615,"b":18446744073709551616,"c":-9223372036854775808,"d":[-9223372036854775809],"e":"12345678901234567890123","f":1.5,"g":12345678901234567890.5}"#;
    let expected = json!({
        "a": u64::MAX, "b": "18446744073709551616", "c": i64::MIN, "d": ["-9223372036854775809"],
        "e": "12345678901234567890123", "f": 1.5, "g": 1.234_567_890_123_456_8e19
    });
    assert_eq!(fields(&read(line.as_bytes(), jsonl())), [expected]);
}

#[test]
fn a_bad_line_is_named_and_the_next_is_read() {
    let deep = format!("{}{}", "{\"a\":".repeat(200), "}".repeat(200));
    let cases: Vec<(&[u8], &str)> = vec![
        (b"{\"a\": 1,}", r#":9: not JSON: trailing comma: "{\"a\": 1,}""#),
        (b"{'a': 1}", r#":2: not JSON: key must be a string: "{'a': 1}""#),
        (b"{\"a\": 1} x", r#":10: not JSON: trailing characters: "{\"a\": 1} x""#),
        (
            b"{\"a\": 1",
            r#":7: not JSON: EOF while parsing an object: "{\"a\": 1"; a whole object must stand on one line, as jq -c writes it"#,
        ),
        (
            b"{",
            r#":1: not JSON: EOF while parsing an object: "{"; a whole object must stand on one line, as jq -c writes it"#,
        ),
        (b"{\"a\": NaN}", r#":7: not JSON: expected value: "{\"a\": NaN}"; JSON has no NaN; write null or a string"#),
        (
            b"{\"a\": -Infinity}",
            r#":8: not JSON: invalid number: "{\"a\": -Infinity}"; JSON has no Infinity; write null or a string"#,
        ),
        (b"[1]", r#":1: a list, where an object was expected: "[1]"; put one object a line, as jq -c '.[]' does"#),
        (b"\"x\"", r#":1: a string, where an object was expected: "\"x\"""#),
        (
            "{\"é\":1,\"b\":{\"k\":1,\"k\":2}}".as_bytes(),
            r#":21: the key "k" stands twice in one object: …"b\":{\"k\":1,\"k\":2}}""#,
        ),
        (br#"{"a":1,"\u0061":2}"#, r#":15: the key "a" stands twice in one object: …"a\":1,\"\\u0061\":2}""#),
        (b"{\"a\":\"\\ud800\"}", r#":13: not JSON: unexpected end of hex escape: "{\"a\":\"\\ud800\"}""#),
        (
            b"{\"a\":\"x\0\"}",
            r#":8: not JSON: control character (\u0000-\u001F) found while parsing a string: "{\"a\":\"x\0\"}""#,
        ),
        (b"{\"a\":1e999}", r#":10: not JSON: number out of range: "{\"a\":1e999}""#),
        (
            b"{\"a\":\"caf\xe9\"}",
            ":10: byte 0xE9 is not UTF-8: \"{\\\"a\\\":\\\"caf\u{fffd}\\\"}\"; convert the file to UTF-8, as with iconv -f WINDOWS-1252 -t UTF-8",
        ),
        (
            deep.as_bytes(),
            r#":636: not JSON: recursion limit exceeded: …"\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a"…"#,
        ),
    ];
    for (line, expected) in cases {
        let content = [b"{}\n\n", line, b"\r\n{\"last\":1}"].concat();
        let rows = read(&content, jsonl());
        assert_eq!(rows[1], Err(format!("q:3{expected}")));
        let last = rows[2].as_ref().unwrap();
        assert_eq!((rows.len(), last.number, last.line), (3, 3, 4));
    }
}

#[test]
fn a_line_up_to_the_limit_is_read_and_a_longer_one_is_skipped() {
    let options = Options { max_row_bytes: 7, ..jsonl() };
    let rows = read(b"{\"a\":1}\r\n{\"a\":12}\n{\"a\":1}\n{\"a\":123456789}\n{\"a\":1}", options.clone());
    let lines: Vec<_> = rows.into_iter().map(|row| row.map(|row| (row.number, row.line))).collect();
    let long =
        |line| Err(format!("q:{line}: the row is longer than 7 bytes, the limit of a row; shorten it, or take it out"));
    assert_eq!(lines, [Ok((1, 1)), long(2), Ok((3, 3)), long(4), Ok((5, 5))]);
    assert_eq!(Err(message(b"{\"a\":12345", options)), long(1));
}

#[test]
fn a_value_of_10_mb_is_read() {
    let text = "x".repeat(10_000_000);
    let rows = read(format!("{{\"a\":\"{text}\"}}\n{{}}").as_bytes(), jsonl());
    assert!(rows[0].as_ref().unwrap().fields["a"] == text);
    assert!(rows[1].is_ok());
}
