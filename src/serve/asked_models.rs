//! Requests for what models there are.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, StatusCode};

use super::asked::AskedRequest;
use super::models;
use super::refusal::Refusal;
use super::reply::{self, Reply, Source};
use super::request_body::NoBody;
use super::service::{Call, Service};
use crate::model::{Attempt, Mode};

impl Service {
    /// Answers a request for the head of the list of models by what there is: nothing is sent, since
    /// nothing that could be recorded would come of it.
    pub(super) async fn head_of_models(&self, call: Call<'_>) -> Result<Reply, NoBody> {
        let asked = AskedRequest::models(call.query, self.rules(), &self.redactors.of(call.headers))?;
        let session = Arc::clone(&call.session);
        let lent = self.playback.lend(&session, &asked.kept, |_| true);
        let Some(attempt) = lent.map_err(|error| Refusal::NotRead(error.to_string()))? else {
            let derived = reply::derived(self.models()?);
            self.playback.note_derived();
            return Ok(derived);
        };
        let mut reply = self.replay(*attempt, call).await?;
        Source::Replayed.tell(&mut reply, &session);
        Ok(reply)
    }

    /// Answers a request for one model: by its recording, out of a list that is recorded, by sending
    /// it, or by what is known of the models. Its head alone is never sent for: whether a model is there
    /// that nothing is known of remains open then, which is no fault of whoever asks.
    pub(super) async fn model(&self, name: &str, call: Call<'_>) -> Result<Reply, NoBody> {
        let redactor = self.redactors.of(call.headers);
        let asked = AskedRequest::model(name, self.rules(), &redactor)?;
        let list = AskedRequest::models("", self.rules(), &redactor)?;
        let is_head = call.method == Method::HEAD;
        let is_lent = is_head || self.playback.options().mode != Mode::Record;
        let lend = |request: &AskedRequest, suits: fn(&Attempt, &str) -> bool| {
            if !is_lent {
                return Ok(None);
            }
            let lent = self.playback.lend(&call.session, &request.kept, |attempt| suits(attempt, name));
            lent.map_err(|error| Refusal::NotRead(error.to_string()))
        };
        let session = Arc::clone(&call.session);
        let mut reply = if let Some(attempt) = lend(&asked, |_, _| true)? {
            self.replay(*attempt, call).await?
        } else if let Some(attempt) = lend(&list, |attempt, name| models::listed(attempt, name).is_some())? {
            reply::json(StatusCode::OK, models::listed(&attempt, name).unwrap_or_default())
        } else if self.sending.is_some() && !is_head {
            return self.answer(asked, call).await;
        } else {
            let derived = match models::one(&self.known_models()?, name) {
                Ok(known) => reply::derived(known),
                Err(unknown) if self.sending.is_some() => reply::refused(&unknown, call.shape),
                Err(unknown) => return Err(unknown.into()),
            };
            self.playback.note_derived();
            return Ok(derived);
        };
        Source::Replayed.tell(&mut reply, &session);
        Ok(reply)
    }

    fn known_models(&self) -> Result<Vec<String>, Refusal> {
        self.playback.models().map_err(|error| Refusal::NotRead(error.to_string()))
    }

    /// The list of the models that are known.
    pub(super) fn models(&self) -> Result<Bytes, NoBody> {
        Ok(models::list(&self.known_models()?))
    }
}
