//! XML as far as a report needs it: elements with attributes and text.

use std::fmt::Write as _;

/// A document that is written element by element.
#[derive(Debug)]
pub(super) struct Xml {
    text: String,
    open: Vec<&'static str>,
}

impl Xml {
    /// An empty document.
    pub(super) fn new() -> Self {
        Self { text: "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned(), open: Vec::new() }
    }

    /// An element that holds others.
    pub(super) fn element(&mut self, name: &'static str, attributes: &[(&str, &str)], content: impl FnOnce(&mut Self)) {
        self.start(name, attributes);
        self.text.push_str(">\n");
        self.open.push(name);
        content(self);
        self.open.pop();
        self.indent();
        writeln!(self.text, "</{name}>").expect("a String takes all");
    }

    /// An element that holds a text; one without a text is empty.
    pub(super) fn leaf(&mut self, name: &'static str, attributes: &[(&str, &str)], content: &str) {
        self.start(name, attributes);
        if content.is_empty() {
            self.text.push_str("/>\n");
        } else {
            writeln!(self.text, ">{}</{name}>", escaped(content)).expect("a String takes all");
        }
    }

    /// The whole document.
    pub(super) fn finish(self) -> String {
        self.text
    }

    fn start(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.indent();
        write!(self.text, "<{name}").expect("a String takes all");
        for (name, value) in attributes {
            // A line feed in an attribute would be read as a blank.
            let value = escaped(value).replace('\n', "&#10;").replace('\t', "&#9;");
            write!(self.text, " {name}=\"{value}\"").expect("a String takes all");
        }
    }

    fn indent(&mut self) {
        self.text.push_str(&"  ".repeat(self.open.len()));
    }
}

/// A text as XML may have it: what it does not take at all is shown by its number.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\r' => escaped.push_str("&#13;"),
            '\n' | '\t' => escaped.push(character),
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => {
                escaped.extend(character.escape_unicode());
            }
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_stands_in_a_text_the_document_is_well_formed() {
        let mut xml = Xml::new();
        xml.element("a", &[("name", "x \"y\"\n<z>")], |xml| {
            xml.leaf("b", &[], "]]> & \u{0}\u{1b}[31m\r\n\u{fffe}ä");
            xml.leaf("c", &[("d", "1")], "");
        });
        assert_eq!(
            xml.finish(),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <a name=\"x &quot;y&quot;&#10;&lt;z&gt;\">\n  \
             <b>]]&gt; &amp; \\u{0}\\u{1b}[31m&#13;\n\\u{fffe}ä</b>\n  \
             <c d=\"1\"/>\n\
             </a>\n"
        );
    }
}
