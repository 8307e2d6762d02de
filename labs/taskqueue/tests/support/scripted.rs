//! A server of a few lines: it answers each command as it is told, or talks another language.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

/// What Redis 6.0.16 says of itself.
const INFO_OF_6_0: &str = "# Server\r\nredis_version:6.0.16\r\nredis_mode:standalone\r\n";

/// Answers a command's words with bytes.
pub(crate) type Script = Arc<dyn Fn(&[String]) -> Vec<u8> + Send + Sync>;

/// Listens until the test's process ends; where it is.
pub(crate) fn serve(script: Script) -> u16 {
    listen(move |stream| {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut stream = stream;
        while let Some(words) = command(&mut reader) {
            if stream.write_all(&script(&words)).is_err() {
                return;
            }
        }
    })
}

/// Sends `greeting` to everybody as it comes, and closes.
pub(crate) fn greet(greeting: &'static [u8]) -> u16 {
    listen(move |mut stream| {
        let _ = stream.write_all(greeting);
    })
}

/// Waits for the first bytes, and closes after `answer` to them.
pub(crate) fn answer(answer: impl Fn(&[u8]) -> &'static [u8] + Send + Sync + 'static) -> u16 {
    listen(move |mut stream| {
        let mut bytes = [0; 512];
        let length = stream.read(&mut bytes).unwrap_or(0);
        let _ = stream.write_all(answer(&bytes[..length]));
    })
}

/// As Redis 6.0 does: BLMOVE came later.
pub(crate) fn redis_6_0() -> u16 {
    serve(Arc::new(|words| match words[0].to_ascii_uppercase().as_str() {
        "TIME" => b"*2\r\n$10\r\n1750000000\r\n$1\r\n0\r\n".to_vec(),
        "INFO" => format!("${}\r\n{INFO_OF_6_0}\r\n", INFO_OF_6_0.len()).into_bytes(),
        "BLMOVE" => b"-ERR unknown command `BLMOVE`, with args beginning with: \r\n".to_vec(),
        _ => b"+OK\r\n".to_vec(),
    }))
}

fn listen(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = Arc::new(serve);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = Arc::clone(&serve);
            std::thread::spawn(move || serve(stream));
        }
    });
    port
}

/// The words of one command; none at the connection's end, and for what is no command.
fn command(reader: &mut impl BufRead) -> Option<Vec<String>> {
    let count = number(reader, '*')?;
    (0..count)
        .map(|_| {
            let mut word = vec![0; number(reader, '$')? + 2];
            reader.read_exact(&mut word).ok()?;
            word.truncate(word.len() - 2);
            String::from_utf8(word).ok()
        })
        .collect()
}

fn number(reader: &mut impl BufRead, sign: char) -> Option<usize> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    line.trim_end().strip_prefix(sign)?.parse().ok()
}
