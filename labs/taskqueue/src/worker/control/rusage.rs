//! What this process has used, in the fields of Python's `resource.getrusage`.
//!
//! Read from Linux' /proc (see `man 5 proc`); elsewhere `"N/A"`, which is Celery's own answer on a
//! system that does not tell.

use std::fs;

use serde::Serialize;

/// Clock ticks a second in /proc: `sysconf(_SC_CLK_TCK)`, 100 on every Linux that Rust runs on.
const TICKS: f64 = 100.0;

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Rusage {
    Known(Used),
    Unknown(&'static str),
}

/// Fields that Linux does not keep are zero, as in `getrusage` itself.
#[derive(Debug, Default, Serialize)]
pub(super) struct Used {
    utime: f64,
    stime: f64,
    maxrss: u64,
    ixrss: u64,
    idrss: u64,
    isrss: u64,
    minflt: u64,
    majflt: u64,
    nswap: u64,
    inblock: u64,
    oublock: u64,
    msgsnd: u64,
    msgrcv: u64,
    nsignals: u64,
    nvcsw: u64,
    nivcsw: u64,
}

pub(super) fn of_this_process() -> Rusage {
    let read = |file: &str| fs::read_to_string(format!("/proc/self/{file}"));
    match (read("stat"), read("status"), read("io")) {
        (Ok(stat), Ok(status), io) => Rusage::Known(used(&stat, &status, &io.unwrap_or_default())),
        _ => Rusage::Unknown("N/A"),
    }
}

fn used(stat: &str, status: &str, io: &str) -> Used {
    // The program's name comes second, in parentheses, and may hold anything.
    let numbers = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let numbers: Vec<&str> = numbers.split_whitespace().collect();
    let number = |index: usize| numbers.get(index).and_then(|text| text.parse().ok()).unwrap_or(0);
    let ticks = |index: usize| f64::from(u32::try_from(number(index)).unwrap_or(u32::MAX)) / TICKS;
    Used {
        minflt: number(7),
        majflt: number(9),
        utime: ticks(11),
        stime: ticks(12),
        maxrss: field(status, "VmHWM"),
        nvcsw: field(status, "voluntary_ctxt_switches"),
        nivcsw: field(status, "nonvoluntary_ctxt_switches"),
        inblock: field(io, "read_bytes") / 512,
        oublock: field(io, "write_bytes") / 512,
        ..Used::default()
    }
}

fn field(text: &str, name: &str) -> u64 {
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    value.and_then(|value| value.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_found_whatever_the_program_is_called() {
        let stat = "42 (a) b) S 1 42 42 0 -1 4194560 813 0 7 0 250 50 0 0 20 0 3 0 100 1 1";
        let status = "VmHWM:\t   59024 kB\nvoluntary_ctxt_switches:\t131\nnonvoluntary_ctxt_switches:\t121\n";
        let used = used(stat, status, "read_bytes: 1024\nwrite_bytes: 512\n");
        assert_eq!((used.minflt, used.majflt, used.utime, used.stime), (813, 7, 2.5, 0.5));
        assert_eq!((used.maxrss, used.nvcsw, used.nivcsw), (59024, 131, 121));
        assert_eq!((used.inblock, used.oublock), (2, 1));
    }
}
