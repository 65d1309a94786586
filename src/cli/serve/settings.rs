//! The settings of a server: those of a job, its file's or the defaults, with the flags laid over.

use std::path::Path;

use anyhow::anyhow;
use nightreel::gateway::{BaseUrl, Secret};
use nightreel::job::{Job, Override};
use nightreel::record::Redactor;

use super::super::exit::Failure;
use super::super::gateway::Lookup;
use super::args::ServeArgs;
use super::variables::KEYS;

/// What messages name where there is no job file.
const NO_FILE: &str = "serve";
/// A job that has nothing but defaults: a server is asked, it does not ask.
const DEFAULTS: &str = "[input]\npath = \"-\"\nformat = \"requests\"\n";

/// The job whose settings count.
pub(super) fn settings(args: &ServeArgs, env: Lookup<'_>) -> Result<Job, Failure> {
    let flags = &args.upstream;
    let overrides = overrides(args)?;
    let job = match &args.job {
        Some(path) => Job::load(path, &overrides),
        None => Job::from_text(Path::new(NO_FILE), DEFAULTS, &overrides),
    };
    let mut job = job.map_err(Failure::usage)?;
    job.record.redact.extend(args.matching.redact.iter().cloned());
    match &flags.api_key_env {
        Some(name) if !name.is_empty() && env(name).is_none() => {
            Err(Failure::usage(anyhow!("--api-key-env: {name} is not set; export {name}=…, or leave the flag out")))
        }
        None if args.job.is_none() && !leads_to_openrouter(flags.base_url.as_deref()) => {
            // The default key is OpenRouter's: nobody else is sent it.
            job.gateway.api_key_env.clear();
            Ok(job)
        }
        _ => Ok(job),
    }
}

/// Strikes the credentials that the environment holds, those of clients too, and what the rules match.
pub(super) fn redactor(job: &Job, env: Lookup<'_>) -> Result<Redactor, Failure> {
    let rules = job.record.redact.iter().map(|rule| (rule.pattern.as_str(), rule.with.as_str()));
    Redactor::new(secrets(job, env).iter().map(String::as_str), rules).map_err(Failure::usage)
}

/// Strikes those credentials alone.
pub(super) fn credentials(job: &Job, env: Lookup<'_>) -> Redactor {
    Redactor::default().with_secrets(secrets(job, env).iter().map(String::as_str))
}

fn secrets(job: &Job, env: Lookup<'_>) -> Vec<String> {
    let own = [job.gateway.api_key_env.as_str(), job.gateway.token_env.as_str()];
    let value = |name: &str| env(name).map(|secret| Secret::bare(&secret).to_owned());
    // What is sent as our own is struck whatever it is; a client's may be a word that stands in for a key.
    let clients = KEYS.into_iter().filter_map(value).filter(|key| Secret::looks_like_key(key));
    own.into_iter().filter_map(value).chain(clients).collect()
}

/// Whether a base URL leads to `OpenRouter`, as the default one does. One that cannot be read is
/// refused elsewhere.
fn leads_to_openrouter(base_url: Option<&str>) -> bool {
    base_url.is_none_or(|url| url.parse::<BaseUrl>().is_ok_and(|url| url.leads_to_openrouter()))
}

fn overrides(args: &ServeArgs) -> Result<Vec<Override>, Failure> {
    let ServeArgs { upstream, matching, .. } = args;
    let sets = args.sets.iter().map(|set| Override::parse_set(set));
    let mut overrides = sets.collect::<Result<Vec<_>, _>>().map_err(Failure::usage)?;
    let flags = [
        ("gateway.base_url", &upstream.base_url, "--base-url"),
        ("gateway.api_key_env", &upstream.api_key_env, "--api-key-env"),
        ("gateway.token_env", &upstream.token_env, "--token-env"),
        ("timeouts.connect", &upstream.connect_timeout, "--connect-timeout"),
        ("timeouts.idle", &upstream.idle_timeout, "--idle-timeout"),
        ("timeouts.total", &upstream.total_timeout, "--total-timeout"),
    ];
    let given = flags.into_iter().filter_map(|(key, value, flag)| Some((key, value.as_deref()?, flag)));
    overrides.extend(given.map(|(key, value, flag)| Override::new(key, value, flag)));
    let lists =
        [("record.ignore", &matching.ignore, "--ignore"), ("record.normalise", &matching.normalise, "--normalise")];
    let given = lists.into_iter().filter(|(_, values, _)| !values.is_empty());
    overrides.extend(given.map(|(key, values, flag)| Override::new(key, values.clone(), flag)));
    Ok(overrides)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use clap::Parser;
    use nightreel::model::Normaliser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: ServeArgs,
    }

    fn set(words: &str, env: &[(&str, &str)]) -> Result<Job, Failure> {
        let line = Line::try_parse_from(["serve"].into_iter().chain(words.split_whitespace())).unwrap();
        settings(&line.args, &|name| env.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn without_a_job_file_there_are_a_jobs_defaults() {
        let job = set("", &[]).unwrap();
        assert_eq!(job.timeouts.connect, Duration::from_secs(10));
        assert_eq!(
            (job.gateway.api_key_env.as_str(), job.gateway.token_env.as_str()),
            ("OPENROUTER_API_KEY", "CF_AIG_TOKEN")
        );
    }

    #[test]
    fn flags_are_laid_over_the_job() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("job.toml");
        let text = "[gateway]\nbase_url = \"http://a/v1\"\napi_key_env = \"A\"\n[record]\nignore = [\"$.user\"]\n";
        std::fs::write(&path, format!("{DEFAULTS}{text}")).unwrap();
        let flags = "--base-url http://b/v1 --idle-timeout 5s --ignore $.seed --normalise ids --redact x=y --set gateway.http1=true";
        let job = set(&format!("--job {} {flags}", path.display()), &[]).unwrap();
        assert_eq!(job.gateway.base_url.unwrap().as_written(), "http://b/v1");
        assert_eq!((job.gateway.api_key_env.as_str(), job.gateway.http1), ("A", true));
        assert_eq!(job.timeouts.idle, Duration::from_secs(5));
        assert_eq!(job.record.rules.normalise, [Normaliser::Ids]);
        assert_eq!((job.record.rules.ignore.len(), job.record.redact.len()), (1, 1));
    }

    #[test]
    fn openrouters_key_is_sent_to_nobody_else_unless_that_is_asked_for() {
        for (flags, expected) in [
            ("", "OPENROUTER_API_KEY"),
            ("--base-url https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
            ("--base-url http://127.0.0.1:1/v1/a/g/openrouter", "OPENROUTER_API_KEY"),
            ("--base-url https://api.openai.com/v1", ""),
            ("--base-url https://api.openai.com/v1 --api-key-env MY_KEY", "MY_KEY"),
            ("--api-key-env MY_KEY", "MY_KEY"),
        ] {
            let job = set(flags, &[("MY_KEY", "secret-key"), ("OPENROUTER_API_KEY", "sk-or-x")]).unwrap();
            assert_eq!(job.gateway.api_key_env, expected, "{flags}");
        }
        for flags in ["--ignore user", "--normalise names"] {
            let problem = set(flags, &[]).unwrap_err().error.to_string();
            assert!(problem.contains(flags.split(' ').next().unwrap()), "{problem}");
        }
        assert!(set("--api-key-env MY_KEY", &[]).unwrap_err().error.to_string().contains("MY_KEY is not set"));
    }

    #[test]
    fn the_keys_of_clients_are_struck_too() {
        let env = |name: &str| (name == "OPENAI_API_KEY").then(|| "Bearer sk-client-key".to_owned());
        let struck = redactor(&set("", &[]).unwrap(), &env).unwrap().strike(&Bytes::from("key sk-client-key"));
        assert!(!String::from_utf8_lossy(&struck).contains("sk-client-key"));
        let word_in = |variable: &'static str| {
            let env = move |name: &str| (name == variable).then(|| "not-needed".to_owned());
            redactor(&set("", &[]).unwrap(), &env).unwrap().strike_text("it is not-needed")
        };
        assert_eq!(word_in("OPENAI_API_KEY"), "it is not-needed", "it stands in for a client's key");
        assert_eq!(word_in("OPENROUTER_API_KEY"), "it is [redacted]", "it is our own");
    }
}
