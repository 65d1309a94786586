//! What differs between two identities of a job.

use serde_json::{Map, Value};

use super::document::dotted;

/// The dotted keys that differ between two identities, in order: `["request.prompt"]`.
///
/// A key that only one of them has counts as changed unless it is null there, so that a version
/// with one more key can read an older identity. Where one is no identity at all, it is `["job"]`.
#[must_use]
pub fn changed_parts(old_identity: &str, new_identity: &str) -> Vec<String> {
    match (parse(old_identity), parse(new_identity)) {
        (Some(old), Some(new)) => {
            let mut changes = Vec::new();
            compare_maps("", &old, &new, &mut changes);
            changes
        }
        _ if old_identity == new_identity => Vec::new(),
        _ => vec!["job".to_owned()],
    }
}

fn parse(identity: &str) -> Option<Map<String, Value>> {
    serde_json::from_str(identity).ok()
}

fn compare_maps(path: &str, old: &Map<String, Value>, new: &Map<String, Value>, changes: &mut Vec<String>) {
    let mut names: Vec<&String> = old.keys().chain(new.keys()).collect();
    names.sort();
    names.dedup();
    for name in names {
        let (old, new) = (old.get(name).unwrap_or(&Value::Null), new.get(name).unwrap_or(&Value::Null));
        compare(&dotted(path, name), old, new, changes);
    }
}

fn compare(path: &str, old: &Value, new: &Value, changes: &mut Vec<String>) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => compare_maps(path, old, new, changes),
        (old, new) if old == new => {}
        _ => changes.push(path.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_named() {
        for (old, new, expected) in [
            (r#"{"a":1}"#, r#"{"a":1}"#, vec![]),
            (
                r#"{"request":{"prompt":"x","params":{"t":0}}}"#,
                r#"{"request":{"prompt":"y","params":{"t":1}}}"#,
                vec!["request.params.t", "request.prompt"],
            ),
            (r#"{"a":null}"#, "{}", vec![]),
            (r#"{"a":{"b.c":1}}"#, r#"{"a":{}}"#, vec![r#"a."b.c""#]),
            (r#"{"models":["a"]}"#, r#"{"models":["a","b"]}"#, vec!["models"]),
            ("", "{}", vec!["job"]),
            ("x", "x", vec![]),
        ] {
            assert_eq!(changed_parts(old, new), expected, "{old} → {new}");
        }
    }
}
