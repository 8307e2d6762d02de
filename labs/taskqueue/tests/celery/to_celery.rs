//! Our client's messages, run by real Celery workers: prefork and threads.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, FixedOffset, Utc};
use serde_json::{Value, json};
use taskqueue::{ResultError, Signature, State, TaskError};

use crate::ours::OurClient;
use crate::stage::{Place, Pool};
use crate::support::lab::PATIENCE;

fn add() -> Signature {
    Signature::new("tasks.add").arg(2).arg(3)
}

/// Runs `scenario` with a client of ours, once before each kind of Celery worker.
fn before_each_pool(scenario: impl Fn(&OurClient, &mut Place)) {
    for pool in Pool::BOTH {
        let Some(mut place) = Place::before_celery(pool) else { return };
        scenario(&OurClient::of(&place.url), &mut place);
    }
}

/// What a task raised that was to fail.
fn raised(answer: Result<Value, ResultError>) -> TaskError {
    match answer {
        Err(ResultError::Failed { error, .. }) => error,
        other => panic!("it did not fail: {other:?}"),
    }
}

/// How long after `due` a task was run that tells when.
fn late(answer: Result<Value, ResultError>, due: SystemTime) -> f64 {
    let due = due.duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    answer.unwrap().as_f64().unwrap() - due
}

#[test]
fn a_client_of_ours_calls_by_position_by_name_and_in_any_script() {
    before_each_pool(|client, _| {
        let by_name = Signature::new("tasks.add").kwarg("x", 2).kwarg("y", 3);
        let mixed = Signature::new("tasks.add").arg(2).kwarg("y", 3);
        for call in [add(), by_name, mixed] {
            assert_eq!(client.call(&call).unwrap(), 5);
        }
        let value = json!({"žluť 😀": [1, 2.5, null, true, "\"\\\n"]});
        let echo = Signature::new("tasks.echo").arg(value.clone());
        assert_eq!(client.call(&echo).unwrap(), value);
    });
}

#[test]
fn celery_waits_for_our_eta_of_any_offset() {
    before_each_pool(|client, _| {
        let due = SystemTime::now() + Duration::from_secs(1);
        let at = |hours: i32| {
            let offset = FixedOffset::east_opt(hours * 3600 + 1800).unwrap();
            let eta = DateTime::<Utc>::from(due).with_timezone(&offset);
            Signature::new("tasks.now").eta(eta)
        };
        let calls = [at(5), at(-9), Signature::new("tasks.now").countdown(Duration::from_secs(1))];
        let results = calls.map(|call| client.send(&call));
        for result in results {
            let late = late(client.wait_for(result.get(PATIENCE)), due);
            assert!((-0.001..5.0).contains(&late), "{late} s");
        }
    });
}

#[test]
fn celery_revokes_what_we_sent_to_expire() {
    before_each_pool(|client, _| {
        let past = add().expires_at((Utc::now() - Duration::from_secs(1)).fixed_offset());
        let while_waiting =
            add().countdown(Duration::from_secs(1)).expires(Duration::from_millis(200));
        for call in [past, while_waiting] {
            let result = client.send(&call);
            let error = raised(client.wait_for(result.get(PATIENCE)));
            assert_eq!((&*error.exc_type, &*error.message()), ("TaskRevokedError", "expired"));
            assert_eq!(client.wait_for(result.state()).unwrap(), State::Revoked);
        }
        assert_eq!(client.call(&add().expires(Duration::from_secs(60))).unwrap(), 5);
    });
}

#[test]
fn celery_cuts_a_task_at_our_time_limits() {
    // A thread can't be cut: Celery's threads pool knows no time limits.
    let Some(place) = Place::before_celery(Pool::Prefork) else { return };
    let client = OurClient::of(&place.url);
    let slow = || Signature::new("tasks.sleep").arg(30);
    let hard = raised(client.call(&slow().time_limit(Duration::from_secs(1))));
    assert_eq!((&*hard.exc_type, &hard.exc_message[..]), ("TimeLimitExceeded", &[json!(1)][..]));
    let soft = raised(client.call(&slow().soft_time_limit(Duration::from_millis(300))));
    assert_eq!(soft.exc_type, "SoftTimeLimitExceeded");
}

#[test]
fn celery_tries_our_task_again_with_its_headers_and_counts_from_where_we_say() {
    before_each_pool(|client, _| {
        let flaky = |countdown: f64| {
            Signature::new("tasks.flaky").arg(2).arg(countdown).header("x-trace", "abc")
        };
        let third = json!({"by": "Celery", "retries": 2, "trace": "abc"});
        assert_eq!(client.call(&flaky(0.1)).unwrap(), third);
        assert_eq!(client.call(&flaky(30.0).retries(2)).unwrap(), third);
        // Celery sends the retry first and stores RETRY then: without a pause that may come last.
        let given_up = raised(client.call(&Signature::new("tasks.flaky").arg(9).arg(0.3)));
        assert_eq!((&*given_up.exc_type, &*given_up.message()), ("ValueError", "not yet"));
    });
}

#[test]
fn celery_serves_our_queues_and_the_lower_priority_number_first() {
    let Some(place) = Place::alone() else { return };
    let client = OurClient::of(&place.url);
    let other = client.send(&Signature::new("tasks.now"));
    let send =
        |priority| client.send(&Signature::new("tasks.now").queue("emails").priority(priority));
    let results = [9, 6, 3, 0].map(send);
    let _celery = place.celery_worker(&["--pool", "solo", "--queues", "emails"], &[]);
    let times =
        results.map(|result| client.wait_for(result.get(PATIENCE)).unwrap().as_f64().unwrap());
    assert!(times.is_sorted_by(|earlier, later| earlier > later), "{times:?}");
    assert_eq!(client.wait_for(other.state()).unwrap(), State::Pending);
}

#[test]
fn celery_stores_no_result_that_we_do_not_want() {
    before_each_pool(|client, place| {
        let gate = client.name();
        // Told by another way than the result: it leaves something in a list.
        let call = Signature::new("tasks.leave").arg(gate.clone()).ignore_result();
        let result = client.send(&call);
        let left = place.redis::<Option<Vec<String>>>(&format!("BRPOP {gate} 20"));
        assert!(left.is_some(), "it was run");
        // A later task of the same process has its result: the earlier one would have had its own.
        assert_eq!(client.call(&add()).unwrap(), 5);
        assert_eq!(client.wait_for(result.state()).unwrap(), State::Pending);
    });
}

#[test]
fn an_unknown_task_and_wrong_arguments_come_back_as_celerys_errors() {
    before_each_pool(|client, _| {
        let unknown = raised(client.call(&Signature::new("tasks.nobody")));
        assert_eq!((&*unknown.exc_type, &*unknown.message()), ("NotRegistered", "tasks.nobody"));
        let wrong = raised(client.call(&Signature::new("tasks.add").arg(1)));
        let words = "add() missing 1 required positional argument: 'y'";
        assert_eq!((&*wrong.exc_type, &*wrong.message()), ("TypeError", words));
    });
}

#[test]
fn a_celery_task_sees_of_our_message_what_it_sees_of_celerys() {
    before_each_pool(|client, place| {
        let context = Signature::new("tasks.context").header("x-trace", "abc");
        let mut ours = client.call(&context).unwrap();
        let sent = "context.apply_async(headers={'x-trace': 'abc'}).get(timeout=20)";
        let mut celerys = place.python(sent);
        for seen in [&mut ours, &mut celerys] {
            // Random, or the sender's own; all of them texts.
            for name in ["id", "correlation_id", "root_id", "origin", "reply_to"] {
                assert!(seen[name].take().is_string(), "{name}");
            }
            for name in ["correlation_id", "delivery_tag", "reply_to"] {
                assert!(seen["properties"][name].take().is_string(), "{name}");
            }
        }
        assert_eq!(ours, celerys);
    });
}
