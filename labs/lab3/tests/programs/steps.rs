//! Steps 1 to 8 in terminals of their own, as docs/lab3.md says.

use std::time::Instant;

use redis::Commands;
use serde_json::Value;

use crate::support::{
    FEEDBACK, PATIENCE, Program, Step5, TempFile, command, did_not_run, free_port, get,
    on_each_broker, post, task_id,
};

fn step2(port: u16, arguments: &[&str]) -> Program {
    let mut command = command(env!("CARGO_BIN_EXE_step2_sync_form"));
    let mut program = Program::start(command.args(["--port", &port.to_string()]).args(arguments));
    program.until("Ctrl-C");
    program.listens_on(port);
    program
}

fn step6(url: &str, arguments: &[&str]) -> Program {
    let mut command = command(env!("CARGO_BIN_EXE_step6_worker"));
    Program::start(command.args(["--broker", url]).args(arguments))
}

fn step7(url: &str, port: u16, arguments: &[&str]) -> Program {
    let mut command = command(env!("CARGO_BIN_EXE_step7_async_form"));
    let command = command.args(["--broker", url, "--port", &port.to_string()]).args(arguments);
    let mut program = Program::start(command);
    program.until("Ctrl-C");
    program.listens_on(port);
    program
}

fn step8(url: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = command(env!("CARGO_BIN_EXE_step8_examine"));
    let (status, output) = Program::start(command.args(["--broker", url]).args(arguments)).end();
    (status.code(), output)
}

#[test]
fn step_2_answers_after_the_mail() {
    let (port, mails) = (free_port(), TempFile::new("step2"));
    let _form = step2(port, &["--work", "1s", "--speed", "10", "--mail-file", mails.path()]);
    let (status, answer) = post(port, FEEDBACK);
    assert_eq!(status, 302);
    assert!(answer.to_lowercase().contains("location: /success/"), "{answer}");
    let mail = mails.text();
    assert!(
        mail.contains("Subject: Your Feedback") && mail.contains("\thi\n\nThank you!"),
        "{mail}"
    );
    let (status, page) = get(port, "/success/");
    assert!(status == 200 && page.contains("Thank You!"), "{page}");
}

#[test]
fn a_form_that_is_killed_before_it_answers_and_gets_the_same_again_has_sent_one_task() {
    on_each_broker("a form that is killed before it answers", |broker| {
        let mut redis = broker.redis();
        let waiting = |redis: &mut redis::Connection| redis.llen::<_, i64>("celery").unwrap();
        let (port, form) = (free_port(), format!("{FEEDBACK}&token=t-1"));
        // Published, and not answered: there is no worker whose result it could wait for.
        let mut first = step7(&broker.url, port, &["--wait-result"]);
        let sent = form.clone();
        let visitor = std::thread::spawn(move || std::panic::catch_unwind(|| post(port, &sent)));
        first.until("queued");
        first.kill();
        assert!(visitor.join().unwrap().is_err(), "there was an answer");
        assert_eq!(waiting(&mut redis), 1);

        let _form = step7(&broker.url, port, &[]);
        let (status, answer) = post(port, &form);
        assert_eq!((status, waiting(&mut redis)), (302, 1), "while it waits");
        let mails = TempFile::new("killed-form");
        let mut worker = step6(&broker.url, &["--work", "0s", "--mail-file", mails.path()]);
        worker.until("succeeded");
        let (status, later) = post(port, &form);
        assert_eq!((status, task_id(&later)), (302, task_id(&answer)), "when it is done");
        assert_eq!(waiting(&mut redis), 0);

        let (_, other) = post(port, &form.replace("message=", "message=really+"));
        assert_ne!(task_id(&other), task_id(&answer), "other text is another task");
        worker.until("succeeded");
        let mails = mails.text();
        let ids: Vec<_> = mails.lines().filter(|line| line.starts_with("Message-ID")).collect();
        assert!(ids.len() == 2 && ids[0] != ids[1], "{mails}");
    });
}

#[test]
fn step_2_shows_a_wrong_form_again_with_what_was_typed() {
    let port = free_port();
    let mut form = step2(port, &["--work", "0s"]);
    let (status, page) = post(port, "email=nonsense&message=keep+me");
    assert_eq!(status, 200, "as Django answers");
    assert!(page.contains("Enter a valid email address.") && page.contains("keep me"), "{page}");
    assert!(form.until("invalid").contains("email: Enter a valid email address."));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_named_on_the_screen_and_on_the_page() {
    let port = free_port();
    let mut form = step2(port, &["--work", "0s", "--mail-file", "/dev/full"]);
    let (status, page) = post(port, FEEDBACK);
    assert!(status == 503 && page.contains("/dev/full: No space left on device"), "{page}");
    form.until("next: make room on that disk");
    let said = form.said().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("appended to /dev/full: No space left on device"), "{said}");
}

#[test]
fn step_2_says_which_port_is_taken_and_what_to_do() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let mut command = command(env!("CARGO_BIN_EXE_step2_sync_form"));
    let (status, output) = Program::start(command.args(["--port", &port])).end();
    assert_eq!(status.code(), Some(1));
    assert!(
        output.contains(&format!("port {port} can't be had")) && output.contains("--port"),
        "{output}"
    );
}

#[test]
fn with_one_thread_the_second_visitor_waits_behind_the_first() {
    let port = free_port();
    // Real time in which the second one has to come.
    let mut form = step2(port, &["--threads", "1", "--work", "5s"]);
    let first = std::thread::spawn(move || post(port, FEEDBACK));
    form.until("submitted");
    let second = std::thread::spawn(move || get(port, "/"));
    assert!(form.until("waits").contains("every thread is busy"));
    assert_eq!(first.join().unwrap().0, 302);
    assert_eq!(second.join().unwrap().0, 200);
}

#[test]
fn three_terminals_and_a_browser_bring_the_mail() {
    on_each_broker("three terminals and a browser", |broker| {
        let (port, mails) = (free_port(), TempFile::new("three"));
        let mut form = step7(&broker.url, port, &[]);
        let (status, answer) = post(port, FEEDBACK);
        assert_eq!(status, 302);
        let id = task_id(&answer);
        form.until("a message in the list celery");
        assert!(form.until("id ").contains(&id));

        let mut redis = broker.redis();
        assert_eq!(redis.llen::<_, i64>("celery").unwrap(), 1, "submitted is not sent");
        let raw: String = redis.lindex("celery", 0).unwrap();
        let message: Value = serde_json::from_str(&raw).unwrap();
        assert_eq!(message["headers"]["task"], "feedback.tasks.send_feedback_email_task");
        assert_eq!(message["headers"]["argsrepr"], "('a@example.com', 'hi')");
        let (_, page) = get(port, &format!("/success/?task={id}"));
        assert!(page.contains("PENDING") && page.contains(&id), "{page}");

        let mut worker =
            step6(&broker.url, &["--work", "1s", "--speed", "10", "--mail-file", mails.path()]);
        worker.until("succeeded");
        form.until("until the mail is out");
        assert!(mails.text().contains(&format!("<{id}@lab3.example.com>")));
        assert_eq!(redis.llen::<_, i64>("celery").unwrap(), 0);
        let result: String = redis.get(format!("celery-task-meta-{id}")).unwrap();
        let result: Value = serde_json::from_str(&result).unwrap();
        let mut fields: Vec<_> = result.as_object().unwrap().keys().cloned().collect();
        fields.sort();
        assert_eq!(fields, ["children", "date_done", "result", "status", "task_id", "traceback"]);
        let (_, page) = get(port, &format!("/success/?task={id}"));
        assert!(page.contains("SUCCESS"), "{page}");
    });
}

#[test]
fn step_7_without_a_broker_answers_clearly_and_keeps_the_text() {
    let (port, nobody) = (free_port(), free_port());
    let mut form = step7(&format!("redis://127.0.0.1:{nobody}/0"), port, &[]);
    let (status, page) = post(port, "email=a%40example.com&message=keep+me");
    assert_eq!(status, 503);
    for words in ["keep me", "a@example.com", "no Redis answers", "cargo run --bin step5_broker"] {
        assert!(page.contains(words), "{words:?} is missing in {page}");
    }
    form.until("refused");
}

#[test]
fn step_7_that_waits_for_the_result_is_no_faster_than_step_2() {
    let broker = Step5::start("--builtin");
    let port = free_port();
    let _form = step7(&broker.url, port, &["--wait-result"]);
    let waiting = std::thread::spawn(move || post(port, FEEDBACK));
    let mut redis = broker.redis();
    let deadline = Instant::now() + PATIENCE;
    while redis.llen::<_, i64>("celery").unwrap() == 0 {
        assert!(Instant::now() < deadline);
    }
    assert!(!waiting.is_finished(), "the visitor waits although the message is written");
    let _worker = step6(&broker.url, &["--work", "0s"]);
    assert_eq!(waiting.join().unwrap().0, 302);
}

#[test]
fn worker_and_form_warn_of_a_redis_that_throws_messages_away() {
    if lab3::broker::installed().is_none() {
        return did_not_run("a Redis that evicts", "redis-server");
    }
    let broker = Step5::start("--redis-server");
    let mut set = redis::cmd("CONFIG");
    set.arg("SET").arg("maxmemory-policy").arg("allkeys-lru");
    set.query::<()>(&mut broker.redis()).unwrap();
    let port = broker.url.trim_end_matches("/0").rsplit(':').next().unwrap();
    for mut program in [step6(&broker.url, &[]), step7(&broker.url, free_port(), &[])] {
        assert!(program.until("exposed").contains("throws messages away"));
        program.until(&format!("next: redis-cli -p {port} CONFIG SET maxmemory-policy noeviction"));
    }
}

#[test]
fn when_the_queue_is_full_step_7_says_so_at_once_and_keeps_the_text() {
    on_each_broker("a full queue", |broker| {
        let waiting: Vec<String> = (0..10_000).map(|number| number.to_string()).collect();
        let _: i64 = broker.redis().lpush("celery", waiting).unwrap();
        let port = free_port();
        let mut form = step7(&broker.url, port, &[]);
        let (status, page) = post(port, FEEDBACK);
        assert_eq!(status, 503);
        for words in ["10000 messages wait in celery already", "step6_worker", ">\nhi</textarea>"] {
            assert!(page.contains(words), "{words:?} is missing in {page}");
        }
        form.until("refused");
        assert_eq!(broker.redis().llen::<_, i64>("celery").unwrap(), 10_000);
        let _: String = broker.redis().rpop("celery", None).unwrap();
        assert_eq!(post(port, FEEDBACK).0, 302);
    });
}

#[test]
fn a_worker_says_that_the_broker_is_missing_and_goes_on_when_it_comes() {
    let port = free_port();
    let mut worker = step6(&format!("redis://127.0.0.1:{port}/0"), &["--work", "0s"]);
    worker.until("no Redis answers");
    worker.until("cargo run --bin step5_broker");
    let broker = Step5::start_at(port, "--builtin");
    worker.until("answers again");
    let form_port = free_port();
    let _form = step7(&broker.url, form_port, &[]);
    assert_eq!(post(form_port, FEEDBACK).0, 302);
    worker.until("succeeded");
}

#[test]
fn odd_messages_are_put_aside_or_failed_and_the_worker_lives() {
    on_each_broker("odd messages", |broker| {
        let mut worker = step6(&broker.url, &["--work", "0s"]);
        worker.until("ready");
        let mut redis = broker.redis();
        let _: i64 = redis.lpush("celery", "this is \u{1b}[2Jnot JSON").unwrap();
        assert!(worker.until("put aside").contains("celery"));
        let golden = include_str!("../../../taskqueue/tests/golden/messages/delay.raw.txt");
        let _: i64 = redis
            .lpush("celery", golden.replace("send_feedback_email_task", "unknown_task"))
            .unwrap();
        worker.until("unknown task");
        let wrong_address =
            golden.replace("W1siYUBleGFtcGxlLmNvbSIsICJoaSJd", "W1siYV9leGFtcGxlLmNvbSIsICJoaSJd");
        let _: i64 = redis.lpush("celery", wrong_address).unwrap();
        worker.until("Enter a valid email");
        let _: i64 = redis.lpush("celery", golden).unwrap();
        worker.until("succeeded");
        assert_eq!(redis.llen::<_, i64>("celery.dead").unwrap(), 2);
        let id = "f09a22db-2fea-4edd-9f5d-3d3f539d34bf";
        let (code, output) = step8(&broker.url, &["--send-back", id]);
        assert!(code == Some(0) && output.contains("unknown task"), "{output}");
        worker.until("unknown task");
        let (code, output) = step8(&broker.url, &["--send-back", "nobody"]);
        assert!(code == Some(1) && output.contains("LRANGE celery.dead 0 -1"), "{output}");
        assert!(output.contains("no message of task nobody was put aside"), "{output}");
        let (code, output) = step8(&broker.url, &["--put-aside"]);
        assert!(code == Some(0) && output.contains(id) && output.contains("no id"), "{output}");
        assert!(output.contains("the newest 10000 are kept for 7 days"), "{output}");
        assert!(output.contains("2 put aside") && output.contains("--send-back ID, or all"));
        assert!(output.lines().all(|line| line.chars().count() <= 80), "{output}");
        let (code, output) = step8(&broker.url, &["--send-back", "all"]);
        assert_eq!(code, Some(0), "{output}");
        assert!(output.contains("1 messages; 1 are no messages, and stay"), "{output}");
        worker.until("unknown task");
        assert_eq!(redis.llen::<_, i64>("celery.dead").unwrap(), 2);
    });
}

#[test]
fn step_8_shows_what_stands_in_redis() {
    on_each_broker("step 8", |broker| {
        let mut redis = broker.redis();
        let golden = include_str!("../../../taskqueue/tests/golden/messages/delay.raw.txt");
        let _: i64 = redis.lpush("celery", golden).unwrap();
        let (code, output) = step8(&broker.url, &[]);
        assert_eq!(code, Some(0), "{output}");
        for words in
            ["LLEN celery", "(integer) 1", "send_feedback_email_task", r#"["a@example.com","hi"]"#]
        {
            assert!(output.contains(words), "{words:?} is missing in\n{output}");
        }
        assert!(output.lines().all(|line| line.chars().count() <= 80), "{output}");
        assert_eq!(
            step8(&broker.url, &["--", "LLEN", "celery"]),
            (Some(0), "(integer) 1".to_owned())
        );
        let (_, refused) = step8(&broker.url, &["--", "LLEN"]);
        assert_eq!(refused, "(error) ERR wrong number of arguments for 'llen' command");
    });
}

#[test]
fn step_8_without_a_broker_says_what_to_start() {
    let (code, output) = step8(&format!("redis://127.0.0.1:{}/0", free_port()), &[]);
    assert_eq!(code, Some(1));
    assert!(output.contains("cargo run --bin step5_broker"), "{output}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_every_step_with_its_summary() {
    let broker = Step5::start("--builtin");
    let (port, other) = (free_port(), free_port());
    let mut worker = step6(&broker.url, &[]);
    worker.until("ready");
    let programs = [
        (step2(port, &[]), "next: cargo run --bin step5_broker"),
        (worker, "0 succeeded, 0 failed"),
        (step7(&broker.url, other, &[]), "next: cargo run --bin step8_examine"),
    ];
    // A form that answers has come far enough to hear a Ctrl-C.
    assert_eq!((get(port, "/").0, get(other, "/").0), (200, 200));
    for (program, words) in programs {
        program.interrupt();
        let (status, output) = program.end();
        assert!(status.success() && output.contains(words), "{words}: {output}");
    }
    broker.program.interrupt();
    let mut broker = broker;
    broker.program.until("the broker has stopped");
}

#[cfg(unix)]
#[test]
fn a_second_ctrl_c_does_not_wait_for_the_visitors() {
    let port = free_port();
    let mut form = step2(port, &["--work", "600s"]);
    let visitor = std::thread::spawn(move || submit_and_hang_up(port));
    form.until("submitted");
    form.interrupt();
    form.interrupt_again();
    let (status, output) = form.end();
    assert!(status.success() && output.contains("next:"), "{output}");
    visitor.join().unwrap();
}

/// A visitor whose connection is cut before there is an answer.
#[cfg(unix)]
fn submit_and_hang_up(port: u16) {
    use std::io::{Read, Write};
    let mut connection = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    let head = format!(
        "POST / HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Type: application/x-www-form-urlencoded"
    );
    write!(connection, "{head}\r\nContent-Length: {}\r\n\r\n{FEEDBACK}", FEEDBACK.len()).unwrap();
    let mut answer = String::new();
    let _ = connection.read_to_string(&mut answer);
    assert!(!answer.contains("302"), "{answer}");
}

#[test]
fn step_1_checks_the_machine_and_runs_the_queue_once() {
    let mut command = command(env!("CARGO_BIN_EXE_step1_setup"));
    let url = format!("redis://127.0.0.1:{}/0", free_port());
    let (status, output) = Program::start(command.args(["--broker", &url])).end();
    // Which ports are free is this machine's affair; that it says so is ours.
    assert!(matches!(status.code(), Some(0 | 1)), "{output}");
    for words in [
        "Rust: cargo",
        "programs: all",
        "form's port: 8000",
        "terminal: no colours",
        "a message went through",
    ] {
        assert!(output.contains(words), "{words:?} is missing in\n{output}");
    }
}
