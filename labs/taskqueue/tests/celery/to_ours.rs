//! Messages of Celery's own client, run by our worker.

use serde_json::{Value, json};
use taskqueue::{Event, WorkerOptions};

use crate::ours::{OurWorker, options};
use crate::stage::Place;

/// A place with a worker of ours.
fn ours() -> Option<(Place, OurWorker)> {
    let place = Place::alone()?;
    let worker = OurWorker::start(&place.url, options());
    Some((place, worker))
}

fn until_rejected(worker: &OurWorker) {
    worker.until(|event| matches!(event, Event::TaskRejected { .. }).then_some(()));
}

#[test]
fn a_celery_client_calls_by_position_by_name_and_in_any_script() {
    let Some((mut place, worker)) = ours() else { return };
    assert_eq!(place.python("add.delay(2, 3).get(timeout=20)"), 5);
    assert_eq!(place.python("add.apply_async(kwargs={'x': 2, 'y': 3}).get(timeout=20)"), 5);
    assert_eq!(place.python("add.apply_async((2,), {'y': 3}).get(timeout=20)"), 5);
    assert_eq!(place.python("app.send_task('tasks.add', (2, 3)).get(timeout=20)"), 5);
    let value = json!({"žluť 😀": [1, 2.5, null, true, "\"\\\n"]});
    let code =
        format!("import json; echo.delay(json.loads({:?})).get(timeout=20)", value.to_string());
    assert_eq!(place.python(&code), value);
    worker.finish();
}

#[test]
fn an_eta_of_any_offset_or_none_is_waited_for() {
    let Some((mut place, worker)) = ours() else { return };
    let late = place.python(
        "
from datetime import datetime, timedelta, timezone
soon = time.time() + 1
offsets = [timedelta(0), timedelta(hours=5, minutes=30), timedelta(hours=-8)]
etas = [datetime.fromtimestamp(soon, timezone(offset)) for offset in offsets]
etas.append(datetime.fromtimestamp(soon, timezone.utc).replace(tzinfo=None))
results = [now.apply_async(eta=eta) for eta in etas]
app.conf.timezone = 'Europe/Prague'
results.append(now.apply_async(countdown=1))
[result.get(timeout=20) - soon for result in results]
",
    );
    for seconds in late.as_array().unwrap() {
        assert!((0.0..5.0).contains(&seconds.as_f64().unwrap()), "{late}");
    }
    worker.finish();
}

#[test]
fn what_has_expired_is_revoked_and_not_run() {
    let Some((mut place, worker)) = ours() else { return };
    place.python("from datetime import datetime, timedelta, timezone");
    for options in [
        "expires=datetime.now(timezone.utc) - timedelta(seconds=1)",
        "expires=datetime.now(timezone(timedelta(hours=2))) - timedelta(seconds=1)",
        "expires=0.2, countdown=1",
    ] {
        place.python(&format!("result = add.apply_async((2, 3), {options})"));
        let raised = place.python_raises("result.get(timeout=20)");
        assert_eq!(raised, "celery.exceptions.TaskRevokedError(\"expired\")", "{options}");
        assert_eq!(place.python("result.state"), "REVOKED", "{options}");
    }
    assert_eq!(place.python("add.apply_async((2, 3), expires=60).get(timeout=20)"), 5);
    worker.finish();
}

#[test]
fn the_callers_time_limits_cut_the_task() {
    let Some((mut place, worker)) = ours() else { return };
    let cut = place.python_raises("sleep.apply_async((30,), time_limit=0.3).get(timeout=20)");
    assert_eq!(cut, "billiard.exceptions.TimeLimitExceeded(0.3)");
    let told = place.python_raises("sleep.apply_async((30,), soft_time_limit=0.3).get(timeout=20)");
    assert_eq!(told, "billiard.exceptions.SoftTimeLimitExceeded()");
    worker.finish();
}

#[test]
fn a_task_is_tried_again_and_counts_from_where_the_caller_says() {
    let Some((mut place, worker)) = ours() else { return };
    let third = json!({"by": "ours", "retries": 2});
    assert_eq!(place.python("flaky.delay(2, 0.1).get(timeout=20)"), third);
    assert_eq!(place.python("flaky.apply_async((2, 30), retries=2).get(timeout=20)"), third);
    let given_up = place.python_raises("flaky.delay(9, 0).get(timeout=20)");
    assert_eq!(given_up, "builtins.ValueError(\"not yet\")");
    worker.finish();
}

#[test]
fn the_lower_priority_number_is_served_first() {
    let Some(mut place) = Place::alone() else { return };
    place.python("results = [now.apply_async(priority=p) for p in (10, 9, 6, 3, 0)]");
    let worker = OurWorker::start(&place.url, WorkerOptions { concurrency: 1, ..options() });
    place.python("times = [r.get(timeout=20) for r in results]");
    // The two highest numbers share a list, in which the first one sent is served first.
    let order = place.python("sorted(range(5), key=lambda i: times[i])");
    assert_eq!(order, json!([4, 3, 2, 0, 1]));
    worker.finish();
}

#[test]
fn a_queue_is_served_by_those_who_ask_for_it() {
    let Some(mut place) = Place::alone() else { return };
    place.python("other = who.delay()");
    let queues = vec!["emails".to_owned(), "celery.low".to_owned()];
    let worker = OurWorker::start(&place.url, WorkerOptions { queues, ..options() });
    for queue in ["emails", "celery.low"] {
        assert_eq!(
            place.python(&format!("who.apply_async(queue='{queue}').get(timeout=20)")),
            "ours"
        );
    }
    assert_eq!(place.python("other.state"), "PENDING");
    assert_eq!(place.redis::<i64>("LLEN celery"), 1);
    worker.finish();
}

#[test]
fn a_result_that_nobody_wants_is_not_stored() {
    let Some((mut place, worker)) = ours() else { return };
    for call in [
        "add.apply_async((2, 3), ignore_result=True)",
        "fail.apply_async(('x',), ignore_result=True)",
    ] {
        place.python(&format!("result = {call}"));
        worker.until(|event| {
            matches!(event, Event::TaskSucceeded { .. } | Event::TaskFailed { .. }).then_some(())
        });
        assert_eq!(place.python("result.state"), "PENDING");
    }
    assert_eq!(place.redis::<Vec<String>>("KEYS celery-task-meta-*"), Vec::<String>::new());
    worker.finish();
}

#[test]
fn a_compressed_body_is_read() {
    let Some((mut place, worker)) = ours() else { return };
    let code =
        "echo.apply_async(('ž' * 100_000,), compression='gzip').get(timeout=20) == 'ž' * 100_000";
    assert_eq!(place.python(code), true);
    worker.finish();
}

#[test]
fn pickle_is_put_aside_and_the_worker_goes_on() {
    let Some((mut place, worker)) = ours() else { return };
    let raised = "add.apply_async((2, 3), serializer='pickle').get(timeout=20)";
    let raised = place.python_raises(raised);
    assert!(raised.starts_with("kombu.exceptions.ContentDisallowed("), "{raised}");
    until_rejected(&worker);
    assert_eq!(place.redis::<i64>("LLEN celery.dead"), 1);
    assert_eq!(place.python("add.delay(2, 3).get(timeout=20)"), 5);
    worker.finish();
}

#[test]
fn an_unknown_task_and_wrong_arguments_are_celerys_own_errors() {
    let Some((mut place, worker)) = ours() else { return };
    let unknown = place.python_raises("app.send_task('tasks.nobody').get(timeout=20)");
    assert_eq!(unknown, "celery.exceptions.NotRegistered(\"tasks.nobody\")");
    let wrong = place.python_raises("app.send_task('tasks.add', (1,)).get(timeout=20)");
    let words = "add() missing 1 required positional argument: 'y'";
    assert_eq!(wrong, format!("builtins.TypeError({words:?})"));
    worker.finish();
}

#[test]
fn a_header_that_we_do_not_know_travels_on_with_a_retry() {
    let Some((mut place, worker)) = ours() else { return };
    place.python("result = flaky.apply_async((1, 0.5), headers={'x-trace': 'abc'})");
    worker.until(|event| matches!(event, Event::TaskRetried { .. }).then_some(()));
    worker.finish();
    // The second attempt is Celery's, which shows what came along.
    let _celery = place.celery_worker(&["--pool", "solo"], &[]);
    let second = json!({"by": "Celery", "retries": 1, "trace": "abc"});
    assert_eq!(place.python("result.get(timeout=20)"), second);
}

#[test]
fn values_that_json_has_no_word_for_come_back_as_they_went() {
    let Some((mut place, worker)) = ours() else { return };
    place.python("import datetime, decimal, uuid");
    for value in [
        "datetime.datetime(2030, 1, 2, 3, 4, 5, 678901, datetime.timezone.utc)",
        "datetime.date(2030, 1, 2)",
        "uuid.UUID('f09a22db-2fea-4edd-9f5d-3d3f539d34bf')",
        "decimal.Decimal('1.10')",
        "b'\\x00\\xff'",
        "2 ** 64 - 1",
        "-2 ** 63",
        "0.1 + 0.2",
        "1e-300",
    ] {
        let code = format!("value = {value}; back = echo.delay(value).get(timeout=20)");
        place.python(&code);
        assert_eq!(place.python("[type(back) is type(value), back == value]"), json!([true, true]));
    }
    worker.finish();
}

#[test]
fn values_that_json_has_no_word_for_reach_a_task_as_what_it_wants() {
    let Some((mut place, worker)) = ours() else { return };
    let run = "
import datetime, decimal, uuid
def value(task, *args):
    return app.send_task('tasks.' + task, args).get(timeout=20)
texts = [datetime.datetime(2030, 1, 2, 3, 4, 5, 678901), datetime.date(2030, 1, 2), datetime.time(3, 4),
    uuid.UUID('f09a22db-2fea-4edd-9f5d-3d3f539d34bf'), decimal.Decimal('1.10'), b'bytes']
wanted = [text.isoformat() for text in texts[:3]] + [str(text) for text in texts[3:5]] + ['bytes']
[value('texts', texts) == wanted, value('octets', b'\\x00\\xff') == [0, 255],
    value('half', decimal.Decimal('1.5')) == 0.75]
";
    assert_eq!(place.python(run), json!([true, true, true]));
    worker.finish();
}

#[test]
fn a_number_that_can_not_be_had_here_is_a_failure_that_says_so() {
    let Some((mut place, worker)) = ours() else { return };
    // Python writes NaN and Infinity, which JSON does not have, and numbers of any length.
    for (number, class) in [
        ("float('nan')", "kombu.exceptions.DecodeError(\"the body has NaN"),
        ("float('-inf')", "kombu.exceptions.DecodeError(\"the body has -Infinity"),
        ("2 ** 64", "builtins.OverflowError(\"the body has 18446744073709551616"),
    ] {
        let raised = place.python_raises(&format!("echo.delay({number}).get(timeout=20)"));
        assert!(raised.starts_with(class), "{raised}");
        until_rejected(&worker);
    }
    assert_eq!(place.redis::<i64>("LLEN celery.dead"), 3);
    assert_eq!(place.python("add.delay(2, 3).get(timeout=20)"), 5);
    worker.finish();
}

#[test]
fn what_celery_forgives_in_a_message_is_forgiven() {
    let Some((mut place, worker)) = ours() else { return };
    let run = "
def value(task, *args, **options):
    return task.apply_async(args, **options).get(timeout=20)
app.conf.task_protocol = 1
first = value(add, 1, 2)
app.conf.task_protocol = 2
[first] + [value(add, 1, 2, task_id=id) for id in ('order/7', 'ann@example.com', 'a b', 'größe', 'x' * 300)] + [
    value(add, 1, 2, priority=priority) for priority in (300, -1)] + [value(echo, 'broken \\ud83d')]
";
    let values = place.python(run);
    let mut expected = vec![json!(3); 8];
    expected.push(json!("broken \u{fffd}"));
    assert_eq!(values, Value::Array(expected));
    worker.finish();
}

#[test]
fn what_celery_forgives_in_a_link_is_forgiven() {
    let Some((mut place, worker)) = ours() else { return };
    let run = "
from datetime import datetime, timedelta, timezone
from kombu.utils.uuid import uuid
now = datetime.now(timezone.utc)
def linked(**options):
    id = uuid()
    add.apply_async((1, 2), link=echo.s().set(task_id=id, **options)).get(timeout=20)
    return app.AsyncResult(id).get(timeout=20)
[linked(**options) for options in (
    {'eta': now}, {'expires': now + timedelta(minutes=5)}, {'priority': 300}, {'priority': -1}, {'priority': '5'},
    {'priority': 5.0}, {'retries': '1'}, {'time_limit': '60'}, {'countdown': True}, {'ignore_result': 0}, {'queue': ''})]
";
    assert_eq!(place.python(run), Value::Array(vec![json!(3); 11]));
    worker.finish();
}

#[test]
fn a_shadow_is_the_name_under_which_a_task_is_shown() {
    let Some((mut place, worker)) = ours() else { return };
    place.python("result = sleep.apply_async((600,), shadow='a nap')");
    worker.until_started();
    let shown = "[(r['name'], r['type']) for r in app.control.inspect(limit=1, timeout=20).active()['celery@ours']]";
    assert_eq!(place.python(shown), json!([["a nap", "tasks.sleep"]]));
    worker.die();
}
