//! What a visitor sees.

use std::time::{Duration, SystemTime};

use lab3::form::{Accepted, Limits, Progress, Refused};

use crate::support::{Fake, VALID, site, site_with};

#[tokio::test]
async fn the_form_has_djangos_heading_labels_and_fields() {
    let page = site().await.get("/").await;
    assert_eq!(page.status(), 200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    for part in [
        "<h1>How are we doing?</h1>",
        r#"<form method="post" action="/" novalidate"#,
        r#"<label for="id_email">Email Address</label>"#,
        r#"<input type="email" name="email" id="id_email""#,
        r#"<label for="id_message">Message</label>"#,
        r#"<textarea name="message" id="id_message" rows="5""#,
        r#"<button type="submit">Submit</button>"#,
    ] {
        assert!(page.has(part), "{part}");
    }
}

#[tokio::test]
async fn an_empty_form_shows_no_mistakes_and_waits_in_its_first_field() {
    let page = site().await.get("/").await;
    assert!(!page.has("<ul class=\"errorlist\"") && !page.has("aria-describedby"));
    assert_eq!(page.body().matches(" autofocus").count(), 1);
    assert!(page.has(r#"autocomplete="email" autofocus"#));
}

#[tokio::test]
async fn every_form_has_a_token_of_its_own() {
    let site = site().await;
    let (one, other) = (site.get("/").await, site.get("/").await);
    let token = one.attribute("name=\"token\"", "value");
    assert_eq!(token.len(), 36);
    assert_ne!(token, other.attribute("name=\"token\"", "value"));
}

#[tokio::test]
async fn head_answers_as_get_does_without_the_page() {
    let site = site().await;
    for path in ["/", "/success/", "/nowhere"] {
        let get = site.get(path).await;
        let head = site.raw(site.head("HEAD", path, "")).await;
        assert_eq!(head.status(), get.status());
        assert_eq!(head.header("content-length"), get.header("content-length"));
        assert_eq!(head.body(), "");
    }
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let site = site().await;
    let answers = [
        site.get("/").await,
        site.get("/success/").await,
        site.get("/nowhere").await,
        site.post(VALID).await,
        site.post("").await,
    ];
    for answer in answers {
        for (name, value) in [
            ("x-frame-options", "DENY"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{name}");
        }
    }
}

#[tokio::test]
async fn the_policy_allows_the_pages_own_style_sheet_and_script_and_nothing_else() {
    let site = site().await;
    let page = site.get("/").await;
    let policy = page.header("content-security-policy").unwrap();
    let nonce = page.attribute("<style", "nonce");
    assert_eq!(page.attribute("<script", "nonce"), nonce);
    let own = format!("style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self';");
    assert!(policy.starts_with(&format!("default-src 'none'; {own}")), "{policy}");
    for part in ["form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"] {
        assert!(policy.contains(part), "{part}");
    }
    assert!(!policy.contains("unsafe"));
    let again = site.get("/").await;
    assert_ne!(nonce, again.attribute("<style", "nonce"), "a nonce is used once");
}

#[tokio::test]
async fn no_page_loads_anything_from_elsewhere() {
    let site = site_with(Fake::at(progress("STARTED", None)), Limits::default()).await;
    for path in ["/", "/success/", "/success/?task=a-1", "/nowhere"] {
        let page = site.get(path).await;
        for part in ["http://", "https://", "src=", "url(", "@import", "=\"//"] {
            assert!(!page.has(part), "{part}");
        }
    }
}

#[tokio::test]
async fn the_success_page_says_thank_you_and_leads_back_to_the_form() {
    let page = site().await.get("/success/").await;
    assert_eq!(page.status(), 200);
    assert!(page.has("<h1>Thank You!</h1>"));
    assert!(page.has(r#"<a href="/">Submit another</a>"#));
    assert!(!page.has("http-equiv=\"refresh\""));
}

#[tokio::test]
async fn mistakes_are_marked_with_djangos_words_and_status_200() {
    let site = site().await;
    let nul = "Null characters are not allowed.";
    let escape = "Control characters are not allowed (found U+001B).";
    let long = format!("email=ann%40example.com&message={}", "a".repeat(5001));
    let too_long = "Ensure this value has at most 5000 characters (it has 5001).";
    for (body, field, words) in [
        ("message=Hello", "email", "This field is required."),
        ("email=+&message=Hello", "email", "This field is required."),
        ("email=ann&message=Hello", "email", "Enter a valid email address."),
        ("email=a%40b.de%0aBcc%3ac%40d.de&message=Hello", "email", "Enter a valid email address."),
        ("email=ann%40example.com", "message", "This field is required."),
        ("email=ann%40example.com&message=+%0d%0a", "message", "This field is required."),
        ("email=ann%40example.com&message=a%00b", "message", nul),
        ("email=ann%40example.com&message=a%1bb", "message", escape),
        (long.as_str(), "message", too_long),
    ] {
        let page = site.post(body).await;
        assert_eq!(page.status(), 200);
        let marked =
            format!(r#"<ul class="errorlist" id="id_{field}_error"><li>{words}</li></ul>"#);
        assert!(page.has(&marked), "{body}");
        assert_eq!(page.body().matches("<ul class=\"errorlist\"").count(), 1, "{body}");
    }
    assert!(site.fake.calls().is_empty());
}

#[tokio::test]
async fn a_marked_field_is_tied_to_its_mistake_and_has_the_focus() {
    let page = site().await.post("email=ann%40example.com").await;
    let area = page.body().split_once("<textarea").unwrap().1.split_once('>').unwrap().0;
    for part in [
        "aria-invalid=\"true\"",
        "aria-describedby=\"id_message_error\"",
        " autofocus",
        " required",
    ] {
        assert!(area.contains(part), "{part}");
    }
    assert_eq!(page.body().matches(" autofocus").count(), 1);
    assert!(page.has("<title>Error: How are we doing?</title>"));
}

#[tokio::test]
async fn two_mistakes_are_marked_at_once_and_the_first_has_the_focus() {
    let page = site().await.post("").await;
    assert_eq!(page.body().matches("This field is required.").count(), 2);
    assert!(page.has(r#"autocomplete="email" autofocus"#));
    assert_eq!(page.body().matches(" autofocus").count(), 1);
}

#[tokio::test]
async fn what_was_typed_is_kept_and_can_only_be_text() {
    let typed = "email=%22%3E%3Cscript%3Ealert(1)%3C/script%3E\
                 &message=%3C/textarea%3E%3Cscript%3E+%26+%22two%22%0d%0alines";
    let page = site().await.post(typed).await;
    assert!(page.has(r#"value="&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;""#));
    assert!(page.has("&lt;/textarea&gt;&lt;script&gt; &amp; &quot;two&quot;\r\nlines</textarea>"));
    assert_eq!(page.body().matches("<script").count(), 1, "the page's own");
}

#[tokio::test]
async fn a_newline_that_was_typed_first_survives_the_next_page() {
    // A browser drops one newline behind `<textarea>`; the page brings one more.
    let page = site().await.post("message=%0ahello").await;
    assert!(page.has(">\n\nhello</textarea>"));
}

#[tokio::test]
async fn a_refusal_keeps_the_text_and_says_what_happened_and_what_to_do() {
    let refused = Refused {
        reason: "No Redis answers at 127.0.0.1:6379.".to_owned(),
        next: "Start one with `cargo run --bin step5_broker` <soon>.".to_owned(),
    };
    let fake = Fake::answering([Some(Err(refused))]);
    let site = site_with(fake, Limits::default()).await;
    let page = site.post("email=ann%40example.com&message=Hello&token=t-1").await;
    assert_eq!(page.status(), 503);
    for part in [
        r#"role="alert" tabindex="-1" autofocus"#,
        "<p>No Redis answers at 127.0.0.1:6379.</p>",
        "<p>Start one with <code>cargo run --bin step5_broker</code> &lt;soon&gt;.</p>",
        r#"value="ann@example.com""#,
        ">\nHello</textarea>",
    ] {
        assert!(page.has(part), "{part}");
    }
    assert_eq!(page.attribute("name=\"token\"", "value"), "t-1");
    assert_eq!(page.body().matches(" autofocus").count(), 1);
}

fn progress(state: &str, done_at: Option<SystemTime>) -> Progress {
    let command = "redis-cli GET celery-task-meta-<id>".to_owned();
    let (state, reason) = (Some(state.to_owned()), Some("<b>421</b> busy".to_owned()));
    Progress { state, reason, command, done: done_at.is_some(), done_at }
}

const TASK: &str = "/success/?task=a-1&sent=1764000000000&waited=6";

#[tokio::test]
async fn a_tasks_page_shows_its_id_its_state_and_the_command_that_shows_the_same() {
    let site = site_with(Fake::at(progress("RETRY", None)), Limits::default()).await;
    let page = site.get(TASK).await;
    for part in [
        "<h1>Thank You!</h1>",
        "<code>a-1</code>",
        r#"<div role="status""#,
        r#"data-told="state">RETRY</strong>"#,
        "it failed, and will be tried again",
        "&lt;b&gt;421&lt;/b&gt; busy",
        "<code>redis-cli GET celery-task-meta-&lt;id&gt;</code>",
        r#"data-events="/progress/?task=a-1&amp;sent=1764000000000&amp;waited=6""#,
        r#"<noscript><meta http-equiv="refresh" content="2"></noscript>"#,
        "<dt>You waited</dt><dd>6.0 ms</dd>",
    ] {
        assert!(page.has(part), "{part}\n{}", page.body());
    }
}

#[tokio::test]
async fn a_task_that_is_done_is_not_watched_and_tells_how_long_it_took() {
    let done_at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_764_000_020_500);
    for state in ["SUCCESS", "FAILURE", "REVOKED"] {
        let fake = Fake::at(progress(state, Some(done_at)));
        let page = site_with(fake, Limits::default()).await.get(TASK).await;
        let took = r#"<dt>Queue and work took</dt><dd data-told="took">20.5 s</dd>"#;
        assert!(page.has(state) && page.has(took), "{state}");
        for part in ["http-equiv", "<script", "data-events", "looks again"] {
            assert!(!page.has(part), "{state}: {part}");
        }
    }
}

#[tokio::test]
async fn a_page_whose_task_cannot_be_asked_for_says_so_and_asks_again() {
    let away = Progress { state: None, ..progress("", None) };
    let page = site_with(Fake::at(away), Limits::default()).await.get(TASK).await;
    assert!(page.has("Redis does not answer") && page.has("data-events"));
    assert!(!page.has("has been sent"));
}

#[tokio::test]
async fn after_work_inside_the_request_the_page_ends_with_the_two_numbers() {
    let site = site().await;
    let answer = site.post(VALID).await;
    let location = answer.header("location").unwrap();
    assert!(location.starts_with("/success/?waited="), "{location}");
    let page = site.get(location).await;
    assert!(page.has("Your feedback has been sent."));
    assert!(page.has("<dt>You waited</dt><dd>"));
    assert!(page.has("<dt>The work took</dt><dd>20.0 s</dd>"));
}

#[tokio::test]
async fn a_state_that_came_from_redis_can_only_be_text() {
    let fake = Fake::at(progress("<script>", None));
    let page = site_with(fake, Limits::default()).await.get("/success/?task=a-1").await;
    assert!(page.has("&lt;script&gt;") && page.body().matches("<script").count() == 1);
}

#[tokio::test]
async fn where_there_are_no_tasks_an_id_changes_nothing() {
    let site = site().await;
    let page = site.get("/success/?task=a-1").await;
    assert_eq!(page.status(), 200);
    assert!(page.has("Thank You!") && !page.has("<dl"));
}

#[tokio::test]
async fn only_what_looks_like_a_tasks_id_is_looked_up() {
    let site = site().await;
    let longest = "a".repeat(255);
    for id in ["x", "0f.A_9:-", longest.as_str()] {
        assert_eq!(site.get(&format!("/success/?task={id}")).await.status(), 200, "{id}");
    }
    assert_eq!(*site.fake.asked.lock().unwrap(), ["x", "0f.A_9:-", longest.as_str()]);
    site.fake.asked.lock().unwrap().clear();
    let too_long = "a".repeat(256);
    for id in ["", "*", "a/b", "a%20b", "a+b", "a%0d%0aGET", "%C3%A4", too_long.as_str()] {
        assert_eq!(site.get(&format!("/success/?task={id}")).await.status(), 404, "{id}");
    }
    assert_eq!(site.get("/success/?task=%zz").await.status(), 400);
    assert!(site.fake.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_queued_form_leads_to_its_tasks_page() {
    let queued = Accepted::Queued { task_id: "a-1:b c".to_owned() };
    let site = site_with(Fake::answering([Some(Ok(queued))]), Limits::default()).await;
    let answer = site.post(VALID).await;
    assert_eq!(answer.status(), 302);
    let location = answer.header("location").unwrap();
    assert!(location.starts_with("/success/?task=a-1%3Ab+c&sent="), "{location}");
}
