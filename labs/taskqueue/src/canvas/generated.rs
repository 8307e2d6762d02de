//! What follows a task, of anything that may stand in its message: no panic, and no end without one.

use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::Utc;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use super::{Ended, after_failure, after_revocation, after_success, check};
use crate::message::Message;
use crate::route::Routes;
use crate::signature::Signature;
use crate::task::Registry;
use crate::task_error::TaskError;

fn odd() -> impl Strategy<Value = Value> {
    proptest::sample::select(vec![
        json!(null),
        json!(true),
        json!(-1),
        json!(1e300),
        json!(""),
        json!("a/b ü"),
        json!([]),
        json!([null]),
        json!({}),
        json!([[[]]]),
    ])
}

const OPTIONS: [&str; 15] = [
    "task_id",
    "group_id",
    "group_index",
    "chord",
    "chain",
    "link",
    "link_error",
    "queue",
    "countdown",
    "eta",
    "expires",
    "priority",
    "headers",
    "stamped_headers",
    "serializer",
];

fn options(value: BoxedStrategy<Value>) -> impl Strategy<Value = Value> {
    let option = (proptest::sample::select(&OPTIONS[..]).prop_map(str::to_owned), value);
    let options = proptest::collection::vec(option, 0..4);
    options.prop_map(|options| Value::Object(options.into_iter().collect()))
}

/// A signature with signatures in it, some of them wrong.
fn signature() -> BoxedStrategy<Value> {
    let leaf = (options(odd().boxed()), any::<bool>()).prop_map(|(options, immutable)| {
        json!({"task": "t", "args": [1], "kwargs": {}, "options": options, "immutable": immutable})
    });
    let composite = |inner: BoxedStrategy<Value>| {
        let kinds = vec!["chain", "group", "chord", "chord of one", "odd"];
        let tasks = proptest::collection::vec(inner.clone(), 0..4);
        let options = options(prop_oneof![odd(), inner.clone()].boxed());
        let parts = (proptest::sample::select(kinds), tasks, inner, options);
        parts.prop_map(|(kind, tasks, body, options)| {
            let (kind, kwargs) = match kind {
                "chord" => (kind, json!({"kwargs": {}, "header": tasks, "body": body})),
                "chord of one" => {
                    ("chord", json!({"kwargs": {}, "header": body.clone(), "body": body}))
                }
                "odd" => ("chain", json!({"tasks": body})),
                kind => (kind, json!({"tasks": tasks})),
            };
            json!({"task": "celery.odd", "args": [], "kwargs": kwargs, "options": options,
                "subtask_type": kind})
        })
    };
    leaf.prop_recursive(4, 24, 4, composite).boxed()
}

#[test]
fn whatever_is_linked_is_sent_or_refused() {
    let value = prop_oneof![
        4 => signature(),
        4 => proptest::collection::vec(signature(), 0..4).prop_map(Value::Array),
        1 => odd(),
    ];
    let embed = (value.clone(), value.clone(), value.clone(), value);
    let config = Config { cases: 400, failure_persistence: None, ..Config::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    TestRunner::new_with_rng(config, rng)
        .run(&embed, |(callbacks, errbacks, chain, chord)| {
            let mut message = Message::new(&Signature::new("t"), "an id/1", Utc::now()).unwrap();
            let embed = json!({"callbacks": callbacks, "errbacks": errbacks, "chain": chain, "chord": chord});
            message.body = BASE64_STANDARD.encode(json!([[], {}, embed]).to_string());
            message.headers.group = Some("a group".into());
            let (body, routes, registry) = (message.body().unwrap(), Routes::default(), Registry::default());
            let ended = Ended {
                headers: &message.headers,
                embed: &body.2,
                registry: &registry,
                routes: &routes,
                now: Utc::now(),
            };
            // What was found good is good afterwards as well.
            let checked = check(ended);
            let followed = after_success(ended, &json!([1, "x"]));
            prop_assert!(checked.is_err() || followed.is_ok(), "{:?}", followed.err());
            let error = TaskError::new("ValueError", "boom");
            drop((after_failure(ended, &error), after_revocation(ended, "expired")));
            for sent in followed.map(|outbox| outbox.messages).unwrap_or_default() {
                let again = Message::decode(sent.raw.as_bytes());
                prop_assert!(again.is_ok(), "{:?}: {}", again.err(), sent.raw);
            }
            Ok(())
        })
        .unwrap();
}
