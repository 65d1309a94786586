//! What a run sends with: the HTTP client of a job.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::anyhow;
use nightreel::gateway::{BaseUrl, Credentials, Gateway, HttpGateway, Options, Secret};
use nightreel::job::{Base, InFlight, Job};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::context::env;
use super::exit::Failure;

/// How many files the process may need beside its connections.
const OTHER_FILES: u64 = 64;

/// Looks up a variable of the environment.
pub(crate) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The HTTP client of a job. What is missing to make one (credentials, ids) is no error yet: a
/// run that has nothing to send needs none.
pub(crate) fn of_job(job: &Job) -> Result<Result<Arc<dyn Gateway>, String>, Failure> {
    match destination(job, &env) {
        Ok((base_url, credentials)) => connect(job, base_url, credentials).map(Ok),
        Err(problem) => Ok(Err(problem)),
    }
}

/// The HTTP client of a rehearsal.
pub(crate) fn of_simulator(job: &Job, base_url: &str) -> Result<Arc<dyn Gateway>, Failure> {
    let base_url = base_url.parse().map_err(Failure::usage)?;
    connect(job, base_url, Credentials::default())
}

/// Where a server sends what it passes on, and its HTTP client. A key that is not there is no problem:
/// that of whoever asks is passed on.
pub(crate) fn of_server(job: &Job) -> Result<(BaseUrl, Arc<dyn Gateway>), Failure> {
    let cannot =
        |problem: String| Failure::usage(anyhow!("{problem}; --mode replay sends nothing, and needs none of it"));
    let base_url = base_url(job, &env).map_err(cannot)?;
    let credentials = known_credentials(job, &env).map_err(cannot)?;
    Ok((base_url.clone(), connect(job, base_url, credentials)?))
}

/// Whether a job or the environment says where to send.
pub(crate) fn is_known(job: &Job) -> bool {
    base_url(job, &env).is_ok()
}

/// What people should know of a job's credentials before anything is sent; else why nothing can be.
pub(crate) fn warnings(job: &Job, env: Lookup<'_>) -> Result<Vec<String>, String> {
    let (base_url, credentials) = destination(job, env)?;
    let mut warnings: Vec<String> = credentials.problems(&base_url).iter().map(ToString::to_string).collect();
    warnings.extend(useless(job, &base_url, &credentials));
    Ok(warnings)
}

/// The settings that do nothing where the requests go, or not what they seem to.
fn useless(job: &Job, base_url: &BaseUrl, credentials: &Credentials) -> Vec<String> {
    let (directives, attribution, at) = (&job.gateway.directives, &job.gateway.attribution, base_url.authority());
    let (for_gateway, for_router) = (keys(&directives.given()), keys(&attribution.given()));
    let is_gateway = credentials.mean_gateway(base_url);
    let alone = attribution.referer.is_none() && (attribution.title.is_some() || !attribution.categories.is_empty());
    let samples = job.request.samples.get();
    let checks = [
        (
            !directives.given().is_empty() && !is_gateway,
            format!(
                "{for_gateway}: {at} is no Cloudflare AI Gateway, as its URL has not the form of one and no gateway \
                     token is given, so nothing of this is sent"
            ),
        ),
        (
            !attribution.given().is_empty() && !base_url.leads_to_openrouter(),
            format!("{for_router}: OpenRouter alone reads this, and the base URL ({at}) does not lead there"),
        ),
        (
            alone,
            "gateway.title and gateway.categories count at OpenRouter only together with gateway.referer".to_owned(),
        ),
        (
            directives.byok_alias.is_some() && credentials.api_key.is_some(),
            format!(
                "gateway.byok_alias: the provider key in {} is sent and goes before any that the gateway stores; \
                     set gateway.api_key_env = \"\"",
                job.gateway.api_key_env
            ),
        ),
        (
            is_gateway && directives.caches() && samples > 1,
            format!("the gateway may answer from its cache, so the {samples} samples of a row may be one answer"),
        ),
    ];
    checks.into_iter().filter_map(|(warned, text)| warned.then_some(text)).collect()
}

fn keys(names: &[&str]) -> String {
    names.iter().map(|name| format!("gateway.{name}")).collect::<Vec<_>>().join(", ")
}

fn connect(job: &Job, base_url: BaseUrl, credentials: Credentials) -> Result<Arc<dyn Gateway>, Failure> {
    let in_flight = job.limits.in_flight.limit();
    let ca_cert: Option<PathBuf> = job.gateway.ca_cert.clone();
    let options = Options {
        connect_timeout: job.timeouts.connect,
        idle_timeout: job.timeouts.idle,
        total_timeout: job.timeouts.total,
        in_flight,
        ca_cert,
        http1_only: job.gateway.http1,
        directives: job.gateway.directives.clone(),
        attribution: job.gateway.attribution.clone(),
        ..Options::new(base_url, credentials)
    };
    Ok(Arc::new(HttpGateway::new(options).map_err(Failure::usage)?))
}

/// Where a job's requests go, and with what.
fn destination(job: &Job, env: Lookup<'_>) -> Result<(BaseUrl, Credentials), String> {
    Ok((base_url(job, env)?, credentials(job, env)?))
}

fn base_url(job: &Job, env: Lookup<'_>) -> Result<BaseUrl, String> {
    let base_url = match job.gateway.base(env).map_err(|error| error.to_string())? {
        Base::Url(url) => url.parse(),
        Base::Cloudflare { account_id, gateway_id } => BaseUrl::cloudflare(&account_id, &gateway_id),
    };
    base_url.map_err(|error| error.to_string())
}

/// The credentials that the environment holds. The provider's key must be there unless the job
/// says that the gateway stores it.
fn credentials(job: &Job, env: Lookup<'_>) -> Result<Credentials, String> {
    let credentials = known_credentials(job, env)?;
    let name = &job.gateway.api_key_env;
    if credentials.api_key.is_none() && !name.is_empty() {
        return Err(format!(
            "{name} is not set, so there is no key to send with; export {name}=…, or set gateway.api_key_env = \"\" \
             where the gateway stores the key, or rehearse with --simulate"
        ));
    }
    Ok(credentials)
}

/// Those credentials that the environment holds.
fn known_credentials(job: &Job, env: Lookup<'_>) -> Result<Credentials, String> {
    let gateway = &job.gateway;
    Ok(Credentials { api_key: secret(&gateway.api_key_env, env)?, token: secret(&gateway.token_env, env)? })
}

fn secret(name: &str, env: Lookup<'_>) -> Result<Option<Secret>, String> {
    let value = if name.is_empty() { None } else { env(name).filter(|value| !value.trim().is_empty()) };
    value.map(|value| Secret::new(&value).map_err(|error| format!("{name} cannot be sent: {error}"))).transpose()
}

/// How many requests a run may have in flight at most. Each connection is an open file (two, where
/// the simulated gateway holds its other end): makes sure that the process may have so many.
pub(crate) fn most_in_flight(in_flight: InFlight, simulated: bool) -> Result<usize, Failure> {
    let (most, files) = (in_flight.limit(), if simulated { 2 } else { 1 });
    let wanted = most as u64 * files + OTHER_FILES;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= wanted) {
        return Ok(most);
    }
    let allowed = limit.maximum.map_or(wanted, |maximum| maximum.min(wanted));
    if allowed < wanted && in_flight != InFlight::Auto {
        return Err(Failure::usage(anyhow!(
            "{most} requests in flight need {wanted} open files, and this process may have {allowed}; \
             raise the limit (ulimit -n) or lower --in-flight"
        )));
    }
    setrlimit(Resource::Nofile, Rlimit { current: Some(allowed), maximum: limit.maximum })
        .map_err(|error| Failure::usage(anyhow!("cannot raise the number of open files to {allowed}: {error}")))?;
    let most_of_files = usize::try_from(allowed.saturating_sub(OTHER_FILES) / files).unwrap_or(usize::MAX);
    Ok(most.min(most_of_files.max(1)))
}
