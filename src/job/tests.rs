use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;

use super::*;
use crate::model::{Endpoint, Format, Mode, Normaliser};

/// The smallest job, to which a test adds its lines.
const SMALL: &str = "[input]\npath = \"rows.csv\"\n[request]\nmodels = [\"m\"]\nprompt = \"{{ q }}\"\n";

fn load(text: &str) -> Result<Job, JobError> {
    Job::from_text(Path::new("jobs/a.toml"), text, &[])
}

fn load_with(text: &str, flags: &[&str]) -> Result<Job, JobError> {
    let flags: Vec<Override> = flags.iter().map(|flag| Override::parse_set(flag).unwrap()).collect();
    Job::from_text(Path::new("jobs/a.toml"), text, &flags)
}

#[test]
fn what_is_nested_too_deep_is_refused() {
    let key = format!("request.params.{}={}1{}", ["a"; 60].join("."), "[".repeat(60), "]".repeat(60));
    assert_eq!(
        load_with(SMALL, &[&key]).unwrap_err().to_string(),
        "--set: request.params is nested deeper than 100 levels"
    );
    let error = load(&format!("{SMALL}params.{} = 1", ["a"; 120].join("."))).unwrap_err().to_string();
    assert_eq!(error, "jobs/a.toml: not TOML: recursion limit");
}

#[test]
fn the_smallest_job_has_the_documented_defaults() {
    let job = load(SMALL).unwrap();
    assert_eq!(job.name, "a");
    assert_eq!(job.input.path, Path::new("jobs/rows.csv"));
    assert_eq!((job.input.format, job.input.id.clone(), job.input.delimiter), (None, None, None));
    assert_eq!(job.request.endpoint, Endpoint::ChatCompletions);
    assert_eq!((job.request.samples.get(), job.request.stream), (1, false));
    assert_eq!(job.gateway.api_key_env, "OPENROUTER_API_KEY");
    assert_eq!(job.gateway.token_env, "CF_AIG_TOKEN");
    assert_eq!((job.gateway.base_url.clone(), job.gateway.ca_cert.clone(), job.gateway.http1), (None, None, false));
    assert_eq!(job.limits, Limits::default());
    assert_eq!(job.limits.in_flight, InFlight::Auto);
    let retry = Retry {
        attempts: 6,
        rate_limited: 20,
        server_error: 5,
        bad_body: 5,
        outcome_unknown: 1,
        max_pause: Duration::from_mins(1),
        max_hint: Duration::from_mins(10),
    };
    assert_eq!(job.retry, retry);
    assert_eq!((job.timeouts.item, job.timeouts.run), (None, None));
    assert_eq!(job.timeouts.connect, Duration::from_secs(10));
    assert_eq!(job.timeouts.idle, Duration::from_mins(2));
    assert_eq!(job.timeouts.total, Duration::from_mins(10));
    assert_eq!(job.record, RecordSpec::default());
    assert_eq!(job.record.mode, Mode::Auto);
}

/// A job with every key.
const EVERY_KEY: &str = r#"
name = "truthful"
prices = "prices.toml"
[input]
path = "-"
format = "csv"
id = "question_id"
delimiter = ";"
[request]
models = ["openai/gpt-5-mini", "anthropic/claude-haiku-4.5"]
system = "Answer in one sentence."
prompt = "{{ Question }}"
params = { temperature = 0, max_tokens = 256, provider = { order = ["azure"], allow_fallbacks = false } }
endpoint = "chat/completions"
samples = 3
stream = true
[gateway]
base_url = "https://example.com/v1"
api_key_env = ""
token_env = "TOKEN"
ca_cert = "ca.pem"
http1 = true
cache_ttl = "1d"
cache_key = "v1"
custom_cost = { per_token_in = 1e-6, per_token_out = 0 }
collect_log = true
collect_log_payload = false
byok_alias = "team"
request_timeout = "30s"
metadata = { team = "grün", shift = 2 }
referer = "https://example.com"
title = "Night shift"
categories = ["research"]
router_metadata = true
[limits]
requests_per_minute = 600
tokens_per_minute = 200_000
requests_per_day = 5
in_flight = 8
budget_usd = 5
[limits.model."openai/gpt-5-mini"]
tokens_per_minute = 1
in_flight = "auto"
[retry]
attempts = 2
rate_limited = 7
server_error = 3
bad_body = 0
outcome_unknown = 0
max_pause = "2s"
max_hint = "3m"
[timeouts]
item = "5m"
run = "30h"
connect = "250ms"
idle = "1.5m"
total = "2h"
[record]
mode = "replay"
ignore = ["$.user"]
redact = [{ pattern = "a+", with = "b" }]
fixture = "../fixtures/f.db"
"#;

#[test]
fn every_key_of_the_design_is_read() {
    let job = load(EVERY_KEY).unwrap();
    assert_eq!(job.name, "truthful");
    assert!(job.input.is_stdin());
    assert_eq!(job.input.format, Some(Format::Csv));
    assert_eq!(job.input.delimiter, Some(';'));
    assert_eq!(
        serde_json::to_string(&job.request.params).unwrap(),
        r#"{"temperature":0,"max_tokens":256,"provider":{"order":["azure"],"allow_fallbacks":false}}"#
    );
    assert_eq!(job.gateway.base(&|_| None).unwrap(), Base::Url("https://example.com/v1".into()));
    assert_eq!(job.gateway.ca_cert.as_deref(), Some(Path::new("jobs/ca.pem")));
    let (directives, attribution) = (&job.gateway.directives, &job.gateway.attribution);
    assert_eq!(directives.given().len(), 8);
    assert_eq!(
        (directives.cache_ttl, directives.request_timeout.unwrap().as_secs()),
        (Some(Duration::from_hours(24)), 30)
    );
    assert_eq!(serde_json::to_string(&directives.metadata).unwrap(), r#"{"team":"grün","shift":2}"#);
    assert_eq!(attribution.given(), ["referer", "title", "categories", "router_metadata"]);
    assert_eq!(job.limits.in_flight, InFlight::Fixed(NonZeroU32::new(8).unwrap()));
    assert_eq!(job.limits.budget_usd, Some(5.0));
    assert_eq!(job.limits.model["openai/gpt-5-mini"].in_flight, Some(InFlight::Auto));
    assert_eq!(job.timeouts.total, Duration::from_hours(2));
    assert_eq!(job.timeouts.item, Some(Duration::from_mins(5)));
    assert_eq!(job.timeouts.run, Some(Duration::from_hours(30)));
    let retry = Retry {
        attempts: 2,
        rate_limited: 7,
        server_error: 3,
        bad_body: 0,
        outcome_unknown: 0,
        max_pause: Duration::from_secs(2),
        max_hint: Duration::from_mins(3),
    };
    assert_eq!(job.retry, retry);
    assert_eq!(job.record.redact, [Redact { pattern: "a+".into(), with: "b".into() }]);
    assert_eq!(job.record.fixture.as_deref(), Some(Path::new("jobs/../fixtures/f.db")));
}

#[test]
fn params_keep_the_files_order_and_numbers() {
    let job = load(&format!(
        "{SMALL}[request.params]\nzeta = 1\nalpha = 0.0\nbig = 18446744073709551615\nhex = 0xff\nexp = 1e-7\nno = -3\n\
         [request.params.provider]\nzoo = true\nall = [1, 2.5]\n"
    ))
    .unwrap();
    assert_eq!(
        serde_json::to_string(&job.request.params).unwrap(),
        r#"{"zeta":1,"alpha":0.0,"big":18446744073709551615,"hex":255,"exp":1e-7,"no":-3,"provider":{"zoo":true,"all":[1,2.5]}}"#
    );
}

#[test]
fn a_byte_order_mark_and_carriage_returns_change_nothing() {
    let text = format!("\u{feff}{}", SMALL.replace('\n', "\r\n"));
    let text = load::text(text.into_bytes(), Path::new("jobs/a.toml")).unwrap();
    assert_eq!(load(&text).unwrap().request, load(SMALL).unwrap().request);
    let error = load(&(text + "x = 1\r\n")).unwrap_err().to_string();
    assert!(error.starts_with("jobs/a.toml:6:1: "), "{error}");
}

#[test]
fn bytes_that_are_no_utf8_are_named_with_their_place() {
    let path = Path::new("a.toml");
    let error = load::text(b"\xef\xbb\xbfname = \"a\"\nx = \"\xc3\xa4\xff\"".to_vec(), path).unwrap_err();
    assert_eq!(error.to_string(), "a.toml:2:7: a byte that is not UTF-8; save the job file as UTF-8");
    let error = load::text(b"\xff\xfea\0".to_vec(), path).unwrap_err();
    assert_eq!(error.to_string(), "a.toml:1:1: this is UTF-16; save the job file as UTF-8");
}

#[test]
fn a_file_that_is_not_there_is_answered_with_those_that_are() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let message = |name: &str| {
        let error = Job::load(&at(name), &[]).unwrap_err().to_string();
        error.replace(&directory.path().display().to_string(), "D")
    };
    assert_eq!(message("x.toml"), "D/x.toml: there is no such job file; there is no *.toml either");
    for name in ["nightly.toml", "truthful.toml", "notes.txt"] {
        std::fs::write(at(name), SMALL).unwrap();
    }
    assert_eq!(message("x.toml"), "D/x.toml: there is no such job file; there is nightly.toml, truthful.toml");
    assert_eq!(message("truthfull"), "D/truthfull: there is no such job file; did you mean D/truthful.toml?");
    assert_eq!(message(""), "D/ is a directory, not a job file; there is nightly.toml, truthful.toml");
    assert_eq!(message("no/x.toml"), "D/no/x.toml: there is no such job file; there is no directory D/no");
    assert_eq!(Job::load(&at("nightly.toml"), &[]).unwrap().name, "nightly");
    std::fs::write(at("big.toml"), vec![b'#'; (16 << 20) + 1]).unwrap();
    assert_eq!(message("big.toml"), "D/big.toml is larger than 16 MiB, which no job file is");
}

#[test]
fn the_budgets_of_retries_follow_the_attempts_unless_they_are_given() {
    let budgets = |flags: &[&str]| {
        let retry = load_with(SMALL, flags).unwrap().retry;
        [retry.rate_limited, retry.server_error, retry.bad_body, retry.outcome_unknown]
    };
    assert_eq!(budgets(&["retry.attempts=1"]), [0, 0, 0, 0]);
    assert_eq!(budgets(&["retry.attempts=2"]), [4, 1, 1, 1]);
    assert_eq!(budgets(&["retry.attempts=100"]), [396, 99, 99, 1]);
    assert_eq!(budgets(&["retry.attempts=1", "retry.rate_limited=3"]), [3, 0, 0, 0]);
    assert_eq!(budgets(&["retry.outcome_unknown=0", "retry.bad_body=2"]), [20, 5, 2, 0]);
}

#[test]
fn a_flag_beats_the_file() {
    let job = load_with(
        SMALL,
        &[
            "request.models=[\"a\", \"b\"]",
            "request.params.temperature=0.5",
            "limits.model.\"a\".requests_per_minute=5",
            "retry.attempts=2",
        ],
    )
    .unwrap();
    assert_eq!(job.request.models, ["a", "b"]);
    assert_eq!(job.request.params["temperature"], 0.5);
    assert_eq!(job.limits.model["a"].requests_per_minute, NonZeroU32::new(5));
    assert_eq!(job.retry.attempts, 2);
}

#[test]
fn a_wrong_flag_is_named_instead_of_a_line() {
    for (flag, expected) in [
        ("request.samples=0", "--set: request.samples must be a whole number from 1 to 10000, not 0"),
        ("request.sampels=2", "--set: unknown key request.sampels; did you mean \"samples\"?"),
        ("request.prompt.x=2", "--set: request.prompt is a string, so nothing can be set in it"),
        ("limits.budget_usd=-1", "--set: limits.budget_usd must be a number of zero or more, not -1"),
    ] {
        assert_eq!(load_with(SMALL, &[flag]).unwrap_err().to_string(), expected);
    }
    let flag = Override::new("limits.requests_per_minute", 0, "--rpm");
    assert_eq!(
        Job::from_text(Path::new("a.toml"), SMALL, &[flag]).unwrap_err().to_string(),
        "--rpm: limits.requests_per_minute must be a whole number from 1 to 4294967295, not 0"
    );
}

#[test]
fn a_lane_of_a_model_that_a_flag_left_out_is_no_mistake() {
    let text = SMALL.replace("[\"m\"]", "[\"m\", \"n\"]") + "[limits.model.m]\nin_flight = 1\n";
    assert!(load_with(&text, &["request.models=[\"n\"]"]).is_ok());
}

#[test]
fn a_base_url_by_flag_beats_the_files_account_and_the_other_way_round() {
    let env = |_: &str| None;
    let account = format!("{SMALL}[gateway]\naccount_id = \"a\"\ngateway_id = \"g\"\n");
    let url = format!("{SMALL}[gateway]\nbase_url = \"http://file\"\n");
    let cloudflare = Base::Cloudflare { account_id: "a".into(), gateway_id: "g".into() };
    assert_eq!(load(&account).unwrap().gateway.base(&env).unwrap(), cloudflare);
    let job = load_with(&account, &["gateway.base_url=http://flag"]).unwrap();
    assert_eq!(job.gateway.base(&env).unwrap(), Base::Url("http://flag".into()));
    let job = load_with(&url, &["gateway.account_id=a", "gateway.gateway_id=g"]).unwrap();
    assert_eq!(job.gateway.base(&env).unwrap(), cloudflare);
}

#[test]
fn a_variable_is_looked_up_when_it_is_needed_and_missed_by_name() {
    let job = load(&format!("{SMALL}[gateway]\naccount_id = \"x-${{ACCOUNT}}\"\n")).unwrap();
    assert_eq!(
        job.gateway.base(&|_| None).unwrap_err().to_string(),
        "jobs/a.toml:7:14: gateway.account_id needs the environment variable ACCOUNT, which is not set; export \
         ACCOUNT=…, or give --set gateway.account_id=…; commands that send, such as run, take --base-url URL too"
    );
    assert_eq!(
        job.gateway.base(&|name| (name == "ACCOUNT").then(|| "1".to_owned())).unwrap_err().to_string(),
        "jobs/a.toml:6:1: gateway.gateway_id needs the environment variable CLOUDFLARE_GATEWAY_ID, which is not set; \
         export CLOUDFLARE_GATEWAY_ID=…, or give --set gateway.gateway_id=…; commands that send, such as run, take \
         --base-url URL too"
    );
    let env = |name: &str| Some(format!(" {name}\n"));
    assert_eq!(
        job.gateway.base(&env).unwrap(),
        Base::Cloudflare { account_id: "x-ACCOUNT".into(), gateway_id: "CLOUDFLARE_GATEWAY_ID".into() }
    );
}

#[test]
fn the_identity_is_what_is_asked_and_nothing_else() {
    let identity = |text: &str| load(text).unwrap().identity();
    let small = identity(SMALL);
    assert_eq!(
        small,
        r#"{"input":{"delimiter":null,"format":null,"id":null},"record":{"ignore":[],"redact":null},"request":{"endpoint":"chat/completions","messages":null,"models":["m"],"params":{},"prompt":"{{ q }}","samples":1,"stream":false,"system":null,"turns":null}}"#
    );
    let elsewhere = SMALL.replace("rows.csv", "other.csv")
        + "[limits]\nin_flight = 3\n[gateway]\nbase_url = \"http://x\"\n[timeouts]\nidle = \"1s\"\n[record]\nmode = \"record\"\n";
    assert_eq!(identity(&elsewhere), small);
    for (line, expected) in [
        ("system = \"x\"", "request.system"),
        ("samples = 2", "request.samples"),
        ("params = { a = { b = 1 } }", "request.params.a"),
        ("[record]\nignore = [\"$.user\"]", "record.ignore"),
        ("[record]\nnormalise = [\"ids\"]", "record.normalise"),
        ("[record]\nredact = [{ pattern = \"a\", with = \"b\" }]", "record.redact"),
    ] {
        assert_eq!(changed_parts(&small, &identity(&format!("{SMALL}{line}\n"))), [expected]);
    }
}

#[test]
fn the_order_of_normalisers_is_no_part_of_the_identity() {
    let job = |list: &str| load(&format!("{SMALL}[record]\nnormalise = {list}\n")).unwrap();
    let (one, other) = (job(r#"["timestamps", "ids"]"#), job(r#"["ids", "timestamps", "ids"]"#));
    assert_eq!(one.identity(), other.identity());
    assert_eq!(one.record.rules.normalise, [Normaliser::Timestamps, Normaliser::Ids]);
    assert!(one.describe().contains("timestamps"));
    assert!(!job("[]").describe().contains("normalise"));
    assert_eq!(job("[]").identity(), load(SMALL).unwrap().identity());
}

#[test]
fn the_description_has_everything_but_secrets() {
    let job = load(&format!(
        "{SMALL}[gateway]\nbase_url = \"https://user:hunter2@host/v1\"\n[record]\nredact = [{{ pattern = \"s3cret\", \
         with = \"x\" }}]\n[limits.model.m]\nin_flight = 2\n"
    ))
    .unwrap();
    let description = job.describe();
    for secret in ["hunter2", "s3cret"] {
        assert!(!description.contains(secret), "{description}");
    }
    let value: serde_json::Value = serde_json::from_str(&description).unwrap();
    assert_eq!(value["gateway"]["base_url"], "https://host/v1");
    assert_eq!(value["gateway"]["account_id"], "${CLOUDFLARE_ACCOUNT_ID}");
    assert_eq!(value["limits"]["model"]["m"]["in_flight"], 2);
    assert_eq!(value["timeouts"]["total"], "600s");
    assert_eq!((&value["timeouts"]["run"], &value["retry"]["max_hint"]), (&serde_json::Value::Null, &"600s".into()));
    assert_eq!(value["request"]["prompt"], "{{ q }}");
}

#[test]
fn what_a_gateway_is_told_is_kept_with_the_job_and_changes_nothing_that_is_asked() {
    let told = "[gateway]\ncache_ttl = 3600\ncache_key = \"v1\"\nmetadata = { team = \"x\" }\ntitle = \"t\"\n";
    let (plain, told) = (load(SMALL).unwrap(), load(&format!("{SMALL}{told}")).unwrap());
    assert_eq!(plain.identity(), told.identity());
    let described: serde_json::Value = serde_json::from_str(&told.describe()).unwrap();
    let gateway = &described["gateway"];
    assert_eq!((&gateway["cache_ttl"], &gateway["cache_key"]), (&"3600s".into(), &"v1".into()));
    assert_eq!((&gateway["metadata"]["team"], &gateway["title"]), (&"x".into(), &"t".into()));
}
