//! The pass over the input before anything is sent: every row is read and its prompt rendered.

use sha2::{Digest, Sha256};

use crate::input::{Input, InputError};
use crate::job::Limits;
use crate::model::{Row, RowRequest};
use crate::prompt::{Draft, Prompt};
use crate::store::{StoreError, Tally};

use super::Size;
use super::columns::Columns;

/// How many problems are told before a run; the others are counted.
const TOLD: usize = 20;
/// For how many repeated ids the earlier line is looked up: each look-up reads the input again.
const LOOK_UPS: u32 = 20;
/// After how many rows progress is told.
const REPORT_ROWS: u64 = 4096;

/// What the pass has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Rows that will be asked.
    pub rows: u64,
    /// Rows × models × samples.
    pub items: u64,
    /// SHA-256 of the decompressed input.
    pub digest: [u8; 32],
    /// The columns of all rows, in the order they first appear.
    pub columns: Vec<String>,
    /// Whether any row that will be asked asks for a stream.
    pub streams: bool,
}

/// Why the input cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The input cannot be opened or read at all.
    #[error(transparent)]
    Input(#[from] InputError),
    /// Some rows cannot be asked.
    #[error("{}{}", problems.join("\n"), more(*count, problems.len()))]
    Rows {
        /// What is wrong with the first of them, each with its place.
        problems: Vec<String>,
        /// How many there are.
        count: u64,
    },
    /// There is nothing to ask.
    #[error("{name}: there are no rows in it")]
    Empty {
        /// The input.
        name: String,
    },
    /// A limit leaves nothing to ask.
    #[error("{name}: a limit of 0 rows leaves nothing to ask; it has {rows}")]
    LimitedToNone {
        /// The input.
        name: String,
        /// Rows in it.
        rows: u64,
    },
    /// There is more to ask than a run can hold.
    #[error("{name}: {items} items are more than a run can hold ({most}); split the input", most = u32::MAX)]
    TooMany {
        /// The input.
        name: String,
        /// Rows × models × samples.
        items: u64,
    },
    /// The caller wanted no more.
    #[error("stopped before every row was checked")]
    Stopped,
    /// Ids could not be compared for want of temporary space.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn more(count: u64, told: usize) -> String {
    let rest = count.saturating_sub(told as u64);
    if rest == 0 { String::new() } else { format!("\n… and {rest} more") }
}

/// How the pass is made.
#[derive(Debug, Clone, Copy)]
pub struct CheckOptions<'a> {
    /// How many rows will be asked; the others are checked all the same.
    pub limit: Option<u64>,
    /// How many problems are told; the others are counted.
    pub told: usize,
    /// Limits that a request may be too large for; `None`: it is not looked at.
    pub limits: Option<&'a Limits>,
}

impl Default for CheckOptions<'_> {
    fn default() -> Self {
        Self { limit: None, told: TOLD, limits: None }
    }
}

/// The tokens a minute that a model holds to, the fewest of them, with the key that says so.
fn tokens_per_minute(limits: &Limits, model: &str) -> Option<(u32, String)> {
    let of_run = limits.tokens_per_minute.map(|quota| (quota.get(), "limits.tokens_per_minute".to_owned()));
    let lane = limits.model.get(model).and_then(|lane| lane.tokens_per_minute);
    let of_lane = lane.map(|quota| (quota.get(), format!("limits.model.\"{model}\".tokens_per_minute")));
    of_run.into_iter().chain(of_lane).min_by_key(|(quota, _)| *quota)
}

/// Reads the whole input and renders every row's prompt. `goes_on` is told how many rows were read
/// every so often, and says whether to read on.
///
/// # Errors
/// Fails with everything that is wrong with any row.
pub fn check(
    input: &Input,
    prompt: &Prompt,
    options: CheckOptions<'_>,
    mut goes_on: impl FnMut(u64) -> bool,
) -> Result<Checked, CheckError> {
    let mut pass = Pass::new(options, input, prompt);
    let mut reader = input.rows()?;
    if let Some(columns) = reader.columns()
        && let Err(problem) = prompt.check_columns(columns)
    {
        return Err(CheckError::Rows { problems: vec![problem.to_string()], count: 1 });
    }
    for row in reader.by_ref() {
        match row {
            Ok(row) => pass.row(&row)?,
            Err(error) => {
                let fatal = error.is_fatal();
                pass.problem(|| error.to_string());
                if fatal {
                    break;
                }
            }
        }
        if pass.rows.is_multiple_of(REPORT_ROWS) && !goes_on(pass.rows) {
            return Err(CheckError::Stopped);
        }
    }
    let digest = reader.digest();
    pass.finish(digest)
}

struct Pass<'a> {
    told: usize,
    limits: Option<&'a Limits>,
    input: &'a Input,
    prompt: &'a Prompt,
    rows: u64,
    ids: Option<Tally>,
    look_ups: u32,
    columns: Columns,
    limit: u64,
    streams: bool,
    problems: Vec<String>,
    count: u64,
}

impl<'a> Pass<'a> {
    fn new(options: CheckOptions<'a>, input: &'a Input, prompt: &'a Prompt) -> Self {
        Self {
            told: options.told,
            limits: options.limits,
            input,
            prompt,
            rows: 0,
            ids: input.names_rows().then(Tally::default),
            look_ups: 0,
            columns: Columns::default(),
            limit: options.limit.unwrap_or(u64::MAX),
            streams: prompt.streams(),
            problems: Vec::new(),
            count: 0,
        }
    }

    fn problem(&mut self, problem: impl FnOnce() -> String) {
        self.count += 1;
        if self.problems.len() < self.told {
            self.problems.push(problem());
        }
    }

    fn row(&mut self, row: &Row) -> Result<(), CheckError> {
        if !self.streams && self.rows < self.limit {
            self.streams = row.request.as_ref().is_some_and(RowRequest::asks_for_stream);
        }
        self.rows += 1;
        self.columns.add(&row.fields);
        if let Some(ids) = &mut self.ids {
            let hash: [u8; 32] = Sha256::digest(row.id.as_bytes()).into();
            let mut first = [0; 8];
            first.copy_from_slice(&hash[..8]);
            if ids.count(&first)? > 0 {
                self.repeated(row)?;
            }
        }
        // A template may ask for its model, and meet a missing variable with one of them alone.
        let problem = (0..self.prompt.models()).find_map(|model| match self.prompt.draft(row, model) {
            Ok(draft) => self.too_large(row, &draft),
            Err(problem) => Some(problem.to_string()),
        });
        if let Some(problem) = problem {
            self.problem(|| problem);
        }
        Ok(())
    }

    /// What is wrong with a request that is larger than all that a minute may have.
    fn too_large(&self, row: &Row, draft: &Draft) -> Option<String> {
        let (quota, key) = tokens_per_minute(self.limits?, &draft.model)?;
        let tokens = Size::of(&draft.request(0, &[]).ok()?).fewest_tokens();
        let name = self.input.name();
        (tokens > u64::from(quota)).then(|| {
            format!(
                "{name}:{}: the request for {} has at least {tokens} tokens, and {key} = {quota} lets no minute have so \
                 many; raise it, or shorten the row",
                row.line, draft.model
            )
        })
    }

    /// Tells of a row whose id has a hash that was seen before.
    fn repeated(&mut self, row: &Row) -> Result<(), CheckError> {
        let mut place = "further up".to_owned();
        if self.look_ups < LOOK_UPS {
            self.look_ups += 1;
            // Two ids may share a hash: then there is no such line.
            let Some(line) = self.earlier(row)? else { return Ok(()) };
            place = format!("on line {line}");
        }
        let name = self.input.name();
        self.problem(|| format!("{name}:{}: the id {:?} stands {place} already; ids must differ", row.line, row.id));
        Ok(())
    }

    /// The line of the first row that has the same id.
    fn earlier(&self, row: &Row) -> Result<Option<u64>, CheckError> {
        let before = self.input.rows()?.flatten().take_while(|earlier| earlier.line < row.line);
        let mut same = before.filter(|earlier| earlier.id == row.id);
        Ok(same.next().map(|earlier| earlier.line))
    }

    fn finish(self, digest: Option<[u8; 32]>) -> Result<Checked, CheckError> {
        let name = || self.input.name().to_owned();
        let (0, Some(digest)) = (self.count, digest) else {
            return Err(CheckError::Rows { problems: self.problems, count: self.count });
        };
        let rows = self.limit.min(self.rows);
        if rows == 0 && self.rows > 0 {
            return Err(CheckError::LimitedToNone { name: name(), rows: self.rows });
        }
        if rows == 0 {
            return Err(CheckError::Empty { name: name() });
        }
        let items = rows * self.prompt.models() as u64 * u64::from(self.prompt.samples());
        if items >= u64::from(u32::MAX) {
            return Err(CheckError::TooMany { name: name(), items });
        }
        Ok(Checked { rows, items, digest, columns: self.columns.into_names(), streams: self.streams })
    }
}
