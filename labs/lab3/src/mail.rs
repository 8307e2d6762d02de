//! The mail: a [`Letter`] made of a [`Feedback`](crate::feedback::Feedback), and three ways to send it.
//!
//! The console, as Django's backend of that name: the letter is handed on as text. A mail server,
//! over SMTP. A file, one record a letter, which tests read as a ledger of what was really sent.
//! A [`SendError`] says how far the letter came, and [`SendError::class`] what a retry could cure.
//!
//! It does not print, does not retry, and does not pretend to be slow: the simulated work of the
//! steps is theirs. After an error of class [`Class::Unknown`] the letter may have been sent; since its
//! Message-ID is made from an id that stays the same, a second one can be recognised as the same.

mod error;
mod letter;
mod mbox;
mod smtp;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

pub use error::{Class, SendError, Stage};
pub use letter::Letter;
pub use smtp::{ServerError, SmtpServer};

/// Where letters go.
#[derive(Clone)]
pub enum Mailer {
    /// To somebody who prints it, line by line, in a way that a terminal survives.
    Console(Arc<dyn Fn(&str) + Send + Sync>),
    /// To a mail server.
    Smtp(SmtpServer),
    /// To the end of this file, in mbox format.
    File(PathBuf),
}

/// What became of a letter that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Receipt {
    /// It was handed to the console.
    Printed,
    /// The mail server took it, with these words; they come from outside.
    Taken {
        /// The server's last reply.
        reply: String,
    },
    /// It stands in the file.
    Filed,
}

impl Mailer {
    /// Sends the letter, once.
    pub async fn send(&self, letter: &Letter) -> Result<Receipt, SendError> {
        match self {
            Self::Console(print) => {
                print(&letter.text()?);
                Ok(Receipt::Printed)
            }
            Self::Smtp(server) => {
                let reply = server.send(letter).await?;
                Ok(Receipt::Taken { reply })
            }
            Self::File(path) => {
                mbox::append(path.clone(), mbox::record(letter)?).await?;
                Ok(Receipt::Filed)
            }
        }
    }
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mailer({self})")
    }
}

/// The target in words, for a banner.
impl fmt::Display for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Console(_) => f.write_str("the console"),
            Self::Smtp(server) => server.fmt(f),
            Self::File(path) => path.display().fmt(f),
        }
    }
}
