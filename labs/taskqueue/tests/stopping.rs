//! A stop comes to its end whatever Redis does, and names what Redis did not take.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails loudly")]

mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use support::lab::{Lab, PATIENCE, Running, add, late, options};
use support::{RedisServer, did_not_run, free_port};
use taskqueue::{
    Broker, Event, Registry, RetryPolicy, Signature, Stop, Summary, Task, TaskError, Worker,
    WorkerOptions,
};
use tokio::io::copy;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::timeout;

/// What the ten seconds of a real worker are here.
const SHORT: Duration = Duration::from_millis(300);

fn quick(options: WorkerOptions) -> WorkerOptions {
    WorkerOptions { shutdown_timeout: SHORT, ..options }
}

/// What happens to Redis while a task runs.
#[derive(Debug, Clone, Copy)]
enum Fault {
    Killed,
    Halted,
    Full,
}

const FAULTS: [Fault; 2] = [Fault::Killed, Fault::Halted];

fn with_runtime(scenario: impl Future<Output = ()>) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.unwrap().block_on(scenario);
}

/// A worker that holds the task `held`, on a Redis to which the fault has come.
async fn with_fault(
    fault: Fault,
    options: WorkerOptions,
    task: Option<Task>,
    scenario: impl AsyncFnOnce(&Lab, Running),
) {
    let Some(redis) = RedisServer::start() else {
        return did_not_run("a stop without Redis", "redis-server");
    };
    let mut lab = Lab::at(&redis.url).await;
    let mut worker = match task {
        Some(task) => lab.start_with(quick(options), Registry::new([task])),
        None => lab.start(quick(options)),
    };
    lab.send_task(Signature::new("lab.hold").task_id("held")).await;
    worker.until_started().await;
    match fault {
        Fault::Killed => drop(redis.stop()),
        Fault::Halted => redis.signal("STOP"),
        Fault::Full => lab.ask::<()>("CONFIG SET maxmemory 1").await,
    }
    scenario(&lab, worker).await;
}

/// The id of the task whose end was not taken, and whether it was acknowledged.
async fn until_unsettled(worker: &mut Running) -> (String, bool) {
    let unsettled = |event: &Event| match event {
        Event::TaskUnsettled { request, acknowledged } => Some((request.id.clone(), *acknowledged)),
        _ => None,
    };
    worker.until(unsettled).await
}

#[test]
fn a_warm_stop_waits_for_the_task_and_then_for_redis_only_so_long() {
    with_runtime(async {
        for fault in FAULTS {
            for (options, early) in [(late(), false), (options(), true)] {
                with_fault(fault, options, None, async |lab, mut worker| {
                    worker.stop.warm();
                    lab.gate.notify_one();
                    assert_eq!(until_unsettled(&mut worker).await, ("held".into(), early));
                    let summary = worker.ended().await;
                    let none = Summary { unsettled: 1, ..Summary::default() };
                    assert_eq!(summary, none, "{fault:?}: nothing is called stored that is not");
                })
                .await;
            }
        }
    });
}

#[test]
fn a_warm_stop_waits_for_a_task_longer_than_for_redis() {
    with_runtime(async {
        with_fault(Fault::Halted, late(), None, async |lab, mut worker| {
            worker.stop.warm();
            let named = timeout(3 * SHORT, until_unsettled(&mut worker)).await;
            assert!(named.is_err(), "its code still ran");
            lab.gate.notify_one();
            assert_eq!(until_unsettled(&mut worker).await.0, "held");
            worker.ended().await;
        })
        .await;
    });
}

#[test]
fn a_cold_stop_is_bounded_and_names_what_could_not_go_back() {
    with_runtime(async {
        for fault in FAULTS {
            with_fault(fault, late(), None, async |_, mut worker| {
                worker.stop.cold();
                assert_eq!(until_unsettled(&mut worker).await, ("held".into(), false));
                assert_eq!(worker.ended().await.unsettled, 1, "{fault:?}");
            })
            .await;
        }
    });
}

#[test]
fn a_cold_stop_does_not_wait_for_a_task_that_keeps_its_thread() {
    let (block, blocked) = std::sync::mpsc::channel::<()>();
    with_runtime(async {
        let Some(redis) = RedisServer::start() else {
            return did_not_run("a task that keeps its thread", "redis-server");
        };
        let lab = Lab::at(&redis.url).await;
        lab.send_task(Signature::new("lab.stuck").task_id("stuck")).await;
        let blocked = Arc::new(Mutex::new(blocked));
        let (stop, names) = (Stop::new(), Arc::new(Mutex::new(Vec::new())));
        let told = stop.clone();
        let stuck = Task::new("lab.stuck", [], move |_, ()| {
            let (blocked, told) = (Arc::clone(&blocked), told.clone());
            async move {
                told.cold();
                // Until the test is over.
                let _ = blocked.lock().unwrap().recv();
                Ok(())
            }
        });
        let named = Arc::clone(&names);
        let observe = Arc::new(move |event| {
            if let Event::TaskUnsettled { request, .. } = event {
                named.lock().unwrap().push(request.id.clone());
            }
        });
        let broker = Arc::clone(&lab.broker);
        let worker = Worker::new(broker, Registry::new([stuck]), quick(late()), observe).unwrap();
        assert_eq!(timeout(PATIENCE, worker.run(stop)).await.unwrap().unwrap().unsettled, 1);
        assert_eq!(*names.lock().unwrap(), ["stuck"]);
        drop(block);
    });
}

#[test]
fn a_retry_that_redis_does_not_take_is_named_too() {
    with_runtime(async {
        for fault in FAULTS {
            let gate: Arc<Notify> = Arc::default();
            let open = Arc::clone(&gate);
            let again = Task::new("lab.hold", [], move |_, ()| {
                let gate = Arc::clone(&gate);
                async move {
                    gate.notified().await;
                    Err::<(), _>(TaskError::new("ValueError", "again"))
                }
            });
            let again = again.retry(RetryPolicy::default().autoretry_for(["ValueError"]));
            with_fault(fault, late(), Some(again), async |_, mut worker| {
                worker.stop.warm();
                open.notify_one();
                assert_eq!(until_unsettled(&mut worker).await, ("held".into(), false));
                let summary = worker.ended().await;
                assert_eq!((summary.retried, summary.unsettled), (0, 1));
            })
            .await;
        }
    });
}

#[test]
fn a_stop_in_a_full_redis_stores_what_ran() {
    with_runtime(async {
        for options in [late(), options()] {
            with_fault(Fault::Full, options, None, async |lab, worker| {
                worker.stop.warm();
                lab.gate.notify_one();
                let one = Summary { succeeded: 1, ..Summary::default() };
                assert_eq!(worker.ended().await, one);
            })
            .await;
        }
    });
}

#[test]
fn a_worker_whose_redis_was_never_there_stops_when_told() {
    with_runtime(async {
        let Some(redis) = RedisServer::start() else {
            return did_not_run("a stop without Redis", "redis-server");
        };
        let nobody =
            Arc::new(Broker::new(&format!("redis://127.0.0.1:{}/0", free_port())).unwrap());
        for cold in [false, true] {
            let mut lab = Lab::looking_at(&redis.url).await;
            lab.broker = Arc::clone(&nobody);
            let mut worker = lab.start(quick(late()));
            worker.until(|event| matches!(event, Event::BrokerLost { .. }).then_some(())).await;
            if cold {
                worker.stop.cold();
            } else {
                worker.stop.warm();
            }
            assert_eq!(worker.ended().await, Summary::default());
        }
    });
}

#[test]
fn a_worker_that_waits_for_a_message_stops_though_redis_stands_still() {
    with_runtime(async {
        let Some(redis) = RedisServer::start() else {
            return did_not_run("a stop without Redis", "redis-server");
        };
        let lab = Lab::at(&redis.url).await;
        let mut worker = lab.start(quick(late()));
        lab.send_task(add(1, 1)).await;
        worker.until(|event| matches!(event, Event::TaskSucceeded { .. }).then_some(())).await;
        // In BLMOVE from now on, or in a fetch.
        redis.signal("STOP");
        assert_eq!(worker.finish().await.unsettled, 0);
    });
}

/// Carries everything to Redis, and nothing back once it is `silent`.
async fn swallowing(url: &str, silent: Arc<AtomicBool>) -> String {
    let redis = url.trim_start_matches("redis://").trim_end_matches("/0").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}/0", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(&redis).await.unwrap();
            let silent = Arc::clone(&silent);
            tokio::spawn(async move {
                let ((mut asks, mut hears), (mut answers, mut is_asked)) =
                    (client.into_split(), server.into_split());
                let carried = async { copy(&mut asks, &mut is_asked).await.map(drop) };
                let answered = async {
                    let mut answer = vec![0; 65_536];
                    loop {
                        let length =
                            tokio::io::AsyncReadExt::read(&mut answers, &mut answer).await?;
                        if length == 0 {
                            return Ok(());
                        }
                        if !silent.load(Ordering::SeqCst) {
                            let heard = &answer[..length];
                            tokio::io::AsyncWriteExt::write_all(&mut hears, heard).await?;
                        }
                    }
                };
                let _: std::io::Result<((), ())> = tokio::try_join!(carried, answered);
            });
        }
    });
    url
}

#[test]
fn a_worker_whose_answers_are_swallowed_stops_and_names_what_it_does_not_know() {
    with_runtime(async {
        let Some(redis) = RedisServer::start() else {
            return did_not_run("swallowed answers", "redis-server");
        };
        let silent = Arc::new(AtomicBool::new(false));
        let url = swallowing(&redis.url, Arc::clone(&silent)).await;
        let mut lab = Lab::at(&redis.url).await;
        let direct = Arc::clone(&lab.broker);
        lab.broker = Arc::new(Broker::new(&url).unwrap());
        let mut worker = lab.start(quick(late()));
        // From now on Redis knows the scripts.
        add(1, 1).delay(&direct).await.unwrap().get(PATIENCE).await.unwrap();
        let sent = Signature::new("lab.hold").task_id("held").delay(&direct).await.unwrap();
        worker
            .until(|event| match event {
                Event::TaskStarted { request, .. } => (request.id == "held").then_some(()),
                _ => None,
            })
            .await;
        silent.store(true, Ordering::SeqCst);
        worker.stop.warm();
        lab.gate.notify_one();
        assert_eq!(until_unsettled(&mut worker).await, ("held".into(), false));
        worker.ended().await;
        // It was carried out all the same: only the worker can't know.
        assert_eq!(sent.get(PATIENCE).await.unwrap(), "held");
    });
}
