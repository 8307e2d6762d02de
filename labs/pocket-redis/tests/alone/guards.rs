//! What guards the server: against web pages, and against clients that together hold too much.

use std::io::{Read, Write};

use pocket_redis::Server;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::support::pocket::Pocket;
use crate::support::wire::Wire;

const FORM: &str = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nSET a b\r\n";
const PAGE: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\nSET a b\r\n";

#[test]
fn a_web_page_is_cut_off_before_its_commands_run() {
    let pocket = Pocket::start();
    for request in [FORM, PAGE, "*1\r\n$4\r\npOsT\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n"] {
        let mut wire = pocket.connect();
        wire.send_raw(request.as_bytes());
        let mut rest = Vec::new();
        // Closed with bytes unread, a connection may be reset: that is an end, too.
        drop(wire.stream().read_to_end(&mut rest));
        assert!(!rest.windows(3).any(|part| part == b"+OK"), "{request}");
        assert_eq!(pocket.connect().say("EXISTS a").text(), "0", "{request}");
    }
}

#[tokio::test]
async fn a_web_page_leaves_a_line_in_the_log_and_many_leave_one() {
    let server = Server::bind("127.0.0.1:0").await.expect("a free port");
    let (addr, mut log) = (server.local_addr(), BufReader::new(server.log()));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(server.run(async { drop(stopped.await) }));
    for _ in 0..3 {
        let mut page = TcpStream::connect(addr).await.expect("the server accepts");
        page.write_all(FORM.as_bytes()).await.expect("the server reads");
        drop(page.read(&mut [0; 64]).await);
    }
    drop(stop);
    serving.await.expect("the server ends well");
    let (mut line, mut rest) = (String::new(), String::new());
    log.read_line(&mut line).await.expect("a line");
    assert!(line.contains("it sent POST or Host:"), "{line}");
    log.read_to_string(&mut rest).await.expect("the end");
    assert_eq!(rest, "");
}

/// The numbers behind a name in CLIENT LIST.
fn numbers(wire: &mut Wire, name: &str) -> Vec<usize> {
    let list = wire.say("CLIENT LIST").text();
    let mark = format!(" {name}=");
    let after = list.split(&mark).skip(1);
    let words = after.map(|rest| rest.split_whitespace().next().expect("a word"));
    words.map(|word| word.parse().expect("a number")).collect()
}

/// How many clients were cut off.
fn evicted(wire: &mut Wire) -> usize {
    let stats = wire.say("INFO stats").text();
    let count = stats.split("evicted_clients:").nth(1).and_then(|rest| rest.lines().next());
    count.expect("it is counted").parse().expect("a number")
}

#[test]
fn unfinished_commands_are_bounded_over_all_clients() {
    let pocket = Pocket::start();
    let mut watcher = pocket.connect();
    let part = vec![b'x'; 15 * 1024 * 1024];
    let mut clients: Vec<Wire> = (0..20).map(|_| pocket.connect()).collect();
    for client in &mut clients {
        let mut stream = client.stream();
        // Who is cut off meanwhile can't send the rest.
        drop(stream.write_all(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$16000000\r\n"));
        drop(stream.write_all(&part));
    }
    // Whoever is still there has had all of its bytes read, and who was cut off has gone.
    loop {
        let held = numbers(&mut watcher, "qbuf");
        let read = !held.iter().any(|held| (1_000..part.len()).contains(held));
        if read && held.len() - 1 + evicted(&mut watcher) == 20 {
            break;
        }
        std::thread::yield_now();
    }
    let held: usize = numbers(&mut watcher, "tot-mem").iter().sum();
    assert!(held <= 128 * 1024 * 1024, "{held} bytes are held");
    let left = numbers(&mut watcher, "qbuf").len() - 1;
    assert!((1..=8).contains(&left), "{left} of 20 are left");
    assert_eq!(pocket.connect().say("PING").text(), "PONG");
}

#[test]
fn unread_answers_are_bounded_over_all_clients() {
    let pocket = Pocket::start();
    let mut watcher = pocket.connect();
    let big = vec![b'x'; 15 * 1024 * 1024];
    watcher.ask(&[b"SET".as_slice(), b"k", &big]);
    let mut deaf: Vec<Wire> = (0..20).map(|_| pocket.connect()).collect();
    for client in &mut deaf {
        client.send_raw(b"GET k\r\n");
    }
    // Each has been served or cut off when as many commands have run.
    while evicted(&mut watcher) == 0 {
        std::thread::yield_now();
    }
    let held: usize = numbers(&mut watcher, "tot-mem").iter().sum();
    assert!(held <= 128 * 1024 * 1024, "{held} bytes are held");
    let mut other = pocket.connect();
    assert_eq!(other.say("STRLEN k").text(), big.len().to_string());
}
