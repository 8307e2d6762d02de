//! Which server keeps the messages, and whether it is one that can.
//!
//! Valkey, KeyDB, Dragonfly and Memurai answer Redis' commands and say in `redis_version` which
//! Redis they are like; so that version is judged, whatever the name. Pure: it reads what `INFO`
//! says. A server that does not say is judged by what it does.

use std::fmt;

use crate::broker_url::BrokerUrl;

/// The lowest version that has all commands which the queue uses: BLMOVE came with it.
pub(crate) const LOWEST_VERSION: [u32; 2] = [6, 2];

/// A server, as it names itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// `Redis`, `Valkey`, `KeyDB`, `Dragonfly`, `Memurai` or `pocket-redis`.
    pub name: &'static str,
    /// Its own version; empty where it is not told.
    pub version: String,
    pub(crate) lack: Option<Lack>,
}

/// What a server lacks that the queue needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lack {
    /// It is like a Redis before 6.2.
    Version,
    /// It is part of a cluster.
    SingleServer,
    /// It is a Sentinel: it watches over a Redis, and is none.
    Data,
    /// A key of the queue is there and holds another type.
    Key {
        /// The key.
        key: String,
        /// The type that it should have.
        should_be: &'static str,
    },
}

impl Server {
    pub(crate) fn of_info(info: &str) -> Self {
        let field = |name: &str| {
            info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
        };
        let named = [
            ("pocket-redis", "pocket_redis_version"),
            ("Valkey", "valkey_version"),
            ("Dragonfly", "dragonfly_version"),
            ("Memurai", "memurai_version"),
            ("KeyDB", "keydb_version"),
            ("Redis", "redis_version"),
        ];
        let named = named.into_iter().find_map(|(name, own)| Some((name, field(own)?)));
        let (name, version) = named.unwrap_or(("Redis", ""));
        let lack = match field("redis_mode") {
            Some("cluster") => Some(Lack::SingleServer),
            Some("sentinel") => Some(Lack::Data),
            _ => {
                field("redis_version").filter(|version| is_too_old(version)).map(|_| Lack::Version)
            }
        };
        Self { name, version: short(version), lack }
    }

    /// Whether it is too old for the queue.
    #[must_use]
    pub fn is_too_old(&self) -> bool {
        self.lack == Some(Lack::Version)
    }
}

/// `Redis 7.0.15`.
impl fmt::Display for Server {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.name, self.version)
    }
}

impl Lack {
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Version => "6.2 is the lowest version that the queue can use".to_owned(),
            Self::SingleServer => {
                "it is part of a cluster, and the queue's scripts need all keys in one place"
                    .to_owned()
            }
            Self::Data => "it is a Sentinel, which watches over a Redis and is none".to_owned(),
            Self::Key { key, should_be } => {
                format!("its key {key} should be a {should_be}, and is not")
            }
        }
    }

    pub(crate) fn next_step(&self, url: &BrokerUrl) -> String {
        let redis_cli = url.redis_cli();
        match self {
            Self::Version => "install a newer Redis or Valkey, or name another in the URL".into(),
            Self::SingleServer => "name a Redis that is no cluster (cluster-enabled no)".into(),
            Self::Data => {
                format!("name that Redis: `{redis_cli} SENTINEL masters` tells where it is")
            }
            Self::Key { key, .. } => {
                format!("name another database, or remove it: `{redis_cli} DEL {key}`")
            }
        }
    }
}

/// Whether a Redis of this version lacks a command that the queue uses; what is no version is not.
#[must_use]
pub fn is_too_old(version: &str) -> bool {
    let mut numbers = version.split('.').map_while(|number| number.parse::<u32>().ok());
    match (numbers.next(), numbers.next()) {
        (Some(major), minor) => [major, minor.unwrap_or(0)] < LOWEST_VERSION,
        (None, _) => false,
    }
}

/// It comes from outside, and stands in sentences.
fn short(version: &str) -> String {
    version.chars().filter(|letter| letter.is_ascii_graphic()).take(30).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(info: &str) -> (String, Option<Lack>) {
        let server = Server::of_info(&info.replace(' ', "\r\n"));
        (server.to_string(), server.lack)
    }

    #[test]
    fn a_server_is_known_by_its_name_and_judged_by_the_redis_it_is_like() {
        for (info, name, lack) in [
            ("redis_version:7.0.15 redis_mode:standalone", "Redis 7.0.15", None),
            ("redis_version:6.2.0", "Redis 6.2.0", None),
            ("redis_version:6.0.16 redis_mode:standalone", "Redis 6.0.16", Some(Lack::Version)),
            ("redis_version:5.0.3", "Redis 5.0.3", Some(Lack::Version)),
            ("redis_version:10.0", "Redis 10.0", None),
            ("redis_version:255.255.255", "Redis 255.255.255", None),
            ("redis_version:7.2.4 server_name:valkey valkey_version:8.1.0", "Valkey 8.1.0", None),
            ("redis_version:6.2.11 dragonfly_version:df-v1.21", "Dragonfly df-v1.21", None),
            ("redis_version:7.4.0 redis_mode:cluster", "Redis 7.4.0", Some(Lack::SingleServer)),
            ("redis_version:7.4.0 redis_mode:sentinel", "Redis 7.4.0", Some(Lack::Data)),
            ("", "Redis ", None),
            ("redis_version:unstable", "Redis unstable", None),
        ] {
            assert_eq!(of(info), (name.to_owned(), lack), "{info}");
        }
    }
}
