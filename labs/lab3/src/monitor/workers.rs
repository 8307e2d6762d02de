//! The workers that a viewer has heard of, and whether they still give signs of life.
//!
//! Celery's workers and ours send a heartbeat every two seconds, whether anybody asked for events
//! or not. Bounded: names beyond 32 are passed over, because anyone can publish one.

use std::collections::BTreeMap;

use taskqueue::Sign;

const MOST: usize = 32;
/// A worker that was only met by its messages, which renews their leases more often, in seconds.
const LEASE: f64 = 10.0;
/// A worker that stopped, or fell silent, is shown for this long, in seconds.
const SHOWN: f64 = 90.0;

/// All of them, by their names.
#[derive(Debug, Default)]
pub(crate) struct Workers(BTreeMap<String, Worker>);

/// One worker.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Worker {
    pub(crate) software: String,
    pub(crate) processed: u64,
    /// When it was heard last.
    heard: f64,
    /// How often it should be, in seconds; none where it has sent no heartbeat yet.
    every: Option<f64>,
    stopped: bool,
    /// Whether it was met as one that renews leases.
    leases: bool,
    /// Whether it has only just come online.
    fresh: bool,
}

/// How a worker is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Health {
    Online,
    /// For so many seconds.
    Silent(f64),
    /// So many seconds ago.
    Stopped(f64),
}

impl Workers {
    /// A worker's own event; whether it has to be asked for its tasks' events.
    pub(crate) fn hear(
        &mut self,
        hostname: &str,
        sign: Sign,
        every: f64,
        (software, processed): (&str, u64),
        now: f64,
    ) -> bool {
        let Some(worker) = self.meet(hostname, now) else { return false };
        let fresh = worker.fresh;
        *worker = Worker {
            software: software.to_owned(),
            processed,
            heard: now,
            every: Some(every),
            stopped: sign == Sign::Offline,
            leases: worker.leases,
            fresh: sign == Sign::Online,
        };
        // A Celery worker comes online before it listens.
        sign == Sign::Online || (fresh && sign == Sign::Heartbeat && worker.is_celery_s())
    }

    /// A worker that has said something of a task.
    pub(crate) fn mention(&mut self, hostname: &str, now: f64) {
        if let Some(worker) = self.meet(hostname, now) {
            worker.heard = worker.heard.max(now);
        }
    }

    /// A worker that is named by a message whose lease it renewed at `renewed`.
    pub(crate) fn lease(&mut self, hostname: &str, renewed: f64) {
        if let Some(worker) = self.meet(hostname, renewed) {
            worker.heard = worker.heard.max(renewed);
            worker.leases = true;
        }
    }

    fn meet(&mut self, hostname: &str, now: f64) -> Option<&mut Worker> {
        if self.0.len() >= MOST && !self.0.contains_key(hostname) {
            return None;
        }
        let (software, processed) = (String::new(), 0);
        let (every, stopped, leases, fresh) = (None, false, false, false);
        let unheard = Worker { software, processed, heard: now, every, stopped, leases, fresh };
        Some(self.0.entry(hostname.to_owned()).or_insert(unheard))
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &Worker)> {
        self.0.iter().map(|(hostname, worker)| (hostname.as_str(), worker))
    }

    /// The workers whose tasks nobody will finish.
    pub(crate) fn gone(&self, now: f64) -> Vec<String> {
        let gone = |worker: &Worker| match worker.health(now) {
            Health::Online => false,
            Health::Stopped(_) => true,
            Health::Silent(seconds) => seconds > 5.0 * worker.every.unwrap_or(f64::INFINITY),
        };
        self.0.iter().filter(|(_, worker)| gone(worker)).map(|(name, _)| name.clone()).collect()
    }

    /// Forgets whoever has been away for long.
    pub(crate) fn forget(&mut self, now: f64) {
        self.0.retain(|_, worker| worker.heard + SHOWN > now);
    }
}

impl Worker {
    /// Whether it is Celery's own.
    pub(crate) fn is_celery_s(&self) -> bool {
        self.software.starts_with("py-celery")
    }

    pub(crate) fn health(&self, now: f64) -> Health {
        let ago = now - self.heard;
        match (self.stopped, self.every) {
            (true, _) => Health::Stopped(ago),
            // Two beats may be missed: Celery's own tools wait as long.
            (_, Some(every)) if ago > 2.0 * every + 1.0 => Health::Silent(ago),
            (_, None) if self.leases && ago > LEASE => Health::Silent(ago),
            _ => Health::Online,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beat(workers: &mut Workers, sign: Sign, now: f64) -> bool {
        workers.hear("one@vm", sign, 2.0, ("rs-taskqueue 0.1.0", 3), now)
    }

    fn health(workers: &Workers, now: f64) -> Health {
        workers.all().next().unwrap().1.health(now)
    }

    #[test]
    fn a_worker_that_comes_online_is_asked_for_events_and_celery_s_again_when_it_listens() {
        for (software, again) in [("rs-taskqueue 0.1.0", false), ("py-celery 5.7.0", true)] {
            let mut workers = Workers::default();
            let mut hear = |sign, now| workers.hear("one@vm", sign, 2.0, (software, 0), now);
            assert!(!hear(Sign::Heartbeat, 1.0), "all were asked when the viewer began");
            assert!(hear(Sign::Online, 2.0));
            assert_eq!(hear(Sign::Heartbeat, 4.0), again);
            assert!(!hear(Sign::Heartbeat, 6.0));
        }
    }

    #[test]
    fn a_killed_worker_falls_silent_and_one_that_ends_says_so() {
        let mut workers = Workers::default();
        beat(&mut workers, Sign::Heartbeat, 0.0);
        assert_eq!(health(&workers, 4.0), Health::Online);
        assert_eq!(health(&workers, 6.0), Health::Silent(6.0));
        assert!(workers.gone(6.0).is_empty(), "it may come back");
        assert_eq!(workers.gone(11.0), ["one@vm"]);
        beat(&mut workers, Sign::Offline, 12.0);
        assert_eq!(health(&workers, 13.0), Health::Stopped(1.0));
        workers.forget(200.0);
        assert_eq!(workers.all().count(), 0);
    }

    #[test]
    fn a_worker_that_died_before_the_viewer_came_is_known_by_the_lease_that_it_does_not_renew() {
        let mut workers = Workers::default();
        workers.lease("one@vm", 100.0);
        assert_eq!(health(&workers, 105.0), Health::Online);
        assert_eq!(health(&workers, 117.0), Health::Silent(17.0));
        assert!(workers.gone(1000.0).is_empty(), "it may be slow");
    }

    #[test]
    fn whoever_publishes_many_names_fills_no_memory() {
        let mut workers = Workers::default();
        for number in 0..1000 {
            workers.mention(&number.to_string(), 0.0);
        }
        assert_eq!(workers.all().count(), MOST);
    }
}
