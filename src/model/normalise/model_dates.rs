//! Dates at the end of a model's name.

use std::sync::LazyLock;

use regex::Regex;

/// A name, a date, and what may stand behind it.
static DATED: LazyLock<Regex> = LazyLock::new(|| {
    let month = "(?:0[1-9]|1[0-2])";
    let day = "(?:0[1-9]|[12][0-9]|3[01])";
    let pattern = format!(
        r"(?x)^(?<name>.+?) (?: [-@](?:
            (?: 20[0-9]{{2}} -? {month} -? {day}    # 20251001, 2025-10-01
            | {month} -20[0-9]{{2}}                 # 10-2025
            | {month} - {day}                       # 10-01
            | 2[0-9]{month}{day}                    # 251001
            | 2[0-9]{month}                         # 2510
            | (?<day>{month}{day}) )
            | latest ) | :latest )
        (?<rest> (?:-preview)? (?: :[a-z0-9_-]+ )? )$"
    );
    Regex::new(&pattern).expect("the pattern is valid")
});

/// A power of two that also reads as a day: the width of an embedding, or of an image.
const NO_DAY: &str = "1024";

/// A model's name without the date at its end, as [`super::Normaliser::ModelDates`] has it.
#[must_use]
pub fn undated(model: &str) -> String {
    let mut name = model.to_owned();
    while let Some(found) = DATED.captures(&name) {
        if found.name("day").is_some_and(|day| day.as_str() == NO_DAY) {
            break;
        }
        name = format!("{}{}", &found["name"], &found["rest"]);
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_surely_a_date_is_left_out() {
        for (model, expected) in [
            ("claude-haiku-4-5-20251001", "claude-haiku-4-5"),
            ("anthropic/claude-3-opus@20240229", "anthropic/claude-3-opus"),
            ("openai/gpt-4o-2024-08-06", "openai/gpt-4o"),
            ("gpt-3.5-turbo-1106", "gpt-3.5-turbo"),
            ("gpt-4-0613", "gpt-4"),
            ("gpt-4-1106-preview", "gpt-4-preview"),
            ("gemini-2.5-pro-preview-05-06", "gemini-2.5-pro-preview"),
            ("gemini-2.5-flash-preview-09-2025", "gemini-2.5-flash-preview"),
            ("mistral-large-2411", "mistral-large"),
            ("qwen/qwen3-235b-a22b-2507:free", "qwen/qwen3-235b-a22b:free"),
            ("claude-3-5-sonnet-latest", "claude-3-5-sonnet"),
            ("llama3:latest", "llama3"),
            ("x-20240101-2024-02-02", "x"),
            // No dates.
            ("openai/gpt-5-mini", "openai/gpt-5-mini"),
            ("claude-haiku-4-5", "claude-haiku-4-5"),
            ("gemini-1.5-pro-002", "gemini-1.5-pro-002"),
            ("text-embedding-1024", "text-embedding-1024"),
            ("mixtral-8x7b-32768", "mixtral-8x7b-32768"),
            ("gpt-4-9999", "gpt-4-9999"),
            ("model-2048", "model-2048"),
            ("a-20241301", "a-20241301"),
            ("phi-4", "phi-4"),
            ("-0613", "-0613"),
            ("", ""),
        ] {
            assert_eq!(undated(model), expected, "{model}");
            assert_eq!(undated(expected), expected, "{expected}");
        }
    }
}
