//! Step 9: what becomes of a mail when something breaks.
//!
//! ```text
//! cargo run --bin step9_retries                       all scenarios, about a minute
//! cargo run --bin step9_retries -- transient crash    some of them
//! ```
//!
//! It brings its own broker, a mail server that refuses as told, and workers that it kills, and
//! stops them all again. It ends well only if every scenario did what it says.

use clap::Parser;
use lab3::broker::{self, Choice};
use lab3::handout::STEP9;
use lab3::interrupt::Interrupt;
use lab3::narration::{Narrator, Word};
use lab3::scenario::{Bench, Measured, Scenario, WorkerArguments};
use lab3::settings::{self, Talk};

/// Step 9: a mail server that refuses, workers that die, and what helps
#[derive(Parser)]
struct Arguments {
    /// What to play; without a name everything, as a story
    #[arg(value_enum)]
    scenarios: Vec<Scenario>,
    #[command(flatten)]
    talk: Talk,
    /// Use the built-in broker even where a redis-server is installed
    #[arg(long)]
    builtin: bool,
    /// How many callers come back in `backoff`
    #[arg(long, default_value = "200", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    herd: u16,
    /// The chance of `backoff`: the same number, the same picture
    #[arg(long, default_value = "7")]
    seed: u64,
    #[command(flatten)]
    worker: WorkerArguments,
}

#[tokio::main]
async fn main() -> Result<(), settings::Exit> {
    let arguments: Arguments = settings::read();
    if let Some(work) = arguments.worker.work(arguments.talk.clock())? {
        return work.await;
    }
    let narrator = arguments.talk.narrator();
    let said = narrator.open(&STEP9, &[("plays", names(&arguments.scenarios()))]);
    let story = story(&arguments, &narrator);
    let Some(measured) = Interrupt::listen().once().run_until_cancelled(story).await else {
        narrator.say("\n  stopped; nothing is left running");
        std::process::exit(130);
    };
    let measured = measured?;
    narrator.heading("What it came to");
    narrator.table(&table(&measured));
    let twice = measured.iter().find(|row| row.name == "duplicate, no key");
    let twice = twice.map(|row| format!("one mail, sent {} times", 1 + row.twice));
    narrator.close_with(&STEP9, said, twice);
    Ok(())
}

async fn story(
    arguments: &Arguments,
    narrator: &Narrator,
) -> Result<Vec<Measured>, settings::Exit> {
    let choice = if arguments.builtin { Choice::BuiltIn } else { Choice::Best };
    let server = broker::Broker::start(choice, 0, false).await?;
    narrator.look_at(&server.url);
    narrator.tell(Word::Good("broker"), format!("{server}, {}", broker::ask(&server.url).await?));
    let bench = Bench {
        narrator: narrator.clone(),
        url: server.url.clone(),
        herd: arguments.herd.into(),
        seed: arguments.seed,
    };
    let mut measured = Vec::new();
    for scenario in arguments.scenarios() {
        narrator.heading(&scenario.title());
        measured.extend(scenario.play(&bench).await?);
    }
    server.stop().await;
    Ok(measured)
}

impl Arguments {
    /// What was asked for, or the whole story.
    fn scenarios(&self) -> Vec<Scenario> {
        if self.scenarios.is_empty() { Scenario::STORY.to_vec() } else { self.scenarios.clone() }
    }
}

fn names(scenarios: &[Scenario]) -> String {
    scenarios.iter().map(|scenario| scenario.name()).collect::<Vec<_>>().join(" ")
}

fn table(measured: &[Measured]) -> Vec<[String; 4]> {
    let mut rows = vec![["", "attempts", "lost", "twice"].map(str::to_owned)];
    for Measured { name, attempts, lost, twice } in measured {
        rows.push([(*name).to_owned(), attempts.to_string(), lost.to_string(), twice.to_string()]);
    }
    rows
}
