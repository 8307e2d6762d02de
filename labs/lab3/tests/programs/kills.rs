//! Workers that are really killed: what is acknowledged late is never lost.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use redis::Commands;
use taskqueue::{Broker, DeadLetter};

use crate::support::{PATIENCE, Program, Step5, TempFile, command, on_each_broker};

const TASKS: usize = 2_000;
const KILLS: usize = 20;
const SLOTS: usize = 8;

fn worker(broker: &Step5, mails: &TempFile) -> Program {
    let mut command = command(env!("CARGO_BIN_EXE_step6_worker"));
    command.args(["--broker", &broker.url, "--acks-late", "--lease", "1s", "--work", "5ms"]);
    command.args(["--concurrency", &SLOTS.to_string(), "--mail-file", mails.path()]);
    Program::start(&mut command)
}

/// 2,000 messages as Celery writes them, each with its own id; returns the ids.
fn send(redis: &mut redis::Connection) -> HashSet<String> {
    let golden = include_str!("../../../taskqueue/tests/golden/messages/delay.raw.txt");
    let id = "f09a22db-2fea-4edd-9f5d-3d3f539d34bf";
    let ids: HashSet<String> = (0..TASKS).map(|number| format!("task-{number}")).collect();
    for own in &ids {
        let _: i64 = redis.lpush("celery", golden.replace(id, own)).unwrap();
    }
    ids
}

/// How often each task's mail stands in the ledger.
fn delivered(mails: &TempFile) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for line in mails.text().lines() {
        if let Some(id) = line.strip_prefix("Message-ID: <").and_then(|line| line.split('@').next())
        {
            *counts.entry(id.to_owned()).or_default() += 1;
        }
    }
    counts
}

/// Until nothing waits and nothing is in hand. Asked in one command: between two, the last messages
/// could move from the list to a worker, and be seen in neither.
fn drain(redis: &mut redis::Connection) {
    let deadline = Instant::now() + PATIENCE;
    while redis.exists::<_, i64>(&["celery", "unacked"]).unwrap() > 0 {
        assert!(Instant::now() < deadline, "the queue does not drain");
    }
}

fn send_back_what_was_put_aside(url: &str) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let broker = Broker::new(url).unwrap();
        for letter in DeadLetter::newest(&broker, "celery", TASKS).await.unwrap() {
            assert_eq!(letter.reason, "handed out 3 times, and each time its worker fell silent");
            assert!(letter.send_back(&broker).await.unwrap());
        }
    });
}

#[test]
fn twenty_sigkills_lose_none_of_two_thousand_tasks() {
    on_each_broker("twenty SIGKILLs", |broker| {
        let mails = TempFile::new("kills");
        let mut redis = broker.redis();
        let accepted = send(&mut redis);
        for kill in 1..=KILLS {
            let mut worker = worker(&broker, &mails);
            // In the middle of tasks: some of its own are done, and others run.
            let goal = delivered(&mails).len() + TASKS / (3 * KILLS);
            let deadline = Instant::now() + PATIENCE;
            while delivered(&mails).len() < goal || redis.hlen::<_, i64>("unacked").unwrap() == 0 {
                assert!(Instant::now() < deadline, "no progress before kill {kill}");
            }
            worker.kill();
        }
        let _last = worker(&broker, &mails);
        drain(&mut redis);
        // Who was in hand at three kills is taken for their cause, and put aside; an operator sends it back.
        send_back_what_was_put_aside(&broker.url);
        drain(&mut redis);
        let delivered = delivered(&mails);
        let lost: Vec<_> = accepted.iter().filter(|id| !delivered.contains_key(*id)).collect();
        assert!(lost.is_empty(), "lost {}: {lost:?}", lost.len());
        let twice = delivered.values().filter(|count| **count > 1).count();
        assert!(twice <= KILLS * SLOTS, "{twice} twice, more than were in hand");
        let left: i64 =
            redis.exists(&["celery", "celery.dead", "unacked", "unacked_index"]).unwrap();
        assert_eq!(left, 0, "something is left in Redis");
    });
}
