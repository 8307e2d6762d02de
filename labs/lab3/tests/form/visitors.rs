//! Who is counted as a visitor, and that a wait is measured once.

use std::time::{Duration, Instant};

use lab3::form::{Accepted, FormEvent, Limits, Refused};

use crate::support::{Answer, Fake, Site, VALID, site, site_with};

fn refused() -> Refused {
    Refused { reason: "The mail server is away.".to_owned(), next: "Try again.".to_owned() }
}

/// Opens the form; its token.
async fn open(site: &Site) -> String {
    site.get("/").await.attribute("name=\"token\"", "value").to_owned()
}

async fn submit(site: &Site, token: &str) -> Answer {
    site.post(&format!("{VALID}&token={token}")).await
}

/// The visitor of the next form that is submitted.
async fn submitted_by(site: &Site) -> u64 {
    site.event(|event| match event {
        FormEvent::Submitted { visitor, .. } => Some(*visitor),
        _ => None,
    })
    .await
}

#[tokio::test]
async fn the_first_form_that_is_sent_is_visitor_1_however_many_pages_were_asked_for() {
    let site = site().await;
    for path in ["/", "/favicon.ico", "/", "/success/", "/nowhere"] {
        site.get(path).await;
    }
    let token = open(&site).await;
    submit(&site, &token).await;
    assert_eq!(submitted_by(&site).await, 1);
    site.get("/success/").await;
    let another = open(&site).await;
    submit(&site, &another).await;
    assert_eq!(submitted_by(&site).await, 2, "who submits another one is the next visitor");
}

#[tokio::test]
async fn a_visitor_who_corrects_or_repeats_the_form_is_the_same_one() {
    let site = site_with(Fake::answering([Some(Err(refused()))]), Limits::default()).await;
    let token = open(&site).await;
    site.post(&format!("email=ann&message=hi&token={token}")).await;
    let invalid = |event: &FormEvent| match event {
        FormEvent::Invalid { visitor, .. } => Some(*visitor),
        _ => None,
    };
    assert_eq!(site.event(invalid).await, 1);
    for status in [503, 302, 302] {
        assert_eq!(submit(&site, &token).await.status(), status);
        assert_eq!(submitted_by(&site).await, 1);
    }
}

#[tokio::test]
async fn who_waits_for_the_form_behind_the_first_visitor_is_the_second_one_and_stays_it() {
    let site = site_with(Fake::gated(), Limits { at_once: 1, ..Limits::default() }).await;
    let token = open(&site).await;
    let mut first = site.connect().await;
    first.say(site.posting(&format!("{VALID}&token={token}"))).await;
    assert_eq!(submitted_by(&site).await, 1);
    let waiting = |event: &FormEvent| match event {
        FormEvent::Waiting { visitor, .. } => Some(*visitor),
        _ => None,
    };
    let mut second = site.connect().await;
    second.say(site.head("GET", "/", "")).await;
    assert_eq!(site.event(waiting).await, Some(2));
    let mut page = site.connect().await;
    page.say(site.head("GET", "/success/", "")).await;
    assert_eq!(site.event(waiting).await, None, "a page behind a form is no visitor");
    site.fake.open_the_gate();
    site.fake.open_the_gate();
    first.hear().await;
    page.hear().await;
    let token = second.hear().await.attribute("name=\"token\"", "value").to_owned();
    submit(&site, &token).await;
    assert_eq!(submitted_by(&site).await, 2);
}

#[tokio::test]
async fn the_page_is_told_the_very_wait_that_is_reported() {
    let queued = Accepted::Queued { task_id: "a-1".to_owned() };
    let site = site_with(Fake::answering([Some(Ok(queued))]), Limits::default()).await;
    for _ in 0..2 {
        let answer = site.post(VALID).await;
        let reported = |event: &FormEvent| match event {
            FormEvent::Answered { elapsed, .. } => Some(*elapsed),
            _ => None,
        };
        let reported = site.event(reported).await;
        let location = answer.header("location").unwrap();
        let told = location.split_once("waited=").unwrap().1.split('&').next().unwrap();
        let told = Duration::from_secs_f64(told.parse::<f64>().unwrap() / 1000.0);
        assert_eq!(told.as_micros(), reported.as_micros(), "{location}");
        assert_eq!(reported.subsec_nanos() % 1000, 0, "nothing is lost on the way");
    }
}

#[tokio::test]
async fn who_clicks_again_has_waited_since_the_first_click() {
    let site = site_with(Fake::gated(), Limits::default()).await;
    let token = open(&site).await;
    let form = site.posting(&format!("{VALID}&token={token}"));
    let mut first = site.connect().await;
    first.say(form.clone()).await;
    site.submitted().await;
    let clicked = Instant::now();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let between = clicked.elapsed();
    let mut second = site.connect().await;
    second.say(form).await;
    site.submitted().await;
    site.fake.open_the_gate();
    for visitor in [first, second] {
        let answer = visitor.hear().await;
        let location = answer.header("location").unwrap();
        let told = location.split_once("waited=").unwrap().1.split('&').next().unwrap();
        let told = Duration::from_secs_f64(told.parse::<f64>().unwrap() / 1000.0);
        assert!(told >= between, "{location} after {between:?}");
    }
}
