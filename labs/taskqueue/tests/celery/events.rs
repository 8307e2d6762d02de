//! Events of our worker and of our client, heard by Celery's own receiver beside those of a Celery
//! worker: the same names with the same fields.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};
use taskqueue::{Broker, Signature, WorkerOptions};

use crate::ours::{OurWorker, options};
use crate::stage::Place;

/// Lets Python hear every event from now on, in `told`.
fn listen(place: &mut Place) {
    place.python(
        "
import threading
told = []
def hear():
    with app.connection() as connection:
        app.events.Receiver(connection, handlers={'*': told.append}).capture(wakeup=False)
threading.Thread(target=hear, daemon=True).start()
with app.connection() as connection:
    dispatcher = app.events.Dispatcher(connection, hostname='probe')
    while not told:
        dispatcher.send('probe-sent')
        time.sleep(0.01)
",
    );
}

/// Waits until `hostname` has told each of these; what stood in them, without who and when.
fn heard(place: &mut Place, hostname: &str, kinds: &[&str]) -> BTreeMap<String, Value> {
    place.python(&format!(
        "
while not set({kinds:?}) <= {{e['type'] for e in told if e['hostname'] == '{hostname}'}}:
    time.sleep(0.01)
"
    ));
    let all = place.python(&format!("[e for e in told if e['hostname'] == '{hostname}']"));
    let by_kind = all
        .as_array()
        .unwrap()
        .iter()
        .map(|event| (event["type"].as_str().unwrap().to_owned(), event.clone()));
    by_kind.collect()
}

/// Names and types; None and a text count as the same, for what only one side may have.
fn form(event: &Value) -> BTreeSet<(String, &'static str)> {
    let kind = |value: &Value| match value {
        Value::Null | Value::String(_) => "text or none",
        Value::Number(_) => "number",
        Value::Bool(_) => "bool",
        Value::Array(_) => "list",
        Value::Object(_) => "map",
    };
    event.as_object().unwrap().iter().map(|(name, value)| (name.clone(), kind(value))).collect()
}

#[test]
fn each_event_of_our_worker_has_the_fields_of_celerys() {
    let Some(mut place) = Place::alone() else { return };
    listen(&mut place);
    let queues = vec!["ours".to_owned()];
    let events = WorkerOptions { queues, task_events: true, ..options() };
    let ours = OurWorker::start(&place.url, events);
    let arguments = ["-n", "celery@python", "-Q", "python", "-c", "1", "--task-events"];
    let celery = place.celery_worker(&arguments, &[]);
    place.python(
        "
for queue in ('ours', 'python'):
    add.apply_async((2, 3), queue=queue)
    fail.apply_async(('out of cheese',), queue=queue)
    flaky.apply_async((1, 0.2), queue=queue)
    add.apply_async((2, 3), queue=queue, expires=0.1, countdown=0.5)
",
    );
    let kinds = [
        "worker-online",
        "worker-heartbeat",
        "task-received",
        "task-started",
        "task-succeeded",
        "task-failed",
        "task-retried",
        "task-revoked",
    ];
    let mut by_us = heard(&mut place, "celery@ours", &kinds);
    let mut by_celery = heard(&mut place, "celery@python", &kinds);
    ours.finish();
    celery.signal("TERM");
    by_us.append(&mut heard(&mut place, "celery@ours", &["worker-offline"]));
    by_celery.append(&mut heard(&mut place, "celery@python", &["worker-offline"]));
    for kind in kinds.iter().chain(&["worker-offline"]) {
        assert_eq!(form(&by_us[*kind]), form(&by_celery[*kind]), "{kind}: {}", by_us[*kind]);
    }
}

#[test]
fn our_client_tells_what_it_sent_as_celerys_does() {
    let Some(mut place) = Place::alone() else { return };
    listen(&mut place);
    place.python("app.conf.task_send_sent_event = True; add.delay(2, 3)");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let broker = Arc::new(Broker::new(&place.url).unwrap().task_send_sent_event());
    let send = Signature::new("tasks.add").arg(2).arg(3);
    let id = runtime.block_on(send.delay(&broker)).unwrap().id;
    let told = place.python(
        "
while sum(e['type'] == 'task-sent' for e in told) < 2: time.sleep(0.01)
[e for e in told if e['type'] == 'task-sent']
",
    );
    let (ours, celery): (Vec<_>, Vec<_>) =
        told.as_array().unwrap().iter().partition(|event| event["uuid"] == json!(id));
    assert_eq!(form(ours[0]), form(celery[0]));
    for field in ["name", "args", "kwargs", "queue", "routing_key", "exchange", "retries"] {
        assert_eq!(ours[0][field], celery[0][field], "{field}");
    }
}
