//! An HTTP server on a socket: its accept loop, its connections, and how they end.
//!
//! It speaks HTTP/1 and HTTP/2 and knows nothing of what is answered: an [`Answering`] does that.
//! Whatever it starts, it ends: requests in flight get a grace, then their connections are cut, those
//! over which no request has come before that, and [`run`] returns when no task of it is left.

mod answering;
mod link;
mod loopback;
mod server;
mod wire;

pub use answering::Answering;
pub use link::{Cut, Link};
pub use loopback::{Loopback, LoopbackDown, raise_loopback};
pub use server::{Ends, LATE, reachable, run};
