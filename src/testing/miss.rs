//! What a test is told of a request that is not recorded.

use std::sync::Arc;

use super::session::Session;
use crate::serve::{Explain, Unanswered};

/// Says why nothing answers a request, and how a test records it.
pub(super) fn explain(_session: &Session) -> Explain {
    Arc::new(Unanswered::plain)
}
