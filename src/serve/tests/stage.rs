//! Servers with what they need.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use tempfile::TempDir;

use super::super::{Options, Server, Upstream};
use super::client::body;
use crate::gateway::{Credentials, HttpGateway};
use crate::model::{
    Attempt, Chunk, Class, End, Endpoint, Exchange, Fault, Header, KeyRules, Mode, Reply, Request, Timing,
};
use crate::record::{Playback, PlaybackOptions};
use crate::store::{Access, Store, write_fixture};

pub(super) const LOOPBACK: ([u8; 4], u16) = ([127, 0, 0, 1], 0);

/// A server, and the directory that its store is in.
pub(super) struct Stage {
    pub(super) server: Server,
    pub(super) playback: Arc<Playback>,
    pub(super) directory: TempDir,
}

impl Stage {
    pub(super) fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// What is recorded, oldest first; at the end of everything.
    pub(super) async fn stop(self) -> Vec<Exchange> {
        self.server.stop().await.unwrap();
        recorded(&self.directory)
    }
}

/// A server that replays some exchanges.
pub(super) async fn replaying(exchanges: Vec<Exchange>) -> Stage {
    replaying_with(exchanges, |options| options).await
}

/// The same, with options.
pub(super) async fn replaying_with(exchanges: Vec<Exchange>, with: impl FnOnce(Options) -> Options) -> Stage {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("fixture.db");
    write_fixture(&path, exchanges).unwrap();
    let options = PlaybackOptions { mode: Mode::Replay, ..PlaybackOptions::default() };
    let playback = Arc::new(Playback::of_fixture(&path, options).unwrap());
    let server = Server::start(with(Options::new(Arc::clone(&playback))), LOOPBACK.into()).await.unwrap();
    Stage { server, playback, directory }
}

/// A server that sends what is not recorded to a base URL, without credentials of its own.
pub(super) async fn recording(base_url: &str) -> Stage {
    recording_with(base_url, |options| options, |gateway| gateway).await
}

/// The same, with options of the server and of what it sends with.
pub(super) async fn recording_with(
    base_url: &str,
    with: impl FnOnce(Options) -> Options,
    gateway_with: impl FnOnce(crate::gateway::Options) -> crate::gateway::Options,
) -> Stage {
    let directory = tempfile::tempdir().unwrap();
    let options = with(options(&directory, base_url, gateway_with));
    let playback = Arc::clone(&options.playback);
    let server = Server::start(options, LOOPBACK.into()).await.unwrap();
    Stage { server, playback, directory }
}

/// Options to send with, into a store of a directory.
pub(super) fn options(
    directory: &TempDir,
    base_url: &str,
    gateway_with: impl FnOnce(crate::gateway::Options) -> crate::gateway::Options,
) -> Options {
    let store = Store::open(&directory.path().join("store.db"), Access::ReadWrite).unwrap();
    let playback = Playback::new(vec![store.clone()], PlaybackOptions::default()).unwrap();
    let gateway = crate::gateway::Options::new(base_url.parse().unwrap(), Credentials::default());
    let upstream = Upstream {
        gateway: Arc::new(HttpGateway::new(gateway_with(gateway)).unwrap()),
        store,
        job: "served".to_owned(),
        description: "{}".to_owned(),
        simulated: false,
        prices: None,
        after_kept: None,
        notice: None,
    };
    Options { upstream: Some(upstream), ..Options::new(Arc::new(playback)) }
}

/// What the store of a directory has.
pub(super) fn recorded(directory: &TempDir) -> Vec<Exchange> {
    let store = Store::open(&directory.path().join("store.db"), Access::ReadOnly).unwrap();
    let mut reader = store.reader().unwrap();
    let runs = reader.runs().unwrap();
    let mut exchanges = Vec::new();
    for run in runs {
        exchanges.extend(reader.exchanges(run.id, None, 1000).unwrap().into_iter().map(|kept| kept.exchange));
    }
    exchanges
}

/// The reply of the only exchange.
pub(super) fn only_reply(exchanges: Vec<Exchange>) -> Result<Reply, Fault> {
    let [exchange] = <[Exchange; 1]>::try_from(exchanges).unwrap();
    exchange.attempt.reply
}

/// A recording of a chat request.
pub(super) fn exchange(prompt: &str, reply: Result<Reply, Fault>) -> Exchange {
    timed(prompt, reply, Timing { queued_us: 0, first_byte_us: 10_000, total_us: 50_000 })
}

pub(super) fn timed(prompt: &str, reply: Result<Reply, Fault>, timing: Timing) -> Exchange {
    let body = Bytes::from(body(prompt));
    let request = Request::new(Endpoint::ChatCompletions, "test/model".into(), body, &KeyRules::default()).unwrap();
    let attempt = Attempt {
        number: 1,
        sent_at_ms: 1,
        timing,
        reply,
        class: Class::Answered,
        cost_usd: None,
        assumed_cost_usd: None,
    };
    Exchange { request, session: None, occurrence: 0, attempt }
}

/// A body in one piece, whose length was told.
pub(super) fn whole(body: impl Into<Bytes>) -> Reply {
    let body = body.into();
    let length = body.len().to_string();
    let headers = vec![header("content-type", "application/json"), header("content-length", &length)];
    Reply { status: 200, headers, body, chunks: Vec::new(), end: End::Complete }
}

/// A stream of pieces, ten milliseconds apart.
pub(super) fn stream(pieces: &[&str], end: End) -> Reply {
    let chunks = (1..).zip(pieces).map(|(number, piece)| Chunk { offset_us: number * 10_000, length: piece.len() });
    let headers = vec![header("content-type", "text/event-stream")];
    Reply { status: 200, headers, chunks: chunks.collect(), body: pieces.concat().into(), end }
}

pub(super) fn header(name: &str, value: &str) -> Header {
    Header { name: name.to_owned(), value: value.to_owned() }
}
