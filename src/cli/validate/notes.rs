//! What may keep a run from succeeding, though the job is right: it depends on this machine.

use nightreel::job::Job;
use nightreel::price::Prices;
use nightreel::store::{Access, Store};

use super::super::gateway::{self, Lookup};

/// What a run would miss here; `env` looks up a variable of the environment.
pub(super) fn notes(job: &Job, env: Lookup<'_>) -> Vec<String> {
    let mut notes = gateway::warnings(job, env).unwrap_or_else(|problem| vec![problem]);
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
