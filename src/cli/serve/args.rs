//! The flags of `serve`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use nightreel::job::Redact;
use nightreel::model::Mode;
use nightreel::record::Policy;
use nightreel::serve::Pace;

use super::super::store_args::StoreArgs;
use super::listening::ListenArgs;
use super::program::Program;
use super::report_file::{ReportFile, ReportFormat};
use super::verdict::Gates;

/// What `--help` says behind the flags.
const HELP: &str = "\
The base URL is the one line on standard output. Clients may be given it in any of its forms: /v1, \
/api/v1, /v1/ACCOUNT/GATEWAY/openrouter. A request belongs to the session that its header \
x-nightreel-session names, or the path /session/NAME/ before /v1; each session gets the recordings of a \
request in order, whatever the others ask.

With a command, its environment has the base URL for the clients of OpenAI, Anthropic, OpenRouter, \
LangChain and LiteLLM (OPENAI_BASE_URL and so on), and NIGHTREEL_URL without a path. In replay mode \
its keys for those are placeholders, so that a client which passes the server by can spend nothing. \
Ctrl-C is the command's; the report follows.

Exit codes: the command's own, where it is not 0; 4 where --fail-miss finds a request that nothing \
answered, or that was refused, 1 where --fail-unused finds a recording that nobody asked for; 5 where the store cannot be used.

  nightreel serve --store tests/fixture.db --mode replay --fail-miss -- pytest
  nightreel serve --store tests/fixture.db --base-url https://api.openai.com/v1 -- npm test";

/// How `serve` is called.
#[derive(Debug, Args)]
#[command(after_long_help = HELP)]
pub(crate) struct ServeArgs {
    /// Runs this command with the server's base URL in its environment, and ends with it.
    #[arg(last = true, value_name = "COMMAND")]
    pub(super) command: Vec<OsString>,

    #[command(flatten)]
    pub(super) store: StoreArgs,

    /// Looks into this store or directory of texts too, which is only read; may be given several times.
    #[arg(long = "fixture", value_name = "PATH")]
    pub(super) fixtures: Vec<PathBuf>,

    /// auto replays what is recorded and sends the rest; record sends everything again; replay
    /// never sends. Default: replay where the variable CI is set (to more than false, 0, no or off), else the
    /// job's, else auto.
    #[arg(long, value_name = "auto|record|replay")]
    pub(super) mode: Option<Mode>,

    /// The name that recordings are kept under: the job of their run.
    #[arg(long, value_name = "NAME", default_value = "serve", value_parser = run_name)]
    pub(super) name: String,

    /// Takes the settings of gateway, time-outs and recording from this job file; flags go before it.
    #[arg(long, value_name = "FILE")]
    pub(super) job: Option<PathBuf>,

    /// Sets a key of the job, dotted: --set gateway.http1=true.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(super) sets: Vec<String>,

    /// Shows warnings and errors alone.
    #[arg(long, short)]
    pub(super) quiet: bool,

    /// How long answers that are under way are waited for at the end, in seconds; a second Ctrl-C
    /// cuts them. Default: 60, and 2 in replay mode.
    #[arg(long, value_name = "SECONDS")]
    pub(super) drain: Option<u64>,

    #[command(flatten)]
    pub(super) listen: ListenArgs,

    #[command(flatten)]
    pub(super) matching: MatchArgs,

    #[command(flatten)]
    pub(super) upstream: UpstreamArgs,

    #[command(flatten)]
    pub(super) report: ReportArgs,
}

/// Which recording answers a request, and how.
#[derive(Debug, Args)]
#[command(next_help_heading = "What answers")]
pub(super) struct MatchArgs {
    /// Leaves this part of a body out when recordings are looked for, such as $.user, instead of
    /// what the job leaves out; may be given several times.
    #[arg(long, value_name = "PATH")]
    pub(super) ignore: Vec<String>,

    /// Looks past what differs from call to call: timestamps, ids, tool-call-ids, model-dates, or
    /// pattern:REGEX; instead of what the job looks past; may be given several times.
    #[arg(long, value_name = "WHAT")]
    pub(super) normalise: Vec<String>,

    /// Strikes what this regular expression finds, before anything is looked for or kept, and puts
    /// the other text in its place; may be given several times.
    #[arg(long, value_name = "PATTERN=TEXT", value_parser = redact)]
    pub(super) redact: Vec<Redact>,

    /// What a session gets that asks the same request again: once, each recording in order and then
    /// nothing; repeat-last, the last one then; cycle, the first one then; first, always the first.
    #[arg(long, value_name = "once|repeat-last|cycle|first", default_value_t)]
    pub(super) policy: Policy,

    /// How fast recordings are played: 0 without waiting, 1 as they were recorded, or a factor of
    /// the time that they took.
    #[arg(long, value_name = "0|1|FACTOR", default_value = "0")]
    pub(super) pace: Pace,
}

/// Where requests go that no recording answers.
#[derive(Debug, Args)]
#[command(next_help_heading = "Where the rest is sent, except in replay mode")]
pub(super) struct UpstreamArgs {
    /// Sends to this OpenAI-compatible base URL, in any of its forms. Default: the Cloudflare
    /// gateway of `CLOUDFLARE_ACCOUNT_ID` and `CLOUDFLARE_GATEWAY_ID`.
    #[arg(long, value_name = "URL")]
    pub(super) base_url: Option<String>,

    /// The variable with the provider's key. Default: `OPENROUTER_API_KEY` for OpenRouter and its
    /// gateways. Where there is none, the key of whoever asks is passed on.
    #[arg(long, value_name = "NAME")]
    pub(super) api_key_env: Option<String>,

    /// The variable with the gateway's token. Default: `CF_AIG_TOKEN`.
    #[arg(long, value_name = "NAME")]
    pub(super) token_env: Option<String>,

    /// How long making a connection may take: 500ms, 10s. Default: 10s.
    #[arg(long, value_name = "TIME")]
    pub(super) connect_timeout: Option<String>,

    /// How long nothing may come. Default: 120s.
    #[arg(long, value_name = "TIME")]
    pub(super) idle_timeout: Option<String>,

    /// How long an answer may take in all. Default: 10m.
    #[arg(long, value_name = "TIME")]
    pub(super) total_timeout: Option<String>,
}

/// What is said at the end.
#[derive(Debug, Args)]
#[command(next_help_heading = "What it says at the end")]
pub(super) struct ReportArgs {
    /// Writes the report to this file.
    #[arg(long, value_name = "FILE", value_parser = report_path)]
    report: Option<PathBuf>,

    /// The format of the report's file. Default: json for .json, junit for .xml, else text.
    #[arg(long, value_enum, value_name = "text|json|junit", requires = "report", hide_possible_values = true)]
    report_format: Option<ReportFormat>,

    /// Fails, with exit code 4, where there was a request that nothing answered, or that was refused.
    #[arg(long)]
    fail_miss: bool,

    /// Fails, with exit code 1, where a recording was left over that no request was answered by.
    #[arg(long)]
    fail_unused: bool,
}

impl ServeArgs {
    /// The command that is run, if any.
    pub(super) fn program(&self) -> Option<Program> {
        Program::of_words(&self.command)
    }

    /// Whether the command line, of which these are the words, has dashes and no command behind them.
    pub(super) fn lacks_command(&self, words: impl IntoIterator<Item = OsString>) -> bool {
        self.command.is_empty() && words.into_iter().last().is_some_and(|last| last == "--")
    }
}

impl ReportArgs {
    /// The file that the report is written to, if any.
    pub(super) fn file(&self) -> Option<ReportFile> {
        self.report.as_deref().map(|path| ReportFile::new(path, self.report_format))
    }

    /// What is failed for.
    pub(super) const fn gates(&self) -> Gates {
        Gates { miss: self.fail_miss, unused: self.fail_unused }
    }
}

fn run_name(text: &str) -> Result<String, String> {
    if text.trim().is_empty() || text.chars().any(char::is_control) || text.chars().count() > 100 {
        return Err("write 1 to 100 characters, none of them a control character".to_owned());
    }
    Ok(text.to_owned())
}

/// A pattern and the text that stands in its place: what is behind the last `=`.
fn redact(text: &str) -> Result<Redact, String> {
    match text.rsplit_once('=') {
        Some((pattern, with)) if !pattern.is_empty() => {
            Ok(Redact { pattern: pattern.to_owned(), with: with.to_owned() })
        }
        // The text may be a secret: it is not repeated.
        _ => Err("write a regular expression, '=' and what stands in its place".to_owned()),
    }
}

fn report_path(text: &str) -> Result<PathBuf, String> {
    if text == "-" {
        return Err("standard output is the base URL's, or the command's; name a file".to_owned());
    }
    Ok(text.into())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: ServeArgs,
    }

    fn parse(words: &[&str]) -> Result<ServeArgs, clap::Error> {
        Line::try_parse_from(["serve"].iter().chain(words)).map(|line| line.args)
    }

    #[test]
    fn what_stands_behind_the_dashes_is_the_commands() {
        let args = parse(&["--mode", "replay", "--", "pytest", "-x", "--mode", "record", "--"]).unwrap();
        let program = args.program().unwrap();
        assert_eq!((args.mode, program.name), (Some(Mode::Replay), "pytest".into()));
        assert_eq!(program.args, ["-x", "--mode", "record", "--"]);
        assert!(parse(&["pytest"]).is_err(), "a command needs dashes before it");
        assert!(parse(&[]).unwrap().program().is_none());
    }

    #[test]
    fn dashes_without_a_command_are_known() {
        for (words, lacks) in
            [(["--"].as_slice(), true), (&["--quiet", "--"], true), (&[], false), (&["--", "sh", "--"], false)]
        {
            let args = parse(words).unwrap();
            assert_eq!(args.lacks_command(words.iter().map(OsString::from)), lacks, "{words:?}");
        }
    }

    #[test]
    fn a_redaction_ends_at_its_last_equals_sign() {
        for (text, pattern, with) in [("a=b", "a", "b"), ("a=b=c", "a=b", "c"), ("x=", "x", "")] {
            assert_eq!(redact(text), Ok(Redact { pattern: pattern.to_owned(), with: with.to_owned() }));
        }
        for text in ["", "secret", "=b"] {
            let problem = redact(text).unwrap_err();
            assert!(!problem.contains("secret"), "{problem}");
        }
    }

    #[test]
    fn flags_that_cannot_be_meant_are_refused() {
        for words in [
            ["--report", "-"].as_slice(),
            &["--report-format", "json"],
            &["--report", "r", "--report-format", "yaml"],
            &["--mode", "live"],
            &["--name", " "],
            &["--name", "a\nb"],
            &["--pace", "fast"],
            &["--policy", "twice"],
            &["--listen", "nowhere"],
        ] {
            assert!(parse(words).is_err(), "{words:?}");
        }
    }

    #[test]
    fn gates_are_those_that_are_asked_for() {
        for (words, miss, unused) in [
            ([].as_slice(), false, false),
            (&["--fail-miss"], true, false),
            (&["--fail-unused"], false, true),
            (&["--fail-unused", "--fail-miss"], true, true),
        ] {
            assert_eq!(parse(words).unwrap().report.gates(), Gates { miss, unused }, "{words:?}");
        }
    }
}
