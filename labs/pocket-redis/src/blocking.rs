//! Clients that wait for an element, and who is served first.
//!
//! Order is Redis': a key serves those who wait for it in the order in which they began to wait;
//! a client that waits for several keys takes from the first that has something. Whoever waits is
//! served right after the command that pushed, before any other command runs. Each waiter is
//! served once and then leaves every queue, so moving an element from a list to itself
//! (`BLMOVE k k RIGHT RIGHT 0`) wakes all of them and still comes to an end.

use std::collections::{HashMap, VecDeque};

use tokio::time::Instant;

use crate::client::ClientId;
use crate::dict::Key;
use crate::reply::Reply;
use crate::value::Value;
use crate::world::World;

/// An end of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Left,
    Right,
}

/// What a waiting client will do with the list that has something.
#[derive(Debug, Clone)]
pub(crate) enum Action {
    /// BLPOP, BRPOP
    Pop(End),
    /// BLMPOP
    PopMany { from: End, count: usize },
    /// BLMOVE, BRPOPLPUSH
    Move { from: End, to: End, target: Vec<u8> },
    /// BZPOPMIN (left), BZPOPMAX (right)
    PopMember(End),
    /// BZMPOP
    PopMembers { from: End, count: usize },
}

impl Action {
    /// Redis lets a waiter wait on while the key holds something of another kind.
    fn fits(&self, value: Option<&Value>) -> bool {
        match self {
            Self::Pop(_) | Self::PopMany { .. } | Self::Move { .. } => {
                matches!(value, Some(Value::List(_)))
            }
            Self::PopMember(_) | Self::PopMembers { .. } => {
                matches!(value, Some(Value::SortedSet(_)))
            }
        }
    }
}

/// A client's wish.
#[derive(Debug, Clone)]
pub(crate) struct Wait {
    pub(crate) db: usize,
    pub(crate) keys: Vec<Key>,
    pub(crate) action: Action,
    /// `None` waits for ever.
    pub(crate) deadline: Option<Instant>,
}

/// Who waits for which key, and which keys have something new.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    queues: HashMap<(usize, Key), VecDeque<ClientId>>,
    ready: VecDeque<(usize, Key)>,
}

impl Waiting {
    /// Notes that a key was written, if anybody waits for it.
    pub(crate) fn signal(&mut self, db: usize, key: &[u8]) {
        if self.queues.is_empty() {
            return;
        }
        let place = (db, Key::from(key));
        if self.queues.contains_key(&place) && !self.ready.contains(&place) {
            self.ready.push_back(place);
        }
    }

    fn add(&mut self, client: ClientId, wait: &Wait) {
        for key in &wait.keys {
            let queue = self.queues.entry((wait.db, key.clone())).or_default();
            if !queue.contains(&client) {
                queue.push_back(client);
            }
        }
    }

    fn remove(&mut self, client: ClientId, wait: &Wait) {
        for key in &wait.keys {
            let place = (wait.db, key.clone());
            let Some(queue) = self.queues.get_mut(&place) else {
                continue;
            };
            queue.retain(|&waiter| waiter != client);
            if queue.is_empty() {
                self.queues.remove(&place);
            }
        }
    }
}

impl World {
    /// Lets a client wait. It runs no further command until it is served or its time is up.
    pub(crate) fn block(&mut self, id: ClientId, wait: Wait) {
        self.waiting.add(id, &wait);
        if let Some(client) = self.clients.get_mut(&id) {
            client.wait = Some(wait);
        }
    }

    /// Ends a client's wait with an answer; false if it did not wait.
    pub(crate) fn unblock(&mut self, id: ClientId, reply: &Reply) -> bool {
        let Some(client) = self.clients.get_mut(&id) else {
            return false;
        };
        let Some(wait) = client.wait.take() else {
            return false;
        };
        client.respond(reply);
        client.wake.notify_one();
        self.waiting.remove(id, &wait);
        true
    }

    /// Serves those who wait for the keys that the last command wrote.
    pub(crate) fn serve_waiting(&mut self) {
        while let Some((db, key)) = self.waiting.ready.pop_front() {
            let waiters = self.waiting.queues.get(&(db, key.clone())).cloned();
            for id in waiters.unwrap_or_default() {
                self.serve(id, db, &key);
            }
        }
    }

    fn serve(&mut self, id: ClientId, db: usize, key: &[u8]) {
        let Some(wait) = self.clients.get(&id).and_then(|client| client.wait.clone()) else {
            return;
        };
        if !wait.action.fits(self.dbs[db].value(key)) {
            return;
        }
        let outcome = crate::commands::list_wait::take(self, id, db, key, &wait.action);
        match outcome {
            Ok(Some(reply)) => self.unblock(id, &reply),
            Ok(None) => false,
            Err(fault) => self.unblock(id, &fault.into()),
        };
    }
}
