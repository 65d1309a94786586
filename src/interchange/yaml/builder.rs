//! From the events of a parser to documents.

use std::borrow::Cow;
use std::collections::HashMap;

use base64::Engine;
use granit_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, Tag};

use super::super::body::BASE64;
use super::super::node::{Content, Node, Style};
use super::line_breaks::LineBreaks;
use super::scalar::{Scalar, forced, resolve};

/// How many values all aliases of a file may stand for: more is an attack on the memory.
const MOST_ALIASED: usize = 2_000_000;
/// How many bytes of text they may stand for.
const MOST_ALIASED_BYTES: usize = 256 * 1024 * 1024;
/// What the tags begin with that YAML itself has, such as `!!binary`.
const NAMESPACE: &str = "tag:yaml.org,2002:";
/// The key that takes the members of another map in.
const MERGE: &str = "<<";

/// Why a text is no YAML, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct YamlProblem {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) problem: String,
}

impl YamlProblem {
    fn at(line: usize, span: Span, problem: impl Into<String>) -> Self {
        Self { line, column: span.start.col() + 1, problem: problem.into() }
    }

    fn of(error: &ScanError, breaks: Option<&LineBreaks>) -> Self {
        let mark = error.marker();
        Self { line: line_of(mark, breaks), column: mark.col() + 1, problem: error.info().clone() }
    }
}

/// The documents of a text.
pub(in super::super) fn documents(text: &str) -> Result<Vec<Node>, YamlProblem> {
    let breaks = LineBreaks::of(text);
    let options = granit_parser::options! {
        block_scalar_eof_without_line_feed: true,
        bom_inside_document_as_content: true,
        emit_comments: false,
    };
    let mut builder = Builder::new(breaks.as_ref());
    for event in Parser::new_from_str_with_options(breaks.as_ref().map_or(text, LineBreaks::text), options) {
        let (event, span) = event.map_err(|error| YamlProblem::of(&error, breaks.as_ref()))?;
        builder.take(event, span)?;
    }
    Ok(builder.documents)
}

/// The line of a place in the file.
fn line_of(marker: &Marker, breaks: Option<&LineBreaks>) -> usize {
    breaks.map_or_else(|| marker.line(), |breaks| breaks.line_of(marker))
}

/// A list or a map that has not ended.
struct Open {
    node: Node,
    anchor: usize,
    key: Option<String>,
}

struct Builder<'a> {
    breaks: Option<&'a LineBreaks>,
    documents: Vec<Node>,
    open: Vec<Open>,
    anchors: HashMap<usize, (Node, Size)>,
    aliased: Size,
}

impl<'a> Builder<'a> {
    fn new(breaks: Option<&'a LineBreaks>) -> Self {
        Self { breaks, documents: Vec::new(), open: Vec::new(), anchors: HashMap::new(), aliased: Size::default() }
    }

    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), YamlProblem> {
        let line = line_of(&span.start, self.breaks);
        match event {
            Event::Scalar(value, style, anchor, tag) => {
                let value = self.breaks.and_then(|breaks| breaks.scalar(span, style, &value)).map_or(value, Cow::Owned);
                let content = scalar(value.into_owned(), style, tag.as_deref())
                    .map_err(|why| YamlProblem::at(line, span, why))?;
                self.ended(Node { line, content }, anchor);
            }
            Event::SequenceStart(_, anchor, _) => self.begin(line, Content::List(Vec::new()), anchor),
            Event::MappingStart(_, anchor, _) => self.begin(line, Content::Map(Vec::new()), anchor),
            Event::SequenceEnd | Event::MappingEnd => {
                let open = self.open.pop().expect("the parser ends what it has begun");
                self.ended(merged(open.node), open.anchor);
            }
            Event::Alias(id) => {
                let (node, size) = self
                    .anchors
                    .get(&id)
                    .ok_or_else(|| YamlProblem::at(line, span, "an alias stands within what it stands for"))?;
                self.aliased = self.aliased.with(*size);
                if self.aliased.values > MOST_ALIASED || self.aliased.bytes > MOST_ALIASED_BYTES {
                    return Err(YamlProblem::at(
                        line,
                        span,
                        "the aliases stand for too many values, or for too much text",
                    ));
                }
                let node = node.clone();
                self.ended(node, 0);
            }
            _ => {}
        }
        Ok(())
    }

    fn begin(&mut self, line: usize, content: Content, anchor: usize) {
        self.open.push(Open { node: Node { line, content }, anchor, key: None });
    }

    /// Puts a value where it belongs: it is a document, an element, a key, or the value of a key.
    fn ended(&mut self, node: Node, anchor: usize) {
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), size(&node)));
        }
        let Some(open) = self.open.last_mut() else {
            self.documents.push(node);
            return;
        };
        match (&mut open.node.content, open.key.take()) {
            (Content::List(elements), _) => elements.push(node),
            (Content::Map(members), Some(key)) => members.push((key, node)),
            // A key that is no scalar is none that anybody asks for.
            _ => open.key = Some(node.text().map(Cow::into_owned).unwrap_or_default()),
        }
    }
}

fn scalar(value: String, style: ScalarStyle, tag: Option<&Tag>) -> Result<Content, String> {
    if tag.is_some_and(is_binary) {
        let packed: String = value.split_ascii_whitespace().collect();
        return BASE64.decode(packed).map(Content::Bytes).map_err(|error| format!("binary data is no base64: {error}"));
    }
    let kind = tag.and_then(Tag::core_suffix);
    if kind == Some("null") {
        return Ok(Content::Null);
    }
    if let Some(value) = kind.and_then(|kind| forced(&value, kind)) {
        return Ok(Content::Text { value, style: Style::Plain });
    }
    // A tag of none of YAML's own kinds says that it is a text.
    let is_text = tag.is_some_and(|tag| tag.core_suffix().is_none_or(|suffix| suffix == "str"));
    let style = match style {
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
        ScalarStyle::Plain if !is_text => Style::Plain,
        _ => Style::Open,
    };
    let is_null = style == Style::Plain && resolve(&value) == Scalar::Null;
    Ok(if is_null { Content::Null } else { Content::Text { value, style } })
}

/// Ruby writes `!binary`, everybody else `!!binary`.
fn is_binary(tag: &Tag) -> bool {
    tag.suffix_in_namespace(NAMESPACE).as_deref() == Some("binary") || tag.original() == "!binary"
}

/// What a value is made of.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    values: usize,
    bytes: usize,
}

impl Size {
    const fn with(self, other: Self) -> Self {
        Self { values: self.values + other.values, bytes: self.bytes + other.bytes }
    }
}

fn size(node: &Node) -> Size {
    let one = |bytes| Size { values: 1, bytes };
    match &node.content {
        Content::List(elements) => elements.iter().map(size).fold(one(0), Size::with),
        Content::Map(members) => members
            .iter()
            .map(|(key, value)| size(value).with(Size { values: 0, bytes: key.len() }))
            .fold(one(0), Size::with),
        Content::Text { value, .. } => one(value.len()),
        Content::Bytes(bytes) => one(bytes.len()),
        Content::Halved { utf16, .. } => one(2 * utf16.len()),
        Content::Null | Content::Broken(_) => one(0),
    }
}

/// A map with the members of those that it merges; its own go before theirs.
fn merged(node: Node) -> Node {
    let Content::Map(members) = node.content else { return node };
    let (merges, own): (Vec<_>, Vec<_>) = members.into_iter().partition(|(key, _)| key == MERGE);
    let mut content = Content::map(own);
    let from = merges.into_iter().flat_map(|(_, from)| match from.content {
        Content::List(maps) => maps,
        content => vec![Node { content, ..from }],
    });
    if let Content::Map(members) = &mut content {
        let taken = from.filter_map(|map| if let Content::Map(taken) = map.content { Some(taken) } else { None });
        for (key, value) in taken.flatten() {
            if !members.iter().any(|(name, _)| *name == key) {
                members.push((key, value));
            }
        }
    }
    Node { content, ..node }
}
