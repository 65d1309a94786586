//! The ids of runs, items and exchanges: each carries its parent's.

use std::fmt;

/// A run of the store, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(pub u32);

/// An item: its run, and its position in input order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ItemId(i64);

/// An exchange: its item, and its step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExchangeId(i64);

/// How many runs the ids have room for: what is left of 63 bits.
const MAX_RUN: u32 = (1 << 23) - 1;

impl RunId {
    /// The run of a row id; `None` where the store has outgrown its ids.
    pub(super) fn from_rowid(rowid: i64) -> Option<Self> {
        u32::try_from(rowid).ok().filter(|run| *run <= MAX_RUN).map(Self)
    }

    /// The item at a position.
    #[must_use]
    pub fn item(self, position: u32) -> ItemId {
        ItemId(i64::from(self.0) << 32 | i64::from(position))
    }

    /// The id of an input row, by its number from 1.
    pub(super) fn row(self, number: u32) -> i64 {
        self.item(number).0
    }

    /// The items of the run below a position: those of its first rows.
    #[must_use]
    pub fn first(self, count: u64) -> Items {
        Items { run: self, count: u32::try_from(count).ok() }
    }
}

/// Items of a run: all of them, or those below a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Items {
    /// The run.
    pub run: RunId,
    count: Option<u32>,
}

impl From<RunId> for Items {
    fn from(run: RunId) -> Self {
        Self { run, count: None }
    }
}

impl Items {
    /// The ids of the items, from and to (exclusive).
    pub(super) fn ids(self) -> (i64, i64) {
        let from = self.run.item(0).rowid();
        (from, from + self.count.map_or(1 << 32, i64::from))
    }

    /// The ids of their exchanges, from and to (exclusive).
    pub(super) fn exchanges(self) -> (i64, i64) {
        let (from, to) = self.ids();
        (from << 8, to << 8)
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl ItemId {
    pub(super) const fn from_rowid(rowid: i64) -> Self {
        Self(rowid)
    }

    pub(super) const fn rowid(self) -> i64 {
        self.0
    }

    /// The run it belongs to.
    #[must_use]
    pub fn run(self) -> RunId {
        RunId(u32::try_from(self.0 >> 32).expect("an item id holds a run of 23 bits"))
    }

    /// Its place in input order, from 0.
    #[must_use]
    pub fn position(self) -> u32 {
        u32::try_from(self.0 & 0xffff_ffff).expect("32 bits were kept")
    }

    /// Its exchange at a step.
    #[must_use]
    pub fn exchange(self, step: u8) -> ExchangeId {
        ExchangeId(self.0 << 8 | i64::from(step))
    }
}

impl ExchangeId {
    pub(super) const fn from_rowid(rowid: i64) -> Self {
        Self(rowid)
    }

    pub(super) const fn rowid(self) -> i64 {
        self.0
    }

    /// The item it belongs to.
    #[must_use]
    pub const fn item(self) -> ItemId {
        ItemId(self.0 >> 8)
    }

    /// The turn of the conversation, from 0.
    #[must_use]
    pub fn step(self) -> u8 {
        u8::try_from(self.0 & 0xff).expect("8 bits were kept")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_gives_back_what_it_was_made_of() {
        let item = RunId(MAX_RUN).item(u32::MAX);
        assert_eq!((item.run(), item.position()), (RunId(MAX_RUN), u32::MAX));
        let exchange = item.exchange(255);
        assert_eq!((exchange.item(), exchange.step()), (item, 255));
        assert!(exchange.rowid() > 0);
        assert_eq!(RunId::from_rowid(i64::from(MAX_RUN) + 1), None);
    }
}
