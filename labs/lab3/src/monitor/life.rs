//! A task's life as a viewer can know it: one phase after the other.
//!
//! What is seen in Redis and what workers say arrive on different ways and may cross. A phase is
//! only left for one that can follow it, so that old news does not turn back what is known.
//! All times are Redis' time, in seconds since 1970; this file knows neither clock nor Redis.

/// Phases that are remembered of a life; a task that is tried more often loses its oldest.
const PHASES: usize = 12;
/// Old news about a task that has ended is not believed for this long, in seconds.
const ECHO: f64 = 2.0;
/// A step between two looks, in seconds: shorter phases are not told apart.
const BLINK: f64 = 0.3;

/// Where a task is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Place {
    /// Its message stands in a list.
    Waiting,
    /// A worker has taken its message; whether it runs already, nobody has said.
    Taken,
    /// A worker runs it.
    Running,
    /// Its message waits for its ETA, in seconds since 1970, where that is known.
    Parked(Option<f64>),
    /// It is over.
    Ended(End),
}

/// How a task came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Success,
    Failure,
    Revoked,
    PutAside,
    /// It was acknowledged before it ran, and its worker is gone.
    Lost,
}

/// One phase of a life; the next one begins where it ends.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Phase {
    pub(crate) place: Place,
    pub(crate) since: f64,
    /// Whether it began then, or earlier and was seen then.
    pub(crate) exact: bool,
    /// Who has it, where somebody said so.
    pub(crate) worker: Option<String>,
    /// Whether it was ended by taking the task away from its worker.
    pub(crate) cut: bool,
}

/// What is known of one task.
#[derive(Debug, Clone, Default)]
pub(crate) struct Life {
    pub(crate) task: String,
    pub(crate) retries: u32,
    pub(crate) phases: Vec<Phase>,
    /// What it raised last.
    pub(crate) raised: String,
    /// How often it was put back because its worker had fallen silent.
    pub(crate) restored: u32,
    /// Whether its message stands in `unacked`; false too where that was never looked at.
    pub(crate) held: bool,
}

impl Phase {
    pub(crate) fn new(place: Place, since: f64) -> Self {
        Self { place, since, exact: true, worker: None, cut: false }
    }

    pub(crate) fn of(place: Place, since: f64, worker: Option<&str>) -> Self {
        Self { worker: worker.map(str::to_owned), ..Self::new(place, since) }
    }

    fn in_hand(&self) -> bool {
        matches!(self.place, Place::Taken | Place::Running)
    }
}

impl Life {
    /// The phase that goes on.
    pub(crate) fn last(&self) -> Option<&Phase> {
        self.phases.last()
    }

    pub(crate) fn place(&self) -> Option<Place> {
        self.last().map(|phase| phase.place)
    }

    pub(crate) fn ended(&self) -> Option<End> {
        match self.place() {
            Some(Place::Ended(end)) => Some(end),
            _ => None,
        }
    }

    /// The worker that has it, or had it last.
    pub(crate) fn worker(&self) -> Option<&str> {
        self.phases.iter().rev().find(|phase| phase.in_hand())?.worker.as_deref()
    }

    /// What it is called and how often it was tried, where whoever tells it knows.
    pub(crate) fn learn(&mut self, task: &str, retries: u32) {
        if !task.is_empty() {
            task.clone_into(&mut self.task);
        }
        self.retries = self.retries.max(retries);
    }

    /// Whether news from `now` may be an echo of what was before its end.
    pub(crate) fn is_echo(&self, now: f64) -> bool {
        self.ended().is_some() && self.last().is_some_and(|last| now - last.since < ECHO)
    }

    /// Goes over to the next phase, if it is another one; `again` where this is another attempt.
    pub(crate) fn enter(&mut self, next: Phase, again: bool) {
        let Some(last) = self.phases.last_mut() else { return self.phases.push(next) };
        let same_worker = next.worker.is_none() || next.worker == last.worker;
        match (last.place, next.place) {
            // The ETA may be known better now.
            (Place::Parked(_), Place::Parked(until)) => last.place = Place::Parked(until),
            // A Celery worker keeps it in its memory until then; its message is held meanwhile.
            (Place::Parked(Some(until)), Place::Taken) if until > next.since => {}
            (Place::Waiting, Place::Waiting) if !again => last.correct(&next),
            (was, is) if was == is && same_worker && !again => {}
            // Whoever has taken it runs it by now; or says who it is.
            (Place::Taken, Place::Taken | Place::Running)
                if last.worker.is_none() || (same_worker && next.since - last.since < BLINK) =>
            {
                last.place = next.place;
                last.worker = next.worker.or(last.worker.take());
            }
            // That it is held says no more than that it runs.
            (Place::Running, Place::Taken) if same_worker && !again => {}
            // It was only out of sight.
            (Place::Taken, Place::Waiting) if last.worker.is_none() && !again => {
                self.phases.pop();
                self.enter(next, again);
            }
            _ => self.go_on(next, again),
        }
    }

    fn go_on(&mut self, next: Phase, again: bool) {
        let back = next.place == Place::Waiting || next.in_hand();
        if let Some(last) = self.phases.last_mut().filter(|last| last.in_hand())
            && (back && !again && last.worker != next.worker)
        {
            last.cut = true;
            self.restored += 1;
        }
        self.phases.push(next);
        if self.phases.len() > PHASES {
            self.phases.remove(0);
        }
    }
}

impl Phase {
    /// The same phase, its beginning known better.
    fn correct(&mut self, known: &Phase) {
        if !self.exact && known.exact && known.since < self.since {
            (self.since, self.exact) = (known.since, true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn life(phases: impl IntoIterator<Item = Phase>) -> Life {
        let mut life = Life::default();
        phases.into_iter().for_each(|phase| life.enter(phase, false));
        life
    }

    fn places(life: &Life) -> Vec<Place> {
        life.phases.iter().map(|phase| phase.place).collect()
    }

    fn running(since: f64, worker: &str) -> Phase {
        Phase::of(Place::Running, since, Some(worker))
    }

    #[test]
    fn a_life_goes_from_the_queue_through_a_worker_to_its_end() {
        let life = life([
            Phase::new(Place::Waiting, 0.0),
            Phase::of(Place::Taken, 5.0, Some("a")),
            running(5.1, "a"),
            Phase::of(Place::Taken, 6.0, Some("a")),
            Phase::new(Place::Ended(End::Success), 9.0),
        ]);
        let expected = [Place::Waiting, Place::Running, Place::Ended(End::Success)];
        assert_eq!(places(&life), expected);
        assert_eq!((life.worker(), life.restored), (Some("a"), 0));
    }

    #[test]
    fn a_task_that_goes_from_a_worker_to_another_or_back_to_the_queue_was_restored() {
        let by_the_queue =
            life([running(0.0, "a"), Phase::new(Place::Waiting, 9.0), running(10.0, "b")]);
        let at_once = life([running(0.0, "a"), running(9.0, "b")]);
        assert_eq!((by_the_queue.restored, at_once.restored), (1, 1));
        assert!(at_once.phases[0].cut && !at_once.phases[1].cut);
        assert_eq!(at_once.worker(), Some("b"));
    }

    #[test]
    fn another_attempt_is_not_a_restored_one() {
        let mut life = life([running(0.0, "a")]);
        life.enter(Phase::new(Place::Waiting, 1.0), true);
        life.enter(Phase::new(Place::Parked(Some(5.0)), 1.1), false);
        life.enter(Phase::new(Place::Parked(Some(6.0)), 1.2), false);
        life.enter(running(6.0, "b"), false);
        assert_eq!(life.restored, 0);
        assert_eq!(life.phases[2].place, Place::Parked(Some(6.0)));
    }

    #[test]
    fn a_message_that_was_only_out_of_sight_never_left() {
        let seen = Phase::new(Place::Waiting, 0.0);
        let life =
            life([seen.clone(), Phase::new(Place::Taken, 5.0), Phase::new(Place::Waiting, 6.0)]);
        assert_eq!((life.phases, life.restored), (vec![seen], 0));
    }

    #[test]
    fn whoever_says_later_that_he_took_it_is_believed() {
        let life = life([Phase::new(Place::Taken, 1.0), running(3.0, "a")]);
        assert_eq!((life.worker(), life.phases.len()), (Some("a"), 1));
    }

    #[test]
    fn a_life_with_many_attempts_stays_small() {
        let mut life = Life::default();
        for attempt in 0..1000 {
            life.enter(running(f64::from(attempt), "a"), true);
        }
        assert_eq!(life.phases.len(), PHASES);
    }
}
