//! How a run and those who control it speak: a line of JSON to it, and a line back.

use std::io;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;

/// The version of what is said. Another one is not understood.
const VERSION: u32 = 1;
/// The longest request, in bytes.
pub(super) const LONGEST_REQUEST: u64 = 64 * 1024;
/// The longest reply, in bytes: a run of many models has much to tell.
pub(super) const LONGEST_REPLY: u64 = 16 * 1024 * 1024;

/// Why nothing could be understood.
#[derive(Debug, thiserror::Error)]
pub(super) enum WireError {
    /// The other end is silent, or gone.
    #[error("the connection ended: {0}")]
    Ended(#[from] io::Error),
    /// The other end says too much.
    #[error("a line is longer than {0} bytes")]
    TooLong(u64),
    /// The line is not what it should be.
    #[error("{0}")]
    Unreadable(#[from] serde_json::Error),
    /// The other end speaks another version.
    #[error(
        "version {0} of nightreel's control is not known here, which is {VERSION}; use the same nightreel for both"
    )]
    Version(u32),
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

#[derive(Serialize, Deserialize)]
struct Line<T> {
    version: u32,
    #[serde(flatten)]
    content: T,
}

/// Says something.
pub(super) async fn write<T: Serialize>(stream: &mut UnixStream, content: T) -> Result<(), WireError> {
    let mut line = serde_json::to_vec(&Line { version: VERSION, content })?;
    line.push(b'\n');
    stream.write_all(&line).await?;
    Ok(())
}

/// Hears a line of so many bytes at most.
pub(super) async fn read<T: DeserializeOwned>(stream: &mut UnixStream, longest: u64) -> Result<T, WireError> {
    let mut line = Vec::new();
    let read = BufReader::new(stream.take(longest)).read_until(b'\n', &mut line).await?;
    if !line.ends_with(b"\n") {
        let ended = io::Error::from(io::ErrorKind::UnexpectedEof);
        return Err(if read as u64 == longest { WireError::TooLong(longest) } else { ended.into() });
    }
    // First of all its version: the rest may be of a form that is not known here.
    let Version { version } = serde_json::from_slice(&line)?;
    if version != VERSION {
        return Err(WireError::Version(version));
    }
    Ok(serde_json::from_slice::<Line<T>>(&line)?.content)
}

#[cfg(test)]
mod tests {
    use nightreel::engine::{Activity, BudgetState, ControlReply, ControlRequest, LaneState, RunStatus};

    use super::*;

    fn status() -> RunStatus {
        let lane = LaneState {
            model: "openai/gpt-5-mini".to_owned(),
            in_flight: 3,
            in_flight_limit: 9,
            adaptive: true,
            requests_per_minute: None,
            tokens_per_minute: "7".parse().ok(),
            learned_requests_per_minute: Some(58.25),
            cooling_seconds: Some(1.5),
            closed: None,
        };
        RunStatus {
            job: "nightly".to_owned(),
            run: Some(3),
            simulated: false,
            activity: Activity::Paused,
            items: 10_000,
            settled: 17,
            items_per_second: 0.1,
            elapsed_seconds: 170.0,
            in_flight: 3,
            in_flight_limit: None,
            requests_per_minute: "600".parse().ok(),
            tokens_per_minute: None,
            budget: Some(BudgetState { cap_usd: 5.0, spent_usd: 0.1, reserved_usd: 0.2 }),
            lanes: vec![lane],
        }
    }

    async fn heard<T: DeserializeOwned>(bytes: &[u8], longest: u64) -> Result<T, WireError> {
        let (mut here, mut there) = UnixStream::pair().unwrap();
        here.write_all(bytes).await.unwrap();
        drop(here);
        read(&mut there, longest).await
    }

    #[tokio::test]
    async fn what_is_said_is_heard_as_it_was() {
        let (mut here, mut there) = UnixStream::pair().unwrap();
        let settings = vec!["in_flight=8".parse().unwrap()];
        let request = ControlRequest::Set { model: None, settings };
        write(&mut here, &request).await.unwrap();
        assert_eq!(read::<ControlRequest>(&mut there, LONGEST_REQUEST).await.unwrap(), request);
        for reply in [ControlReply::Done(Box::new(status())), ControlReply::refused("no")] {
            write(&mut there, &reply).await.unwrap();
            assert_eq!(read::<ControlReply>(&mut here, LONGEST_REPLY).await.unwrap(), reply);
        }
    }

    #[tokio::test]
    async fn what_is_not_understood_is_told_apart() {
        let request = |bytes: &'static [u8]| heard::<ControlRequest>(bytes, 40);
        assert!(matches!(request(b"{\"version\":1,\"request\":\"pause\"}\n").await, Ok(ControlRequest::Pause)));
        assert!(matches!(request(b"{\"version\":1,\"request\":\"pause\"}").await, Err(WireError::Ended(_))));
        assert!(matches!(request(b"").await, Err(WireError::Ended(_))));
        assert!(matches!(request(&[b' '; 41]).await, Err(WireError::TooLong(40))));
        assert!(matches!(request(b"pause\n").await, Err(WireError::Unreadable(_))));
        assert!(matches!(request(b"{\"version\":1,\"request\":\"stop\"}\n").await, Err(WireError::Unreadable(_))));
        assert!(matches!(request(b"{\"version\":2,\"order\":7}\n").await, Err(WireError::Version(2))));
    }
}
