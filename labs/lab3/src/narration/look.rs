//! Redis' answers on the screen: headings, rows, and a message taken apart.

use std::time::Duration;

use colored::Colorize;
use redis::RedisResult;
use redis::aio::MultiplexedConnection;
use serde_json::Value;
use taskqueue::{BrokerUrl, Message};
use tokio::time::interval;

use super::{INDENT, Narrator, WIDTH, Word};
use crate::examine::{self, Gauge, keys};
use crate::printable::printable;
use crate::shell;

/// Lines of one answer.
const LINES: usize = 24;
/// How many keys or results are shown.
const SHOWN: usize = 10;

impl Narrator {
    /// The queue's figures, every second, for ever.
    pub async fn watch_queue(&self, url: &BrokerUrl) {
        let (gauge, line) = (Gauge::of(url), self.gauge("queue"));
        let mut seconds = interval(Duration::from_secs(1));
        let mut last = String::new();
        loop {
            seconds.tick().await;
            let reading = gauge.read().await;
            if self.bars.is_none() && reading != last {
                self.tell(Word::Now("queue"), &reading);
            }
            line.note(reading.clone());
            last = reading;
        }
    }

    /// All that the queue left in Redis, each answer below the command that gives it.
    ///
    /// # Errors
    /// Redis can't be asked.
    pub async fn look_around(&self, redis: &mut MultiplexedConnection) -> RedisResult<()> {
        self.heading("The keys");
        self.ask_redis(redis, "DBSIZE").await?;
        let found = keys(redis, "*", SHOWN).await?;
        self.command("--scan");
        for key in &found {
            let kind = examine::run(redis, &[b"TYPE", key.as_slice()]).await?;
            self.row(&shell::name(key), &kind);
        }
        self.heading("The queue: messages that no worker has taken");
        self.ask_redis(redis, "LLEN celery").await?;
        let next = self.ask_redis(redis, "LINDEX celery -1").await?;
        self.message(&next);
        self.heading("In hand: messages that a worker has taken and not acknowledged");
        self.ask_redis(redis, "HLEN unacked").await?;
        self.ask_redis(redis, "ZRANGE unacked_index 0 9 WITHSCORES").await?;
        self.heading("Waiting for their time (countdown, eta)");
        self.ask_redis(redis, "ZRANGE unacked_eta 0 9 WITHSCORES").await?;
        self.heading(&format!(
            "Put aside: messages that can't be run, {}",
            super::put_aside::kept()
        ));
        self.ask_redis(redis, "LLEN celery.dead").await?;
        self.ask_redis(redis, "LINDEX celery.dead 0").await?;
        self.heading("Results");
        for key in keys(redis, "celery-task-meta-*", SHOWN).await? {
            self.ask_words(redis, &[b"GET", key.as_slice()]).await?;
        }
        Ok(())
    }

    /// Shows a command and its answer; no argument has a space.
    async fn ask_redis(
        &self,
        redis: &mut MultiplexedConnection,
        line: &str,
    ) -> RedisResult<String> {
        let words: Vec<_> = line.split(' ').map(str::as_bytes).collect();
        self.ask_words(redis, &words).await
    }

    /// The same of words with anything in them.
    async fn ask_words(
        &self,
        redis: &mut MultiplexedConnection,
        words: &[&[u8]],
    ) -> RedisResult<String> {
        let answer = examine::run(redis, words).await?;
        self.command(shell::command(words));
        self.answer(&answer);
        Ok(answer)
    }

    /// What the next answers are about.
    pub fn heading(&self, text: &str) {
        self.say(format!("\n  {}", text.bold()));
    }

    /// A name and what is said of it.
    fn row(&self, name: &str, value: &str) {
        const NAME: usize = 50;
        let value = printable(value, WIDTH - INDENT - NAME - 1);
        let name = printable(name, NAME);
        self.say(format!("{:INDENT$}{name:<NAME$} {}", "", value.dimmed()));
    }

    /// An answer as redis-cli prints it, broken to the screen's width.
    pub fn answer(&self, text: &str) {
        let width = WIDTH - INDENT;
        let pieces: Vec<String> = text.lines().flat_map(|line| broken(line, width)).collect();
        for piece in pieces.iter().take(LINES) {
            self.say(format!("{:INDENT$}{}", "", printable(piece, width)));
        }
        if pieces.len() > LINES {
            self.say(format!("{:INDENT$}… {} more lines", "", pieces.len() - LINES));
        }
    }

    /// A message as it stands in Redis: what it says, then its beginning as it is.
    pub(super) fn sent(id: &str, raw: &str) -> Vec<String> {
        let Ok(message) = Message::decode(raw.as_bytes()) else { return Vec::new() };
        let arguments = message.body().ok().and_then(|body| serde_json::to_string(&body.0).ok());
        let rows = [
            ("id", id),
            ("task", &message.headers.task),
            ("body", &message.body),
            ("  is", arguments.as_deref().unwrap_or_default()),
            ("raw", raw),
        ];
        let shown = rows.map(|(field, value)| {
            let field = format!("{field:<5}").dimmed();
            format!("{:INDENT$}{field} {}", "", printable(value, 64))
        });
        shown.to_vec()
    }

    /// What a message says, for whoever can't read base64; nothing where there is none.
    fn message(&self, answer: &str) {
        // redis-cli's quotes are those of a JSON string, where the bytes are ASCII.
        let raw = serde_json::from_str::<String>(answer).unwrap_or_default();
        let Ok(message) = Message::decode(raw.as_bytes()) else { return };
        let body = message.body().ok();
        let arguments =
            body.and_then(|body| serde_json::to_value(body.0).ok()).unwrap_or(Value::Null);
        self.say(format!("{:INDENT$}{}", "", "in it, with the body's base64 undone:".dimmed()));
        for (name, value) in [
            ("task", message.headers.task),
            ("id", message.headers.id),
            ("args", arguments.to_string()),
            ("retries", message.headers.retries.to_string()),
        ] {
            self.say(format!(
                "{:INDENT$}{} {}",
                "",
                format!("{name:<8}").dimmed(),
                printable(&value, 60)
            ));
        }
    }
}

fn broken(line: &str, width: usize) -> Vec<String> {
    let characters: Vec<char> = line.chars().collect();
    if characters.is_empty() {
        return vec![String::new()];
    }
    characters.chunks(width).map(|piece| piece.iter().collect()).collect()
}
