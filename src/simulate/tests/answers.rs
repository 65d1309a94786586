//! What a good request gets.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::{Latency, Options};
use super::client::{Connection, ask, ask_chat, chat, start, streamed_chat, try_ask};
use crate::model::{Answer, Content, Endpoint, Finish};

fn body_for(endpoint: Endpoint) -> Value {
    match endpoint {
        Endpoint::Models => json!({}),
        Endpoint::Completions => json!({"model": "a/b", "prompt": "Why?"}),
        Endpoint::Embeddings | Endpoint::Responses => json!({"model": "a/b", "input": "Why?"}),
        Endpoint::ChatCompletions | Endpoint::Messages => {
            json!({"model": "a/b", "messages": [{"role": "user", "content": "Why?"}]})
        }
    }
}

#[tokio::test]
async fn every_endpoint_answers_in_its_own_shape() {
    let simulator = start(Options::default()).await;
    for endpoint in Endpoint::ASKING {
        let answered = ask(&simulator, &format!("/v1/{endpoint}"), &body_for(endpoint).to_string()).await;
        assert_eq!((answered.status, answered.end), (200, Ok(())), "{endpoint}");
        assert_eq!(answered.headers["content-type"], "application/json");
        let answer = Answer::parse(endpoint, &answered.body).unwrap();
        assert_eq!((answer.finish, answer.model.as_deref()), (Finish::Stop, Some("a/b")), "{endpoint}");
        assert!(answer.usage.prompt_tokens.unwrap() > 0 && answer.usage.cost_usd.unwrap() > 0.0, "{endpoint}");
        match answer.content.unwrap() {
            Content::Text(text) => assert!(text.starts_with("Simulated answer "), "{endpoint}: {text}"),
            Content::Json(json) => assert_eq!(endpoint, Endpoint::Embeddings, "{json}"),
        }
    }
}

#[tokio::test]
async fn a_chat_answer_has_the_fields_of_the_wire() {
    let simulator = start(Options::default()).await;
    let body = ask_chat(&simulator, &chat("Why?")).await.json();
    let names: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["id", "provider", "model", "object", "created", "choices", "system_fingerprint", "usage"]);
    assert!(body["id"].as_str().unwrap().starts_with("gen-"));
    let choice = &body["choices"][0];
    assert_eq!((&body["provider"], &body["object"]), (&json!("Simulated"), &json!("chat.completion")));
    assert_eq!((&choice["finish_reason"], &choice["native_finish_reason"]), (&json!("stop"), &json!("stop")));
    assert_eq!((&choice["logprobs"], &choice["message"]["refusal"]), (&Value::Null, &Value::Null));
    let usage = &body["usage"];
    let count = |name: &str| usage[name].as_u64().unwrap();
    assert_eq!(count("total_tokens"), count("prompt_tokens") + count("completion_tokens"));
    assert_eq!((&usage["is_byok"], &usage["cost"]), (&json!(false), &usage["cost_details"]["upstream_inference_cost"]));
    let text = choice["message"]["content"].as_str().unwrap();
    assert_eq!(count("completion_tokens"), text.len().div_ceil(4) as u64);
}

#[tokio::test]
async fn the_same_body_gets_the_same_bytes_from_every_simulator_of_a_seed() {
    let (one, other) = (start(Options::default()).await, start(Options::default()).await);
    let different = start(Options { seed: 1, ..Options::default() }).await;
    let first = ask_chat(&one, &chat("a")).await.body;
    ask_chat(&other, &chat("b")).await;
    assert_eq!(ask_chat(&other, &chat("a")).await.body, first);
    assert_eq!(ask_chat(&one, &chat("a")).await.body, first, "asked again");
    assert_ne!(ask_chat(&one, &chat("b")).await.body, first, "another body");
    assert_ne!(ask_chat(&different, &chat("a")).await.body, first, "another seed");
}

#[tokio::test]
async fn the_headers_are_those_of_gateway_and_router_and_say_that_it_is_simulated() {
    let simulator = start(Options::default()).await;
    let answered =
        try_ask(&simulator, "/v1/chat/completions", &[("cf-aig-event-id", "mine")], &chat("a")).await.unwrap();
    let header = |name: &str| answered.headers[name].as_str();
    assert_eq!(header("x-nightreel-simulated"), "true");
    assert_eq!(
        (header("cf-aig-cache-status"), header("cf-aig-step"), header("cf-aig-event-id")),
        ("MISS", "0", "mine")
    );
    assert_eq!(header("cf-aig-log-id"), header("cf-aig-request-id"));
    assert_eq!(header("x-generation-id"), answered.json()["id"]);
    assert!(answered.headers.contains_key("cf-ray") && answered.headers.contains_key("date"));
    let answered = ask(&simulator, "/v1/chat/completions", &chat("a")).await;
    assert_eq!(answered.headers["cf-aig-event-id"], answered.headers["cf-aig-log-id"]);
}

#[tokio::test]
async fn a_token_limit_cuts_the_text_and_says_so() {
    let simulator = start(Options { reply_bytes: Some(1000), ..Options::default() }).await;
    for (limit, finish, tokens) in [(5, Finish::Length, 5), (250, Finish::Stop, 250), (1000, Finish::Stop, 250)] {
        for name in ["max_tokens", "max_completion_tokens"] {
            let body = chat("a").replacen('{', &format!(r#"{{"{name}":{limit},"#), 1);
            let answered = ask_chat(&simulator, &body).await;
            let answer = Answer::parse(Endpoint::ChatCompletions, &answered.body).unwrap();
            assert_eq!((answer.finish, answer.usage.completion_tokens), (finish, Some(tokens)), "{name} {limit}");
            assert_eq!(answer.text().unwrap().len() as u64, tokens * 4);
        }
    }
    for (endpoint, name) in [(Endpoint::Responses, "max_output_tokens"), (Endpoint::Messages, "max_tokens")] {
        let mut body = body_for(endpoint);
        body[name] = json!(5);
        let answered = ask(&simulator, &format!("/v1/{endpoint}"), &body.to_string()).await;
        assert_eq!(Answer::parse(endpoint, &answered.body).unwrap().finish, Finish::Length, "{endpoint}");
    }
}

#[tokio::test]
async fn a_format_of_json_is_kept() {
    let simulator = start(Options::default()).await;
    let schema = json!({"type": "object", "properties": {"verdict": {"enum": ["yes"]}}, "required": ["verdict"]});
    for (endpoint, field, format) in [
        (
            Endpoint::ChatCompletions,
            "response_format",
            json!({"type": "json_schema", "json_schema": {"schema": schema}}),
        ),
        (Endpoint::Responses, "text", json!({"format": {"type": "json_schema", "name": "v", "schema": schema}})),
    ] {
        let mut body = body_for(endpoint);
        body[field] = format;
        let answered = ask(&simulator, &format!("/v1/{endpoint}"), &body.to_string()).await;
        let answer = Answer::parse(endpoint, &answered.body).unwrap();
        assert_eq!(answer.text(), Some(r#"{"verdict":"yes"}"#), "{endpoint}");
    }
    let mut body = body_for(Endpoint::ChatCompletions);
    body["response_format"] = json!({"type": "json_object"});
    let answered = ask_chat(&simulator, &body.to_string()).await;
    let answer = Answer::parse(Endpoint::ChatCompletions, &answered.body).unwrap();
    assert_eq!(serde_json::from_str::<Value>(answer.text().unwrap()).unwrap()["simulated"], json!(true));
}

#[tokio::test]
async fn a_tool_that_must_be_called_is_called() {
    let simulator = start(Options::default()).await;
    let schema = json!({"type": "object", "properties": {"city": {"const": "Ulm"}}});
    let function = json!([{"type": "function", "function": {"name": "weather", "parameters": schema}}]);
    let flat = json!([{"type": "function", "name": "weather", "parameters": schema}]);
    let anthropic = json!([{"name": "weather", "input_schema": schema}]);
    for (endpoint, tools, choice) in [
        (Endpoint::ChatCompletions, function, json!("required")),
        (Endpoint::Responses, flat, json!({"type": "function", "name": "weather"})),
        (Endpoint::Messages, anthropic, json!({"type": "tool", "name": "weather"})),
    ] {
        for stream in [false, true] {
            let mut body = body_for(endpoint);
            (body["tools"], body["tool_choice"], body["stream"]) = (tools.clone(), choice.clone(), json!(stream));
            let answered = ask(&simulator, &format!("/v1/{endpoint}"), &body.to_string()).await;
            let text = answered.text().replace('\\', "");
            assert!(text.contains("weather") && text.contains("Ulm"), "{endpoint} {text}");
            if stream {
                let (events, is_done) = answered.events();
                assert!(is_done && events.len() > 3, "{endpoint}");
            } else {
                let answer = Answer::parse(endpoint, &answered.body).unwrap();
                assert!(answer.tool_calls.is_some() && answer.content.is_none(), "{endpoint}");
            }
        }
    }
}

#[tokio::test]
async fn a_stream_says_what_the_whole_answer_says() {
    let simulator = start(Options { reply_bytes: Some(500), ..Options::default() }).await;
    let body = streamed_chat("a");
    let answered = ask_chat(&simulator, &body).await;
    assert_eq!((answered.status, answered.end), (200, Ok(())));
    assert_eq!(answered.headers["content-type"], "text/event-stream");
    assert!(answered.text().starts_with(": OPENROUTER PROCESSING\n\n"));
    let (chunks, is_done) = answered.events();
    assert!(is_done);
    assert_eq!(chunks[0]["choices"][0]["delta"], json!({"role": "assistant", "content": ""}));
    let (usage, said) = chunks.split_last().unwrap();
    assert_eq!((&usage["choices"], &usage["usage"]["completion_tokens"]), (&json!([]), &json!(125)));
    assert_eq!(said.last().unwrap()["choices"][0]["finish_reason"], "stop");
    let text: String = said.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
    assert!(said.len() > 10 && text.len() == 500 && text.starts_with("Simulated answer"), "{text}");
    assert!(chunks.iter().all(|chunk| chunk["object"] == "chat.completion.chunk" && chunk["id"] == chunks[0]["id"]));
}

#[tokio::test]
async fn the_other_streams_have_their_own_events() {
    let simulator = start(Options::default()).await;
    for (endpoint, text_at, first, last) in [
        (Endpoint::Completions, "/choices/0/text", "text_completion", "text_completion"),
        (Endpoint::Responses, "/delta", "response.created", "response.completed"),
        (Endpoint::Messages, "/delta/text", "message_start", "message_stop"),
    ] {
        let mut body = body_for(endpoint);
        body["stream"] = json!(true);
        let answered = ask(&simulator, &format!("/v1/{endpoint}"), &body.to_string()).await;
        let (events, is_done) = answered.events();
        let kind = |event: &Value| event.get("type").or_else(|| event.get("object")).unwrap().clone();
        assert!(is_done, "{endpoint}");
        assert_eq!((kind(&events[0]), kind(&events[events.len() - 1])), (json!(first), json!(last)), "{endpoint}");
        let text: String = events.iter().filter_map(|event| event.pointer(text_at)?.as_str()).collect();
        assert!(text.starts_with("Simulated answer ") && text.ends_with('.'), "{endpoint}: {text}");
    }
}

#[tokio::test]
async fn embeddings_take_lists_dimensions_and_base64() {
    let simulator = start(Options::default()).await;
    let ask = async |body: Value| ask(&simulator, "/v1/embeddings", &body.to_string()).await.json();
    let list = ask(json!({"model": "a/b", "input": ["x", "y", "x"], "dimensions": 3})).await;
    let vectors: Vec<Vec<f64>> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| serde_json::from_value(entry["embedding"].clone()).unwrap())
        .collect();
    assert_eq!((vectors.len(), vectors[0].len()), (3, 3));
    assert!(vectors[0] == vectors[2] && vectors[0] != vectors[1]);
    let length = vectors[0].iter().map(|number| number * number).sum::<f64>().sqrt();
    assert!((length - 1.0).abs() < 1e-6, "{length}");
    let single = ask(json!({"model": "a/b", "input": "x", "dimensions": 3})).await;
    assert_eq!(single["data"][0]["embedding"], list["data"][0]["embedding"]);
    let tokens = ask(json!({"model": "a/b", "input": [1, 2, 3]})).await;
    assert_eq!(tokens["data"].as_array().unwrap().len(), 1);
    let encoded = ask(json!({"model": "a/b", "input": "x", "dimensions": 3, "encoding_format": "base64"})).await;
    assert_eq!(encoded["data"][0]["embedding"].as_str().unwrap().len(), 16);
}

#[tokio::test]
async fn the_models_are_listed_with_prices_as_texts() {
    let simulator = start(Options::default()).await;
    let models = ask(&simulator, "/v1/simulated/simulated/openrouter/v1/models", "").await.json();
    assert_eq!(models["data"][0]["pricing"]["prompt"], "0.000000250");
}

#[tokio::test]
async fn a_latency_is_kept() {
    let latency = Latency::Fixed(Duration::from_millis(40));
    let simulator = start(Options { latency, ..Options::default() }).await;
    for body in [chat("a"), streamed_chat("a")] {
        let asked_at = Instant::now();
        ask_chat(&simulator, &body).await;
        assert!(asked_at.elapsed() >= Duration::from_millis(40));
    }
}

#[tokio::test]
async fn a_connection_serves_many_requests_and_a_body_in_pieces() {
    let simulator = start(Options::default()).await;
    let mut connection = Connection::open(simulator.address()).await;
    let long = chat(&"long ".repeat(200_000));
    for body in [chat("a"), long, chat("b")] {
        connection.send("POST", "/v1/chat/completions", &[], &body).await;
        assert_eq!(connection.receive().await.unwrap().status, 200);
    }
    assert_eq!(simulator.stats().connections, 1);
}
