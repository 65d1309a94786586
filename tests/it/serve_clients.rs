//! Clients in other languages record through the server and replay from it, and cannot tell.

use std::process::Command;

use serde_json::Value;

use crate::support::{Client, Served, Test, not_tested, upstream};

/// What a client says of all its answers, which must be the same while they are recorded and when
/// the upstream is gone; and what it says of a miss.
fn recorded_then_replayed(client: Client) -> (String, String) {
    let test = Test::new();
    let gateway = upstream();
    let server = Served::record(&test, &gateway);
    let recorded = client.run(server.base_url(), "sk-of-the-client", &[]);
    server.stop();
    let requests = gateway.received().len();
    drop(gateway);
    let report = ["--report", "report.json", "--report-format", "json"];
    let server = Served::start(test.serve("replay").and(report));
    let replayed = client.run(server.base_url(), "any", &["all", "miss"]);
    server.stop();
    assert!(!recorded.is_empty());
    let Some(miss) = replayed.strip_prefix(&recorded) else {
        panic!("recorded:\n{recorded}\nreplayed:\n{replayed}");
    };
    let report: Value = serde_json::from_str(&test.text("report.json")).unwrap();
    assert_eq!(report["hits"], requests, "{report:#}");
    // A client that sent it again would make two of it.
    assert_eq!(report["misses"], 1, "{report:#}");
    (recorded, miss.to_owned())
}

const EXPECTED: &str = include_str!("../clients/expected.txt");

#[test]
fn the_openai_client_for_python_cannot_tell_a_replay() {
    let (said, miss) = recorded_then_replayed(Client::OpenAiPython);
    assert_eq!(said, EXPECTED);
    assert_eq!(miss, "miss: BadRequestError 400 prompt_changed\n");
}

#[test]
fn the_openai_client_for_javascript_cannot_tell_a_replay() {
    let (said, miss) = recorded_then_replayed(Client::OpenAiJavaScript);
    assert_eq!(said, EXPECTED);
    assert_eq!(miss, "miss: BadRequestError 400 prompt_changed\n");
}

#[test]
fn the_anthropic_client_for_python_cannot_tell_a_replay() {
    let (said, miss) = recorded_then_replayed(Client::AnthropicPython);
    let expected = [
        "plain: Hello. (end_turn, 2 tokens)",
        "streamed: Hel",
        "streamed: lo.",
        "streamed: Hello.",
        "busy: Hello. (2 requests)",
    ];
    assert_eq!(said.lines().collect::<Vec<_>>(), expected);
    assert_eq!(miss, "miss: BadRequestError 400\n");
}

#[test]
fn curl_cannot_tell_a_replay() {
    let (said, miss) = recorded_then_replayed(Client::Curl);
    for part in [
        "\n\n         \n{\"id\":\"gen-1\",",
        "number 1",
        "number 2",
        "number 3",
        ": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\ndata: {",
        "data: [DONE]\n\n\n-- 200 text/event-stream\n",
        r#""arguments": "{\"city\":\"Oslo\"}""#,
        r#"{\"author\":\"Stanisław Lem\",\"year\":1961}"#,
        r#""embedding":[0.5,-0.25,0.125]"#,
        r#""embedding":"AAAAPwAAgL4AAAA+""#,
        "\"id\": \"author/large\"",
        "event: response.completed\ndata: {",
        "Small. Small. ",
        "Not any more.",
        "\n-- HTTP/2\n",
        "-- 400 application/json",
        r#""error":{"code":502,"message":"the provider went away"}"#,
        "curl: exit code 18\n",
    ] {
        assert!(said.contains(part), "{part:?} is missing in\n{said}");
    }
    assert!(miss.contains("\n-- 400 application/json\n"), "{miss}");
}

/// Brings up the loopback device of a new network namespace, and goes on with the words behind.
const LOOPBACK: &str = "python3 -c 'import fcntl, socket, struct\n\
    fcntl.ioctl(socket.socket(), 0x8914, struct.pack(\"16sh14x\", b\"lo\", 0x41))' && exec \"$0\" \"$@\"";

#[test]
fn programs_that_the_server_runs_replay_where_there_is_no_network() {
    let flags: &[&str] = if rustix::process::geteuid().is_root() { &["-n"] } else { &["-U", "-r", "-n"] };
    let namespace: Vec<_> = ["unshare"].iter().chain(flags).chain(&["sh", "-c", LOOPBACK]).copied().collect();
    let permitted = Command::new(namespace[0]).args(&namespace[1..]).arg("true").output().unwrap();
    if !permitted.status.success() {
        not_tested("this system permits no network namespaces");
        return;
    }
    for client in [Client::OpenAiPython, Client::OpenAiJavaScript] {
        let test = Test::new();
        let gateway = upstream();
        let server = Served::record(&test, &gateway);
        let recorded = client.run(server.base_url(), "sk-of-the-client", &["plain", "streamed"]);
        server.stop();
        drop(gateway);
        let [program, script] = client.words();
        let call = test.serve("replay").and(["--fail-miss", "--fail-unused", "--", &program, &script]);
        let call = client.variables().iter().fold(call, |call, (name, value)| call.env(name, value));
        call.and(["plain", "streamed"]).under(&namespace).stdout(&recorded).run();
    }
}

#[test]
fn what_the_clients_need_is_pinned_and_from_no_place_by_name() {
    let lock: Value = serde_json::from_str(include_str!("../clients/package-lock.json")).unwrap();
    let manifest: Value = serde_json::from_str(include_str!("../clients/package.json")).unwrap();
    for (name, package) in lock["packages"].as_object().unwrap().iter().filter(|(name, _)| !name.is_empty()) {
        assert!(package["integrity"].is_string() && package.get("resolved").is_none(), "{name}: {package}");
    }
    for (name, version) in manifest["dependencies"].as_object().unwrap() {
        assert_eq!(&lock["packages"][format!("node_modules/{name}")]["version"], version, "{name}");
    }
    let pins = include_str!("../clients/requirements.txt").lines().filter(|line| !line.starts_with('#'));
    assert!(pins.clone().count() > 2);
    pins.for_each(|pin| assert!(pin.contains("=="), "{pin}"));
}
