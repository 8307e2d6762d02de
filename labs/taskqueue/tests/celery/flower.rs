//! Flower before our worker, asked by its HTTP API.

use std::process::Command;

use serde_json::{Value, json};
use taskqueue::{Event, WorkerOptions};

use crate::ours::{OurWorker, options};
use crate::process::Process;
use crate::stage::{Place, python};
use crate::support::free_port;

/// Flower, a worker of ours with events, and who asks and clicks.
struct Watched {
    place: Place,
    worker: OurWorker,
    _flower: Process,
}

impl Watched {
    fn start() -> Option<Self> {
        let mut place = Place::alone()?;
        let port = free_port().to_string();
        let mut flower: Command = python("celery", &place.url);
        flower.args(["-A", "tasks", "flower", "--address=127.0.0.1", &format!("--port={port}")]);
        let flower = Process::start(flower.env("FLOWER_UNAUTHENTICATED_API", "true"));
        flower.until("Visit me at");
        place.python(&format!(
            "
import json
from urllib.error import URLError
from urllib.request import Request, urlopen
def get(path):
    return json.load(urlopen('http://127.0.0.1:{port}/api/' + path, timeout=20))
def click(path):
    return json.load(urlopen(Request('http://127.0.0.1:{port}/api/' + path, data=b''), timeout=20))
"
        ));
        let one_slot = WorkerOptions { concurrency: 1, task_events: true, ..options() };
        let worker = OurWorker::start(&place.url, one_slot);
        place.python("while 'celery@ours' not in get('workers?refresh=1'): time.sleep(0.01)");
        Some(Self { place, worker, _flower: flower })
    }

    /// What Flower knows of the task in `result`, once it has a time for this step.
    fn task(&mut self, result: &str, step: &str) -> Value {
        self.place.python(&format!(
            "
while not get('tasks').get({result}.id, {{}}).get('{step}'): time.sleep(0.01)
get('task/info/' + {result}.id)
"
        ))
    }
}

#[test]
fn flower_shows_our_worker_and_what_it_can_do() {
    let Some(mut watched) = Watched::start() else { return };
    // Online is who has said so in an event.
    watched.place.python("while not get('workers?status=1').get('celery@ours'): time.sleep(0.01)");
    let about = watched.place.python("get('workers')['celery@ours']");
    assert_eq!(about["active_queues"][0]["name"], "celery");
    assert_eq!(about["stats"]["pool"]["max-concurrency"], 1);
    assert!(about["registered"].as_array().unwrap().contains(&json!("tasks.add")), "{about}");
    watched.worker.finish();
}

#[test]
fn flower_shows_our_tasks_with_states_arguments_and_times() {
    let Some(mut watched) = Watched::start() else { return };
    let calls = [
        ("good", "add.delay(2, y=3)", "succeeded"),
        ("bad", "fail.delay('out of cheese')", "failed"),
        ("again", "flaky.delay(1, 600)", "retried"),
        ("long", "sleep.delay(600)", "started"),
    ];
    let told = calls.map(|(name, call, step)| {
        watched.place.python(&format!("{name} = {call}"));
        watched.task(name, step)
    });
    let [good, bad, again, long] = told;
    assert_eq!((&good["name"], &good["args"]), (&json!("tasks.add"), &json!("(2,)")));
    assert_eq!((&good["kwargs"], &good["result"]), (&json!("{'y': 3}"), &json!("5")));
    assert_eq!(good["worker"], "celery@ours");
    let times = ["received", "started", "succeeded"].map(|time| good[time].as_f64().unwrap());
    assert!(times.is_sorted() && good["runtime"].as_f64().unwrap() >= 0.0, "{good}");
    assert_eq!(bad["exception"], "ValueError('out of cheese')");
    assert!(bad["traceback"].as_str().unwrap().contains("tasks.fail"), "{bad}");
    assert_eq!(again["exception"], "ValueError('not yet')");
    let states = [good, bad, long].map(|task| task["state"].clone());
    assert_eq!(states, ["SUCCESS", "FAILURE", "STARTED"]);
    watched.worker.die();
}

#[test]
fn flowers_buttons_revoke_a_task_and_shut_our_worker_down() {
    let Some(mut watched) = Watched::start() else { return };
    watched.place.python("running = sleep.delay(600)");
    watched.task("running", "started");
    watched.place.python("click('task/revoke/' + running.id + '?terminate=true')");
    let raised = watched.place.python_raises("running.get(timeout=20)");
    assert_eq!(raised, "celery.exceptions.TaskRevokedError(\"terminated\")");
    watched.task("running", "revoked");
    watched.place.python("click('worker/shutdown/celery@ours')");
    watched.worker.until(|event| matches!(event, Event::WorkerOffline).then_some(()));
    watched.place.python("while get('workers?status=1').get('celery@ours'): time.sleep(0.01)");
    watched.worker.finish();
}
