//! Results: Celery's `AsyncResult` on what our worker stored, and ours on what Celery's stored.

use std::time::Duration;

use serde_json::{Value, json};
use taskqueue::{AsyncResult, Event, ResultError, Signature, State, WorkerOptions};

use crate::ours::{OurClient, OurWorker, options};
use crate::stage::{Place, Pool};
use crate::support::lab::PATIENCE;

/// A place with a worker of ours.
fn ours() -> Option<(Place, OurWorker)> {
    let place = Place::alone()?;
    let worker = OurWorker::start(&place.url, options());
    Some((place, worker))
}

/// A client of ours before the shared prefork worker of Celery's.
fn before_celery() -> Option<(Place, OurClient)> {
    let place = Place::before_celery(Pool::Prefork)?;
    let client = OurClient::of(&place.url);
    Some((place, client))
}

/// Waits for a state that is not final.
fn until(client: &OurClient, result: &AsyncResult, state: &State) -> Value {
    loop {
        let meta = client.wait_for(result.meta()).unwrap();
        if meta.state == *state {
            return meta.result;
        }
        assert!(!meta.state.is_ready(), "{} is over: {}", meta.state, meta.result);
        std::thread::sleep(Duration::from_millis(5));
    }
}

// What our worker stored, read in Python.

#[test]
fn python_reads_our_success_in_all_its_parts() {
    let Some((mut place, worker)) = ours() else { return };
    place.python("result = add.delay(2, 3); result.get(timeout=20)");
    let parts = "[result.state, result.info, result.traceback, result.children, result.ready(), \
                 result.successful(), result.failed(), type(result.date_done).__name__]";
    let expected = json!(["SUCCESS", 5, null, [], true, true, false, "datetime"]);
    assert_eq!(place.python(parts), expected);
    worker.finish();
}

#[test]
fn python_raises_our_failure_with_type_and_arguments() {
    let Some((mut place, worker)) = ours() else { return };
    place.python("result = fail.delay('out of cheese')");
    let raised = place.python_raises("result.get(timeout=20)");
    assert_eq!(raised, "builtins.ValueError(\"out of cheese\")");
    assert_eq!(
        place.python("[result.state, repr(result.info)]"),
        json!(["FAILURE", "ValueError('out of cheese')"])
    );
    let traceback = place.python("result.traceback");
    let traceback = traceback.as_str().unwrap();
    assert!(traceback.contains("tasks.fail") && traceback.contains("celery@ours"), "{traceback}");
    assert!(traceback.ends_with("ValueError: out of cheese\n"), "{traceback}");
    worker.finish();
}

#[test]
fn python_raises_our_failure_as_the_projects_own_class() {
    let Some((mut place, worker)) = ours() else { return };
    let caught = place.python(
        "
try:
    fail_with_custom.delay().get(timeout=20)
except trouble.OutOfCheese as error:
    caught = error.args
caught
",
    );
    assert_eq!(caught, json!(["brie", 3]));
    worker.finish();
}

#[test]
fn a_failure_whose_class_python_does_not_know_is_raised_by_its_name() {
    let Some((mut place, worker)) = ours() else { return };
    let raised = place.python_raises("app.send_task('tasks.fail_as_rust_does').get(timeout=20)");
    assert_eq!(raised, "celery.exceptions.MailServerAway(\"connection refused\")");
    worker.finish();
}

#[test]
fn python_sees_who_runs_our_task() {
    let Some((mut place, worker)) = ours() else { return };
    place.python("result = sleep.delay(600)");
    worker.until_started();
    let started = json!(["STARTED", std::process::id(), "celery@ours"]);
    let info = "[result.state, result.info['pid'], result.info['hostname']]";
    assert_eq!(place.python(info), started);
    worker.die();
}

#[test]
fn python_sees_why_our_task_will_be_tried_again() {
    let Some((mut place, worker)) = ours() else { return };
    place.python("result = flaky.delay(1, 600)");
    worker.until(|event| matches!(event, Event::TaskRetried { .. }).then_some(()));
    assert_eq!(
        place.python("[result.state, repr(result.info)]"),
        json!(["RETRY", "ValueError('not yet')"])
    );
    let traceback = place.python("result.traceback");
    assert!(traceback.as_str().unwrap().contains("Retry in 600"), "{traceback}");
    worker.finish();
}

#[test]
fn a_waiting_get_hears_of_our_result_by_its_channel() {
    let Some((mut place, worker)) = ours() else { return };
    // Celery's get() looks at the key once, and from then on only listens.
    let heard = place.python(
        "
import json
heard = app.backend.client.pubsub()
heard.subscribe('celery-task-meta-heard')
value = sleep.apply_async((1,), task_id='heard').get(timeout=20)
told = [m['data'] for m in iter(lambda: heard.get_message(timeout=1), None) if m['type'] == 'message']
[value] + [json.loads(text)['status'] for text in told]
",
    );
    assert_eq!(heard, json!(["ours", "STARTED", "SUCCESS"]));
    worker.finish();
}

#[test]
fn our_result_is_kept_for_a_day_or_as_long_as_the_worker_says_and_can_be_forgotten() {
    let Some((mut place, worker)) = ours() else { return };
    place.python("result = add.delay(2, 3); result.get(timeout=20)");
    let ttl = "app.backend.client.ttl(f'celery-task-meta-{result.id}')";
    assert_eq!(place.python(ttl), 86_400);
    place.python("result.forget()");
    assert_eq!(place.python("result.state"), "PENDING");
    worker.finish();
    let result_expires = Duration::from_secs(60);
    let worker = OurWorker::start(&place.url, WorkerOptions { result_expires, ..options() });
    place.python("result = add.delay(2, 3); result.get(timeout=20)");
    assert_eq!(place.python(ttl), 60);
    worker.finish();
}

// What Celery's worker stored, read by us.

#[test]
fn we_read_celerys_success() {
    let Some((_, client)) = before_celery() else { return };
    let result = client.send(&Signature::new("tasks.echo").arg("žluť"));
    assert_eq!(client.wait_for(result.get(PATIENCE)).unwrap(), "žluť");
    let meta = client.wait_for(result.meta()).unwrap();
    assert_eq!((&meta.state, &meta.traceback), (&State::Success, &None));
    assert!(meta.date_done.is_some());
    client.wait_for(result.forget()).unwrap();
    assert_eq!(client.wait_for(result.state()).unwrap(), State::Pending);
}

#[test]
fn we_read_celerys_failure_with_module_class_arguments_and_traceback() {
    let Some((_, client)) = before_celery() else { return };
    let result = client.send(&Signature::new("tasks.fail_with_custom"));
    let Err(ResultError::Failed { error, .. }) = client.wait_for(result.get(PATIENCE)) else {
        panic!("it did not fail")
    };
    assert_eq!((&*error.exc_module, &*error.exc_type), ("trouble", "OutOfCheese"));
    assert_eq!(error.exc_message, [json!("brie"), json!(3)]);
    let traceback = client.wait_for(result.meta()).unwrap().traceback.unwrap();
    assert!(traceback.contains("tasks.py") && traceback.contains("OutOfCheese"), "{traceback}");
}

#[test]
fn we_see_who_runs_celerys_task_and_that_it_was_revoked() {
    let Some((mut place, client)) = before_celery() else { return };
    let result = client.send(&Signature::new("tasks.sleep").arg(600));
    let info = until(&client, &result, &State::Started);
    assert!(info["pid"].is_u64() && info["hostname"].is_string(), "{info}");
    place.python(&format!("app.control.revoke('{}', terminate=True)", result.id));
    let Err(ResultError::Failed { error, .. }) = client.wait_for(result.get(PATIENCE)) else {
        panic!("it was not revoked")
    };
    assert_eq!((&*error.exc_type, &*error.message()), ("TaskRevokedError", "terminated"));
    assert_eq!(client.wait_for(result.state()).unwrap(), State::Revoked);
}

#[test]
fn we_see_why_celerys_task_will_be_tried_again() {
    let Some((_, client)) = before_celery() else { return };
    let result = client.send(&Signature::new("tasks.flaky").arg(1).arg(2));
    until(&client, &result, &State::Retry);
    let error = client.wait_for(result.meta()).unwrap().error();
    assert_eq!(error.to_string(), "ValueError: not yet");
    assert_eq!(client.wait_for(result.get(PATIENCE)).unwrap()["retries"], 1);
}

#[test]
fn we_read_a_state_that_a_task_of_celerys_made_up() {
    let Some((place, client)) = before_celery() else { return };
    let gate = client.name();
    let result = client.send(&Signature::new("tasks.progress").arg(gate.clone()));
    let far = until(&client, &result, &State::Custom("PROGRESS".into()));
    assert_eq!(far, json!({"done": 1, "of": 2}));
    place.redis::<i64>(&format!("LPUSH {gate} go"));
    assert_eq!(client.wait_for(result.get(PATIENCE)).unwrap(), "done");
}
