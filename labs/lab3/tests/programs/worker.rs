//! Step 6's options of `celery worker`: beat, the log level, and those that it refuses.

use redis::Commands;

use crate::support::{Program, Step5, TempFile, command, did_not_run, on_each_broker};

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

#[test]
fn options_with_impossible_values_are_refused_before_anything_begins() {
    let options: [(&[&str], &str); 13] = [
        (&["-c", "0"], "runs none; write 1 or more"),
        (&["-c", "-1"], "`-1` is no number of tasks"),
        (&["-c", "two"], "write one from 1 to 1000000"),
        (&["-c", "99999999999999999999"], "write one from 1 to 1000000"),
        (&["-c", "1000001"], "write one from 1 to 1000000"),
        (&["-Q", ""], "a queue has a name"),
        (&["-Q", "celery,,mail"], "a queue has a name"),
        (&["-Q", " "], "a queue has a name"),
        (&["-n", "w%x"], "as in w1@%h"),
        (&["--time-limit", "0s"], "would cut every task"),
        (&["--soft-time-limit", "0ms"], "would cut every task"),
        (&["--lease", "0s"], "is over at once"),
        (&["--mail-file", "/"], "the mail file / can't be written"),
    ];
    for (arguments, reason) in options {
        let (status, output) = step6("redis://127.0.0.1:1/0", arguments).end();
        assert!(matches!(status.code(), Some(1 | 2)), "{arguments:?}: {status}");
        assert!(output.contains(reason), "{arguments:?}: {output}");
        assert!(!output.contains("Step 6 of 9"), "{output}");
    }
}

#[test]
fn a_mail_file_that_can_not_be_written_is_refused_at_the_start_with_its_cause() {
    let nowhere = "/no/such/folder/mails.txt";
    let (status, output) = step6("redis://127.0.0.1:1/0", &["--mail-file", nowhere]).end();
    assert_eq!(status.code(), Some(1), "{output}");
    assert!(output.contains(nowhere) && output.contains("No such file"), "{output}");
    assert!(output.contains("\n  next: name a file in a folder that exists"), "{output}");
}

#[test]
fn a_name_is_expanded_as_celery_does_and_a_second_worker_of_that_name_is_warned() {
    on_each_broker("workers of one name", |broker| {
        let mut first = step6(&broker.url, &["-n", "w1"]);
        first.until("celery@w1");
        first.until("ready");
        let host = step6(&broker.url, &["-n", "w1@%h"]).until("name ");
        assert!(host.contains(" w1@") && !host.contains('%'), "{host}");
        let mut second = step6(&broker.url, &["-n", "w1"]);
        second.until("another worker is called celery@w1");
        second.until("next: give each worker its own");
        second.until("ready");
        assert!(!first.said().contains("another worker"));
    });
}

#[cfg(unix)]
mod signals {
    use std::process::Command;

    use super::*;

    /// A mail of an hour.
    const LONG: &[&str] = &["--work", "3600s"];

    /// A worker with a mail in hand.
    fn busy(broker: &Step5, before: &[&str], arguments: &[&str]) -> Program {
        let worker = env!("CARGO_BIN_EXE_step6_worker");
        let mut command = match before {
            [] => command(worker),
            [program, rest @ ..] => {
                let mut command = command(program);
                command.args(rest).arg(worker);
                command
            }
        };
        command.args(["--broker", &broker.url, "-c", "1"]).args(arguments);
        let mut worker = Program::start(&mut command);
        let _: i64 = broker.redis().lpush("celery", MAIL).unwrap();
        worker.until("started");
        worker
    }

    #[test]
    fn a_hang_up_that_was_ignored_from_the_start_stays_ignored() {
        on_each_broker("SIGHUP", |broker| {
            // What nohup does, without its file.
            let mut deaf = busy(&broker, &["sh", "-c", "trap '' HUP; exec \"$0\" \"$@\""], LONG);
            deaf.signal("HUP");
            deaf.signal("HUP");
            // The next signal is heard, and is the first.
            deaf.signal("TERM");
            deaf.until("finishing what runs");
            deaf.signal("QUIT");
            let (status, output) = deaf.end();
            assert!(status.success(), "{output}");
            assert_eq!(output.matches("finishing what runs").count(), 1, "{output}");
        });
    }

    #[test]
    fn a_hang_up_stops_a_worker_that_was_not_told_to_ignore_it() {
        on_each_broker("SIGHUP", |broker| {
            // The tests themselves may have been started with nohup.
            let hears = ["perl", "-e", "$SIG{HUP} = 'DEFAULT'; exec @ARGV"];
            let mut worker = busy(&broker, &hears, LONG);
            worker.signal("HUP");
            worker.until("finishing what runs");
        });
    }

    #[test]
    fn sigquit_gives_back_at_once_what_is_not_acknowledged() {
        on_each_broker("SIGQUIT", |broker| {
            let mut worker = busy(&broker, &[], &["--acks-late", "--work", "3600s"]);
            worker.signal("QUIT");
            worker.until("stopping at once");
            worker.until("given back");
            let (status, output) = worker.end();
            assert!(status.success(), "{output}");
            let waiting: i64 = broker.redis().llen("celery").unwrap();
            assert_eq!(waiting, 1);
        });
    }

    #[test]
    fn a_second_sigterm_does_not_hurry_a_worker_and_a_ctrl_c_after_it_does() {
        on_each_broker("two signals", |broker| {
            let mut patient = busy(&broker, &[], &["--acks-late", "--work", "2s"]);
            for _ in 0..3 {
                patient.signal("TERM");
            }
            // A cold stop would give it back.
            patient.until("succeeded");
            assert!(patient.end().0.success());
            let mut worker = busy(&broker, &[], &["--acks-late", "--work", "3600s"]);
            worker.signal("TERM");
            worker.until("finishing what runs");
            worker.signal("INT");
            worker.until("given back");
            assert!(worker.end().0.success());
        });
    }

    #[test]
    fn a_worker_whose_redis_stands_still_ends_and_names_its_task_in_full() {
        if lab3::broker::installed().is_none() {
            return did_not_run("a stop without Redis", "redis-server");
        }
        let broker = Step5::start("--redis-server");
        let id: i64 = redis::cmd("INFO")
            .arg("server")
            .query::<redis::InfoDict>(&mut broker.redis())
            .unwrap()
            .get("process_id")
            .unwrap();
        let signal = |name: &str| {
            let sent = Command::new("kill").args([name, &id.to_string()]).status();
            assert!(sent.unwrap().success());
        };
        let mut worker = busy(&broker, &[], LONG);
        signal("-STOP");
        worker.signal("QUIT");
        worker.until("stopping at once");
        let (status, output) = worker.end();
        signal("-CONT");
        let message: serde_json::Value = serde_json::from_str(MAIL).unwrap();
        let task = message["headers"]["id"].as_str().unwrap();
        assert_eq!(status.code(), Some(1), "{output}");
        assert!(output.contains("unsettled") && output.contains(task), "{output}");
    }
}

#[test]
fn events_and_remote_control_that_the_acl_withholds_are_named_at_the_start() {
    if lab3::broker::installed().is_none() {
        return did_not_run("missing rights", "redis-server");
    }
    let broker = Step5::start("--redis-server");
    let control = "this worker can't hear remote control";
    let events = "this worker can't publish events";
    let results: &[&str] = &["resetchannels", "&celery-task-meta-*"];
    let rights: [(&[&str], &str); 3] =
        [(&["-psubscribe"], control), (results, control), (results, events)];
    for (right, sentence) in rights {
        let mut acl = redis::cmd("ACL");
        acl.arg("SETUSER").arg("ann").arg("reset");
        for rule in ["on", ">secret", "~*", "&*", "+@all"].iter().chain(right) {
            acl.arg(rule);
        }
        acl.exec(&mut broker.redis()).unwrap();
        let url = broker.url.replace("redis://", "redis://ann:secret@");
        let mut worker = step6(&url, &[]);
        worker.until(sentence);
        worker.until("NOPERM");
        worker.until("next: ");
    }
}
