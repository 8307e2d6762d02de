//! Mixed fleets: Celery's workers and ours on one queue, and what each does with what the other
//! left behind.
//!
//! What is in a worker's hands stands in `unacked`, in a form that both read. A worker of Celery's
//! gives no signs of life, so what it holds is anybody's after its visibility timeout; one of ours
//! does, so Celery's timeout must be longer than the time between two signs.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::json;
use taskqueue::{Event, Signature, WorkerOptions};

use crate::ours::{OurClient, OurWorker, options};
use crate::process::Process;
use crate::stage::Place;
use crate::support::lab::PATIENCE;

/// A Celery worker with one slot, which takes back what nobody has acknowledged for a second.
fn celery(place: &Place) -> Process {
    // Its main thread is free to look for such messages while a task runs.
    let one_slot = ["--pool", "prefork", "--concurrency", "1"];
    place.celery_worker(&one_slot, &[("VISIBILITY_TIMEOUT", "1")])
}

/// A worker of ours with one slot, as impatient.
fn one_slot() -> WorkerOptions {
    let second = Duration::from_secs(1);
    WorkerOptions { concurrency: 1, lease: second, visibility_timeout: second, ..options() }
}

fn sleep(seconds: f64) -> Signature {
    Signature::new("tasks.sleep").arg(seconds)
}

#[test]
fn both_kinds_of_worker_share_a_queue_and_its_two_kinds_of_client() {
    let Some(mut place) = Place::alone() else { return };
    let celery = celery(&place);
    let worker = OurWorker::start(&place.url, one_slot());
    let client = OurClient::of(&place.url);
    place.python("results = [sleep.delay(0.02) for _ in range(40)]");
    let results = [(); 40].map(|()| client.send(&sleep(0.02)));
    let who = results.map(|result| client.wait_for(result.get(PATIENCE)).unwrap().to_string());
    let hers = place.python("sorted({result.get(timeout=20) for result in results})");
    assert_eq!(BTreeSet::from(who).len(), 2, "each worked for our client");
    assert_eq!(hers, json!(["Celery", "ours"]), "each worked for Celery's client");
    assert_eq!(worker.finish().failed, 0);
    assert!(celery.lives() && !celery.log().contains("ERROR"), "{}", celery.log());
}

#[test]
fn celery_restores_what_our_killed_worker_held() {
    let Some(place) = Place::alone() else { return };
    let worker = OurWorker::start(&place.url, one_slot());
    let client = OurClient::of(&place.url);
    let result = client.send(&sleep(0.5));
    worker.until_started();
    worker.die();
    assert_eq!(place.redis::<i64>("HLEN unacked"), 1);
    let _celery = celery(&place);
    assert_eq!(client.wait_for(result.get(PATIENCE)).unwrap(), "Celery");
    place.until_gone("unacked unacked_index");
}

#[test]
fn we_restore_what_celerys_killed_worker_held() {
    let Some(mut place) = Place::alone() else { return };
    let celery = celery(&place);
    place.python("results = [sleep.delay(0.5) for _ in range(3)]");
    celery.wait_for("it holds them all", || place.redis::<i64>("HLEN unacked") == 3);
    celery.kill();
    let worker = OurWorker::start(&place.url, one_slot());
    let who = place.python("[result.get(timeout=20) for result in results]");
    assert_eq!(who, json!(["ours", "ours", "ours"]));
    let restored = worker.until(|event| match event {
        Event::TaskRestored { silent, .. } => Some(*silent),
        _ => None,
    });
    assert!(restored >= Duration::from_secs(1), "after {restored:?}");
    place.until_gone("unacked unacked_index celery.dead");
    worker.finish();
}

#[test]
fn celery_takes_nothing_from_us_while_we_give_signs_of_life() {
    let Some(place) = Place::alone() else { return };
    let worker = OurWorker::start(&place.url, one_slot());
    let client = OurClient::of(&place.url);
    let result = client.send(&sleep(4.0));
    worker.until_started();
    let celery = celery(&place);
    assert_eq!(client.wait_for(result.get(PATIENCE)).unwrap(), "ours");
    assert_eq!(worker.finish().succeeded, 1);
    assert!(!celery.log().contains("tasks.sleep["), "{}", celery.log());
}

#[test]
fn an_eta_that_we_parked_is_kept_by_celery_when_we_are_gone() {
    let Some(place) = Place::alone() else { return };
    let worker = OurWorker::start(&place.url, one_slot());
    let client = OurClient::of(&place.url);
    let due = Instant::now() + Duration::from_secs(2);
    let result = client.send(&sleep(0.0).countdown(Duration::from_secs(2)));
    worker.until(|event| matches!(event, Event::TaskParked { .. }).then_some(()));
    worker.finish();
    let celery = celery(&place);
    assert_eq!(client.wait_for(result.get(PATIENCE)).unwrap(), "Celery");
    assert!(Instant::now() >= due);
    place.until_gone("unacked unacked_index");
    celery.kill();
    // What is left of it in our own index does no harm to the next worker of ours, which removes it.
    let worker = OurWorker::start(&place.url, one_slot());
    assert_eq!(client.call(&sleep(0.0)).unwrap(), "ours");
    place.until_gone("unacked unacked_index unacked_eta celery.dead");
    worker.finish();
}

#[test]
fn an_eta_that_a_killed_celery_held_in_memory_is_kept_by_us() {
    let Some(mut place) = Place::alone() else { return };
    let celery = celery(&place);
    place.python("due = time.time() + 3; result = now.apply_async(countdown=3)");
    celery.wait_for("it holds it", || place.redis::<i64>("HLEN unacked") == 1);
    celery.kill();
    let worker = OurWorker::start(&place.url, one_slot());
    let late = place.python("result.get(timeout=20) - due").as_f64().unwrap();
    assert!((-0.001..5.0).contains(&late), "{late} s");
    worker.finish();
}

#[test]
fn we_go_on_with_what_celery_gives_back_when_it_stops() {
    let Some(mut place) = Place::alone() else { return };
    let celery = celery(&place);
    place.python("results = [sleep.delay(0.5) for _ in range(4)]");
    celery.wait_for("it holds them all", || place.redis::<i64>("HLEN unacked") == 4);
    celery.signal("TERM");
    celery.until("Warm shutdown");
    let worker = OurWorker::start(&place.url, options());
    let who = place.python("[result.get(timeout=20) for result in results]");
    assert_eq!(who, json!(["Celery", "ours", "ours", "ours"]));
    worker.finish();
}

#[test]
fn celery_goes_on_with_what_we_give_back_when_we_stop_at_once() {
    let Some(place) = Place::alone() else { return };
    let worker = OurWorker::start(&place.url, one_slot());
    let client = OurClient::of(&place.url);
    let result = client.send(&sleep(0.5));
    worker.until_started();
    worker.stop_at_once();
    assert_eq!(place.redis::<i64>("LLEN celery"), 1);
    let _celery = celery(&place);
    assert_eq!(client.wait_for(result.get(PATIENCE)).unwrap(), "Celery");
}

#[test]
fn a_task_that_one_kind_failed_is_tried_again_by_the_other() {
    let Some(mut place) = Place::alone() else { return };
    let celery = celery(&place);
    place.python("result = flaky.apply_async((1, 1), headers={'x-trace': 'abc'})");
    celery.until("retry: Retry in 1s");
    celery.kill();
    let worker = OurWorker::start(&place.url, one_slot());
    let second = json!({"by": "ours", "retries": 1});
    assert_eq!(place.python("result.get(timeout=20)"), second);
    worker.finish();
}
