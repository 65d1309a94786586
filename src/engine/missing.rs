//! Items of a replay that are not recorded, and what comes nearest to them.

use std::sync::Arc;

use crate::model::{KeyRules, Request};
use crate::record::{Comparison, Nearest, Recall};
use crate::store::StoreError;

use super::item::{Asked, Planned};
use super::worker::not_recorded;

/// An item that is not recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Miss {
    /// The id of its row.
    pub row_id: String,
    /// The model that was asked.
    pub model: String,
    /// What is missing.
    pub what: String,
    /// What comes nearest to that; `None` where nothing is recorded that has anything in common with it.
    pub nearest: Option<NearMiss>,
}

/// A recording that comes near to a request that is not recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NearMiss {
    /// The one that stood in its place, and where it differs.
    InPlace(Comparison),
    /// The one that is most like it.
    Alike(Box<Nearest>),
}

impl NearMiss {
    /// Where it differs: nowhere, where the same request was recorded fewer times than it is asked.
    #[must_use]
    pub const fn comparison(&self) -> &Comparison {
        match self {
            Self::InPlace(comparison) => comparison,
            Self::Alike(nearest) => &nearest.comparison,
        }
    }
}

/// A request of an item that nothing answers.
pub(super) struct Missing {
    position: u32,
    row_id: String,
    step: u8,
    /// The request as it would be kept.
    request: Request,
}

impl Missing {
    pub(super) fn new(item: &Planned, step: u8, asked: &Asked) -> Self {
        let model = Arc::clone(&item.draft.model);
        let request = Request { endpoint: asked.request.endpoint, model, body: asked.kept.clone(), key: asked.key };
        Self { position: item.position, row_id: item.row.id.clone(), step, request }
    }

    /// Looks for what comes nearest: what stood in its place, else what is most like it, for which
    /// every recording is looked at.
    pub(super) fn explained(self, recall: &mut Recall, rules: &KeyRules) -> Result<Miss, StoreError> {
        let in_place = recall.in_place(self.position, &self.row_id, self.step)?;
        let nearest = match in_place {
            Some(recorded) => Some(NearMiss::InPlace(Comparison::of(&recorded, &self.request.body))),
            None => recall.most_alike(&self.request, rules)?.map(|nearest| NearMiss::Alike(Box::new(nearest))),
        };
        let model = self.request.model.to_string();
        Ok(Miss { row_id: self.row_id, model, what: not_recorded(usize::from(self.step)), nearest })
    }
}
