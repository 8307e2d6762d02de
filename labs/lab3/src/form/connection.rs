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
const LONGEST_LINGER: Duration = Duration::from_secs(1);

/// Serves what arrives on `stream` until it is answered, too slow, or gone.
pub(super) async fn run<A: Answers>(site: Arc<A>, stream: TcpStream, place: Place) {
    let (answered, patience) = watch::channel(None);
    let service = service_fn(|request| {
        // `poll_without_shutdown` wants a future that may be moved.
        Box::pin(async {
            let answer = Arc::clone(&site).answer(request, || place.keep()).await;
            answered.send_replace(Some(patience_with(&answer, site.limits())));
            Ok::<_, Infallible>(answer)
        })
    });
    let mut connection = http(site.limits()).serve_connection(TokioIo::new(stream), service);
    let mut not_taken = pin!(not_taken(patience));
    let mut stopping = false;
    let ended = loop {
        tokio::select! {
            ended = poll_fn(|cx| connection.poll_without_shutdown(cx)) => break ended,
            () = &mut not_taken => return dropped(&*site, "the answer was not taken"),
            () = site.stopping().cancelled(), if !stopping => {
                stopping = true;
                std::pin::Pin::new(&mut connection).graceful_shutdown();
            }
        }
    };
    let parts = connection.into_parts();
    if let Err(error) = ended {
        // Browsers open connections ahead of need; one that stayed silent is no visitor.
        if !(error.is_timeout() && parts.read_buf.is_empty()) {
            dropped(&*site, &error.to_string());
        }
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

/// Returns when the answer has been there for as long as that kind of answer may take.
async fn not_taken(mut patience: watch::Receiver<Option<Duration>>) {
    let limit = patience.wait_for(Option::is_some).await.map(|limit| *limit);
    match limit {
        Ok(Some(limit)) => tokio::time::sleep(limit).await,
        _ => std::future::pending().await,
    }
}

fn dropped(site: &impl Answers, reason: &str) {
    let reason = reason.to_owned();
    site.observe(FormEvent::Dropped { reason });
}

/// How long a visitor may need to take this answer.
fn patience_with(answer: &Answer, limits: &Limits) -> Duration {
    match answer.body() {
        Either::Left(_) => limits.answer,
        Either::Right(_) => limits.stream + limits.answer,
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
