//! Requests that never reach the form, and what their senders are told.
//!
//! A mistake in a field is not among them: that visitor gets the form again.

use hyper::StatusCode;

/// Why a request was turned away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rejection {
    /// No `Host`, or two.
    NoHost,
    /// A `Host` that is not ours: another site's name may have been pointed at this machine.
    ForeignHost,
    /// No such page.
    NotFound,
    /// No such method here; the methods that there are.
    Method { allow: &'static str },
    /// A form on another site posted this.
    CrossOrigin,
    /// Not `application/x-www-form-urlencoded` in UTF-8.
    NotAForm,
    /// A broken escape, or bytes that are not UTF-8.
    Malformed,
    /// More bytes than [`Limits::body`](super::Limits).
    TooLarge,
    /// The body took longer than [`Limits::request`](super::Limits).
    TooSlow,
    /// As many pages watch their tasks as [`Limits::streams`](super::Limits) allows.
    TooManyStreams,
    /// The body ended before its announced length.
    BrokenOff,
    /// A panic behind the form.
    Crashed,
}

impl Rejection {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::NoHost | Self::ForeignHost | Self::Malformed | Self::BrokenOff => {
                StatusCode::BAD_REQUEST
            }
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::CrossOrigin => StatusCode::FORBIDDEN,
            Self::NotAForm => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::TooManyStreams => StatusCode::SERVICE_UNAVAILABLE,
            Self::Crashed => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The value of the `Allow` header that a 405 must have.
    pub(super) fn allow(&self) -> Option<&'static str> {
        match self {
            Self::Method { allow } => Some(allow),
            _ => None,
        }
    }

    /// What is wrong, and what would be right.
    pub(crate) fn sentence(&self) -> &'static str {
        match self {
            Self::NoHost => "The request needs exactly one Host header.",
            Self::ForeignHost => {
                "This program answers to the names localhost, 127.0.0.1 and [::1] only."
            }
            Self::NotFound => "There is no page at this address.",
            Self::Method { .. } => "This address is read with GET; only the form takes a POST.",
            Self::CrossOrigin => "This was sent from another site. Please use the form here.",
            Self::NotAForm => "Send the form as application/x-www-form-urlencoded, in UTF-8.",
            Self::Malformed => "The text was not encoded as a browser would; nothing was taken.",
            Self::TooLarge => "That is more text than the form takes; nothing was taken.",
            Self::TooSlow => "The request took too long to arrive; nothing was taken.",
            Self::TooManyStreams => "Too many pages watch their tasks at the moment.",
            Self::BrokenOff => "The request ended too early; nothing was taken.",
            Self::Crashed => "Something broke behind the form. The terminal says what.",
        }
    }
}
