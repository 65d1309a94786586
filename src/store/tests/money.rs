//! What was sent and spent, and what became of the limits.

use super::*;

/// An attempt that was sent at some time, and cost so much.
fn sent(sent_at_ms: i64, class: Class, cost_usd: Option<f64>) -> Attempt {
    let attempt = attempt(1, class, Ok(reply("{}")));
    Attempt { sent_at_ms, cost_usd, ..attempt }
}

/// An attempt whose reply has a status.
fn of_status(status: u16, mut attempt: Attempt) -> Attempt {
    attempt.reply = attempt.reply.map(|reply| Reply { status, ..reply });
    attempt
}

/// An exchange that an attempt settled, with its item.
fn settled_by(run: RunId, position: u32, attempt: Attempt) -> Record {
    let exchange = exchange(run, position, body(&format!("{run} {position}")));
    Record::Settled(exchange, Settled::Sent(attempt, facts()), Some(item(run, position, Outcome::Ok)))
}

/// An exchange that is not settled yet, with an attempt that failed.
fn waiting(run: RunId, position: u32, attempt: Attempt) -> Record {
    Record::Attempt(exchange(run, position, body(&format!("{run} {position}"))), attempt, Facts::default())
}

#[test]
fn what_a_run_has_spent_is_what_its_own_attempts_cost_and_are_assumed_to_cost() {
    let fixture = Fixture::new();
    let run = fixture.run;
    let assumed = Attempt { assumed_cost_usd: Some(0.5), ..sent(1, Class::TimedOut, None) };
    let copied = Settled::Copied(sent(1, Class::Answered, Some(8.0)), facts());
    fixture.write(vec![
        settled_by(run, 0, sent(1, Class::Answered, Some(0.25))),
        settled_by(run, 1, sent(1, Class::Answered, None)),
        // That of an error by its status is free, that of one within an answer nobody knows.
        settled_by(run, 2, of_status(502, sent(1, Class::ServerError, None))),
        settled_by(run, 5, sent(1, Class::ServerError, None)),
        waiting(run, 3, assumed.clone()),
        waiting(run, 3, sent(1, Class::RateLimited, Some(0.0))),
        waiting(run, 3, sent(1, Class::ConnectionLost, None)),
        Record::Settled(exchange(run, 4, body("copied")), copied, Some(item(run, 4, Outcome::Ok))),
    ]);
    let reader = fixture.reader();
    assert_eq!(reader.spent(run).unwrap(), Spent { known_usd: 0.25, assumed_usd: 0.5, assumed: 1, unknown: 3 });
    let totals = reader.totals(run).unwrap();
    assert!((totals.cost_usd() - 0.25).abs() < 1e-12 && (totals.assumed_cost_usd() - 0.5).abs() < 1e-12);
    assert_eq!(totals.unknown_costs(), 4);
    let attempts = fixture.reader().attempts(run.item(3)).unwrap();
    assert_eq!(attempts[0].attempt, assumed);
    // What is counted besides is that of the run: some of it is for what nothing was counted for.
    let correction = |usd, requests| Record::BudgetCorrection(run, BudgetCorrection { model: None, usd, requests });
    fixture.write(vec![correction(0.25, 0), correction(0.5, 1)]);
    assert_eq!(reader.spent(run).unwrap(), Spent { known_usd: 0.25, assumed_usd: 1.25, assumed: 2, unknown: 2 });
    let totals = reader.totals(run).unwrap();
    assert!((totals.assumed_cost_usd() - 1.25).abs() < 1e-12 && totals.unknown_costs() == 4);
    assert_eq!(reader.cost_unknown(run).unwrap(), [item(run, 1, Outcome::Ok).model.as_ref()]);
    // Another run that is answered by them has spent nothing.
    let newer = fixture.store.begin_run(&new_run("job")).unwrap();
    let attempt_id = fixture.reader().recorded(run, 0..1).unwrap()[0].attempt_id;
    let replayed = Record::Settled(exchange(newer, 0, body("a")), Settled::Replayed(attempt_id), None);
    fixture.write(vec![replayed]);
    assert_eq!(fixture.reader().spent(newer).unwrap(), Spent::default());
    assert!(fixture.reader().cost_unknown(newer).unwrap().is_empty());
}

#[test]
fn what_a_price_says_is_no_more_than_the_least_once_the_price_has_proved_too_low() {
    let fixture = Fixture::new();
    let run = fixture.run;
    let by_price = |position| {
        let priced = Settled::Sent(sent(1, Class::Answered, Some(0.25)), Facts { tells_cost: false, ..facts() });
        Record::Settled(exchange(run, position, body("priced")), priced, Some(item(run, position, Outcome::Ok)))
    };
    let assumed = Attempt { assumed_cost_usd: Some(0.5), ..sent(1, Class::TimedOut, None) };
    fixture.write(vec![settled_by(run, 0, sent(1, Class::Answered, Some(1.0))), by_price(1)]);
    fixture.write(vec![waiting(run, 1, assumed)]);
    let model = item(run, 0, Outcome::Ok).model;
    let is = |usd: f64, expected: f64| assert!((usd - expected).abs() < 1e-12, "{usd}, {expected}");
    for (corrected_usd, is_underpriced) in [(0.0, false), (0.75, true)] {
        if is_underpriced {
            let model = Some(Arc::clone(&model));
            let correction = BudgetCorrection { model, usd: corrected_usd, requests: 0 };
            fixture.write(vec![Record::BudgetCorrection(run, correction)]);
        }
        let mut reader = fixture.reader();
        let totals = reader.totals(run).unwrap();
        assert_eq!((totals.lanes.len(), totals.lanes[0].is_underpriced), (1, is_underpriced));
        assert!(totals.may_cost_more(), "one attempt is of unknown cost");
        is(totals.assumed_cost_usd(), 0.5 + corrected_usd);
        is(totals.lanes[0].assumed_cost_usd, 0.5 + corrected_usd);
        let expected = ByPrice {
            model: model.to_string(),
            priced: 1,
            assumed: 1,
            priced_usd: 0.25,
            assumed_usd: 0.5,
            corrected_usd,
        };
        assert_eq!(reader.by_price(run).unwrap(), [expected]);
        is(reader.spent(run).unwrap().assumed_usd, 0.5 + corrected_usd);
        let marks = |position| {
            let attempts = fixture.reader().attempts(run.item(position)).unwrap();
            attempts.iter().map(|view| (view.is_by_price, view.is_underpriced)).collect::<Vec<_>>()
        };
        assert_eq!(marks(0), [(false, false)]);
        assert_eq!(marks(1), [(true, is_underpriced), (false, is_underpriced)]);
        let _read = reader.items(run, 0, 9).unwrap();
    }
}

#[test]
fn a_copy_that_is_asked_again_was_never_sent() {
    let fixture = Fixture::new();
    let run = fixture.run;
    let failed = Settled::Copied(sent(1, Class::ServerError, Some(4.0)), Facts::default());
    let outcome = Outcome::Failed(Class::ServerError);
    let request = body(&format!("{run} 0"));
    fixture.write(vec![Record::Settled(exchange(run, 0, request), failed, Some(item(run, 0, outcome)))]);
    fixture.write(vec![settled_by(run, 0, sent(1, Class::Answered, Some(0.25)))]);
    let reader = fixture.reader();
    assert_eq!(reader.spent(run).unwrap(), Spent { known_usd: 0.25, ..Spent::default() });
    assert_eq!(reader.totals(run).unwrap().sent(), 1);
}

#[test]
fn the_dearest_answer_of_a_job_comes_with_its_own_tokens() {
    let fixture = Fixture::new();
    let other = fixture.store.begin_run(&new_run("other")).unwrap();
    let rehearsal = fixture.store.begin_run(&NewRun { simulated: true, ..new_run("job") }).unwrap();
    let again = fixture.store.begin_run(&new_run("job")).unwrap();
    let answered = |run, position, cost_usd, prompt_tokens| {
        let Record::Settled(exchange, Settled::Sent(attempt, facts), item) =
            settled_by(run, position, sent(1, Class::Answered, cost_usd))
        else {
            panic!("it is settled by an attempt")
        };
        Record::Settled(exchange, Settled::Sent(attempt, Facts { prompt_tokens, ..facts }), item)
    };
    fixture.write(vec![
        answered(fixture.run, 0, Some(0.25), Some(20)),
        answered(fixture.run, 1, Some(0.75), Some(10)),
        answered(again, 0, Some(0.5), Some(30)),
        answered(again, 1, None, Some(40)),
        settled_by(again, 2, sent(1, Class::ServerError, Some(8.0))),
        answered(rehearsal, 0, Some(8.0), None),
        answered(other, 0, Some(9.0), None),
    ]);
    let dearest = |job, simulated| fixture.reader().dearest(job, simulated).unwrap();
    let expected = |answers, cost_usd, tokens| [Dearest { model: "m".to_owned(), answers, cost_usd, tokens }];
    assert_eq!(dearest("job", false), expected(3, 0.75, Some((10, 5))));
    assert_eq!(dearest("job", true), expected(1, 8.0, None));
    assert_eq!(dearest("other", false), expected(1, 9.0, None));
    assert_eq!(dearest("none", false), []);
}

#[test]
fn what_was_sent_since_a_moment_is_counted_by_model_and_only_once() {
    let fixture = Fixture::new();
    let run = fixture.run;
    let hour = 3_600_000;
    let now = 10 * hour;
    let rehearsal = fixture.store.begin_run(&NewRun { simulated: true, ..new_run("job") }).unwrap();
    let copied = Settled::Copied(sent(now, Class::Answered, Some(8.0)), facts());
    // It was sent long before the moment and ends now: what was sent meanwhile stands before it.
    let mut long = sent(now - 5 * hour, Class::Answered, None);
    long.timing.total_us = 5 * 3_600_000_000;
    fixture.write(vec![
        settled_by(run, 0, sent(now, Class::Answered, None)),
        // What ended long before the moment ends the search: what was written before it ended earlier.
        settled_by(run, 1, sent(now - 3 * hour, Class::Answered, None)),
        settled_by(run, 2, sent(now, Class::Answered, None)),
        settled_by(run, 3, sent(now - 1, Class::Answered, None)),
        settled_by(run, 6, long),
        Record::Settled(exchange(run, 4, body("copied")), copied, Some(item(run, 4, Outcome::Ok))),
        waiting(run, 5, sent(now, Class::RateLimited, None)),
        waiting(run, 5, sent(now, Class::RefusedStream, None)),
        waiting(run, 5, sent(now, Class::NotConnected, None)),
        settled_by(rehearsal, 0, sent(now, Class::Answered, None)),
    ]);
    let reader = fixture.reader();
    let real = SentBy { simulated: false, but: None };
    let first = reader.sent_since(now, real, 0).unwrap();
    let of_m = |sent: &SentSince| (sent.by_model.get("m").copied().unwrap_or(0), sent.of_unknown_model);
    assert_eq!(of_m(&first), (1, 1));
    assert_eq!(of_m(&reader.sent_since(now, SentBy { simulated: true, ..real }, 0).unwrap()), (1, 0));
    assert_eq!(of_m(&reader.sent_since(now, SentBy { but: Some(run), ..real }, 0).unwrap()), (0, 0));
    let again = reader.sent_since(now, real, first.last).unwrap();
    assert_eq!((of_m(&again), again.last), ((0, 0), first.last));
    let other = fixture.store.begin_run(&new_run("other")).unwrap();
    fixture.write(vec![settled_by(other, 0, sent(now, Class::Answered, None))]);
    let later = fixture.reader().sent_since(now, SentBy { but: Some(run), ..real }, first.last).unwrap();
    assert_eq!(of_m(&later), (1, 0));
    assert!(later.last > first.last);
}

#[test]
fn changes_of_limits_come_back_in_order() {
    let fixture = Fixture::new();
    let change = |what, lane: Option<&str>, was, now| LimitChange {
        run: fixture.run,
        lane: lane.map(Into::into),
        at_ms: 5,
        what,
        was,
        now,
        reason: "too many requests".to_owned(),
    };
    let other = fixture.store.begin_run(&new_run("other")).unwrap();
    let changes: Vec<_> = Limit::ALL
        .into_iter()
        .zip([(Some(8.0), Some(4.0)), (None, Some(600.0)), (Some(1.5), None), (None, None), (Some(0.0), Some(1.0))])
        .map(|(what, (was, now))| change(what, (what == Limit::InFlight).then_some("m"), was, now))
        .collect();
    let of_other = LimitChange { run: other, ..changes[0].clone() };
    fixture.write(changes.iter().chain([&of_other]).cloned().map(Record::LimitChange).collect());
    assert_eq!(fixture.reader().limit_changes(fixture.run).unwrap(), changes);
    assert_eq!(fixture.reader().limit_changes(other).unwrap(), [of_other]);
}

#[test]
fn a_store_of_the_first_version_is_read_as_it_is() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/store-v1.db");
    let before = std::fs::read(&path).unwrap();
    let mut reader = Store::open(&path, Access::ReadOnly).unwrap().reader().unwrap();
    let run = reader.runs().unwrap()[0].id;
    let totals = reader.totals(run).unwrap();
    assert!(totals.settled() > 0 && totals.cost_usd() > 0.0);
    assert!(totals.assumed_cost_usd().abs() < f64::EPSILON);
    assert!((reader.spent(run).unwrap().known_usd - totals.cost_usd()).abs() < 1e-9);
    assert_eq!(reader.limit_changes(run).unwrap(), []);
    let items = reader.items(run, 0, 1_000).unwrap();
    assert_eq!(items.len() as u64, totals.settled());
    assert!(items.iter().any(|item| item.steps[0].attempt.cost_usd.is_some_and(|cost| cost > 0.0)));
    assert!(!reader.attempts(items[0].item).unwrap().is_empty());
    assert!(!reader.recorded(run, 0..10).unwrap().is_empty());
    let step = &items[0].steps[0];
    assert!(reader.find(&step.key, 0, Scope { others: true, ..Scope::default() }).unwrap().is_some());
    assert!(!reader.progress(run, 0, 10).unwrap().is_empty());
    assert!(reader.learned(&items[0].model, true).unwrap().answers > 0);
    let sent = reader.sent_since(0, SentBy { simulated: true, but: None }, 0).unwrap();
    assert!(sent.by_model.values().sum::<u64>() > 0);
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn totals_count_what_was_sent_and_paid() {
    let fixture = Fixture::new();
    let run = fixture.run;
    let retried = exchange(run, 1, body("b"));
    let lost = attempt(1, Class::TimedOut, Err(Fault { kind: FaultKind::TimedOut, message: "slow".to_owned() }));
    let rejected = of_status(400, attempt(2, Class::Rejected, Ok(reply("{\"error\":{}}"))));
    let failed = Outcome::Failed(Class::Rejected);
    fixture.write(vec![
        settled(run, 0, body("a"), "{}"),
        Record::Attempt(Arc::clone(&retried), lost, Facts::default()),
        Record::Settled(retried, Settled::Sent(rejected, Facts::default()), Some(item(run, 1, failed))),
    ]);
    let reader = fixture.reader();
    let totals = reader.totals(run).unwrap();
    assert_eq!(
        (totals.settled(), totals.succeeded(Success::default()), totals.sent(), totals.may_be_billed()),
        (2, 1, 3, 1)
    );
    assert_eq!((totals.tokens(), totals.unknown_costs()), ((10, 5), 1));
    assert!((totals.cost_usd() - 0.25).abs() < 1e-9);
    let failures = reader.failures(run, Success::default()).unwrap();
    assert_eq!((failures.len(), failures[0].outcome, failures[0].example_row_id.as_str()), (1, failed, "row-1"));
}

#[test]
fn what_a_model_has_used_is_learned_from_real_runs_of_one_job_or_of_all() {
    let fixture = Fixture::new();
    let other = fixture.store.begin_run(&new_run("other")).unwrap();
    let rehearsal = fixture.store.begin_run(&NewRun { simulated: true, ..new_run("job") }).unwrap();
    let records = [(fixture.run, 0), (fixture.run, 1), (other, 0), (rehearsal, 0)]
        .map(|(run, position)| settled(run, position, body(&format!("{run} {position}")), "{}"));
    fixture.write(records.into());
    let reader = fixture.reader();
    let answers = |learned: Learned| (learned.answers, learned.prompt_tokens, learned.most_completion_tokens);
    assert_eq!(answers(reader.learned("m", false).unwrap()), (3, 30, 5));
    assert_eq!(answers(reader.learned("m", true).unwrap()), (1, 10, 5));
    assert_eq!(answers(reader.learned_of_job("m", "job").unwrap()), (2, 20, 5));
    assert_eq!(answers(reader.learned_of_job("n", "job").unwrap()), (0, 0, 0));
    let prompts = [(other.item(0), 10), (fixture.run.item(1), 10)].map(|(item, tokens)| (item.exchange(0), tokens));
    assert_eq!(reader.answered_prompts("m", 2).unwrap(), prompts);
}
