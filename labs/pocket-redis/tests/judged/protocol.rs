//! Bytes that are no commands, next to a real redis-server: the same answer, and then the end.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use crate::support::script::Both;

/// What people and broken clients send.
const CASES: &[&[u8]] = &[
    b"PING\r\n",
    b"ping\n",
    b"\r\n\r\nPING\r\n",
    b"  PING  \r\n",
    b"ECHO \"a b\"\r\n",
    b"ECHO 'it\\'s'\r\n",
    b"ECHO \"\\x41\\n\"\r\n",
    b"ECHO \"a\r\nPING\r\n",
    b"ECHO 'a\r\n",
    b"ECHO \"a\"b\r\n",
    b"\x0bECHO\x0b \x0ca\r\n",
    b"ECHO a\0b\r\n",
    b"\0\r\nPING\r\n",
    b"ECHO \"a\"\x0b\r\n",
    b"*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPING\r\n",
    b"*0\r\nPING\r\n",
    b"*-1\r\nPING\r\n",
    b"*x\r\nPING\r\n",
    b"*1x\r\n",
    b"* 1\r\n",
    b"*01\r\n",
    b"*99999999999999999999\r\n",
    b"*2147483648\r\n",
    b"*1\r\nPING\r\n",
    b"*1\r\n\r\n",
    b"*1\r\n:4\r\nPING\r\n",
    b"*1\r\n$x\r\nPING\r\n",
    b"*1\r\n$-1\r\n",
    b"*1\r\n$99999999999\r\n",
    b"*1\r\n$4\r\nPINGxx*1\r\n$4\r\nPING\r\n",
    b"*2\r\n$4\r\nECHO\r\n$0\r\n\r\n",
    b"*1\r\n$0\r\n\r\n",
    b"QUIT\r\nPING\r\n",
    b"PING\r\nQUIT\r\nPING\r\n",
    b"HELLO 3\r\nnosuch\r\n*1\r\n$-5\r\n",
    b"GET\r\nGET a b\r\n",
];

/// Sends bytes, closes that direction, and gives everything that comes back.
fn exchange(addr: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(addr).expect("the server accepts");
    // A server that has already answered and closed may refuse the rest.
    drop(stream.write_all(bytes));
    drop(stream.shutdown(Shutdown::Write));
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer));
    answer.escape_ascii().to_string()
}

#[test]
fn nonsense_is_answered_and_cut_off_as_in_redis() {
    let Some(both) = Both::start("nonsense_is_answered_and_cut_off_as_in_redis") else {
        return;
    };
    let long = [b"*".as_slice(), b"a"].map(|start| [start, &b"1".repeat(70_000)].concat());
    let cases = CASES.iter().copied().chain(long.iter().map(Vec::as_slice));
    for bytes in cases {
        let (ours, real) = (exchange(both.pocket.addr, bytes), exchange(both.judge.addr, bytes));
        // What HELLO tells differs in the client's number.
        let known = |text: &str| text.replace(|letter: char| letter.is_ascii_digit(), "#");
        assert_eq!(known(&ours), known(&real), "{}", bytes[..bytes.len().min(60)].escape_ascii());
    }
}
