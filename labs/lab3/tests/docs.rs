//! The workbook's experiments end as its cards say.
//!
//! A block below `<!-- transcript SCENE: PROGRAM ARGS -->` is compared with what the program prints
//! in that scene, as `programs/transcript.rs` says. A block below `<!-- answers: MOMENT -->` is
//! asked of the broker at that moment. Scenes are played ten times as fast, on free ports; what this
//! changes is put right again.
//! The plain runs, and links, commands and minutes, are looked at in `programs/docs.rs`.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails loudly")]
#![cfg_attr(
    not(unix),
    allow(
        dead_code,
        unused_imports,
        reason = "what a Ctrl-C from outside must end is played on Unix only"
    )
)]

#[path = "programs/support.rs"]
#[allow(dead_code, reason = "the programs' tests use the rest")]
mod support;
#[path = "programs/transcript.rs"]
mod transcript;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use redis::Commands;

use support::{PATIENCE, Program, TempFile, command, free_port, post, task_id};
use transcript::compare;

/// Scene and command of every transcript that is played here.
const HERE: [(&str, &str); 5] = [
    ("one thread", "step2_sync_form --threads 1"),
    ("killed", "step6_worker -c 1 --acks-late"),
    ("twice", "step6_worker -c 1 --acks-late -n one"),
    ("beat", "step6_worker -B"),
    ("odd", "step6_worker -c 1"),
];

/// And of those that `programs/docs.rs` plays.
const ELSEWHERE: [&str; 4] = ["", "inside", "queue", "alone"];

/// Work for a worker that is stopped in the middle of it: far longer than that takes.
const LONG: &str = "--work 9000s";

const ANN: &str = "email=ann%40example.com&message=hi";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The README and everything in docs/, by its path from the root.
fn documents() -> Vec<(String, String)> {
    let mut paths = vec!["README.md".to_owned(), "CHANGELOG.md".to_owned()];
    for entry in fs::read_dir(root().join("docs")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".md") {
            paths.push(format!("docs/{name}"));
        }
    }
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), text(&path))).collect()
}

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn workbook() -> String {
    text("docs/lab3.md")
}

/// A fenced block, with the comment above it.
struct Block {
    path: String,
    mark: String,
    text: String,
}

/// All fenced blocks of all documents.
fn blocks() -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for (path, text) in documents() {
        let mut open: Option<Block> = None;
        let mut above = "";
        for line in text.lines() {
            match (&mut open, line.starts_with("```")) {
                (Some(_), true) => blocks.extend(open.take()),
                (Some(block), false) => block.text += &format!("{line}\n"),
                (None, true) => {
                    let mark = above.strip_prefix("<!-- ").and_then(|m| m.strip_suffix(" -->"));
                    let mark = mark.unwrap_or_default().to_owned();
                    open = Some(Block { path: path.clone(), mark, text: String::new() });
                }
                (None, false) => above = line,
            }
        }
        assert!(open.is_none(), "{path}: a block is not closed");
    }
    blocks
}

/// Scene and command of a transcript's mark.
fn transcript_of(mark: &str) -> Option<(&str, &str)> {
    let (scene, command) = mark.strip_prefix("transcript")?.split_once(": ")?;
    Some((scene.trim(), command))
}

// Comparing.

/// Compares `output` with every block that shows this command in this scene.
fn check(scene: &str, command: &str, output: &str) {
    assert!(HERE.contains(&(scene, command)), "{scene}: {command} is missing in HERE");
    let marks = |block: &Block| transcript_of(&block.mark) == Some((scene, command));
    let block = blocks().into_iter().find(marks).expect("a block of this scene");
    compare(&block.text, output).unwrap_or_else(|why| panic!("{}:\n{why}", block.mark));
}

/// As it would read at the usual speed and on the usual ports.
fn as_usual(output: &str, broker: u16, form: u16) -> String {
    let mut text: String = support::at_the_usual_broker(output, &broker.to_string())
        .lines()
        .filter(|line| !line.starts_with("  time        lab clock"))
        .map(|line| format!("{line}\n"))
        .collect();
    while let Some(end) = text.find(" real)") {
        let start = text[..end].rfind(" (").expect("a bracket begins");
        text.replace_range(start..end + " real)".len(), "");
    }
    text.replace(&format!(" -p {broker}"), "")
        .replace(&format!("127.0.0.1:{broker}"), "127.0.0.1:6379")
        .replace(&format!("localhost:{form}"), "localhost:8000")
}

// Playing.

/// A broker's port and a form's, and the programs that know them.
#[derive(Clone, Copy)]
struct Stage {
    broker: u16,
    form: u16,
}

impl Stage {
    fn new() -> Self {
        Self { broker: free_port(), form: free_port() }
    }

    fn url(self) -> String {
        format!("redis://127.0.0.1:{}/0", self.broker)
    }

    /// `line` as the document has it, made faster and told where to look.
    fn start(self, line: &str) -> Program {
        let (name, arguments) = line.split_once(' ').unwrap_or((line, ""));
        let mut command = command(&program(name));
        command.args(arguments.split_whitespace()).args(["--speed", "10"]);
        if name == "step5_broker" {
            command.args(["--port", &self.broker.to_string()]);
        } else if name != "step2_sync_form" {
            command.args(["--broker", &self.url()]);
        }
        if name.ends_with("_form") {
            command.args(["--port", &self.form.to_string()]);
        }
        let mut program = Program::start(&mut command);
        if name != "step8_examine" {
            program.until("Ctrl-C");
        }
        program
    }

    /// Ends it as Ctrl-C does, and compares what it printed.
    fn end(self, scene: &str, line: &str, program: Program) {
        program.interrupt();
        self.check(scene, line, program);
    }

    fn check(self, scene: &str, line: &str, program: Program) {
        check(scene, line, &as_usual(&program.end().1, self.broker, self.form));
    }

    /// Submits the form once it listens; the task's id, if there is one.
    fn submit(self) -> String {
        let deadline = Instant::now() + PATIENCE;
        while std::net::TcpStream::connect(("127.0.0.1", self.form)).is_err() {
            assert!(Instant::now() < deadline, "nobody listens on {}", self.form);
            std::thread::yield_now();
        }
        let (status, answer) = post(self.form, ANN);
        if status == 302 && answer.contains("task=") { task_id(&answer) } else { String::new() }
    }

    fn redis(self) -> redis::Connection {
        redis::Client::open(self.url()).unwrap().get_connection().unwrap()
    }

    /// Asks the questions of every block of this `moment`, about the task `id`.
    fn answers(self, moment: &str, id: &str) {
        let mark = format!("answers: {moment}");
        let found: Vec<Block> = blocks().into_iter().filter(|block| block.mark == mark).collect();
        assert!(!found.is_empty(), "no block is marked {mark}");
        for block in found {
            for asked in block.text.split("$ redis-cli ").skip(1) {
                let (question, expected) = asked.split_once('\n').expect("an answer");
                let mut command = command(&program("step8_examine"));
                command.args(["--broker", &self.url(), "--"]);
                command.args(question.replace("<id>", id).split(' '));
                let (_, real) = Program::start(&mut command).end();
                compare(expected, &real).unwrap_or_else(|why| panic!("{mark}, {question}:\n{why}"));
            }
        }
    }
}

/// Where a program of the lab was built.
fn program(name: &str) -> String {
    let tour = Path::new(env!("CARGO_BIN_EXE_lab3"));
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    tour.with_file_name(file).into_os_string().into_string().unwrap()
}

#[cfg(unix)]
#[test]
fn one_thread_serves_as_its_card_shows_it() {
    let stage = Stage::new();
    let line = "step2_sync_form --threads 1";
    // Real time in which the second visitor has to come: 6 s.
    let mut form = stage.start(&format!("{line} --work 60s"));
    let first = std::thread::spawn(move || stage.submit());
    form.until("submitted");
    let second = std::thread::spawn(move || support::get(stage.form, "/"));
    form.until("waits");
    first.join().unwrap();
    second.join().unwrap();
    stage.end("one thread", line, form);
}

#[test]
fn a_broker_alone_answers_as_its_card_shows_it() {
    let stage = Stage::new();
    let _broker = stage.start("step5_broker --builtin");
    stage.answers("letters", "");
}

#[test]
fn redis_answers_as_the_cards_show() {
    let stage = Stage::new();
    let _broker = stage.start("step5_broker --builtin");
    let mut form = stage.start("step7_async_form");
    let id = stage.submit();
    stage.answers("submitted", &id);
    let mut slow = stage.start(&format!("step6_worker -c 1 {LONG}"));
    slow.until("started");
    stage.answers("running", &id);
    slow.kill();
    let id = stage.submit();
    let _quick = stage.start("step6_worker -c 1");
    form.until("until the mail is out");
    stage.answers("done", &id);
}

#[cfg(unix)]
#[test]
fn a_killed_worker_leaves_what_its_card_shows() {
    let stage = Stage::new();
    let line = "step6_worker -c 1 --acks-late";
    let _broker = stage.start("step5_broker --builtin");
    let _form = stage.start("step7_async_form");
    let mut first = stage.start(&format!("{line} {LONG}"));
    first.until("ready");
    stage.submit();
    first.until("started");
    first.kill();
    assert_eq!(stage.redis().hlen::<_, i64>("unacked").unwrap(), 1, "as the solution says");
    let mut second = stage.start(line);
    second.until("succeeded");
    stage.end("killed", line, second);
}

#[cfg(unix)]
#[test]
fn a_halted_worker_sends_the_mail_twice_as_its_card_says() {
    let stage = Stage::new();
    let mails = TempFile::new("twice");
    let ledger = format!("--mail-file {}", mails.path());
    let line = "step6_worker -c 1 --acks-late -n one";
    let _broker = stage.start("step5_broker --builtin");
    let _form = stage.start("step7_async_form");
    // Longer than it takes to halt it; what is left of it is over when it wakes up, or soon after.
    let mut one = stage.start(&format!("{line} --work 150s"));
    one.until("ready");
    let id = stage.submit();
    one.until("started");
    let result: String = stage.redis().get(format!("celery-task-meta-{id}")).unwrap();
    let result: serde_json::Value = serde_json::from_str(&result).unwrap();
    let signal = |name: &str| {
        let pid = result["result"]["pid"].to_string();
        assert!(std::process::Command::new("kill").args([name, &pid]).status().unwrap().success());
    };
    signal("-STOP");
    let mut two = stage.start(&format!("step6_worker -c 1 --acks-late -n two {ledger}"));
    two.until("succeeded");
    signal("-CONT");
    one.until("succeeded");
    assert_eq!(mails.text().matches(&format!("Message-ID: <{id}@")).count(), 1, "the other's");
    stage.end("twice", line, one);
}

#[cfg(unix)]
#[test]
fn beat_reports_as_the_card_shows() {
    let stage = Stage::new();
    let line = "step6_worker -B";
    let _broker = stage.start("step5_broker --builtin");
    let mut worker = stage.start(line);
    worker.until("succeeded");
    stage.answers("beat", "");
    stage.end("beat", line, worker);
}

#[cfg(unix)]
#[test]
fn odd_messages_are_put_aside_as_the_card_shows() {
    let stage = Stage::new();
    let _broker = stage.start("step5_broker --builtin");
    let mut worker = stage.start("step6_worker -c 1");
    worker.until("ready");
    let workbook = workbook();
    let (_, message) = workbook.split_once("redis-cli LPUSH celery '").expect("the odd message");
    let message = message.split('\'').next().unwrap();
    let mut redis = stage.redis();
    let _: i64 = redis.lpush("celery", "hello").unwrap();
    worker.until("LINDEX celery.dead 0");
    let _: i64 = redis.lpush("celery", message).unwrap();
    worker.until("celery-task-meta-odd-1");
    stage.answers("odd", "odd-1");
    stage.end("odd", "step6_worker -c 1", worker);
}

// Reading.

#[test]
fn every_transcript_is_played() {
    for block in blocks().iter().filter(|block| block.mark.starts_with("transcript")) {
        let named = transcript_of(&block.mark);
        let played =
            |(scene, command)| HERE.contains(&(scene, command)) || ELSEWHERE.contains(&scene);
        let played = named.is_some_and(played);
        assert!(played, "{}: nobody plays {:?}", block.path, block.mark);
    }
}

#[test]
fn no_block_is_wider_than_eighty_columns() {
    for block in blocks().iter().filter(|block| !block.mark.is_empty()) {
        for line in block.text.lines() {
            assert!(line.chars().count() <= 80, "{}, {}: {line}", block.path, block.mark);
        }
    }
}

/// A heading's anchor, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// The cards: heading and text.
fn cards() -> Vec<(String, String)> {
    let workbook = workbook();
    let cards = workbook.split("\n## Step ").skip(1);
    cards
        .map(|card| {
            let (heading, text) = card.split_once('\n').unwrap();
            (format!("Step {heading}"), text.to_owned())
        })
        .collect()
}

#[test]
fn the_plan_leads_to_every_card() {
    let workbook = workbook();
    for (heading, _) in cards() {
        assert!(workbook.contains(&format!("](#{}) |", anchor(&heading))), "{heading}");
    }
}

#[test]
fn every_card_has_the_same_form() {
    let parts = [
        "**Question.**",
        "**Afterwards you can**",
        "**Needs.**",
        "**Predict.**",
        "**Run.**",
        "**You should see**",
        "**Look inside",
        "**Why.**",
        "**Change one thing.**",
        "**Check.**",
        "<summary>Hint<",
        "<summary>Solution<",
        "**If it went wrong.**",
        "**And in Celery.**",
        "**Key point.**",
        "<summary>For the instructor<",
        "**Note.**",
        "**Ask.**",
        "**Demo.**",
        "**When late.**",
    ];
    for (heading, card) in cards() {
        // Steps 3 and 4 have no program, and say so.
        if heading.starts_with("Step 3") || heading.starts_with("Step 4") {
            assert!(card.contains("In the original handout"), "{heading}");
            assert!(card.contains("**And in Celery.**"), "{heading}");
            continue;
        }
        let mut rest = card.as_str();
        for part in parts {
            let (_, after) = rest.split_once(part).unwrap_or_else(|| panic!("{heading}: {part}"));
            rest = after;
        }
        let (_, why) = card.split_once("**Why.**").unwrap();
        let words = why.split("```").next().unwrap().split_whitespace().count();
        assert!(words <= 120, "{heading}: Why has {words} words");
    }
}

/// Every test with a real Celery at the other end, as `module::name`.
fn celery_tests() -> Vec<String> {
    let mut tests = Vec::new();
    for folder in ["labs/taskqueue/tests/celery", "labs/lab3/tests/celery"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "rs") {
                continue;
            }
            let module = path.file_stem().unwrap().to_string_lossy().into_owned();
            let text = fs::read_to_string(&path).unwrap();
            for test in text.split("#[test]").skip(1) {
                let (_, name) = test.split_once("fn ").expect("a function");
                tests.push(format!("{module}::{}", name.split('(').next().unwrap()));
            }
        }
    }
    tests
}

#[test]
fn what_works_with_celery_is_shown_by_tests_that_exist() {
    let (tests, text) = (celery_tests(), text("docs/celery.md"));
    let rows = text.lines().filter(|line| line.starts_with("| "));
    let cells = rows.map(|row| row.split(" | ").collect::<Vec<_>>()).filter(|row| row.len() == 3);
    for row in cells.filter(|row| !row[0].contains("In Celery")) {
        let named: Vec<&str> = row[2].split('`').filter(|word| word.contains("::")).collect();
        let works = row[1].starts_with("works");
        assert!(!works || !named.is_empty(), "{}: which test shows it?", row[0]);
        for name in named {
            assert!(tests.iter().any(|test| test == name), "no test {name}");
        }
    }
    for test in &tests {
        assert!(text.contains(test.as_str()), "{test}: docs/celery.md does not say what it shows");
    }
}
