//! A proxy before Redis through which Redis' clock is slow: for who listens to it, its own is ahead.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// A URL at which the clock of the Redis at `url` is so many seconds slow, in its answers and in how
/// it takes what it is told.
pub(crate) async fn slow_clock(url: &str, seconds: Arc<AtomicU64>) -> String {
    let redis = url.trim_start_matches("redis://").trim_end_matches("/0").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}/0", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(&redis).await.unwrap();
            let (questions, to_client) = client.into_split();
            let (answers, to_server) = server.into_split();
            let [forward, back] = [Arc::clone(&seconds), Arc::clone(&seconds)];
            tokio::spawn(carry(questions, to_server, move |time| {
                time + forward.load(Ordering::SeqCst)
            }));
            tokio::spawn(carry(answers, to_client, move |time| time - back.load(Ordering::SeqCst)));
        }
    });
    url
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, set: impl Fn(u64) -> u64) {
    let mut bytes = vec![0; 65_536];
    while let Ok(length @ 1..) = from.read(&mut bytes).await {
        set_times(&mut bytes[..length], &set);
        if to.write_all(&bytes[..length]).await.is_err() {
            return;
        }
    }
}

/// Every bulk string that begins with ten digits is a time: seconds since 1970.
fn set_times(bytes: &mut [u8], set: impl Fn(u64) -> u64) {
    for at in 0..bytes.len().saturating_sub(11) {
        let (first, time, end) = (bytes[at], &bytes[at + 1..at + 11], bytes.get(at + 11));
        let ends = end.is_some_and(|end| [b'.', b'\r'].contains(end));
        if first == b'\n' && ends && time.iter().all(u8::is_ascii_digit) {
            let time: u64 = std::str::from_utf8(time).unwrap().parse().unwrap();
            bytes[at + 1..at + 11].copy_from_slice(set(time).to_string().as_bytes());
        }
    }
}
