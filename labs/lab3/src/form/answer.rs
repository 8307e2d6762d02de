//! The answer: a page or a redirect, with the headers that every answer has.
//!
//! As strict as Django sets them or stricter: nothing is loaded from anywhere, the page's own style
//! sheet and script are named by a nonce, nobody may frame the page, and nothing is cached.

use http_body_util::{Either, Full};
use hyper::Response;
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use maud::Markup;
use uuid::Uuid;

use super::Refused;
use super::receipt::Receipt;
use super::rejection::Rejection;
use super::stream::Events;
use crate::page::{self, Page};

/// What goes back to the visitor.
pub(crate) type Answer = Response<Either<Full<Bytes>, Events>>;

/// A page under a fresh nonce.
pub(super) fn html(status: StatusCode, page: &Page) -> Answer {
    document(status, |nonce| page.render(nonce))
}

/// A whole document, which is told the nonce of its style sheet and its script.
pub(crate) fn document(status: StatusCode, render: impl FnOnce(&str) -> Markup) -> Answer {
    let nonce = Uuid::new_v4().simple().to_string();
    let mut answer = text(status, render(&nonce).into_string());
    let policy = format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; \
         connect-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'"
    );
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    answer.headers_mut().insert(CONTENT_TYPE, html);
    if let Ok(policy) = HeaderValue::try_from(policy) {
        answer.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    }
    answer
}

/// A stream of events.
pub(crate) fn events(events: Events) -> Answer {
    let mut answer = plain(StatusCode::OK, Either::Right(events));
    let kind = HeaderValue::from_static("text/event-stream");
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    answer
}

/// What a script asks for.
pub(crate) fn json(json: String) -> Answer {
    let mut answer = text(StatusCode::OK, json);
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

/// 302 after a form that was taken, as Django's `FormView` does.
pub(super) fn redirect(receipt: &Receipt) -> Answer {
    let mut answer = text(StatusCode::FOUND, String::new());
    if let Ok(location) = HeaderValue::try_from(format!("/success/{}", receipt.query())) {
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
    rejected_by(rejection, |nonce| page.render(nonce))
}

/// The same in another frame.
pub(crate) fn rejected_by(rejection: &Rejection, render: impl FnOnce(&str) -> Markup) -> Answer {
    let mut answer = document(rejection.status(), render);
    if let Some(allow) = rejection.allow() {
        let allow = HeaderValue::from_static(allow);
        answer.headers_mut().insert(ALLOW, allow);
    }
    answer
}

fn text(status: StatusCode, body: String) -> Answer {
    plain(status, Either::Left(Full::new(Bytes::from(body))))
}

fn plain(status: StatusCode, body: Either<Full<Bytes>, Events>) -> Answer {
    let mut answer = Response::new(body);
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
