//! What is paid for, what became of it, and what the journal says of it.

use super::super::{Bill, CostTold, Fault, Faults, JournalLine, Options, Stats};
use super::client::{Connection, ask_chat, chat, start, try_ask, until};

const CHAT: &str = "/v1/chat/completions";

/// The bills of one request that meets a fault: delivered, cut, hung, left.
async fn answers(faults: Faults) -> [u64; 4] {
    let simulator = start(Options { faults, ..Options::default() }).await;
    let mut connection = Connection::open(simulator.address()).await;
    connection.send("POST", CHAT, &[], &chat("a")).await;
    if faults.hang + faults.stall > 0.0 {
        until(|| simulator.stats().billed == 1).await;
    } else {
        // A connection that is reset before its headers gives no answer.
        let _answered = connection.receive().await;
    }
    drop(connection);
    until(|| simulator.stats().in_flight == 0).await;
    let stats = simulator.stop().await;
    let bills = [stats.delivered, stats.cut, stats.hung, stats.left];
    assert_eq!(bills.iter().map(|bill| bill.nano_usd).sum::<u64>(), stats.nano_usd);
    bills.map(|bill| bill.answers)
}

#[tokio::test]
async fn each_fault_leaves_its_bill() {
    assert_eq!(answers(Faults::default()).await, [1, 0, 0, 0]);
    for fault in Fault::ALL {
        let mut faults = Faults::default();
        *faults.share_mut(fault) = 1.0;
        let expected = match fault {
            Fault::Length => [1, 0, 0, 0],
            Fault::Reset | Fault::ResetInBody | Fault::Truncated => [0, 1, 0, 0],
            Fault::Hang | Fault::Stall => [0, 0, 1, 0],
            _ => [0, 0, 0, 0],
        };
        assert_eq!(answers(faults).await, expected, "{fault:?}");
    }
}

#[tokio::test]
async fn an_answer_whose_client_leaves_is_paid_for_all_the_same() {
    let simulator = start(Options { latency: "1m".parse().unwrap(), ..Options::default() }).await;
    let mut connection = Connection::open(simulator.address()).await;
    connection.send("POST", CHAT, &[], &chat("a")).await;
    until(|| simulator.stats().billed == 1).await;
    drop(connection);
    until(|| simulator.stats().in_flight == 0).await;
    let Stats { delivered, left, .. } = simulator.stats();
    assert_eq!((delivered, left.answers), (Bill::default(), 1));
}

#[tokio::test]
async fn a_cost_that_is_set_is_told_and_counted_exactly() {
    for (cost_told, told) in [(CostTold::Cost, Some(0.0137)), (CostTold::Nothing, None)] {
        let cost_usd = "0.0137".parse().ok();
        let simulator = start(Options { cost_usd, cost_told, ..Options::default() }).await;
        for number in 0..73 {
            let usage = &ask_chat(&simulator, &chat(&number.to_string())).await.json()["usage"];
            assert_eq!(usage["cost"].as_f64(), told);
        }
        let stats = simulator.stats();
        assert_eq!((stats.nano_usd, stats.delivered.nano_usd), (1_000_100_000, 1_000_100_000));
        assert_eq!(stats.models["openai/gpt-5-mini"].billed, stats.delivered);
    }
}

#[tokio::test]
async fn the_journal_says_what_each_request_cost_and_when_its_answer_was_due() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal.jsonl");
    let (requests_per_minute, latency) = (Some(1), "20ms".parse().unwrap());
    let options = Options { journal: Some(journal.clone()), latency, requests_per_minute, ..Options::default() };
    let simulator = start(options).await;
    let usage = try_ask(&simulator, CHAT, &[], &chat("a")).await.unwrap().json()["usage"].clone();
    assert_eq!(ask_chat(&simulator, &chat("a")).await.status, 429);
    let stats = simulator.stop().await;
    let text = std::fs::read_to_string(&journal).unwrap();
    let lines: Vec<JournalLine> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [answered, refused] = lines.as_slice() else { panic!("{text}") };
    assert_eq!(answered.model.as_deref(), Some("openai/gpt-5-mini"));
    assert_eq!((answered.billed.as_deref(), answered.limit.as_deref()), (Some("delivered"), None));
    assert_eq!(usage["prompt_tokens"], answered.prompt_tokens);
    assert_eq!((&usage["completion_tokens"], stats.nano_usd), (&answered.completion_tokens.into(), answered.nano_usd));
    assert_eq!(answered.answer_us, Some(answered.monotonic_us + 20_000));
    assert_eq!((refused.billed.as_deref(), refused.limit.as_deref()), (None, Some("requests_per_minute")));
    assert_eq!((refused.model.as_deref(), refused.nano_usd), (None, 0));
}
