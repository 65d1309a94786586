//! The requests that try their lane's price.

use std::sync::Arc;

use super::Size;
use super::budget::Budget;
use super::gate::Gate;
use super::lane::Lane;

/// The right to be one of the few requests of a lane in flight while nobody knows what one costs: the
/// only one, before any reply has told. It is held from before the reservation until the reply has
/// told, or until nothing will: then the next request of the lane looks again.
///
/// It is waited for before the budget is, so that a lane which tries its price does not keep the
/// others from theirs. It costs each lane a round trip, once in a session, and some more where the
/// price is too low, or where there is none.
pub(super) struct Trial(Arc<Lane>);

impl Drop for Trial {
    fn drop(&mut self) {
        self.0.state().on_trial -= 1;
        self.0.tried.notify_waiters();
    }
}

impl Gate {
    /// Waits until a request may go as far as its lane's price is concerned: at once where there is
    /// no cap, or a price that is believed; else with no more others than may try what one costs.
    pub(super) async fn trial(&self, budget: &Budget, lane: &Arc<Lane>, size: Size) -> Option<Trial> {
        loop {
            let tried = lane.tried.notified();
            if !budget.is_capped() {
                return None;
            }
            let has_price = self.by_price(lane, size).is_some();
            {
                let mut state = lane.state();
                let at_once = state.at_once(has_price)?;
                if state.on_trial < at_once {
                    state.on_trial += 1;
                    return Some(Trial(Arc::clone(lane)));
                }
            }
            tried.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::super::tests::{admit, answered, budget, models, rate_limited, spend, waits};
    use super::super::{Admission, BudgetOptions, Refusal, Spent};
    use crate::engine::StopReason;
    use crate::model::Class;
    use crate::store::{ByPrice, Dearest};

    /// A budget of a dollar by a price of so much a request.
    fn priced(worst_usd: f64) -> Admission {
        Admission::new(budget(1.0, Some(worst_usd)))
    }

    #[tokio::test(start_paused = true)]
    async fn a_price_is_tried_by_one_request_of_each_lane_before_others_follow() {
        let gate = priced(0.01);
        let (slow, fast) = models();
        let mut first = admit(&gate, &slow).await;
        assert!(waits(&gate, &slow).await);
        let mut other = admit(&gate, &fast).await;
        first.settle(&answered(0.01));
        let _more = [admit(&gate, &slow).await, admit(&gate, &slow).await];
        assert!(waits(&gate, &fast).await);
        other.settle(&answered(0.005));
        let _more = [admit(&gate, &fast).await, admit(&gate, &fast).await];
    }

    #[tokio::test(start_paused = true)]
    async fn the_next_request_tries_the_price_where_the_first_one_tells_nothing() {
        let told_nothing = [
            Spent { class: Class::NotConnected, ..rate_limited(None) },
            rate_limited(None),
            Spent { class: Class::TimedOut, cost_usd: None, ..rate_limited(None) },
            Spent { from_cache: true, ..answered(0.0) },
        ];
        for spent in told_nothing {
            let gate = priced(0.01);
            let (model, _) = models();
            admit(&gate, &model).await.settle(&spent);
            let second = admit(&gate, &model).await;
            assert!(waits(&gate, &model).await, "{spent:?}");
            // One that nobody settles is as good as one that failed.
            drop(second);
            admit(&gate, &model).await.settle(&answered(0.01));
            let _more = [admit(&gate, &model).await, admit(&gate, &model).await];
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_lane_that_a_cache_answers_is_not_held_up() {
        let gate = priced(0.01);
        let (model, _) = models();
        let cached = Spent { from_cache: true, ..answered(0.0) };
        for _ in 0..3 {
            admit(&gate, &model).await.settle(&cached);
        }
        let _all = [admit(&gate, &model).await, admit(&gate, &model).await, admit(&gate, &model).await];
        assert!(waits(&gate, &model).await);
    }

    #[tokio::test(start_paused = true)]
    async fn where_no_reply_tells_its_cost_a_few_more_go_at_once_with_each() {
        let (model, _) = models();
        let by_price = Spent { is_by_price: true, ..answered(0.001) };
        for spent in [by_price, answered(0.0)] {
            let gate = priced(0.01);
            for at_once in [1, 1, 2, 4, 8] {
                let mut all = Vec::new();
                for _ in 0..at_once {
                    all.push(admit(&gate, &model).await);
                }
                assert!(waits(&gate, &model).await, "{at_once} in flight, {spent:?}");
                for permit in &mut all {
                    drop(permit.settle(&spent));
                }
            }
            // And one that tells more than the price allows ends that.
            admit(&gate, &model).await.settle(&answered(0.04));
            let _alone = admit(&gate, &model).await;
            assert!(waits(&gate, &model).await, "{spent:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_price_that_was_passed_says_nothing_of_what_a_reply_has_cost() {
        let gate = priced(0.01);
        let (model, _) = models();
        let by_price = Spent { is_by_price: true, ..answered(0.001) };
        let believed = admit(&gate, &model).await.settle(&by_price);
        assert_eq!((believed.cost_usd, believed.assumed_cost_usd), (Some(0.001), None));
        admit(&gate, &model).await.settle(&answered(0.04));
        // The one before counts as much as the dearest: the store is told that.
        let corrections = gate.take_corrections();
        let [correction] = corrections.as_slice() else { panic!("{corrections:?}") };
        assert!((correction.usd - 0.039).abs() < 1e-9 && correction.requests == 0, "{correction:?}");
        assert_eq!(correction.model, Some(Arc::clone(&model)));
        let settled = admit(&gate, &model).await.settle(&by_price);
        assert_eq!(settled.cost_usd, None);
        assert!(settled.assumed_cost_usd.unwrap() >= 0.04, "{settled:?}");
        assert_eq!(gate.take_corrections(), []);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_in_flight_when_a_price_proved_too_low_counts_with_what_replies_cost() {
        let gate = priced(0.01);
        let (model, _) = models();
        admit(&gate, &model).await.settle(&answered(0.01));
        let mut dear = admit(&gate, &model).await;
        let mut silent = admit(&gate, &model).await;
        dear.settle(&answered(0.2));
        let by_price = Spent { is_by_price: true, ..answered(0.001) };
        let settled = silent.settle(&by_price);
        assert_eq!((settled.cost_usd, settled.assumed_cost_usd), (None, Some(0.01)));
        let spent_usd = gate.status().budget.unwrap().spent_usd;
        assert!((spent_usd - 0.41).abs() < 1e-9, "{spent_usd}");
        assert!((gate.take_corrections()[0].usd - 0.19).abs() < 1e-9);
    }

    #[tokio::test(start_paused = true)]
    async fn what_earlier_sessions_have_counted_is_not_corrected_again_but_no_less_than_a_reply() {
        let (model, _) = models();
        for (assumed_usd, expected_usd) in [(0.5, None), (0.01, Some(0.07))] {
            let mut options = budget(9.0, Some(0.01));
            let earlier = |budget| BudgetOptions { spent_usd: assumed_usd, assumed_usd, assumed: 2, ..budget };
            options.budget = options.budget.map(earlier);
            let gate = Admission::new(options);
            admit(&gate, &model).await.settle(&answered(0.04));
            let correction_usd = gate.take_corrections().first().map(|correction| (correction.usd * 1e9).round() / 1e9);
            assert_eq!(correction_usd, expected_usd, "{assumed_usd}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_price_said_in_earlier_sessions_counts_once_the_price_has_proved_too_low() {
        let (model, _) = models();
        let of = |corrected_usd| ByPrice {
            model: model.to_string(),
            priced: 3,
            assumed: 2,
            priced_usd: 0.003,
            assumed_usd: 0.02,
            corrected_usd,
        };
        // Five of them cost 0.04 each; what was counted for them before is not counted again.
        for (corrected_usd, expected_usd) in [(0.0, Some(0.177)), (0.027, Some(0.15)), (0.5, None)] {
            let mut options = budget(9.0, Some(0.01));
            options.budget = options.budget.map(|budget| BudgetOptions {
                spent_usd: 0.023 + corrected_usd,
                assumed_usd: 0.02 + corrected_usd,
                assumed: 2,
                by_price: vec![of(corrected_usd)],
                ..budget
            });
            let gate = Admission::new(options);
            admit(&gate, &model).await.settle(&answered(0.04));
            let corrections = gate.take_corrections();
            let usd = corrections.first().map(|correction| (correction.usd * 1e9).round() / 1e9);
            assert_eq!(
                (usd, corrections.len()),
                (expected_usd, usize::from(expected_usd.is_some())),
                "{corrected_usd}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_waits_for_the_trial_is_woken_by_its_end_and_by_the_caps() {
        for ends in [true, false] {
            let gate = priced(0.01);
            let (model, _) = models();
            let first = admit(&gate, &model).await;
            let second = admit(&gate, &model);
            tokio::pin!(second);
            assert!(tokio::time::timeout(Duration::from_secs(1), &mut second).await.is_err());
            let kept = if ends {
                drop(first);
                None
            } else {
                drop(gate.set_budget_usd(None, None));
                Some(first)
            };
            drop(second.await);
            drop(kept);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_cap_nothing_is_tried() {
        let (model, _) = models();
        let uncapped = priced(0.01);
        drop(uncapped.set_budget_usd(None, None));
        let _both = [admit(&uncapped, &model).await, admit(&uncapped, &model).await];
    }

    #[tokio::test(start_paused = true)]
    async fn what_other_sessions_have_paid_lets_no_more_go_than_replies_have_come_where_there_is_no_price() {
        let (model, _) = models();
        let mut options = budget(1.0, None);
        let dearest = vec![Dearest { model: model.to_string(), answers: 72, cost_usd: 0.001, tokens: None }];
        options.budget = options.budget.map(|budget| BudgetOptions { dearest, ..budget });
        let gate = Admission::new(options.clone());
        for replies in [1, 1, 2] {
            let mut all = Vec::new();
            for _ in 0..replies {
                all.push(admit(&gate, &model).await);
            }
            assert!(waits(&gate, &model).await, "{replies} in flight");
            for permit in &mut all {
                drop(permit.settle(&answered(0.001)));
            }
        }
        // Dear answers behind cheap ones of another session pass a budget by one of them.
        options.budget = options.budget.map(|budget| BudgetOptions { cap_usd: 0.05, ..budget });
        let (spent, _) = spend(options, (0.01, 0.01)).await;
        assert!(spent <= 0.05 + 1e-9, "{spent}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_lane_of_unknown_cost_leaves_another_its_share_of_the_budget() {
        let mut options = budget(1.0, None);
        options.budget = options.budget.map(|budget| BudgetOptions { models: 2, ..budget });
        let gate = Admission::new(options);
        let (slow, fast) = models();
        let _silent = admit(&gate, &slow).await;
        for _ in 0..40 {
            admit(&gate, &fast).await.settle(&answered(0.001));
        }
        let budget = gate.status().budget.unwrap();
        assert!(budget.reserved_usd > 0.0 && budget.spent_usd + budget.reserved_usd < budget.cap_usd, "{budget:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_few_requests_that_may_have_been_billed_end_the_run_where_nobody_knows_what_one_costs() {
        let silent = Spent { class: Class::TimedOut, cost_usd: None, ..rate_limited(None) };
        let (model, other) = models();
        for before in [0, 3, 24] {
            let mut options = budget(1.0, None);
            options.budget = options.budget.map(|budget| BudgetOptions { unpriced: before, ..budget });
            let gate = Admission::new(options);
            for _ in before..5 {
                admit(&gate, &model).await.settle(&silent);
            }
            let refusal = gate.admit(&other, super::Size::default()).await.err().unwrap();
            let Refusal::Run(reason @ StopReason::CostUnknown { .. }) = refusal else { panic!("{refusal:?}") };
            let requests = before.max(5);
            assert!(reason.to_string().contains(&format!("what {requests} requests cost that may")), "{reason}");
        }
        // What is in flight is waited for, and its reply settles what came before.
        let mut options = budget(1.0, None);
        options.budget = options.budget.map(|budget| BudgetOptions { models: 2, ..budget });
        let gate = Admission::new(options);
        let mut telling = admit(&gate, &other).await;
        for _ in 0..5 {
            admit(&gate, &model).await.settle(&silent);
        }
        assert!(waits(&gate, &model).await);
        telling.settle(&answered(0.01));
        admit(&gate, &model).await.settle(&silent);
        assert!(gate.status().budget.is_some_and(|budget| budget.spent_usd > 0.06));
        // What another model costs counts for them.
        let gate = Admission::new(budget(1.0, None));
        admit(&gate, &other).await.settle(&answered(0.01));
        for _ in 0..9 {
            admit(&gate, &model).await.settle(&silent);
        }
        assert!(gate.status().budget.is_some_and(|budget| budget.spent_usd > 0.1));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_assumed_by_a_price_that_is_too_low_counts_with_what_replies_cost() {
        let silent = Spent { class: Class::TimedOut, cost_usd: None, ..rate_limited(None) };
        let mut options = budget(1.0, Some(0.001));
        options.budget =
            options.budget.map(|budget| BudgetOptions { spent_usd: 0.002, assumed_usd: 0.002, assumed: 2, ..budget });
        let gate = Admission::new(options);
        let (model, _) = models();
        for _ in 0..3 {
            admit(&gate, &model).await.settle(&silent);
        }
        admit(&gate, &model).await.settle(&answered(0.02));
        let spent_usd = gate.status().budget.unwrap().spent_usd;
        assert!((spent_usd - 6.0 * 0.02).abs() < 1e-9, "{spent_usd}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_budget_is_not_passed_by_more_than_one_reply_where_its_price_is_too_low() {
        for (cap_usd, worst_usd, cost_usd, least_usd) in [
            (0.1, 0.0006, 0.02, 0.06),
            (1.0, 0.0001, 0.0137, 0.95),
            (1.0, 0.0, 0.0137, 0.95),
            (0.01, 0.001, 0.02, 0.02),
        ] {
            let (spent, reason) = spend(budget(cap_usd, Some(worst_usd)), (cost_usd, cost_usd)).await;
            let most = cap_usd.max(cost_usd) + 1e-9;
            assert!((least_usd..=most).contains(&spent), "{spent} of {cap_usd}, {cost_usd} instead of {worst_usd}");
            assert!(reason.to_string().contains(" are spent, and the next request may cost "), "{reason}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn replies_far_dearer_than_the_first_one_do_not_pass_a_budget_by_many_of_them() {
        let (spent, _) = spend(budget(1.0, Some(0.0001)), (0.0002, 0.02)).await;
        assert!((0.95..=1.02).contains(&spent), "{spent}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_price_that_is_too_low_is_told_once_a_lane_and_a_prompt_of_many_tokens_is_none() {
        let mut gate = priced(0.001);
        let (model, other) = models();
        let told =
            async |gate: &Admission, model, cost_usd| admit(gate, model).await.settle(&answered(cost_usd)).underpriced;
        assert_eq!(told(&gate, &model, 0.001).await, None);
        let underpriced = told(&gate, &model, 0.004).await.unwrap();
        assert_eq!((&*underpriced.model, underpriced.cost_usd, underpriced.by_price_usd), ("slow", 0.004, 0.001));
        assert_eq!(told(&gate, &model, 0.008).await, None);
        assert!(told(&gate, &other, 0.004).await.is_some());

        // By tokens, of which an answer has more than its request allows.
        let mut options = budget(1.0, None);
        let worst_case = std::sync::Arc::new(|_: &str, _, most: Option<u64>| {
            Some(0.001 * if most == Some(100) { 100.0 } else { 1.0 })
        });
        options.budget = options.budget.map(|budget| BudgetOptions { worst_case, ..budget });
        gate = Admission::new(options);
        assert_eq!(told(&gate, &model, 0.1).await, None);
        assert_eq!(gate.status().budget.map(|budget| budget.spent_usd), Some(0.1));
        let _next = admit(&gate, &model).await;
        assert_eq!(gate.status().budget.map(|budget| budget.reserved_usd), Some(0.2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_that_goes_on_does_not_believe_a_price_again_that_its_dearest_answer_passed() {
        let (model, _) = models();
        for (tokens, counted_usd) in [(None, 0.001), (Some((10, 10)), 0.1)] {
            let mut options = budget(9.0, Some(0.001));
            let dearest = vec![Dearest { model: model.to_string(), answers: 1, cost_usd: 0.1, tokens }];
            options.budget = options.budget.map(|budget| BudgetOptions { spent_usd: 1.0, dearest, ..budget });
            let gate = Admission::new(options);
            let mut silent = admit(&gate, &model).await;
            silent.settle(&Spent { is_by_price: true, ..answered(0.001) });
            let spent_usd = gate.status().budget.unwrap().spent_usd - 1.0;
            assert!((counted_usd * 0.99..counted_usd * 2.01).contains(&spent_usd), "{tokens:?} {spent_usd}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_that_goes_on_does_not_forget_what_its_dearest_answer_cost() {
        let (model, _) = models();
        for (spent_usd, is_refused) in [(0.97, true), (0.0, false)] {
            let mut options = budget(1.0 - 0.97 + spent_usd, Some(0.001));
            let dearest = vec![Dearest { model: model.to_string(), answers: 40, cost_usd: 0.05, tokens: None }];
            options.budget = options.budget.map(|budget| BudgetOptions { spent_usd, dearest, ..budget });
            let admitted = Admission::new(options).admit(&model, super::Size::default()).await;
            assert_eq!(admitted.is_err(), is_refused, "{spent_usd} spent");
        }
    }
}
