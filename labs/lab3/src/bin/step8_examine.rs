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
use lab3::narration::Narrator;
use lab3::settings::{self, BrokerOption, FormPort, Talk, ViewPort};
use taskqueue::{Broker, Purpose};

/// Step 8: look into Redis
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    broker: BrokerOption,
    #[command(flatten)]
    talk: Talk,
    /// Show the queue live in the browser
    #[arg(long, conflicts_with_all = ["watch", "put_aside", "send_back", "command"])]
    web: bool,
    #[command(flatten)]
    view: ViewPort,
    /// Show the queue live in this terminal
    #[arg(long, conflicts_with_all = ["put_aside", "send_back", "command"])]
    watch: bool,
    /// List the messages that were put aside, the newest first
    #[arg(long, conflicts_with_all = ["send_back", "command"])]
    put_aside: bool,
    /// Give the tasks with these ids, which were put aside, another chance; `all` is all of them
    #[arg(long, value_name = "ID", num_args = 1..)]
    send_back: Vec<String>,
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
    if arguments.put_aside {
        return Ok(narrator.list_put_aside(&queue).await?);
    }
    if !arguments.send_back.is_empty() {
        return send_back(&narrator, &queue, &arguments.send_back).await;
    }
    let mut redis = queue.redis().await?;
    if !arguments.command.is_empty() {
        let answer = examine::run(&mut redis, &arguments.command).await;
        narrator.say(answer.map_err(|error| queue.explain(error))?);
        return Ok(());
    }
    let _ = narrator.open(&STEP8, &[("broker", broker::words(&server))]);
    narrator.look_around(&mut redis).await.map_err(|error| queue.explain(error))?;
    narrator.close(&STEP8, None, None);
    Ok(())
}

async fn send_back(
    narrator: &Narrator,
    queue: &Broker,
    ids: &[String],
) -> Result<(), settings::Exit> {
    if ids == ["all"] {
        return Ok(narrator.send_back_all(queue).await?);
    }
    for letter in examine::put_aside(queue, ids, narrator.redis_cli()).await? {
        letter.send_back(queue).await?;
        narrator.sent_back(&letter);
    }
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
