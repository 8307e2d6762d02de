//! The table of faults: each row's name, what it does, and what plays it.

use clap::ValueEnum;

use crate::report::Report;
use crate::rows::{network, odd, redis, time, workers};
use crate::stage::Bench;
use crate::trouble::Trouble;

/// A fault, done so often while tasks run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Row {
    /// Workers are killed in the middle of their tasks (SIGKILL)
    Sigkill,
    /// Workers are told to stop, and new ones start (SIGTERM: a deploy)
    Sigterm,
    /// A task kills every worker that runs it
    Poison,
    /// Redis is killed and comes back with its append-only file
    RedisKilled,
    /// Redis is halted (SIGSTOP)
    RedisHalted,
    /// Redis closes all connections (CLIENT KILL)
    Connections,
    /// Redis is full (maxmemory)
    Full,
    /// Redis is a replica for a while (READONLY)
    ReadOnly,
    /// Redis comes back and reads its file for a while (LOADING)
    Loading,
    /// The network resets connections
    Resets,
    /// The network is slow, and stalls an answer for longer than a worker waits
    Delays,
    /// The network cuts answers in the middle
    Cuts,
    /// Redis has done it, and the answer is lost: fetch, settle, retry, publish
    Swallowed,
    /// Tasks whose ETA is further away than lease and visibility timeout
    Eta,
    /// Tasks that take longer than lease and visibility timeout
    Long,
    /// Many tasks with an ETA, and the worker's memory
    Memory,
    /// A worker whose clock is 4,000 s ahead
    Clock,
    /// Messages that nobody should have sent
    Odd,
}

/// How a row ended.
pub(crate) enum Played {
    /// It was played; whether it holds, its report knows.
    Report(Report),
    /// This machine lacks what it needs.
    DidNotRun(String),
}

impl Row {
    /// Its name on the command line.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    pub(crate) async fn play(self, bench: &Bench) -> Result<Played, Trouble> {
        let report = match self {
            Self::Sigkill => workers::sigkill(bench).await?,
            Self::Sigterm => workers::sigterm(bench).await?,
            Self::Poison => workers::poison(bench).await?,
            Self::RedisKilled => redis::killed(bench).await?,
            Self::RedisHalted => redis::halted(bench).await?,
            Self::Connections => redis::connections(bench).await?,
            Self::Full => redis::full(bench).await?,
            Self::ReadOnly => redis::read_only(bench).await?,
            Self::Loading => redis::loading(bench).await?,
            Self::Resets => network::resets(bench).await?,
            Self::Delays => network::delays(bench).await?,
            Self::Cuts => network::cuts(bench).await?,
            Self::Swallowed => network::swallowed(bench).await?,
            Self::Eta => time::eta(bench).await?,
            Self::Long => time::long(bench).await?,
            Self::Memory => time::memory(bench).await?,
            Self::Clock => match time::clock_ahead() {
                Some(environment) => time::clock(bench, environment).await?,
                None => return Ok(Played::DidNotRun("it needs libfaketime".into())),
            },
            Self::Odd => odd::odd(bench).await?,
        };
        Ok(Played::Report(report))
    }
}
