//! Names and texts from outside that would steer a terminal: none of them gets to one.
//!
//! They stand wherever somebody else can put them: keys, ids, task and queue names, arguments,
//! results, errors, worker names, options, file names, the environment, a mail server's replies.

use std::os::unix::ffi::OsStrExt;

use redis::Commands;

use crate::support::{Program, Step5, TempFile, command, free_port, get, on_each_broker, post};

/// Sets the window's title, clears the screen, hides, rings, ends the line, turns the letters round.
const EVIL: &str = "x\u{1b}]0;X\u{7}\u{1b}[2J\u{1b}[8m\u{9b}31m\r\u{8}\u{202e}y";
const GOLDEN: &str = include_str!("../../../taskqueue/tests/golden/messages/delay.raw.txt");

/// The whole output, which has none of it left.
fn tame(what: &str, output: &str) {
    let steers = |c: char| c.is_control() || matches!(c, '\u{202e}' | '\u{fffd}');
    for line in output.split('\n') {
        // A letter's text begins with a tab: the original's does.
        let line = line.strip_prefix("          \t").unwrap_or(line);
        assert!(!line.contains(steers), "{what} lets through: {line:?}");
    }
}

fn ended(what: &str, mut program: Program, when: &str) -> String {
    program.until(when);
    program.interrupt();
    let output = program.end().1;
    tame(what, &output);
    output
}

/// A Celery message with `evil` in the place of `usual`.
fn message(usual: &str, evil: &str) -> String {
    let evil = serde_json::to_string(evil).unwrap();
    assert!(GOLDEN.contains(usual));
    GOLDEN.replace(usual, evil.trim_matches('"'))
}

fn plant(broker: &Step5) {
    let mut redis = broker.redis();
    let id = "f09a22db-2fea-4edd-9f5d-3d3f539d34bf";
    let task = "feedback.tasks.send_feedback_email_task";
    for raw in [message(id, EVIL), message(task, EVIL), message("a@example.com", EVIL), EVIL.into()]
    {
        let _: i64 = redis.lpush("celery", raw).unwrap();
    }
    let result = serde_json::json!({
        "status": "FAILURE", "task_id": EVIL, "traceback": EVIL, "children": [],
        "result": {"exc_type": EVIL, "exc_message": [EVIL], "exc_module": EVIL},
    });
    for key in [EVIL.as_bytes(), b"a b", b"it's \"so\"", b"\xff\x00"] {
        let key = [b"celery-task-meta-", key].concat();
        let _: () = redis.set(key, result.to_string()).unwrap();
    }
    let _: i64 = redis.lpush("celery.dead", EVIL).unwrap();
    let _: i64 = redis.hset("unacked", EVIL, EVIL).unwrap();
    let _: i64 = redis.zadd("unacked_index", EVIL, 1).unwrap();
}

/// Step 8's own look around, which finds each key and asks for it.
fn keys_are_quoted(output: &str) {
    tame("step 8", output);
    let quoted = r#""celery-task-meta-x\x1b]0;X\a"#;
    assert!(output.contains(quoted), "{output}");
    for line in
        ["GET 'celery-task-meta-a b'", r#"--quoted-input GET '"celery-task-meta-\xff\x00"'"#]
    {
        assert!(output.contains(line), "{line} is missing in\n{output}");
    }
    assert_eq!(
        output.matches(r#""{\"children"#).count(),
        4,
        "each key is looked up by its bytes:\n{output}"
    );
}

#[test]
fn keys_results_and_messages_reach_no_terminal_as_they_are() {
    on_each_broker("hostile keys", |broker| {
        plant(&broker);
        let step8 = |arguments: &[&str]| {
            let mut step8 = command(env!("CARGO_BIN_EXE_step8_examine"));
            Program::start(step8.args(["--broker", &broker.url]).args(arguments))
        };
        keys_are_quoted(&step8(&[]).end().1);
        for words in [["GET", EVIL], ["EVIL", EVIL], ["LRANGE", "celery.dead"]] {
            tame("step 8's answers", &step8(&["--", words[0], words[1]]).end().1);
        }
        tame("step 8, sending back", &step8(&["--send-back", EVIL]).end().1);
        ended("step 8's live view", step8(&["--watch"]), "unacked");

        let step6 = |arguments: &[&str]| {
            let mut worker = command(env!("CARGO_BIN_EXE_step6_worker"));
            worker.args(["--broker", &broker.url, "-c", "1", "--work", "0s"]);
            Program::start(worker.args(arguments))
        };
        ended("step 6", step6(&["-n", EVIL]), "not a JSON message");
        tame("step 6, of an odd queue", &step6(&["-Q", EVIL]).end().1);

        let port = free_port();
        let mut form = command(env!("CARGO_BIN_EXE_step7_async_form"));
        let form = form.args(["--broker", &broker.url, "--port", &port.to_string()]);
        let form = Program::start(form);
        form.listens_on(port);
        get(port, "/%1b]0;X%07%c2%9b");
        post(port, "email=a%1b%5b2J%40example.com&message=%1b]0;X%07");
        ended("step 7", form, "invalid");
    });
}

/// A command copied from the screen asks for the very key.
#[test]
fn a_line_with_an_odd_key_can_be_typed_as_it_stands() {
    let broker = Step5::start("--builtin");
    if std::process::Command::new("redis-cli").arg("--version").output().is_err() {
        return crate::support::did_not_run("an odd key, typed", "redis-cli");
    }
    let mut redis = broker.redis();
    for key in [EVIL.as_bytes(), b"a b", b"it's \"$(so)\"", b"\xff\x00 \\x1b"] {
        let key = [b"celery-task-meta-", key].concat();
        let _: () = redis.set(key, "found").unwrap();
    }
    let mut step8 = command(env!("CARGO_BIN_EXE_step8_examine"));
    let (_, output) = Program::start(step8.args(["--broker", &broker.url])).end();
    let lines = output.lines().filter_map(|line| line.strip_prefix("  $ "));
    let lines: Vec<&str> =
        lines.filter(|line| line.contains("GET celery-") || line.contains("GET '")).collect();
    assert_eq!(lines.len(), 4, "{output}");
    for line in lines {
        let answer = std::process::Command::new("sh").args(["-c", line]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&answer.stdout), "found\n", "{line}");
    }
}

#[test]
fn arguments_files_and_the_environment_reach_no_terminal_as_they_are() {
    let programs = [
        env!("CARGO_BIN_EXE_lab3"),
        env!("CARGO_BIN_EXE_step1_setup"),
        env!("CARGO_BIN_EXE_step2_sync_form"),
        env!("CARGO_BIN_EXE_step5_broker"),
        env!("CARGO_BIN_EXE_step6_worker"),
        env!("CARGO_BIN_EXE_step7_async_form"),
        env!("CARGO_BIN_EXE_step8_examine"),
        env!("CARGO_BIN_EXE_step9_retries"),
    ];
    for program in programs {
        let cases: [&[&str]; 4] =
            [&[EVIL], &["--speed", EVIL], &[&format!("--{EVIL}")], &["--broker", EVIL]];
        for arguments in cases {
            // A command for Redis, at step 8; the broker is nowhere.
            let mut command = command(program);
            command.env("REDIS_URL", format!("redis://127.0.0.1:1/{EVIL}")).args(arguments);
            let output = Program::start(&mut command).end().1;
            tame(&format!("{program} {arguments:?}"), &output);
            assert!(!output.is_empty(), "{program} {arguments:?}");
        }
        let mut command = command(program);
        command.arg(std::ffi::OsStr::from_bytes(b"--speed=\xff\x1b[2J"));
        tame(program, &Program::start(&mut command).end().1);
    }
    let mails = TempFile::new(&format!("hostile-{EVIL}"));
    let port = free_port().to_string();
    let mut form = command(env!("CARGO_BIN_EXE_step2_sync_form"));
    let form = form.args(["--work", "0s", "--port", &port, "--mail-file", mails.path()]);
    let mut form = Program::start(form.env("HOSTNAME", EVIL).env("TERM", EVIL));
    form.until("Ctrl-C");
    // It says so before it listens for it.
    form.interrupt_again();
    tame("step 2", &form.end().1);
}

/// A server that answers every line with an error of its own, with escapes in it.
fn evil_redis() -> u16 {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            std::thread::spawn(move || {
                let mut bytes = [0; 4096];
                while connection.read(&mut bytes).is_ok_and(|count| count > 0) {
                    let error = format!("-EVIL {}\r\n", EVIL.replace('\r', ""));
                    if connection.write_all(error.repeat(8).as_bytes()).is_err() {
                        break;
                    }
                }
            });
        }
    });
    port
}

#[test]
fn an_error_of_redis_reaches_no_terminal_as_it_is() {
    let url = format!("redis://127.0.0.1:{}/0", evil_redis());
    let programs: [(&str, &[&str]); 3] = [
        (env!("CARGO_BIN_EXE_step1_setup"), &[]),
        (env!("CARGO_BIN_EXE_step8_examine"), &[]),
        (env!("CARGO_BIN_EXE_step8_examine"), &["--", "PING"]),
    ];
    for (program, arguments) in programs {
        let mut command = command(program);
        let output = Program::start(command.args(["--broker", &url]).args(arguments)).end().1;
        tame(program, &output);
        assert!(output.contains("]0;X"), "{program} says what Redis said: {output}");
    }
    for program in [env!("CARGO_BIN_EXE_step6_worker"), env!("CARGO_BIN_EXE_step7_async_form")] {
        let mut command = command(program);
        if program.ends_with("form") {
            command.args(["--port", &free_port().to_string()]);
        }
        let mut program = Program::start(command.args(["--broker", &url]));
        program.until("]0;X");
        tame("at the start", &program.said());
    }
}
