//! What a visitor says: an email address and a message, both checked.
//!
//! A `Feedback` exists only if it is valid, so whoever holds one needs no second check. There are
//! two doors: the form, and a task's arguments, which may have been written to Redis by anyone.
//! The rules and their words are Django's (`EmailField`, `CharField`): strip, then required, then
//! valid. Stricter than Django in what later reaches a mail header or a terminal: no quoted local
//! parts, 64 characters before the `@`, 254 in all, no control characters but tab and newline.
//!
//! Pure functions; nothing here reads a clock, a socket or a file.

mod email;

use std::fmt;

pub(crate) use email::in_ascii;

use lettre::Address;

/// The longest email address, as RFC 5321 leaves room for in `RCPT TO:<…>`.
pub const LONGEST_EMAIL: usize = 254;

/// The longest message, in characters.
///
/// Percent-encoding makes at most 12 bytes of a character: 5,000 of them fit the form's 64 KiB, so
/// a message is too long for its field before it is too long for the server.
pub const LONGEST_MESSAGE: usize = 5_000;

/// A valid address and a valid message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feedback {
    email: Address,
    message: String,
}

/// What is wrong with each field; at least one is `Some`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "this feedback is not valid:{}{}\n  next: send both fields as the form would",
    .email.as_ref().map(|error| format!(" email: {error}")).unwrap_or_default(),
    .message.as_ref().map(|error| format!(" message: {error}")).unwrap_or_default()
)]
pub struct FieldErrors {
    /// What is wrong with the address.
    pub email: Option<FieldError>,
    /// What is wrong with the message.
    pub message: Option<FieldError>,
}

/// One field's mistake; its text is what the page says beside the field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldError {
    /// Nothing, or nothing but white space.
    Required,
    /// Not one email address.
    NotAnEmail,
    /// More characters than the field takes.
    TooLong {
        /// How many it takes.
        limit: usize,
        /// How many came.
        length: usize,
    },
    /// A NUL, which Django forbids by itself.
    Null,
    /// Another character that steers a terminal instead of being read.
    Control(char),
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Required => f.write_str("This field is required."),
            Self::NotAnEmail => f.write_str("Enter a valid email address."),
            Self::TooLong { limit, length } => {
                write!(f, "Ensure this value has at most {limit} characters (it has {length}).")
            }
            Self::Null => f.write_str("Null characters are not allowed."),
            Self::Control(character) => write!(
                f,
                "Control characters are not allowed (found U+{:04X}).",
                u32::from(*character)
            ),
        }
    }
}

impl Feedback {
    /// Checks both fields, so that a visitor hears of both mistakes at once.
    pub fn parse(email: &str, message: &str) -> Result<Self, FieldErrors> {
        match (clean_email(email), clean_message(message)) {
            (Ok(email), Ok(message)) => Ok(Self { email, message }),
            (email, message) => Err(FieldErrors { email: email.err(), message: message.err() }),
        }
    }

    /// The visitor's address, as text.
    pub fn email(&self) -> &str {
        self.email.as_ref()
    }

    /// The visitor's address, as the mail needs it.
    pub fn address(&self) -> &Address {
        &self.email
    }

    /// What the visitor wrote: stripped, lines ended by `\n`.
    pub fn message(&self) -> &str {
        &self.message
    }
}

fn clean_email(typed: &str) -> Result<Address, FieldError> {
    let email = typed.trim();
    check(email, LONGEST_EMAIL)?;
    email::parse(email).ok_or(FieldError::NotAnEmail)
}

/// HTML sends every line break as CRLF; a lone CR is nothing a text should keep either.
fn clean_message(typed: &str) -> Result<String, FieldError> {
    let lines = typed.replace("\r\n", "\n").replace('\r', "\n");
    let message = lines.trim();
    check(message, LONGEST_MESSAGE)?;
    let control = |c: &char| c.is_control() && !matches!(c, '\t' | '\n');
    match message.chars().find(control) {
        Some(found) => Err(FieldError::Control(found)),
        None => Ok(message.to_owned()),
    }
}

/// The checks that Django makes of either field.
fn check(value: &str, limit: usize) -> Result<(), FieldError> {
    let length = value.chars().count();
    match value {
        "" => Err(FieldError::Required),
        _ if length > limit => Err(FieldError::TooLong { limit, length }),
        _ if value.contains('\0') => Err(FieldError::Null),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn email_error(email: &str) -> Option<FieldError> {
        Feedback::parse(email, "hello").err().and_then(|errors| errors.email)
    }

    fn message_error(message: &str) -> Option<FieldError> {
        Feedback::parse("ann@example.com", message).err().and_then(|errors| errors.message)
    }

    #[test]
    fn an_over_long_address_is_told_its_limit_in_djangos_words() {
        let long = format!("ann@{}.example", "a.".repeat(140));
        let error = email_error(&long).map(|error| error.to_string());
        let expected = "Ensure this value has at most 254 characters (it has 292).";
        assert_eq!(error.as_deref(), Some(expected));
    }

    #[test]
    fn both_fields_are_judged_at_once() {
        let errors = Feedback::parse(" ", "\r\n\t ").expect_err("both are empty");
        assert_eq!(errors.email, Some(FieldError::Required));
        assert_eq!(errors.message, Some(FieldError::Required));
        assert!(errors.to_string().contains("next:"));
    }

    #[test]
    fn line_ends_become_newlines_and_the_edges_are_stripped() {
        let feedback = Feedback::parse("ann@example.com", " \r\none\r\ntwo\rthree\n\tfour \r\n");
        assert_eq!(feedback.expect("valid").message(), "one\ntwo\nthree\n\tfour");
    }

    #[test]
    fn control_characters_are_refused_but_for_tab_and_newline() {
        assert_eq!(message_error("a\0b"), Some(FieldError::Null));
        assert_eq!(message_error("a\x1b[2J"), Some(FieldError::Control('\x1b')));
        assert_eq!(message_error("a\u{9b}b"), Some(FieldError::Control('\u{9b}')));
        assert_eq!(message_error("a\tb\nc שלום\u{200f}"), None);
        assert_eq!(email_error("a\0@example.com"), Some(FieldError::Null));
    }

    #[test]
    fn a_message_is_bounded_in_characters_not_bytes() {
        assert_eq!(message_error(&"ä".repeat(LONGEST_MESSAGE)), None);
        let too_long = FieldError::TooLong { limit: LONGEST_MESSAGE, length: LONGEST_MESSAGE + 1 };
        assert_eq!(message_error(&"a".repeat(LONGEST_MESSAGE + 1)), Some(too_long));
    }
}
