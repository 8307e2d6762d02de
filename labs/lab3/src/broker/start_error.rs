//! Why no broker could be started.

use std::io;

use taskqueue::BrokerError;

use super::TooOld;
use crate::settings::BadBroker;
use crate::system::System;

/// No broker could be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No redis-server is installed.
    #[error(
        "there is no redis-server on the PATH\n  next: leave --redis-server out, or install it: {}",
        System::here().install_redis()
    )]
    NotInstalled,
    /// The redis-server that is installed is too old.
    #[error("{0}\n  next: install a newer one, or leave --redis-server out")]
    TooOld(TooOld),
    /// Something is there that is no broker for us.
    #[error("port {port} is taken: {by}\n  next: {next}")]
    Taken {
        /// The port.
        port: u16,
        /// Who has it.
        by: String,
        /// What helps with that.
        next: String,
    },
    /// The URL of a port, which can't fail.
    #[error(transparent)]
    Url(#[from] BadBroker),
    /// The port is taken.
    #[error(
        "port {port} can't be had: {source}\n  next: stop what uses it, or choose another with --port"
    )]
    Port {
        /// The port.
        port: u16,
        /// The system's own words.
        source: io::Error,
    },
    /// It was started and does not answer.
    #[error(
        "{program} was started and does not answer: {last}\n  next: start it by hand to see why, or use --builtin"
    )]
    Silent {
        /// What was started.
        program: String,
        /// The last that it said.
        last: String,
    },
}

/// What is at `port` instead of a broker, in words.
pub(super) fn taken(port: u16, error: &BrokerError) -> StartError {
    let by = match error {
        BrokerError::Refused { .. } => format!("a Redis is there, and {}", error.reason()),
        BrokerError::Unsuited { server, .. } => format!("{server} is there: {}", error.reason()),
        BrokerError::NotRedis { what, .. } => format!("{what} is there"),
        _ => "something is there that does not answer".to_owned(),
    };
    let other = port.checked_add(1).unwrap_or(6380);
    let next = match error {
        BrokerError::Refused { .. } if error.wants_password() => format!(
            "for that one, REDIS_URL=redis://:PASSWORD@127.0.0.1:{port}/0 in the\n        \
             other terminals; for one of your own, --port {other}"
        ),
        _ => format!("stop it, or choose another with --port {other}"),
    };
    StartError::Taken { port, by, next }
}
