//! Who gave the answers of a run, for people.

use nightreel::engine::WhoAnswered;

use super::super::count::count;
use super::super::page::Page;
use super::super::run_command::RunCommand;
use super::super::table::{Align, Table};
use super::super::terminal_text::{one_line, shortened};

/// How wide a name may be.
const WIDTH: usize = 60;

/// Who gave the answers, and what should be known of it; nothing where there are none.
pub(super) fn text(who_answered: &WhoAnswered, command: &RunCommand) -> String {
    if who_answered.groups.is_empty() {
        return String::new();
    }
    let columns = ["model", "served as", "provider"].map(|name| (name, Align::Left));
    let mut table = Table::new(&[columns.as_slice(), &[("answers", Align::Right)]].concat());
    for group in &who_answered.groups {
        let name = |name: Option<&str>| name.map_or_else(|| "(not told)".to_owned(), |name| shortened(name, WIDTH));
        let (served, provider) = (name(group.served_model.as_deref()), name(group.provider.as_deref()));
        table.row([shortened(&group.model, WIDTH), served, provider, count(group.answers)]);
    }
    let mut page = Page::default();
    page.line("\nwho answered");
    page.text(&table.render("  "));
    for warning in &who_answered.warnings {
        page.line(format_args!("  warning: {}", one_line(&command.warned(warning))));
    }
    page.finish()
}
