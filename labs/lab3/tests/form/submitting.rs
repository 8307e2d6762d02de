//! What a valid form leads to, and that it leads there once.

use std::collections::HashSet;
use std::pin::pin;
use std::time::Duration;

use lab3::form::{Accepted, FormEvent, Limits, Refused, Submission};
use tokio::time::timeout;

use crate::support::{Answer, Fake, VALID, site, site_with};

fn refused() -> Refused {
    Refused { reason: "The mail server is away.".to_owned(), next: "Try again.".to_owned() }
}

fn queued(task_id: &str) -> Accepted {
    Accepted::Queued { task_id: task_id.to_owned() }
}

#[tokio::test]
async fn a_valid_form_is_submitted_and_leads_to_the_success_page() {
    let site = site().await;
    let answer = site.post("email=+ann%40example.com+&message=+one%0d%0atwo+").await;
    assert_eq!(answer.status(), 302);
    assert!(answer.header("location").unwrap().starts_with("/success/?waited="));
    let calls = site.fake.calls();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].feedback.email(), "ann@example.com");
    assert_eq!(calls[0].feedback.message(), "one\ntwo");
}

#[tokio::test]
async fn a_chunked_body_is_taken() {
    let site = site().await;
    let headers =
        "Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n";
    let chunks = "14\r\nemail=ann%40example.\r\n11\r\ncom&message=Hello\r\n0\r\n\r\n";
    let answer = site.raw(site.head("POST", "/", headers) + chunks).await;
    assert_eq!(answer.status(), 302);
    assert_eq!(site.fake.calls()[0].feedback.message(), "Hello");
}

#[tokio::test]
async fn the_longest_message_fits_even_where_every_character_takes_twelve_bytes() {
    let site = site().await;
    let message = "%F0%9F%91%8D".repeat(5000);
    let answer = site.post(&format!("email=ann%40example.com&message={message}")).await;
    assert_eq!(answer.status(), 302);
}

#[tokio::test]
async fn of_a_field_sent_twice_the_last_counts_as_in_django() {
    let site = site().await;
    site.post("email=bob%40example.com&email=ann%40example.com&message=Hello").await;
    assert_eq!(site.fake.calls()[0].feedback.email(), "ann@example.com");
}

#[tokio::test]
async fn a_double_click_is_one_submission_with_one_answer() {
    let mut fake = Fake::gated();
    fake.answers.get_mut().unwrap().push_back(Some(Ok(queued("a-1"))));
    let site = site_with(fake, Limits::default()).await;
    let form = format!("{VALID}&token=t-1");
    let (first, second, ()) = tokio::join!(site.post(&form), site.post(&form), async {
        site.submitted().await;
        site.submitted().await;
        site.fake.open_the_gate();
    });
    for answer in [first, second] {
        assert!(answer.header("location").unwrap().starts_with("/success/?task=a-1&sent="));
    }
    assert_eq!(site.fake.calls().len(), 1);
}

#[tokio::test]
async fn a_form_that_is_sent_again_later_gets_the_answer_of_then() {
    let site = site_with(Fake::answering([Some(Ok(queued("a-1")))]), Limits::default()).await;
    let form = format!("{VALID}&token=t-1");
    // All but what this visitor waited, which is the last field.
    let told = |answer: Answer| {
        let location = answer.header("location").unwrap();
        location.rsplit_once("&waited=").unwrap().0.to_owned()
    };
    let first = told(site.post(&form).await);
    assert_eq!(told(site.post(&form).await), first);
    assert_eq!(site.fake.calls().len(), 1);
}

#[tokio::test]
async fn the_same_token_with_other_text_is_another_submission() {
    let site = site().await;
    site.post(&format!("{VALID}&token=t-1")).await;
    site.post(&format!("{VALID}+again&token=t-1")).await;
    assert_eq!(site.fake.calls().len(), 2);
}

#[tokio::test]
async fn a_form_that_is_sent_to_another_process_keeps_its_id_and_other_text_has_another() {
    let mut ids = Vec::new();
    for form in ["", "", "+again", ""] {
        // Each a form that was started since, and remembers nobody.
        let site = site().await;
        site.post(&format!("{VALID}{form}&token=t-1")).await;
        ids.push(site.fake.calls()[0].id.clone());
    }
    assert!(ids[0] == ids[1] && ids[0] == ids[3] && ids[0] != ids[2], "{ids:?}");
    let site = site().await;
    site.post(&format!("{VALID}&token=t-2")).await;
    assert_ne!(site.fake.calls()[0].id, ids[0], "another form");
}

#[tokio::test]
async fn without_a_token_or_with_an_odd_one_every_form_is_a_new_one() {
    let site = site().await;
    for end in ["", "", "&token=", "&token=", "&token=%1b", "&token=%1b"] {
        assert_eq!(site.post(&format!("{VALID}{end}")).await.status(), 302);
    }
    let ids: HashSet<String> = site.fake.calls().into_iter().map(|call| call.id).collect();
    assert_eq!(ids.len(), 6);
}

#[tokio::test]
async fn a_refused_form_may_be_sent_again_and_keeps_its_id() {
    let site = site_with(Fake::answering([Some(Err(refused()))]), Limits::default()).await;
    let form = format!("{VALID}&token=t-1");
    assert_eq!(site.post(&form).await.status(), 503);
    assert_eq!(site.post(&form).await.status(), 302);
    let calls = site.fake.calls();
    assert_eq!(calls.len(), 2);
    let same = |call: &Submission| (call.id.clone(), call.feedback.clone());
    assert_eq!(same(&calls[0]), same(&calls[1]));
}

#[tokio::test]
async fn only_a_form_that_shares_an_outcome_is_reported_as_repeated() {
    let site = site_with(Fake::answering([Some(Err(refused()))]), Limits::default()).await;
    for expected in [false, false, true] {
        site.post(&format!("{VALID}&token=t-1")).await;
        let repeated = |event: &FormEvent| match event {
            FormEvent::Submitted { repeated, .. } => Some(*repeated),
            _ => None,
        };
        assert_eq!(site.event(repeated).await, expected);
    }
}

#[tokio::test]
async fn the_memory_of_forms_is_bounded() {
    let site = site().await;
    for number in 0..257 {
        site.post(&format!("{VALID}&token=t-{number}")).await;
    }
    site.post(&format!("{VALID}&token=t-256")).await;
    assert_eq!(site.fake.calls().len(), 257, "the newest is known");
    site.post(&format!("{VALID}&token=t-0")).await;
    assert_eq!(site.fake.calls().len(), 258, "the oldest is forgotten");
}

#[tokio::test]
async fn a_visitor_who_leaves_does_not_end_what_was_submitted() {
    let site = site_with(Fake::gated(), Limits::default()).await;
    let form = format!("{VALID}&token=t-1");
    let mut visitor = site.connect().await;
    visitor.say(site.posting(&form)).await;
    let request = site.submitted().await;
    drop(visitor);
    let left = |event: &FormEvent| match event {
        FormEvent::Left { request, .. } => Some(*request),
        _ => None,
    };
    assert_eq!(site.event(left).await, request);
    site.fake.open_the_gate();
    assert_eq!(site.post(&form).await.status(), 302);
    assert_eq!(site.fake.calls().len(), 1);
}

#[tokio::test]
async fn a_panic_behind_the_form_is_one_answer_500_and_the_form_goes_on() {
    let site = site_with(Fake::answering([None]), Limits::default()).await;
    let form = format!("{VALID}&token=t-1");
    assert_eq!(site.post(&form).await.status(), 500);
    assert_eq!(site.post(&form).await.status(), 302);
}

#[tokio::test]
async fn the_work_behind_the_form_may_take_longer_than_reading_it() {
    let limit = Duration::from_millis(50);
    let limits = Limits { head: limit, request: limit, answer: limit, ..Limits::default() };
    let site = site_with(Fake::gated(), limits).await;
    let mut answer = pin!(site.post(VALID));
    assert!(timeout(3 * limit, &mut answer).await.is_err(), "an answer before the work is done");
    site.fake.open_the_gate();
    assert_eq!(answer.await.status(), 302);
}

#[tokio::test]
async fn the_events_of_a_submission_come_in_order_and_say_how_long_the_visitor_waited() {
    let site = site_with(Fake::gated(), Limits::default()).await;
    let next = async || site.event(|event| Some(event.clone())).await;
    let mut visitor = site.connect().await;
    visitor.say(site.posting(VALID)).await;
    let (method, path) = ("POST".to_owned(), "/".to_owned());
    assert_eq!(next().await, FormEvent::Received { request: 1, method, path });
    let submitted = next().await;
    let mut answer = pin!(visitor.hear());
    let wait = Duration::from_millis(50);
    assert!(timeout(wait, &mut answer).await.is_err(), "an answer before the work is done");
    site.fake.open_the_gate();
    answer.await;
    let (id, email) = (site.fake.calls()[0].id.clone(), "ann@example.com".to_owned());
    assert_eq!(
        submitted,
        FormEvent::Submitted { request: 1, visitor: 1, id, email, repeated: false }
    );
    let last = next().await;
    assert!(
        matches!(&last, FormEvent::Answered { request: 1, visitor: Some(1), method, path, status: 302, elapsed }
            if method == "POST" && path == "/" && *elapsed >= wait),
        "{last:?}"
    );
}

#[tokio::test]
async fn mistakes_and_refusals_are_reported_with_their_reasons() {
    let site = site_with(Fake::answering([Some(Err(refused()))]), Limits::default()).await;
    site.post("email=ann%40example.com").await;
    let invalid = |event: &FormEvent| match event {
        FormEvent::Invalid { request, errors, .. } => Some((*request, errors.message.is_some())),
        _ => None,
    };
    assert_eq!(site.event(invalid).await, (1, true));
    site.post(VALID).await;
    let refusal = |event: &FormEvent| match event {
        FormEvent::Refused { request, refused, .. } => Some((*request, refused.clone())),
        _ => None,
    };
    assert_eq!(site.event(refusal).await, (2, refused()));
}
