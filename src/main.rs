//! The `nightreel` command.

fn main() {}
