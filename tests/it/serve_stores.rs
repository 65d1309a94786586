//! The files of stores that servers read and write: what is left of them, who else may use them.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{Call, FaultyGateway, Namespace, Play, Received, Served, Store, Test};

fn prompt(text: &str) -> String {
    json!({"model": "m", "messages": [{"role": "user", "content": text}]}).to_string()
}

fn gateway() -> FaultyGateway {
    FaultyGateway::new(|received: &Received| Play::good(&received.text()))
}

fn serve(test: &Test, store: &str, mode: &str) -> Call {
    test.args(["serve", "--store", store, "--listen", "127.0.0.1:0", "--mode", mode])
}

fn auto(test: &Test, store: &str) -> Call {
    serve(test, store, "auto")
}

fn replay(test: &Test, store: &str) -> Served {
    Served::start(serve(test, store, "replay"))
}

/// Records prompts into a store.
fn record(test: &Test, store: &str, prompts: &[&str], gateway: &FaultyGateway) {
    let server = Served::start(auto(test, store).to(gateway));
    for text in prompts {
        assert_eq!(server.chat(prompt(text)).answer().status, 200, "{text}");
    }
    assert_eq!(server.stop().status, Some(0));
}

/// The names in a directory that begin with the name of a store.
fn files(test: &Test, store: &str) -> Vec<String> {
    let names = fs::read_dir(test.directory()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name.starts_with(store)).collect();
    names.sort();
    names
}

/// Asserts that the file alone, copied elsewhere, answers prompts.
fn assert_alone_answers(test: &Test, store: &str, prompts: &[&str]) {
    assert_eq!(files(test, store), [store]);
    fs::copy(test.path(store), test.path("copy-of-it.db")).unwrap();
    let server = replay(test, "copy-of-it.db");
    for text in prompts {
        assert_eq!(server.chat(prompt(text)).answer().status, 200, "{text}");
    }
    server.stop();
    fs::remove_file(test.path("copy-of-it.db")).unwrap();
}

#[test]
fn the_file_alone_has_all_that_a_server_recorded_however_it_was_told_to_end() {
    for signal in [Signal::INT, Signal::TERM] {
        let test = Test::new();
        let gateway = gateway();
        let server = Served::start(auto(&test, "s.db").to(&gateway));
        server.chat(prompt("one")).answer();
        server.chat(prompt("one more")).answer();
        server.signal(signal);
        server.wait();
        assert_alone_answers(&test, "s.db", &["one", "one more"]);
    }
}

#[test]
fn the_file_alone_has_all_that_a_server_recorded_for_a_command() {
    for (script, status) in [("true", 0), ("exit 3", 3)] {
        let test = Test::new();
        let body = prompt("one");
        let script = format!(
            "curl -sS -f -o /dev/null \"$OPENAI_BASE_URL/chat/completions\" -H 'content-type: application/json' \
             -d '{body}' && {script}"
        );
        auto(&test, "s.db").to(&gateway()).and(["--", "sh", "-c", &script]).status(status).run();
        assert_alone_answers(&test, "s.db", &["one"]);
    }
}

#[test]
fn the_last_of_two_servers_leaves_one_file() {
    let test = Test::new();
    let gateway = gateway();
    let [first, second] = ["one", "two"].map(|text| {
        let server = Served::start(auto(&test, "s.db").to(&gateway));
        assert_eq!(server.chat(prompt(text)).answer().status, 200);
        server
    });
    assert_eq!(first.stop().status, Some(0));
    assert_eq!(second.chat(prompt("three")).answer().status, 200);
    assert_eq!(second.stop().status, Some(0));
    assert_alone_answers(&test, "s.db", &["one", "two", "three"]);
}

#[test]
fn whoever_reads_what_a_killed_server_left_leaves_one_file() {
    let test = Test::new();
    let gateway = gateway();
    let server = Served::start(auto(&test, "s.db").to(&gateway));
    assert_eq!(server.chat(prompt("one")).answer().status, 200);
    server.kill();
    assert_eq!(files(&test, "s.db"), ["s.db", "s.db-shm", "s.db-wal"]);
    let reading = replay(&test, "s.db");
    assert_eq!(reading.chat(prompt("one")).answer().status, 200);
    assert_eq!(reading.stop().status, Some(0));
    assert_alone_answers(&test, "s.db", &["one"]);
}

#[test]
fn a_server_that_replays_leaves_the_file_as_it_was_even_if_it_is_killed() {
    let test = Test::new();
    let gateway = gateway();
    record(&test, "s.db", &["one"], &gateway);
    test.args(["fixture", "create", "serve", "--store", "s.db", "-o", "f.db"]).run();
    for store in ["s.db", "f.db"] {
        let before = test.bytes(store);
        for mode in ["auto", "replay"] {
            let server = Served::start(serve(&test, store, mode).to(&gateway));
            assert_eq!(server.chat(prompt("one")).answer().status, 200);
            assert_eq!(files(&test, store), [store]);
            server.kill();
            assert_eq!(files(&test, store), [store]);
            assert!(test.bytes(store) == before, "{store} {mode}");
        }
    }
}

#[test]
fn a_store_is_replayed_right_while_others_write_it_and_leave() {
    let test = Test::new();
    let gateway = gateway();
    record(&test, "s.db", &["one", "two"], &gateway);
    test.args(["fixture", "create", "serve", "--store", "s.db", "-o", "f.db"]).run();
    for store in ["s.db", "f.db"] {
        let reading = replay(&test, store);
        let mut sessions = 0;
        let mut asks = || {
            sessions += 1;
            for text in ["one", "two"] {
                let answer = reading.chat(prompt(text)).header("x-nightreel-session", &sessions.to_string()).answer();
                assert_eq!((answer.status, answer.text().contains(text)), (200, true), "{}", answer.text());
            }
        };
        for round in 0..3 {
            asks();
            let writing = Served::start(auto(&test, store).to(&gateway));
            // Enough to move every page of the small store about.
            for number in 0..40 {
                let asked = format!("{store} {round} {number} {}", "x".repeat(3_000));
                assert_eq!(writing.chat(prompt(&asked)).answer().status, 200);
                asks();
            }
            assert_eq!(writing.stop().status, Some(0));
            asks();
        }
        let first = format!("{store} 0 0 {}", "x".repeat(3_000));
        assert_eq!(reading.chat(prompt(&first)).answer().status, 200, "what others have recorded is seen");
        assert_eq!(reading.stop().status, Some(0));
        Store::open(&test.path(store)).assert_whole();
        assert_eq!(files(&test, store), [store]);
    }
}

#[test]
fn a_server_that_could_not_keep_what_it_was_asked_to_send_fails() {
    let test = Test::new();
    let gateway = gateway();
    record(&test, "s.db", &["one"], &gateway);
    record(&test, "other.db", &["two"], &gateway);
    let server = Served::start(auto(&test, "s.db").to(&gateway));
    // As `mv` and `git checkout` do.
    fs::rename(test.path("other.db"), test.path("s.db")).unwrap();
    let before = test.bytes("s.db");
    let answer = server.chat(prompt("three")).answer();
    assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (500, Some("store_not_writable")));
    let ended = server.stop();
    assert_eq!(ended.status, Some(5));
    assert!(ended.stderr.contains("s.db was replaced by another file since it was opened"), "{}", ended.stderr);
    assert_eq!(gateway.received().len(), 2, "nothing was sent that could not have been kept");
    assert_eq!(Store::open(&test.path("s.db")).count("SELECT count(*) FROM run"), 1);
    assert!(test.bytes("s.db") == before);
}

#[test]
fn a_server_whose_requests_reached_nobody_leaves_no_run() {
    let test = Test::new();
    let gateway = gateway();
    record(&test, "s.db", &["one"], &gateway);
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (mode, name) in [("auto", "two"), ("record", "one")] {
        let nowhere = ["--base-url".to_owned(), format!("http://{closed}/v1")];
        let server = Served::start(serve(&test, "s.db", mode).and(nowhere));
        assert_eq!(server.chat(prompt(name)).answer().status, 502);
        assert_eq!(Store::open(&test.path("s.db")).count("SELECT count(*) FROM run"), 2, "it could have been kept");
        server.stop();
        assert_eq!(Store::open(&test.path("s.db")).count("SELECT count(*) FROM run"), 1, "{mode}");
    }
    record(&test, "s.db", &["two"], &gateway);
    let runs: Value = serde_json::from_str(&test.args(["runs", "--store", "s.db", "--json"]).run().stdout).unwrap();
    assert_eq!(runs.as_array().unwrap().len(), 2);
}

#[test]
fn a_store_named_twice_is_one_store() {
    let test = Test::new();
    let gateway = gateway();
    record(&test, "s.db", &["one"], &gateway);
    let call = auto(&test, "s.db").and(["--fixture", "./s.db"]).to(&gateway);
    let server = Served::start(call);
    for text in ["one", "two", "two"] {
        assert_eq!(server.chat(prompt(text)).header("x-nightreel-session", text).answer().status, 200);
    }
    let ended = server.stop();
    // What is recorded while the server says that it is there may count already.
    assert!(ended.stderr.contains("mode auto · s.db · "), "{}", ended.stderr);
    assert_alone_answers(&test, "s.db", &["one", "two"]);
}

/// Mounts a directory read-only on another one.
fn read_only(from: &Path, to: &Path) -> Option<Namespace> {
    fs::create_dir(to).unwrap();
    let (from, to) = (from.display(), to.display());
    Namespace::new(&format!("mount --bind '{from}' '{to}'\nmount -o remount,bind,ro '{to}'"))
}

#[test]
fn a_log_that_cannot_be_read_where_it_lies_is_never_passed_over() {
    let test = Test::new();
    let gateway = gateway();
    let server = Served::start(auto(&test, "s.db").to(&gateway));
    assert_eq!(server.chat(prompt("one")).answer().status, 200);
    server.kill();
    fs::create_dir(test.path("kept")).unwrap();
    for name in ["s.db", "s.db-wal"] {
        fs::copy(test.path(name), test.path("kept").join(name)).unwrap();
    }
    let to = test.path("read-only");
    let Some(namespace) = read_only(&test.path("kept"), &to) else { return };
    let call = test.args(["runs", "--store", "s.db"]).under(namespace.inside(&to)).status(5);
    call.stdout("")
        .stderr(
            "nightreel: s.db cannot be read where it is: part of it lies in s.db-wal beside it, and nothing can be \
             written there; copy both files to a directory that can be written, and name the copy\n",
        )
        .run();
}

#[test]
fn stores_of_either_kind_are_replayed_where_nothing_can_be_written() {
    let test = Test::new();
    record(&test, "rests.db", &["one"], &gateway());
    fs::create_dir(test.path("kept")).unwrap();
    for name in ["rests.db", "with-log.db"] {
        fs::copy(test.path("rests.db"), test.path("kept").join(name)).unwrap();
    }
    // As an older nightreel, or the last reader of one that was killed, leaves it.
    Store::open(&test.path("kept/with-log.db")).value::<String>("PRAGMA journal_mode = WAL");
    let to = test.path("read-only");
    let Some(namespace) = read_only(&test.path("kept"), &to) else { return };
    for name in ["rests.db", "with-log.db"] {
        let server = Served::start(serve(&test, name, "replay").under(namespace.inside(&to)));
        assert_eq!(server.chat(prompt("one")).answer().status, 200, "{name}");
        assert_eq!(server.stop().status, Some(0));
    }
    assert_eq!(fs::read_dir(test.path("kept")).unwrap().count(), 2);
}
