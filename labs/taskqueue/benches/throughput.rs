//! How fast the queue is: `cargo bench -p taskqueue`.
//!
//! On a redis-server of its own, in one run: enqueueing, a worker with no-op tasks and stored
//! results (late and early acknowledgement), a bare loop over the same scripts for comparison,
//! and the time from `delay` to the task's first line on an idle worker. Each of the rates is
//! the median of three rounds.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, and fails loudly"
)]

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use taskqueue::{Broker, Event, Registry, Signature, Stop, Task, Worker, WorkerOptions};
use tokio::sync::{Notify, mpsc};

const TASKS: usize = 30_000;
const BATCH: usize = 256;
const ROUNDS: usize = 3;

fn main() {
    let Some(redis) = Redis::start() else {
        return println!("did not run: the benchmark needs redis-server on the PATH");
    };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        println!("{TASKS} no-op tasks, results stored, median of {ROUNDS} rounds");
        println!("{:<44} {:>10} {:>14}", "", "per second", "CPU s / 10,000");
        let mut rounds = Rounds::default();
        for _ in 0..ROUNDS {
            rounds.enqueue.push(redis.enqueue().await);
            rounds.late.push(redis.worker(true).await);
            redis.enqueue().await;
            rounds.early.push(redis.worker(false).await);
            redis.enqueue().await;
            rounds.bare.push(redis.bare_loop().await);
        }
        rounds.print();
        redis.latency().await;
        println!("peak memory of this process {}", peak_memory());
    });
}

#[derive(Default)]
struct Rounds {
    enqueue: Vec<Rate>,
    late: Vec<Rate>,
    early: Vec<Rate>,
    bare: Vec<Rate>,
}

impl Rounds {
    fn print(mut self) {
        let enqueue = median(&mut self.enqueue);
        let late = median(&mut self.late);
        let early = median(&mut self.early);
        let bare = median(&mut self.bare);
        for (name, rate) in [
            ("enqueue, 64 callers", &enqueue),
            ("worker, late acknowledgement, 256 slots", &late),
            ("worker, early acknowledgement, 256 slots", &early),
            ("bare loop over the same scripts", &bare),
        ] {
            println!("{name:<44} {:>10.0} {:>14.2}", rate.per_second, rate.cpu);
        }
        println!("worker against bare loop: {:.2}", late.per_second / bare.per_second);
    }
}

#[derive(Clone, Copy)]
struct Rate {
    per_second: f64,
    /// Of this process; Redis' own is not counted.
    cpu: f64,
}

fn median(rates: &mut [Rate]) -> Rate {
    rates.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
    rates[rates.len() / 2]
}

struct Meter {
    began: Instant,
    cpu: f64,
}

impl Meter {
    fn start() -> Self {
        Self { began: Instant::now(), cpu: cpu_seconds() }
    }

    fn rate(&self) -> Rate {
        let tasks = f64::from(u32::try_from(TASKS).unwrap());
        Rate {
            per_second: tasks / self.began.elapsed().as_secs_f64(),
            cpu: (cpu_seconds() - self.cpu) * 10_000.0 / tasks,
        }
    }
}

struct Redis {
    child: Child,
    directory: PathBuf,
    url: String,
}

impl Redis {
    fn start() -> Option<Self> {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let directory = std::env::temp_dir().join(format!("taskqueue-bench-{port}"));
        std::fs::create_dir_all(&directory).unwrap();
        let child = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"])
            .arg(&directory)
            .stdout(Stdio::null())
            .spawn()
            .ok()?;
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::yield_now();
        }
        Some(Self { child, directory, url: format!("redis://127.0.0.1:{port}/0") })
    }

    fn broker(&self) -> Arc<Broker> {
        Arc::new(Broker::new(&self.url).unwrap())
    }

    async fn enqueue(&self) -> Rate {
        let broker = self.broker();
        let next = Arc::new(AtomicUsize::new(0));
        let meter = Meter::start();
        let senders: Vec<_> = (0..64)
            .map(|_| {
                let (broker, next) = (Arc::clone(&broker), Arc::clone(&next));
                tokio::spawn(async move {
                    while next.fetch_add(1, Ordering::Relaxed) < TASKS {
                        Signature::new("bench.noop")
                            .arg("a@example.com")
                            .arg("hi")
                            .delay(&broker)
                            .await
                            .unwrap();
                    }
                })
            })
            .collect();
        for sender in senders {
            sender.await.unwrap();
        }
        meter.rate()
    }

    async fn worker(&self, acks_late: bool) -> Rate {
        let (done, all_done) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let observe = {
            let all_done = Arc::clone(&all_done);
            Arc::new(move |event: Event| {
                if matches!(event, Event::TaskSucceeded { .. })
                    && done.fetch_add(1, Ordering::Relaxed) + 1 == TASKS
                {
                    all_done.notify_one();
                }
            })
        };
        let noop = Task::new(
            "bench.noop",
            ["email_address", "message"],
            |_, (_, _): (String, String)| async { Ok(()) },
        );
        let options = WorkerOptions { acks_late, concurrency: BATCH, ..WorkerOptions::default() };
        let worker = Worker::new(self.broker(), Registry::new([noop]), options, observe).unwrap();
        let stop = Stop::new();
        let meter = Meter::start();
        let running = tokio::spawn(worker.run(stop.clone()));
        all_done.notified().await;
        let rate = meter.rate();
        stop.warm();
        running.await.unwrap().unwrap();
        rate
    }

    /// The least that has to be said to Redis for the same work, by one caller that does nothing else.
    async fn bare_loop(&self) -> Rate {
        let mut redis = redis::Client::open(self.url.as_str())
            .unwrap()
            .get_multiplexed_async_connection()
            .await
            .unwrap();
        let fetch = redis::Script::new(include_str!("../src/broker/fetch.lua"));
        let settle = redis::Script::new(include_str!("../src/broker/settle.lua"));
        let document = r#"{"status": "SUCCESS", "result": null, "traceback": null, "children": [], "date_done": "2026-11-22T06:10:47.340303+00:00", "task_id": "0b380d5b-e7d9-4678-8391-bffa7bf878b3"}"#;
        let meter = Meter::start();
        let mut number = 0;
        while number < TASKS {
            let mut call = fetch.prepare_invoke();
            call.key("unacked")
                .key("unacked_index")
                .arg("bare:")
                .arg(number)
                .arg(BATCH)
                .arg(0)
                .arg(4 * 1024 * 1024)
                // No deadline that comes in time to matter.
                .arg("9999999999");
            for list in ["celery", "celery\u{6}\u{16}3", "celery\u{6}\u{16}6", "celery\u{6}\u{16}9"]
            {
                call.key(list).key("celery.dead").arg("celery");
            }
            let fetched: Vec<Vec<u8>> = call.invoke_async(&mut redis).await.unwrap();
            let mut call = settle.prepare_invoke();
            call.key("unacked").key("unacked_index").key("unacked_retried");
            for tag in fetched[1..].iter().step_by(3) {
                call.key(format!("celery-task-meta-{number}"));
                call.arg("tag").arg(86400).arg(tag).arg("result").arg(document).arg("");
                number += 1;
            }
            call.invoke_async::<()>(&mut redis).await.unwrap();
        }
        meter.rate()
    }

    async fn latency(&self) {
        let (arrived, mut arrivals) = mpsc::unbounded_channel();
        let note = Task::new("bench.note", [], move |_, ()| {
            arrived.send(Instant::now()).unwrap();
            async { Ok(()) }
        });
        let options = WorkerOptions { concurrency: 2, ..WorkerOptions::default() };
        let worker =
            Worker::new(self.broker(), Registry::new([note]), options, Arc::new(|_| {})).unwrap();
        let stop = Stop::new();
        let running = tokio::spawn(worker.run(stop.clone()));
        let broker = self.broker();
        let mut waits: Vec<Duration> = Vec::new();
        for _ in 0..2_000 {
            let sent = Instant::now();
            Signature::new("bench.note").delay(&broker).await.unwrap();
            waits.push(arrivals.recv().await.unwrap() - sent);
        }
        waits.sort();
        println!(
            "delay to first line, idle worker: p50 {:?}, p99 {:?}",
            waits[1_000], waits[1_980]
        );
        stop.warm();
        running.await.unwrap().unwrap();
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// User and system time of this process so far; 0 where there is no /proc.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<f64> = stat
        .rsplit(") ")
        .next()
        .unwrap_or_default()
        .split(' ')
        .map(|field| field.parse().unwrap_or(0.0))
        .collect();
    // The kernel counts in hundredths of a second.
    fields.get(11).zip(fields.get(12)).map_or(0.0, |(user, system)| (user + system) / 100.0)
}

fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or_else(|| "is not known on this system".to_owned(), |size| size.trim().to_owned())
}
