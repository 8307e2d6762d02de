//! Everything the server holds: databases, clients, subscriptions, scripts, settings.
//!
//! There is one, behind one lock, and a command has it to itself from its first byte to its last:
//! that is Redis' model, and it is why a script or a transaction is atomic. Nothing here waits for
//! the network; answers are left with the client they are for, whose connection sends them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::Notify;

use crate::blocking::Waiting;
use crate::client::{Client, ClientId, Closing};
use crate::commands::config::Settings;
use crate::db::Db;
use crate::dict::Key;
use crate::log::{Log, Notice};
use crate::pubsub::Subscriptions;
use crate::script::{Random, Scripts};
use crate::usage::Usage;

/// As many databases as Redis has by default.
pub(crate) const DATABASES: usize = 16;
/// What a client may leave unread of the messages pushed to it, as in Redis' pubsub class.
const MAX_UNREAD: usize = 32 * 1024 * 1024;

/// What all clients together may have sent that has not run, and not read of what was answered.
pub(crate) const MAX_HELD: usize = 128 * 1024 * 1024;

/// Counters for INFO.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    pub(crate) connections: u64,
    pub(crate) commands: u64,
    pub(crate) expired: u64,
    pub(crate) evicted_clients: u64,
    pub(crate) usage: Usage,
}

/// See the file's head. The default is hollow, and stands in while a script has the real one.
#[derive(Default)]
pub(crate) struct World {
    /// Milliseconds since 1970, as of the command under way.
    pub(crate) now: i64,
    pub(crate) started: i64,
    pub(crate) dbs: Vec<Db>,
    pub(crate) clients: BTreeMap<ClientId, Client>,
    pub(crate) waiting: Waiting,
    pub(crate) watched: HashMap<(usize, Key), BTreeSet<ClientId>>,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) monitors: BTreeSet<ClientId>,
    pub(crate) scripts: Option<Box<Scripts>>,
    /// The numbers that scripts draw.
    pub(crate) random: Random,
    pub(crate) settings: Settings,
    pub(crate) stats: Stats,
    pub(crate) log: Log,
    /// What all clients hold together, in bytes.
    held: usize,
    pub(crate) port: u16,
    /// Told by SHUTDOWN.
    pub(crate) stop: Option<Arc<Notify>>,
    last_client: ClientId,
    seed: u64,
}

impl World {
    pub(crate) fn new(port: u16) -> Self {
        let now = millis(since_1970());
        Self {
            now,
            started: now,
            dbs: (0..DATABASES).map(|_| Db::default()).collect(),
            seed: RandomState::new().hash_one(now),
            port,
            stop: Some(Arc::default()),
            ..Self::default()
        }
    }

    pub(crate) fn connect(&mut self, addr: SocketAddr, local: SocketAddr) -> &Client {
        self.last_client += 1;
        self.stats.connections += 1;
        let id = self.last_client;
        let client = Client::new(id, addr, local, millis(since_1970()));
        self.clients.entry(id).or_insert(client)
    }

    /// Forgets a client: nobody pops for it, pushes to it or watches for it any more.
    pub(crate) fn disconnect(&mut self, id: ClientId) {
        self.unblock(id, &crate::reply::Reply::NOTHING);
        self.unwatch(id);
        self.unsubscribe_all(id);
        self.monitors.remove(&id);
        if let Some(client) = self.clients.remove(&id) {
            self.held = self.held.saturating_sub(client.counted);
        }
    }

    /// Reads the clock for the command under way.
    pub(crate) fn tick(&mut self) {
        self.now = millis(since_1970());
    }

    /// A key has changed: transactions that watch it are off, clients that wait for it are due.
    pub(crate) fn touched(&mut self, db: usize, key: &[u8]) {
        self.waiting.signal(db, key);
        if self.watched.is_empty() {
            return;
        }
        for id in self.watched.get(&(db, Key::from(key))).into_iter().flatten() {
            if let Some(client) = self.clients.get_mut(id) {
                client.watch_broken = true;
            }
        }
    }

    /// Ends the watches of a client.
    pub(crate) fn unwatch(&mut self, id: ClientId) {
        let Some(client) = self.clients.get_mut(&id) else {
            return;
        };
        client.watch_broken = false;
        for place in std::mem::take(&mut client.watching) {
            if let Some(watchers) = self.watched.get_mut(&place) {
                watchers.remove(&id);
                if watchers.is_empty() {
                    self.watched.remove(&place);
                }
            }
        }
    }

    /// Removes a key whose time is over.
    pub(crate) fn expire(&mut self, db: usize, key: &[u8]) {
        self.dbs[db].remove(key);
        self.stats.expired += 1;
        self.touched(db, key);
    }

    /// Removes what is due in all databases, at most `limit` keys.
    pub(crate) fn sweep(&mut self, limit: usize) {
        self.tick();
        let mut left = limit;
        for db in 0..self.dbs.len() {
            while let Some(key) = self.dbs[db].first_due(self.now).filter(|_| left > 0) {
                self.expire(db, &key);
                left -= 1;
            }
        }
    }

    /// Sends a message that is no answer, and cuts off a client that leaves too much unread.
    pub(crate) fn push(&mut self, id: ClientId, message: &crate::reply::Reply) {
        if let Some(client) = self.clients.get_mut(&id) {
            client.push(message);
            client.wake.notify_one();
            if client.out.len() > MAX_UNREAD {
                client.close(Closing::Now);
            }
            self.weigh(id);
        }
    }

    /// Takes note of what a client holds. While all together hold too much, the one with most of
    /// it is cut off, as Redis does with `maxmemory-clients`.
    pub(crate) fn weigh(&mut self, id: ClientId) {
        if let Some(client) = self.clients.get_mut(&id) {
            let holds = client.holds();
            let before = std::mem::replace(&mut client.counted, holds);
            self.held = self.held.saturating_sub(before).saturating_add(holds);
        }
        while self.held > MAX_HELD {
            let clients = self.clients.values_mut();
            let open = clients.filter(|client| client.closing != Some(Closing::Now));
            let Some(largest) = open.max_by_key(|client| client.counted) else {
                return;
            };
            largest.close(Closing::Now);
            let held = std::mem::take(&mut largest.counted);
            let notice = Notice::Evicted(largest.addr, held);
            self.held -= held;
            self.stats.evicted_clients += 1;
            self.log.note(self.now, notice);
        }
    }

    /// A number below `bound`, by xorshift: good enough to draw a member, not to keep a secret.
    pub(crate) fn draw(&mut self, bound: usize) -> usize {
        self.seed |= 1;
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        let bound = u64::try_from(bound.max(1)).unwrap_or(1);
        usize::try_from((self.seed >> 11) % bound).unwrap_or(0)
    }

    /// Different numbers below `bound`, in no order.
    pub(crate) fn draw_distinct(&mut self, bound: usize, count: usize) -> Vec<usize> {
        // Of few among many, hardly one is drawn twice; of most of them, a shuffle is shorter.
        if count < bound / 3 {
            let mut drawn = HashSet::new();
            while drawn.len() < count {
                drawn.insert(self.draw(bound));
            }
            return drawn.into_iter().collect();
        }
        let mut all: Vec<usize> = (0..bound).collect();
        for place in 0..count.min(bound) {
            let other = place + self.draw(bound - place);
            all.swap(place, other);
        }
        all.truncate(count);
        all
    }
}

/// The clock on the wall.
pub(crate) fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// A duration in the unit of deadlines.
pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
