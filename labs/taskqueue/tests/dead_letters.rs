//! Many messages that were put aside: how many are kept, and what it costs to go through them.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails loudly")]

mod support;

use serde_json::{Value, json};
use support::lab::{Lab, PATIENCE, options};
use support::on_each_broker;
use taskqueue::{
    AsyncResult, Broker, DEAD_LETTERS_EXPIRE, DeadLetter, MAX_DEAD_LETTERS, Signature, State,
};

/// More than are kept: somebody else may have put them there.
const MANY: usize = 20_000;

fn message(id: &str) -> Value {
    let sent = Signature::new("lab.nobody").task_id(id).message().unwrap();
    serde_json::from_str(&sent.encode().unwrap()).unwrap()
}

fn letter(message: &str) -> String {
    json!({"reason": "unknown task", "date": "1.0", "message": message}).to_string()
}

/// Fills `celery.dead`; the first is the oldest.
async fn put_aside(lab: &mut Lab, letters: &[String]) {
    for letters in letters.chunks(1000) {
        let mut words = vec!["LPUSH", "celery.dead"];
        words.extend(letters.iter().map(String::as_str));
        lab.send::<i64>(&words).await;
    }
}

#[test]
fn the_newest_letters_are_kept_and_not_for_ever() {
    on_each_broker("the cap of dead letters", async |url| {
        let mut lab = Lab::at(url).await;
        let full: Vec<_> =
            (0..MAX_DEAD_LETTERS + 500).map(|number| letter(&format!("no {number}"))).collect();
        put_aside(&mut lab, &full).await;
        for bad in ["not a message", &message("unknown").to_string()] {
            lab.send::<i64>(&["LPUSH", "celery", bad]).await;
            let mut worker = lab.start(options());
            worker.until_rejected().await;
            worker.finish().await;
            let kept: usize = lab.ask("LLEN celery.dead").await;
            assert_eq!(kept, MAX_DEAD_LETTERS);
            let left: u64 = lab.ask("TTL celery.dead").await;
            let days = DEAD_LETTERS_EXPIRE.as_secs();
            assert!((days - 60..=days).contains(&left), "{left}");
            lab.ask::<()>("PERSIST celery.dead").await;
        }
        // Not the worker's: its connection ended with the worker's runtime.
        let broker = Broker::new(url).unwrap();
        let newest = DeadLetter::newest(&broker, "celery", 2).await.unwrap();
        assert_eq!(newest[0].task_id().as_deref(), Some("unknown"));
        assert_eq!(newest[1].message, "not a message");
    });
}

#[test]
fn many_letters_are_looked_through_and_sent_back_in_their_order() {
    on_each_broker("many dead letters", async |url| {
        let mut lab = Lab::at(url).await;
        let template = message("id-of-it").to_string();
        let letters: Vec<_> = (0..MANY)
            .map(|number| match number % 10 {
                0 => letter(&format!("no message {number}")),
                _ => letter(&template.replace("id-of-it", &format!("task-{number}"))),
            })
            .collect();
        put_aside(&mut lab, &letters).await;
        let mut seen = 0;
        DeadLetter::each(&lab.broker, "celery", |_| {
            seen += 1;
            true
        })
        .await
        .unwrap();
        assert_eq!(seen, MANY);
        let failed = r#"{"status": "FAILURE", "result": null, "task_id": "task-1"}"#;
        lab.send::<()>(&["SET", "celery-task-meta-task-1", failed]).await;

        let (sent, kept) = DeadLetter::send_back_all(&lab.broker, "celery").await.unwrap();
        assert_eq!((sent, kept), (MANY / 10 * 9, MANY / 10));
        assert_eq!(lab.ask::<usize>("LLEN celery.dead").await, MANY / 10);
        assert_eq!(lab.ask::<usize>("LLEN celery").await, MANY / 10 * 9);
        let first: Value =
            serde_json::from_str(&lab.ask::<String>("LINDEX celery -1").await).unwrap();
        let last: Value =
            serde_json::from_str(&lab.ask::<String>("LINDEX celery 0").await).unwrap();
        assert_eq!(first["headers"]["id"], "task-1", "the oldest is taken first");
        assert_eq!(last["headers"]["id"], format!("task-{}", MANY - 1));
        let newest = DeadLetter::newest(&lab.broker, "celery", 1).await.unwrap();
        assert_eq!(newest[0].message, format!("no message {}", MANY - 10), "and these keep theirs");
        let task = AsyncResult::new("task-1", &lab.broker);
        assert_eq!(task.state().await.unwrap(), State::Pending, "it is waited for again");
    });
}

#[test]
fn letters_as_long_as_messages_may_be_are_read_one_by_one() {
    on_each_broker("long dead letters", async |url| {
        let mut lab = Lab::at(url).await;
        let mut long = message("long");
        long["headers"]["argsrepr"] = "x".repeat(3_000_000).into();
        let letters: Vec<_> = (0..20).map(|_| letter(&long.to_string())).collect();
        for one in letters {
            put_aside(&mut lab, &[one]).await;
        }
        let (sent, kept) = DeadLetter::send_back_all(&lab.broker, "celery").await.unwrap();
        assert_eq!((sent, kept), (20, 0));
        lab.ask::<()>("FLUSHALL").await;
        let (sent, kept) = DeadLetter::send_back_all(&lab.broker, "celery").await.unwrap();
        assert_eq!((sent, kept), (0, 0));
        let task = AsyncResult::new("long", &lab.broker);
        assert!(task.get(PATIENCE / 100).await.is_err());
    });
}
