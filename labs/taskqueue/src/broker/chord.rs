//! A chord's parts: what `chord_part.lua` is told and answers.

use std::time::Duration;

use super::Broker;
use crate::error::BrokerError;
use crate::keys;

/// How long a claim on a chord's body lasts, in seconds: Celery's, with its default settings.
const CLAIM: u64 = 6;

/// What is known of a chord after a part of it was counted.
#[derive(Debug)]
pub(crate) enum ChordPart {
    /// Others are still to come, or its body was sent before.
    Counted,
    /// It is complete, and the body is ours to send.
    Claimed {
        /// `[1, task id, state, result]`, in the order of the header.
        parts: Vec<String>,
        /// The structure of the header, where it was saved.
        structure: Option<String>,
    },
    /// It is complete, and the body is another worker's to send, if that one lives.
    ClaimedElsewhere,
    /// It is counted in another form than Celery's default.
    Unreadable,
}

impl Broker {
    /// Counts the part of `task_id`, once however often it is told; `claim` names who tells. What is
    /// counted is kept for `keep` after the last part.
    pub(crate) async fn chord_part(
        &self,
        group_id: &str,
        (task_id, group_index): (&str, Option<u64>),
        part: &str,
        claim: &str,
        keep: Duration,
    ) -> Result<ChordPart, BrokerError> {
        let keys = keys::chord(group_id);
        let mut call = self.scripts.chord_part.prepare_invoke();
        call.key(keys.parts).key(keys.counted).key(keys.added).key(keys.size).key(keys.claim);
        call.key(keys::group_meta(group_id));
        // Celery's word for a member that has no place.
        let place = group_index.map_or("+inf".to_owned(), |index| index.to_string());
        call.arg(part).arg(format!("{task_id}:{place}")).arg(&place);
        call.arg(claim).arg(CLAIM).arg(keep.as_secs().max(1));
        let reply: Vec<Vec<u8>> = self.connection().invoke(&call).await?;
        Ok(ChordPart::from_reply(reply))
    }
}

impl ChordPart {
    fn from_reply(reply: Vec<Vec<u8>>) -> Self {
        let mut reply = reply.into_iter().map(|text| String::from_utf8_lossy(&text).into_owned());
        match reply.next().as_deref() {
            Some("claimed") => {
                let structure = reply.next().filter(|structure| !structure.is_empty());
                Self::Claimed { parts: reply.collect(), structure }
            }
            Some("claimed elsewhere") => Self::ClaimedElsewhere,
            Some("unreadable") => Self::Unreadable,
            _ => Self::Counted,
        }
    }
}
