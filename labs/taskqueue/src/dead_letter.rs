//! What was put aside in `<queue>.dead`: looking at it, and sending it back.
//!
//! Nobody takes from these lists by itself. A message is put aside because it can't be run here and
//! now: unreadable, of an unknown task, or the death of three workers. When the reason is gone,
//! somebody sends it back. What nobody sends back is not kept for ever: the newest
//! [`MAX_DEAD_LETTERS`] of a queue are, until [`DEAD_LETTERS_EXPIRE`] after the last of them came.

use std::time::Duration;

use serde::Deserialize;

use crate::broker::{Broker, SentBack};
use crate::error::BrokerError;
use crate::keys;
use crate::message::{Message, MessageError};

/// How many letters of a queue are kept: 10,000, the newest.
pub const MAX_DEAD_LETTERS: usize = 10_000;
/// How long they are kept after the last of them came: 7 days. (`bury.lua` has both numbers, too.)
pub const DEAD_LETTERS_EXPIRE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How many letters are read at once at first; then as many as come to about [`PAGE_BYTES`].
const FIRST_PAGE: usize = 16;
const LARGEST_PAGE: usize = 1024;
const PAGE_BYTES: usize = 2 * 1024 * 1024;

/// A message that was put aside, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Why it could not be run.
    pub reason: String,
    /// When it was put aside: Redis' time, in seconds since 1970.
    pub date: String,
    /// The message as it came.
    pub message: String,
    queue: String,
    entry: Vec<u8>,
}

/// A letter could not be sent back.
#[derive(Debug, thiserror::Error)]
pub enum SendBackError {
    /// It is no message, so it would only be put aside again.
    #[error(
        "it can't be sent back: {0}\n  next: correct its sender; LREM removes it from the list"
    )]
    Unreadable(#[from] MessageError),
    /// The broker could not be asked.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

impl DeadLetter {
    /// The newest letters of `queue`, at most `most`.
    ///
    /// # Errors
    /// The broker can't be asked.
    pub async fn newest(
        broker: &Broker,
        queue: &str,
        most: usize,
    ) -> Result<Vec<Self>, BrokerError> {
        Ok(if most == 0 { Vec::new() } else { Self::range(broker, queue, 0, most).await? })
    }

    async fn range(
        broker: &Broker,
        queue: &str,
        first: i64,
        most: usize,
    ) -> Result<Vec<Self>, BrokerError> {
        let mut command = redis::cmd("LRANGE");
        let last = first.saturating_add_unsigned(most as u64 - 1);
        command.arg(keys::dead(queue)).arg(first).arg(last);
        let entries: Vec<Vec<u8>> = broker.connection().query(&command).await?;
        Ok(entries.into_iter().map(|entry| Self::read(queue, entry)).collect())
    }

    /// Looks at all letters of `queue`, the newest first, a page of about 2 MiB at a time, until
    /// `look` has seen enough and says false.
    ///
    /// # Errors
    /// The broker can't be asked.
    pub async fn each(
        broker: &Broker,
        queue: &str,
        mut look: impl FnMut(Self) -> bool,
    ) -> Result<(), BrokerError> {
        let (mut seen, mut size) = (0, FIRST_PAGE);
        loop {
            let page = Self::range(broker, queue, seen, size).await?;
            let (count, bytes) = (page.len(), page.iter().map(|letter| letter.entry.len()).sum());
            for letter in page {
                if !look(letter) {
                    return Ok(());
                }
            }
            if count < size {
                return Ok(());
            }
            seen = seen.saturating_add_unsigned(count as u64);
            size = next_page(count, bytes);
        }
    }

    /// Puts all messages that stand in `<queue>.dead` now back into their lists, the oldest first,
    /// their counts of deliveries at zero. What is no message stays. How many were sent, and how
    /// many stay.
    ///
    /// # Errors
    /// The broker can't be asked; what was sent until then is sent.
    pub async fn send_back_all(
        broker: &Broker,
        queue: &str,
    ) -> Result<(usize, usize), BrokerError> {
        let dead = keys::dead(queue);
        let mut count = redis::cmd("LLEN");
        let total: usize = broker.connection().query(count.arg(&dead)).await?;
        let (mut sent, mut looked_at, mut size) = (0, 0, FIRST_PAGE);
        while looked_at < total {
            let most = size.min(total - looked_at);
            let first = 0_i64.saturating_sub_unsigned(most as u64);
            let mut page = Self::range(broker, queue, first, most).await?;
            if page.is_empty() {
                break;
            }
            page.reverse();
            for part in parts(&page) {
                let entries: Vec<_> = part.iter().map(Self::sent_back).collect();
                sent += broker.send_back(&dead, &entries).await?;
            }
            looked_at += page.len();
            size = next_page(page.len(), page.iter().map(|letter| letter.entry.len()).sum());
        }
        Ok((sent, looked_at - sent))
    }

    fn sent_back(&self) -> SentBack<'_> {
        SentBack { entry: &self.entry, message: self.fresh().ok() }
    }

    /// Id, list and text of the message as if it had just been sent.
    fn fresh(&self) -> Result<(String, String, String), MessageError> {
        let mut message = Message::decode(self.message.as_bytes())?;
        message.forget_deliveries();
        let list = keys::list(&self.queue, message.properties.priority);
        let raw = message.encode().map_err(MessageError::Envelope)?;
        Ok((message.headers.id, list, raw))
    }

    /// An entry that is none of ours is shown as it is.
    pub(crate) fn read(queue: &str, entry: Vec<u8>) -> Self {
        #[derive(Deserialize)]
        struct Stored {
            reason: String,
            date: String,
            message: String,
        }
        let text = String::from_utf8_lossy(&entry);
        let Stored { reason, date, message } =
            serde_json::from_str(&text).unwrap_or_else(|_| Stored {
                reason: "not written by a worker of ours".into(),
                date: String::new(),
                message: text.into_owned(),
            });
        Self { reason, date, message, queue: queue.to_owned(), entry }
    }

    /// The id of the task, where there is one to read.
    #[must_use]
    pub fn task_id(&self) -> Option<String> {
        Message::decode(self.message.as_bytes()).ok().map(|message| message.headers.id)
    }

    /// Puts the message back into its queue, its count of deliveries at zero; false where somebody
    /// else was first.
    ///
    /// # Errors
    /// It is no message, or the broker can't be asked.
    pub async fn send_back(&self, broker: &Broker) -> Result<bool, SendBackError> {
        let message = SentBack { entry: &self.entry, message: Some(self.fresh()?) };
        Ok(broker.send_back(&keys::dead(&self.queue), &[message]).await? == 1)
    }
}

/// `page` in pieces of [`PAGE_BYTES`] at most, or of one letter that is longer.
fn parts(page: &[DeadLetter]) -> impl Iterator<Item = &[DeadLetter]> {
    let mut bytes = 0;
    page.chunk_by(move |letter, next| {
        bytes += letter.entry.len();
        let fits = bytes + next.entry.len() <= PAGE_BYTES;
        if !fits {
            bytes = 0;
        }
        fits
    })
}

/// How many letters to read next, after so many that came to so many bytes.
fn next_page(count: usize, bytes: usize) -> usize {
    (PAGE_BYTES * count / bytes.max(1)).clamp(1, (2 * count).clamp(1, LARGEST_PAGE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_grow_with_short_letters_and_shrink_with_long_ones() {
        assert_eq!(next_page(16, 16_000), 32);
        assert_eq!(next_page(1024, 1_024_000), 1024);
        assert_eq!(next_page(16, 16 * 4_000_000), 1);
        assert_eq!(next_page(4, 4 * 1_000_000), 2);
        assert_eq!(next_page(0, 0), 1);
    }
}
