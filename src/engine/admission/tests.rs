//! The gate as a whole, on a clock that the tests move.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::quota_server::{RATE, Server};
use super::{Admission, AdmissionOptions, BudgetOptions, LaneOptions, Permit, Refusal, Size, Spent};
use crate::engine::{Bound, StopReason};
use crate::job::InFlight;
use crate::model::Class;
use crate::store::{Dearest, Limit};

fn fixed(places: u32) -> AdmissionOptions {
    AdmissionOptions::in_flight(InFlight::Fixed(number(places)))
}

fn number(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

pub(super) fn models() -> (Arc<str>, Arc<str>) {
    ("slow".into(), "fast".into())
}

pub(super) async fn admit(gate: &Admission, model: &Arc<str>) -> Permit {
    gate.admit(model, Size::default()).await.unwrap_or_else(|refusal| panic!("{refusal:?}"))
}

pub(super) async fn waits(gate: &Admission, model: &Arc<str>) -> bool {
    timeout(Duration::from_secs(1), gate.admit(model, Size::default())).await.is_err()
}

pub(super) fn answered(cost_usd: f64) -> Spent {
    let tokens = Some((100, 100));
    Spent {
        class: Class::Answered,
        tokens,
        cost_usd: Some(cost_usd),
        is_by_price: false,
        from_cache: false,
        hint: None,
    }
}

pub(super) fn rate_limited(hint: Option<Duration>) -> Spent {
    Spent { class: Class::RateLimited, tokens: None, cost_usd: Some(0.0), is_by_price: false, from_cache: false, hint }
}

#[tokio::test(start_paused = true)]
async fn a_lane_that_cools_down_does_not_hold_up_another() {
    let gate = Admission::new(fixed(2));
    let (slow, fast) = models();
    gate.cool_down(&slow, Duration::from_mins(1));
    let begun = Instant::now();
    drop(admit(&gate, &fast).await);
    assert_eq!(begun.elapsed(), Duration::ZERO);
    drop(admit(&gate, &slow).await);
    assert!(begun.elapsed() >= Duration::from_mins(1));
}

#[tokio::test(start_paused = true)]
async fn a_model_holds_to_its_own_limits_and_another_does_not_wait_for_it() {
    let own = InFlight::Fixed(number(1));
    let lane = LaneOptions { in_flight: Some(own), requests_per_minute: Some(number(1)), ..LaneOptions::default() };
    let gate = Admission::new(AdmissionOptions { lanes: vec![("slow".into(), lane)], ..fixed(9) });
    let (slow, fast) = models();
    let begun = Instant::now();
    let first = admit(&gate, &slow).await;
    assert!(waits(&gate, &slow).await);
    drop(admit(&gate, &fast).await);
    drop(first);
    assert_eq!(begun.elapsed(), Duration::from_secs(1));
    drop(admit(&gate, &slow).await);
    assert!(begun.elapsed() >= Duration::from_mins(1));
}

#[tokio::test(start_paused = true)]
async fn no_more_are_in_flight_than_the_limit() {
    let gate = Admission::new(fixed(1));
    let (model, _) = models();
    let first = admit(&gate, &model).await;
    assert_eq!((gate.in_flight(), gate.limit()), (1, 1));
    let second = gate.admit(&model, Size::default());
    tokio::pin!(second);
    assert!(timeout(Duration::from_secs(1), &mut second).await.is_err());
    assert_eq!(gate.bound(), Some(Bound::InFlight));
    drop(first);
    drop(second.await);
    assert_eq!(gate.in_flight(), 0);
}

/// How many requests two lanes get through in a while, of which the first one never answers.
async fn with_a_stalled_lane(gate: &Admission) -> usize {
    let (slow, fast) = models();
    let stalled: Vec<_> = (0..50)
        .map(|_| {
            let (gate, slow) = (gate.clone(), Arc::clone(&slow));
            tokio::spawn(async move {
                let _held = admit(&gate, &slow).await;
                std::future::pending::<()>().await;
            })
        })
        .collect();
    let begun = Instant::now();
    let mut done = 0;
    while begun.elapsed() < Duration::from_secs(10) {
        let permits: Vec<Permit> = vec![admit(gate, &fast).await, admit(gate, &fast).await];
        tokio::time::sleep(Duration::from_millis(100)).await;
        done += permits.len();
    }
    stalled.iter().for_each(tokio::task::JoinHandle::abort);
    done
}

#[tokio::test(start_paused = true)]
async fn a_stalled_lane_leaves_another_its_share_of_the_places() {
    assert_eq!(with_a_stalled_lane(&Admission::new(fixed(4))).await, 200);
}

#[tokio::test(start_paused = true)]
async fn lanes_share_the_runs_pace_and_each_keeps_its_own() {
    let own = |rpm| LaneOptions { requests_per_minute: Some(number(rpm)), ..LaneOptions::default() };
    let lanes = vec![("slow".into(), own(120)), ("fast".into(), own(600))];
    let gate = Admission::new(AdmissionOptions { requests_per_minute: Some(number(600)), lanes, ..fixed(16) });
    let (slow, fast) = models();
    let counts = [slow, fast].map(|model| {
        let gate = gate.clone();
        tokio::spawn(async move {
            let (begun, mut sent) = (Instant::now(), 0);
            while begun.elapsed() < Duration::from_mins(3) {
                drop(admit(&gate, &model).await);
                sent += 1;
            }
            sent
        })
    });
    let mut sent = Vec::new();
    for count in counts {
        sent.push(count.await.unwrap());
    }
    assert!((353..=360).contains(&sent[0]), "{sent:?}");
    assert!((1_764..=1_800).contains(&(sent[0] + sent[1])), "{sent:?}");
}

#[tokio::test(start_paused = true)]
async fn tokens_are_settled_with_what_was_used() {
    let gate = Admission::new(AdmissionOptions { tokens_per_minute: Some(number(60_000)), ..fixed(8) });
    let (model, _) = models();
    assert!(gate.looks_at_sizes());
    let (begun, mut used) = (Instant::now(), 0);
    while begun.elapsed() < Duration::from_mins(5) {
        let size = Size { bytes: 1_000, ..Size::default() };
        let mut permit = gate.admit(&model, size).await.unwrap_or_else(|refusal| panic!("{refusal:?}"));
        let completion = 100 + used * 7 % 1_900;
        permit.settle(&Spent { tokens: Some((250, completion)), ..answered(0.0) });
        used += 250 + completion;
    }
    assert!((57_000 * 5..=61_200 * 5).contains(&used), "{used}");
}

pub(super) fn budget(cap_usd: f64, worst: Option<f64>) -> AdmissionOptions {
    let worst_case = Arc::new(move |_: &str, _, _| worst);
    AdmissionOptions { budget: Some(BudgetOptions { worst_case, ..BudgetOptions::new(cap_usd) }), ..fixed(256) }
}

/// Spends a budget on answers, many in flight, by what the first one and each other one cost; gives
/// what was spent and why it ended.
pub(super) async fn spend(options: AdmissionOptions, (first_usd, cost_usd): (f64, f64)) -> (f64, StopReason) {
    let gate = Admission::new(options);
    let (model, _) = models();
    let is_begun = Arc::new(AtomicBool::new(false));
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..256 {
        let (gate, model) = (gate.clone(), Arc::clone(&model));
        let is_begun = Arc::clone(&is_begun);
        workers.spawn(async move {
            let mut spent = 0.0;
            loop {
                match gate.admit(&model, Size::default()).await {
                    Err(refusal) => return (spent, refusal),
                    Ok(mut permit) => {
                        let cost_usd = if is_begun.swap(true, Ordering::Relaxed) { cost_usd } else { first_usd };
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        permit.settle(&answered(cost_usd));
                        spent += cost_usd;
                    }
                }
            }
        });
    }
    let ends = workers.join_all().await;
    let Refusal::Run(reason) = ends[0].1.clone() else { panic!("the run ends") };
    (ends.into_iter().map(|(spent, _)| spent).sum(), reason)
}

#[tokio::test(start_paused = true)]
async fn a_budget_is_spent_and_not_passed_whether_the_worst_case_is_known_or_learned() {
    for worst in [Some(0.04), None] {
        let (spent, reason) = spend(budget(1.0, worst), (0.0137, 0.0137)).await;
        assert!((0.95..=1.0).contains(&spent), "{spent} with {worst:?}");
        assert!(reason.to_string().contains(" of $1.00 are spent"), "{reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_earlier_sessions_have_paid_keeps_a_budget_from_being_passed_by_the_first_request() {
    let (model, _) = models();
    let mut options = budget(1.0, None);
    let budget = options.budget.as_mut().unwrap();
    (budget.spent_usd, budget.dearest) =
        (0.99, vec![Dearest { model: model.to_string(), answers: 72, cost_usd: 0.0137, tokens: None }]);
    let refusal = Admission::new(options).admit(&model, Size::default()).await.err().unwrap();
    assert!(matches!(refusal, Refusal::Run(StopReason::Budget { .. })), "{refusal:?}");
}

#[tokio::test(start_paused = true)]
async fn no_request_follows_an_answer_that_does_not_say_what_it_cost_unless_there_is_a_price_or_no_cap() {
    let (model, other) = models();
    let untold = Spent { cost_usd: None, ..answered(0.0) };
    for (worst, is_refused) in [(None, true), (Some(0.01), false)] {
        let gate = Admission::new(budget(1.0, worst));
        let settled = admit(&gate, &model).await.settle(&untold);
        assert_eq!(settled.assumed_cost_usd, worst);
        let refusal = gate.admit(&model, Size::default()).await.err();
        let is_told = matches!(&refusal, Some(Refusal::Run(StopReason::CostUnknown { message, .. })) if message.contains(&*model));
        assert_eq!((is_told, refusal.is_some()), (is_refused, is_refused), "{worst:?}: {refusal:?}");
        drop(admit(&gate, &other).await);
        let _change = gate.set_budget_usd(None, None);
        drop(admit(&gate, &model).await);
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_an_answer_that_does_not_say_what_it_cost_is_refused_and_holds_nothing() {
    let (model, other) = models();
    let gate = Admission::new(budget(1.0, None));
    let mut first = admit(&gate, &model).await;
    let waiting = gate.admit(&model, Size::default());
    tokio::pin!(waiting);
    assert!(tokio::time::timeout(Duration::from_secs(1), &mut waiting).await.is_err());
    first.settle(&Spent { cost_usd: None, ..answered(0.0) });
    assert!(matches!(waiting.await.err(), Some(Refusal::Run(StopReason::CostUnknown { .. }))));
    drop(admit(&gate, &other).await);
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_an_earlier_session_that_did_not_say_what_it_cost_lets_nothing_be_sent() {
    let (model, other) = models();
    for (worst, is_refused) in [(None, true), (Some(0.01), false)] {
        let mut options = budget(1.0, worst);
        options.budget.as_mut().unwrap().cost_unknown = vec![model.to_string()];
        let gate = Admission::new(options);
        let refusal = gate.admit(&model, Size::default()).await.err();
        assert_eq!(matches!(refusal, Some(Refusal::Run(StopReason::CostUnknown { .. }))), is_refused, "{refusal:?}");
        drop(admit(&gate, &other).await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_days_quota_ends_its_lane_and_that_of_the_run_ends_the_run() {
    let lane = LaneOptions { requests_per_day: Some(number(2)), ..LaneOptions::default() };
    let lanes = vec![("slow".into(), lane)];
    let options = AdmissionOptions { requests_per_day: Some(number(5)), lanes, now_ms: || 1, ..fixed(9) };
    let gate = Admission::new(options);
    let (slow, fast) = models();
    gate.count_sent(Some(&slow), 1);
    drop(admit(&gate, &slow).await);
    let refusal = gate.admit(&slow, Size::default()).await.err().unwrap();
    assert!(matches!(refusal, Refusal::Lane(StopReason::QuotaExhausted(_))), "{refusal:?}");
    assert_eq!(gate.closed().len(), 1);
    gate.count_sent(None, 2);
    drop(admit(&gate, &fast).await);
    let refusal = gate.admit(&fast, Size::default()).await.err().unwrap();
    assert!(matches!(refusal, Refusal::Run(StopReason::QuotaExhausted(_))), "{refusal:?}");
}

#[tokio::test(start_paused = true)]
async fn a_limit_adapts_and_says_why() {
    let gate = Admission::new(AdmissionOptions::in_flight(InFlight::Auto));
    let (model, _) = models();
    drop(admit(&gate, &model).await);
    let first = gate.limit();
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..2_000 {
        let (gate, model) = (gate.clone(), Arc::clone(&model));
        workers.spawn(async move {
            let mut permit = admit(&gate, &model).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
            permit.settle(&answered(0.0));
            permit.finish()
        });
    }
    let changes: Vec<_> = workers.join_all().await.into_iter().flatten().collect();
    assert!(gate.limit() >= 4 * first, "{} after {first}", gate.limit());
    assert!(changes[0].reason.contains("doubles"), "{changes:?}");
    let mut permits = Vec::new();
    while permits.len() < gate.lane_limit(&model) {
        permits.push(admit(&gate, &model).await);
    }
    let before = gate.limit();
    let cuts = permits.into_iter().flat_map(|mut permit: Permit| permit.settle(&rate_limited(None)).changes);
    assert_eq!(cuts.filter(|change| change.what == Limit::InFlight).count(), 1);
    assert!(gate.limit() < before && gate.limit() * 2 > before, "{} after {before}", gate.limit());
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_429s_without_a_hint_makes_the_lane_wait_whatever_its_limit() {
    for in_flight in [InFlight::Auto, InFlight::Fixed(number(16))] {
        let gate = Admission::new(AdmissionOptions::in_flight(in_flight));
        let (slow, fast) = models();
        let mut permits = Vec::new();
        while permits.len() < 16 {
            permits.push(admit(&gate, &slow).await);
        }
        for mut permit in permits {
            permit.settle(&rate_limited(None));
        }
        assert!(gate.status().lanes[0].cooling.is_some(), "{in_flight:?}");
        drop(admit(&gate, &fast).await);
    }
}

#[tokio::test(start_paused = true)]
async fn limits_can_be_changed_while_requests_wait_for_them() {
    let gate = Admission::new(AdmissionOptions { requests_per_minute: Some(number(1)), ..fixed(1) });
    let (model, _) = models();
    let first = admit(&gate, &model).await;
    assert!(waits(&gate, &model).await);
    let change = gate.set_in_flight(None, InFlight::Fixed(number(8)));
    assert_eq!((change.was, change.now), (Some(1.0), Some(8.0)));
    drop(gate.set_requests_per_minute(None, None));
    drop(admit(&gate, &model).await);
    drop(gate.pause());
    assert!(waits(&gate, &model).await);
    assert!(gate.status().paused);
    drop(gate.resume());
    drop(admit(&gate, &model).await);
    drop(first);
    assert_eq!(gate.status().lanes.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_higher_quota_holds_at_once_for_those_that_wait_for_the_lower_one() {
    let (model, _) = models();
    for of_lane in [None, Some(&model)] {
        let gate = Admission::new(fixed(8));
        drop(gate.set_requests_per_minute(of_lane, Some(number(1))));
        drop(gate.set_tokens_per_minute(of_lane, Some(number(1_000))));
        let mut first = admit(&gate, &model).await;
        first.settle(&answered(0.0));
        let begun = Instant::now();
        let (waiting, other) = (gate.clone(), Arc::clone(&model));
        let waiting = tokio::spawn(async move { drop(admit(&waiting, &other).await) });
        tokio::time::sleep(Duration::from_secs(1)).await;
        drop(gate.set_tokens_per_minute(of_lane, None));
        drop(gate.set_requests_per_minute(of_lane, None));
        waiting.await.unwrap();
        assert_eq!(begun.elapsed(), Duration::from_secs(1), "{of_lane:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_budget_that_comes_while_requests_are_in_flight_counts_them() {
    let gate = Admission::new(fixed(8));
    let (model, _) = models();
    let mut first = admit(&gate, &model).await;
    let mut second = admit(&gate, &model).await;
    let change = gate.set_budget_usd(Some(2.0), Some(BudgetOptions { spent_usd: 0.25, ..BudgetOptions::new(2.0) }));
    assert_eq!((change.was, change.now), (None, Some(2.0)));
    first.settle(&answered(0.5));
    assert_eq!(gate.status().budget.map(|budget| budget.spent_usd), Some(0.75));
    let mut third = admit(&gate, &model).await;
    let change = gate.set_budget_usd(None, None);
    assert_eq!((change.was, change.now, gate.status().budget), (Some(2.0), None, None));
    second.settle(&answered(0.25));
    third.settle(&answered(0.25));
    let change = gate.set_budget_usd(Some(3.0), None);
    assert_eq!((change.was, change.now), (None, Some(3.0)));
    let budget = gate.status().budget.unwrap();
    assert_eq!((budget.spent_usd, budget.reserved_usd), (1.25, 0.0));
}

#[tokio::test(start_paused = true)]
async fn a_first_budget_counts_what_was_lost_before_it_by_what_it_knows_of_costs() {
    let (model, _) = models();
    for (worst_usd, dearest_usd, spent_usd) in [(Some(0.25), None, 1.25), (None, Some(0.25), 1.25), (None, None, 0.25)]
    {
        let gate = Admission::new(fixed(8));
        let begun = admit(&gate, &model).await;
        let dearest =
            dearest_usd.map(|cost_usd| Dearest { model: model.to_string(), answers: 1, cost_usd, tokens: None });
        let first = BudgetOptions {
            spent_usd: 0.25,
            unpriced: 4,
            dearest: dearest.into_iter().collect(),
            worst_case: Arc::new(move |_, _, _| worst_usd),
            ..BudgetOptions::new(9.0)
        };
        drop(gate.set_budget_usd(Some(9.0), Some(first)));
        let _next = admit(&gate, &model).await;
        assert_eq!(gate.status().budget.map(|budget| budget.spent_usd), Some(spent_usd), "{worst_usd:?}");
        drop(begun);
    }
}

/// Runs a lane with work to spare for five minutes against a server that enforces a quota. Gives the
/// share of it that was used, and the share of the requests that met a 429, after the first minute.
async fn told_nothing(server: Server, latency: Duration) -> (f64, f64) {
    let gate = Admission::new(AdmissionOptions::in_flight(InFlight::Auto));
    let (model, _) = models();
    let (server, begun) = (Arc::new(Mutex::new(server)), Instant::now());
    let counts = Arc::new(Mutex::new((0.0, 0.0)));
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..1_200 {
        let (gate, model, server, counts) =
            (gate.clone(), Arc::clone(&model), Arc::clone(&server), Arc::clone(&counts));
        workers.spawn(async move {
            while begun.elapsed() < Duration::from_mins(5) {
                let mut permit = admit(&gate, &model).await;
                let sent = begun.elapsed();
                let reply = server.lock().unwrap().admit(sent.as_secs_f64());
                tokio::time::sleep(latency).await;
                let hint = reply.err().map(Duration::from_secs_f64);
                permit.settle(&if hint.is_some() { rate_limited(hint) } else { answered(0.0) });
                drop(permit.finish());
                if (Duration::from_mins(1)..Duration::from_mins(5)).contains(&sent) {
                    let mut counts = counts.lock().unwrap();
                    if hint.is_some() { counts.1 += 1.0 } else { counts.0 += 1.0 }
                }
                if let Some(hint) = hint {
                    let after = hint + hint.mul_f64(0.1).min(Duration::from_secs(1)).mul_f64(fastrand::f64());
                    gate.cool_down(&model, after);
                    tokio::time::sleep(after).await;
                }
            }
        });
    }
    workers.join_all().await;
    let (accepted, refused) = *counts.lock().unwrap();
    (accepted / (240.0 * RATE), refused / (accepted + refused))
}

/// A server one in ten of whose replies is a 429 for no reason, half of them with a pause of a second.
#[tokio::test(start_paused = true)]
async fn lone_429s_do_not_make_a_lane_crawl() {
    let gate = Admission::new(AdmissionOptions::in_flight(InFlight::Auto));
    let (model, _) = models();
    let (begun, seed) = (Instant::now(), Arc::new(Mutex::new(fastrand::Rng::with_seed(7))));
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..10_000 {
        let (gate, model, seed) = (gate.clone(), Arc::clone(&model), Arc::clone(&seed));
        workers.spawn(async move {
            loop {
                let mut permit = admit(&gate, &model).await;
                tokio::time::sleep(Duration::from_millis(5)).await;
                let draw = seed.lock().unwrap().u8(0..20);
                let (refused, hinted) = (draw < 2, draw < 1);
                let hint = hinted.then_some(Duration::from_secs(1));
                permit.settle(&if refused { rate_limited(hint) } else { answered(0.0) });
                drop(permit.finish());
                if !refused {
                    return;
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
    }
    workers.join_all().await;
    assert!(begun.elapsed() < Duration::from_mins(3), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_quota_that_nobody_told_of_is_used_and_hardly_ever_met() {
    for latency in [100, 1_000] {
        for (name, server) in Server::all() {
            let (used, refused) = told_nothing(server, Duration::from_millis(latency)).await;
            assert!(used >= 0.92, "{name} at {latency} ms: {used} used");
            assert!(refused < 0.02, "{name} at {latency} ms: {refused} refused");
        }
    }
}
