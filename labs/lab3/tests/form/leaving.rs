//! Visitors who go as visitors do: a closed tab, the way back, a connection that was never used.

use lab3::form::{FormEvent, Limits, Progress};

use crate::support::{Fake, Site, VALID, site_with};

const STREAM: &str = "/progress/?task=a-1";

async fn site() -> Site {
    let pending = Progress {
        state: Some("PENDING".to_owned()),
        reason: None,
        command: String::new(),
        done: false,
        done_at: None,
    };
    site_with(Fake::at(pending), Limits::default()).await
}

/// What the terminal would show in red, of all that has happened.
async fn complaints(site: Site) -> Vec<FormEvent> {
    let complains = |event: &FormEvent| match event {
        FormEvent::Dropped { .. } | FormEvent::NotAccepting { .. } => true,
        FormEvent::Answered { status, .. } => *status >= 400,
        _ => false,
    };
    site.end().await.into_iter().filter(complains).collect()
}

/// Says this, hears the answer up to that text, and goes; once orderly and once not.
async fn goes(say: impl Fn(&Site) -> String, hears: &str) {
    for reset in [false, true] {
        let site = site().await;
        let mut visitor = site.connect().await;
        visitor.say(say(&site)).await;
        if !hears.is_empty() {
            visitor.hear_until(hears).await;
        }
        if reset {
            visitor.reset();
        } else {
            drop(visitor);
        }
        // One who comes later is served, so the first one has been noticed.
        assert_eq!(site.get("/").await.status(), 200);
        assert_eq!(complaints(site).await, [], "reset: {reset}");
    }
}

#[tokio::test]
async fn a_connection_that_is_closed_unused_is_no_complaint() {
    goes(|_| String::new(), "").await;
}

#[tokio::test]
async fn a_page_that_is_left_while_it_listens_to_its_stream_is_no_complaint() {
    goes(|site| site.head("GET", STREAM, ""), "PENDING").await;
}

#[tokio::test]
async fn a_page_that_is_left_as_it_comes_is_no_complaint() {
    goes(|site| site.head("GET", "/", ""), "HTTP/1.1 200").await;
    goes(|site| site.head("GET", "/", ""), "").await;
}

#[tokio::test]
async fn a_connection_that_is_closed_in_the_middle_of_a_request_is_no_complaint() {
    goes(|site| site.head("GET", "/", "").replace("\r\n\r\n", "\r\n"), "").await;
    goes(|site| site.posting(VALID).trim_end_matches("Hello").to_owned(), "").await;
}

#[tokio::test]
async fn a_form_that_is_left_while_it_waits_is_told_as_left_and_not_as_a_complaint() {
    let site = site_with(Fake::gated(), Limits::default()).await;
    let mut visitor = site.connect().await;
    visitor.say(site.posting(VALID)).await;
    site.submitted().await;
    visitor.reset();
    site.event(|event| matches!(event, FormEvent::Left { .. }).then_some(())).await;
    site.fake.open_the_gate();
    assert_eq!(complaints(site).await, []);
}

#[tokio::test]
async fn who_asks_by_https_is_told_of_in_words_that_help() {
    let site = site().await;
    site.raw(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03").await;
    let dropped = complaints(site).await;
    let [FormEvent::Dropped { reason }] = &dropped[..] else { panic!("{dropped:?}") };
    assert!(reason.contains("http://"), "{reason}");
}
