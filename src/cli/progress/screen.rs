//! The terminal, as indicatif sees it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use indicatif::TermLike;

use super::sink::Sink;
use super::terminal::Size;

/// A terminal behind a sink. Nothing here ever fails: indicatif panics on some errors.
#[derive(Debug, Clone)]
pub(super) struct Screen {
    sink: Sink,
    /// Width and height. It changes between two pictures and never while one is drawn: what is
    /// drawn is cleared by the measures that it was drawn with.
    size: Arc<AtomicU32>,
}

impl Screen {
    pub(super) fn new(sink: Sink, size: Size) -> Self {
        Self { sink, size: Arc::new(AtomicU32::new(packed(size))) }
    }

    /// The size that the picture has been drawn for.
    pub(super) fn size(&self) -> Size {
        let [high, low, height_high, height_low] = self.size.load(Ordering::Relaxed).to_be_bytes();
        Size { width: u16::from_be_bytes([high, low]), height: u16::from_be_bytes([height_high, height_low]) }
    }

    /// Takes a picture of so many full lines away, and goes on with a new size.
    ///
    /// A terminal that grew may have joined the lines, one that shrank may have split them. It is
    /// cleared only where the picture is for certain: a rest of it is ugly, a log line that is
    /// gone is gone.
    pub(super) fn resize(&self, lines: usize, size: Size) {
        let (old, new) = (usize::from(self.size().width), usize::from(size.width));
        let rows = lines.min((lines * old).div_ceil(new));
        if rows > 0 {
            self.up(rows - 1);
            self.sink.push("\r\x1b[J");
        }
        self.size.store(packed(size), Ordering::Relaxed);
    }

    fn up(&self, lines: usize) {
        self.csi(lines, 'A');
    }

    fn csi(&self, count: usize, code: char) {
        // Zero stands for one in these sequences.
        if count > 0 {
            self.sink.push(&format!("\x1b[{count}{code}"));
        }
    }
}

const fn packed(size: Size) -> u32 {
    (size.width as u32) << 16 | size.height as u32
}

impl TermLike for Screen {
    fn width(&self) -> u16 {
        self.size().width
    }

    fn height(&self) -> u16 {
        self.size().height
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.up(n);
        Ok(())
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.csi(n, 'B');
        Ok(())
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.csi(n, 'C');
        Ok(())
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.csi(n, 'D');
        Ok(())
    }

    fn write_line(&self, s: &str) -> io::Result<()> {
        self.sink.line(s);
        Ok(())
    }

    fn write_str(&self, s: &str) -> io::Result<()> {
        self.sink.push(s);
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        self.sink.push("\r\x1b[2K");
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        self.sink.flush();
        Ok(())
    }
}
