//! What a test that is to use all of its recordings did otherwise.

use std::fmt;
use std::path::{Path, PathBuf};

use super::session_name::SessionName;
use crate::record::{Listed, Missed, Refused, SessionReport, UnusedRecording};

/// How many recordings and requests are named.
const NAMED: usize = 20;
/// The status of a request that could not be sent.
const NOT_SENT: u16 = 502;

/// What a test that is to use all of its recordings left unasked, and what it asked beside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortfall {
    session: SessionName,
    fixture: PathBuf,
    /// The recordings that no request was answered by.
    pub unused: Listed<UnusedRecording>,
    /// How many requests nothing answered, those that were refused with them.
    pub unanswered: u64,
    /// The requests that no recording answered.
    pub missed: Listed<Missed>,
    /// The requests that were refused: nothing was looked for, or nothing could be sent.
    pub refused: Listed<Refused>,
}

impl Shortfall {
    /// What a report has of it; none where all was used and nothing was missed. A request that could not
    /// be sent is none that was missed: before this is asked, it was asked again and recorded.
    pub(super) fn of(report: &SessionReport, session: &SessionName, fixture: &Path) -> Option<Self> {
        let mut refused = report.refused.clone();
        let overcome = refused.shown.extract_if(.., |refused| refused.status == NOT_SENT);
        let overcome: u64 = overcome.map(|refused| refused.count).sum();
        let unanswered = report.unanswered().saturating_sub(overcome);
        (report.unused > 0 || unanswered > 0).then(|| Self {
            session: session.clone(),
            fixture: fixture.to_owned(),
            unused: report.unused_recordings.clone(),
            unanswered,
            missed: report.missed.clone(),
            refused,
        })
    }

    /// Whether what was left was recorded by the session itself.
    fn has_own(&self) -> bool {
        let own = |unused: &UnusedRecording| unused.session.as_deref().unwrap_or_default() == self.session.as_str();
        self.unused.shown.iter().all(own)
    }
}

impl fmt::Display for Shortfall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unused, unanswered) = (self.unused.total(), self.unanswered);
        write!(f, "{} was to use all that {} has for it:", self.session, self.fixture.display())?;
        if unused > 0 {
            let what = if unused == 1 { "recording was" } else { "recordings were" };
            write!(f, " {unused} {what} not asked for")?;
            if !self.has_own() {
                write!(f, " (none of its own, so those of others count)")?;
            }
        }
        if unanswered > 0 {
            let (joint, what) =
                (if unused > 0 { ", and" } else { "" }, if unanswered == 1 { "request" } else { "requests" });
            write!(f, "{joint} nothing answered {unanswered} {what}")?;
        }
        for unused in self.unused.shown.iter().take(NAMED) {
            write!(f, "\n  not asked for: {}", Unused(unused))?;
        }
        let missed = self.missed.shown.iter().map(|missed| ("not answered", &missed.message, missed.count));
        let refused = self.refused.shown.iter().map(|refused| ("refused", &refused.message, refused.count));
        for (what, message, count) in missed.take(NAMED).chain(refused.take(NAMED)) {
            let times = if count == 1 { String::new() } else { format!(" ({count} times)") };
            write!(f, "\n  {what}{times}: {}", message.trim_end().replace('\n', "\n    "))?;
        }
        let shown = [self.unused.shown.len(), self.missed.shown.len(), self.refused.shown.len()];
        let named: usize = shown.map(|count| count.min(NAMED)).into_iter().sum();
        let more = self.unused.total() + self.missed.total() + self.refused.total() - named as u64;
        if more > 0 { write!(f, "\n  and {more} more") } else { Ok(()) }
    }
}

impl std::error::Error for Shortfall {}

/// A recording as people know it.
struct Unused<'a>(&'a UnusedRecording);

impl fmt::Display for Unused<'_> {
    /// Such as `chat/completions m "Why is the sky blue?" (occurrence 1, session "a", key 3f2a9c41d07e)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let UnusedRecording { session, key, occurrence, endpoint, model, prompt } = self.0;
        write!(f, "{endpoint} {model} {prompt:?} (")?;
        if *occurrence > 0 {
            write!(f, "occurrence {occurrence}, ")?;
        }
        if let Some(session) = session {
            write!(f, "session {session:?}, ")?;
        }
        write!(f, "key {})", key.get(..12).unwrap_or(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unused(number: u32) -> UnusedRecording {
        UnusedRecording {
            session: Some("a".to_owned()),
            key: "0123456789abcdef".repeat(4),
            occurrence: number,
            endpoint: "chat/completions".to_owned(),
            model: "m".to_owned(),
            prompt: "Why \"is\" it?".to_owned(),
        }
    }

    fn missed(count: u64) -> Missed {
        Missed {
            session: "a".to_owned(),
            key: "0123456789abcdef".repeat(4),
            endpoint: "embeddings".to_owned(),
            model: "m".to_owned(),
            reason: "not_recorded".to_owned(),
            message: "it is not recorded\nrecord it\n".to_owned(),
            count,
        }
    }

    fn refused(count: u64) -> Refused {
        Refused {
            session: "a".to_owned(),
            method: "POST".to_owned(),
            path: "/v1/audio/speech".to_owned(),
            status: 404,
            code: "unknown_url".to_owned(),
            message: "nothing is answered there".to_owned(),
            count,
        }
    }

    #[test]
    fn a_request_that_was_refused_was_answered_by_nothing() {
        let mut report = SessionReport { refusals: 2, ..SessionReport::default() };
        report.refused.push(|| refused(2));
        let shortfall = Shortfall::of(&report, &SessionName::new("a").unwrap(), Path::new("f")).unwrap();
        let told = "for it: nothing answered 2 requests\n  refused (2 times): nothing is answered there";
        assert!(shortfall.to_string().ends_with(told), "{shortfall}");
    }

    fn said(unused_count: u32, misses: &[u64]) -> Option<String> {
        let mut report = SessionReport { misses: misses.iter().sum(), ..SessionReport::default() };
        (0..unused_count).for_each(|number| report.add_unused(|| unused(number)));
        for count in misses {
            report.missed.push(|| missed(*count));
        }
        let session = SessionName::new("a").unwrap();
        Shortfall::of(&report, &session, Path::new("fixtures/f")).map(|shortfall| shortfall.to_string())
    }

    #[test]
    fn all_that_was_left_and_missed_is_named() {
        assert_eq!(said(0, &[]), None);
        assert_eq!(
            said(2, &[1, 3]).unwrap(),
            "the session \"a\" was to use all that fixtures/f has for it: 2 recordings were not asked for, and nothing \
             answered 4 requests\n  \
             not asked for: chat/completions m \"Why \\\"is\\\" it?\" (session \"a\", key 0123456789ab)\n  \
             not asked for: chat/completions m \"Why \\\"is\\\" it?\" (occurrence 1, session \"a\", key 0123456789ab)\n  \
             not answered: it is not recorded\n    record it\n  \
             not answered (3 times): it is not recorded\n    record it"
        );
        assert!(said(1, &[]).unwrap().contains("for it: 1 recording was not asked for\n"));
        assert!(said(0, &[1]).unwrap().contains("for it: nothing answered 1 request\n"));
    }

    #[test]
    fn a_session_without_recordings_of_its_own_is_told_why_others_count() {
        let mut report = SessionReport::default();
        report.add_unused(|| unused(0));
        let shortfall = Shortfall::of(&report, &SessionName::new("b").unwrap(), Path::new("f")).unwrap();
        let told = "1 recording was not asked for (none of its own, so those of others count)\n";
        assert!(shortfall.to_string().contains(told), "{shortfall}");
    }

    #[test]
    fn beyond_some_they_are_counted() {
        let text = said(25, &[1; 3]).unwrap();
        assert_eq!(text.matches("not asked for:").count(), NAMED);
        assert!(text.ends_with("\n  and 5 more"), "{text}");
    }
}
