//! The list of models, made of what is recorded.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::refusal::Refusal;
use crate::model::Attempt;

/// How many models a refusal names.
const NAMED: usize = 20;

/// The list in `OpenAI`'s shape.
pub(super) fn list(models: &[String]) -> Bytes {
    let data: Vec<Value> = models.iter().map(|name| model(name)).collect();
    json!({"object": "list", "data": data}).to_string().into()
}

/// One of the list.
///
/// # Errors
/// Fails where it is not in it.
pub(super) fn one(models: &[String], name: &str) -> Result<Bytes, Refusal> {
    match models.iter().find(|known| *known == name) {
        Some(known) => Ok(model(known).to_string().into()),
        None => Err(Refusal::NoSuchModel { model: name.to_owned(), known: known(models) }),
    }
}

/// One of a list that is recorded, as it stands there; `None` where it is not in it.
pub(super) fn listed(list: &Attempt, name: &str) -> Option<Bytes> {
    #[derive(Deserialize)]
    struct List<'a> {
        #[serde(borrow)]
        data: Vec<&'a RawValue>,
    }
    #[derive(Deserialize)]
    struct Listed<'a> {
        #[serde(borrow)]
        id: Cow<'a, str>,
    }
    let reply = list.reply.as_ref().ok().filter(|reply| reply.status == 200)?;
    let body = reply.uncompressed().map_or_else(|| reply.body.clone(), |plain| plain.body);
    let List { data } = serde_json::from_slice(&body).ok()?;
    let is_it = |raw: &&&RawValue| serde_json::from_str::<Listed<'_>>(raw.get()).is_ok_and(|listed| listed.id == name);
    data.iter().find(is_it).map(|raw| Bytes::copy_from_slice(raw.get().as_bytes()))
}

fn model(name: &str) -> Value {
    let owner = name.split_once('/').map_or("nightreel", |(owner, _)| owner);
    json!({"id": name, "object": "model", "created": 0, "owned_by": owner})
}

fn known(models: &[String]) -> String {
    if models.is_empty() {
        return "none, since nothing is recorded".to_owned();
    }
    let named = models[..models.len().min(NAMED)].join(", ");
    if models.len() > NAMED { format!("{named} and {} more", models.len() - NAMED) } else { named }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_openais_shape_and_each_of_it_can_be_asked_for() {
        let models = ["openai/gpt-5".to_owned(), "local".to_owned()];
        let listed: Value = serde_json::from_slice(&list(&models)).unwrap();
        assert_eq!(listed["object"], "list");
        for (index, owner) in [(0, "openai"), (1, "nightreel")] {
            assert_eq!(listed["data"][index]["owned_by"], owner);
            let one: Value = serde_json::from_slice(&one(&models, &models[index]).unwrap()).unwrap();
            assert_eq!(one, listed["data"][index]);
        }
    }

    #[test]
    fn a_model_that_is_not_there_is_told_which_are() {
        for (models, expected) in [
            (vec!["a".to_owned(), "b".to_owned()], "the model \"x\" is not in the list; there is a, b"),
            (vec![], "the model \"x\" is not in the list; there is none, since nothing is recorded"),
        ] {
            assert_eq!(one(&models, "x").unwrap_err().to_string(), expected);
        }
        let many: Vec<String> = (0..25).map(|number| number.to_string()).collect();
        assert!(one(&many, "x").unwrap_err().to_string().ends_with("18, 19 and 5 more"));
    }
}
