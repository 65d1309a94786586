//! Where requests are sent.

use std::path::{Path, PathBuf};

use super::env_text::is_variable_name;
use super::setting::{Section, Setting};
use super::{EnvText, JobError, attribution, directives};
use crate::model::{Attribution, Directives};

const KEYS: [&str; 19] = [
    "account_id",
    "gateway_id",
    "base_url",
    "api_key_env",
    "token_env",
    "ca_cert",
    "http1",
    "cache_ttl",
    "cache_key",
    "custom_cost",
    "collect_log",
    "collect_log_payload",
    "byok_alias",
    "request_timeout",
    "metadata",
    "referer",
    "title",
    "categories",
    "router_metadata",
];

/// Where requests are sent: `[gateway]`.
#[derive(Debug, Clone, PartialEq)]
pub struct GatewaySpec {
    /// The Cloudflare account.
    pub account_id: EnvText,
    /// The AI Gateway in that account.
    pub gateway_id: EnvText,
    /// A base URL; where there is one, account and gateway are not used.
    pub base_url: Option<EnvText>,
    /// The variable that holds the provider's key; empty where the gateway stores the key.
    pub api_key_env: String,
    /// The variable that holds the gateway's token; empty for none.
    pub token_env: String,
    /// A PEM file of further certificate authorities.
    pub ca_cert: Option<PathBuf>,
    /// Whether to speak HTTP/1.1 alone.
    pub http1: bool,
    /// What a Cloudflare gateway is told of every request.
    pub directives: Directives,
    /// What `OpenRouter` is told of who asks.
    pub attribution: Attribution,
}

/// Where requests are sent, with every variable resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Base {
    /// A base URL, as it was given.
    Url(String),
    /// A Cloudflare AI Gateway.
    Cloudflare {
        /// The account.
        account_id: String,
        /// The gateway.
        gateway_id: String,
    },
}

impl GatewaySpec {
    pub(super) fn read(root: &mut Section, directory: &Path) -> Result<Self, JobError> {
        let mut section = root.subsection("gateway", &KEYS)?;
        let url_wins = url_wins(&section)?;
        let default = |name: &str, section: &Section| {
            let key = format!("gateway.{name}");
            EnvText::variable(&format!("CLOUDFLARE_{}", name.to_uppercase()), &key, section.place_of(name))
        };
        let account_id = section.read("account_id", EnvText::read)?;
        let gateway_id = section.read("gateway_id", EnvText::read)?;
        Ok(Self {
            account_id: account_id.unwrap_or_else(|| default("account_id", &section)),
            gateway_id: gateway_id.unwrap_or_else(|| default("gateway_id", &section)),
            base_url: section.read("base_url", EnvText::read)?.filter(|_| url_wins),
            api_key_env: variable(&mut section, "api_key_env", "OPENROUTER_API_KEY")?,
            token_env: variable(&mut section, "token_env", "CF_AIG_TOKEN")?,
            ca_cert: section.read("ca_cert", Setting::filled_text)?.map(|path| directory.join(path)),
            http1: section.read("http1", |setting| setting.boolean())?.unwrap_or_default(),
            directives: directives::read(&mut section)?,
            attribution: attribution::read(&mut section)?,
        })
    }

    /// Where requests are sent; `env` looks up a variable of the environment.
    ///
    /// # Errors
    /// Fails where a `${NAME}` that is needed is not set.
    pub fn base(&self, env: &dyn Fn(&str) -> Option<String>) -> Result<Base, JobError> {
        match &self.base_url {
            Some(url) => Ok(Base::Url(url.resolve(env)?)),
            None => Ok(Base::Cloudflare {
                account_id: self.account_id.resolve(env)?,
                gateway_id: self.gateway_id.resolve(env)?,
            }),
        }
    }
}

/// Whether a base URL is what counts: a flag beats the file, and one source gives one of the two.
fn url_wins(section: &Section) -> Result<bool, JobError> {
    let Some(id) = ["account_id", "gateway_id"].into_iter().find(|name| section.has(name)) else { return Ok(true) };
    let id_is_flag = ["account_id", "gateway_id"].into_iter().any(|name| section.is_flag(name));
    match (section.has("base_url"), section.is_flag("base_url"), id_is_flag) {
        (false, _, _) | (true, true, false) => Ok(true),
        (true, false, true) => Ok(false),
        _ => Err(section.refuse("base_url", format!("cannot go with gateway.{id}; keep one of them"))),
    }
}

/// The name of a variable. What is given instead may be the secret itself, so it is not repeated.
fn variable(section: &mut Section, name: &str, default: &str) -> Result<String, JobError> {
    let Some(setting) = section.take(name) else { return Ok(default.to_owned()) };
    let problem = format!("must be the name of an environment variable, such as {default}, never the secret itself");
    let refusal = setting.refuse(problem);
    let variable = setting.text()?;
    if variable.is_empty() || is_variable_name(&variable) { Ok(variable) } else { Err(refusal) }
}
