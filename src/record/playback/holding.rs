//! Holding the stores while many ask, and letting go of them soon.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::store::StoreError;

use super::state::State;

/// How long others who want to write a store wait for one that is asked all the time; what they
/// have written is seen as late as that.
const HELD: Duration = Duration::from_millis(20);

/// A thread that lets go of the stores a little after they were taken hold of, whether or not
/// somebody still asks.
pub(super) struct Holding {
    taken: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Holding {
    pub(super) fn start(state: &Arc<Mutex<State>>) -> Result<Self, StoreError> {
        let state = Arc::clone(state);
        // One that is waiting already lets go of all.
        let (taken, told) = sync_channel(1);
        let thread = std::thread::Builder::new().name("playback-holding".to_owned());
        let thread = thread.spawn(move || let_go(&state, &told)).map_err(StoreError::Thread)?;
        Ok(Self { taken: Some(taken), thread: Some(thread) })
    }

    /// Tells that the stores were taken hold of.
    pub(super) fn taken(&self) {
        if let Some(taken) = &self.taken {
            // Where the channel is full the thread is about to look.
            _ = taken.try_send(());
        }
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        drop(self.taken.take());
        if let Some(thread) = self.thread.take() {
            // It has nothing to tell, and a panic of it was reported.
            _ = thread.join();
        }
    }
}

fn let_go(state: &Mutex<State>, told: &Receiver<()>) {
    while told.recv().is_ok() {
        let is_over = told.recv_timeout(HELD) == Err(RecvTimeoutError::Disconnected);
        state.lock().unwrap_or_else(PoisonError::into_inner).let_go();
        if is_over {
            return;
        }
    }
}
