//! What may keep a run from succeeding, though the job is right: it depends on this machine.

use nightreel::gateway::{BaseUrl, Credentials, Secret};
use nightreel::job::{Base, Job};
use nightreel::store::{Access, Store};

use super::super::prices::Prices;

/// What a run would miss here; `env` looks up a variable of the environment.
pub(super) fn notes(job: &Job, env: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    let mut notes = match base_url(job, env) {
        Ok(base_url) => credential_notes(job, &base_url, env),
        Err(problem) => vec![problem],
    };
    if let Some(path) = &job.gateway.ca_cert
        && let Err(error) = std::fs::File::open(path)
    {
        notes.push(format!("gateway.ca_cert: cannot open {}: {error}", path.display()));
    }
    if let Some(path) = &job.record.fixture
        && let Err(error) = Store::open(path, Access::ReadOnly)
    {
        notes.push(format!("record.fixture: {error}"));
    }
    if let Some(Err(error)) = job.prices.as_deref().map(Prices::load) {
        notes.push(format!("prices: {error}"));
    }
    notes
}

fn base_url(job: &Job, env: &dyn Fn(&str) -> Option<String>) -> Result<BaseUrl, String> {
    let base = job.gateway.base(env).map_err(|error| error.to_string())?;
    let base_url = match &base {
        Base::Url(url) => url.parse(),
        Base::Cloudflare { account_id, gateway_id } => BaseUrl::cloudflare(account_id, gateway_id),
    };
    base_url.map_err(|error| error.to_string())
}

fn credential_notes(job: &Job, base_url: &BaseUrl, env: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    let key_variable = &job.gateway.api_key_env;
    let mut notes = Vec::new();
    let mut secret = |variable: &str| {
        let text = env(variable).filter(|text| !text.trim().is_empty())?;
        let secret = Secret::new(&text);
        secret.map_err(|error| notes.push(format!("{variable} cannot be sent: {error}"))).ok()
    };
    let credentials = Credentials { api_key: secret(key_variable), token: secret(&job.gateway.token_env) };
    if !notes.is_empty() {
        return notes;
    }
    if credentials.api_key.is_none() && !key_variable.is_empty() {
        return vec![format!(
            "{key_variable} is not set, so a run has no key to send with: `export {key_variable}=…`, or set \
             gateway.api_key_env = \"\" where the gateway stores the key"
        )];
    }
    credentials.problems(base_url).iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GATEWAY: &str = "https://gateway.ai.cloudflare.com/v1/a/g/openrouter";

    fn job(gateway: &str) -> Job {
        let text = format!(
            "[input]\npath = \"rows.csv\"\n[request]\nmodels = [\"m\"]\nprompt = \"{{{{ q }}}}\"\n[gateway]\n{gateway}\n"
        );
        Job::from_text("jobs/j.toml".as_ref(), &text, &[]).unwrap()
    }

    fn told(gateway: &str, variables: &[(&str, &str)]) -> Vec<String> {
        let find =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        notes(&job(gateway), &find)
    }

    #[test]
    fn a_machine_that_has_everything_gives_no_notes() {
        let base = format!("base_url = \"{GATEWAY}\"");
        assert_eq!(told(&base, &[("OPENROUTER_API_KEY", "sk-or-v1-x")]), Vec::<String>::new());
        let stored = format!("{base}\napi_key_env = \"\"");
        assert_eq!(told(&stored, &[("CF_AIG_TOKEN", "cf-x")]), Vec::<String>::new());
    }

    #[test]
    fn a_key_that_is_not_set_is_noted_with_its_variable() {
        let notes = told(&format!("base_url = \"{GATEWAY}\""), &[("OPENROUTER_API_KEY", " ")]);
        let [note] = notes.as_slice() else { panic!("{notes:?}") };
        assert!(note.starts_with("OPENROUTER_API_KEY is not set"), "{note}");
    }

    #[test]
    fn credentials_that_look_wrong_for_their_place_are_noted() {
        let notes = told(&format!("base_url = \"{GATEWAY}\""), &[("OPENROUTER_API_KEY", "sk-proj-x")]);
        let [note] = notes.as_slice() else { panic!("{notes:?}") };
        assert!(note.contains("OpenRouter"), "{note}");
    }

    #[test]
    fn a_credential_that_cannot_be_sent_is_noted_once() {
        let notes = told(&format!("base_url = \"{GATEWAY}\""), &[("OPENROUTER_API_KEY", "\"sk-or-v1-x\"")]);
        let [note] = notes.as_slice() else { panic!("{notes:?}") };
        assert!(note.starts_with("OPENROUTER_API_KEY cannot be sent: "), "{note}");
        assert!(!note.contains("sk-or"), "{note}");
    }

    #[test]
    fn an_account_that_is_not_set_is_noted() {
        let notes = told("", &[]);
        assert!(notes[0].contains("CLOUDFLARE_ACCOUNT_ID"), "{notes:?}");
    }
}
