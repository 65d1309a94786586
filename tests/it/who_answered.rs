//! Who gave the answers, and what the gateway's log is told of each request.

use serde_json::{Value, json};

use crate::support::{FaultyGateway, Output, Play, Test};

const JOB: &str = "[input]\npath = \"rows.csv\"\nid = \"id\"\n[request]\nmodels = [\"x/m\"]\nprompt = \"{{ q }}\"\n";
const ROWS: &str = "id,q\na,azure\nb,azure\nc,openai\n";

fn answer(model: &str, provider: &str, more: &Value) -> Play {
    let mut body = json!({
        "id": "gen-1", "object": "chat.completion", "model": model, "provider": provider,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5, "cost": 0.25},
    });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Play::Answer(200, "", body.to_string())
}

/// A gateway whose rows say who answers.
fn gateway() -> FaultyGateway {
    FaultyGateway::new(|received| {
        let provider = if received.text().contains("openai") { "OpenAI" } else { "Azure" };
        answer("x/m-2025-08-07", provider, &json!({}))
    })
}

fn run(test: &Test, gateway: &FaultyGateway, sets: &[&str]) -> Output {
    let sets = sets.iter().flat_map(|set| ["--set", set]);
    // One after another, so that it is known who is the first.
    test.run_job().to(gateway).and(["--in-flight", "1"]).and(sets).run()
}

fn shown(test: &Test, args: &[&str]) -> Value {
    let output = test.args(["show", "latest", "--json"]).and(args).run();
    serde_json::from_str(&output.stdout).unwrap()
}

#[test]
fn a_mix_of_providers_is_told_while_it_runs_in_the_summary_and_by_show() {
    let (test, gateway) = (Test::new().job(JOB).file("rows.csv", ROWS), gateway());
    let output = run(&test, &gateway, &[]);
    let live = "warning: x/m is answered by several providers (Azure, OpenAI), whose answers may differ; \
                to pin one: request.params.provider = { only = [\"azure\"] }\n";
    let summary = "warning: x/m is answered by several providers (Azure 2, OpenAI 1), whose answers may differ; \
                   to pin one: request.params.provider = { only = [\"azure\"] }";
    assert!(output.stderr.contains(live) && output.stderr.contains(summary), "{}", output.stderr);
    let run = shown(&test, &[]);
    let served = |index: usize| (run["served"][index]["provider"].as_str(), run["served"][index]["answers"].as_u64());
    assert_eq!((served(0), served(1)), ((Some("Azure"), Some(2)), (Some("OpenAI"), Some(1))));
    assert!(summary.ends_with(run["warnings"][0].as_str().unwrap()));
    let page = test.args(["show", "latest"]).run().stdout;
    assert!(page.contains("who answered\n") && page.contains(summary), "{page}");
}

#[test]
fn an_answer_of_another_provider_than_the_pinned_one_is_told_with_its_row() {
    let (test, gateway) = (Test::new().job(JOB).file("rows.csv", ROWS), gateway());
    let pin = "request.params.provider={ order = [\"azure/eastus\"], allow_fallbacks = false }";
    let output = run(&test, &gateway, &[pin]);
    for told in [
        "warning: row \"c\" asked x/m of azure/eastus alone, and OpenAI answered\n",
        "warning: x/m was asked of azure/eastus alone, and OpenAI gave 1 answer: nightreel show 1 --position 2\n",
    ] {
        assert!(output.stderr.contains(told), "{told}\n{}", output.stderr);
    }
    let told = "OpenAI gave 1 answer: nightreel show 1 --position 2 --store other.db\n";
    test.run_job().to(&gateway).and(["--set", pin, "--store", "other.db"]).stderr_contains(told).run();
    let page = test.args(["show", "1", "--store", "other.db"]).run().stdout;
    assert!(page.contains(told), "{page}");
    assert!(!output.stderr.contains("several providers"), "{}", output.stderr);
}

#[test]
fn a_run_whose_pin_is_kept_says_nothing_of_who_answered() {
    let (test, gateway) = (Test::new().job(JOB).file("rows.csv", ROWS), gateway());
    let output = run(&test, &gateway, &["request.params.provider.only=[\"azure\", \"openai\"]"]);
    assert!(!output.stderr.contains("warning"), "{}", output.stderr);
    assert_eq!(shown(&test, &[])["warnings"], json!([]));
}

#[test]
fn another_model_and_a_mix_of_quantizations_are_told() {
    let gateway = FaultyGateway::new(|received| {
        let other = received.text().contains("openai");
        let quantization = if other { "fp8" } else { "bf16" };
        let routed = json!({"endpoints": {"total": 1, "available": [
            {"provider": "Azure", "model": "x/m", "selected": true, "quantization": quantization}]}});
        answer(if other { "x/other" } else { "x/m" }, "Azure", &json!({"openrouter_metadata": routed}))
    });
    let test = Test::new().job(JOB).file("rows.csv", ROWS);
    let output = run(&test, &gateway, &["gateway.router_metadata=true"]);
    assert!(gateway.received()[0].head.contains("x-openrouter-metadata: enabled\r\n"));
    for told in [
        "warning: row \"c\" asked x/m, and another model answered: x/other\n",
        "warning: x/m was asked, and another model, x/other, gave 1 answer: nightreel show 1 --position 2\n",
        "x/m is answered by several quantizations (bf16, fp8), whose answers may differ",
        "x/m is answered by several quantizations (bf16 2, fp8 1), whose answers may differ",
    ] {
        assert!(output.stderr.contains(told), "{told}\n{}", output.stderr);
    }
}

#[test]
fn every_attempt_is_found_in_the_gateways_log() {
    let gateway = FaultyGateway::new(|received| match (received.text().contains("lost"), received.times) {
        (true, 1) => Play::Reset,
        (false, 1) => Play::Answer(500, "", "{}".to_owned()),
        _ => Play::Answer(
            200,
            "cf-aig-log-id: 01J\r\ncf-aig-cache-status: MISS\r\ncf-ray: 8a-FRA\r\nx-generation-id: gen-1\r\n",
            json!({"model": "x/m", "provider": "Azure", "choices": [{"message": {"content": "hi"}}]}).to_string(),
        ),
    });
    let test = Test::new().job(JOB).file("rows.csv", "id,q\na,lost\n\"grün 1\",failed\n");
    let sets = ["--set", "gateway.metadata={ team = \"x\" }"];
    test.run_job().to(&gateway).and(sets).env("CF_AIG_TOKEN", "cf-token").run();
    let header = |head: &str, name: &str| {
        let line = head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")).map(str::to_owned));
        line.unwrap_or_else(|| panic!("{name} is missing in\n{head}"))
    };
    let mut events = Vec::new();
    for received in gateway.received() {
        let metadata: Value = serde_json::from_str(&header(&received.head, "cf-aig-metadata")).unwrap();
        let row = if received.text().contains("lost") { "a" } else { "grün 1" };
        let expected = json!({"run": "1", "item": format!("{row} x/m #0"), "attempt": received.times, "team": "x"});
        assert_eq!(metadata, expected);
        events.push(header(&received.head, "cf-aig-event-id"));
    }
    assert_eq!(events.len(), 4);
    let mut shown_events = Vec::new();
    for row in ["a", "grün 1"] {
        let item = &shown(&test, &[row])["items"][0];
        let attempts = item["exchanges"][0]["attempts"].as_array().unwrap().clone();
        shown_events.extend(attempts.iter().map(|attempt| attempt["event_id"].as_str().unwrap().to_owned()));
        let last = &attempts[1];
        let told = ["gateway_log_id", "cache_status", "cf_ray", "generation_id", "served_model", "provider"];
        let told = told.map(|name| last[name].as_str().unwrap());
        assert_eq!(told, ["01J", "MISS", "8a-FRA", "gen-1", "x/m", "Azure"]);
    }
    events.sort();
    shown_events.sort();
    assert_eq!(shown_events, events, "what is shown is not what was sent");
    events.dedup();
    assert_eq!(events.len(), 4, "two attempts share an id");
    let page = test.args(["show", "latest", "a"]).run().stdout;
    assert!(events.iter().any(|event| page.contains(&format!("  event id {event}\n"))), "{page}");
    assert!(page.contains("  answered by x/m of Azure\n") && page.contains("  cf-aig-log-id: 01J\n"), "{page}");
}

#[test]
fn settings_that_nobody_reads_are_told_before_anything_is_sent() {
    let (test, gateway) = (Test::new().job(JOB).file("rows.csv", ROWS), gateway());
    let output = run(&test, &gateway, &["gateway.cache_ttl=60", "gateway.title=Night shift"]);
    let plain = output.plain_stderr();
    for told in [
        "warning: gateway.cache_ttl: 127.0.0.1:[PORT] is no Cloudflare AI Gateway",
        "warning: gateway.title: OpenRouter alone reads this, and the base URL (127.0.0.1:[PORT]) does not lead there\n",
        "warning: gateway.title and gateway.categories count at OpenRouter only together with gateway.referer\n",
    ] {
        assert!(plain.contains(told), "{told}\n{plain}");
    }
    let head = &gateway.received()[0].head;
    assert!(!head.contains("cf-aig") && head.contains("x-openrouter-title: Night shift\r\n"), "{head}");
}
