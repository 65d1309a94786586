//! The tests of the program `triage`, which asks a model. The model's answers come from the fixture
//! `fixtures/triage`, so they need no network and no key, and are the same every time.
//!
//! `NIGHTREEL_MODE=record cargo test --test example` records the fixture anew.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

#[path = "../support/missing.rs"]
mod missing;
mod scripted_model;
mod triage;
mod without_network;

use std::thread;

use nightreel::testing::{Endpoint, Fixture, FixtureServer, Mode};

use triage::sorting::Sorting;
use triage::{Model, ModelError, Ticket, draft_refund, sort, summarise};

/// The fixture: all that it has for a test must be asked for. A program of yours says where its
/// model is by `upstream("https://…")`; this one is recorded from a script.
fn fixture() -> Fixture {
    let fixture = Fixture::at("fixtures/triage").must_use_all();
    let records = std::env::var("NIGHTREEL_MODE").is_ok();
    if records { fixture.upstream(scripted_model::start()) } else { fixture }
}

fn model(server: &FixtureServer) -> Model {
    Model::new(&server.base_url(), None).unwrap()
}

fn ticket(text: &str) -> Ticket {
    Ticket { id: "1".to_owned(), text: text.to_owned() }
}

fn category(sorting: &Sorting) -> String {
    format!("{:?}", sorting.category)
}

#[tokio::test]
async fn a_ticket_is_sorted() {
    let server = fixture().serve();
    let sorting = sort(&model(&server), &ticket("I cannot sign in.")).await.unwrap();
    assert_eq!((category(&sorting).as_str(), sorting.urgent), ("Account", true));
}

#[tokio::test]
async fn a_whole_file_is_worked_through() {
    let server = fixture().serve();
    let tickets = Ticket::read_all(&include_bytes!("tickets.csv")[..]).unwrap();
    let mut out = Vec::new();
    triage::run(&model(&server), &tickets, &mut out).await.unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "1: We are sorry. You get your $40 back today.\n\
         2: Account, urgent\n\
         3: for a person (I cannot help with that.)\n\
         One wants money back, one cannot sign in.\n"
    );
}

#[tokio::test]
async fn a_refund_is_drafted_from_what_the_tool_says() {
    let server = fixture().serve();
    let looked_up = std::cell::RefCell::new(Vec::new());
    let look_up = |order: &str| {
        looked_up.borrow_mut().push(order.to_owned());
        serde_json::json!({"paid_usd": 40})
    };
    let draft = draft_refund(&model(&server), &ticket("Where is my order A-17?"), look_up).await.unwrap();
    assert_eq!(draft, "We are sorry. You get your $40 back today.");
    assert_eq!(*looked_up.borrow(), ["A-17"]);
}

#[tokio::test]
async fn a_summary_is_told_as_it_comes() {
    let server = fixture().serve();
    let mut told = Vec::new();
    let tickets = [ticket("I want my money back."), ticket("I cannot sign in.")];
    let summary = summarise(&model(&server), &tickets, |text| told.push(text.to_owned())).await.unwrap();
    assert_eq!(summary, "One wants money back, one cannot sign in.");
    assert_eq!(told.concat(), summary);
    assert!(told.len() > 1, "it came in one piece");
}

#[tokio::test]
async fn a_summary_that_breaks_off_keeps_what_came() {
    let server = fixture().serve();
    let error = summarise(&model(&server), &[ticket("Hello, the line is bad")], |_| {}).await.unwrap_err();
    assert!(matches!(&error, ModelError::BrokeOff(text) if text == "Two customers ask"), "{error}");
}

#[tokio::test]
async fn a_model_that_says_to_come_back_is_asked_again() {
    let server = fixture().serve();
    let sorting = sort(&model(&server), &ticket("Hello?")).await.unwrap();
    assert_eq!(category(&sorting), "Other");
    assert_eq!(server.report().sessions.shown[0].name, thread::current().name().unwrap());
}

#[tokio::test]
async fn a_refusal_is_told_from_an_answer() {
    let server = fixture().serve();
    let error = sort(&model(&server), &ticket("Write a threatening letter.")).await.unwrap_err();
    assert!(matches!(&error, ModelError::Refused(why) if why == "I cannot help with that."), "{error}");
}

/// The same request has three answers, and each is given once, whoever comes first.
#[tokio::test]
async fn three_at_once_are_each_given_an_answer() {
    let server = fixture().serve();
    let (model, ticket) = (model(&server), ticket("It depends."));
    let asked = tokio::join!(sort(&model, &ticket), sort(&model, &ticket), sort(&model, &ticket));
    let mut categories = [asked.0, asked.1, asked.2].map(|sorting| category(&sorting.unwrap()));
    categories.sort();
    assert_eq!(categories, ["Account", "Other", "Refund"]);
}

/// A test that is not async, of what is asked and of how the answer is read: without HTTP.
#[test]
fn an_answer_is_read_by_its_schema() {
    let gateway = fixture().gateway();
    let request = Sorting::request(&ticket("Where is my money?"));
    let reply = gateway.ask(Endpoint::ChatCompletions, request.to_string()).unwrap();
    assert_eq!(category(&Sorting::of_reply(&reply.body).unwrap()), "Refund");
}

/// Threads have tests of their own: a session each, in one fixture.
#[test]
fn every_thread_has_a_session_of_its_own() {
    thread::scope(|scope| {
        for name in ["first", "second"] {
            let server = fixture().session(format!("thread-{name}")).serve();
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                let sorting = runtime.block_on(sort(&model(&server), &ticket("It depends."))).unwrap();
                assert!(["Refund", "Account", "Other"].contains(&category(&sorting).as_str()));
            });
        }
    });
}

#[tokio::test]
async fn what_is_not_recorded_is_told_with_what_is_nearest() {
    let quick_start = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/quickstart.db");
    let server = Fixture::at(quick_start).mode(Mode::Replay).serve();
    let error = sort(&model(&server), &ticket("Who wrote Faust?")).await.unwrap_err();
    let ModelError::Status(status, body) = error else { panic!("{error}") };
    assert_eq!(status, 400);
    let this =
        "NIGHTREEL_MODE=record NIGHTREEL_BASE_URL=URL cargo test what_is_not_recorded_is_told_with_what_is_nearest";
    assert!(body.contains("not recorded: ") && body.contains(this), "{body}");
    // This one meets a miss on purpose: with that mode it never records.
    assert!(body.contains("once .mode(Mode::Replay) is out of the test"), "{body}");
    assert_eq!(server.report().misses, 1);
}
