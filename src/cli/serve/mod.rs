//! `serve`: a server that records and replays, and the command that is run against it.

mod announcement;
mod args;
mod child;
mod command;
mod listening;
mod mode;
mod program;
mod reaction;
mod recording_command;
mod report_file;
mod report_junit;
mod report_text;
mod said;
mod session;
mod settings;
mod stage;
mod stores;
#[cfg(test)]
mod test_report;
mod variables;
mod verdict;
mod xml;

pub(crate) use args::ServeArgs;
pub(crate) use command::serve;
pub(crate) use stage::become_command;
