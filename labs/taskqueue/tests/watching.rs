//! Watching a queue from outside: what stands in Redis at one moment, and what workers publish.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails loudly")]

mod support;

use std::time::{Duration, Instant};

use serde_json::json;
use support::lab::{Lab, PATIENCE, add, late};
use support::on_each_broker;
use taskqueue::keys::DEFAULT_QUEUE;
use taskqueue::{EventReceiver, Heard, Sign, Signature, Snapshot, State, Step, WorkerOptions};
use tokio::time::timeout;

async fn look(lab: &Lab) -> Snapshot {
    lab.broker.snapshot(DEFAULT_QUEUE, [b"", b""]).await.unwrap()
}

/// Looks until there is what is `wanted`.
async fn look_until(lab: &Lab, wanted: impl Fn(&Snapshot) -> bool) -> Snapshot {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let seen = look(lab).await;
        if wanted(&seen) {
            return seen;
        }
        assert!(Instant::now() < deadline, "{seen:?}");
    }
}

async fn hear<T>(receiver: &mut EventReceiver, wanted: impl Fn(Heard) -> Option<T>) -> T {
    let found = async {
        loop {
            let heard = receiver.next().await.expect("the channel ended");
            if let Some(found) = wanted(heard) {
                return found;
            }
        }
    };
    timeout(PATIENCE, found).await.expect("it was never said")
}

#[test]
fn an_empty_redis_is_seen_as_empty() {
    on_each_broker("an empty Redis", async |url| {
        let lab = Lab::at(url).await;
        let seen = look(&lab).await;
        assert_eq!((seen.waiting(), seen.unacked, seen.parked, seen.dead), (0, 0, 0, 0));
        assert!(seen.next.is_empty() && seen.newest.is_empty() && seen.now > 1.7e9);
    });
}

#[test]
fn the_next_to_be_taken_is_seen_first_and_with_its_time() {
    on_each_broker("the next to be taken", async |url| {
        let lab = Lab::at(url).await;
        let before = look(&lab).await.now;
        let mut ids = Vec::new();
        for priority in [6, 0, 0] {
            let signature = Signature::new("lab.hold").priority(priority);
            ids.push(lab.send_task(signature).await.id);
        }
        let seen = look(&lab).await;
        let lengths: Vec<_> = seen.lists.iter().map(|(_, length)| *length).collect();
        assert_eq!(lengths, [2, 0, 1, 0]);
        let next: Vec<_> = seen.next.iter().map(|message| message.id.clone().unwrap()).collect();
        assert_eq!(next, [ids[1].as_str(), &ids[2], &ids[0]]);
        for message in &seen.next {
            let published = message.published.expect("sent less than two seconds ago");
            assert!(published >= before && published <= seen.now);
        }
    });
}

#[test]
fn a_message_is_seen_in_hand_parked_and_put_aside() {
    on_each_broker("in hand, parked, put aside", async |url| {
        let mut lab = Lab::at(url).await;
        let mut worker = lab.start(late());
        let held = lab.send_task(Signature::new("lab.hold")).await.id;
        worker.until_started().await;
        let hour = Duration::from_secs(3600);
        let parked = lab.send_task(add(1, 2).countdown(hour)).await.id;
        lab.ask::<i64>("LPUSH celery nonsense").await;
        let seen = look_until(&lab, |seen| seen.parked == 1 && seen.dead == 1).await;
        assert_eq!((seen.waiting(), seen.unacked), (0, 2));
        let [in_hand] = &seen.held[..] else { panic!("{:?}", seen.held) };
        assert_eq!(in_hand.message.id.as_ref(), Some(&held));
        assert_eq!(in_hand.hostname.as_deref(), Some("celery@test"));
        assert!((in_hand.score - seen.now).abs() < 30.0, "a sign of life");
        let [waiting] = &seen.parked_next[..] else { panic!("{:?}", seen.parked_next) };
        assert_eq!(waiting.message.id.as_ref(), Some(&parked));
        assert!((waiting.score - seen.now - 3600.0).abs() < 60.0, "its ETA");
        assert!(seen.dead_newest[0].reason.contains("not a JSON message"));
        lab.gate.notify_one();
        worker.finish().await;
    });
}

#[test]
fn of_a_hundred_thousand_messages_the_next_twenty_are_read() {
    on_each_broker("a hundred thousand messages", async |url| {
        let mut lab = Lab::at(url).await;
        lab.send_task(Signature::new("lab.hold")).await;
        let first = look(&lab).await;
        let raw = String::from_utf8(first.newest.clone()).unwrap();
        for _ in 0..100 {
            let mut push = vec!["LPUSH", "celery"];
            push.resize(1_002, raw.as_str());
            lab.send::<i64>(&push).await;
        }
        let noted: [&[u8]; 2] = [b"never sent", &first.newest];
        let seen = lab.broker.snapshot(DEFAULT_QUEUE, noted).await.unwrap();
        assert_eq!(
            (seen.waiting(), seen.next.len(), seen.asked_wait),
            (100_001, 20, [false, true])
        );
    });
}

#[test]
fn a_message_too_long_to_be_shown_still_counts() {
    on_each_broker("a long message", async |url| {
        let mut lab = Lab::at(url).await;
        let long = "x".repeat(1024 * 1024);
        lab.send::<i64>(&["LPUSH", "celery", &long]).await;
        let seen = look(&lab).await;
        assert_eq!((seen.waiting(), &seen.next[0].id, seen.newest.len()), (1, &None, 0));
    });
}

#[test]
fn a_listener_hears_a_task_from_a_worker_that_publishes_nothing_unasked() {
    on_each_broker("a listener", async |url| {
        let lab = Lab::at(url).await;
        let mut receiver = EventReceiver::new(&lab.broker).await.unwrap();
        let worker = lab.start(WorkerOptions { track_started: true, ..late() });
        let name = hear(&mut receiver, |heard| match heard {
            Heard::Worker { hostname, sign: Sign::Online, .. } => Some(hostname),
            _ => None,
        })
        .await;
        assert_eq!(name, "celery@test");
        lab.broker.enable_events(Some(&name)).await.unwrap();
        let mut steps = Vec::new();
        // Nobody says when a worker has obeyed, so tasks are sent until one is heard of.
        while steps.is_empty() {
            let id = lab.send_task(add(1, 2)).await.id;
            let mut states = Vec::new();
            let ended = hear(&mut receiver, |heard| match heard {
                Heard::Task { id: of, step, .. } if of == id => Some(Some(step)),
                Heard::Result { id: of, meta } if of == id => {
                    (meta.state == State::Success).then_some(None)
                }
                _ => None,
            });
            if let Some(step) = ended.await {
                states.push(step);
            }
            steps = states;
        }
        assert_eq!(steps, [Step::Received { task: "lab.add".into(), retries: 0, eta: None }]);
        worker.finish().await;
        let gone = hear(&mut receiver, |heard| match heard {
            Heard::Worker { sign: Sign::Offline, processed, .. } => Some(processed),
            _ => None,
        });
        assert!(gone.await >= 1);
    });
}

#[test]
fn results_are_walked_through_page_by_page() {
    on_each_broker("a walk through the results", async |url| {
        let mut lab = Lab::at(url).await;
        for number in 0..2_500 {
            let (key, value) = (format!("celery-task-meta-{number}"), json!({"status": "SUCCESS"}));
            lab.send::<()>(&["SET", &key, &value.to_string()]).await;
        }
        lab.ask::<()>("SET celery-task-meta-* odd").await;
        let (mut cursor, mut pages, mut ids) = (0, 0, std::collections::BTreeSet::new());
        loop {
            let page = lab.broker.scan_results(cursor).await.unwrap();
            ids.extend(page.ids);
            (cursor, pages) = (page.next, pages + 1);
            if cursor == 0 {
                break;
            }
        }
        // Any text is an id.
        assert!(ids.len() == 2_501 && ids.contains("*") && pages > 1, "{} in {pages}", ids.len());
        let asked = ["7".to_owned(), "never-was".to_owned()];
        let read = lab.broker.read_results(&asked).await;
        assert_eq!(read[0].as_ref().map(|meta| meta.state.clone()), Some(State::Success));
        assert_eq!(read[1], None);
    });
}
