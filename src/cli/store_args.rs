//! Which store a command reads or writes.

use std::path::PathBuf;

use clap::Args;

/// Which store is used.
#[derive(Debug, Args)]
pub(crate) struct StoreArgs {
    /// The store: one SQLite file of runs.
    #[arg(long, value_name = "FILE", env = "NIGHTREEL_STORE", default_value = "nightreel.db")]
    pub(crate) store: PathBuf,
}
