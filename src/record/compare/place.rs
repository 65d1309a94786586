//! The path of a place in a body.

/// A place in a body, as `record.ignore` takes it: `$.messages[0].content`, `$["a.b"]`.
#[derive(Debug, Clone)]
pub(super) struct Place {
    path: String,
}

impl Place {
    pub(super) fn top() -> Self {
        Self { path: "$".to_owned() }
    }

    pub(super) fn is_top(&self) -> bool {
        self.path == "$"
    }

    /// The place of a member of what stands here.
    pub(super) fn member(&self, name: &str) -> Self {
        let plain = !name.is_empty() && name != "*" && !name.contains(['.', '[', '"', '\'', ' ']);
        let step = match name {
            // A path is one line, whatever it goes through.
            _ if name.contains(char::is_control) => format!("[{name:?}]"),
            _ if plain => format!(".{name}"),
            _ if name.contains('"') => format!("['{name}']"),
            _ => format!("[\"{name}\"]"),
        };
        Self { path: format!("{}{step}", self.path) }
    }

    /// The place of an element of what stands here.
    pub(super) fn element(&self, index: usize) -> Self {
        Self { path: format!("{}[{index}]", self.path) }
    }

    pub(super) fn into_path(self) -> String {
        self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::IgnorePath;

    #[test]
    fn a_path_is_one_that_can_be_ignored() {
        for (name, expected) in [
            ("user", "$[2].user"),
            ("a.b", "$[2][\"a.b\"]"),
            ("", "$[2][\"\"]"),
            ("*", "$[2][\"*\"]"),
            ("a\"b", "$[2]['a\"b']"),
            ("it's", "$[2][\"it's\"]"),
        ] {
            let path = Place::top().element(2).member(name).into_path();
            assert_eq!(path, expected);
            assert!(path.parse::<IgnorePath>().is_ok(), "{path}");
        }
        assert_eq!(Place::top().member("a\nb").into_path(), "$[\"a\\nb\"]");
    }
}
