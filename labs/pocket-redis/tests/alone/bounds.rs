//! Bounds: what a client may send, and what happens when it does not read.

use std::io::{ErrorKind, Write};
use std::time::Duration;

use crate::support::pocket::Pocket;
use crate::support::wire::{Wire, encode};

/// Sends until the server takes no more; gives how much it took.
fn send_until_stuck(wire: &Wire, bytes: &[u8], limit: usize) -> usize {
    let mut stream = wire.stream();
    stream.set_write_timeout(Some(Duration::from_millis(500))).expect("a timeout can be set");
    let mut sent = 0;
    while sent < limit {
        match stream.write(bytes) {
            Ok(n) => sent += n,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                break;
            }
            Err(error) => panic!("{error}"),
        }
    }
    sent
}

#[test]
fn a_client_that_sends_without_reading_is_slowed_down() {
    let pocket = Pocket::start();
    let mut other = pocket.connect();
    other.ask(&[b"SET".as_slice(), b"big", &[b'x'; 64 * 1024]]);
    let greedy = pocket.connect();
    // Each command asks for 64 KiB: a server without a bound would have to hold gigabytes.
    let sent = send_until_stuck(&greedy, &encode(&["GET", "big"]).repeat(100), 64 * 1024 * 1024);
    assert!(sent < 64 * 1024 * 1024, "the server took everything");
    assert_eq!(other.say("PING").text(), "PONG");
    let waiting = other.say("CLIENT LIST").text();
    let unread = waiting.split("omem=").skip(1).map(|rest| rest.split(' ').next().expect("a word"));
    let unread: usize = unread.map(|n| n.parse::<usize>().expect("a number")).sum();
    assert!(unread < 1024 * 1024, "{unread} bytes are held for a client that does not read");
}

#[test]
fn a_waiting_client_is_not_read_without_end() {
    let pocket = Pocket::start();
    let mut wire = pocket.connect();
    wire.send(&["BLPOP", "k", "0"]);
    let sent = send_until_stuck(&wire, &encode(&["ECHO", &"x".repeat(60_000)]), 64 * 1024 * 1024);
    assert!(sent < 64 * 1024 * 1024, "the server took everything");
    pocket.connect().say("RPUSH k 1");
    assert_eq!(wire.read().items[1].text(), "1");
    assert_eq!(wire.read().text.len(), 60_000);
}

#[test]
fn a_subscriber_that_does_not_read_is_cut_off() {
    let pocket = Pocket::start();
    let mut deaf = pocket.connect();
    deaf.say("SUBSCRIBE news");
    let mut writer = pocket.connect();
    let news = vec![b'x'; 1024 * 1024];
    let mut readers = Vec::new();
    for _ in 0..64 {
        readers.push(writer.ask(&[b"PUBLISH".as_slice(), b"news", &news]).text());
    }
    assert_eq!((readers[0].as_str(), readers[63].as_str()), ("1", "0"));
}

#[test]
fn too_much_is_refused_and_the_connection_ends() {
    let pocket = Pocket::start();
    let cases: [(&[u8], &str); 4] = [
        (b"*1048577\r\n", "-ERR Protocol error: invalid multibulk length\r\n"),
        (b"*1\r\n$16777217\r\n", "-ERR Protocol error: invalid bulk length\r\n"),
        (b"*1\r\n:1\r\n", "-ERR Protocol error: expected '$', got ':'\r\n"),
        (&[b'a'; 70_000], "-ERR Protocol error: too big inline request\r\n"),
    ];
    for (bytes, answer) in cases {
        let mut wire = pocket.connect();
        wire.send_raw(bytes);
        assert_eq!(
            String::from_utf8_lossy(&wire.try_read().expect("an answer").text),
            answer[1..].trim_end()
        );
    }
    assert_eq!(pocket.connect().say("PING").text(), "PONG");
}

#[test]
fn a_string_of_sixteen_mebibytes_passes() {
    let pocket = Pocket::start();
    let mut wire = pocket.connect();
    let big = vec![b'x'; 16 * 1024 * 1024];
    assert_eq!(wire.ask(&[b"SET".as_slice(), b"k", &big]).text(), "OK");
    assert_eq!(wire.say("GET k").text.len(), big.len());
    assert_eq!(
        wire.say("APPEND k x").text(),
        "ERR string exceeds maximum allowed size (proto-max-bulk-len)"
    );
}

#[test]
fn a_transaction_cannot_grow_without_end() {
    let pocket = Pocket::start();
    let mut wire = pocket.connect();
    wire.say("MULTI");
    let part = vec![b'x'; 8 * 1024 * 1024];
    let answers: Vec<u8> = (0..9).map(|_| wire.ask(&[b"ECHO".as_slice(), &part]).mark).collect();
    assert_eq!(answers, b"+++++++--");
    assert!(wire.say("EXEC").text().starts_with("EXECABORT"));
}

#[test]
fn random_bytes_do_no_harm() {
    let pocket = Pocket::start();
    let alphabet = b"*$:+-\r\n\r\n0123456789 \"'\\xGETSEPINGeval\0\xff";
    let mut seed: u64 = 7;
    for _ in 0..300 {
        let bytes: Vec<u8> = (0..400)
            .map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                alphabet[usize::try_from(seed >> 33).expect("31 bits") % alphabet.len()]
            })
            .collect();
        pocket.connect().send_raw(&bytes);
    }
    assert_eq!(pocket.connect().say("PING").text(), "PONG");
}
