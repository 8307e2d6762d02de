//! Step 7's success page: it follows its task.

use std::net::TcpStream;
use std::time::Duration;

use lab3::smtp_server::{At, Behaviour, MailServer};
use redis::Commands;

use crate::looks;
use crate::programs::{step6, step7, step7_at};
use crate::support::{Step5, TempFile};
use crate::tab::Tab;
use crate::visit::{number, submit, told};

const FAST: [&str; 2] = ["--speed", "10"];

/// Marks the page, to see later whether it was loaded again.
fn mark(tab: &Tab) {
    tab.run("window.stayed = true");
}

fn stayed(tab: &Tab) -> bool {
    tab.run("return window.stayed === true") == true
}

fn task_id(tab: &Tab) -> String {
    tab.text(".task code")
}

/// A mail server that goes through these behaviours and then accepts, on a runtime of its own.
fn mail_server(refusals: &[&str]) -> (tokio::runtime::Runtime, MailServer) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let refusals = refusals.iter().map(|reply| Behaviour::replies(At::Rcpt, reply));
    let script: Vec<_> = refusals.chain([Behaviour::accepts()]).collect();
    let server = runtime.block_on(MailServer::start(script)).unwrap();
    (runtime, server)
}

#[test]
fn the_page_follows_its_task_to_success_without_being_loaded_again() {
    let Some(tab) = Tab::open("the task's page") else { return };
    let broker = Step5::start("--builtin");
    let form = step7(&broker.url, &FAST);
    submit(&tab, &form.url());
    mark(&tab);
    tab.until_text(".numbers", "so far");
    assert!(tab.text("[role=status]").contains("PENDING"));
    looks::check(&tab, "task-pending");
    let mails = TempFile::new("task");
    let _worker = step6(&broker.url, &[&FAST[..], &["--mail-file", mails.path()]].concat());
    tab.until_text("[role=status]", "STARTED");
    looks::check(&tab, "task-started");
    tab.until_text("[role=status]", "SUCCESS");
    tab.until_no_text(".numbers", "so far");
    looks::check(&tab, "task-success");
    assert!(stayed(&tab));

    // Which states, and that each lasted: the work takes 20 s, of which a browser on a loaded machine
    // may see the beginning late.
    let path = tab.run("return [...document.querySelectorAll('.path li')].map(li => li.innerText)");
    let path: Vec<String> = serde_json::from_value(path).unwrap();
    assert_eq!(path.len(), 3, "{path:?}");
    assert!(path[0].starts_with("PENDING ") && path[2] == "SUCCESS", "{path:?}");
    let started =
        path[1].strip_prefix("STARTED ").and_then(|text| text.strip_suffix(" s")).unwrap();
    let started = started.parse::<f64>().unwrap();
    assert!(started > 10.0, "{path:?}");

    // What the page says is what Redis says.
    let took = told(&tab, "Queue and work took");
    assert!(took > 20_000.0, "{took}");
    let pending = path[0].strip_prefix("PENDING ").and_then(|text| text.strip_suffix(" s"));
    let pending = pending.unwrap().parse::<f64>().unwrap();
    // Three numbers that are rounded to a tenth.
    assert!((pending + started - took / 1000.0).abs() < 0.16, "{path:?} in {took} ms");
    let id = task_id(&tab);
    let command = tab.text(".task dd:last-of-type code");
    assert!(command.ends_with(&format!("GET celery-task-meta-{id}")), "{command}");
    let document: String = broker.redis().get(format!("celery-task-meta-{id}")).unwrap();
    assert!(document.contains("SUCCESS") && mails.text().contains(&id));

    // It says the same when it is loaded again, and watches no more.
    tab.requests();
    tab.visit(&(form.url().trim_end_matches('/').to_owned() + &tab.path()));
    assert!((told(&tab, "Queue and work took") - took).abs() < f64::EPSILON);
    assert!(!tab.requests().iter().any(|url| url.contains("/progress/")));
}

#[test]
fn a_mail_server_that_refuses_twice_is_seen_as_retry_on_the_way_to_success() {
    let Some(tab) = Tab::open("RETRY on the page") else { return };
    let broker = Step5::start("--builtin");
    let form = step7(&broker.url, &FAST);
    let busy = "451 4.7.1 greylisted, come back later";
    let (_runtime, server) = mail_server(&[busy, busy]);
    let smtp = server.url();
    submit(&tab, &form.url());
    mark(&tab);
    let _worker = step6(&broker.url, &[&FAST[..], &["--work", "0s", "--smtp", &smtp]].concat());
    tab.until_text("[role=status]", "RETRY");
    tab.until_text(".reason", "greylisted, come back later");
    looks::check(&tab, "task-retry");
    tab.until_text("[role=status]", "SUCCESS");
    assert!(stayed(&tab) && tab.text(".path").contains("RETRY"));
    assert_eq!(tab.text(".reason"), "", "what went well has no reason");
    assert_eq!(server.letters().len(), 1);
}

#[test]
fn a_mail_that_is_refused_for_good_is_seen_as_failure_with_its_reason() {
    let Some(tab) = Tab::open("FAILURE on the page") else { return };
    let broker = Step5::start("--builtin");
    let form = step7(&broker.url, &FAST);
    let (_runtime, server) = mail_server(&["550 5.1.1 no such mailbox"]);
    let _worker =
        step6(&broker.url, &[&FAST[..], &["--work", "0s", "--smtp", &server.url()]].concat());
    submit(&tab, &form.url());
    tab.until_text("[role=status]", "FAILURE");
    tab.until_text(".reason", "no such mailbox");
    looks::check(&tab, "task-failure");
    assert!(server.letters().is_empty());
}

#[test]
fn without_javascript_the_page_looks_again_until_the_task_is_done() {
    let Some(tab) = Tab::open("the task's page without JavaScript") else { return };
    let broker = Step5::start("--builtin");
    let form = step7(&broker.url, &FAST);
    tab.without_javascript();
    submit(&tab, &form.url());
    assert!(tab.text("[role=status]").contains("PENDING"));
    assert!(tab.text("main").contains("looks again every 2 seconds"));
    looks::set(&tab, 1280, 720, "light");
    looks::screenshot(&tab, "task-pending-without-javascript-1280x720-light");
    let _worker = step6(&broker.url, &[&FAST[..], &["--work", "1s"]].concat());
    tab.until_text("[role=status]", "SUCCESS");
    assert!(!tab.text("main").contains("looks again"));
    assert!(told(&tab, "Queue and work took") > 1_000.0);
}

#[test]
fn a_form_that_is_stopped_and_started_again_loses_no_page_and_no_task() {
    let Some(mut tab) = Tab::open("a form that is started again") else { return };
    tab.expect_silence();
    let broker = Step5::start("--builtin");
    let form = step7(&broker.url, &FAST);
    let port = form.port;
    submit(&tab, &form.url());
    mark(&tab);
    tab.until_text("[role=status]", "PENDING");
    form.program.interrupt();
    let (status, output) = form.program.end();
    assert!(status.success(), "{output}");
    tab.until_text("main", "asks again");
    looks::check(&tab, "task-form-away");
    // The task does not need the form.
    let mut worker = step6(&broker.url, &[&FAST[..], &["--work", "1s"]].concat());
    worker.until("succeeded");
    assert!(tab.text("[role=status]").contains("PENDING"), "nobody could tell");
    let _form = step7_at(port, &broker.url, &FAST);
    tab.until_text("[role=status]", "SUCCESS");
    assert!(stayed(&tab) && told(&tab, "Queue and work took") > 1_000.0);
    tab.until_no_text("main", "asks again");
}

#[test]
fn a_page_that_finds_every_stream_taken_follows_its_task_all_the_same() {
    let Some(mut tab) = Tab::open("all streams taken") else { return };
    tab.expect_status(503);
    let broker = Step5::start("--builtin");
    let form = step7(&broker.url, &FAST);
    let watchers: Vec<TcpStream> =
        (0..64).map(|_| watch(form.port, "/progress/?task=a-1")).collect();
    tab.requests();
    submit(&tab, &form.url());
    let _worker = step6(&broker.url, &[&FAST[..], &["--work", "0s"]].concat());
    tab.until_text("[role=status]", "SUCCESS");
    assert_eq!(tab.text("[data-told=silence]"), "");
    drop(watchers);
    // A page that finds another way is no reason to worry whoever sits at the terminal.
    form.program.interrupt();
    let (_, output) = form.program.end();
    assert!(!output.contains('✘'), "{output}");
}

#[test]
fn each_number_of_the_page_is_the_one_of_the_terminal_and_the_chart() {
    let Some(tab) = Tab::open("numbers") else { return };
    let broker = Step5::start("--builtin");
    let mut form = step7(&broker.url, &[]);
    submit(&tab, &form.url());
    let line = form.program.until("visitor 1 waited");
    let waited = number(&tab, "You waited");
    assert!(line.ends_with(&format!("visitor 1 waited {waited}")), "{line}: {waited}");
    let _worker = step6(&broker.url, &["--work", "100ms"]);
    tab.until_text("[role=status]", "SUCCESS");
    tab.until_no_text(".numbers", "so far");
    let took = number(&tab, "Queue and work took");
    let lane = form.program.until("visitor waits  ");
    assert!(lane.ends_with(&waited), "{lane}: {waited}");
    let lane = form.program.until("until the mail is out");
    assert!(lane.ends_with(&format!(" {took}")), "{lane}: {took}");
    form.program.interrupt();
    let (_, output) = form.program.end();
    assert!(!output.contains('✘'), "{output}");
}

/// One that listens to a stream; it is known to do so.
pub(crate) fn watch(port: u16, path: &str) -> TcpStream {
    use std::io::{Read, Write};
    let mut connection = TcpStream::connect(("127.0.0.1", port)).unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n");
    connection.write_all(head.as_bytes()).unwrap();
    let mut status = [0; 12];
    connection.read_exact(&mut status).unwrap();
    assert_eq!(&status, b"HTTP/1.1 200");
    connection
}

#[test]
fn a_page_whose_broker_is_away_says_so_and_finds_its_task_when_it_is_back() {
    let Some(tab) = Tab::open("a broker that is away") else { return };
    let port = crate::support::free_port();
    let form = step7(&format!("redis://127.0.0.1:{port}/0"), &FAST);
    tab.visit(&(form.url() + "success/?task=a-1&sent=1764000000000&waited=6"));
    tab.until_text("[role=status]", "Redis does not answer");
    looks::check(&tab, "task-broker-away");
    let broker = Step5::start_at(port, "--builtin");
    tab.until_text("[role=status]", "PENDING");
    let document =
        r#"{"status": "SUCCESS", "result": null, "date_done": "2025-11-24T16:00:20+00:00"}"#;
    let mut redis = broker.redis();
    let _: () = redis.set("celery-task-meta-a-1", document).unwrap();
    tab.until_text("[role=status]", "SUCCESS");
    assert_eq!(tab.text("[data-told=took]"), "3 min 20 s (20.0 s real)");
}
