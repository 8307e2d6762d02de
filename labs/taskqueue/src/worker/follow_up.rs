//! Carries out what follows a task's end: writes it together with result and acknowledgement.
//!
//! ```text
//! no chord:  settle (result, acknowledgement, messages)
//! a chord:   settle (result) ─▶ chord_part ─▶ complete? settle (body, by claim) ─▶ settle (acknowledgement, messages)
//! ```
//!
//! What follows is sent by the script that acknowledges, so that it is sent when and only when the
//! message is done with; after early acknowledgement by one that remembers it for an hour. A chord
//! is told before the acknowledgement: a worker that dies in between is followed by one that
//! tells it again, and the second time changes nothing. With early acknowledgement nobody follows,
//! and the chord waits for ever, as in Celery.

use std::time::Duration;

use serde_json::Value;
use uuid::Uuid;

use super::Shared;
use super::execution::Call;
use crate::broker::{ChordPart, FollowUp, Right, Settlement};
use crate::canvas::{self, Ended, Outbox, Part, Returned};
use crate::event::Event;
use crate::keys;
use crate::message::Addressed;
use crate::result_backend::document;
use crate::task_error::TaskError;
use crate::time::from_seconds;

/// How often to look whether the worker that claimed a chord's body has sent it.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

impl Call {
    pub(super) fn ended<'a>(&'a self, shared: &'a Shared) -> Ended<'a> {
        let (headers, embed) = (&self.message.headers, &self.body.2);
        let (registry, routes) = (&shared.registry, shared.broker.routes());
        // By Redis' clock, as every worker judges an ETA by it.
        let now = from_seconds(self.clock.now()).to_utc();
        Ended { headers, embed, registry, routes, now }
    }

    /// Whether all that may follow can be sent: better known before the task has run.
    pub(super) fn check_links(&self, shared: &Shared) -> Result<(), TaskError> {
        if self.body.2.is_empty() {
            return Ok(());
        }
        Ok(canvas::check(self.ended(shared))?)
    }

    /// What follows `outcome`. A success that can't be told to its successors is none.
    pub(super) fn follow(
        &self,
        shared: &Shared,
        outcome: Result<Value, TaskError>,
    ) -> (Result<Value, TaskError>, Outbox) {
        if self.body.2.is_empty() {
            return (outcome, Outbox::default());
        }
        let ended = self.ended(shared);
        let error = match outcome {
            Ok(value) => match canvas::after_success(ended, &value) {
                Ok(outbox) => return (Ok(value), outbox),
                Err(unsupported) => unsupported.into(),
            },
            Err(error) => error,
        };
        let outbox = canvas::after_failure(ended, &error);
        (Err(error), outbox)
    }

    /// What follows a revocation.
    pub(super) fn follow_revocation(&self, shared: &Shared, reason: &str) -> Outbox {
        canvas::after_revocation(self.ended(shared), reason)
    }

    /// Stores `result`, tells chords, acknowledges where asked, and sends what follows; whether the
    /// message was still ours. None when the worker stops first.
    pub(super) async fn end_with(
        &self,
        shared: &Shared,
        mut result: Option<String>,
        outbox: Outbox,
        acknowledge: bool,
    ) -> Option<bool> {
        let (parts, mut follow_up) = self.unpack(shared, outbox);
        if !parts.is_empty() {
            // As in Celery, whoever the chord's body wakes finds this result, and those of the tasks that
            // will never run: the true reason stands there before anybody reads a `ChordError`.
            self.end(shared, result.take(), false).await?;
            for (id, document) in std::mem::take(&mut follow_up.results) {
                let result = Some((id, document, follow_up.keep));
                shared.settler.settle(Settlement { result, ..Settlement::default() }).await?;
            }
            self.tell_chords(shared, parts).await?;
        }
        if !acknowledge && !follow_up.is_empty() {
            follow_up.right = Some(Right::Once(self.lease.tag.clone()));
        }
        let sent = follow_up.messages.clone();
        let keep = shared.options.result_expires;
        let result = result.map(|document| (self.request.id.clone(), document, keep));
        let tag = acknowledge.then(|| self.lease.tag.clone());
        let ours = shared.settler.settle(Settlement { tag, result, follow_up }).await;
        if ours == Some(true) {
            tell_sent(shared, sent).await;
        }
        ours
    }

    fn unpack(&self, shared: &Shared, outbox: Outbox) -> (Vec<Part>, FollowUp) {
        let Outbox { messages, chord_sizes, groups, abandoned, parts, .. } = outbox;
        let results = abandoned.into_iter().map(|gone| {
            let document = document::abandoned(&self.request, &gone);
            (gone.id, document)
        });
        let chords = chord_sizes.iter().map(|(id, size)| (keys::chord(id), size));
        let removed = chords.clone().map(|(chord, _)| chord.claim).collect();
        let sizes = chords.map(|(chord, size)| (chord.size, size.to_string()));
        let groups = groups.into_iter().map(|(id, group)| (keys::group_meta(&id), group));
        let written = sizes.chain(groups).collect();
        let results = results.collect();
        let keep = shared.options.result_expires;
        (parts, FollowUp { right: None, messages, results, removed, written, keep })
    }

    /// Tells each chord; and where one is complete and its body ours to send, sends it.
    async fn tell_chords(&self, shared: &Shared, mut parts: Vec<Part>) -> Option<()> {
        while let Some(part) = parts.pop() {
            let claim = Uuid::new_v4().simple().to_string();
            let (outbox, right, removed) = match count(shared, &part, &claim).await? {
                ChordPart::Claimed { parts, structure } => {
                    let returned = Returned { parts, structure };
                    let ended = self.ended(shared);
                    let (outbox, sent) = canvas::after_chord(ended, &part.body, &returned);
                    let keys = keys::chord(&part.group_id);
                    // As in Celery, what a failed chord had counted stays to be looked at.
                    let counters = [keys.parts, keys.counted, keys.added];
                    let removed = counters.into_iter().filter(|_| sent).collect();
                    (outbox, Right::Claim(part.group_id, claim), removed)
                }
                ChordPart::Unreadable => {
                    let outbox = canvas::unreadable_chord(self.ended(shared), &part.body);
                    (outbox, Right::Once(part.group_id), Vec::new())
                }
                _ => continue,
            };
            let (more, mut follow_up) = self.unpack(shared, outbox);
            let sent = follow_up.messages.clone();
            follow_up.right = Some(right);
            follow_up.removed.extend::<Vec<_>>(removed);
            let settlement = Settlement { tag: None, result: None, follow_up };
            if shared.settler.settle(settlement).await? {
                tell_sent(shared, sent).await;
            }
            parts.extend(more);
        }
        Some(())
    }
}

/// Counts `part`. Where another worker has claimed the body, waits until it is sent or the claim
/// has run out: if that worker died, this message may be the last that knows of the chord.
async fn count(shared: &Shared, part: &Part, claim: &str) -> Option<ChordPart> {
    let Part { group_id, group_index, task_id, encoded, .. } = part;
    loop {
        let (member, keep) = ((task_id.as_str(), *group_index), shared.options.result_expires);
        let tell = |_| shared.broker.chord_part(group_id, member, encoded, claim, keep);
        match shared.insist(&shared.stop.cold, tell).await? {
            ChordPart::ClaimedElsewhere => {}
            counted => return Some(counted),
        }
        tokio::select! {
            () = shared.stop.cold.cancelled() => return None,
            () = tokio::time::sleep(LOOK_AGAIN) => {}
        }
    }
}

async fn tell_sent(shared: &Shared, messages: Vec<Addressed>) {
    for Addressed { queue, message, raw } in messages {
        shared.broker.announce_sent(&queue, &message).await;
        let list = keys::list(&queue, message.properties.priority);
        (shared.observe)(Event::TaskSent { id: message.headers.id, list, raw });
    }
}
