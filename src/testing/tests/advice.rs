//! What tests are told to do does what it says.

use super::*;

fn record(fixture: &Fixture, body: &str) {
    let upstream = Upstream::new();
    let server = fixture.serve_in(&upstream.environment("record")).unwrap();
    assert_eq!(post(&server, body.to_owned()).0, 200);
}

/// The error that a request which is not recorded is answered with.
fn missed(fixture: &Fixture, body: &str) -> serde_json::Value {
    let server = fixture.serve_in(&silent()).unwrap();
    let (status, said) = post(&server, body.to_owned());
    assert_eq!(status, 400, "{said}");
    let mut said: serde_json::Value = serde_json::from_str(&said).unwrap();
    said["error"].take()
}

#[test]
fn what_a_key_can_look_past_is_told_as_methods() {
    let places = Places::new();
    let [path, _] = places.both();
    let fixture = Fixture::at(&path).session("one");
    let on = |day: &str, user: &str| json!({"model": "m", "user": user, "prompt": format!("on {day}")}).to_string();
    record(&fixture, &on("2026-11-22", "a"));
    let error = missed(&fixture, &on("2027-01-01", "b"));
    let told = "it matches with .normalise(Normaliser::Timestamps).ignore(\"$.user\")";
    assert!(error["message"].as_str().unwrap().contains(told), "{error}");
    let words = [".normalise(Normaliser::Timestamps)", ".ignore(\"$.user\")"];
    assert_eq!(error["nightreel"]["match_with"], json!(words));
    let fixture = fixture.normalise(Normaliser::Timestamps).ignore("$.user");
    let server = fixture.serve_in(&silent()).unwrap();
    assert_eq!(post(&server, on("2027-01-01", "b")).0, 200);
}

#[test]
fn a_test_that_replays_by_its_own_word_is_told_that_it_must_not_to_be_recorded() {
    let places = Places::new();
    let [path, empty] = places.both();
    record(&Fixture::at(&path).session("one"), &chat("why?"));
    let fixture = Fixture::at(&path).session("one").mode(Mode::Replay);
    let error = missed(&fixture, &chat("what?"));
    let told = " -- --exact, once .mode(Mode::Replay) is out of the test: with that it never records";
    assert!(error["message"].as_str().unwrap().ends_with(told), "{error}");
    assert_eq!(error["nightreel"]["record_with"], serde_json::Value::Null);
    std::fs::create_dir_all(&empty).unwrap();
    for fixture in [Fixture::at("no/such/fixture"), Fixture::at(&empty)] {
        let error = fixture.mode(Mode::Replay).serve_in(&silent()).unwrap_err().to_string();
        assert!(error.contains("record it with: NIGHTREEL_MODE=record ") && error.ends_with(told), "{error}");
    }
}

#[test]
fn an_empty_directory_is_told_with_the_command_that_records() {
    let directory = tempfile::tempdir().unwrap();
    let error = Fixture::at(directory.path()).serve_in(&silent()).unwrap_err().to_string();
    let told = "cargo test testing::tests::advice::an_empty_directory_is_told_with_the_command_that_records -- --exact";
    assert!(error.contains(" holds no exchange: ") && error.ends_with(told), "{error}");
}

#[test]
fn no_word_of_the_command_is_struck() {
    let places = Places::new();
    let [path, _] = places.both();
    let fixture = Fixture::at(&path).session("one").redact("no_word|cargo|record", "STRUCK");
    record(&fixture, &chat("why?"));
    let error = missed(&fixture, &chat("what does the cargo weigh?"));
    let command = "NIGHTREEL_MODE=record NIGHTREEL_BASE_URL=URL cargo test \
                   testing::tests::advice::no_word_of_the_command_is_struck -- --exact";
    assert_eq!(error["nightreel"]["record_with"], command);
    let message = error["message"].as_str().unwrap();
    assert!(message.ends_with(&format!("\nrecord it with: {command}")), "{message}");
    assert!(message.contains("STRUCK weigh"), "{message}");
}

#[test]
fn a_damaged_store_is_told_without_flags_that_a_test_has_not() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("damaged.db");
    let mut bytes = std::fs::read("fixtures/quickstart.db").unwrap();
    bytes[100..4000].fill(0xff);
    std::fs::write(&path, bytes).unwrap();
    let error = Fixture::at(&path).serve_in(&silent()).unwrap_err().to_string();
    let told = "damaged: SQLite cannot read what its tables are; put a copy from before in its place, or make it anew";
    assert!(error.ends_with(told), "{error}");
}
