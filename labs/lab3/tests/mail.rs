//! The mail as its receivers meet it: the console's text, an SMTP conversation, records in a file.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use lab3::feedback::Feedback;
use lab3::mail::{Class, Letter, Mailer, Receipt, SendError, ServerError, SmtpServer, Stage};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

fn letter_to(email: &str, message: &str) -> Letter {
    let feedback = Feedback::parse(email, message).unwrap();
    Letter::new(feedback, "task-1", SystemTime::UNIX_EPOCH).unwrap()
}

fn letter() -> Letter {
    letter_to("ann@example.com", "Hello")
}

async fn printed(letter: &Letter) -> String {
    let text = Arc::new(Mutex::new(String::new()));
    let paper = Arc::clone(&text);
    let console = Mailer::Console(Arc::new(move |letter| paper.lock().unwrap().push_str(letter)));
    assert_eq!(console.send(letter).await.unwrap(), Receipt::Printed);
    text.lock().unwrap().clone()
}

#[tokio::test]
async fn the_console_gets_djangos_letter_word_for_word() {
    let expected = "Content-Type: text/plain; charset=utf-8\n\
                    MIME-Version: 1.0\n\
                    Content-Transfer-Encoding: 7bit\n\
                    Subject: Your Feedback\n\
                    From: support@example.com\n\
                    To: ann@example.com\n\
                    Date: Thu, 01 Jan 1970 00:00:00 +0000\n\
                    Message-ID: <task-1@lab3.example.com>\n\
                    \n\
                    \tHello\n\
                    \n\
                    Thank you!";
    assert_eq!(printed(&letter()).await, expected);
}

#[tokio::test]
async fn the_console_shows_text_of_any_script_as_it_was_typed() {
    let text = printed(&letter_to("ann@example.com", "Grüße\n日本語 👍")).await;
    assert!(text.contains("\nContent-Transfer-Encoding: 8bit\n"));
    assert!(text.ends_with("\n\n\tGrüße\n日本語 👍\n\nThank you!"), "{text}");
}

#[tokio::test]
async fn a_line_that_mail_cannot_carry_is_broken_by_an_encoding() {
    let text = printed(&letter_to("ann@example.com", &"a".repeat(2000))).await;
    assert!(text.lines().all(|line| line.len() <= 76), "{text}");
}

#[tokio::test]
async fn the_message_id_stays_the_same_on_every_attempt_and_the_date_does_not() {
    let feedback = Feedback::parse("ann@example.com", "Hello").unwrap();
    let later = SystemTime::UNIX_EPOCH + Duration::from_secs(60);
    let again = Letter::new(feedback, "task-1", later).unwrap();
    assert_eq!(again.message_id(), letter().message_id());
    assert_ne!(again.text().unwrap(), letter().text().unwrap());
}

#[test]
fn an_id_that_would_break_a_header_is_an_error_and_no_panic() {
    let long = "a".repeat(256);
    for id in ["", "a b", "a\r\nBcc: eve@example.com", "a>", "ä", "a\0", long.as_str()] {
        let feedback = Feedback::parse("ann@example.com", "Hello").unwrap();
        let error = Letter::new(feedback, id, SystemTime::UNIX_EPOCH).unwrap_err();
        assert_eq!(error.class(), Class::Permanent, "{id:?}");
    }
}

/// What the server does instead of a good answer.
#[derive(Clone, Copy)]
enum Move {
    Say(&'static str),
    Stall,
    Cut,
}

/// Where it misbehaves, by command.
type Script = [(&'static str, Move)];

/// A mail server that plays one conversation.
struct MailServer {
    url: String,
    heard: Arc<Mutex<Vec<String>>>,
}

impl MailServer {
    async fn start(script: &'static Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("smtp://{}", listener.local_addr().unwrap());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, script, Arc::clone(&notes)));
            }
        });
        Self { url, heard }
    }

    fn mailer(&self, patience: Duration) -> Mailer {
        Mailer::Smtp(SmtpServer::from_url(&self.url).unwrap().with_patience(patience))
    }

    async fn send(&self, letter: &Letter) -> Result<Receipt, SendError> {
        self.mailer(Duration::from_secs(5)).send(letter).await
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

/// The greeting answers a command without a name, and the text's end is the command `.`.
async fn converse(
    stream: TcpStream,
    script: &Script,
    heard: Arc<Mutex<Vec<String>>>,
) -> Option<()> {
    let mut stream = BufReader::new(stream);
    let (mut line, mut in_text) = (String::new(), false);
    loop {
        let end = line.find([' ', '\r']).unwrap_or(line.len());
        let command = if in_text && line != ".\r\n" { "text" } else { &line[..end] };
        let odd = script.iter().find(|(at, _)| *at == command);
        let reply = match (odd, command) {
            (Some((_, Move::Say(reply))), _) => *reply,
            (Some((_, Move::Stall)), _) => std::future::pending().await,
            (Some((_, Move::Cut)), _) => return None,
            (None, "text") => "",
            (None, "") => "220 mail.example.com",
            (None, "EHLO") => "250-mail.example.com\r\n250 8BITMIME",
            (None, "DATA") => "354 go on",
            (None, ".") => "250 2.0.0 taken as 42",
            (None, "QUIT") => "221 bye",
            (None, _) => "250 ok",
        };
        in_text = reply.starts_with("354") || (in_text && command == "text");
        if !reply.is_empty() {
            stream.get_mut().write_all(format!("{reply}\r\n").as_bytes()).await.ok()?;
        }
        line.clear();
        stream.read_line(&mut line).await.ok().filter(|length| *length > 0)?;
        heard.lock().unwrap().push(line.trim_end_matches("\r\n").to_owned());
    }
}

#[tokio::test]
async fn a_mail_server_gets_the_letter_and_its_reply_comes_back() {
    let server = MailServer::start(&[]).await;
    let receipt = server.send(&letter_to("ann@example.com", "Hello\n.\nFrom me")).await.unwrap();
    assert_eq!(receipt, Receipt::Taken { reply: "250 2.0.0 taken as 42".to_owned() });
    let heard = server.heard();
    assert_eq!(
        heard[1..4],
        ["MAIL FROM:<support@example.com>", "RCPT TO:<ann@example.com>", "DATA"]
    );
    assert!(heard.contains(&"Message-ID: <task-1@lab3.example.com>".to_owned()));
    // A line of one dot would end the text; SMTP doubles it on the way.
    let text = ["", "\tHello", "..", "From me", "", "Thank you!", "."];
    assert!(heard.windows(text.len()).any(|lines| lines == text), "{heard:?}");
}

#[tokio::test]
async fn a_server_of_seven_bits_gets_no_eighth() {
    let server = MailServer::start(&[("EHLO", Move::Say("250 mail.example.com"))]).await;
    server.send(&letter_to("ann@example.com", "Grüße")).await.unwrap();
    assert!(server.heard().iter().all(|line| line.is_ascii()));
}

#[tokio::test]
async fn a_domain_beyond_ascii_needs_a_server_that_takes_it() {
    let letter = letter_to("ann@bücher.example", "Hello");
    let error = MailServer::start(&[]).await.send(&letter).await.unwrap_err();
    assert!(matches!(error, SendError::NoUtf8 { .. }));
    const EHLO: Move = Move::Say("250-mail.example.com\r\n250-8BITMIME\r\n250 SMTPUTF8");
    let server = MailServer::start(&[("EHLO", EHLO)]).await;
    server.send(&letter).await.unwrap();
    let mail = "MAIL FROM:<support@example.com> SMTPUTF8 BODY=8BITMIME";
    assert_eq!(server.heard()[1..3], [mail, "RCPT TO:<ann@bücher.example>"]);
}

#[tokio::test]
async fn a_reply_that_says_no_keeps_its_code_its_stage_and_its_class() {
    const BUSY: Move = Move::Say("421 closing");
    const GREY: Move = Move::Say("450 4.7.1 come back later");
    const NOBODY: Move = Move::Say("550 5.1.1 nobody here");
    const LOGIN: Move = Move::Say("530 log in first");
    const FULL: Move = Move::Say("552 too much");
    let cases: [(&'static Script, Stage, u16, Class); 9] = [
        (&[("", BUSY)], Stage::Connect, 421, Class::Away),
        (&[("EHLO", BUSY)], Stage::Connect, 421, Class::Away),
        (&[("MAIL", LOGIN)], Stage::Mail, 530, Class::Configuration),
        (&[("RCPT", GREY)], Stage::Rcpt, 450, Class::Later),
        (&[("RCPT", NOBODY)], Stage::Rcpt, 550, Class::Permanent),
        (&[("RCPT", FULL)], Stage::Rcpt, 552, Class::Later),
        (&[("DATA", BUSY)], Stage::Data, 421, Class::Away),
        (&[(".", GREY)], Stage::Text, 450, Class::Later),
        (&[(".", FULL)], Stage::Text, 552, Class::Permanent),
    ];
    for (script, expected_stage, expected_code, class) in cases {
        let error = MailServer::start(script).await.send(&letter()).await.unwrap_err();
        assert_eq!(error.class(), class, "{error}");
        let SendError::Answered { stage, code, .. } = error else { panic!("{error}") };
        assert_eq!((stage, code), (expected_stage, expected_code));
    }
}

#[tokio::test]
async fn an_error_shows_the_servers_words_without_their_escapes() {
    let server = MailServer::start(&[("RCPT", Move::Say("550 \x1b[2Jnobody"))]).await;
    let error = server.send(&letter()).await.unwrap_err().to_string();
    assert!(error.contains(r"answered 550 (after RCPT TO): \x1b[2Jnobody"), "{error}");
    assert!(error.contains("\n  next: do not retry"), "{error}");
}

#[tokio::test]
async fn a_connection_that_is_cut_is_unknown_only_once_the_text_may_have_arrived() {
    for (script, expected_stage, class) in [
        (&[("", Move::Cut)], Stage::Connect, Class::Away),
        (&[("MAIL", Move::Cut)], Stage::Mail, Class::Away),
        (&[("RCPT", Move::Cut)], Stage::Rcpt, Class::Away),
        (&[("DATA", Move::Cut)], Stage::Data, Class::Away),
        // The dot was on its way either way; whether it arrived, only the server knows.
        (&[("text", Move::Cut)], Stage::Text, Class::Unknown),
        (&[(".", Move::Cut)], Stage::Text, Class::Unknown),
    ] {
        let error = MailServer::start(script).await.send(&letter()).await.unwrap_err();
        assert_eq!(error.class(), class, "{error}");
        let SendError::Lost { stage, .. } = error else { panic!("{error}") };
        assert_eq!(stage, expected_stage);
    }
}

#[tokio::test]
async fn a_server_that_falls_silent_is_given_up_on_wherever_it_does() {
    let patience = Duration::from_millis(50);
    for (script, expected_stage, class) in [
        (&[("", Move::Stall)], Stage::Connect, Class::Away),
        (&[("RCPT", Move::Stall)], Stage::Rcpt, Class::Away),
        (&[(".", Move::Stall)], Stage::Text, Class::Unknown),
    ] {
        let mailer = MailServer::start(script).await.mailer(patience);
        let error = mailer.send(&letter()).await.unwrap_err();
        assert_eq!(error.class(), class, "{error}");
        let SendError::Silent { stage, .. } = error else { panic!("{error}") };
        assert_eq!(stage, expected_stage);
    }
}

#[tokio::test]
async fn a_server_that_is_slow_to_say_goodbye_has_the_letter_all_the_same() {
    let server = MailServer::start(&[("QUIT", Move::Stall)]).await;
    let sent = timeout(Duration::from_secs(3), server.send(&letter())).await;
    sent.expect("no waiting for the goodbye").unwrap();
}

#[tokio::test]
async fn where_nothing_listens_the_server_is_away_and_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    drop(listener);
    let mailer = Mailer::Smtp(SmtpServer::from_url(&url).unwrap());
    let error = mailer.send(&letter()).await.unwrap_err();
    assert_eq!(error.class(), Class::Away);
    assert!(error.to_string().contains(&url) && error.to_string().contains("\n  next: "));
}

#[test]
fn a_mail_servers_url_is_read_and_shown_again() {
    for (url, shown) in [
        ("smtp://localhost:1025", "smtp://127.0.0.1:1025"),
        ("smtp://mail.example.com", "smtp://mail.example.com:25"),
        ("SMTP://[::1]:2525/", "smtp://[::1]:2525"),
    ] {
        assert_eq!(SmtpServer::from_url(url).unwrap().to_string(), shown);
    }
}

#[test]
fn a_url_that_needs_tls_or_makes_no_sense_is_refused_without_repeating_its_password() {
    for (url, expected) in [
        ("smtps://mail.example.com", ServerError::NoTls),
        ("smtps://ann:secret@mail.example.com", ServerError::NoTls),
        ("smtp://ann:secret@mail.example.com:25", ServerError::Credentials),
        ("smtp://localhost:mail", ServerError::NotAUrl),
        ("smtp://localhost:99999", ServerError::NotAUrl),
        ("smtp://:25", ServerError::NotAUrl),
        ("smtp://::1", ServerError::NotAUrl),
        ("smtp://a b", ServerError::NotAUrl),
        ("http://localhost", ServerError::NotAUrl),
        ("localhost:25", ServerError::NotAUrl),
    ] {
        let error = SmtpServer::from_url(url).unwrap_err();
        assert_eq!(error, expected, "{url}");
        let shown = format!("{error} {error:?}");
        assert!(shown.contains("next: ") && !shown.contains("secret"), "{shown}");
    }
}

#[tokio::test]
async fn a_file_gets_one_record_a_letter_and_no_message_can_forge_one() {
    let name = format!("lab3-mail-{}.mbox", std::process::id());
    let path = std::env::temp_dir().join(name);
    let file = Mailer::File(path.clone());
    let forged = "Hello\n\nFrom eve@example.com\n>From eve";
    for letter in [letter_to("ann@example.com", forged), letter_to("bob@example.com", "Hi")] {
        assert_eq!(file.send(&letter).await.unwrap(), Receipt::Filed);
    }
    let mbox = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let starts = mbox.lines().filter(|line| line.starts_with("From ")).count();
    assert_eq!(starts, 2);
    assert!(mbox.contains("\n>From eve@example.com\n>>From eve\n\nThank you!\n\nFrom support@"));
    assert!(mbox.ends_with("\n\tHi\n\nThank you!\n\n"));
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_named() {
    let path = std::env::temp_dir().join("lab3-no-such-directory").join("mbox");
    let error = Mailer::File(path).send(&letter()).await.unwrap_err();
    assert_eq!(error.class(), Class::Configuration);
    assert!(error.to_string().contains("lab3-no-such-directory"));
}
