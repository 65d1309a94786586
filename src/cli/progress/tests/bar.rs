use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use nightreel::engine::Snapshot;

use super::super::bar_view::BarView;
use super::super::sink::Sink;
use super::super::status::{Lane, Phase, Status, Tally};
use super::super::{Message, View};
use super::teletype::Teletype;
use super::*;

thread_local! {
    static SIZE: Cell<(u16, u16)> = const { Cell::new((60, 24)) };
}

fn size() -> Size {
    let (width, height) = SIZE.get();
    Size { width, height }
}

struct Stage {
    view: BarView,
    screen: Screenful,
    seen: usize,
    teletype: Teletype,
}

impl Stage {
    fn new(width: u16, paint: Paint) -> Self {
        SIZE.set((width, 24));
        let screen = Screenful::default();
        let sink = Sink::new(Box::new(screen.clone()), Arc::default());
        let view = BarView::new(sink, paint, size);
        Self { view, screen, seen: 0, teletype: Teletype::new(usize::from(width)) }
    }

    fn say(&mut self, line: &str) {
        self.view.message(Message::Line(line.to_owned()));
        self.view.flush();
    }

    fn rows(&mut self) -> Vec<String> {
        let text = self.screen.text();
        self.teletype.show(&text[self.seen..]);
        self.seen = text.len();
        self.teletype.rows()
    }
}

fn running(settled: u64) -> Phase {
    Phase::Running(Box::new(Status {
        job: "quickstart".into(),
        items: 100,
        settled_before: 0,
        elapsed: Duration::from_secs(5),
        tally: Tally { settled, failed: 1, ..Tally::default() },
        lanes: vec![Lane::new("a"), Lane::new("b")],
        snapshot: Snapshot { in_flight: 3, in_flight_limit: 4, waiting: 0, bound: None },
        stopping: false,
        rate: None,
    }))
}

fn picture(settled: u64) -> Vec<String> {
    let bar: String = (0..20).map(|at| if at <= settled / 5 { '━' } else { '╌' }).collect();
    let head = format!("{bar} {settled}/100 {settled}.0 % · failed 1");
    vec![head, "in flight 3/4".to_owned(), "a  0/50".to_owned(), "b  0/50".to_owned()]
}

#[test]
fn lines_never_tear_the_bar() {
    let mut stage = Stage::new(60, Paint::PLAIN);
    let mut above = Vec::new();
    stage.view.frame(&Phase::Checking { rows: 120_000, elapsed: Duration::ZERO });
    let rows = stage.rows();
    assert!(rows[0].ends_with(" checking the input: 120,000 rows") && rows.len() == 1, "{rows:?}");
    for settled in 1..60 {
        stage.view.frame(&running(settled));
        let line = format!("line {settled}{}", ", which is longer than the terminal is wide".repeat(2));
        stage.say(&line);
        let chars: Vec<_> = line.chars().collect();
        above.extend(chars.chunks(60).map(|row| row.iter().collect::<String>().trim_end().to_owned()));
        assert_eq!(stage.rows(), [above.clone(), picture(settled)].concat());
    }
    stage.view.close(&Phase::Idle);
    assert_eq!(stage.rows(), above, "the bar is gone, the lines stay");
}

#[test]
fn lines_of_one_batch_stand_in_order() {
    let mut stage = Stage::new(60, Paint::PLAIN);
    stage.view.frame(&running(10));
    stage.view.message(Message::Line("one\ntwo".to_owned()));
    stage.view.message(Message::Warning("three".to_owned()));
    stage.view.lost(4);
    stage.view.flush();
    let said = ["one", "two", "warning: three", "… 4 more lines not shown"].map(str::to_owned).to_vec();
    assert_eq!(stage.rows(), [said, picture(10)].concat());
}

#[test]
fn a_narrow_terminal_cuts_the_lines() {
    let mut stage = Stage::new(30, Paint::PLAIN);
    stage.view.frame(&running(10));
    stage.say("x");
    let rows = stage.rows();
    assert_eq!(rows.len(), 5, "{rows:?}");
    assert_eq!(rows[1].chars().count(), 30, "{rows:?}");
    let mut tiny = Stage::new(4, Paint::PLAIN);
    tiny.view.frame(&running(10));
    tiny.say("x");
}

#[test]
fn a_terminal_that_changes_its_size_keeps_the_lines() {
    for widths in [[60, 100, 60], [100, 40, 70]] {
        let mut stage = Stage::new(widths[0], Paint::PLAIN);
        for (turn, width) in (10..).zip(widths) {
            SIZE.set((width, 24));
            stage.rows();
            stage.teletype.width = usize::from(width);
            stage.view.frame(&running(turn));
            stage.say(&format!("line at {turn}"));
        }
        let rows = stage.rows();
        for turn in 10..13 {
            assert!(rows.contains(&format!("line at {turn}")), "{rows:#?}");
        }
        assert_eq!(rows[rows.len() - 4..], picture(12), "{rows:#?}");
    }
}

#[test]
fn a_low_terminal_shows_what_fits() {
    let mut stage = Stage::new(60, Paint::PLAIN);
    SIZE.set((60, 2));
    stage.view.frame(&running(10));
    stage.say("x");
    assert_eq!(stage.rows(), [&["x".to_owned()], &picture(10)[..2]].concat());
}

#[test]
fn failures_are_red_where_colours_are_wanted() {
    for color in [true, false] {
        let mut stage = Stage::new(60, Paint { color });
        stage.view.frame(&running(10));
        stage.say("x");
        assert_eq!(stage.screen.text().contains("\x1b[31mfailed 1\x1b[0m"), color);
        assert_eq!(stage.screen.text().contains("\x1b[36m"), color);
        assert_eq!(stage.rows()[1..], picture(10));
    }
}
