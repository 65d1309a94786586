//! The client against real sockets, and the table of everything that may come back.

mod base_urls;
mod broken;
mod classification;
mod fan_out;
mod row;
mod server;
mod streams;
mod tables;
mod traps;
mod wire;

use std::sync::Arc;

use bytes::Bytes;

use super::{Credentials, Gateway, HttpGateway, Options, Response, Tag};
use crate::model::{Endpoint, Fault, KeyRules, Request};

fn request() -> Request {
    let body = Bytes::from_static(br#"{ "model":"m", "messages":[] , "z":1,"a":1.0}"#);
    Request::new(Endpoint::ChatCompletions, Arc::from("m"), body, &KeyRules::default()).unwrap()
}

fn tag() -> Tag {
    Tag { run: "run-1".to_owned(), item: "é".to_owned(), attempt: 1, event_id: "event-1".to_owned(), ..Tag::default() }
}

fn options(base_url: &str) -> Options {
    Options::new(base_url.parse().unwrap(), Credentials::default())
}

async fn send(gateway: &HttpGateway) -> Result<Response, Fault> {
    gateway.send(&request(), &tag()).await
}

/// Sends one request with these options.
async fn send_with(options: Options) -> Result<Response, Fault> {
    send(&HttpGateway::new(options).unwrap()).await
}
