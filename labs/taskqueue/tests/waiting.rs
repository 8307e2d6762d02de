//! Many who wait for results, and what it costs Redis.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails loudly")]

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use support::lab::{Lab, PATIENCE, add, late};
use support::on_each_broker;
use taskqueue::{AsyncResult, Broker, State};
use tokio::task::{JoinSet, yield_now};

const MANY: usize = 1000;

fn waiting(broker: &Arc<Broker>, count: usize) -> JoinSet<serde_json::Value> {
    let mut waiting = JoinSet::new();
    for number in 0..count {
        let task = AsyncResult::new(format!("task-{number}"), broker);
        waiting.spawn(async move { task.get(3 * PATIENCE).await.unwrap() });
    }
    waiting
}

/// Stores a result as a worker does, and says so on its channel.
async fn end(lab: &mut Lab, number: usize) {
    let (id, key) = (format!("task-{number}"), format!("celery-task-meta-task-{number}"));
    let document = format!(
        r#"{{"status": "SUCCESS", "result": {number}, "traceback": null, "children": [], "date_done": null, "task_id": "{id}"}}"#
    );
    lab.send::<()>(&["SET", &key, &document]).await;
    lab.send::<i64>(&["PUBLISH", &key, &document]).await;
}

/// How many channels have somebody who listens.
async fn channels(lab: &mut Lab) -> usize {
    lab.ask::<Vec<String>>("PUBSUB CHANNELS celery-task-meta-*").await.len()
}

async fn clients(lab: &mut Lab) -> usize {
    lab.ask::<String>("CLIENT LIST").await.trim().lines().count()
}

/// Returns when so many channels are listened to.
async fn until_channels(lab: &mut Lab, count: usize) {
    let deadline = Instant::now() + PATIENCE;
    while channels(lab).await != count {
        assert!(Instant::now() < deadline, "{} channels, not {count}", channels(lab).await);
        yield_now().await;
    }
}

#[test]
fn a_thousand_who_wait_share_one_connection_and_each_gets_its_own_result() {
    on_each_broker("many who wait", async |url| {
        let mut lab = Lab::at(url).await;
        let broker = Arc::new(Broker::new(url).unwrap());
        let before = clients(&mut lab).await;
        let mut all = waiting(&broker, MANY);
        until_channels(&mut lab, MANY).await;
        assert_eq!(clients(&mut lab).await - before, 2, "one for commands, one that listens");
        for number in 0..MANY {
            end(&mut lab, number).await;
        }
        let mut results = Vec::new();
        while let Some(result) = all.join_next().await {
            results.push(result.unwrap().as_u64().unwrap());
        }
        results.sort_unstable();
        assert!(results.into_iter().eq(0..MANY as u64));
        until_channels(&mut lab, 0).await;
        let deadline = Instant::now() + PATIENCE;
        while clients(&mut lab).await - before != 1 {
            assert!(Instant::now() < deadline, "nobody waits, and somebody listens");
            yield_now().await;
        }
    });
}

#[test]
fn a_lost_connection_is_opened_again_for_all_who_wait_and_no_result_is_missed() {
    on_each_broker("a lost subscription", async |url| {
        let mut lab = Lab::at(url).await;
        let broker = Arc::new(Broker::new(url).unwrap());
        let mut all = waiting(&broker, 50);
        until_channels(&mut lab, 50).await;
        for round in 0..5 {
            lab.ask::<i64>("CLIENT KILL TYPE pubsub").await;
            // Half of them are said while nobody listens, perhaps.
            for number in round * 10..round * 10 + 5 {
                end(&mut lab, number).await;
            }
            until_channels(&mut lab, 50 - round * 10 - 5).await;
            for number in round * 10 + 5..round * 10 + 10 {
                end(&mut lab, number).await;
            }
            until_channels(&mut lab, 50 - round * 10 - 10).await;
        }
        while let Some(result) = all.join_next().await {
            result.unwrap();
        }
    });
}

#[test]
fn who_gives_up_is_waited_for_no_longer_and_others_on_the_same_task_are() {
    on_each_broker("giving up", async |url| {
        let mut lab = Lab::at(url).await;
        let broker = Arc::new(Broker::new(url).unwrap());
        let mut patient = waiting(&broker, 1);
        let mut impatient = JoinSet::new();
        for number in [0, 0, 1, 2] {
            let task = AsyncResult::new(format!("task-{number}"), &broker);
            impatient.spawn(async move { drop(task.get(3 * PATIENCE).await) });
        }
        until_channels(&mut lab, 3).await;
        impatient.shutdown().await;
        until_channels(&mut lab, 1).await;
        end(&mut lab, 0).await;
        assert_eq!(patient.join_next().await.unwrap().unwrap(), 0);
    });
}

#[test]
fn a_result_is_heard_of_after_the_runtime_that_listened_first_is_gone() {
    on_each_broker("another runtime", async |url| {
        let mut lab = Lab::at(url).await;
        let broker = Arc::new(Broker::new(url).unwrap());
        let first = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let task = AsyncResult::new("task-0", &broker);
        first.spawn(async move { task.get(PATIENCE).await });
        until_channels(&mut lab, 1).await;
        let mut second = waiting(&broker, 2);
        until_channels(&mut lab, 2).await;
        first.shutdown_background();
        until_channels(&mut lab, 2).await;
        end(&mut lab, 0).await;
        end(&mut lab, 1).await;
        while let Some(result) = second.join_next().await {
            result.unwrap();
        }
    });
}

#[test]
fn a_result_that_stands_already_needs_no_channel() {
    on_each_broker("a result that is there", async |url| {
        let lab = Lab::at(url).await;
        let worker = lab.start(late());
        let task = lab.send_task(add(1, 1)).await;
        task.get(PATIENCE).await.unwrap();
        worker.finish().await;
        let broker = Arc::new(Broker::new(url).unwrap());
        let again = AsyncResult::new(task.id, &broker);
        assert_eq!(again.get(Duration::from_secs(5)).await.unwrap(), 2);
        assert_eq!(again.state().await.unwrap(), State::Success);
        let mut lab = lab;
        assert_eq!(channels(&mut lab).await, 0);
    });
}
