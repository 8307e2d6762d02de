//! What becomes of messages when workers stop, die or lose their Redis.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::too_many_lines,
    reason = "a test fails loudly"
)]

mod support;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use support::lab::{Lab, PATIENCE, add, late, options};
use support::{RedisServer, did_not_run, on_each_broker};
use taskqueue::{
    Broker, BrokerError, Event, Registry, Signature, State, Stop, Task, Worker, WorkerOptions,
};

fn short_lease() -> WorkerOptions {
    WorkerOptions { lease: Duration::from_millis(400), ..late() }
}

async fn raw_in_queue(lab: &mut Lab) -> Value {
    serde_json::from_str(&lab.ask::<String>("LINDEX celery -1").await).unwrap()
}

#[test]
fn a_warm_stop_finishes_what_runs_and_leaves_the_rest_in_the_queue() {
    on_each_broker("a warm stop", async |url| {
        let mut lab = Lab::at(url).await;
        let [running, waiting] =
            [lab.send_task(Signature::new("lab.hold")).await, lab.send_task(add(1, 1)).await];
        let mut worker = lab.start(WorkerOptions { concurrency: 1, ..late() });
        worker.until_started().await;
        worker.stop.warm();
        lab.gate.notify_one();
        assert_eq!(worker.ended().await.succeeded, 1);
        assert_eq!(running.state().await.unwrap(), State::Success);
        assert_eq!(waiting.state().await.unwrap(), State::Pending);
        assert_eq!(
            (lab.ask::<i64>("LLEN celery").await, lab.ask::<i64>("HLEN unacked").await),
            (1, 0)
        );
    });
}

#[test]
fn what_is_fetched_while_the_worker_stops_goes_back_unstarted() {
    on_each_broker("a fetch that crosses the stop", async |url| {
        let mut lab = Lab::at(url).await;
        let task = lab.send_task(add(1, 1)).await;
        let stop = Stop::new();
        let told = stop.clone();
        let observe = Arc::new(move |event| {
            if matches!(event, Event::TaskReceived { .. }) {
                told.warm();
            }
        });
        let add =
            Task::new("lab.add", ["x", "y"], |_, (x, y): (i64, i64)| async move { Ok(x + y) });
        let registry = Registry::new([add]);
        let worker = Worker::new(Arc::clone(&lab.broker), registry, late(), observe).unwrap();
        assert_eq!(worker.run(stop).await.unwrap(), taskqueue::Summary::default());
        assert_eq!(raw_in_queue(&mut lab).await["headers"]["id"], task.id);
        assert_eq!(lab.ask::<i64>("EXISTS unacked unacked_index").await, 0);
    });
}

#[test]
fn a_cold_stop_gives_back_what_is_not_acknowledged_marked_as_kombu_marks_it() {
    on_each_broker("a cold stop", async |url| {
        let mut lab = Lab::at(url).await;
        lab.send_task(Signature::new("lab.hold").task_id("back")).await;
        let mut worker = lab.start(late());
        worker.until_started().await;
        worker.stop.cold();
        worker.until(|event| matches!(event, Event::TaskGivenBack { .. }).then_some(())).await;
        worker.ended().await;
        let message = raw_in_queue(&mut lab).await;
        assert_eq!(message["headers"]["id"], "back");
        assert_eq!(message["headers"]["redelivered"], true);
        assert_eq!(message["properties"]["delivery_info"]["redelivered"], true);
        assert_eq!(lab.ask::<i64>("EXISTS unacked unacked_index").await, 0);
    });
}

#[test]
fn a_cold_stop_says_which_acknowledged_tasks_are_lost() {
    on_each_broker("a cold stop after early acknowledgement", async |url| {
        let mut lab = Lab::at(url).await;
        let task = lab.send_task(Signature::new("lab.hold")).await;
        let mut worker = lab.start(options());
        worker.until_started().await;
        worker.stop.cold();
        worker.until(|event| matches!(event, Event::TaskLost { .. }).then_some(())).await;
        worker.ended().await;
        assert_eq!(lab.ask::<i64>("LLEN celery").await, 0);
        let meta = task.meta().await.unwrap();
        assert_eq!(
            (meta.state.clone(), meta.error().exc_type),
            (State::Failure, "WorkerLostError".to_owned())
        );
    });
}

#[test]
fn what_a_dead_worker_held_is_run_by_another() {
    on_each_broker("a dead worker", async |url| {
        let mut lab = Lab::at(url).await;
        let task = lab.send_task(Signature::new("lab.hold")).await;
        let mut first = lab.start(short_lease());
        first.until_started().await;
        first.die().await;
        let mut second = lab.start(short_lease());
        let restored = |event: &Event| {
            if let Event::TaskRestored { id, .. } = event { Some(id.clone()) } else { None }
        };
        assert_eq!(second.until(restored).await, task.id);
        lab.gate.notify_one();
        assert_eq!(task.get(PATIENCE).await.unwrap(), "held");
        second.finish().await;
        assert_eq!(lab.ask::<i64>("EXISTS unacked unacked_index celery").await, 0);
    });
}

#[test]
fn a_task_longer_than_its_lease_runs_once() {
    on_each_broker("a long task", async |url| {
        let lab = Lab::at(url).await;
        let task = lab.send_task(Signature::new("lab.hold")).await;
        let mut first = lab.start(short_lease());
        first.until_started().await;
        let second = lab.start(short_lease());
        // Three leases long, by the clock that the leases go by.
        tokio::time::timeout(Duration::from_millis(1200), std::future::pending::<()>())
            .await
            .unwrap_err();
        lab.gate.notify_one();
        task.get(PATIENCE).await.unwrap();
        assert_eq!((first.finish().await.succeeded, second.finish().await.succeeded), (1, 0));
    });
}

/// `unacked` as a Celery worker leaves it behind, with its last sign of life `age` seconds ago.
async fn left_by_celery(lab: &mut Lab, age: f64) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/messages/delay.raw.txt");
    let raw = std::fs::read_to_string(path)
        .unwrap()
        .replace("feedback.tasks.send_feedback_email_task", "lab.fail");
    let (seconds, micros): (f64, f64) = lab.ask("TIME").await;
    let score = (seconds + micros / 1e6 - age).to_string();
    lab.send::<()>(&["HSET", "unacked", "0a1b-celery", &format!("[{raw}, \"\", \"celery\"]")])
        .await;
    lab.send::<()>(&["ZADD", "unacked_index", &score, "0a1b-celery"]).await;
    serde_json::from_str::<Value>(&raw).unwrap()["headers"]["id"].as_str().unwrap().to_owned()
}

#[test]
fn what_a_celery_worker_left_is_restored_after_its_visibility_timeout() {
    on_each_broker("left by Celery", async |url| {
        let mut lab = Lab::at(url).await;
        let id = left_by_celery(&mut lab, 3601.0).await;
        let mut worker = lab.start(options());
        let restored = |event: &Event| {
            if let Event::TaskRestored { id, .. } = event { Some(id.clone()) } else { None }
        };
        assert_eq!(worker.until(restored).await, id);
        worker.finish().await;
    });
}

#[test]
fn what_a_celery_worker_may_still_run_is_left_alone() {
    on_each_broker("held by Celery", async |url| {
        let mut lab = Lab::at(url).await;
        left_by_celery(&mut lab, 3000.0).await;
        let mut first = lab.start(short_lease());
        let held = lab.send_task(Signature::new("lab.hold")).await;
        first.until_started().await;
        first.die().await;
        // Ours is restored in the same sweep that passes Celery's by.
        let mut second = lab.start(short_lease());
        let restored = |event: &Event| {
            if let Event::TaskRestored { id, .. } = event { Some(id.clone()) } else { None }
        };
        assert_eq!(second.until(restored).await, held.id);
        assert_eq!(lab.ask::<i64>("HEXISTS unacked 0a1b-celery").await, 1);
        lab.gate.notify_one();
        second.finish().await;
    });
}

#[test]
fn an_entry_that_nobody_can_read_is_put_aside() {
    on_each_broker("an unreadable entry", async |url| {
        let mut lab = Lab::at(url).await;
        lab.ask::<()>("HSET unacked lease:x:1 garbage").await;
        lab.ask::<()>("ZADD unacked_index 1 lease:x:1").await;
        let mut worker = lab.start(options());
        assert!(worker.until_rejected().await.contains("not [message, exchange, queue]"));
        assert_eq!(lab.ask::<i64>("EXISTS unacked unacked_index").await, 0);
        assert_eq!(lab.ask::<i64>("LLEN celery.dead").await, 1);
        worker.finish().await;
    });
}

#[test]
fn a_queue_that_is_full_refuses_and_takes_again_when_a_worker_has_taken() {
    on_each_broker("a full queue", async |url| {
        let mut lab = Lab::at(url).await;
        let broker = Arc::new(Broker::new(url).unwrap().most_waiting(2));
        for _ in 0..2 {
            add(1, 1).delay(&broker).await.unwrap();
        }
        let Err(error) = add(1, 1).delay(&broker).await else { panic!("it was full") };
        assert!(error.to_string().contains("2 messages wait in celery already"), "{error}");
        assert_eq!(lab.ask::<i64>("LLEN celery").await, 2);
        lab.ask::<String>("RPOP celery").await;
        add(1, 1).delay(&broker).await.unwrap();
    });
}

#[test]
fn without_a_broker_sending_fails_at_once_and_says_what_to_start() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let broker = Arc::new(Broker::new("redis://127.0.0.1:1/0").unwrap());
        let Err(error) = add(1, 1).delay(&broker).await else { panic!("nobody listens there") };
        let BrokerError::Unreachable { source, .. } = &error else { panic!("{error}") };
        assert!(source.is_connection_refusal(), "told at once, not at the deadline: {error}");
        assert!(error.to_string().contains("cargo run --bin step5_broker"), "{error}");
    });
}

#[test]
fn a_broker_that_does_not_answer_is_given_up_after_a_second() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        // Accepts, and never says a word.
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let broker =
            Arc::new(Broker::new(&format!("redis://{}/0", silent.local_addr().unwrap())).unwrap());
        let Err(error) = add(1, 1).delay(&broker).await else { panic!("nobody answers there") };
        let BrokerError::Slow { waited, .. } = error else { panic!("{error}") };
        assert_eq!(waited, Duration::from_secs(1), "the deadline, and no answer's timeout");
    });
}

#[test]
fn a_worker_waits_for_its_broker_and_goes_on_when_it_is_back() {
    let Some(redis) = RedisServer::start() else {
        return did_not_run("a worker waits for its broker", "redis-server");
    };
    let url = redis.url.clone();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let lab = Lab::at(&url).await;
        let mut worker = lab.start(options());
        lab.send_task(add(1, 1)).await.get(PATIENCE).await.unwrap();
        let port = redis.stop();
        worker.until(|event| matches!(event, Event::BrokerLost { .. }).then_some(())).await;
        let _again = RedisServer::start_at(port).unwrap();
        worker.until(|event| matches!(event, Event::BrokerBack { .. }).then_some(())).await;
        assert_eq!(lab.send_task(add(2, 2)).await.get(PATIENCE).await.unwrap(), 4);
        worker.finish().await;
    });
}

#[test]
fn a_task_that_blocks_every_thread_does_not_lose_its_lease() {
    on_each_broker("a blocking task", async |url| {
        let lab = Lab::at(url).await;
        // Its own runtime of one thread, which the task then blocks for three leases.
        let url = url.to_owned();
        let blocked = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let block = Task::new("lab.block", [], |_, ()| async {
                    std::thread::sleep(Duration::from_millis(1200));
                    Ok(())
                });
                let stop = Stop::new();
                let told = stop.clone();
                let observe = Arc::new(move |event| {
                    if matches!(event, Event::TaskStarted { .. }) {
                        told.warm();
                    }
                });
                let broker = Arc::new(Broker::new(&url).unwrap());
                Worker::new(broker, Registry::new([block]), short_lease(), observe)
                    .unwrap()
                    .run(stop)
                    .await
                    .unwrap()
            })
        });
        let task = lab.send_task(Signature::new("lab.block")).await;
        while lab.count("HLEN", "unacked").await == 0 {
            tokio::task::yield_now().await;
        }
        let mut other = lab.start(short_lease());
        assert!(task.get(PATIENCE).await.is_ok());
        assert_eq!(blocked.join().unwrap().succeeded, 1);
        while let Ok(event) = other.events.try_recv() {
            assert!(
                !matches!(event, Event::TaskRestored { .. } | Event::TaskFailed { .. }),
                "{event:?}"
            );
        }
        other.finish().await;
    });
}

#[test]
fn what_is_sent_once_is_one_task_whoever_sends_it_again_and_when() {
    on_each_broker("a task that is sent once", async |url| {
        let mut lab = Lab::at(url).await;
        let once = |id: &str| add(1, 1).task_id(id).once();
        // The second sender is another process: it knows nothing of the first one.
        let other = Arc::new(Broker::new(url).unwrap());
        let first = lab.send_task(once("a-1")).await;
        once("a-1").delay(&other).await.unwrap();
        assert_eq!(lab.count("LLEN", "celery").await, 1, "while it waits");
        let worker = lab.start(late());
        assert_eq!(first.get(PATIENCE).await.unwrap(), 2);
        let again = once("a-1").delay(&other).await.unwrap();
        assert_eq!(again.get(PATIENCE).await.unwrap(), 2, "the first one's result");
        worker.stop.warm();
        assert_eq!(worker.ended().await.succeeded, 1);
        assert_eq!(lab.count("LLEN", "celery").await, 0, "when it has run");

        lab.send_task(once("a-2")).await;
        assert_eq!(lab.count("LLEN", "celery").await, 1, "another id is another task");
        lab.send_task(add(1, 1).task_id("a-1")).await;
        assert_eq!(lab.count("LLEN", "celery").await, 2, "who does not say so sends it again");
        let ttl: i64 = lab.ask("TTL unacked_sent_once").await;
        assert!((1..=86_400).contains(&ttl), "{ttl}");
    });
}

#[test]
fn what_was_refused_may_be_sent_again_and_the_memory_of_what_was_sent_once_is_bounded() {
    on_each_broker("a task that was refused", async |url| {
        let mut lab = Lab::at(url).await;
        let full = Arc::new(Broker::new(url).unwrap().most_waiting(0));
        let once = add(1, 1).task_id("a-1").once();
        assert!(once.delay(&full).await.is_err());
        once.delay(&lab.broker).await.unwrap();
        assert_eq!(lab.count("LLEN", "celery").await, 1);

        // Yesterday's are forgotten, and the oldest of too many.
        let fill = "for i = 1, 5001 do redis.call('ZADD', KEYS[1], ARGV[1], ARGV[2] .. i) end";
        let (now, _) = lab.ask::<(i64, i64)>("TIME").await;
        let day_ago = (now - 86_400).to_string();
        lab.send::<()>(&["EVAL", fill, "1", "unacked_sent_once", &day_ago, "old-"]).await;
        lab.send_task(add(1, 1).task_id("a-2").once()).await;
        assert_eq!(lab.count("ZCARD", "unacked_sent_once").await, 2);
        for part in 0..20 {
            let (now, part) = (now.to_string(), format!("{part}-"));
            lab.send::<()>(&["EVAL", fill, "1", "unacked_sent_once", &now, &part]).await;
        }
        lab.send_task(add(1, 1).task_id("a-3").once()).await;
        assert_eq!(lab.count("ZCARD", "unacked_sent_once").await, 100_000);
    });
}
