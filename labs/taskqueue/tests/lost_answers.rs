//! Redis has done it and the answer is lost: the same script is sent again and changes nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails loudly")]

mod support;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use redis::Script;
use support::lab::{Lab, PATIENCE, late, options};
use support::on_each_broker;
use support::proxy::Proxy;
use taskqueue::{
    AsyncResult, Broker, Event, Registry, RetryPolicy, Signature, Stop, Task, TaskError, Worker,
    WorkerOptions, keys,
};
use tokio::sync::Semaphore;
use tokio::time::timeout;

const TASKS: usize = 40;
const LOSSES: usize = 10;

type Runs = Arc<Mutex<HashMap<String, u32>>>;

/// Each counts its runs by id. The first attempt of a flaky one fails; `lab.after` follows another.
fn counted(runs: &Runs) -> [Task; 3] {
    let count = |runs: Runs, fails: u32| {
        move |request: Arc<taskqueue::Request>, ()| {
            *runs.lock().unwrap().entry(request.id.clone()).or_default() += 1;
            let again = request.retries < fails;
            async move { if again { Err(TaskError::new("ValueError", "again")) } else { Ok(()) } }
        }
    };
    let after = Arc::clone(runs);
    let after = move |request: Arc<taskqueue::Request>, (_,): (serde_json::Value,)| {
        *after.lock().unwrap().entry(request.id.clone()).or_default() += 1;
        async { Ok(()) }
    };
    let policy = RetryPolicy::default()
        .autoretry_for(["ValueError"])
        .default_retry_delay(Duration::from_millis(1));
    [
        Task::new("lab.once", [], count(Arc::clone(runs), 0)),
        Task::new("lab.after", ["result"], after),
        Task::new("lab.flaky", [], count(Arc::clone(runs), 1)).retry(policy),
    ]
}

/// Runs `task` 40 times with a worker behind a proxy that loses ten answers of `script`.
async fn run_all(url: &str, task: &str, script: &str, options: WorkerOptions) -> Runs {
    run_each(url, script, options, async |lab, number| {
        let sent = lab.send_task(Signature::new(task).task_id(format!("task-{number}"))).await;
        sent.get(PATIENCE).await.unwrap();
    })
    .await
}

/// The same, whatever a run is.
async fn run_each(
    url: &str,
    script: &str,
    options: WorkerOptions,
    run: impl AsyncFn(&mut Lab, usize),
) -> Runs {
    let mut lab = Lab::at(url).await;
    let proxy = Proxy::before(url, Script::new(script).get_hash(), LOSSES).await;
    let runs = Runs::default();
    let behind = Arc::new(Broker::new(&proxy.url).unwrap());
    let doubts = Arc::new(AtomicUsize::new(0));
    let listener = Arc::clone(&doubts);
    let observe = Arc::new(move |event| {
        let doubt = matches!(event, Event::LeaseLost { .. });
        listener.fetch_add(usize::from(doubt), Ordering::SeqCst);
    });
    let worker = Worker::new(behind, Registry::new(counted(&runs)), options, observe).unwrap();
    let stop = Stop::new();
    let working = tokio::spawn(worker.run(stop.clone()));
    // One after the other, so that each has scripts of its own whose answers can be lost.
    for number in 0..TASKS {
        run(&mut lab, number).await;
    }
    stop.warm();
    working.await.unwrap().unwrap();
    assert_eq!(proxy.left(), 0, "answers that were not lost prove nothing");
    let left: i64 = lab.ask("EXISTS celery unacked unacked_index unacked_eta celery.dead").await;
    assert_eq!(left, 0, "something is left in Redis");
    assert_eq!(doubts.load(Ordering::SeqCst), 0, "the worker thinks that others have its tasks");
    runs
}

fn assert_each_ran(runs: &Runs, times: u32) {
    assert_all_ran(runs, TASKS, times);
}

fn assert_all_ran(runs: &Runs, tasks: usize, times: u32) {
    let runs = runs.lock().unwrap();
    assert_eq!(runs.len(), tasks);
    assert!(runs.values().all(|count| *count == times), "{runs:?}");
}

#[test]
fn lost_answers_to_fetch_lose_nothing_and_run_nothing_twice() {
    on_each_broker("lost answers to fetch", async |url| {
        let runs = run_all(url, "lab.once", include_str!("../src/broker/fetch.lua"), late()).await;
        assert_each_ran(&runs, 1);
    });
}

#[test]
fn a_fetch_that_arrives_when_nobody_waits_for_it_takes_nothing() {
    on_each_broker("a late fetch", async |url| {
        let mut lab = Lab::at(url).await;
        let fetch = Script::new(include_str!("../src/broker/fetch.lua"));
        let proxy = Proxy::late(url, fetch.get_hash()).await;
        let mut tasks = Vec::new();
        for _ in 0..20 {
            tasks.push(lab.send_task(Signature::new("lab.slow")).await);
        }
        // Nothing ends before the late one has arrived, so tasks wait while it does.
        let arrived = Arc::new(Semaphore::new(0));
        let late_one = Arc::clone(&arrived);
        let slow = Task::new("lab.slow", [], move |_, ()| {
            let arrived = Arc::clone(&late_one);
            async move {
                drop(arrived.acquire().await);
                Ok(())
            }
        });
        // What the late one took would be nobody's until its lease has run out.
        let options = WorkerOptions { concurrency: 1, lease: Duration::from_secs(60), ..late() };
        let behind = Arc::new(Broker::new(&proxy.url).unwrap());
        let observe = Arc::new(|_| {});
        let worker = Worker::new(behind, Registry::new([slow]), options, observe).unwrap();
        let stop = Stop::new();
        let working = tokio::spawn(worker.run(stop.clone()));
        let all_here = async {
            while proxy.left() > 0 {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, all_here).await.expect("the late one never arrived");
        arrived.add_permits(1);
        for task in tasks {
            task.get(PATIENCE).await.unwrap();
        }
        stop.warm();
        working.await.unwrap().unwrap();
        assert_eq!(lab.ask::<i64>("EXISTS celery unacked unacked_index").await, 0);
    });
}

#[test]
fn a_fetch_that_was_overtaken_by_its_repetition_overwrites_nothing() {
    on_each_broker("an overtaken fetch", async |url| {
        let mut lab = Lab::at(url).await;
        for id in ["first", "second"] {
            lab.send_task(Signature::new("lab.once").task_id(id)).await;
        }
        let script = include_str!("../src/broker/fetch.lua");
        let fetch: Vec<&str> = ["EVAL", script, "4", "unacked", "unacked_index"]
            .into_iter()
            .chain([
                "celery",
                "celery.dead",
                "lease:test:",
                "0",
                "1",
                "0",
                "4096",
                "9e12",
                "celery",
            ])
            .collect();
        let repeated: Vec<String> = lab.send(&fetch).await;
        let overtaken: Vec<String> = lab.send(&fetch).await;
        assert_eq!((repeated.len(), overtaken.len()), (4, 1), "{overtaken:?}");
        let held: String = lab.ask("HGET unacked lease:test:0").await;
        assert!(held.contains("first"), "{held}");
        let waits: String = lab.ask("LINDEX celery -1").await;
        assert!(waits.contains("second"), "{waits}");
    });
}

#[test]
fn lost_answers_to_result_and_acknowledgement_run_nothing_twice() {
    on_each_broker("lost answers to settle", async |url| {
        for options in [late(), options()] {
            let runs =
                run_all(url, "lab.once", include_str!("../src/broker/settle.lua"), options).await;
            assert_each_ran(&runs, 1);
        }
    });
}

/// A task that came back once: its worker notes in its entry that it begins.
async fn run_redelivered(lab: &mut Lab, number: usize) {
    let id = format!("task-{number}");
    let task = Signature::new("lab.once").task_id(&id);
    let mut message: serde_json::Value =
        serde_json::from_str(&task.message().unwrap().encode().unwrap()).unwrap();
    message["headers"]["redelivered"] = true.into();
    lab.send::<()>(&["LPUSH", "celery", &message.to_string()]).await;
    AsyncResult::new(id, &lab.broker).get(PATIENCE).await.unwrap();
}

#[test]
fn lost_answers_to_the_note_that_a_run_begins_run_nothing_twice() {
    on_each_broker("lost answers to begin", async |url| {
        for options in [late(), options()] {
            let begin = include_str!("../src/broker/begin.lua");
            let runs = run_each(url, begin, options, run_redelivered).await;
            assert_each_ran(&runs, 1);
        }
    });
}

/// A task and the one that follows it.
async fn run_linked(lab: &mut Lab, number: usize) {
    let callback = Signature::new("lab.after").task_id(format!("after-{number}"));
    lab.send_task(Signature::new("lab.once").task_id(format!("task-{number}")).link(callback))
        .await;
    let after = AsyncResult::new(format!("after-{number}"), &lab.broker);
    after.get(PATIENCE).await.unwrap();
}

/// A chord of one task.
async fn run_chord(lab: &mut Lab, number: usize) {
    let task = Signature::new("lab.once").task_id(format!("task-{number}"));
    let mut message: serde_json::Value =
        serde_json::from_str(&task.message().unwrap().encode().unwrap()).unwrap();
    let group = format!("group-{number}");
    let options = serde_json::json!({"task_id": format!("after-{number}"), "group_id": group});
    let body = serde_json::json!([[], {}, {"chord": {"task": "lab.after", "args": [], "kwargs": {},
        "options": options, "subtask_type": null, "immutable": false}}]);
    message["body"] = body.to_string().into();
    message["properties"].as_object_mut().unwrap().remove("body_encoding");
    message["headers"]["group"] = group.clone().into();
    message["headers"]["group_index"] = 0.into();
    lab.send::<()>(&["SET", &keys::chord(&group).size, "1"]).await;
    lab.send::<()>(&["LPUSH", "celery", &message.to_string()]).await;
    let after = AsyncResult::new(format!("after-{number}"), &lab.broker);
    after.get(PATIENCE).await.unwrap();
}

#[test]
fn lost_answers_to_result_and_acknowledgement_make_no_second_callback() {
    on_each_broker("lost answers to settle with a callback", async |url| {
        for options in [late(), options()] {
            let settle = include_str!("../src/broker/settle.lua");
            let runs = run_each(url, settle, options, run_linked).await;
            assert_all_ran(&runs, 2 * TASKS, 1);
        }
    });
}

#[test]
fn lost_answers_to_a_chord_make_no_second_body() {
    on_each_broker("lost answers to chords", async |url| {
        for script in
            [include_str!("../src/broker/chord_part.lua"), include_str!("../src/broker/settle.lua")]
        {
            for options in [late(), options()] {
                let runs = run_each(url, script, options, run_chord).await;
                assert_all_ran(&runs, 2 * TASKS, 1);
            }
        }
    });
}

#[test]
fn lost_answers_to_a_retry_make_no_second_message() {
    on_each_broker("lost answers to retry", async |url| {
        for options in [late(), options()] {
            let runs =
                run_all(url, "lab.flaky", include_str!("../src/broker/retry.lua"), options).await;
            assert_each_ran(&runs, 2);
        }
    });
}

#[test]
fn lost_answers_to_the_sender_make_no_second_message() {
    on_each_broker("lost answers to publish", async |url| {
        let mut lab = Lab::at(url).await;
        let publish = Script::new(include_str!("../src/broker/publish.lua"));
        let proxy = Proxy::before(url, publish.get_hash(), LOSSES).await;
        assert_sent_once(&mut lab, &proxy).await;
    });
}

#[test]
fn an_answer_to_the_sender_that_is_cut_in_the_middle_is_no_refusal() {
    on_each_broker("cut answers to publish", async |url| {
        let mut lab = Lab::at(url).await;
        let publish = Script::new(include_str!("../src/broker/publish.lua"));
        let proxy = Proxy::cutting(url, publish.get_hash(), LOSSES).await;
        assert_sent_once(&mut lab, &proxy).await;
    });
}

#[test]
fn a_refusal_after_a_lost_answer_is_no_proof_that_nothing_was_sent() {
    on_each_broker("a refusal after a lost answer", async |url| {
        let mut lab = Lab::at(url).await;
        let publish = Script::new(include_str!("../src/broker/publish.lua"));
        let proxy = Proxy::refusing(url, publish.get_hash(), LOSSES).await;
        assert_sent_once(&mut lab, &proxy).await;
    });
}

/// Forty tasks through the proxy: each is accepted, and stands in the list once.
async fn assert_sent_once(lab: &mut Lab, proxy: &Proxy) {
    let behind = Arc::new(Broker::new(&proxy.url).unwrap());
    let mut ids = Vec::new();
    for _ in 0..TASKS {
        ids.push(Signature::new("lab.once").delay(&behind).await.unwrap().id);
    }
    assert_eq!(proxy.left(), 0, "answers that were not lost prove nothing");
    assert_eq!(lab.ask::<usize>("LLEN celery").await, TASKS);
    let unknown = AsyncResult::new(ids[0].clone(), &lab.broker).state().await.unwrap();
    assert_eq!(unknown.word(), "PENDING");
}
