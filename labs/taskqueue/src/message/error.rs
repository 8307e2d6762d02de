//! Why a message can't be run, in the words that `<queue>.dead` keeps.

use super::MAX_SIZE;
use crate::task_error::TaskError;

/// Why a message can't be run. The text is what `<queue>.dead` keeps as its reason.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// Longer than [`MAX_SIZE`].
    #[error("{0} bytes long, more than {MAX_SIZE} are refused")]
    TooLarge(usize),
    /// The envelope is no JSON object.
    #[error("not a JSON message with headers and properties")]
    Envelope(#[source] serde_json::Error),
    /// It is JSON for serde_json, but not for Python, which may have to read it as well.
    #[error("not a JSON message with headers and properties: Python could not read it")]
    NotForPython,
    /// Without a name nobody knows what to run, without an id nobody whose result it is.
    #[error("the message names no {0}")]
    Missing(&'static str),
    /// Not JSON: above all pickle, which runs code when it is read.
    #[error("content type {0:?} is refused, send application/json")]
    ContentType(String),
    /// The body's bytes can't be had.
    #[error("the body is not {0}")]
    Encoding(String),
    /// The body is not `[args, kwargs, embed]`.
    #[error("the body is not [args, kwargs, embed]: {0}")]
    Body(#[source] serde_json::Error),
    /// Python writes it, and JSON does not have it.
    #[error("the body has {0}, which is no number in JSON")]
    NotANumber(&'static str),
    /// Python writes it, and it would be rounded here.
    #[error("the body has {0}, and whole numbers have 64 bits here")]
    LongInteger(String),
    /// A header holds no time.
    #[error("{header} {text:?} is not an ISO 8601 time")]
    Time {
        /// `eta` or `expires`.
        header: &'static str,
        /// What stands there.
        text: String,
    },
}

/// What whoever waits for the result gets.
impl From<&MessageError> for TaskError {
    fn from(error: &MessageError) -> Self {
        let (module, class) = match error {
            MessageError::ContentType(_) => ("kombu.exceptions", "ContentDisallowed"),
            MessageError::Missing(_) | MessageError::Time { .. } => {
                ("celery.exceptions", "InvalidTaskError")
            }
            MessageError::LongInteger(_) => ("builtins", "OverflowError"),
            MessageError::TooLarge(_)
            | MessageError::Envelope(_)
            | MessageError::NotForPython
            | MessageError::Encoding(_)
            | MessageError::Body(_)
            | MessageError::NotANumber(_) => ("kombu.exceptions", "DecodeError"),
        };
        Self::in_module(module, class, error)
    }
}
