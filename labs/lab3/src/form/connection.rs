//! One connection: one request, one answer, and an end to every wait.
//!
//! Connections are not kept alive: then no visitor holds a place between two requests, and a server
//! with one turn is frozen by the work, not by an idle browser. After the answer the connection
//! lingers for what the visitor still sends: closing with unread bytes makes the system send a reset,
//! which can overtake the page that says why they were not read.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Either;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::answer::Answer;
use super::answers::Answers;
use super::event::FormEvent;
use super::limits::Limits;
use super::places::Place;

const LARGEST_HEAD: usize = 16 * 1024;
const MOST_HEADERS: usize = 64;
/// How every TLS connection begins.
const TLS_HANDSHAKE: u8 = 0x16;
const LONGEST_LINGER: Duration = Duration::from_secs(1);

/// Serves what arrives on `stream` until it is answered, too slow, or gone.
pub(super) async fn run<A: Answers>(site: Arc<A>, stream: TcpStream, place: Place) {
    let (answered, kind) = watch::channel(None);
    let service = service_fn(|request| {
        // `poll_without_shutdown` wants a future that may be moved.
        Box::pin(async {
            let answer = Arc::clone(&site).answer(request, || place.keep()).await;
            answered.send_replace(Some(Kind::of(&answer)));
            Ok::<_, Infallible>(answer)
        })
    });
    let mut connection = http(site.limits()).serve_connection(TokioIo::new(stream), service);
    let mut not_taken = pin!(not_taken(kind, site.limits()));
    let mut stopping = false;
    let ended = loop {
        tokio::select! {
            ended = poll_fn(|cx| connection.poll_without_shutdown(cx)) => break ended,
            is_page = &mut not_taken => {
                // A browser that is halted, or asleep, takes nothing from its streams.
                if is_page {
                    dropped(&*site, "the answer was not taken");
                }
                return;
            }
            () = site.stopping().cancelled(), if !stopping => {
                stopping = true;
                std::pin::Pin::new(&mut connection).graceful_shutdown();
            }
        }
    };
    let parts = connection.into_parts();
    if let Err(error) = ended
        && is_news(&error, !parts.read_buf.is_empty())
    {
        dropped(&*site, &words(&error, &parts.read_buf));
    }
    place.spare();
    linger(parts.io.into_inner()).await;
}

fn http(limits: &Limits) -> http1::Builder {
    let mut http = http1::Builder::new();
    // Without a timer hyper ignores the header timeout, and a silent visitor stays for ever.
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(LARGEST_HEAD)
        .max_headers(MOST_HEADERS)
        .keep_alive(false);
    http
}

/// Whoever closes a page, goes back or stops a stream closes a connection, and browsers open some
/// ahead of need and never use them. What is left is a head that is none, or does not end.
fn is_news(error: &hyper::Error, began: bool) -> bool {
    error.is_parse() || error.is_timeout() && began
}

fn words(error: &hyper::Error, heard: &[u8]) -> String {
    match heard {
        [TLS_HANDSHAKE, ..] => "it speaks TLS; the address begins with http:// here".to_owned(),
        _ => error.to_string(),
    }
}

/// Returns when the answer has been there for as long as that kind of answer may take; says whether
/// it was a page, and no stream.
async fn not_taken(mut kind: watch::Receiver<Option<Kind>>, limits: &Limits) -> bool {
    let answered = kind.wait_for(Option::is_some).await.map(|kind| *kind);
    match answered {
        Ok(Some(kind)) => {
            tokio::time::sleep(kind.patience(limits)).await;
            kind == Kind::Page
        }
        _ => std::future::pending().await,
    }
}

fn dropped(site: &impl Answers, reason: &str) {
    let reason = reason.to_owned();
    site.observe(FormEvent::Dropped { reason });
}

/// What kind of answer it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Page,
    Stream,
}

impl Kind {
    fn of(answer: &Answer) -> Self {
        match answer.body() {
            Either::Left(_) => Self::Page,
            Either::Right(_) => Self::Stream,
        }
    }

    /// How long a visitor may need to take it.
    fn patience(self, limits: &Limits) -> Duration {
        match self {
            Self::Page => limits.answer,
            Self::Stream => limits.stream + limits.answer,
        }
    }
}

/// Whatever happens here, the answer is out, hyper's own 400 or 431 included.
async fn linger(mut stream: TcpStream) {
    let drain = async {
        let mut unread = [0; 4096];
        if stream.shutdown().await.is_ok() {
            while matches!(stream.read(&mut unread).await, Ok(1..)) {}
        }
    };
    let _ = tokio::time::timeout(LONGEST_LINGER, drain).await;
}
