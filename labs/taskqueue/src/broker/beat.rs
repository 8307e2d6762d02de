//! A schedule's entries in Redis: where each stands, and sending what is due.
//!
//! The hash holds `<time>` for an entry that was never sent, and `<time> <task id>` for one that
//! was; times are seconds since 1970 with six decimals, by Redis' clock.

use chrono::{DateTime, Utc};
use redis::ScriptInvocation;

use super::Broker;
use crate::error::BrokerError;
use crate::keys;
use crate::message::Message;

/// Where an entry stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Standing {
    /// By Redis' clock.
    pub(crate) now: DateTime<Utc>,
    text: String,
}

/// What is due, and where the entry stood when that was found.
pub(crate) struct Firing<'a> {
    pub(crate) standing: &'a Standing,
    pub(crate) due: DateTime<Utc>,
    pub(crate) queue: &'a str,
    pub(crate) message: &'a Message,
    pub(crate) raw: &'a str,
}

impl Broker {
    /// Where `entry` stands; one that nobody knows begins now.
    pub(crate) async fn standing(&self, entry: &str) -> Result<Standing, BrokerError> {
        let mut call = self.scripts.beat.prepare_invoke();
        call.key(keys::BEAT_SCHEDULE).arg(entry);
        self.stand(&call).await
    }

    /// Sends what is due, unless the entry has moved on; where it stands then.
    pub(crate) async fn fire(
        &self,
        entry: &str,
        firing: Firing<'_>,
    ) -> Result<Standing, BrokerError> {
        let Firing { standing, due, queue, message, raw } = firing;
        let id = &message.headers.id;
        let mut call = self.scripts.beat.prepare_invoke();
        call.key(keys::BEAT_SCHEDULE).key(keys::list(queue, message.properties.priority));
        call.key(keys::binding(queue)).key(keys::binding_permanent(queue));
        call.arg(entry).arg(&standing.text).arg(format!("{} {id}", written(due)));
        call.arg(raw).arg(keys::binding_member(queue));
        let standing = self.stand(&call).await?;
        if standing.id() == Some(id) {
            self.tell_sent(queue, message, raw).await;
        }
        Ok(standing)
    }

    async fn stand(&self, call: &ScriptInvocation<'_>) -> Result<Standing, BrokerError> {
        let (now, text): (String, String) = self.connection.invoke(call).await?;
        let now = read(&now).unwrap_or_default();
        Ok(Standing { now, text })
    }
}

impl Standing {
    /// When it was due last. What is no time, because somebody wrote it there by hand, is now.
    pub(crate) fn last(&self) -> DateTime<Utc> {
        self.text.split(' ').next().and_then(read).unwrap_or(self.now)
    }

    /// The task that was sent then.
    pub(crate) fn id(&self) -> Option<&str> {
        self.text.split_once(' ').map(|(_, id)| id)
    }
}

fn written(time: DateTime<Utc>) -> String {
    format!("{}.{:06}", time.timestamp(), time.timestamp_subsec_micros())
}

fn read(text: &str) -> Option<DateTime<Utc>> {
    let (seconds, microseconds) = text.split_once('.')?;
    let microseconds: u32 = microseconds.parse().ok()?;
    DateTime::from_timestamp(seconds.parse().ok()?, microseconds.checked_mul(1000)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_as_it_was_written() {
        for text in ["1784538000.000000", "1784538000.000042", "1784538000.999999"] {
            assert_eq!(written(read(text).unwrap()), text);
        }
    }

    #[test]
    fn what_is_no_time_counts_as_now() {
        let now = read("1784538000.000000").unwrap();
        for text in ["", "yesterday", "1.", "1.9999999999", "99999999999999999999.000000", "1.2.3"]
        {
            let standing = Standing { now, text: text.to_owned() };
            assert_eq!(standing.last(), now, "{text}");
        }
    }
}
