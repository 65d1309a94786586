//! Control of a run while it goes on: whoever holds a [`Control`] may ask how it stands, let it
//! pause and change its limits. The task that owns the run carries out what is asked.

mod controller;
mod request;
mod status;
mod throughput;

use tokio::sync::{mpsc, oneshot};

use super::RunBegun;

pub(super) use controller::{Controller, FirstBudget, Obeyed, Stand};
pub use request::{ControlReply, ControlRequest};
pub use status::{Activity, BudgetState, LaneState, RunStatus};

/// How many requests may wait for the run to take them.
const ORDERS: usize = 16;

/// Asks things of a run that goes on. It may be cloned.
#[derive(Debug, Clone)]
pub struct Control {
    orders: mpsc::Sender<Order>,
}

/// What is asked of a run, on its way to it.
#[derive(Debug)]
pub struct Orders {
    orders: mpsc::Receiver<Order>,
    begun: RunBegun,
}

/// Something that is asked, and where its answer goes.
#[derive(Debug)]
pub(super) struct Order {
    request: ControlRequest,
    reply: oneshot::Sender<ControlReply>,
}

impl Control {
    /// The two ends of control over a run that begins so.
    #[must_use]
    pub fn new(begun: RunBegun) -> (Self, Orders) {
        let (sender, orders) = mpsc::channel(ORDERS);
        (Self { orders: sender }, Orders { orders, begun })
    }

    /// What the run answers; `None` where it has ended.
    pub async fn ask(&self, request: ControlRequest) -> Option<ControlReply> {
        let (reply, answered) = oneshot::channel();
        self.orders.send(Order { request, reply }).await.ok()?;
        answered.await.ok()
    }
}
