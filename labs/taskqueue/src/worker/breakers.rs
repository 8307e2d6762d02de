//! The breakers of this worker's tasks: asked before a message is acknowledged, told how its run ended.
//!
//! The decisions are the [breaker](crate::breaker)'s; here are the lock, the clock and the events.
//! They live as long as the worker. Each worker process has its own, and finds out by itself.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use serde_json::Value;

use crate::breaker::{Answer, Change, Circuit, Ending};
use crate::event::{Event, Observer};
use crate::task::Registry;
use crate::task_error::TaskError;

/// One for each task that has a breaker.
pub(super) struct Breakers {
    circuits: HashMap<String, Mutex<Circuit>>,
    observe: Observer,
}

impl Breakers {
    pub(super) fn of(registry: &Registry, observe: Observer) -> Self {
        let circuit = |(task, breaker)| (task, Mutex::new(Circuit::new(breaker)));
        Self { circuits: registry.breakers().map(circuit).collect(), observe }
    }

    /// Lets a run of `task` begin, or says until when it has to wait.
    pub(super) fn ask(&self, task: &str) -> Result<Pass<'_>, Instant> {
        let Some((task, circuit)) = self.circuits.get_key_value(task) else {
            return Ok(Pass { through: None });
        };
        let now = Instant::now();
        let answer =
            circuit.lock().unwrap_or_else(PoisonError::into_inner).ask(now, fastrand::f64());
        match answer {
            Answer::Run { probe } => Ok(Pass { through: Some((self, task, circuit, probe)) }),
            Answer::Wait { until } => Err(until),
        }
    }
}

/// A run that may begin. However it ends, the breaker hears of it.
pub(super) struct Pass<'a> {
    through: Option<(&'a Breakers, &'a str, &'a Mutex<Circuit>, bool)>,
}

impl Pass<'_> {
    /// The task's code has come to its end.
    pub(super) fn ended(mut self, outcome: &Result<Value, TaskError>) {
        self.tell(|circuit| match outcome {
            Ok(_) => Ending::There,
            Err(error) => circuit.breaker.judge(error),
        });
    }

    fn tell(&mut self, judge: impl FnOnce(&Circuit) -> Ending) {
        let Some((breakers, task, circuit, probe)) = self.through.take() else { return };
        let change = {
            let mut circuit = circuit.lock().unwrap_or_else(PoisonError::into_inner);
            let ending = judge(&circuit);
            circuit.ended(probe, ending, Instant::now())
        };
        let task = task.to_owned();
        match change {
            Some(Change::Opened { pause }) => {
                (breakers.observe)(Event::BreakerOpened { task, pause });
            }
            Some(Change::Closed { after }) => {
                (breakers.observe)(Event::BreakerClosed { task, after });
            }
            None => {}
        }
    }
}

/// A run that did not come to its end, such as at a cold stop, tells nothing.
impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.tell(|_| Ending::Unknown);
    }
}
