//! The environment of the command that `serve` runs: what makes its clients come to the server.

use nightreel::model::Mode;
use url::Url;

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
///   built on them, `@ai-sdk/openai` and `LiteLLM`.
/// - `OPENAI_API_BASE`: `langchain-openai`, `LiteLLM`, and `OpenAI`'s client for Python before 1.0.
/// - `ANTHROPIC_BASE_URL`: Anthropic's own clients for Python and TypeScript, and `@ai-sdk/anthropic`.
/// - `ANTHROPIC_API_BASE`: `LiteLLM`.
/// - `ANTHROPIC_API_URL`: `langchain-anthropic`, before `ANTHROPIC_BASE_URL`.
/// - `OPENROUTER_API_BASE`: `langchain-openrouter` and `LiteLLM`.
/// - `OPENROUTER_BASE_URL`: `@openrouter/sdk`, and programs that hand it to `OpenAI`'s client.
/// - `LITELLM_PROXY_API_BASE`: `LiteLLM`, for models named `litellm_proxy/…`.
/// - `NIGHTREEL_URL`: nothing but the host, for whoever puts a session or a path behind it.
///
/// Clients of services with one upstream of their own (Groq, `DeepSeek`) are left alone: what they ask
/// would go to the upstream of the others.
const URLS: [(&str, Form); 9] = [
    ("OPENAI_BASE_URL", Form::V1),
    ("OPENAI_API_BASE", Form::V1),
    ("ANTHROPIC_BASE_URL", Form::Root),
    ("ANTHROPIC_API_BASE", Form::Root),
    ("ANTHROPIC_API_URL", Form::Root),
    ("OPENROUTER_API_BASE", Form::ApiV1),
    ("OPENROUTER_BASE_URL", Form::ApiV1),
    ("LITELLM_PROXY_API_BASE", Form::V1),
    ("NIGHTREEL_URL", Form::Root),
];

/// Variables that programs have for the same: they are led here where they are set, since they would
/// lead away, and are not set where they are not, since programs choose by that.
const EXPORTED: [&str; 4] = ["OPENAI_API_URL", "OPENROUTER_API_URL", "LITELLM_API_BASE", "LITELLM_BASE_URL"];
/// Azure's client and `LiteLLM` for `azure/…` ask at paths of their own, which recordings answer and no
/// other upstream does: they are led here in a replay, where they are set.
const AZURE: [(&str, &str); 2] =
    [("AZURE_OPENAI_ENDPOINT", "AZURE_OPENAI_API_KEY"), ("AZURE_API_BASE", "AZURE_API_KEY")];

/// The keys that clients refuse to start without.
pub(super) const KEYS: [&str; 4] =
    ["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OPENROUTER_API_KEY", "LITELLM_PROXY_API_KEY"];
/// Other credentials of the same services, which programs choose by: a placeholder stands for one that
/// is set, and for no other.
const OTHER_KEYS: [&str; 5] =
    ["ANTHROPIC_AUTH_TOKEN", "LITELLM_API_KEY", "AZURE_OPENAI_API_KEY", "AZURE_API_KEY", "CF_AIG_TOKEN"];
/// What stands for a key where nothing is sent, so that a client which passes the server by can spend
/// nothing.
const PLACEHOLDER: &str = "replay";

/// The hosts that are asked without a proxy; programs differ in which of the two they read.
const NO_PROXY: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// What is set for a command, beside the environment that it has: `root` is the server's URL without
/// a path, `host` the host in it, `own_keys` the variables that the server itself would send with.
pub(super) fn variables<'a>(
    root: &str,
    host: &str,
    mode: Mode,
    own_keys: &'a [String],
    env: Lookup<'_>,
) -> Vec<(&'a str, String)> {
    let urls = URLS.into_iter().map(|(name, form)| (name, url(root, form)));
    let exported = EXPORTED.into_iter().filter_map(|name| Some((name, same_path(root, &env(name)?))));
    let replayed = if mode == Mode::Replay { replayed(root, own_keys, env) } else { Vec::new() };
    let direct = NO_PROXY.into_iter().map(|name| (name, without_proxy(host, env)));
    urls.chain(exported).chain(replayed).chain(direct).collect()
}

/// What is set beside where nothing is sent.
fn replayed<'a>(root: &str, own_keys: &'a [String], env: Lookup<'_>) -> Vec<(&'a str, String)> {
    let azure = AZURE.into_iter().filter(|(endpoint, _)| !is_blank(endpoint, env));
    let (endpoints, keys): (Vec<_>, Vec<_>) = azure.unzip();
    let others = OTHER_KEYS.into_iter().chain(own_keys.iter().map(String::as_str));
    let others = others.filter(|name| !is_blank(name, env) && !keys.contains(name));
    let keys = KEYS.into_iter().chain(others).chain(keys.clone()).map(|name| (name, PLACEHOLDER.to_owned()));
    endpoints.into_iter().map(|name| (name, root.to_owned())).chain(keys).collect()
}

/// The path of a URL at the server: some programs have a base there, others a whole endpoint.
fn same_path(root: &str, exported: &str) -> String {
    let path = Url::parse(exported.trim()).map(|url| url.path().trim_end_matches('/').to_owned());
    format!("{root}{}", path.unwrap_or_default())
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
    // Programs differ in whether an address with colons stands in brackets.
    let forms = if host.contains(':') { vec![host.to_owned(), format!("[{host}]")] } else { vec![host.to_owned()] };
    for form in forms {
        if !hosts.iter().any(|known| *known == form || known == "*") {
            hosts.push(form);
        }
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
        variables(ROOT, "127.0.0.1", mode, &[], &lookup).into_iter().collect()
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
                ("ANTHROPIC_API_URL", "http://127.0.0.1:4711"),
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
    fn a_placeholder_stands_for_every_key_in_a_replay_alone() {
        let mine: Vec<_> = KEYS.into_iter().chain(OTHER_KEYS).map(|name| (name, "sk-mine")).collect();
        for mode in [Mode::Auto, Mode::Record] {
            for env in [[].as_slice(), &mine] {
                assert!(mine.iter().all(|(name, _)| !set(mode, env).contains_key(name)), "{mode:?}");
            }
        }
        let held = set(Mode::Replay, &mine);
        assert!(mine.iter().all(|(name, _)| held[name] == PLACEHOLDER), "{held:?}");
        let none = set(Mode::Replay, &[("ANTHROPIC_API_KEY", " "), ("ANTHROPIC_AUTH_TOKEN", " ")]);
        assert!(KEYS.iter().all(|name| none[name] == PLACEHOLDER), "{none:?}");
        assert!(OTHER_KEYS.iter().all(|name| !none.contains_key(name)), "{none:?}");
    }

    #[test]
    fn what_the_server_would_send_with_is_no_key_in_a_replay_either() {
        let own = ["MY_KEY".to_owned(), "NOT_SET".to_owned()];
        let lookup = |name: &str| (name == "MY_KEY").then(|| "sk-mine".to_owned());
        for (mode, expected) in [(Mode::Replay, Some(PLACEHOLDER)), (Mode::Auto, None)] {
            let set: BTreeMap<_, _> = variables(ROOT, "127.0.0.1", mode, &own, &lookup).into_iter().collect();
            assert_eq!((set.get("MY_KEY").map(String::as_str), set.get("NOT_SET")), (expected, None), "{mode:?}");
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
        for (hosts, expected) in [(None, "::1,[::1]"), (Some("[::1],a"), "[::1],a,::1"), (Some("*"), "*")] {
            let lookup = |name: &str| hosts.filter(|_| name == "no_proxy").map(str::to_owned);
            assert_eq!(without_proxy("::1", &lookup), expected);
        }
    }

    #[test]
    fn what_would_lead_elsewhere_is_led_here_where_it_is_set() {
        let elsewhere = [
            ("OPENAI_API_URL", "https://api.openai.com/v1/chat/completions"),
            ("OPENROUTER_API_URL", "https://openrouter.ai/api/v1/"),
            ("LITELLM_BASE_URL", "no URL"),
            ("AZURE_OPENAI_ENDPOINT", "https://mine.openai.azure.com/"),
            ("AZURE_API_BASE", "https://mine.openai.azure.com/"),
        ];
        for mode in [Mode::Auto, Mode::Record, Mode::Replay] {
            assert!(EXPORTED.iter().all(|name| !set(mode, &[]).contains_key(name)), "{mode:?}");
            let unset = set(mode, &[]);
            let set = set(mode, &elsewhere);
            assert_eq!(set["OPENAI_API_URL"], "http://127.0.0.1:4711/v1/chat/completions");
            assert_eq!(set["OPENROUTER_API_URL"], "http://127.0.0.1:4711/api/v1");
            assert_eq!(set["LITELLM_BASE_URL"], ROOT);
            for (endpoint, key) in AZURE {
                let azure = (mode == Mode::Replay).then_some((ROOT, PLACEHOLDER));
                assert_eq!(set.get(endpoint).map(String::as_str).zip(set.get(key).map(String::as_str)), azure);
                assert!(![endpoint, key].iter().any(|name| unset.contains_key(name)), "{mode:?}");
            }
        }
    }
}
