//! Who is subscribed to what.
//!
//! The commands are in `commands/pubsub.rs`; here a message finds its readers. A message goes to
//! whoever is subscribed at that moment and is kept for nobody.

use std::collections::{BTreeMap, BTreeSet};

use crate::client::ClientId;
use crate::dict::Key;
use crate::glob;
use crate::reply::Reply;
use crate::world::World;

/// Channels, and patterns of channels, with their subscribers.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    pub(crate) channels: BTreeMap<Key, BTreeSet<ClientId>>,
    pub(crate) patterns: BTreeMap<Key, BTreeSet<ClientId>>,
}

/// A channel by name, or all whose names match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topic {
    Channel,
    Pattern,
}

impl World {
    /// Subscribes a client.
    pub(crate) fn subscribe(&mut self, id: ClientId, topic: Topic, name: &[u8]) {
        let key = Key::from(name);
        if let Some(client) = self.clients.get_mut(&id) {
            match topic {
                Topic::Channel => client.channels.insert(key.clone()),
                Topic::Pattern => client.patterns.insert(key.clone()),
            };
        }
        self.topics(topic).entry(key).or_default().insert(id);
    }

    /// Ends one subscription.
    pub(crate) fn unsubscribe(&mut self, id: ClientId, topic: Topic, name: &[u8]) {
        if let Some(client) = self.clients.get_mut(&id) {
            match topic {
                Topic::Channel => client.channels.remove(name),
                Topic::Pattern => client.patterns.remove(name),
            };
        }
        if let Some(readers) = self.topics(topic).get_mut(name) {
            readers.remove(&id);
            if readers.is_empty() {
                self.topics(topic).remove(name);
            }
        }
    }

    /// Ends all subscriptions of a client.
    pub(crate) fn unsubscribe_all(&mut self, id: ClientId) {
        for topic in [Topic::Channel, Topic::Pattern] {
            for name in self.subscribed(id, topic) {
                self.unsubscribe(id, topic, &name);
            }
        }
    }

    /// What a client is subscribed to.
    pub(crate) fn subscribed(&self, id: ClientId, topic: Topic) -> Vec<Key> {
        let names = self.clients.get(&id).map(|client| match topic {
            Topic::Channel => &client.channels,
            Topic::Pattern => &client.patterns,
        });
        names.into_iter().flatten().cloned().collect()
    }

    /// Sends a message; gives how many readers it had.
    pub(crate) fn publish(&mut self, channel: &[u8], message: &[u8]) -> usize {
        let mut sent = 0;
        for id in self.subscriptions.channels.get(channel).cloned().unwrap_or_default() {
            let parts = [b"message".as_slice(), channel, message];
            self.push(id, &Reply::Push(parts.into_iter().map(Reply::bulk).collect()));
            sent += 1;
        }
        let patterns = self.subscriptions.patterns.iter();
        let hits: Vec<_> = patterns.filter(|(name, _)| glob::matches(name, channel)).collect();
        let readers =
            hits.into_iter().flat_map(|(name, ids)| ids.iter().map(|id| (*id, name.clone())));
        for (id, pattern) in readers.collect::<Vec<_>>() {
            let parts = [b"pmessage".as_slice(), &pattern, channel, message];
            self.push(id, &Reply::Push(parts.into_iter().map(Reply::bulk).collect()));
            sent += 1;
        }
        sent
    }

    fn topics(&mut self, topic: Topic) -> &mut BTreeMap<Key, BTreeSet<ClientId>> {
        match topic {
            Topic::Channel => &mut self.subscriptions.channels,
            Topic::Pattern => &mut self.subscriptions.patterns,
        }
    }
}
