//! A job's templates, compiled, and what they make of a row.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use minijinja::value::Value;

use super::columns::{first_missing, hint};
use super::draft::{Body, Draft, write_string};
use super::plan::{Piece, Plan};
use super::splice::Models;
use super::templates::Templates;
use super::{PromptError, RowPlace};
use crate::job::{Job, RequestSpec};
use crate::model::{Endpoint, KeyRules, Row, RowRequest};

/// A job's templates, compiled: rows go in, drafts come out.
#[derive(Debug)]
pub struct Prompt {
    models: Vec<Arc<str>>,
    endpoint: Endpoint,
    samples: u32,
    streams: bool,
    bounds_answers: bool,
    templates: Templates,
    /// `None` where every row must be a request of its own.
    plan: Option<Plan>,
    rules: Arc<KeyRules>,
    job: Arc<Path>,
    input: Arc<Path>,
}

impl Prompt {
    /// Compiles the templates of a job.
    ///
    /// # Errors
    /// Fails where a template is no template, with its key and the line in it.
    pub fn compile(job: &Job) -> Result<Self, PromptError> {
        let mut templates = Templates::new();
        let plan = Plan::new(&job.request, &mut templates, &job.path)?;
        Ok(Self {
            models: job.request.models.iter().map(|model| Arc::from(model.as_str())).collect(),
            endpoint: job.request.endpoint,
            samples: job.request.samples.get(),
            streams: job.request.stream,
            bounds_answers: bounds_answers(&job.request),
            templates,
            plan,
            rules: Arc::new(job.record.rules.clone()),
            job: job.path.as_path().into(),
            input: job.input.path.as_path().into(),
        })
    }

    /// What the keys of its requests look past.
    pub(crate) const fn rules(&self) -> &Arc<KeyRules> {
        &self.rules
    }

    /// Checks that every variable of the templates is a column, before any row is read. A
    /// variable whose absence a template provides for (`is defined`, `default`) need not be one.
    ///
    /// # Errors
    /// Fails with the first variable that is no column, and the column that was probably meant.
    pub fn check_columns(&self, columns: &[String]) -> Result<(), PromptError> {
        let Some((key, variable)) = first_missing(&self.templates, columns) else { return Ok(()) };
        Err(PromptError::NoColumn {
            job: self.job.to_path_buf(),
            key,
            hint: hint(&variable, columns),
            variable,
            input: self.input.display().to_string(),
        })
    }

    /// How many drafts a row gives: one for each model of the job, or one for the model that the
    /// row itself names.
    #[must_use]
    pub fn models(&self) -> usize {
        self.models.len().max(1)
    }

    /// The model that is asked of, numbered from 0 in the job's order; `None` where each row names
    /// its own.
    #[must_use]
    pub fn model(&self, model_index: usize) -> Option<&Arc<str>> {
        self.models.get(model_index)
    }

    /// Whether the job's own requests ask for a stream. A row that is a request says so itself.
    #[must_use]
    pub fn streams(&self) -> bool {
        self.streams
    }

    /// Whether the job's own requests say how long an answer may be. A row that is a request says so
    /// itself, and is taken at its word before it is read.
    #[must_use]
    pub fn bounds_answers(&self) -> bool {
        self.plan.is_none() || self.bounds_answers
    }

    /// How often each draft is asked.
    #[must_use]
    pub fn samples(&self) -> u32 {
        self.samples
    }

    /// The drafts of a row, in the order of the job's models.
    pub fn drafts<'a>(&'a self, row: &'a Row) -> impl Iterator<Item = Result<Draft, PromptError>> + 'a {
        (0..self.models()).map(|model_index| self.draft(row, model_index))
    }

    /// What a row asks of one model, numbered from 0 in the job's order.
    ///
    /// # Errors
    /// Fails where a template uses what the row does not have or cannot be rendered, or where a
    /// row's own request is no JSON object or names no model.
    ///
    /// # Panics
    /// Panics where `model_index` is not less than [`Self::models`].
    pub fn draft(&self, row: &Row, model_index: usize) -> Result<Draft, PromptError> {
        assert!(model_index < self.models(), "the job has {} models", self.models());
        let place = RowPlace::of(row, &self.input);
        match (&row.request, &self.plan) {
            (Some(request), _) => self.own(request, self.models.get(model_index), place),
            (None, Some(plan)) => self.rendered(plan, row, &self.models[model_index], place),
            (None, None) => Err(PromptError::NoTemplate { place }),
        }
    }

    /// A row that is a request of its own.
    fn own(&self, request: &RowRequest, model: Option<&Arc<str>>, place: RowPlace) -> Result<Draft, PromptError> {
        let models = Models::find(&request.body)
            .map_err(|error| PromptError::Body { place: place.clone(), problem: error.to_string() })?;
        let (model, body) = match (model, models.name()) {
            (Some(model), Some(named)) if **model == *named => (model.clone(), request.body.clone()),
            (Some(model), _) => (model.clone(), models.replaced(model).into()),
            (None, Some(named)) => (Arc::from(named), request.body.clone()),
            (None, None) => return Err(PromptError::NoModel { place }),
        };
        let endpoint = request.endpoint.unwrap_or(self.endpoint);
        if endpoint == Endpoint::Embeddings && request.asks_for_stream() {
            return Err(PromptError::EmbeddingStream { place });
        }
        Ok(Draft { model, endpoint, place, rules: Arc::clone(&self.rules), body: Body::Whole(body) })
    }

    fn rendered(&self, plan: &Plan, row: &Row, model: &Arc<str>, place: RowPlace) -> Result<Draft, PromptError> {
        let filler = Filler {
            templates: &self.templates,
            context: self.templates.context(row, model),
            row,
            model,
            place: &place,
        };
        let head = filler.fill(&plan.head)?;
        let body = if plan.turns.is_empty() {
            Body::Whole(Bytes::from(head))
        } else {
            let turns = plan.turns.iter().map(|turn| filler.fill(turn)).collect::<Result<_, _>>()?;
            Body::Turns { head, turns, tail: filler.fill(&plan.tail)? }
        };
        Ok(Draft { model: model.clone(), endpoint: self.endpoint, place, rules: Arc::clone(&self.rules), body })
    }
}

/// Fills the gaps of a plan from one row.
struct Filler<'a> {
    templates: &'a Templates,
    context: Value,
    row: &'a Row,
    model: &'a str,
    place: &'a RowPlace,
}

impl Filler<'_> {
    fn fill(&self, pieces: &[Piece]) -> Result<Vec<u8>, PromptError> {
        let mut out = Vec::with_capacity(512);
        for piece in pieces {
            match piece {
                Piece::Raw(bytes) => out.extend_from_slice(bytes),
                Piece::Model => write_string(self.model, &mut out),
                Piece::Text(template) => {
                    let text = self.templates.render(*template, &self.context, self.row, self.place)?;
                    write_string(&text, &mut out);
                }
            }
        }
        Ok(out)
    }
}

/// Whether requests say how long an answer may be, where they have any.
fn bounds_answers(request: &RequestSpec) -> bool {
    let limits = ["max_tokens", "max_completion_tokens", "max_output_tokens"];
    request.endpoint == Endpoint::Embeddings || limits.iter().any(|limit| request.params.contains_key(*limit))
}
