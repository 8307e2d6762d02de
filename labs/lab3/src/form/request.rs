//! From a request to what is wanted, or why not: every check before the form sees a byte.
//!
//! hyper speaks HTTP but judges little: it hands over requests with no Host or two, CONNECT, TRACE,
//! and bodies of any length and pace. The order of the checks is cheapest first; the body comes last
//! and only for a POST to `/`.

use std::time::Duration;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::Request;
use hyper::body::{Bytes, Incoming};
use hyper::header::{
    ACCEPT, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderName, ORIGIN,
    TRANSFER_ENCODING,
};
use hyper::http::request::Parts;
use uuid::Uuid;

use super::limits::Limits;
use super::receipt::{Receipt, is_id};
use super::rejection::Rejection;
use super::urlencoded;

/// What the visitor wants.
pub(super) enum Wanted {
    /// The form, empty.
    Form(Fields),
    /// The page after it; with a task's id, its progress.
    Success(Receipt),
    /// The progress as a stream.
    Progress(Receipt),
    /// The progress as it is now.
    State(Receipt),
    /// To submit what the body says.
    Submit(Fields),
}

/// The form's fields as they were typed; one that is missing is empty.
#[derive(Debug)]
pub(super) struct Fields {
    pub(super) email: String,
    pub(super) message: String,
    pub(super) token: String,
}

/// Reads a request as far as it is needed, and no further than it is allowed.
pub(super) async fn read(request: Request<Incoming>, limits: &Limits) -> Result<Wanted, Rejection> {
    let (head, body) = request.into_parts();
    let host = check_host(&head)?;
    check_length(&head.headers, limits.body)?;
    let mut wanted = route(&head)?;
    if matches!(wanted, Wanted::Submit(_) | Wanted::Progress(_) | Wanted::State(_)) {
        check_origin(&head.headers, host)?;
    }
    if let Wanted::Submit(fields) = &mut wanted {
        check_content_type(&head.headers)?;
        let body = read_body(body, limits.body, limits.body_time()).await?;
        *fields = Fields::parse(&body).ok_or(Rejection::Malformed)?;
    }
    Ok(wanted)
}

/// Only names of this machine: otherwise a foreign site could point its own name at 127.0.0.1 and
/// read the answers as its own (DNS rebinding).
pub(crate) fn check_host(head: &Parts) -> Result<&str, Rejection> {
    let mut hosts = head.headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return Err(Rejection::NoHost);
    };
    let host = host.to_str().map_err(|_| Rejection::ForeignHost)?;
    let agrees = |authority: &str| authority.eq_ignore_ascii_case(host);
    let named_twice = head.uri.authority().is_none_or(|a| agrees(a.as_str()));
    if named_twice && is_ours(host) { Ok(host) } else { Err(Rejection::ForeignHost) }
}

/// Any port will do, because the name is what a foreign site can't have; the port may be forwarded.
fn is_ours(host: &str) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        // The last colon of `[::1]` belongs to the address.
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        _ => (host, None),
    };
    let digits = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    let port = port.is_none_or(|port| digits(port) && port.parse::<u16>().is_ok());
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    port && ["localhost", "127.0.0.1", "[::1]"].contains(&name.as_str())
}

/// A length that is announced is judged before a byte of it is read.
pub(crate) fn check_length(headers: &HeaderMap, limit: usize) -> Result<(), Rejection> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok());
    let announced = announced.and_then(|length| length.parse::<u64>().ok());
    let limit = u64::try_from(limit).unwrap_or(u64::MAX);
    if announced.is_some_and(|length| length > limit) {
        return Err(Rejection::TooLarge);
    }
    Ok(())
}

fn route(head: &Parts) -> Result<Wanted, Rejection> {
    let query = head.uri.query().unwrap_or_default();
    match (head.method.as_str(), head.uri.path()) {
        ("GET" | "HEAD", "/") => Ok(Wanted::Form(Fields::blank())),
        ("POST", "/") => Ok(Wanted::Submit(Fields::blank())),
        ("GET" | "HEAD", "/success/") => Ok(Wanted::Success(Receipt::read(query)?)),
        (_, "/success/") => Err(Rejection::Method { allow: "GET, HEAD" }),
        ("GET", "/progress/") if wants_json(&head.headers) => {
            Ok(Wanted::State(Receipt::read(query)?))
        }
        ("GET", "/progress/") => Ok(Wanted::Progress(Receipt::read(query)?)),
        (_, "/progress/") => Err(Rejection::Method { allow: "GET" }),
        ("GET" | "HEAD" | "POST", _) => Err(Rejection::NotFound),
        _ => Err(Rejection::Method { allow: "GET, HEAD, POST" }),
    }
}

/// Whoever listens to a stream says that it takes one, or nothing.
pub(crate) fn wants_json(headers: &HeaderMap) -> bool {
    headers.get_all(ACCEPT).iter().any(|accept| accept == "application/json")
}

/// `Sec-Fetch-Site` where the browser sends it, else `Origin`; a client without either is no
/// browser, and nobody can be tricked into using it. Where one is sent twice, each must be right.
pub(crate) fn check_origin(headers: &HeaderMap, host: &str) -> Result<(), Rejection> {
    let own_origin = format!("http://{host}");
    let mut sites = headers.get_all(HeaderName::from_static("sec-fetch-site")).iter().peekable();
    let mut origins = headers.get_all(ORIGIN).iter();
    let own = match sites.peek() {
        Some(_) => sites.all(|site| site == "same-origin" || site == "none"),
        None => origins.all(|o| o.as_bytes().eq_ignore_ascii_case(own_origin.as_bytes())),
    };
    if own { Ok(()) } else { Err(Rejection::CrossOrigin) }
}

fn check_content_type(headers: &HeaderMap) -> Result<(), Rejection> {
    let mut content_types = headers.get_all(CONTENT_TYPE).iter();
    let (Some(content_type), None) = (content_types.next(), content_types.next()) else {
        return Err(Rejection::NotAForm);
    };
    let content_type = content_type.to_str().unwrap_or_default().to_ascii_lowercase();
    let mut parts = content_type.split(';').map(str::trim);
    let urlencoded = parts.next() == Some("application/x-www-form-urlencoded");
    let utf_8 = parts.all(|part| match part.strip_prefix("charset=") {
        Some(charset) => matches!(charset.trim_matches('"'), "utf-8" | "utf8"),
        None => true,
    });
    // hyper takes the chunks apart, and hands a coding below them over as it came.
    let encoded = headers.contains_key(CONTENT_ENCODING)
        || headers.get_all(TRANSFER_ENCODING).iter().any(|coding| coding != "chunked");
    if urlencoded && utf_8 && !encoded { Ok(()) } else { Err(Rejection::NotAForm) }
}

/// A chunked body announces no length, so bytes and seconds are counted while it arrives.
async fn read_body(body: Incoming, limit: usize, time: Duration) -> Result<Bytes, Rejection> {
    let whole = Limited::new(body, limit).collect();
    match tokio::time::timeout(time, whole).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Rejection::TooLarge),
        Ok(Err(_)) => Err(Rejection::BrokenOff),
        Err(_) => Err(Rejection::TooSlow),
    }
}

impl Fields {
    /// Nothing typed yet, under a token of its own.
    pub(super) fn blank() -> Self {
        Self { email: String::new(), message: String::new(), token: Uuid::new_v4().to_string() }
    }

    /// A client that sends no token, curl for instance, gets one: it never repeats itself.
    fn parse(body: &[u8]) -> Option<Self> {
        let pairs = urlencoded::pairs(body)?;
        let field = |name| urlencoded::last(&pairs, name).map(str::to_owned);
        let blank = Self::blank();
        Some(Self {
            email: field("email").unwrap_or_default(),
            message: field("message").unwrap_or_default(),
            token: field("token").filter(|t| is_id(t)).unwrap_or(blank.token),
        })
    }
}
