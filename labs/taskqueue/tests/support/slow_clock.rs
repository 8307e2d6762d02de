//! A proxy before Redis through which Redis' clock is slow: for who listens to it, its own is ahead.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A URL at which the Redis at `url` answers with times that lie `seconds` in the past.
pub(crate) async fn slow_clock(url: &str, seconds: u64) -> String {
    let redis = url.trim_start_matches("redis://").trim_end_matches("/0").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}/0", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(&redis).await.unwrap();
            let (mut questions, mut to_client) = client.into_split();
            let (mut answers, mut to_server) = server.into_split();
            tokio::spawn(async move { tokio::io::copy(&mut questions, &mut to_server).await });
            tokio::spawn(async move {
                let mut answer = vec![0; 65_536];
                while let Ok(length @ 1..) = answers.read(&mut answer).await {
                    set_back(&mut answer[..length], seconds);
                    if to_client.write_all(&answer[..length]).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    url
}

/// Every bulk string that begins with ten digits is a time: seconds since 1970.
fn set_back(answer: &mut [u8], seconds: u64) {
    for at in 0..answer.len().saturating_sub(11) {
        let (first, time, end) = (answer[at], &answer[at + 1..at + 11], answer.get(at + 11));
        let ends = end.is_some_and(|end| [b'.', b'\r'].contains(end));
        if first == b'\n' && ends && time.iter().all(u8::is_ascii_digit) {
            let time: u64 = std::str::from_utf8(time).unwrap().parse().unwrap();
            answer[at + 1..at + 11].copy_from_slice((time - seconds).to_string().as_bytes());
        }
    }
}
