//! A mail server that is away for a while: the lab's own task, over real SMTP, on each broker.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails loudly")]

use std::collections::HashSet;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use lab3::broker::{self, Broker, Choice};
use lab3::clock::LabClock;
use lab3::feedback::Feedback;
use lab3::slow_mail::SlowMail;
use lab3::smtp_server::{At, Behaviour, MailServer};
use lab3::tasks;
use taskqueue::{Event, Stop, Worker, WorkerOptions};
use tokio::sync::mpsc;
use tokio::time::timeout;

const MAILS: usize = 40;
const SLOTS: usize = 4;
/// How many failures in a row open the task's breaker.
const FAILURES: usize = 5;
/// Longer than anything here takes; only a failing test waits for it.
const PATIENCE: Duration = Duration::from_secs(120);

/// Says so past libtest's capture; in CI, where everything is installed, it is a failure.
fn did_not_run(test: &str, needs: &str) {
    let line = format!("did not run: {test} needs {needs} on the PATH\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
    assert!(std::env::var_os("CI").is_none(), "{line}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_of_the_mail_server_costs_a_few_attempts_and_no_mail_on_the_built_in_broker() {
    outage(Choice::BuiltIn).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_of_the_mail_server_costs_a_few_attempts_and_no_mail_on_a_redis_server() {
    if broker::installed().is_none() {
        return did_not_run("an outage of the mail server", "redis-server");
    }
    outage(Choice::RedisServer).await;
}

async fn outage(choice: Choice) {
    let broker = Broker::start(choice, 0, false).await.unwrap();
    let away = Behaviour::replies(At::Greeting, "421 4.3.2 closed for repairs");
    let server = MailServer::start([away]).await.unwrap();
    let queue = Arc::new(taskqueue::Broker::at(broker.url.clone()).unwrap());
    let message_ids = send_mails(&queue).await;
    let (sender, mut events) = mpsc::unbounded_channel();
    let clock = LabClock::new(100.0);
    let mailer = server.mailer(PATIENCE).unwrap();
    let mail = SlowMail { work: Duration::ZERO, clock, mailer };
    let options = WorkerOptions { concurrency: SLOTS, acks_late: true, ..WorkerOptions::default() };
    let registry = tasks::registry(mail, Arc::new(|_, _| ()));
    let observe = Arc::new(move |event| drop(sender.send(event)));
    let worker = Worker::new(Arc::clone(&queue), registry, options, observe).unwrap();
    let stop = Stop::new();
    let working = tokio::spawn(worker.run(stop.clone()));

    let (mut opened, mut tried, mut sent) = (0, 0, 0);
    while sent < MAILS {
        match timeout(PATIENCE, events.recv()).await.expect("nothing happens").unwrap() {
            Event::TaskStarted { .. } => tried += 1,
            Event::TaskSucceeded { .. } => sent += 1,
            Event::BreakerOpened { .. } => {
                opened += 1;
                // Away until three probes have failed.
                if opened == 4 {
                    server.play([Behaviour::accepts()]);
                }
            }
            Event::TaskFailed { request, error, .. } => panic!("{} is lost: {error}", request.id),
            _ => {}
        }
    }
    stop.warm();
    working.await.unwrap().unwrap();

    // Five in a row open the breaker while at most three others run; then each probe costs one.
    let most = MAILS + FAILURES + (SLOTS - 1) + (opened - 1);
    assert!(tried <= most, "{tried} attempts, more than {most}");
    assert_eq!(server.letters().len(), MAILS, "no mail twice");
    assert_eq!(server.letters().into_iter().collect::<HashSet<_>>(), message_ids);
    assert_clean(&broker.url).await;
    broker.stop().await;
}

/// The Message-IDs that the mail server is to see.
async fn send_mails(queue: &Arc<taskqueue::Broker>) -> HashSet<String> {
    let mut message_ids = HashSet::new();
    for number in 0..MAILS {
        let id = format!("mail-{number}");
        let feedback = Feedback::parse("ann@example.com", &id).unwrap();
        tasks::send_feedback_email_task(&feedback).task_id(&id).delay(queue).await.unwrap();
        message_ids.insert(format!("<{id}@lab3.example.com>"));
    }
    message_ids
}

/// What may stay: results, each with an end, and what kombu knows of the queue.
async fn assert_clean(url: &taskqueue::BrokerUrl) {
    let mut redis = broker::connect(url).await.unwrap();
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut redis).await.unwrap();
    for key in keys {
        let left: i64 = redis::cmd("PTTL").arg(&key).query_async(&mut redis).await.unwrap();
        // -2 is gone by now.
        assert!(
            key.starts_with("_kombu.binding") || left >= 0 || left == -2,
            "{key} stays for ever"
        );
        assert!(!["unacked", "unacked_index", "unacked_eta"].contains(&key.as_str()), "{key}");
    }
}
