//! Retries, time limits and messages that bring their workers down.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::too_many_lines,
    reason = "a test fails loudly"
)]

mod support;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::StreamExt;
use serde_json::{Value, json};
use support::lab::{Lab, PATIENCE, late, options};
use support::on_each_broker;
use support::slow_clock::slow_clock;
use taskqueue::{
    AsyncResult, Breaker, DeadLetter, Event, IdempotencyKey, Jitter, Registry, ResultError,
    RetryPolicy, Signature, State, Stop, Summary, Task, TaskError, Worker, WorkerOptions,
};

/// Fails until it was tried `fails` times before.
fn flaky(fails: u32, policy: RetryPolicy) -> Task {
    Task::new("lab.flaky", [], move |request, ()| async move {
        if request.retries < fails {
            Err(TaskError::new("ValueError", "again"))
        } else {
            Ok(request.retries)
        }
    })
    .retry(policy)
}

fn quickly() -> RetryPolicy {
    RetryPolicy::default()
        .autoretry_for(["ValueError"])
        .default_retry_delay(Duration::from_millis(20))
}

/// Runs a worker with `task` for as long as `scenario` takes.
async fn with_worker(
    lab: &Lab,
    task: Task,
    options: WorkerOptions,
    scenario: impl AsyncFnOnce(),
) -> (Summary, Vec<Event>) {
    let (sender, mut events) = tokio::sync::mpsc::unbounded_channel();
    let observe = Arc::new(move |event| drop(sender.send(event)));
    let worker =
        Worker::new(Arc::clone(&lab.broker), Registry::new([task]), options, observe).unwrap();
    let stop = Stop::new();
    let working = tokio::spawn(worker.run(stop.clone()));
    scenario().await;
    stop.warm();
    let summary = working.await.unwrap().unwrap();
    let mut told = Vec::new();
    while let Ok(event) = events.try_recv() {
        told.push(event);
    }
    (summary, told)
}

async fn assert_clean(lab: &mut Lab) {
    let left: i64 = lab.ask("EXISTS unacked unacked_index unacked_eta celery celery.dead").await;
    assert_eq!(left, 0, "something is left in Redis");
}

#[test]
fn a_task_that_fails_twice_is_tried_three_times_and_succeeds() {
    on_each_broker("retries", async |url| {
        for options in [options(), late()] {
            let mut lab = Lab::at(url).await;
            let task = lab.send_task(Signature::new("lab.flaky")).await;
            let (summary, events) = with_worker(&lab, flaky(2, quickly()), options, async || {
                assert_eq!(task.get(PATIENCE).await.unwrap(), 2);
            })
            .await;
            assert_eq!(
                summary,
                Summary { succeeded: 1, failed: 0, retried: 2, ..Summary::default() }
            );
            let retried =
                events.iter().filter(|event| matches!(event, Event::TaskRetried { .. })).count();
            assert_eq!(retried, 2);
            assert_clean(&mut lab).await;
        }
    });
}

#[test]
fn after_its_last_retry_a_task_fails_with_its_own_error() {
    on_each_broker("exhausted retries", async |url| {
        let lab = Lab::at(url).await;
        let task = lab.send_task(Signature::new("lab.flaky")).await;
        let (summary, _) = with_worker(&lab, flaky(99, quickly()), late(), async || {
            let Err(ResultError::Failed { error, .. }) = task.get(PATIENCE).await else {
                panic!("no failure")
            };
            assert_eq!(error.to_string(), "ValueError: again");
        })
        .await;
        assert_eq!(
            summary,
            Summary { succeeded: 0, failed: 1, retried: 3, ..Summary::default() },
            "max_retries 3 are four runs"
        );
    });
}

#[test]
fn an_error_that_is_not_named_is_not_tried_again() {
    on_each_broker("a permanent error", async |url| {
        let lab = Lab::at(url).await;
        let task = lab.send_task(Signature::new("lab.flaky")).await;
        let policy = quickly().dont_autoretry_for(["ValueError"]);
        let (summary, _) = with_worker(&lab, flaky(1, policy), late(), async || {
            assert!(task.get(PATIENCE).await.is_err());
        })
        .await;
        assert_eq!(summary, Summary { succeeded: 0, failed: 1, retried: 0, ..Summary::default() });
    });
}

fn golden(file: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(file);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn a_retry_is_announced_and_sent_as_celery_does() {
    on_each_broker("a retry on the wire", async |url| {
        let mut lab = Lab::at(url).await;
        let mut channel = redis::Client::open(url).unwrap().get_async_pubsub().await.unwrap();
        channel.subscribe("celery-task-meta-again").await.unwrap();
        lab.send_task(
            Signature::new("lab.flaky").task_id("again").expires(Duration::from_secs(600)),
        )
        .await;
        let policy = quickly().default_retry_delay(Duration::from_secs(30));
        let sent = Utc::now();
        with_worker(&lab, flaky(1, policy), late(), async || {
            let text: String = channel.on_message().next().await.unwrap().get_payload().unwrap();
            let mut document: Value = serde_json::from_str(&text).unwrap();
            let recorded = golden("results/retry.raw.txt");
            assert_eq!(document["children"], json!([[["again", null], null]]));
            for field in ["task_id", "children", "traceback"] {
                document[field] = recorded[field].clone();
            }
            assert_eq!(document, recorded);
        })
        .await;
        // The worker may have parked it before it stopped; either way it is one message.
        let raw: Vec<String> = lab.ask("LRANGE celery 0 -1").await;
        let parked: Vec<String> = lab.ask("HVALS unacked").await;
        let message: Value = match (&raw[..], &parked[..]) {
            ([raw], []) => serde_json::from_str(raw).unwrap(),
            ([], [entry]) => serde_json::from_str::<Value>(entry).unwrap()[0].clone(),
            other => panic!("not one message: {other:?}"),
        };
        let headers = &message["headers"];
        let recorded = golden("messages/retry_from_worker.json");
        assert_eq!(
            (headers["retries"].as_u64(), headers["parent_id"].as_str()),
            (Some(1), Some("again"))
        );
        assert_eq!(
            recorded["envelope"]["headers"]["parent_id"],
            recorded["envelope"]["headers"]["id"]
        );
        assert!(headers["expires"].is_string(), "what came with the message travels on");
        let eta = DateTime::parse_from_rfc3339(headers["eta"].as_str().unwrap()).unwrap();
        assert!((29..=31).contains(&(eta.to_utc() - sent).num_seconds()));
    });
}

#[test]
fn headers_that_nobody_here_knows_travel_through_a_retry() {
    on_each_broker("unknown headers", async |url| {
        let mut lab = Lab::at(url).await;
        let mut message: Value =
            serde_json::from_str(&Signature::new("lab.flaky").message().unwrap().encode().unwrap())
                .unwrap();
        message["headers"]["x-trace"] = json!("abc");
        lab.send::<()>(&["LPUSH", "celery", &message.to_string()]).await;
        let policy = quickly().default_retry_delay(Duration::from_secs(600));
        let lab_reads = Lab::looking_at(url).await;
        with_worker(&lab, flaky(1, policy), late(), async || {
            while lab_reads.count("ZCARD", "unacked_eta").await == 0 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        let parked: Vec<String> = lab.ask("HVALS unacked").await;
        assert!(parked[0].contains(r#""x-trace": "abc""#), "{}", parked[0]);
    });
}

/// The ETA of the first task that a worker parks for whom Redis' clock is 4,000 s slow: so far from now, in seconds.
async fn parked_by_a_clock_ahead(url: &str, sent: Signature, tasks: Vec<Task>) -> i64 {
    let lab = Lab::at(url).await;
    let ahead = Lab::looking_at(&slow_clock(url, Arc::new(4000.into())).await).await;
    let began = Utc::now();
    lab.send_task(sent).await;
    let (parked, told) = tokio::sync::oneshot::channel();
    let parked = std::sync::Mutex::new(Some(parked));
    let observe = Arc::new(move |event| {
        if let Event::TaskParked { eta, .. } = event
            && let Some(parked) = parked.lock().unwrap().take()
        {
            parked.send(eta).unwrap();
        }
    });
    let registry = Registry::new(tasks);
    let worker = Worker::new(Arc::clone(&ahead.broker), registry, late(), observe).unwrap();
    let stop = Stop::new();
    let working = tokio::spawn(worker.run(stop.clone()));
    let eta = tokio::time::timeout(PATIENCE, told).await.unwrap().unwrap();
    stop.warm();
    working.await.unwrap().unwrap();
    (eta.to_utc() - began).num_seconds()
}

#[test]
fn a_retrys_time_is_counted_by_redis_clock_and_not_by_the_workers() {
    on_each_broker("a worker's clock that is ahead", async |url| {
        let policy = quickly().default_retry_delay(Duration::from_secs(5000));
        let task = Signature::new("lab.flaky");
        let seconds = parked_by_a_clock_ahead(url, task, vec![flaky(1, policy)]).await;
        assert!((980..=1020).contains(&seconds), "5,000 s after a clock 4,000 s slow: {seconds}");
    });
}

#[test]
fn the_time_of_what_follows_a_task_is_counted_by_redis_clock_too() {
    on_each_broker("a callback of a worker whose clock is ahead", async |url| {
        let callback = Signature::new("lab.flaky").countdown(Duration::from_secs(5000));
        let task = Signature::new("lab.first").link(callback);
        let first = Task::new("lab.first", [], |_, ()| async { Ok(()) });
        let tasks = vec![first, flaky(0, quickly())];
        let seconds = parked_by_a_clock_ahead(url, task, tasks).await;
        assert!((980..=1020).contains(&seconds), "5,000 s after a clock 4,000 s slow: {seconds}");
    });
}

#[test]
fn retries_end_when_the_first_attempt_is_too_long_ago() {
    on_each_broker("max_elapsed", async |url| {
        let lab = Lab::at(url).await;
        let task = lab.send_task(Signature::new("lab.flaky")).await;
        let most = Duration::from_millis(300);
        let policy = quickly().max_retries(None).max_elapsed(most);
        let began = std::time::Instant::now();
        let (summary, _) = with_worker(&lab, flaky(u32::MAX, policy), late(), async || {
            let Err(ResultError::Failed { error, .. }) = task.get(PATIENCE).await else {
                panic!("no failure")
            };
            assert_eq!(error.to_string(), "ValueError: again");
        })
        .await;
        assert!(began.elapsed() > most && summary.retried >= 1, "{summary:?}");
        assert_eq!(summary.failed, 1);
    });
}

#[test]
fn the_time_of_the_first_attempt_travels_with_every_retry() {
    on_each_broker("the first attempt's time", async |url| {
        let mut lab = Lab::at(url).await;
        let mut message: Value =
            serde_json::from_str(&Signature::new("lab.flaky").message().unwrap().encode().unwrap())
                .unwrap();
        message["headers"]["retries"] = json!(1);
        message["headers"]["x-first-attempt"] = json!("2026-01-02T03:04:05.678901+00:00");
        lab.send::<()>(&["LPUSH", "celery", &message.to_string()]).await;
        let policy = quickly().default_retry_delay(Duration::from_secs(600));
        let lab_reads = Lab::looking_at(url).await;
        with_worker(&lab, flaky(9, policy), late(), async || {
            while lab_reads.count("ZCARD", "unacked_eta").await == 0 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        let parked: Vec<String> = lab.ask("HVALS unacked").await;
        let entry: Value = serde_json::from_str(&parked[0]).unwrap();
        let headers = &entry[0]["headers"];
        assert_eq!(headers["retries"], 2);
        assert_eq!(headers["x-first-attempt"], "2026-01-02T03:04:05.678901+00:00");
    });
}

#[test]
fn while_its_breaker_is_open_a_task_waits_in_redis_and_costs_neither_slot_nor_attempt() {
    on_each_broker("a breaker", async |url| {
        // Early acknowledgement: what waits must not be acknowledged yet.
        for options in [options(), late()] {
            let mut lab = Lab::at(url).await;
            let away = Arc::new(std::sync::atomic::AtomicBool::new(true));
            let destination = Arc::clone(&away);
            let attempt = move |_, ()| {
                let away = destination.load(Ordering::SeqCst);
                async move { if away { Err(TaskError::new("ValueError", "away")) } else { Ok(()) } }
            };
            let breaker = Breaker::opens_for(["ValueError"]).failures(2);
            let task = Task::new("lab.far", [], attempt).retry(quickly().max_retries(Some(4)));
            let task = task.breaker(breaker.pause(Duration::from_millis(100)));
            let mut sent = Vec::new();
            for _ in 0..12 {
                sent.push(lab.send_task(Signature::new("lab.far")).await);
            }
            let reads = Lab::looking_at(url).await;
            let (summary, events) = with_worker(&lab, task, options, async || {
                // All of them, at the same moment: no slot is held, and nothing is in the list.
                while reads.count("ZCARD", "unacked_eta").await < 12 {
                    tokio::task::yield_now().await;
                }
                away.store(false, Ordering::SeqCst);
                for task in &sent {
                    task.get(PATIENCE).await.unwrap();
                }
            })
            .await;
            let count = |wanted: fn(&Event) -> bool| {
                u64::try_from(events.iter().filter(|event| wanted(event)).count()).unwrap()
            };
            let opened = count(
                |event| matches!(event, Event::BreakerOpened { task, .. } if task == "lab.far"),
            );
            assert_eq!((summary.succeeded, summary.failed), (12, 0));
            // Two in a row open it while at most three others run; then each probe costs one.
            assert!(
                opened >= 1 && summary.retried <= 2 + 3 + (opened - 1),
                "{summary:?}, {opened}"
            );
            assert_eq!(count(|event| matches!(event, Event::BreakerClosed { .. })), 1);
            assert_clean(&mut lab).await;
        }
    });
}

#[test]
fn a_task_may_ask_for_a_retry_by_itself() {
    on_each_broker("retry()", async |url| {
        let lab = Lab::at(url).await;
        let task = lab.send_task(Signature::new("lab.asks")).await;
        let asks =
            Task::new("lab.asks", [], |request, ()| async move {
                match request.retries {
                    0 => Err(TaskError::new("KeyError", "not yet")
                        .retry(Some(Duration::from_millis(10)))),
                    retries => Ok(retries),
                }
            });
        let (summary, _) = with_worker(&lab, asks, late(), async || {
            assert_eq!(task.get(PATIENCE).await.unwrap(), 1);
        })
        .await;
        assert_eq!(summary.retried, 1);
    });
}

#[test]
fn a_stuck_task_is_cut_at_the_limit_of_message_task_or_worker() {
    on_each_broker("a time limit", async |url| {
        let stuck =
            || Task::new("lab.stuck", [], |_, ()| std::future::pending::<Result<(), TaskError>>());
        let short = Duration::from_millis(50);
        let by_worker = WorkerOptions { time_limit: Some(short), ..late() };
        for (task, options) in [(stuck().time_limit(short), late()), (stuck(), by_worker)] {
            let mut lab = Lab::at(url).await;
            let sent = lab.send_task(Signature::new("lab.stuck")).await;
            with_worker(&lab, task, options, async || {
                let Err(ResultError::Failed { error, .. }) = sent.get(PATIENCE).await else {
                    panic!("no failure")
                };
                assert_eq!(
                    (error.exc_type.as_str(), &error.exc_message),
                    ("TimeLimitExceeded", &vec![json!(0.05)])
                );
            })
            .await;
            assert_clean(&mut lab).await;
        }
        let mut lab = Lab::at(url).await;
        let recorded = include_str!("golden/messages/time_limits.raw.txt");
        let message = recorded.replace("[30, 20.5]", "[1, null]");
        let message = message.replace("feedback.tasks.send_feedback_email_task", "lab.stuck");
        lab.send::<()>(&["LPUSH", "celery", &message]).await;
        let id = serde_json::from_str::<Value>(&message).unwrap()["headers"]["id"]
            .as_str()
            .unwrap()
            .to_owned();
        let sent = AsyncResult::new(id, &lab.broker);
        let stuck = Task::new("lab.stuck", ["a", "b"], |_, (_, _): (String, String)| {
            std::future::pending::<Result<(), TaskError>>()
        });
        with_worker(&lab, stuck, late(), async || {
            assert!(sent.get(PATIENCE).await.is_err());
        })
        .await;
        let document: String = lab.ask(&format!("GET celery-task-meta-{}", sent.id)).await;
        let document: Value = serde_json::from_str(&document).unwrap();
        assert_eq!(document["result"], golden("results/header_time_limit.raw.txt")["result"]);
    });
}

#[test]
fn a_soft_limit_ends_a_task_in_celerys_words_or_lets_it_clean_up() {
    on_each_broker("a soft time limit", async |url| {
        let lab = Lab::at(url).await;
        let short = Duration::from_millis(50);
        let [deaf, tidy] = [
            lab.send_task(Signature::new("lab.soft").arg(false)).await,
            lab.send_task(Signature::new("lab.soft").arg(true)).await,
        ];
        let soft = Task::new("lab.soft", ["listens"], |request, (listens,): (bool,)| async move {
            if listens {
                request.soft_time_limit().await;
                return Ok("cleaned up");
            }
            std::future::pending().await
        })
        .soft_time_limit(short);
        with_worker(&lab, soft, late(), async || {
            assert_eq!(tidy.get(PATIENCE).await.unwrap(), "cleaned up");
            assert!(deaf.get(PATIENCE).await.is_err());
        })
        .await;
        let meta = deaf.meta().await.unwrap();
        assert_eq!(meta.result, golden("results/soft_time_limit.raw.txt")["result"]);
    });
}

#[test]
fn a_task_that_keeps_its_thread_is_named() {
    on_each_broker("a blocking task", async |url| {
        let lab = Lab::at(url).await;
        let task = lab.send_task(Signature::new("lab.blocks")).await;
        let blocks = Task::new("lab.blocks", [], |_, ()| async {
            std::thread::sleep(Duration::from_millis(1800));
            Ok(())
        });
        let (_, events) = with_worker(&lab, blocks, late(), async || {
            task.get(PATIENCE).await.unwrap();
        })
        .await;
        let named = events.iter().filter(
            |event| matches!(event, Event::TaskBlocks { request, .. } if request.id == task.id),
        );
        assert_eq!(named.count(), 1);
    });
}

#[test]
fn a_message_that_brings_its_workers_down_is_put_aside_after_three() {
    static DEATHS: AtomicU32 = AtomicU32::new(0);
    on_each_broker("a poisonous message", async |url| {
        DEATHS.store(0, Ordering::SeqCst);
        let mut lab = Lab::at(url).await;
        lab.send_task(Signature::new("lab.hold").task_id("poison")).await;
        let options = WorkerOptions { lease: Duration::from_millis(200), ..late() };
        let reason = loop {
            let mut worker = lab.start(options.clone());
            let next = worker
                .until(|event| match event {
                    Event::TaskStarted { .. } => Some(None),
                    Event::TaskRejected { reason, .. } => Some(Some(reason.clone())),
                    _ => None,
                })
                .await;
            worker.die().await;
            match next {
                Some(reason) => break reason,
                None => DEATHS.fetch_add(1, Ordering::SeqCst),
            };
        };
        assert_eq!(DEATHS.load(Ordering::SeqCst), 3);
        assert_eq!(reason, "handed out 3 times, and each time its worker fell silent");
        let dead: String = lab.ask("LINDEX celery.dead 0").await;
        assert!(dead.contains("poison"), "{dead}");
        assert_eq!(lab.ask::<i64>("EXISTS unacked unacked_index celery").await, 0);
        let task = AsyncResult::new("poison", &lab.broker);
        let told = task.meta().await.unwrap();
        assert_eq!((told.state.word(), &*told.error().exc_type), ("FAILURE", "WorkerLostError"));

        let letters = DeadLetter::newest(&lab.broker, "celery", 10).await.unwrap();
        assert_eq!((letters.len(), letters[0].task_id().as_deref()), (1, Some("poison")));
        assert!(letters[0].send_back(&lab.broker).await.unwrap());
        assert!(!letters[0].send_back(&lab.broker).await.unwrap(), "it is there once");
        lab.gate.notify_one();
        let worker = lab.start(options);
        // Another chance, and this time it ends.
        let succeeded = task.until(|meta| meta.state == State::Success);
        assert_eq!(tokio::time::timeout(PATIENCE, succeeded).await.unwrap().result, "held");
        worker.finish().await;
        assert_clean(&mut lab).await;
    });
}

#[test]
fn what_ran_beside_a_message_that_brings_its_workers_down_is_run_to_its_end() {
    on_each_broker("the poison's neighbours", async |url| {
        let mut lab = Lab::at(url).await;
        for id in ["one", "poison", "two", "three"] {
            lab.send_task(Signature::new("lab.hold").task_id(id)).await;
        }
        let options = WorkerOptions { lease: Duration::from_millis(200), ..late() };
        // Four slots: all four are in hand when the first worker falls, and the second.
        let (mut done, mut deaths) = (Vec::new(), 0);
        let mut worker = lab.start(options.clone());
        while lab.count("LLEN", "celery.dead").await == 0 || done.len() < 3 {
            let next = worker.until(|event| match event {
                Event::TaskStarted { request, .. } => Some(request.id.clone()),
                Event::TaskRejected { .. } => Some("rejected".into()),
                _ => None,
            });
            let next = next.await;
            match next.as_str() {
                "rejected" => {}
                "poison" => {
                    worker.die().await;
                    deaths += 1;
                    worker = lab.start(options.clone());
                }
                // From the third time on each runs alone, and ends; until then they fall together.
                _ if deaths >= 2 => {
                    lab.gate.notify_one();
                    let task = AsyncResult::new(&next, &lab.broker);
                    assert_eq!(task.get(PATIENCE).await.unwrap(), "held");
                    done.push(next);
                }
                _ => {}
            }
        }
        worker.finish().await;
        done.sort();
        assert_eq!((done, deaths), (vec!["one".into(), "three".into(), "two".into()], 3));
        let letters = DeadLetter::newest(&lab.broker, "celery", 10).await.unwrap();
        assert_eq!((letters.len(), letters[0].task_id().as_deref()), (1, Some("poison")));
        assert_eq!(lab.ask::<i64>("EXISTS unacked unacked_index unacked_eta celery").await, 0);
    });
}

#[test]
fn what_is_no_message_is_not_sent_back() {
    on_each_broker("an unreadable letter", async |url| {
        let mut lab = Lab::at(url).await;
        lab.send::<()>(&["LPUSH", "celery.dead", "not json"]).await;
        let letters = DeadLetter::newest(&lab.broker, "celery", 10).await.unwrap();
        let error = letters[0].send_back(&lab.broker).await.unwrap_err();
        assert!(error.to_string().contains("it can't be sent back"), "{error}");
        assert_eq!(lab.ask::<i64>("LLEN celery.dead").await, 1, "and it is still there");
    });
}

#[test]
fn jitter_spreads_a_herd() {
    let herd = |jitter| {
        let policy = RetryPolicy::default().retry_backoff(4.0).retry_jitter(jitter);
        let mut buckets = [0; 41];
        let mut chance = fastrand::Rng::with_seed(7);
        for _ in 0..1000 {
            let after = policy.countdown(0, chance.f64());
            buckets[usize::try_from(after.as_millis() / 100).unwrap()] += 1;
        }
        buckets.into_iter().max().unwrap()
    };
    let floor = Duration::ZERO;
    let [none, whole, full] =
        [Jitter::None, Jitter::WholeSeconds, Jitter::Full { floor }].map(herd);
    assert_eq!(none, 1000);
    assert!((150..300).contains(&whole), "five buckets share the herd: {whole}");
    assert!(full < 60, "forty buckets share the herd: {full}");
}

#[test]
fn a_deed_is_remembered_for_as_long_as_was_said_and_for_its_name_only() {
    on_each_broker("idempotency keys", async |url| {
        let mut lab = Lab::at(url).await;
        let key = IdempotencyKey::new(&lab.broker, "mail-1");
        assert!(!key.is_done().await.unwrap());
        key.done(Duration::from_secs(60)).await.unwrap();
        assert!(key.is_done().await.unwrap());
        let other = IdempotencyKey::new(&lab.broker, "mail-2");
        assert!(!other.is_done().await.unwrap());
        let left: i64 = lab.ask("TTL idempotency:mail-1").await;
        assert!((55..=60).contains(&left), "{left}");
        // Less than a second is no time to Redis: then a second it is, and never for ever.
        other.done(Duration::ZERO).await.unwrap();
        let left: i64 = lab.ask("PTTL idempotency:mail-2").await;
        assert!((1..=1000).contains(&left), "{left}");
    });
}
