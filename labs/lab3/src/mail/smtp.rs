//! A mail server, and the conversation that hands it one letter.
//!
//! lettre brings the parts: commands, replies, the dots at the starts of lines. The order of them is
//! kept here, one statement a command, for two reasons. lettre's own `send` says which code came, but
//! not to which command, and 552 means one thing after RCPT and another after the text. And its
//! timeout covers the connection only: a server that falls silent would hold it for ever.
//!
//! No TLS and so no passwords: this is for a mail catcher on the same machine or in the same room.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use tokio::time::{Instant, timeout, timeout_at};

use super::error::{SendError, Stage};
use super::letter::Letter;
use crate::feedback::in_ascii;

/// A server has this long for one letter, from the connection to the answer to the final dot.
const PATIENCE: Duration = Duration::from_secs(30);

/// The letter is sent by then; a server that is slow to say goodbye keeps nobody waiting.
const GOODBYE: Duration = Duration::from_millis(250);

/// `smtp://host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmtpServer {
    host: String,
    port: u16,
    patience: Duration,
}

/// A URL that is no mail server's. None of these repeats the URL: it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ServerError {
    /// TLS was asked for, and the lab has none.
    #[error(
        "smtps:// needs TLS, which the lab leaves out\n  \
         next: use a mail catcher without TLS, e.g. --smtp smtp://localhost:1025"
    )]
    NoTls,
    /// A password would travel in the clear.
    #[error(
        "a user or password in the URL needs TLS, which the lab leaves out\n  \
         next: use a mail catcher without login, e.g. --smtp smtp://localhost:1025"
    )]
    Credentials,
    /// Neither host nor port can be read from it.
    #[error(
        "this is no mail server's URL\n  \
         next: write it as smtp://host:port, e.g. --smtp smtp://localhost:1025"
    )]
    NotAUrl,
}

impl SmtpServer {
    /// Reads `smtp://host[:port]`; the port defaults to 25.
    pub fn from_url(url: &str) -> Result<Self, ServerError> {
        let (scheme, rest) = url.split_once("://").ok_or(ServerError::NotAUrl)?;
        match scheme.to_ascii_lowercase().as_str() {
            "smtp" if rest.contains('@') => Err(ServerError::Credentials),
            "smtp" => Self::from_authority(rest.trim_end_matches('/')),
            "smtps" => Err(ServerError::NoTls),
            _ => Err(ServerError::NotAUrl),
        }
    }

    /// The same server, given up on after this long.
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    fn from_authority(authority: &str) -> Result<Self, ServerError> {
        let (host, port) = match authority.rsplit_once(':') {
            // In `[::1]` the last colon belongs to the address.
            Some((host, port)) if !port.ends_with(']') => (host, port),
            _ => (authority, "25"),
        };
        let host = match host.strip_prefix('[') {
            Some(ipv6) => ipv6.strip_suffix(']').ok_or(ServerError::NotAUrl)?,
            None if host.contains(':') => return Err(ServerError::NotAUrl),
            None => host,
        };
        let name = |c: char| c.is_ascii_alphanumeric() || "-._:".contains(c);
        if host.is_empty() || !host.chars().all(name) {
            return Err(ServerError::NotAUrl);
        }
        Ok(Self {
            // `localhost` may mean ::1 first, where most mail catchers do not listen.
            host: if host == "localhost" { "127.0.0.1" } else { host }.to_owned(),
            port: port.parse().map_err(|_| ServerError::NotAUrl)?,
            patience: PATIENCE,
        })
    }

    /// Hands the letter over, and returns the reply to its final dot.
    pub(super) async fn send(&self, letter: &Letter) -> Result<String, SendError> {
        let deadline = Instant::now() + self.patience;
        let address = (self.host.as_str(), self.port);
        let hello = ClientId::default();
        let connecting = AsyncSmtpConnection::connect_tokio1(address, None, &hello, None, None);
        let mut smtp = self.step(deadline, Stage::Connect, connecting).await?;
        let sent = self.converse(&mut smtp, deadline, letter).await;
        let _ = timeout(GOODBYE, smtp.abort()).await;
        sent
    }

    async fn converse(
        &self,
        smtp: &mut AsyncSmtpConnection,
        deadline: Instant,
        letter: &Letter,
    ) -> Result<String, SendError> {
        let (to, parameters) = self.recipient(smtp, letter.address())?;
        let letter = letter.compose(to)?;
        let envelope = letter.envelope();
        let mail = Mail::new(envelope.from().cloned(), parameters);
        self.step(deadline, Stage::Mail, smtp.command(mail)).await?;
        for to in envelope.to() {
            let rcpt = Rcpt::new(to.clone(), Vec::new());
            self.step(deadline, Stage::Rcpt, smtp.command(rcpt)).await?;
        }
        self.step(deadline, Stage::Data, smtp.command(Data)).await?;
        let text = letter.formatted();
        let reply = self.step(deadline, Stage::Text, smtp.message(&text)).await?;
        let words: Vec<&str> = reply.message().collect();
        Ok(format!("{} {}", reply.code(), words.join(" ")))
    }

    /// An address beyond ASCII must be announced; a server that takes none gets its ASCII form.
    fn recipient(
        &self,
        smtp: &AsyncSmtpConnection,
        to: &Address,
    ) -> Result<(Address, Vec<MailParameter>), SendError> {
        if AsRef::<str>::as_ref(to).is_ascii() {
            return Ok((to.clone(), Vec::new()));
        }
        if smtp.server_info().supports_feature(Extension::SmtpUtfEight) {
            let eight_bit = MailParameter::Body(MailBodyParameter::EightBitMime);
            return Ok((to.clone(), vec![MailParameter::SmtpUtfEight, eight_bit]));
        }
        let ascii = in_ascii(to).ok_or_else(|| SendError::NoUtf8 { server: self.to_string() })?;
        Ok((ascii, Vec::new()))
    }

    async fn step<T>(
        &self,
        deadline: Instant,
        stage: Stage,
        step: impl Future<Output = Result<T, smtp::Error>>,
    ) -> Result<T, SendError> {
        match timeout_at(deadline, step).await {
            Ok(done) => done.map_err(|error| self.error(stage, error)),
            Err(_) => {
                Err(SendError::Silent { server: self.to_string(), stage, after: self.patience })
            }
        }
    }

    fn error(&self, stage: Stage, source: smtp::Error) -> SendError {
        let server = self.to_string();
        match source.status() {
            Some(code) => SendError::Answered {
                server,
                stage,
                code: code.into(),
                reply: std::error::Error::source(&source)
                    .map_or_else(String::new, ToString::to_string),
            },
            None => SendError::Lost { server, stage, source },
        }
    }
}

impl fmt::Display for SmtpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "smtp://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "smtp://{}:{}", self.host, self.port)
        }
    }
}
