//! A visitor without a browser: fills in the form, sends it and waits, as the tour and the tests do.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::form::Receipt;

/// What a visitor got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status of the answer.
    pub status: u16,
    /// Where it leads.
    pub location: Option<String>,
    /// From the click to the answer: what the form measured, where it says so.
    pub waited: Duration,
    /// How long the work took, where it was done inside the request.
    pub worked: Option<Duration>,
    /// When the task was handed to the queue, where there is one.
    pub sent: Option<SystemTime>,
}

impl Answer {
    /// The task that the answer leads to, where the form has a queue.
    #[must_use]
    pub fn task_id(&self) -> Option<&str> {
        let (_, query) = self.location.as_deref()?.split_once("?task=")?;
        query.split('&').next()
    }
}

/// Sends the form at `address`, and waits for the answer however long it takes.
///
/// # Errors
/// The connection fails, or what comes back is not HTTP.
pub async fn submit(address: SocketAddr, email: &str, message: &str) -> io::Result<Answer> {
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("email", email)
        .append_pair("message", message)
        .finish();
    let request = format!(
        "POST / HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{form}",
        form.len()
    );
    let clicked = Instant::now();
    let mut connection = TcpStream::connect(address).await?;
    connection.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await?;
    read(&String::from_utf8_lossy(&answer), clicked.elapsed())
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the answer is not HTTP"))
}

fn read(answer: &str, waited: Duration) -> Option<Answer> {
    let (head, _) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let location = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("location").then(|| value.trim().to_owned())
    });
    let query = location.as_deref().and_then(|location| Some(location.split_once('?')?.1));
    let receipt = query.and_then(|query| Receipt::read(query).ok()).unwrap_or_default();
    let waited = receipt.waited.unwrap_or(waited);
    let Receipt { worked, sent, .. } = receipt;
    Some(Answer { status, location, waited, worked, sent })
}
