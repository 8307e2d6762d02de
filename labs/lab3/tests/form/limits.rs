//! Visitors who are slow, many, or still there at the end.

use std::pin::pin;
use std::time::Duration;

use lab3::form::{FormEvent, Limits};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::{Fake, VALID, site, site_with};

const SHORT: Duration = Duration::from_millis(100);

fn short() -> Limits {
    Limits { head: SHORT, request: 2 * SHORT, answer: SHORT, ..Limits::default() }
}

fn dropped(event: &FormEvent) -> Option<()> {
    matches!(event, FormEvent::Dropped { .. }).then_some(())
}

#[tokio::test]
async fn a_head_that_does_not_end_is_cut_and_reported() {
    let site = site_with(Fake::default(), short()).await;
    let mut visitor = site.connect().await;
    visitor.say("GET / HTTP/1.1\r\nHost: loc").await;
    let answer = visitor.hear().await;
    assert!(answer.is_empty() || answer.status() == 408);
    site.event(dropped).await;
}

#[tokio::test]
async fn a_silent_connection_is_cut_and_is_no_news() {
    let site = site_with(Fake::default(), short()).await;
    assert!(site.connect().await.hear().await.is_empty());
    site.get("/").await;
    let first = site.event(|event| Some(event.clone())).await;
    assert!(matches!(first, FormEvent::Received { request: 1, .. }), "{first:?}");
}

#[tokio::test]
async fn a_body_that_does_not_end_is_408_and_submits_nothing() {
    let site = site_with(Fake::default(), short()).await;
    let form = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n";
    let answer = site.raw(site.head("POST", "/", form) + VALID).await;
    assert_eq!(answer.status(), 408);
    assert!(site.fake.calls().is_empty());
}

#[tokio::test]
async fn a_head_that_drips_is_cut_as_one_that_stands_still() {
    let site = site_with(Fake::default(), short()).await;
    let visitor = site.connect().await;
    // It would drip for ever.
    let head = format!("GET / HTTP/1.1\r\nHost: {}\r\nX: ", site.host());
    let answer = visitor.drip(head, SHORT / 10).await;
    assert!(answer.is_empty() || answer.status() == 408);
}

#[tokio::test]
async fn a_body_that_drips_is_cut_as_one_that_stands_still() {
    let site = site_with(Fake::default(), short()).await;
    let form = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 60000\r\n";
    let visitor = site.connect().await;
    let answer = visitor.drip(site.head("POST", "/", form) + VALID, SHORT / 10).await;
    assert_eq!(answer.status(), 408);
    assert!(site.fake.calls().is_empty());
}

#[tokio::test]
async fn a_connection_serves_one_request_and_closes() {
    let site = site().await;
    let twice = site.head("GET", "/", "") + &site.head("GET", "/success/", "");
    let answer = site.raw(twice).await;
    assert_eq!(answer.header("connection"), Some("close"));
    assert!(!answer.has("Thank You!"));
}

#[tokio::test]
async fn visitors_who_hold_every_place_do_not_keep_the_next_one_out_for_ever() {
    let site = site_with(Fake::default(), Limits { connections: 2, ..short() }).await;
    let _silent = (site.connect().await, site.connect().await);
    assert_eq!(site.get("/").await.status(), 200);
}

#[tokio::test]
async fn a_visitor_who_does_not_take_the_answer_loses_the_place() {
    // Comes back as six times as much, more than all buffers on the way hold.
    let quotes = "\"".repeat(4 * 1024 * 1024);
    let limits = Limits { answer: SHORT, body: 8 * 1024 * 1024, ..Limits::default() };
    let site = site_with(Fake::default(), Limits { connections: 1, ..limits }).await;
    let mut deaf = site.connect().await;
    deaf.say(site.posting(&format!("message={quotes}"))).await;
    site.event(dropped).await;
    assert_eq!(site.get("/").await.status(), 200);
}

#[tokio::test]
async fn with_one_turn_the_second_visitor_waits_behind_the_first() {
    let site = site_with(Fake::gated(), Limits { at_once: 1, ..Limits::default() }).await;
    let mut first = site.connect().await;
    first.say(site.posting(VALID)).await;
    site.submitted().await;
    let mut second = site.connect().await;
    second.say(site.head("GET", "/", "")).await;
    let waiting = |event: &FormEvent| match event {
        FormEvent::Waiting { request, .. } => Some(*request),
        _ => None,
    };
    assert_eq!(site.event(waiting).await, 2);
    let mut second = pin!(second.hear());
    assert!(timeout(SHORT, &mut second).await.is_err(), "an answer before its turn");
    site.fake.open_the_gate();
    assert_eq!(first.hear().await.status(), 302);
    assert_eq!(second.await.status(), 200);
    let second_waited = |event: &FormEvent| match event {
        FormEvent::Answered { request: 2, elapsed, .. } => Some(*elapsed),
        _ => None,
    };
    assert!(site.event(second_waited).await >= SHORT);
}

#[tokio::test]
async fn a_visitor_who_leaves_the_queue_takes_no_turn() {
    let site = site_with(Fake::gated(), Limits { at_once: 1, ..Limits::default() }).await;
    let mut first = site.connect().await;
    first.say(site.posting(VALID)).await;
    site.submitted().await;
    let mut second = site.connect().await;
    second.say(site.posting(VALID)).await;
    site.event(|event| matches!(event, FormEvent::Waiting { .. }).then_some(())).await;
    drop(second);
    site.event(|event| matches!(event, FormEvent::Left { .. }).then_some(())).await;
    site.fake.open_the_gate();
    assert_eq!(first.hear().await.status(), 302);
    assert_eq!(site.get("/").await.status(), 200);
    assert_eq!(site.fake.calls().len(), 1);
}

#[tokio::test]
async fn without_a_limit_on_turns_nobody_waits_behind_anybody() {
    let site = site_with(Fake::gated(), Limits::default()).await;
    let mut first = site.connect().await;
    first.say(site.posting(VALID)).await;
    site.submitted().await;
    assert_eq!(site.get("/").await.status(), 200);
    site.fake.open_the_gate();
    assert_eq!(first.hear().await.status(), 302);
}

#[tokio::test]
async fn on_shutdown_what_runs_is_finished_and_nobody_new_is_let_in() {
    let site = site_with(Fake::gated(), Limits::default()).await;
    let mut visitor = site.connect().await;
    visitor.say(site.posting(VALID)).await;
    site.submitted().await;
    site.shutdown.cancel();
    while TcpStream::connect(site.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    site.fake.open_the_gate();
    assert_eq!(visitor.hear().await.status(), 302);
    let unfinished = |event: &FormEvent| match event {
        FormEvent::Stopped { unfinished } => Some(*unfinished),
        _ => None,
    };
    assert_eq!(site.event(unfinished).await, 0);
    site.stop().await;
}

#[tokio::test]
async fn what_does_not_finish_in_time_is_cut_and_counted() {
    let site = site_with(Fake::gated(), Limits { grace: SHORT, ..Limits::default() }).await;
    let mut visitor = site.connect().await;
    visitor.say(site.posting(VALID)).await;
    site.submitted().await;
    site.shutdown.cancel();
    let unfinished = |event: &FormEvent| match event {
        FormEvent::Stopped { unfinished } => Some(*unfinished),
        _ => None,
    };
    assert_eq!(site.event(unfinished).await, 1);
    assert!(visitor.hear().await.is_empty());
    site.stop().await;
}

#[tokio::test]
async fn an_idle_connection_does_not_hold_the_shutdown_up() {
    let hour = Duration::from_secs(3600);
    let site = site_with(Fake::default(), Limits { head: hour, grace: hour, ..short() }).await;
    let idle = site.connect().await;
    assert_eq!(site.get("/").await.status(), 200);
    site.stop().await;
    drop(idle);
}
