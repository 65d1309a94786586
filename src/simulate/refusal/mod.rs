//! What the gateway, the router and the edge answer when there is no answer.

mod gateway;
mod hint;
mod router;

use serde_json::json;

use super::reply::{Layer, Reply};
use crate::model::Endpoint;

pub(super) use gateway::GatewayError;
pub(super) use hint::Hint;
pub(super) use router::RouterError;

/// An error reply, by the layer that speaks.
#[derive(Debug, PartialEq)]
pub(super) enum Refusal {
    /// The AI Gateway: `error` is a list.
    Gateway(GatewayError),
    /// `OpenRouter`: `error` is an object.
    Router(Box<RouterError>),
    /// Cloudflare's API in front of both: `errors` is a list. Holds the path that has no route.
    Api(String),
    /// Cloudflare's edge: a time-out.
    Edge(EdgeForm),
}

/// In which form the edge tells its errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EdgeForm {
    /// A problem document.
    Problem,
    /// A page for people.
    Page,
}

impl Refusal {
    pub(super) fn no_route(path: &str) -> Self {
        Self::Api(path.to_owned())
    }

    /// The reply in the dialect of an endpoint.
    pub(super) fn into_reply(self, endpoint: Option<Endpoint>) -> Reply {
        match self {
            Self::Gateway(error) => error.into_reply(),
            Self::Router(error) => error.into_reply(endpoint),
            Self::Api(path) => {
                let message = format!("Could not route to /{path}, perhaps your object identifier is invalid?");
                let errors = [json!({"code": 7003, "message": message})];
                let body = json!({"success": false, "errors": errors, "messages": [], "result": null});
                Reply::json(404, &body).by(Layer::Edge)
            }
            Self::Edge(EdgeForm::Page) => {
                let page = "<!DOCTYPE html>\n<html><head><title>Simulated page | 524: A timeout occurred</title></head>\
                            <body>Error code 524</body></html>\n";
                Reply::whole(524, "text/html; charset=UTF-8", page).by(Layer::Edge)
            }
            Self::Edge(EdgeForm::Problem) => {
                let body = json!({
                    "type": "about:blank", "status": 524, "title": "A timeout occurred",
                    "detail": "Simulated: the origin took longer than 120 seconds to answer.",
                });
                Reply::json(524, &body).by(Layer::Edge).with_content_type("application/problem+json")
            }
        }
    }
}

impl From<GatewayError> for Refusal {
    fn from(error: GatewayError) -> Self {
        Self::Gateway(error)
    }
}

impl From<RouterError> for Refusal {
    fn from(error: RouterError) -> Self {
        Self::Router(Box::new(error))
    }
}
