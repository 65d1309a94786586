//! Where two request bodies differ: what a miss shows of the nearest recording.

use serde_json::Value;

/// How many differences are told.
const MOST: usize = 5;
/// How much of a value is shown, in characters.
const SHOWN: usize = 60;

/// One place where two bodies differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The path of the place, such as `$.messages[0].content`.
    pub path: String,
    /// What was recorded there; `None` where there was nothing.
    pub recorded: Option<String>,
    /// What is asked there now; `None` where there is nothing.
    pub asked: Option<String>,
}

/// The first few places where two JSON bodies differ.
#[must_use]
pub fn differences(recorded: &[u8], asked: &[u8]) -> Vec<Difference> {
    let mut found = Vec::new();
    let parse = |body| serde_json::from_slice::<Value>(body).unwrap_or(Value::Null);
    compare("$", Some(&parse(recorded)), Some(&parse(asked)), &mut found);
    found
}

fn compare(path: &str, recorded: Option<&Value>, asked: Option<&Value>, found: &mut Vec<Difference>) {
    if found.len() >= MOST || recorded == asked {
        return;
    }
    match (recorded, asked) {
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            let added = new.keys().filter(|name| !old.contains_key(*name));
            for name in old.keys().chain(added) {
                compare(&format!("{path}.{name}"), old.get(name), new.get(name), found);
            }
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) => {
            for index in 0..old.len().max(new.len()) {
                compare(&format!("{path}[{index}]"), old.get(index), new.get(index), found);
            }
        }
        _ => found.push(difference(path, recorded, asked)),
    }
}

fn difference(path: &str, recorded: Option<&Value>, asked: Option<&Value>) -> Difference {
    let from = match (recorded, asked) {
        (Some(Value::String(old)), Some(Value::String(new))) => common(old, new),
        _ => 0,
    };
    let show = |value: Option<&Value>| value.map(|value| shorten(value, from));
    Difference { path: path.to_owned(), recorded: show(recorded), asked: show(asked) }
}

/// How many characters two texts have in common before they differ, less a little context.
fn common(old: &str, new: &str) -> usize {
    old.chars().zip(new.chars()).take_while(|(left, right)| left == right).count().saturating_sub(SHOWN / 3)
}

fn shorten(value: &Value, from: usize) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let shown: String = text.chars().skip(from).take(SHOWN).collect();
    let before = if from > 0 { "…" } else { "" };
    let after = if text.chars().count() > from + SHOWN { "…" } else { "" };
    format!("{:?}", format!("{before}{shown}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_that_differs_is_named() {
        let recorded = br#"{"model":"m","messages":[{"role":"user","content":"Why is the sky blue?"}],"top_p":1}"#;
        let asked = br#"{"model":"m","messages":[{"role":"user","content":"Why is the sky red?"}],"seed":7}"#;
        let told: Vec<_> = differences(recorded, asked)
            .into_iter()
            .map(|found| format!("{} {:?} {:?}", found.path, found.recorded, found.asked))
            .collect();
        assert_eq!(
            told,
            [
                r#"$.messages[0].content Some("\"Why is the sky blue?\"") Some("\"Why is the sky red?\"")"#,
                r#"$.top_p Some("\"1\"") None"#,
                r#"$.seed None Some("\"7\"")"#,
            ]
        );
    }
}
