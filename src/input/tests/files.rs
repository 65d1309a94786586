//! Files: their names, their compression, and what can be wrong with them.

use std::error::Error;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;

use flate2::Compression as Level;
use flate2::write::GzEncoder;
use tempfile::TempDir;

use super::super::{Compression, Input, InputError, Options};
use super::of_format;
use crate::model::Format;

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Level::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn zstd(content: &[u8]) -> Vec<u8> {
    zstd::encode_all(content, 3).unwrap()
}

/// A directory with one file in it.
fn directory(name: &str, content: &[u8]) -> TempDir {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join(name), content).unwrap();
    directory
}

/// What is said of a file, without the path of its directory.
fn said(directory: &TempDir, error: &InputError) -> String {
    error.to_string().replace(&format!("{}/", directory.path().display()), "")
}

/// The number of rows, and what is said of the first error.
fn outcome(name: &str, content: &[u8]) -> (usize, Option<String>) {
    let directory = directory(name, content);
    let rows = match Input::open(&directory.path().join(name), Options::default()).and_then(|input| input.rows()) {
        Ok(rows) => rows,
        Err(error) => {
            assert!(error.is_fatal());
            return (0, Some(said(&directory, &error)));
        }
    };
    let (mut good, mut first) = (0, None);
    for row in rows {
        match row {
            Ok(_) => good += 1,
            Err(error) => first = first.or_else(|| Some(said(&directory, &error))),
        }
    }
    (good, first)
}

/// Lines that do not compress to nothing.
fn numbered(rows: usize) -> String {
    let mut random = fastrand::Rng::with_seed(7);
    let lines = (0..rows).map(|row| format!("{row},{:x}\n", random.u128(..)));
    std::iter::once("a,b\n".to_owned()).chain(lines).collect()
}

#[test]
fn compressed_files_are_read_through_whatever_their_name_says() {
    let content = numbered(5000);
    let (first, second) = content.as_bytes().split_at(70_000);
    let members = [gzip(first), gzip(b""), gzip(second)].concat();
    let frames = [zstd(first), zstd(second)].concat();
    for (name, bytes) in
        [("q.csv.gz", &members), ("q.csv", &members), ("q.csv.zst", &frames), ("q.csv", &frames), ("q.csv.gz", &frames)]
    {
        assert_eq!(outcome(name, bytes), (5000, None), "{name}");
    }
}

#[test]
fn the_digest_is_of_the_decompressed_bytes() {
    let content = numbered(3000);
    let directory = directory("q.csv", content.as_bytes());
    fs::write(directory.path().join("q.csv.gz"), gzip(content.as_bytes())).unwrap();
    let digest = |name: &str| {
        let input = Input::open(&directory.path().join(name), Options::default()).unwrap();
        let mut rows = input.rows().unwrap();
        assert_eq!(rows.by_ref().count(), 3000);
        assert_eq!(rows.bytes_read(), u64::try_from(content.len()).unwrap());
        rows.digest().unwrap()
    };
    assert_eq!(digest("q.csv"), digest("q.csv.gz"));
}

#[test]
fn a_bad_line_of_a_compressed_file_is_named_by_its_line() {
    let mut lines: Vec<String> = numbered(9000).lines().map(str::to_owned).collect();
    lines[7311].push_str(",more");
    let (good, error) = outcome("q.csv.gz", &gzip(lines.join("\r\n").as_bytes()));
    assert_eq!(good, 8999);
    assert_eq!(
        error.unwrap(),
        format!("q.csv.gz:7312: 2 cells were expected as in the header, but the row has 3: {:?}", lines[7311])
    );
}

#[test]
fn a_compressed_file_cut_short_gives_what_it_has_and_then_says_so() {
    for (name, compressed) in
        [("q.csv.gz", gzip(numbered(5000).as_bytes())), ("q.csv.zst", zstd(numbered(5000).as_bytes()))]
    {
        let (good, error) = outcome(name, &compressed[..compressed.len() - 10]);
        let error = error.unwrap();
        let kind = if name.ends_with("gz") { "gzip" } else { "zstd" };
        assert_eq!(
            error,
            format!("{name}:{}: the {kind} data is cut short; get the file again, or make it again", good + 2)
        );
    }
    let (good, error) = outcome("q.csv.gz", &gzip(b"a\n1\n2\n")[..12]);
    assert_eq!((good, error.unwrap().contains("the gzip data is cut short")), (0, true));
}

#[test]
fn a_damaged_compressed_file_is_fatal_and_has_a_source() {
    let mut compressed = gzip(numbered(5000).as_bytes());
    let checksum = compressed.len() - 8;
    compressed[checksum] ^= 1;
    let directory = directory("q.csv.gz", &compressed);
    let mut rows = Input::open(&directory.path().join("q.csv.gz"), Options::default())
        .unwrap()
        .rows()
        .unwrap()
        .skip_while(Result::is_ok);
    let error = rows.next().unwrap().unwrap_err();
    assert_eq!(
        said(&directory, &error),
        "q.csv.gz:5002: the gzip data cannot be decompressed; get the file again, or make it again"
    );
    assert!(error.is_fatal());
    assert_eq!(error.source().unwrap().to_string(), "corrupt gzip stream does not have a matching checksum");
    assert!(rows.next().is_none(), "nothing comes after a fatal error");
    let (_, error) = outcome("q.csv.gz", &[gzip(b"a\n1\n"), b"garbage behind".to_vec()].concat());
    assert_eq!(
        error.unwrap(),
        "q.csv.gz:3: the gzip data cannot be decompressed; get the file again, or make it again"
    );
}

#[test]
fn a_zstd_window_beyond_the_limit_is_refused() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(28).unwrap();
    encoder.include_contentsize(false).unwrap();
    encoder.write_all(b"a\n1\n").unwrap();
    let (good, error) = outcome("q.csv.zst", &encoder.finish().unwrap());
    assert_eq!(good, 0);
    assert_eq!(
        error.unwrap(),
        "q.csv.zst:1: the zstd data cannot be decompressed; get the file again, or make it again"
    );
}

#[test]
fn a_file_that_is_not_what_it_is_named_says_so() {
    let utf16: Vec<u8> = "\u{feff}a,b".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let utf16_be: Vec<u8> = "\u{feff}a,b".encode_utf16().flat_map(u16::to_be_bytes).collect();
    let cases: [(&str, &[u8], &str); 7] = [
        ("q.csv.gz", b"a,b\n", "q.csv.gz: named as gzip, but its content is not gzip; rename it, or compress it"),
        ("q.csv.zst", b"", "q.csv.zst: named as zstd, but its content is not zstd; it is empty"),
        (
            "q.csv",
            &utf16,
            "q.csv: UTF-16 (little-endian) text, where UTF-8 text was expected; convert it to UTF-8, as with iconv -f UTF-16LE -t UTF-8",
        ),
        (
            "q.csv",
            &utf16_be,
            "q.csv: UTF-16 (big-endian) text, where UTF-8 text was expected; convert it to UTF-8, as with iconv -f UTF-16BE -t UTF-8",
        ),
        (
            "q.csv",
            b"PK\x03\x04..",
            "q.csv: a ZIP archive or an .xlsx workbook, where UTF-8 text was expected; unpack it, or export the sheet as CSV",
        ),
        (
            "q.csv",
            b"BZh9",
            "q.csv: bzip2 data, where UTF-8 text was expected; unpack it, or compress it with gzip or zstd",
        ),
        ("q.jsonl", b"PAR1", "q.jsonl: a Parquet file, where UTF-8 text was expected; export it as CSV or JSONL"),
    ];
    for (name, content, expected) in cases {
        assert_eq!(outcome(name, content), (0, Some(expected.to_owned())));
    }
    assert_eq!(outcome("q.csv.gz", &gzip(&utf16)).1.unwrap().replace(".gz", ""), cases[2].2);
}

#[test]
fn a_path_that_cannot_be_read_says_why() {
    let directory = directory("questions.csv", b"a\n1\n");
    let path = directory.path().join("question.csv");
    let open = |path: &Path| Input::open(path, Options::default()).unwrap_err();
    assert_eq!(said(&directory, &open(&path)), "question.csv: no such file; did you mean questions.csv?");
    assert_eq!(said(&directory, &open(&directory.path().join("zzz.tsv"))), "zzz.tsv: no such file");
    assert_eq!(
        said(&directory, &open(&directory.path().join("no/q.csv"))),
        format!("no/q.csv: no such file; there is no directory {}/no", directory.path().display())
            .replace(&format!("{}/", directory.path().display()), "")
    );
    fs::create_dir(directory.path().join("d.csv")).unwrap();
    assert_eq!(said(&directory, &open(&directory.path().join("d.csv"))), "d.csv: a directory, not a file");
}

#[test]
fn a_file_that_may_not_be_read_says_so() {
    let directory = directory("q.csv", b"a\n1\n");
    let path = directory.path().join("q.csv");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    if File::open(&path).is_ok() {
        println!("not tested: this user may read every file");
        return;
    }
    let error = Input::open(&path, Options::default()).unwrap_err();
    assert_eq!(said(&directory, &error), "q.csv: cannot be opened");
    assert_eq!(error.source().unwrap().to_string(), "Permission denied (os error 13)");
}

#[test]
fn a_name_that_says_no_format_asks_for_one() {
    let formats = "set format to one of csv, tsv, jsonl, requests, openai-batch, anthropic-batch";
    assert_eq!(outcome("q.txt", b"a\n"), (0, Some(format!("q.txt: the name does not say the format; {formats}"))));
    let expected = format!(
        "q.json: the name does not say the format; a .json file of one list is not read: \
         put one object a line (jq -c '.[]') into a .jsonl file, or {formats}"
    );
    assert_eq!(outcome("q.json", b"[]"), (0, Some(expected)));
    let error = Input::from_reader(&b"a\n"[..], "stdin", Options::default()).unwrap_err();
    assert_eq!(error.to_string(), format!("stdin: the name does not say the format; {formats}"));
}

#[test]
fn an_input_is_read_again_and_by_several_at_once_though_its_name_is_gone() {
    let directory = directory("q.jsonl.zst", &zstd(b"{\"a\":1}\n{\"a\":2}\n"));
    let path = directory.path().join("q.jsonl.zst");
    let input = Input::open(&path, Options::default()).unwrap();
    fs::remove_file(&path).unwrap();
    let (mut first, mut second) = (input.rows().unwrap(), input.rows().unwrap());
    assert_eq!(first.next().unwrap().unwrap(), second.next().unwrap().unwrap());
    assert_eq!((first.count(), second.count(), input.rows().unwrap().count()), (1, 1, 2));
    assert_eq!((input.format(), input.compression()), (Format::Jsonl, Some(Compression::Zstd)));
    assert_eq!(input.name(), path.display().to_string());
}

#[test]
fn a_pipe_is_kept_so_that_it_can_be_read_twice() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    let writer = thread::spawn({
        let path = path.clone();
        move || fs::write(path, gzip(b"a\n1\n2\n")).unwrap()
    });
    let input = Input::open(&path, of_format(Format::Csv)).unwrap();
    writer.join().unwrap();
    assert_eq!((input.rows().unwrap().count(), input.rows().unwrap().count()), (2, 2));
}

#[test]
fn a_row_reader_can_be_sent_to_another_thread() {
    let input = Input::from_reader(&b"a\n1\n"[..], "stdin", of_format(Format::Csv)).unwrap();
    let rows = input.rows().unwrap();
    assert_eq!(thread::spawn(move || rows.count()).join().unwrap(), 1);
}

#[test]
fn a_file_that_is_written_to_while_it_is_read_gives_no_row_of_what_was_written() {
    let content = numbered(5000);
    let other = content.replace(',', ",other ");
    for (name, before, after) in [
        ("q.csv", content.clone().into_bytes(), other[..content.len()].to_owned().into_bytes()),
        ("q.csv", content.clone().into_bytes(), b"a,b\n".to_vec()),
        ("q.csv.gz", gzip(content.as_bytes()), gzip(other.as_bytes())),
    ] {
        let directory = directory(name, &before);
        let path = directory.path().join(name);
        let input = Input::open(&path, Options::default()).unwrap();
        let mut rows = input.rows().unwrap();
        assert!(rows.next().unwrap().is_ok());
        fs::write(&path, after).unwrap();
        // The clock of a file system may stand still for as long as this test takes.
        let later = std::time::SystemTime::now() + std::time::Duration::from_secs(5);
        File::options().write(true).open(&path).unwrap().set_modified(later).unwrap();
        let mut error = None;
        for row in rows.by_ref() {
            match row {
                Ok(row) => assert!(!format!("{row:?}").contains("other")),
                Err(problem) => error = Some(problem),
            }
        }
        let error = error.expect("it was written to");
        assert!(error.is_fatal() && rows.digest().is_none());
        let said = said(&directory, &error);
        assert!(
            said.starts_with(&format!("{name}:")) && said.contains("was written to while it was being read"),
            "{said}"
        );
        let again = input.rows().map_or_else(
            |error| Some(error.to_string()),
            |rows| rows.filter_map(Result::err).map(|error| error.to_string()).next(),
        );
        assert!(again.unwrap().contains("was written to"), "another pass of the same run fails too");
    }
}

#[test]
fn a_file_whose_name_another_has_taken_is_read_on() {
    let directory = directory("q.csv", numbered(5000).as_bytes());
    let path = directory.path().join("q.csv");
    let input = Input::open(&path, Options::default()).unwrap();
    let mut rows = input.rows().unwrap();
    assert!(rows.next().unwrap().is_ok());
    fs::write(directory.path().join("new.csv"), "a,b\n1,other\n").unwrap();
    fs::rename(directory.path().join("new.csv"), &path).unwrap();
    assert_eq!(rows.flatten().count(), 4999);
}
