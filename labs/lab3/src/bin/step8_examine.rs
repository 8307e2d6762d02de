//! Step 8: what the queue leaves in Redis, for those who have no redis-cli, and for the projector.
//!
//! ```text
//! cargo run --bin step8_examine
//! cargo run --bin step8_examine -- GET celery-task-meta-<id>
//! ```
//!
//! Without a command it shows the keys, the next message, what workers hold and the last results,
//! each with the redis-cli line that gives the same. With one, it sends it and prints the answer.
//! By itself it changes nothing in Redis.

use clap::Parser;
use lab3::broker;
use lab3::examine::{self, keys};
use lab3::handout::STEP8;
use lab3::narration::{Narrator, Word};
use lab3::settings::{self, BrokerUrl, Talk};
use redis::aio::MultiplexedConnection;
use taskqueue::keys::DEFAULT_QUEUE;
use taskqueue::{Broker, BrokerError, DeadLetter};

/// How many keys, entries or results are shown.
const SHOWN: usize = 10;

/// Step 8: look into Redis
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    broker: BrokerUrl,
    #[command(flatten)]
    talk: Talk,
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
    let url = arguments.broker.url();
    narrator.look_at(&url);
    // The queue's own error says what to start.
    let queue = Broker::new(&url)?;
    queue.ping().await?;
    if let Some(id) = &arguments.send_back {
        return send_back(&narrator, &queue, id).await;
    }
    let mut redis = broker::connect(&url).await?;
    if !arguments.command.is_empty() {
        narrator.say(examine::run(&mut redis, &arguments.command).await?);
        return Ok(());
    }
    let _ = narrator.open(&STEP8, &[("broker", broker::ask(&url).await?)]);
    let mut look = Look { narrator: &narrator, redis: &mut redis };
    look.around().await?;
    narrator.close(&STEP8, None, None);
    Ok(())
}

async fn send_back(narrator: &Narrator, queue: &Broker, id: &str) -> Result<(), settings::Exit> {
    let letters = DeadLetter::newest(queue, DEFAULT_QUEUE, 1000).await?;
    let found = letters.iter().find(|letter| letter.task_id().as_deref() == Some(id));
    let letter = found.ok_or(examine::NotPutAside)?;
    letter.send_back(queue).await?;
    narrator.tell(Word::Good("sent back"), format!("it was put aside because: {}", letter.reason));
    narrator.command("LLEN celery");
    Ok(())
}

struct Look<'a> {
    narrator: &'a Narrator,
    redis: &'a mut MultiplexedConnection,
}

impl Look<'_> {
    async fn around(&mut self) -> Result<(), settings::Exit> {
        self.narrator.heading("The keys");
        self.answer("DBSIZE").await?;
        let found = keys(self.redis, "*", SHOWN).await?;
        self.narrator.command("--scan");
        for key in &found {
            let kind = examine::run(self.redis, &["TYPE".to_owned(), key.clone()]).await?;
            self.narrator.row(key, &kind);
        }
        self.narrator.heading("The queue: messages that no worker has taken");
        self.answer("LLEN celery").await?;
        let next = self.answer("LINDEX celery -1").await?;
        self.narrator.message(&next);
        self.narrator.heading("In hand: messages that a worker has taken and not acknowledged");
        self.answer("HLEN unacked").await?;
        self.answer("ZRANGE unacked_index 0 9 WITHSCORES").await?;
        self.narrator.heading("Waiting for their time (countdown, eta)");
        self.answer("ZRANGE unacked_eta 0 9 WITHSCORES").await?;
        self.narrator.heading("Put aside: messages that can't be run");
        self.answer("LLEN celery.dead").await?;
        self.answer("LINDEX celery.dead 0").await?;
        self.narrator.heading("Results");
        for key in keys(self.redis, "celery-task-meta-*", SHOWN).await? {
            self.answer(&format!("GET {key}")).await?;
        }
        Ok(())
    }

    /// Shows a command and its answer; no argument has a space.
    async fn answer(&mut self, line: &str) -> Result<String, BrokerError> {
        let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
        let answer = examine::run(self.redis, &words).await;
        let url = "the broker".to_owned();
        let answer = answer.map_err(|source| BrokerError::Unreachable { url, source })?;
        self.narrator.command(line);
        self.narrator.answer(&answer);
        Ok(answer)
    }
}
