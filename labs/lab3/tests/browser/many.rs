//! Many windows of one browser: it has six connections to a program for all of them together.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::programs::{step6, step7, step8};
use crate::support::{Step5, get};
use crate::tab::Tab;
use crate::visit::submit;

/// More than a browser has connections.
const MANY: usize = 8;

/// A stream ends after a minute, and then its connection is free. Who has a page after half of that
/// did not wait for it; a loaded machine needs a second or two.
const AT_ONCE: Duration = Duration::from_secs(30);

/// Many windows, each with what `visit` opens in it.
fn open_everywhere(tab: &Tab, visit: impl Fn()) -> Vec<Value> {
    let open = |_| {
        let handle = tab.open_another();
        let began = Instant::now();
        visit();
        assert!(began.elapsed() < AT_ONCE, "the window waited for another one's connection");
        handle
    };
    (0..MANY).map(open).collect()
}

#[test]
fn the_form_is_back_at_once_in_every_one_of_many_windows_without_a_worker() {
    let Some(tab) = Tab::open("the form in many windows") else { return };
    let broker = Step5::start("--builtin");
    let form = step7(&broker.url, &["--speed", "10"]);
    // Each submits while all those before it wait for their tasks, and are seen.
    let windows = open_everywhere(&tab, || submit(&tab, &form.url()));
    for window in &windows {
        tab.go_to(window);
        assert_eq!(tab.run("return document.hidden"), false, "the window is seen");
        tab.until_text("[role=status]", "PENDING");
    }
    // Their pages are alive, those without a stream too, and one more form is served.
    let _worker = step6(&broker.url, &["--speed", "10", "--work", "0s", "-c", "4"]);
    for window in &windows {
        tab.go_to(window);
        tab.until_text("[role=status]", "SUCCESS");
    }
    submit(&tab, &form.url());
    drop(tab);
}

#[test]
fn the_live_view_lives_in_every_one_of_many_windows() {
    let Some(tab) = Tab::open("the live view in many windows") else { return };
    let broker = Step5::start("--builtin");
    let view = step8(&broker.url);
    let windows = open_everywhere(&tab, || {
        tab.visit(&view.url());
        tab.until_text("#contact", "live");
    });
    let mut redis = broker.redis();
    let message = include_str!("../../../taskqueue/tests/golden/messages/delay.raw.txt");
    let _: i64 = redis::cmd("LPUSH").arg("celery").arg(message).query(&mut redis).unwrap();
    for window in &windows {
        tab.go_to(window);
        tab.until(
            "return document.querySelector('.figure[data-key=waiting] .number').innerText === '1'",
        );
        assert_eq!(tab.text("#contact"), "live");
    }
    drop(tab);
}

#[test]
fn a_window_without_a_stream_gets_the_one_that_becomes_free() {
    let Some(tab) = Tab::open("a stream that becomes free") else { return };
    let broker = Step5::start("--builtin");
    let form = step7(&broker.url, &["--speed", "10"]);
    let windows = open_everywhere(&tab, || {
        submit(&tab, &form.url());
        assert!(streams(&tab) <= 2);
    });
    tab.until("return navigator.locks.query().then(locks => locks.held.length === 2)");
    for window in &windows[..MANY - 1] {
        tab.close_this(window);
    }
    tab.go_to(&windows[MANY - 1]);
    tab.until("return navigator.locks.query().then(locks => locks.held.length === 1)");
    assert_eq!(get(form.port, "/").0, 200);
    drop(tab);
}

#[test]
fn a_page_that_nobody_sees_gives_its_stream_up_and_follows_all_the_same() {
    let Some(tab) = Tab::open("a page that nobody sees") else { return };
    let broker = Step5::start("--builtin");
    let form = step7(&broker.url, &["--speed", "10"]);
    submit(&tab, &form.url());
    let held = |number| {
        let script = "return navigator.locks.query().then(locks => locks.held.length === NUMBER)";
        tab.until(&script.replace("NUMBER", number));
    };
    let see = |hidden: &str| {
        // A browser without a window has no other way.
        let script =
            "Object.defineProperty(document, 'hidden', {value: HIDDEN, configurable: true});
                      document.dispatchEvent(new Event('visibilitychange'))";
        tab.run(&script.replace("HIDDEN", hidden));
    };
    held("1");
    let hidden = Instant::now();
    see("true");
    held("0");
    assert!(hidden.elapsed() < AT_ONCE, "the stream only came to its own end");
    let _worker = step6(&broker.url, &["--speed", "10"]);
    tab.until_text("[role=status]", "STARTED");
    see("false");
    held("1");
    tab.until_text("[role=status]", "SUCCESS");
    held("0");
    drop(tab);
}

#[test]
fn a_browser_without_locks_follows_its_tasks_and_the_queue_all_the_same() {
    let Some(tab) = Tab::open("a browser without locks") else { return };
    let broker = Step5::start("--builtin");
    let (form, view) = (step7(&broker.url, &["--speed", "10"]), step8(&broker.url));
    let source = "Object.defineProperty(Navigator.prototype, 'locks', {value: undefined})";
    tab.devtools("Page.addScriptToEvaluateOnNewDocument", &json!({"source": source}));
    tab.visit(&view.url());
    tab.until_text("#contact", "live");
    submit(&tab, &form.url());
    assert_eq!(tab.run("return navigator.locks === undefined"), true);
    let _worker = step6(&broker.url, &["--speed", "10", "--work", "0s"]);
    tab.until_text("[role=status]", "SUCCESS");
    drop(tab);
}

/// How many streams the browser's pages have, all together.
fn streams(tab: &Tab) -> usize {
    let held = tab.run("return navigator.locks.query().then(locks => locks.held.length)");
    usize::try_from(held.as_u64().unwrap()).unwrap()
}
