//! What can go wrong with a letter, how far it had come, and what a retry could cure.
//!
//! The classes follow what mail servers mean by their codes (RFC 5321). One line is drawn by the
//! letter itself: until its text is under way, a lost connection has sent nothing; from then on, only
//! the server knows whether it has the final dot, and its answer may be what was lost.

use std::error::Error;
use std::io;
use std::time::Duration;

use crate::printable::printable;

/// How far a letter had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Connection, greeting and EHLO.
    Connect,
    /// `MAIL FROM`: the sender.
    Mail,
    /// `RCPT TO`: the recipient.
    Rcpt,
    /// `DATA`: may the text come?
    Data,
    /// The text, up to the answer to its final dot.
    Text,
}

/// Who or what is in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// The server is away: retry; no letter would come through now.
    Away,
    /// The server is busy with this letter or its recipient: retry later.
    Later,
    /// The server wants something else from every letter: no retry before somebody has looked.
    Configuration,
    /// This letter will never be taken: no retry.
    Permanent,
    /// It may have been sent: retry under the same Message-ID, and say so.
    Unknown,
}

/// A letter that was not sent, or perhaps was.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// No connection, or one that broke.
    #[error(
        "the mail server {server} is away ({stage}): {}\n  next: {}",
        cause(.source), next_when_lost(*.stage)
    )]
    Lost {
        /// Host and port.
        server: String,
        /// How far it had come.
        stage: Stage,
        /// The network's own words.
        source: lettre::transport::smtp::Error,
    },
    /// No answer in time.
    #[error(
        "the mail server {server} was silent for {after:?} ({stage})\n  next: {}",
        next_when_lost(*.stage)
    )]
    Silent {
        /// Host and port.
        server: String,
        /// How far it had come.
        stage: Stage,
        /// How long the whole sending may take.
        after: Duration,
    },
    /// The server said no.
    #[error(
        "the mail server {server} answered {code} ({stage}): {}\n  next: {}",
        printable(.reply, 200), next_after(*.stage, *.code)
    )]
    Answered {
        /// Host and port.
        server: String,
        /// How far it had come.
        stage: Stage,
        /// The reply's three digits.
        code: u16,
        /// The reply's text; it comes from outside.
        reply: String,
    },
    /// The address has letters before its `@` that the server cannot carry.
    #[error(
        "the mail server {server} takes no address beyond ASCII (SMTPUTF8)\n  \
         next: use a server that does, or another address"
    )]
    NoUtf8 {
        /// Host and port.
        server: String,
    },
    /// lettre could not put the letter together.
    #[error("the letter cannot be written: {}\n  next: check the task's arguments", cause(.0))]
    Letter(#[source] lettre::error::Error),
    /// The sender's address is none.
    #[error("the sender's address is not valid: {0}\n  next: correct it in mail/letter.rs")]
    Sender(#[source] lettre::address::AddressError),
    /// The id cannot stand in a Message-ID.
    #[error("this id cannot stand in a Message-ID\n  next: use 1 to 255 of A-Z a-z 0-9 _ . : -")]
    BadId,
    /// The file did not take it.
    #[error(
        "the letter cannot be appended to {}: {}\n  next: {}",
        printable(.path, 200), cause(.source), next_for_file(.source.kind())
    )]
    File {
        /// The file.
        path: String,
        /// The system's own words.
        source: io::Error,
    },
}

impl SendError {
    /// What a retry could cure.
    pub fn class(&self) -> Class {
        match self {
            Self::Lost { stage, .. } | Self::Silent { stage, .. } => class_when_lost(*stage),
            Self::Answered { stage, code, .. } => class_of_reply(*stage, *code),
            Self::NoUtf8 { .. } | Self::Letter(_) | Self::BadId => Class::Permanent,
            Self::Sender(_) | Self::File { .. } => Class::Configuration,
        }
    }
}

fn class_when_lost(stage: Stage) -> Class {
    match stage {
        Stage::Connect | Stage::Mail | Stage::Rcpt | Stage::Data => Class::Away,
        Stage::Text => Class::Unknown,
    }
}

/// A reply, even to the final dot, is a clear no: only silence leaves room for doubt.
fn class_of_reply(stage: Stage, code: u16) -> Class {
    match (code, stage) {
        (421, _) => Class::Away,
        // RFC 5321, 4.5.3.1.10: servers say 552 for "too many recipients" where 452 is meant.
        (400..=499, _) | (552, Stage::Rcpt) => Class::Later,
        (500..=504 | 530..=538, _) => Class::Configuration,
        _ => Class::Permanent,
    }
}

fn next_when_lost(stage: Stage) -> &'static str {
    next(class_when_lost(stage))
}

/// What was said where it went wrong: the innermost error, the system's or the network's.
fn cause(error: &(dyn Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    printable(&innermost.to_string(), 200)
}

fn next_for_file(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "make room on that disk, or name a file on another by --mail-file"
        }
        io::ErrorKind::NotFound => "make its directory, or name another file by --mail-file",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "see that you may write there, or name another file by --mail-file"
        }
        io::ErrorKind::IsADirectory => "name a file in it by --mail-file",
        _ => "name another file by --mail-file",
    }
}

fn next_after(stage: Stage, code: u16) -> &'static str {
    next(class_of_reply(stage, code))
}

fn next(class: Class) -> &'static str {
    match class {
        Class::Away => "see that it runs and that --smtp names it; a retry may find it back",
        Class::Later => "wait; a retry may be taken",
        Class::Configuration => {
            "a retry is refused as well: check --smtp and what the server asks for"
        }
        Class::Permanent => "do not retry: check the recipient's address",
        Class::Unknown => "it may have been sent: look for its Message-ID before you send it again",
    }
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Connect => "at the greeting",
            Self::Mail => "after MAIL FROM",
            Self::Rcpt => "after RCPT TO",
            Self::Data => "after DATA",
            Self::Text => "after the letter's text",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_connection_is_unknown_only_once_the_text_is_under_way() {
        for stage in [Stage::Connect, Stage::Mail, Stage::Rcpt, Stage::Data] {
            assert_eq!(class_when_lost(stage), Class::Away, "{stage}");
        }
        assert_eq!(class_when_lost(Stage::Text), Class::Unknown);
    }

    #[test]
    fn every_reply_has_the_class_that_its_code_means() {
        let classes = [
            (Stage::Connect, 421, Class::Away),
            (Stage::Text, 421, Class::Away),
            (Stage::Rcpt, 450, Class::Later),
            (Stage::Rcpt, 451, Class::Later),
            (Stage::Text, 452, Class::Later),
            (Stage::Connect, 454, Class::Later),
            (Stage::Mail, 455, Class::Later),
            (Stage::Rcpt, 552, Class::Later),
            (Stage::Text, 552, Class::Permanent),
            (Stage::Mail, 500, Class::Configuration),
            (Stage::Mail, 504, Class::Configuration),
            (Stage::Mail, 530, Class::Configuration),
            (Stage::Mail, 535, Class::Configuration),
            (Stage::Mail, 538, Class::Configuration),
            (Stage::Rcpt, 550, Class::Permanent),
            (Stage::Rcpt, 551, Class::Permanent),
            (Stage::Rcpt, 553, Class::Permanent),
            (Stage::Text, 554, Class::Permanent),
            (Stage::Mail, 571, Class::Permanent),
        ];
        for (stage, code, class) in classes {
            assert_eq!(class_of_reply(stage, code), class, "{code} {stage}");
        }
    }
}
