//! Waiting clients: nothing is lost, nobody is forgotten.

use std::sync::mpsc;
use std::thread;

use crate::support::pocket::Pocket;
use crate::support::wire::Wire;

fn until_blocked(wire: &mut Wire, count: usize) {
    let wanted = format!("blocked_clients:{count}\r\n");
    while !wire.say("INFO clients").text().contains(&wanted) {
        thread::yield_now();
    }
}

#[test]
fn the_first_to_wait_is_the_first_to_be_served() {
    let pocket = Pocket::start();
    let mut pusher = pocket.connect();
    let mut waiters: Vec<Wire> = Vec::new();
    for place in 1..=3 {
        let mut waiter = pocket.connect();
        waiter.send(&["BRPOP", "queue", "0"]);
        waiters.push(waiter);
        until_blocked(&mut pusher, place);
    }
    pusher.say("LPUSH queue a b c");
    let served: Vec<String> =
        waiters.iter_mut().map(|waiter| waiter.read().items[1].text()).collect();
    assert_eq!(served, ["a", "b", "c"]);
}

#[test]
fn a_waiter_that_has_left_takes_nothing() {
    let pocket = Pocket::start();
    let mut pusher = pocket.connect();
    let mut leaves = pocket.connect();
    leaves.send(&["BLPOP", "queue", "0"]);
    until_blocked(&mut pusher, 1);
    drop(leaves);
    until_blocked(&mut pusher, 0);
    pusher.say("RPUSH queue kept");
    assert_eq!(pusher.say("LPOP queue").text(), "kept");
}

#[test]
fn a_waiter_that_was_killed_takes_nothing() {
    let pocket = Pocket::start();
    let (mut pusher, mut killed) = (pocket.connect(), pocket.connect());
    let id = killed.say("CLIENT ID").text();
    killed.send(&["BLPOP", "queue", "0"]);
    until_blocked(&mut pusher, 1);
    assert_eq!(pusher.say(&format!("CLIENT KILL ID {id}")).text(), "1");
    assert!(killed.try_read().is_none());
    until_blocked(&mut pusher, 0);
    pusher.say("RPUSH queue kept");
    assert_eq!(pusher.say("LLEN queue").text(), "1");
}

#[test]
fn a_rotation_in_place_wakes_all_and_keeps_the_element() {
    let pocket = Pocket::start();
    let mut pusher = pocket.connect();
    let mut waiters: Vec<Wire> = Vec::new();
    for place in 1..=5 {
        let mut waiter = pocket.connect();
        waiter.send(&["BLMOVE", "queue", "queue", "RIGHT", "RIGHT", "0"]);
        waiters.push(waiter);
        until_blocked(&mut pusher, place);
    }
    pusher.say("LPUSH queue task");
    for waiter in &mut waiters {
        assert_eq!(waiter.read().text(), "task");
    }
    assert_eq!(pusher.say("LRANGE queue 0 -1").items[0].text(), "task");
}

#[test]
fn every_element_reaches_exactly_one_of_many_waiters() {
    const WORKERS: usize = 4;
    const TASKS: usize = 2_000;
    let pocket = Pocket::start();
    let (tell, told) = mpsc::channel();
    let workers: Vec<_> = (0..WORKERS)
        .map(|_| {
            let (mut wire, tell) = (pocket.connect(), tell.clone());
            thread::spawn(move || {
                loop {
                    let task = wire.say("BRPOP low high 0").items[1].text();
                    if task == "stop" {
                        return;
                    }
                    tell.send(task).expect("the test listens");
                }
            })
        })
        .collect();
    let mut pusher = pocket.connect();
    for task in 0..TASKS {
        let queue = if task % 2 == 0 { "low" } else { "high" };
        pusher.send(&["LPUSH", queue, &task.to_string()]);
    }
    for _ in 0..TASKS {
        pusher.read();
    }
    let mut done: Vec<usize> =
        told.iter().take(TASKS).map(|task| task.parse().expect("a number")).collect();
    done.sort_unstable();
    assert_eq!(done, (0..TASKS).collect::<Vec<_>>());
    pusher.ask(&["LPUSH", "low", "stop", "stop", "stop", "stop"]);
    for worker in workers {
        worker.join().expect("the worker ends well");
    }
}

#[test]
fn a_message_that_comes_while_answers_are_sent_is_not_left_behind() {
    let pocket = Pocket::start();
    let (mut reader, mut writer) = (pocket.connect(), pocket.connect());
    reader.say("HELLO 3");
    reader.say("SUBSCRIBE news");
    for round in 0..500 {
        let text = round.to_string();
        reader.send(&["ECHO", &text]);
        writer.ask(&["PUBLISH", "news", &text]);
        let mut marks = [reader.read().mark, reader.read().mark];
        marks.sort_unstable();
        assert_eq!(marks, [b'$', b'>']);
    }
}
