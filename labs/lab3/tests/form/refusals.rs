//! Requests that never reach the form.

use lab3::form::Limits;

use crate::support::{Fake, VALID, site, site_with};

#[tokio::test]
async fn only_names_of_this_machine_are_answered_at_any_port() {
    let site = site().await;
    let port = site.address.port();
    for name in ["localhost", "LocalHost", "localhost.", "127.0.0.1", "[::1]"] {
        // Its own, HTTP's own, which browsers leave away, and one that is forwarded.
        for host in [format!("{name}:{port}"), name.to_owned(), format!("{name}:9000")] {
            let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
            assert_eq!(site.raw(request).await.status(), 200, "{host}");
        }
    }
    let hosts = [
        "localhost:".to_owned(),
        "localhost:+1".to_owned(),
        "localhost:65536".to_owned(),
        "localhost..".to_owned(),
        "[::1".to_owned(),
        "::1".to_owned(),
        "evil.example".to_owned(),
        "evil.example:localhost".to_owned(),
        "localhost@evil.example".to_owned(),
        format!("evil.example:{port}"),
        format!("localhost.evil.example:{port}"),
        format!("evil@localhost:{port}"),
        format!("[::2]:{port}"),
        format!("localhost:{port}:{port}"),
        String::new(),
        "h\u{e4}".to_owned(),
    ];
    for host in hosts {
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        assert_eq!(site.raw(request).await.status(), 400, "{host}");
    }
}

#[tokio::test]
async fn a_request_needs_exactly_one_host() {
    let site = site().await;
    let host = site.host();
    assert_eq!(site.raw("GET / HTTP/1.1\r\n\r\n").await.status(), 400);
    assert_eq!(site.raw("GET / HTTP/1.0\r\n\r\n").await.status(), 400);
    let twice = format!("GET / HTTP/1.1\r\nHost: {host}\r\nHost: {host}\r\n\r\n");
    assert_eq!(site.raw(twice).await.status(), 400);
}

#[tokio::test]
async fn an_absolute_address_must_name_the_same_host() {
    let site = site().await;
    let host = site.host();
    let same = format!("GET http://{host}/ HTTP/1.1\r\nHost: {host}\r\n\r\n");
    assert_eq!(site.raw(same).await.status(), 200);
    let other = format!("GET http://evil.example/ HTTP/1.1\r\nHost: {host}\r\n\r\n");
    assert_eq!(site.raw(other).await.status(), 400);
}

#[tokio::test]
async fn methods_that_a_page_does_not_have_are_refused_with_those_it_has() {
    let site = site().await;
    let host = site.host();
    for (method, path, allow) in [
        ("PUT", "/", "GET, HEAD, POST"),
        ("DELETE", "/", "GET, HEAD, POST"),
        ("OPTIONS", "*", "GET, HEAD, POST"),
        ("TRACE", "/", "GET, HEAD, POST"),
        ("BREW", "/", "GET, HEAD, POST"),
        ("CONNECT", host.as_str(), "GET, HEAD, POST"),
        ("POST", "/success/", "GET, HEAD"),
        ("TRACE", "/success/", "GET, HEAD"),
    ] {
        let answer = site.raw(site.head(method, path, "")).await;
        assert_eq!(answer.status(), 405, "{method}");
        assert_eq!(answer.header("allow"), Some(allow), "{method}");
    }
}

#[tokio::test]
async fn an_address_without_a_page_is_404_and_leads_to_the_form() {
    let site = site().await;
    for path in ["/nowhere", "/success", "/success/x", "//", "/../", "/favicon.ico"] {
        let page = site.get(path).await;
        assert_eq!(page.status(), 404, "{path}");
        assert!(page.has("404 Not Found") && page.has(r#"<a href="/">"#), "{path}");
    }
}

#[tokio::test]
async fn get_submits_nothing() {
    let site = site().await;
    assert_eq!(site.get(&format!("/?{VALID}")).await.status(), 200);
    assert!(site.fake.calls().is_empty());
}

#[tokio::test]
async fn a_form_on_another_site_cannot_post_here() {
    let site = site().await;
    let own = format!("Origin: http://{}\r\n", site.host());
    let secure = format!("Origin: https://{}\r\n", site.host());
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    for (headers, status) in [
        ("Sec-Fetch-Site: same-origin\r\n", 302),
        ("Sec-Fetch-Site: none\r\n", 302),
        ("Sec-Fetch-Site: same-site\r\n", 403),
        ("Sec-Fetch-Site: cross-site\r\n", 403),
        ("Sec-Fetch-Site: cross-site\r\nOrigin: null\r\n", 403),
        (own.as_str(), 302),
        (secure.as_str(), 403),
        ("Origin: http://localhost\r\n", 403),
        ("Origin: http://evil.example\r\n", 403),
        ("Origin: null\r\n", 403),
        ("", 302),
    ] {
        let answer = site.raw(site.posting_as(&format!("{form}{headers}"), VALID)).await;
        assert_eq!(answer.status(), status, "{headers}");
    }
    assert_eq!(site.fake.calls().len(), 4);
}

#[tokio::test]
async fn through_a_forwarded_port_the_page_posts_to_itself_and_no_other_port_does() {
    let site = site().await;
    for (host, origin, status) in [
        ("localhost:9000", "http://localhost:9000", 302),
        ("LOCALHOST:9000", "http://localhost:9000", 302),
        ("[::1]:9000", "http://[::1]:9000", 302),
        ("localhost:9000", "http://localhost:9001", 403),
        ("localhost:9000", "http://localhost", 403),
        ("localhost:9000", "http://127.0.0.1:9000", 403),
        ("localhost:9000", "https://evil.example", 403),
    ] {
        let length = VALID.len();
        let form = "Content-Type: application/x-www-form-urlencoded";
        let request = format!(
            "POST / HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\n{form}\r\nContent-Length: {length}\r\n\r\n{VALID}"
        );
        assert_eq!(site.raw(request).await.status(), status, "{origin} to {host}");
    }
    assert_eq!(site.fake.calls().len(), 3);
}

#[tokio::test]
async fn a_body_that_is_no_urlencoded_form_in_utf_8_is_415() {
    let site = site().await;
    for (headers, status) in [
        ("Content-Type: application/x-www-form-urlencoded\r\n", 302),
        ("content-type: Application/X-WWW-Form-Urlencoded; Charset=\"UTF-8\"\r\n", 302),
        ("Content-Type: application/x-www-form-urlencoded; charset=latin1\r\n", 415),
        ("Content-Type: application/x-www-form-urlencoded\r\nContent-Encoding: gzip\r\n", 415),
        ("Content-Type: application/x-www-form-urlencodedx\r\n", 415),
        ("Content-Type: multipart/form-data; boundary=x\r\n", 415),
        ("Content-Type: application/json\r\n", 415),
        ("Content-Type: text/plain\r\n", 415),
        ("", 415),
    ] {
        let answer = site.raw(site.posting_as(headers, VALID)).await;
        assert_eq!(answer.status(), status, "{headers}");
    }
    assert_eq!(site.fake.calls().len(), 2);
}

#[tokio::test]
async fn broken_escapes_and_other_encodings_are_400() {
    let site = site().await;
    for body in ["message=%", "message=%4", "message=%zz", "message=%ff", "message=%C3%28", "%=1"] {
        let answer = site.post(&format!("email=ann%40example.com&{body}")).await;
        assert_eq!(answer.status(), 400, "{body}");
    }
    let mut raw = site.posting("email=a&message=X").into_bytes();
    *raw.last_mut().unwrap() = 0xff;
    assert_eq!(site.raw(raw).await.status(), 400);
    assert!(site.fake.calls().is_empty());
}

#[tokio::test]
async fn a_length_above_the_limit_is_413_before_a_byte_of_it_is_sent() {
    let site = site().await;
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    for method in ["POST", "GET"] {
        let head = site.head(method, "/", &format!("{form}Content-Length: 65537\r\n"));
        assert_eq!(site.raw(head).await.status(), 413, "{method}");
    }
}

#[tokio::test]
async fn no_100_continue_invites_a_body_that_will_be_refused() {
    let site = site().await;
    let form = "Content-Type: application/x-www-form-urlencoded\r\nExpect: 100-continue\r\n";
    let head = site.head("POST", "/", &format!("{form}Content-Length: 65537\r\n"));
    assert_eq!(site.raw(head).await.status(), 413);
}

#[tokio::test]
async fn a_chunked_body_above_the_limit_is_413_while_it_arrives() {
    let site = site_with(Fake::default(), Limits { body: 10, ..Limits::default() }).await;
    let headers =
        "Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n";
    // The end of the body never comes, and is not waited for.
    let endless = site.head("POST", "/", headers) + "6\r\nemail=\r\n5\r\naaaaa\r\n";
    assert_eq!(site.raw(endless).await.status(), 413);
    let fits = site.head("POST", "/", headers) + "6\r\nemail=\r\n4\r\naaaa\r\n0\r\n\r\n";
    assert_eq!(site.raw(fits).await.status(), 200);
}

#[tokio::test]
async fn a_visitor_who_sends_far_too_much_still_gets_to_read_why_not() {
    // Closing with unread bytes would reset the connection, and the answer would be lost on the way.
    let answer = site().await.post(&"a".repeat(1_000_000)).await;
    assert_eq!(answer.status(), 413);
    assert!(answer.has("nothing was taken"));
}

#[tokio::test]
async fn too_many_or_too_long_headers_are_431() {
    let site = site().await;
    assert_eq!(site.raw(site.head("GET", "/", &"X: 1\r\n".repeat(63))).await.status(), 200);
    assert_eq!(site.raw(site.head("GET", "/", &"X: 1\r\n".repeat(64))).await.status(), 431);
    let long = format!("X: {}\r\n", "a".repeat(16 * 1024));
    assert_eq!(site.raw(site.head("GET", "/", &long)).await.status(), 431);
}

#[tokio::test]
async fn what_is_not_http_gets_400_and_the_form_goes_on() {
    let site = site().await;
    for noise in ["hello\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00", "GET / HTTP/9.9\r\n\r\n"] {
        let answer = site.raw(noise).await;
        assert!(answer.is_empty() || answer.status() == 400, "{noise:?}");
    }
    assert_eq!(site.get("/").await.status(), 200);
}

#[tokio::test]
async fn a_body_that_breaks_off_submits_nothing() {
    let site = site().await;
    let form = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n";
    let mut visitor = site.connect().await;
    visitor.say(site.head("POST", "/", form) + VALID).await;
    drop(visitor);
    // The next visitor's answer comes after the first one's end.
    assert_eq!(site.get("/").await.status(), 200);
    assert!(site.fake.calls().is_empty());
}
