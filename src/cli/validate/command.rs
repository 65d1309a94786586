//! The command.

use clap::Args;
use nightreel::engine::{CheckError, CheckOptions, check};
use nightreel::model::Mode;

use super::super::context::{complain, env, print};
use super::super::credential_text::without_credentials;
use super::super::exit::{Exit, Failure};
use super::super::job_args::JobArgs;
use super::super::plan::Plan;
use super::super::terminal_text::{lines, one_line};
use super::notes::notes;
use super::verdict::Verdict;

/// How many problems are told; the others are counted.
const TOLD: usize = 1_000;

/// What `--help` says behind the flags.
const HELP: &str = "The job file is read and its templates are compiled; then the whole input is read and every row's \
                    prompt is rendered, beyond --limit too. Each problem is told with its file and line; the exit \
                    code is 2 then. Notes say what a run would miss on this machine, such as credentials.";

/// Checks a job and every row of its input; nothing is sent.
#[derive(Debug, Args)]
#[command(after_long_help = HELP)]
pub(crate) struct ValidateArgs {
    #[command(flatten)]
    job: JobArgs,

    /// Prints what was found as one JSON object, the problems too.
    #[arg(long)]
    json: bool,
}

/// Checks a job.
pub(crate) fn validate(args: &ValidateArgs) -> Result<Exit, Failure> {
    let verdict = verdict(&args.job)?;
    if args.json {
        print(&verdict.json()).map_err(Failure::store)?;
    } else {
        lines(verdict.problems_text().as_bytes()).lines().for_each(complain);
        print(&verdict.text()).map_err(Failure::store)?;
        verdict.notes.iter().for_each(|note| complain(&format!("note: {}", one_line(note))));
    }
    Ok(if verdict.is_valid() { Exit::Success } else { Exit::Usage })
}

/// What is wrong with the job or its input is a part of the verdict; what keeps them from being
/// checked is an error.
fn verdict(args: &JobArgs) -> Result<Verdict, Failure> {
    let mut verdict = Verdict::new(&args.job);
    let plan = match args.load(None).and_then(|job| {
        verdict.know_job(&job);
        Plan::open(job)
    }) {
        Ok(plan) => plan,
        Err(failure) => {
            verdict.refuse(told(failure)?);
            return Ok(verdict);
        }
    };
    let options = CheckOptions { limit: args.limit, told: TOLD, limits: Some(&plan.job.limits) };
    match check(&plan.input, &plan.prompt, options, |_| true).map_err(|error| plan.struck(error)) {
        Ok(checked) => verdict.accept(checked),
        Err(CheckError::Rows { problems, count }) => verdict.refuse_rows(problems, count),
        Err(error) => verdict.refuse(told(error.into())?),
    }
    if plan.job.record.mode != Mode::Replay {
        verdict.notes = notes(&plan.job, &env);
    }
    Ok(verdict)
}

/// The text of a mistake that the user has made; any other failure is handed back.
fn told(failure: Failure) -> Result<String, Failure> {
    if failure.exit != Exit::Usage {
        return Err(failure);
    }
    let mut text = failure.error.to_string();
    for cause in failure.error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    Ok(without_credentials(&text))
}
