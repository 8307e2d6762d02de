//! Step 6's options of `celery worker`.

use redis::Commands;

use crate::support::{Program, TempFile, command, on_each_broker};

/// What a Celery client wrote: a mail to a@example.com.
const MAIL: &str = include_str!("../../../taskqueue/tests/golden/messages/delay.raw.txt");

fn step6(url: &str, arguments: &[&str]) -> Program {
    let mut command = command(env!("CARGO_BIN_EXE_step6_worker"));
    Program::start(command.args(["--broker", url]).args(arguments))
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
