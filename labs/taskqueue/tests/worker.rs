//! What a worker does with a message, on the built-in broker and on a real redis-server.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails loudly")]

mod support;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use chrono::Utc;
use futures_util::StreamExt;
use serde_json::{Value, json};
use support::lab::{Lab, PATIENCE, add, late, options};
use support::on_each_broker;
use taskqueue::{Event, ResultError, Signature, State, WorkerOptions};

fn golden_result(name: &str) -> Value {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/results/{name}.raw.txt"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// A stored result with a recorded one's own values put in: what then differs is a difference in form.
async fn stored(lab: &mut Lab, id: &str, golden: &Value, own: &[&str]) -> Value {
    let document: String = lab.ask(&format!("GET celery-task-meta-{id}")).await;
    let mut document: Value = serde_json::from_str(&document).unwrap();
    for field in own {
        assert_eq!(document[field].is_null(), golden[field].is_null(), "{field}");
        document[field] = golden[field].clone();
    }
    document
}

#[test]
fn a_task_is_run_and_its_result_is_stored_as_celery_stores_it() {
    on_each_broker("a task is run", async |url| {
        let mut lab = Lab::at(url).await;
        let worker = lab.start(options());
        let task = lab.send_task(add(2, 3)).await;
        assert_eq!(task.get(PATIENCE).await.unwrap(), 5);
        let golden = golden_result("success");
        assert_eq!(stored(&mut lab, &task.id, &golden, &["date_done", "task_id"]).await, golden);
        let ttl: i64 = lab.ask(&format!("TTL celery-task-meta-{}", task.id)).await;
        assert!((86_390..=86_400).contains(&ttl), "{ttl}");
        assert_eq!(worker.finish().await.succeeded, 1);
        let left: [i64; 3] = [
            lab.ask("LLEN celery").await,
            lab.ask("HLEN unacked").await,
            lab.ask("ZCARD unacked_index").await,
        ];
        assert_eq!(left, [0, 0, 0]);
    });
}

#[test]
fn whoever_waits_for_a_change_hears_each_of_them_and_when_the_task_ended() {
    on_each_broker("each change", async |url| {
        let lab = Lab::at(url).await;
        let task = lab.send_task(Signature::new("lab.hold")).await;
        let worker = lab.start(WorkerOptions { track_started: true, ..options() });
        let started = task.until(|meta| meta.state != State::Pending).await;
        assert_eq!((started.done_at(), started.state), (None, State::Started));
        let began = SystemTime::now();
        lab.gate.notify_one();
        let ended = task.until(|meta| meta.state != State::Started).await;
        assert_eq!(ended.state, State::Success);
        // As Celery does, it is written to the microsecond.
        let slack = Duration::from_micros(1);
        assert!((began - slack..=SystemTime::now()).contains(&ended.done_at().unwrap()));
        worker.finish().await;
    });
}

#[test]
fn what_a_sender_leaves_in_redis_is_what_celery_leaves() {
    on_each_broker("a sender's keys", async |url| {
        let mut lab = Lab::at(url).await;
        lab.send_task(add(1, 1)).await;
        // Ours alone, and gone after two seconds.
        let milliseconds: i64 = lab.ask("PTTL unacked_published").await;
        assert!((0..=2000).contains(&milliseconds), "{milliseconds}");
        lab.ask::<()>("DEL unacked_published").await;
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/messages/delay.json");
        let golden: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let recorded = golden["all_keys"].as_object().unwrap();
        let mut keys: Vec<String> = lab.ask("KEYS *").await;
        keys.sort();
        assert_eq!(keys, recorded.keys().cloned().collect::<Vec<_>>());
        for key in keys.iter().filter(|key| key.starts_with("_kombu")) {
            let members: Vec<String> = lab.send(&["SMEMBERS", key]).await;
            assert_eq!(json!(members), recorded[key]["value"], "{key}");
        }
    });
}

#[test]
fn a_result_is_announced_on_the_channel_of_its_key() {
    on_each_broker("a result is announced", async |url| {
        let lab = Lab::at(url).await;
        let mut channel = redis::Client::open(url).unwrap().get_async_pubsub().await.unwrap();
        channel.subscribe("celery-task-meta-known").await.unwrap();
        let worker = lab.start(WorkerOptions { track_started: true, ..options() });
        lab.send_task(add(2, 3).task_id("known")).await;
        let mut messages = channel.on_message();
        for status in ["STARTED", "SUCCESS"] {
            let text: String = messages.next().await.unwrap().get_payload().unwrap();
            assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["status"], status);
        }
        drop(messages);
        worker.finish().await;
    });
}

#[test]
fn a_started_task_says_where_it_runs() {
    on_each_broker("a started task", async |url| {
        let mut lab = Lab::at(url).await;
        let mut worker = lab.start(WorkerOptions { track_started: true, ..options() });
        let task = lab.send_task(Signature::new("lab.hold")).await;
        worker.until_started().await;
        let golden = golden_result("started");
        assert_eq!(stored(&mut lab, &task.id, &golden, &["result", "task_id"]).await, golden);
        assert_eq!(
            task.meta().await.unwrap().result,
            json!({"pid": std::process::id(), "hostname": "celery@test"})
        );
        lab.gate.notify_one();
        worker.finish().await;
    });
}

#[test]
fn a_failure_is_stored_with_type_and_message() {
    on_each_broker("a failure", async |url| {
        let mut lab = Lab::at(url).await;
        let worker = lab.start(options());
        let task = lab.send_task(Signature::new("lab.fail").arg("boom")).await;
        let Err(ResultError::Failed { error, .. }) = task.get(PATIENCE).await else {
            panic!("it did not fail")
        };
        assert_eq!(error.to_string(), "ValueError: boom");
        let golden = golden_result("failure");
        assert_eq!(
            stored(&mut lab, &task.id, &golden, &["date_done", "task_id", "traceback"]).await,
            golden
        );
        assert_eq!(worker.finish().await.failed, 1);
    });
}

#[test]
fn a_panic_is_the_tasks_failure_and_the_worker_goes_on() {
    on_each_broker("a panic", async |url| {
        let lab = Lab::at(url).await;
        let worker = lab.start(options());
        let task = lab.send_task(Signature::new("lab.panic")).await;
        let Err(ResultError::Failed { error, .. }) = task.get(PATIENCE).await else {
            panic!("it did not fail")
        };
        assert_eq!(error.to_string(), "RuntimeError: the task's code panicked: out of cheese");
        assert_eq!(lab.send_task(add(1, 1)).await.get(PATIENCE).await.unwrap(), 2);
        worker.finish().await;
    });
}

#[test]
fn wrong_arguments_fail_in_celerys_words() {
    on_each_broker("wrong arguments", async |url| {
        let lab = Lab::at(url).await;
        let worker = lab.start(options());
        let task = lab.send_task(Signature::new("lab.add").arg(1)).await;
        let Err(ResultError::Failed { error, .. }) = task.get(PATIENCE).await else {
            panic!("it did not fail")
        };
        assert_eq!(
            json!(error.exc_message),
            golden_result("failure_arity")["result"]["exc_message"]
        );
        let task = lab.send_task(add(1, 2).arg("three")).await;
        assert!(
            task.get(PATIENCE)
                .await
                .unwrap_err()
                .to_string()
                .contains("takes 2 positional arguments but 3 were given")
        );
        worker.finish().await;
    });
}

#[test]
fn an_unknown_task_fails_as_in_celery_and_is_put_aside() {
    on_each_broker("an unknown task", async |url| {
        let mut lab = Lab::at(url).await;
        let mut worker = lab.start(options());
        let task = lab.send_task(Signature::new("nope.nope")).await;
        let reason = worker.until_rejected().await;
        assert!(
            reason.starts_with("unknown task nope.nope: this worker knows lab.add, "),
            "{reason}"
        );
        let meta = task.meta().await.unwrap();
        let golden = golden_result("failure_unregistered");
        assert_eq!((meta.state, meta.result), (State::Failure, golden["result"].clone()));
        let dead: String = lab.ask("LINDEX celery.dead 0").await;
        let dead: Value = serde_json::from_str(&dead).unwrap();
        assert_eq!(
            serde_json::from_str::<Value>(dead["message"].as_str().unwrap()).unwrap()["headers"]["task"],
            "nope.nope"
        );
        worker.finish().await;
    });
}

#[test]
fn what_is_no_message_is_put_aside_and_never_reaches_unacked() {
    on_each_broker("no message", async |url| {
        let mut lab = Lab::at(url).await;
        let odd = [
            "not json",
            "[]",
            "{}",
            "{\"headers\": 1}",
            "\u{1}",
            "{\"headers\":{},\"properties\":{}}",
        ];
        for (sent, raw) in (1..).zip(odd) {
            let mut worker = lab.start(options());
            lab.send::<()>(&["LPUSH", "celery", raw]).await;
            worker.until_rejected().await;
            assert_eq!(lab.ask::<i64>("LLEN celery.dead").await, sent, "{raw}");
            assert_eq!(
                lab.send_task(add(2, 2)).await.get(PATIENCE).await.unwrap(),
                4,
                "after {raw}"
            );
            worker.finish().await;
        }
        let dead: Vec<String> = lab.ask("LRANGE celery.dead 0 -1").await;
        let kept: Vec<_> = dead
            .iter()
            .rev()
            .map(|entry| serde_json::from_str::<Value>(entry).unwrap()["message"].clone())
            .collect();
        assert_eq!(kept, odd.map(Value::from));
        assert_eq!(lab.ask::<i64>("HLEN unacked").await, 0);
    });
}

#[test]
fn by_default_a_message_is_acknowledged_before_its_task_runs() {
    on_each_broker("early acknowledgement", async |url| {
        let mut lab = Lab::at(url).await;
        let mut worker = lab.start(options());
        lab.send_task(Signature::new("lab.hold")).await;
        assert!(worker.until_started().await);
        assert_eq!(lab.ask::<i64>("HLEN unacked").await, 0);
        lab.gate.notify_one();
        worker.finish().await;
    });
}

#[test]
fn with_late_acknowledgement_it_stands_in_unacked_in_kombus_form_until_the_end() {
    on_each_broker("late acknowledgement", async |url| {
        let mut lab = Lab::at(url).await;
        let signature = Signature::new("lab.hold").task_id("late");
        lab.send_task(signature).await;
        let raw: String = lab.ask("LINDEX celery 0").await;
        let mut worker = lab.start(late());
        assert!(!worker.until_started().await);
        let entries: Vec<String> = lab.ask("HVALS unacked").await;
        assert_eq!(entries, [format!("[{raw},\"\",\"celery\"]")]);
        assert_eq!(lab.ask::<i64>("ZCARD unacked_index").await, 1);
        lab.gate.notify_one();
        worker.finish().await;
        assert_eq!(lab.ask::<i64>("EXISTS unacked unacked_index celery").await, 0);
    });
}

#[test]
fn no_more_tasks_run_than_there_are_slots_and_the_rest_stays_in_the_queue() {
    on_each_broker("slots", async |url| {
        let mut lab = Lab::at(url).await;
        for _ in 0..5 {
            lab.send_task(Signature::new("lab.hold")).await;
        }
        let mut worker = lab.start(WorkerOptions { concurrency: 2, ..late() });
        worker.until_started().await;
        worker.until_started().await;
        assert_eq!(
            (lab.ask::<i64>("HLEN unacked").await, lab.ask::<i64>("LLEN celery").await),
            (2, 3)
        );
        for _ in 0..3 {
            lab.gate.notify_one();
            worker.until_started().await;
        }
        lab.gate.notify_one();
        worker.until(|event| matches!(event, Event::TaskSucceeded { .. }).then_some(())).await;
        lab.gate.notify_one();
        assert_eq!(worker.finish().await.succeeded, 5);
    });
}

#[test]
fn a_task_with_a_countdown_waits_in_redis_and_runs_once_when_it_is_due() {
    on_each_broker("a countdown", async |url| {
        let mut lab = Lab::at(url).await;
        let mut worker = lab.start(WorkerOptions { lease: Duration::from_millis(200), ..late() });
        let sent = Utc::now();
        let task = lab.send_task(add(1, 2).countdown(Duration::from_millis(1500))).await;
        let eta = worker
            .until(
                |event| if let Event::TaskParked { eta, .. } = event { Some(*eta) } else { None },
            )
            .await;
        assert!((1400..=2000).contains(&(eta.to_utc() - sent).num_milliseconds()));
        let parked: Vec<(String, f64)> = lab.ask("ZRANGE unacked_eta 0 -1 WITHSCORES").await;
        assert_eq!(
            parked,
            lab.ask::<Vec<(String, f64)>>("ZRANGE unacked_index 0 -1 WITHSCORES").await
        );
        assert_eq!(task.state().await.unwrap(), State::Pending);
        task.get(PATIENCE).await.unwrap();
        assert!(Utc::now() >= eta, "it ran before its time");
        assert_eq!(worker.finish().await.succeeded, 1, "longer than the lease, and yet one run");
        assert_eq!(lab.ask::<i64>("EXISTS unacked unacked_index unacked_eta celery").await, 0);
    });
}

#[test]
fn a_task_whose_result_nobody_wants_is_revoked_without_one() {
    on_each_broker("revoked without a result", async |url| {
        let mut lab = Lab::at(url).await;
        let call = Signature::new("lab.add").expires(Duration::ZERO).ignore_result();
        let task = lab.send_task(call).await;
        let mut worker = lab.start(options());
        worker.until(|event| matches!(event, Event::TaskRevoked { .. }).then_some(())).await;
        worker.finish().await;
        assert_eq!(lab.ask::<i64>(&format!("EXISTS celery-task-meta-{}", task.id)).await, 0);
    });
}

#[test]
fn an_expired_task_is_revoked_and_not_run() {
    on_each_broker("an expired task", async |url| {
        let mut lab = Lab::at(url).await;
        let task = lab.send_task(add(1, 2).expires(Duration::from_nanos(1))).await;
        let worker = lab.start(options());
        assert!(task.get(PATIENCE).await.is_err());
        let golden = golden_result("expired");
        assert_eq!(stored(&mut lab, &task.id, &golden, &["date_done", "task_id"]).await, golden);
        assert_eq!(worker.finish().await, taskqueue::Summary::default());
    });
}

#[test]
fn ignored_results_are_not_stored() {
    on_each_broker("ignored results", async |url| {
        let mut lab = Lab::at(url).await;
        let mut worker = lab.start(WorkerOptions { track_started: true, ..options() });
        lab.send_task(add(1, 2).task_id("ignored").ignore_result()).await;
        worker.until(|event| matches!(event, Event::TaskSucceeded { .. }).then_some(())).await;
        assert_eq!(lab.ask::<i64>("EXISTS celery-task-meta-ignored").await, 0);
        worker.finish().await;
    });
}

#[test]
fn urgent_messages_come_first_and_every_queue_has_its_turn() {
    on_each_broker("priorities", async |url| {
        let lab = Lab::at(url).await;
        for (id, priority, queue) in
            [("c9", 9, "celery"), ("e0", 0, "emails"), ("c3", 3, "celery"), ("c0", 0, "celery")]
        {
            lab.send_task(add(0, 0).task_id(id).priority(priority).queue(queue)).await;
        }
        let queues = vec!["celery".to_owned(), "emails".to_owned()];
        let mut worker = lab.start(WorkerOptions { concurrency: 1, queues, ..options() });
        let mut order = Vec::new();
        for _ in 0..4 {
            let succeeded = |event: &Event| {
                if let Event::TaskSucceeded { request, .. } = event {
                    Some(request.id.clone())
                } else {
                    None
                }
            };
            order.push(worker.until(succeeded).await);
        }
        assert_eq!(order, ["c0", "e0", "c3", "c9"]);
        worker.finish().await;
    });
}

#[test]
fn a_success_is_not_taken_back_by_a_second_run() {
    on_each_broker("a second run", async |url| {
        let lab = Lab::at(url).await;
        let mut worker = lab.start(options());
        let task = lab.send_task(add(2, 3).task_id("twice")).await;
        assert_eq!(task.get(PATIENCE).await.unwrap(), 5);
        lab.send_task(Signature::new("lab.fail").arg("late").task_id("twice")).await;
        worker.until(|event| matches!(event, Event::TaskFailed { .. }).then_some(())).await;
        assert_eq!(task.get(PATIENCE).await.unwrap(), 5);
        task.forget().await.unwrap();
        assert_eq!(task.state().await.unwrap(), State::Pending);
        worker.finish().await;
    });
}

#[test]
fn getting_a_result_that_does_not_come_ends_in_time() {
    on_each_broker("no result", async |url| {
        let lab = Lab::at(url).await;
        let task = lab.send_task(add(1, 1)).await;
        assert!(matches!(
            task.get(Duration::from_millis(50)).await,
            Err(ResultError::Timeout { .. })
        ));
    });
}

#[test]
fn many_tasks_each_run_exactly_once() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    on_each_broker("many tasks", async |url| {
        RUNS.store(0, Ordering::SeqCst);
        let lab = Lab::at(url).await;
        let mut workers: Vec<_> =
            (0..3).map(|_| lab.start(WorkerOptions { concurrency: 50, ..late() })).collect();
        for number in 0..500 {
            lab.send_task(add(number, 0)).await;
        }
        let mut ended = 0;
        while ended < 500 {
            for worker in &mut workers {
                while let Ok(event) = worker.events.try_recv() {
                    ended += usize::from(matches!(event, Event::TaskSucceeded { .. }));
                }
            }
            tokio::task::yield_now().await;
        }
        let mut succeeded = 0;
        for worker in workers {
            succeeded += worker.finish().await.succeeded;
        }
        assert_eq!(succeeded, 500);
    });
}
