//! What was in flight when a process ended.

use super::*;

/// Writes as a process does that keeps the first of three requests and ends without the others. Its
/// lease is left behind.
fn killed(fixture: &Fixture, positions: [u32; 3]) -> Lease {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let taken_at_ms = 1_000 + i64::from(positions[0]);
    let lease = fixture.store.lease("job", false, taken_at_ms).unwrap();
    let options =
        WriterOptions { job: "job".to_owned(), run: Some(fixture.run), lease: lease.clone(), now_ms: || 2_000 };
    runtime.block_on(async {
        let (writer, mut durable) = Writer::<usize>::start(&fixture.store, options).unwrap();
        let submit = writer.submit();
        for (position, worst_usd) in positions.into_iter().zip([Some(8.0), Some(0.5), None]) {
            submit.sending(fixture.run.item(position).exchange(0), worst_usd);
        }
        submit.mark().await.unwrap();
        assert_eq!(marked(fixture).last(), Some(&(3, 8.5, 1)));
        submit.commit(settled(fixture.run, positions[0], body("kept"), "{}"), None).await.unwrap();
        assert_eq!(marked(fixture).last(), Some(&(2, 0.5, 1)));
        drop(submit);
        let finishing = tokio::task::spawn_blocking(move || writer.finish());
        while durable.recv().await.is_some() {}
        finishing.await.unwrap().unwrap();
    });
    lease
}

/// Takes away what makes the holder of the lease a live process.
fn gone(fixture: &Fixture) {
    fixture.store.writing().unwrap().execute("UPDATE lease SET process_started = '1'", []).unwrap();
}

/// What the store says is in flight: requests, their worst case, and those without one.
fn marked(fixture: &Fixture) -> Vec<(u32, f64, u32)> {
    let reader = fixture.reader();
    let sql = "SELECT requests, worst_cost_usd, unpriced FROM in_flight ORDER BY taken_at_ms";
    let mut statement = reader.connection.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn what_was_in_flight_is_lost_once_its_process_is_gone_and_counts_as_spent() {
    let fixture = Fixture::new();
    killed(&fixture, [0, 1, 2]);
    let answered = Spent { known_usd: 0.25, ..Spent::default() };
    assert_eq!(fixture.reader().spent(fixture.run).unwrap(), answered, "a live process has it in flight");
    assert_eq!(fixture.reader().totals(fixture.run).unwrap().lost, Lost::default());
    gone(&fixture);
    let lost = Lost { requests: 2, worst_usd: 0.5, unpriced: 1, processes: vec![std::process::id()] };
    let totals = fixture.reader().totals(fixture.run.first(1)).unwrap();
    assert_eq!((totals.unknown_costs(), totals.may_be_billed(), totals.sent()), (2, 2, 1));
    assert!((totals.assumed_cost_usd() - 0.5).abs() < 1e-12);
    assert_eq!(totals.lost, lost);
    let spent = Spent { assumed_usd: 0.5, assumed: 1, unknown: 1, ..answered };
    assert_eq!(fixture.reader().spent(fixture.run).unwrap(), spent);
    let other = fixture.store.begin_run(&new_run("job")).unwrap();
    assert_eq!(fixture.reader().totals(other).unwrap().lost, Lost::default());
}

#[test]
fn what_several_processes_have_lost_adds_up() {
    let fixture = Fixture::new();
    killed(&fixture, [0, 1, 2]);
    gone(&fixture);
    // It takes the lease over: what the first one had in flight is lost, what it has itself is not.
    let lease = killed(&fixture, [1, 2, 3]);
    let lost = || fixture.reader().totals(fixture.run).unwrap().lost;
    let first = Lost { requests: 2, worst_usd: 0.5, unpriced: 1, processes: vec![std::process::id()] };
    assert_eq!(lost(), first);
    lease.release().unwrap();
    let both = Lost { requests: 4, worst_usd: 1.0, unpriced: 2, processes: vec![std::process::id(); 2] };
    assert_eq!(lost(), both);
}

#[test]
fn what_is_kept_is_in_flight_no_more() {
    let fixture = Fixture::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let lease = fixture.store.lease("job", false, 1_000).unwrap();
    let options = WriterOptions { job: "job".to_owned(), run: Some(fixture.run), lease, now_ms: || 2_000 };
    runtime.block_on(async {
        let (writer, mut durable) = Writer::<usize>::start(&fixture.store, options).unwrap();
        let submit = writer.submit();
        let request = exchange(fixture.run, 0, body("a"));
        submit.sending(request.id, Some(0.5));
        submit.mark().await.unwrap();
        let failed = attempt(1, Class::TimedOut, Ok(reply("{}")));
        submit.commit(Record::Attempt(request.clone(), failed, Facts::default()), None).await.unwrap();
        assert_eq!(marked(&fixture), []);
        submit.sending(request.id, Some(0.25));
        submit.mark().await.unwrap();
        assert_eq!(marked(&fixture), [(1, 0.25, 0)]);
        submit.commit(settled(fixture.run, 0, body("a"), "{}"), None).await.unwrap();
        assert_eq!(marked(&fixture), []);
        drop(submit);
        let finishing = tokio::task::spawn_blocking(move || writer.finish());
        while durable.recv().await.is_some() {}
        finishing.await.unwrap().unwrap();
    });
}
