//! The scripts on machines that lack something: they say what, and what to do.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails loudly")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A machine with these programs before its own; each is a line of shell.
struct Machine(PathBuf);

impl Machine {
    fn with(name: &str, programs: &[(&str, &str)]) -> Self {
        let folder = format!("lab3-scripts-{name}-{}", std::process::id());
        let machine = Self(std::env::temp_dir().join(folder));
        fs::create_dir_all(&machine.0).unwrap();
        for (program, line) in programs {
            let path = machine.0.join(program);
            fs::write(&path, format!("#!/bin/sh\n{line}\n")).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        machine
    }

    /// The same, where the script has not been run before.
    fn run_in_place(&self, script: &str, arguments: &[&str]) -> (Option<i32>, String) {
        // Nothing is installed into this project's own folder.
        let project = self.0.join("project");
        for folder in ["scripts", "labs/lab3/python"] {
            fs::create_dir_all(project.join(folder)).unwrap();
        }
        for file in [&format!("scripts/{script}"), "labs/lab3/python/requirements.txt"] {
            fs::copy(root().join(file), project.join(file)).unwrap();
        }
        self.run(project.join("scripts").join(script).to_str().unwrap(), arguments)
    }

    /// Exit code and all that the script says.
    fn run(&self, script: &str, arguments: &[&str]) -> (Option<i32>, String) {
        let path = std::env::var("PATH").unwrap();
        let mut command = Command::new("bash");
        command.arg(root().join("scripts").join(script)).args(arguments);
        command.env("PATH", format!("{}:{path}", self.0.display()));
        command.env("CARGO_TARGET_DIR", self.0.join("target")).env_remove("RUST_SRC");
        command.env_remove("CELERY_VENV");
        let Output { status, stdout, stderr } = command.output().unwrap();
        (status.code(), String::from_utf8([stdout, stderr].concat()).unwrap())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_check_that_can_not_run_says_why_and_is_no_failure() {
    const RUSTC: (&str, &str) = ("rustc", "echo 'rustc 1.2.3 (abc 2026-01-01)'");
    const OTHER: (&str, &str) =
        ("apt-cache", "echo ' rust-src | 1.2.30+dfsg1-1 | http://deb.example main'");
    let cases = [
        ("old", [RUSTC, OTHER, ("apt-get", "exit 0")], "has no rust-src of Rust 1.2.3"),
        ("offline", [RUSTC, OTHER, ("apt-get", "exit 100")], "can't be asked for rust-src"),
    ];
    for (name, programs, why) in cases {
        let machine = Machine::with(name, &programs);
        let (code, said) = machine.run("check-other-systems.sh", &[]);
        assert_eq!(code, Some(3), "{said}");
        assert!(said.starts_with("did not run: the check for x86_64-pc-windows-msvc"), "{said}");
        // Elsewhere than on Debian the reason is that it is not Debian.
        let debian = Path::new("/usr/share/keyrings/debian-archive-keyring.gpg").exists();
        assert!(!debian || said.contains(why), "{said}");
        assert!(said.contains("\n  next: "), "{said}");
    }
}

/// A Python of this version, with or without the module venv.
fn python(version: &str, has_venv: bool) -> String {
    let code = if has_venv { 0 } else { 1 };
    let older = if version.starts_with("3.9") || version.starts_with("3.10") { 1 } else { 0 };
    format!(
        "case \"$*\" in --version) echo 'Python {version}';; *version_info*) exit {older};; \
         *ensurepip*) exit {code};; *) echo \"made by {version}: $*\"; exit 7;; esac"
    )
}

#[test]
fn a_python_that_is_too_old_or_has_no_venv_is_named_with_what_helps() {
    let (old, new, bare) = (python("3.9.6", true), python("3.12.1", true), python("3.12.1", false));
    // Debian's own way is to install what is missing: here that installs nothing.
    let none = |name| (name, "exit 127");
    let others = ["python3.14", "python3.13", "python3.11"].map(none);
    let machine = |name: &str, python3: &str, python312: &str| {
        let own = [("python3", python3), ("python3.12", python312)];
        let system = [("brew", "exit 0"), ("apt-get", "exit 0"), ("sudo", "exit 0")];
        let all: Vec<_> = others.into_iter().chain(own).chain(system).collect();
        let machine = Machine::with(name, &all);
        machine.run_in_place("celery.sh", &["install"])
    };
    let (code, said) = machine("apples", &old, "exit 127");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("need Python 3.11 or newer; python3 here is: Python 3.9.6"), "{said}");
    assert!(said.contains("\nnext: brew install python"), "{said}");

    let (code, said) = machine("none", "exit 127", "exit 127");
    assert!(code == Some(1) && said.contains("python3 here is: not installed"), "{said}");

    let (code, said) = machine("bare", &bare, "exit 127");
    assert!(code == Some(1) && said.contains("has no module venv"), "{said}");

    // A newer one beside the old one is taken.
    let (code, said) = machine("beside", &old, &new);
    assert!(code == Some(7) && said.contains("made by 3.12.1: -m venv"), "{said}");
}
