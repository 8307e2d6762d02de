//! Celery's remote control over our worker: `celery inspect`, `celery control`, `celery status`.
//!
//! What a real Celery worker answers to the same request, at the same moment, is the judge of what
//! ours answers: the same fields, of the same types.

use serde_json::{Value, json};
use taskqueue::{Event, Signature, WorkerOptions};

use crate::ours::{OurClient, OurWorker, options};
use crate::process::Process;
use crate::stage::Place;

/// A worker of ours and one of Celery's, under one broker, each with a queue of its own.
struct Both {
    place: Place,
    ours: OurWorker,
    _celery: Process,
}

impl Both {
    fn start() -> Option<Self> {
        let place = Place::alone()?;
        let queues = vec!["ours".to_owned()];
        let options = WorkerOptions { queues, concurrency: 2, ..options() };
        let ours = OurWorker::start(&place.url, options);
        let arguments = ["-n", "celery@python", "-Q", "python", "-c", "2"];
        let celery = place.celery_worker(&arguments, &[]);
        let mut both = Self { place, ours, _celery: celery };
        both.until_both_hear();
        Some(both)
    }

    fn until_both_hear(&mut self) {
        self.place
            .python("while len(app.control.inspect(limit=2).ping() or {}) < 2: time.sleep(0.01)");
    }

    /// What both answer to `inspect`: ours, and Celery's.
    fn inspect(&mut self, method: &str) -> [Value; 2] {
        let code = format!("app.control.inspect(limit=2, timeout=20).{method}");
        let answers = self.place.python(&code);
        ["celery@ours", "celery@python"].map(|name| answers[name].clone())
    }

    /// What both answer to an order.
    fn order(&mut self, order: &str, arguments: &str) -> [Value; 2] {
        let code = format!(
            "{{k: v for answer in app.control.broadcast('{order}', arguments={arguments}, reply=True, limit=2, timeout=20) for k, v in answer.items()}}"
        );
        let answers = self.place.python(&code);
        ["celery@ours", "celery@python"].map(|name| answers[name].clone())
    }
}

/// A value's form: names and types, without the values themselves.
fn form(value: &Value) -> Value {
    match value {
        Value::Null => json!("null"),
        Value::Bool(_) => json!("bool"),
        Value::Number(_) => json!("number"),
        Value::String(_) => json!("text"),
        Value::Array(items) => Value::Array(items.first().map(form).into_iter().collect()),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), form(value))).collect()
        }
    }
}

/// A worker of ours alone, which hears what it is told.
fn ours(options: WorkerOptions) -> Option<(Place, OurWorker)> {
    let mut place = Place::alone()?;
    let worker = OurWorker::start(&place.url, options);
    place.python("while not app.control.inspect(limit=1).ping(): time.sleep(0.01)");
    Some((place, worker))
}

#[test]
fn registered_tasks_show_what_is_asked_as_celerys_do() {
    let Some(mut both) = Both::start() else { return };
    let many = "'max_retries', 'acks_late', 'nothing', 'default_retry_delay', 'ignore_result', 'serializer', 'track_started', 'time_limit', 'rate_limit', 'send_events'";
    for asked in ["", "'name'", "'nothing'", "'_app'", many] {
        let [ours, celerys] = both.inspect(&format!("registered({asked})"));
        let celerys = celerys.as_array().unwrap();
        let name = |line: &Value| line.as_str().unwrap().split(' ').next().unwrap().to_owned();
        let ours = ours.as_array().unwrap().iter();
        let both_know: Vec<_> =
            ours.filter(|line| celerys.iter().any(|other| name(other) == name(line))).collect();
        assert!(both_know.len() > 5, "{both_know:?}");
        for line in both_know {
            assert!(celerys.contains(line), "{asked}: {line} and {celerys:?}");
        }
    }
    both.ours.finish();
}

#[test]
fn each_question_has_an_answer_of_celerys_form() {
    let Some(mut both) = Both::start() else { return };
    both.place.python(
        "
queues = ('ours', 'python')
running = [sleep.apply_async((600,), queue=queue) for queue in queues]
later = [add.apply_async((2,), {'y': 3}, countdown=600, queue=queue) for queue in queues]
app.control.revoke('nobody')
while any(result.state != 'STARTED' for result in running): time.sleep(0.01)
",
    );
    for method in ["ping", "active", "reserved", "revoked", "registered", "active_queues", "report"]
    {
        let [ours, celery] = both.inspect(&format!("{method}()"));
        assert_eq!(form(&ours), form(&celery), "{method}: {ours}");
    }
    let [ours, celery] = both.inspect("clock()");
    assert!(ours["clock"].is_u64() && celery["clock"].is_u64(), "{ours}");
    both.ours.die();
}

#[test]
fn scheduled_and_query_task_tell_where_a_task_is() {
    let Some(mut both) = Both::start() else { return };
    both.place.python(
        "
queues = ('ours', 'python')
running = [sleep.apply_async((600,), queue=queue) for queue in queues]
later = [add.apply_async((2,), {'y': 3}, countdown=600, queue=queue) for queue in queues]
while any(result.state != 'STARTED' for result in running): time.sleep(0.01)
while not all((app.control.inspect(limit=2).scheduled() or {'': None}).values()): time.sleep(0.01)
",
    );
    let [ours, celery] = both.inspect("scheduled()");
    assert_eq!(form(&ours), form(&celery));
    assert_eq!(ours[0]["request"]["kwargs"], json!({"y": 3}));
    for (index, told) in both.inspect("query_task([r.id for r in running])").iter().enumerate() {
        let id = both.place.python(&format!("running[{index}].id"));
        let about = &told[id.as_str().unwrap()];
        assert_eq!((&about[0], &about[1]["id"]), (&json!("active"), &id));
    }
    both.ours.die();
}

#[test]
fn stats_and_conf_are_celerys_but_for_what_is_another_worker() {
    let Some(mut both) = Both::start() else { return };
    let [mut ours, mut celery] = both.inspect("stats()");
    for stats in [&mut ours, &mut celery] {
        // How a parent process feeds its children, and what the connection was told.
        stats["pool"].as_object_mut().unwrap().remove("writes");
        stats["broker"].as_object_mut().unwrap().remove("transport_options");
    }
    assert_eq!(form(&ours), form(&celery));
    let [ours, _] = both.inspect("conf()");
    let names: Vec<&String> = ours.as_object().unwrap().keys().collect();
    let unknown =
        both.place.python(&format!("[name for name in {names:?} if name not in app.conf]"));
    assert_eq!(unknown, json!([]), "names that are no settings of Celery's");
    both.ours.finish();
}

#[test]
fn each_order_is_answered_in_celerys_words() {
    let Some(mut both) = Both::start() else { return };
    let orders = [
        ("rate_limit", "{'task_name': 'tasks.add', 'rate_limit': '10/m'}"),
        ("rate_limit", "{'task_name': 'tasks.add', 'rate_limit': None}"),
        ("rate_limit", "{'task_name': 'tasks.nobody', 'rate_limit': '10/m'}"),
        ("time_limit", "{'task_name': 'tasks.sleep', 'hard': 60, 'soft': 50}"),
        ("time_limit", "{'task_name': 'tasks.nobody', 'hard': 60}"),
        ("pool_grow", "{'n': 2}"),
        ("pool_shrink", "{'n': 1}"),
        ("add_consumer", "{'queue': 'more'}"),
        ("add_consumer", "{'queue': 'more'}"),
        ("cancel_consumer", "{'queue': 'more'}"),
        ("enable_events", "{}"),
        ("enable_events", "{}"),
        ("disable_events", "{}"),
        ("disable_events", "{}"),
        ("revoke", "{'task_id': 'nobody'}"),
        ("revoke", "{'task_id': 'nobody', 'terminate': True, 'signal': 'SIGTERM'}"),
        ("autoscale", "{'max': 4, 'min': 1}"),
    ];
    for (order, arguments) in orders {
        let [ours, celery] = both.order(order, arguments);
        assert_eq!(ours, celery, "{order} {arguments}");
    }
    for refusal in both.order("rate_limit", "{'task_name': 'tasks.add', 'rate_limit': 'often'}") {
        let words = refusal["error"].as_str().unwrap();
        assert!(words.starts_with("Invalid rate limit string: ValueError("), "{words}");
    }
    both.ours.finish();
}

#[test]
fn a_waiting_task_and_a_running_one_can_be_revoked() {
    let Some((mut place, worker)) = ours(WorkerOptions { concurrency: 1, ..options() }) else {
        return;
    };
    place.python("running = sleep.delay(600)");
    worker.until_started();
    place.python("waiting = add.delay(2, 3); waiting.revoke()");
    place.python("later = add.apply_async((2, 3), countdown=1); later.revoke()");
    place.python("running.revoke(terminate=True)");
    for (result, reason) in
        [("running", "terminated"), ("waiting", "revoked"), ("later", "revoked")]
    {
        let raised = place.python_raises(&format!("{result}.get(timeout=20)"));
        assert_eq!(raised, format!("celery.exceptions.TaskRevokedError({reason:?})"), "{result}");
        assert_eq!(place.python(&format!("{result}.state")), "REVOKED");
    }
    assert_eq!(place.python("add.delay(2, 3).get(timeout=20)"), 5, "the worker goes on");
    worker.finish();
}

#[test]
fn a_queue_can_be_added_and_cancelled() {
    let Some((mut place, worker)) = ours(options()) else { return };
    place.python("result = who.apply_async(queue='more')");
    assert_eq!(place.python("result.state"), "PENDING");
    place.python("app.control.add_consumer('more', reply=True, limit=1)");
    assert_eq!(place.python("result.get(timeout=20)"), "ours");
    place.python("app.control.cancel_consumer('more', reply=True, limit=1)");
    let left = "[q['name'] for q in app.control.inspect(limit=1).active_queues()['celery@ours']]";
    assert_eq!(place.python(left), json!(["celery"]));
    worker.finish();
}

#[test]
fn limits_that_are_set_from_afar_hold() {
    let Some((mut place, worker)) = ours(options()) else { return };
    place.python("app.control.time_limit('tasks.sleep', hard=0.3, reply=True, limit=1)");
    let cut = place.python_raises("sleep.delay(30).get(timeout=20)");
    assert_eq!(cut, "billiard.exceptions.TimeLimitExceeded(0.3)");
    place.python("app.control.rate_limit('tasks.now', '2/s', reply=True, limit=1)");
    let times =
        place.python("times = sorted(r.get(timeout=20) for r in [now.delay() for _ in range(4)])");
    assert!(times.is_null());
    let lasted = place.python("times[-1] - times[0]").as_f64().unwrap();
    assert!(lasted > 0.9, "four starts at two a second took {lasted} s");
    worker.finish();
}

// Celery's own command line.

#[test]
fn celery_status_and_inspect_ping_find_our_worker() {
    let Some((place, worker)) = ours(options()) else { return };
    let status = place.celery(&["status"]);
    assert!(status.contains("->  celery@ours: OK"), "{status}");
    assert!(status.contains("1 node online."), "{status}");
    let ping = place.celery(&["inspect", "ping", "-d", "celery@ours"]);
    assert!(ping.contains("->  celery@ours: OK\n        pong"), "{ping}");
    worker.finish();
}

#[test]
fn celery_control_shutdown_stops_our_worker() {
    let Some((place, worker)) = ours(options()) else { return };
    // Nobody answers to this one: who is told it goes.
    let (done, said) = place.try_celery(&["control", "shutdown"]);
    assert_eq!((done, said.trim()), (false, "Error: No nodes replied within time constraint"));
    worker.until(|event| matches!(event, Event::WorkerOffline).then_some(()));
    worker.finish();
}

#[test]
fn celery_purge_and_list_bindings_know_what_our_client_sent() {
    let Some(place) = Place::alone() else { return };
    let client = OurClient::of(&place.url);
    client.send(&Signature::new("tasks.add").arg(2).arg(3));
    client.send(&Signature::new("tasks.add").arg(2).arg(3).priority(9));
    let bindings = place.celery(&["list", "bindings"]);
    assert!(bindings.lines().any(|line| line.split_whitespace().eq(["celery"; 3])), "{bindings}");
    let purged = place.celery(&["purge", "--force"]);
    assert!(purged.contains("Purged 2 messages from 1 known task queue."), "{purged}");
    assert_eq!(place.redis::<i64>("LLEN celery"), 0);
}
