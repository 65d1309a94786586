//! What was measured, and what it must be.

use std::fmt;

/// What a figure must be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Bar {
    AtLeast(f64),
    AtMost(f64),
    Is(f64),
    /// It is told alone.
    None,
}

/// One figure.
#[derive(Debug)]
pub(crate) struct Figure {
    pub(crate) what: String,
    pub(crate) measured: f64,
    pub(crate) bar: Bar,
}

impl Figure {
    pub(crate) fn new(what: impl Into<String>, measured: f64, bar: Bar) -> Self {
        Self { what: what.into(), measured, bar }
    }

    pub(crate) fn is_reached(&self) -> bool {
        match self.bar {
            Bar::AtLeast(bar) => self.measured >= bar,
            Bar::AtMost(bar) => self.measured <= bar,
            #[expect(clippy::float_cmp, reason = "what must be something exactly is a whole number")]
            Bar::Is(bar) => self.measured == bar,
            Bar::None => true,
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bar = match self.bar {
            Bar::AtLeast(bar) => format!("≥ {}", number(bar)),
            Bar::AtMost(bar) => format!("≤ {}", number(bar)),
            Bar::Is(bar) => format!("= {}", number(bar)),
            Bar::None => String::new(),
        };
        let verdict = match (self.bar, self.is_reached()) {
            (Bar::None, _) => "",
            (_, true) => "ok",
            (_, false) => "MISSED",
        };
        write!(f, "{:<58} {:>10}  {bar:<12} {verdict}", self.what, number(self.measured))
    }
}

/// Whole numbers as they are, others with four digits behind the point.
fn number(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.4}") }
}
