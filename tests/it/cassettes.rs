//! Public recordings, where they lie beside the crate: every interaction of each file is imported
//! and handed out again with the status, the bytes and the events that the file has.
//!
//! What the file has is read here a second time, line by line and by hand, for no more than what
//! Ruby writes: a mistake of the parser that the import uses is none of this one.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nightreel::model::{BodyShape, Endpoint, KeyRules, Mode, Reply, Request};
use nightreel::record::{Asked, Playback, PlaybackOptions};

use crate::support::{Test, not_tested};

/// The cassettes; none where they are not there.
fn cassettes() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/cassettes");
    let Ok(entries) = fs::read_dir(&directory) else {
        not_tested(&format!("{} is missing", directory.display()));
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yml"));
    files.sort();
    assert!(!files.is_empty(), "{} has no cassettes in it", directory.display());
    files
}

/// An interaction as a cassette has it.
#[derive(Debug, Default)]
struct Interaction {
    uri: String,
    status: u16,
    /// The request's and the response's.
    bodies: Vec<Vec<u8>>,
}

/// Reads a cassette line by line.
fn interactions(text: &str) -> Vec<Interaction> {
    let lines: Vec<&str> = text.split('\n').collect();
    let mut found: Vec<Interaction> = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        if *line == "- request:" {
            found.push(Interaction::default());
        }
        let Some(last) = found.last_mut() else { continue };
        if let Some(uri) = line.strip_prefix("    uri: ") {
            uri.clone_into(&mut last.uri);
        }
        if let Some(code) = line.strip_prefix("      code: ") {
            last.status = code.parse().unwrap();
        }
        if let Some(value) = line.strip_prefix("      string: ") {
            last.bodies.push(scalar(value, &lines[number + 1..]));
        }
    }
    found
}

/// The bytes of a scalar that begins on a line, with the lines behind it.
fn scalar(value: &str, behind: &[&str]) -> Vec<u8> {
    let within: Vec<&str> =
        behind.iter().take_while(|line| line.is_empty() || line.starts_with("        ")).copied().collect();
    match value.chars().next() {
        Some('\'') => single(&quoted(&value[1..], &within, |text| text.replace("''", "").ends_with('\''))).into_bytes(),
        Some('"') => double(&quoted(&value[1..], &within, |text| {
            text.strip_suffix('"').is_some_and(|text| !ends_in_escape(text))
        })),
        Some('|') => block(value, &within).into_bytes(),
        Some('!') => {
            assert_eq!(value, "!binary |-");
            STANDARD.decode(within.iter().map(|line| line.trim()).collect::<String>()).unwrap()
        }
        _ => folded(&[&[value], within.as_slice()].concat()).into_bytes(),
    }
}

/// The lines of a quoted scalar, the closing quote taken off.
fn quoted<'a>(first: &'a str, behind: &[&'a str], closes: impl Fn(&str) -> bool) -> Vec<&'a str> {
    let mut lines = Vec::new();
    for line in std::iter::once(first).chain(behind.iter().copied()) {
        if closes(line) {
            lines.push(&line[..line.len() - 1]);
            return lines;
        }
        lines.push(line);
    }
    panic!("a quote is not closed: {first}");
}

/// One line end is a space; of several the first one is nothing.
fn folded(lines: &[&str]) -> String {
    let mut text = lines[0].to_owned();
    let mut blank = 0;
    for line in &lines[1..] {
        let line = line.trim_start_matches(' ');
        if line.is_empty() {
            blank += 1;
            continue;
        }
        text.push_str(&if blank == 0 { " ".to_owned() } else { "\n".repeat(blank) });
        text.push_str(line);
        blank = 0;
    }
    text
}

fn single(lines: &[&str]) -> String {
    folded(lines).replace("''", "'")
}

/// A backslash at the end of a line takes the line end away; one before a space keeps the space.
fn double(lines: &[&str]) -> Vec<u8> {
    let mut joined = lines[0].to_owned();
    let (mut blank, mut escaped) = (0, ends_in_escape(lines[0]));
    for line in &lines[1..] {
        let line = line.trim_start_matches(' ');
        if line.is_empty() {
            blank += 1;
            continue;
        }
        match (blank, escaped) {
            (0, true) => joined.truncate(joined.len() - 1),
            (0, false) => joined.push(' '),
            (blank, _) => joined.push_str(&"\n".repeat(blank)),
        }
        joined.push_str(line);
        (blank, escaped) = (0, ends_in_escape(line));
    }
    unescaped(&joined)
}

fn ends_in_escape(line: &str) -> bool {
    (line.len() - line.trim_end_matches('\\').len()) % 2 == 1
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut out = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            out.push(character);
            continue;
        }
        let escape = characters.next().unwrap();
        let digits = match escape {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => 0,
        };
        out.push(match escape {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'e' => '\u{1b}',
            '0' => '\0',
            _ if digits > 0 => {
                let code: String = characters.by_ref().take(digits).collect();
                char::from_u32(u32::from_str_radix(&code, 16).unwrap()).unwrap()
            }
            other => other,
        });
    }
    out.into_bytes()
}

/// A block whose lines are kept.
fn block(header: &str, within: &[&str]) -> String {
    let mut text: String = within.iter().map(|line| format!("{}\n", line.get(8..).unwrap_or_default())).collect();
    if !header.ends_with('+') {
        text.truncate(text.trim_end_matches('\n').len());
        text.push_str(if header.ends_with('-') { "" } else { "\n" });
    }
    text
}

#[test]
fn the_reader_of_this_test_knows_what_ruby_writes() {
    for (text, expected) in [("'it''s", "it's folded\nand more"), ("\"a\\n \\", "a\n  b \"c\" d\\")] {
        let behind: &[&str] = if text.starts_with('\'') {
            &["        folded", "", "        and more'", "  x: 1"]
        } else {
            &["        \\ b \\\"c\\\"", "        d\\\\\"", "  x: 1"]
        };
        assert_eq!(String::from_utf8(scalar(text, behind)).unwrap(), expected);
    }
    assert_eq!(scalar("|+", &["        a", "", "          b", "", "  x: 1"]), b"a\n\n  b\n\n");
    assert_eq!(scalar("|-", &["        a", "", "  x: 1"]), b"a");
    assert_eq!(scalar("!binary |-", &["        /wA=", "  x: 1"]), b"\xff\0");
}

#[test]
fn every_interaction_of_every_cassette_is_handed_out_as_it_was_recorded() {
    let files = cassettes();
    for file in &files {
        let expected = interactions(&fs::read_to_string(file).unwrap());
        assert!(!expected.is_empty(), "{}", file.display());
        let test = Test::new();
        test.args(["import".as_ref(), file.as_os_str(), "--fixture".as_ref(), "f.db".as_ref()]).run();
        let rules = KeyRules::default();
        let options = PlaybackOptions { mode: Mode::Replay, rules: rules.clone(), ..PlaybackOptions::default() };
        let playback = Playback::of_fixture(&test.path("f.db"), options).unwrap();
        assert_eq!(playback.count_recordings().unwrap(), expected.len() as u64, "{}", file.display());
        for (number, interaction) in expected.iter().enumerate() {
            let place = format!("interaction {} of {}", number + 1, file.display());
            let [body, recorded] = interaction.bodies.as_slice() else { panic!("{place}: {interaction:?}") };
            let endpoint = Endpoint::ASKING.into_iter().find(|endpoint| interaction.uri.ends_with(endpoint.path()));
            let request = Request::new(endpoint.unwrap(), "".into(), body.clone().into(), &rules).unwrap();
            let Asked::Replay(attempt) = playback.ask("", &request).unwrap() else { panic!("{place} is not there") };
            let reply = attempt.reply.unwrap();
            assert_eq!(reply.status, interaction.status, "{place}");
            assert!(reply.body.as_ref() == recorded, "{place}: {}", String::from_utf8_lossy(&reply.body));
            check_events(&reply, &place);
        }
    }
}

/// A stream comes in as many pieces as it has blank lines behind a text, and each ends with one.
fn check_events(reply: &Reply, place: &str) {
    if reply.shape() != BodyShape::Events {
        let json: Result<serde_json::Value, _> = serde_json::from_slice(&reply.body);
        assert!(json.is_ok(), "{place} is no JSON");
        assert_eq!(reply.chunks, [], "{place}");
        return;
    }
    let text = std::str::from_utf8(&reply.body).unwrap();
    let events: Vec<String> = text.split_terminator("\n\n").map(|event| format!("{event}\n\n")).collect();
    let mut rest = text;
    let mut pieces = Vec::new();
    for chunk in &reply.chunks {
        let (piece, tail) = rest.split_at(chunk.length);
        pieces.push(piece);
        rest = tail;
    }
    assert_eq!((pieces, rest), (events.iter().map(String::as_str).collect(), ""), "{place}");
    assert_eq!(events.last().map(String::as_str), Some("data: [DONE]\n\n"), "{place}");
}
