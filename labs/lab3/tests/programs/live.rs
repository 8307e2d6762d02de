//! The live view of step 8 as its terminal shows it, and what its server refuses.

use std::io::{BufRead, BufReader, Write};
#[cfg(unix)]
use std::net::TcpListener;
use std::net::TcpStream;
#[cfg(unix)]
use std::sync::mpsc::{Sender, channel};
use std::time::Instant;

use redis::Commands;
use serde_json::Value;

use crate::support::{PATIENCE, Program, Step5, command, free_port, get, http, on_each_broker};

const GOLDEN: &str = include_str!("../../../taskqueue/tests/golden/messages/delay.raw.txt");

fn step8(url: &str, arguments: &[&str]) -> Program {
    let mut command = command(env!("CARGO_BIN_EXE_step8_examine"));
    Program::start(command.args(["--broker", url]).args(arguments))
}

/// The live view on a port of its own.
fn web(url: &str) -> (Program, u16) {
    let port = free_port();
    let view = step8(url, &["--web", "--port", &port.to_string()]);
    view.listens_on(port);
    (view, port)
}

fn step6(url: &str, arguments: &[&str]) -> Program {
    let mut command = command(env!("CARGO_BIN_EXE_step6_worker"));
    let mut worker = Program::start(command.args(["--broker", url]).args(arguments));
    worker.until("ready");
    worker
}

/// The first scene of a stream that is what is `wanted`.
fn scene(port: u16, wanted: impl Fn(&Value) -> bool) -> (Value, usize) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET /live HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n").unwrap();
    let deadline = Instant::now() + PATIENCE;
    for line in BufReader::new(stream).lines() {
        assert!(Instant::now() < deadline, "no such scene");
        let line = line.unwrap();
        let Some(json) = line.strip_prefix("data: ") else { continue };
        let scene: Value = serde_json::from_str(json).unwrap();
        if wanted(&scene) {
            return (scene, json.len());
        }
    }
    panic!("the stream ended")
}

fn figure<'a>(scene: &'a Value, key: &str) -> &'a Value {
    let figures = scene["figures"].as_array().unwrap();
    figures.iter().find(|figure| figure["key"] == key).unwrap()
}

/// A mail server that says nothing before it is told to go on, and takes every letter then.
#[cfg(unix)]
fn held_mail_server() -> (String, Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    let (go_on, told) = channel();
    std::thread::spawn(move || {
        if told.recv().is_ok() {
            listener.incoming().flatten().for_each(|stream| drop(take_letter(&stream)));
        }
    });
    (url, go_on)
}

#[cfg(unix)]
fn take_letter(mut stream: &TcpStream) -> std::io::Result<()> {
    let mut in_letter = false;
    stream.write_all(b"220 at last\r\n")?;
    for line in BufReader::new(stream).lines() {
        let line = line?;
        let answer = match line.as_str() {
            "." => "250 taken",
            _ if in_letter => continue,
            "DATA" => "354 go on",
            "QUIT" => "221 bye",
            _ => "250 yes",
        };
        in_letter = line == "DATA";
        write!(stream, "{answer}\r\n")?;
    }
    Ok(())
}

#[cfg(unix)]
#[test]
fn the_terminal_tells_each_change_within_eighty_columns() {
    on_each_broker("the live view in the terminal", |broker| {
        let mut watch = step8(&broker.url, &["--watch"]);
        watch.until("ZCARD unacked_eta");
        let mut redis = broker.redis();
        let _: i64 = redis.lpush("celery", GOLDEN).unwrap();
        watch.until("waiting 1 · unacked 0 · parked 0 · dead 0 · results 0");
        assert!(watch.until("in the queue").contains("f09a22db"));
        let (mail, go_on) = held_mail_server();
        let options = ["--work", "0s", "--smtp", &mail, "-n", "celery@one"];
        let _worker = step6(&broker.url, &options);
        // The view looks twice a second at most: the task runs for as long as that takes here.
        watch.until("running · celery@one");
        go_on.send(()).unwrap();
        watch.until("done · celery@one");
        watch.interrupt();
        let (status, output) = watch.end();
        assert!(status.success() && output.contains("next: cargo run"), "{output}");
        assert!(output.lines().all(|line| line.chars().count() <= 80), "{output}");
        assert!(!output.contains('\u{1b}'), "{output}");
    });
}

#[test]
fn a_scene_of_a_hundred_thousand_messages_is_small() {
    on_each_broker("a hundred thousand messages", |broker| {
        let mut redis = broker.redis();
        for _ in 0..100 {
            let _: i64 = redis.lpush("celery", vec![GOLDEN; 1000]).unwrap();
        }
        let (_view, port) = web(&broker.url);
        let (scene, size) = scene(port, |scene| figure(scene, "waiting")["number"] == "100,000");
        assert!(size < 32 * 1024, "{size} bytes");
        let command = figure(&scene, "waiting")["command"].as_str().unwrap();
        assert!(command.ends_with("LLEN celery"), "{command}");
        let (status, page) = get(port, "/");
        assert!(status == 200 && page.contains("100,000"));
        assert!(page.len() < 128 * 1024, "{} bytes", page.len());
    });
}

#[test]
fn the_view_refuses_what_is_not_for_it() {
    let broker = Step5::start("--builtin");
    let (_view, port) = web(&broker.url);
    let ask = |method: &str, path: &str, headers: &str| {
        let host = format!("Host: localhost:{port}\r\n");
        let headers = headers.replace("OWN", &host);
        http(port, &format!("{method} {path} HTTP/1.1\r\n{headers}\r\n")).0
    };
    let cases = [
        ("GET", "/", "OWN", 200),
        ("HEAD", "/", "OWN", 200),
        ("POST", "/", "OWNContent-Length: 0\r\n", 405),
        ("DELETE", "/", "OWN", 405),
        ("HEAD", "/live", "OWN", 405),
        ("GET", "/live", "OWNOrigin: http://evil.example\r\n", 403),
        ("GET", "/live", "OWNSec-Fetch-Site: cross-site\r\n", 403),
        ("GET", "/keys", "OWN", 404),
        ("GET", "/", "Host: evil.example\r\n", 400),
        ("GET", "/", "", 400),
        ("GET", "/", "OWNContent-Length: 100000\r\n", 413),
    ];
    for (method, path, headers, status) in cases {
        assert_eq!(ask(method, path, headers), status, "{method} {path} {headers:?}");
    }
}

#[test]
fn a_view_whose_redis_goes_away_says_so_and_goes_on_when_it_is_back() {
    let port = free_port();
    let mut broker = Step5::start_at(port, "--builtin");
    let (_view, view) = web(&broker.url);
    scene(view, |scene| scene["problem"] == "");
    broker.program.kill();
    let (seen, _) = scene(view, |scene| scene["problem"] != "");
    let problem = seen["problem"].as_str().unwrap();
    assert!(problem.contains("no Redis answers") && problem.contains("step5_broker"), "{problem}");
    let back = Step5::start_at(port, "--builtin");
    let _: i64 = back.redis().lpush("celery", GOLDEN).unwrap();
    scene(view, |scene| figure(scene, "waiting")["number"] == "1" && scene["problem"] == "");
}

#[test]
fn watching_changes_no_key() {
    on_each_broker("watching changes no key", |broker| {
        let mut redis = broker.redis();
        let _: i64 = redis.lpush("celery", GOLDEN).unwrap();
        let (_view, port) = web(&broker.url);
        let (first, _) = scene(port, |scene| figure(scene, "waiting")["number"] == "1");
        let later = first["now"].as_f64().unwrap() + 2.0;
        scene(port, |scene| scene["now"].as_f64() > Some(later));
        let keys: Vec<String> = redis.scan().unwrap().map(Result::unwrap).collect();
        assert_eq!(keys, ["celery"]);
        let kept: String = redis.lindex("celery", 0).unwrap();
        assert_eq!(kept, GOLDEN);
    });
}
