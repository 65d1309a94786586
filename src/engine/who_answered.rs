//! What a person should know of who gave the answers of a run, once it has them.

use std::collections::BTreeMap;

use crate::store::{ItemId, Items, Reader, ServedGroup, StoreError};

use super::model_name::may_be_same;
use super::pin::Pin;
use super::served::quantization;
use super::servers::{provider_pin, quantization_pin, several};

/// How many items are searched for quantizations, which only the replies themselves tell.
const SEARCHED: u32 = 20_000;
/// How many items are read at once.
const PAGE: usize = 500;

/// Who gave the answers of a run, and what a person should know of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WhoAnswered {
    /// The answers by model, served model and provider.
    pub groups: Vec<ServedGroup>,
    /// What should be known.
    pub warnings: Vec<ServedWarning>,
}

/// What should be known of some answers: several providers or quantizations without a pin, another
/// provider than the pinned one, another model than was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedWarning {
    /// One line.
    pub text: String,
    /// The first item that it is about, where it is about some of a model's answers.
    pub example: Option<ItemId>,
}

/// Some answers with what the request of the first of them says of who may answer.
struct Pinned<'a> {
    group: &'a ServedGroup,
    pin: Pin,
    quantized: bool,
}

impl WhoAnswered {
    /// Reads who gave the answers of a run, or of some of its items.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub fn read(reader: &mut Reader, items: impl Into<Items>) -> Result<Self, StoreError> {
        let items = items.into();
        let groups = reader.served(items)?;
        let mut pinned = Vec::with_capacity(groups.len());
        for group in &groups {
            let request = reader.request(group.example)?.unwrap_or_default();
            let quantized = tells_quantization(reader, group)?;
            pinned.push(Pinned { group, pin: Pin::of_body(&request), quantized });
        }
        let mut warnings = mixes(&pinned);
        if pinned.iter().any(|pinned| pinned.quantized && !pinned.pin.names_quantizations()) {
            warnings.extend(quantization_mixes(reader, items, &pinned)?);
        }
        warnings.extend(pinned.iter().filter_map(intruder));
        warnings.extend(groups.iter().filter_map(other_model));
        Ok(Self { groups, warnings })
    }
}

/// How many answers came from each of some places, in the order of the first answers.
type Counts = Vec<(String, u64)>;

/// The models whose answers came from several providers though requests leave it open.
fn mixes(pinned: &[Pinned<'_>]) -> Vec<ServedWarning> {
    let mut lanes = BTreeMap::<&str, Counts>::new();
    for Pinned { group, .. } in pinned.iter().filter(|pinned| !pinned.pin.names_providers()) {
        if let Some(provider) = &group.provider {
            add(lanes.entry(&group.model).or_default(), provider, group.answers);
        }
    }
    let mixed = lanes.into_iter().filter(|(_, counts)| counts.len() > 1);
    mixed.map(|(model, counts)| told("providers", model, counts, provider_pin)).collect()
}

/// The models whose answers came from several quantizations though requests leave it open.
fn quantization_mixes(reader: &mut Reader, of: Items, pinned: &[Pinned<'_>]) -> Result<Vec<ServedWarning>, StoreError> {
    let left_open =
        |model: &str| pinned.iter().any(|pinned| pinned.group.model == model && !pinned.pin.names_quantizations());
    let mut lanes = BTreeMap::<String, Counts>::new();
    let mut from = 0;
    while from < SEARCHED {
        let items = reader.items(of, from, PAGE)?;
        let Some(last) = items.last() else { break };
        from = last.item.position() + 1;
        for item in items.iter().filter(|item| left_open(&item.model)) {
            let counts = lanes.entry(item.model.clone()).or_default();
            let served = item.steps.iter().filter_map(|step| quantization(&step.attempt));
            served.for_each(|quantization| add(counts, &quantization, 1));
        }
    }
    let mixed = lanes.into_iter().filter(|(_, counts)| counts.len() > 1);
    Ok(mixed.map(|(model, counts)| told("quantizations", &model, counts, quantization_pin)).collect())
}

/// Whether the first of some answers tells how its model is quantized.
fn tells_quantization(reader: &mut Reader, group: &ServedGroup) -> Result<bool, StoreError> {
    let attempts = reader.attempts(group.example.item())?;
    let settling = attempts.iter().find(|view| view.settling && view.exchange == group.example);
    Ok(settling.is_some_and(|view| quantization(&view.attempt).is_some()))
}

fn add(counts: &mut Counts, name: &str, answers: u64) {
    match counts.iter_mut().find(|(known, _)| known == name) {
        Some((_, count)) => *count += answers,
        None => counts.push((name.to_owned(), answers)),
    }
}

/// A mix for people, the most frequent first: that is the one to pin.
fn told(kind: &str, model: &str, mut counts: Counts, pin: impl Fn(&str) -> String) -> ServedWarning {
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let names: Vec<String> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    ServedWarning { text: several(kind, model, &names, &pin(&counts[0].0)), example: None }
}

/// Answers of a provider that their requests rule out.
fn intruder(Pinned { group, pin, .. }: &Pinned<'_>) -> Option<ServedWarning> {
    let provider = group.provider.as_ref().filter(|provider| !pin.admits_provider(provider))?;
    let (model, asked) = (&group.model, pin.providers());
    Some(of_group(group, &format!("{model} was asked of {asked} alone, and {provider}")))
}

/// Answers of another model than was asked for.
fn other_model(group: &ServedGroup) -> Option<ServedWarning> {
    let served = group.served_model.as_ref().filter(|served| !may_be_same(&group.model, served))?;
    Some(of_group(group, &format!("{} was asked, and another model, {served},", group.model)))
}

/// Says who gave the answers of a group.
fn of_group(group: &ServedGroup, who: &str) -> ServedWarning {
    let plural = if group.answers == 1 { "" } else { "s" };
    let text = format!("{who} gave {} answer{plural}", group.answers);
    ServedWarning { text, example: Some(group.example.item()) }
}
