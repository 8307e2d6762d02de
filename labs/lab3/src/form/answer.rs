//! The answer: a page or a redirect, with the headers that every answer has.
//!
//! As strict as Django sets them or stricter: nothing is loaded from anywhere, no script runs, the
//! one style sheet is named by a nonce, nobody may frame the page, and nothing is cached.

use http_body_util::Full;
use hyper::Response;
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use uuid::Uuid;

use super::rejection::Rejection;
use super::{Accepted, Refused};
use crate::page::{self, Page};

/// What goes back to the visitor.
pub(super) type Answer = Response<Full<Bytes>>;

/// A page under a fresh nonce.
pub(super) fn html(status: StatusCode, page: &Page) -> Answer {
    let nonce = Uuid::new_v4().simple().to_string();
    let mut answer = plain(status, page.render(&nonce).into_string());
    let policy = format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; img-src data:; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    answer.headers_mut().insert(CONTENT_TYPE, html);
    if let Ok(policy) = HeaderValue::try_from(policy) {
        answer.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    }
    answer
}

/// 302 after a form that was taken, as Django's `FormView` does.
pub(super) fn redirect(accepted: &Accepted) -> Answer {
    let mut location = String::from("/success/");
    if let Accepted::Queued { task_id } = accepted {
        location.push_str("?task=");
        location.extend(form_urlencoded::byte_serialize(task_id.as_bytes()));
    }
    let mut answer = plain(StatusCode::FOUND, String::new());
    if let Ok(location) = HeaderValue::try_from(location) {
        answer.headers_mut().insert(LOCATION, location);
    }
    answer
}

/// 503: the form again, with what happened and what was typed.
pub(super) fn refused(form: &page::Form<'_>, refused: &Refused) -> Answer {
    html(StatusCode::SERVICE_UNAVAILABLE, &form.refused(refused))
}

/// A page that says why not.
pub(super) fn rejected(rejection: &Rejection) -> Answer {
    let page = page::notice(&rejection.status().to_string(), rejection.sentence());
    let mut answer = html(rejection.status(), &page);
    if let Some(allow) = rejection.allow() {
        let allow = HeaderValue::from_static(allow);
        answer.headers_mut().insert(ALLOW, allow);
    }
    answer
}

fn plain(status: StatusCode, body: String) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    for (name, value) in [
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        let value = HeaderValue::from_static(value);
        answer.headers_mut().insert(name, value);
    }
    answer
}
