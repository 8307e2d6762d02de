//! Tasks by the clock, with beat on one side and the worker on the other.

use std::time::Duration;

use serde_json::Value;
use taskqueue::{Event, Schedule, ScheduleEntry, Signature, WorkerOptions};

use crate::ours::{OurWorker, options};
use crate::stage::Place;

/// What `celery beat` sends for an entry of its schedule when it is due.
fn sent_by_celerys_beat(entry: &str) -> String {
    format!(
        "from celery.beat import Scheduler\n\
         app.conf.beat_schedule = {{'entry': {entry}}}\n\
         beat = Scheduler(app=app)\n\
         beat.apply_async(beat.schedule['entry'], producer=beat.producer).get(timeout=20)"
    )
}

/// What is random, or the sender's own, and what says when.
fn without_its_own(mut seen: Value) -> Value {
    for name in ["id", "correlation_id", "root_id", "origin", "reply_to", "expires"] {
        assert!(seen[name].take().is_string(), "{name}");
    }
    for name in ["correlation_id", "delivery_tag", "reply_to", "expiration"] {
        assert!(seen["properties"][name].take().is_string(), "{name}");
    }
    seen
}

#[test]
fn a_celery_worker_sees_of_our_beats_task_what_it_sees_of_celerys() {
    let Some(mut place) = Place::alone() else { return };
    let _celery = place.celery_worker(&["--pool", "solo"], &[]);
    let context = Signature::new("tasks.context").expires(Duration::from_secs(60));
    let every = Schedule::every(Duration::from_millis(100));
    let entry = ScheduleEntry::new("entry", every, context);
    let elsewhere = WorkerOptions { queues: vec!["elsewhere".into()], ..options() };
    let worker = OurWorker::start_beat(&place.url, elsewhere, [entry]);
    let id = worker.until(|event| match event {
        Event::BeatFired { id, .. } => Some(id.clone()),
        _ => None,
    });
    worker.finish();
    let ours = place.python(&format!("app.AsyncResult('{id}').get(timeout=20)"));
    assert_eq!(ours["celery_beat_task"], true);
    let entry = "{'task': 'tasks.context', 'schedule': 1, 'options': {'expires': 60}}";
    let celerys = place.python(&sent_by_celerys_beat(entry));
    assert_eq!(without_its_own(ours), without_its_own(celerys));
}

#[test]
fn our_worker_runs_what_celerys_beat_sends() {
    let Some(mut place) = Place::alone() else { return };
    let worker = OurWorker::start(&place.url, options());
    let entry = "{'task': 'tasks.add', 'schedule': 1, 'args': (2, 3)}";
    assert_eq!(place.python(&sent_by_celerys_beat(entry)), 5);
    worker.finish();
}
