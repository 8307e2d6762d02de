//! One tab, as a visitor uses it: look, click, type; and what the browser noticed meanwhile.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::driver::{self, Driver};
use crate::support::PATIENCE;

/// Keys that are no letters, as WebDriver writes them.
pub(crate) const TAB: char = '\u{e004}';
pub(crate) const ENTER: char = '\u{e007}';
pub(crate) const SHIFT: char = '\u{e008}';

/// Between two questions whether it is so.
const PAUSE: Duration = Duration::from_millis(10);

/// A tab of the shared browser; other tests wait until it is closed.
pub(crate) struct Tab {
    driver: Arc<Driver>,
    /// The window that stays open when this one is closed.
    home: Value,
    expected_statuses: Vec<u16>,
    expects_silence: bool,
    /// More windows that were opened beside it.
    others: RefCell<Vec<Value>>,
    _alone: MutexGuard<'static, ()>,
}

impl Tab {
    /// A fresh tab, or `None` on a machine without a browser.
    pub(crate) fn open(test: &str) -> Option<Self> {
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        // First the browser, then the turn: whoever waits keeps the browser running.
        let driver = driver::shared(test)?;
        let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let home = driver.command("GET", "/window/handles", &Value::Null)[0].take();
        let opened = driver.command("POST", "/window/new", &json!({"type": "tab"}));
        driver.command("POST", "/window", &json!({"handle": opened["handle"]}));
        let (expected_statuses, expects_silence) = (Vec::new(), false);
        let others = RefCell::default();
        let tab = Self { driver, home, expected_statuses, expects_silence, others, _alone: alone };
        // A browser that nobody sits before shows no focus.
        tab.devtools("Emulation.setFocusEmulationEnabled", &json!({"enabled": true}));
        // What a test that failed has left is not ours.
        let _ = (tab.errors(), tab.requests());
        Some(tab)
    }

    /// Goes on in another window of the same browser, which has everything but the page in common with
    /// the ones before; its handle.
    pub(crate) fn open_another(&self) -> Value {
        let opened = self.driver.command("POST", "/window/new", &json!({"type": "window"}));
        let handle = opened["handle"].clone();
        self.others.borrow_mut().push(handle.clone());
        self.go_to(&handle);
        self.devtools("Emulation.setFocusEmulationEnabled", &json!({"enabled": true}));
        handle
    }

    /// Goes on in the window of this handle.
    pub(crate) fn go_to(&self, handle: &Value) {
        self.driver.command("POST", "/window", &json!({"handle": handle}));
    }

    /// Closes the window it is in; go to another one next.
    pub(crate) fn close_this(&self, handle: &Value) {
        self.go_to(handle);
        self.driver.command("DELETE", "/window", &Value::Null);
        self.others.borrow_mut().retain(|other| other != handle);
    }

    /// An answer with this status is what the test is about, and no error.
    pub(crate) fn expect_status(&mut self, status: u16) {
        self.expected_statuses.push(status);
    }

    /// The server will be away for a while: that a request fails is no error.
    pub(crate) fn expect_silence(&mut self) {
        self.expects_silence = true;
    }

    /// Types an address and waits until its page is there.
    pub(crate) fn visit(&self, url: &str) {
        self.run("window.before = true");
        self.driver.command("POST", "/url", &json!({"url": url}));
        self.until("return !window.before && document.readyState === 'complete'");
    }

    /// Runs a script, as if typed into the console; `return` gives its value.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.driver.command("POST", "/execute/sync", &json!({"script": script, "args": []}))
    }

    /// The same with a callback as its last argument.
    pub(crate) fn run_async(&self, script: &str) -> Value {
        self.driver.command("POST", "/execute/async", &json!({"script": script, "args": []}))
    }

    /// Asks until the script's value is true, or anything else than nothing; that value.
    pub(crate) fn until(&self, script: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let body = json!({"script": script, "args": []});
            // A page that is just being left gives an error, and another answer soon.
            let value = self.driver.try_command("POST", "/execute/sync", &body);
            match value {
                Ok(Value::Null | Value::Bool(false)) | Err(_) => {}
                Ok(value) => return value,
            }
            assert!(Instant::now() < deadline, "never: {script}\n{value:?}\n{}", self.source());
            std::thread::sleep(PAUSE);
        }
    }

    /// Waits until the page shows this text no more.
    pub(crate) fn until_no_text(&self, css: &str, text: &str) {
        let (css, text) = (json!(css), json!(text));
        self.until(&format!("return !document.querySelector({css})?.innerText.includes({text})"));
    }

    /// Waits until the page shows this text.
    pub(crate) fn until_text(&self, css: &str, text: &str) {
        let (css, text) = (json!(css), json!(text));
        self.until(&format!("return document.querySelector({css})?.innerText.includes({text})"));
    }

    /// What a visitor reads there.
    pub(crate) fn text(&self, css: &str) -> String {
        let css = json!(css);
        let text = self.until(&format!("return document.querySelector({css})?.innerText ?? null"));
        text.as_str().unwrap().to_owned()
    }

    /// Whether there is such an element.
    pub(crate) fn has(&self, css: &str) -> bool {
        self.run(&format!("return document.querySelector({}) !== null", json!(css))) == true
    }

    /// The page's path and query.
    pub(crate) fn path(&self) -> String {
        let path = self.run("return location.pathname + location.search");
        path.as_str().unwrap().to_owned()
    }

    /// Clicks with the mouse, in the middle of the element.
    pub(crate) fn click(&self, css: &str) {
        let path = format!("/element/{}/click", self.element(css));
        self.driver.command("POST", &path, &json!({}));
    }

    /// Clicks twice as fast as a mouse can.
    pub(crate) fn double_click(&self, css: &str) {
        let origin = json!({"element-6066-11e4-a52e-4f735466cecf": self.element(css)});
        let (down, up) = (
            json!({"type": "pointerDown", "button": 0}),
            json!({"type": "pointerUp", "button": 0}),
        );
        let there = json!({"type": "pointerMove", "x": 0, "y": 0, "origin": origin});
        let actions = json!([there, down, up, down, up]);
        self.act(&json!({"type": "pointer", "id": "mouse", "actions": actions}));
    }

    /// Presses one key after the other, wherever the focus is.
    pub(crate) fn press(&self, keys: &str) {
        let key = |value| {
            [json!({"type": "keyDown", "value": value}), json!({"type": "keyUp", "value": value})]
        };
        let actions: Vec<Value> = keys.chars().flat_map(key).collect();
        self.act(&json!({"type": "key", "id": "keyboard", "actions": actions}));
    }

    /// Presses a key while another one is held.
    pub(crate) fn hold_and_press(&self, held: char, key: char) {
        let (down, up) = ("keyDown", "keyUp");
        let actions = [(down, held), (down, key), (up, key), (up, held)];
        let actions = actions.map(|(kind, key)| json!({"type": kind, "value": key}));
        self.act(&json!({"type": "key", "id": "keyboard", "actions": actions}));
    }

    /// The element that the keyboard talks to, as `name`, `id` or text.
    pub(crate) fn focus(&self) -> String {
        let script = "const at = document.activeElement; return at.name || at.id || at.innerText";
        self.run(script).as_str().unwrap_or_default().to_owned()
    }

    /// A command of the Chrome DevTools protocol.
    pub(crate) fn devtools(&self, command: &str, parameters: &Value) -> Value {
        let body = json!({"cmd": command, "params": parameters});
        self.driver.command("POST", "/goog/cdp/execute", &body)
    }

    /// Switches JavaScript off, for the pages from now on.
    pub(crate) fn without_javascript(&self) {
        self.devtools("Emulation.setScriptExecutionDisabled", &json!({"value": true}));
    }

    /// Every script, style, page and stream that was asked for since the last call.
    pub(crate) fn requests(&self) -> Vec<String> {
        let events = self.log("performance").into_iter().map(|entry| {
            let text = entry["message"].as_str().unwrap_or_default();
            serde_json::from_str::<Value>(text).unwrap()["message"].take()
        });
        let url = |event: Value| match event["method"].as_str()? {
            "Network.requestWillBeSent" => {
                event["params"]["request"]["url"].as_str().map(str::to_owned)
            }
            "Network.webSocketCreated" => event["params"]["url"].as_str().map(str::to_owned),
            _ => None,
        };
        events.filter_map(url).collect()
    }

    fn element(&self, css: &str) -> String {
        let query = json!({"using": "css selector", "value": css});
        let element = self.driver.command("POST", "/element", &query);
        element.as_object().unwrap().values().next().unwrap().as_str().unwrap().to_owned()
    }

    fn act(&self, source: &Value) {
        self.driver.command("POST", "/actions", &json!({"actions": [source]}));
    }

    fn log(&self, kind: &str) -> Vec<Value> {
        let entries = self.driver.command("POST", "/se/log", &json!({"type": kind}));
        entries.as_array().unwrap().clone()
    }

    fn source(&self) -> String {
        let source = self.driver.try_command("GET", "/source", &Value::Null);
        source.unwrap_or_else(|error| error).as_str().unwrap_or_default().to_owned()
    }

    fn errors(&self) -> Vec<String> {
        let entries = self.log("browser");
        let severe = entries.iter().filter(|entry| entry["level"] == "SEVERE");
        let messages = severe.filter_map(|entry| entry["message"].as_str());
        let wanted = |message: &&str| {
            self.expected_statuses
                .iter()
                .any(|status| message.contains(&format!("status of {status}")))
                || self.expects_silence && message.contains("net::ERR_")
        };
        messages.filter(|message| !wanted(message)).map(str::to_owned).collect()
    }
}

impl Drop for Tab {
    fn drop(&mut self) {
        let verdict = (!std::thread::panicking()).then(|| (self.errors(), self.requests()));
        for other in self.others.borrow().iter() {
            let _ = self.driver.try_command("DELETE", "/window", &Value::Null);
            let _ = self.driver.try_command("POST", "/window", &json!({"handle": other}));
        }
        let _ = self.driver.try_command("DELETE", "/window", &Value::Null);
        let _ = self.driver.try_command("POST", "/window", &json!({"handle": self.home}));
        let Some((errors, requests)) = verdict else { return };
        assert!(errors.is_empty(), "the page wrote to the console: {errors:#?}");
        let elsewhere: Vec<_> = requests.into_iter().filter(|url| !is_here(url)).collect();
        assert!(elsewhere.is_empty(), "requests left this machine: {elsewhere:#?}");
    }
}

/// Whether asking for it stays on this machine.
fn is_here(url: &str) -> bool {
    let here = ["data:", "about:", "blob:http://127.0.0.1:", "blob:http://localhost:"];
    here.iter().any(|start| url.starts_with(start))
        || ["http://127.0.0.1:", "http://localhost:"].iter().any(|start| url.starts_with(start))
}
