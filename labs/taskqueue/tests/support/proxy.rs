//! A proxy before Redis that carries a command there and loses the answer.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Longer than anybody waits for an answer.
const LATE: Duration = Duration::from_secs(6);

/// Loses the answer of every command that contains `marker`, `times` times, and breaks the connection then.
pub(crate) struct Proxy {
    pub(crate) url: String,
    losses: Arc<Mutex<Losses>>,
}

struct Losses {
    marker: String,
    left: usize,
    and: And,
    /// So that a lost command is followed by some that are not.
    passed: usize,
    refuse_next: bool,
}

/// What goes with a loss.
#[derive(Clone, Copy, PartialEq, Eq)]
enum And {
    Nothing,
    /// Half of the answer arrives before the connection breaks.
    Half,
    /// The next command with the marker is refused, and never reaches Redis.
    Refusal,
    /// The command itself arrives when nobody waits for its answer any more.
    Lateness,
}

/// What becomes of a request.
enum Fate {
    Carry,
    Hold,
    Lose,
    Refuse,
}

impl Proxy {
    pub(crate) async fn before(url: &str, marker: &str, times: usize) -> Self {
        Self::losing(url, marker, times, And::Nothing).await
    }

    /// The same, and half of each of these answers arrives.
    pub(crate) async fn cutting(url: &str, marker: &str, times: usize) -> Self {
        Self::losing(url, marker, times, And::Half).await
    }

    /// The same, and after each of them the next command is refused as by a Redis that has just come back.
    pub(crate) async fn refusing(url: &str, marker: &str, times: usize) -> Self {
        Self::losing(url, marker, times, And::Refusal).await
    }

    /// Holds the first of these commands back, for longer than its sender waits.
    pub(crate) async fn late(url: &str, marker: &str) -> Self {
        Self::losing(url, marker, 1, And::Lateness).await
    }

    async fn losing(url: &str, marker: &str, times: usize, and: And) -> Self {
        let redis = url.trim_start_matches("redis://").trim_end_matches("/0").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("redis://{}/0", listener.local_addr().unwrap());
        let marker = marker.to_owned();
        let losses = Losses { marker, left: times, and, passed: 0, refuse_next: false };
        let losses = Arc::new(Mutex::new(losses));
        let shared = Arc::clone(&losses);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&redis).await.unwrap();
                tokio::spawn(carry(client, server, Arc::clone(&shared)));
            }
        });
        Self { url, losses }
    }

    /// How many answers are still to be lost.
    pub(crate) fn left(&self) -> usize {
        self.losses.lock().unwrap().left
    }
}

impl Losses {
    /// Every second command with the marker is lost, while there are losses left.
    fn judge(&mut self, request: &[u8]) -> Fate {
        let marker = self.marker.as_bytes();
        if !request.windows(marker.len()).any(|part| part == marker) {
            return Fate::Carry;
        }
        if std::mem::take(&mut self.refuse_next) {
            return Fate::Refuse;
        }
        if self.and == And::Lateness && self.passed == 0 {
            self.passed += 1;
            return Fate::Hold;
        }
        self.passed += 1;
        if self.left == 0 || self.and == And::Lateness || !self.passed.is_multiple_of(2) {
            return Fate::Carry;
        }
        self.left -= 1;
        self.refuse_next = self.and == And::Refusal;
        Fate::Lose
    }
}

async fn carry(mut client: TcpStream, mut server: TcpStream, losses: Arc<Mutex<Losses>>) {
    let (mut request, mut answer) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            read = client.read(&mut request) => {
                let Ok(length @ 1..) = read else { return };
                let fate = losses.lock().unwrap().judge(&request[..length]);
                if matches!(fate, Fate::Refuse) {
                    let _ = client.write_all(b"-LOADING Redis is loading its data\r\n").await;
                    continue;
                }
                if matches!(fate, Fate::Hold) {
                    tokio::time::sleep(LATE).await;
                }
                server.write_all(&request[..length]).await.unwrap();
                if matches!(fate, Fate::Hold) {
                    let _ = server.read(&mut answer).await;
                    losses.lock().unwrap().left = 0;
                    return;
                }
                if matches!(fate, Fate::Lose) {
                    // Redis has carried it out when it answers; the client never hears of it.
                    let length = server.read(&mut answer).await.unwrap_or(0);
                    if losses.lock().unwrap().and == And::Half {
                        let _ = client.write_all(&answer[..length / 2]).await;
                    }
                    return;
                }
            }
            read = server.read(&mut answer) => {
                let Ok(length @ 1..) = read else { return };
                if client.write_all(&answer[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}
