//! What does not go straight on: messages that wait for their ETA, are given back, put aside, or
//! sent back from there.

use std::time::Duration;

use redis::Value;

use super::{Broker, Overdue, OverduePage};
use crate::error::BrokerError;
use crate::{json, keys};

impl Broker {
    /// Lets a delivery wait in Redis until `eta`, in seconds since 1970.
    pub(crate) async fn park(&self, tag: &str, eta: f64) -> Result<bool, BrokerError> {
        let mut call = self.scripts.park.prepare_invoke();
        call.key(keys::UNACKED).key(keys::UNACKED_INDEX).key(keys::UNACKED_ETA);
        self.connection.invoke(call.arg(tag).arg(format!("{eta:.6}"))).await
    }

    /// Notes in a delivery of ours, parked or not, that it begins, as `raw` counts it; false where
    /// somebody has put it back meanwhile.
    pub(crate) async fn begin(
        &self,
        tag: &str,
        queue: &str,
        raw: &str,
    ) -> Result<bool, BrokerError> {
        let mut call = self.scripts.begin.prepare_invoke();
        call.key(keys::UNACKED).key(keys::UNACKED_INDEX).key(keys::UNACKED_ETA);
        call.arg(tag).arg(format!("[{raw},\"\",\"{queue}\"]"));
        self.connection.invoke(&call).await
    }

    /// One page of the tags that have stood in `sorted_set` for `age` or longer.
    pub(crate) async fn overdue(
        &self,
        sorted_set: &str,
        age: Duration,
        offset: usize,
        limit: usize,
    ) -> Result<OverduePage, BrokerError> {
        let mut call = self.scripts.overdue.prepare_invoke();
        call.key(sorted_set).key(keys::UNACKED).arg(age.as_secs_f64()).arg(offset).arg(limit);
        let reply: Vec<Value> = self.connection.invoke(&call).await?;
        OverduePage::from_reply(reply).map_err(|source| BrokerError::Refused {
            url: std::sync::Arc::clone(self.connection.url()),
            source: source.into(),
        })
    }

    /// What the workers called `hostname` parked, the next one first; `most` are looked at.
    pub(crate) async fn parked(
        &self,
        hostname: &str,
        most: usize,
    ) -> Result<Vec<Overdue>, BrokerError> {
        let mut look = redis::cmd("ZRANGE");
        look.arg(keys::UNACKED_ETA).arg(0).arg(most.saturating_sub(1)).arg("WITHSCORES");
        let mut waiting: Vec<(String, f64)> = self.connection.query(&look).await?;
        waiting.retain(|(tag, _)| tag.starts_with(&keys::tags_of(hostname)));
        if waiting.is_empty() {
            return Ok(Vec::new());
        }
        let mut read = redis::cmd("HMGET");
        read.arg(keys::UNACKED).arg(waiting.iter().map(|(tag, _)| tag).collect::<Vec<_>>());
        let entries: Vec<Option<Vec<u8>>> = self.connection.query(&read).await?;
        let both = waiting.into_iter().zip(entries);
        Ok(both
            .filter_map(|((tag, score), entry)| Some(Overdue { tag, score, entry: entry? }))
            .collect())
    }

    /// Puts a delivery back to where the next worker takes it, unless its lease was renewed after `latest`.
    pub(crate) async fn give_back(
        &self,
        tag: &str,
        list: &str,
        raw: &[u8],
        latest: Option<f64>,
    ) -> Result<bool, BrokerError> {
        let mut call = self.scripts.give_back.prepare_invoke();
        call.key(keys::UNACKED).key(keys::UNACKED_INDEX).key(keys::UNACKED_ETA).key(list);
        call.arg(tag).arg(raw).arg(latest.map(|score| format!("{score:.6}")).unwrap_or_default());
        self.connection.invoke(&call).await
    }

    /// Puts a delivery aside, with the reason why it can't be run.
    pub(crate) async fn bury(
        &self,
        tag: &str,
        queue: &str,
        raw: &[u8],
        reason: &str,
        now: f64,
    ) -> Result<bool, BrokerError> {
        let text = String::from_utf8_lossy(raw);
        let entry =
            serde_json::json!({"reason": reason, "date": format!("{now:.6}"), "message": text});
        let mut call = self.scripts.bury.prepare_invoke();
        call.key(keys::UNACKED)
            .key(keys::UNACKED_INDEX)
            .key(keys::UNACKED_ETA)
            .key(keys::dead(queue));
        call.arg(tag).arg(json::dumps(&entry).unwrap_or_default());
        self.connection.invoke(&call).await
    }

    /// Moves entries of a dead list back to the lists of their messages; how many.
    pub(crate) async fn send_back(
        &self,
        dead: &str,
        entries: &[SentBack<'_>],
    ) -> Result<usize, BrokerError> {
        let mut call = self.scripts.send_back.prepare_invoke();
        call.key(dead);
        for SentBack { entry, message } in entries {
            let (id, list, raw) =
                message.as_ref().map_or(("", "", ""), |(id, list, raw)| (id, list, raw));
            call.key(list).key(keys::task_meta(id)).arg(*entry).arg(raw);
        }
        self.connection.invoke(&call).await
    }
}

/// An entry of a dead list, and what becomes of it.
pub(crate) struct SentBack<'a> {
    pub(crate) entry: &'a [u8],
    /// Its id, its list and its text; none where it can't be sent back.
    pub(crate) message: Option<(String, String, String)>,
}
