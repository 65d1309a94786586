//! Which parameters of a URL carry a credential.

/// The names of such parameters, without the marks that part their words.
const NAMES: [&str; 29] = [
    "accesskey",
    "accesstoken",
    "apikey",
    "apitoken",
    "auth",
    "authkey",
    "authorization",
    "authtoken",
    "awsaccesskeyid",
    "bearer",
    "bearertoken",
    "clientsecret",
    "code",
    "credential",
    "idtoken",
    "jwt",
    "key",
    "passwd",
    "password",
    "pwd",
    "refreshtoken",
    "secret",
    "secretkey",
    "securitytoken",
    "sessiontoken",
    "sig",
    "signature",
    "subscriptionkey",
    "token",
];
/// What clouds and gateways put before such a name.
const PREFIXES: [&str; 6] = ["x", "xamz", "xgoog", "xms", "ocpapim", "cfaig"];

/// Whether a parameter of this name carries a credential, which is no part of what is asked: it is
/// neither sent on nor kept. `page_token` and the like carry none.
#[must_use]
pub fn is_query_credential(name: &str) -> bool {
    let bare: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let known = |name: &str| NAMES.binary_search(&name).is_ok();
    known(&bare) || PREFIXES.iter().any(|prefix| bare.strip_prefix(prefix).is_some_and(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_known_by_its_name_however_it_is_written() {
        assert!(NAMES.is_sorted());
        for name in [
            "key",
            "api_key",
            "API_KEY",
            "api-key",
            "apiKey",
            "x-api-key",
            "subscription-key",
            "Ocp-Apim-Subscription-Key",
            "sig",
            "X-Amz-Signature",
            "X-Amz-Security-Token",
            "access_token",
            "auth",
            "token",
            "client_secret",
            "password",
            "code",
        ] {
            assert!(is_query_credential(name), "{name}");
        }
        for name in ["", "page_token", "next_page_token", "max_tokens", "api-version", "keyword", "x", "author", "q"] {
            assert!(!is_query_credential(name), "{name}");
        }
    }
}
