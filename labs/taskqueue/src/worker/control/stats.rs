//! What a worker says of itself: `inspect stats`, `conf`, `report`, `active_queues`.
//!
//! The fields are Celery's, in its order, so that Flower finds what it looks for.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::rusage::{self, Rusage};
use crate::announcement;
use crate::worker::Shared;

#[derive(Serialize)]
pub(super) struct Stats {
    total: BTreeMap<String, u64>,
    pid: u32,
    clock: String,
    uptime: u64,
    pool: Pool,
    broker: BrokerInfo,
    prefetch_count: usize,
    rusage: Rusage,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Pool {
    implementation: &'static str,
    max_concurrency: usize,
    processes: [u32; 1],
    max_tasks_per_child: &'static str,
    put_guarded_by_semaphore: bool,
    timeouts: [f64; 2],
}

#[derive(Serialize)]
struct BrokerInfo {
    hostname: String,
    userid: Option<String>,
    virtual_host: String,
    port: Option<u16>,
    insist: bool,
    ssl: bool,
    transport: &'static str,
    connect_timeout: u8,
    transport_options: Value,
    login_method: Option<String>,
    uri_prefix: Option<String>,
    heartbeat: f64,
    failover_strategy: &'static str,
    alternates: [String; 0],
    credential_provider: Option<String>,
}

pub(super) fn stats(shared: &Shared) -> Stats {
    let options = &shared.options;
    let seconds = |limit: Option<std::time::Duration>| limit.unwrap_or_default().as_secs_f64();
    Stats {
        total: shared.requests.started(),
        pid: std::process::id(),
        clock: shared.clock.now().to_string(),
        uptime: shared.began.elapsed().as_secs(),
        pool: Pool {
            implementation: "taskqueue:tokio",
            max_concurrency: shared.slots.size(),
            processes: [std::process::id()],
            max_tasks_per_child: "N/A",
            put_guarded_by_semaphore: true,
            timeouts: [seconds(options.soft_time_limit), seconds(options.time_limit)],
        },
        broker: broker(shared),
        // Nothing is fetched before there is a slot for it.
        prefetch_count: shared.slots.size(),
        rusage: rusage::of_this_process(),
    }
}

fn broker(shared: &Shared) -> BrokerInfo {
    let (hostname, port) = shared.broker.url().host_and_port();
    BrokerInfo {
        hostname: hostname.to_owned(),
        userid: None,
        virtual_host: shared.broker.url().db().to_string(),
        port,
        insist: false,
        ssl: false,
        transport: "redis",
        connect_timeout: 2,
        transport_options: transport_options(shared),
        login_method: None,
        uri_prefix: None,
        heartbeat: 0.0,
        failover_strategy: "round-robin",
        alternates: [],
        credential_provider: None,
    }
}

fn transport_options(shared: &Shared) -> Value {
    let options = &shared.options;
    json!({
        "visibility_timeout": options.visibility_timeout.as_secs_f64(),
        "lease": options.lease.as_secs_f64(),
    })
}

/// The settings under Celery's names.
#[derive(Serialize)]
pub(super) struct Conf {
    broker_url: String,
    result_backend: String,
    broker_transport_options: Value,
    result_expires: u64,
    task_acks_late: bool,
    task_track_started: bool,
    task_time_limit: Option<f64>,
    task_soft_time_limit: Option<f64>,
    worker_concurrency: usize,
    worker_send_task_events: bool,
}

pub(super) fn conf(shared: &Shared) -> Conf {
    let options = &shared.options;
    Conf {
        broker_url: shared.broker.url().to_string(),
        result_backend: shared.broker.url().to_string(),
        broker_transport_options: transport_options(shared),
        result_expires: options.result_expires.as_secs(),
        task_acks_late: options.acks_late,
        task_track_started: options.track_started,
        task_time_limit: options.time_limit.map(|limit| limit.as_secs_f64()),
        task_soft_time_limit: options.soft_time_limit.map(|limit| limit.as_secs_f64()),
        worker_concurrency: options.concurrency,
        worker_send_task_events: options.task_events,
    }
}

/// What to paste when asking for help: Celery's `bugreport`.
pub(super) fn report(shared: &Shared) -> String {
    let settings = serde_json::to_value(conf(shared)).unwrap_or_default();
    let settings = settings.as_object().into_iter().flatten();
    let settings: String = settings.map(|(name, value)| format!("{name}: {value}\n")).collect();
    format!(
        "\nsoftware -> taskqueue:{}\nplatform -> system:{} arch:{}\nsettings -> transport:redis results:{}\n\n{settings}",
        env!("CARGO_PKG_VERSION"),
        announcement::system(),
        std::env::consts::ARCH,
        shared.broker.url(),
    )
}

/// A queue as kombu describes it; what we don't have is none, as with Celery's defaults.
#[derive(Serialize)]
pub(super) struct Queue {
    name: String,
    exchange: Exchange,
    routing_key: String,
    queue_arguments: Value,
    binding_arguments: Value,
    consumer_arguments: Value,
    durable: bool,
    exclusive: bool,
    auto_delete: bool,
    no_ack: bool,
    alias: Value,
    bindings: [Value; 0],
    no_declare: Value,
    expires: Value,
    message_ttl: Value,
    max_length: Value,
    max_length_bytes: Value,
    max_priority: Value,
}

#[derive(Serialize)]
struct Exchange {
    name: String,
    #[serde(rename = "type")]
    kind: &'static str,
    arguments: Value,
    durable: bool,
    passive: bool,
    auto_delete: bool,
    delivery_mode: Value,
    no_declare: bool,
}

pub(super) fn queues(names: &[String]) -> Vec<Queue> {
    names.iter().map(|name| queue(name)).collect()
}

fn queue(name: &str) -> Queue {
    let none = || Value::Null;
    Queue {
        name: name.to_owned(),
        exchange: Exchange {
            name: name.to_owned(),
            kind: "direct",
            arguments: none(),
            durable: true,
            passive: false,
            auto_delete: false,
            delivery_mode: none(),
            no_declare: false,
        },
        routing_key: name.to_owned(),
        queue_arguments: none(),
        binding_arguments: none(),
        consumer_arguments: none(),
        durable: true,
        exclusive: false,
        auto_delete: false,
        no_ack: false,
        alias: none(),
        bindings: [],
        no_declare: none(),
        expires: none(),
        message_ttl: none(),
        max_length: none(),
        max_length_bytes: none(),
        max_priority: none(),
    }
}
