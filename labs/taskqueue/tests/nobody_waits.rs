//! Nobody waits for ever: what comes from outside is read as leniently as Celery reads it, and where
//! a message can't be run, a FAILURE with the true reason stands under its id.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails loudly")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use support::lab::{Lab, PATIENCE, add, late, options};
use support::on_each_broker;
use taskqueue::{
    AsyncResult, Event, InvalidWorker, MAX_SIZE, Registry, Signature, Task, Worker, WorkerOptions,
    keys,
};

/// `lab.add(1, 2)`, with something else at `pointer`.
fn message(id: &str, pointer: &str, value: Value) -> String {
    let message = add(1, 2).task_id(id).message().unwrap().encode().unwrap();
    let mut message: Value = serde_json::from_str(&message).unwrap();
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    message.pointer_mut(parent).unwrap()[field] = value;
    message.to_string()
}

fn with_body(id: &str, body: &str) -> String {
    message(id, "/body", BASE64_STANDARD.encode(body).into())
}

/// Waits for the end of a task: its state, and its value or the class of its exception.
async fn end_of(lab: &Lab, id: &str) -> (String, Value) {
    let result = AsyncResult::new(id, &lab.broker);
    let ended = result.until(|meta| meta.state.is_ready());
    let meta = tokio::time::timeout(PATIENCE, ended).await.unwrap_or_else(|_| panic!("{id} waits"));
    let value = meta.result.get("exc_type").cloned();
    (meta.state.word().to_owned(), value.unwrap_or(meta.result))
}

async fn until_dead(lab: &Lab, count: i64) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while lab.count("LLEN", "celery.dead").await < count {
        assert!(tokio::time::Instant::now() < deadline, "fewer than {count} are in celery.dead");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[test]
fn any_text_is_an_id() {
    on_each_broker("ids of any kind", async |url| {
        let mut lab = Lab::at(url).await;
        let worker = lab.start(options());
        let long = "x".repeat(300);
        let odd = [
            "order/7",
            "ann@example.com",
            "a b",
            "größe",
            &long,
            "\"\\\n\u{1b}[31m",
            "{a}*?",
            "..",
            "\0",
        ];
        for id in odd {
            let sent = lab.send_task(add(1, 2).task_id(id)).await;
            assert_eq!(sent.get(PATIENCE).await.unwrap(), 3, "{id:?}");
        }
        let sent = lab
            .send_task(
                add(1, 2).task_id("a task/1").link(add(3, 4).immutable().task_id("its link/2")),
            )
            .await;
        sent.get(PATIENCE).await.unwrap();
        assert_eq!(end_of(&lab, "its link/2").await, ("SUCCESS".into(), json!(7)));
        assert_eq!(lab.ask::<i64>("EXISTS celery.dead").await, 0);
        worker.finish().await;
    });
}

#[test]
fn a_task_with_any_id_can_be_revoked() {
    on_each_broker("a revoked task with an odd id", async |url| {
        let lab = Lab::at(url).await;
        let mut worker = lab.start(options());
        let first = lab.send_task(Signature::new("lab.hold").task_id("to be ended/1")).await;
        worker.until_started().await;
        first.terminate().await.unwrap();
        assert_eq!(end_of(&lab, "to be ended/1").await.0, "REVOKED");
        worker.finish().await;
    });
}

#[test]
fn half_a_surrogate_pair_runs_wherever_it_stands() {
    on_each_broker("lone surrogates", async |url| {
        let mut lab = Lab::at(url).await;
        let worker = lab.start(options());
        let raw = message("in the header", "/headers/shadow", json!("SURROGATE"));
        let in_header = raw.replace("SURROGATE", "broken \\ud83d");
        let in_kwargs = with_body("in a name", r#"[[1], {"\udc00": 2}, {}]"#);
        let in_args = with_body("in the message", r#"[["broken \ud83d"], {}, {}]"#)
            .replace("lab.add", "lab.fail");
        for raw in [in_header, in_kwargs, in_args] {
            lab.send::<()>(&["LPUSH", "celery", &raw]).await;
        }
        assert_eq!(end_of(&lab, "in the header").await, ("SUCCESS".into(), json!(3)));
        // It ran, and got what is not its name.
        assert_eq!(end_of(&lab, "in a name").await, ("FAILURE".into(), json!("TypeError")));
        assert_eq!(end_of(&lab, "in the message").await, ("FAILURE".into(), json!("ValueError")));
        let failed: String = lab.send(&["GET", "celery-task-meta-in the message"]).await;
        assert!(failed.contains(r"broken \ufffd"), "{failed}");
        assert_eq!(lab.ask::<i64>("EXISTS celery.dead").await, 0);
        worker.finish().await;
    });
}

/// Messages that can't be run: their id, and the class of the exception that says why.
fn unrunnable() -> Vec<(String, &'static str, &'static str)> {
    let deep = format!("[[{}{}], {{}}, {{}}]", "[".repeat(300), "]".repeat(300));
    vec![
        (message("eta", "/headers/eta", json!("soon")), "eta", "InvalidTaskError"),
        (message("expires", "/headers/expires", json!(5)), "expires", "InvalidTaskError"),
        (message("unnamed", "/headers/task", Value::Null), "unnamed", "InvalidTaskError"),
        (
            message("pickle", "/content-type", json!("application/x-python-serialize")),
            "pickle",
            "ContentDisallowed",
        ),
        (message("bz2", "/headers/compression", json!("bzip2")), "bz2", "DecodeError"),
        (message("not base64", "/body", json!("!!!")), "not base64", "DecodeError"),
        (message("no body", "/body", Value::Null), "no body", "DecodeError"),
        (message("no list", "/body", json!(5)), "no list", "DecodeError"),
        (with_body("two", "[[1, 2], {}]"), "two", "DecodeError"),
        (with_body("null kwargs", "[[1, 2], null, {}]"), "null kwargs", "DecodeError"),
        (with_body("an embed", "[[1, 2], {}, \"x\"]"), "an embed", "DecodeError"),
        (with_body("NaN", "[[NaN, 1], {}, {}]"), "NaN", "DecodeError"),
        (with_body("long", "[[1, 99999999999999999999], {}, {}]"), "long", "OverflowError"),
        (with_body("deep", &deep), "deep", "DecodeError"),
        (message("unknown", "/headers/task", json!("no.such")), "unknown", "NotRegistered"),
        (
            message("large", "/headers/argsrepr", json!("x".repeat(MAX_SIZE))),
            "large",
            "DecodeError",
        ),
        // What Python can't read is put aside before anybody holds it.
        (
            message("a tag", "/headers/x", json!({"__type__": "x", "__value__": 1})),
            "a tag",
            "DecodeError",
        ),
    ]
}

#[test]
fn what_can_not_be_run_is_a_failure_with_the_true_reason_and_is_kept() {
    on_each_broker("messages that can't be run", async |url| {
        let mut lab = Lab::at(url).await;
        let worker = lab.start(options());
        let messages = unrunnable();
        for (raw, _, _) in &messages {
            lab.send::<()>(&["LPUSH", "celery", raw]).await;
        }
        for (_, id, class) in &messages {
            assert_eq!(end_of(&lab, id).await, ("FAILURE".into(), json!(class)), "{id}");
        }
        until_dead(&lab, messages.len() as i64).await;
        let kept: Vec<String> = lab.ask("LRANGE celery.dead 0 -1").await;
        let kept: Vec<Value> =
            kept.iter().map(|entry| serde_json::from_str(entry).unwrap()).collect();
        for (raw, id, _) in messages.iter().filter(|(_, id, _)| *id != "unknown") {
            let kept = kept.iter().find(|entry| entry["message"] == raw.as_str());
            let reason =
                kept.unwrap_or_else(|| panic!("{id} is not kept"))["reason"].as_str().unwrap();
            let document: String = lab.send(&["GET", &keys::task_meta(id)]).await;
            let told: Value = serde_json::from_str(&document).unwrap();
            let told = told["result"]["exc_message"][0].as_str().unwrap();
            assert!(told.starts_with(reason), "{id}: {told:?} and {reason:?}");
        }
        assert_eq!(
            lab.send_task(add(3, 4)).await.get(PATIENCE).await.unwrap(),
            7,
            "the worker lives"
        );
        assert_eq!(lab.ask::<i64>("EXISTS celery unacked unacked_index").await, 0);
        worker.finish().await;
    });
}

#[test]
fn numbers_that_nobody_needs_are_no_reason_to_refuse() {
    on_each_broker("NaN in a header", async |url| {
        let mut lab = Lab::at(url).await;
        let worker = lab.start(options());
        for (id, word) in
            [("1", "NaN"), ("2", "-Infinity"), ("3", "1e999"), ("4", "99999999999999999999")]
        {
            let raw = message(id, "/headers/x", json!("NUMBER")).replace("\"NUMBER\"", word);
            lab.send::<()>(&["LPUSH", "celery", &raw]).await;
            assert_eq!(end_of(&lab, id).await, ("SUCCESS".into(), json!(3)), "{word}");
        }
        worker.finish().await;
    });
}

/// What Python can't read, though cjson can.
#[test]
fn what_python_can_not_read_does_not_stay_in_unacked() {
    on_each_broker("numbers that Python does not have", async |url| {
        let mut lab = Lab::at(url).await;
        let digits = "1".repeat(5000);
        let words = [
            "0x10", "01", "-01", "1.", "-.5", "1.e5", "nan", "inf", "infinity", "\"a\tb\"", &digits,
        ];
        for word in words {
            let raw = message("odd", "/headers/x", json!("WORD")).replace("\"WORD\"", word);
            lab.send::<()>(&["LPUSH", "celery", &raw]).await;
        }
        let tagged = message("odd", "/headers/x", json!({"__type__": "no such", "__value__": 1}));
        let deep = message("odd", "/headers/x", json!("WORD"));
        let deep = deep.replace("\"WORD\"", &("[".repeat(200) + &"]".repeat(200)));
        for raw in [&tagged, &deep] {
            lab.send::<()>(&["LPUSH", "celery", raw]).await;
        }
        let worker = lab.start(options());
        until_dead(&lab, words.len() as i64 + 2).await;
        let kept: Vec<String> = lab.ask("LRANGE celery.dead 0 -1").await;
        assert!(kept.iter().all(|entry| entry.contains("not a JSON message")), "{kept:?}");
        assert_eq!(lab.ask::<i64>("HLEN unacked").await, 0);
        worker.finish().await;
    });
}

#[test]
fn whoever_waits_for_what_follows_is_told_as_well() {
    on_each_broker("a chord and a chain with a broken member", async |url| {
        let mut lab = Lab::at(url).await;
        let worker = lab.start(options());
        let link = |id: &str| json!({"task": "lab.add", "args": [], "kwargs": {}, "options": {"task_id": id}});
        let embed =
            json!({"chord": link("body"), "chain": [link("next")], "errbacks": [link("told")]});
        let body = json!([[1, 2], {}, embed]).to_string().replace("[1,2]", "[NaN]");
        let mut raw: Value = serde_json::from_str(&with_body("member", &body)).unwrap();
        raw["headers"]["group"] = json!("a group/1");
        raw["headers"]["group_index"] = json!(0);
        lab.send::<()>(&["SET", &keys::chord("a group/1").size, "1"]).await;
        lab.send::<()>(&["LPUSH", "celery", &raw.to_string()]).await;
        for (id, class) in [
            ("member", "DecodeError"),
            ("next", "DecodeError"),
            ("body", "ChordError"),
            ("told", "TypeError"),
        ] {
            assert_eq!(end_of(&lab, id).await, ("FAILURE".into(), json!(class)), "{id}");
        }
        worker.finish().await;
    });
}

#[test]
fn a_message_without_an_id_is_kept_and_told_of() {
    on_each_broker("a message without an id", async |url| {
        let mut lab = Lab::at(url).await;
        let mut worker = lab.start(late());
        for raw in ["hello", "[]", "5", "{}", "{\"headers\": {\"task\": \"lab.add\", \"id\": [7]}}"]
        {
            lab.send::<()>(&["LPUSH", "celery", raw]).await;
            let id = worker.until(|event| match event {
                Event::TaskRejected { id, .. } => Some(id.clone()),
                _ => None,
            });
            assert_eq!(id.await, None, "{raw}");
        }
        assert_eq!(lab.count("LLEN", "celery.dead").await, 5);
        assert_eq!(lab.send_task(add(3, 4)).await.get(PATIENCE).await.unwrap(), 7);
        worker.finish().await;
    });
}

/// Its words are Celery's.
#[test]
fn a_soft_limit_above_the_hard_one_is_refused() {
    on_each_broker("limits in the wrong order", async |url| {
        let mut lab = Lab::at(url).await;
        let [short, long] = [10, 20].map(Duration::from_secs);
        let wrong = Task::new("lab.wrong", [], |_, ()| async { Ok(()) });
        let wrong = wrong.time_limit(short).soft_time_limit(long);
        let equal = Task::new("lab.equal", [], |_, ()| async { Ok(()) });
        let equal = equal.time_limit(short).soft_time_limit(short);
        let softer = Task::new("lab.softer", [], |_, ()| async { Ok(()) }).soft_time_limit(long);
        let by_worker = WorkerOptions { time_limit: Some(short), ..options() };
        let worker = lab.start_with(by_worker, Registry::new([wrong, equal, softer]));
        let task = |name: &str| Signature::new(name).task_id(name);
        let by_message = task("lab.equal").task_id("by message");
        for sent in [
            task("lab.wrong"),
            task("lab.softer"),
            task("lab.equal"),
            by_message.time_limit(short).soft_time_limit(long),
            task("lab.equal").task_id("shorter").time_limit(short / 2),
        ] {
            lab.send_task(sent).await;
        }
        for id in ["lab.wrong", "lab.softer", "by message"] {
            assert_eq!(end_of(&lab, id).await, ("FAILURE".into(), json!("ValueError")), "{id}");
            let document: String = lab.send(&["GET", &keys::task_meta(id)]).await;
            assert!(document.contains("soft_time_limit must be less than or equal to time_limit"));
        }
        for id in ["lab.equal", "shorter"] {
            assert_eq!(end_of(&lab, id).await, ("SUCCESS".into(), Value::Null), "{id}");
        }
        worker.finish().await;
        let options =
            WorkerOptions { soft_time_limit: Some(long), time_limit: Some(short), ..options() };
        let refused =
            Worker::new(Arc::clone(&lab.broker), Registry::default(), options, Arc::new(drop));
        assert!(matches!(refused, Err(InvalidWorker::TimeLimits { .. })));
    });
}
