//! Files that cannot be read, and what is said of them.

use super::*;

#[test]
fn what_cannot_be_read_is_told_by_file_line_and_column() {
    for (name, content, problem) in [
        ("a.yml", b"http_interactions:\n- request: [ }".as_slice(), "a.yml:2:12: mismatched bracket"),
        ("a.yml", b"a: \xff", "a.yml:1:4: a byte that is not UTF-8"),
        ("a.yml", "é: 1\né\u{e9}: ".as_bytes().split_last().unwrap().1, "a.yml is in none of the formats"),
        ("a.har", b"{\"log\": {\n  \"entries\": [}", "a.har:2:15: expected value"),
        ("a.jsonl", b"{\"endpoint\":\"x\",\"request\":{\"text\":\"\"},\"class\":\"answered\",\"model\":\"m\"}\n{\"endpoint\":}\n", "a.jsonl:2:13: "),
        ("a.txt", b"This is not a cassette", "a.txt is in none of the formats that are read (vcr, vcrpy, go-vcr, "),
        ("a.json", b"{\"a\": 1}", "a.json is in none of the formats"),
        ("a.jsonl", b"{\"a\": 1}\n{\"a\": 2}\n", "a.jsonl is in none of the formats"),
        ("a.yml", b"", "a.yml is empty: it holds no recordings"),
        ("a.yml", b"\n# nothing yet\n---\n", "a.yml is empty: it holds no recordings"),
        (
            "a.yml",
            b"--- # of the suite\nfoo: bar\n---\nversion: 1\ninteractions: []\n",
            "a.yml:2: the document that begins here has no list `interactions`, as another one of the file has; take it out",
        ),
        // YAML would take the comma, and a raw line break in a text for a space.
        ("a.json", b"{\"interactions\": [\n  {\"request\": {\"body\": \"a\n b\"}}]}", "a.json:2:25: control character"),
        ("a.har", b"{\"log\": {\"entries\": [],}}", "a.har:1:2"),
        ("stdin", b"{interactions: []}", "stdin:1:"),
        ("a.yaml.zst", b"[{]", "a.yaml.zst:1:"),
        (
            "two.har",
            b"{\"log\": {\"entries\": []}}\n\n{\"log\": {\"entries\": []}}\n",
            "two.har:3: another document begins here, and an archive is one alone; put it into a file of its own",
        ),
        (
            "two.json",
            b"{\"log\": {\n\"entries\": []}\n} {\"log\": {}}",
            "two.json:3: another document begins here, and an archive is one alone; put it into a file of its own",
        ),
        (
            "two.yaml",
            b"log: {entries: []}\n---\nlog: {entries: []}\n",
            "two.yaml:3: another document begins here, and an archive is one alone; put it into a file of its own",
        ),
 ("a.zip", b"PK\x03\x04\x14\x00\xff", "a.zip is a zip archive: unpack it, and import the recordings in it ("),
        ("a.db", b"SQLite format 3\0\x10\xff", "a.db is a SQLite database, and holds no recordings"),
        ("a.gz", b"\x1f\x8b\x08\x00", "cannot read a.gz: it is compressed, and damaged: "),
    ] {
        let said = File::new(name, content).problem();
        assert!(said.starts_with(problem), "{said}\nand not\n{problem}");
    }
    let missing = Source::open(std::path::Path::new("/nowhere/a.yml")).unwrap_err().to_string();
    assert!(missing.starts_with("cannot read /nowhere/a.yml: "), "{missing}");
}

#[test]
fn a_header_that_no_server_can_send_is_left_out_and_told() {
    let cassette = format!(
        "interactions:\n- request: {{method: POST, uri: /v1/chat/completions, body: '{ASKED}'}}\n  response: {{status: 200, body: \
         {{string: '{ANSWER}'}}, headers: {{Retry-After: \"1\\r\\nx: y\", Content-Type: text/plain, Set-Cookie: \"a\\nb\"}}}}\n"
    );
    let imported = imported("a.yaml", cassette);
    assert_eq!(headers(&imported.exchanges[0]), [("content-type", "text/plain")]);
    let notes: Vec<String> = imported.notes.iter().map(ToString::to_string).collect();
    assert_eq!(
        notes,
        [
            "interaction 1 (line 2), POST /v1/chat/completions: its response header retry-after is left out: its value has a character that HTTP has no place for"
        ]
    );
    assert_eq!(left_out(&imported), [""; 0]);
}

#[test]
fn a_format_that_was_said_is_held_to() {
    let cassette = File::new("a.yml", "version: 1\ninteractions: []\n");
    assert_eq!(cassette.read().unwrap().format, ImportFormat::Vcrpy);
    let lines =
        File::new("a.jsonl", "{\"a\": 1}\n{\"a\": 2}\n").read_as(Some(ImportFormat::Har)).unwrap_err().to_string();
    assert!(lines.ends_with("a.jsonl is not in the format har: it has no list `log.entries`"), "{lines}");
    for (format, problem) in [
        (ImportFormat::Vcr, "a.yml is not in the format vcr: it has no list `http_interactions`"),
        (ImportFormat::Httpmock, "a.yml is not in the format httpmock: it has no document with `when` and `then`"),
        (ImportFormat::Har, "a.yml is not in the format har: it has no list `log.entries`"),
        (ImportFormat::Exchanges, "a.yml is not in the format exchanges: it has no line with `endpoint` and `request`"),
        (ImportFormat::OpenaiBatch, "a.yml is not in the format openai-batch: it has no line with `custom_id`"),
    ] {
        let said = cassette.read_as(Some(format)).unwrap_err().to_string();
        assert!(said.ends_with(problem), "{said}");
    }
    assert_eq!(cassette.read_as(Some(ImportFormat::GoVcr)).unwrap().exchanges, []);
}

#[test]
fn a_file_is_known_by_its_content() {
    for (content, expected) in [
        ("http_interactions: []", ImportFormat::Vcr),
        ("interactions: []\nversion: 2", ImportFormat::GoVcr),
        ("{\"log\": {\"entries\": []}}", ImportFormat::Har),
        ("{\"http_interactions\": []}", ImportFormat::Vcr),
        ("{interactions: [], version: 1}", ImportFormat::Vcrpy),
    ] {
        for name in ["a.yaml", "a.YML"] {
            assert_eq!(imported(name, content).format, expected, "{content}");
        }
        assert_eq!(imported("a.yaml.gz", gzip(content.as_bytes())).format, expected, "{content}");
    }
}

#[test]
fn every_format_has_a_name_of_its_own() {
    for format in ImportFormat::ALL {
        assert_eq!(format.as_str().parse(), Ok(format));
    }
    let unknown = "xml".parse::<ImportFormat>().unwrap_err().to_string();
    assert_eq!(unknown, "unknown format \"xml\"; known are vcr, vcrpy, go-vcr, httpmock, har, openai-batch, exchanges");
}
