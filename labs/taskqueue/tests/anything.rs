//! Anything that anyone can write into Redis, generated with a fixed seed so that a failure comes
//! again: nothing panics, nothing hangs, nothing vanishes, and the worker lives.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails loudly")]

mod support;

use std::collections::HashSet;
use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};
use support::lab::{Lab, PATIENCE, Running, add, late};
use support::on_each_broker;
use taskqueue::{
    AsyncResult, Event, EventReceiver, Heard, Message, Registry, Schedule, Task, TaskMeta,
    WorkerOptions, keys,
};

fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

/// JSON, and what Python takes for it, as text.
const ODD: [&str; 32] = [
    "null",
    "true",
    "false",
    "0",
    "-1",
    "1.5",
    "7",
    "300",
    "1e400",
    "123456789012345678901234567890",
    "NaN",
    "-Infinity",
    "\"\"",
    "\"5\"",
    "\"soon\"",
    "\"2020-01-02 03:04:05Z\"",
    "\"2020-01-02\"",
    "\"broken \\ud83d\"",
    "\"\\udc00\\ud83d\\ude00\"",
    "\"größe/7\"",
    "\"\\u0000\\u001b[31m\"",
    "\"a\\nb\"",
    "[]",
    "[null, 1]",
    "[[1]]",
    "{}",
    "{\"a\": {\"b\": [NaN]}}",
    "{\"a\": 1, \"a\": 2}",
    "{\"__type__\": \"datetime\", \"__value__\": \"2020-01-02T03:04:05\"}",
    "{\"__type__\": \"unheard of\", \"__value__\": 1}",
    "{\"task\": \"any.thing\", \"args\": [], \"kwargs\": {}, \"options\": {}}",
    "[{\"task\": 5}]",
];

/// What no parser takes, or not to its end.
const BROKEN: [&str; 9] = ["", "0x10", "01", "1.", "-.5", "nan", "\"a\tb\"", "{", "\"\\ud83"];

fn odd() -> impl Strategy<Value = String> {
    prop_oneof![
        12 => proptest::sample::select(&ODD[..]).prop_map(str::to_owned),
        1 => (1..300usize).prop_map(|depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth))),
        1 => any::<String>().prop_map(|text| json!(text).to_string()),
        1 => any::<f64>().prop_map(|number| json!(number).to_string()),
    ]
}

const HEADERS: [&str; 17] = [
    "lang",
    "shadow",
    "eta",
    "expires",
    "group",
    "group_index",
    "retries",
    "timelimit",
    "root_id",
    "parent_id",
    "argsrepr",
    "kwargsrepr",
    "origin",
    "ignore_result",
    "stamps",
    "compression",
    "x",
];
const PROPERTIES: [&str; 8] = [
    "correlation_id",
    "reply_to",
    "delivery_mode",
    "expiration",
    "delivery_info",
    "priority",
    "delivery_tag",
    "x",
];
const EMBEDDED: [&str; 5] = ["callbacks", "errbacks", "chain", "chord", "x"];
const SIGNATURE: [&str; 7] =
    ["task", "args", "kwargs", "options", "subtask_type", "immutable", "x"];
const OPTIONS: [&str; 11] = [
    "task_id",
    "queue",
    "priority",
    "expires",
    "link",
    "link_error",
    "chain",
    "chord",
    "group_id",
    "headers",
    "retries",
];

/// An object with some of `names`, each something odd.
fn object(names: &'static [&'static str], value: BoxedStrategy<String>) -> BoxedStrategy<String> {
    let fields = vec((proptest::sample::select(names), value), 0..3);
    let field = |(name, value): &(&str, String)| format!("\"{name}\": {value}");
    fields
        .prop_map(move |fields| {
            let fields: Vec<String> = fields.iter().map(field).collect();
            format!("{{{}}}", fields.join(", "))
        })
        .boxed()
}

/// A signature as it stands in a message, with others in it.
fn signature() -> BoxedStrategy<String> {
    let leaf = object(&SIGNATURE, odd().boxed()).prop_map(|odd| signed("any.thing", &odd)).boxed();
    leaf.prop_recursive(3, 12, 3, |inner| {
        let tasks = vec(inner.clone(), 0..4).prop_map(|tasks| format!("[{}]", tasks.join(", ")));
        let kind = proptest::sample::select(&["chain", "group", "chord", "quorum"][..]);
        let options = object(&OPTIONS, prop_oneof![odd(), inner.clone()].boxed());
        (kind, tasks, inner, options).prop_map(|(kind, tasks, body, options)| {
            let kwargs = match kind {
                "chord" => format!("{{\"kwargs\": {{}}, \"header\": {tasks}, \"body\": {body}}}"),
                _ => format!("{{\"tasks\": {tasks}}}"),
            };
            signed(
                &format!("celery.{kind}"),
                &format!(
                    "{{\"subtask_type\": \"{kind}\", \"kwargs\": {kwargs}, \"options\": {options}}}"
                ),
            )
        })
    })
    .boxed()
}

/// `odd` in a signature; of two fields with one name the later one counts.
fn signed(task: &str, odd: &str) -> String {
    let own = format!("{{\"task\": \"{task}\", \"args\": [], \"kwargs\": {{}}, \"options\": {{}}");
    joined(&own, odd)
}

fn joined(open: &str, more: &str) -> String {
    let more = more.trim_start_matches('{');
    if more == "}" { format!("{open}}}") } else { format!("{open}, {more}") }
}

fn body() -> BoxedStrategy<String> {
    let value = prop_oneof![2 => odd(), 1 => signature(), 1 => signature().prop_map(|one| format!("[{one}]"))];
    let embed = object(&EMBEDDED, value.boxed());
    let args = prop_oneof![3 => Just("[]".to_owned()), 1 => odd()];
    let kwargs = prop_oneof![3 => Just("{}".to_owned()), 1 => odd()];
    let three = (args, kwargs, embed)
        .prop_map(|(args, kwargs, embed)| format!("[{args}, {kwargs}, {embed}]"));
    let first = object(&SIGNATURE, odd().boxed());
    let first = first.prop_map(|odd| joined("{\"task\": \"any.thing\", \"args\": []", &odd));
    prop_oneof![12 => three, 2 => first, 1 => odd(), 1 => Just(BROKEN[0].to_owned())].boxed()
}

/// A message, and whether somebody may wait for it: whether it is JSON, as Python takes it.
#[derive(Debug, Clone)]
struct Odd {
    text: String,
    is_json: bool,
}

/// `ID` stands where its id is to stand.
fn message() -> BoxedStrategy<Odd> {
    let parts =
        (object(&HEADERS, odd().boxed()), object(&PROPERTIES, odd().boxed()), body(), odd());
    let encoded = parts.prop_map(|(headers, properties, body, content_type)| {
        let headers = joined("{\"task\": \"any.thing\", \"id\": \"ID\"", &headers);
        let properties = joined("{\"body_encoding\": \"base64\"", &properties);
        let content_type = if content_type.starts_with('"') { &content_type } else { "\"application/json\"" };
        let body = BASE64_STANDARD.encode(body);
        format!(
            "{{\"body\": \"{body}\", \"content-type\": {content_type}, \"headers\": {headers}, \"properties\": {properties}}}"
        )
    });
    let whole = encoded.prop_map(|text| Odd { text, is_json: true }).boxed();
    let broken =
        (whole.clone(), proptest::sample::select(&BROKEN[..])).prop_map(|(odd, broken)| {
            let text = odd.text.replacen("\"ID\"", &format!("\"ID\", \"y\": {broken}"), 1);
            Odd { text, is_json: false }
        });
    prop_oneof![10 => whole, 1 => broken].boxed()
}

#[test]
fn any_bytes_are_read_or_refused_and_never_a_panic() {
    let recorded = include_bytes!("golden/messages/link.raw.txt");
    let damaged = vec((0..recorded.len(), any::<u8>()), 1..4).prop_map(|damages| {
        let mut bytes = recorded.to_vec();
        damages.iter().for_each(|(at, byte)| bytes[*at] = *byte);
        bytes
    });
    let generated = message().prop_map(|odd| odd.text.into_bytes());
    let bytes = prop_oneof![vec(any::<u8>(), 0..200), damaged, generated];
    runner(1500)
        .run(&bytes, |bytes| {
            if let Ok(message) = Message::decode(&bytes) {
                let _ = message.body();
                let again = Message::decode(message.encode().unwrap().as_bytes()).unwrap();
                prop_assert_eq!(&again.headers.id, &message.headers.id);
                prop_assert_eq!(&again.headers.task, &message.headers.task);
                prop_assert_eq!(again.body().is_ok(), message.body().is_ok());
            }
            let _ = TaskMeta::decode(&bytes);
            Ok(())
        })
        .unwrap();
}

#[test]
fn any_text_is_a_crontab_or_none() {
    let field = proptest::string::string_regex("[0-9*/,a-z-]{1,6}").unwrap();
    let fields =
        vec(prop_oneof![Just("*".to_owned()), field], 4..7).prop_map(|fields| fields.join(" "));
    runner(2000)
        .run(&prop_oneof![1 => any::<String>(), 6 => fields], |text| {
            if let Ok(schedule) = Schedule::crontab(&text) {
                let now = chrono::DateTime::UNIX_EPOCH;
                prop_assert!(schedule.next_after(now) > now);
            }
            Ok(())
        })
        .unwrap();
}

/// So many of them, all different.
fn generated(count: usize) -> Vec<(String, Odd)> {
    let mut runner = runner(1);
    let message = message();
    let one = |number: usize| {
        let id = format!("odd/{number} of ann@example.com");
        let odd = message.new_tree(&mut runner).unwrap().current();
        (id.clone(), Odd { text: odd.text.replacen("\"ID\"", &json!(id).to_string(), 1), ..odd })
    };
    (0..count).map(one).collect()
}

fn registry() -> Registry {
    Registry::new([
        Task::new("any.thing", [], |_, ()| async { Ok("ran") }),
        Task::new("lab.add", ["x", "y"], |_, (x, y): (i64, i64)| async move { Ok(x + y) }),
    ])
}

/// What stands in `celery.dead`: the messages.
async fn dead(lab: &mut Lab) -> HashSet<String> {
    let kept: Vec<Vec<u8>> = lab.ask("LRANGE celery.dead 0 -1").await;
    let read = |entry: &Vec<u8>| {
        let entry: Value = serde_json::from_slice(entry).unwrap();
        assert_ne!(entry["reason"].as_str().unwrap(), "");
        entry["message"].as_str().unwrap().to_owned()
    };
    kept.iter().map(read).collect()
}

async fn until_drained(lab: &mut Lab) {
    let deadline = tokio::time::Instant::now() + 3 * PATIENCE;
    while lab.ask::<i64>("EXISTS celery unacked unacked_index").await > 0 {
        assert!(tokio::time::Instant::now() < deadline, "something stays in the queue");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Into the list of the queue or another priority's, or held by a worker that is gone.
async fn put(lab: &mut Lab, number: usize, odd: &Odd) {
    if is_held(number) {
        let tag = format!("lease:gone:1:{number}");
        let entry = format!("[{},\"\",\"celery\"]", odd.text);
        lab.send::<()>(&["HSET", "unacked", &tag, &entry]).await;
        lab.send::<()>(&["ZADD", "unacked_index", "1", &tag]).await;
    } else {
        let list = keys::list("celery", (number % 10).try_into().unwrap());
        lab.send::<()>(&["LPUSH", &list, &odd.text]).await;
    }
}

fn is_held(number: usize) -> bool {
    number % 5 == 4
}

/// Whoever may wait for this one waits, and not in vain.
async fn wait_for(lab: &Lab, id: &str, odd: &Odd) {
    let ignored = |message: Message| message.ignores_result();
    if odd.is_json && !Message::decode(odd.text.as_bytes()).is_ok_and(ignored) {
        let result = AsyncResult::new(id, &lab.broker);
        let ended = result.until(|meta| meta.state.is_ready());
        let ended = tokio::time::timeout(PATIENCE, ended).await;
        ended.unwrap_or_else(|_| panic!("{id} waits: {}", odd.text));
    }
}

/// The tasks that had their end without being put aside.
fn ended(worker: &mut Running) -> HashSet<String> {
    let mut ended = HashSet::new();
    while let Ok(event) = worker.events.try_recv() {
        let request = match event {
            Event::TaskStarted { request, .. } | Event::TaskRevoked { request, .. } => request,
            // What follows it can't be sent, or its limits are in the wrong order: it does not run.
            Event::TaskFailed { request, error, .. }
                if ["NotImplementedError", "ValueError"].contains(&&*error.exc_type) =>
            {
                request
            }
            _ => continue,
        };
        ended.insert(request.id.clone());
    }
    ended
}

#[test]
fn whatever_stands_in_the_queue_ends_and_nothing_vanishes() {
    on_each_broker("generated messages", async |url| {
        let mut lab = Lab::at(url).await;
        let options = WorkerOptions { lease: Duration::from_millis(400), ..late() };
        let mut worker = lab.start_with(options, registry());
        let messages = generated(250);
        for (number, (_, odd)) in messages.iter().enumerate() {
            put(&mut lab, number, odd).await;
        }
        for (id, odd) in &messages {
            wait_for(&lab, id, odd).await;
        }
        until_drained(&mut lab).await;
        let sent = lab.send_task(add(3, 4)).await;
        assert_eq!(sent.get(PATIENCE).await.unwrap(), 7, "the worker lives");
        let (ended, dead) = (ended(&mut worker), dead(&mut lab).await);
        for (number, (id, odd)) in messages.iter().enumerate() {
            let is_kept =
                |kept: &String| *kept == odd.text || (is_held(number) && kept.contains(id));
            let kept = dead.iter().any(is_kept);
            assert!(ended.contains(id) || kept, "{id} vanished: {}", odd.text);
        }
        assert!(ended.len() > 50 && dead.len() > 50, "{} and {}", ended.len(), dead.len());
        worker.finish().await;
    });
}

const ORDER: [&str; 8] =
    ["method", "arguments", "destination", "pattern", "matcher", "reply_to", "ticket", "id"];
const ARGUMENTS: [&str; 11] = [
    "task_id",
    "task_name",
    "rate_limit",
    "soft",
    "hard",
    "n",
    "queue",
    "signal",
    "ids",
    "safe",
    "revoked",
];
const METHODS: [&str; 11] = [
    "ping",
    "revoke",
    "terminate",
    "rate_limit",
    "time_limit",
    "pool_grow",
    "registered",
    "query_task",
    "hello",
    "active",
    "nothing",
];

/// What somebody may publish: orders of remote control, and anything else.
fn published() -> BoxedStrategy<String> {
    let method = proptest::sample::select(&METHODS[..]);
    let order = (object(&ORDER, odd().boxed()), object(&ARGUMENTS, odd().boxed()), method);
    let order = order.prop_map(|(odd, arguments, method)| {
        joined(&format!("{{\"method\": \"{method}\", \"arguments\": {arguments}"), &odd)
    });
    let envelope = (order, object(&PROPERTIES, odd().boxed())).prop_map(|(body, properties)| {
        let properties = joined("{\"body_encoding\": \"base64\"", &properties);
        let body = BASE64_STANDARD.encode(body);
        format!("{{\"body\": \"{body}\", \"headers\": {{}}, \"properties\": {properties}}}")
    });
    prop_oneof![4 => envelope, 1 => message().prop_map(|odd| odd.text), 1 => odd()].boxed()
}

#[test]
fn whatever_is_published_leaves_worker_and_listener_alive() {
    on_each_broker("generated orders and events", async |url| {
        let mut lab = Lab::at(url).await;
        let worker = lab.start_with(late(), registry());
        let mut listener = EventReceiver::new(&lab.broker).await.unwrap();
        let (mut runner, published) = (runner(1), published());
        for number in 0..150 {
            let text = published.new_tree(&mut runner).unwrap().current();
            let channels =
                ["/0.celery.pidbox", "/0.celeryev/task.sent", "celery-task-meta-größe/7"];
            lab.send::<i64>(&["PUBLISH", channels[number % 3], &text]).await;
        }
        let sent = lab.send_task(add(3, 4)).await;
        assert_eq!(sent.get(PATIENCE).await.unwrap(), 7, "the worker lives");
        let told = async {
            loop {
                let heard = listener.next().await.expect("the listener is gone");
                if matches!(heard, Heard::Result { id, .. } if id == sent.id) {
                    return;
                }
            }
        };
        tokio::time::timeout(PATIENCE, told).await.expect("it hears nothing any more");
        worker.finish().await;
    });
}
