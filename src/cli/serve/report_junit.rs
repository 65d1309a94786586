//! The report as a continuous integration reads it: `JUnit`'s XML.
//!
//! A suite is a session, with a case for its answered requests and one for each request that was
//! missed or refused. The recordings that were not used are a suite of their own. What no gate asks to fail
//! for is told as skipped.

use std::collections::BTreeMap;

use nightreel::record::{Missed, Refused, SessionReport};

use super::report_text::{missed_line, missed_name, refused_line, refused_name, session_name, unused_line};
use super::verdict::Gates;
use super::xml::Xml;

/// The name of the suite of recordings that were not used.
const UNUSED: &str = "recordings that were not used";

/// One case of a suite.
struct Case {
    name: String,
    /// What tells it from others of its name, where there is anything.
    message: String,
    result: CaseResult,
}

impl Case {
    const fn new(name: String, result: CaseResult) -> Self {
        Self { name, message: String::new(), result }
    }
}

/// What came of a case.
enum CaseResult {
    Passed(String),
    /// What the matter is in a word, in a line, and in full.
    Failed(String, String, String),
    Skipped(String),
}

/// The cases of a suite.
struct Suite {
    name: String,
    cases: Vec<Case>,
}

/// The report as `JUnit`'s XML.
pub(super) fn report_junit(report: &SessionReport, gates: Gates) -> String {
    let suites = suites(report, gates);
    let mut xml = Xml::new();
    let counts = counts(suites.iter().flat_map(|suite| &suite.cases));
    xml.element("testsuites", &attributes("nightreel serve", &counts), |xml| {
        for suite in &suites {
            write(suite, xml);
        }
    });
    xml.finish()
}

fn suites(report: &SessionReport, gates: Gates) -> Vec<Suite> {
    let mut missed: BTreeMap<&str, Vec<Case>> = BTreeMap::new();
    for one in &report.missed.shown {
        missed.entry(&one.session).or_default().push(missed_case(one, gates));
    }
    for one in &report.refused.shown {
        missed.entry(&one.session).or_default().push(refused_case(one, gates));
    }
    let mut suites = Vec::new();
    for session in &report.sessions.shown {
        let told = format!("{} replayed, {} sent, {} missed", session.hits, session.live, session.misses);
        let mut cases = vec![Case::new("answered".to_owned(), CaseResult::Passed(told))];
        cases.extend(missed.remove(session.name.as_str()).unwrap_or_default());
        suites.push(Suite { name: session_name(&session.name), cases });
    }
    // Those of sessions that are not listed.
    suites.extend(missed.into_iter().map(|(name, cases)| Suite { name: session_name(name), cases }));
    let more_missed = report.missed.more + report.refused.more;
    suites.extend(more("sessions and misses that are not listed", more_missed, gates.miss));
    suites.extend(unused(report, gates));
    for suite in &mut suites {
        tell_apart(&mut suite.cases);
    }
    suites
}

/// Numbers cases of one name by their messages. Whoever follows a case over many reports knows it by
/// its name, and requests that are asked at once come in any order.
fn tell_apart(cases: &mut [Case]) {
    let mut alike: BTreeMap<String, Vec<&mut Case>> = BTreeMap::new();
    for case in cases {
        alike.entry(case.name.clone()).or_default().push(case);
    }
    for cases in alike.values_mut() {
        cases.sort_by(|left, right| left.message.cmp(&right.message));
        for (number, case) in (1..).zip(cases).skip(1) {
            case.name.push_str(&format!(" #{number}"));
        }
    }
}

fn missed_case(missed: &Missed, gates: Gates) -> Case {
    let line = missed_line(missed);
    let result = unanswered(missed.reason.clone(), &line, &missed.message, gates);
    Case { name: format!("missed: {}", missed_name(missed)), message: missed.message.clone(), result }
}

fn refused_case(refused: &Refused, gates: Gates) -> Case {
    let line = refused_line(refused);
    let result = unanswered(format!("status {}", refused.status), &line, &refused.message, gates);
    Case { name: format!("refused: {}", refused_name(refused)), message: refused.message.clone(), result }
}

fn unanswered(kind: String, line: &str, message: &str, gates: Gates) -> CaseResult {
    if gates.miss {
        CaseResult::Failed(kind, line.to_owned(), message.to_owned())
    } else {
        CaseResult::Skipped(format!("{line}\n{message}"))
    }
}

fn unused(report: &SessionReport, gates: Gates) -> Option<Suite> {
    let case = |line: String| {
        let result = if gates.unused {
            CaseResult::Failed("unused".to_owned(), "no request was answered by it".to_owned(), line.clone())
        } else {
            CaseResult::Skipped("no request was answered by it".to_owned())
        };
        Case::new(line, result)
    };
    let mut cases: Vec<Case> = report.unused_recordings.shown.iter().map(|unused| case(unused_line(unused))).collect();
    if report.unused_recordings.more > 0 {
        cases.push(case(format!("and {} more", report.unused_recordings.more)));
    }
    (!cases.is_empty()).then(|| Suite { name: UNUSED.to_owned(), cases })
}

fn more(name: &str, more: u64, fails: bool) -> Option<Suite> {
    let told = format!("and {more} more requests that nothing answered");
    let result = if fails {
        CaseResult::Failed("missed".to_owned(), told.clone(), told.clone())
    } else {
        CaseResult::Skipped(told.clone())
    };
    (more > 0).then(|| Suite { name: name.to_owned(), cases: vec![Case::new(told, result)] })
}

/// How many cases there are, and of them failures and skipped ones.
fn counts<'a>(cases: impl IntoIterator<Item = &'a Case>) -> [String; 3] {
    let (mut all, mut failed, mut skipped) = (0_u64, 0_u64, 0_u64);
    for case in cases {
        all += 1;
        match case.result {
            CaseResult::Passed(_) => {}
            CaseResult::Failed(..) => failed += 1,
            CaseResult::Skipped(_) => skipped += 1,
        }
    }
    [all, failed, skipped].map(|number| number.to_string())
}

fn attributes<'a>(name: &'a str, [all, failed, skipped]: &'a [String; 3]) -> [(&'static str, &'a str); 5] {
    [("name", name), ("tests", all), ("failures", failed), ("errors", "0"), ("skipped", skipped)]
}

fn write(suite: &Suite, xml: &mut Xml) {
    let counts = counts(&suite.cases);
    xml.element("testsuite", &attributes(&suite.name, &counts), |xml| {
        for case in &suite.cases {
            xml.element("testcase", &[("name", &case.name), ("classname", &suite.name)], |xml| match &case.result {
                CaseResult::Passed(told) => xml.leaf("system-out", &[], told),
                CaseResult::Failed(kind, line, whole) => {
                    xml.leaf("failure", &[("type", kind), ("message", line)], whole);
                }
                CaseResult::Skipped(why) => xml.leaf("skipped", &[("message", why)], ""),
            });
        }
    });
}

#[cfg(test)]
mod tests {
    use super::super::test_report::{missed, refused, report, unused};
    use super::*;

    const NONE: Gates = Gates { miss: false, unused: false };
    const BOTH: Gates = Gates { miss: true, unused: true };

    #[test]
    fn a_gate_makes_failures_of_what_is_else_skipped() {
        for (gates, failures, skipped) in [
            (NONE, 0, 3),
            (BOTH, 3, 0),
            (Gates { miss: true, unused: false }, 2, 1),
            (Gates { miss: false, unused: true }, 1, 2),
        ] {
            let xml = report_junit(&report(), gates);
            assert_eq!((xml.matches("<failure ").count(), xml.matches("<skipped ").count()), (failures, skipped));
            let sums = format!("tests=\"5\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\"");
            assert!(xml.contains(&format!("<testsuites name=\"nightreel serve\" {sums}>")), "{xml}");
        }
    }

    #[test]
    fn a_suite_is_a_session() {
        assert_eq!(
            report_junit(&report(), BOTH),
            r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="nightreel serve" tests="5" failures="3" errors="0" skipped="0">
  <testsuite name="(no session)" tests="1" failures="0" errors="0" skipped="0">
    <testcase name="answered" classname="(no session)">
      <system-out>1200 replayed, 4 sent, 0 missed</system-out>
    </testcase>
  </testsuite>
  <testsuite name="tests/a" tests="3" failures="2" errors="0" skipped="0">
    <testcase name="answered" classname="tests/a">
      <system-out>3 replayed, 0 sent, 2 missed</system-out>
    </testcase>
    <testcase name="missed: chat/completions m/x, tests/a: prompt_changed (key fedcba987654)" classname="tests/a">
      <failure type="prompt_changed" message="chat/completions m/x, tests/a: prompt_changed (key fedcba987654), 2 times">$.messages[0].content: recorded &quot;a&quot;, asked &quot;&lt;b&gt;&quot;

to record it: nightreel serve --mode auto</failure>
    </testcase>
    <testcase name="refused: POST /v1/moderations, tests/a: status 404, unknown_url" classname="tests/a">
      <failure type="status 404" message="POST /v1/moderations, tests/a: status 404, unknown_url, 3 times">nothing is answered at POST /v1/moderations</failure>
    </testcase>
  </testsuite>
  <testsuite name="recordings that were not used" tests="1" failures="1" errors="0" skipped="0">
    <testcase name="embeddings m &quot;Why is the sky blue?&quot; (key 0123456789ab, occurrence 2, recorded in old)" classname="recordings that were not used">
      <failure type="unused" message="no request was answered by it">embeddings m &quot;Why is the sky blue?&quot; (key 0123456789ab, occurrence 2, recorded in old)</failure>
    </testcase>
  </testsuite>
</testsuites>
"#
        );
    }

    #[test]
    fn a_case_has_a_name_of_its_own_that_is_the_same_in_whatever_order_requests_come() {
        let refused = |message: &str, count| Refused { message: message.to_owned(), count, ..refused() };
        let names = |refusals: [Refused; 3]| {
            let mut report = SessionReport::default();
            for refused in refusals {
                report.refused.push(|| refused);
            }
            let suites = suites(&report, NONE);
            let cases = suites.into_iter().flat_map(|suite| suite.cases);
            cases.map(|case| (case.message, case.name)).collect::<BTreeMap<_, _>>()
        };
        let first = names([refused("b", 1), refused("a", 1), refused("c", 2)]);
        let name = "refused: POST /v1/moderations, tests/a: status 404, unknown_url";
        assert_eq!(first["a"], name);
        assert_eq!((first["b"].as_str(), first["c"].as_str()), (&*format!("{name} #2"), &*format!("{name} #3")));
        assert_eq!(names([refused("c", 7), refused("b", 1), refused("a", 2)]), first);
    }

    #[test]
    fn what_is_not_listed_still_fails() {
        let mut report = SessionReport::default();
        for _ in 0..1_001 {
            report.missed.push(missed);
            report.refused.push(refused);
            report.add_unused(unused);
        }
        let xml = report_junit(&report, BOTH);
        assert_eq!(xml.matches("<failure ").count(), 3_002);
        assert!(xml.contains("and 2 more requests that nothing answered") && xml.contains("name=\"and 1 more\""));
    }
}
