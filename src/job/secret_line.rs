//! A line of a job, or a setting, in which a secret may stand by mistake.

use std::borrow::Cow;

/// How keys end under which people write a credential, though none belongs into a job.
const KEY_ENDS: [&str; 7] = ["api_key", "api_key_env", "token", "token_env", "secret", "password", "authorization"];
/// How credentials begin.
const CREDENTIALS: [&str; 3] = ["sk-", "Bearer ", "bearer "];

/// The text of a line without what may be a credential: what stands behind the `=` of a key that
/// sounds like one, or of a value that looks like one.
pub(super) fn without_secret(line: &str) -> Cow<'_, str> {
    let Some((key, value)) = line.split_once('=') else {
        return if looks_secret(line) { Cow::Borrowed("…") } else { Cow::Borrowed(line) };
    };
    let name = key.trim().trim_matches(['"', '\'']).to_ascii_lowercase();
    let sounds_secret = KEY_ENDS.iter().any(|end| name.ends_with(end)) && !value.trim().is_empty();
    if sounds_secret || looks_secret(value) { Cow::Owned(format!("{key}= …")) } else { Cow::Borrowed(line) }
}

/// The `key=value` of `--set` without what may be a credential: neither what [`without_secret`]
/// leaves out, nor a base URL, nor what is redacted, whose patterns may be secret themselves.
#[must_use]
pub fn shown_setting(text: &str) -> String {
    let secret = |key: &str| key.contains("base_url") || key.contains("redact");
    match text.split_once('=') {
        Some((key, value)) if secret(key) || value.contains("base_url") || value.contains("redact") => {
            format!("{key}=…")
        }
        _ => without_secret(text).into_owned(),
    }
}

fn looks_secret(value: &str) -> bool {
    CREDENTIALS.iter().any(|start| value.contains(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_shown_unless_it_may_hold_a_credential() {
        for (text, shown) in [
            ("limits.in_flight=3", "limits.in_flight=3"),
            ("gateway.base_url=https://u:p@a", "gateway.base_url=…"),
            ("gateway={base_url=\"https://u:p@a\"}", "gateway=…"),
            ("record.redact=[{pattern=\"x\"}]", "record.redact=…"),
            ("request.params.x=sk-or-hidden", "request.params.x= …"),
        ] {
            assert_eq!(shown_setting(text), shown, "{text}");
        }
    }

    #[test]
    fn what_may_be_a_credential_is_left_out() {
        for (line, shown) in [
            ("api_key_env = \"hidden", "api_key_env = …"),
            ("gateway.token = hidden", "gateway.token = …"),
            ("\"X-Api_Key\" = hidden", "\"X-Api_Key\" = …"),
            ("headers = { x = \"sk-or-hidden\" }", "headers = …"),
            ("x = \"Bearer hidden\"", "x = …"),
            ("sk-or-hidden", "…"),
            ("tokens_per_minute = 1x", "tokens_per_minute = 1x"),
            ("request.models=[\"m\"", "request.models=[\"m\""),
            ("[input", "[input"),
        ] {
            assert_eq!(without_secret(line), shown, "{line}");
        }
    }
}
