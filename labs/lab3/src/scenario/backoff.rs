//! `backoff`: a herd of callers whose mails all failed at once comes back, in three ways.
//!
//! A calculation, not a run: the countdowns are [`RetryPolicy::countdown`]'s own, and the mail
//! server is a number, so many mails in a tick. Nobody gives up here, so that the three can be
//! compared; a real policy has a limit.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use taskqueue::{Jitter, RetryPolicy};

use super::bench::Bench;
use super::{Exit, Measured};
use crate::chart::COLUMNS;
use crate::narration::Word;

/// How long a tick is.
const TICK: Duration = Duration::from_secs(1);
/// How many mails the server takes in one.
const CAPACITY: usize = 20;

/// How a herd came back.
struct Comeback {
    /// Attempts in each tick.
    ticks: Vec<usize>,
}

impl Comeback {
    fn attempts(&self) -> usize {
        self.ticks.iter().sum()
    }

    /// The busiest of every `ticks` ticks.
    fn columns(&self, ticks: usize) -> Vec<usize> {
        self.ticks.chunks(ticks).map(|chunk| chunk.iter().copied().max().unwrap_or(0)).collect()
    }

    /// The most in a tick, once the first rush is over: that one is the same for all.
    fn peak(&self) -> usize {
        self.ticks.iter().skip(1).copied().max().unwrap_or(0)
    }
}

pub(super) fn play(bench: &Bench) -> Result<Vec<Measured>, Exit> {
    let (narrator, herd) = (&bench.narrator, bench.herd);
    narrator.tell(
        Word::Now("calculated"),
        format!(
            "no queue and no mail here: {herd} callers fail together; the server takes {CAPACITY} \
             mails a second; who is refused comes back after the policy's countdown"
        ),
    );
    let backs = ways().map(|(name, policy)| (name, come_back(&policy, herd, bench.seed)));
    let longest = backs.iter().map(|(_, back)| back.ticks.len()).max().unwrap_or(1);
    let ticks = longest.div_ceil(COLUMNS);
    narrator.say(format!("\n  each column: the busiest second of {ticks}"));
    for (name, back) in &backs {
        let told = format!("{name}: {} attempts, largest peak {}", back.attempts(), back.peak());
        narrator.histogram(&told, &back.columns(ticks), TICK * u32::try_from(ticks).unwrap_or(1));
    }
    let backs = backs.map(|(_, back)| back);
    let [fixed, exponential, jitter] = &backs;
    let [attempts, peaks] = [Comeback::attempts, Comeback::peak]
        .map(|count| [fixed, exponential, jitter].map(|back| count(back).to_string()).join(" · "));
    let compared = format!("attempts {attempts}; largest peak after the first rush {peaks}");
    narrator.tell(Word::Now("compared"), compared);
    let flat = jitter.peak() < exponential.peak() && jitter.attempts() < exponential.attempts();
    // A herd that fits into the first tick has nobody who comes back.
    let verdict =
        if flat || herd <= CAPACITY { "jitter flattens the peaks" } else { "it does not" };
    bench.verdict("backoff", "jitter flattens the peaks", verdict)?;
    Ok(Vec::new())
}

/// The three policies that are compared.
fn ways() -> [(&'static str, RetryPolicy); 3] {
    let exponential = RetryPolicy::default().retry_backoff(8.0);
    let exponential = exponential.retry_backoff_max(Duration::from_secs(32));
    let full = Jitter::Full { floor: Duration::from_millis(500) };
    [
        ("fixed: 8 s", RetryPolicy::default().default_retry_delay(Duration::from_secs(8))),
        ("exponential: 8, 16, 32 s", exponential.clone().retry_jitter(Jitter::None)),
        ("exponential with full jitter", exponential.retry_jitter(full)),
    ]
}

/// The whole herd arrives in the first tick; in each, the first [`CAPACITY`] are taken.
fn come_back(policy: &RetryPolicy, herd: usize, seed: u64) -> Comeback {
    let mut chance = Chance(seed);
    let mut waiting: BinaryHeap<Reverse<(Duration, usize, u32)>> =
        (0..herd).map(|caller| Reverse((Duration::ZERO, caller, 0))).collect();
    let mut ticks = Vec::new();
    while !waiting.is_empty() {
        let end = TICK * u32::try_from(ticks.len() + 1).unwrap_or(u32::MAX);
        let mut tried = 0;
        let mut refused = Vec::new();
        while waiting.peek().is_some_and(|Reverse((at, ..))| *at < end) {
            let Some(Reverse((at, caller, retries))) = waiting.pop() else { break };
            tried += 1;
            if tried > CAPACITY {
                let countdown = policy.countdown(retries, chance.next());
                refused.push(Reverse((at + countdown, caller, retries + 1)));
            }
        }
        // Whoever would come back within this tick meets a full server there: it counts in the next.
        waiting.extend(refused);
        ticks.push(tried);
    }
    Comeback { ticks }
}

/// Chance that is the same in every run: splitmix64.
struct Chance(u64);

impl Chance {
    /// From 0 to 1.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let high = u32::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap_or(0);
        f64::from(high) / f64::from(u32::MAX)
    }
}
