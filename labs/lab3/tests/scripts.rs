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
