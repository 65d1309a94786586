//! A job: the whole of a job file as plain values.

use std::path::{Path, PathBuf};

use super::document::Node;
use super::setting::{Section, Setting};
use super::{
    GatewaySpec, InputSpec, JobError, Limits, Override, RecordSpec, RequestSpec, Retry, Timeouts, load, outcomes,
};
use crate::model::Success;

const KEYS: [&str; 10] =
    ["name", "input", "request", "gateway", "limits", "retry", "timeouts", "record", "outcomes", "prices"];

/// Tables that the design has and this version has not.
const LATER: [&str; 4] = ["check", "report", "schedule", "notify"];

/// The longest name of a job, in characters.
const MAX_NAME: usize = 100;

/// What to ask: the whole of a job file, with flags laid over it and defaults filled in.
#[derive(Debug, Clone)]
pub struct Job {
    /// The job's name; the file's stem where the file gives none.
    pub name: String,
    /// The job file.
    pub path: PathBuf,
    /// Where the rows come from.
    pub input: InputSpec,
    /// What is asked of each row.
    pub request: RequestSpec,
    /// Where it is sent.
    pub gateway: GatewaySpec,
    /// How fast, and for how much.
    pub limits: Limits,
    /// How often an item is tried.
    pub retry: Retry,
    /// How long one send, one item and a whole run may take.
    pub timeouts: Timeouts,
    /// What is replayed, and what is kept.
    pub record: RecordSpec,
    /// Which outcomes count as success.
    pub success: Success,
    /// A file of prices.
    pub prices: Option<PathBuf>,
}

impl Job {
    /// Reads a job file and lays the flags over it. No variable of the environment is looked up:
    /// [`GatewaySpec::base`] does so when something is to be sent.
    ///
    /// # Errors
    /// Fails where the file cannot be read or is no job, with the place of what is wrong.
    pub fn load(path: &Path, overrides: &[Override]) -> Result<Self, JobError> {
        Self::from_text(path, &load::read(path)?, overrides)
    }

    /// Reads a job from the text of its file; `path` is what messages name and what the paths in
    /// the job are relative to.
    ///
    /// # Errors
    /// Fails where the text is no job, with the place of what is wrong.
    pub fn from_text(path: &Path, text: &str, overrides: &[Override]) -> Result<Self, JobError> {
        let mut root = Node::parse(text, path)?;
        overrides.iter().try_for_each(|setting| root.set(setting))?;
        match LATER.iter().find_map(|name| unsupported(&root, name)) {
            Some(error) => Err(error),
            None => Self::read(path, root),
        }
    }

    pub(super) fn read(path: &Path, root: Node) -> Result<Self, JobError> {
        let directory = path.parent().unwrap_or(Path::new(""));
        let models_by_flag = root.find("request.models").is_some_and(|place| place.line().is_none());
        let mut root = Setting::root(root).section(&KEYS)?;
        let input = InputSpec::read(&mut root, directory)?;
        let request = RequestSpec::read(&mut root, input.format)?;
        Ok(Self {
            name: name(&mut root, path)?,
            path: path.to_owned(),
            gateway: GatewaySpec::read(&mut root, directory)?,
            // A model that a flag leaves out of this run keeps its lane in the file.
            limits: Limits::read(&mut root, if models_by_flag { &[] } else { &request.models })?,
            retry: Retry::read(&mut root)?,
            timeouts: Timeouts::read(&mut root)?,
            record: RecordSpec::read(&mut root, directory)?,
            success: outcomes::read(&mut root)?,
            prices: root.read("prices", Setting::filled_text)?.map(|prices| directory.join(prices)),
            input,
            request,
        })
    }
}

fn unsupported(root: &Node, key: &str) -> Option<JobError> {
    let place = root.find(key)?.clone();
    Some(JobError::Unsupported { place, key: key.to_owned() })
}

fn name(root: &mut Section, path: &Path) -> Result<String, JobError> {
    let given = root.read("name", Setting::text)?;
    let name = match given {
        Some(name) => name,
        None => path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default(),
    };
    let problem = if name.trim().is_empty() {
        "is empty"
    } else if name.chars().any(char::is_control) {
        "must not have control characters"
    } else if name.chars().count() > MAX_NAME {
        "must not be longer than 100 characters"
    } else {
        return Ok(name);
    };
    Err(root.refuse("name", problem))
}
