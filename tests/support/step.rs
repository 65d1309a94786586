//! What an answer in chunks does, one after the other.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

/// One thing that an answer in chunks does.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Sends these bytes as one chunk.
    Send(Vec<u8>),
    /// Rests, to give a stream its pace.
    Rest(Duration),
    /// Waits until a test opens the door.
    Wait(Door),
}

/// A door that a test opens for an answer that waits before it, once for each that is to pass.
#[derive(Debug, Clone)]
pub(crate) struct Door(Arc<Semaphore>);

impl Door {
    /// A door that is closed.
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    /// Lets one answer pass.
    pub(crate) fn open(&self) {
        self.0.add_permits(1);
    }
}

impl Step {
    /// A chunk of text.
    pub(crate) fn text(text: &str) -> Self {
        Self::Send(text.as_bytes().to_vec())
    }

    /// Takes the step; fails where the client has hung up.
    pub(super) async fn take(self, stream: &mut TcpStream) -> io::Result<()> {
        let pass = async {
            match self {
                Self::Send(bytes) => return Some(bytes),
                Self::Rest(time) => tokio::time::sleep(time).await,
                Self::Wait(door) => door.0.acquire().await.unwrap().forget(),
            }
            None
        };
        let bytes = tokio::select! {
            bytes = pass => bytes,
            gone = Self::gone(stream) => return gone,
        };
        let Some(bytes) = bytes else { return Ok(()) };
        let length = format!("{:x}\r\n", bytes.len());
        stream.write_all(&[length.as_bytes(), &bytes, b"\r\n"].concat()).await
    }

    /// Waits until the client hangs up, and fails then.
    pub(super) async fn gone(stream: &mut TcpStream) -> io::Result<()> {
        let read = stream.read(&mut [0]).await?;
        assert_eq!(read, 0, "a client sends nothing within an answer");
        Err(io::ErrorKind::ConnectionAborted.into())
    }
}
