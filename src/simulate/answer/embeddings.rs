//! The shape of embeddings, and their vectors.

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::super::digest::BodyDigest;
use super::super::draw::{Draw, Purpose};
use super::answered::{Answer, Content};
use super::ask::Ask;
use super::base64::base64;
use super::chat::PROVIDER;

/// Numbers in a vector where the request does not say.
const DIMENSIONS: u64 = 16;
/// Numbers in a vector at most.
const MOST_DIMENSIONS: u64 = 4096;

/// One vector of length 1 for each input. The same input has the same one in every list: it derives
/// from the seed and the input alone.
pub(super) fn vectors(ask: &Ask<'_>, seed: u64) -> Vec<Vec<f32>> {
    let dimensions = ask.dimensions.unwrap_or(DIMENSIONS).min(MOST_DIMENSIONS);
    let vector = |raw: &RawValue| {
        let mut draw = Draw::new(seed, &BodyDigest::of(raw.get().as_bytes()), Purpose::Answer);
        unit_vector(&mut draw, dimensions)
    };
    match serde_json::from_str::<Vec<&RawValue>>(ask.prompt.get()) {
        Ok(inputs) if !is_tokens(&inputs) => inputs.into_iter().map(vector).collect(),
        _ => vec![vector(ask.prompt)],
    }
}

/// Whether a list is one input, in tokens.
fn is_tokens(inputs: &[&RawValue]) -> bool {
    inputs.first().is_some_and(|first| first.get().starts_with(|c: char| c == '-' || c.is_ascii_digit()))
}

fn unit_vector(draw: &mut Draw, dimensions: u64) -> Vec<f32> {
    let numbers: Vec<f64> = (0..dimensions).map(|_| draw.unit() - 0.5).collect();
    let length = numbers.iter().map(|number| number * number).sum::<f64>().sqrt();
    #[expect(clippy::cast_possible_truncation, reason = "embeddings have single precision")]
    let unit = |number: f64| if length > 0.0 { (number / length) as f32 } else { 0.0 };
    numbers.into_iter().map(unit).collect()
}

/// The body of an answer. One that an error ended is the error alone.
pub(super) fn body(answer: &Answer<'_>) -> Value {
    if let Some(error) = &answer.error {
        return error.envelope(Some(answer.ask.endpoint));
    }
    let vectors = if let Content::Vectors(vectors) = &answer.content { vectors.as_slice() } else { &[] };
    let entry = |(index, vector): (usize, &Vec<f32>)| {
        let embedding = if answer.ask.base64 { encoded(vector) } else { json!(vector) };
        json!({"object": "embedding", "index": index, "embedding": embedding})
    };
    json!({
        "id": answer.identity.generation(), "object": "list", "model": answer.ask.model, "provider": PROVIDER,
        "data": vectors.iter().enumerate().map(entry).collect::<Vec<_>>(),
        "usage": answer.usage.chat(),
    })
}

fn encoded(vector: &[f32]) -> Value {
    base64(&vector.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<_>>()).into()
}
