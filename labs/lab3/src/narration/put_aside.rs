//! What was put aside, a letter after the other: however many there are, a page at a time.

use chrono::DateTime;
use taskqueue::keys::DEFAULT_QUEUE;
use taskqueue::{Broker, BrokerError, DEAD_LETTERS_EXPIRE, DeadLetter, MAX_DEAD_LETTERS};

use super::{INDENT, Narrator, WIDTH, Word};
use crate::printable::printable;

/// How long and how many are kept, in a few words.
pub(super) fn kept() -> String {
    format!("kept for {} days", DEAD_LETTERS_EXPIRE.as_secs() / 86_400)
}

impl Narrator {
    /// Lists all of them, the newest first.
    ///
    /// # Errors
    /// The broker can't be asked.
    pub async fn list_put_aside(&self, queue: &Broker) -> Result<(), BrokerError> {
        let mut listed = 0_usize;
        DeadLetter::each(queue, DEFAULT_QUEUE, |letter| {
            listed += 1;
            self.say(lines(&letter));
            true
        })
        .await?;
        let kept = format!("the newest {MAX_DEAD_LETTERS} are {} after the last", kept());
        self.say(format!("\n  {listed} put aside; {kept}"));
        if listed > 0 {
            self.say("  next: cargo run --bin step8_examine -- --send-back ID, or all");
        }
        Ok(())
    }

    /// Sends back all that are messages.
    ///
    /// # Errors
    /// The broker can't be asked.
    pub async fn send_back_all(&self, queue: &Broker) -> Result<(), BrokerError> {
        let (sent, kept) = DeadLetter::send_back_all(queue, DEFAULT_QUEUE).await?;
        let kept = match kept {
            0 => String::new(),
            kept => format!("; {kept} are no messages, and stay"),
        };
        self.tell(Word::Good("sent back"), format!("{sent} messages{kept}"));
        self.command("LLEN celery");
        Ok(())
    }

    /// Says that a message was sent back, and why it had been put aside.
    pub fn sent_back(&self, letter: &DeadLetter) {
        let why = printable(&letter.reason, 300);
        self.tell(Word::Good("sent back"), format!("it was put aside because: {why}"));
        self.command("LLEN celery");
    }
}

fn lines(letter: &DeadLetter) -> String {
    let seconds = letter.date.split('.').next().and_then(|seconds| seconds.parse().ok());
    let date = seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    let date = date.map_or_else(|| "?".to_owned(), |date| date.format("%F %T UTC").to_string());
    let id = letter.task_id().unwrap_or_else(|| "no id".to_owned());
    let width = WIDTH - INDENT;
    let reason = letter.reason.lines().next().unwrap_or_default();
    let (id, reason) = (printable(&id, width - 26), printable(reason, width - 1));
    format!("  {date:<23}  {id}\n{:INDENT$}{reason}", "")
}
