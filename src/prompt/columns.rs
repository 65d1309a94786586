//! Whether an input's columns have what the templates ask for.

use super::context::EXTRAS;
use super::problem::names;
use super::templates::Templates;
use crate::job::nearest;

/// The first variable that is no column, with the key of the template that uses it.
pub(super) fn first_missing(templates: &Templates, columns: &[String]) -> Option<(String, String)> {
    templates.variables().find_map(|(key, source, variables)| {
        let known = |name: &str| {
            columns.iter().any(|column| column == name)
                || EXTRAS.contains(&name)
                || templates.is_global(name)
                || is_optional(&source, name)
        };
        let first = variables.into_iter().filter(|name| !known(name)).min_by_key(|name| source.find(name.as_str()));
        first.map(|name| (key.to_owned(), name))
    })
}

/// The column that was probably meant, as a template reaches it, and the columns there are.
pub(super) fn hint(variable: &str, columns: &[String]) -> String {
    let columns_are = format!("columns are {}", names(columns));
    let Some(column) = nearest(variable, columns.iter().map(String::as_str)) else { return columns_are };
    let mut signs = column.chars();
    let plain = signs.next().is_some_and(|sign| sign.is_ascii_alphabetic() || sign == '_')
        && signs.all(|sign| sign.is_ascii_alphanumeric() || sign == '_');
    let reached = if plain { format!("\"{column}\"") } else { format!("row[{column:?}]") };
    format!("did you mean {reached}? {columns_are}")
}

/// Whether a template provides for the variable's absence: `x is defined`, `x | default("")`.
fn is_optional(source: &str, name: &str) -> bool {
    source.match_indices(name).any(|(at, _)| {
        let whole = !source[..at].ends_with(|sign: char| sign.is_alphanumeric() || matches!(sign, '_' | '.'));
        let mut words = source[at + name.len()..].trim_start();
        let is_test = words.starts_with("is ");
        words = words.strip_prefix("is ").or_else(|| words.strip_prefix('|')).unwrap_or_default().trim_start();
        words = words.strip_prefix("not ").unwrap_or(words).trim_start();
        let word = words.split(|sign: char| !sign.is_alphanumeric() && sign != '_').next().unwrap_or_default();
        whole && if is_test { matches!(word, "defined" | "undefined") } else { matches!(word, "default" | "d") }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_optional_where_the_template_says_what_to_do_without_it() {
        for (source, optional) in [
            ("{{ q }}", false),
            ("{{ q | default(\"\") }}", true),
            ("{{ q|d(1) }}", true),
            ("{% if q is defined %}{{ q }}{% endif %}", true),
            ("{% if q is not defined %}{% endif %}", true),
            ("{{ q | upper }}", false),
            ("{{ qq | default(1) }} {{ q }}", false),
            ("{{ x.q | default(1) }}", false),
            ("{{ q is string }}", false),
        ] {
            assert_eq!(is_optional(source, "q"), optional, "{source}");
        }
    }

    #[test]
    fn a_column_is_suggested_as_a_template_reaches_it() {
        let columns = ["Question".to_owned(), "Best Answer".to_owned()];
        for (variable, expected) in [
            ("question", "did you mean \"Question\"? columns are Question, Best Answer"),
            ("Best_Answer", "did you mean row[\"Best Answer\"]? columns are Question, Best Answer"),
            ("xyz", "columns are Question, Best Answer"),
        ] {
            assert_eq!(hint(variable, &columns), expected);
        }
    }
}
