//! A mail server that follows a script: it takes a letter, refuses it, falls silent or hangs up.
//!
//! It listens on a free port of this machine and speaks real SMTP. The script has one
//! [`Behaviour`] for each connection, in the order in which they come; the last one repeats, until
//! the server is given another script.
//! A letter counts as taken once its final dot has arrived and was not refused, even where the
//! answer never leaves: so it is with a real server that dies in that moment, and it is why a
//! client can't know. [`MailServer::letters`] is the ledger of what was taken.

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::mail::{Mailer, ServerError, SmtpServer};

/// A moment of the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// Before any command.
    Greeting,
    /// `EHLO`.
    Ehlo,
    /// `MAIL FROM`.
    Mail,
    /// `RCPT TO`.
    Rcpt,
    /// `DATA`.
    Data,
    /// The text has begun, and its final dot is not there yet.
    Text,
    /// The final dot has arrived.
    Dot,
    /// `QUIT`.
    Quit,
}

/// How the server behaves on one connection: well, but for one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behaviour(Option<(At, Instead)>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Instead {
    Say(String),
    Stall,
    Cut,
}

impl Behaviour {
    /// Takes the letter.
    #[must_use]
    pub fn accepts() -> Self {
        Self(None)
    }

    /// Gives this reply there, such as `550 5.1.1 nobody here`.
    #[must_use]
    pub fn replies(at: At, reply: &str) -> Self {
        Self(Some((at, Instead::Say(reply.to_owned()))))
    }

    /// Falls silent there, and leaves the connection open.
    #[must_use]
    pub fn stalls(at: At) -> Self {
        Self(Some((at, Instead::Stall)))
    }

    /// Closes the connection there.
    #[must_use]
    pub fn cuts(at: At) -> Self {
        Self(Some((at, Instead::Cut)))
    }

    fn instead(&self, now: At) -> Option<&Instead> {
        self.0.as_ref().filter(|(at, _)| *at == now).map(|(_, instead)| instead)
    }
}

/// The server; it ends when it is dropped, and cuts whoever is still connected.
#[derive(Debug)]
pub struct MailServer {
    address: SocketAddr,
    seen: Seen,
    script: Script,
    _stop: DropGuard,
}

/// What is still to be played.
type Script = Arc<Mutex<VecDeque<Behaviour>>>;

/// What came over all connections.
#[derive(Debug, Clone, Default)]
struct Seen {
    lines: Arc<Mutex<Vec<String>>>,
    letters: Arc<Mutex<Vec<String>>>,
}

impl MailServer {
    /// Starts it.
    ///
    /// # Errors
    /// The system has no free port.
    pub async fn start(script: impl IntoIterator<Item = Behaviour>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let (address, seen) = (listener.local_addr()?, Seen::default());
        let stop = CancellationToken::new();
        let script = Script::new(Mutex::new(script.into_iter().collect()));
        let serving = serve(listener, Arc::clone(&script), seen.clone());
        tokio::spawn(stop.clone().run_until_cancelled_owned(serving));
        Ok(Self { address, seen, script, _stop: stop.drop_guard() })
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    /// From the next connection on it follows this script.
    pub fn play(&self, script: impl IntoIterator<Item = Behaviour>) {
        *lock(&self.script) = script.into_iter().collect();
    }

    /// A mailer that sends through it, and gives it up after `patience`.
    ///
    /// # Errors
    /// None: its own URL is one.
    pub fn mailer(&self, patience: Duration) -> Result<Mailer, ServerError> {
        Ok(Mailer::Smtp(SmtpServer::from_url(&self.url())?.with_patience(patience)))
    }

    /// The Message-IDs of the letters that were taken, in order; one that came twice stands twice.
    #[must_use]
    pub fn letters(&self) -> Vec<String> {
        lock(&self.seen.letters).clone()
    }

    /// Every line that a client sent.
    #[must_use]
    pub fn heard(&self) -> Vec<String> {
        lock(&self.seen.lines).clone()
    }
}

async fn serve(listener: TcpListener, script: Script, seen: Seen) {
    let mut conversations = JoinSet::new();
    let mut behaviour = Behaviour::accepts();
    while let Ok((stream, _)) = listener.accept().await {
        behaviour = lock(&script).pop_front().unwrap_or(behaviour);
        let stream = BufReader::new(stream);
        let conversation =
            Conversation { stream, behaviour: behaviour.clone(), seen: seen.clone() };
        conversations.spawn(conversation.play());
        while conversations.try_join_next().is_some() {}
    }
}

/// One connection.
struct Conversation {
    stream: BufReader<TcpStream>,
    behaviour: Behaviour,
    seen: Seen,
}

impl Conversation {
    /// Until one side closes it.
    async fn play(mut self) -> io::Result<()> {
        if !self.answer(At::Greeting, "220 mail.example.com").await? {
            return Ok(());
        }
        while let Some(line) = self.line().await? {
            let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
            let (at, good) = match verb.as_str() {
                "EHLO" | "HELO" => (At::Ehlo, "250-mail.example.com\r\n250 8BITMIME"),
                "MAIL" => (At::Mail, "250 ok"),
                "RCPT" => (At::Rcpt, "250 ok"),
                "DATA" => (At::Data, "354 go on"),
                _ => (At::Quit, "221 bye"),
            };
            let went_on = self.answer(at, good).await?;
            if !went_on || (at == At::Data && self.allows(At::Data) && !self.letter().await?) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The text up to its final dot, and the answer to it; whether the conversation goes on.
    async fn letter(&mut self) -> io::Result<bool> {
        let mut message_id = String::new();
        while let Some(line) = self.line().await? {
            if line == "." {
                if self.allows(At::Dot) {
                    lock(&self.seen.letters).push(message_id);
                }
                return self.answer(At::Dot, "250 2.0.0 taken as 42").await;
            }
            match self.behaviour.instead(At::Text) {
                Some(Instead::Stall) => std::future::pending().await,
                Some(_) => return Ok(false),
                None => {}
            }
            if let Some(id) = line.strip_prefix("Message-ID: ") {
                message_id = id.to_owned();
            }
        }
        Ok(false)
    }

    /// Whether what comes at `at` is not refused by a reply.
    fn allows(&self, at: At) -> bool {
        match self.behaviour.instead(at) {
            Some(Instead::Say(reply)) => reply.starts_with(['2', '3']),
            _ => true,
        }
    }

    /// Says `good`, or does what the script has instead; whether the conversation goes on.
    async fn answer(&mut self, at: At, good: &str) -> io::Result<bool> {
        let reply = match self.behaviour.instead(at) {
            Some(Instead::Say(reply)) => reply,
            Some(Instead::Stall) => std::future::pending().await,
            Some(Instead::Cut) => return Ok(false),
            None => good,
        };
        let reply = format!("{reply}\r\n");
        self.stream.get_mut().write_all(reply.as_bytes()).await?;
        Ok(true)
    }

    /// The next line without its end; none when the client has closed.
    async fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        if self.stream.read_until(b'\n', &mut line).await? == 0 {
            return Ok(None);
        }
        let line = String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned();
        lock(&self.seen.lines).push(line.clone());
        Ok(Some(line))
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
