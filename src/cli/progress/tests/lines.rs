use std::sync::Arc;

use super::super::line_view::LineView;
use super::super::sink::Sink;
use super::super::status::{Phase, Status, Tally};
use super::super::{Message, View};
use super::*;

fn view(screen: &Screenful) -> LineView {
    LineView::scheduled(Sink::new(Box::new(screen.clone()), Arc::default()), Paint::PLAIN, || "12:04:05".to_owned())
}

fn running(elapsed: Duration) -> Phase {
    Phase::Running(Box::new(Status {
        job: "job".into(),
        items: 10,
        settled_before: 0,
        elapsed,
        tally: Tally { settled: 5, ..Tally::default() },
        lanes: Vec::new(),
        snapshot: Snapshot::default(),
        stopping: false,
        rate: Some(2.0),
    }))
}

fn shown(phases: impl IntoIterator<Item = Phase>) -> String {
    let screen = Screenful::default();
    let mut view = view(&screen);
    for phase in phases {
        view.frame(&phase);
    }
    view.close(&Phase::Idle);
    screen.text()
}

#[test]
fn progress_comes_on_a_schedule() {
    let tenths = |count: u32| (0..count).map(|tenth| running(Duration::from_millis(100) * tenth));
    assert_eq!(shown(tenths(10)), "", "a short run has no line");
    let line = "12:04:05 job 5/10 50.0 % · 2.0/s · eta 3s\n";
    assert_eq!(shown(tenths(11)), line);
    assert_eq!(shown(tenths(300)), line.repeat(3));
}

#[test]
fn a_check_is_mentioned_where_it_takes_long() {
    let checking = |millis| Phase::Checking { rows: 120_000, elapsed: Duration::from_millis(millis) };
    assert_eq!(shown([checking(0), checking(1_999)]), "");
    let line = "12:04:05 checking the input: 120,000 rows\n";
    assert_eq!(shown([checking(1_000), checking(2_000), checking(3_000)]), line);
}

#[test]
fn all_but_the_commands_own_words_has_the_time() {
    let screen = Screenful::default();
    let mut view = view(&screen);
    view.message(Message::Line("said\nand more".to_owned()));
    view.message(Message::Warning("look out".to_owned()));
    view.message(Message::Retries("2 retries".to_owned()));
    view.lost(3);
    view.flush();
    let said = "said\nand more\n12:04:05 warning: look out\n12:04:05 2 retries\n12:04:05 … 3 more lines not shown\n";
    assert_eq!(screen.text(), said);
}

const WARNINGS: &str = "warning: warned\nwarning: look out\nstopping: out of credit: no credit; waiting up to 30s for \
                        3 requests in flight; press Ctrl-C twice to stop at once\n";

#[test]
fn no_progress_is_no_silence() {
    let screen = Screenful::default();
    let progress = Progress::with(setup(Display::Silent, screen.clone()));
    tell_all(&progress);
    assert!(progress.finish());
    let begun = "quickstart: run 4 begins · 10 items of 5 rows, 1 settled before · models a, b · mode auto\n\
                 the input's content, request.prompt changed since run 3: run 4 begins; what run 3 settled is \
                 replayed, the rest is sent\n";
    assert_eq!(screen.text(), format!("{begun}said\n{WARNINGS}"));
}

#[test]
fn quiet_leaves_warnings_and_the_end() {
    let screen = Screenful::default();
    let progress = Progress::with(Setup { quiet: true, ..setup(Display::Silent, screen.clone()) });
    tell_all(&progress);
    assert!(progress.finish());
    assert_eq!(screen.text(), WARNINGS);
}

#[test]
fn a_log_holds_no_control_characters() {
    let screen = Screenful::default();
    let progress = Progress::with(setup(Display::Lines, screen.clone()));
    tell_all(&progress);
    progress.say("a\tb\x1b[31mc\r\n");
    assert!(progress.finish());
    assert!(!screen.text().contains(|char: char| char.is_control() && char != '\n'), "{:?}", screen.text());
}
