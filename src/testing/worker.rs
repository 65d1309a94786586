//! A thread with a runtime of its own, for what a test starts.

use std::io;
use std::panic::resume_unwind;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::JoinError;

/// A thread with a runtime of its own. A test may have a runtime or none, and may block it.
///
/// Dropping it drops what runs there, and waits for that.
#[derive(Debug)]
pub(super) struct Worker {
    handle: Handle,
    /// Dropped, it ends the thread.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Starts the thread.
    pub(super) fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let run = move || {
            // The sender is dropped, and never used.
            _ = runtime.block_on(stopped);
        };
        let thread = thread::Builder::new().name("nightreel-testing".to_owned()).spawn(run)?;
        Ok(Self { handle, stop: Some(stop), thread: Some(thread) })
    }

    /// Runs something there, and waits for it. It may be called where a runtime runs: that one waits.
    pub(super) fn run<F>(&self, work: F) -> F::Output
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.try_run(work).unwrap_or_else(|error| resume_unwind(error.into_panic()))
    }

    /// The same for one who may not panic.
    pub(super) fn try_run<F>(&self, work: F) -> Result<F::Output, JoinError>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let (sender, done) = mpsc::channel();
        self.handle.spawn(async move {
            let joined = tokio::spawn(work).await;
            // Whoever asked waits for it.
            _ = sender.send(joined);
        });
        done.recv().expect("the thread runs as long as this worker lives")
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // What panicked there has been told.
            _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    #[test]
    fn work_is_done_with_and_without_a_runtime_around() {
        let worker = Worker::start().unwrap();
        assert_eq!(worker.run(async { 1 }), 1);
        let runtime = Builder::new_current_thread().build().unwrap();
        let output = runtime.block_on(async {
            let worker = Worker::start().unwrap();
            worker.run(async { tokio::task::yield_now().await });
            worker.run(async { 2 })
        });
        assert_eq!(output, 2);
    }

    #[test]
    fn a_panic_there_is_one_here_and_the_next_work_is_done() {
        let worker = Worker::start().unwrap();
        let caught = catch_unwind(AssertUnwindSafe(|| worker.run(async { panic!("there") })));
        assert_eq!(caught.unwrap_err().downcast_ref::<&str>(), Some(&"there"));
        assert_eq!(worker.run(async { 2 }), 2);
    }
}
