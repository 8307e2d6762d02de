//! Step 5: the broker, which keeps the messages.
//!
//! ```text
//! terminal 1   cargo run --bin step5_broker
//! elsewhere    redis-cli PING
//! ```
//!
//! A redis-server where one is installed, else the built-in one; whichever it is, it ends with this
//! program. One that already answers is left alone.

use clap::Parser;
use lab3::broker::{self, Broker, Choice};
use lab3::handout::STEP5;
use lab3::interrupt::Interrupt;
use lab3::narration::Narrator;
use lab3::settings::{self, Talk};
use lab3::system::System;
use taskqueue::BrokerUrl;

/// Step 5: a broker that keeps the messages
#[derive(Parser)]
struct Arguments {
    /// The broker's port
    #[arg(long, default_value = "6379", value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    /// Use the built-in broker even where a redis-server is installed
    #[arg(long, conflicts_with_all = ["redis_server", "appendonly"])]
    builtin: bool,
    /// Use a redis-server, or fail
    #[arg(long)]
    redis_server: bool,
    /// Keep the messages on disk (in the current directory)
    #[arg(long, requires = "redis_server")]
    appendonly: bool,
    #[command(flatten)]
    talk: Talk,
}

impl Arguments {
    fn choice(&self) -> Choice {
        match (self.builtin, self.redis_server) {
            (true, _) => Choice::BuiltIn,
            (_, true) => Choice::RedisServer,
            _ => Choice::Best,
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), settings::Exit> {
    let arguments: Arguments = settings::read();
    let narrator = arguments.talk.narrator();
    let interrupt = Interrupt::listen();
    let (choice, port) = (arguments.choice(), arguments.port);
    let ours = Broker::start_unless_there(choice, port, arguments.appendonly).await?;
    let url = settings::on_port(port)?;
    narrator.look_at(&url);
    introduce(&narrator, ours.as_ref(), &url).await;

    let watching = narrator.watch_queue(&url);
    let Some(mut ours) = ours else {
        interrupt.once().run_until_cancelled(watching).await;
        return Ok(());
    };
    let log = ours.log();
    let passing_on = async {
        if let Some(log) = log {
            narrator.pass_on(log).await;
        }
        // The built-in one ends with this program; a redis-server that ends takes it along.
        if ours.is_built_in() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = interrupt.once().cancelled() => {}
        () = watching => {}
        () = passing_on => {}
    }
    ours.stop().await;
    let kept = if arguments.appendonly { "stands in appendonlydir/" } else { "is gone" };
    narrator.say(format!("\n  the broker has stopped, and what it kept {kept}"));
    Ok(())
}

async fn introduce(narrator: &Narrator, ours: Option<&Broker>, url: &BrokerUrl) {
    let which = broker::ask(url).await.unwrap_or_else(|_| "unknown".to_owned());
    let kind = match ours {
        None => "It answers already, so nothing is started; Ctrl-C leaves it running.",
        Some(ours) if ours.is_built_in() => "For the class only.",
        Some(_) => "A real one, started for you.",
    };
    let started = ours.map_or_else(|| "not by us".to_owned(), ToString::to_string);
    let mut facts = vec![("broker", which), ("started", started), ("", kind.to_owned())];
    if ours.is_some_and(Broker::is_built_in) {
        facts.push(("a real one", System::here().install_redis().to_owned()));
    }
    facts.push(("address", url.to_string()));
    facts.push(("look inside", format!("{} PING", narrator.redis_cli())));
    let _ = narrator.open(&STEP5, &facts);
}
