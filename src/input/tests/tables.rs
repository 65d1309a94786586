//! CSV and TSV.

use serde_json::json;

use super::super::{Options, RowReader};
use super::{fields, input, message, of_format, read};
use crate::model::Format;

fn csv() -> Options {
    of_format(Format::Csv)
}

fn with_id(id: &str) -> Options {
    Options { id: Some(id.to_owned()), ..csv() }
}

#[test]
fn every_cell_is_a_string_and_the_row_knows_its_number_line_and_id() {
    let rows = read(b"id,n\nx,007\n\n\"y\nz\",1e3\nw,\n", with_id("id"));
    assert_eq!(
        fields(&rows),
        [json!({"id": "x", "n": "007"}), json!({"id": "y\nz", "n": "1e3"}), json!({"id": "w", "n": ""})]
    );
    let places: Vec<_> = rows.into_iter().flatten().map(|row| (row.number, row.line, row.id)).collect();
    assert_eq!(places, [(1, 2, "x".to_owned()), (2, 4, "y\nz".to_owned()), (3, 6, "w".to_owned())]);
}

#[test]
fn without_an_id_column_the_number_is_the_id() {
    let ids: Vec<_> = read(b"a\nx\ny", csv()).into_iter().map(|row| row.unwrap().id).collect();
    assert_eq!(ids, ["1", "2"]);
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_first_column_even_in_quotes() {
    for content in ["\u{feff}a,b\r\n1,2\r\n", "\u{feff}\"a\",b\r\n1,2"] {
        assert_eq!(fields(&read(content.as_bytes(), csv())), [json!({"a": "1", "b": "2"})]);
    }
}

#[test]
fn lines_are_counted_right_with_crlf_blank_lines_and_line_ends_in_quotes() {
    let rows = read(b"\r\n\r\na,b\r\n\r\n\"1\r\n\r\n\",2\r\n3,4\r\n5\r\n", csv());
    let lines: Vec<_> = rows.iter().map(|row| row.as_ref().map(|row| row.line).map_err(Clone::clone)).collect();
    let ragged = "q:9: 2 cells were expected as in the header, but the row has 1: \"5\"";
    assert_eq!(lines, [Ok(5), Ok(8), Err(ragged.to_owned())]);
    assert_eq!(rows[0].as_ref().unwrap().fields["a"], "1\r\n\r\n");
}

#[test]
fn a_file_with_carriage_returns_alone_is_read() {
    let rows = read(b"a,b\r1,\"x\r\"\r3,4", csv());
    assert_eq!(fields(&rows), [json!({"a": "1", "b": "x\r"}), json!({"a": "3", "b": "4"})]);
    assert_eq!(rows[1].as_ref().unwrap().line, 4);
}

#[test]
fn control_characters_and_lone_carriage_returns_are_data() {
    let rows = read(b"a,b\n\0\x01,x\ry\x1a\n", csv());
    assert_eq!(fields(&rows), [json!({"a": "\0\u{1}", "b": "x\ry\u{1a}"})]);
}

#[test]
fn a_semicolon_is_taken_from_the_header_and_a_delimiter_can_be_set() {
    assert_eq!(fields(&read(b"a;b\n1,5;2\n", csv())), [json!({"a": "1,5", "b": "2"})]);
    let pipe = Options { delimiter: Some(b'|'), ..csv() };
    assert_eq!(fields(&read(b"a|b\n\"1|\"|2\n", pipe)), [json!({"a": "1|", "b": "2"})]);
    assert_eq!(fields(&read(b"a\tb\n1,\t2\n", of_format(Format::Tsv))), [json!({"a": "1,", "b": "2"})]);
    assert_eq!(
        message(b"a;b\n1\n", csv()),
        "q:2: 2 cells were expected as in the header, but the row has 1: \"1\"; \
         ';' was taken as delimiter from the header; set the delimiter if that is wrong"
    );
}

#[test]
fn a_delimiter_that_cannot_be_one_is_refused() {
    let cases = [
        (Format::Csv, b'"', "q: the delimiter cannot be used: a quote has a meaning of its own"),
        (Format::Tsv, b'\r', "q: the delimiter cannot be used: a line end has a meaning of its own"),
        (Format::Csv, 0xa7, "q: the delimiter cannot be used: it is not an ASCII character"),
        (Format::Jsonl, b',', "q: the delimiter cannot be used: only csv and tsv files have one"),
    ];
    for (format, delimiter, expected) in cases {
        assert_eq!(message(b"a\n", Options { delimiter: Some(delimiter), ..of_format(format) }), expected);
    }
}

#[test]
fn a_header_that_cannot_be_used_says_why() {
    let cases: [(&[u8], &str); 7] = [
        (b"", "q: empty file: a header line was expected"),
        (b"\xef\xbb\xbf\r\n\n", "q: empty file: a header line was expected"),
        (b"a,,b\n", "q:1: column 2 of the header has no name; name it in the header, or leave the column out"),
        (b"\n a,b, a\n", "q:2: columns 1 and 3 of the header have the same name: \" a\""),
        (
            b"a,b\xe9\n",
            "q:1:4: byte 0xE9 is not UTF-8: \"b\u{fffd}\"; convert the file to UTF-8, as with iconv -f WINDOWS-1252 -t UTF-8",
        ),
        (b"a,\"b\n", "q:1:3: a quote opens here and never closes; everything up to the last line, 1, is in that cell"),
        (b"a\tb\n", "q: the header has no \",\", but has '\\t'; set format = \"tsv\", or the delimiter"),
    ];
    for (content, expected) in cases {
        assert_eq!(message(content, csv()), expected);
        assert!(input(content, csv()).unwrap().rows().unwrap_err().is_fatal(), "{expected}");
    }
}

#[test]
fn a_header_alone_is_no_rows() {
    assert_eq!(read(b"a,b", csv()), []);
    assert_eq!(read(b"a,b\r\n\r\n", csv()), []);
}

#[test]
fn a_missing_id_column_names_the_columns_and_the_nearest() {
    assert_eq!(
        message(b"Question,Answer\n1,2\n", with_id("question")),
        "q:1: the header has no id column: \"question\"; did you mean \"Question\"? the columns are \"Question\", \"Answer\""
    );
    assert_eq!(
        message(b"a,b\n", with_id("zzz")),
        "q:1: the header has no id column: \"zzz\"; the columns are \"a\", \"b\""
    );
}

#[test]
fn a_bad_row_is_named_and_the_next_is_read() {
    let content = b"id,b\n1,x,y\n2\n \t,z\n4,caf\xe9 x\n5,\"a\"b\n6,ok\n";
    let rows = read(content, with_id("id"));
    let errors: Vec<_> = rows.iter().filter_map(|row| row.as_ref().err()).collect();
    assert_eq!(
        errors,
        [
            "q:2: 2 cells were expected as in the header, but the row has 3: \"1,x,y\"",
            "q:3: 2 cells were expected as in the header, but the row has 1: \"2\"",
            "q:4: the id \"id\" is empty",
            "q:5:6: byte 0xE9 in column \"b\" is not UTF-8: \"caf\u{fffd} x\"; \
             convert the file to UTF-8, as with iconv -f WINDOWS-1252 -t UTF-8",
            "q:6:6: text after the closing quote of a cell that opens on line 6; \
             a quote inside of a quoted cell is written twice",
        ]
    );
    let last = rows.last().unwrap().as_ref().unwrap();
    assert_eq!((last.number, last.line, last.id.as_str()), (6, 7, "6"));
}

#[test]
fn a_bad_byte_in_a_cell_of_many_lines_is_named_by_its_own_line() {
    assert_eq!(
        message(b"a,b\n\"x\ny\",\"\xc3\xa9\nz\xff\"\n", csv()),
        "q:4:2: byte 0xFF in column \"b\" is not UTF-8: \"é\\nz\u{fffd}\"; \
         convert the file to UTF-8, as with iconv -f WINDOWS-1252 -t UTF-8"
    );
}

#[test]
fn an_open_quote_is_named_where_it_opens() {
    assert_eq!(
        message("a,b\n1,2\né,\"x\n3,4\n5,6\n".as_bytes(), csv()),
        "q:3:3: a quote opens here and never closes; everything up to the last line, 5, is in that cell"
    );
    assert_eq!(
        message(b"a,b\n\"1\n\n\",\"x\n7", csv()),
        "q:4:3: a quote opens here and never closes; everything up to the last line, 5, is in that cell"
    );
}

#[test]
fn a_quote_that_closes_too_late_is_named_with_the_line_it_opens_on() {
    assert_eq!(
        message(b"a,b\n1,\"x\n2,y\n3,\"z\"\n4,ok\n", csv()),
        "q:4:4: text after the closing quote of a cell that opens on line 2; \
         a quote inside of a quoted cell is written twice"
    );
}

#[test]
fn text_behind_a_closing_quote_is_found_before_a_line_end_too() {
    assert_eq!(fields(&read(b"a\n\"x\"\r\n\"y\"\r", csv())), [json!({"a": "x"}), json!({"a": "y"})]);
    let expected = "q:2:5: text after the closing quote of a cell that opens on line 2; a quote inside of a quoted cell is written twice";
    assert_eq!(message(b"a\n\"x\"\ry\r\n", csv()), expected);
    assert_eq!(message(b"a,b\n\"x\"\r,\"\n\"\n", csv()), expected);
}

#[test]
fn a_row_up_to_the_limit_is_read_and_a_longer_one_is_not_kept() {
    let options = Options { max_row_bytes: 5, ..csv() };
    let rows = read(b"a,b\r\n12,45\r\n1,345\n12,456\n1,2\n", options.clone());
    let lines: Vec<_> = rows.into_iter().map(|row| row.map(|row| row.line)).collect();
    let long = "q:4: the row is longer than 5 bytes, the limit of a row; shorten it, or take it out";
    assert_eq!(lines, [Ok(2), Ok(3), Err(long.to_owned()), Ok(5)]);
    assert_eq!(
        message(b"a,b\n1,\"2\n3\n4\n5\n6\n\"\n7,8\n", options.clone()),
        "q:2: the row is longer than 5 bytes, the limit of a row; \
         it goes on to line 7: look for a quote too many, or shorten it, or take it out"
    );
    assert_eq!(
        message(b"a,b\n1,\"2\n3\n4\n5\n6\n7,8\n", options),
        "q:2:3: a quote opens here and never closes; everything up to the last line, 7, is in that cell"
    );
}

#[test]
fn a_cell_of_10_mb_is_read() {
    let cell = "é,\"\n".repeat(2_000_000);
    let content = format!("a,b\n1,\"{}\"\n2,x\n", cell.replace('"', "\"\""));
    let rows = read(content.as_bytes(), csv());
    assert!(rows[0].as_ref().unwrap().fields["b"] == cell);
    assert_eq!(rows[1].as_ref().unwrap().line, 2_000_003);
}

#[test]
fn the_columns_are_known_at_once_and_the_digest_at_the_end() {
    let input = input(b"\xef\xbb\xbfa,b\n1,2\n", csv()).unwrap();
    let mut rows: RowReader = input.rows().unwrap();
    assert_eq!(rows.columns().unwrap(), ["a", "b"]);
    assert_eq!(rows.digest(), None);
    assert_eq!(rows.by_ref().count(), 1);
    let digest = rows.digest().unwrap().map(|byte| format!("{byte:02x}")).concat();
    // printf '\xef\xbb\xbfa,b\n1,2\n' | sha256sum
    assert_eq!(digest, "4baf8d035fbc583379d998ac9ed3d18276d308ee43cf945ee88d0c54cca33992");
    assert_eq!(rows.bytes_read(), 11);
    assert_eq!(rows.next().map(|row| row.is_ok()), None);
}
