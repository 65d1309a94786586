//! Which store a command reads or writes.

use std::path::PathBuf;

use clap::Args;

/// The store that is used where none is named.
pub(crate) const DEFAULT_STORE: &str = "nightreel.db";
/// The variable that names another one.
pub(crate) const STORE_VARIABLE: &str = "NIGHTREEL_STORE";

/// Which store is used.
#[derive(Debug, Args)]
pub(crate) struct StoreArgs {
    /// The store: one SQLite file of runs.
    #[arg(long, value_name = "FILE", env = STORE_VARIABLE, default_value = DEFAULT_STORE)]
    pub(crate) store: PathBuf,
}
