//! What a server keeps when it ends, however it ends, and what several of them keep together.

use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use crate::support::{Answer, Door, Ending, Ends, FaultyGateway, Play, Received, Served, Step, Store, Test, until};

fn prompt(text: &str) -> String {
    json!({"model": "m", "messages": [{"role": "user", "content": text}]}).to_string()
}

fn text_of(received: &Received) -> String {
    let body: serde_json::Value = serde_json::from_slice(&received.body).unwrap();
    body["messages"][0]["content"].as_str().unwrap().to_owned()
}

/// Streams for prompts that ask for one, JSON for the rest.
fn either(received: &Received) -> Play {
    let text = text_of(received);
    if text.starts_with("stream") {
        Play::Stream(vec![format!("data: {text}\n\n").into_bytes(), b"data: [DONE]\n\n".to_vec()], Ends::Well)
    } else {
        Play::good(&text)
    }
}

fn assert_replays(test: &Test, prompts: &[String], recorded: &[Answer]) {
    let server = Served::replay(test);
    for (text, recorded) in prompts.iter().zip(recorded) {
        let replayed = server.chat(prompt(text)).answer();
        assert_eq!((replayed.status, replayed.body()), (recorded.status, recorded.body()), "{text}");
    }
}

#[test]
fn what_a_client_has_in_whole_survives_a_kill() {
    let test = Test::new();
    let gateway = FaultyGateway::new(either);
    let (mut prompts, mut recorded) = (Vec::new(), Vec::new());
    for life in 0..6 {
        let server = Served::record(&test, &gateway);
        for number in 0..5 {
            let kind = if (life + number) % 2 == 0 { "stream" } else { "json" };
            prompts.push(format!("{kind} {life} {number}"));
            recorded.push(server.chat(prompt(&prompts[prompts.len() - 1])).answer());
        }
        assert_eq!(server.kill().signal, Some(9));
    }
    assert!(recorded.iter().all(|answer| answer.ending == Ending::Whole));
    Store::open(&test.path("served.db")).assert_whole();
    drop(gateway);
    assert_replays(&test, &prompts, &recorded);
}

#[test]
fn what_a_killed_server_had_in_flight_is_told_and_what_it_kept_is_not() {
    let test = Test::new();
    let door = Door::new();
    let wait = door.clone();
    let gateway = FaultyGateway::new(move |received| match text_of(received).as_str() {
        "stream" => {
            let steps = vec![Step::text("data: 1\n\n"), Step::Wait(wait.clone()), Step::text("data: [DONE]\n\n")];
            Play::Steps("content-type: text/event-stream\r\n", steps, Ends::Well)
        }
        _ => either(received),
    });
    let server = Served::record(&test, &gateway);
    assert_eq!(server.chat(prompt("json")).answer().ending, Ending::Whole);
    let mut reply = server.chat(prompt("stream")).reply().unwrap();
    assert_eq!(reply.piece().unwrap(), b"data: 1\n\n");
    let in_flight = || Store::open(&test.path("served.db")).count("SELECT coalesce(sum(requests), 0) FROM in_flight");
    until("the store to say what is in flight", || in_flight() == 1);
    server.kill();
    let shown = || test.args(["show", "latest", "--store", "served.db", "--json"]).run().stdout;
    let show: serde_json::Value = serde_json::from_str(&shown()).unwrap();
    let told = ["sent", "lost_requests", "unknown_costs"].map(|name| &show[name]);
    assert_eq!(told, [1, 1, 1].map(|number| json!(number)).each_ref(), "{show}");
    door.open();
}

#[test]
fn a_signal_and_its_twin_let_an_answer_end_and_keep_it() {
    for signal in [Signal::INT, Signal::TERM] {
        let test = Test::new();
        let door = Door::new();
        let wait = door.clone();
        let gateway = FaultyGateway::new(move |_| {
            let steps = vec![Step::text("data: 1\n\n"), Step::Wait(wait.clone()), Step::text("data: [DONE]\n\n")];
            Play::Steps("content-type: text/event-stream\r\n", steps, Ends::Well)
        });
        let server = Served::record(&test, &gateway);
        let mut reply = server.chat(prompt("stream")).reply().unwrap();
        assert_eq!(reply.piece().unwrap(), b"data: 1\n\n");
        // To it and to its group, as whoever ends a process does: that is one signal.
        server.signal(signal);
        server.signal(signal);
        until("the port to be closed", || !server.listens());
        door.open();
        let rest = reply.answer();
        assert_eq!((rest.text().as_str(), rest.ending), ("data: [DONE]\n\n", Ending::Whole));
        assert_eq!(server.wait().status, Some(0));
        drop(gateway);
        assert_eq!(Served::replay(&test).chat(prompt("stream")).answer().text(), "data: 1\n\ndata: [DONE]\n\n");
    }
}

#[test]
fn an_answer_that_does_not_end_is_cut_by_the_deadline_or_a_second_signal_and_told() {
    for flags in [&["--drain", "0"][..], &[]] {
        let test = Test::new();
        let gateway = FaultyGateway::new(|_| {
            let steps = vec![Step::text("data: 1\n\n"), Step::Wait(Door::new())];
            Play::Steps("content-type: text/event-stream\r\n", steps, Ends::Well)
        });
        let server = Served::start(test.serve("record").to(&gateway).and(flags));
        let mut reply = server.chat(prompt("stream")).reply().unwrap();
        assert_eq!(reply.piece().unwrap(), b"data: 1\n\n");
        let signalled = Instant::now();
        server.signal(Signal::INT);
        if flags.is_empty() {
            // Two signals at once may come from one who means one.
            until("the port to be closed", || !server.listens() && signalled.elapsed() > Duration::from_millis(400));
            server.signal(Signal::INT);
        }
        let output = server.wait();
        assert!(signalled.elapsed() < Duration::from_secs(30), "{:?}", signalled.elapsed());
        assert_eq!(output.status, Some(0), "{}", output.stderr);
        assert!(output.stderr.contains("  1 request was cut: "), "{}", output.stderr);
        let waits = "waits up to 60 s for the end of 1 answer under way";
        assert_eq!(output.stderr.contains(waits), flags.is_empty(), "{}", output.stderr);
        drop(gateway);
        let replayed = Served::replay(&test).chat(prompt("stream")).answer();
        assert_eq!((replayed.text().as_str(), replayed.ending == Ending::Whole), ("data: 1\n\n", false));
    }
}

#[test]
fn two_servers_record_into_one_store_at_once_and_two_replay_it() {
    let test = Test::new();
    let gateway = FaultyGateway::new(either);
    let servers = [(); 2].map(|()| Served::start(test.serve("record").to(&gateway)));
    let ask = |server: &Served, texts: &[String]| -> Vec<Answer> {
        texts.iter().map(|text| server.chat(prompt(text)).answer()).collect()
    };
    let texts = |server: usize, client: usize| -> Vec<String> {
        (0..5).map(|number| format!("stream {server} {client} {number}")).collect()
    };
    let (mut all, mut recorded) = (Vec::new(), Vec::new());
    thread::scope(|scope| {
        let clients = (0..8).map(|client| {
            let (server, texts) = (client % 2, texts(client % 2, client));
            let server = &servers[server];
            scope.spawn(move || (ask(server, &texts), texts))
        });
        let clients: Vec<_> = clients.collect();
        for client in clients {
            let (answers, texts) = client.join().unwrap();
            recorded.extend(answers);
            all.extend(texts);
        }
    });
    for server in servers {
        assert_eq!(server.stop().status, Some(0));
    }
    assert_eq!(gateway.received().len(), 40);
    drop(gateway);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| assert_replays(&test, &all, &recorded));
        }
    });
}

#[test]
fn auto_records_what_is_new_and_replays_the_rest() {
    let test = Test::new();
    let gateway = FaultyGateway::new(either);
    let server = Served::start(test.serve("auto").to(&gateway));
    let first = server.chat(prompt("json a")).answer();
    server.stop();
    let server = Served::start(test.serve("auto").to(&gateway));
    assert_eq!(server.chat(prompt("json a")).answer().body(), first.body());
    assert_eq!(gateway.received().len(), 1, "it was replayed");
    server.chat(prompt("json b")).answer();
    assert_eq!(gateway.received().len(), 2, "it was sent");
}
