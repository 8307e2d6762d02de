//! Step 6's options of `celery worker`: beat, the log level, and those that it refuses.

use redis::Commands;

use crate::support::{Program, TempFile, command, on_each_broker};

/// What a Celery client wrote: a mail to a@example.com.
const MAIL: &str = include_str!("../../../taskqueue/tests/golden/messages/delay.raw.txt");

fn step6(url: &str, arguments: &[&str]) -> Program {
    let mut command = command(env!("CARGO_BIN_EXE_step6_worker"));
    Program::start(command.args(["--broker", url]).args(arguments))
}

#[test]
fn a_worker_with_beat_says_what_is_scheduled_and_reports_the_queue() {
    on_each_broker("a worker with beat", |broker| {
        let mut worker = step6(&broker.url, &["-B", "--speed", "30"]);
        let report = worker.until("report-queue");
        assert!(report.contains("every 30.0 s (1.0 s real), next by "), "{report}");
        let digest = worker.until("daily-digest");
        assert!(digest.contains("0 9 * * mon-fri, next by "), "{digest}");
        worker.until("HGET celerybeat-schedule report-queue");
        worker.until("▶ report     celery 0 waiting");
        worker.until("succeeded");
        assert!(worker.said().lines().all(|line| line.chars().count() <= 80), "{}", worker.said());
    });
}

#[test]
fn a_worker_without_beat_sends_nothing_by_itself() {
    on_each_broker("a worker without beat", |broker| {
        let mut worker = step6(&broker.url, &["--work", "30s", "--speed", "1000"]);
        let mut redis = broker.redis();
        let _: i64 = redis.lpush("celery", MAIL).unwrap();
        // A report would have been due meanwhile.
        worker.until("succeeded");
        let exists: bool = redis.exists("celerybeat-schedule").unwrap();
        assert!(!exists && !worker.said().contains("report "), "{}", worker.said());
    });
}

#[test]
fn a_digest_that_was_missed_is_told_when_beat_comes_back() {
    on_each_broker("a missed digest", |broker| {
        let mails = TempFile::new("digest");
        let mut redis = broker.redis();
        let _: i64 = redis.lpush("celery", MAIL).unwrap();
        let mut worker = step6(&broker.url, &["--work", "0s", "--mail-file", mails.path()]);
        worker.until("succeeded");
        worker.kill();
        let years_ago = "1000000000.000000";
        let _: i64 = redis.hset("celerybeat-schedule", "daily-digest", years_ago).unwrap();
        let mut worker = step6(&broker.url, &["-B"]);
        worker.until("the last day's tasks: 1 SUCCESS");
    });
}

#[test]
fn a_worker_tells_as_much_as_its_log_level_lets_through() {
    let levels = [("error", false, false), ("WARNING", true, false), ("info", true, true)];
    on_each_broker("log levels", |broker| {
        for (level, waits, all) in levels {
            let mails = TempFile::new("loglevel");
            let mut redis = broker.redis();
            let mut worker = step6(
                &broker.url,
                &["-l", level, "-c", "1", "--work", "0s", "--mail-file", mails.path()],
            );
            worker.until("Ctrl-C");
            let parked = MAIL.replace("\"eta\": null", "\"eta\": \"2130-01-02T03:04:05+00:00\"");
            for message in [MAIL, &parked, "not JSON"] {
                let _: i64 = redis.lpush("celery", message).unwrap();
            }
            worker.until("put aside");
            let said = worker.said();
            assert!(mails.text().contains("Your Feedback"), "the mail came before");
            assert_eq!(said.contains("parked"), waits, "{level}: {said}");
            assert_eq!(said.contains("succeeded"), all, "{level}: {said}");
            assert_eq!(said.contains("ready"), all, "{level}: {said}");
        }
    });
}

#[test]
fn options_that_would_mean_nothing_are_refused_with_a_reason() {
    let options: [(&[&str], &str); 5] = [
        (&["--max-tasks-per-child", "100"], "--max-tasks-per-child"),
        (&["--max-memory-per-child=200000"], "--max-memory-per-child"),
        (&["--autoscale", "10,3"], "--autoscale"),
        (&["-P", "solo"], "--pool"),
        (&["--pool"], "--pool"),
    ];
    for (arguments, name) in options {
        let (status, output) = step6("redis://127.0.0.1:1/0", arguments).end();
        assert_eq!(status.code(), Some(2), "{arguments:?}");
        assert!(output.contains(name) && output.contains("\n  next: "), "{output}");
        assert!(output.lines().all(|line| line.chars().count() <= 80), "{output}");
    }
}
