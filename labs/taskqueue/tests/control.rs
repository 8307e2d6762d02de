//! Remote control, judged by recordings: Celery's own requests are published, and the answers are
//! compared field by field with what a Celery worker answered.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails loudly")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use support::lab::{Lab, PATIENCE, Running, options};
use support::{RedisServer, did_not_run, on_each_broker};
use taskqueue::{Event, Registry, Signature, State, Task, TaskError, WorkerOptions};
use tokio::time::{Instant, timeout};

/// The worker of the recordings.
const NAME: &str = "ctl@vm";

/// A worker that knows two of the recordings' tasks: `wire.add`, and `wire.snooze`, which holds its
/// slot until the gate opens.
struct Controlled {
    lab: Lab,
    name: &'static str,
    worker: Running,
}

impl Controlled {
    async fn start(url: &str) -> Self {
        let lab = Lab::at(url).await;
        let gate = Arc::clone(&lab.gate);
        let snooze = Task::new("wire.snooze", ["seconds"], move |_, (_seconds,): (f64,)| {
            let gate = Arc::clone(&gate);
            async move {
                gate.notified().await;
                Ok::<_, TaskError>("released")
            }
        });
        let add =
            Task::new("wire.add", ["x", "y"], |_, (x, y): (i64, i64)| async move { Ok(x + y) });
        let options =
            WorkerOptions { hostname: NAME.into(), concurrency: 2, ..WorkerOptions::default() };
        let builtin = Task::new("celery.ping", [], |_, ()| async { Ok("pong") });
        let worker = lab.start_with(options, Registry::new([snooze, add, builtin]));
        let mut controlled = Self { lab, name: NAME, worker };
        controlled.until_it_listens().await;
        controlled
    }

    async fn until_it_listens(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while self.publish(&recorded("inspect_ping")).await == 0 {
            assert!(Instant::now() < deadline, "nobody hears remote control");
        }
    }

    /// Publishes a recorded request; how many hear it.
    async fn publish(&mut self, recording: &Value) -> u64 {
        let request = &recording["requests"][0];
        let [channel, raw] = ["channel", "raw"].map(|field| request[field].as_str().unwrap());
        self.lab.send(&["PUBLISH", channel, raw]).await
    }

    /// Asks what was recorded under this name; the answer, without the worker's name.
    async fn ask(&mut self, name: &str) -> Value {
        self.ask_recorded(recorded(name)).await
    }

    /// The same with other arguments.
    async fn ask_with(&mut self, name: &str, arguments: Value) -> Value {
        let mut recording = recorded(name);
        let request = &mut recording["requests"][0];
        request["body_decoded"]["arguments"] = arguments;
        let mut raw: Value = serde_json::from_str(request["raw"].as_str().unwrap()).unwrap();
        raw["body"] = request["body_decoded"].to_string().into();
        raw["properties"]["body_encoding"] = Value::Null;
        request["raw"] = raw.to_string().into();
        self.ask_recorded(recording).await
    }

    async fn ask_recorded(&mut self, recording: Value) -> Value {
        let queue = reply_queue(&recording);
        let routing_key = queue.split('.').next().unwrap();
        let member = format!("{routing_key}\u{6}\u{16}\u{6}\u{16}{queue}");
        let binding = "_kombu.binding.reply.celery.pidbox";
        let _: u64 = self.lab.send(&["SADD", binding, &member]).await;
        assert_eq!(self.publish(&recording).await, 1);
        let raw = self.wait_for(&queue).await;
        let reply: Value = serde_json::from_str(&raw).unwrap();
        assert_eq!(reply["headers"]["ticket"], recording["requests"][0]["body_decoded"]["ticket"]);
        let body: Value = serde_json::from_slice(&unwrapped(&reply)).unwrap();
        body.as_object().unwrap().get(self.name).unwrap().clone()
    }

    /// The first that comes into a list, on a connection that may block.
    async fn wait_for(&self, queue: &str) -> String {
        let client = redis::Client::open(self.lab.broker.url().to_string()).unwrap();
        let config = redis::AsyncConnectionConfig::new().set_response_timeout(None);
        let waiting = client.get_multiplexed_async_connection_with_config(&config).await;
        let mut wait = redis::cmd("BRPOP");
        wait.arg(queue).arg(PATIENCE.as_secs());
        let (_, raw): (String, String) = wait.query_async(&mut waiting.unwrap()).await.unwrap();
        raw
    }

    async fn until<T>(&mut self, wanted: impl Fn(&Event) -> Option<T>) -> T {
        self.worker.until(wanted).await
    }

    /// A task that runs, and does not end by itself.
    async fn running(&mut self) -> taskqueue::AsyncResult {
        let task = self.lab.send_task(Signature::new("wire.snooze").arg(25)).await;
        self.until(|event| matches!(event, Event::TaskStarted { .. }).then_some(())).await;
        task
    }

    async fn finish(self) {
        self.worker.stop.cold();
        self.worker.ended().await;
    }
}

fn recorded(name: &str) -> Value {
    let path = format!("{}/tests/golden/control/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// What the Celery worker answered.
fn celerys_answer(name: &str) -> Value {
    recorded(name)["replies"][0]["body_decoded"][NAME].clone()
}

fn reply_queue(recording: &Value) -> String {
    let to = &recording["requests"][0]["body_decoded"]["reply_to"];
    format!("{}.{}", to["routing_key"].as_str().unwrap(), to["exchange"].as_str().unwrap())
}

/// A message to all workers with this body.
fn order(body: &str) -> String {
    let recording = recorded("control_shutdown");
    let raw = recording["requests"][0]["raw"].as_str().unwrap();
    let mut order: Value = serde_json::from_str(raw).unwrap();
    order["body"] = body.into();
    order["properties"]["body_encoding"] = Value::Null;
    order.to_string()
}

fn unwrapped(envelope: &Value) -> Vec<u8> {
    use base64::{Engine, prelude::BASE64_STANDARD};
    BASE64_STANDARD.decode(envelope["body"].as_str().unwrap()).unwrap()
}

/// Every field, and of which type it is; null stands for any.
fn shape(path: &str, value: &Value, fields: &mut Vec<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(name, inner)| {
            shape(&format!("{path}.{name}"), inner, fields);
        }),
        Value::Array(items) if items.iter().any(Value::is_object) => {
            shape(&format!("{path}[]"), &items[0], fields);
        }
        _ => fields.push(path.to_owned()),
    }
}

fn fields(value: &Value) -> Vec<String> {
    let mut fields = Vec::new();
    shape("", value, &mut fields);
    fields
}

#[test]
fn a_quiet_worker_answers_in_celerys_words() {
    on_each_broker("inspect", async |url| {
        let mut worker = Controlled::start(url).await;
        for name in ["inspect_ping", "inspect_reserved", "inspect_revoked", "inspect_query_task"] {
            assert_eq!(worker.ask(name).await, celerys_answer(name), "{name}");
        }
        assert_eq!(
            worker.ask("inspect_registered").await,
            serde_json::json!(["wire.add", "wire.snooze"])
        );
        assert_eq!(
            worker.ask("inspect_active_queues").await,
            celerys_answer("inspect_active_queues")
        );
        assert!(worker.ask("inspect_clock").await["clock"].as_u64() > Some(0));
        let broker = worker.ask("inspect_conf").await["broker_url"].clone();
        assert_eq!(broker, worker.lab.broker.url().to_string());
        let report = worker.ask("inspect_report").await["ok"].clone();
        assert!(report.as_str().unwrap().contains("transport:redis"), "{report}");
        worker.finish().await;
    });
}

#[test]
fn its_statistics_have_celerys_fields() {
    on_each_broker("inspect stats", async |url| {
        let mut worker = Controlled::start(url).await;
        let _ = worker.running().await;
        let (ours, celerys) = (worker.ask("inspect_stats").await, celerys_answer("inspect_stats"));
        let (mut ours_only, mut theirs) = (fields(&ours), fields(&celerys));
        theirs.retain(|field| !ours_only.contains(field));
        ours_only.retain(|field| !fields(&celerys).contains(field));
        // There are no processes to write to, and Celery's worker had no transport options.
        assert!(
            theirs
                .iter()
                .all(|field| field.starts_with(".pool.writes")
                    || field == ".broker.transport_options"),
            "{theirs:?}"
        );
        assert_eq!(
            ours_only,
            [".broker.transport_options.lease", ".broker.transport_options.visibility_timeout"]
        );
        assert_eq!(ours["total"], serde_json::json!({"wire.snooze": 1}));
        worker.finish().await;
    });
}

#[test]
fn what_runs_and_what_waits_is_listed_as_celery_lists_it() {
    on_each_broker("inspect active, scheduled", async |url| {
        let mut worker = Controlled::start(url).await;
        let running = worker.running().await;
        let later = Signature::new("wire.add").arg(1).arg(1).countdown(Duration::from_secs(300));
        let waiting = worker.lab.send_task(later).await;
        worker.until(|event| matches!(event, Event::TaskParked { .. }).then_some(())).await;
        for (name, path, task) in
            [("inspect_active", "/0", &running), ("inspect_scheduled", "/0/request", &waiting)]
        {
            let (ours, celerys) = (worker.ask(name).await, celerys_answer(name));
            assert_eq!(fields(&ours), fields(&celerys), "{name}");
            let [ours, celerys] = [&ours, &celerys].map(|answer| answer.pointer(path).unwrap());
            assert_eq!(ours["id"], task.id.as_str());
            for field in
                ["name", "args", "kwargs", "type", "hostname", "acknowledged", "delivery_info"]
            {
                assert_eq!(ours[field], celerys[field], "{name}: {field}");
            }
        }
        worker.finish().await;
    });
}

#[test]
fn orders_are_answered_in_celerys_words() {
    on_each_broker("control", async |url| {
        let mut worker = Controlled::start(url).await;
        for name in [
            "control_pool_grow",
            "control_pool_shrink",
            "control_rate_limit",
            "control_time_limit",
            "control_add_consumer",
            "control_cancel_consumer",
            "control_heartbeat",
            "control_revoke",
            "control_terminate",
        ] {
            assert_eq!(worker.ask(name).await, celerys_answer(name), "{name}");
        }
        assert_eq!(worker.ask("control_enable_events").await["ok"], "task events enabled");
        assert_eq!(
            worker.ask("control_enable_events").await,
            celerys_answer("control_enable_events")
        );
        assert_eq!(worker.ask("inspect_registered").await[0], "wire.add [rate_limit=10/m]");
        worker.finish().await;
    });
}

#[test]
fn registered_tasks_show_what_is_asked() {
    on_each_broker("inspect registered", async |url| {
        let mut worker = Controlled::start(url).await;
        let asked = [
            (json!({"taskinfoitems": ["name"]}), "wire.add [name=wire.add]"),
            (
                json!({"taskinfoitems": ["max_retries", "rate_limit", "unheard_of", "acks_late"]}),
                "wire.add [max_retries=3 acks_late=False]",
            ),
            (json!({"taskinfoitems": ["unheard_of", "__class__"]}), "wire.add"),
            (json!({"taskinfoitems": []}), "wire.add"),
            (json!({"builtins": true}), "celery.ping"),
        ];
        for (arguments, first) in asked {
            let answer = worker.ask_with("inspect_registered", arguments.clone()).await;
            assert_eq!(answer[0], first, "{arguments}");
        }
        worker.finish().await;
    });
}

#[test]
fn a_soft_limit_above_the_hard_one_is_refused_by_remote_control() {
    on_each_broker("control time_limit", async |url| {
        let mut worker = Controlled::start(url).await;
        let limits = json!({"task_name": "wire.add", "soft": 20, "hard": 10});
        let answer = worker.ask_with("control_time_limit", limits).await;
        let rule = "ValueError('soft_time_limit must be less than or equal to time_limit')";
        assert_eq!(answer, json!({"error": rule}));
        worker.finish().await;
    });
}

#[test]
fn a_task_that_is_revoked_before_it_starts_is_not_run() {
    on_each_broker("revoke", async |url| {
        let mut worker = Controlled::start(url).await;
        let later = Signature::new("wire.add").arg(1).arg(1).countdown(Duration::from_secs(1));
        let task = worker.lab.send_task(later).await;
        worker.until(|event| matches!(event, Event::TaskParked { .. }).then_some(())).await;
        task.revoke().await.unwrap();
        let revoked = worker.until(|event| match event {
            Event::TaskRevoked { request, reason } => Some((request.id.clone(), *reason)),
            Event::TaskStarted { .. } => panic!("it ran"),
            _ => None,
        });
        assert_eq!(revoked.await, (task.id.clone(), taskqueue::Revocation::Revoked));
        let meta = task.meta().await.unwrap();
        assert_eq!(
            (meta.state.clone(), meta.error().to_string().as_str()),
            (State::Revoked, "TaskRevokedError: revoked")
        );
        worker.finish().await;
    });
}

#[test]
fn a_revoked_task_is_seen_to_be_revoked_while_it_still_waits() {
    on_each_broker("revoke at once", async |url| {
        let worker = Controlled::start(url).await;
        let later = Signature::new("wire.add").arg(1).arg(1).countdown(Duration::from_secs(3600));
        let task = worker.lab.send_task(later).await;
        task.revoke().await.unwrap();
        let revoked = task.get(PATIENCE).await.unwrap_err().to_string();
        assert!(revoked.contains("TaskRevokedError: revoked"), "{revoked}");
        worker.finish().await;
    });
}

#[test]
fn a_suspect_that_is_revoked_while_it_waits_to_run_alone_is_not_run() {
    on_each_broker("revoke a suspect", async |url| {
        let mut worker = Controlled::start(url).await;
        worker.running().await;
        // Two workers fell with it, so it waits until nothing else runs.
        let suspect = Signature::new("wire.add").arg(1).arg(1).header("x-delivery-count", 2);
        let suspect = suspect.header("redelivered", true);
        let suspect = worker.lab.send_task(suspect).await;
        let id = suspect.id.clone();
        let received = |event: &Event| match event {
            Event::TaskReceived { request } => (request.id == id).then_some(()),
            _ => None,
        };
        worker.until(received).await;
        suspect.revoke().await.unwrap();
        worker.until(|event| matches!(event, Event::RemoteControl { .. }).then_some(())).await;
        worker.lab.gate.notify_one();
        let end = worker.until(|event| match event {
            Event::TaskRevoked { request, .. } => Some((request.id.clone(), "revoked")),
            Event::TaskStarted { request, .. } => Some((request.id.clone(), "started")),
            _ => None,
        });
        assert_eq!(end.await, (suspect.id, "revoked"));
        worker.finish().await;
    });
}

#[test]
fn a_time_limit_that_is_set_while_the_worker_runs_cuts_the_next_run() {
    on_each_broker("time_limit", async |url| {
        let mut worker = Controlled::start(url).await;
        let limit =
            r#"{"method": "time_limit", "arguments": {"task_name": "wire.snooze", "hard": 0.1}}"#;
        let _: u64 = worker.lab.send(&["PUBLISH", "/0.celery.pidbox", &order(limit)]).await;
        worker.until(|event| matches!(event, Event::RemoteControl { .. }).then_some(())).await;
        let task = worker.running().await;
        let cut = task.get(PATIENCE).await.unwrap_err().to_string();
        assert!(cut.contains("TimeLimitExceeded: 0.1"), "{cut}");
        worker.finish().await;
    });
}

#[test]
fn a_running_task_is_ended_when_it_is_terminated() {
    on_each_broker("terminate", async |url| {
        let mut worker = Controlled::start(url).await;
        let task = worker.running().await;
        task.terminate().await.unwrap();
        let reason = worker.until(|event| match event {
            Event::TaskRevoked { reason, .. } => Some(*reason),
            _ => None,
        });
        assert_eq!(reason.await, taskqueue::Revocation::Terminated { signum: 15 });
        assert_eq!(task.meta().await.unwrap().error().to_string(), "TaskRevokedError: terminated");
        assert_eq!(worker.ask("inspect_active").await, serde_json::json!([]));
        worker.finish().await;
    });
}

#[test]
fn a_pool_that_grows_runs_more_at_a_time() {
    on_each_broker("pool_grow", async |url| {
        let mut worker = Controlled::start(url).await;
        for _ in 0..2 {
            worker.running().await;
        }
        worker.ask("control_pool_grow").await;
        worker.running().await;
        assert_eq!(worker.ask("inspect_active").await.as_array().unwrap().len(), 3);
        worker.finish().await;
    });
}

#[test]
fn a_queue_can_be_taken_from_while_the_worker_runs() {
    on_each_broker("add_consumer", async |url| {
        let mut worker = Controlled::start(url).await;
        let other = Signature::new("wire.add").arg(2).arg(3).queue("emails");
        let task = worker.lab.send_task(other.clone()).await;
        worker.ask("control_add_consumer").await;
        assert_eq!(task.get(PATIENCE).await.unwrap(), 5);
        worker.ask("control_cancel_consumer").await;
        let left = worker.lab.send_task(other).await;
        // Whoever answers afterwards has looked at its queues again.
        worker
            .lab
            .send_task(Signature::new("wire.add").arg(1).arg(1))
            .await
            .get(PATIENCE)
            .await
            .unwrap();
        assert_eq!(worker.lab.count("LLEN", "emails").await, 1);
        assert_eq!(left.state().await.unwrap(), State::Pending);
        worker.finish().await;
    });
}

#[test]
fn a_rate_limited_task_waits_in_its_slot_and_is_given_back_at_a_warm_stop() {
    on_each_broker("rate_limit", async |url| {
        let mut worker = Controlled::start(url).await;
        worker.ask("control_rate_limit").await;
        let add = || Signature::new("wire.add").arg(1).arg(1);
        worker.lab.send_task(add()).await.get(PATIENCE).await.unwrap();
        let limited = worker.lab.send_task(add()).await;
        worker
            .until(|event| match event {
                Event::TaskReceived { request } => (request.id == limited.id).then_some(()),
                _ => None,
            })
            .await;
        assert_eq!(worker.ask("inspect_reserved").await[0]["id"], limited.id.as_str());
        worker.worker.stop.warm();
        worker.until(|event| matches!(event, Event::TaskGivenBack { .. }).then_some(())).await;
        assert_eq!(worker.lab.count("LLEN", "celery").await, 1);
        worker.finish().await;
    });
}

#[test]
fn shutdown_is_a_warm_stop() {
    on_each_broker("shutdown", async |url| {
        let mut worker = Controlled::start(url).await;
        let task = worker.running().await;
        worker.publish(&recorded("control_shutdown")).await;
        worker.until(|event| matches!(event, Event::RemoteControl { .. }).then_some(())).await;
        worker.lab.gate.notify_one();
        assert_eq!(task.get(PATIENCE).await.unwrap(), "released");
        worker.worker.ended().await;
    });
}

#[test]
fn an_order_for_somebody_else_is_not_carried_out_and_nonsense_harms_nobody() {
    on_each_broker("odd orders", async |url| {
        let mut worker = Controlled::start(url).await;
        let bodies = [
            r#"{"method": "shutdown", "destination": ["other@vm"]}"#,
            r#"{"method": "shutdown", "pattern": "*", "matcher": "glob"}"#,
            r#"{"method": "revoke", "arguments": {"task_id": ["\u001b[2J", 5]}}"#,
            r#"{"method": "rate_limit", "arguments": {"task_name": 5}}"#,
            r#"{"method": "pool_shrink", "arguments": {"n": 99}}"#,
            r#"{"method": "pool_grow", "arguments": {"n": -1}}"#,
            r#"{"method": "time_limit", "arguments": {"task_name": "wire.add", "soft": -1}}"#,
            r#"{"method": "add_consumer", "arguments": {"queue": "a b"}}"#,
            r#"{"method": "nonsense"}"#,
            r#"{"method": 5}"#,
            "[]",
            "",
        ];
        for body in bodies {
            let _: u64 = worker.lab.send(&["PUBLISH", "/0.celery.pidbox", &order(body)]).await;
        }
        let _: u64 = worker.lab.send(&["PUBLISH", "/0.celery.pidbox", "not JSON"]).await;
        let refused = worker.until(|event| match event {
            Event::RemoteControl { order, answer } if order.starts_with("nonsense") => {
                Some(answer.clone())
            }
            _ => None,
        });
        assert_eq!(refused.await, "KeyError('nonsense')");
        assert_eq!(worker.ask("inspect_ping").await, celerys_answer("inspect_ping"));
        assert_eq!(worker.ask("inspect_stats").await["pool"]["max-concurrency"], 2);
        worker.finish().await;
    });
}

#[test]
fn a_worker_that_starts_learns_from_the_others_what_is_revoked() {
    on_each_broker("mingle", async |url| {
        let mut worker = Controlled::start(url).await;
        worker.ask("control_revoke").await;
        let listeners = worker.publish(&recorded("inspect_ping")).await;
        let options = WorkerOptions { hostname: "new@vm".into(), ..WorkerOptions::default() };
        let newcomer = worker.lab.start(options);
        while worker.publish(&recorded("inspect_ping")).await == listeners {}
        worker.finish().await;
        // Only the newcomer is left to answer, once Redis has seen the other one go.
        let mut newcomer =
            Controlled { lab: Lab::looking_at(url).await, name: "new@vm", worker: newcomer };
        while newcomer.publish(&recorded("inspect_ping")).await != 1 {}
        let revoked = newcomer.ask("inspect_revoked").await;
        assert_eq!(revoked, serde_json::json!(["11111111-2222-3333-4444-555555555555"]));
        newcomer.finish().await;
    });
}

#[test]
fn a_listener_hears_the_worker_and_with_events_enabled_its_tasks() {
    on_each_broker("events", async |url| {
        let client = redis::Client::open(url).unwrap();
        let mut channel = client.get_async_pubsub().await.unwrap();
        channel.psubscribe("/0.celeryev/*").await.unwrap();
        let mut worker = Controlled::start(url).await;
        worker.ask("control_enable_events").await;
        worker.lab.send_task(Signature::new("wire.add").arg(2).arg(3)).await;
        let stop = worker.worker.stop.clone();
        let mut kinds = Vec::new();
        let mut heard = channel.on_message();
        while kinds.last().is_none_or(|kind| kind != "worker-offline") {
            use futures_util::StreamExt;
            let message = timeout(PATIENCE, heard.next()).await.expect("nothing more").unwrap();
            let envelope: Value = serde_json::from_slice(message.get_payload_bytes()).unwrap();
            let body: Value = serde_json::from_slice(&unwrapped(&envelope)).unwrap();
            let events = body.as_array().cloned().unwrap_or_else(|| vec![body]);
            for event in events {
                assert_eq!(event["hostname"], NAME);
                kinds.push(event["type"].as_str().unwrap().to_owned());
            }
            if ["task-succeeded", "worker-heartbeat"]
                .iter()
                .all(|kind| kinds.iter().any(|k| k == kind))
            {
                stop.warm();
            }
        }
        kinds.retain(|kind| kind != "worker-heartbeat");
        let session =
            ["worker-online", "task-received", "task-started", "task-succeeded", "worker-offline"];
        assert_eq!(kinds, session);
        worker.finish().await;
    });
}

#[tokio::test]
async fn a_worker_that_gets_no_connection_for_remote_control_says_why() {
    let Some(server) = RedisServer::start() else {
        return did_not_run("a Redis with few places", "redis-server");
    };
    let mut lab = Lab::at(&server.url).await;
    lab.broker.ping().await.unwrap();
    // Ours and the broker's: there is none for the worker's ear.
    lab.ask::<()>("CONFIG SET maxclients 2").await;
    let mut running = lab.start(options());
    let reason = running.until(|event| match event {
        Event::RightMissing { what: "hear remote control", reason } => Some(reason.clone()),
        _ => None,
    });
    let reason = reason.await;
    assert!(reason.contains("as many clients as it takes (maxclients)"), "{reason}");
    assert!(reason.contains("next: stop some of its clients"), "{reason}");
    running.die().await;
}
