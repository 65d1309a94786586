//! Whether a reply's model is the one that was asked for.

/// Words that stand for a variant of a model, its date or its state, and not for another model.
const VARIANTS: [&str; 20] = [
    "free",
    "nitro",
    "floor",
    "exacto",
    "extended",
    "online",
    "thinking",
    "beta",
    "preview",
    "exp",
    "experimental",
    "latest",
    "stable",
    "instruct",
    "chat",
    "it",
    "hf",
    "tee",
    "default",
    "v1",
];

/// Whether the model that a reply names may be the one that was asked for: the same words in any
/// order, but for the vendor's, dates, and variants. A model that a router or a preset chooses may
/// be any.
pub(super) fn may_be_same(asked: &str, served: &str) -> bool {
    let chosen_elsewhere = asked.starts_with("openrouter/") || asked.starts_with("dynamic/") || asked.contains('@');
    if asked.is_empty() || served.is_empty() || asked == served || chosen_elsewhere {
        return true;
    }
    let (asked, served) = (Words::of(asked), Words::of(served));
    let vendors: Vec<&String> = asked.vendor.iter().chain(&served.vendor).collect();
    let extra = |these: &[String], others: &[String]| {
        let mut left = others.to_vec();
        these.iter().any(|word| match left.iter().position(|other| other == word) {
            Some(index) => {
                left.remove(index);
                false
            }
            None => !vendors.contains(&word) && !is_variant(word),
        })
    };
    !extra(&asked.name, &served.name) && !extra(&served.name, &asked.name)
}

/// A variant, or a part of a date: two digits or more, as in `20251001`, `0613` and `05-06`.
fn is_variant(word: &str) -> bool {
    let digits = word.bytes().all(|byte| byte.is_ascii_digit());
    VARIANTS.contains(&word)
        || (digits && (matches!(word.len(), 4 | 6 | 8) || matches!(word.as_bytes(), [b'0'..=b'3', _])))
}

/// The words of a model's name, and of the vendor's before it.
struct Words {
    vendor: Vec<String>,
    name: Vec<String>,
}

impl Words {
    fn of(model: &str) -> Self {
        let (vendor, name) = model.rsplit_once('/').unwrap_or(("", model));
        Self { vendor: words(vendor), name: words(name) }
    }
}

fn words(text: &str) -> Vec<String> {
    let split = text.split(|character: char| !character.is_alphanumeric());
    split.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_a_variant_and_an_order_of_words_make_no_other_model() {
        for (asked, served, same) in [
            ("openai/gpt-5-mini", "openai/gpt-5-mini", true),
            ("openai/gpt-5-mini", "openai/gpt-5-mini-2025-08-07", true),
            ("openai/gpt-4o", "gpt-4o-2024-08-06", true),
            ("gpt-4-0613", "openai/gpt-4", true),
            ("anthropic/claude-haiku-4.5", "anthropic/claude-4.5-haiku-20251001", true),
            ("meta-llama/llama-3.1-8b-instruct", "meta-llama/Meta-Llama-3.1-8B-Instruct", true),
            ("x/y:free", "x/y", true),
            ("google/gemini-2.5-pro", "google/gemini-2.5-pro-preview-05-06", true),
            ("openai/gpt-4o", "azure/gpt-4o", true),
            ("openrouter/auto", "anthropic/claude-haiku-4.5", true),
            ("@preset/mine", "x/y", true),
            ("m", "", true),
            ("openai/gpt-5-mini", "openai/gpt-5", false),
            ("openai/gpt-5", "openai/gpt-5-mini", false),
            ("anthropic/claude-haiku-4.5", "anthropic/claude-haiku-4", false),
            ("meta-llama/llama-3.1-70b", "meta-llama/llama-3.1-8b", false),
            ("openai/gpt-4o", "openai/gpt-4o-mini-2024-07-18", false),
            ("openai/gpt-5-mini", "anthropic/claude-haiku-4.5", false),
            ("m", "served/model", false),
        ] {
            assert_eq!(may_be_same(asked, served), same, "{asked} and {served}");
        }
    }
}
