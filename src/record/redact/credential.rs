//! Known credentials, and every way in which a text may hold them.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::{Arc, LazyLock, OnceLock};

use regex::bytes::{Regex, RegexBuilder};

use super::replacement::{Finder, Replacement};

/// What stands in the place of a known credential.
const STRUCK: &str = "[redacted]";
/// A credential shorter than this is not searched for: it would strike words from answers.
const SHORTEST: usize = 8;
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

/// The credentials that are struck.
#[derive(Clone, Default)]
pub(super) struct Credentials(Vec<Credential>);

/// A credential, in all its spellings, and cut short or whole.
#[derive(Clone)]
struct Credential {
    regex: Regex,
    /// The same with any of its characters escaped.
    escaped: Arc<Escaped>,
}

/// The pattern of a credential of which any character may be escaped, made once it is needed.
struct Escaped {
    secret: String,
    regex: OnceLock<Regex>,
}

impl Credentials {
    /// These and some more.
    pub(super) fn with<'a>(&self, secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let secrets = secrets.into_iter().filter(|secret| secret.len() >= SHORTEST).map(Credential::new);
        Self(self.0.iter().cloned().chain(secrets).collect())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether a text that is no stream has none of them, for certain: their patterns know the escapes that
    /// have to be.
    pub(super) fn are_absent(&self, text: &[u8]) -> bool {
        !NEEDLESS.is_match(text) && !self.0.iter().any(|credential| credential.regex.is_match(text))
    }
}

impl Finder for Credentials {
    /// One may begin as another does, stand within it or overlap it: each is searched for in the text as
    /// it is, so that no order leaves a part of one. What takes their places is the same within a string.
    fn find(&self, text: &[u8], _: &dyn Fn(&Range<usize>) -> bool) -> Vec<Replacement> {
        let is_escaped = !self.0.is_empty() && NEEDLESS.is_match(text);
        let regexes = self.0.iter().map(|credential| credential.regex(is_escaped));
        let found = regexes.flat_map(|regex| regex.find_iter(text));
        found.map(|found| Replacement { place: found.range(), with: STRUCK.into(), length: found.len() }).collect()
    }

    fn is_strict(&self) -> bool {
        true
    }
}

impl Credential {
    fn new(secret: &str) -> Self {
        let escaped = Escaped { secret: secret.to_owned(), regex: OnceLock::new() };
        Self { regex: cut_or_whole(secret, spellings), escaped: escaped.into() }
    }

    /// What finds it in a text, which may have escapes that nobody needs.
    fn regex(&self, is_escaped: bool) -> &Regex {
        if is_escaped {
            self.escaped.regex.get_or_init(|| cut_or_whole(&self.escaped.secret, all_spellings))
        } else {
            &self.regex
        }
    }
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
