//! A checkout has the repository's bytes, whatever git is set to on that machine.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails loudly")]

#[path = "programs/support.rs"]
#[allow(dead_code, reason = "the programs' tests use the rest")]
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// A folder of this test's own, removed at its end.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// git as it is set up on Windows, with a repository in `folder` and the files of this one.
fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut git = Command::new("git");
    for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"] {
        git.env_remove(variable);
    }
    let own = folder.join("git");
    git.current_dir(root()).arg("--git-dir").arg(own).arg("--work-tree").arg(root());
    git.args(["-c", "core.autocrlf=true", "-c", "core.eol=crlf", "-c", "core.safecrlf=false"]);
    let done = git.args(arguments).output().unwrap();
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

/// Whether somebody reads its bytes. A Rust file may be a student's own, from whatever editor.
fn matters(file: &str) -> bool {
    let read = ["sh", "lua", "txt", "json", "css", "js", "md", "toml", "py", "gitattributes"];
    file.rsplit_once('.').is_some_and(|(_, extension)| read.contains(&extension))
}

#[test]
fn a_checkout_with_autocrlf_has_the_same_bytes() {
    if !Command::new("git").arg("--version").output().is_ok_and(|done| done.status.success()) {
        return support::did_not_run("a checkout with core.autocrlf", "git");
    }
    let name = format!("lab3-checkout-{}", std::process::id());
    let folder = Folder(std::env::temp_dir().join(name));
    fs::create_dir_all(&folder.0).unwrap();
    git(&folder.0, &["init", "--quiet"]);
    git(&folder.0, &["add", "--", "."]);
    let out = folder.0.join("out");
    git(&folder.0, &["checkout-index", "--all", &format!("--prefix={}/", out.display())]);

    let listed = git(&folder.0, &["ls-files", "-z"]);
    let files: Vec<&str> = listed.split('\0').filter(|file| matters(file)).collect();
    for wanted in ["scripts/celery.sh", "labs/taskqueue/src/broker/fetch.lua", ".gitattributes"] {
        assert!(files.contains(&wanted), "{wanted} is not among {} files", files.len());
    }
    for file in files {
        let bytes = fs::read(out.join(file)).unwrap();
        assert!(bytes == fs::read(root().join(file)).unwrap(), "{file} has other bytes");
        assert!(!bytes.windows(2).any(|two| two == b"\r\n"), "{file} has carriage returns");
    }
}
