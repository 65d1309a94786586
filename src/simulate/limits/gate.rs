//! Lets requests through, or says which limit does not.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::super::options::Options;
use super::limit::{Limit, Limited};
use super::meter::Meter;
use super::outage::Outage;

/// All limits. What one of them refuses does not count for it, nor for those behind it.
#[derive(Debug)]
pub(in super::super) struct Gate {
    outages: Vec<Outage>,
    refuse_past: Option<u64>,
    meters: Mutex<Meters>,
}

#[derive(Debug)]
struct Meters {
    /// When the first request came, from which all times count.
    first: Option<Instant>,
    requests: Option<Meter>,
    tokens: Option<Meter>,
    models: BTreeMap<String, Meter>,
}

impl Gate {
    pub(in super::super) fn new(options: &Options) -> Self {
        let meter = |per_minute| Meter::new(per_minute, options.enforcement);
        let model = |(model, quota): (&String, &u32)| (model.clone(), meter(*quota));
        let meters = Meters {
            first: None,
            requests: options.requests_per_minute.map(meter),
            tokens: options.tokens_per_minute.map(meter),
            models: options.model_requests_per_minute.iter().map(model).collect(),
        };
        Self {
            outages: options.outages.clone(),
            refuse_past: options.refuse_past.map(u64::from),
            meters: Mutex::new(meters),
        }
    }

    /// The gateway's own limit.
    ///
    /// # Errors
    /// Gives back the limit that refuses the request.
    pub(in super::super) fn enter(&self) -> Result<(), Limited> {
        self.with(|meters, now| match &mut meters.requests {
            Some(meter) => admit(meter, now, Limit::RequestsPerMinute),
            None => Ok(()),
        })
    }

    /// The limits behind the gateway: `in_flight` has this request in it.
    ///
    /// # Errors
    /// Gives back the limit that refuses the request.
    pub(in super::super) fn call(&self, model: &str, in_flight: u64) -> Result<(), Limited> {
        if self.refuse_past.is_some_and(|most| in_flight > most) {
            return Err(Limit::InFlight.refuses(None));
        }
        self.with(|meters, now| {
            if self.outages.iter().any(|outage| outage.is_now(model, now)) {
                return Err(Limit::Outage.refuses(None));
            }
            if let Some(meter) = &mut meters.tokens {
                meter.room(now).map_err(|wait| Limit::TokensPerMinute.refuses(Some(wait)))?;
            }
            match meters.models.get_mut(model) {
                Some(meter) => admit(meter, now, Limit::ModelRequestsPerMinute),
                None => Ok(()),
            }
        })
    }

    /// Counts the tokens of an answer, now that it is given.
    pub(in super::super) fn answered(&self, tokens: u64) {
        self.with(|meters, now| {
            if let Some(meter) = &mut meters.tokens {
                meter.take(now, tokens);
            }
        });
    }

    fn with<T>(&self, act: impl FnOnce(&mut Meters, Duration) -> T) -> T {
        let mut meters = self.meters.lock().unwrap_or_else(PoisonError::into_inner);
        // The clock is read under the lock, so that the meters' times never go back.
        let now = Instant::now();
        let first = *meters.first.get_or_insert(now);
        act(&mut meters, now - first)
    }
}

fn admit(meter: &mut Meter, now: Duration, limit: Limit) -> Result<(), Limited> {
    meter.room(now).map_err(|wait| limit.refuses(Some(wait)))?;
    meter.take(now, 1);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused_by(result: Result<(), Limited>) -> Option<Limit> {
        result.err().map(|limited| limited.limit)
    }

    #[test]
    fn each_limit_refuses_by_its_name() {
        let model_requests_per_minute = BTreeMap::from([("slow".to_owned(), 1)]);
        let outages = vec!["out=0..3600".parse().unwrap()];
        let options = Options {
            requests_per_minute: Some(2),
            tokens_per_minute: Some(100),
            model_requests_per_minute,
            outages,
            refuse_past: Some(3),
            ..Options::default()
        };
        let gate = Gate::new(&options);
        let entered: Vec<_> = (0..3).map(|_| refused_by(gate.enter())).collect();
        assert_eq!(entered, [None, None, Some(Limit::RequestsPerMinute)]);
        assert_eq!(refused_by(gate.call("any", 3)), None);
        assert_eq!(refused_by(gate.call("any", 4)), Some(Limit::InFlight));
        assert_eq!(refused_by(gate.call("out", 1)), Some(Limit::Outage));
        assert_eq!(refused_by(gate.call("slow", 1)), None);
        assert_eq!(refused_by(gate.call("slow", 1)), Some(Limit::ModelRequestsPerMinute));
        gate.answered(99);
        assert_eq!(refused_by(gate.call("any", 1)), None);
        gate.answered(1);
        assert_eq!(refused_by(gate.call("any", 1)), Some(Limit::TokensPerMinute));
    }

    #[test]
    fn nothing_is_limited_that_is_not_told_to_be() {
        let gate = Gate::new(&Options::default());
        gate.answered(u64::from(u32::MAX));
        assert!((0..10_000).all(|number| gate.enter().is_ok() && gate.call("a", number).is_ok()));
    }
}
