//! The letter that answers a feedback, as in Django's version: same sender, subject and words.
//!
//! Its Message-ID is made from the id it is given: a task's id stays the same over all its attempts,
//! so a letter that is sent twice can be recognised. lettre would panic on some headers and pass some
//! control characters through; here every part is a constant, a checked
//! [`Feedback`](crate::feedback::Feedback), or an id that is checked below.

use std::time::SystemTime;

use lettre::message::header::{ContentTransferEncoding, ContentType, MIME_VERSION_1_0};
use lettre::message::{Body, Mailbox};
use lettre::{Address, Message};

use super::error::SendError;
use crate::feedback::Feedback;

/// Who sends it.
pub(super) const SENDER: &str = "support@example.com";
const SUBJECT: &str = "Your Feedback";

/// One letter to one visitor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    feedback: Feedback,
    message_id: String,
    date: SystemTime,
}

impl Letter {
    /// A letter under this id: the task's, or a fresh UUID where there are no tasks.
    pub fn new(feedback: Feedback, id: &str, date: SystemTime) -> Result<Self, SendError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte);
        if id.is_empty() || id.len() > 255 || !id.bytes().all(allowed) {
            return Err(SendError::BadId);
        }
        Ok(Self { feedback, message_id: format!("<{id}@lab3.example.com>"), date })
    }

    /// Whom it goes to.
    pub fn to(&self) -> &str {
        self.feedback.email()
    }

    /// The same as a mail needs it.
    pub(super) fn address(&self) -> &Address {
        self.feedback.address()
    }

    /// The `Message-ID` header, in its angle brackets.
    pub fn message_id(&self) -> &str {
        &self.message_id
    }

    /// The letter for people: headers, a blank line, the words themselves, lines ended by `\n`.
    pub fn text(&self) -> Result<String, SendError> {
        let words = self.words();
        let plain = if words.is_ascii() {
            ContentTransferEncoding::SevenBit
        } else {
            ContentTransferEncoding::EightBit
        };
        // A line of more than 998 bytes needs an encoding that breaks it, readable or not.
        let body = Body::new_with_encoding(words, plain).unwrap_or_else(Body::new);
        let letter = self.write(self.address().clone(), body)?.formatted();
        Ok(String::from_utf8_lossy(&letter).replace("\r\n", "\n"))
    }

    /// The letter for a mail server, encoded so that every server takes it; `to` is whom it goes
    /// to, in a form that this server takes.
    pub(super) fn compose(&self, to: Address) -> Result<Message, SendError> {
        self.write(to, Body::new(self.words()))
    }

    fn words(&self) -> String {
        format!("\t{}\n\nThank you!", self.feedback.message())
    }

    /// The headers stand in Django's order.
    fn write(&self, to: Address, body: Body) -> Result<Message, SendError> {
        let sender = SENDER.parse().map_err(SendError::Sender)?;
        Message::builder()
            .header(ContentType::TEXT_PLAIN)
            .header(MIME_VERSION_1_0)
            .header(body.encoding())
            .subject(SUBJECT)
            .from(Mailbox::new(None, sender))
            .to(Mailbox::new(None, to))
            .date(self.date)
            .message_id(Some(self.message_id.clone()))
            .body(body)
            .map_err(SendError::Letter)
    }
}
