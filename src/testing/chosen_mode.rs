//! Which mode a test is in: what its code says, what the environment says, and where it runs.

use std::str::FromStr;

use crate::model::{Mode, UnknownMode};

/// The mode of a test. One that replays by its own word always does. Otherwise the variable goes
/// first, since somebody has just set it; then `CI`, where nothing must be sent unasked; then what
/// the code says.
pub(super) const fn chosen(in_code: Option<Mode>, variable: Option<Mode>, in_ci: bool) -> Mode {
    match (in_code, variable) {
        (Some(Mode::Replay), _) => Mode::Replay,
        (_, Some(mode)) => mode,
        (Some(mode), None) if !in_ci => mode,
        (_, None) => Mode::Replay,
    }
}

/// The mode that a variable's value names; none where the variable is empty.
pub(super) fn of_variable(value: &str) -> Result<Option<Mode>, UnknownMode> {
    let value = value.trim();
    if value.is_empty() { Ok(None) } else { Mode::from_str(value).map(Some) }
}

/// Whether the value of the variable `CI` says that this is a continuous integration.
pub(super) fn is_ci(value: &str) -> bool {
    !["", "false", "0", "no", "off"].contains(&value.trim().to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mode_is_chosen_as_its_table_says() {
        use Mode::{Auto, Record, Replay};
        for (in_code, variable, in_ci, expected) in [
            (None, None, false, Replay),
            (None, None, true, Replay),
            (None, Some(Record), false, Record),
            (None, Some(Record), true, Record),
            (None, Some(Auto), true, Auto),
            (Some(Auto), None, false, Auto),
            (Some(Auto), None, true, Replay),
            (Some(Record), None, false, Record),
            (Some(Record), None, true, Replay),
            (Some(Auto), Some(Replay), false, Replay),
            (Some(Auto), Some(Record), true, Record),
            (Some(Replay), Some(Record), false, Replay),
            (Some(Replay), None, false, Replay),
        ] {
            assert_eq!(chosen(in_code, variable, in_ci), expected, "{in_code:?} {variable:?} {in_ci}");
        }
    }

    #[test]
    fn a_variable_names_a_mode_or_none_or_is_wrong() {
        assert_eq!(of_variable(" record\n"), Ok(Some(Mode::Record)));
        assert_eq!(of_variable(" "), Ok(None));
        assert_eq!(of_variable("rec"), Err(UnknownMode("rec".to_owned())));
    }

    #[test]
    fn ci_is_what_says_so() {
        for (value, expected) in [("true", true), ("1", true), ("GitLab", true), ("", false), ("False", false)] {
            assert_eq!(is_ci(value), expected, "{value}");
        }
    }
}
