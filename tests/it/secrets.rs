//! No credential, and nothing that a job strikes, is seen anywhere: canaries are planted and searched
//! for in all that comes out.

use std::fs;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{
    CANARY, Call, Destination as _, FaultyGateway, Output, Play, Received, Running, Served, Test, until,
};

const TOKEN: &str = "cf-canary-token-0b7e61aa";
const PATIENT: &str = "patient-canary-77310";

/// What is searched for: enough of each canary that a part of it is found too.
const NEEDLES: [&str; 3] = ["sk-or-v1-can", "cf-canary-tok", "patient-can"];

const JOB: &str = r#"
[input]
path = "rows.csv"
id = "id"
[request]
models = ["x/m"]
system = "Never speak of patient-canary-77310."
prompt = "{{ how }}: what of patient-canary-77310?{{ note }}"
[record]
redact = [{ pattern = 'patient-[a-z]+-\d+', with = "patient-N" }]
[retry]
attempts = 2
"#;

/// How the gateway gives away what it was sent; the row's id.
const WAYS: [&str; 14] = [
    "in-the-answer",
    "in-names",
    "in-an-error",
    "in-an-error-in-200",
    "in-a-choice",
    "in-headers",
    "in-a-page",
    "in-plain-text",
    "in-a-long-message",
    "in-a-long-message-of-a-patient",
    "in-a-cut-body",
    "in-json-of-json",
    "in-a-broken-head",
    "in-a-stream",
];

fn rows() -> String {
    let rows = WAYS.iter().map(|way| format!("{way},{way},\"of {PATIENT}\"\n"));
    format!("id,how,note\n{}", rows.collect::<String>())
}

fn job() -> Test {
    Test::new().job(JOB).file("rows.csv", rows())
}

/// Everything that a request gives away, in one text.
fn given_away(received: &Received) -> String {
    format!("{} {}", received.head.replace("\r\n", " | "), received.text())
}

fn answer(text: &str) -> serde_json::Value {
    serde_json::json!({
        "id": "gen-1", "model": "x/m", "provider": "Azure",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "cost": 0.25},
    })
}

fn give_away(received: &Received) -> Play {
    let (all, text) = (given_away(received), received.text());
    let error = |code: u16, message: &str| serde_json::json!({"error": {"code": code, "message": message}}).to_string();
    let raw = |text: String| Play::Raw(text.into_bytes());
    let way = WAYS.iter().find(|way| text.contains(&format!("{way}:"))).expect("every request has its way");
    match *way {
        "in-the-answer" => Play::Answer(200, "", answer(&all).to_string()),
        "in-names" => {
            let mut body = answer("fine");
            body["model"] = CANARY.into();
            body["provider"] = TOKEN.into();
            body["choices"][0]["finish_reason"] = CANARY.into();
            Play::Answer(200, "", body.to_string())
        }
        "in-an-error" => Play::Answer(400, "", error(400, &all)),
        "in-an-error-in-200" => Play::Answer(200, "", error(502, &all)),
        "in-a-choice" => {
            let mut body = answer(&all);
            body["choices"][0]["error"] = serde_json::json!({"code": 502, "message": all});
            Play::Answer(200, "", body.to_string())
        }
        "in-headers" => raw(format!(
            "HTTP/1.1 500 {CANARY}\r\ncf-ray: {CANARY}\r\nx-request-id: {TOKEN}\r\nlocation: https://u:{CANARY}@h/{TOKEN}?k={CANARY}\r\n\
             cf-aig-authorization: Bearer {TOKEN}\r\nset-cookie: k={CANARY}\r\ncontent-length: 2\r\n\r\n{{}}"
        )),
        "in-a-page" => Play::Answer(502, "", format!("<html><title>{CANARY} {TOKEN}</title>{all}</html>")),
        "in-plain-text" => Play::Answer(403, "", all),
        // A message for people is cut after 400 characters: within the key.
        "in-a-long-message" => Play::Answer(400, "", error(400, &format!("{}{CANARY}", "x".repeat(385)))),
        "in-a-long-message-of-a-patient" => Play::Answer(400, "", error(400, &format!("{}{PATIENT}", "x".repeat(385)))),
        "in-a-cut-body" => Play::CutShort(format!("{{\"choices\":[{{\"message\":{{\"content\":\"{}", &CANARY[..20])),
        "in-json-of-json" => {
            let inner = error(400, &format!("{CANARY} {TOKEN}"));
            let raw = serde_json::json!({"error": {"code": 400, "message": "Provider returned error",
                "metadata": {"provider_name": TOKEN, "raw": inner}}});
            Play::Answer(400, "", raw.to_string())
        }
        "in-a-broken-head" => raw(format!("{CANARY} {TOKEN}\r\n\r\n")),
        _ => Play::Answer(200, "", format!("data: {{\"choices\":[],\"k\":\"{CANARY} {TOKEN} {PATIENT}\"}}\n\n")),
    }
}

/// Sends with both credentials.
fn with_credentials(call: Call, gateway: &FaultyGateway) -> Call {
    call.to(gateway).env("CF_AIG_TOKEN", TOKEN)
}

fn search(what: &str, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for needle in NEEDLES {
        let found = text.find(needle).map(|at| {
            let (from, to) = (text.floor_char_boundary(at.saturating_sub(200)), text.ceil_char_boundary(at + 200));
            &text[from..to]
        });
        assert_eq!(found, None, "{needle} is seen in {what}");
    }
}

fn search_output(what: &str, output: &Output) {
    search(&format!("standard output of {what}"), output.stdout.as_bytes());
    search(&format!("standard error of {what}"), output.stderr.as_bytes());
}

/// Every file of the directory but those that the test has written itself.
fn search_files(test: &Test, own: &[&str]) {
    for entry in fs::read_dir(test.directory()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !own.contains(&name.as_str()) {
            search(&name, &fs::read(&path).unwrap());
        }
    }
}

/// Calls the binary whatever its exit code, and searches what it says.
fn search_call(test: &Test, args: &[&str]) -> Output {
    let call = test.args(args).env("OPENROUTER_API_KEY", CANARY).env("CF_AIG_TOKEN", TOKEN);
    let output = call.start().wait();
    search_output(&args.join(" ").replace(CANARY, "KEY"), &output);
    output
}

#[test]
fn nothing_that_a_gateway_gives_away_is_seen_anywhere() {
    let gateway = FaultyGateway::new(give_away);
    let test = job();
    for (progress, store) in [("json", "nightreel.db"), ("lines", "lines.db"), ("none", "none.db")] {
        // The first answer comes first: a refusal before it would stop the run.
        let args = ["run", "job.toml", "--in-flight", "1", "--progress", progress, "--store", store];
        let call = test.args(args).output("results.jsonl");
        let output = with_credentials(call, &gateway).start().wait();
        assert_eq!(output.status, Some(1), "{}", output.stderr);
        search_output(progress, &output);
    }
    let sent = gateway.received();
    assert!(
        sent.iter().all(|received| [CANARY, TOKEN, PATIENT].iter().all(|canary| given_away(received).contains(canary)))
    );
    for args in [
        ["runs", "--json"].as_slice(),
        &["show", "latest"],
        &["show", "latest", "--json"],
        &["export", "latest", "--output", "export.jsonl"],
        &["export", "latest", "--output", "export.csv"],
        &["export", "latest", "--output", "export-batch.jsonl", "--format", "openai-batch"],
        &["replay", "job.toml", "--output", "replay.jsonl"],
        &["validate", "job.toml"],
        &["validate", "job.toml", "--json"],
        &["estimate", "job.toml"],
        &["estimate", "job.toml", "--json"],
    ] {
        search_call(&test, args);
    }
    search_items(&test);
    assert!(test.path("export.csv").exists() && test.path("replay.jsonl").exists());
    search_files(&test, &["job.toml", "rows.csv"]);
}

/// All that a store holds is compressed: `show` tells it as it is, byte for byte.
fn search_items(test: &Test) {
    for position in (0..WAYS.len()).map(|position| position.to_string()) {
        let item = ["show", "latest", "--position", position.as_str()];
        search_call(test, &item);
        search_call(test, &[item.as_slice(), &["--json"]].concat());
        let request = search_call(test, &[item.as_slice(), &["--raw", "request"]].concat());
        assert!(request.stdout.contains("patient-N"), "{}", request.stdout);
        for attempt in ["1", "2"] {
            search_call(test, &[item.as_slice(), &["--raw", "response", "--attempt", attempt]].concat());
        }
    }
}

#[test]
fn a_refusal_that_repeats_the_key_is_told_without_it() {
    for status in [401, 402, 403] {
        let gateway = FaultyGateway::new(move |received| {
            let message = format!("your key {CANARY} ({}) is refused", given_away(received));
            Play::Answer(status, "", serde_json::json!({"error": {"code": status, "message": message}}).to_string())
        });
        let test = job();
        for progress in ["json", "lines"] {
            let call = test.args(["run", "job.toml", "--in-flight", "1", "--progress", progress]);
            let output = with_credentials(call, &gateway).start().wait();
            assert_eq!(output.status, Some(3), "{}", output.stderr);
            assert!(output.stderr.contains("your key [redacted]"), "{}", output.stderr);
            search_output(progress, &output);
        }
        search_call(&test, &["show", "latest"]);
        search_files(&test, &["job.toml", "rows.csv"]);
    }
}

#[test]
fn a_pasted_bearer_is_struck_with_and_without_its_scheme() {
    let gateway =
        FaultyGateway::new(|_| Play::Answer(200, "", answer(&format!("{CANARY} Bearer {CANARY}")).to_string()));
    let test = job();
    let url = gateway.base_url();
    let call = test.args(["run", "job.toml", "--base-url", &url, "--output", "results.jsonl"]);
    let output = call.env("OPENROUTER_API_KEY", &format!("Bearer {CANARY}")).run();
    search_output("run", &output);
    search_files(&test, &["job.toml", "rows.csv"]);
}

#[test]
fn a_run_that_is_killed_leaves_no_credential_in_its_files_nor_in_the_list_of_processes() {
    let gateway =
        FaultyGateway::new(
            |received| {
                if received.text().contains("in-a-stream:") { Play::Silence } else { give_away(received) }
            },
        );
    let test = job();
    let settled = (WAYS.len() - 1).to_string();
    let args = ["run", "job.toml", "--in-flight", "2", "--progress", "json"];
    let mut running: Running = with_credentials(test.args(args), &gateway).start();
    running.until("all items but one", |_| {
        let store = test.path("nightreel.db");
        store.exists()
            && test.store().value::<i64>("SELECT count(*) FROM sqlite_schema WHERE name = 'items'") == 1
            && test.store().count("SELECT count(*) FROM items").to_string() == settled
    });
    search("the command line", &fs::read(format!("/proc/{}/cmdline", running.id())).unwrap());
    let output = running.kill();
    search_output("a killed run", &output);
    assert!(test.path("nightreel.db-wal").exists());
    search_files(&test, &["job.toml", "rows.csv"]);
}

#[test]
fn what_is_wrong_is_told_without_the_secret_in_it() {
    let test = job();
    let secret = |text: &str| text.replace("KEY", CANARY);
    for flags in [
        vec!["--in-flight", "KEY"],
        vec!["--KEY"],
        vec!["--api-key=KEY"],
        vec!["--mode", "KEY"],
        vec!["--set", "KEY"],
        vec!["--set", "gateway.api_key_env=KEY"],
        vec!["--set", "gateway.api_key_env=\"KEY"],
        vec!["--set", "gateway.token=KEY"],
        vec!["--set", "gateway.byok_alias=KEY"],
        vec!["--set", "request.samples=KEY"],
        vec!["--set", "record.mode=KEY"],
        vec!["--base-url", "https://user:KEY@example.org/v1"],
        vec!["--base-url", "https://KEY@example.org/v1"],
        vec!["--base-url", "https://example.org/v1?key=KEY"],
        vec!["--base-url", "KEY"],
    ] {
        let flags: Vec<String> = flags.iter().map(|flag| secret(flag)).collect();
        let args: Vec<&str> = ["run", "job.toml"].into_iter().chain(flags.iter().map(String::as_str)).collect();
        assert_eq!(search_call(&test, &args).status, Some(2), "{flags:?}");
        // Nor where the environment does not know it.
        search_output("a call without a key", &test.args(&args).start().wait());
    }
    for (line, rows) in [
        ("[gateway]\napi_key_env = \"KEY\"", rows()),
        ("[gateway]\napi_key_env = \"KEY", rows()),
        ("[gateway]\napi_key = \"KEY\"", rows()),
        ("[gateway]\nbase_url = \"https://u:KEY@example.org\"", rows()),
        ("[gateway]\nheaders = { authorization = \"Bearer KEY\" }", rows()),
        ("[gateway]\nreferer = \"https://u:KEY@example.org\"", rows()),
        ("prices = \"KEY\"\nprices = 3", rows()),
        ("[[record.redact]]\npattern = \"patient-canary-77310(\"\nwith = \"\"", rows()),
        ("", "id,how,note\na,in-names,of patient-canary-77310,KEY\n".to_owned()),
    ] {
        let job = JOB.replace("redact = [{", if line.contains("redact") { "ignore = []\n#" } else { "redact = [{" });
        test.write("wrong.toml", format!("{job}\n{}\n", secret(line)).replace("rows.csv", "wrong.csv"));
        test.write("wrong.csv", secret(&rows));
        for args in
            [["run", "wrong.toml"].as_slice(), &["validate", "wrong.toml"], &["validate", "wrong.toml", "--json"]]
        {
            let output = search_call(&test, args);
            // To validate, the address of the gateway is a matter of the machine, and only noted.
            assert!(output.status == Some(2) || args[0] == "validate", "{line}\n{}", output.stderr);
        }
    }
    search_files(&test, &["job.toml", "rows.csv", "wrong.toml", "wrong.csv"]);
}

/// What a rule names, as Python's encoder writes it.
const ESCAPED: &str = r#""I am Zo\u00eb, \"4711\" of line\nbreak, \u00fc""#;
const NAMED: &str = r#"Zoë|"4711"|line\nbreak"#;

fn answers_escaped() -> FaultyGateway {
    let message = format!(r#"{{"role":"assistant","content":{ESCAPED}}}"#);
    let body = format!(r#"{{"choices":[{{"index":0,"message":{message},"finish_reason":"stop"}}]}}"#);
    FaultyGateway::new(move |_| Play::Answer(200, "", body.clone()))
}

fn search_named(what: &str, text: &str) {
    assert!(text.contains("I am N, N of N"), "{what}: {text}");
    for needle in ["Zoë", r"Zo\u00eb", r#"4711\""#, "break"] {
        assert!(!text.contains(needle), "{needle} is seen in {what}: {text}");
    }
}

#[test]
fn what_a_rule_names_is_struck_from_a_run_where_json_escapes_it() {
    let gateway = answers_escaped();
    let job = "[input]\npath = 'rows.jsonl'\n[request]\nmodels = ['x/m']\nprompt = '{{ q }}'\n[record]\n";
    let test = Test::new().job(&format!("{job}redact = [{{ pattern = '{NAMED}', with = 'N' }}]\n"));
    test.write("rows.jsonl", format!("{{\"q\":{ESCAPED}}}\n"));
    test.args(["run", "job.toml", "--output", "results.jsonl"]).to(&gateway).run();
    test.args(["fixture", "create", "latest", "-o", "f.db"]).run();
    search_named("the results", &test.text("results.jsonl"));
    search_named("an export", &test.args(["export", "latest"]).run().stdout);
    search_named("a fixture", &test.args(["fixture", "textconv", "f.db"]).run().stdout);
    let sent = gateway.received().len();
    test.args(["replay", "job.toml", "--output", "replayed.jsonl"]).run();
    search_named("a replay", &test.text("replayed.jsonl"));
    assert_eq!(gateway.received().len(), sent);
}

#[test]
fn what_a_rule_names_is_struck_by_a_server_where_json_escapes_it() {
    let (gateway, test) = (answers_escaped(), Test::new());
    let rule = ["--redact", &format!("{NAMED}=N")];
    let asked = format!(r#"{{"model":"x/m","messages":[{{"role":"user","content":{ESCAPED}}}]}}"#);
    let server = Served::start(test.serve("record").to(&gateway).and(rule));
    assert_eq!(server.chat(asked.as_str()).answer().status, 200);
    server.stop();
    search_named("a store", &test.args(["fixture", "textconv", "served.db"]).run().stdout);
    let answer = Served::start(test.serve("replay").and(rule)).chat(asked).answer();
    search_named("a replay", &String::from_utf8_lossy(&answer.body()));
}

#[test]
fn a_redirect_is_not_followed_so_that_nobody_else_gets_a_credential() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = elsewhere.local_addr().unwrap().port();
    let visitors = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&visitors);
    std::thread::spawn(move || {
        for _visitor in elsewhere.incoming() {
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    for status in [301, 302, 303, 307, 308] {
        for host in ["127.0.0.1", "localhost"] {
            let gateway = FaultyGateway::new(move |_| {
                let location = format!("http://{host}:{port}/v1/chat/completions?k={CANARY}");
                Play::Raw(
                    format!("HTTP/1.1 {status} Go\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n").into_bytes(),
                )
            });
            let test = job();
            let call = test.args(["run", "job.toml", "--in-flight", "1", "--progress", "none"]);
            let output = with_credentials(call, &gateway).start().wait();
            assert_eq!(output.status, Some(3), "{}", output.stderr);
            assert!(output.stderr.contains("redirects are not followed"), "{}", output.stderr);
            assert_eq!(gateway.received().len(), 1, "it is sent once, since every answer would be the same");
            search_output("a redirect", &output);
            search_files(&test, &["job.toml", "rows.csv"]);
        }
    }
    assert_eq!(visitors.load(Ordering::SeqCst), 0, "somebody went there");
    // The listener does count.
    drop(std::net::TcpStream::connect(("127.0.0.1", port)).unwrap());
    until("the visit", || visitors.load(Ordering::SeqCst) == 1);
}
