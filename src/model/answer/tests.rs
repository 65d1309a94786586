//! Answers as each endpoint gives them.

use super::*;

fn parse(endpoint: Endpoint, body: &str) -> Answer {
    Answer::parse(endpoint, body.as_bytes()).unwrap()
}

#[test]
fn each_endpoint_gives_its_text_its_end_and_its_usage() {
    let cases = [
        (
            Endpoint::ChatCompletions,
            r#"{"model":"m","provider":"p","choices":[{"message":{"content":"a"},"finish_reason":"stop"}],
                "usage":{"prompt_tokens":3,"completion_tokens":2,"cost":0.5}}"#,
        ),
        (
            Endpoint::Completions,
            r#"{"model":"m","provider":"p","choices":[{"text":"a","finish_reason":"stop"}],
                "usage":{"prompt_tokens":3,"completion_tokens":2,"cost":0.5}}"#,
        ),
        (
            Endpoint::Responses,
            r#"{"model":"m","status":"completed","output":[{"type":"reasoning"},
                {"type":"message","content":[{"type":"output_text","text":"a"}]}],
                "usage":{"input_tokens":3,"output_tokens":2,"cost":0.5}}"#,
        ),
        (
            Endpoint::Messages,
            r#"{"model":"m","provider":"p","content":[{"type":"text","text":"a"}],"stop_reason":"end_turn",
                "usage":{"input_tokens":3,"output_tokens":2,"cost":0.5}}"#,
        ),
    ];
    let usage = Usage {
        prompt_tokens: Some(3),
        completion_tokens: Some(2),
        cost_usd: Some(0.5),
        uncached_tokens: Some(3),
        ..Usage::default()
    };
    for (endpoint, body) in cases {
        let answer = parse(endpoint, body);
        assert_eq!((answer.text(), answer.finish, answer.usage), (Some("a"), Finish::Stop, usage), "{endpoint}");
        assert_eq!(answer.model.as_deref(), Some("m"), "{endpoint}");
    }
}

#[test]
fn the_upstreams_price_is_added_only_to_what_a_key_of_ones_own_costs() {
    let body = |is_byok: bool| {
        format!(
            r#"{{"choices":[{{"message":{{"content":"a"}}}}],"usage":{{"cost":0.01,"is_byok":{is_byok},
               "cost_details":{{"upstream_inference_cost":0.2}}}}}}"#
        )
    };
    let cost = |is_byok| parse(Endpoint::ChatCompletions, &body(is_byok)).usage.cost_usd.unwrap();
    assert!((cost(false) - 0.01).abs() < 1e-12);
    assert!((cost(true) - 0.21).abs() < 1e-12);
}

#[test]
fn an_answer_that_counts_oddly_is_an_answer_all_the_same() {
    let usage = |usage: &str| {
        let body = format!(r#"{{"choices":[{{"message":{{"content":"a"}}}}],"usage":{usage}}}"#);
        let usage = parse(Endpoint::ChatCompletions, &body).usage;
        (usage.prompt_tokens, usage.completion_tokens, usage.cost_usd)
    };
    let odd = r#"{"prompt_tokens":"12","completion_tokens":3.0,"cost":"0.25"}"#;
    assert_eq!(usage(odd), (Some(12), Some(3), Some(0.25)));
    let wrong = r#"{"prompt_tokens":-1,"completion_tokens":[{"a":1}],"cost":"free"}"#;
    assert_eq!(usage(wrong), (None, None, None));
    assert_eq!(usage(r#"{"prompt_tokens":{"a":1},"completion_tokens":true,"cost":-0.5}"#), (None, None, None));
}

#[test]
fn an_answer_that_is_cut_filtered_refused_or_empty_is_told_apart() {
    let chat = |message: &str, reason: &str| {
        let body = format!(r#"{{"choices":[{{"message":{message},"finish_reason":{reason}}}]}}"#);
        parse(Endpoint::ChatCompletions, &body).finish
    };
    assert_eq!(chat(r#"{"content":"a"}"#, r#""length""#), Finish::Length);
    assert_eq!(chat(r#"{"content":"a"}"#, r#""content_filter""#), Finish::Filtered);
    assert_eq!(chat(r#"{"content":null,"refusal":"no"}"#, r#""stop""#), Finish::Refused);
    assert_eq!(chat(r#"{"content":""}"#, r#""stop""#), Finish::Empty);
    assert_eq!(chat(r#"{"content":null,"tool_calls":[{"id":"t"}]}"#, r#""tool_calls""#), Finish::Stop);
    assert_eq!(chat(r#"{"content":[{"type":"text","text":"a"}]}"#, "null"), Finish::Stop);
}

#[test]
fn one_embedding_stands_alone_and_several_in_a_list() {
    let content = |data: &str| match parse(Endpoint::Embeddings, &format!(r#"{{"data":{data}}}"#)).content {
        Some(Content::Json(json)) => json.get().to_owned(),
        other => panic!("an embedding is JSON: {other:?}"),
    };
    assert_eq!(content(r#"[{"embedding":[1,2]}]"#), "[1,2]");
    assert_eq!(content(r#"[{"embedding":[1]},{"embedding":"AAA="}]"#), r#"[[1],"AAA="]"#);
}

#[test]
fn what_is_no_answer_says_why() {
    let refuse = |body: &str| Answer::parse(Endpoint::ChatCompletions, body.as_bytes()).unwrap_err().to_string();
    assert_eq!(refuse(" \n \n"), "the body is blank");
    assert_eq!(refuse(r#"{"choices":[]}"#), "the body has no choices");
    assert_eq!(refuse("{}"), "the body has no choices");
    assert!(refuse("<html>").starts_with("the body is not an answer: "));
}
