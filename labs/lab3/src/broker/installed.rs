//! Which redis-server is installed, and whether it is new enough.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The names under which a real Redis is installed.
const SERVERS: [&str; 3] = ["redis-server", "valkey-server", "memurai"];

/// A server that can't be used for its age.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TooOld {
    /// Where it is.
    pub program: PathBuf,
    /// Its version.
    pub version: String,
}

impl fmt::Display for TooOld {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (program, version) = (self.program.display(), &self.version);
        write!(out, "{program} is version {version}, and the lab needs 6.2 or newer")
    }
}

/// The first real Redis on the PATH that is new enough.
#[must_use]
pub fn installed() -> Option<PathBuf> {
    look().0
}

/// The first that can be used, and the first that is too old.
pub(crate) fn look() -> (Option<PathBuf>, Option<TooOld>) {
    let mut too_old = None;
    for program in SERVERS.iter().filter_map(|name| which::which(name).ok()) {
        match version(&program) {
            Some(version) if taskqueue::is_too_old(&version) => {
                too_old.get_or_insert(TooOld { program, version });
            }
            _ => return (Some(program), too_old),
        }
    }
    (None, too_old)
}

/// `Redis server v=7.0.15 sha=…`; none where it says something else.
fn version(program: &Path) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = text.split_whitespace().find_map(|word| word.strip_prefix("v="))?;
    Some(version.chars().filter(char::is_ascii_graphic).take(30).collect())
}
