//! Beat: of any number of workers with the same schedule, one sends what is due, once.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails loudly")]

mod support;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use redis::Script;
use serde_json::Value;
use support::lab::{Lab, PATIENCE, Running, add, options};
use support::proxy::Proxy;
use support::{RedisServer, did_not_run, on_each_broker};
use taskqueue::{AsyncResult, Broker, Event, Schedule, ScheduleEntry, Signature, WorkerOptions};

/// Each is due so often.
const OFTEN: Duration = Duration::from_millis(100);
/// Rare enough to be due once in a test, or not at all.
const YEARLY: &str = "0 0 1 1 *";

/// An entry whose messages stay in the list `out`.
fn often() -> ScheduleEntry {
    ScheduleEntry::new("often", Schedule::every(OFTEN), add(1, 1).queue("out"))
}

fn yearly(signature: Signature) -> ScheduleEntry {
    ScheduleEntry::new("yearly", Schedule::crontab(YEARLY).unwrap(), signature)
}

/// A worker that takes nothing of what its beat sends.
fn beat(lab: &Lab, entry: ScheduleEntry) -> Running {
    lab.start_beat(WorkerOptions { queues: vec!["elsewhere".into()], ..options() }, vec![entry])
}

/// The next firing: the task's id, and when it is due again.
async fn fired(worker: &mut Running) -> (String, DateTime<Utc>) {
    let fired = |event: &Event| match event {
        Event::BeatFired { id, next, .. } => Some((id.clone(), *next)),
        _ => None,
    };
    worker.until(fired).await
}

/// Lets the entry `often` begin now, in seconds since 1970.
async fn begin(lab: &mut Lab) -> f64 {
    let [seconds, micros]: [u64; 2] = lab.ask("TIME").await;
    let now = format!("{seconds}.{micros:06}");
    lab.ask::<()>(&format!("HSET celerybeat-schedule often {now}")).await;
    now.parse().unwrap()
}

/// Where `entry` stands: seconds since 1970, once it stands anywhere.
async fn standing(lab: &mut Lab, entry: &str) -> f64 {
    loop {
        let text: Option<String> = lab.ask(&format!("HGET celerybeat-schedule {entry}")).await;
        if let Some(text) = text {
            return text.split(' ').next().unwrap().parse().unwrap();
        }
    }
}

/// The ids of the messages in `out`: as many as there are, and never more than were due since `began`.
async fn sent_once_each(lab: &mut Lab, began: f64) -> HashSet<String> {
    let raws: Vec<String> = lab.ask("LRANGE out 0 -1").await;
    let due = (standing(lab, "often").await - began) / OFTEN.as_secs_f64();
    assert!(raws.len() as f64 <= due + 0.01, "{} messages, due {due} times", raws.len());
    let id = |raw: &String| {
        serde_json::from_str::<Value>(raw).unwrap()["headers"]["id"].as_str().unwrap().to_owned()
    };
    let ids: HashSet<String> = raws.iter().map(id).collect();
    assert_eq!(ids.len(), raws.len(), "an id came twice");
    ids
}

#[test]
fn three_beats_send_each_time_once() {
    on_each_broker("three beats", async |url| {
        let mut lab = Lab::at(url).await;
        let began = begin(&mut lab).await;
        let mut workers = [(); 3].map(|()| beat(&lab, often()));
        let mut told = Vec::new();
        while told.len() < 12 {
            let [one, two, three] = &mut workers;
            told.push(tokio::select! {
                fired = fired(one) => fired,
                fired = fired(two) => fired,
                fired = fired(three) => fired,
            });
        }
        for mut worker in workers {
            worker.stop.warm();
            while let Some(event) = worker.events.recv().await {
                if let Event::BeatFired { id, next, .. } = event {
                    told.push((id, next));
                }
            }
            worker.ended().await;
        }
        let (ids, times): (HashSet<_>, HashSet<_>) = told.iter().cloned().unzip();
        assert_eq!(times.len(), told.len(), "a time came twice");
        assert_eq!(sent_once_each(&mut lab, began).await, ids, "told and sent are the same");
    });
}

#[test]
fn after_a_beat_has_died_the_others_go_on_and_send_nothing_twice() {
    on_each_broker("a beat dies", async |url| {
        let mut lab = Lab::at(url).await;
        let began = begin(&mut lab).await;
        let mut mortal = beat(&lab, often());
        fired(&mut mortal).await;
        let mut survivor = beat(&lab, often());
        fired(&mut survivor).await;
        mortal.die().await;
        for _ in 0..5 {
            fired(&mut survivor).await;
        }
        survivor.finish().await;
        assert!(sent_once_each(&mut lab, began).await.len() >= 7);
    });
}

#[test]
fn lost_answers_send_nothing_twice_and_are_told_once() {
    on_each_broker("lost answers to beat", async |url| {
        let mut lab = Lab::at(url).await;
        let script = Script::new(include_str!("../src/broker/beat.lua"));
        let proxy = Proxy::before(url, script.get_hash(), 10).await;
        lab.broker = Arc::new(Broker::new(&proxy.url).unwrap());
        let began = begin(&mut lab).await;
        let mut worker = beat(&lab, often());
        let mut told = HashSet::new();
        while proxy.left() > 0 || told.len() < 10 {
            assert!(told.insert(fired(&mut worker).await.0));
        }
        worker.stop.warm();
        while let Some(event) = worker.events.recv().await {
            if let Event::BeatFired { id, .. } = event {
                assert!(told.insert(id));
            }
        }
        worker.ended().await;
        let sent = sent_once_each(&mut lab, began).await;
        assert!(told.is_subset(&sent), "told, but not sent");
        // At the stop an answer may still be lost, and nobody asks again.
        assert!(sent.len() - told.len() <= 1, "{sent:?} {told:?}");
    });
}

#[test]
fn a_new_entry_begins_now_and_sends_nothing_yet() {
    on_each_broker("a new entry", async |url| {
        let mut lab = Lab::at(url).await;
        let worker = beat(&lab, yearly(add(1, 1).queue("out")));
        let stands = standing(&mut lab, "yearly").await;
        worker.finish().await;
        let now: Vec<f64> = lab.ask("TIME").await;
        assert!((now[0] - PATIENCE.as_secs_f64()..=now[0] + 1.0).contains(&stands));
        assert_eq!(lab.ask::<i64>("EXISTS out").await, 0);
    });
}

#[test]
fn what_was_missed_several_times_is_made_up_for_once() {
    on_each_broker("missed times", async |url| {
        let mut lab = Lab::at(url).await;
        // The year 2001, and as many firsts of January since.
        lab.ask::<()>("HSET celerybeat-schedule yearly 1000000000.000000").await;
        let mut worker = beat(&lab, yearly(add(1, 1).queue("out")));
        let (_, next) = fired(&mut worker).await;
        assert!(next > Utc::now(), "{next}");
        worker.finish().await;
        assert_eq!(lab.ask::<i64>("LLEN out").await, 1);
    });
}

#[test]
fn a_periodic_task_is_run_as_any_other() {
    on_each_broker("a periodic task", async |url| {
        let lab = Lab::at(url).await;
        let entry = ScheduleEntry::new("adds", Schedule::every(OFTEN), add(2, 3));
        let mut worker = lab.start_beat(options(), vec![entry]);
        let (id, _) = fired(&mut worker).await;
        assert_eq!(AsyncResult::new(id, &lab.broker).get(PATIENCE).await.unwrap(), 5);
        worker.finish().await;
    });
}

#[test]
fn a_periodic_task_follows_the_routes() {
    on_each_broker("a routed entry", async |url| {
        let mut lab = Lab::at(url).await;
        lab.broker = Arc::new(Broker::new(url).unwrap().task_routes([("lab.*", "routed")]));
        let entry = ScheduleEntry::new("adds", Schedule::every(OFTEN), add(2, 3));
        let mut worker = beat(&lab, entry);
        fired(&mut worker).await;
        worker.finish().await;
        assert!(lab.ask::<i64>("LLEN routed").await > 0);
        assert_eq!(lab.ask::<i64>("SCARD _kombu.binding.routed").await, 1);
    });
}

/// What differs from one sending to the next: who, when, and random ids.
const OWN: [&str; 8] = [
    "/headers/id",
    "/headers/root_id",
    "/headers/origin",
    "/headers/expires",
    "/properties/correlation_id",
    "/properties/reply_to",
    "/properties/delivery_tag",
    "/properties/expiration",
];

/// The same text with `golden`'s own ids and times in it.
fn with_the_same_ids(ours: &str, golden: &str) -> String {
    let [ours_json, golden_json]: [Value; 2] =
        [ours, golden].map(|text| serde_json::from_str(text).unwrap());
    let mut text = ours.to_owned();
    for pointer in OWN {
        if let Some(Value::String(golden)) = golden_json.pointer(pointer) {
            let ours = ours_json.pointer(pointer).and_then(Value::as_str).unwrap();
            text = text.replace(&format!("\"{ours}\""), &format!("\"{golden}\""));
        }
    }
    text
}

#[test]
fn what_is_sent_is_byte_for_byte_what_celery_s_beat_sends() {
    on_each_broker("beat's messages", async |url| {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/beat");
        let read = |name: &str| std::fs::read_to_string(golden.join(name)).unwrap();
        let index: Value = serde_json::from_str(&read("index.json")).unwrap();
        let mail = || Signature::new("feedback.tasks.send_feedback_email_task");
        let options = mail().arg("a@example.com").arg("hi").kwarg("limit", 3).queue("emails");
        let options = options.priority(3).expires(Duration::from_secs(60));
        for (name, signature) in [("plain", mail()), ("options", options)] {
            let mut lab = Lab::at(url).await;
            lab.ask::<()>("HSET celerybeat-schedule yearly 1000000000.000000").await;
            let mut worker = beat(&lab, yearly(signature));
            fired(&mut worker).await;
            worker.finish().await;
            let list = index[name]["list_key"].as_str().unwrap();
            let ours: String = lab.send(&["LINDEX", list, "0"]).await;
            let recorded = read(&format!("{name}.raw.txt"));
            assert_eq!(with_the_same_ids(&ours, &recorded), recorded, "{name}");
        }
    });
}

#[test]
fn beat_goes_on_when_redis_is_back() {
    let test = "beat goes on";
    let Some(redis) = RedisServer::start() else { return did_not_run(test, "redis-server") };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.unwrap().block_on(async {
        let lab = Lab::at(&redis.url).await;
        let mut worker = beat(&lab, often());
        fired(&mut worker).await;
        let port = redis.stop();
        worker.until(|event| matches!(event, Event::BrokerLost { .. }).then_some(())).await;
        // It comes back empty: the entry begins anew.
        let again = RedisServer::start_at(port).unwrap();
        worker.until(|event| matches!(event, Event::BrokerBack { .. }).then_some(())).await;
        fired(&mut worker).await;
        worker.finish().await;
        drop(again);
    });
}
