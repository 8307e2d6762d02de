//! A mixed fleet under fire: two Celery workers and two of ours on one queue, of which one of each
//! kind is killed again and again.
//!
//! MONITOR is the judge of who had a task last. Celery's fetch is two commands, and a worker that
//! dies in between takes its message along: such a task stands in no key, and the last that Redis
//! saw of it was the queue. A task that Redis saw last in the hands of one of ours must not be lost.
//!
//! By hand, as long as it takes: `cargo test -p lab3 --test celery -- --ignored --nocapture`

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use lab3::feedback::Feedback;
use lab3::tasks::send_feedback_email_task;
use redis::Commands;
use taskqueue::{Broker, DeadLetter};

use crate::process::Process;
use crate::support::{Program, Step5, TempFile, command, did_not_run};
use crate::{celery, celery_is_installed, root};

/// How hard it is.
struct Drill {
    tasks: usize,
    /// How many of each kind are killed.
    kills: usize,
    every: Duration,
    work: &'static str,
}

/// Who had a task last, as far as Redis saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holder {
    Queue,
    Ours,
    Celery,
}

const SLOTS: usize = 4;

/// Said to Redis when all is over, for MONITOR to hear.
const THE_END: &str = "the-fleet-is-done";

struct Fleet {
    broker: Step5,
    mails: TempFile,
    work: &'static str,
    started: usize,
}

impl Fleet {
    fn ours(&mut self) -> Program {
        self.started += 1;
        let name = format!("ours-{}", self.started);
        let mut worker = command(env!("CARGO_BIN_EXE_step6_worker"));
        worker.args(["--broker", &self.broker.url, "--acks-late", "--lease", "2s", "-n", &name]);
        worker.args([
            "-c",
            &SLOTS.to_string(),
            "--work",
            self.work,
            "--mail-file",
            self.mails.path(),
        ]);
        Program::start(&mut worker)
    }

    fn celery(&mut self) -> Process {
        self.started += 1;
        let name = format!("celery-{}@fleet", self.started);
        let slots = SLOTS.to_string();
        let options = ["-n", &name, "-c", &slots, "--without-mingle", "--without-gossip"];
        let mut worker = celery("worker", &self.broker.url, &options);
        let seconds = self.work.strip_suffix("ms").unwrap().parse::<f64>().unwrap() / 1000.0;
        worker.env("PYTHONPATH", root().join("labs/lab3/tests/celery"));
        worker.env("DJANGO_SETTINGS_MODULE", "fleet_settings");
        worker.env("WORK_SECONDS", seconds.to_string()).env("MAIL_FILE", self.mails.path());
        Process::start(&worker)
    }

    /// Half of the messages are ours, half are Celery's as it wrote them; all their ids.
    fn send(&self, tasks: usize) -> HashSet<String> {
        let golden = include_str!("../../../taskqueue/tests/golden/messages/delay.raw.txt");
        let (golden_id, golden_tag) =
            ("f09a22db-2fea-4edd-9f5d-3d3f539d34bf", "73ff0a72-1087-45cc-a262-90eda941c2e2");
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let broker = std::sync::Arc::new(Broker::new(&self.broker.url).unwrap());
        let mut redis = self.broker.redis();
        let feedback = Feedback::parse("a@example.com", "hi").unwrap();
        let ids = (0..tasks).map(|number| format!("task-{number:05}."));
        let send = |(number, id): (usize, String)| {
            if number % 2 == 0 {
                let signature = send_feedback_email_task(&feedback).task_id(id.clone());
                runtime.block_on(signature.delay(&broker)).unwrap();
            } else {
                // Its tag names it while a Celery worker has it, so it needs one of its own.
                let message =
                    golden.replace(golden_id, &id).replace(golden_tag, &format!("tag-{number}"));
                let _: i64 = redis.lpush("celery", message).unwrap();
            }
            id
        };
        ids.enumerate().map(send).collect()
    }

    /// Until nothing waits and nothing is in hand.
    fn drain(&self) {
        let mut redis = self.broker.redis();
        let deadline = Instant::now() + Duration::from_secs(120);
        while redis.exists::<_, i64>(&["celery", "unacked"]).unwrap() > 0 {
            assert!(Instant::now() < deadline, "the queue does not drain");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Who was in hand at three kills was put aside; an operator sends it back.
    fn send_back_what_was_put_aside(&self, tasks: usize) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let broker = Broker::new(&self.broker.url).unwrap();
            for letter in DeadLetter::newest(&broker, "celery", tasks).await.unwrap() {
                assert!(letter.reason.contains("its worker fell silent"), "{}", letter.reason);
                assert!(letter.send_back(&broker).await.unwrap());
            }
        });
    }

    /// How often each task's mail was sent.
    fn mails(&self) -> HashMap<String, usize> {
        let mut counts = HashMap::new();
        for line in self.mails.text().lines() {
            if let Some(id) = line.strip_prefix("Message-ID: <") {
                *counts.entry(id.split('@').next().unwrap().to_owned()).or_default() += 1;
            }
        }
        counts
    }
}

/// What MONITOR tells from now on of messages that move, and of the end.
fn monitor(url: &str) -> Receiver<String> {
    let address = url.trim_start_matches("redis://").trim_end_matches("/0");
    let mut connection = TcpStream::connect(address).unwrap();
    connection.write_all(b"MONITOR\r\n").unwrap();
    let mut lines = BufReader::new(connection).lines().map_while(Result::ok);
    assert_eq!(lines.next().as_deref(), Some("+OK"));
    let (sender, told) = channel();
    std::thread::spawn(move || {
        for line in lines {
            let moves = ["\"HSET\" \"unacked\" ", "PUSH\" \"celery\" ", THE_END];
            if moves.iter().any(|words| line.contains(words)) {
                let _ = sender.send(line);
            }
        }
    });
    told
}

/// Who had each task last.
fn holders(told: &Receiver<String>) -> HashMap<String, Holder> {
    let mut holders = HashMap::new();
    for line in told.iter().take_while(|line| !line.contains(THE_END)) {
        let holder = match () {
            () if line.contains("\"unacked\" \"lease:") => Holder::Ours,
            () if line.contains("\"unacked\" ") => Holder::Celery,
            () => Holder::Queue,
        };
        let (_, id) = line.split_once("task-").unwrap_or_else(|| panic!("whose is {line}"));
        holders.insert(format!("task-{}.", id.split('.').next().unwrap()), holder);
    }
    holders
}

/// What a Celery worker says when an entry in Redis is not what it expects.
fn assert_not_upset(celery: &Process) {
    let log = celery.log();
    assert!(celery.lives(), "a Celery worker has ended by itself:\n{log}");
    for words in ["Traceback", "CRITICAL", "Unrecoverable", "unknown message"] {
        assert!(!log.contains(words), "{words}:\n{log}");
    }
}

fn drill(drill: &Drill) {
    if !celery_is_installed() {
        return;
    }
    if lab3::broker::installed().is_none() {
        return did_not_run("a mixed fleet", "redis-server");
    }
    let began = Instant::now();
    let (broker, mails) = (Step5::start("--redis-server"), TempFile::new("fleet"));
    let mut fleet = Fleet { broker, mails, work: drill.work, started: 0 };
    let told = monitor(&fleet.broker.url);
    let mut ours = [fleet.ours(), fleet.ours()];
    let mut celery = [fleet.celery(), fleet.celery()];
    celery.iter().for_each(|worker| worker.until(" ready."));
    let accepted = fleet.send(drill.tasks);

    for kill in 0..drill.kills {
        // Every so often, or when a kill's share of the tasks is done: always in the middle of work.
        let (now, share) = (Instant::now(), drill.tasks * (kill + 1) / (drill.kills + 1));
        while now.elapsed() < drill.every && fleet.mails().len() < share {
            std::thread::sleep(Duration::from_millis(5));
        }
        let old = kill % 2;
        assert_not_upset(&celery[old]);
        ours[old].kill();
        std::mem::replace(&mut celery[old], fleet.celery()).kill();
        ours[old] = fleet.ours();
    }
    fleet.drain();
    fleet.send_back_what_was_put_aside(drill.tasks);
    fleet.drain();
    // Of what they may have taken this moment they say so now.
    celery.iter().for_each(|worker| worker.until(" ready."));
    celery.iter().for_each(assert_not_upset);
    celery.iter().for_each(|worker| worker.signal("TERM"));
    celery.iter().for_each(|worker| worker.wait_for("it ends", || !worker.lives()));
    fleet.drain();
    judge(drill, &fleet, &accepted, &told, began.elapsed());
}

/// Counts, says what it counted, and asserts that nothing of ours is lost.
fn judge(
    drill: &Drill,
    fleet: &Fleet,
    accepted: &HashSet<String>,
    told: &Receiver<String>,
    lasted: Duration,
) {
    let mut redis = fleet.broker.redis();
    let _: String = redis::cmd("ECHO").arg(THE_END).query(&mut redis).unwrap();
    let holders = holders(told);
    let succeeded = |id: &String| {
        let result: Option<String> = redis.get(format!("celery-task-meta-{id}")).unwrap();
        result.is_some_and(|result| result.contains("\"status\": \"SUCCESS\""))
    };
    let (done, lost): (Vec<_>, Vec<_>) = accepted.iter().cloned().partition(succeeded);
    let by_us: Vec<_> = lost.iter().filter(|id| holders[*id] == Holder::Ours).collect();
    let text = fleet.mails.text();
    let [by_celery, by_ours] = ["@python>", "@lab3"].map(|end| text.matches(end).count());
    let twice = fleet.mails().values().filter(|count| **count > 1).count();
    let line = format!(
        "{} tasks · {} of each kind killed · {} lost by us · {} by Celery · {twice} run twice · {by_ours} runs by us, {by_celery} by Celery · {:.0} s\n",
        drill.tasks,
        drill.kills,
        by_us.len(),
        lost.len() - by_us.len(),
        lasted.as_secs_f64()
    );
    std::io::stderr().write_all(line.as_bytes()).unwrap();
    assert!(by_us.is_empty(), "{by_us:?}");
    assert_eq!(done.len() + lost.len(), drill.tasks);
    assert!(by_celery > 0 && by_ours > 0, "both kinds worked");
    assert!(twice <= drill.kills * 2 * SLOTS, "{twice} twice, more than were in hand");
}

#[test]
fn a_mixed_fleet_under_fire_loses_nothing_that_was_ours() {
    drill(&Drill { tasks: 600, kills: 4, every: Duration::from_secs(2), work: "30ms" });
}

#[test]
#[ignore = "takes a minute; docs/celery.md has its result"]
fn five_thousand_tasks_and_a_kill_every_two_seconds() {
    drill(&Drill { tasks: 5_000, kills: 12, every: Duration::from_secs(2), work: "50ms" });
}
