//! Reading a URL in kombu's steps: scheme, address, path and query, each with Python's rules.
//!
//! kombu reads what follows the scheme as it would read `http://…` (`kombu.utils.url`), and gives
//! `redis+socket://` its path and its `virtual_host` (`kombu.transport.redis`). `unix://` is
//! redis-py's, with its `db`.

use std::net::Ipv6Addr;

use super::invalid::Reason;
use super::{BrokerUrl, InvalidBrokerUrl, Place};

/// Schemes that may be shown: another text before `://` could be anything.
const KNOWN: [&str; 21] = [
    "redis",
    "rediss",
    "redis+socket",
    "redis+unix",
    "redis+redis",
    "unix",
    "socket",
    "sentinel",
    "valkey",
    "valkeys",
    "keydb",
    "keydbs",
    "amqp",
    "amqps",
    "pyamqp",
    "memory",
    "sqs",
    "kafka",
    "http",
    "https",
    "tcp",
];

/// What follows the scheme.
struct Rest<'a> {
    userinfo: &'a str,
    hostinfo: &'a str,
    path: &'a str,
    query: &'a str,
}

pub(super) fn parse(text: &str) -> Result<BrokerUrl, InvalidBrokerUrl> {
    // As Python's urlsplit does.
    let text: String = text.chars().filter(|letter| !"\t\r\n".contains(*letter)).collect();
    let (written, rest) = text.split_once("://").unwrap_or_default();
    let lower = written.to_ascii_lowercase();
    let scheme = KNOWN.into_iter().find(|known| **known == lower);
    // Before its + kombu does not fold case.
    let scheme = scheme.filter(|known| !known.contains('+') || written.starts_with("redis+"));
    let refused = |reason| InvalidBrokerUrl { scheme, reason };
    match scheme {
        None => Err(Reason::NoScheme),
        Some("rediss" | "valkeys" | "keydbs") => Err(Reason::Tls),
        Some("sentinel") => Err(Reason::Sentinel),
        _ if rest.contains(';') => Err(Reason::Several),
        Some("redis") => Rest::of(rest, true).and_then(tcp),
        Some("redis+socket") => Rest::of(rest, false).and_then(|rest| socket(rest, "virtual_host")),
        Some("unix") => Rest::of(rest, false).and_then(|rest| socket(rest, "db")),
        Some("socket" | "redis+unix" | "redis+redis") => Err(Reason::SocketScheme),
        Some(_) => Err(Reason::NotRedis),
    }
    .map_err(refused)
}

impl<'a> Rest<'a> {
    /// An `@` behind the address is a slip: what stands before it would be taken for something
    /// that may be shown. A socket file's name may have one.
    fn of(rest: &'a str, slip_in_path: bool) -> Result<Self, Reason> {
        let (netloc, rest) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        if [query, fragment].iter().any(|part| part.contains('@'))
            || slip_in_path && path.contains('@')
        {
            return Err(Reason::At);
        }
        if netloc.contains('[') != netloc.contains(']') {
            return Err(Reason::Ipv6);
        }
        let (userinfo, hostinfo) = netloc.rsplit_once('@').unwrap_or(("", netloc));
        Ok(Self { userinfo, hostinfo, path, query })
    }

    fn login(&self) -> Result<[Option<String>; 2], Reason> {
        let (username, password) = self.userinfo.split_once(':').unwrap_or((self.userinfo, ""));
        let [username, password] =
            [username, password].map(|part| Some(unquote(part)).filter(|part| !part.is_empty()));
        match &username {
            Some(name) if name.chars().any(char::is_control) => Err(Reason::Control),
            _ => Ok([username, password]),
        }
    }

    /// Names and values, without those that say nothing (`parse_qsl`).
    fn options(&self) -> impl Iterator<Item = (String, String)> {
        let pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        let pairs = pairs.filter(|(_, value)| !value.is_empty());
        pairs.map(|(name, value)| (unquote_plus(name), unquote_plus(value)))
    }
}

fn tcp(rest: Rest<'_>) -> Result<BrokerUrl, Reason> {
    let (host, port) = address(rest.hostinfo)?;
    for (name, value) in rest.options() {
        match name.as_str() {
            // kombu takes these for every transport, and the one for Redis does not use them.
            "connect_timeout" | "insist" | "login_method" => {}
            "heartbeat" if value.trim().parse::<f64>().is_ok() => {}
            "db" | "virtual_host" => return Err(Reason::DatabaseInQuery),
            name if name.starts_with("ssl") => return Err(Reason::Tls),
            _ => return Err(Reason::Option),
        }
    }
    let path = unquote(rest.path.strip_prefix('/').unwrap_or(rest.path));
    let [username, password] = rest.login()?;
    Ok(BrokerUrl { place: Place::Tcp { host, port }, db: database(&path)?, username, password })
}

fn socket(rest: Rest<'_>, database_option: &str) -> Result<BrokerUrl, Reason> {
    if address(rest.hostinfo).is_err() || rest.hostinfo.contains(':') {
        return Err(Reason::SocketPort);
    }
    let mut db = 0;
    for (name, value) in rest.options() {
        match name.as_str() {
            name if name == database_option => db = database(&value)?,
            "db" | "virtual_host" => return Err(Reason::DatabaseInQuery),
            _ => return Err(Reason::Option),
        }
    }
    let path = unquote(rest.path);
    match path.strip_prefix('/') {
        None | Some("") => return Err(Reason::NoPath),
        _ if path.chars().any(char::is_control) => return Err(Reason::Control),
        _ if !cfg!(unix) => return Err(Reason::NoSocketsHere),
        _ => {}
    }
    let [username, password] = rest.login()?;
    Ok(BrokerUrl { place: Place::Socket(path), db, username, password })
}

/// Host and port; to connect to "any address" (0.0.0.0, ::) is to connect to this machine.
fn address(hostinfo: &str) -> Result<(String, u16), Reason> {
    let (host, port) = match hostinfo.split_once('[') {
        Some((_, bracketed)) => {
            let (host, rest) = bracketed.split_once(']').ok_or(Reason::Ipv6)?;
            let without_zone = host.split('%').next().unwrap_or_default();
            without_zone.parse::<Ipv6Addr>().map_err(|_| Reason::Ipv6)?;
            (host, rest.split_once(':').map_or("", |(_, port)| port))
        }
        None => hostinfo.split_once(':').unwrap_or((hostinfo, "")),
    };
    let port = match port {
        "" => 6379,
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            // As in kombu, 0 is no port, and the usual one is meant.
            Some(digits.parse().map_err(|_| Reason::Port)?)
                .filter(|port| *port != 0)
                .unwrap_or(6379)
        }
        _ => return Err(Reason::Port),
    };
    let (name, zone) = host.split_at(host.find('%').unwrap_or(host.len()));
    let host = unquote(&format!("{}{zone}", name.to_lowercase()));
    let impossible = |letter: char| letter.is_whitespace() || letter.is_control();
    match host.as_str() {
        "" | "0.0.0.0" => Ok(("127.0.0.1".to_owned(), port)),
        "::" => Ok(("::1".to_owned(), port)),
        host if host.contains(impossible) || host.contains(['"', '\'', '/']) => Err(Reason::Host),
        _ => Ok((host, port)),
    }
}

/// The database of a path, or of an option: empty is 0, one slash before it is left out.
fn database(text: &str) -> Result<u32, Reason> {
    let number = text.strip_prefix('/').unwrap_or(text).trim();
    if text.is_empty() || text == "/" {
        return Ok(0);
    }
    let digits = number.strip_prefix('+').unwrap_or(number);
    match digits.parse() {
        Ok(db) if digits.starts_with(|digit: char| digit.is_ascii_digit()) => Ok(db),
        _ => Err(Reason::Database),
    }
}

/// `%41` is `A`; a `%` that stands for nothing stays.
fn unquote(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = if *first == b'%' { tail.get(..2).and_then(hexadecimal) } else { None };
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hexadecimal(digits: &[u8]) -> Option<u8> {
    let text = std::str::from_utf8(digits).ok()?;
    let all = digits.iter().all(u8::is_ascii_hexdigit);
    all.then(|| u8::from_str_radix(text, 16).ok()).flatten()
}

fn unquote_plus(text: &str) -> String {
    unquote(&text.replace('+', " "))
}

/// The reverse, for a path.
pub(super) fn quote(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/_-.~@".contains(&byte);
    let one = |byte: u8| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    path.bytes().map(one).collect()
}
