//! What `OpenRouter` is told of who asks: keys of `[gateway]`.

use super::setting::{Section, Setting};
use super::{JobError, header_text};
use crate::model::Attribution;

/// How many categories a request may name.
const MOST_CATEGORIES: usize = 2;

/// Takes the keys of `[gateway]` that say who asks.
pub(super) fn read(gateway: &mut Section) -> Result<Attribution, JobError> {
    Ok(Attribution {
        referer: gateway.read("referer", referer)?,
        title: gateway.read("title", header_text::read)?,
        categories: gateway.read("categories", categories)?.unwrap_or_default(),
        router_metadata: gateway.read("router_metadata", |setting| setting.boolean())?.unwrap_or_default(),
    })
}

fn referer(setting: Setting) -> Result<String, JobError> {
    let refusal = setting.refuse("must be the address of a page, such as https://example.com/project");
    let secret = setting.refuse("must not have a user name or a password in it");
    let text = header_text::read(setting)?;
    let Ok(url) = url::Url::parse(&text) else { return Err(refusal) };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(secret);
    }
    let is_page = matches!(url.scheme(), "http" | "https") && url.has_host() && !text.contains(' ');
    if is_page { Ok(text) } else { Err(refusal) }
}

fn categories(setting: Setting) -> Result<Vec<String>, JobError> {
    let many = setting.refuse(format!("must not have more than {MOST_CATEGORIES} categories"));
    if setting.is_text() {
        return Err(setting.refuse("must be a list of strings, not a string; put it in [ ]"));
    }
    let categories = setting.list()?.into_iter().map(category).collect::<Result<Vec<_>, _>>()?;
    if categories.len() > MOST_CATEGORIES { Err(many) } else { Ok(categories) }
}

/// A category stands in a list that commas part.
fn category(setting: Setting) -> Result<String, JobError> {
    let refusal = setting.refuse("must be one category, such as \"cli-agent\", without a comma");
    let text = header_text::read(setting)?;
    if text.contains(',') { Err(refusal) } else { Ok(text) }
}
