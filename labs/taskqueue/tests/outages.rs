//! A real redis-server that is stopped, full, or refuses to write.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails loudly")]

mod support;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use support::lab::{Lab, PATIENCE, add, late, options};
use support::slow_clock::slow_clock;
use support::{RedisServer, did_not_run};
use taskqueue::{AsyncResult, BrokerError, Event, Signature, WorkerOptions};

/// Runs `scenario` with a redis-server of its own; says so where there is none.
fn with_redis(test: &str, scenario: impl AsyncFnOnce(&RedisServer)) {
    let Some(redis) = RedisServer::start() else { return did_not_run(test, "redis-server") };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.unwrap().block_on(scenario(&redis));
}

#[cfg(unix)]
#[test]
fn what_was_refused_while_redis_stood_still_is_not_sent_when_it_goes_on() {
    with_redis("a stopped Redis", async |redis| {
        let mut lab = Lab::at(&redis.url).await;
        lab.send_task(add(1, 1)).await;
        redis.signal("STOP");
        let refused = add(2, 2).delay(&lab.broker).await.map(drop);
        let Err(BrokerError::Slow { waited, .. }) = refused else { panic!("{refused:?}") };
        assert_eq!(waited, Duration::from_secs(1), "the deadline, and no answer's timeout");
        redis.signal("CONT");
        // An answer proves that everything before it was carried out.
        assert_eq!(lab.ask::<String>("PING").await, "PONG");
        lab.send_task(add(3, 3)).await;
        assert_eq!(lab.ask::<i64>("LLEN celery").await, 2, "the refused one came through");
    });
}

#[test]
fn a_full_redis_refuses_new_tasks_clearly_and_is_drained() {
    with_redis("a full Redis", async |redis| {
        let mut lab = Lab::at(&redis.url).await;
        for number in 0..50 {
            lab.send_task(add(number, 1)).await;
        }
        lab.ask::<()>("CONFIG SET maxmemory 1").await;
        let Err(error) = add(1, 1).delay(&lab.broker).await else { panic!("a full Redis took it") };
        assert!(matches!(error, BrokerError::Refused { .. }), "{error}");
        for words in ["it is full", "OOM", "next: let the worker drain it"] {
            assert!(error.to_string().contains(words), "{error}");
        }
        let mut worker = lab.start(late());
        for _ in 0..50 {
            worker.until(|event| matches!(event, Event::TaskSucceeded { .. }).then_some(())).await;
        }
        assert_eq!(worker.finish().await.succeeded, 50);
        assert_eq!(lab.ask::<i64>("EXISTS celery unacked unacked_index").await, 0);
    });
}

#[test]
fn a_full_redis_is_drained_by_early_acknowledgement_too_and_keeps_the_results() {
    with_redis("a full Redis, early acknowledgement", async |redis| {
        let mut lab = Lab::at(&redis.url).await;
        let mut tasks = Vec::new();
        for number in 0..50 {
            tasks.push(lab.send_task(add(number, 1)).await);
        }
        lab.ask::<()>("CONFIG SET maxmemory 1").await;
        let worker = lab.start(WorkerOptions { track_started: true, ..options() });
        for (number, task) in tasks.iter().enumerate() {
            assert_eq!(task.get(PATIENCE).await.unwrap(), number + 1);
        }
        assert_eq!(worker.finish().await.succeeded, 50);
    });
}

#[test]
fn a_task_that_takes_longer_than_its_lease_is_run_once_in_a_full_redis_too() {
    with_redis("a lease in a full Redis", async |redis| {
        let mut lab = Lab::at(&redis.url).await;
        let lease = Duration::from_millis(400);
        let mut holder = lab.start(WorkerOptions { lease, ..late() });
        let task = lab.send_task(Signature::new("lab.hold")).await;
        holder.until_started().await;
        lab.ask::<()>("CONFIG SET maxmemory 1").await;
        let mut other = lab.start(WorkerOptions { lease, ..late() });
        let sign = lab.sign_of_life().await;
        let began = Instant::now();
        while lab.sign_of_life().await - sign < 3.0 * lease.as_secs_f64() {
            assert!(began.elapsed() < PATIENCE, "its lease is not renewed");
        }
        lab.gate.notify_one();
        task.get(PATIENCE).await.unwrap();
        assert_eq!(holder.finish().await.succeeded, 1);
        while let Ok(event) = other.events.try_recv() {
            assert!(!matches!(event, Event::TaskRestored { .. }), "it was taken from its worker");
        }
        other.finish().await;
    });
}

#[test]
fn a_retry_finds_room_in_a_full_redis_early_and_late() {
    with_redis("a retry in a full Redis", async |redis| {
        for options in [options(), late()] {
            let mut lab = Lab::at(&redis.url).await;
            lab.ask::<()>("CONFIG SET maxmemory 0").await;
            let task = lab.send_task(Signature::new("lab.flaky")).await;
            lab.ask::<()>("CONFIG SET maxmemory 1").await;
            let worker = lab.start(options);
            assert_eq!(task.get(PATIENCE).await.unwrap(), 1);
            assert_eq!(worker.finish().await.retried, 1);
        }
    });
}

#[test]
fn a_worker_waits_while_redis_is_a_replica_and_goes_on_afterwards() {
    with_redis("a read-only Redis", async |redis| {
        let mut lab = Lab::at(&redis.url).await;
        let mut worker = lab.start(late());
        lab.send_task(add(1, 1)).await.get(PATIENCE).await.unwrap();
        lab.ask::<()>("REPLICAOF 127.0.0.1 1").await;
        let lost = |event: &Event| match event {
            Event::BrokerLost { reason } => Some(reason.clone()),
            _ => None,
        };
        let reason = worker.until(lost).await;
        assert!(
            reason.contains("READONLY") && reason.contains("wait for the failover"),
            "{reason}"
        );
        lab.ask::<()>("REPLICAOF NO ONE").await;
        worker.until(|event| matches!(event, Event::BrokerBack { .. }).then_some(())).await;
        lab.send_task(add(2, 2)).await.get(PATIENCE).await.unwrap();
        worker.finish().await;
    });
}

#[test]
fn when_redis_clock_is_set_forward_tasks_are_still_sent_and_run() {
    with_redis("a clock that is set", async |redis| {
        let slow = Arc::new(AtomicU64::new(4000));
        let url = slow_clock(&redis.url, Arc::clone(&slow)).await;
        let [sender, lab] = [Lab::at(&url).await, Lab::at(&url).await];
        // Both ask for the time when they connect.
        sender.broker.ping().await.unwrap();
        lab.broker.ping().await.unwrap();
        slow.store(0, Ordering::SeqCst);
        let worker = lab.start(late());
        assert_eq!(sender.send_task(add(2, 2)).await.get(PATIENCE).await.unwrap(), 4);
        assert_eq!(worker.finish().await.succeeded, 1);
    });
}

#[test]
fn connections_that_are_killed_lose_nothing_and_run_nothing_twice() {
    with_redis("killed connections", async |redis| {
        let mut lab = Lab::at(&redis.url).await;
        let mut worker = lab.start(late());
        for number in 0..200 {
            lab.send_task(add(number, 0)).await;
            if number % 4 == 0 {
                lab.ask::<i64>("CLIENT KILL TYPE normal SKIPME yes").await;
            }
        }
        let mut ended = HashSet::new();
        while ended.len() < 200 {
            let id = worker.until(|event| match event {
                Event::TaskSucceeded { request, .. } => Some(request.id.clone()),
                _ => None,
            });
            assert!(ended.insert(id.await), "a task ran twice");
        }
        assert_eq!(worker.finish().await.succeeded, 200);
        assert_eq!(lab.ask::<i64>("EXISTS celery unacked unacked_index celery.dead").await, 0);
    });
}

#[test]
fn a_redis_that_is_killed_ten_times_and_kept_its_file_loses_nothing() {
    let Some(mut redis) = RedisServer::start_durable() else {
        return did_not_run("a killed Redis with its file", "redis-server");
    };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.unwrap().block_on(async {
        let lab = Lab::at(&redis.url).await;
        let mut worker = lab.start(WorkerOptions { lease: Duration::from_secs(5), ..late() });
        let mut accepted = HashSet::new();
        let mut ended = HashSet::new();
        for _ in 0..10 {
            while accepted.len() < 30 + ended.len() {
                // What is refused during an outage is the sender's to send again.
                if let Ok(task) = add(1, 1).delay(&lab.broker).await {
                    accepted.insert(task.id);
                }
            }
            redis.kill_and_restart();
            worker.until(|event| matches!(event, Event::TaskSucceeded { .. }).then_some(())).await;
            while let Ok(event) = worker.events.try_recv() {
                if let Event::TaskSucceeded { request, .. } = event {
                    ended.insert(request.id.clone());
                }
            }
        }
        for id in &accepted {
            AsyncResult::new(id.clone(), &lab.broker).get(PATIENCE).await.unwrap();
        }
        worker.finish().await;
        let mut lab = Lab::looking_at(&redis.url).await;
        assert_eq!(lab.ask::<i64>("EXISTS celery unacked unacked_index celery.dead").await, 0);
    });
}
