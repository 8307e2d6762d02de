//! Commands with a byte changed here and there: whatever comes of it, the server goes on.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::pocket::Pocket;
use crate::support::wire::encode;

/// Draws without chance: the same in every run.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(self.0 >> 33).expect("31 bits") % bound
    }

    fn from<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

const ARGUMENTS: [&[u8]; 24] = [
    b"",
    b"k1",
    b"k2",
    b"k3",
    b"1",
    b"-1",
    b"0",
    b"a",
    b"\xff\0",
    b"inf",
    b"nan",
    b"*",
    b"[a",
    b"(b",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"COUNT",
    b"LIMIT",
    b"WITHSCORES",
    b"STORE",
    b"BY",
    b"GET",
    b"1e308",
    b"return redis.pcall(unpack(ARGV))",
];

/// A command of those that the server has, with arguments that fit or do not, changed a little.
fn mutant(draw: &mut Draw, names: &[String]) -> Vec<u8> {
    let mut command: Vec<&[u8]> = vec![draw.from(names).as_bytes()];
    for _ in 0..draw.below(7) {
        command.push(*draw.from::<&[u8]>(&ARGUMENTS));
    }
    let mut bytes = encode(&command);
    for _ in 0..draw.below(4) {
        let at = draw.below(bytes.len());
        match draw.below(3) {
            0 => bytes[at] = u8::try_from(draw.below(256)).expect("a byte"),
            1 => drop(bytes.remove(at)),
            _ => bytes.insert(at, *draw.from(b"*$\r\n019-\"'")),
        }
    }
    bytes
}

/// Counts the panics of servers, whose threads are Tokio's.
fn count_panics() -> &'static AtomicUsize {
    static PANICS: AtomicUsize = AtomicUsize::new(0);
    let others = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().name().is_some_and(|name| name.starts_with("tokio")) {
            PANICS.fetch_add(1, Ordering::Relaxed);
        }
        others(panic);
    }));
    &PANICS
}

#[test]
fn mutated_commands_do_no_harm() {
    let panics = count_panics();
    let pocket = Pocket::start();
    let mut draw = Draw(7);
    let table = pocket.connect().say("COMMAND").items;
    let names = table.iter().map(|command| command.items[0].text());
    let names: Vec<String> = names.filter(|name| name != "shutdown").collect();
    for _ in 0..500 {
        let bytes: Vec<u8> = (0..10).flat_map(|_| mutant(&mut draw, &names)).collect();
        // Whoever sends nonsense may be cut off before it has sent all.
        drop(pocket.connect().stream().write_all(&bytes));
    }
    assert_eq!(pocket.connect().say("PING").text(), "PONG");
    assert_eq!(panics.load(Ordering::Relaxed), 0);
}
