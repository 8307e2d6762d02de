//! How deliveries end: what `settle.lua` is told.

use std::time::Duration;

use redis::ScriptInvocation;

use super::Broker;
use crate::error::BrokerError;
use crate::keys;
use crate::message::Addressed;

/// How one delivery ends.
#[derive(Debug, Default)]
pub(crate) struct Settlement {
    /// The tag to acknowledge, if any.
    pub(crate) tag: Option<String>,
    /// The result to store, if any: task id, document, how long to keep it.
    pub(crate) result: Option<(String, String, Duration)>,
    /// What is sent and stored besides, if this is still ours.
    pub(crate) follow_up: FollowUp,
}

/// What follows an end.
#[derive(Debug, Default)]
pub(crate) struct FollowUp {
    /// What allows it where there is no tag.
    pub(crate) right: Option<Right>,
    pub(crate) messages: Vec<Addressed>,
    /// Results of other tasks: id and document.
    pub(crate) results: Vec<(String, String)>,
    /// Keys to remove.
    pub(crate) removed: Vec<String>,
    /// Other keys to write: key and value.
    pub(crate) written: Vec<(String, String)>,
    /// How long all that is stored is kept.
    pub(crate) keep: Duration,
}

/// What allows to send where there is no tag that can be removed only once.
#[derive(Debug)]
pub(crate) enum Right {
    /// A name that was not used before.
    Once(String),
    /// The claim on a chord's body: group id and token.
    Claim(String, String),
}

impl Broker {
    /// Ends deliveries. For each, says whether its tag was still held; without a tag, whether what
    /// follows is sent.
    pub(crate) async fn settle(
        &self,
        settlements: &[Settlement],
    ) -> Result<Vec<bool>, BrokerError> {
        let mut call = self.scripts.settle.prepare_invoke();
        call.key(keys::UNACKED).key(keys::UNACKED_INDEX).key(keys::RETRIED);
        for settlement in settlements {
            settlement.write_to(&mut call);
        }
        self.connection().invoke(&call).await
    }
}

impl Settlement {
    fn write_to(&self, call: &mut ScriptInvocation<'_>) {
        let Self { tag, result, follow_up } = self;
        let ttl = result.as_ref().map_or(follow_up.keep, |result| result.2);
        let ttl = ttl.as_secs().max(1);
        match (tag, &follow_up.right) {
            (Some(tag), _) => call.arg("tag").arg(ttl).arg(tag),
            (None, Some(Right::Once(name))) => call.arg("once").arg(ttl).arg(name),
            (None, Some(Right::Claim(group_id, token))) => {
                let keys = keys::chord(group_id);
                call.key(keys.claim).key(keys.size).arg("claim").arg(ttl).arg(token)
            }
            (None, None) => call.arg("none").arg(ttl).arg(""),
        };
        if let Some((id, document, _)) = result {
            call.key(keys::task_meta(id)).arg("result").arg(document);
        } else {
            call.arg("");
        }
        if follow_up.is_empty() {
            call.arg("");
        } else {
            call.arg("follows");
            follow_up.write_to(call);
        }
    }
}

impl FollowUp {
    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty()
            && self.results.is_empty()
            && self.removed.is_empty()
            && self.written.is_empty()
    }

    fn write_to(&self, call: &mut ScriptInvocation<'_>) {
        call.arg(self.messages.len());
        for Addressed { queue, message, raw } in &self.messages {
            call.key(keys::list(queue, message.properties.priority));
            call.key(keys::binding(queue)).key(keys::binding_permanent(queue));
            call.arg(raw).arg(keys::binding_member(queue));
        }
        call.arg(self.results.len());
        for (id, document) in &self.results {
            call.key(keys::task_meta(id)).arg(document);
        }
        call.arg(self.removed.len());
        for key in &self.removed {
            call.key(key);
        }
        call.arg(self.written.len());
        for (key, value) in &self.written {
            call.key(key).arg(value);
        }
    }
}
