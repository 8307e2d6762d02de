//! Brokers as people have them: each says why it can't serve, and what helps.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails loudly")]

mod support;

use std::sync::Arc;

use redis::cmd;
use support::{RedisServer, did_not_run, free_port, on_each_broker, scripted};
use taskqueue::{Broker, BrokerError, Purpose, Signature};

/// Asks on the test's own thread.
fn checked(url: &str) -> Result<String, BrokerError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let broker = Broker::new(url)?;
    runtime.block_on(broker.check(Purpose::Work)).map(|server| server.to_string())
}

/// The cause and the next step.
fn refusal(url: &str) -> (String, String) {
    let error = checked(url).expect_err(url);
    assert!(error.is_permanent(), "{error}");
    let text = error.to_string();
    assert!(!text.contains("s3cret"), "{text}");
    let (cause, next) = text.split_once("\n  next: ").expect("a next step");
    (cause.to_owned(), next.to_owned())
}

fn assert_refused(url: &str, cause: &str, next: &str) {
    let told = refusal(url);
    assert!(told.0.contains(cause) && told.1.contains(next), "{url}: {told:?}");
}

/// A redis-server with `settings`, sent to it as an administrator would.
fn with_redis(test: &str, settings: &[&str], scenario: impl FnOnce(u16)) {
    let Some(server) = RedisServer::start() else { return did_not_run(test, "redis-server") };
    let mut redis = redis::Client::open(server.url.as_str()).unwrap().get_connection().unwrap();
    for line in settings {
        let mut words = line.split(' ');
        let mut command = cmd(words.next().unwrap());
        command.arg(words.collect::<Vec<_>>()).query::<()>(&mut redis).unwrap();
    }
    drop(redis);
    let port = server.url.trim_end_matches("/0").rsplit(':').next().unwrap().parse().unwrap();
    scenario(port);
}

#[test]
fn a_broker_that_serves_is_left_as_it_was() {
    on_each_broker("a broker that serves", async |url| {
        let broker = Arc::new(Broker::new(url).unwrap());
        Signature::new("lab.add").delay(&broker).await.unwrap();
        let keys = async || {
            let mut keys: Vec<String> =
                cmd("KEYS").arg("*").query_async(&mut broker.redis().await.unwrap()).await.unwrap();
            keys.sort();
            keys
        };
        let before = keys().await;
        broker.check(Purpose::Work).await.unwrap();
        broker.check(Purpose::Send).await.unwrap();
        assert_eq!(keys().await, before);
    });
}

#[test]
fn a_wrong_login_is_told_from_a_missing_one() {
    with_redis("a password", &["CONFIG SET requirepass s3cret"], |port| {
        let at = |login: &str| format!("redis://{login}127.0.0.1:{port}/0");
        assert_refused(&at(":s3cretx@"), "the password is wrong (WRONGPASS)", "correct the URL");
        assert_refused(&at("ann:s3cret@"), "the user or its password is wrong", "correct the URL");
        let with_password = format!("redis://:PASSWORD@127.0.0.1:{port}/0");
        assert_refused(&at(""), "it wants a password (NOAUTH)", &with_password);
        assert!(checked(&at(":s3cret@")).unwrap().starts_with("Redis "));
    });
    with_redis("no password", &[], |port| {
        let url = format!("redis://:s3cret@127.0.0.1:{port}/0");
        assert_refused(&url, "it wants none", "leave the password out of the URL");
    });
}

#[test]
fn a_right_that_is_missing_is_named_with_the_line_that_gives_it() {
    let users = [
        "ACL SETUSER push on >s3cret ~* &* +@all -lpush",
        "ACL SETUSER wait on >s3cret ~* &* +@all -blmove",
        "ACL SETUSER lua on >s3cret ~* &* +@all -@scripting",
        "ACL SETUSER keys on >s3cret ~celery* &* +@all",
        "ACL SETUSER say on >s3cret ~* resetchannels +@all",
        "ACL SETUSER enough on >s3cret ~* &* +@all -@admin -@dangerous",
        "ACL SETUSER open on nopass ~* &* +@all",
    ];
    with_redis("rights", &users, |port| {
        let at = |login: &str| format!("redis://{login}@127.0.0.1:{port}/0");
        for (user, cause, next) in [
            ("push", "the user push may not run LPUSH (NOPERM)", "ACL SETUSER push +lpush"),
            ("wait", "the user wait may not run BLMOVE (NOPERM)", "ACL SETUSER wait +blmove"),
            ("lua", "the user lua may not run EVALSHA (NOPERM)", "ACL SETUSER lua +evalsha"),
            ("keys", "may not use all keys of the queue", "ACL SETUSER keys ~*"),
            ("say", "may not use the channels of the queue", "ACL SETUSER say &*"),
        ] {
            assert_refused(&at(&format!("{user}:s3cret")), cause, next);
        }
        // Who may not ask for INFO is judged by what it may do.
        checked(&at("enough:s3cret")).unwrap();
        // A user without a password is that user, and not the default one.
        checked(&at("open")).unwrap();
    });
}

#[test]
fn a_database_that_is_not_there_is_named() {
    with_redis("a database", &[], |port| {
        let url = format!("redis://127.0.0.1:{port}/99");
        assert_refused(&url, "it has no database 99", "name a lower one, such as 0");
    });
}

#[test]
fn a_key_of_another_type_is_named() {
    with_redis("a key", &["SET unacked x"], |port| {
        let url = format!("redis://127.0.0.1:{port}/0");
        let remove = format!("redis-cli -p {port} DEL unacked");
        assert_refused(&url, "its key unacked should be a hash", &remove);
    });
}

#[test]
fn a_redis_with_as_many_clients_as_it_takes_says_so() {
    with_redis("maxclients", &["CONFIG SET maxclients 1"], |port| {
        let url = format!("redis://127.0.0.1:{port}/0");
        let client = redis::Client::open(url.as_str()).unwrap();
        let mut only = client.get_connection().unwrap();
        cmd("PING").query::<()>(&mut only).unwrap();
        let error = checked(&url).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("as many clients as it takes (maxclients)"), "{text}");
        assert!(text.contains("next: stop some of its clients"), "{text}");
        assert!(!error.is_permanent(), "a client may leave");
    });
}

#[test]
fn the_offered_broker_is_one_that_would_answer_at_that_url() {
    let port = free_port();
    let lab = format!(
        "next: start one there, for the lab with `cargo run --bin step5_broker -- --port {port}`"
    );
    for (url, next) in [
        (format!("redis://127.0.0.1:{port}/0"), lab.as_str()),
        (format!("redis://:s3cret@127.0.0.1:{port}/0"), "next: start one there"),
        (format!("redis://[::1]:{port}/0"), "next: start one there, or correct"),
    ] {
        let error = checked(&url).unwrap_err().to_string();
        assert!(error.contains(next), "{error}");
        assert_eq!(error.contains("step5_broker"), next == lab, "{error}");
    }
}

#[test]
fn a_cluster_is_refused_at_once_whatever_the_database() {
    let Some(server) = RedisServer::start_cluster() else {
        return did_not_run("a cluster", "redis-server");
    };
    for database in [0, 1] {
        let url = server.url.replace("/0", &format!("/{database}"));
        assert_refused(&url, "it is part of a cluster", "name a Redis that is no cluster");
    }
}

#[test]
fn a_redis_before_6_2_is_refused_with_its_version() {
    let url = format!("redis://127.0.0.1:{}/0", scripted::redis_6_0());
    assert_refused(&url, "Redis 6.0.16 at", "install a newer Redis or Valkey");
    assert_refused(&url, "6.2 is the lowest version", "or name another in the URL");
}

#[test]
fn a_server_that_keeps_its_version_for_itself_is_judged_by_what_it_can() {
    let port = scripted::serve(Arc::new(|words| match words[0].as_str() {
        "TIME" => b"*2\r\n$10\r\n1750000000\r\n$1\r\n0\r\n".to_vec(),
        "INFO" => b"-NOPERM this user has no permissions to run the 'info' command\r\n".to_vec(),
        "TYPE" => b"+none\r\n".to_vec(),
        "BLMOVE" => b"-ERR unknown command `BLMOVE`, with args beginning with: \r\n".to_vec(),
        _ => b":1\r\n".to_vec(),
    }));
    let url = format!("redis://127.0.0.1:{port}/0");
    assert_refused(&url, "it has no command BLMOVE", "name a Redis 6.2 or newer");
}

#[test]
fn what_is_no_redis_is_named() {
    let tls = |bytes: &[u8]| -> &'static [u8] {
        // A handshake is complained of, anything else gets no word.
        if bytes.starts_with(&[22, 3]) { b"\x15\x03\x03\x00\x02\x02\x28" } else { b"" }
    };
    for (port, what) in [
        (scripted::answer(|_| b"HTTP/1.1 400 Bad Request\r\n\r\n"), "a web server"),
        (scripted::answer(tls), "something that speaks TLS only"),
        (scripted::greet(b"SSH-2.0-OpenSSH_9.2\r\n"), "an SSH server"),
        (scripted::greet(b"220 mail.example ESMTP\r\n"), "a mail or FTP server"),
        (scripted::greet(b"hello\r\n"), "another program"),
    ] {
        let url = format!("redis://127.0.0.1:{port}/0");
        let next =
            if what.contains("TLS") { "without TLS" } else { "correct the host or the port" };
        assert_refused(&url, &format!("but {what}"), next);
    }
    let protected = b"-DENIED Redis is running in protected mode because \r\n";
    let url = format!("redis://127.0.0.1:{}/0", scripted::greet(protected));
    assert_refused(&url, "protected mode", "give it a password");
}

#[test]
fn every_refusal_that_redis_documents_has_its_words() {
    for (answer, cause, next) in [
        ("OOM command not allowed when used memory > 'maxmemory'.", "it is full", "worker drain"),
        ("READONLY You can't write against a read only replica.", "a replica", "failover"),
        ("LOADING Redis is loading the dataset in memory", "still reading", "in a moment"),
        ("MISCONF Redis is configured to save RDB snapshots", "can't write its disk", "room"),
        ("BUSY Redis is busy running a script.", "a script has kept it busy", "SCRIPT KILL"),
        ("MASTERDOWN Link with MASTER is down", "has lost its primary", "failover"),
        ("NOREPLICAS Not enough good replicas to write.", "too few", "min-replicas"),
        ("NOSCRIPT No matching script.", "forgotten a script", "try again"),
        ("EXECABORT Transaction discarded", "a transaction was broken off", "try again"),
        ("CROSSSLOT Keys in request don't hash", "part of a cluster", "no cluster"),
        ("MOVED 3999 127.0.0.1:6381", "part of a cluster", "no cluster"),
        ("CLUSTERDOWN Hash slot not served", "its cluster is down", "no cluster"),
        ("WRONGTYPE Operation against a key", "holds another type", "TYPE celery"),
        ("ERR unknown command 'TYPE', with args", "no command TYPE", "allow it there"),
        ("ERR something new \u{1b}[2J", "ERR something new \\u{1b}[2J", "Redis' words"),
    ] {
        let line = format!("-{answer}\r\n");
        let port = scripted::serve(Arc::new(move |words| match words[0].as_str() {
            "TIME" => b"*2\r\n$10\r\n1750000000\r\n$1\r\n0\r\n".to_vec(),
            "INFO" => b"$0\r\n\r\n".to_vec(),
            _ => line.clone().into_bytes(),
        }));
        let error = checked(&format!("redis://127.0.0.1:{port}/0")).unwrap_err().to_string();
        let (why, helps) = error.split_once("\n  next: ").unwrap();
        assert!(why.contains(cause) && helps.contains(next), "{answer}: {error}");
    }
}

/// A port whose queue of connections is full: whoever connects waits, as for a port of this machine
/// that Windows has not refused yet.
#[cfg(target_os = "linux")]
#[test]
fn where_nobody_takes_the_connection_no_broker_is_there_and_the_wait_is_the_true_one() {
    use std::net::{SocketAddr, TcpStream};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _guard = runtime.enter();
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let short = std::time::Duration::from_millis(200);
    let mut waiting = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, short) {
        waiting.push(stream);
    }
    let broker = Arc::new(Broker::new(&format!("redis://{address}")).unwrap());
    let error = runtime.block_on(broker.ping()).unwrap_err().to_string();
    assert!(error.contains("no Redis answers"), "{error}");
    assert!(error.contains("nobody took the connection within 2s"), "{error}");
    assert!(error.contains("next: start one there"), "{error}");
    let sent = runtime.block_on(Signature::new("lab.add").delay(&broker));
    let error = sent.map(drop).unwrap_err().to_string();
    assert!(error.contains("no Redis answers") && error.contains("within 1s"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_redis_that_stands_still_is_slow_and_not_away() {
    let Some(server) = RedisServer::start() else {
        return did_not_run("a Redis that stands still", "redis-server");
    };
    server.signal("STOP");
    let error = checked(&server.url).unwrap_err().to_string();
    server.signal("CONT");
    assert!(error.contains("did not answer within 5s"), "{error}");
    let port = server.stop();
    assert!(
        error.contains(&format!("look at its load with `redis-cli -p {port} INFO`")),
        "{error}"
    );
}
