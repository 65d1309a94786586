//! The flags of `simulate`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use nightreel::simulate::{
    CostTold, Enforcement, Faults, HintForm, Latency, ModelQuota, NanoUsd, Options, Outage, ReplyTokens,
};

use super::super::listen::address;

/// What `--help` says behind the flags.
const HELP: &str = "It behaves as a Cloudflare AI Gateway in front of OpenRouter does: no model is asked, nothing is \
                    paid. The same request gets the same answer whenever it is asked. The base URL is the one line \
                    on standard output, and /simulator/stats there has its own count of everything; SIGINT \
                    (Ctrl-C) or SIGTERM ends it.";

/// Serves the simulated gateway.
#[derive(Debug, Args)]
#[command(after_long_help = HELP)]
pub(crate) struct SimulateArgs {
    /// Listens on this address, or on this port of 127.0.0.1; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8787", value_parser = address)]
    pub(super) listen: SocketAddr,

    /// Listens on an address that other machines can reach, too.
    #[arg(long)]
    pub(super) allow_remote: bool,

    /// Asks for this gateway token in `cf-aig-authorization`; by default any is taken, or none.
    #[arg(long, value_name = "TOKEN")]
    pub(super) token: Option<String>,

    /// Asks for this provider key in `Authorization`; by default any is taken, or none.
    #[arg(long, value_name = "KEY")]
    pub(super) api_key: Option<String>,

    /// Appends a line of JSON for each request to this file.
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,

    #[command(flatten)]
    behaviour: BehaviourArgs,

    #[command(flatten)]
    limits: LimitArgs,

    #[command(flatten)]
    answers: AnswerArgs,
}

/// How fast it is, and how often it fails.
#[derive(Debug, Args)]
struct BehaviourArgs {
    /// How long an answer takes: 50ms, 1.5s, or a range as 50ms..200ms.
    #[arg(long, value_name = "TIME", default_value = "0")]
    latency: Latency,

    /// Past so many requests in flight answers become slower, by the square of how far past.
    #[arg(long, value_name = "N")]
    degrade_past: Option<u32>,

    /// Which share of the requests meets which fault: `rate_limited=0.1,reset=0.03`.
    #[arg(long, value_name = "NAME=SHARE,…")]
    faults: Option<Faults>,

    /// What answers, latencies and faults derive from, beside the request itself.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,

    /// Puts white space before answers that take more than a second, as the router does.
    #[arg(long)]
    padding: bool,
}

/// What it refuses with 429.
#[derive(Debug, Args)]
struct LimitArgs {
    /// Takes so many requests a minute.
    #[arg(long, value_name = "N")]
    rpm: Option<u32>,

    /// Takes so many tokens a minute: those of the prompts and answers that it has given.
    #[arg(long, value_name = "N")]
    tpm: Option<u32>,

    /// Takes so many requests a minute for one model; may be given several times.
    #[arg(long, value_name = "MODEL=N")]
    model_rpm: Vec<ModelQuota>,

    /// How a quota a minute is enforced: in any 60 seconds, in each minute from the first request
    /// on, or by a bucket that fills evenly and holds N (a tenth of the quota).
    #[arg(long, value_name = "sliding|fixed|bucket[=N]", default_value = "sliding")]
    enforce: Enforcement,

    /// Refuses every request for a model for a while, in seconds from the first request on; may be
    /// given several times.
    #[arg(long, value_name = "MODEL=FROM..TO")]
    outage: Vec<Outage>,

    /// Refuses what comes while so many requests are in flight.
    #[arg(long, value_name = "N")]
    refuse_past: Option<u32>,

    /// How the 429s of these limits say how long to wait: `Retry-After` in seconds, with
    /// fractions or as a date, in the body's `availability`, as `X-RateLimit-Reset`, or not.
    #[arg(long, value_name = "seconds|fractions|date|availability|reset|none", default_value = "seconds")]
    hint: HintForm,

    /// How long a 429 says to wait that does not know it: one of a fault, an outage or
    /// `--refuse-past`.
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration)]
    retry_after: Duration,
}

/// What it answers, and what that costs.
#[derive(Debug, Args)]
struct AnswerArgs {
    /// How long the text of an answer is, in bytes; by default one to three sentences.
    #[arg(long, value_name = "N", conflicts_with = "reply_tokens")]
    reply_bytes: Option<usize>,

    /// How long the text of an answer is, in tokens: 500, or a range as 10..2000, of which each
    /// doubling is as likely as the next.
    #[arg(long, value_name = "N|MIN..MAX")]
    reply_tokens: Option<ReplyTokens>,

    /// What each answer costs; by default its tokens have prices.
    #[arg(long, value_name = "USD")]
    cost_usd: Option<NanoUsd>,

    /// Tells no cost, only tokens.
    #[arg(long)]
    no_cost: bool,

    /// Tells the cost as for a key of the customer's own: a fee, and what the provider takes.
    #[arg(long, conflicts_with = "no_cost")]
    byok: bool,
}

impl SimulateArgs {
    /// What the simulated gateway is told to be like.
    pub(super) fn options(&self) -> Options {
        let Self { behaviour, limits, answers, .. } = self;
        let models = limits.model_rpm.iter().map(|quota| (quota.model.clone(), quota.requests_per_minute));
        Options {
            seed: behaviour.seed,
            latency: behaviour.latency,
            degrade_past: behaviour.degrade_past,
            faults: behaviour.faults.unwrap_or_default(),
            padding: behaviour.padding,
            token: self.token.clone(),
            api_key: self.api_key.clone(),
            gateway_id: None,
            requests_per_minute: limits.rpm,
            tokens_per_minute: limits.tpm,
            model_requests_per_minute: models.collect(),
            enforcement: limits.enforce,
            outages: limits.outage.clone(),
            refuse_past: limits.refuse_past,
            hint: limits.hint,
            retry_after: limits.retry_after,
            reply_bytes: answers.reply_bytes,
            reply_tokens: answers.reply_tokens,
            cost_usd: answers.cost_usd,
            cost_told: answers.told(),
            journal: self.journal.clone(),
        }
    }
}

impl AnswerArgs {
    const fn told(&self) -> CostTold {
        match (self.no_cost, self.byok) {
            (true, _) => CostTold::Nothing,
            (false, true) => CostTold::Byok,
            (false, false) => CostTold::Cost,
        }
    }
}

/// A time that is not a range.
fn duration(text: &str) -> Result<Duration, String> {
    match text.parse::<Latency>() {
        Ok(Latency::Fixed(duration)) => Ok(duration),
        _ => Err("write a time, as 500ms or 2s".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: SimulateArgs,
    }

    fn options(flags: &str) -> Options {
        Line::try_parse_from(["simulate"].into_iter().chain(flags.split_whitespace())).unwrap().args.options()
    }

    #[test]
    fn no_flag_is_what_the_library_has_by_default() {
        assert_eq!(format!("{:?}", options("")), format!("{:?}", Options::default()));
    }

    #[test]
    fn each_flag_reaches_its_option() {
        let options = options(
            "--rpm 600 --tpm 200000 --model-rpm a/b=30 --model-rpm c=40 --enforce bucket=50 --outage a/b=30..90 \
             --refuse-past 80 --hint none --retry-after 250ms --degrade-past 40 --reply-tokens 10..2000 \
             --cost-usd 0.0137 --no-cost --latency 20ms..80ms --faults hang=0.1 --seed 7 --padding",
        );
        let expected = Options {
            seed: 7,
            latency: "20ms..80ms".parse().unwrap(),
            faults: "hang=0.1".parse().unwrap(),
            requests_per_minute: Some(600),
            tokens_per_minute: Some(200_000),
            model_requests_per_minute: [("a/b".to_owned(), 30), ("c".to_owned(), 40)].into(),
            enforcement: "bucket=50".parse().unwrap(),
            outages: vec!["a/b=30s..90s".parse().unwrap()],
            refuse_past: Some(80),
            hint: HintForm::None,
            retry_after: Duration::from_millis(250),
            degrade_past: Some(40),
            reply_tokens: Some(ReplyTokens { min: 10, max: 2_000 }),
            cost_usd: Some(NanoUsd(13_700_000)),
            cost_told: CostTold::Nothing,
            padding: true,
            ..Options::default()
        };
        assert_eq!(format!("{options:?}"), format!("{expected:?}"));
    }
}
