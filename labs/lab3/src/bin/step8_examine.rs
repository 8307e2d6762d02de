//! Step 8: what the queue leaves in Redis, for those who have no redis-cli, and for the projector.
//!
//! ```text
//! cargo run --bin step8_examine
//! cargo run --bin step8_examine -- GET celery-task-meta-<id>
//! cargo run --bin step8_examine -- --web      and the browser at http://localhost:5555
//! cargo run --bin step8_examine -- --watch
//! ```
//!
//! Without a command it shows the keys, the next message, what workers hold and the last results,
//! each with the redis-cli line that gives the same. With one, it sends it and prints the answer.
//! `--web` and `--watch` show the same as it changes. By itself it changes nothing in Redis.

use std::sync::Arc;

use clap::Parser;
use lab3::broker;
use lab3::examine;
use lab3::handout::{STEP8, STEP8_LIVE};
use lab3::interrupt::Interrupt;
use lab3::monitor::{self, Monitor};
use lab3::narration::{Narrator, Word};
use lab3::settings::{self, BrokerOption, FormPort, Talk, ViewPort};
use taskqueue::keys::DEFAULT_QUEUE;
use taskqueue::{Broker, DeadLetter, Purpose};

/// Step 8: look into Redis
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    broker: BrokerOption,
    #[command(flatten)]
    talk: Talk,
    /// Show the queue live in the browser
    #[arg(long, conflicts_with_all = ["watch", "send_back", "command"])]
    web: bool,
    #[command(flatten)]
    view: ViewPort,
    /// Show the queue live in this terminal
    #[arg(long, conflicts_with_all = ["send_back", "command"])]
    watch: bool,
    /// Give the task with this id, which was put aside, another chance
    #[arg(long, value_name = "ID")]
    send_back: Option<String>,
    /// A command for Redis, as you would type it in redis-cli
    #[arg(trailing_var_arg = true)]
    command: Vec<String>,
}

#[tokio::main]
async fn main() -> Result<(), settings::Exit> {
    let arguments: Arguments = settings::read();
    let narrator = arguments.talk.narrator();
    let url = arguments.broker.url()?;
    narrator.look_at(&url);
    // The queue's own error says what to start.
    let queue = Broker::at(url)?;
    let server = queue.check(Purpose::Look).await?;
    if arguments.web || arguments.watch {
        return live(&narrator, queue, arguments).await;
    }
    if let Some(id) = &arguments.send_back {
        return send_back(&narrator, &queue, id).await;
    }
    let mut redis = queue.redis().await?;
    if !arguments.command.is_empty() {
        narrator.say(examine::run(&mut redis, &arguments.command).await?);
        return Ok(());
    }
    let _ = narrator.open(&STEP8, &[("broker", broker::words(&server))]);
    narrator.look_around(&mut redis).await?;
    narrator.close(&STEP8, None, None);
    Ok(())
}

async fn send_back(narrator: &Narrator, queue: &Broker, id: &str) -> Result<(), settings::Exit> {
    let letters = DeadLetter::newest(queue, DEFAULT_QUEUE, 1000).await?;
    let found = letters.iter().find(|letter| letter.task_id().as_deref() == Some(id));
    let letter =
        found.ok_or_else(|| examine::NotPutAside { redis_cli: narrator.redis_cli().to_owned() })?;
    letter.send_back(queue).await?;
    narrator.tell(Word::Good("sent back"), format!("it was put aside because: {}", letter.reason));
    narrator.command("LLEN celery");
    Ok(())
}

/// Until Ctrl-C.
async fn live(
    narrator: &Narrator,
    queue: Broker,
    arguments: Arguments,
) -> Result<(), settings::Exit> {
    let interrupt = Interrupt::listen();
    let shown = queue.url().to_string();
    let scenes = Monitor::new(Arc::new(queue), narrator.redis_cli()).start();
    if arguments.watch {
        let _ = narrator.open(&STEP8_LIVE, &[("broker", shown)]);
        interrupt.once().run_until_cancelled(narrator.watch(scenes)).await;
    } else {
        let port = FormPort::from(&arguments.view);
        let listeners = port.listen()?;
        let _ = narrator.open(&STEP8_LIVE, &[("broker", shown.clone()), ("browser", port.url())]);
        monitor::serve(listeners, scenes, shown, interrupt.once().clone()).await;
    }
    narrator.close(&STEP8_LIVE, None, None);
    Ok(())
}
