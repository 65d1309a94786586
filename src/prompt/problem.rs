//! Why a row has no request.

use std::path::PathBuf;

use super::RowPlace;

/// The most names that a message lists.
const MAX_NAMES: usize = 20;

/// Why a template or a row gives no request.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// A template is no template.
    #[error("{}: {key}, line {line} of the template: {problem}", job.display())]
    Syntax {
        /// The job file.
        job: PathBuf,
        /// The template's key: `request.prompt`.
        key: String,
        /// The line in the template, from 1.
        line: usize,
        /// What the engine says.
        problem: String,
    },
    /// A template uses a variable that is no column.
    #[error("{}: {key} uses \"{variable}\", which is no column of {input}; {hint}", job.display())]
    NoColumn {
        /// The job file.
        job: PathBuf,
        /// The template's key.
        key: String,
        /// The name that is no column.
        variable: String,
        /// The input file.
        input: String,
        /// The column that was probably meant, as a template reaches it, and the columns there are.
        hint: String,
    },
    /// A template uses what a row does not have.
    #[error("{place}: {key} uses \"{variable}\", which this row does not have (it has {})", names(fields))]
    Missing {
        /// The row.
        place: RowPlace,
        /// The template's key.
        key: String,
        /// The expression that is undefined.
        variable: String,
        /// The fields that the row has.
        fields: Vec<String>,
    },
    /// A template prints a null.
    #[error(
        "{place}: {key} prints \"{expression}\", which is null in this row; give it a text, as in \
             {{{{ ({expression}) or \"none\" }}}}"
    )]
    Null {
        /// The row.
        place: RowPlace,
        /// The template's key.
        key: String,
        /// The expression that is null.
        expression: String,
    },
    /// A template cannot be rendered for a row.
    #[error("{place}: {key}, line {line} of the template: {problem}")]
    Render {
        /// The row.
        place: RowPlace,
        /// The template's key.
        key: String,
        /// The line in the template, from 1.
        line: usize,
        /// What the engine says.
        problem: String,
    },
    /// A row's own request is no JSON object.
    #[error("{place}: the request is not a JSON object: {problem}")]
    Body {
        /// The row.
        place: RowPlace,
        /// What is wrong.
        problem: String,
    },
    /// A row's own request names no model, and neither does the job.
    #[error("{place}: the request names no model; name it in the line, or for all lines as request.models in the job")]
    NoModel {
        /// The row.
        place: RowPlace,
    },
    /// A row that is no request, in a job without a template.
    #[error("{place}: this row is no request of its own, and the job has no request.prompt")]
    NoTemplate {
        /// The row.
        place: RowPlace,
    },
    /// A row's own request wants embeddings in a stream.
    #[error(
        "{place}: the request asks for a stream, and the endpoint \"embeddings\" streams nothing; take \"stream\" out"
    )]
    EmbeddingStream {
        /// The row.
        place: RowPlace,
    },
    /// A step was asked for that there is not, or with the wrong number of answers.
    #[error("{place}: step {step} of {steps} was asked for with {answers} answers, one for each step before it is due")]
    Step {
        /// The row.
        place: RowPlace,
        /// The step, from 0.
        step: usize,
        /// The steps there are.
        steps: usize,
        /// The answers that were given.
        answers: usize,
    },
}

/// A list of names, cut where it would be no help any more.
pub(super) fn names(names: &[String]) -> String {
    let shown = names.iter().take(MAX_NAMES).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len() {
        0 => "none".to_owned(),
        count if count > MAX_NAMES => format!("{shown} and {} more", count - MAX_NAMES),
        _ => shown,
    }
}
