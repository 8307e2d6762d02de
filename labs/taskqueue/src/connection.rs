//! One connection to Redis that comes back.
//!
//! Commands of many callers share it and are in flight together.
//! After a failure of the connection the next caller opens a new one; whoever failed decides
//! whether to try again, because only the caller knows whether its command may run twice.
//! Every wait is bounded: 2 s to connect, and a limit for each answer.

use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ErrorKind, FromRedisValue,
    IntoConnectionInfo, RedisError, ScriptInvocation,
};
use tokio::sync::Mutex;

use crate::error::BrokerError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

pub(crate) struct Connection {
    client: Client,
    url: String,
    /// How long an answer may take. The redis crate's own default, 500 ms, would cut every blocking command.
    answer_timeout: Duration,
    live: Mutex<Option<Live>>,
}

#[derive(Clone)]
struct Live {
    redis: MultiplexedConnection,
    clock: Clock,
    opened: Instant,
}

/// Redis' time of day, carried forward by this machine's monotonic clock: the two machines' clocks may differ.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    read_at: Instant,
    redis_time: f64,
}

impl Clock {
    /// Redis said `redis_time`, and it was `read_at` here.
    pub(crate) fn new(redis_time: f64, read_at: Instant) -> Self {
        Self { read_at, redis_time }
    }

    /// Redis' time now, in seconds since 1970.
    pub(crate) fn now(self) -> f64 {
        self.at(Instant::now())
    }

    /// Redis' time at `instant`, in seconds since 1970.
    pub(crate) fn at(self, instant: Instant) -> f64 {
        self.redis_time + instant.saturating_duration_since(self.read_at).as_secs_f64()
    }
}

impl Connection {
    /// Reads the URL; connects at the first command.
    pub(crate) fn new(url: &str, answer_timeout: Duration) -> Result<Self, BrokerError> {
        let unusable =
            |error: RedisError| BrokerError::Url { url: redact(url), reason: error.to_string() };
        let info = url.into_connection_info().map_err(unusable)?;
        let shown = format!("redis://{}/{}", info.addr(), info.redis_settings().db());
        let client = Client::open(info).map_err(unusable)?;
        Ok(Self { client, url: shown, answer_timeout, live: Mutex::new(None) })
    }

    /// Another connection to the same Redis, for a command that blocks.
    pub(crate) fn another(&self, answer_timeout: Duration) -> Result<Self, BrokerError> {
        let info = self.client.get_connection_info().clone();
        let client = Client::open(info).map_err(|error| BrokerError::Url {
            url: self.url.clone(),
            reason: error.to_string(),
        })?;
        Ok(Self { client, url: self.url.clone(), answer_timeout, live: Mutex::new(None) })
    }

    /// The address and the database, without user and password.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The number of the database.
    pub(crate) fn db(&self) -> i64 {
        self.client.get_connection_info().redis_settings().db()
    }

    /// Where it is, without user and password; no port for a socket file.
    pub(crate) fn host_and_port(&self) -> (String, Option<u16>) {
        match self.client.get_connection_info().addr() {
            ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
                (host.clone(), Some(*port))
            }
            other => (other.to_string(), None),
        }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Redis' clock, for deadlines that Redis itself is to keep.
    pub(crate) async fn clock(&self) -> Result<Clock, BrokerError> {
        Ok(self.live().await?.clock)
    }

    /// The next command opens a new connection.
    pub(crate) async fn close(&self) {
        *self.live.lock().await = None;
    }

    /// Runs a script: by its digest, and with its text where Redis does not know it yet.
    pub(crate) async fn invoke<T: FromRedisValue>(
        &self,
        call: &ScriptInvocation<'_>,
    ) -> Result<T, BrokerError> {
        let mut live = self.live().await?;
        let answer = call.invoke_async(&mut live.redis).await;
        self.checked(answer, &live).await
    }

    /// Runs one command.
    pub(crate) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, BrokerError> {
        let mut live = self.live().await?;
        let answer = command.query_async(&mut live.redis).await;
        self.checked(answer, &live).await
    }

    async fn live(&self) -> Result<Live, BrokerError> {
        let mut slot = self.live.lock().await;
        if let Some(live) = &*slot {
            return Ok(live.clone());
        }
        let live = self.open().await.map_err(|error| self.failure(error))?;
        Ok(slot.insert(live).clone())
    }

    async fn open(&self) -> Result<Live, RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(self.answer_timeout));
        let mut redis = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        let asked = Instant::now();
        let (seconds, microseconds): (f64, f64) =
            redis::cmd("TIME").query_async(&mut redis).await?;
        let clock = Clock::new(seconds + microseconds / 1e6, asked);
        Ok(Live { redis, clock, opened: asked })
    }

    /// After an error of the connection, or a refusal that a new connection may not meet, forgets `live`.
    async fn checked<T>(
        &self,
        answer: Result<T, RedisError>,
        live: &Live,
    ) -> Result<T, BrokerError> {
        let error = match answer {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        // READONLY, LOADING and the like: another server may answer at this address by now.
        let mut slot = self.live.lock().await;
        if slot.as_ref().is_some_and(|current| current.opened == live.opened) {
            *slot = None;
        }
        Err(self.failure(error))
    }

    pub(crate) fn failure(&self, source: RedisError) -> BrokerError {
        let url = self.url.clone();
        if source.is_timeout() {
            BrokerError::Slow { url, waited: self.answer_timeout }
        } else if source.is_io_error()
            || source.is_connection_dropped()
            || source.is_connection_refusal()
            // An answer that was cut in the middle; or no Redis is there at all.
            || source.kind() == ErrorKind::Parse
        {
            BrokerError::Unreachable { url, source }
        } else {
            BrokerError::Refused { url, source }
        }
    }
}

/// The URL without what stands before its `@`.
fn redact(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://***@{host}"),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        let connection =
            Connection::new("redis://user:secret@127.0.0.1:6379/2", CONNECT_TIMEOUT).unwrap();
        assert_eq!(connection.url(), "redis://127.0.0.1:6379/2");
        let error = Connection::new("redis://user:secret@127.0.0.1:99999/x", CONNECT_TIMEOUT)
            .err()
            .unwrap();
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
