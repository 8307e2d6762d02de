//! Pub/sub and MONITOR on several connections, next to a real redis-server.

use crate::support::script::Both;
use crate::support::wire::{Answer, Wire};

/// Plays a scene on both servers, in both protocols.
fn play(test: &str, scene: impl Fn(&mut Wire, &mut Wire) -> Vec<Answer>) {
    let Some(both) = Both::start(test) else {
        return;
    };
    for protocol in ["2", "3"] {
        let answers = [both.pocket.addr, both.judge.addr].map(|addr| {
            let (mut one, mut other) = (Wire::connect(addr), Wire::connect(addr));
            // Those of the round before may not have been seen off yet.
            while one.say("PUBSUB CHANNELS").items.len()
                + one.say("CLIENT LIST TYPE pubsub").text.len()
                > 0
            {}
            one.ask(&["HELLO", protocol]);
            other.ask(&["HELLO", protocol]);
            one.say("FLUSHALL");
            scene(&mut one, &mut other)
        });
        assert_eq!(answers[0], answers[1], "RESP{protocol}: pocket, then redis");
    }
}

#[test]
fn messages_reach_channels_and_patterns() {
    play("messages_reach_channels_and_patterns", |reader, writer| {
        let mut answers = vec![reader.say("SUBSCRIBE a b"), reader.read()];
        answers.push(reader.say("PSUBSCRIBE a* ?"));
        answers.push(reader.read());
        answers.push(writer.say("PUBLISH a hello"));
        answers.push(reader.read());
        // Redis tells readers by pattern in no promised order.
        let mut told = [reader.read(), reader.read()];
        told.sort();
        answers.extend(told);
        answers.push(writer.say("PUBLISH nobody x"));
        answers.push(writer.say("PUBSUB CHANNELS").sorted());
        answers.push(writer.say("PUBSUB CHANNELS a*"));
        answers.push(writer.say("PUBSUB NUMSUB a z"));
        answers.push(writer.say("PUBSUB NUMPAT"));
        answers.push(writer.say("PUBSUB CHANNELS a b"));
        answers.push(reader.say("UNSUBSCRIBE a nosuch"));
        answers.push(reader.read());
        answers.push(reader.say("PUNSUBSCRIBE a* ?"));
        answers.push(reader.read());
        answers.push(reader.say("UNSUBSCRIBE"));
        answers.push(reader.say("UNSUBSCRIBE"));
        answers.push(reader.say("PUNSUBSCRIBE"));
        answers.push(reader.say("GET a"));
        answers
    });
}

#[test]
fn a_subscriber_may_say_what_redis_lets_it_say() {
    play("a_subscriber_may_say_what_redis_lets_it_say", |reader, writer| {
        let mut answers = vec![reader.say("SUBSCRIBE a")];
        let lines = ["PING", "PING hi", "GET a", "CONFIG GET save", "MULTI", "nosuch", "PING"];
        for line in lines {
            let answer = reader.say(line);
            answers.push(answer);
        }
        // RESP3 took MULTI above: there a subscriber is a client like any other.
        answers.push(reader.say("RESET"));
        answers.push(reader.say("GET a"));
        answers.push(writer.say("PUBLISH a x"));
        answers
    });
}

#[test]
fn a_client_hears_itself_and_scripts_and_transactions() {
    play("a_client_hears_itself_and_scripts_and_transactions", |reader, writer| {
        let mut answers = vec![reader.say("SUBSCRIBE a")];
        for line in [
            "MULTI",
            "PUBLISH a 1",
            "SET k v",
            "EXEC",
            "EVAL return(redis.call('publish','a','2')) 0",
        ] {
            answers.push(writer.say(line));
        }
        answers.extend([reader.read(), reader.read()]);
        answers
    });
}

#[test]
fn monitor_shows_what_redis_shows() {
    let Some(both) = Both::start("monitor_shows_what_redis_shows") else {
        return;
    };
    let shown = [both.pocket.addr, both.judge.addr].map(|addr| {
        let (mut watcher, mut client) = (Wire::connect(addr), Wire::connect(addr));
        watcher.say("MONITOR");
        let lines = [
            "SET k v", "get k", "HELLO 3", "HELLO 2 AUTH default secret SETNAME me", "AUTH default secret",
            "SELECT 3", "LPUSH l a\x01b", "nosuch", "GET", "INCR k", "MULTI", "GET k", "INCR k", "EXEC", "CONFIG GET save",
            "EVAL redis.call('set','x',1.5)redis.call('SELECT','5')return(redis.pcall('get','x')) 0",
            "CLIENT GETNAME", "SCRIPT LOAD return", "PUBLISH a b", "BLPOP empty 0.01", "TIME", "ECHO \"\\\n\t\u{e9}",
            "MULTI", "nosuch", "EXEC", "WATCH k", "SET k 5", "MULTI", "EXEC", "EXEC", "ECHO end",
        ];
        for line in lines {
            client.ask(&line.split(' ').collect::<Vec<_>>());
        }
        let own = client.stream().local_addr().expect("an address").to_string();
        let mut told: Vec<String> = Vec::new();
        while !told.last().is_some_and(|line| line.contains("end")) {
            let line = watcher.read().text();
            let (time, rest) = line.split_once(' ').expect("a time");
            assert!(time.split_once('.').is_some_and(|(_, micros)| micros.len() == 6), "{line}");
            told.push(rest.replace(&own, "client"));
        }
        told
    });
    assert_eq!(shown[0], shown[1], "pocket, then redis");
}
