//! The live view of step 8.

use std::time::Instant;

use redis::Commands;
use serde_json::{Value, json};

use crate::looks;
use crate::programs::{step6, step8, step8_at};
use crate::support::{PATIENCE, Program, Step5, on_each_broker};
use crate::tab::Tab;
use crate::task::watch;

const GOLDEN: &str = include_str!("../../../taskqueue/tests/golden/messages/delay.raw.txt");
/// The task of that message.
const ID: &str = "f09a22db-2fea-4edd-9f5d-3d3f539d34bf";
/// A session of a Celery worker, as it was published.
const CELERY: &str = include_str!("../../../taskqueue/tests/golden/events/all_in_order.json");

/// A message like Celery's, for another task.
fn message(number: usize) -> String {
    GOLDEN.replace(ID, &format!("{number:08}-2fea-4edd-9f5d-3d3f539d34bf"))
}

fn send(broker: &Step5, messages: impl IntoIterator<Item = String>) {
    let mut redis = broker.redis();
    for message in messages {
        let _: i64 = redis.lpush("celery", message).unwrap();
    }
}

/// A worker that acknowledges late and does not come to an end, with this lease, ten times as fast.
fn late(broker: &Step5, hostname: &str, lease: &str) -> Program {
    let options = ["--acks-late", "--speed", "10", "-c", "1", "--work", "3000s"];
    step6(&broker.url, &[&options[..], &["-n", hostname, "--lease", lease]].concat())
}

/// Until the figure of this name shows this number.
fn until_figure(tab: &Tab, name: &str, number: &str) {
    let place = json!(format!(".figure[data-key={name}] .number"));
    let number = json!(number);
    tab.until(&format!("return document.querySelector({place}).innerText === {number}"));
}

/// Until a row of this lane says this.
fn until_lane(tab: &Tab, hostname: &str, says: &str) {
    let lane = json!(format!(".lane[data-key='worker {hostname}'] .rows"));
    let says = json!(says);
    tab.until(&format!("return document.querySelector({lane})?.innerText.includes({says})"));
}

/// A queue with something of everything in it, and a worker that runs for as long as the test.
fn busy(broker: &Step5) -> Program {
    // On a busy machine a short lease may run out, and the task would wait again.
    let worker = late(broker, "celery@one", "600s");
    send(broker, (0..8).map(message));
    let mut redis = broker.redis();
    let aside =
        json!({"reason": "unknown task nobody.knows", "date": "1795529000.1", "message": "{}"});
    let _: i64 = redis.lpush("celery.dead", aside.to_string()).unwrap();
    let meta = format!("celery-task-meta-{ID}");
    let done = r#"{"status": "SUCCESS", "result": null, "date_done": "2026-11-22T06:06:36+00:00"}"#;
    let _: () = redis.set(meta, done).unwrap();
    let entry = json!([serde_json::from_str::<Value>(&message(99)).unwrap(), "", "celery"]);
    let (now, _): (i64, i64) = redis::cmd("TIME").query(&mut redis).unwrap();
    let later = now + 3600;
    let _: i64 = redis.hset("unacked", "lease:celery@one:0:0", entry.to_string()).unwrap();
    let _: i64 = redis.zadd("unacked_index", "lease:celery@one:0:0", later).unwrap();
    let _: i64 = redis.zadd("unacked_eta", "lease:celery@one:0:0", later).unwrap();
    worker
}

#[test]
fn the_live_view_fits_a_projector_and_reads_well() {
    let Some(tab) = Tab::open("the live view") else { return };
    let broker = Step5::start("--builtin");
    let _worker = busy(&broker);
    let view = step8(&broker.url);
    tab.visit(&view.url());
    for (name, number) in [("waiting", "7"), ("unacked", "2"), ("parked", "1"), ("dead", "1")] {
        until_figure(&tab, name, number);
    }
    until_lane(&tab, "celery@one", "running");
    tab.until_text("#contact", "live");
    looks::check(&tab, "view");
    for scheme in ["light", "dark"] {
        looks::set(&tab, 1280, 720, scheme);
        let height = tab.run("return document.documentElement.scrollHeight");
        assert!(height.as_i64() <= Some(720), "{height}");
    }
    drop(tab);
}

#[test]
fn a_killed_worker_s_lane_empties_and_its_task_is_seen_restored_in_another_s() {
    let Some(tab) = Tab::open("a killed worker in the live view") else { return };
    on_each_broker("a killed worker in the live view", |broker| {
        let mut one = late(&broker, "celery@one", "10s");
        let view = step8(&broker.url);
        tab.visit(&view.url());
        send(&broker, [GOLDEN.to_owned()]);
        until_lane(&tab, "celery@one", "running");
        one.kill();
        tab.until_text(".lane[data-key='worker celery@one'] .note", "silent for");
        let _two = late(&broker, "celery@two", "10s");
        until_lane(&tab, "celery@two", "restored, running");
        let rows =
            "return document.querySelectorAll('.lane[data-key=\"worker celery@one\"] .row').length";
        tab.until(&format!("{rows} === 0"));
        assert!(tab.has(".lane[data-key='worker celery@two'] .life .cut"));
        looks::set(&tab, 1280, 720, "light");
        looks::screenshot(&tab, "view-restored-1280x720-light");
        tab.visit("about:blank");
    });
}

#[test]
fn bars_move_without_a_new_element() {
    let Some(tab) = Tab::open("moving bars") else { return };
    let broker = Step5::start("--builtin");
    send(&broker, [GOLDEN.to_owned()]);
    let view = step8(&broker.url);
    tab.visit(&view.url());
    let bar = "document.querySelector('.lane[data-key=queue] .life rect')";
    tab.until(&format!("window.bar = {bar}; return window.bar?.bar !== undefined"));
    tab.run("window.began = parseFloat(window.bar.getAttribute('x'))");
    tab.until("return parseFloat(window.bar.getAttribute('x')) < window.began - 1");
    assert_eq!(tab.run(&format!("return window.bar === {bar}")), true);
    drop(tab);
}

#[test]
fn a_hundred_thousand_messages_cost_the_page_no_more_than_a_few() {
    let Some(tab) = Tab::open("a hundred thousand messages in the live view") else { return };
    on_each_broker("a hundred thousand messages in the live view", |broker| {
        let mut redis = broker.redis();
        let many: Vec<_> = (0..1000).map(message).collect();
        for _ in 0..100 {
            let _: i64 = redis.lpush("celery", &many).unwrap();
        }
        let view = step8(&broker.url);
        tab.visit(&view.url());
        until_figure(&tab, "waiting", "100,000");
        tab.until_text(".figure[data-key=waiting] .note", "oldest at least");
        tab.until_text(".lane[data-key=queue] .note", "more");
        send(&broker, [GOLDEN.to_owned()]);
        until_figure(&tab, "waiting", "100,001");
        // As fast, because it is as little.
        let scene = tab.run_async(
            "const done = arguments[arguments.length - 1];
             fetch('/live', {headers: {Accept: 'application/json'}})
               .then(answer => answer.text()).then(text => done(text.length))",
        );
        assert!(scene.as_u64() < Some(50_000), "{scene} characters");
        let elements = tab.run("return document.querySelectorAll('*').length");
        assert!(elements.as_u64() < Some(1000), "{elements}");
        tab.visit("about:blank");
    });
}

#[test]
fn without_javascript_the_page_is_whole_and_loads_itself_again() {
    let Some(tab) = Tab::open("the live view without JavaScript") else { return };
    let broker = Step5::start("--builtin");
    let _worker = busy(&broker);
    let view = step8(&broker.url);
    tab.visit(&view.url());
    until_lane(&tab, "celery@one", "running");
    // A script that is about to begin would complain that it can't.
    tab.until_text("#contact", "live");
    tab.without_javascript();
    tab.visit(&view.url());
    assert_eq!(tab.text(".figure[data-key=waiting] .number"), "7");
    assert!(tab.text(".figure[data-key=waiting] .command").contains("LLEN celery"));
    assert!(!tab.text(".figure[data-key=waiting] .command").contains("copy"));
    assert!(tab.text(".lane[data-key='worker celery@one'] .rows").contains("running"));
    assert!(tab.has(".lane[data-key='worker celery@one'] .life .running[width]"));
    looks::set(&tab, 1280, 720, "light");
    looks::screenshot(&tab, "view-without-javascript-1280x720-light");
    send(&broker, [GOLDEN.to_owned()]);
    until_figure(&tab, "waiting", "8");
    drop(tab);
}

#[test]
fn one_click_takes_the_command_along() {
    let Some(tab) = Tab::open("copying a command") else { return };
    let broker = Step5::start("--builtin");
    send(&broker, [GOLDEN.to_owned()]);
    let view = step8(&broker.url);
    tab.visit(&view.url());
    tab.until_text("#contact", "live");
    tab.click(".figure[data-key=waiting] .copy");
    tab.until_text("#copied", "copied: redis-cli");
    assert!(tab.text("#copied").ends_with("LLEN celery"));
    tab.until_text(".rows", &ID[..8]);
    tab.click(".row .id");
    tab.until_text("#copied", &format!("GET celery-task-meta-{ID}"));
    drop(tab);
}

#[test]
fn what_comes_from_outside_is_text_and_nothing_else() {
    let Some(tab) = Tab::open("hostile texts") else { return };
    let broker = Step5::start("--builtin");
    let view = step8(&broker.url);
    tab.visit(&view.url());
    tab.until_text("#contact", "live");
    let markup = "</script><img src=x onerror=document.title='broken'>\u{1b}[2J\u{202e}";
    let mut redis = broker.redis();
    let named = GOLDEN.replace(
        "feedback.tasks.send_feedback_email_task",
        &markup
            .escape_default()
            .to_string()
            .replace("\\u{1b}", "\\u001b")
            .replace("\\u{202e}", "\\u202e")
            .replace("\\'", "'"),
    );
    send(&broker, [named]);
    let aside = json!({"reason": markup, "date": markup, "message": markup});
    let _: i64 = redis.lpush("celery.dead", aside.to_string()).unwrap();
    let meta = json!({"status": markup, "result": markup, "date_done": null});
    let _: i64 = redis.publish("celery-task-meta-evil", meta.to_string()).unwrap();
    let beat = json!({"type": "worker-heartbeat", "hostname": markup, "sw_ident": markup});
    let raw = json!({"body": beat.to_string(), "headers": {}, "properties": {}});
    let heard: i64 = redis.publish("/0.celeryev/worker.heartbeat", raw.to_string()).unwrap();
    assert_eq!(heard, 1, "the view listens");
    tab.until_text("[data-key=letters]", "<img src=x");
    tab.until_text(".lanes", "<img src=x");
    tab.until_text("[data-key=letters]", "\\x1b[2J\\u{202e}");
    assert_eq!(tab.run("return document.title"), "The queue, live");
    assert!(!tab.has("main img"));
    tab.visit(&view.url());
    assert!(!tab.has("main img") && tab.run("return document.title") == "The queue, live");
    drop(tab);
}

#[test]
fn whoever_stops_the_view_and_starts_it_again_sees_the_same_queue() {
    let Some(mut tab) = Tab::open("a view that comes back") else { return };
    tab.expect_silence();
    let broker = Step5::start("--builtin");
    let _worker = busy(&broker);
    let view = step8(&broker.url);
    tab.visit(&view.url());
    until_lane(&tab, "celery@one", "running");
    tab.run("window.same = true");
    let port = view.port;
    drop(view);
    tab.until_text("#contact", "step 8 says nothing");
    let _view = step8_at(port, &broker.url);
    tab.until_text("#contact", "live");
    until_figure(&tab, "waiting", "7");
    until_lane(&tab, "celery@one", "running");
    assert_eq!(tab.run("return window.same"), true, "without loading the page again");
    drop(tab);
}

#[test]
fn a_view_that_finds_every_stream_taken_is_live_and_gets_a_stream_when_one_is_free() {
    let Some(mut tab) = Tab::open("all streams of the live view taken") else { return };
    tab.expect_status(503);
    let broker = Step5::start("--builtin");
    let view = step8(&broker.url);
    let watchers: Vec<_> = (0..64).map(|_| watch(view.port, "/live")).collect();
    tab.visit(&view.url());
    tab.until_text("#contact", "live");
    send(&broker, [GOLDEN.to_owned()]);
    until_figure(&tab, "waiting", "1");
    drop(watchers);
    // It stays on its seat as long as it has a stream.
    tab.run(
        "window.seated = 0;
         setInterval(async () => {
           const held = (await navigator.locks.query()).held.length;
           window.seated = held ? window.seated + 1 : 0;
         }, 100)",
    );
    tab.until("return window.seated > 30");
    assert_eq!(tab.text("#contact"), "live");
    drop(tab);
}

#[test]
fn a_celery_worker_shows_up_with_what_it_says_and_does() {
    let Some(tab) = Tab::open("a Celery worker in the live view") else { return };
    let broker = Step5::start("--builtin");
    let view = step8(&broker.url);
    tab.visit(&view.url());
    tab.until_text("#contact", "live");
    let mut redis = broker.redis();
    let session: Vec<Value> = serde_json::from_str(CELERY).unwrap();
    let say = |redis: &mut redis::Connection, event: &Value| {
        let [channel, raw] = ["channel", "raw"].map(|field| event[field].as_str().unwrap());
        let deadline = Instant::now() + PATIENCE;
        while redis.publish::<_, _, i64>(channel, raw).unwrap() == 0 {
            assert!(Instant::now() < deadline, "nobody listens");
        }
    };
    // Up to the end of its first task.
    for event in &session[..6] {
        say(&mut redis, event);
    }
    tab.until_text(".lane[data-key='worker ev@vm'] .note", "(Celery)");
    until_lane(&tab, "ev@vm", "done");
    tab.until_text("[data-key=throughput] .number", "1 in");
    say(&mut redis, session.last().unwrap());
    tab.until_text(".lane[data-key='worker ev@vm'] .note", "stopped");
    drop(tab);
}
