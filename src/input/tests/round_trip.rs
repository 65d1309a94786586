//! What is written is what is read.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value};

use super::super::Options;
use super::{fields, of_format, read};
use crate::model::Format;

/// Texts of what makes CSV and JSON hard.
fn text() -> impl Strategy<Value = String> {
    vec(
        prop_oneof![
            Just("\""),
            Just(","),
            Just(";"),
            Just("\n"),
            Just("\r\n"),
            Just("\r"),
            Just("é\u{feff}"),
            Just(" "),
            Just("\0"),
            Just("a"),
            Just("\u{1F600}")
        ],
        0..6,
    )
    .prop_map(|pieces| pieces.concat())
}

fn csv_bytes(rows: &[Vec<String>], quoting: csv::QuoteStyle, crlf: bool) -> Vec<u8> {
    let terminator = if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
    let mut writer = csv::WriterBuilder::new().quote_style(quoting).terminator(terminator).from_writer(Vec::new());
    for row in rows {
        writer.write_record(row).unwrap();
    }
    writer.into_inner().unwrap()
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter("JSON has none", |number| number.is_finite()).prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((text(), inner), 0..4).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn csv_rows_are_read_as_they_were_written(
        rows in vec(vec(text(), 3), 0..8),
        always in any::<bool>(),
        crlf in any::<bool>(),
        mark in any::<bool>(),
        last in any::<bool>(),
    ) {
        let header: Vec<String> = ["first", "sec\nond, \"x\"", "third"].map(str::to_owned).to_vec();
        let all: Vec<_> = std::iter::once(header.clone()).chain(rows.clone()).collect();
        let quoting = if always { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary };
        let mut bytes = csv_bytes(&all, quoting, crlf);
        if !last {
            bytes.truncate(bytes.len() - if crlf { 2 } else { 1 });
        }
        if mark {
            bytes.splice(0..0, *b"\xef\xbb\xbf");
        }
        let read = read(&bytes, of_format(Format::Csv));
        let expected: Vec<Value> = rows
            .iter()
            .map(|row| Value::Object(header.iter().cloned().zip(row.iter().cloned().map(Value::from)).collect()))
            .collect();
        prop_assert_eq!(fields(&read), expected);
        let mut line = 1 + newlines(&header);
        for (row, read) in rows.iter().zip(read) {
            prop_assert_eq!(read.unwrap().line, line + 1);
            line += 1 + newlines(row);
        }
    }

    #[test]
    fn json_lines_are_read_as_they_were_written(
        rows in vec(vec((text(), json_value()), 0..4), 0..8),
        crlf in any::<bool>(),
        mark in any::<bool>(),
    ) {
        let rows: Vec<Map<String, Value>> = rows.into_iter().map(|members| members.into_iter().collect()).collect();
        let end = if crlf { "\r\n" } else { "\n" };
        let mark = if mark { "\u{feff}" } else { "" };
        let lines: Vec<String> = rows.iter().map(|row| serde_json::to_string(row).unwrap()).collect();
        let read = read(format!("{mark}{}", lines.join(end)).as_bytes(), of_format(Format::Jsonl));
        prop_assert_eq!(fields(&read), rows.into_iter().map(Value::Object).collect::<Vec<_>>());
    }

    #[test]
    fn any_bytes_are_read_or_named_and_end(bytes in vec(prop_oneof![Just(b'"'), Just(b','), Just(b'\n'), Just(b'\r'), Just(b'{'), any::<u8>()], 0..80)) {
        for format in Format::ALL {
            let options = Options { max_row_bytes: 20, ..of_format(format) };
            let rows = read(&bytes, options);
            prop_assert!(rows.len() <= bytes.len() + 1);
        }
    }
}

fn newlines(row: &[String]) -> u64 {
    row.iter().map(|cell| u64::try_from(cell.matches('\n').count()).unwrap()).sum()
}
