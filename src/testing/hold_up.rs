//! Whether a thread that waits keeps others from going on.

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task;

/// Whether clients of the caller's runtime stand still while the caller waits: they can neither have
/// an answer then nor leave. So it is wherever the runtime has one thread alone, and in a task, behind
/// which others of its thread wait.
pub(super) fn holds_up_clients() -> bool {
    let Ok(runtime) = Handle::try_current() else { return false };
    matches!(runtime.runtime_flavor(), RuntimeFlavor::CurrentThread) || task::try_id().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_no_runtime_holds_nobody_up() {
        assert!(!holds_up_clients());
    }

    #[tokio::test]
    async fn the_only_thread_of_a_runtime_holds_up_its_clients() {
        assert!(holds_up_clients());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_task_does_and_a_test_beside_the_threads_of_its_runtime_does_not() {
        assert!(!holds_up_clients());
        assert!(tokio::spawn(async { holds_up_clients() }).await.unwrap());
    }
}
