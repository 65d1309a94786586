//! What a request's path and method lead to.

use std::borrow::Cow;

use http::Method;

use crate::model::Endpoint;

/// What stands before a session's name in a path.
const SESSION: &str = "session";

/// Where a path leads, and the session that it names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Way<'a> {
    pub(super) session: Option<Cow<'a, str>>,
    /// Whether something is asked that is to be answered: neither the server itself, nor whether
    /// there is one.
    pub(super) asks: bool,
    pub(super) route: Result<Route<'a>, Astray>,
}

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route<'a> {
    /// An answer; of the deployment that the path names, where it does.
    Call(Endpoint, Option<Cow<'a, str>>),
    /// The list of models.
    Models,
    /// One model of the list.
    Model(Cow<'a, str>),
    /// Whether the server works.
    Health,
    /// What it has done.
    Report,
}

/// Why a path leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Astray {
    /// There is nothing.
    NoSuchPath,
    /// There is something, for another method.
    WrongMethod {
        /// The methods that there are.
        allowed: &'static str,
    },
}

impl<'a> Way<'a> {
    /// Reads a path without its query.
    pub(super) fn find(method: &Method, path: &'a str) -> Self {
        let segments = segments(path);
        let (session, segments) = match segments.as_slice() {
            // A variable that is not set leaves no name: what follows is none.
            [SESSION, rest @ ..] if has_empty_name(path) => (Some(Cow::Borrowed("")), rest),
            [SESSION, name, rest @ ..] => (Some(decoded(name)), rest),
            segments => (None, segments),
        };
        Self {
            session,
            asks: asks(method, segments),
            route: route(method, segments).and_then(|route| route.allowed(method)),
        }
    }
}

/// The parts of a path. A base URL that ends in a slash makes two slashes between some.
fn segments(path: &str) -> Vec<&str> {
    path.split('/').filter(|segment| !segment.is_empty()).collect()
}

/// The parts of a path behind the session that it may name.
pub(super) fn without_session(path: &str) -> Vec<&str> {
    let segments = segments(path);
    match segments.as_slice() {
        [SESSION, rest @ ..] if has_empty_name(path) => rest.to_vec(),
        [SESSION, _, rest @ ..] => rest.to_vec(),
        _ => segments,
    }
}

/// Whether these parts of a path are those of a base URL.
pub(super) fn is_base(segments: &[&str]) -> bool {
    Base::of(segments).is_some()
}

/// Whether the name of a session is left out: `/session//v1`.
fn has_empty_name(path: &str) -> bool {
    let rest = path.trim_start_matches('/').strip_prefix(SESSION);
    rest.is_some_and(|rest| rest.starts_with("//"))
}

fn asks(method: &Method, segments: &[&str]) -> bool {
    let is_base = |segment: &&str| is_version(segment) || matches!(*segment, "api" | "openrouter");
    let is_of_server = segments.first() == Some(&"nightreel");
    *method != Method::OPTIONS && !is_of_server && !(looks(method) && segments.iter().all(is_base))
}

fn looks(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

fn route<'a>(method: &Method, segments: &[&'a str]) -> Result<Route<'a>, Astray> {
    if let Some((endpoint, base)) = call(segments)
        // Whoever looks there looks for a model of that name.
        && !(looks(method) && base == ["models"])
        && let Some(base) = Base::of(base)
    {
        return Ok(match endpoint {
            Endpoint::Models => Route::Models,
            endpoint => Route::Call(endpoint, base.deployment.map(decoded)),
        });
    }
    match segments {
        ["nightreel", "health"] => return Ok(Route::Health),
        ["nightreel", "report"] => return Ok(Route::Report),
        _ => {}
    }
    let models = segments.iter().position(|segment| *segment == Endpoint::Models.path());
    match models.map(|at| (&segments[..at], &segments[at + 1..])) {
        // A model's name has a slash in it, which some clients escape.
        Some((base, name)) if Base::of(base).is_some() => Ok(Route::Model(decoded_joined(name))),
        _ => Err(Astray::NoSuchPath),
    }
}

/// The call at the end of a path, and what stands before it.
fn call<'s, 'a>(segments: &'s [&'a str]) -> Option<(Endpoint, &'s [&'a str])> {
    if let [base @ .., "chat", "completions"] = segments {
        return Some((Endpoint::ChatCompletions, base));
    }
    let (last, base) = segments.split_last()?;
    Some((Endpoint::from_path(last)?, base))
}

/// The path of a base URL.
struct Base<'a> {
    /// The deployment that it names.
    deployment: Option<&'a str>,
}

impl<'a> Base<'a> {
    /// The base URL of a path, where it is one as they are found in the field: nothing, a version
    /// with anything before it, a router's, a gateway's, or a deployment behind one of them.
    fn of(segments: &[&'a str]) -> Option<Self> {
        match segments {
            [.., "openai", "deployments", name] => return Some(Self { deployment: Some(name) }),
            [base @ .., "deployments", name] => return Self::of(base).map(|_| Self { deployment: Some(name) }),
            // Account, gateway and provider.
            [] | ["openrouter" | "openai" | "anthropic" | "compat" | "api" | "beta" | "models"] | ["v1", _, _, _] => {}
            [.., last] if is_version(last) => {}
            // What goes by the name of OpenAI behind a version of its own.
            [.., version, "openai"] if is_version(version) => {}
            _ => return None,
        }
        Some(Self { deployment: None })
    }
}

/// Whether a segment is `v1`, `v4` or `v1beta`.
fn is_version(segment: &str) -> bool {
    let rest = segment.strip_prefix('v');
    let number = rest.map(|rest| rest.strip_suffix("beta").or_else(|| rest.strip_suffix("alpha")).unwrap_or(rest));
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

impl Route<'_> {
    fn allowed(self, method: &Method) -> Result<Self, Astray> {
        let (allowed, methods): (_, &[Method]) = match self {
            Self::Call(..) => ("POST, OPTIONS", &[Method::POST]),
            _ => ("GET, HEAD, OPTIONS", &[Method::GET, Method::HEAD]),
        };
        if methods.contains(method) { Ok(self) } else { Err(Astray::WrongMethod { allowed }) }
    }
}

fn decoded_joined<'a>(segments: &[&str]) -> Cow<'a, str> {
    Cow::Owned(decoded(&segments.join("/")).into_owned())
}

/// A segment with what it has escaped; what is no escape stays as it is.
fn decoded(segment: &str) -> Cow<'_, str> {
    if !segment.contains('%') {
        return Cow::Borrowed(segment);
    }
    let bytes = segment.as_bytes();
    let (mut decoded, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        let escaped = segment.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        if let Some(byte) = escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            decoded.push(byte);
            at += 3;
        } else {
            decoded.push(bytes[at]);
            at += 1;
        }
    }
    Cow::Owned(String::from_utf8_lossy(&decoded).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(path: &str) -> Way<'_> {
        Way::find(&Method::POST, path)
    }

    #[test]
    fn every_form_of_a_base_url_leads_to_every_endpoint() {
        let bases = [
            "",
            "/",
            "/v1",
            "/v1/",
            "/v1/v1",
            "/api",
            "/api/v1",
            "/openrouter",
            "/openrouter/v1",
            "/v1/account/gateway/openrouter",
            "/v1/account/gateway/openrouter/v1",
            "/v1/account/gateway/openrouter/v1/v1",
            "/v1/account/gateway/compat",
            "/openai/v1",
            "/openai",
            "/anthropic",
            "/v1beta/openai",
            "/compatible-mode/v1",
            "/api/paas/v4",
        ];
        for base in bases {
            for endpoint in Endpoint::ASKING {
                for path in [format!("{base}/{endpoint}"), format!("{base}/{endpoint}/")] {
                    let session = format!("/session/a%20b{path}");
                    assert_eq!(post(&path).route, Ok(Route::Call(endpoint, None)), "{path}");
                    assert_eq!(
                        post(&session),
                        Way { session: Some("a b".into()), asks: true, route: Ok(Route::Call(endpoint, None)) }
                    );
                }
            }
            let path = format!("{base}/models");
            assert_eq!(
                Way::find(&Method::GET, &path),
                Way { session: None, asks: true, route: Ok(Route::Models) },
                "{path}"
            );
            for name in ["openai/gpt-5", "openai%2Fgpt-5"] {
                let path = format!("{base}/models/{name}");
                assert_eq!(Way::find(&Method::HEAD, &path).route, Ok(Route::Model("openai/gpt-5".into())), "{path}");
            }
        }
    }

    #[test]
    fn a_session_without_a_name_is_none_of_what_follows() {
        for (path, session) in [
            ("/session//v1/chat/completions", Some("")),
            ("//session//v1/chat/completions", Some("")),
            ("/session/a//v1/chat/completions", Some("a")),
            ("/session/v1/chat/completions", Some("v1")),
            ("//v1//chat/completions", None),
        ] {
            let way = post(path);
            assert_eq!(
                (way.session.as_deref(), way.route),
                (session, Ok(Route::Call(Endpoint::ChatCompletions, None)))
            );
        }
    }

    #[test]
    fn whoever_looks_whether_there_is_a_server_asks_nothing() {
        for (method, path, asks) in [
            (Method::GET, "/", false),
            (Method::HEAD, "/", false),
            (Method::GET, "/v1/", false),
            (Method::GET, "/session/a/api/v1", false),
            (Method::GET, "/nightreel/health", false),
            (Method::POST, "/nightreel/else", false),
            (Method::GET, "/session/a/nightreel/report", false),
            (Method::OPTIONS, "/v1/chat/completions", false),
            (Method::POST, "/", true),
            (Method::POST, "/v1", true),
            (Method::GET, "/v1/models", true),
            (Method::GET, "/v1/threads/t/messages", true),
            (Method::POST, "/v1/moderations", true),
            (Method::DELETE, "/v1/responses/r", true),
        ] {
            assert_eq!(Way::find(&method, path).asks, asks, "{method} {path}");
        }
    }

    #[test]
    fn a_deployment_names_the_model_behind_any_base_url() {
        for base in ["/openai", "/anything/openai", "/v1", "/api/v1", "", "/v1/account/gateway/azure", "/session/a/v1"]
        {
            let path = format!("{base}/deployments/gpt%2d5/chat/completions");
            assert_eq!(post(&path).route, Ok(Route::Call(Endpoint::ChatCompletions, Some("gpt-5".into()))), "{path}");
        }
        for path in ["/v1/deployments/chat/completions", "/foo/deployments/m/chat/completions"] {
            assert_eq!(post(path).route, Err(Astray::NoSuchPath), "{path}");
        }
    }

    #[test]
    fn a_call_behind_models_is_posted_and_a_model_of_that_name_is_looked_at() {
        for base in ["/models", "/beta"] {
            for endpoint in Endpoint::ASKING {
                let path = format!("{base}/{endpoint}");
                assert_eq!(post(&path).route, Ok(Route::Call(endpoint, None)), "{path}");
            }
        }
        for (path, expected) in [
            ("/models", Route::Models),
            ("/models/", Route::Models),
            ("/beta/models", Route::Models),
            ("/models/embeddings", Route::Model("embeddings".into())),
            ("/models/chat/completions", Route::Model("chat/completions".into())),
        ] {
            assert_eq!(Way::find(&Method::GET, path).route, Ok(expected), "{path}");
        }
    }

    #[test]
    fn what_is_nothing_that_is_answered_leads_nowhere() {
        for path in [
            "/",
            "",
            "/v1",
            "/v1/chat",
            "/v1/threads/t/messages",
            "/v1/responses/r",
            "/v1/messages/count_tokens",
            "/v1/audio/speech",
            "/v1/account/gateway/chat/completions",
            "/foo/chat/completions",
            "/nightreel",
            "/session",
            "/session/a",
            "*",
        ] {
            assert_eq!(post(path).route, Err(Astray::NoSuchPath), "{path}");
        }
    }

    #[test]
    fn another_method_is_told_which_there_are() {
        let get = "GET, HEAD, OPTIONS";
        for (method, path, allowed) in [
            (Method::GET, "/v1/chat/completions", "POST, OPTIONS"),
            (Method::HEAD, "/v1/responses", "POST, OPTIONS"),
            (Method::PUT, "/embeddings", "POST, OPTIONS"),
            (Method::POST, "/v1/models", get),
            (Method::DELETE, "/v1/models/a/b", get),
            (Method::POST, "/nightreel/health", get),
        ] {
            let route = Way::find(&method, path).route;
            assert_eq!(route, Err(Astray::WrongMethod { allowed }), "{method} {path}");
        }
        for (path, route) in [("/nightreel/health", Route::Health), ("/nightreel/report", Route::Report)] {
            assert_eq!(Way::find(&Method::GET, path).route, Ok(route));
        }
    }

    #[test]
    fn what_is_no_escape_stays_as_it_is() {
        for (text, expected) in
            [("100%", "100%"), ("%zz", "%zz"), ("%e2%82%ac", "€"), ("%ff", "\u{fffd}"), ("é%20", "é ")]
        {
            assert_eq!(decoded(text), expected);
        }
    }
}
