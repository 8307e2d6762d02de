//! Where a broker is: a URL as Celery's `broker_url`, read as kombu's Redis transport reads it.
//!
//! Host, port and database default to 127.0.0.1, 6379 and 0. A URL that Celery would refuse is
//! refused here, and so is one whose database broker and result backend would read differently:
//! nobody lands in another database without a word. Pure: nothing is connected to.
//! What is shown of a URL is its address and database, never who logs in and how; of a URL that
//! can't be read nothing but its scheme.

mod invalid;
mod parse;
mod redis_cli;
#[cfg(test)]
mod table;

use std::fmt;
use std::str::FromStr;

pub use invalid::InvalidBrokerUrl;

/// A broker's address, its database, and who logs in there.
///
/// ```
/// use taskqueue::BrokerUrl;
///
/// let url: BrokerUrl = "redis://:secret@[::1]:7000/3".parse()?;
/// assert_eq!(url.to_string(), "redis://[::1]:7000/3");
/// assert_eq!(url.redis_cli(), "redis-cli -h ::1 -p 7000 -n 3 --askpass");
/// # Ok::<(), taskqueue::InvalidBrokerUrl>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct BrokerUrl {
    pub(crate) place: Place,
    pub(crate) db: u32,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<String>,
}

/// The address alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// An IPv6 address stands here without its brackets.
    Tcp { host: String, port: u16 },
    /// A socket file, by its absolute path.
    Socket(String),
}

impl BrokerUrl {
    /// The database's number; 0 unless the URL names another.
    #[must_use]
    pub fn db(&self) -> u32 {
        self.db
    }

    /// The host, without brackets, and its port; the path alone of a socket file.
    #[must_use]
    pub fn host_and_port(&self) -> (&str, Option<u16>) {
        match &self.place {
            Place::Tcp { host, port } => (host, Some(*port)),
            Place::Socket(path) => (path, None),
        }
    }

    /// Who logs in; none for Redis' default user.
    #[must_use]
    pub fn username(&self) -> Option<&str> {
        self.username.as_deref()
    }

    /// Whether it has a password.
    #[must_use]
    pub fn has_password(&self) -> bool {
        self.password.is_some()
    }
}

impl FromStr for BrokerUrl {
    type Err = InvalidBrokerUrl;

    fn from_str(text: &str) -> Result<Self, InvalidBrokerUrl> {
        parse::parse(text)
    }
}

/// The address and the database, without user and password; it can be read again.
impl fmt::Display for BrokerUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.place, self.db) {
            (Place::Tcp { host, port }, db) if host.contains(':') => {
                write!(out, "redis://[{}]:{port}/{db}", host.replace('%', "%25"))
            }
            (Place::Tcp { host, port }, db) => write!(out, "redis://{host}:{port}/{db}"),
            (Place::Socket(path), 0) => write!(out, "redis+socket://{}", parse::quote(path)),
            (Place::Socket(path), db) => {
                write!(out, "redis+socket://{}?virtual_host={db}", parse::quote(path))
            }
        }
    }
}

/// As it is shown: no secret gets out by `{:?}` either.
impl fmt::Debug for BrokerUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "BrokerUrl({self})")
    }
}
