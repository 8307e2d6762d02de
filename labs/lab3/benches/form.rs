//! How much step 7's form takes: `cargo bench -p lab3`.
//!
//! The program itself, with a redis-server of its own and no worker, under visitors who send forms
//! over loopback as fast as they are answered, each on a connection of its own. Its lines go to
//! /dev/null. After each round the queue is emptied, before the form would refuse.
//! Told are the median round's answers a second, the waits of all rounds, and the form's memory
//! after the first and after the last round: what grows with the number of visitors shows there.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, and fails loudly"
)]

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use lab3::visitor;
use tokio::task::JoinSet;

const ROUNDS: usize = 3;
/// Below the 10,000 messages at which the form refuses.
const VISITS: usize = 8_000;

fn main() {
    let Some(redis) = Server::redis() else {
        return println!("did not run: the benchmark needs redis-server on the PATH");
    };
    let form = Server::form(&redis);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    println!("{VISITS} forms sent to step 7, redis-server, no worker, {ROUNDS} rounds");
    println!("{:<12} {:>12} {:>10} {:>10} {:>10}", "visitors", "forms/s", "p50", "p99", "longest");
    for visitors in [1, 32, 128] {
        let mut memory = Vec::new();
        let (mut rates, mut waits) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let (took, round) = runtime.block_on(round(form.address, visitors));
            rates.push(f64::from(u32::try_from(round.len()).unwrap()) / took.as_secs_f64());
            waits.extend(round);
            redis.empty();
            memory.push(form.memory());
        }
        rates.sort_by(f64::total_cmp);
        waits.sort();
        let at = |share: usize| waits[waits.len() * share / 100];
        println!(
            "{visitors:<12} {:>12.0} {:>10.1?} {:>10.1?} {:>10.1?}   memory {} → {} MB",
            rates[rates.len() / 2],
            at(50),
            at(99),
            waits[waits.len() - 1],
            memory[0] / 1024,
            memory[memory.len() - 1] / 1024,
        );
    }
}

/// So many visitors share the round's forms; how long all took, and how long each waited.
async fn round(form: SocketAddr, visitors: usize) -> (Duration, Vec<Duration>) {
    let began = Instant::now();
    let mut running = JoinSet::new();
    for _ in 0..visitors {
        running.spawn(async move {
            let mut waits = Vec::new();
            for _ in 0..VISITS / visitors {
                let answer = visitor::submit(form, "ann@example.com", "Hello").await.unwrap();
                assert_eq!(answer.status, 302);
                waits.push(answer.waited);
            }
            waits
        });
    }
    let waits = running.join_all().await.concat();
    (began.elapsed(), waits)
}

/// A process that listens; it is killed at the end.
struct Server {
    child: Child,
    address: SocketAddr,
    directory: PathBuf,
}

impl Server {
    fn redis() -> Option<Self> {
        Self::start("redis-server", &["--bind", "127.0.0.1", "--save", ""])
    }

    fn form(redis: &Self) -> Self {
        let broker = format!("redis://{}/0", redis.address);
        Self::start(env!("CARGO_BIN_EXE_step7_async_form"), &["--broker", &broker]).unwrap()
    }

    fn start(program: &str, arguments: &[&str]) -> Option<Self> {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let directory = std::env::temp_dir().join(format!("lab3-bench-{}", address.port()));
        std::fs::create_dir_all(&directory).unwrap();
        let child = Command::new(program)
            .args(["--port", &address.port().to_string()])
            .args(arguments)
            .current_dir(&directory)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .ok()?;
        while TcpStream::connect(address).is_err() {
            std::thread::yield_now();
        }
        Some(Self { child, address, directory })
    }

    fn empty(&self) {
        let client = redis::Client::open(format!("redis://{}/0", self.address)).unwrap();
        let mut redis = client.get_connection().unwrap();
        redis::cmd("FLUSHALL").query::<()>(&mut redis).unwrap();
    }

    /// What the process has in memory, in kB; 0 where there is no /proc.
    fn memory(&self) -> usize {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let size = line.map(|size| size.trim().trim_end_matches(" kB"));
        size.and_then(|size| size.parse().ok()).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
