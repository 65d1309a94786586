//! The environment of the command that `serve` runs: what makes its clients come to the server.

use nightreel::model::Mode;

use super::super::gateway::Lookup;

/// How a client goes on from the URL that it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// It puts `/v1/…` behind it.
    Root,
    /// It puts the endpoint's path behind it.
    V1,
    /// The same, behind the path that `OpenRouter` has.
    ApiV1,
}

/// The variables that hold a base URL, and who reads them:
///
/// - `OPENAI_BASE_URL`: `OpenAI`'s own clients for Python, JavaScript and Go, so everything that is
///   built on them, and `LiteLLM`.
/// - `OPENAI_API_BASE`: `langchain-openai`, `LiteLLM`, and `OpenAI`'s client for Python before 1.0.
/// - `ANTHROPIC_BASE_URL`: Anthropic's own clients for Python and TypeScript.
/// - `ANTHROPIC_API_BASE`: `LiteLLM`.
/// - `OPENROUTER_API_BASE`: `langchain-openrouter` and `LiteLLM`.
/// - `OPENROUTER_BASE_URL`: no client by itself, but programs that hand it to `OpenAI`'s.
/// - `LITELLM_PROXY_API_BASE`: `LiteLLM`, for models named `litellm_proxy/…`.
/// - `NIGHTREEL_URL`: nothing but the host, for whoever puts a session or a path behind it.
///
/// Azure's client is not led here: it asks at paths of its own.
const URLS: [(&str, Form); 8] = [
    ("OPENAI_BASE_URL", Form::V1),
    ("OPENAI_API_BASE", Form::V1),
    ("ANTHROPIC_BASE_URL", Form::Root),
    ("ANTHROPIC_API_BASE", Form::Root),
    ("OPENROUTER_API_BASE", Form::ApiV1),
    ("OPENROUTER_BASE_URL", Form::ApiV1),
    ("LITELLM_PROXY_API_BASE", Form::V1),
    ("NIGHTREEL_URL", Form::Root),
];

/// The keys that clients refuse to start without.
pub(super) const KEYS: [&str; 4] =
    ["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OPENROUTER_API_KEY", "LITELLM_PROXY_API_KEY"];
/// What stands for a key where nothing is sent.
const PLACEHOLDER: &str = "replay";

/// The hosts that are asked without a proxy; programs differ in which of the two they read.
const NO_PROXY: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// What is set for a command, beside the environment that it has: `root` is the server's URL without
/// a path, `host` the host in it.
pub(super) fn variables(root: &str, host: &str, mode: Mode, env: Lookup<'_>) -> Vec<(&'static str, String)> {
    let urls = URLS.into_iter().map(|(name, form)| (name, url(root, form)));
    let keys = KEYS.into_iter().filter(|name| mode == Mode::Replay && is_blank(name, env));
    let keys = keys.map(|name| (name, PLACEHOLDER.to_owned()));
    let direct = NO_PROXY.into_iter().map(|name| (name, without_proxy(host, env)));
    urls.chain(keys).chain(direct).collect()
}

fn url(root: &str, form: Form) -> String {
    match form {
        Form::Root => root.to_owned(),
        Form::V1 => format!("{root}/v1"),
        Form::ApiV1 => format!("{root}/api/v1"),
    }
}

fn is_blank(name: &str, env: Lookup<'_>) -> bool {
    env(name).is_none_or(|value| value.trim().is_empty())
}

/// The hosts that need no proxy, in either variable, with one more.
fn without_proxy(host: &str, env: Lookup<'_>) -> String {
    let mut hosts: Vec<String> = Vec::new();
    let known = NO_PROXY.into_iter().filter_map(env);
    for known in known.flat_map(|known| known.split(',').map(|known| known.trim().to_owned()).collect::<Vec<_>>()) {
        if !known.is_empty() && !hosts.contains(&known) {
            hosts.push(known);
        }
    }
    if !hosts.iter().any(|known| known == host || known == "*") {
        hosts.push(host.to_owned());
    }
    hosts.join(",")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const ROOT: &str = "http://127.0.0.1:4711";

    fn set(mode: Mode, env: &[(&str, &str)]) -> BTreeMap<&'static str, String> {
        let lookup = |name: &str| env.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        variables(ROOT, "127.0.0.1", mode, &lookup).into_iter().collect()
    }

    #[test]
    fn every_client_is_given_the_form_that_it_goes_on_from() {
        for mode in [Mode::Auto, Mode::Record, Mode::Replay] {
            let set = set(mode, &[("OPENAI_BASE_URL", "https://api.openai.com/v1")]);
            for (name, expected) in [
                ("OPENAI_BASE_URL", "http://127.0.0.1:4711/v1"),
                ("OPENAI_API_BASE", "http://127.0.0.1:4711/v1"),
                ("ANTHROPIC_BASE_URL", "http://127.0.0.1:4711"),
                ("ANTHROPIC_API_BASE", "http://127.0.0.1:4711"),
                ("OPENROUTER_API_BASE", "http://127.0.0.1:4711/api/v1"),
                ("OPENROUTER_BASE_URL", "http://127.0.0.1:4711/api/v1"),
                ("LITELLM_PROXY_API_BASE", "http://127.0.0.1:4711/v1"),
                ("NIGHTREEL_URL", "http://127.0.0.1:4711"),
            ] {
                assert_eq!(set[name], expected, "{name} in {mode:?}");
            }
        }
    }

    #[test]
    fn a_placeholder_stands_for_a_key_in_a_replay_alone_and_for_none_that_is_set() {
        for mode in [Mode::Auto, Mode::Record] {
            assert!(KEYS.iter().all(|name| !set(mode, &[]).contains_key(name)), "{mode:?}");
        }
        let set = set(Mode::Replay, &[("OPENAI_API_KEY", "sk-mine"), ("ANTHROPIC_API_KEY", " ")]);
        assert!(!set.contains_key("OPENAI_API_KEY"));
        for name in ["ANTHROPIC_API_KEY", "OPENROUTER_API_KEY", "LITELLM_PROXY_API_KEY"] {
            assert_eq!(set[name], PLACEHOLDER, "{name}");
        }
    }

    #[test]
    fn the_server_is_asked_without_a_proxy() {
        for (env, expected) in [
            ([].as_slice(), "127.0.0.1"),
            (&[("NO_PROXY", "localhost, .corp")], "localhost,.corp,127.0.0.1"),
            (&[("no_proxy", "localhost"), ("NO_PROXY", "a,localhost")], "a,localhost,127.0.0.1"),
            (&[("NO_PROXY", "127.0.0.1,b")], "127.0.0.1,b"),
            (&[("no_proxy", "*")], "*"),
            (&[("NO_PROXY", " ")], "127.0.0.1"),
        ] {
            let set = set(Mode::Auto, env);
            assert_eq!((set["NO_PROXY"].as_str(), set["no_proxy"].as_str()), (expected, expected), "{env:?}");
        }
    }
}
