//! The server's life: connections, deadlines, the end.

use std::collections::HashSet;

use crate::support::pocket::Pocket;
use crate::support::wire::encode;

#[test]
fn a_long_pipeline_is_answered_in_order() {
    let pocket = Pocket::start();
    let mut wire = pocket.connect();
    let bytes: Vec<u8> = (0..20_000).flat_map(|n| encode(&["ECHO", &n.to_string()])).collect();
    let stream = wire.stream().try_clone().expect("a second handle");
    let writer = std::thread::spawn(move || std::io::Write::write_all(&mut &stream, &bytes));
    for n in 0..20_000 {
        assert_eq!(wire.read().text(), n.to_string());
    }
    writer.join().expect("the writer ends").expect("all was sent");
}

#[test]
fn quit_answers_what_came_before_it() {
    let pocket = Pocket::start();
    let mut wire = pocket.connect();
    wire.send_raw(b"PING\r\nQUIT\r\nPING\r\n");
    assert_eq!(wire.read_to_end(), b"+PONG\r\n+OK\r\n");
}

#[test]
fn shutdown_ends_the_server_and_every_connection() {
    let pocket = Pocket::start();
    let (mut one, mut other) = (pocket.connect(), pocket.connect());
    other.send(&["BLPOP", "k", "0"]);
    assert_eq!(one.say("SHUTDOWN SAVE").mark, b'-');
    one.send(&["SHUTDOWN", "NOSAVE"]);
    assert!(one.try_read().is_none());
    assert!(other.try_read().is_none());
    pocket.join();
}

#[test]
fn a_key_past_its_deadline_is_gone_and_is_swept() {
    let pocket = Pocket::start();
    let mut wire = pocket.connect();
    wire.say("SET seen v PX 1");
    while wire.say("GET seen").text() == "v" {}
    assert_eq!(wire.say("EXISTS seen").text(), "0");
    wire.say("SET unseen v PX 1");
    // DBSIZE looks at no key: only the sweep can make it zero.
    while wire.say("DBSIZE").text() != "0" {}
}

#[test]
fn a_watched_key_that_ends_by_itself_counts_as_changed() {
    let pocket = Pocket::start();
    let (mut wire, mut other) = (pocket.connect(), pocket.connect());
    wire.say("SET k v PX 20");
    wire.say("WATCH k");
    while other.say("EXISTS k").text() == "1" {}
    wire.say("MULTI");
    wire.say("PING");
    assert_eq!(wire.say("EXEC").text(), "(nil)");
}

#[test]
fn a_scan_returns_what_was_there_all_the_time() {
    let pocket = Pocket::start();
    let mut wire = pocket.connect();
    let names = |kind: &str| (0..3_000).map(|n| format!("{kind}:{n}")).collect::<Vec<_>>();
    for name in names("stays").iter().chain(&names("goes")) {
        wire.send(&["SET", name, "v"]);
    }
    for _ in 0..6_000 {
        wire.read();
    }
    let (mut seen, mut cursor, mut steps) = (HashSet::new(), "0".to_owned(), 0);
    loop {
        let answer = wire.ask(&["SCAN", &cursor, "COUNT", "50"]);
        cursor = answer.items[0].text();
        assert!(answer.items[1].items.len() <= 50);
        seen.extend(answer.items[1].items.iter().map(|name| name.text()));
        for n in steps * 40..steps * 40 + 40 {
            wire.ask(&["DEL", &format!("goes:{n}")]);
            wire.ask(&["SET", &format!("comes:{n}"), "v"]);
        }
        steps += 1;
        if cursor == "0" {
            break;
        }
    }
    assert!(names("stays").iter().all(|name| seen.contains(name)));
}

#[test]
fn what_is_not_there_says_so() {
    let pocket = Pocket::start();
    let mut wire = pocket.connect();
    for line in [
        "SAVE",
        "BGSAVE",
        "BGREWRITEAOF",
        "DEBUG SLEEP 0",
        "CLIENT PAUSE 1",
        "CONFIG SET appendonly yes",
    ] {
        let answer = wire.say(line);
        assert_eq!(answer.mark, b'-', "{line}");
        assert!(answer.text().contains("redis-server"), "{line}: {answer:?}");
    }
}

#[test]
fn info_tells_what_clients_look_for() {
    let pocket = Pocket::start();
    let mut wire = pocket.connect();
    wire.say("SET k v EX 100");
    let info = wire.say("INFO").text();
    let port = format!("tcp_port:{}", pocket.addr.port());
    for line in [
        "redis_version:7.0.15",
        "pocket_redis_version:",
        "redis_mode:standalone",
        "role:master",
        "connected_clients:1",
        "maxmemory_policy:noeviction",
        "db0:keys=1,expires=1,",
        &port,
    ] {
        assert!(info.contains(line), "{line} is missing in\n{info}");
    }
}

#[test]
fn silence_can_be_asked_for() {
    let pocket = Pocket::start();
    let mut wire = pocket.connect();
    wire.send_raw(b"CLIENT REPLY OFF\r\nSET k 1\r\nCLIENT REPLY ON\r\nCLIENT REPLY SKIP\r\nINCR k\r\nGET k\r\n");
    assert_eq!([wire.read().text(), wire.read().text()], ["OK", "2"]);
}
