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

/// Whether the `key=value` of `--set` may be shown: nothing stands in it that `without_secret` leaves
/// out, no base URL with a credential, and nothing that is redacted, whose patterns may be secret
/// themselves. A variable's name may: a job takes nothing else for one.
#[must_use]
pub fn may_be_shown(setting: &str) -> bool {
    let (key, value) = setting.split_once('=').unwrap_or(("", setting));
    let names = |what: &str| key.contains(what) || value.contains(what);
    if names("redact") || looks_secret(setting) {
        return false;
    }
    if names("base_url") && value.contains(['@', '?', '#']) {
        return false;
    }
    key.trim_end().ends_with("_env") || matches!(without_secret(setting), Cow::Borrowed(whole) if whole == setting)
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
            ("limits.in_flight=3", true),
            ("request.prompt=Why? @all #1", true),
            ("gateway.base_url=https://a/v1", true),
            ("gateway.base_url=https://u:p@a", false),
            ("gateway.base_url=https://a/v1?key=k", false),
            ("gateway={base_url=\"https://u:p@a\"}", false),
            ("gateway.api_key_env=MY_KEY", true),
            ("gateway.api_key_env=sk-or-hidden", false),
            ("request.params.api_key=hidden", false),
            ("record.redact=[{pattern=\"x\"}]", false),
            ("request.params.x=sk-or-hidden", false),
        ] {
            assert_eq!(may_be_shown(text), shown, "{text}");
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
