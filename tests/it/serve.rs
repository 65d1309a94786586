//! `serve`: the server as a process, and commands that are run against it.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{CANARY, Call, Gateway, Play, Running, Served, Test, not_tested, until};
use crate::support::{Destination as _, FaultyGateway};

const JOB: &str = "[input]\npath = \"rows.csv\"\n[request]\nmodels = [\"m\"]\nprompt = \"{{ q }}\"\n";

/// A shell function that asks the server for the answer to a prompt, and prints the status.
const ASK: &str = r#"
ask() {
    curl -sS -o answer.json -w '%{http_code}\n' "$OPENAI_BASE_URL/chat/completions" \
        -H "authorization: Bearer ${OPENAI_API_KEY:-none}" -H "x-nightreel-session: ${2-}" \
        -H 'content-type: application/json' \
        -d '{"model":"m","messages":[{"role":"user","content":"'"$1"'"}]}'
}
"#;

/// A directory with recordings of two prompts: one, two.
fn recorded() -> Test {
    let test = Test::new().job(JOB).file("rows.csv", "q\none\ntwo\n");
    test.run_job().to(&Gateway::new()).run();
    test
}

/// `serve` with flags.
fn serve(test: &Test, flags: &[&str]) -> Call {
    test.args(["serve"]).and(flags)
}

/// `serve` with flags, around a script for the shell.
fn around(test: &Test, flags: &[&str], script: &str) -> Call {
    serve(test, flags).and(["--", "sh", "-c", &format!("{ASK}{script}")])
}

/// The base URL of a server, once it listens.
fn base_url(server: &mut Running) -> String {
    server.until("its address", |server| server.stdout().ends_with('\n'));
    server.stdout().trim().to_owned()
}

/// A process of the directory that has written its id to a file.
fn pid(test: &Test, name: &str) -> u32 {
    until("the id of a process", || test.path(name).exists() && test.text(name).ends_with('\n'));
    test.text(name).trim().parse().unwrap()
}

/// Whether a process runs: it is there, and is not only waiting to be asked how it ended.
fn runs(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    status.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with(['Z', 'X']))
}

#[test]
fn a_command_is_answered_from_recordings_and_its_exit_code_goes_on() {
    let test = recorded();
    for (script, status, stdout) in [
        ("ask one; ask two", 0, "200\n200\n"),
        ("ask one; exit 3", 3, "200\n"),
        ("exit 255", 255, ""),
        ("kill -TERM $$", 143, ""),
        ("kill -KILL $$", 137, ""),
    ] {
        around(&test, &["--mode", "replay"], script).status(status).stdout(stdout).run();
    }
    let answer: Value = serde_json::from_slice(&test.bytes("answer.json")).unwrap();
    assert!(answer["choices"][0]["message"]["content"].is_string(), "{answer}");
}

#[test]
fn a_miss_is_answered_with_a_status_that_is_not_tried_again_and_told() {
    let test = recorded();
    let output = around(&test, &["--mode", "replay"], "ask three").stdout("400\n").run();
    let answer: Value = serde_json::from_slice(&test.bytes("answer.json")).unwrap();
    assert!(answer["error"]["message"].is_string(), "{answer}");
    assert!(output.stderr.contains("1 request: 0 replayed, 0 sent, 1 missed"), "{}", output.stderr);
    assert!(output.stderr.contains("2 recordings not used"), "{}", output.stderr);
    assert!(output.stderr.contains("missed: chat/completions m, (no session): "), "{}", output.stderr);
    // The client and the person are told the same.
    let message = answer["error"]["message"].as_str().unwrap().lines().next().unwrap();
    assert!(output.stderr.matches(message).count() >= 2, "{message}\n{}", output.stderr);
}

#[test]
fn a_gate_fails_what_ended_well_and_nothing_else() {
    let test = recorded();
    for (flags, script, status) in [
        (["--fail-miss"].as_slice(), "ask one", 0),
        (&["--fail-miss"], "ask three", 4),
        (&["--fail-miss"], "ask three; exit 7", 7),
        (&["--fail-unused"], "ask one; ask two", 0),
        (&["--fail-unused"], "ask one", 1),
        (&["--fail-unused", "--fail-miss"], "ask three", 4),
        (&["--fail-unused", "--fail-miss"], "ask one; exit 9", 9),
        (&[], "ask three", 0),
    ] {
        around(&test, &[&["--mode", "replay"], flags].concat(), script).status(status).run();
    }
}

#[test]
fn recordings_that_are_used_up_are_a_miss_unless_the_policy_says_otherwise() {
    let test = recorded();
    for (policy, stdout, status) in [
        ("once", "200\n400\n", 4),
        ("repeat-last", "200\n200\n", 0),
        ("cycle", "200\n200\n", 0),
        ("first", "200\n200\n", 0),
    ] {
        let flags = ["--mode", "replay", "--fail-miss", "--policy", policy];
        around(&test, &flags, "ask one; ask one").status(status).stdout(stdout).run();
    }
    // Each session is given them anew.
    around(&test, &["--mode", "replay", "--fail-miss"], "ask one a; ask one b").stdout("200\n200\n").run();
}

#[test]
fn what_is_not_recorded_is_sent_once_and_answered_offline_from_then_on() {
    let (test, gateway) = (Test::new(), Gateway::new());
    let upstream = gateway.base_url();
    let flags = ["--base-url", upstream.as_str(), "--store", "new.db", "--name", "tests"];
    let first = around(&test, &flags, "ask one; cp answer.json live.json").stdout("200\n").run();
    assert!(first.stderr.contains("1 request: 0 replayed, 1 sent, 0 missed"), "{}", first.stderr);
    let again = around(&test, &flags, "ask one").stdout("200\n").run();
    assert!(again.stderr.contains("1 request: 1 replayed, 0 sent, 0 missed"), "{}", again.stderr);
    assert_eq!(gateway.requests(), 1);
    drop(gateway);
    around(&test, &["--store", "new.db", "--mode", "replay", "--fail-unused"], "ask one").stdout("200\n").run();
    assert_eq!(test.bytes("answer.json"), test.bytes("live.json"));
    let runs: Value = serde_json::from_str(&test.args(["runs", "--store", "new.db", "--json"]).run().stdout).unwrap();
    assert_eq!(runs[0]["job"], "tests");
}

#[test]
fn the_environment_of_a_command_leads_its_clients_to_the_server() {
    let test = recorded();
    let names = "OPENAI_BASE_URL OPENAI_API_BASE ANTHROPIC_BASE_URL OPENROUTER_API_BASE NIGHTREEL_URL \
                 ANTHROPIC_API_URL OPENAI_API_URL NO_PROXY";
    let script =
        format!("for name in {names}; do eval echo \"$name=\\$$name\"; done; echo $OPENAI_API_KEY,$OPENROUTER_API_KEY");
    let call = around(&test, &["--mode", "replay"], &script).env("NO_PROXY", "a.b").env("OPENAI_API_KEY", "mine");
    let call = call.env("ANTHROPIC_API_URL", "https://api.anthropic.com");
    let call = call.env("OPENAI_API_URL", "https://api.openai.com/v1/chat/completions");
    let output = call.env("OPENAI_BASE_URL", "https://api.openai.com/v1").run();
    let lines: Vec<&str> = output.stdout.lines().collect();
    let root = lines[4].strip_prefix("NIGHTREEL_URL=").unwrap();
    assert!(root.starts_with("http://127.0.0.1:") && !root.ends_with('/'), "{root}");
    assert_eq!(
        lines,
        [
            format!("OPENAI_BASE_URL={root}/v1"),
            format!("OPENAI_API_BASE={root}/v1"),
            format!("ANTHROPIC_BASE_URL={root}"),
            format!("OPENROUTER_API_BASE={root}/api/v1"),
            format!("NIGHTREEL_URL={root}"),
            format!("ANTHROPIC_API_URL={root}"),
            format!("OPENAI_API_URL={root}/v1/chat/completions"),
            "NO_PROXY=a.b,127.0.0.1".to_owned(),
            "replay,replay".to_owned(),
        ]
    );
    assert!(output.stderr.contains("warning: the command asked this server nothing: "), "{}", output.stderr);
    let gateway = Gateway::new();
    let flags = ["--base-url", &gateway.base_url()];
    around(&test, &flags, "echo ${OPENAI_API_KEY-unset}").stdout("unset\n").run();
}

#[test]
fn a_proxy_of_the_environment_is_not_asked_for_the_server() {
    let test = recorded();
    let call = around(&test, &["--mode", "replay"], "ask one").env("http_proxy", "http://127.0.0.1:1");
    call.env("HTTP_PROXY", "http://127.0.0.1:1").env("ALL_PROXY", "http://127.0.0.1:1").stdout("200\n").run();
}

#[test]
fn where_ci_is_set_nothing_is_sent_unless_the_command_line_says_so() {
    for (ci, flags, stdout, sent) in [
        ("true", [].as_slice(), "400\n", 0),
        ("1", &[], "400\n", 0),
        ("true", &["--mode", "auto"], "200\n", 1),
        ("true", &["--mode", "record"], "200\n", 1),
        ("false", &[], "200\n", 1),
        ("", &[], "200\n", 1),
    ] {
        let (test, gateway) = (recorded(), Gateway::new());
        let upstream = gateway.base_url();
        let flags = [flags, &["--base-url", upstream.as_str()]].concat();
        let output = around(&test, &flags, "ask three").env("CI", ci).stdout(stdout).run();
        assert_eq!(gateway.requests(), sent, "CI={ci} {flags:?}");
        let told = output.stderr.contains("CI is set, so the mode is replay");
        assert_eq!(told, sent == 0, "CI={ci} {flags:?}\n{}", output.stderr);
    }
}

#[test]
fn a_replay_looks_at_no_upstream_and_changes_nothing() {
    let test = recorded();
    let before = test.bytes("nightreel.db");
    let flags = ["--mode", "replay", "--set", "gateway.account_id=${NOT_SET}"];
    around(&test, &flags, "ask one; ask three").stdout("200\n400\n").run();
    assert_eq!(test.bytes("nightreel.db"), before);
    assert!(!test.path("nightreel.db-wal").exists() && !test.path("nightreel.db-shm").exists());
}

#[test]
fn an_upstream_that_is_not_known_is_told_before_anything_starts() {
    let test = Test::new();
    let output = around(&test, &[], "touch started").status(2).stdout("").run();
    for part in ["CLOUDFLARE_ACCOUNT_ID, which is not set", "--base-url", "--mode replay"] {
        assert!(output.stderr.contains(part), "{part:?} is missing in\n{}", output.stderr);
    }
    assert!(!test.path("started").exists() && !test.path("nightreel.db").exists());
}

#[test]
fn the_key_of_the_upstream_is_sent_there_and_kept_nowhere() {
    let test = Test::new();
    let gateway = FaultyGateway::new(|_| Play::good("fine"));
    let flags = ["--base-url", &gateway.base_url(), "--api-key-env", "MY_KEY"];
    around(&test, &flags, "ask one").env("MY_KEY", CANARY).stdout("200\n").run();
    let received = gateway.received();
    assert!(received[0].head.contains(&format!("Bearer {CANARY}")), "{}", received[0].head);
    assert!(!String::from_utf8_lossy(&test.bytes("nightreel.db")).contains(CANARY));
    around(&test, &flags, "ask two").status(2).stderr_contains("MY_KEY is not set").run();
}

#[test]
fn the_report_is_written_in_the_format_of_its_name() {
    let test = recorded();
    let report = |name: &str, flags: &[&str], status| {
        let flags = [&["--mode", "replay", "--report", name], flags].concat();
        around(&test, &flags, "ask one a; ask three b").status(status).run();
        test.text(name)
    };
    let json: Value = serde_json::from_str(&report("report.json", &[], 0)).unwrap();
    assert_eq!(
        (&json["hits"], &json["misses"], &json["live"], &json["unused"]),
        (&1.into(), &1.into(), &0.into(), &1.into())
    );
    assert_eq!(json["missed"]["shown"][0]["session"], "b");
    assert_eq!(json["used_recordings"].as_array().unwrap().len(), 1);
    assert_eq!(json["unused_recordings"]["shown"][0]["prompt"], "two");
    let plain = report("report.txt", &[], 0);
    assert!(plain.starts_with("2 requests: 1 replayed, 0 sent, 1 missed; 1 recording not used\n"), "{plain}");
    let junit = report("report.xml", &[], 0);
    assert!(junit.contains("tests=\"4\" failures=\"0\" errors=\"0\" skipped=\"2\""), "{junit}");
    let junit = report("report", &["--report-format", "junit", "--fail-unused", "--fail-miss"], 4);
    assert!(junit.contains("tests=\"4\" failures=\"2\" errors=\"0\" skipped=\"0\""), "{junit}");
}

#[test]
fn a_report_that_cannot_be_written_is_told_before_the_command_runs() {
    let test = recorded();
    let flags = ["--mode", "replay", "--report", "none/report.json"];
    around(&test, &flags, "touch started").status(5).stderr_contains("none/report.json").run();
    assert!(!test.path("started").exists());
}

#[test]
fn standard_output_is_the_commands_and_quiet_is_quiet() {
    let test = recorded();
    serve(&test, &["--mode", "replay"]).and(["--", "echo", "mine"]).stdout("mine\n").run();
    around(&test, &["--mode", "replay", "--quiet"], "ask one").stdout("200\n").stderr("").run();
    let output = around(&test, &["--mode", "replay", "--quiet"], "ask three").run();
    assert!(output.stderr.contains("1 missed"), "{}", output.stderr);
    test.write("input", "from me");
    serve(&test, &["--mode", "replay"]).and(["--", "cat"]).stdin("input").stdout("from me").run();
}

#[test]
fn a_command_that_cannot_be_run_is_told_before_anything_starts() {
    let test = Test::new().file("text", "no program");
    let gateway = Gateway::new();
    for (command, status, says) in [
        ("no-such-command", 127, "nightreel: there is no command no-such-command\n"),
        ("./none", 127, "nightreel: there is no command ./none\n"),
        ("./text", 126, "nightreel: ./text cannot be run: it is no executable file\n"),
    ] {
        let call = serve(&test, &["--base-url", &gateway.base_url()]).and(["--", command]);
        call.status(status).stdout("").stderr(says).run();
        assert!(!test.path("nightreel.db").exists());
    }
    // What the system cannot start after all.
    test.write("script", "#!/no/such/interpreter\n");
    fs::set_permissions(test.path("script"), fs::Permissions::from_mode(0o755)).unwrap();
    let call = serve(&test, &["--base-url", &gateway.base_url()]).and(["--", "./script"]).status(127).stdout("");
    call.stderr(
        "nightreel: ./script cannot be run: it is a script for \"/no/such/interpreter\", and there is no such file\n",
    )
    .run();
    // A variable without words, for one, leaves nothing behind the dashes.
    let call = serve(&test, &["--base-url", &gateway.base_url(), "--"]).status(2).stdout("");
    call.stderr_contains("there is no command behind --").run();
    assert!(!test.path("nightreel.db").exists());
}

#[test]
fn a_store_that_cannot_be_used_is_told_before_the_command_runs() {
    let test = Test::new().file("foreign.db", "This is a text, and no store of any version at all. It is long enough.");
    let gateway = Gateway::new();
    let upstream = gateway.base_url();
    for (flags, says) in [
        (
            ["--mode", "replay"].as_slice(),
            "there is no store nightreel.db; `nightreel serve --mode record` makes one; name another with --store, or a \
             fixture with --fixture",
        ),
        (&["--mode", "replay", "--store", "foreign.db"], "foreign.db"),
        (
            &["--mode", "replay", "--fixture", "none.db"],
            "there is no fixture none.db; --fixture names a store, or a directory of texts, that is there",
        ),
        (&["--base-url", &upstream, "--store", "foreign.db"], "foreign.db"),
        (&["--base-url", &upstream, "--fixture", "none.db"], "there is no fixture none.db"),
    ] {
        around(&test, flags, "touch started").status(5).stderr_contains(says).run();
        assert!(!test.path("started").exists(), "{flags:?}");
    }
    assert_eq!(test.text("foreign.db").len(), 70);
}

#[test]
fn a_fixture_answers_beside_the_store_or_without_one() {
    let test = recorded();
    fs::rename(test.path("nightreel.db"), test.path("fixture.db")).unwrap();
    around(&test, &["--mode", "replay", "--fixture", "fixture.db"], "ask one").stdout("200\n").run();
    assert!(!test.path("nightreel.db").exists());
    let gateway = Gateway::new();
    let upstream = gateway.base_url();
    let flags = ["--base-url", upstream.as_str(), "--fixture", "fixture.db"];
    around(&test, &flags, "ask one; ask three").stdout("200\n200\n").run();
    assert_eq!(gateway.requests(), 1);
}

#[test]
fn simulated_answers_that_requests_are_sent_in_place_of_are_told_and_do_not_count() {
    let test = Test::new().job(JOB).file("rows.csv", "q\none\ntwo\n");
    test.run_job().and(["--simulate", "--store", "simulated.db"]).run();
    test.run_job().and(["--simulate", "--store", "mixed.db"]).run();
    test.run_job().and(["--store", "mixed.db", "--limit", "1"]).to(&Gateway::new()).run();
    fs::copy(test.path("simulated.db"), test.path("rehearsal.db")).unwrap();
    let all =
        "simulated.db: the answers in it are all simulated, and none is used; --mode replay takes simulated answers";
    let some = "mixed.db: some of the answers in it are simulated, and these are not used; --mode replay takes";
    for (stores, recordings, told, sent) in [
        (
            ["--store", "new.db", "--fixture", "mixed.db", "--fixture", "simulated.db"].as_slice(),
            "new.db, mixed.db, simulated.db · 1 recording",
            [true, true],
            1,
        ),
        (&["--store", "simulated.db"], "simulated.db · 0 recordings", [true, false], 2),
        (&["--store", "mixed.db"], "mixed.db · 1 recording", [false, true], 1),
    ] {
        let gateway = Gateway::new();
        let upstream = gateway.base_url();
        let flags = [&["--mode", "auto", "--base-url", upstream.as_str()], stores].concat();
        let output = around(&test, &flags, "ask one; ask two").stdout("200\n200\n").run();
        assert!(output.stderr.contains(&format!("mode auto · {recordings} · ")), "{}", output.stderr);
        assert_eq!([all, some].map(|what| output.stderr.contains(what)), told, "{}", output.stderr);
        assert_eq!(gateway.requests(), sent, "{stores:?}");
    }
    let quiet = ["--mode", "auto", "--base-url", "http://127.0.0.1:9/v1", "--quiet", "--store", "rehearsal.db"];
    around(&test, &quiet, "true").stderr_contains("warning: rehearsal.db: ").run();
    let flags = ["--mode", "replay", "--store", "none.db", "--fixture", "rehearsal.db"];
    let output = around(&test, &flags, "ask one; ask two").stdout("200\n200\n").run();
    assert!(output.stderr.contains(" · 2 recordings · "), "{}", output.stderr);
    assert!(!output.stderr.contains("simulated,"), "{}", output.stderr);
}

#[test]
fn a_fixture_may_be_a_directory_of_texts() {
    let test = recorded();
    test.args(["fixture", "create", "1", "-o", "fixture.db"]).run();
    test.args(["fixture", "text", "export", "fixture.db", "texts"]).run();
    fs::remove_file(test.path("nightreel.db")).unwrap();
    let temporary = test.path("temporary");
    fs::create_dir(&temporary).unwrap();
    let flags = ["--mode", "replay", "--fixture", "texts", "--fail-miss"];
    let call = around(&test, &flags, "ask one; ask two; ask one").env("TMPDIR", &temporary.display().to_string());
    let output = call.status(4).stdout("200\n200\n400\n").run();
    assert!(output.stderr.contains("mode replay · texts · 2 recordings"), "{}", output.stderr);
    assert_eq!(temporary.read_dir().unwrap().count(), 0, "what was made of the texts is left");
    let killed = Served::start(
        test.args(["serve", "--mode", "replay", "--fixture", "texts", "--listen", "127.0.0.1:0"])
            .env("TMPDIR", &temporary.display().to_string()),
    );
    killed.kill();
    assert_eq!(temporary.read_dir().unwrap().count(), 1);
    around(&test, &flags, "ask one; ask two").env("TMPDIR", &temporary.display().to_string()).status(0).run();
    assert_eq!(temporary.read_dir().unwrap().count(), 0, "what a server that was killed left is left");
    fs::create_dir(test.path("empty")).unwrap();
    let flags = ["--mode", "replay", "--fixture", "empty"];
    around(&test, &flags, "touch started").status(2).stderr_contains("empty").run();
    assert!(!test.path("started").exists());
}

#[test]
fn a_job_says_where_is_sent_and_what_is_left_out() {
    let (test, gateway) = (Test::new(), Gateway::new());
    let job = format!(
        "{JOB}[gateway]\nbase_url = \"{}\"\n[record]\nmode = \"record\"\nignore = [\"$.messages\"]\n",
        gateway.base_url()
    );
    let test = test.job(&job);
    around(&test, &["--job", "job.toml"], "ask one; ask one").stdout("200\n200\n").run();
    assert_eq!(gateway.requests(), 2);
    around(&test, &["--job", "job.toml", "--mode", "replay"], "ask three").stdout("200\n").run();
    // By other rules each body is its own.
    around(&test, &["--mode", "replay"], "ask one; ask three").stdout("200\n400\n").run();
}

#[test]
fn a_miss_says_which_command_records_it() {
    let test = recorded();
    let gateway = Gateway::new();
    let script = "ask three";
    let live = ["--store", "served.db", "--base-url", &gateway.base_url()];
    around(&test, &live, "ask one").run();
    // Where nothing came from they do not come from either.
    around(&test, &["--store", "served.db", "--base-url", "http://127.0.0.1:1/v1"], "ask four").run();
    let recorded_at = format!("--base-url {} ", gateway.base_url());
    for (flags, known, expected) in [
        // Where the recordings come from is where the rest is recorded.
        (["--store", "served.db"], "", format!("{recorded_at}--ignore '$.user' --store served.db")),
        (["--store", "served.db"], "id", "--ignore '$.user' --store served.db".to_owned()),
        (["--base-url", "http://a/v1"], "", "--ignore '$.user' --base-url http://a/v1".to_owned()),
    ] {
        let call = around(&test, &[&["--mode", "replay", "--ignore", "$.user"], flags.as_slice()].concat(), script);
        let output = call.env("CLOUDFLARE_ACCOUNT_ID", known).env("CLOUDFLARE_GATEWAY_ID", known).run();
        let command = format!("record it with: nightreel serve --mode auto {expected} -- sh -c ");
        assert!(output.stderr.contains(&command), "{command}\n{}", output.stderr);
        let answer: Value = serde_json::from_slice(&test.bytes("answer.json")).unwrap();
        assert!(answer["error"]["message"].as_str().unwrap().contains(&command), "{answer}");
    }
    // A fixture says nothing of where it comes from.
    test.args(["fixture", "create", "1", "-o", "fixture.db"]).run();
    let output = around(&test, &["--mode", "replay", "--fixture", "fixture.db", "--store", "none.db"], script).run();
    let command = "nightreel serve --mode auto --base-url URL --fixture fixture.db --store none.db -- sh -c ";
    assert!(output.stderr.contains(command), "{}", output.stderr);
}

#[test]
fn other_machines_reach_it_only_where_that_is_asked_for() {
    let test = recorded();
    let gateway = Gateway::new();
    let upstream = gateway.base_url();
    for (flags, says) in [
        (["--mode", "replay"].as_slice(), "add --allow-remote if that is meant"),
        (&["--base-url", &upstream], "add --allow-remote-recording if that is meant"),
        (&["--base-url", &upstream, "--allow-remote"], "add --allow-remote-recording if that is meant"),
    ] {
        let call = around(&test, &[&["--listen", "0.0.0.0:0"], flags].concat(), "touch started");
        call.status(2).stdout("").stderr_contains(says).run();
        assert!(!test.path("started").exists());
    }
    for flags in
        [["--mode", "replay", "--allow-remote"].as_slice(), &["--base-url", &upstream, "--allow-remote-recording"]]
    {
        let flags = [&["--listen", "0.0.0.0:0"], flags].concat();
        let output = around(&test, &flags, "echo $NIGHTREEL_URL; ask one").run();
        assert!(
            output.stdout.starts_with("http://127.0.0.1:") && output.stdout.ends_with("\n200\n"),
            "{}",
            output.stdout
        );
    }
}

#[test]
fn a_network_namespace_gets_its_loopback_device_up_and_is_told() {
    let permitted = Command::new("unshare").args(["-r", "-n", "true"]).output();
    if !permitted.expect("unshare is missing: install the package util-linux").status.success() {
        return not_tested("this system permits no network namespaces");
    }
    let test = recorded();
    let call = around(&test, &["--mode", "replay", "--fail-miss"], "ask one").under(["unshare", "-r", "-n"]);
    let output = call.stdout("200\n").run();
    let told = "the loopback device of this network namespace was down, and has been brought up";
    assert!(output.stderr.contains(told), "{}", output.stderr);
    test.args(["run", "job.toml", "--simulate", "--store", "rehearsal.db"]).under(["unshare", "-r", "-n"]).run();
    // A device that is up is nobody's business.
    let output = around(&test, &["--mode", "replay"], "ask one").stdout("200\n").run();
    assert!(!output.stderr.contains("loopback"), "{}", output.stderr);
}

#[test]
fn a_port_that_is_taken_is_told() {
    let test = recorded();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let call = serve(&test, &["--mode", "replay", "--listen", &address]).status(2).stdout("");
    call.stderr_contains("--listen 0 takes a free port").run();
}

#[test]
fn a_server_without_a_command_prints_its_address_and_ends_by_a_signal_with_its_report() {
    for (signal, flags, status) in [
        (Signal::INT, [].as_slice(), 0),
        (Signal::TERM, &[], 0),
        (Signal::HUP, &["--fail-unused"], 1),
        (Signal::INT, &["--fail-miss"], 4),
    ] {
        let test = recorded();
        let flags = [&["--mode", "replay", "--listen", "0", "--report", "report.json"], flags].concat();
        let mut server = serve(&test, &flags).start();
        let url = base_url(&mut server);
        assert!(url.starts_with("http://127.0.0.1:") && url.ends_with("/v1"), "{url}");
        let script = format!("{ASK}ask one; ask three");
        let mut client = Command::new("sh");
        client.args(["-c", &script]).env("OPENAI_BASE_URL", &url).current_dir(test.directory());
        let asked = client.output().unwrap();
        assert_eq!(String::from_utf8(asked.stdout).unwrap(), "200\n400\n");
        server.signal(signal);
        let ended = server.wait();
        assert_eq!(ended.status, Some(status), "{signal:?} {flags:?}\n{}", ended.stderr);
        assert!(ended.stderr.contains("2 requests: 1 replayed, 0 sent, 1 missed"), "{}", ended.stderr);
        let report: Value = serde_json::from_str(&test.text("report.json")).unwrap();
        assert_eq!(report["unused"], 1);
    }
}

#[test]
fn a_signal_is_the_commands_and_the_server_outlives_it() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let test = recorded();
        // It asks once more when it is told to end, and the server still answers.
        let script = "trap 'ask two; exit 9' INT TERM HUP; ask one; echo $$ > pid; while :; do sleep 0.01; done";
        let mut server = around(&test, &["--mode", "replay", "--fail-miss"], script).start();
        server.until("the command", |_| test.path("pid").exists());
        server.signal(signal);
        let ended = server.wait();
        assert_eq!(ended.status, Some(9), "{signal:?}\n{}", ended.stderr);
        assert_eq!(ended.stdout, "200\n200\n", "{signal:?}");
        assert!(ended.stderr.contains("2 requests: 2 replayed, 0 sent, 0 missed"), "{}", ended.stderr);
    }
}

#[test]
fn ctrl_c_in_a_terminal_reaches_the_command_once() {
    let test = recorded();
    let script = "trap 'echo INT >> got' INT; echo $$ > pid; until [ -e got ]; do sleep 0.01; done; ask two; exit 5";
    test.write("script", format!("{ASK}{script}"));
    let binary = env!("CARGO_BIN_EXE_nightreel");
    // Whatever shell `script` takes is gone: it would die of the signal, and hide the exit code.
    let line = format!("exec {binary} serve --mode replay --report report.json -- sh script");
    let mut terminal = Command::new("script");
    terminal.args(["-qec", &line, "typescript"]).current_dir(test.directory());
    let mut terminal = terminal.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    pid(&test, "pid");
    terminal.stdin.as_mut().unwrap().write_all(b"\x03").unwrap();
    let status = terminal.wait().unwrap();
    assert_eq!(status.code(), Some(5), "{}", test.text("typescript"));
    assert_eq!(test.text("got"), "INT\n");
    let report: Value = serde_json::from_str(&test.text("report.json")).unwrap();
    assert_eq!(report["hits"], 1);
}

#[test]
fn a_second_signal_kills_the_command() {
    let test = recorded();
    let script = "trap '' INT TERM HUP; echo $$ > pid; exec sleep 1000";
    let mut server = around(&test, &["--mode", "replay"], script).start();
    server.until("the command", |_| test.path("pid").exists());
    let command = pid(&test, "pid");
    server.signal(Signal::TERM);
    // A signal that comes with the first one is no second one: it is sent until it counts.
    until("the end", || {
        let ended = server.has_ended();
        if !ended {
            server.signal(Signal::TERM);
        }
        ended
    });
    assert!(!runs(command));
}

#[test]
fn what_whoever_starts_it_ignores_stays_ignored_for_it_and_its_command() {
    let test = recorded();
    let binary = env!("CARGO_BIN_EXE_nightreel");
    // As nohup and a shell's & do it.
    let script = format!(
        "trap '' HUP INT; exec {binary} serve --mode replay --quiet -- sh -c 'echo $$ > pid; echo $PPID > server; {}'",
        "until [ -e go ]; do sleep 0.01; done; grep SigIgn /proc/self/status > ignored; exit 7"
    );
    let mut server = Command::new("sh").args(["-c", &script]).current_dir(test.directory()).spawn().unwrap();
    let command = pid(&test, "pid");
    let signal = |id: u32, signal| {
        let id = rustix::process::Pid::from_raw(i32::try_from(id).unwrap()).unwrap();
        rustix::process::kill_process(id, signal).unwrap();
    };
    for sent in [Signal::HUP, Signal::INT, Signal::HUP, Signal::INT] {
        signal(server.id(), sent);
        signal(command, sent);
    }
    test.write("go", "");
    assert_eq!(server.wait().unwrap().code(), Some(7));
    let ignored = u64::from_str_radix(test.text("ignored").trim_start_matches("SigIgn:").trim(), 16).unwrap();
    assert_eq!(ignored & 0b11, 0b11, "the command ignores them as well");
}

#[test]
fn a_server_behind_a_shell_is_ended_by_an_interrupt_that_is_sent_to_it() {
    let test = recorded();
    let binary = env!("CARGO_BIN_EXE_nightreel");
    let script = format!(
        "{binary} serve --mode replay --listen 0 > url & server=$!
        until [ -s url ]; do sleep 0.01; done
        kill -HUP $server; kill -INT $server; wait $server; echo $? > status"
    );
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("trap '' HUP; {script}")]).current_dir(test.directory()).stderr(Stdio::null());
    assert!(shell.status().unwrap().success());
    assert_eq!(test.text("status"), "0\n");
}

#[test]
fn a_command_does_not_outlive_a_server_that_is_killed() {
    let test = recorded();
    let mut server = around(&test, &["--mode", "replay"], "echo $$ > pid; exec sleep 1000").start();
    server.until("the command", |_| test.path("pid").exists());
    let command = pid(&test, "pid");
    assert!(runs(command));
    server.kill();
    until("the end of the command", || !runs(command));
}

#[test]
fn the_command_is_started_as_it_would_be_without_a_server() {
    let test = recorded();
    let script =
        "echo $0 $#; cat /proc/$$/cmdline | tr '\\0' ' '; echo; pwd; grep -E '^Sig(Blk|Ign)' /proc/self/status";
    let flags = ["--mode", "replay", "--", "sh", "-c", script, "name", "a b", ""];
    let output = serve(&test, &flags).run();
    let direct = Command::new("sh").args(&flags[4..]).current_dir(test.directory()).output().unwrap();
    assert_eq!(output.stdout, String::from_utf8(direct.stdout).unwrap());
}

#[test]
fn a_file_that_the_command_leaves_open_does_not_hold_the_server_up() {
    let test = recorded();
    // A process that the command leaves behind keeps its connection, and its output, open.
    let script = "sleep 1000 & echo $! > pid; ask one";
    let output = around(&test, &["--mode", "replay"], script).stdout("200\n").run();
    assert!(output.stderr.contains("1 request: 1 replayed"), "{}", output.stderr);
    let left = rustix::process::Pid::from_raw(i32::try_from(pid(&test, "pid")).unwrap()).unwrap();
    rustix::process::kill_process(left, Signal::KILL).unwrap();
    assert!(Path::new(&test.path("nightreel.db")).exists());
}

#[test]
fn a_server_that_would_send_to_itself_is_refused_before_it_makes_a_store() {
    let test = Test::new();
    for (listen, base_url) in [("8788", "http://localhost:8788/v1"), ("127.0.0.1:9", "http://127.0.0.1:9/api/v1")] {
        let flags = ["--listen", listen, "--base-url", base_url, "--store", "none.db"];
        let output = serve(&test, &flags).status(2).run();
        assert!(output.stderr.contains("where this server listens itself"), "{}", output.stderr);
        assert!(!test.path("none.db").exists());
    }
}
