//! The habits that a machine can keep: this reads files, and nothing else.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails loudly")]

use std::fs;
use std::path::{Path, PathBuf};

use lab3::doctor::PROGRAMS;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Whether this is a student's own program, which may look as it likes.
fn is_a_students(path: &Path) -> bool {
    let names: Vec<_> = path.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    let program = names.windows(2).position(|pair| pair == ["src", "bin"]).map(|at| &names[at + 2]);
    program.is_some_and(|name| !PROGRAMS.contains(&name.trim_end_matches(".rs")))
}

/// Every Rust file of the lab below `folder`, with its text.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if is_a_students(&path) {
                // Nobody's business.
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    assert!(!found.is_empty(), "no sources in {folder}");
    found
}

fn libraries() -> Vec<(PathBuf, String)> {
    ["labs/taskqueue/src", "labs/pocket-redis/src", "labs/lab3/src", "labs/chaos/src"]
        .into_iter()
        .flat_map(sources)
        .collect()
}

/// A file without its tests and its comments.
fn code(text: &str) -> String {
    let before_tests = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = before_tests.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_students_own_program_may_look_as_it_likes() {
    let theirs =
        ["mine.rs", "step7_mine.rs", "step10_again.rs", "mine/main.rs", "mine/step6_worker.rs"];
    for name in theirs {
        assert!(is_a_students(&Path::new("labs/lab3/src/bin").join(name)), "{name}");
    }
    for path in
        ["labs/lab3/src/bin/step6_worker.rs", "labs/lab3/src/bin/lab3.rs", "labs/lab3/src/mine.rs"]
    {
        assert!(!is_a_students(Path::new(path)), "{path}");
    }
}

#[test]
fn a_step_is_a_page() {
    for (path, text) in sources("labs/lab3/src/bin") {
        assert!(
            text.lines().count() <= 120,
            "{} has {} lines",
            path.display(),
            text.lines().count()
        );
    }
}

#[test]
fn no_library_file_is_longer_than_three_hundred_lines() {
    for (path, text) in libraries() {
        assert!(
            text.lines().count() <= 300,
            "{} has {} lines",
            path.display(),
            text.lines().count()
        );
    }
}

#[test]
fn every_file_begins_with_its_contract() {
    for (path, text) in libraries() {
        let head = text.trim_start_matches("#![");
        let first = text.lines().find(|line| !line.starts_with("#!["));
        assert!(
            first.is_some_and(|line| line.starts_with("//! ")),
            "{}: {}",
            path.display(),
            &head[..40]
        );
    }
}

#[test]
fn only_the_narration_prints() {
    for (path, text) in libraries() {
        let narrates = ["lab3", "chaos"]
            .into_iter()
            .any(|program| path.ends_with(format!("{program}/src/narration.rs")));
        for way in ["println!", "print!(", "stdout()", "stderr()", "eprint"] {
            assert!(narrates || !code(&text).contains(way), "{} uses {way}", path.display());
        }
    }
}

#[test]
fn the_keys_stand_in_one_file() {
    for (path, text) in sources("labs/taskqueue/src") {
        if path.ends_with("keys.rs") || path.ends_with("error.rs") {
            continue;
        }
        for key in ["\"unacked", "\"celery\"", "\"celery-task-meta", "\"_kombu"] {
            assert!(!code(&text).contains(key), "{} names {key}", path.display());
        }
    }
}

#[test]
fn every_error_that_a_student_meets_says_what_to_do_next() {
    let files = [
        "labs/taskqueue/src/error.rs",
        "labs/chaos/src/trouble.rs",
        "labs/lab3/src/broker/start_error.rs",
        "labs/lab3/src/settings.rs",
        "labs/lab3/src/tour.rs",
        "labs/lab3/src/scenario.rs",
        "labs/lab3/src/scenario/crew.rs",
        "labs/lab3/src/mail/error.rs",
        "labs/lab3/src/mail/smtp.rs",
    ];
    for file in files {
        let text = fs::read_to_string(root().join(file)).unwrap();
        for error in
            text.split("#[error(").skip(1).filter(|error| !error.starts_with("transparent"))
        {
            let message = error.split(")]").next().unwrap();
            // rustfmt may break a long message with a backslash at the line's end.
            let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
            let told = message.contains("\\n next: ") || message.contains("\\n \\ next: ");
            assert!(told, "{file}: {message}");
        }
    }
}

/// What each module of the queue may use of its neighbours, as docs/architecture.md draws it.
const ALLOWED: [(&str, &[&str]); 23] = [
    ("signature", &["keys"]),
    ("keys", &[]),
    ("task_error", &["repr"]),
    ("task", &["breaker", "rate_limit", "retry", "task_error"]),
    ("rate_limit", &[]),
    ("route", &[]),
    ("schedule", &["signature"]),
    ("lamport", &[]),
    ("transient", &["json"]),
    ("announcement", &["json", "lamport"]),
    ("retry", &["task_error"]),
    ("breaker", &["task_error"]),
    ("event", &["task", "task_error"]),
    ("json", &[]),
    ("time", &[]),
    ("repr", &["json", "tagged", "time"]),
    ("tagged", &[]),
    ("broker_url", &[]),
    ("server", &["broker_url"]),
    ("connection", &["broker_url", "error"]),
    ("canvas", &["message", "route", "task", "task_error"]),
    ("idempotency", &["broker", "error", "keys"]),
    (
        "broker",
        &[
            "announcement",
            "broker_url",
            "connection",
            "error",
            "event",
            "keys",
            "lamport",
            "message",
            "route",
        ],
    ),
];

#[test]
fn inside_the_queue_imports_go_one_way() {
    for (module, allowed) in ALLOWED {
        let path = root().join(format!("labs/taskqueue/src/{module}.rs"));
        let text = fs::read_to_string(&path).unwrap();
        for line in code(&text).lines().filter_map(|line| line.strip_prefix("use crate::")) {
            let names = line.trim_start_matches('{').split([',', ' ', '}', ';']);
            for name in names.filter_map(|name| name.split("::").next()).filter(|name| {
                !name.is_empty() && name.starts_with(|letter: char| letter.is_ascii_lowercase())
            }) {
                assert!(allowed.contains(&name), "{module} uses {name}: {line}");
            }
        }
    }
}

#[test]
fn neither_decisions_nor_events_know_redis() {
    for file in [
        "event.rs",
        "signature.rs",
        "task.rs",
        "retry.rs",
        "route.rs",
        "schedule.rs",
        "breaker.rs",
        "keys.rs",
        "repr.rs",
        "json.rs",
        "message.rs",
        "canvas.rs",
    ] {
        let text = fs::read_to_string(root().join("labs/taskqueue/src").join(file)).unwrap();
        assert!(!text.contains("redis::"), "{file} knows redis");
    }
}
