//! Requests that somebody would send who means no good, or whose program is broken; and what each gets.
#![expect(clippy::expect_used, reason = "a test fails loudly")]

/// One connection.
pub(crate) struct Attack {
    /// What is wrong with it.
    pub(crate) name: &'static str,
    /// All that is sent; nothing follows, and the sender waits.
    pub(crate) bytes: Vec<u8>,
    /// The status of the only answer; [`CUT`] where there is none.
    pub(crate) expected: u16,
}

/// The connection is closed without an answer.
pub(crate) const CUT: u16 = 0;

const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";
const CHUNKED: &str =
    "Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n";
const VALID: &str = "email=ann%40example.com&message=Hello";

/// All of them, for a form whose `Host` is `host`.
pub(crate) fn attacks(host: &str) -> Vec<Attack> {
    let all = [
        no_http(),
        request_lines(host),
        headers(host),
        lengths(host),
        chunks(host),
        content(host),
        fields(host),
        paths(host),
    ];
    all.into_iter().flatten().collect()
}

fn attack(name: &'static str, bytes: impl Into<Vec<u8>>, expected: u16) -> Attack {
    Attack { name, bytes: bytes.into(), expected }
}

/// A POST to the form; headers end with `\r\n` each.
fn post(host: &str, headers: &str, body: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n{body}")
}

/// Other protocols at our port.
fn no_http() -> Vec<Attack> {
    vec![
        attack("nothing but an end of line", "\r\n", CUT),
        attack("a TLS greeting", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        attack("an SSH greeting", "SSH-2.0-OpenSSH_9.2\r\n", 400),
        attack("a Redis command", "*1\r\n$4\r\nPING\r\n", 400),
        attack("an SMTP greeting", "EHLO example.com\r\n", 400),
        attack("an HTTP/2 greeting", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", CUT),
        attack("a SOCKS greeting", b"\x05\x01\x00\x00", 400),
        attack("100 kB of zeros", vec![0; 100_000], 400),
        attack("100 kB of one letter", vec![b'a'; 100_000], 431),
    ]
}

fn request_lines(host: &str) -> Vec<Attack> {
    let with = |line: &str| format!("{line}\r\nHost: {host}\r\n\r\n");
    vec![
        attack("HTTP/0.9", "GET /\r\n\r\n", 400),
        attack("a version that is none", with("GET / HTTP/1.x"), 400),
        attack("a later version", with("GET / HTTP/3.0"), 400),
        attack("a version in small letters", with("GET / http/1.1"), 400),
        attack("two spaces", with("GET  / HTTP/1.1"), 400),
        attack("a word too many", with("GET / HTTP/1.1 please"), 400),
        attack("no address", with("GET HTTP/1.1"), 400),
        attack("a method in small letters", with("get / HTTP/1.1"), 405),
        attack("a method of 5,000 letters", with(&("A".repeat(5_000) + " / HTTP/1.1")), 405),
        attack("a method with a control character", with("GE\x07T / HTTP/1.1"), 400),
        attack("a NUL in the address", with("GET /\0 HTTP/1.1"), 400),
        attack("an escape sequence in the address", with("GET /\x1b[2J HTTP/1.1"), 400),
        attack("an address of 20 kB", with(&format!("GET /{} HTTP/1.1", "a".repeat(20_000))), 431),
        attack("a query of 15 kB", with(&format!("GET /?{} HTTP/1.1", "a=1&".repeat(3_700))), 200),
        attack("another scheme's address", with("GET ftp://evil.example/ HTTP/1.1"), 400),
        attack("an address with a user", with(&format!("GET http://ann@{host}/ HTTP/1.1")), 400),
        attack("only lines' ends of LF", format!("GET / HTTP/1.1\nHost: {host}\n\n"), 200),
    ]
}

fn headers(host: &str) -> Vec<Attack> {
    let with = |header: &str| format!("GET / HTTP/1.1\r\nHost: {host}\r\n{header}\r\n\r\n");
    let host_is = |host: &str| format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let (_, port) = host.split_once(':').expect("a port");
    vec![
        attack("a header without a colon", with("nonsense"), 400),
        attack("a header without a name", with(": x"), 400),
        attack("a space before the colon", with("X : x"), 400),
        attack("a folded header", with("X: a\r\n b"), 400),
        attack("a NUL in a header", with("X: a\0b"), 400),
        attack("a lone CR in a header", with("X: a\rSet-Cookie: b"), 400),
        attack("a name beyond ASCII", with("X\u{e4}: a"), 400),
        attack("a header of 20 kB", with(&format!("X: {}", "a".repeat(20_000))), 431),
        attack("a thousand headers", with(&"X: a\r\n".repeat(1_000)), 431),
        attack("two hosts in one", host_is(&format!("{host}, evil.example")), 400),
        attack("a host with two dots behind", host_is(&format!("localhost..:{port}")), 400),
        attack("a host with a space", host_is(&format!("local host:{port}")), 400),
        attack("a host in short digits", host_is(&format!("127.1:{port}")), 400),
        attack("a host as one number", host_is(&format!("2130706433:{port}")), 400),
        attack("any host", host_is(&format!("0.0.0.0:{port}")), 400),
        attack("a host mapped into IPv6", host_is(&format!("[::ffff:127.0.0.1]:{port}")), 400),
        attack("a host with a port that is none", host_is("localhost:65536"), 400),
        attack("a host with a path", host_is(&format!("{host}/evil")), 400),
        attack("a host that a proxy names", with("X-Forwarded-Host: evil.example"), 200),
        attack("a method that a proxy names", with("X-HTTP-Method-Override: DELETE"), 200),
        attack("an upgrade to HTTP/2", with("Connection: Upgrade\r\nUpgrade: h2c"), 200),
        attack("an upgrade to a socket", with("Connection: Upgrade\r\nUpgrade: websocket"), 200),
        attack("a range", with("Range: bytes=0-0,-1"), 200),
        attack("a connection to be kept", with("Connection: keep-alive"), 200),
    ]
}

/// Where a body ends, and what a second server might think of it.
fn lengths(host: &str) -> Vec<Attack> {
    let post = |headers: &str, body: &str| post(host, headers, body);
    let length = |value: &str| post(&format!("{FORM}Content-Length: {value}\r\n"), VALID);
    let right = VALID.len();
    let second = format!("GET /success/ HTTP/1.1\r\nHost: {host}\r\n\r\n");
    vec![
        attack("no length", post(FORM, ""), 200),
        attack("a length below zero", length("-1"), 400),
        attack("a length with a sign", length(&format!("+{right}")), 400),
        attack("a length in hexadecimals", length("0x25"), 400),
        attack("a length that is no number", length("many"), 400),
        attack("a length with a fraction", length("37.0"), 400),
        attack("a length beyond 64 bits", length("18446744073709551653"), 400),
        attack("a length of 8 EiB", length("9223372036854775807"), 413),
        attack("two lengths that differ", length(&format!("{right}\r\nContent-Length: 3")), 400),
        attack("two lengths in one", length(&format!("{right}, 3")), 400),
        attack("a second request behind the body", length(&right.to_string()) + &second, 302),
        attack(
            "a request inside a GET's body",
            format!(
                "GET / HTTP/1.1\r\nHost: {host}\r\nContent-Length: {}\r\n\r\n{second}",
                second.len()
            ),
            200,
        ),
        // RFC 9112: the chunks count, and the connection is closed.
        attack(
            "a length and chunks",
            post(&format!("{CHUNKED}Content-Length: 3\r\n"), &format!("0\r\n\r\n{second}")),
            200,
        ),
        attack("a body that is shorter than its length", length("100"), 408),
        attack("a head without an end", format!("GET / HTTP/1.1\r\nHost: {host}\r\nX: "), CUT),
    ]
}

/// Bodies in pieces.
fn chunks(host: &str) -> Vec<Attack> {
    let chunks = |body: &str| post(host, CHUNKED, body);
    let coding = |value: &str| {
        let chunk = format!("{:x}\r\n{VALID}\r\n0\r\n\r\n", VALID.len());
        post(host, &format!("{FORM}Transfer-Encoding: {value}\r\n"), &chunk)
    };
    vec![
        attack(
            "chunks in HTTP/1.0",
            format!("POST / HTTP/1.0\r\nHost: {host}\r\n{CHUNKED}\r\n0\r\n\r\n"),
            400,
        ),
        attack("an unknown transfer coding", coding("xchunked"), 400),
        attack("chunks that are not the last coding", coding("chunked, gzip"), 400),
        attack("chunks behind another coding", coding("gzip, chunked"), 415),
        attack("a chunk's size that is no number", chunks("zz\r\n"), 400),
        attack("a chunk's size below zero", chunks("-1\r\n"), 400),
        attack("a chunk's size beyond 64 bits", chunks("fffffffffffffffff\r\n"), 400),
        attack("a chunk of 4 GiB", chunks("ffffffff\r\n"), 408),
        attack("a chunk longer than its size", chunks("1\r\nabc\r\n0\r\n\r\n"), 400),
        attack(
            "a chunk's extension of 20 kB",
            chunks(&format!("1;{}\r\na\r\n0\r\n\r\n", "a".repeat(20_000))),
            400,
        ),
        attack(
            "trailers of 20 kB",
            chunks(&format!("0\r\nX: {}\r\n\r\n", "a".repeat(20_000))),
            400,
        ),
        attack("chunks without an end", chunks("5\r\nemail\r\n"), 408),
    ]
}

/// What a body says that it is, and where it says that it comes from.
fn content(host: &str) -> Vec<Attack> {
    let post_as = |headers: &str, body: &str| {
        post(host, &format!("{headers}Content-Length: {}\r\n", body.len()), body)
    };
    vec![
        attack(
            "two types of content",
            post_as(&format!("{FORM}Content-Type: text/plain\r\n"), VALID),
            415,
        ),
        attack(
            "text in UTF-7",
            post_as(&FORM.replace("urlencoded", "urlencoded; charset=utf-7"), VALID),
            415,
        ),
        attack("a body in brotli", post_as(&format!("{FORM}Content-Encoding: br\r\n"), VALID), 415),
        attack(
            "two sites, the own one first",
            post_as(
                &format!("{FORM}Sec-Fetch-Site: same-origin\r\nSec-Fetch-Site: cross-site\r\n"),
                VALID,
            ),
            403,
        ),
        attack(
            "two origins, the own one first",
            post_as(
                &format!("{FORM}Origin: http://{host}\r\nOrigin: http://evil.example\r\n"),
                VALID,
            ),
            403,
        ),
        attack(
            "JSON that calls itself a form",
            post_as(FORM, r#"{"email":"ann@example.com"}"#),
            200,
        ),
    ]
}

/// What a form's fields can carry.
fn fields(host: &str) -> Vec<Attack> {
    let post = |body: &str| post(host, &format!("{FORM}Content-Length: {}\r\n", body.len()), body);
    let message = |text: &str| post(&format!("email=ann%40example.com&message={text}"));
    let email = |text: &str| post(&format!("email={text}&message=Hello"));
    vec![
        attack("an overlong slash", message("%C0%AF"), 400),
        attack("half of a surrogate pair", message("%ED%A0%80"), 400),
        attack("UTF-16", message("%FF%FEh%00i%00"), 400),
        attack("an escape that breaks off", message("hello%"), 400),
        attack("a NUL", message("a%00b"), 200),
        attack("an escape sequence", message("%1b%5b2J"), 200),
        attack("a control character of C1", message("a%C2%9Bb"), 200),
        attack("a character that turns the line around", message("%E2%80%AEgpj.exe"), 302),
        attack(
            "an address with a second header",
            email("a%40b.example%0d%0aBcc%3a+c%40d.example"),
            200,
        ),
        attack("two addresses", email("a%40b.example%2c+c%40d.example"), 200),
        attack("an address with a name", email("%22A%22+%3Ca%40b.example%3E"), 200),
        attack("an address of 60 kB", email(&("a".repeat(60_000) + "%40b.example")), 200),
        attack("a message of 60 kB", message(&"a".repeat(60_000)), 200),
        attack("a body of 65 kB", message(&"a".repeat(65_536)), 413),
        attack("thirty thousand fields", post(&"a&".repeat(30_000)), 200),
        attack("only ampersands", post(&"&".repeat(60_000)), 200),
        attack("fields as a list", post("email[]=ann%40example.com&message[]=Hello"), 200),
        attack("fields parted by semicolons", post("email=ann%40example.com;message=Hello"), 200),
        attack("a method in a field", message("Hello&_method=DELETE"), 302),
        attack("a token that is a path", message("Hello&token=..%2f..%2fetc%2fpasswd"), 302),
        attack("a token of 60 kB", message(&format!("Hello&token={}", "a".repeat(60_000))), 302),
    ]
}

fn paths(host: &str) -> Vec<Attack> {
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    vec![
        attack("a way out of the folder", get("/../../etc/passwd"), 404),
        attack("the same in escapes", get("/%2e%2e/%2e%2e/etc/passwd"), 404),
        attack("the same in overlong escapes", get("/%c0%ae%c0%ae/etc/passwd"), 404),
        attack("a NUL in an escape", get("/success/%00"), 404),
        attack("another site behind two slashes", get("//evil.example/"), 404),
        attack("a backslash", get("/\\evil.example"), 404),
        attack("a pattern instead of a task", get("/success/?task=*"), 404),
        attack("a key instead of a task", get("/success/?task=x%20unacked"), 404),
        attack("a line break in a task", get("/success/?task=a%0d%0aFLUSHALL"), 404),
        attack("a task of 300 letters", get(&format!("/success/?task={}", "a".repeat(300))), 404),
        attack("a good task and a bad one", get("/success/?task=a&task=*"), 404),
        attack("a query that is no UTF-8", get("/success/?task=%ff"), 400),
        attack("numbers beyond all measure", get("/success/?waited=1e99&sent=-1&worked=NaN"), 200),
        attack("a stream without a task", get("/progress/?waited=1"), 404),
        attack("a stream of a pattern", get("/progress/?task=*"), 404),
    ]
}
