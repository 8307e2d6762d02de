//! What follows a task: callbacks, chains, groups, chords and errbacks, run by our workers.
//! The messages are those of a real Celery client, and so are the results that they must have.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails loudly")]

mod support;

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use serde_json::{Value, json};
use support::lab::{Lab, PATIENCE, late, options};
use support::on_each_broker;
use taskqueue::{
    AsyncResult, Broker, Registry, Request, RetryPolicy, Signature, Task, TaskError, chain, keys,
};

/// How often each task ran, by its id.
type Runs = Arc<Mutex<HashMap<String, usize>>>;

/// The tasks of golden/canvas/record.py, and one that fails the first time.
fn registry(runs: &Runs) -> Registry {
    let add = |_, (x, y): (i64, i64)| async move { Ok(x + y) };
    let flaky = RetryPolicy::default()
        .autoretry_for(["ValueError"])
        .default_retry_delay(Duration::from_millis(1));
    let counted = Arc::clone(runs);
    let tsum = move |request: Arc<Request>, (numbers,): (Vec<i64>,)| {
        *counted.lock().unwrap().entry(request.id.clone()).or_default() += 1;
        async move { Ok(numbers.iter().sum::<i64>()) }
    };
    let counted = Arc::clone(runs);
    let echo = move |request: Arc<Request>, (value,): (Value,)| {
        *counted.lock().unwrap().entry(request.id.clone()).or_default() += 1;
        async move { Ok(value) }
    };
    Registry::new([
        Task::new("wire.add", ["x", "y"], add),
        Task::new("wire.quiet", ["x", "y"], add).ignore_result(),
        Task::new("wire.tsum", ["numbers"], tsum),
        Task::new("wire.echo", ["value"], echo),
        Task::new("wire.fail", ["message"], |_, (message,): (String,)| async move {
            Err::<(), _>(TaskError::new("ValueError", message))
        }),
        Task::new("wire.flaky", ["times"], |request: Arc<Request>, (times,): (u32,)| async move {
            if request.retries < times { Err(TaskError::new("ValueError", "again")) } else { Ok(7) }
        })
        .retry(flaky),
    ])
}

fn add(x: i64, y: i64) -> Signature {
    Signature::new("wire.add").arg(x).arg(y)
}

fn echo() -> Signature {
    Signature::new("wire.echo")
}

fn golden() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/canvas")
}

fn recording(name: &str) -> Vec<Value> {
    let file = fs::read(golden().join(format!("{name}.json"))).unwrap();
    let recording: Value = serde_json::from_slice(&file).unwrap();
    recording["steps"].as_array().unwrap().clone()
}

/// The messages of a recording that its client sent, not a worker.
fn by_client(steps: &[Value]) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let sent = |step: &Value| step["sent"].as_array().unwrap().clone();
    let by_workers: Vec<String> = steps.iter().flat_map(sent).map(|sent| text(&sent[1])).collect();
    let messages = steps.iter().map(|step| text(&step["message"]));
    messages.filter(|message| !by_workers.contains(message)).collect()
}

/// Puts into Redis what the recorded client had put there.
async fn send_as_celery_did(lab: &mut Lab, steps: &[Value]) {
    for (key, value) in steps[0]["before"].as_object().unwrap() {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        lab.send::<()>(&["SET", key, &value]).await;
    }
    for message in by_client(steps) {
        lab.send::<()>(&["LPUSH", "celery", &message]).await;
    }
}

/// The state and result of each task that the client knew by its id.
fn expected(steps: &[Value]) -> HashMap<String, (String, Value)> {
    let known: String = by_client(steps).iter().map(|message| decoded(message)).collect();
    let mut expected = HashMap::new();
    for (key, document) in steps.iter().flat_map(|step| step["stored"].as_object().unwrap()) {
        let Some(id) = key.strip_prefix("celery-task-meta-") else { continue };
        if known.contains(id) {
            let state = document["status"].as_str().unwrap().to_owned();
            expected.insert(id.to_owned(), (state, document["result"].clone()));
        }
    }
    assert!(!expected.is_empty() || known.contains("wire.quiet"));
    expected
}

/// A message with its body, which may name ids, in the clear.
fn decoded(raw: &str) -> String {
    use base64::Engine;
    let body = serde_json::from_str::<Value>(raw).unwrap()["body"].clone();
    let body = base64::prelude::BASE64_STANDARD.decode(body.as_str().unwrap()).unwrap();
    format!("{raw} {}", String::from_utf8(body).unwrap())
}

/// Waits for something that is read from Redis.
async fn until<T>(mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(Instant::now() < deadline, "it never came");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn ended(lab: &Lab, id: &str) -> (String, Value) {
    let result = AsyncResult::new(id, &lab.broker);
    until(async || {
        let meta = result.meta().await.unwrap();
        meta.state.is_ready().then(|| (meta.state.word().to_owned(), meta.result))
    })
    .await
}

#[test]
fn a_canvas_of_a_celery_client_ends_here_as_it_ended_there() {
    // Those take longer than a test should; the others are all of them.
    let later = ["link_countdown", "link_chord_countdown", "link_eta", "chain_options"];
    let names = fs::read_dir(golden()).unwrap().map(|entry| entry.unwrap().path());
    let names: Vec<String> = names
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .filter(|name| !later.contains(&name.as_str()))
        .collect();
    assert!(names.len() > 40);
    on_each_broker("canvases of Celery", async |url| {
        let mut lab = Lab::at(url).await;
        let worker = lab.start_with(late(), registry(&Runs::default()));
        for name in &names {
            let steps = recording(name);
            send_as_celery_did(&mut lab, &steps).await;
            for (id, (state, result)) in expected(&steps) {
                assert_eq!(ended(&lab, &id).await, (state, result), "{name}: {id}");
            }
        }
        // Some callbacks have no id that the client knew; they end as well.
        let left = "EXISTS celery unacked unacked_index";
        until(async || (lab.ask::<i64>(left).await == 0).then_some(())).await;
        let aside: Vec<String> = lab.ask("LRANGE celery.dead 0 -1").await;
        let unknown = |entry: &String| entry.contains("unknown task far.away");
        assert!(aside.len() == 2 && aside.iter().all(unknown), "{aside:?}");
        worker.finish().await;
    });
}

#[test]
fn what_follows_goes_where_the_workers_routes_say() {
    on_each_broker("a routed callback", async |url| {
        let mut lab = Lab::at(url).await;
        let routes = [("wire.echo", "away")];
        lab.broker = Arc::new(Broker::new(url).unwrap().task_routes(routes));
        let worker = lab.start_with(options(), registry(&Runs::default()));
        let callbacks = [link(json!({})), link(json!({"options": {"queue": "own"}}))];
        let asked = with_embed("asked", &json!({"callbacks": callbacks}));
        lab.send::<()>(&["LPUSH", "celery", &asked]).await;
        ended(&lab, "asked").await;
        worker.finish().await;
        let lab = Lab::looking_at(url).await;
        let lengths = [lab.count("LLEN", "away").await, lab.count("LLEN", "own").await];
        assert_eq!(lengths, [1, 1]);
    });
}

#[test]
fn a_callback_gets_the_result_and_is_the_child_of_its_task() {
    on_each_broker("a callback", async |url| {
        let mut lab = Lab::at(url).await;
        let worker = lab.start_with(options(), registry(&Runs::default()));
        let callback = echo().task_id("callback").arg("unused").immutable();
        let parent = lab.send_task(add(1, 2).task_id("parent").link(echo()).link(callback)).await;
        assert_eq!(parent.get(PATIENCE).await.unwrap(), 3);
        assert_eq!(ended(&lab, "callback").await, ("SUCCESS".into(), json!("unused")));
        let document: Value =
            serde_json::from_str(&lab.ask::<String>("GET celery-task-meta-parent").await).unwrap();
        let group = &document["children"][0];
        assert_eq!(group[1][1], json!([["callback", null], null]));
        let first = group[1][0][0][0].as_str().unwrap();
        assert_eq!(ended(&lab, first).await, ("SUCCESS".into(), json!(3)));
        worker.finish().await;
    });
}

#[test]
fn a_chain_hands_each_result_on_and_its_result_is_the_last_one() {
    on_each_broker("a chain", async |url| {
        let lab = Lab::at(url).await;
        let worker = lab.start_with(options(), registry(&Runs::default()));
        let more = |y: i64| Signature::new("wire.add").arg(y);
        let all = lab.send_task(chain([add(1, 2), more(3), more(4)])).await;
        assert_eq!(all.get(PATIENCE).await.unwrap(), 10);
        worker.finish().await;
    });
}

#[test]
fn a_chain_that_fails_calls_its_errback_and_leaves_nobody_waiting() {
    on_each_broker("a failing chain", async |url| {
        let lab = Lab::at(url).await;
        let worker = lab.start_with(options(), registry(&Runs::default()));
        let tasks = [echo().arg("boom"), Signature::new("wire.fail").task_id("second"), echo()];
        let all = lab.send_task(chain(tasks).link_error(echo().task_id("told"))).await;
        let failure =
            json!({"exc_type": "ValueError", "exc_message": ["boom"], "exc_module": "builtins"});
        assert_eq!(ended(&lab, &all.id).await, ("FAILURE".into(), failure));
        assert_eq!(ended(&lab, "told").await, ("SUCCESS".into(), json!("second")));
        worker.finish().await;
    });
}

#[test]
fn what_follows_waits_for_the_last_retry() {
    on_each_broker("a retry with links", async |url| {
        let lab = Lab::at(url).await;
        let runs = Runs::default();
        let worker = lab.start_with(options(), registry(&runs));
        let flaky = |times: u32| Signature::new("wire.flaky").arg(times);
        let told = |id: &str| echo().task_id(id);
        lab.send_task(flaky(2).link(told("done")).link_error(told("never"))).await;
        lab.send_task(flaky(9).task_id("nine").link(told("never")).link_error(told("failed")))
            .await;
        assert_eq!(ended(&lab, "done").await.1, json!(7));
        assert_eq!(ended(&lab, "failed").await.1, json!("nine"));
        worker.finish().await;
        let ran = [("done".to_owned(), 1), ("failed".to_owned(), 1)];
        assert_eq!(*runs.lock().unwrap(), HashMap::from(ran));
    });
}

/// A signature of `wire.echo` with something else in it.
fn link(extra: Value) -> Value {
    let mut link = json!({"task": "wire.echo", "args": [], "kwargs": {}, "options": {},
        "subtask_type": null, "immutable": false});
    link.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    link
}

/// Callbacks that can't be sent, and what their refusal must name.
fn refused() -> Vec<(Value, &'static str)> {
    // A hundred kilobytes for each of a thousand members.
    let body = link(json!({"args": ["x".repeat(100_000)]}));
    let chord = json!({"kwargs": {}, "header": vec![link(json!({})); 1000], "body": body});
    let with = |options: Value| json!([link(json!({"options": options}))]);
    vec![
        (json!([link(json!({"subtask_type": "quorum"}))]), "type \"quorum\""),
        (json!([link(json!({"subtask_type": "chord", "kwargs": chord}))]), "bytes long"),
        (json!("echo"), "callbacks of this task"),
        (with(json!({"serializer": "pickle"})), "serializer"),
        (with(json!({"exchange": "e", "routing_key": "r"})), "exchange"),
        (with(json!({"countdown": "soon"})), "countdown"),
        (with(json!({"headers": {"id": "x"}})), "headers"),
    ]
}

#[test]
fn what_we_can_not_send_is_a_failure_before_the_task_has_run() {
    on_each_broker("an unknown kind of signature", async |url| {
        let mut lab = Lab::at(url).await;
        let runs = Runs::default();
        let worker = lab.start_with(options(), registry(&runs));
        for (callbacks, named) in refused() {
            let errback = link(json!({"options": {"task_id": "told"}}));
            let embed = json!({"callbacks": callbacks, "errbacks": [errback]});
            lab.send::<()>(&["LPUSH", "celery", &with_embed("asked", &embed)]).await;
            let (state, failure) = ended(&lab, "asked").await;
            assert_eq!(
                (state.as_str(), &failure["exc_type"]),
                ("FAILURE", &json!("NotImplementedError"))
            );
            let why = failure["exc_message"][0].as_str().unwrap();
            assert!(why.contains(named) && why.contains("next: "), "{why}");
            assert_eq!(ended(&lab, "told").await.1, json!("asked"));
            let removed: i64 = lab.ask("DEL celery-task-meta-asked celery-task-meta-told").await;
            assert_eq!(removed, 2);
        }
        worker.finish().await;
        assert_eq!(runs.lock().unwrap().get("asked"), None, "it ran all the same");
    });
}

/// A message for `wire.echo("x")` with this embed.
fn with_embed(id: &str, embed: &Value) -> String {
    use base64::Engine;
    let message = echo().arg("x").task_id(id).message().unwrap();
    let body = json!([["x"], {}, embed]).to_string();
    let body = base64::prelude::BASE64_STANDARD.encode(body);
    message.encode().unwrap().replace(&message.body, &body)
}

/// A member of the chord `group`, whose body is `wire.tsum` with the id `<group>-body`.
fn member(group: &str, place: u64, member: Signature) -> String {
    use base64::Engine;
    let message = member.task_id(format!("{group}-{place}")).message().unwrap();
    let mut raw: Value = serde_json::from_str(&message.encode().unwrap()).unwrap();
    let mut body = serde_json::to_value(message.body().unwrap()).unwrap();
    body[2]["chord"] = json!({"task": "wire.tsum", "args": [], "kwargs": {}, "subtask_type": null,
        "options": {"task_id": format!("{group}-body"), "group_id": group}, "immutable": false});
    raw["body"] = base64::prelude::BASE64_STANDARD.encode(body.to_string()).into();
    raw["headers"]["group"] = json!(group);
    raw["headers"]["group_index"] = json!(place);
    raw.to_string()
}

async fn send_chord(lab: &mut Lab, group: &str, members: &[String]) {
    lab.send::<()>(&["SET", &keys::chord(group).size, &members.len().to_string()]).await;
    for member in members {
        lab.send::<()>(&["LPUSH", "celery", member]).await;
    }
}

/// A signature of `wire.echo` that takes nothing from the task before it.
fn own(value: &str) -> Value {
    link(json!({"args": [value], "immutable": true}))
}

fn composite(subtask_type: &str, kwargs: Value) -> Value {
    let kwargs = json!({"task": format!("celery.{subtask_type}"), "subtask_type": subtask_type, "kwargs": kwargs});
    link(kwargs)
}

/// One member of each kind that a header can have, and what it returns.
fn kinds() -> [(Value, Vec<Value>); 5] {
    let chain = |tasks: Value| composite("chain", json!({"tasks": tasks}));
    let group = |tasks: Value| composite("group", json!({"tasks": tasks}));
    let chord = |header: Value, body: Value| {
        composite("chord", json!({"kwargs": {}, "header": header, "body": body}))
    };
    let inner = chord(json!([own("i")]), chain(json!([link(json!({})), link(json!({}))])));
    [
        (own("t"), vec![json!("t")]),
        (chain(json!([own("c"), link(json!({}))])), vec![json!("c")]),
        (
            // As in Celery, these change their order.
            // As in Celery, these change their order.
            group(json!([own("g1"), chain(json!([own("g2"), link(json!({}))]))])),
            vec![json!("g2"), json!("g1")],
        ),
        (chord(json!([own("k"), own("l")]), link(json!({}))), vec![json!(["k", "l"])]),
        // A chain that ends in a group, and a chord in a chord.
        (
            chain(json!([own("n"), chord(json!([own("m"), inner]), link(json!({})))])),
            vec![json!(["m", ["i"]])],
        ),
    ]
}

fn orders(of: &[usize]) -> Vec<Vec<usize>> {
    let Some((first, rest)) = of.split_first() else { return vec![Vec::new()] };
    let put = |rest: Vec<usize>| {
        (0..=rest.len()).map(move |at| {
            let mut order = rest.clone();
            order.insert(at, *first);
            order
        })
    };
    orders(rest).into_iter().flat_map(put).collect()
}

#[test]
fn a_chord_that_a_worker_starts_ends_whatever_the_order_of_its_members() {
    on_each_broker("chords in every order", async |url| {
        let mut lab = Lab::at(url).await;
        let worker = lab.start_with(options(), registry(&Runs::default()));
        let kinds = kinds();
        let mut sent = Vec::new();
        for order in orders(&[0, 1, 2, 3, 4]) {
            let name = order.iter().map(usize::to_string).collect::<String>();
            let header: Vec<&Value> = order.iter().map(|kind| &kinds[*kind].0).collect();
            let group = composite("group", json!({"tasks": header}));
            // `chain(a, group(…), e)`: last task first, and the group becomes the header of a chord.
            let body = link(json!({"options": {"task_id": format!("body{name}")}}));
            let started = composite("chain", json!({"tasks": [group, body]}));
            let asked = with_embed(&name, &json!({"callbacks": [started]}));
            lab.send::<()>(&["LPUSH", "celery", &asked]).await;
            let results: Vec<Value> =
                order.iter().flat_map(|kind| kinds[*kind].1.clone()).collect();
            sent.push((name, json!(results)));
        }
        for (name, results) in sent {
            assert_eq!(
                ended(&lab, &format!("body{name}")).await,
                ("SUCCESS".into(), results),
                "{name}"
            );
        }
        worker.finish().await;
    });
}

#[test]
fn a_chord_of_nothing_sends_its_body_at_once() {
    on_each_broker("a header of empty groups", async |url| {
        let mut lab = Lab::at(url).await;
        let worker = lab.start_with(options(), registry(&Runs::default()));
        let nothing = composite("group", json!({"tasks": []}));
        let body = link(json!({"options": {"task_id": "body"}}));
        let chord = json!({"kwargs": {}, "header": [nothing.clone(), nothing], "body": body});
        let asked = with_embed("asked", &json!({"callbacks": [composite("chord", chord)]}));
        lab.send::<()>(&["LPUSH", "celery", &asked]).await;
        assert_eq!(ended(&lab, "body").await, ("SUCCESS".into(), json!([])));
        worker.finish().await;
    });
}

fn chord(header: Value, body: &Value) -> Value {
    composite("chord", json!({"kwargs": {}, "header": header, "body": body}))
}

fn failing() -> Value {
    link(json!({"task": "wire.fail", "args": ["boom"], "immutable": true}))
}

fn with_errback(id: &str) -> Value {
    let errback = link(json!({"options": {"task_id": "told"}}));
    link(json!({"options": {"task_id": id, "link_error": [errback]}}))
}

#[test]
fn an_errback_on_both_bodies_of_nested_chords_runs_once_and_is_a_child_of_the_first() {
    on_each_broker("errbacks of nested chords", async |url| {
        let mut lab = Lab::at(url).await;
        let runs = Runs::default();
        let worker = lab.start_with(options(), registry(&runs));
        let inner = chord(json!([failing()]), &with_errback("inner"));
        // Another one between them: what was called is handed on.
        let between =
            chord(json!([inner, own("a")]), &link(json!({"options": {"task_id": "between"}})));
        let outer = chord(json!([between, own("b")]), &with_errback("outer"));
        let asked = with_embed("asked", &json!({"callbacks": [outer]}));
        lab.send::<()>(&["LPUSH", "celery", &asked]).await;
        for body in ["inner", "between", "outer"] {
            assert_eq!(ended(&lab, body).await.0, "FAILURE", "{body}");
        }
        assert_eq!(ended(&lab, "told").await, ("SUCCESS".into(), json!("inner")));
        worker.finish().await;
        assert_eq!(runs.lock().unwrap()["told"], 1);
        let document: String = lab.ask("GET celery-task-meta-inner").await;
        let document: Value = serde_json::from_str(&document).unwrap();
        assert_eq!(document["children"][0][1], json!([[["told", null], null]]));
    });
}

#[test]
fn an_errback_of_an_outer_chord_alone_runs_as_well() {
    on_each_broker("an errback of an outer chord", async |url| {
        let mut lab = Lab::at(url).await;
        let worker = lab.start_with(options(), registry(&Runs::default()));
        let inner = chord(json!([failing()]), &link(json!({})));
        let outer = chord(json!([inner]), &with_errback("outer"));
        let asked = with_embed("asked", &json!({"callbacks": [outer]}));
        lab.send::<()>(&["LPUSH", "celery", &asked]).await;
        assert_eq!(ended(&lab, "told").await, ("SUCCESS".into(), json!("outer")));
        worker.finish().await;
    });
}

#[test]
fn the_true_failure_stands_before_that_of_the_chords_body() {
    on_each_broker("the order of two failures", async |url| {
        let mut lab = Lab::at(url).await;
        let client = redis::Client::open(url).unwrap();
        let mut told = client.get_async_pubsub().await.unwrap();
        told.psubscribe("celery-task-meta-*").await.unwrap();
        let worker = lab.start_with(options(), registry(&Runs::default()));
        let last = link(json!({"options": {"task_id": "last"}}));
        let chain = composite("chain", json!({"tasks": [failing(), link(json!({})), last]}));
        let body = link(json!({"options": {"task_id": "body"}}));
        let asked = with_embed("asked", &json!({"callbacks": [chord(json!([chain]), &body)]}));
        lab.send::<()>(&["LPUSH", "celery", &asked]).await;
        let mut order = Vec::new();
        let mut messages = told.on_message();
        while order.last().is_none_or(|id| id != "body") {
            let message = tokio::time::timeout(PATIENCE, messages.next()).await.unwrap().unwrap();
            order.push(message.get_channel_name().replace("celery-task-meta-", ""));
        }
        assert!(order.contains(&"last".to_owned()), "{order:?}");
        worker.finish().await;
    });
}

#[test]
fn of_many_workers_exactly_one_sends_the_body_of_a_chord() {
    on_each_broker("chords of two workers", async |url| {
        let mut lab = Lab::at(url).await;
        let runs = Runs::default();
        let workers = [late(), options()].map(|options| lab.start_with(options, registry(&runs)));
        for chord in 0..20 {
            let group = format!("chord{chord}");
            let members: Vec<_> =
                (0..5).map(|place| member(&group, place, add(place as i64, 1))).collect();
            send_chord(&mut lab, &group, &members).await;
        }
        for chord in 0..20 {
            assert_eq!(ended(&lab, &format!("chord{chord}-body")).await.1, json!(15));
        }
        for worker in workers {
            worker.finish().await;
        }
        let runs = runs.lock().unwrap();
        assert_eq!(runs.len(), 20);
        assert!(runs.values().all(|count| *count == 1), "{runs:?}");
    });
}

#[test]
fn a_member_that_runs_twice_is_counted_once() {
    on_each_broker("a member that comes back", async |url| {
        let mut lab = Lab::at(url).await;
        let worker = lab.start_with(late(), registry(&Runs::default()));
        let members = [member("twice", 0, add(1, 2)), member("twice", 1, add(3, 4))];
        lab.send::<()>(&["SET", &keys::chord("twice").size, "2"]).await;
        for again in [&members[0], &members[0], &members[1]] {
            lab.send::<()>(&["LPUSH", "celery", again]).await;
        }
        assert_eq!(ended(&lab, "twice-body").await.1, json!(10));
        // And once more when all is over: it must not begin anew.
        lab.send::<()>(&["LPUSH", "celery", &members[1]]).await;
        worker.finish().await;
        let chord = keys::chord("twice");
        let left: i64 = lab.send(&["EXISTS", &chord.parts, &chord.counted, &chord.size]).await;
        assert_eq!((left, lab.send::<String>(&["GET", &chord.claim]).await), (0, "done".into()));
    });
}

#[test]
fn a_chord_whose_sender_died_is_sent_when_its_claim_has_run_out() {
    on_each_broker("a claim of a dead worker", async |url| {
        let mut lab = Lab::at(url).await;
        lab.send::<()>(&["SET", &keys::chord("orphan").claim, "dead", "PX", "500"]).await;
        let worker = lab.start_with(late(), registry(&Runs::default()));
        send_chord(&mut lab, "orphan", &[member("orphan", 0, add(1, 2))]).await;
        assert_eq!(ended(&lab, "orphan-body").await.1, json!(3));
        worker.finish().await;
    });
}

#[test]
fn a_member_that_expired_fails_its_chord() {
    on_each_broker("an expired member", async |url| {
        let mut lab = Lab::at(url).await;
        let worker = lab.start_with(options(), registry(&Runs::default()));
        let expired = add(1, 2).expires(Duration::ZERO);
        send_chord(&mut lab, "late", &[member("late", 0, expired)]).await;
        let (state, failure) = ended(&lab, "late-body").await;
        assert_eq!(state, "FAILURE");
        let message = "Dependency late-0 raised TaskRevokedError('expired')";
        assert_eq!(failure["exc_message"], json!([message]));
        worker.finish().await;
    });
}

#[test]
fn a_chord_that_fails_in_the_header_of_another_fails_that_one_too() {
    on_each_broker("a chord in a chord", async |url| {
        let mut lab = Lab::at(url).await;
        let worker = lab.start_with(options(), registry(&Runs::default()));
        let steps = recording("chord_fails_in_header");
        send_as_celery_did(&mut lab, &steps).await;
        // The outer body is the one whose id only stands in other bodies' options.
        let outer = decoded(steps[2]["message"].as_str().unwrap());
        let body = outer.split("\"chord\": ").nth(1).unwrap();
        let id = body.split("\"task_id\": \"").nth(1).unwrap().split('"').next().unwrap();
        let (state, failure) = ended(&lab, id).await;
        assert_eq!((state.as_str(), &failure["exc_type"]), ("FAILURE", &json!("ChordError")));
        worker.finish().await;
    });
}

#[test]
fn a_long_number_of_another_member_reaches_the_body_unharmed() {
    on_each_broker("a number of 30 digits", async |url| {
        let mut lab = Lab::at(url).await;
        let worker = lab.start_with(options(), registry(&Runs::default()));
        let number = "123456789012345678901234567890";
        let chord = keys::chord("long");
        let part = format!("[1, \"long-0\", \"SUCCESS\", {number}]");
        lab.send::<()>(&["ZADD", &chord.parts, "0", &part]).await;
        lab.send::<()>(&["SADD", &chord.counted, "long-0:0"]).await;
        lab.send::<()>(&["SET", &chord.size, "2"]).await;
        let away = member("long", 1, add(1, 2));
        // To a queue that nobody serves, so that the body's message stays to be looked at.
        lab.send::<()>(&["LPUSH", "celery", &to_queue(&away, "away")]).await;
        let message: String =
            until(async || lab.ask::<Option<String>>("LINDEX away 0").await).await;
        let message = decoded(&message);
        assert!(message.contains(&format!("[[{number}, 3]]")), "{message}");
        worker.finish().await;
    });
}

/// A member whose chord's body goes to `queue`.
fn to_queue(member: &str, queue: &str) -> String {
    use base64::Engine;
    let mut raw: Value = serde_json::from_str(member).unwrap();
    let body = base64::prelude::BASE64_STANDARD.decode(raw["body"].as_str().unwrap()).unwrap();
    let mut body: Value = serde_json::from_slice(&body).unwrap();
    body[2]["chord"]["options"]["queue"] = json!(queue);
    raw["body"] = base64::prelude::BASE64_STANDARD.encode(body.to_string()).into();
    raw.to_string()
}

#[test]
fn a_chord_that_is_counted_in_a_list_fails_and_says_why() {
    on_each_broker("an unordered chord", async |url| {
        let mut lab = Lab::at(url).await;
        let worker = lab.start_with(options(), registry(&Runs::default()));
        lab.send::<()>(&["RPUSH", &keys::chord("list").parts, "[1, \"x\", \"SUCCESS\", 1]"]).await;
        send_chord(&mut lab, "list", &[member("list", 1, add(1, 2))]).await;
        let (state, failure) = ended(&lab, "list-body").await;
        assert_eq!(state, "FAILURE");
        assert!(failure["exc_message"][0].as_str().unwrap().contains("result_chord_ordered"));
        worker.finish().await;
    });
}

#[test]
fn a_task_that_is_lost_with_its_worker_calls_its_errback() {
    on_each_broker("a lost task with links", async |url| {
        let lab = Lab::at(url).await;
        let mut worker = lab.start(options());
        let held = Signature::new("lab.hold").task_id("held");
        let all = lab.send_task(chain([held, echo()]).link_error(echo().queue("other"))).await;
        worker.until_started().await;
        worker.stop.cold();
        worker.ended().await;
        // The connections that the worker had opened ended with it.
        let lab = Lab::looking_at(url).await;
        assert_eq!(ended(&lab, &all.id).await.0, "FAILURE");
        assert_eq!(lab.count("LLEN", "other").await, 1);
    });
}
