//! The `nightreel` command.

mod cli;

/// A run makes and drops many small texts on several threads: glibc's allocator spends a tenth of
/// its time on them, and keeps more memory than is used.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    cli::main()
}
