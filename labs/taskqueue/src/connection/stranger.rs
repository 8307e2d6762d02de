//! Who is there, where something took our connection and did not answer as Redis does.
//!
//! Asks twice, each time on a connection of its own and for a second at most: with the simplest
//! command that Redis knows, and with the beginning of TLS. Only for the words of an error.

use std::io;
use std::time::Duration;

use redis::RedisError;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::broker_url::Place;

const PATIENCE: Duration = Duration::from_secs(1);

/// A question that Redis and most text protocols answer with a line.
const PING: &[u8] = b"PING\r\n";
/// A ClientHello of TLS 1.2 with three cipher suites: whoever speaks TLS takes it or complains of it.
const CLIENT_HELLO: [u8; 54] = {
    let mut hello = [0x2a; 54];
    let (head, tail) =
        ([22, 3, 1, 0, 49, 1, 0, 0, 45, 3, 3], [0, 0, 6, 0xc0, 0x2f, 0, 0x9c, 0, 0x2f, 1, 0]);
    let mut at = 0;
    while at < 11 {
        hello[at] = head[at];
        hello[43 + at] = tail[at];
        at += 1;
    }
    hello
};

/// What was found.
#[derive(Debug, PartialEq)]
pub(super) enum Found {
    /// A Redis that turns everybody away, with its own words.
    Refusal(RedisError),
    /// Something else, in words that end a sentence.
    Other(&'static str),
}

/// None where it can't be told, or where it is a Redis after all.
pub(super) async fn find(place: &Place) -> Option<Found> {
    let answer = ask(place, PING).await.unwrap_or_default();
    if !answer.is_empty() {
        return judge(&answer);
    }
    judge_tls(&ask(place, &CLIENT_HELLO).await.unwrap_or_default())
}

async fn ask(place: &Place, question: &[u8]) -> io::Result<Vec<u8>> {
    let asking = async {
        match place {
            Place::Tcp { host, port } => {
                talk(TcpStream::connect((host.as_str(), *port)).await?, question).await
            }
            #[cfg(unix)]
            Place::Socket(path) => {
                talk(tokio::net::UnixStream::connect(path).await?, question).await
            }
            #[cfg(not(unix))]
            Place::Socket(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    };
    timeout(PATIENCE, asking).await?
}

/// The first bytes that come; none where the connection is closed first.
async fn talk(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    question: &[u8],
) -> io::Result<Vec<u8>> {
    stream.write_all(question).await?;
    let mut answer = vec![0; 512];
    let length = stream.read(&mut answer).await?;
    answer.truncate(length);
    Ok(answer)
}

fn judge(answer: &[u8]) -> Option<Found> {
    if let [b'-', ..] = answer {
        let line = answer.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default();
        let error = redis::parse_redis_value(line).and_then(redis::Value::extract_error).err()?;
        // A Redis that wants a password first: what happened to us was something else.
        return (error.code() != Some("NOAUTH")).then_some(Found::Refusal(error));
    }
    let text = String::from_utf8_lossy(answer).to_ascii_lowercase();
    Some(Found::Other(match text.as_str() {
        text if text.starts_with("http/") || text.contains("<html") => "a web server",
        text if text.starts_with("ssh-") => "an SSH server",
        text if text.starts_with("amqp") => "RabbitMQ, or another AMQP broker",
        text if text.starts_with("220") || text.starts_with("554") => "a mail or FTP server",
        text if text.contains("memcached") || text.starts_with("error\r\n") => "memcached",
        text if text.contains("mysql") || text.contains("mariadb") => "a MySQL server",
        _ if answer.starts_with(&[21, 3]) => return judge_tls(answer),
        text if text.starts_with(['+', ':', '$', '*']) => return None,
        _ => "another program",
    }))
}

/// A handshake or an alert of any TLS.
fn judge_tls(answer: &[u8]) -> Option<Found> {
    matches!(answer, [21 | 22, 3, ..]).then_some(Found::Other("something that speaks TLS only"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_answers_is_known_by_the_first_line() {
        for (answer, what) in [
            ("HTTP/1.1 400 Bad Request\r\n", "a web server"),
            ("<!DOCTYPE HTML>\n<html lang=\"en\">", "a web server"),
            ("SSH-2.0-OpenSSH_9.2\r\n", "an SSH server"),
            ("AMQP\0\0\u{9}\u{1}", "RabbitMQ, or another AMQP broker"),
            ("220 mail.example ESMTP\r\n", "a mail or FTP server"),
            ("ERROR\r\n", "memcached"),
            ("\u{15}\u{3}\u{1}\0\u{2}\u{2}\u{46}", "something that speaks TLS only"),
            ("what?\n", "another program"),
        ] {
            assert_eq!(judge(answer.as_bytes()), Some(Found::Other(what)), "{answer:?}");
        }
        assert_eq!(judge(b"+PONG\r\n"), None);
        assert_eq!(judge(b"-NOAUTH Authentication required.\r\n"), None);
    }

    #[test]
    fn a_redis_that_turns_everybody_away_says_why() {
        let words = b"-ERR max number of clients reached\r\n";
        let Some(Found::Refusal(error)) = judge(words) else { panic!("no refusal") };
        assert_eq!(error.detail(), Some("max number of clients reached"));
    }
}
