//! Whether a broker can do what the queue needs, asked before anybody relies on it.
//!
//! "Does it answer" is not enough: a Redis may be too old, part of a cluster, keep a command from
//! this user, or hold something else under a key of the queue. What `INFO` does not tell is tried,
//! each command on its own, so that a refusal names it. Nothing stays behind: what is written
//! stands for a second at most under a key of its own.

use redis::{Cmd, Script, cmd};
use uuid::Uuid;

use super::Broker;
use crate::error::BrokerError;
use crate::keys;
use crate::server::{Lack, Server};

/// What a program is going to do with the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Look at it.
    Look,
    /// Send tasks, and wait for their results.
    Send,
    /// Run tasks.
    Work,
}

/// The keys of the queue, each with the type that it has if it is there.
const TYPES: [(&str, &str); 6] = [
    (keys::DEFAULT_QUEUE, "list"),
    (keys::UNACKED, "hash"),
    (keys::UNACKED_INDEX, "zset"),
    (keys::UNACKED_ETA, "zset"),
    (keys::PUBLISHED, "zset"),
    (keys::RETRIED, "zset"),
];

impl Broker {
    /// Which server it is.
    ///
    /// # Errors
    /// As every command; not where it only keeps its name for itself.
    pub async fn server(&self) -> Result<Server, BrokerError> {
        match self.connection.query::<String>(cmd("INFO").arg("server")).await {
            Ok(info) => Ok(Server::of_info(&info)),
            // Nobody needs INFO to use a queue.
            Err(BrokerError::Refused { source, .. }) if source.code() == Some("NOPERM") => {
                Ok(Server::of_info(""))
            }
            Err(error) => Err(error),
        }
    }

    /// Whether it can serve this `purpose`; which server it is.
    ///
    /// # Errors
    /// [`BrokerError::Unsuited`], and as every command: a right that is missing is
    /// [`BrokerError::Refused`]. [`BrokerError::is_permanent`] tells which of them will pass.
    pub async fn check(&self, purpose: Purpose) -> Result<Server, BrokerError> {
        let server = self.server().await?;
        let unsuited = |lack| BrokerError::Unsuited {
            url: self.connection.url().clone(),
            server: server.to_string(),
            lack,
        };
        if let Some(lack) = server.lack.clone() {
            return Err(unsuited(lack));
        }
        if purpose == Purpose::Look {
            return Ok(server);
        }
        for (key, should_be) in TYPES {
            let is: String = self.connection.query(cmd("TYPE").arg(key)).await?;
            // Celery's priorities and ours stand in lists of their own.
            if is != "none" && is != should_be {
                return Err(unsuited(Lack::Key { key: key.to_owned(), should_be }));
            }
        }
        let () = self.connection.invoke(&Script::new("return 1").prepare_invoke()).await?;
        let probe = keys::task_meta(&format!("check:{}", Uuid::new_v4()));
        for attempt in attempts(&probe, purpose) {
            self.connection.query::<redis::Value>(&attempt).await?;
        }
        Ok(server)
    }
}

/// What the scripts do, on a key that nobody uses and on the queue's where it changes nothing.
fn attempts(probe: &str, purpose: Purpose) -> Vec<Cmd> {
    let binding = keys::binding(keys::DEFAULT_QUEUE);
    let dead = keys::dead(keys::DEFAULT_QUEUE);
    let gone: [&[&str]; 2] = [&["EXPIRE", probe, "1"], &["DEL", probe]];
    let sending: [&[&str]; 11] = [
        &["LPUSH", probe, "x"],
        gone[0],
        gone[1],
        &["SADD", probe, "x"],
        gone[0],
        gone[1],
        &["ZADD", keys::PUBLISHED, "XX", "0", probe],
        &["ZSCORE", keys::PUBLISHED, probe],
        &["LLEN", keys::DEFAULT_QUEUE],
        &["EXISTS", &binding],
        &["GET", probe],
    ];
    let working: [&[&str]; 14] = [
        &["RPOP", probe],
        &["RPUSH", probe, "x"],
        gone[0],
        gone[1],
        &["HSET", probe, "x", "y"],
        gone[0],
        gone[1],
        &["SETEX", probe, "1", "x"],
        gone[1],
        &["HDEL", keys::UNACKED, probe],
        &["ZREM", keys::UNACKED_INDEX, probe],
        &["EXISTS", &dead],
        &["PUBLISH", probe, "x"],
        &["BLMOVE", probe, probe, "RIGHT", "RIGHT", "0.001"],
    ];

    let working = working.iter().filter(|_| purpose == Purpose::Work);
    let command = |words: &&[&str]| {
        let mut command = cmd(words[0]);
        command.arg(&words[1..]);
        command
    };
    sending.iter().chain(working).map(command).collect()
}
