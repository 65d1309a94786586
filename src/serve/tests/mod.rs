//! A server on a real socket, asked by clients that show every byte.

mod client;
mod credentials;
mod endings;
mod faults;
mod http2;
mod leaving;
mod lengths;
mod lifetime;
mod live;
mod pacing;
mod pages;
mod replays;
mod requests;
mod stage;
mod upstream;
