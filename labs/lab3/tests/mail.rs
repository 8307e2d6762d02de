//! The mail as its receivers meet it: the console's text, an SMTP conversation, records in a file.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use lab3::feedback::Feedback;
use lab3::mail::{Class, Letter, Mailer, Receipt, SendError, ServerError, SmtpServer, Stage};
use lab3::smtp_server::{At, Behaviour, MailServer};
use tokio::net::TcpListener;
use tokio::time::timeout;

/// Longer than anything here takes; only a failing test waits for it.
const PATIENCE: Duration = Duration::from_secs(120);

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

async fn server(behaviour: Behaviour) -> MailServer {
    MailServer::start([behaviour]).await.unwrap()
}

async fn send_to(server: &MailServer, letter: &Letter) -> Result<Receipt, SendError> {
    server.mailer(PATIENCE).unwrap().send(letter).await
}

/// The error of a letter that meets this behaviour.
async fn error_after(behaviour: Behaviour) -> SendError {
    send_to(&server(behaviour).await, &letter()).await.unwrap_err()
}

#[tokio::test]
async fn a_mail_server_gets_the_letter_and_its_reply_comes_back() {
    let server = server(Behaviour::accepts()).await;
    let letter = letter_to("ann@example.com", "Hello\n.\nFrom me");
    let receipt = send_to(&server, &letter).await.unwrap();
    assert_eq!(receipt, Receipt::Taken { reply: "250 2.0.0 taken as 42".to_owned() });
    let heard = server.heard();
    assert_eq!(
        heard[1..4],
        ["MAIL FROM:<support@example.com>", "RCPT TO:<ann@example.com>", "DATA"]
    );
    assert_eq!(server.letters(), [letter.message_id()]);
    // A line of one dot would end the text; SMTP doubles it on the way.
    let text = ["", "\tHello", "..", "From me", "", "Thank you!", "."];
    assert!(heard.windows(text.len()).any(|lines| lines == text), "{heard:?}");
}

#[tokio::test]
async fn a_server_of_seven_bits_gets_no_eighth() {
    let server = server(Behaviour::replies(At::Ehlo, "250 mail.example.com")).await;
    send_to(&server, &letter_to("ann@example.com", "Grüße")).await.unwrap();
    assert!(server.heard().iter().all(|line| line.is_ascii()));
}

#[tokio::test]
async fn a_domain_beyond_ascii_goes_as_it_is_where_it_may_and_in_ascii_elsewhere() {
    let letter = letter_to("ann@bücher.example", "Hello");
    let plain = server(Behaviour::accepts()).await;
    send_to(&plain, &letter).await.unwrap();
    let heard = plain.heard();
    assert_eq!(
        heard[1..3],
        ["MAIL FROM:<support@example.com>", "RCPT TO:<ann@xn--bcher-kva.example>"]
    );
    assert!(heard.contains(&"To: ann@xn--bcher-kva.example".to_owned()), "{heard:?}");
    assert!(heard.iter().all(|line| line.is_ascii()), "{heard:?}");

    let ehlo = "250-mail.example.com\r\n250-8BITMIME\r\n250 SMTPUTF8";
    let server = server(Behaviour::replies(At::Ehlo, ehlo)).await;
    send_to(&server, &letter).await.unwrap();
    let mail = "MAIL FROM:<support@example.com> SMTPUTF8 BODY=8BITMIME";
    assert_eq!(server.heard()[1..3], [mail, "RCPT TO:<ann@bücher.example>"]);
}

/// The rows of docs/reliability.md's table that are replies, each said by a server to a real client.
#[tokio::test]
async fn a_reply_that_says_no_keeps_its_code_its_stage_and_its_class() {
    let away = [(At::Greeting, 421), (At::Ehlo, 421), (At::Data, 421), (At::Dot, 421)];
    let later = [
        (At::Rcpt, 450),
        (At::Rcpt, 451),
        (At::Rcpt, 452),
        (At::Greeting, 454),
        (At::Mail, 455),
        (At::Rcpt, 552),
        (At::Dot, 450),
    ];
    let configuration =
        [(At::Mail, 500), (At::Mail, 503), (At::Rcpt, 504), (At::Mail, 530), (At::Data, 538)];
    let permanent = [
        (At::Greeting, 554),
        (At::Rcpt, 550),
        (At::Rcpt, 551),
        (At::Rcpt, 553),
        (At::Rcpt, 555),
        (At::Dot, 552),
        (At::Dot, 554),
    ];
    let rows: [(Class, &[(At, u16)]); 4] = [
        (Class::Away, &away),
        (Class::Later, &later),
        (Class::Configuration, &configuration),
        (Class::Permanent, &permanent),
    ];
    for (class, replies) in rows {
        for (at, expected) in replies {
            let server = server(Behaviour::replies(*at, &format!("{expected} no"))).await;
            let error = send_to(&server, &letter()).await.unwrap_err();
            assert_eq!(error.class(), class, "{expected} at {at:?}: {error}");
            let SendError::Answered { stage, code, .. } = error else { panic!("{error}") };
            assert_eq!((stage, code), (stage_of(*at), *expected));
            assert_eq!(server.letters(), [""; 0], "what is refused is not taken");
        }
    }
}

/// The client's name for the moment.
fn stage_of(at: At) -> Stage {
    match at {
        At::Greeting | At::Ehlo => Stage::Connect,
        At::Mail => Stage::Mail,
        At::Rcpt => Stage::Rcpt,
        At::Data => Stage::Data,
        At::Text | At::Dot | At::Quit => Stage::Text,
    }
}

#[tokio::test]
async fn an_error_shows_the_servers_words_without_their_escapes() {
    let error = error_after(Behaviour::replies(At::Rcpt, "550 \x1b[2Jnobody")).await.to_string();
    assert!(error.contains(r"answered 550 (after RCPT TO): \x1b[2Jnobody"), "{error}");
    assert!(error.contains("\n  next: do not retry"), "{error}");
}

/// The moments before the letter's text; in them a lost connection has sent nothing.
const BEFORE_THE_TEXT: [At; 5] = [At::Greeting, At::Ehlo, At::Mail, At::Rcpt, At::Data];

#[tokio::test]
async fn a_connection_that_is_cut_is_unknown_only_once_the_text_may_have_arrived() {
    for at in BEFORE_THE_TEXT.into_iter().chain([At::Text, At::Dot]) {
        let server = server(Behaviour::cuts(at)).await;
        let error = send_to(&server, &letter()).await.unwrap_err();
        // The dot was on its way either way; whether it arrived, only the server knows.
        let unknown = matches!(at, At::Text | At::Dot);
        let class = if unknown { Class::Unknown } else { Class::Away };
        assert_eq!(error.class(), class, "{at:?}: {error}");
        let SendError::Lost { stage, .. } = error else { panic!("{error}") };
        assert_eq!(stage, stage_of(at));
        assert_eq!(server.letters().len(), usize::from(at == At::Dot), "{at:?}");
    }
}

#[tokio::test]
async fn a_server_that_falls_silent_is_given_up_on_wherever_it_does() {
    // All at the same time, so that each step before the silent one may take its two seconds, which
    // a busy machine keeps.
    let silences = BEFORE_THE_TEXT.into_iter().chain([At::Text, At::Dot]).map(|at| async move {
        let server = server(Behaviour::stalls(at)).await;
        let mailer = server.mailer(Duration::from_secs(2)).unwrap();
        (at, mailer.send(&letter()).await.unwrap_err())
    });
    for silence in silences.map(tokio::spawn).collect::<Vec<_>>() {
        let (at, error) = silence.await.unwrap();
        let unknown = matches!(at, At::Text | At::Dot);
        let class = if unknown { Class::Unknown } else { Class::Away };
        assert_eq!(error.class(), class, "{at:?}: {error}");
        let SendError::Silent { stage, .. } = error else { panic!("{error}") };
        assert_eq!(stage, stage_of(at));
    }
}

#[tokio::test]
async fn a_server_that_is_slow_to_say_goodbye_has_the_letter_all_the_same() {
    let server = server(Behaviour::stalls(At::Quit)).await;
    let sent = timeout(PATIENCE / 2, send_to(&server, &letter())).await;
    sent.expect("no waiting for the goodbye").unwrap();
}

#[tokio::test]
async fn a_script_has_a_behaviour_for_each_connection_and_the_last_one_repeats() {
    let busy = || Behaviour::replies(At::Greeting, "421 busy");
    let server = MailServer::start([busy(), busy(), Behaviour::accepts()]).await.unwrap();
    let mut sent = Vec::new();
    for _ in 0..4 {
        sent.push(send_to(&server, &letter()).await.is_ok());
    }
    assert_eq!(sent, [false, false, true, true]);
    assert_eq!(server.letters(), [letter().message_id(), letter().message_id()]);
}

#[tokio::test]
async fn where_nothing_listens_the_server_is_away_and_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    drop(listener);
    let mailer = Mailer::Smtp(SmtpServer::from_url(&url).unwrap());
    let error = mailer.send(&letter()).await.unwrap_err();
    assert_eq!(error.class(), Class::Away);
    let said = error.to_string();
    assert!(said.contains(&url) && said.contains("\n  next: "), "{said}");
    assert!(said.contains("refused") || cfg!(windows), "the cause is named: {said}");
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
async fn a_file_that_cannot_be_written_is_named_with_the_cause_and_what_helps() {
    let nowhere = std::env::temp_dir().join("lab3-no-such-directory").join("mbox");
    let mut cases = vec![(nowhere, "make its directory")];
    if cfg!(unix) {
        cases.push((std::env::temp_dir(), "name a file in it"));
    }
    if cfg!(target_os = "linux") {
        // A device that is always full, and a folder in which nobody can make a file.
        cases.push(("/dev/full".into(), "make room on that disk"));
        cases
            .push(("/proc/mbox".into(), "make its directory, or name another file by --mail-file"));
    }
    for (path, next) in cases {
        let system = match std::fs::OpenOptions::new().create(true).append(true).open(&path) {
            Err(error) => error.to_string(),
            Ok(mut file) => std::io::Write::write_all(&mut file, b"x").unwrap_err().to_string(),
        };
        let error = Mailer::File(path.clone()).send(&letter()).await.unwrap_err();
        assert_eq!(error.class(), Class::Configuration);
        let said = error.to_string();
        assert!(said.contains(&format!("{}: {system}", path.display())), "{said}");
        assert!(said.contains(&format!("\n  next: {next}")), "{said}");
    }
}
