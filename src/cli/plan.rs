//! A job with its input opened and its prompt compiled: what validate, estimate, run and replay
//! begin with.

use std::sync::Arc;

use anyhow::anyhow;
use nightreel::engine::{CheckError, CheckOptions, Checked, check};
use nightreel::gateway::Secret;
use nightreel::input::{Input, Options};
use nightreel::job::Job;
use nightreel::prompt::Prompt;
use nightreel::record::Redactor;

use super::context::env;
use super::credential_text::without_credentials;
use super::exit::Failure;
use super::job_args::JobArgs;

/// A job that can be carried out.
pub(crate) struct Plan {
    pub(crate) job: Job,
    pub(crate) input: Input,
    pub(crate) prompt: Arc<Prompt>,
    pub(crate) redactor: Arc<Redactor>,
    /// Strikes the credentials alone.
    credentials: Redactor,
}

impl Plan {
    /// Opens the input and compiles the prompt.
    pub(crate) fn open(job: Job) -> Result<Self, Failure> {
        let prompt = Prompt::compile(&job).map_err(Failure::usage)?;
        let delimiter = job.input.delimiter.map(u8::try_from).transpose();
        let options = Options {
            format: job.input.format,
            id: job.input.id.clone(),
            delimiter: delimiter.map_err(|_| Failure::usage(anyhow!("input.delimiter must be an ASCII character")))?,
            ..Options::default()
        };
        let input = Input::open(&job.input.path, options).map_err(Failure::usage)?;
        let (redactor, credentials) =
            (redactor(&job)?, Redactor::default().with_secrets(secrets(&job).iter().map(String::as_str)));
        Ok(Self { job, input, prompt: Arc::new(prompt), redactor: Arc::new(redactor), credentials })
    }

    /// Whether something in a text must not be kept: a credential, or what a rule strikes, where it is a
    /// text that the rules are for.
    pub(crate) fn strikes(&self, text: &str, is_for_rules: bool) -> bool {
        let redactor = if is_for_rules { &self.redactor } else { &self.credentials };
        without_credentials(&redactor.strike_text(text)) != text
    }

    /// What decides what is asked, as it is kept: less what must not be kept.
    pub(crate) fn identity(&self) -> String {
        self.redactor.strike_text(&self.job.identity())
    }

    /// Reads every row and renders its prompt. Nothing is sent.
    pub(crate) fn check(&self, args: &JobArgs, goes_on: impl FnMut(u64) -> bool) -> Result<Checked, Failure> {
        let options = CheckOptions { limit: args.limit, limits: Some(&self.job.limits), ..CheckOptions::default() };
        Ok(check(&self.input, &self.prompt, options, goes_on).map_err(|error| self.struck(error))?)
    }

    /// What is wrong with rows, less what must not be told of them.
    pub(crate) fn struck(&self, error: CheckError) -> CheckError {
        let CheckError::Rows { problems, count } = error else { return error };
        let problems = problems.iter().map(|problem| self.redactor.strike_text(problem)).collect();
        CheckError::Rows { problems, count }
    }
}

/// Strikes the credentials that the environment holds, and what the job's rules match.
pub(crate) fn redactor(job: &Job) -> Result<Redactor, Failure> {
    let rules = job.record.redact.iter().map(|rule| (rule.pattern.as_str(), rule.with.as_str()));
    Redactor::new(secrets(job).iter().map(String::as_str), rules).map_err(Failure::usage)
}

/// The credentials of a job that the environment holds.
fn secrets(job: &Job) -> Vec<String> {
    let secrets = [&job.gateway.api_key_env, &job.gateway.token_env].into_iter().filter_map(|name| env(name));
    secrets.map(|secret| Secret::bare(&secret).to_owned()).collect()
}
