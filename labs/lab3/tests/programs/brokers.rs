//! The steps before brokers as people have them: what they say, where they end, what they offer.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::scripted;
use crate::support::{Program, command, did_not_run, free_port};

const STEP1: &str = env!("CARGO_BIN_EXE_step1_setup");
const STEP5: &str = env!("CARGO_BIN_EXE_step5_broker");
const STEP6: &str = env!("CARGO_BIN_EXE_step6_worker");
const STEP7: &str = env!("CARGO_BIN_EXE_step7_async_form");
const STEP8: &str = env!("CARGO_BIN_EXE_step8_examine");
const STEP9: &str = env!("CARGO_BIN_EXE_step9_retries");
const TOUR: &str = env!("CARGO_BIN_EXE_lab3");

/// A redis-server that wants the password `s3cret`, at a port, at both loopback addresses and at a
/// socket file. The user `ann` may not push.
struct Guarded {
    child: Child,
    port: u16,
    folder: PathBuf,
}

impl Guarded {
    fn start() -> Option<Self> {
        let port = free_port();
        let folder = std::env::temp_dir().join(format!("lab3-guarded-{port}"));
        std::fs::create_dir_all(&folder).unwrap();
        let child = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "-::1", "--save", ""])
            .args(["--requirepass", "s3cret", "--user"])
            .args(["ann", "on", ">s3cret", "~*", "&*", "+@all", "-lpush"])
            .args(["--unixsocket", folder.join("r.sock").to_str().unwrap(), "--dir"])
            .arg(&folder)
            .stdout(Stdio::null())
            .spawn()
            .ok()?;
        let mut server = Self { child, port, folder };
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err()
            || !server.folder.join("r.sock").exists()
        {
            assert!(server.child.try_wait().unwrap().is_none(), "redis-server has ended");
            std::thread::yield_now();
        }
        Some(server)
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Runs it to its end with `REDIS_URL`; its exit code and what it says.
fn with_url(program: &str, url: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = command(program);
    let (status, output) = Program::start(command.env("REDIS_URL", url).args(arguments)).end();
    (status.code(), output)
}

/// Words of a sentence that was broken to the screen's width.
fn flat(output: &str) -> String {
    output.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn assert_step_1_refuses(url: &str, words: &[&str]) {
    let (code, output) = with_url(STEP1, url, &[]);
    let said = flat(&output);
    assert_eq!(code, Some(1), "{url}: {output}");
    assert!(!said.contains("you are ready") && !said.contains("s3cret"), "{output}");
    let (_, of_broker) = said.split_once("✘ fix broker: ").expect("a ✘ at the broker");
    for word in words {
        assert!(of_broker.contains(word), "{url}: {word:?} is missing in\n{output}");
    }
}

#[test]
fn step_1_judges_the_broker_that_was_named() {
    let nobody = format!("redis://127.0.0.1:{}/0", free_port());
    let old = format!("redis://127.0.0.1:{}/0", scripted::redis_6_0());
    assert_step_1_refuses(&nobody, &["no Redis answers", "next: start one there"]);
    assert_step_1_refuses("127.0.0.1:6379", &["REDIS_URL", "does not begin with redis://"]);
    assert_step_1_refuses("rediss://:s3cret@h", &["(rediss://…)", "TLS is not spoken", "next:"]);
    assert_step_1_refuses(&old, &["Redis 6.0.16", "6.2 is the lowest", "next: install a newer"]);
    let Some(server) = Guarded::start() else {
        return did_not_run("step 1 and a Redis with a password", "redis-server");
    };
    let at =
        |login: &str, database: u32| format!("redis://{login}127.0.0.1:{}/{database}", server.port);
    assert_step_1_refuses(&at(":wrong@", 0), &["the password is wrong", "next: correct the URL"]);
    assert_step_1_refuses(&at("", 0), &["it wants a password", "next: put it into the URL"]);
    assert_step_1_refuses(&at("ann:s3cret@", 0), &["may not run LPUSH", "ACL SETUSER ann +lpush"]);
    assert_step_1_refuses(&at(":s3cret@", 99), &["no database 99", "next: name a lower one"]);
    let (_, output) = with_url(STEP1, &at(":s3cret@", 3), &[]);
    assert!(flat(&output).contains("✔ good broker: Redis "), "{output}");
}

#[test]
fn steps_6_to_8_end_at_once_before_a_broker_that_will_never_serve() {
    let old = format!("redis://127.0.0.1:{}/0", scripted::redis_6_0());
    let web = format!("redis://127.0.0.1:{}/0", scripted::answer(|_| b"HTTP/1.1 400 No\r\n\r\n"));
    let port = free_port().to_string();
    for (program, arguments) in [(STEP6, vec![]), (STEP7, vec!["--port", &port]), (STEP8, vec![])] {
        for (url, words) in [(&old, "6.2 is the lowest version"), (&web, "but a web server")] {
            let (code, output) = with_url(program, url, &arguments);
            assert_eq!(code, Some(1), "{output}");
            assert!(flat(&output).contains(words), "{output}");
            assert!(output.contains("\n  next: "), "{output}");
        }
    }
}

#[test]
fn step_8_says_which_right_it_lacks_within_the_screen() {
    let Some(server) = Guarded::start() else {
        return did_not_run("step 8 and a missing right", "redis-server");
    };
    let admin = format!("redis://:s3cret@127.0.0.1:{}/0", server.port);
    let mut admin = redis::Client::open(admin).unwrap().get_connection().unwrap();
    let mut acl = redis::cmd("ACL");
    acl.arg("SETUSER").arg("bob").arg("reset");
    acl.arg(&["on", ">s3cret", "~*", "&*", "+@all", "-scan"]).exec(&mut admin).unwrap();
    let url = format!("redis://bob:s3cret@127.0.0.1:{}/0", server.port);
    let (code, output) = with_url(STEP8, &url, &[]);
    assert_eq!(code, Some(1), "{output}");
    assert!(flat(&output).contains("the user bob may not run SCAN (NOPERM) next:"), "{output}");
    assert!(output.contains("`ACL SETUSER bob +scan`"), "{output}");
    assert!(output.lines().all(|line| line.chars().count() <= 80), "{output}");
}

#[test]
fn step_5_says_who_has_its_port() {
    let on = |port: u16| {
        let mut command = command(STEP5);
        let (status, output) = Program::start(command.args(["--port", &port.to_string()])).end();
        assert_eq!(status.code(), Some(1), "{output}");
        flat(&output)
    };
    let old = on(scripted::redis_6_0());
    assert!(old.contains("Redis 6.0.16 is there: 6.2 is the lowest version"), "{old}");
    let web = on(scripted::answer(|_| b"HTTP/1.1 400 No\r\n\r\n"));
    assert!(web.contains("a web server is there"), "{web}");
    let loading = b"-LOADING Redis is loading the dataset in memory\r\n".to_vec();
    let loading = on(scripted::serve(std::sync::Arc::new(move |_| loading.clone())));
    assert!(loading.contains("a Redis is there, and it is still reading its data"), "{loading}");
    let Some(server) = Guarded::start() else {
        return did_not_run("step 5 and a Redis with a password", "redis-server");
    };
    let guarded = on(server.port);
    assert!(guarded.contains("a Redis is there, and it wants a password"), "{guarded}");
    let url = format!("REDIS_URL=redis://:PASSWORD@127.0.0.1:{}/0", server.port);
    assert!(guarded.contains(&url), "{guarded}");
}

/// A folder with a redis-server of another version before everything else on the PATH.
#[cfg(unix)]
fn path_with_redis(version: &str) -> (PathBuf, std::ffi::OsString) {
    use std::os::unix::fs::PermissionsExt;
    let folder = std::env::temp_dir().join(format!("lab3-path-{}", free_port()));
    std::fs::create_dir_all(&folder).unwrap();
    let program = folder.join("redis-server");
    let script = format!("#!/bin/sh\necho 'Redis server v={version} sha=00000000:0'\n");
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    // No other server is found.
    let path = folder.clone().into_os_string();
    (folder, path)
}

#[cfg(unix)]
#[test]
fn a_redis_server_that_is_too_old_is_not_started_and_the_built_in_one_says_why() {
    let (folder, path) = path_with_redis("6.0.16");
    let why = "is version 6.0.16, and the lab needs 6.2 or newer";
    for arguments in [&[TOUR, "--speed", "100"][..], &[STEP9, "transient", "--speed", "100"]] {
        let mut command = command(arguments[0]);
        let (status, output) =
            Program::start(command.env("PATH", &path).args(&arguments[1..])).end();
        assert!(status.success() && flat(&output).contains(why), "{output}");
    }
    let port = free_port().to_string();
    let mut step5 = command(STEP5);
    let mut step5 = Program::start(step5.env("PATH", &path).args(["--port", &port]));
    step5.until("the built-in broker, as ");
    step5.until("step6_worker");
    let mut wanted = command(STEP5);
    let wanted =
        wanted.env("PATH", &path).args(["--redis-server", "--port", &free_port().to_string()]);
    let (status, output) = Program::start(wanted).end();
    assert!(status.code() == Some(1) && flat(&output).contains(why), "{output}");
    std::fs::remove_dir_all(folder).unwrap();
}

/// Runs a line as it stands, with the password typed where it is asked for.
#[cfg(unix)]
fn typed(line: &str) -> String {
    let mut shell = Command::new("sh")
        .args(["-c", line])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    shell.stdin.take().unwrap().write_all(b"s3cret\n").unwrap();
    let output = shell.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{line}: {said}");
    said
}

#[cfg(unix)]
#[test]
fn every_redis_cli_line_that_is_offered_works_as_it_stands() {
    let (Some(server), true) =
        (Guarded::start(), Command::new("redis-cli").arg("-v").output().is_ok())
    else {
        return did_not_run("lines to copy", "redis-server and redis-cli");
    };
    let (port, socket) = (server.port, server.folder.join("r.sock").display().to_string());
    let urls = [
        format!("redis://:s3cret@127.0.0.1:{port}/0"),
        format!("redis://default:s3cret@localhost:{port}/2"),
        format!("redis://:s3cret@[::1]:{port}/3"),
        format!("redis+socket://:s3cret@{socket}?virtual_host=4"),
    ];
    for (number, url) in urls.iter().enumerate() {
        let mut broker = redis::Client::open(format!(
            "redis://:s3cret@127.0.0.1:{port}/{}",
            [0, 2, 3, 4][number]
        ))
        .unwrap()
        .get_connection()
        .unwrap();
        redis::cmd("LPUSH").arg("celery").arg("x").query::<()>(&mut broker).unwrap();
        let (code, output) = with_url(STEP8, url, &[]);
        assert_eq!(code, Some(0), "{output}");
        assert!(!output.contains("s3cret"), "{output}");
        let lines: Vec<&str> =
            output.lines().filter_map(|line| line.trim().strip_prefix("$ ")).collect();
        assert!(lines.len() > 8, "{output}");
        for line in lines {
            let said = typed(line);
            for refusal in ["NOAUTH", "WRONGPASS", "Could not connect", "ERR"] {
                assert!(!said.contains(refusal), "{line}: {said}");
            }
            if line.ends_with("LLEN celery") {
                assert_eq!(said.trim(), "1", "{line}");
            }
        }
    }
}

#[cfg(unix)]
#[test]
fn step_5_on_another_port_offers_lines_for_that_port() {
    let port = free_port();
    let mut command = command(STEP5);
    let mut step5 = Program::start(command.args(["--builtin", "--port", &port.to_string()]));
    let look = step5.until("look inside");
    let worker = step5.until("step6_worker");
    step5.until("Ctrl-C");
    let line = look.split("look inside ").nth(1).unwrap();
    if Command::new("redis-cli").arg("-v").output().is_ok() {
        assert_eq!(typed(line).trim(), "PONG", "{line}");
    } else {
        did_not_run("redis-cli PING", "redis-cli");
    }
    let (_, arguments) = worker.split_once(" -- ").expect("the worker is told the port");
    let mut command = crate::support::command(STEP6);
    let mut worker = Program::start(command.args(arguments.split(' ')));
    worker.until("ready");
    assert!(worker.said().contains(&format!("redis://127.0.0.1:{port}/0")), "{}", worker.said());
}

/// Each way of getting a URL wrong, with the secret in it.
const SLIPS: [&str; 9] = [
    "ann:s3cret@localhost:6379",
    "redis//:s3cret@localhost",
    "redis://localhost:6379:s3cret",
    "redis://:s3/cret@localhost:6379/0",
    "redis://localhost:6379/0?password=s3cret",
    "redis://:12#s3cret@localhost",
    "\"redis://:s3cret@localhost\"",
    "rediss://:s3cret@localhost",
    "redis+unix://:s3cret@/tmp/r.sock",
];

#[test]
fn no_program_repeats_a_url_that_it_can_not_read() {
    for slip in SLIPS {
        for program in [STEP1, STEP6, STEP7, STEP8] {
            let environment = with_url(program, slip, &[]);
            let option = with_url(program, "", &["--broker", slip]);
            let mistyped = with_url(program, "", &[&format!("--brokr={slip}")]);
            let number = with_url(program, "", &["--speed", slip]);
            for (code, output) in [environment, option, mistyped, number] {
                assert!(matches!(code, Some(1 | 2)), "{slip}: {output}");
                for part in ["s3", "cret", "ann"] {
                    let told = output.replace("secret", "").contains(part);
                    let harmless = part == "ann" && output.contains("can't");
                    assert!(!told || harmless, "{slip}: {output}");
                }
            }
        }
        let misplaced = with_url(STEP6, "", &[slip]);
        assert!(misplaced.0 == Some(2) && !misplaced.1.contains("cret"), "{}", misplaced.1);
    }
}

#[cfg(unix)]
#[test]
fn a_redis_url_that_is_no_text_is_refused_and_not_passed_over() {
    use std::os::unix::ffi::OsStrExt;
    let bytes = std::ffi::OsStr::from_bytes(b"redis://:s3cret\xff@localhost");
    let mut command = command(STEP6);
    let (status, output) = Program::start(command.env("REDIS_URL", bytes)).end();
    assert_eq!(status.code(), Some(1), "{output}");
    assert!(output.contains("REDIS_URL") && output.contains("no text in UTF-8"), "{output}");
    assert!(!output.contains("s3cret"), "{output}");
}
