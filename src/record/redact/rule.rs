//! One thing to strike.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::{Arc, LazyLock, OnceLock};

use regex::bytes::{Captures, Regex, RegexBuilder};

use super::Edit;
use super::json_strings::JsonStrings;

/// What stands in the place of a known credential.
const STRUCK: &str = "[redacted]";
/// How large a rule's compiled form may get, in bytes.
const SIZE_LIMIT: usize = 1 << 20;

/// How many characters of a credential tell it: a body that broke off, or a text that was cut, may
/// have no more of it than that.
const TELLING: usize = 12;
/// Beyond so many characters more, a credential that was cut keeps what is left of it: patterns
/// cannot be nested for ever.
const NESTED: usize = 60;

/// An escape of a character that nobody needs to escape. A body without one is searched for what is
/// written plainly, which is many times as fast.
static NEEDLESS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?-u)\\u00[2-7][0-9a-fA-F]").expect("the pattern is valid"));

/// One thing to strike: a pattern, and what takes the place of what it matches.
#[derive(Clone)]
pub(super) struct Rule {
    regex: Regex,
    with: Box<[u8]>,
    /// The same as it is written within a JSON string, where that is something else.
    with_in_json: Option<Box<[u8]>>,
    /// The credential, with any of its characters escaped.
    escaped: Option<Arc<Escaped>>,
}

/// The pattern of a credential of which any character may be escaped, made once it is needed.
struct Escaped {
    secret: String,
    regex: OnceLock<Regex>,
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
        Ok(Self { regex, with: with.as_bytes().into(), with_in_json: in_json(with), escaped: None })
    }

    /// The rule for a credential, in all its spellings, and cut short or whole.
    pub(super) fn of_secret(secret: &str) -> Self {
        let escaped = Escaped { secret: secret.to_owned(), regex: OnceLock::new() };
        Self {
            regex: cut_or_whole(secret, spellings),
            with: STRUCK.as_bytes().into(),
            with_in_json: None,
            escaped: Some(escaped.into()),
        }
    }

    /// What finds matches in a text.
    fn regex_for(&self, text: &[u8]) -> &Regex {
        match &self.escaped {
            Some(escaped) if NEEDLESS.is_match(text) => {
                escaped.regex.get_or_init(|| cut_or_whole(&escaped.secret, all_spellings))
            }
            _ => &self.regex,
        }
    }

    /// The text with every match replaced, and the places; `None` where nothing matches.
    pub(super) fn apply(&self, text: &[u8]) -> Option<(Vec<u8>, Vec<Edit>)> {
        let regex = self.regex_for(text);
        regex.find(text)?;
        let (mut out, mut edits, mut copied) = (Vec::with_capacity(text.len()), Vec::new(), 0);
        let mut in_json = self.with_in_json.as_deref().map(|with| (with, JsonStrings::of(text)));
        for captures in regex.captures_iter(text) {
            let found = captures.get(0).expect("the whole match is always there");
            out.extend_from_slice(&text[copied..found.start()]);
            let before = out.len();
            let in_string = in_json.as_mut().and_then(|(with, strings)| strings.hold(&found.range()).then_some(*with));
            captures.expand(in_string.unwrap_or(&self.with), &mut out);
            edits.push(Edit { start: found.start(), end: found.end(), length: out.len() - before });
            copied = found.end();
        }
        out.extend_from_slice(&text[copied..]);
        Some((out, edits))
    }

    /// The matches in a text that something else takes the place of, each with that.
    pub(super) fn replacements(&self, text: &[u8]) -> Vec<(Range<usize>, Vec<u8>)> {
        let replacement = |captures: Captures<'_>| {
            let mut with = Vec::new();
            captures.expand(&self.with, &mut with);
            (captures.get(0).expect("the whole match is always there").range(), with)
        };
        let replacements = self.regex_for(text).captures_iter(text).map(replacement);
        replacements.filter(|(range, with)| text[range.clone()] != **with).collect()
    }
}

/// A text as it is written within a JSON string, where that is something else. The names of groups in
/// it stay as they are.
fn in_json(text: &str) -> Option<Box<[u8]>> {
    let quoted = serde_json::to_string(text).expect("a string is JSON");
    let within = &quoted[1..quoted.len() - 1];
    (within != text).then(|| within.as_bytes().into())
}

/// The pattern of a credential, cut short or whole, by the pattern of each of its characters.
fn cut_or_whole(secret: &str, spellings: impl Fn(char) -> Cow<'static, str>) -> Regex {
    let spelled: Vec<Cow<'static, str>> = secret.chars().map(spellings).collect();
    let (telling, more) = spelled.split_at(spelled.len().min(TELLING));
    let (nested, whole) = more.split_at(more.len().min(NESTED));
    let end = if whole.is_empty() { String::new() } else { format!("(?:{})?", whole.concat()) };
    let more = nested.iter().rev().fold(end, |rest, character| format!("(?:{character}{rest})?"));
    let pattern = telling.concat() + &more;
    // A credential is as long as a header may be, and its pattern so many times as long.
    RegexBuilder::new(&pattern).size_limit(usize::MAX).build().expect("escaped characters are a pattern")
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

/// A pattern for one character of a credential: as it is, and where a JSON text or a URL may write
/// it otherwise, as they do. JSON may itself stand in a JSON text, with more backslashes.
fn spellings(character: char) -> Cow<'static, str> {
    // Nobody needs to escape these.
    if character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.' | '~') {
        return regex::escape(character.encode_utf8(&mut [0; 4])).into();
    }
    all_spellings(character)
}

/// A pattern for one character, which may be escaped whatever it is.
fn all_spellings(character: char) -> Cow<'static, str> {
    let plain = regex::escape(character.encode_utf8(&mut [0; 4]));
    let mut utf8 = [0; 4];
    let percent: String = character.encode_utf8(&mut utf8).bytes().map(|byte| format!("%{byte:02X}")).collect();
    let mut utf16 = [0; 2];
    let unicode: String =
        character.encode_utf16(&mut utf16).iter().map(|unit| format!(r"\\{{1,4}}u{unit:04x}")).collect();
    let escapable = !(character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.' | '~'));
    let before = if escapable { r"\\{0,4}" } else { "" };
    format!(r"(?:{before}{plain}|(?i:{percent}|{unicode}))").into()
}
