//! Where everything is written: one buffer, one writer, one thread.

use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// How much is written at once. Each such piece is a sign of life.
const PIECE: usize = 4096;
/// How long a descriptor that another program has made non-blocking is left alone when it is full.
const FULL: Duration = Duration::from_millis(5);

/// Collects what is to be shown, and writes it when it is flushed.
#[derive(Clone)]
pub(super) struct Sink(Arc<Mutex<Inner>>);

struct Inner {
    buffer: Vec<u8>,
    writer: Box<dyn Write + Send>,
    /// How many pieces have been written, for whoever wonders whether the reader is alive.
    pieces: Arc<AtomicU64>,
}

impl Sink {
    pub(super) fn new(writer: Box<dyn Write + Send>, pieces: Arc<AtomicU64>) -> Self {
        Self(Arc::new(Mutex::new(Inner { buffer: Vec::new(), writer, pieces })))
    }

    /// Adds a text.
    pub(super) fn push(&self, text: &str) {
        self.inner().buffer.extend_from_slice(text.as_bytes());
    }

    /// Adds a line.
    pub(super) fn line(&self, line: &str) {
        self.push(line);
        self.push("\n");
    }

    /// Writes what has been added. It may wait for the reader for ever.
    pub(super) fn flush(&self) {
        let mut inner = self.inner();
        let buffer = std::mem::take(&mut inner.buffer);
        // An error is ignored on purpose, and that is why neither `eprintln!` nor anything else that
        // panics is used: a display that nobody can see (a closed pipe, a full disk) must not end a
        // run that is being paid for, and there is nowhere else to say it.
        let _nobody_to_tell = inner.write(&buffer);
        inner.buffer = buffer;
        inner.buffer.clear();
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn write(&mut self, mut rest: &[u8]) -> io::Result<()> {
        while !rest.is_empty() {
            match self.writer.write(&rest[..rest.len().min(PIECE)]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => {
                    rest = &rest[written..];
                    self.pieces.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(FULL),
                Err(error) => return Err(error),
            }
        }
        self.writer.flush()
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sink").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Screenful;
    use super::*;

    /// Takes a byte at a time, and says in between that it is full, or interrupted.
    struct Stubborn(Screenful, u32);

    impl Write for Stubborn {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1 += 1;
            match self.1 % 3 {
                0 => self.0.write(&bytes[..1]),
                1 => Err(ErrorKind::Interrupted.into()),
                _ => Err(ErrorKind::WouldBlock.into()),
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_writer_that_is_full_for_a_while_gets_everything() {
        let (screen, pieces) = (Screenful::default(), Arc::new(AtomicU64::new(0)));
        let sink = Sink::new(Box::new(Stubborn(screen.clone(), 0)), Arc::clone(&pieces));
        sink.line("all of it");
        sink.flush();
        assert_eq!(screen.text(), "all of it\n");
        assert_eq!(pieces.load(Ordering::Relaxed), 10);
    }
}
