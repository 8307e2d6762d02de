//! The first line of a script: `#!lua flags=no-writes` names the engine and what the script does.

use crate::fault::Fault;

/// Flags that Redis knows and that mean nothing here.
const OTHERS: [&str; 4] = ["allow-oom", "allow-stale", "no-cluster", "allow-cross-slot-keys"];

/// See the file's head.
pub(super) struct Shebang<'a> {
    /// The source without it; an empty line in its place keeps the line numbers of errors.
    pub(super) source: &'a [u8],
    /// Whether the script says that it writes; `None` where it says nothing.
    pub(super) writes: Option<bool>,
}

impl<'a> Shebang<'a> {
    pub(super) fn read(source: &'a [u8]) -> Result<Self, Fault> {
        if !source.starts_with(b"#!") {
            return Ok(Self { source, writes: None });
        }
        let end = source.iter().position(|&byte| byte == b'\n');
        let end = end.ok_or(Fault::from("ERR Invalid script shebang"))?;
        let line = String::from_utf8_lossy(&source[..end]);
        let mut words = line.split_ascii_whitespace();
        let engine = words.next().unwrap_or_default();
        if engine != "#!lua" {
            return Err(Fault::err(format!("Unexpected engine in script shebang: {engine}")));
        }
        let mut writes = true;
        for word in words {
            let flags = word.strip_prefix("flags=");
            let flags =
                flags.ok_or_else(|| Fault::err(format!("Unknown lua shebang option: {word}")))?;
            for flag in flags.split(',').filter(|flag| !flag.is_empty()) {
                match flag {
                    "no-writes" => writes = false,
                    flag if OTHERS.contains(&flag) => {}
                    _ => {
                        let text = format!("Unexpected flag in script shebang: {flag}");
                        return Err(Fault::err(text));
                    }
                }
            }
        }
        Ok(Self { source: &source[end..], writes: Some(writes) })
    }
}
