//! Carries out what is asked of a run, in the task that owns it.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::engine::{Admission, AdmissionStatus, BudgetOptions, Change, RunBegun};
use crate::job::{LimitSetting, nearest};
use crate::store::StoreError;

use super::throughput::Throughput;
use super::{Activity, ControlReply, ControlRequest, Order, Orders, RunStatus};

/// How many models a refusal names.
const NAMED: usize = 5;

/// What a budget of so much, in USD, begins with: what the run has spent so far, as its store says, and
/// what is known of prices.
pub(in crate::engine) type FirstBudget = Box<dyn Fn(f64) -> Result<BudgetOptions, StoreError> + Send>;

/// Carries out what is asked of a run.
pub(in crate::engine) struct Controller {
    orders: mpsc::Receiver<Order>,
    begun: RunBegun,
    first_budget: FirstBudget,
    started: Instant,
    settled: u64,
    throughput: Throughput,
}

/// Where a run stands when something is asked of it.
#[derive(Clone, Copy)]
pub(in crate::engine) struct Stand<'a> {
    /// The gate.
    pub(in crate::engine) admission: &'a Admission,
    /// Whether it stops: then nothing can be changed any more.
    pub(in crate::engine) is_stopping: bool,
}

/// What has come of an order.
#[derive(Debug, Default, PartialEq)]
pub(in crate::engine) struct Obeyed {
    /// What has changed, for people.
    pub(in crate::engine) told: Option<String>,
    /// What has changed, to be kept.
    pub(in crate::engine) changes: Vec<Change>,
}

impl Controller {
    pub(in crate::engine) fn new(orders: Orders, started: Instant, first_budget: FirstBudget) -> Self {
        let Orders { orders, begun } = orders;
        let throughput = Throughput::new(started);
        Self { orders, settled: begun.settled_before, begun, first_budget, started, throughput }
    }

    /// What is asked next; `None` where nobody can ask any more.
    pub(in crate::engine) async fn next(&mut self) -> Option<Order> {
        self.orders.recv().await
    }

    /// Takes no more requests.
    pub(in crate::engine) fn close(&mut self) {
        self.orders.close();
        while self.orders.try_recv().is_ok() {}
    }

    /// Notes that items have settled. One that failed before and is asked again counts once more
    /// until all are settled, as it does in what is shown of the run.
    pub(in crate::engine) fn settled(&mut self, items: usize) {
        let items = items as u64;
        self.settled = self.settled.saturating_add(items).min(self.begun.items);
        self.throughput.add(items, Instant::now());
    }

    /// Carries out what is asked, and answers it.
    pub(in crate::engine) fn answer(&mut self, order: Order, stand: Stand<'_>) -> Obeyed {
        let (reply, obeyed) = match self.carry_out(&order.request, stand) {
            Ok(obeyed) => (ControlReply::Done(Box::new(self.status(stand))), obeyed),
            Err(message) => (ControlReply::refused(message), Obeyed::default()),
        };
        // Whoever asked may have gone; what is done is done.
        let _gone = order.reply.send(reply);
        obeyed
    }

    fn carry_out(&self, request: &ControlRequest, stand: Stand<'_>) -> Result<Obeyed, String> {
        let admission = stand.admission;
        if stand.is_stopping && *request != ControlRequest::Status {
            return Err("the run is stopping: it takes no changes any more".to_owned());
        }
        Ok(match request {
            ControlRequest::Status => Obeyed::default(),
            ControlRequest::Pause => {
                Obeyed::of(admission.pause(), "paused: nothing new is sent until `nightreel ctl JOB resume`")
            }
            ControlRequest::Resume => Obeyed::of(admission.resume(), "resumed"),
            ControlRequest::Set { model, settings } => self.set(model.as_deref(), settings, admission)?,
        })
    }

    fn set(&self, model: Option<&str>, settings: &[LimitSetting], admission: &Admission) -> Result<Obeyed, String> {
        let gate = admission.status();
        self.check(model, settings, &gate)?;
        let cap_usd = settings.iter().find_map(|setting| match setting {
            LimitSetting::BudgetUsd(cap_usd) if gate.budget.is_none() => *cap_usd,
            _ => None,
        });
        let first = cap_usd.map(|cap_usd| (self.first_budget)(cap_usd)).transpose();
        let first = first.map_err(|error| format!("what was spent cannot be read: {error}"))?;
        let lane: Option<Arc<str>> = model.map(Arc::from);
        let apply = |setting: &LimitSetting| match *setting {
            LimitSetting::InFlight(in_flight) => admission.set_in_flight(lane.as_ref(), in_flight),
            LimitSetting::RequestsPerMinute(quota) => admission.set_requests_per_minute(lane.as_ref(), quota),
            LimitSetting::TokensPerMinute(quota) => admission.set_tokens_per_minute(lane.as_ref(), quota),
            LimitSetting::BudgetUsd(cap_usd) => admission.set_budget_usd(cap_usd, first.clone()),
        };
        let changes = settings.iter().map(apply).filter(has_changed).collect();
        let settings: Vec<String> = settings.iter().map(ToString::to_string).collect();
        let of = model.map(|model| format!(" of {model}")).unwrap_or_default();
        let told = format!("limits{of} set for this session: {}", settings.join(", "));
        Ok(Obeyed { told: Some(told), changes })
    }

    /// Whether all of the settings can be made.
    fn check(&self, model: Option<&str>, settings: &[LimitSetting], gate: &AdmissionStatus) -> Result<(), String> {
        if settings.is_empty() {
            return Err("there is nothing to set".to_owned());
        }
        let Some(model) = model else { return Ok(()) };
        if settings.iter().any(|setting| matches!(setting, LimitSetting::BudgetUsd(_))) {
            return Err("budget_usd is for the whole run, not for a model".to_owned());
        }
        let lanes = gate.lanes.iter().map(|lane| &*lane.model);
        let mut models: Vec<&str> = lanes.chain(self.begun.models.iter().map(String::as_str)).collect();
        models.sort_unstable();
        models.dedup();
        if models.contains(&model) { Ok(()) } else { Err(unknown(model, &models)) }
    }

    fn status(&mut self, stand: Stand<'_>) -> RunStatus {
        let now = Instant::now();
        let gate = stand.admission.status();
        let activity = match (stand.is_stopping, gate.paused) {
            (true, _) => Activity::Stopping,
            (false, true) => Activity::Paused,
            (false, false) => Activity::Running,
        };
        let begun = &self.begun;
        RunStatus {
            job: begun.job.clone(),
            run: begun.run.map(|run| run.0),
            simulated: begun.simulated,
            activity,
            items: begun.items,
            settled: self.settled,
            items_per_second: self.throughput.per_second(now),
            elapsed_seconds: (now - self.started).as_secs_f64(),
            in_flight: gate.in_flight,
            in_flight_limit: gate.limit,
            requests_per_minute: gate.requests_per_minute,
            tokens_per_minute: gate.tokens_per_minute,
            budget: gate.budget.map(Into::into),
            lanes: gate.lanes.into_iter().map(Into::into).collect(),
        }
    }
}

impl Obeyed {
    /// What has come of one change: nothing where it was so already.
    fn of(change: Change, told: &str) -> Self {
        if has_changed(&change) { Self { told: Some(told.to_owned()), changes: vec![change] } } else { Self::default() }
    }
}

fn has_changed(change: &Change) -> bool {
    change.was != change.now
}

fn unknown(model: &str, models: &[&str]) -> String {
    if let Some(near) = nearest(model, models.iter().copied()) {
        return format!("the run does not ask {model:?}; did you mean {near:?}?");
    }
    let more = if models.len() > NAMED { ", …" } else { "" };
    format!("the run does not ask {model:?}; it asks {}{more}", models[..models.len().min(NAMED)].join(", "))
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use crate::engine::AdmissionOptions;
    use crate::job::InFlight;
    use crate::model::{Mode, Success};
    use crate::store::Limit;

    use super::super::Control;
    use super::*;

    fn begun() -> RunBegun {
        RunBegun {
            run: Some(crate::store::RunId(3)),
            job: "nightly".to_owned(),
            mode: Mode::Auto,
            simulated: false,
            rows: 50,
            items: 100,
            models: vec!["openai/a".to_owned(), "openai/b".to_owned()],
            success: Success::default(),
            settled_before: 40,
            resumed: true,
            changed: None,
        }
    }

    fn admission() -> Admission {
        Admission::new(AdmissionOptions::in_flight("8".parse().map(InFlight::Fixed).unwrap()))
    }

    fn controller() -> (Control, Controller) {
        let (control, orders) = Control::new(begun());
        (
            control,
            Controller::new(
                orders,
                Instant::now(),
                Box::new(|cap_usd| Ok(BudgetOptions { spent_usd: 0.75, ..BudgetOptions::new(cap_usd) })),
            ),
        )
    }

    /// Asks, and lets the run answer.
    fn ask(
        controller: &mut Controller,
        request: ControlRequest,
        (admission, is_stopping): (&Admission, bool),
    ) -> (ControlReply, Obeyed) {
        let (reply, mut answered) = tokio::sync::oneshot::channel();
        let obeyed = controller.answer(Order { request, reply }, Stand { admission, is_stopping });
        (answered.try_recv().unwrap(), obeyed)
    }

    fn done(reply: ControlReply) -> RunStatus {
        match reply {
            ControlReply::Done(status) => *status,
            ControlReply::Refused { message } => panic!("it was refused: {message}"),
        }
    }

    fn set(model: Option<&str>, settings: &[&str]) -> ControlRequest {
        let settings = settings.iter().map(|text| text.parse().unwrap()).collect();
        ControlRequest::Set { model: model.map(str::to_owned), settings }
    }

    #[tokio::test(start_paused = true)]
    async fn the_status_says_what_is_settled_and_what_the_gate_holds_to() {
        let ((_control, mut controller), admission) = (controller(), admission());
        tokio::time::advance(std::time::Duration::from_secs(5)).await;
        controller.settled(10);
        let (reply, obeyed) = ask(&mut controller, ControlRequest::Status, (&admission, false));
        let status = done(reply);
        assert_eq!(obeyed, Obeyed::default());
        assert_eq!((status.job.as_str(), status.run, status.activity), ("nightly", Some(3), Activity::Running));
        assert_eq!((status.settled, status.items, status.in_flight), (50, 100, 0));
        assert!((status.items_per_second - 2.0).abs() < 1e-9 && (status.elapsed_seconds - 5.0).abs() < 1e-9);
        controller.settled(1_000);
        let status = done(ask(&mut controller, ControlRequest::Status, (&admission, true)).0);
        assert_eq!((status.settled, status.activity), (100, Activity::Stopping));
    }

    #[tokio::test]
    async fn a_pause_and_its_end_are_told_once() {
        let ((_control, mut controller), admission) = (controller(), admission());
        for (request, activity, has_changed) in [
            (ControlRequest::Resume, Activity::Running, false),
            (ControlRequest::Pause, Activity::Paused, true),
            (ControlRequest::Pause, Activity::Paused, false),
            (ControlRequest::Resume, Activity::Running, true),
        ] {
            let (reply, obeyed) = ask(&mut controller, request, (&admission, false));
            assert_eq!(done(reply).activity, activity);
            assert_eq!((obeyed.told.is_some(), obeyed.changes.len()), (has_changed, usize::from(has_changed)));
        }
    }

    #[tokio::test]
    async fn limits_are_set_for_the_run_or_for_a_model() {
        let ((_control, mut controller), admission) = (controller(), admission());
        let (reply, obeyed) =
            ask(&mut controller, set(None, &["in_flight=3", "requests_per_minute=60"]), (&admission, false));
        let status = done(reply);
        assert_eq!((status.in_flight_limit, status.requests_per_minute), (Some(3), NonZeroU32::new(60)));
        assert_eq!(obeyed.told.unwrap(), "limits set for this session: in_flight=3, requests_per_minute=60");
        let changes: Vec<_> = obeyed.changes.iter().map(|change| (change.what, change.was, change.now)).collect();
        let expected = [(Limit::InFlight, Some(8.0), Some(3.0)), (Limit::RequestsPerMinute, None, Some(60.0))];
        assert_eq!(changes, expected);
        let (reply, obeyed) = ask(&mut controller, set(Some("openai/b"), &["in_flight=2"]), (&admission, false));
        let status = done(reply);
        let lane = status.lanes.iter().find(|lane| lane.model == "openai/b").unwrap();
        assert_eq!((lane.in_flight_limit, status.in_flight_limit), (2, Some(3)));
        assert_eq!(obeyed.told.unwrap(), "limits of openai/b set for this session: in_flight=2");
        assert_eq!(obeyed.changes[0].lane.as_deref(), Some("openai/b"));
    }

    #[tokio::test]
    async fn a_budget_counts_what_the_store_says_was_spent_before_it() {
        let ((_control, mut controller), admission) = (controller(), admission());
        for (setting, budget) in [("budget_usd=2", Some((2.0, 0.75))), ("budget_usd=none", None)] {
            let (reply, obeyed) = ask(&mut controller, set(None, &[setting]), (&admission, false));
            let status = done(reply);
            assert_eq!(status.budget.map(|budget| (budget.cap_usd, budget.spent_usd)), budget);
            assert_eq!(obeyed.changes[0].what, Limit::BudgetUsd);
        }
    }

    #[tokio::test]
    async fn nothing_is_set_where_what_was_spent_cannot_be_read() {
        let (_control, orders) = Control::new(begun());
        let unreadable: FirstBudget = Box::new(|_| Err(StoreError::Full));
        let (mut controller, admission) = (Controller::new(orders, Instant::now(), unreadable), admission());
        let request = set(None, &["in_flight=1", "budget_usd=2"]);
        let (reply, obeyed) = ask(&mut controller, request, (&admission, false));
        let ControlReply::Refused { message } = reply else { panic!("it was set") };
        assert!(message.starts_with("what was spent cannot be read: "), "{message}");
        assert_eq!((obeyed, admission.status().limit), (Obeyed::default(), Some(8)));
    }

    #[tokio::test]
    async fn what_cannot_be_is_refused_and_changes_nothing() {
        let ((_control, mut controller), admission) = (controller(), admission());
        for (request, is_stopping, expected) in [
            (set(None, &[]), false, "there is nothing to set"),
            (
                set(Some("openai/a"), &["in_flight=1", "budget_usd=1"]),
                false,
                "budget_usd is for the whole run, not for a model",
            ),
            (
                set(Some("openai/c"), &["in_flight=1"]),
                false,
                "the run does not ask \"openai/c\"; did you mean \"openai/b\"?",
            ),
            (set(Some("x"), &["in_flight=1"]), false, "the run does not ask \"x\"; it asks openai/a, openai/b"),
            (ControlRequest::Pause, true, "the run is stopping: it takes no changes any more"),
            (set(None, &["in_flight=1"]), true, "the run is stopping: it takes no changes any more"),
        ] {
            let (reply, obeyed) = ask(&mut controller, request, (&admission, is_stopping));
            assert_eq!((reply, obeyed), (ControlReply::refused(expected), Obeyed::default()));
        }
        let status = done(ask(&mut controller, ControlRequest::Status, (&admission, false)).0);
        assert_eq!((status.activity, status.in_flight_limit), (Activity::Running, Some(8)));
    }

    #[tokio::test]
    async fn nobody_waits_for_a_run_that_has_ended() {
        let (control, mut controller) = controller();
        let asking = tokio::spawn({
            let control = control.clone();
            async move { control.ask(ControlRequest::Status).await }
        });
        tokio::task::yield_now().await;
        controller.close();
        assert_eq!(asking.await.unwrap(), None);
        assert_eq!(control.ask(ControlRequest::Status).await, None);
    }
}
