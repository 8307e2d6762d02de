//! What is wrong with a broker's URL, and how it is written instead.

use std::fmt;

/// A URL that names no Redis that can be used. Of the URL nothing is shown but its scheme: whatever
/// is wrong with it, its password may stand where nobody looks for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidBrokerUrl {
    pub(super) scheme: Option<&'static str>,
    pub(super) reason: Reason,
}

impl InvalidBrokerUrl {
    /// What was to be a URL is no text at all, as an environment variable may be.
    #[must_use]
    pub fn not_text() -> Self {
        Self { scheme: None, reason: Reason::NotText }
    }
}

/// Everything that a URL is refused for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    NoScheme,
    NotRedis,
    Tls,
    Sentinel,
    Several,
    SocketScheme,
    At,
    Port,
    Ipv6,
    Host,
    Database,
    DatabaseInQuery,
    Option,
    NoPath,
    SocketPort,
    NoSocketsHere,
    Control,
    NotText,
}

impl Reason {
    fn cause(self) -> &'static str {
        match self {
            Self::NotText => "it is no text in UTF-8",
            Self::NoScheme => "it does not begin with redis://",
            Self::NotRedis => "it is the scheme of something else",
            Self::Tls => "TLS is not spoken here",
            Self::Sentinel => "Sentinels are not asked here",
            Self::Several => "it has a ; as between several brokers",
            Self::SocketScheme => "Celery knows no such scheme",
            Self::At => "there is an @ behind the address",
            Self::Port => "what stands behind the host's colon is no port",
            Self::Ipv6 => "its brackets hold no IPv6 address",
            Self::Host => "its host can't be one",
            Self::Database => "its database is no number from 0",
            Self::DatabaseInQuery => {
                "Celery's broker and its result backend would read this database differently"
            }
            Self::Option => "an option behind its ? is not known here",
            Self::NoPath => "it names no socket file",
            Self::SocketPort => "a socket file has no port",
            Self::NoSocketsHere => "there are no socket files on this system",
            Self::Control => "it has a control character in it",
        }
    }

    fn next_step(self) -> &'static str {
        const FORM: &str = "write it as redis://:PASSWORD@HOST:6379/0";
        const SOCKET: &str = "write it as redis+socket:///path/to/redis.sock?virtual_host=0";
        match self {
            Self::NoScheme | Self::NotRedis | Self::Host | Self::NoSocketsHere => FORM,
            Self::Tls => {
                "name a port of that Redis without TLS, or a tunnel to it (stunnel, ssh -L)"
            }
            Self::Sentinel => {
                "name the Redis itself: redis-cli -p 26379 SENTINEL masters tells which it is"
            }
            Self::Several => "name one of them; a ; inside a password is written %3B",
            Self::SocketScheme | Self::NoPath | Self::SocketPort => SOCKET,
            Self::At => "write a password's / ? # as %2F %3F %23, its @ as %40",
            Self::Port => "write a number from 1 to 65535; in a password : is %3A and / is %2F",
            Self::Ipv6 => "write redis://[::1]:6379/0; in a password [ is %5B and ] is %5D",
            Self::Database => "write the number behind the last slash, as in redis://HOST:6379/4",
            Self::DatabaseInQuery => {
                "redis://HOST:6379/4, or redis+socket:///path?virtual_host=4, says it to both"
            }
            Self::Option => "leave it out",
            Self::Control => "write it anew; perhaps it was pasted with something invisible",
            Self::NotText => "write a letter that is not ASCII as %XX",
        }
    }
}

impl fmt::Display for InvalidBrokerUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (reason, next) = (self.reason.cause(), self.reason.next_step());
        match self.scheme {
            Some(scheme) => write!(out, "the broker's URL ({scheme}://…) can't be used: {reason}")?,
            None => write!(out, "the broker's URL can't be used: {reason}")?,
        }
        write!(out, "\n  next: {next}")
    }
}

impl std::error::Error for InvalidBrokerUrl {}
