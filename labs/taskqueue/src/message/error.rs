//! Why a message can't be run, in the words that `<queue>.dead` keeps.

use super::MAX_SIZE;

/// Why a message can't be run. The text is what `<queue>.dead` keeps as its reason.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// Longer than [`MAX_SIZE`].
    #[error("{0} bytes long, more than {MAX_SIZE} are refused")]
    TooLarge(usize),
    /// The envelope is no JSON, or something that Celery needs is missing or of another type.
    #[error("not a message of Celery's protocol 2: {0}")]
    Envelope(#[source] serde_json::Error),
    /// The id would be part of a key.
    #[error("id {0:?}: only letters, digits and _ . : - are allowed, 255 at most")]
    Id(String),
    /// Not JSON: above all pickle, which runs code when it is read.
    #[error("content type {0:?} is refused, send application/json")]
    ContentType(String),
    /// The body's bytes can't be had.
    #[error("the body is not {0}")]
    Encoding(String),
    /// The body is not `[args, kwargs, embed]`.
    #[error("the body is not [args, kwargs, embed]: {0}")]
    Body(#[source] serde_json::Error),
    /// A header holds no time.
    #[error("{header} {text:?} is not an ISO 8601 time")]
    Time {
        /// `eta` or `expires`.
        header: &'static str,
        /// What stands there.
        text: String,
    },
}
