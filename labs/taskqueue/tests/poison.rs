//! Messages that bring their workers down, among messages that do not.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails loudly")]

mod support;

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use serde_json::Value;
use support::lab::{Lab, PATIENCE, Running, late};
use support::on_each_broker;
use taskqueue::{
    AsyncResult, DeadLetter, Event, Registry, ResultError, Signature, Task, TaskError,
    WorkerOptions,
};

const POISONS: usize = 6;
const GOOD: usize = 30;

fn short_lease() -> WorkerOptions {
    WorkerOptions { lease: Duration::from_millis(200), ..late() }
}

/// `lab.good` ends at once; `lab.poison` never does, and the test lets its worker fall.
fn registry() -> Registry {
    Registry::new([
        Task::new("lab.good", [], |_, ()| async { Ok("good") }),
        Task::new("lab.poison", [], |_, ()| std::future::pending::<Result<(), TaskError>>()),
    ])
}

/// Workers, one after the other, until all poison is put aside; each falls when some begins. The
/// last of them, and how many fell by each.
async fn until_aside(lab: &Lab) -> (Running, HashMap<String, usize>) {
    let mut falls: HashMap<String, usize> = HashMap::new();
    let mut worker = lab.start_with(short_lease(), registry());
    let poisons = i64::try_from(POISONS).unwrap();
    while lab.count("LLEN", "celery.dead").await < poisons {
        let next = worker.until(|event| match event {
            Event::TaskStarted { request, .. } if request.task == "lab.poison" => {
                Some(Some(request.id.clone()))
            }
            Event::TaskRejected { .. } => Some(None),
            _ => None,
        });
        if let Some(poison) = next.await {
            *falls.entry(poison).or_default() += 1;
            worker.die().await;
            worker = lab.start_with(short_lease(), registry());
        }
    }
    (worker, falls)
}

#[test]
fn only_what_brings_workers_down_is_put_aside_and_fails_under_its_id() {
    on_each_broker("many poisonous messages", async |url| {
        let lab = Lab::at(url).await;
        let mut good = Vec::new();
        for number in 0..GOOD {
            if number % (GOOD / POISONS) == 0 {
                let poison = Signature::new("lab.poison").task_id(format!("poison-{number}"));
                lab.send_task(poison).await;
            }
            good.push(lab.send_task(Signature::new("lab.good")).await);
        }
        let (worker, falls) = until_aside(&lab).await;
        for task in &good {
            assert_eq!(task.get(PATIENCE).await.unwrap(), "good");
        }
        worker.finish().await;
        let letters = DeadLetter::newest(&lab.broker, "celery", 1000).await.unwrap();
        let ids: BTreeSet<_> = letters.iter().filter_map(DeadLetter::task_id).collect();
        let poisons: BTreeSet<_> = falls.keys().cloned().collect();
        assert_eq!((letters.len(), &ids, poisons.len()), (POISONS, &poisons, POISONS));
        assert!(falls.values().all(|falls| *falls <= 3), "{falls:?}");
        for id in ids {
            let task = AsyncResult::new(id, &lab.broker);
            let Err(ResultError::Failed { error, .. }) = task.get(PATIENCE).await else {
                panic!("{} has no result", task.id)
            };
            assert_eq!(error.exc_type, "WorkerLostError");
        }
        let mut lab = lab;
        let left: i64 = lab.ask("EXISTS unacked unacked_index unacked_eta celery").await;
        assert_eq!(left, 0);
    });
}

/// Somebody takes the only message, and is gone before anything begins.
async fn fetch_and_fall(lab: &mut Lab, number: usize) {
    let fetch = include_str!("../src/broker/fetch.lua");
    let prefix = format!("lease:celery@gone:{number}:");
    let line = ["EVAL", fetch, "4", "unacked", "unacked_index", "celery", "celery.dead", &prefix];
    let fetched: Vec<String> =
        lab.send(&[&line[..], &["0", "1", "0", "100000", "9e12", "celery"]].concat()).await;
    assert_eq!(fetched.len(), 4, "nothing was there to be taken");
    let tag = format!("{prefix}0");
    lab.send::<()>(&["ZADD", "unacked_index", "1", &tag]).await;
}

#[test]
fn what_was_fetched_again_and_again_and_never_begun_is_run() {
    on_each_broker("fetched and never begun", async |url| {
        let mut lab = Lab::at(url).await;
        // A worker that sees to what others left, and takes nothing itself.
        let elsewhere = WorkerOptions { queues: vec!["elsewhere".into()], ..short_lease() };
        let mut restorer = lab.start_with(elsewhere, registry());
        let task = lab.send_task(Signature::new("lab.good")).await;
        for number in 0..12 {
            fetch_and_fall(&mut lab, number).await;
            let restored = restorer.until(|event| match event {
                Event::TaskRestored { id, .. } => Some(id.clone()),
                _ => None,
            });
            assert_eq!(restored.await, task.id);
        }
        restorer.finish().await;
        let waiting: Value =
            serde_json::from_str(&lab.ask::<String>("LINDEX celery 0").await).unwrap();
        assert_eq!(waiting["headers"]["x-delivery-count"], 1, "the first fall alone counts");
        let worker = lab.start_with(short_lease(), registry());
        assert_eq!(task.get(PATIENCE).await.unwrap(), "good");
        worker.finish().await;
        assert_eq!(lab.ask::<i64>("EXISTS celery.dead unacked celery").await, 0);
    });
}

#[test]
fn a_suspect_whose_third_worker_falls_before_its_turn_is_not_put_aside() {
    on_each_broker("a suspect before its turn", async |url| {
        let mut lab = Lab::at(url).await;
        let mut message: Value =
            serde_json::from_str(&Signature::new("lab.good").message().unwrap().encode().unwrap())
                .unwrap();
        message["headers"]["redelivered"] = true.into();
        message["headers"]["x-delivery-count"] = 2.into();
        lab.send::<()>(&["LPUSH", "celery", &message.to_string()]).await;
        fetch_and_fall(&mut lab, 3).await;
        let worker = lab.start_with(short_lease(), registry());
        let id = message["headers"]["id"].as_str().unwrap();
        let task = AsyncResult::new(id, &lab.broker);
        assert_eq!(task.get(PATIENCE).await.unwrap(), "good");
        worker.finish().await;
        assert_eq!(lab.ask::<i64>("EXISTS celery.dead unacked unacked_eta celery").await, 0);
    });
}

#[test]
fn a_count_that_somebody_else_wrote_condemns_no_message_that_never_came_back() {
    on_each_broker("a foreign count", async |url| {
        let mut lab = Lab::at(url).await;
        let counted = Signature::new("lab.good").header("x-delivery-count", 7);
        let task = lab.send_task(counted).await;
        let worker = lab.start_with(short_lease(), registry());
        assert_eq!(task.get(PATIENCE).await.unwrap(), "good");
        worker.finish().await;
        assert_eq!(lab.ask::<i64>("EXISTS celery.dead").await, 0);
    });
}

#[test]
fn that_a_run_begins_is_noted_once_however_often_it_is_sent() {
    on_each_broker("begin, sent twice", async |url| {
        let mut lab = Lab::at(url).await;
        let line = |entry: &'static str| {
            ["EVAL", include_str!("../src/broker/begin.lua"), "3", "unacked", "unacked_index"]
                .into_iter()
                .chain(["unacked_eta", "lease:test:0", entry])
                .collect::<Vec<_>>()
        };
        assert_eq!(lab.send::<i64>(&line("counted")).await, 0, "somebody has put it back");
        assert_eq!(lab.ask::<i64>("EXISTS unacked unacked_index unacked_eta").await, 0);
        lab.ask::<()>("HSET unacked lease:test:0 before").await;
        lab.ask::<()>("ZADD unacked_eta 9e12 lease:test:0").await;
        for _ in 0..2 {
            assert_eq!(lab.send::<i64>(&line("counted")).await, 1);
            assert_eq!(lab.ask::<String>("HGET unacked lease:test:0").await, "counted");
            assert_eq!(lab.ask::<i64>("ZCARD unacked_eta").await, 0);
            assert_eq!(lab.ask::<i64>("ZCARD unacked_index").await, 1);
        }
    });
}
