//! `import`: recordings of other tools, into a store or a fixture.

mod command;
mod look;
mod recordings;
mod report;
mod sessions;
mod struck;
mod target;

pub(crate) use command::{ImportArgs, import};
