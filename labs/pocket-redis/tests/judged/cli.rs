//! redis-cli, as a student starts it.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::support::judge::did_not_run;
use crate::support::pocket::Pocket;

/// Runs redis-cli with these arguments and lines to its standard input.
fn redis_cli(pocket: &Pocket, args: &[&str], lines: &str) -> Option<String> {
    let port = pocket.addr.port().to_string();
    let mut child = Command::new("redis-cli")
        .args(["-p", &port])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    child.stdin.take()?.write_all(lines.as_bytes()).ok()?;
    let output = child.wait_with_output().ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn redis_cli_is_at_home_in_both_protocols() {
    let pocket = Pocket::start();
    let lines = "SET k 1\nHSET h f v\nHGETALL h\nMULTI\nINCR k\nEXEC\nnosuch\nSUBSCRIBE\n";
    let Some(plain) = redis_cli(&pocket, &[], lines) else {
        return did_not_run("redis_cli_is_at_home_in_both_protocols", "redis-cli");
    };
    assert!(plain.starts_with("OK\n1\nf\nv\nOK\nQUEUED\n2\n"), "{plain}");
    assert!(plain.contains("ERR unknown command 'nosuch'"), "{plain}");
    let third = redis_cli(&pocket, &["-3", "--no-raw"], "HGETALL h\n").expect("redis-cli runs");
    assert!(third.contains("1# \"f\" => \"v\""), "{third}");
}

#[test]
fn redis_cli_scans_and_counts() {
    let pocket = Pocket::start();
    let lines: String = (0..500).map(|n| format!("SET key:{n} {n}\n")).collect();
    if redis_cli(&pocket, &[], &lines).is_none() {
        return did_not_run("redis_cli_scans_and_counts", "redis-cli");
    }
    let keys = redis_cli(&pocket, &["--scan", "--pattern", "key:*"], "").expect("redis-cli runs");
    assert_eq!(keys.lines().count(), 500);
    for options in [&["--bigkeys"][..], &["--memkeys"], &["INFO"], &["CLIENT", "LIST"]] {
        redis_cli(&pocket, options, "").expect("redis-cli runs");
    }
}
