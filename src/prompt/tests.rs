use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

use super::*;
use crate::job::Job;
use crate::model::{Endpoint, Key, KeyRules, Row, RowRequest};

fn job(request: &str) -> Job {
    let text = format!("[input]\npath = \"q.jsonl\"\n[request]\nmodels = [\"m\"]\n{request}\n");
    Job::from_text(Path::new("jobs/a.toml"), &text, &[]).unwrap()
}

fn requests_job(rest: &str) -> Job {
    let text = format!("[input]\npath = \"r.jsonl\"\nformat = \"requests\"\n{rest}\n");
    Job::from_text(Path::new("jobs/a.toml"), &text, &[]).unwrap()
}

fn prompt(request: &str) -> Prompt {
    Prompt::compile(&job(request)).unwrap()
}

fn row(fields: Value) -> Row {
    let Value::Object(fields) = fields else { panic!("a row is an object") };
    Row { number: 16, line: 17, id: "r1".to_owned(), fields, request: None }
}

fn own(body: &str, endpoint: Option<Endpoint>) -> Row {
    let request = RowRequest { endpoint, body: Bytes::copy_from_slice(body.as_bytes()) };
    Row { request: Some(request), ..row(json!({})) }
}

fn body(request: &str, fields: Value) -> String {
    let draft = prompt(request).draft(&row(fields), 0).unwrap();
    String::from_utf8(draft.request(0, &[]).unwrap().body.to_vec()).unwrap()
}

fn refusal(request: &str, fields: Value) -> String {
    prompt(request).draft(&row(fields), 0).unwrap_err().to_string()
}

#[test]
fn a_body_has_what_the_job_says_in_its_order() {
    for (request, expected) in [
        (r#"prompt = "{{ q }}""#, r#"{"model":"m","messages":[{"role":"user","content":"a\"b\nö"}]}"#),
        (
            "prompt = \"{{ q }}\"\nsystem = \"S {{ n }}\"\nparams = { z = 0, a = 0.0, s = { k = [\"{{ n }}\", \"x{#\"] } }",
            r#"{"model":"m","messages":[{"role":"system","content":"S 7"},{"role":"user","content":"a\"b\nö"}],"z":0,"a":0.0,"s":{"k":["7","x{#"]}}"#,
        ),
        (
            r#"messages = [{ role = "system", content = "s" }, { role = "user", content = [{ type = "text", text = "{{ n }}" }] }]"#,
            r#"{"model":"m","messages":[{"role":"system","content":"s"},{"role":"user","content":[{"type":"text","text":"7"}]}]}"#,
        ),
        (
            "system = \"s\"\nmessages = [{ role = \"user\", content = \"{{ n }}\" }]",
            r#"{"model":"m","messages":[{"role":"system","content":"s"},{"role":"user","content":"7"}]}"#,
        ),
        ("endpoint = \"embeddings\"\nprompt = \"{{ n }}\"", r#"{"model":"m","input":"7"}"#),
        (
            "endpoint = \"completions\"\nprompt = \"{{ n }}\"\nparams = { max_tokens = 1 }",
            r#"{"model":"m","prompt":"7","max_tokens":1}"#,
        ),
        ("endpoint = \"responses\"\nprompt = \"{{ n }}\"", r#"{"model":"m","input":"7"}"#),
        (
            "endpoint = \"responses\"\nsystem = \"s\"\nmessages = [{ role = \"user\", content = \"{{ n }}\" }]",
            r#"{"model":"m","instructions":"s","input":[{"role":"user","content":"7"}]}"#,
        ),
        (
            "endpoint = \"messages\"\nsystem = \"s\"\nprompt = \"{{ n }}\"\nparams = { max_tokens = 9 }",
            r#"{"model":"m","system":"s","messages":[{"role":"user","content":"7"}],"max_tokens":9}"#,
        ),
    ] {
        assert_eq!(body(request, json!({ "q": "a\"b\nö", "n": 7 })), expected);
    }
}

#[test]
fn a_stream_is_asked_for_at_the_end() {
    let mut job = job("prompt = \"p\"\nparams = { a = 1 }");
    job.request.stream = true;
    let draft = Prompt::compile(&job).unwrap().draft(&row(json!({})), 0).unwrap();
    let expected = r#"{"model":"m","messages":[{"role":"user","content":"p"}],"a":1,"stream":true}"#;
    assert_eq!(draft.request(0, &[]).unwrap().body, expected);
}

#[test]
fn a_conversation_sends_each_turn_with_the_answers_before_it() {
    for (request, first, second) in [
        (
            "system = \"s\"\nturns = [\"{{ t[0] }}\", \"{{ t[1] }}\"]\nparams = { a = 1 }",
            r#"{"model":"m","messages":[{"role":"system","content":"s"},{"role":"user","content":"one"}],"a":1}"#,
            r#"{"model":"m","messages":[{"role":"system","content":"s"},{"role":"user","content":"one"},{"role":"assistant","content":"A\"1"},{"role":"user","content":"two"}],"a":1}"#,
        ),
        (
            "endpoint = \"responses\"\nturns = [\"{{ t[0] }}\", \"{{ t[1] }}\"]",
            r#"{"model":"m","input":[{"role":"user","content":"one"}]}"#,
            r#"{"model":"m","input":[{"role":"user","content":"one"},{"role":"assistant","content":"A\"1"},{"role":"user","content":"two"}]}"#,
        ),
        (
            "endpoint = \"messages\"\nsystem = \"s\"\nturns = [\"{{ t[0] }}\", \"two\"]\nparams = { max_tokens = 1 }",
            r#"{"model":"m","system":"s","messages":[{"role":"user","content":"one"}],"max_tokens":1}"#,
            r#"{"model":"m","system":"s","messages":[{"role":"user","content":"one"},{"role":"assistant","content":"A\"1"},{"role":"user","content":"two"}],"max_tokens":1}"#,
        ),
    ] {
        let draft = prompt(request).draft(&row(json!({ "t": ["one", "two"] })), 0).unwrap();
        assert_eq!(draft.steps(), 2);
        assert_eq!(draft.request(0, &[]).unwrap().body, first);
        assert_eq!(draft.request(1, &["A\"1".to_owned()]).unwrap().body, second);
    }
}

#[test]
fn a_step_that_is_not_due_is_refused() {
    let draft = prompt("turns = [\"a\", \"b\"]").draft(&row(json!({})), 0).unwrap();
    let message = |step, answers: &[String]| draft.request(step, answers).unwrap_err().to_string();
    assert_eq!(
        message(1, &[]),
        "jobs/q.jsonl:17: step 1 of 2 was asked for with 0 answers, one for each step before it is due"
    );
    assert!(message(2, &[String::new(), String::new()]).contains("step 2 of 2"));
}

#[test]
fn a_template_sees_the_row_and_what_stands_beside_it() {
    let fields = json!({ "Best Answer": "B", "n": 1, "big": u64::MAX, "f": 0.1, "o": { "k": [true, null] }, "model": "mine", "größe": "g" });
    for (template, expected) in [
        ("{{ row[\"Best Answer\"] }}", "B"),
        ("{{ row.n }} {{ n + 1 }} {{ big }} {{ f }}", "1 2 18446744073709551615 0.1"),
        ("{{ o.k[0] }} {{ o | tojson }}", "True {\"k\": [true, null]}"),
        ("{{ model }}", "mine"),
        ("{{ id }} {{ row_number }}", "r1 16"),
        ("{% for name in row %}{{ name }},{% endfor %}", "Best Answer,n,big,f,o,model,größe,"),
        ("{{ row.Best is defined }} {{ row['größe'] }}", "False g"),
        ("{% if none_such is defined %}x{% else %}y{% endif %}", "y"),
        ("{{ none_such | default('d') }}", "d"),
        ("{% if false %}{% set n = 2 %}{% endif %}{{ n }}", "1"),
        ("{{ '{{' }} <b>&'\"", "{{ <b>&'\""),
        ("a\n\n", "a\n\n"),
        ("{{ n }}\n", "1\n"),
        ("{# note #}x", "x"),
        ("no { marks } %} here", "no { marks } %} here"),
    ] {
        let request = format!("prompt = {}", toml::Value::from(template));
        let body: Value = serde_json::from_str(&body(&request, fields.clone())).unwrap();
        assert_eq!(body["messages"][0]["content"], expected, "{template}");
    }
}

#[test]
fn a_value_is_never_a_template() {
    let expected = r#"{"model":"m","messages":[{"role":"user","content":"{{ 7*7 }}{% x %}"}]}"#;
    assert_eq!(body("prompt = \"{{ q }}\"", json!({ "q": "{{ 7*7 }}{% x %}" })), expected);
}

#[test]
fn every_model_of_the_job_is_asked_about_the_row() {
    let mut job = job("prompt = \"{{ model }}\"\nsamples = 3");
    job.request.models = vec!["a".into(), "b".into()];
    let prompt = Prompt::compile(&job).unwrap();
    assert_eq!((prompt.models(), prompt.samples()), (2, 3));
    let row = row(json!({}));
    let drafts: Vec<_> = prompt.drafts(&row).map(Result::unwrap).collect();
    assert_eq!(drafts.iter().map(|draft| &*draft.model).collect::<Vec<_>>(), ["a", "b"]);
    let expected = r#"{"model":"b","messages":[{"role":"user","content":"b"}]}"#;
    assert_eq!(drafts[1].request(0, &[]).unwrap().body, expected);
}

#[test]
fn a_row_without_what_a_template_needs_is_refused_by_name() {
    let fields = || json!({ "question": "q", "answer": null, "o": {} });
    for (request, expected) in [
        (
            "prompt = \"{{ Question }}\"",
            "jobs/q.jsonl:17: request.prompt uses \"Question\", which this row does not have (it has question, answer, o)",
        ),
        (
            "prompt = \"x\\n{{ o.k.z }}\"",
            "jobs/q.jsonl:17: request.prompt uses \"o.k\", which this row does not have (it has question, answer, o)",
        ),
        (
            "prompt = \"{{ row['Best'] }}\"",
            "jobs/q.jsonl:17: request.prompt uses \"row['Best']\", which this row does not have (it has question, answer, o)",
        ),
        (
            "prompt = \"{{ Question | upper }}\"",
            "jobs/q.jsonl:17: request.prompt uses \"Question\", which this row does not have (it has question, answer, o)",
        ),
        (
            "prompt = \"{% if Question %}{% endif %}\"",
            "jobs/q.jsonl:17: request.prompt uses \"Question\", which this row does not have (it has question, answer, o)",
        ),
        (
            "prompt = \"{% for x in Question %}{% endfor %}\"",
            "jobs/q.jsonl:17: request.prompt uses \"Question\", which this row does not have (it has question, answer, o)",
        ),
        (
            "prompt = \"p\"\nparams = { a = { b = [\"{{ x }}\"] } }",
            "jobs/q.jsonl:17: request.params.a.b[0] uses \"x\", which this row does not have (it has question, answer, o)",
        ),
        (
            "turns = [\"a\", \"{{ x }}\"]",
            "jobs/q.jsonl:17: request.turns[1] uses \"x\", which this row does not have (it has question, answer, o)",
        ),
        (
            "messages = [{ role = \"user\", content = \"{{ x }}\" }]",
            "jobs/q.jsonl:17: request.messages[0].content uses \"x\", which this row does not have (it has question, answer, o)",
        ),
        (
            "prompt = \"Q: {{ answer }}\"",
            "jobs/q.jsonl:17: request.prompt prints \"answer\", which is null in this row; give it a text, as in {{ (answer) or \"none\" }}",
        ),
        (
            "prompt = \"\\n{{ question | uper }}\"",
            "jobs/q.jsonl:17: request.prompt, line 2 of the template: unknown filter: filter uper is unknown",
        ),
        (
            "prompt = \"{% for x in range(10000) %}{% for y in range(10000) %}{% endfor %}{% endfor %}\"",
            "jobs/q.jsonl:17: request.prompt, line 1 of the template: it takes more than 1000000 steps",
        ),
        (
            "prompt = \"{{ question + 1 }}\"",
            "jobs/q.jsonl:17: request.prompt, line 1 of the template: invalid operation: tried to use + operator on unsupported types string and number",
        ),
    ] {
        assert_eq!(refusal(request, fields()), expected);
    }
    let many: serde_json::Map<_, _> = (0..25).map(|number| (format!("c{number}"), json!(1))).collect();
    assert!(refusal("prompt = \"{{ x }}\"", Value::Object(many)).ends_with("c18, c19 and 5 more)"));
    assert!(refusal("prompt = \"{{ x }}\"", json!({})).ends_with("(it has none)"));
}

#[test]
fn a_template_that_is_none_is_named_with_its_line() {
    for (request, expected) in [
        (
            "prompt = \"a\\n{{ q\"",
            "jobs/a.toml: request.prompt, line 2 of the template: syntax error: unexpected end of input, expected end of variable block",
        ),
        (
            "prompt = \"{{ Best Answer }}\"",
            "jobs/a.toml: request.prompt, line 1 of the template: syntax error: unexpected identifier, expected end of variable block; a column whose name is no identifier is written {{ row[\"its name\"] }}",
        ),
        (
            "prompt = \"p\"\nsystem = \"{% if x %}\"",
            "jobs/a.toml: request.system, line 1 of the template: syntax error: unexpected end of input, expected end of block",
        ),
    ] {
        assert_eq!(Prompt::compile(&job(request)).unwrap_err().to_string(), expected);
    }
}

#[test]
fn a_variable_that_is_no_column_is_found_before_any_row_is_read() {
    let columns = ["id", "Question", "Best Answer"].map(str::to_owned);
    for (request, expected) in [
        ("prompt = \"{{ Question }} {{ row['x'] }} {{ model }} {{ id }} {{ range(3) }}\"", None),
        ("prompt = \"{% for x in Question %}{{ loop.index }}{{ x }}{% endfor %}\"", None),
        ("prompt = \"{{ Hint | default('') }}\"", None),
        ("prompt = \"no variable\"", None),
        (
            "prompt = \"{{ question }}\"",
            Some(
                "jobs/a.toml: request.prompt uses \"question\", which is no column of jobs/q.jsonl; did you mean \"Question\"? columns are id, Question, Best Answer",
            ),
        ),
        (
            "prompt = \"p\"\nsystem = \"{{ Best_Answer }}\"",
            Some(
                "jobs/a.toml: request.system uses \"Best_Answer\", which is no column of jobs/q.jsonl; did you mean row[\"Best Answer\"]? columns are id, Question, Best Answer",
            ),
        ),
        (
            "prompt = \"{{ zz }} {{ aa }}\"",
            Some(
                "jobs/a.toml: request.prompt uses \"zz\", which is no column of jobs/q.jsonl; columns are id, Question, Best Answer",
            ),
        ),
    ] {
        let message = prompt(request).check_columns(&columns).err().map(|error| error.to_string());
        assert_eq!(message.as_deref(), expected);
    }
}

#[test]
fn a_rows_own_request_keeps_its_bytes() {
    let text = "{ \"messages\" : [ ],\t\"model\":\"x\", \"n\": 1.50 }";
    let prompt = Prompt::compile(&requests_job("")).unwrap();
    let draft = prompt.draft(&own(text, None), 0).unwrap();
    assert_eq!((&*draft.model, draft.endpoint, draft.steps()), ("x", Endpoint::ChatCompletions, 1));
    let request = draft.request(0, &[]).unwrap();
    assert_eq!(request.body, text);
    assert_eq!(request.key, Key::of(Endpoint::ChatCompletions, text.as_bytes(), &KeyRules::default()).unwrap());
    let draft = prompt.draft(&own(text, Some(Endpoint::Responses)), 0).unwrap();
    assert_eq!(draft.endpoint, Endpoint::Responses);
}

#[test]
fn a_job_that_names_models_asks_a_rows_own_request_of_each() {
    let prompt =
        Prompt::compile(&requests_job("[request]\nmodels = [\"a\", \"x\"]\nendpoint = \"responses\"")).unwrap();
    let row = own("{\"n\":1, \"model\":\"x\" }", None);
    let drafts: Vec<_> = prompt.drafts(&row).map(Result::unwrap).collect();
    assert_eq!(drafts[0].request(0, &[]).unwrap().body, "{\"n\":1, \"model\":\"a\" }");
    assert_eq!(drafts[1].request(0, &[]).unwrap().body, "{\"n\":1, \"model\":\"x\" }");
    assert_eq!(drafts[0].endpoint, Endpoint::Responses);
    assert_eq!(drafts[0].request(0, &[]).unwrap().model, Arc::from("a"));
}

#[test]
fn a_rows_own_request_that_cannot_be_sent_is_named() {
    let prompt = Prompt::compile(&requests_job("")).unwrap();
    let message = |row: &Row| prompt.draft(row, 0).and_then(|draft| draft.request(0, &[])).unwrap_err().to_string();
    let deep = format!("{{\"model\":\"m\",\"a\":{}{}}}", "[".repeat(20_000), "]".repeat(20_000));
    for (row, expected) in [
        (
            own("{}", None),
            "jobs/r.jsonl:17: the request names no model; name it in the line, or for all lines as request.models in the job",
        ),
        (
            own("{\"model\":3}", None),
            "jobs/r.jsonl:17: the request names no model; name it in the line, or for all lines as request.models in the job",
        ),
        (
            own("[1]", None),
            "jobs/r.jsonl:17: the request is not a JSON object: invalid type: sequence, expected an object at line 1 column 0",
        ),
        (
            own("{\"a\":", None),
            "jobs/r.jsonl:17: the request is not a JSON object: EOF while parsing a value at line 1 column 5",
        ),
        (own(&deep, None), "jobs/r.jsonl:17: the request is not a JSON object: not JSON: nested too deep at byte 144"),
        (row(json!({})), "jobs/r.jsonl:17: this row is no request of its own, and the job has no request.prompt"),
    ] {
        assert_eq!(message(&row), expected);
    }
}

#[test]
fn a_row_of_standard_input_is_named_so() {
    let mut job = job("prompt = \"{{ x }}\"");
    job.input.path = "-".into();
    let error = Prompt::compile(&job).unwrap().draft(&row(json!({})), 0).unwrap_err();
    assert!(error.to_string().starts_with("standard input:17: "), "{error}");
}

#[test]
fn what_the_job_ignores_is_left_out_of_the_key() {
    let text = "[input]\npath = \"q\"\n[request]\nmodels = [\"m\"]\nprompt = \"p\"\nparams = { user = \"{{ u }}\" }\n[record]\nignore = [\"$.user\"]\n";
    let prompt = Prompt::compile(&Job::from_text(Path::new("a.toml"), text, &[]).unwrap()).unwrap();
    let key = |user: &str| prompt.draft(&row(json!({ "u": user })), 0).unwrap().request(0, &[]).unwrap().key;
    assert_eq!(key("a"), key("b"));
}

/// Run with `cargo test --release --lib prompt:: -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement, for a release build"]
fn the_time_a_row_takes() {
    let prompt = prompt(
        "system = \"Answer in one sentence.\"\nprompt = \"Question: {{ c3 }}\\nAnswer:\"\nparams = { temperature = 0 }",
    );
    let fields = (0..7).map(|number| (format!("c{number}"), Value::from("x".repeat(100)))).collect();
    let row = row(Value::Object(fields));
    let rounds = 300_000_u32;
    let drafted = std::time::Instant::now();
    for _ in 0..rounds {
        std::hint::black_box(prompt.draft(&row, 0).unwrap());
    }
    let drafted = drafted.elapsed() / rounds;
    let whole = std::time::Instant::now();
    for _ in 0..rounds {
        std::hint::black_box(prompt.draft(&row, 0).unwrap().request(0, &[]).unwrap());
    }
    println!("draft {drafted:?}, draft and request {:?}", whole.elapsed() / rounds);
}

#[test]
fn prompts_and_drafts_go_between_threads() {
    fn goes<T: Send + Sync>() {}
    goes::<Prompt>();
    goes::<Draft>();
}
