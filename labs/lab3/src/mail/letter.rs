//! The letter that answers a feedback, as in Django's version: same sender, subject and words.
//!
//! Its Message-ID is made from the id it is given: a task's id stays the same over all its attempts,
//! so a letter that is sent twice can be recognised. lettre would panic on some headers and pass some
//! control characters through; here every part is a constant, a checked
//! [`Feedback`](crate::feedback::Feedback), or an id that is checked below.

use std::time::SystemTime;

use lettre::Message;
use lettre::message::header::{ContentTransferEncoding, ContentType, MIME_VERSION_1_0};
use lettre::message::{Body, Mailbox, MessageBuilder};

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

    /// The `Message-ID` header, in its angle brackets.
    pub fn message_id(&self) -> &str {
        &self.message_id
    }

    /// The letter for people: headers, a blank line, the words themselves, lines ended by `\n`.
    pub fn text(&self) -> Result<String, SendError> {
        let readable = ContentTransferEncoding::EightBit;
        let letter = match Body::new_with_encoding(self.words(), readable) {
            Ok(body) => self.head()?.body(body),
            // A line of more than 998 bytes; an encoding breaks it.
            Err(_) => self.head()?.body(self.words()),
        };
        let formatted = letter.map_err(SendError::Letter)?.formatted();
        Ok(String::from_utf8_lossy(&formatted).replace("\r\n", "\n"))
    }

    /// The letter for a mail server, encoded so that every server takes it.
    pub(super) fn compose(&self) -> Result<Message, SendError> {
        self.head()?.body(self.words()).map_err(SendError::Letter)
    }

    fn words(&self) -> String {
        format!("\t{}\n\nThank you!", self.feedback.message())
    }

    fn head(&self) -> Result<MessageBuilder, SendError> {
        let sender = SENDER.parse().map_err(SendError::Sender)?;
        Ok(Message::builder()
            .from(Mailbox::new(None, sender))
            .to(Mailbox::new(None, self.feedback.address().clone()))
            .subject(SUBJECT)
            .date(self.date)
            .message_id(Some(self.message_id.clone()))
            .header(MIME_VERSION_1_0)
            .header(ContentType::TEXT_PLAIN))
    }
}
