//! The template engine, set up so that a prompt is what its author wrote.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, escape_formatter};

use super::context::Context;
use super::{PromptError, RowPlace};
use crate::model::Row;

/// Steps of the engine for one template and row: about 100,000 passes of a loop.
const FUEL: u64 = 1_000_000;

/// What the formatter says of a null, for the error to be told apart.
const NULL: &str = "null is printed";

/// The templates of a job, named by their keys.
#[derive(Debug)]
pub(super) struct Templates {
    environment: Environment<'static>,
    /// The keys, in the order in which they were added.
    keys: Vec<String>,
    /// Every identifier in the templates: more than they look up, and never less.
    identifiers: HashSet<Arc<str>>,
}

/// A template of a [`Templates`].
#[derive(Debug, Clone, Copy)]
pub(super) struct TemplateId(usize);

impl Templates {
    pub(super) fn new() -> Self {
        let mut environment = Environment::new();
        // The default escapes by the template's name.
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        // Errors name the expression that is undefined in debug mode alone.
        environment.set_debug(true);
        let mut syntax = SyntaxConfig::builder();
        syntax.keep_trailing_newline(true);
        environment.set_syntax(syntax.build().expect("the default delimiters are valid"));
        environment.set_formatter(|out, state, value| {
            if value.is_none() {
                return Err(Error::new(ErrorKind::InvalidOperation, NULL));
            }
            escape_formatter(out, state, value)
        });
        Self { environment, keys: Vec::new(), identifiers: HashSet::new() }
    }

    /// Compiles a template under the key that messages name.
    pub(super) fn add(&mut self, key: &str, source: &str, job: &Path) -> Result<TemplateId, PromptError> {
        self.environment.add_template_owned(key.to_owned(), source.to_owned()).map_err(|error| {
            PromptError::Syntax {
                job: job.to_owned(),
                key: key.to_owned(),
                line: error.line().unwrap_or(1),
                problem: syntax_problem(&error),
            }
        })?;
        self.identifiers.extend(identifiers(source).map(Arc::from));
        self.keys.push(key.to_owned());
        Ok(TemplateId(self.keys.len() - 1))
    }

    /// What the templates see of a row.
    pub(super) fn context(&self, row: &Row, model: &str) -> Value {
        Value::from_object(Context::new(row, model, &self.identifiers))
    }

    pub(super) fn render(
        &self,
        template: TemplateId,
        context: &Value,
        row: &Row,
        place: &RowPlace,
    ) -> Result<String, PromptError> {
        let key = &self.keys[template.0];
        self.environment
            .get_template(key)
            .and_then(|template| template.render(context))
            .map_err(|error| render_error(&error, key, row, place))
    }

    /// Each template's key and source, with the variables that it takes from a row.
    pub(super) fn variables(&self) -> impl Iterator<Item = (&str, String, HashSet<String>)> {
        self.keys.iter().filter_map(|key| {
            let template = self.environment.get_template(key).ok()?;
            Some((key.as_str(), template.source().to_owned(), template.undeclared_variables(false)))
        })
    }

    /// Whether the engine itself has something of this name.
    pub(super) fn is_global(&self, name: &str) -> bool {
        matches!(name, "loop" | "self" | "super" | "caller")
            || self.environment.globals().any(|(global, _)| global == name)
    }
}

fn identifiers(source: &str) -> impl Iterator<Item = &str> {
    source.split(|sign: char| !sign.is_alphanumeric() && sign != '_').filter(|name| !name.is_empty())
}

fn syntax_problem(error: &Error) -> String {
    let problem = problem(error);
    let ends_in_a_name = problem.contains("unexpected identifier, expected end of variable block");
    if ends_in_a_name || problem.contains("unexpected character") {
        return format!("{problem}; a column whose name is no identifier is written {{{{ row[\"its name\"] }}}}");
    }
    problem
}

fn problem(error: &Error) -> String {
    match (error.kind(), error.detail()) {
        (ErrorKind::OutOfFuel, _) => format!("it takes more than {FUEL} steps"),
        (kind, Some(detail)) => format!("{kind}: {detail}"),
        (kind, None) => kind.to_string(),
    }
}

fn render_error(error: &Error, key: &str, row: &Row, place: &RowPlace) -> PromptError {
    let (place, key) = (place.clone(), error.name().unwrap_or(key).to_owned());
    if error.detail() == Some(NULL) {
        let source = error.template_source().zip(error.range()).and_then(|(source, range)| source.get(range));
        return PromptError::Null { place, key, expression: source.unwrap_or("it").trim().to_owned() };
    }
    match error.detail().and_then(undefined_expression) {
        Some(variable) => {
            let fields = row.fields.keys().cloned().collect();
            PromptError::Missing { place, key, variable: variable.to_owned(), fields }
        }
        None => PromptError::Render { place, key, line: error.line().unwrap_or(1), problem: problem(error) },
    }
}

/// The expression that the engine's text says is undefined: "`a.b` is undefined".
fn undefined_expression(detail: &str) -> Option<&str> {
    let end = detail.find("` is undefined")?;
    let start = detail[..end].rfind('`')?;
    Some(&detail[start + 1..end])
}
