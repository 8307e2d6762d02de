//! Whatever is sent, there is one answer to it, and nothing that was well formed is lost or changed.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::sync::LazyLock;

use proptest::collection::vec;
use proptest::prelude::*;
use tokio::runtime::Runtime;

use crate::support::{Site, site};

/// One form for all cases of a test.
struct Stage {
    runtime: Runtime,
    site: Site,
}

impl Stage {
    fn set() -> Self {
        let runtime = Runtime::new().unwrap();
        let site = runtime.block_on(site());
        Self { runtime, site }
    }

    /// The status of the only answer; the next visitor is served.
    fn status(&self, request: &[u8]) -> u16 {
        self.runtime.block_on(async {
            let answer = self.site.raw(request).await;
            assert_eq!(answer.count(), 1, "{}", String::from_utf8_lossy(request));
            assert_eq!(self.site.get("/").await.status(), 200);
            answer.status()
        })
    }

    fn post(&self, headers: &[u8], body: &[u8]) -> u16 {
        let length = body.len();
        let head = format!(
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n"
        );
        self.status(&[head.as_bytes(), headers, b"\r\n", body].concat())
    }
}

/// What looks like a form's body from afar: names, separators and escapes in any order.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"email=".to_vec()),
        Just(b"message=".to_vec()),
        Just(b"token=".to_vec()),
        Just(b"ann%40example.com".to_vec()),
        Just(b"&".to_vec()),
        Just(b"=".to_vec()),
        Just(b"+".to_vec()),
        "%[0-9a-fA-F]{0,2}".prop_map(String::into_bytes),
        "\\PC{0,8}".prop_map(String::into_bytes),
        vec(any::<u8>(), 0..8),
    ];
    vec(piece, 0..16).prop_map(|pieces| pieces.concat())
}

/// Any characters that may stand in a query.
fn query() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("task=".to_owned()),
        Just("sent=".to_owned()),
        Just("waited=".to_owned()),
        Just("worked=".to_owned()),
        Just("&".to_owned()),
        "[0-9.+-]{0,24}",
        "%[0-9a-fA-F]{0,2}",
        "[!$-;=?-~]{0,300}",
    ];
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_body_gets_one_answer(body in body()) {
        static STAGE: LazyLock<Stage> = LazyLock::new(Stage::set);
        let status = STAGE.post(b"", &body);
        prop_assert!([200, 302, 400].contains(&status), "{status}");
    }

    #[test]
    fn every_well_formed_message_arrives_as_it_was_typed(
        message in "[^\\p{C}\\s][^\\p{C}]{0,200}[^\\p{C}\\s]",
        before in vec(("\\PC{0,12}", "\\PC{0,12}"), 0..4),
    ) {
        static STAGE: LazyLock<Stage> = LazyLock::new(Stage::set);
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(&before);
        form.append_pair("email", "ann@example.com").append_pair("message", &message);
        prop_assert_eq!(STAGE.post(b"", form.finish().as_bytes()), 302);
        let last = STAGE.site.fake.calls().pop().unwrap();
        prop_assert_eq!(last.feedback.message(), message.as_str());
    }

    #[test]
    fn every_query_gets_one_answer(query in query()) {
        static STAGE: LazyLock<Stage> = LazyLock::new(Stage::set);
        for path in ["/", "/success/", "/progress/"] {
            let request = format!("GET {path}?{query} HTTP/1.1\r\nHost: localhost\r\n\r\n");
            let status = STAGE.status(request.as_bytes());
            prop_assert!([200, 400, 404].contains(&status), "{path}: {status}");
        }
    }

    #[test]
    fn every_header_gets_one_answer(
        name in prop_oneof![
            "[A-Za-z-]{1,20}",
            prop_oneof![
                Just("Host"), Just("Origin"), Just("Accept"), Just("Expect"), Just("Connection"),
                Just("Sec-Fetch-Site"), Just("Content-Type"), Just("Content-Encoding"),
                Just("Cookie"), Just("Upgrade"), Just("TE"),
            ].prop_map(str::to_owned),
        ],
        value in prop_oneof![vec(any::<u8>(), 0..200), "[ -~]{0,200}".prop_map(String::into_bytes)],
    ) {
        static STAGE: LazyLock<Stage> = LazyLock::new(Stage::set);
        // A line's end would begin another header; those are among the attacks.
        let value: Vec<u8> = value.into_iter().filter(|byte| !b"\r\n".contains(byte)).collect();
        let header = [name.as_bytes(), b": ", &value, b"\r\n"].concat();
        let status = STAGE.post(&header, b"email=ann%40example.com&message=hi");
        prop_assert!([302, 400, 403, 415, 417].contains(&status), "{status}");
    }
}
