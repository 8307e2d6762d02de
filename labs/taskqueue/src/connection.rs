//! One connection to Redis that comes back.
//!
//! Commands of many callers share it and are in flight together.
//! After a failure of the connection the next caller opens a new one; whoever failed decides
//! whether to try again, because only the caller knows whether its command may run twice.
//! Every wait is bounded: 2 s to connect, and a limit for each answer.
//! It logs in by itself, not by the redis crate, which keeps for itself why Redis said no.

mod stranger;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, ErrorKind, FromRedisValue,
    IntoConnectionInfo, RedisConnectionInfo, RedisError, RedisResult, ScriptInvocation,
};
use tokio::sync::Mutex;

use crate::broker_url::{BrokerUrl, Place};
use crate::error::BrokerError;
use stranger::Found;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

pub(crate) struct Connection {
    url: Arc<BrokerUrl>,
    client: Client,
    /// The same without user, password and database.
    bare: Client,
    /// How long an answer may take. The redis crate's own default, 500 ms, would cut every blocking command.
    answer_timeout: Duration,
    live: Mutex<Option<Live>>,
    /// Whether anybody was reached when we last tried.
    reached: AtomicBool,
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
    /// Connects at the first command.
    pub(crate) fn new(url: Arc<BrokerUrl>, answer_timeout: Duration) -> Result<Self, BrokerError> {
        let unusable = |source| BrokerError::Unreachable { url: Arc::clone(&url), source };
        let client = Client::open(connection_info(&url).map_err(unusable)?).map_err(unusable)?;
        let nobody = RedisConnectionInfo::default().set_skip_set_lib_name();
        let bare = client.get_connection_info().clone().set_redis_settings(nobody);
        let bare = Client::open(bare).map_err(unusable)?;
        let reached = AtomicBool::new(false);
        Ok(Self { url, client, bare, answer_timeout, live: Mutex::new(None), reached })
    }

    /// Another connection to the same Redis, for a command that blocks.
    pub(crate) fn another(&self, answer_timeout: Duration) -> Result<Self, BrokerError> {
        Self::new(Arc::clone(&self.url), answer_timeout)
    }

    pub(crate) fn url(&self) -> &Arc<BrokerUrl> {
        &self.url
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Redis' clock, for deadlines that Redis itself is to keep.
    pub(crate) async fn clock(&self) -> Result<Clock, BrokerError> {
        Ok(self.live().await?.clock)
    }

    /// The connection itself, for commands of the caller's own.
    pub(crate) async fn redis(&self) -> Result<MultiplexedConnection, BrokerError> {
        Ok(self.live().await?.redis)
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
        let live = self.open().await?;
        Ok(slot.insert(live).clone())
    }

    async fn open(&self) -> Result<Live, BrokerError> {
        self.reached.store(false, Ordering::Relaxed);
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(self.answer_timeout));
        let connected = self.bare.get_multiplexed_async_connection_with_config(&config).await;
        let mut redis = connected.map_err(|source| match source.is_timeout() {
            true => self.nobody_within(CONNECT_TIMEOUT),
            false => BrokerError::Unreachable { url: Arc::clone(&self.url), source },
        })?;
        self.reached.store(true, Ordering::Relaxed);
        match self.log_in(&mut redis).await {
            Ok(clock) => Ok(Live { redis, clock, opened: clock.read_at }),
            Err(error) => Err(self.explained(error).await),
        }
    }

    async fn log_in(&self, redis: &mut MultiplexedConnection) -> RedisResult<Clock> {
        let BrokerUrl { db, username, password, .. } = self.url.as_ref();
        if username.is_some() || password.is_some() {
            let mut login = redis::cmd("AUTH");
            login.arg(username).arg(password.as_deref().unwrap_or_default());
            login.query_async::<()>(redis).await?;
        }
        if *db != 0 {
            redis::cmd("SELECT").arg(db).query_async::<()>(redis).await?;
        }
        let asked = Instant::now();
        let (seconds, microseconds): (f64, f64) = redis::cmd("TIME").query_async(redis).await?;
        Ok(Clock::new(seconds + microseconds / 1e6, asked))
    }

    /// Why nobody could log in: where the connection itself failed, by a look at who is there.
    pub(crate) async fn explained(&self, error: RedisError) -> BrokerError {
        let answered = matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension);
        if answered || error.is_timeout() {
            return self.failure(error);
        }
        let url = Arc::clone(&self.url);
        match stranger::find(&self.url.place).await {
            Some(Found::Refusal(source)) => BrokerError::Refused { url, source },
            Some(Found::Other(what)) => BrokerError::NotRedis { url, what },
            None => self.failure(error),
        }
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
        let url = Arc::clone(&self.url);
        if source.is_timeout() {
            BrokerError::Slow { url, waited: self.answer_timeout }
        } else if source.is_io_error()
            || source.is_connection_dropped()
            || source.is_connection_refusal()
            // An answer that was cut in the middle.
            || source.kind() == ErrorKind::Parse
        {
            BrokerError::Unreachable { url, source }
        } else {
            BrokerError::Refused { url, source }
        }
    }

    /// The error of a caller who could `wait` no longer, by how far the last attempt came.
    pub(crate) fn too_late(&self, waited: Duration) -> BrokerError {
        match self.reached.load(Ordering::Relaxed) {
            true => BrokerError::Slow { url: Arc::clone(&self.url), waited },
            false => self.nobody_within(waited),
        }
    }

    fn nobody_within(&self, waited: Duration) -> BrokerError {
        let source = format!("nobody took the connection within {waited:?}");
        let source = io::Error::new(io::ErrorKind::TimedOut, source).into();
        BrokerError::Unreachable { url: Arc::clone(&self.url), source }
    }
}

fn connection_info(url: &BrokerUrl) -> RedisResult<ConnectionInfo> {
    let address = match &url.place {
        Place::Tcp { host, port } => ConnectionAddr::Tcp(host.clone(), *port),
        Place::Socket(path) => ConnectionAddr::Unix(path.into()),
    };
    let mut settings = RedisConnectionInfo::default().set_db(url.db.into());
    if let Some(username) = &url.username {
        // Without a password the redis crate would not log in.
        settings = settings.set_username(username).set_password("");
    }
    if let Some(password) = &url.password {
        settings = settings.set_password(password);
    }
    Ok(address.into_connection_info()?.set_redis_settings(settings))
}
