//! A proxy before Redis that carries a command there and loses the answer.

use std::sync::Arc;
use std::sync::Mutex;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Loses the answer of every command that contains `marker`, `times` times, and breaks the connection then.
pub(crate) struct Proxy {
    pub(crate) url: String,
    losses: Arc<Mutex<Losses>>,
}

struct Losses {
    marker: String,
    left: usize,
    /// Half of the answer arrives before the connection breaks.
    halves: bool,
    /// So that a lost command is followed by some that are not.
    passed: usize,
}

impl Proxy {
    pub(crate) async fn before(url: &str, marker: &str, times: usize) -> Self {
        Self::losing(url, marker, times, false).await
    }

    /// The same, and half of each of these answers arrives.
    pub(crate) async fn cutting(url: &str, marker: &str, times: usize) -> Self {
        Self::losing(url, marker, times, true).await
    }

    async fn losing(url: &str, marker: &str, times: usize, halves: bool) -> Self {
        let redis = url.trim_start_matches("redis://").trim_end_matches("/0").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("redis://{}/0", listener.local_addr().unwrap());
        let marker = marker.to_owned();
        let losses = Losses { marker, left: times, halves, passed: 0 };
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
    /// Every second command with the marker, while there are losses left.
    fn wants(&mut self, request: &[u8]) -> bool {
        let marker = self.marker.as_bytes();
        if self.left == 0 || !request.windows(marker.len()).any(|part| part == marker) {
            return false;
        }
        self.passed += 1;
        let lose = self.passed.is_multiple_of(2);
        self.left -= usize::from(lose);
        lose
    }
}

async fn carry(mut client: TcpStream, mut server: TcpStream, losses: Arc<Mutex<Losses>>) {
    let (mut request, mut answer) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            read = client.read(&mut request) => {
                let Ok(length @ 1..) = read else { return };
                let lose = losses.lock().unwrap().wants(&request[..length]);
                server.write_all(&request[..length]).await.unwrap();
                if lose {
                    // Redis has carried it out when it answers; the client never hears of it.
                    let length = server.read(&mut answer).await.unwrap_or(0);
                    if losses.lock().unwrap().halves {
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
