//! What a request's path and method lead to.

use http::Method;

use super::refusal::{GatewayError, Refusal, RouterError};
use crate::model::Endpoint;

/// What a request asks for.
#[derive(Debug, PartialEq)]
pub(super) enum Route {
    /// The list of models.
    Models,
    /// An answer.
    Call(Endpoint),
}

/// Which way a request came: the path behind it, and what it says about gateway and provider.
struct Way<'a> {
    call: &'a str,
    gateway_id: Option<&'a str>,
    provider: Option<&'a str>,
}

impl Route {
    /// Reads a path without its query. `gateway_id` is the one gateway that exists, if only one does.
    ///
    /// # Errors
    /// Gives back what the gateway or the router answers to a path that leads nowhere.
    pub(super) fn find(method: &Method, path: &str, gateway_id: Option<&str>) -> Result<Self, Refusal> {
        let way = way(path)?;
        if let (Some(asked), Some(known)) = (way.gateway_id, gateway_id)
            && asked != known
        {
            return Err(GatewayError::unknown_gateway().into());
        }
        if way.provider.is_some_and(|provider| provider != "openrouter") {
            return Err(GatewayError::invalid_provider().into());
        }
        if way.call == "models" {
            return allowed(method, &[Method::GET, Method::HEAD], Self::Models);
        }
        match Endpoint::ASKING.into_iter().find(|endpoint| endpoint.path() == way.call) {
            Some(endpoint) => allowed(method, &[Method::POST], Self::Call(endpoint)),
            None => Err(RouterError::not_found().into()),
        }
    }
}

fn allowed(method: &Method, methods: &'static [Method], route: Route) -> Result<Route, Refusal> {
    if methods.contains(method) { Ok(route) } else { Err(RouterError::method_not_allowed(methods[0].as_str()).into()) }
}

/// Takes a path apart: `/v1/{account}/{gateway}/{provider}/…`, `/openrouter/…`, `/api/v1/…`, `/v1/…`
/// and the bare call.
fn way(path: &str) -> Result<Way<'_>, Refusal> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let router = |call| Way { call, gateway_id: None, provider: None };
    if let Some(rest) = path.strip_prefix("openrouter/") {
        return Ok(router(without_version(rest)));
    }
    if let Some(call) = path.strip_prefix("api/v1/") {
        return Ok(router(call));
    }
    let Some(rest) = path.strip_prefix("v1/") else { return Ok(router(path)) };
    if rest.starts_with("v1/") || is_call(rest) {
        return Ok(router(rest));
    }
    let mut segments = rest.splitn(4, '/');
    match (segments.next(), segments.next(), segments.next(), segments.next()) {
        (Some(account), Some(gateway_id), Some(provider), call) if ![account, gateway_id, provider].contains(&"") => {
            let call = without_version(call.unwrap_or_default());
            Ok(Way { call, gateway_id: Some(gateway_id), provider: Some(provider) })
        }
        _ => Err(Refusal::no_route(path)),
    }
}

fn without_version(path: &str) -> &str {
    path.strip_prefix("v1/").unwrap_or(path)
}

fn is_call(path: &str) -> bool {
    path == "models" || Endpoint::ASKING.into_iter().any(|endpoint| endpoint.path() == path)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The status of a refusal, and the code that the gateway or Cloudflare's API gives it.
    fn status_and_code(refusal: Refusal) -> (u16, Option<u64>) {
        let reply = refusal.into_reply(None);
        let body: serde_json::Value = serde_json::from_slice(&reply.pieces[0]).unwrap();
        (reply.status, body["error"][0]["code"].as_u64().or_else(|| body["errors"][0]["code"].as_u64()))
    }

    fn post(path: &str) -> Result<Route, Refusal> {
        Route::find(&Method::POST, path, Some("nightly"))
    }

    #[test]
    fn every_form_of_a_path_leads_to_its_endpoint() {
        for endpoint in Endpoint::ASKING {
            for base in ["", "/v1", "/api/v1", "/openrouter", "/openrouter/v1"] {
                assert_eq!(post(&format!("{base}/{endpoint}")), Ok(Route::Call(endpoint)), "{base}");
            }
            for base in ["/v1/abc/nightly/openrouter", "/v1/abc/nightly/openrouter/v1"] {
                assert_eq!(post(&format!("{base}/{endpoint}")), Ok(Route::Call(endpoint)), "{base}");
            }
        }
    }

    #[test]
    fn a_path_that_leads_nowhere_is_refused_by_whom_it_reaches() {
        for (path, status, code) in [
            ("/v1/v1/chat/completions", 404, None),
            ("/v1/abc/nightly/openrouter/v1/v1/chat/completions", 404, None),
            ("/v1/abc/nightly/openrouter/chat/completions/chat/completions", 404, None),
            ("/v1/abc/nightly/openrouter/", 404, None),
            ("/openrouter/", 404, None),
            ("/chat/completions/", 404, None),
            ("//chat/completions", 404, None),
            ("/", 404, None),
            ("", 404, None),
            ("*", 404, None),
            ("/v1/abc/nightly/openruter/chat/completions", 400, Some(2008)),
            ("/v1/abc/nightly/compat/chat/completions", 400, Some(2008)),
            ("/v1/abc/weekly/openrouter/chat/completions", 400, Some(2001)),
            ("/v1/abc/nightly", 404, Some(7003)),
            ("/v1//nightly/openrouter/chat/completions", 404, Some(7003)),
            ("/v1/", 404, Some(7003)),
        ] {
            assert_eq!(status_and_code(post(path).unwrap_err()), (status, code), "{path}");
        }
    }

    #[test]
    fn any_gateway_exists_unless_one_is_named() {
        let path = "/v1/abc/weekly/openrouter/v1/embeddings";
        assert_eq!(Route::find(&Method::POST, path, None), Ok(Route::Call(Endpoint::Embeddings)));
    }

    #[test]
    fn a_wrong_method_is_refused() {
        for (method, path) in [(Method::GET, "/v1/chat/completions"), (Method::POST, "/v1/models")] {
            let refusal = Route::find(&method, path, None).unwrap_err();
            assert_eq!(status_and_code(refusal), (405, None), "{method} {path}");
        }
        assert_eq!(Route::find(&Method::GET, "/v1/a/b/openrouter/v1/models", None), Ok(Route::Models));
    }
}
