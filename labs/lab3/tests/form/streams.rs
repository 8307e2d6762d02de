//! The stream from which a page hears how its task comes along.

use std::time::{Duration, SystemTime};

use lab3::form::{Limits, Progress};

use crate::support::{Fake, Site, Visitor, site, site_with};

const STREAM: &str = "/progress/?task=a-1&sent=1764000000000";
const SHORT: Duration = Duration::from_millis(50);

fn at(state: &str) -> Progress {
    Progress {
        state: Some(state.to_owned()),
        reason: None,
        command: String::new(),
        done: false,
        done_at: None,
    }
}

fn done() -> Progress {
    let done_at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_764_000_020_000);
    Progress { done: true, done_at: Some(done_at), ..at("SUCCESS") }
}

async fn watched(limits: Limits) -> (Site, Visitor) {
    let site = site_with(Fake::at(at("PENDING")), limits).await;
    let visitor = watching(&site).await;
    (site, visitor)
}

async fn watching(site: &Site) -> Visitor {
    let mut visitor = site.connect().await;
    visitor.say(site.head("GET", STREAM, "")).await;
    visitor.hear_until(r#""state":"PENDING""#).await;
    visitor
}

#[tokio::test]
async fn a_page_hears_the_state_at_once_then_each_change_and_no_more_after_the_end() {
    let (site, mut visitor) = watched(Limits::default()).await;
    site.fake.progress.send_replace(Some(at("STARTED")));
    let started = visitor.hear_until(r#""state":"STARTED""#).await;
    assert!(started.contains("a worker has it"), "{started}");
    site.fake.progress.send_replace(Some(done()));
    let rest = visitor.hear_rest().await;
    assert!(rest.contains(r#""state":"SUCCESS""#) && rest.contains(r#""took":"20.0 s""#), "{rest}");
    assert!(rest.contains(r#""done":true"#), "{rest}");
}

#[tokio::test]
async fn a_stream_is_one_by_its_headers_and_says_when_to_come_again() {
    let site = site_with(Fake::at(done()), Limits::default()).await;
    let answer = site.get(STREAM).await;
    assert_eq!(answer.status(), 200);
    for (name, value) in [
        ("content-type", "text/event-stream"),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    assert!(answer.has("retry: 1000\n\n") && answer.has("data: {"));
}

#[tokio::test]
async fn a_browser_that_comes_again_hears_where_things_stand() {
    let (site, visitor) = watched(Limits::default()).await;
    drop(visitor);
    site.fake.progress.send_replace(Some(done()));
    assert!(site.get(STREAM).await.has(r#""state":"SUCCESS""#));
}

#[tokio::test]
async fn while_nothing_changes_the_stream_shows_that_it_is_alive() {
    let (_site, mut visitor) = watched(Limits { heartbeat: SHORT, ..Limits::default() }).await;
    visitor.hear_until(":\n\n").await;
    visitor.hear_until(":\n\n").await;
}

#[tokio::test]
async fn a_stream_ends_after_its_time_and_the_browser_may_ask_again() {
    let (site, visitor) = watched(Limits { stream: SHORT, ..Limits::default() }).await;
    visitor.hear_rest().await;
    watching(&site).await;
}

#[tokio::test]
async fn no_more_pages_watch_than_the_limit_says_and_one_that_leaves_makes_room() {
    let (site, first) = watched(Limits { streams: 1, ..Limits::default() }).await;
    let refused = site.get(STREAM).await;
    assert_eq!(refused.status(), 503);
    assert_eq!(site.get("/").await.status(), 200, "others are served");
    drop(first);
    while site.raw(site.head("HEAD", "/", "")).await.status() == 200 {
        let mut again = site.connect().await;
        again.say(site.head("GET", STREAM, "")).await;
        if again.hear_until("\r\n\r\n").await.contains(" 200 OK") {
            break;
        }
    }
}

#[tokio::test]
async fn a_stream_may_take_longer_than_another_answer() {
    let limits = Limits { answer: SHORT, heartbeat: 2 * SHORT, ..Limits::default() };
    let (_site, mut visitor) = watched(limits).await;
    visitor.hear_until(":\n\n").await;
    visitor.hear_until(":\n\n").await;
}

#[tokio::test]
async fn when_the_form_stops_its_streams_end_at_once() {
    let (site, visitor) = watched(Limits::default()).await;
    site.stop().await;
    visitor.hear_rest().await;
}

#[tokio::test]
async fn a_stream_is_only_read_and_only_by_our_own_pages() {
    let site = site_with(Fake::at(at("PENDING")), Limits::default()).await;
    let foreign = site.head("GET", STREAM, "Sec-Fetch-Site: cross-site\r\n");
    assert_eq!(site.raw(foreign).await.status(), 403);
    for method in ["HEAD", "POST", "DELETE"] {
        let answer = site.raw(site.head(method, STREAM, "")).await;
        assert_eq!((answer.status(), answer.header("allow")), (405, Some("GET")), "{method}");
    }
    assert_eq!(site.get("/progress/").await.status(), 404);
    assert_eq!(site.get("/progress/?task=*").await.status(), 404);
    assert!(site.fake.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn where_there_are_no_tasks_there_is_no_stream() {
    assert_eq!(site().await.get(STREAM).await.status(), 404);
}
