//! What the documents say is what the programs do.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use lab3::doctor::PROGRAMS;

use crate::support::{Program, Step5, at_the_usual_broker, command, free_port, post};
use crate::transcript::compare;

const DOCUMENTS: [&str; 5] =
    ["README.md", "docs/lab3.md", "docs/architecture.md", "docs/reliability.md", "docs/celery.md"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn document(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

fn binary(name: &str) -> Option<&'static str> {
    Some(match name {
        "lab3" => env!("CARGO_BIN_EXE_lab3"),
        "step1_setup" => env!("CARGO_BIN_EXE_step1_setup"),
        "step2_sync_form" => env!("CARGO_BIN_EXE_step2_sync_form"),
        "step5_broker" => env!("CARGO_BIN_EXE_step5_broker"),
        "step6_worker" => env!("CARGO_BIN_EXE_step6_worker"),
        "step7_async_form" => env!("CARGO_BIN_EXE_step7_async_form"),
        "step8_examine" => env!("CARGO_BIN_EXE_step8_examine"),
        "step9_retries" => env!("CARGO_BIN_EXE_step9_retries"),
        _ => return None,
    })
}

#[test]
fn every_program_has_its_place_in_the_workbook_and_the_reverse() {
    // Files of a student's own may stand beside them.
    let built: BTreeSet<String> = PROGRAMS.map(str::to_owned).into();
    let workbook = document("docs/lab3.md");
    let named: BTreeSet<String> = workbook
        .split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
        .filter(|word| *word == "lab3" || word.starts_with("step") && word.contains('_'))
        .map(str::to_owned)
        .collect();
    assert_eq!(named, built);
}

#[test]
fn every_command_in_the_documents_names_a_program_and_options_that_exist() {
    for name in DOCUMENTS {
        for line in document(name).lines() {
            for call in line.split("cargo run").skip(1) {
                let call = call.split(['`', '|', ',', ';', '#', '>', ')']).next().unwrap();
                let words: Vec<&str> = call.split_whitespace().collect();
                let program = words
                    .iter()
                    .position(|word| *word == "--bin")
                    .map_or("lab3", |at| words[at + 1]);
                let path = binary(program)
                    .unwrap_or_else(|| panic!("{name}: no program {program}: {line}"));
                let help = Command::new(path).arg("--help").output().unwrap();
                let help = String::from_utf8(help.stdout).unwrap();
                let given = words.iter().skip_while(|word| **word != "--").skip(1);
                for option in given.filter(|word| word.starts_with("--")) {
                    assert!(help.contains(option), "{name}: {program} has no {option}");
                }
            }
        }
    }
}

/// As GitHub makes the anchor of a heading.
fn anchor(heading: &str) -> String {
    let kept = heading
        .to_lowercase()
        .chars()
        .filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter))
        .collect::<String>();
    kept.trim().replace(' ', "-")
}

#[test]
fn every_link_leads_somewhere() {
    for name in DOCUMENTS {
        let folder = root().join(name).parent().unwrap().to_owned();
        let text = document(name);
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            if link.starts_with("https://") {
                continue;
            }
            let (path, fragment) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() { root().join(name) } else { folder.join(path) };
            assert!(target.exists(), "{name}: {link}");
            if !fragment.is_empty() {
                let headings = fs::read_to_string(target).unwrap();
                let headings: Vec<_> = headings
                    .lines()
                    .filter(|line| line.starts_with('#'))
                    .map(|line| anchor(line.trim_start_matches('#')))
                    .collect();
                assert!(
                    headings.iter().any(|heading| heading == fragment),
                    "{name}: {link} is none of {headings:?}"
                );
            }
        }
    }
}

#[test]
fn the_minutes_add_up() {
    let workbook = document("docs/lab3.md");
    let rows: Vec<Vec<u32>> = workbook.lines().filter_map(plan_row).collect();
    let (sums, steps) = rows.split_last().unwrap();
    for column in [0, 1] {
        assert_eq!(steps.iter().map(|row| row[column]).sum::<u32>(), sums[column]);
    }
    let headings = workbook.lines().filter(|line| line.starts_with("## Step"));
    let minutes =
        headings.filter_map(|line| line.rsplit_once('(')?.1.strip_suffix(" min)")?.parse().ok());
    assert_eq!(minutes.collect::<Vec<u32>>(), steps.iter().map(|row| row[0]).collect::<Vec<_>>());
}

/// The minutes of a line of the plan: of its steps, and of their sum.
fn plan_row(line: &str) -> Option<Vec<u32>> {
    let is_plan = line.starts_with("| [") || line.starts_with("| Sum |");
    let cells = line.split('|').filter_map(|cell| cell.trim().parse().ok()).collect::<Vec<u32>>();
    (is_plan && cells.len() == 2).then_some(cells)
}

/// The block after the marker of this name, in whichever document has it.
fn transcript(name: &str) -> String {
    let marker = format!("<!-- transcript{name} -->\n```text\n");
    let texts = DOCUMENTS.map(document);
    let block = texts
        .iter()
        .find_map(|text| text.split_once(&marker))
        .unwrap_or_else(|| panic!("no transcript {name}"));
    block.1.split("```").next().unwrap().to_owned()
}

fn assert_shows(name: &str, output: &str) {
    compare(&transcript(name), output).unwrap_or_else(|why| panic!("{name}:\n{why}"));
}

/// With the ports and at the speed that the documents name.
fn as_documented(output: &str, form: u16, broker: &str) -> String {
    let port = broker.trim_end_matches("/0").rsplit(':').next().unwrap_or_default();
    let usual = at_the_usual_broker(output, port)
        .replace(&format!("localhost:{form}"), "localhost:8000")
        .replace(broker, "redis://127.0.0.1:6379/0")
        .replace(&format!("redis-cli -p {port} "), "redis-cli ");
    let usual = at_real_time(usual);
    let lines = usual.lines().filter(|line| !line.starts_with("  time        lab clock"));
    lines.collect::<Vec<_>>().join("\n")
}

/// `20.0 s (500 ms real)` is `20.0 s` where the clock is not scaled.
fn at_real_time(mut text: String) -> String {
    while let Some(end) = text.find("real)") {
        let start = text[..end].rfind(" (").expect("an opening bracket");
        text.replace_range(start..end + "real)".len(), "");
    }
    text
}

const FROM_ANN: &str = "email=ann%40example.com&message=hi";

#[test]
fn the_tour_in_the_readme_is_the_tour() {
    let mut command = command(env!("CARGO_BIN_EXE_lab3"));
    let (status, output) = Program::start(command.args(["--builtin", "--speed", "10"])).end();
    assert!(status.success());
    assert_shows(": lab3 --builtin --speed 10", &output);
}

#[test]
fn the_report_of_step_1_is_in_the_workbook() {
    let (status, output) = Program::start(&mut command(env!("CARGO_BIN_EXE_step1_setup"))).end();
    if status.success() {
        assert_shows(": step1_setup", &output);
    } else {
        // Whose ports these are is this machine's affair, in CI too.
        let line = "did not run: the report of step 1 needs the ports 8000, 6379 and 5555 free\n";
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
}

#[cfg(unix)]
#[test]
fn the_transcript_of_step_2_is_what_a_visitor_causes() {
    let port = free_port();
    let mut command = command(env!("CARGO_BIN_EXE_step2_sync_form"));
    let mut form = Program::start(command.args(["--port", &port.to_string(), "--speed", "40"]));
    form.until("Ctrl-C");
    form.listens_on(port);
    assert_eq!(post(port, FROM_ANN).0, 302);
    form.interrupt();
    let (_, output) = form.end();
    assert_shows(
        " inside: step2_sync_form",
        &as_documented(&output, port, "redis://127.0.0.1:1/0"),
    );
}

#[cfg(unix)]
#[test]
fn the_transcripts_of_steps_5_to_8_are_what_they_say() {
    let mut broker = Step5::start("--builtin");
    let port = free_port();
    let url = broker.url.clone();
    let mut form = command(env!("CARGO_BIN_EXE_step7_async_form"));
    let form = form.args(["--broker", &url, "--speed", "40", "--port", &port.to_string()]);
    let mut form = Program::start(form);
    form.until("Ctrl-C");
    form.listens_on(port);
    let mut worker = command(env!("CARGO_BIN_EXE_step6_worker"));
    let mut worker = Program::start(worker.args(["--broker", &url, "-c", "1", "--speed", "40"]));
    worker.until("ready");
    assert_eq!(post(port, FROM_ANN).0, 302);
    worker.until("succeeded");
    form.until("until the mail is out");

    let mut look = command(env!("CARGO_BIN_EXE_step8_examine"));
    let (_, looked) = Program::start(look.args(["--broker", &url])).end();
    let ended = |program: Program| {
        program.interrupt();
        as_documented(&program.end().1, port, &url)
    };
    assert_shows(" queue: step6_worker -c 1", &ended(worker));
    assert_shows(" queue: step7_async_form", &ended(form));
    assert_shows(" queue: step8_examine", &as_documented(&looked, port, &url));
    broker.program.interrupt();
    broker.program.until("the broker has stopped");
    assert_shows(
        " queue: step5_broker --builtin",
        &as_documented(&broker.program.said(), port, &url),
    );
}

#[cfg(unix)]
#[test]
fn the_transcript_of_step_7_alone_is_what_a_visitor_meets_without_a_broker() {
    let (port, url) = (free_port(), format!("redis://127.0.0.1:{}/0", free_port()));
    let mut form = command(env!("CARGO_BIN_EXE_step7_async_form"));
    let mut form = Program::start(form.args(["--broker", &url, "--port", &port.to_string()]));
    form.until("Ctrl-C");
    form.listens_on(port);
    assert_eq!(post(port, FROM_ANN).0, 503);
    form.interrupt();
    assert_shows(" alone: step7_async_form", &as_documented(&form.end().1, port, &url));
}
