//! Where the queue is: `--broker`, else `REDIS_URL`, else the lab's own.

use std::env::{self, VarError};

use clap::Args;
use taskqueue::{BrokerUrl, InvalidBrokerUrl};

/// Where the lab's Redis is, unless said otherwise.
pub const DEFAULT_BROKER: &str = "redis://127.0.0.1:6379/0";
/// The environment variable that names another.
pub const REDIS_URL: &str = "REDIS_URL";

/// Where the queue is.
#[derive(Clone, Default, Args)]
pub struct BrokerOption {
    /// The broker's URL; by default $REDIS_URL, or redis://127.0.0.1:6379/0. A password is better
    /// kept in $REDIS_URL: other users of this machine can read a program's arguments
    // Read by hand: clap would show a wrong one, and its password with it.
    #[arg(long = "broker", value_name = "URL")]
    named: Option<String>,
}

/// It may hold a password, so it is not shown.
impl std::fmt::Debug for BrokerOption {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "BrokerOption({})", if self.named.is_some() { "named" } else { "not named" })
    }
}

/// `--broker` or `REDIS_URL` is no URL of a broker.
#[derive(Debug, thiserror::Error)]
#[error("{origin}: {source}")]
pub struct BadBroker {
    origin: &'static str,
    source: InvalidBrokerUrl,
}

impl BrokerOption {
    /// The URL that was named by the option or by `REDIS_URL`.
    ///
    /// # Errors
    /// It can't be used; which of the two it was, and why.
    pub fn named(&self) -> Result<Option<BrokerUrl>, BadBroker> {
        let (origin, text) = match (&self.named, env::var(REDIS_URL)) {
            (Some(text), _) => ("--broker", Ok(text.clone())),
            (None, Ok(text)) if !text.is_empty() => (REDIS_URL, Ok(text)),
            (None, Err(VarError::NotUnicode(_))) => (REDIS_URL, Err(InvalidBrokerUrl::not_text())),
            (None, Ok(_) | Err(VarError::NotPresent)) => return Ok(None),
        };
        let url = text.and_then(|text| text.parse());
        url.map(Some).map_err(|source| BadBroker { origin, source })
    }

    /// The URL that was named, or the lab's own.
    ///
    /// # Errors
    /// As [`named`](Self::named).
    pub fn url(&self) -> Result<BrokerUrl, BadBroker> {
        match self.named()? {
            Some(url) => Ok(url),
            None => on_port(6379),
        }
    }
}

/// The broker on a port of this machine.
///
/// # Errors
/// None: every port makes a URL.
pub fn on_port(port: u16) -> Result<BrokerUrl, BadBroker> {
    let url = format!("redis://127.0.0.1:{port}/0");
    url.parse().map_err(|source| BadBroker { origin: "--port", source })
}
