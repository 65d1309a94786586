//! The name that was probably meant.

/// The known name that is nearest to a mistyped one, if any is near.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    known
        .into_iter()
        .filter_map(|candidate| similarity(&name, &candidate.to_lowercase()).map(|score| (score, candidate)))
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, candidate)| candidate)
}

/// How like two names are, where a third of the letters or less would have to change, or where
/// they begin alike.
fn similarity(name: &str, candidate: &str) -> Option<f64> {
    let letters = name.chars().count().max(candidate.chars().count());
    let score = strsim::jaro_winkler(name, candidate);
    (strsim::damerau_levenshtein(name, candidate) * 3 <= letters || score >= 0.85).then_some(score)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_and_a_far_one_is_not() {
        let known = ["models", "system", "prompt", "messages", "samples"];
        for (name, expected) in [
            ("modles", Some("models")),
            ("Prompt", Some("prompt")),
            ("sample", Some("samples")),
            ("temperature", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, known), expected, "{name}");
        }
    }
}
