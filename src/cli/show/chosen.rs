//! Which items of a run are meant.

use anyhow::anyhow;
use clap::Args;
use nightreel::store::{ItemId, Reader, Run};

use super::super::count::count;
use super::super::exit::Failure;
use super::super::table::{Align, Table};
use super::super::terminal_text::{one_line, shortened};
use super::item::Item;

/// How wide a row's id or an error may be in a list.
const WIDTH: usize = 60;

/// Which item of a run is meant.
#[derive(Debug, Args)]
pub(super) struct ItemArgs {
    /// The item: its row's id, or #N for the one at place N (a shell wants that in quotes).
    #[arg(value_name = "ITEM")]
    item: Option<String>,

    /// The item at this place in input order, from 0.
    #[arg(long, value_name = "N", conflicts_with_all = ["model", "sample"])]
    position: Option<u32>,

    /// The item of this model, where a row was asked of several.
    #[arg(long, requires = "item")]
    model: Option<String>,

    /// The item of this sample, from 0, where a row was asked several times.
    #[arg(long, value_name = "N", requires = "item")]
    sample: Option<u32>,
}

impl ItemArgs {
    /// Whether an item is meant, and not the run.
    pub(super) const fn is_given(&self) -> bool {
        self.item.is_some() || self.position.is_some()
    }

    fn admits(&self, item: &Item) -> bool {
        let Some(view) = &item.view else { return self.model.is_none() && self.sample.is_none() };
        self.model.as_ref().is_none_or(|model| view.model == *model)
            && self.sample.is_none_or(|sample| view.sample == sample)
    }
}

/// The items that are meant: one at least.
pub(super) fn choose(reader: &mut Reader, run: &Run, args: &ItemArgs) -> Result<Vec<Item>, Failure> {
    let mut ids = match &args.item {
        Some(row_id) => reader.items_of_row(run.id, row_id)?,
        None => Vec::new(),
    };
    let of_row = !ids.is_empty();
    if !of_row {
        ids.push(at_position(run, args)?);
    }
    let items = ids.into_iter().map(|id| Item::read(reader, id)).collect::<Result<Vec<Item>, _>>()?;
    if let ([item], false) = (items.as_slice(), of_row)
        && item.is_unknown()
    {
        return Err(Failure::usage(anyhow!(
            "the item #{} of run {} has not been asked yet",
            item.id.position(),
            run.id
        )));
    }
    let (admitted, others): (Vec<Item>, Vec<Item>) = items.into_iter().partition(|item| args.admits(item));
    if admitted.is_empty() {
        let list = list(&others);
        return Err(Failure::usage(anyhow!(
            "no item of this row has that model and sample; it has\n{}",
            list.trim_end()
        )));
    }
    Ok(admitted)
}

fn at_position(run: &Run, args: &ItemArgs) -> Result<ItemId, Failure> {
    let named = args.item.as_deref().unwrap_or_default();
    let position = args.position.or_else(|| named.strip_prefix('#')?.parse().ok());
    let items = run.begun.item_count;
    match position {
        Some(position) if u64::from(position) < items => Ok(run.id.item(position)),
        Some(position) => Err(Failure::usage(anyhow!(
            "run {} has no item #{position}: it has {}, numbered from 0",
            run.id,
            count(items)
        ))),
        None => Err(Failure::usage(anyhow!(
            "run {} has no settled item of a row {named:?}; name a row by its id (its number where the job has no \
             input.id), or an item by its place with --position 0 to {}",
            run.id,
            items.saturating_sub(1)
        ))),
    }
}

/// The items of a row from which one is to be chosen.
pub(super) fn candidates(run: &Run, items: &[Item], args: &ItemArgs) -> String {
    let row = one_line(args.item.as_deref().unwrap_or_default());
    let list = list(items);
    format!(
        "run {} has {} items of the row {row}; choose one with --model, --sample or --position\n{list}",
        run.id,
        items.len()
    )
}

fn list(items: &[Item]) -> String {
    let mut table = Table::new(&[
        ("position", Align::Right),
        ("model", Align::Left),
        ("sample", Align::Right),
        ("outcome", Align::Left),
        ("error", Align::Left),
    ]);
    for view in items.iter().filter_map(|item| item.view.as_ref()) {
        table.row([
            view.item.position().to_string(),
            shortened(&view.model, WIDTH),
            view.sample.to_string(),
            view.outcome.as_str().to_owned(),
            shortened(view.error.as_deref().unwrap_or_default(), WIDTH),
        ]);
    }
    table.render("  ")
}
