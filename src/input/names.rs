//! Names a user may have meant.

/// The likeness, from 0 to 1, from which a name is worth a suggestion.
const LIKE_ENOUGH: f64 = 0.8;
/// The most names that a message lists.
const MAX_LISTED: usize = 20;

/// The name most like the wanted one, if any is like enough. Case is no difference.
pub(super) fn nearest<'n>(wanted: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let wanted = wanted.to_lowercase();
    names
        .map(|name| (strsim::jaro_winkler(&wanted, &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness >= LIKE_ENOUGH)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, name)| name)
}

/// The names in quotes, with commas; no more than 20 of them.
pub(super) fn listed<'n>(names: impl ExactSizeIterator<Item = &'n str>) -> String {
    let more = names.len().saturating_sub(MAX_LISTED);
    let list: Vec<String> = names.take(MAX_LISTED).map(|name| format!("{name:?}")).collect();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", list.join(", "))
}

/// What to do about a name that is not there: the names that are, and the nearest.
pub(super) fn hint<'n>(
    what: &str,
    wanted: &str,
    names: impl ExactSizeIterator<Item = &'n str> + Clone,
) -> Option<String> {
    if names.len() == 0 {
        return None;
    }
    let nearest = nearest(wanted, names.clone()).map(|name| format!("did you mean {name:?}? ")).unwrap_or_default();
    Some(format!("{nearest}{what} are {}", listed(names)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_across_case_and_a_far_one_is_not() {
        let names = ["Question", "Answer"];
        assert_eq!(nearest("question_id", names.into_iter()), Some("Question"));
        assert_eq!(nearest("zzz", names.into_iter()), None);
    }

    #[test]
    fn a_long_list_is_cut() {
        let names = vec!["n"; 22];
        assert!(listed(names.into_iter()).ends_with("\"n\", \"n\" and 2 more"));
    }
}
