//! One process of the lab is Python's, the others are ours.

use lab3::smtp_server::{Behaviour, MailServer};
use redis::Commands;
use serde_json::Value;

use crate::process::Process;
use crate::support::{
    FEEDBACK, Program, Step5, TempFile, command, free_port, get, http, on_each_broker, post,
    task_id,
};
use crate::{celery, celery_is_installed};

/// What stands between `before` and the next `after`.
fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("no {before} in {text}"));
    rest.split_once(after).unwrap_or_else(|| panic!("no {after} after {before}")).0
}

/// Fills in Django's form as a browser does: with the cookie and the token of its page.
fn submit_to_django(port: u16) -> (u16, String) {
    let (status, page) = get(port, "/");
    assert!(status == 200 && page.contains("How are we doing?"), "{page}");
    let cookie = between(&page, "csrftoken=", ";");
    let token = between(&page, "name=\"csrfmiddlewaretoken\" value=\"", "\"");
    let form = format!("csrfmiddlewaretoken={token}&{FEEDBACK}");
    let head = format!(
        "POST / HTTP/1.1\r\nHost: localhost:{port}\r\nCookie: csrftoken={cookie}\r\nContent-Type: application/x-www-form-urlencoded"
    );
    http(
        port,
        &format!("{head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{form}", form.len()),
    )
}

fn django_form(broker: &Step5, port: u16) -> Process {
    let form = Process::start(&celery("form", &broker.url, &[&port.to_string()]));
    form.wait_for("it listens", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    form
}

fn celery_worker(broker: &Step5, settings: &[(&str, &str)]) -> Process {
    let mut worker = celery("worker", &broker.url, &["--concurrency", "1", "--without-mingle"]);
    let worker = Process::start(worker.envs(settings.iter().copied()));
    worker.until(" ready.");
    worker
}

fn step6(broker: &Step5, arguments: &[&str]) -> Program {
    let mut worker = command(env!("CARGO_BIN_EXE_step6_worker"));
    let mut worker = Program::start(worker.args(["--broker", &broker.url]).args(arguments));
    worker.until("ready");
    worker
}

fn step7(broker: &Step5, port: u16) -> Program {
    let mut form = command(env!("CARGO_BIN_EXE_step7_async_form"));
    let form = form.args(["--broker", &broker.url, "--port", &port.to_string()]);
    let mut form = Program::start(form);
    form.until("Ctrl-C");
    form.listens_on(port);
    form
}

#[test]
fn the_django_form_stands_before_step_6() {
    if !celery_is_installed() {
        return;
    }
    on_each_broker("the Django form before step 6", |broker| {
        let (port, mails) = (free_port(), TempFile::new("django"));
        let _form = django_form(&broker, port);
        let (status, answer) = submit_to_django(port);
        assert!(status == 302 && answer.contains("Location: /success/"), "{answer}");
        assert!(get(port, "/success/").1.contains("Thank You!"));
        assert_eq!(broker.redis().llen::<_, i64>("celery").unwrap(), 1, "submitted is not sent");

        let mut worker =
            step6(&broker, &["--work", "1s", "--speed", "10", "--mail-file", mails.path()]);
        worker.until("succeeded");
        let mail = mails.text();
        assert!(
            mail.contains("To: a@example.com") && mail.contains("\thi\n\nThank you!"),
            "{mail}"
        );
    });
}

#[test]
fn step_7_stands_before_a_celery_worker() {
    if !celery_is_installed() {
        return;
    }
    on_each_broker("step 7 before a Celery worker", |broker| {
        let port = free_port();
        let mut form = step7(&broker, port);
        let worker = celery_worker(&broker, &[("WORK_SECONDS", "0.5")]);
        let (status, answer) = post(port, FEEDBACK);
        assert_eq!(status, 302);
        let id = task_id(&answer);
        form.until("until the mail is out");
        worker.until(&format!("Task feedback.tasks.send_feedback_email_task[{id}] succeeded"));
        let log = worker.log();
        assert!(log.contains("To: a@example.com") && log.contains("\thi\n\nThank you!"), "{log}");
        let (_, page) = get(port, &format!("/success/?task={id}"));
        assert!(page.contains("SUCCESS"), "{page}");
        let result: String = broker.redis().get(format!("celery-task-meta-{id}")).unwrap();
        let result: Value = serde_json::from_str(&result).unwrap();
        assert_eq!((&result["status"], &result["result"]), (&"SUCCESS".into(), &Value::Null));
    });
}

/// The lines of a letter that don't name its sender's program or the time. A parameter means the
/// same with quotes as without.
fn letter(heard: &[String]) -> Vec<String> {
    let own = ["EHLO", "ehlo", "MAIL", "mail", "DATE", "Date", "Message-ID", "QUIT", "quit"];
    let own = |line: &&String| own.iter().any(|word| line.starts_with(word));
    let common = heard.iter().filter(|line| !own(line));
    let mut lines: Vec<String> = common.map(|line| line.to_lowercase().replace('"', "")).collect();
    lines.sort();
    lines
}

#[test]
fn both_workers_send_the_same_letter() {
    if !celery_is_installed() {
        return;
    }
    let broker = Step5::start("--builtin");
    let port = free_port();
    let mut form = step7(&broker, port);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mail_server =
        || runtime.block_on(MailServer::start([Behaviour::accepts()])).expect("a free port");

    let for_celery = mail_server();
    let smtp_port = for_celery.url().rsplit(':').next().unwrap().to_owned();
    let worker = celery_worker(&broker, &[("WORK_SECONDS", "0"), ("EMAIL_PORT", &smtp_port)]);
    post(port, FEEDBACK);
    form.until("until the mail is out");
    worker.kill();

    let for_ours = mail_server();
    let _worker = step6(&broker, &["--work", "0s", "--smtp", &for_ours.url()]);
    post(port, FEEDBACK);
    form.until("sent ");
    assert_eq!(letter(&for_ours.heard()), letter(&for_celery.heard()));
}

#[test]
fn flower_stands_before_step_6_and_shows_its_mail() {
    if !celery_is_installed() {
        return;
    }
    on_each_broker("Flower before step 6", |broker| {
        let (flower_port, port) = (free_port(), free_port());
        let flower = celery("flower", &broker.url, &[&format!("--port={flower_port}")]);
        let flower = Process::start(&flower);
        flower.until("Visit me at");
        let _worker = step6(&broker, &["-E", "-n", "celery@step6", "--work", "0s"]);
        let asked = |path: &str| get(flower_port, path).1;
        flower.wait_for("it sees the worker", || {
            asked("/api/workers?refresh=1").contains("celery@step6")
        });
        let mut form = step7(&broker, port);
        let id = task_id(&post(port, FEEDBACK).1);
        form.until("until the mail is out");
        flower.wait_for("it shows the mail", || {
            let told = asked(&format!("/api/task/info/{id}"));
            told.contains("\"state\": \"SUCCESS\"") && told.contains("('a@example.com', 'hi')")
        });
    });
}
