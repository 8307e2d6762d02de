//! Blocking commands on several connections, next to a real redis-server.

use crate::support::script::Both;
use crate::support::wire::{Answer, Wire};

/// Several clients of one server.
struct Clients {
    wires: Vec<Wire>,
}

impl Clients {
    /// Waits until `count` clients are blocked, as the server itself tells.
    fn until_blocked(&mut self, count: usize) {
        let wanted = format!("blocked_clients:{count}\r\n");
        while !self.wires[0].say("INFO clients").text().contains(&wanted) {
            std::thread::yield_now();
        }
    }
}

/// Plays a scene on both servers; each gives the answers that the scene collects.
fn play(test: &str, clients: usize, scene: impl Fn(&mut Clients) -> Vec<Answer>) {
    let Some(both) = Both::start(test) else {
        return;
    };
    for protocol in ["2", "3"] {
        let answers = [both.pocket.addr, both.judge.addr].map(|addr| {
            let wires = (0..clients).map(|_| Wire::connect(addr)).collect();
            let mut clients = Clients { wires };
            for wire in &mut clients.wires {
                wire.ask(&["HELLO", protocol]);
            }
            clients.wires[0].say("FLUSHALL");
            scene(&mut clients)
        });
        assert_eq!(answers[0], answers[1], "RESP{protocol}: pocket, then redis");
    }
}

#[test]
fn waiters_are_served_in_the_order_in_which_they_came() {
    play("waiters_are_served_in_the_order_in_which_they_came", 4, |clients| {
        for waiter in 1..4 {
            clients.wires[waiter].send(&["BRPOP", "a", "b", "0"]);
            clients.until_blocked(waiter);
        }
        let pushed = clients.wires[0].say("LPUSH b 1 2");
        let more = clients.wires[0].say("LPUSH a 3 4");
        let mut answers = vec![pushed, more];
        answers.extend((1..4).map(|waiter| clients.wires[waiter].read()));
        answers.push(clients.wires[0].say("LRANGE a 0 -1"));
        answers.push(clients.wires[0].say("LRANGE b 0 -1"));
        answers
    });
}

#[test]
fn a_rotation_in_place_wakes_every_waiter_once() {
    play("a_rotation_in_place_wakes_every_waiter_once", 5, |clients| {
        for waiter in 1..4 {
            clients.wires[waiter].send(&["BLMOVE", "k", "k", "RIGHT", "RIGHT", "0"]);
            clients.until_blocked(waiter);
        }
        clients.wires[4].send(&["BLPOP", "k", "0"]);
        clients.until_blocked(4);
        let mut answers = vec![clients.wires[0].say("RPUSH k x")];
        answers.extend((1..5).map(|waiter| clients.wires[waiter].read()));
        answers.push(clients.wires[0].say("EXISTS k"));
        answers
    });
}

#[test]
fn a_chain_of_moves_feeds_the_next_waiter() {
    play("a_chain_of_moves_feeds_the_next_waiter", 4, |clients| {
        clients.wires[1].send(&["BLMOVE", "a", "b", "LEFT", "RIGHT", "0"]);
        clients.until_blocked(1);
        clients.wires[2].send(&["BRPOPLPUSH", "b", "c", "0"]);
        clients.until_blocked(2);
        clients.wires[3].send(&["BLMPOP", "0", "2", "x", "c", "LEFT", "COUNT", "9"]);
        clients.until_blocked(3);
        let mut answers = vec![clients.wires[0].say("RPUSH a 1")];
        answers.extend((1..4).map(|waiter| clients.wires[waiter].read()));
        answers.push(clients.wires[0].say("EXISTS a b c"));
        answers
    });
}

#[test]
fn time_runs_out_with_the_same_nothing() {
    play("time_runs_out_with_the_same_nothing", 1, |clients| {
        let lines = [
            "BLPOP k 0.01",
            "BRPOP k j 0.01",
            "BLMOVE k j LEFT LEFT 0.01",
            "BRPOPLPUSH k j 0.01",
            "BLMPOP 0.01 1 k LEFT",
            "BLPOP k -1",
            "BLPOP k x",
            "BLPOP k inf",
            "BLPOP k 1e300",
            "BLMPOP x 1 k LEFT",
            "BLMPOP 1 0 k LEFT",
            "BLMOVE k j UP LEFT 0",
            "BLPOP k",
            "SET s v",
            "BLPOP s 0",
            "BLMOVE s j LEFT LEFT 0",
            "RPUSH l 1 2",
            "BLPOP k l 0",
            "BLMOVE l s LEFT LEFT 0",
            "BLMPOP 0 2 k l RIGHT",
            "BLPOP s l 0",
        ];
        lines.map(|line| clients.wires[0].say(line)).into()
    });
}

#[test]
fn a_waiter_does_not_mind_a_key_of_another_kind() {
    play("a_waiter_does_not_mind_a_key_of_another_kind", 3, |clients| {
        clients.wires[1].send(&["BLPOP", "k", "0"]);
        clients.until_blocked(1);
        clients.wires[2].send(&["BLMOVE", "src", "str", "LEFT", "LEFT", "0"]);
        clients.until_blocked(2);
        let lines =
            ["SET k v", "DEL k", "SET str v", "RPUSH src 1", "LRANGE src 0 -1", "RPUSH k 1"];
        let mut answers: Vec<_> = lines.map(|line| clients.wires[0].say(line)).into();
        answers.extend((1..3).map(|waiter| clients.wires[waiter].read()));
        answers
    });
}

#[test]
fn lists_that_appear_by_other_ways_wake_waiters_too() {
    let ways: [&[&str]; 5] = [
        &["RPUSH other 1 2", "RENAME other k"],
        &["RPUSH other 1 2", "COPY other k"],
        &["MULTI", "RPUSH k 1", "RPUSH k 2", "LPOP k", "EXEC"],
        &["MULTI", "RPUSH k 1", "DEL k", "EXEC", "RPUSH k 2"],
        &["EVAL redis.call('rpush',KEYS[1],'1','2')redis.call('rpop',KEYS[1]) 1 k"],
    ];
    play("lists_that_appear_by_other_ways_wake_waiters_too", 2, |clients| {
        let mut answers = Vec::new();
        for way in ways {
            clients.wires[1].send(&["BRPOP", "k", "0"]);
            clients.until_blocked(1);
            answers.extend(way.iter().map(|line| clients.wires[0].say(line)));
            answers.push(clients.wires[1].read());
            answers.push(clients.wires[0].say("DEL k other"));
        }
        answers
    });
}

#[test]
fn a_client_can_be_woken_from_outside() {
    play("a_client_can_be_woken_from_outside", 2, |clients| {
        let id = clients.wires[1].say("CLIENT ID").text();
        let mut answers = Vec::new();
        for how in ["", "TIMEOUT", "ERROR"] {
            clients.wires[1].send(&["BLPOP", "k", "0"]);
            clients.until_blocked(1);
            answers.push(clients.wires[0].say(&format!("CLIENT UNBLOCK {id} {how}")));
            answers.push(clients.wires[1].read());
        }
        clients.wires[1].send(&["BLMOVE", "k", "k", "LEFT", "LEFT", "0"]);
        clients.until_blocked(1);
        answers.push(clients.wires[0].say(&format!("CLIENT UNBLOCK {id}")));
        answers.push(clients.wires[1].read());
        answers.push(clients.wires[0].say(&format!("CLIENT UNBLOCK {id}")));
        answers
    });
}

#[test]
fn commands_behind_a_wait_run_after_it() {
    play("commands_behind_a_wait_run_after_it", 2, |clients| {
        for line in [&["BLPOP", "k", "0"][..], &["ECHO", "after"], &["RPUSH", "k", "own"]] {
            clients.wires[1].send(line);
        }
        clients.until_blocked(1);
        let mut answers = vec![clients.wires[0].say("RPUSH k 1")];
        answers.extend((0..3).map(|_| clients.wires[1].read()));
        answers
    });
}
