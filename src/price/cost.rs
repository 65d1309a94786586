//! What an attempt cost, and what one may cost at most.

use serde_json::Value;

use crate::model::{Class, Fault, FaultKind, Reply, Streamed, Usage};

use super::Price;

/// What the gateway's guardrails call a response, not a request, that they keep back (1.6 of the
/// wire contract: guardrails, DLP).
const RESPONSE_BLOCKED: [u64; 2] = [2017, 2030];

/// What an attempt cost, in USD; `None` is what nobody knows. The first of these that holds:
///
/// 1. What was not sent, or not processed, costs nothing.
/// 2. What a cache answered costs nothing, whatever usage its copy of the answer shows.
/// 3. What the reply itself says (`usage.cost`), in an answer as in a failure.
/// 4. An answer costs what the price table makes of its tokens.
/// 5. A failure that may have been billed, or whose response was kept back, costs nobody knows what.
/// 6. So does an error within a stream that had begun to answer: those tokens were generated.
/// 7. Another failure that a server told of costs nothing.
#[must_use]
pub fn cost_of(
    reply: &Result<Reply, Fault>,
    class: Class,
    usage: Option<&Usage>,
    price: Option<&Price>,
) -> Option<f64> {
    let reply = match reply {
        Ok(reply) => reply,
        Err(fault) => return matches!(fault.kind, FaultKind::Connect | FaultKind::Refused).then_some(0.0),
    };
    if reply.is_from_cache() {
        return Some(0.0);
    }
    if class == Class::Answered {
        let usage = usage.copied().unwrap_or_default();
        return usage.cost_usd.or_else(|| price?.of_usage(&usage));
    }
    let said = Usage::in_body(&reply.body).and_then(|usage| usage.cost_usd);
    let free = !class.may_be_billed() && !is_response_blocked(reply) && !Streamed::has_begun(reply);
    said.or(free.then_some(0.0))
}

/// What a request may cost at most, in USD, with an answer of at most so many tokens; `None` where
/// the price table bounds it no more than the request does.
#[must_use]
pub fn worst_case(price: &Price, prompt_tokens: u64, max_tokens: Option<u64>) -> Option<f64> {
    let prompt_usd = price.prompt_usd.max(price.cache_write_usd.unwrap_or(0.0));
    let completion = amount(price.completion_usd, max_tokens.or(price.max_completion_tokens))?;
    Some(price.request_usd + float(prompt_tokens) * prompt_usd + completion)
}

impl Price {
    /// What an answer costs that has used so much; `None` where it does not say what it has used.
    fn of_usage(&self, usage: &Usage) -> Option<f64> {
        let cached =
            |tokens: Option<u64>, usd: Option<f64>| float(tokens.unwrap_or(0)) * usd.unwrap_or(self.prompt_usd);
        let prompt = amount(self.prompt_usd, usage.uncached_tokens.or(usage.prompt_tokens))?;
        let completion = amount(self.completion_usd, usage.completion_tokens)?;
        let read = cached(usage.cache_read_tokens, self.cache_read_usd);
        let written = cached(usage.cache_write_tokens, self.cache_write_usd);
        Some(self.request_usd + prompt + read + written + completion)
    }
}

/// So many tokens at a price; nobody need know how many where they are free.
fn amount(usd: f64, tokens: Option<u64>) -> Option<f64> {
    if usd == 0.0 { Some(0.0) } else { tokens.map(|tokens| float(tokens) * usd) }
}

#[expect(clippy::cast_precision_loss, reason = "a number of tokens has far fewer than 53 bits")]
const fn float(tokens: u64) -> f64 {
    tokens as f64
}

/// Whether the gateway has kept back a response that the model gave, and was paid for.
fn is_response_blocked(reply: &Reply) -> bool {
    if reply.status < 400 {
        return false;
    }
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let code = body["error"][0]["code"].as_u64().or_else(|| body["internalCode"].as_u64());
    code.is_some_and(|code| RESPONSE_BLOCKED.contains(&code))
}

#[cfg(test)]
mod tests {
    use crate::model::{End, Header};

    use super::*;

    const PRICE: Price = Price {
        prompt_usd: 0.001,
        completion_usd: 0.01,
        request_usd: 0.5,
        cache_read_usd: None,
        cache_write_usd: None,
        max_completion_tokens: None,
    };

    const EVENTS: Option<(&str, &str)> = Some(("content-type", "text/event-stream"));

    #[expect(clippy::unnecessary_wraps, reason = "the tables hold replies and faults")]
    fn reply(status: u16, header: Option<(&str, &str)>, body: &str) -> Result<Reply, Fault> {
        let headers =
            header.into_iter().map(|(name, value)| Header { name: name.to_owned(), value: value.to_owned() }).collect();
        Ok(Reply { status, headers, body: body.to_owned().into(), chunks: Vec::new(), end: End::Complete })
    }

    fn usage(body: &str) -> Usage {
        Usage::in_body(format!("{{\"usage\":{body}}}").as_bytes()).unwrap()
    }

    #[test]
    fn an_answer_costs_what_the_first_rule_that_holds_says() {
        let tokens = r#"{"prompt_tokens":100,"completion_tokens":10}"#;
        let costly = r#"{"prompt_tokens":100,"completion_tokens":10,"cost":0.25}"#;
        let byok = r#"{"cost":0.01,"is_byok":true,"cost_details":{"upstream_inference_cost":0.2}}"#;
        let hit = |name| Some((name, "HIT"));
        let table = [
            ("a hit of the gateway's cache", hit("cf-aig-cache-status"), costly, Some(PRICE), Some(0.0)),
            ("a hit in another case", Some(("cf-aig-cache-status", "hit")), costly, None, Some(0.0)),
            ("a hit of the router's cache", hit("x-openrouter-cache-status"), costly, None, Some(0.0)),
            ("a miss of a cache", Some(("cf-aig-cache-status", "MISS")), costly, None, Some(0.25)),
            ("the reply says it", None, costly, Some(PRICE), Some(0.25)),
            ("the reply says that it is free", None, r#"{"cost":0}"#, Some(PRICE), Some(0.0)),
            ("with a key of one's own", None, byok, Some(PRICE), Some(0.21)),
            ("an amount below zero says nothing", None, r#"{"cost":-1}"#, None, None),
            ("the price table says it", None, tokens, Some(PRICE), Some(0.7)),
            (
                "a request alone has a price",
                None,
                "{}",
                Some(Price { prompt_usd: 0.0, completion_usd: 0.0, ..PRICE }),
                Some(0.5),
            ),
            ("the tokens are not known", None, r#"{"prompt_tokens":100}"#, Some(PRICE), None),
            ("there is no price", None, tokens, None, None),
        ];
        for (name, header, body, price, expected) in table {
            let cost = cost_of(&reply(200, header, "{}"), Class::Answered, Some(&usage(body)), price.as_ref());
            assert_eq!(cost.is_some(), expected.is_some(), "{name}: {cost:?}");
            assert!((cost.unwrap_or(0.0) - expected.unwrap_or(0.0)).abs() < 1e-12, "{name}: {cost:?}");
        }
    }

    #[test]
    fn tokens_of_a_prompt_cache_have_prices_of_their_own_where_the_table_gives_them() {
        let within = r#"{"prompt_tokens":100,"completion_tokens":0,
                         "prompt_tokens_details":{"cached_tokens":60,"cache_write_tokens":20}}"#;
        let beside = r#"{"input_tokens":20,"output_tokens":0,
                         "cache_read_input_tokens":60,"cache_creation_input_tokens":20}"#;
        let cached = Price { request_usd: 0.0, cache_read_usd: Some(0.0001), cache_write_usd: Some(0.002), ..PRICE };
        let plain = Price { request_usd: 0.0, ..PRICE };
        for body in [within, beside] {
            for (price, expected) in [(cached, 0.066), (plain, 0.1)] {
                let cost = price.of_usage(&usage(body)).unwrap();
                assert!((cost - expected).abs() < 1e-12, "{body}: {cost}");
            }
        }
    }

    #[test]
    fn a_failure_is_free_only_where_that_is_known() {
        let fault = |kind| Err(Fault { kind, message: String::new() });
        let cut = r#"{"choices":[{"message":{"content":"a \"usage\": {\"cost\":9}"}}],"usage":{"cost":0.02},"x":"#;
        let stream = "data: {\"usage\":{\"cost\":0.01}}\n\ndata: {\"usage\" : {\"cost\":\"0.02\"}}\n\nda";
        let broken = r#"{"choices":[{"finish_reason":"error"}],"usage":{"cost":0.02}}"#;
        let inside = r#"{"error":{"code":502,"message":"Provider returned error"}}"#;
        let blocked =
            |code: u32| format!(r#"{{"error":[{{"code":{code},"message":"blocked"}}],"name":"AiGatewayError"}}"#);
        let error_event = format!("data: {inside}\n\n");
        let begun = format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"a\"}}}}]}}\n\n{error_event}");
        let begun_and_told = format!("{begun}data: {{\"choices\":[],\"usage\":{{\"cost\":0.03}}}}\n\n");
        let (response_blocked, prompt_blocked) = (blocked(2017), blocked(2016));
        let table = [
            ("no connection", fault(FaultKind::Connect), Class::NotConnected, Some(0.0)),
            ("a refused stream", fault(FaultKind::Refused), Class::RefusedStream, Some(0.0)),
            ("a reset", fault(FaultKind::Reset), Class::ConnectionLost, None),
            ("a deadline", fault(FaultKind::TimedOut), Class::TimedOut, None),
            ("given up", fault(FaultKind::GivenUp), Class::ConnectionLost, None),
            ("an HTTP error", reply(500, None, "oops"), Class::ServerError, Some(0.0)),
            ("too many requests", reply(429, None, "{}"), Class::RateLimited, Some(0.0)),
            ("a deadline at the edge", reply(524, None, "<html>"), Class::TimedOut, None),
            ("a prompt that was blocked", reply(424, None, &prompt_blocked), Class::Blocked, Some(0.0)),
            ("a response that was blocked", reply(424, None, &response_blocked), Class::Blocked, None),
            ("an error inside", reply(200, None, inside), Class::ServerError, Some(0.0)),
            ("an error inside with its cost", reply(200, None, broken), Class::ServerError, Some(0.02)),
            ("an error before any token", reply(200, EVENTS, &error_event), Class::ServerError, Some(0.0)),
            ("an error after some tokens", reply(200, EVENTS, &begun), Class::ServerError, None),
            ("the same with its cost", reply(200, EVENTS, &begun_and_told), Class::ServerError, Some(0.03)),
            ("a blank body", reply(200, None, "  \n"), Class::BadBody, None),
            (
                "a blank body of a cache",
                reply(200, Some(("cf-aig-cache-status", "Hit")), ""),
                Class::BadBody,
                Some(0.0),
            ),
            ("a cut body with its cost", reply(200, None, cut), Class::BadBody, Some(0.02)),
            ("a cut stream with its cost", reply(200, None, stream), Class::TimedOut, Some(0.02)),
            ("a cut body before its cost", reply(200, None, &cut[..60]), Class::BadBody, None),
        ];
        for (name, reply, class, expected) in table {
            assert_eq!(cost_of(&reply, class, None, Some(&PRICE)), expected, "{name}");
        }
    }

    #[test]
    fn the_worst_case_is_the_longest_answer_and_a_prompt_that_no_cache_makes_cheaper() {
        let limited = Price { max_completion_tokens: Some(1_000), cache_write_usd: Some(0.002), ..PRICE };
        let free = Price { completion_usd: 0.0, ..PRICE };
        for (price, max_tokens, expected) in [
            (PRICE, Some(10), Some(0.7)),
            (PRICE, None, None),
            (limited, None, Some(10.7)),
            (limited, Some(10), Some(0.8)),
            (free, None, Some(0.6)),
        ] {
            let worst = worst_case(&price, 100, max_tokens);
            assert_eq!(worst.is_some(), expected.is_some(), "{price:?} {max_tokens:?}");
            assert!(
                (worst.unwrap_or(0.0) - expected.unwrap_or(0.0)).abs() < 1e-9,
                "{price:?} {max_tokens:?}: {worst:?}"
            );
        }
    }
}
