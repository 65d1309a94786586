//! Streams as each endpoint gives them, against the same answers in one piece.

use serde_json::{Value, json};

use super::*;

/// A stream of events without names, and its end.
fn stream(chunks: &[Value]) -> String {
    chunks.iter().map(|chunk| format!("data: {chunk}\n\n")).chain(["data: [DONE]\n\n".to_owned()]).collect()
}

/// A stream of events that have their types for names.
fn named(events: &[Value]) -> String {
    events.iter().map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap())).collect()
}

fn data(chunk: &Value) -> String {
    format!("data: {chunk}\n\n")
}

fn delta(delta: &Value) -> Value {
    json!({"id": "gen-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "provider": "p",
           "choices": [{"index": 0, "delta": delta, "finish_reason": null}]})
}

fn finish(reason: &str) -> Value {
    json!({"id": "gen-1", "model": "m", "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": reason}]})
}

fn usage() -> Value {
    json!({"id": "gen-1", "model": "m", "choices": [],
           "usage": {"prompt_tokens": 3, "completion_tokens": 2, "cost": 0.5}})
}

fn whole(message: &Value, reason: &str) -> String {
    json!({"id": "gen-1", "object": "chat.completion", "created": 1, "model": "m", "provider": "p",
           "choices": [{"index": 0, "message": message, "finish_reason": reason}], "usage": usage()["usage"]})
    .to_string()
}

/// The answers of a stream and of a body are the same but for where the tokens stand.
fn assert_same(endpoint: Endpoint, stream: &str, whole: &str) {
    let streamed = Streamed::read(stream.as_bytes());
    assert_eq!((streamed.shape, &streamed.problem, streamed.end), (endpoint, &None, StreamEnd::Closed), "{stream}");
    let answer = streamed.answer(endpoint).unwrap_or_else(|error| panic!("{error}: {stream}"));
    assert!(answer.streamed.is_some());
    let answer = Answer { streamed: None, ..answer };
    let expected = Answer::parse(endpoint, whole.as_bytes()).unwrap();
    assert_eq!(format!("{answer:?}"), format!("{expected:?}"), "{stream}");
}

#[test]
fn a_chats_chunks_are_the_body_it_would_have_been() {
    let chat = |chunks: &[Value], message: Value, reason: &str| {
        let chunks = [chunks, &[finish(reason), usage()]].concat();
        assert_same(Endpoint::ChatCompletions, &stream(&chunks), &whole(&message, reason));
        // The usage rides on the chunk that ends the answer.
        let mut last = finish(reason);
        last["usage"] = usage()["usage"].clone();
        let chunks = [&chunks[..chunks.len() - 2], &[last]].concat();
        assert_same(Endpoint::ChatCompletions, &stream(&chunks), &whole(&message, reason));
    };
    chat(
        &[
            delta(&json!({"role": "assistant", "content": ""})),
            delta(&json!({"content": "Hé"})),
            delta(&json!({"content": "llo"})),
        ],
        json!({"role": "assistant", "content": "Héllo"}),
        "stop",
    );
    chat(
        &[
            delta(&json!({"reasoning": "I "})),
            delta(&json!({"reasoning": "think", "content": null})),
            delta(&json!({"content": "a"})),
        ],
        json!({"role": "assistant", "content": "a", "reasoning": "I think"}),
        "length",
    );
    chat(
        &[
            delta(&json!({"reasoning_content": "I think"})),
            delta(&json!({"refusal": "I "})),
            delta(&json!({"refusal": "won't"})),
        ],
        json!({"role": "assistant", "content": null, "reasoning": "I think", "refusal": "I won't"}),
        "stop",
    );
    let call = |index: u32, id: Value, name: Value, arguments: &str| {
        let mut call =
            json!({"index": index, "id": id, "type": "function", "function": {"name": name, "arguments": arguments}});
        if id.is_null() {
            call = json!({"index": index, "function": {"arguments": arguments}});
        }
        delta(&json!({ "tool_calls": [call] }))
    };
    chat(
        &[
            call(0, json!("a"), json!("f"), ""),
            call(1, json!("b"), json!("g"), "{"),
            call(0, Value::Null, Value::Null, "{\"x\":"),
            call(1, Value::Null, Value::Null, "}"),
            call(0, Value::Null, Value::Null, "1}"),
        ],
        json!({"role": "assistant", "content": null, "tool_calls": [
            {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": "{\"x\":1}"}},
            {"index": 1, "id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
        ]}),
        "tool_calls",
    );
}

#[test]
fn of_several_choices_the_first_is_the_answer_whichever_comes_first() {
    let choice = |index: u32, content: &str, reason: Value| json!({"model": "m", "choices": [{"index": index, "delta": {"content": content}, "finish_reason": reason}]});
    let chunks = [
        choice(1, "B", Value::Null),
        choice(0, "a", Value::Null),
        choice(1, "B", json!("stop")),
        choice(0, "a", json!("length")),
    ];
    let body = json!({"model": "m", "choices": [
        {"index": 0, "message": {"content": "aa"}, "finish_reason": "length"},
        {"index": 1, "message": {"content": "BB"}, "finish_reason": "stop"},
    ]});
    assert_same(Endpoint::ChatCompletions, &stream(&chunks), &body.to_string());
    let streamed = Streamed::read(stream(&chunks).as_bytes());
    assert_eq!(serde_json::from_slice::<Value>(&streamed.body).unwrap(), body);
    // One of them has not ended.
    let cut: String = stream(&chunks[..3]).replace("data: [DONE]\n\n", "");
    assert_eq!(Streamed::read(cut.as_bytes()).end, StreamEnd::Open);
}

#[test]
fn a_completions_texts_are_joined() {
    let chunk = |text: &str, reason: Value| json!({"model": "m", "choices": [{"index": 0, "text": text, "finish_reason": reason}]});
    let body = json!({"model": "m", "choices": [{"text": "ab", "finish_reason": "stop"}], "usage": usage()["usage"]});
    let chunks = [chunk("a", Value::Null), chunk("b", Value::Null), chunk("", json!("stop")), usage()];
    assert_same(Endpoint::Completions, &stream(&chunks), &body.to_string());
}

#[test]
fn a_messages_blocks_are_put_together() {
    let block =
        |index: u32, block: Value| json!({"type": "content_block_start", "index": index, "content_block": block});
    let delta = |index: u32, delta: Value| json!({"type": "content_block_delta", "index": index, "delta": delta});
    let events = [
        json!({"type": "message_start", "message": {"id": "msg", "type": "message", "role": "assistant", "model": "m",
               "content": [], "stop_reason": null, "usage": {"input_tokens": 3, "output_tokens": 1}}}),
        json!({"type": "ping"}),
        block(0, json!({"type": "thinking", "thinking": "", "signature": ""})),
        delta(0, json!({"type": "thinking_delta", "thinking": "I "})),
        delta(0, json!({"type": "thinking_delta", "thinking": "think"})),
        delta(0, json!({"type": "signature_delta", "signature": "sig"})),
        json!({"type": "content_block_stop", "index": 0}),
        block(1, json!({"type": "text", "text": ""})),
        delta(1, json!({"type": "text_delta", "text": "Hel"})),
        delta(1, json!({"type": "text_delta", "text": "lo"})),
        json!({"type": "content_block_stop", "index": 1}),
        block(2, json!({"type": "tool_use", "id": "toolu", "name": "f", "input": {}})),
        delta(2, json!({"type": "input_json_delta", "partial_json": ""})),
        delta(2, json!({"type": "input_json_delta", "partial_json": "{\"big\":18446744073"})),
        delta(2, json!({"type": "input_json_delta", "partial_json": "709551617}"})),
        json!({"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": null}, "usage": {"output_tokens": 9}}),
        json!({"type": "message_stop"}),
    ];
    let body = r#"{"id":"msg","type":"message","role":"assistant","model":"m","content":[
        {"type":"thinking","thinking":"I think","signature":"sig"},{"type":"text","text":"Hello"},
        {"type":"tool_use","id":"toolu","name":"f","input":{"big":18446744073709551617}}],
        "stop_reason":"tool_use","usage":{"input_tokens":3,"output_tokens":9}}"#;
    assert_same(Endpoint::Messages, &named(&events), body);
    assert_same(Endpoint::Messages, &(named(&events) + "data: [DONE]\n\n"), body);
    // Neither the names nor the types need be there where the other is.
    assert_same(Endpoint::Messages, &stream(&events), body);
    let cut = named(&events[..events.len() - 1]);
    assert_eq!(Streamed::read(cut.as_bytes()).end, StreamEnd::Finished);
    let half = Streamed::read(named(&events[..9]).as_bytes());
    assert_eq!((half.end, half.answer(half.shape).unwrap().text()), (StreamEnd::Open, Some("Hel")));
    // The input of a tool breaks off: it is kept as it came.
    let tool = Streamed::read(named(&events[..14]).as_bytes()).answer(Endpoint::Messages).unwrap().tool_calls.unwrap();
    assert!(tool.get().contains(r#""input":"{\"big\":18446744073""#), "{tool}");
}

fn response_events(with_output: bool) -> (Vec<Value>, Value) {
    let message = json!({"type": "message", "id": "msg", "role": "assistant",
                         "content": [{"type": "output_text", "text": "Hello", "annotations": []}]});
    let call = json!({"type": "function_call", "id": "fc", "call_id": "call", "name": "f", "arguments": "{}"});
    let reasoning = json!({"type": "reasoning", "summary": [{"type": "summary_text", "text": "I think"}]});
    let body = json!({"id": "resp", "object": "response", "model": "m", "status": "completed",
                      "output": [reasoning, message, call], "usage": {"input_tokens": 3, "output_tokens": 9}});
    let mut completed = body.clone();
    if !with_output {
        completed["output"] = json!([]);
    }
    let text = |delta: &str| json!({"type": "response.output_text.delta", "output_index": 1, "content_index": 0, "delta": delta});
    let thought = |delta: &str| json!({"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 0, "delta": delta});
    let events = vec![
        json!({"type": "response.created", "response": {"id": "resp", "model": "m", "status": "in_progress", "output": []}}),
        json!({"type": "response.output_item.added", "output_index": 0, "item": {"type": "reasoning", "summary": []}}),
        thought("I "),
        thought("think"),
        json!({"type": "response.output_item.added", "output_index": 1,
               "item": {"type": "message", "id": "msg", "role": "assistant", "content": []}}),
        json!({"type": "response.content_part.added", "output_index": 1, "content_index": 0, "part": {"type": "output_text", "text": ""}}),
        text("Hel"),
        text("lo"),
        json!({"type": "response.output_text.done", "output_index": 1, "content_index": 0, "text": "Hello"}),
        json!({"type": "response.output_item.added", "output_index": 2,
               "item": {"type": "function_call", "id": "fc", "call_id": "call", "name": "f", "arguments": ""}}),
        json!({"type": "response.function_call_arguments.delta", "output_index": 2, "delta": "{"}),
        json!({"type": "response.function_call_arguments.delta", "output_index": 2, "delta": "}"}),
        json!({"type": "response.completed", "response": completed}),
    ];
    (events, body)
}

#[test]
fn a_response_is_what_its_last_event_holds_else_what_its_deltas_add_up_to() {
    for with_output in [true, false] {
        let (events, body) = response_events(with_output);
        assert_same(Endpoint::Responses, &named(&events), &body.to_string());
        assert_same(Endpoint::Responses, &(named(&events) + "data: [DONE]\n\n"), &body.to_string());
    }
    let (events, _) = response_events(true);
    let cut = Streamed::read(named(&events[..8]).as_bytes());
    let answer = cut.answer(cut.shape).unwrap();
    assert_eq!(
        (cut.end, answer.text(), answer.reasoning.as_deref()),
        (StreamEnd::Open, Some("Hello"), Some("I think"))
    );
}

#[test]
fn a_stream_ends_as_far_as_it_came() {
    let text = delta(&json!({"content": "a"}));
    for (body, end, events) in [
        (data(&text) + "data: [DONE]\n\n", StreamEnd::Closed, 1),
        (data(&text) + "data: [DONE]", StreamEnd::Closed, 1),
        (data(&text) + "data:[DONE]\n\n: more\n\ndata: garbage\n\n", StreamEnd::Closed, 1),
        (data(&text) + &data(&finish("stop")), StreamEnd::Finished, 2),
        (data(&text) + data(&finish("stop")).trim_end(), StreamEnd::Finished, 2),
        (data(&text), StreamEnd::Open, 1),
        (data(&text) + "data: {\"choices\":[{\"fin", StreamEnd::Open, 2),
        (data(&usage()), StreamEnd::Open, 1),
        (": OPENROUTER PROCESSING\n\n".repeat(3), StreamEnd::Open, 0),
    ] {
        let streamed = Streamed::read(body.as_bytes());
        assert_eq!((streamed.end, streamed.events, &streamed.problem), (end, events, &None), "{body}");
    }
    assert_eq!(Streamed::read(b": a\n\n: b\n").comments, 2);
}

#[test]
fn clients_leave_at_a_last_event_at_a_reason_to_end_and_at_an_error() {
    let text = data(&delta(&json!({"content": "a"})));
    let error = json!({"error": {"code": 502, "message": "m"}, "choices": [{"delta": {}, "finish_reason": null}]});
    let named = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}\n\n";
    let failed = json!({"type": "response.failed", "response": {"status": "failed"}});
    for (rest, failed, has_said_all) in [
        ("data: [DONE]\n\n".to_owned(), false, true),
        (data(&finish("stop")), false, true),
        (data(&error), true, true),
        (named.to_owned(), true, true),
        ("event: error\ndata: no JSON\n\n".to_owned(), true, true),
        (data(&json!({"type": "error", "code": "server_error", "message": "m"})), true, true),
        (data(&failed), false, true),
        (data(&json!({"error": null, "choices": []})), false, false),
        (data(&error).trim_end().to_owned(), false, false),
        ("data: no JSON\n\n".to_owned() + &data(&finish("stop")), false, false),
        (String::new(), false, false),
    ] {
        let streamed = Streamed::read(format!("{text}{rest}").as_bytes());
        assert_eq!((streamed.failed, streamed.has_said_all()), (failed, has_said_all), "{rest}");
    }
}

#[test]
fn an_event_that_cannot_be_read_is_told_by_its_number() {
    let text = delta(&json!({"content": "a"}));
    for garbage in ["{\"choices\":", "null", "[1]", "42", "oops", "{\"a\":\"\u{1}\"}"] {
        let body = format!("data: {text}\n\n: c\n\ndata:\n\ndata: {garbage}\n\ndata: {text}\n\n");
        let problem = Streamed::read(body.as_bytes()).problem.unwrap();
        assert_eq!(problem.event, 2, "{garbage}");
        assert!(problem.to_string().starts_with("event 2 of the stream cannot be read: "), "{problem}");
    }
    let invalid = Streamed::read(b"data: {\"choices\":[{\"delta\":{\"content\":\"\xff\"}}]}\n\n");
    assert_eq!(invalid.problem.unwrap().event, 1);
}

#[test]
fn the_first_token_is_the_first_thing_that_a_model_wrote() {
    let first = |deltas: &[Value]| {
        let chunks: Vec<Value> = deltas.iter().map(delta).collect();
        let body = stream(&chunks);
        let place = Streamed::read(body.as_bytes()).tokens.first;
        let (events, _) = events(body.as_bytes());
        place.map(|place| events.iter().position(|event| event.end == place).unwrap())
    };
    let nothing = json!({"role": "assistant", "content": ""});
    for (deltas, expected) in [
        (vec![nothing.clone(), json!({"content": "a"}), json!({"content": "b"})], Some(1)),
        (vec![nothing.clone(), json!({"reasoning": "a"}), json!({"content": "b"})], Some(1)),
        (vec![json!({"reasoning_details": [{"type": "reasoning.text", "text": "a"}]})], Some(0)),
        (vec![nothing.clone(), json!({"tool_calls": [{"index": 0, "function": {"name": "f"}}]})], Some(1)),
        (vec![nothing.clone(), json!({"refusal": "no"})], Some(1)),
        (vec![nothing, json!({"content": null, "reasoning": null, "tool_calls": []})], None),
    ] {
        assert_eq!(first(&deltas), expected, "{deltas:?}");
    }
    let hidden = |deltas: &[Value]| {
        let mut chunks: Vec<Value> = deltas.iter().map(delta).collect();
        chunks.push(json!({"choices": [], "usage": {"completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 7}}}));
        Streamed::read(stream(&chunks).as_bytes()).tokens.hidden
    };
    assert_eq!(hidden(&[json!({"content": "a"})]), 7);
    assert_eq!(hidden(&[json!({"reasoning": "t"}), json!({"content": "a"})]), 0);
}

#[test]
fn a_whole_answer_in_one_event_is_read_too() {
    let body = whole(&json!({"role": "assistant", "content": "Hello"}), "stop");
    assert_same(Endpoint::ChatCompletions, &format!("data: {body}\n\ndata: [DONE]\n\n"), &body);
}
