//! A report that has something of everything, for the tests of what is made of it.

use nightreel::record::{Missed, Refused, SessionCounts, SessionReport, UnusedRecording, UsedRecording};

/// A report that has something of everything.
pub(super) fn report() -> SessionReport {
    let mut report = SessionReport {
        exhausted: 1,
        cost_avoided_usd: 0.5,
        unpriced_hits: 3,
        unpriced_live: 4,
        refusals: 3,
        cut: 1,
        account_failures: 2,
        used_recordings: vec![UsedRecording { session: None, key: "ff".repeat(32), occurrence: 0, count: 1_203 }],
        ..SessionReport::default()
    };
    report.add(SessionCounts { name: String::new(), hits: 1_200, misses: 0, live: 4 });
    report.add(SessionCounts { name: "tests/a".to_owned(), hits: 3, misses: 2, live: 0 });
    report.missed.push(missed);
    report.refused.push(refused);
    report.add_unused(unused);
    report
}

/// A request that was asked twice and answered by nothing.
pub(super) fn missed() -> Missed {
    Missed {
        session: "tests/a".to_owned(),
        key: "fedcba9876543210".repeat(4),
        endpoint: "chat/completions".to_owned(),
        model: "m/x".to_owned(),
        reason: "prompt_changed".to_owned(),
        message: "$.messages[0].content: recorded \"a\", asked \"<b>\"\n\nto record it: nightreel serve --mode auto"
            .to_owned(),
        count: 2,
    }
}

/// A request that was refused three times.
pub(super) fn refused() -> Refused {
    Refused {
        session: "tests/a".to_owned(),
        method: "POST".to_owned(),
        path: "/v1/moderations".to_owned(),
        status: 404,
        code: "unknown_url".to_owned(),
        message: "nothing is answered at POST /v1/moderations".to_owned(),
        count: 3,
    }
}

/// A recording that nobody asked for.
pub(super) fn unused() -> UnusedRecording {
    UnusedRecording {
        session: Some("old".to_owned()),
        key: "0123456789abcdef".repeat(4),
        occurrence: 2,
        endpoint: "embeddings".to_owned(),
        model: "m".to_owned(),
        prompt: "Why is the sky blue?".to_owned(),
    }
}
