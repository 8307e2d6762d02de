//! The wire, judged by what real Celery wrote (`golden/`, recorded from Celery 5.7 and Redis 7.0).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::too_many_lines,
    reason = "a test fails loudly"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::DateTime;
use serde_json::{Value, json};
use taskqueue::{Message, MessageError, Signature, State, TaskMeta, chain, keys};

fn golden(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(folder)
}

/// `(name, bytes)` of every recorded value of a folder.
fn recorded(folder: &str) -> Vec<(String, Vec<u8>)> {
    let mut found: Vec<_> = fs::read_dir(golden(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(".raw.txt"))
        .map(|path| {
            (
                path.file_name().unwrap().to_string_lossy().replace(".raw.txt", ""),
                fs::read(&path).unwrap(),
            )
        })
        .collect();
    found.sort();
    assert!(!found.is_empty(), "no recordings in {folder}");
    found
}

fn raw(name: &str) -> String {
    fs::read_to_string(golden("messages").join(format!("{name}.raw.txt"))).unwrap()
}

fn described(name: &str) -> Value {
    serde_json::from_slice(&fs::read(golden("messages").join(format!("{name}.json"))).unwrap())
        .unwrap()
}

fn feedback() -> Signature {
    Signature::new("feedback.tasks.send_feedback_email_task")
}

fn hi() -> Signature {
    feedback().arg("a@example.com").arg("hi")
}

fn at(text: &str) -> DateTime<chrono::FixedOffset> {
    DateTime::parse_from_rfc3339(text).unwrap()
}

/// The same calls as in golden/messages/index.json.
fn calls() -> Vec<(&'static str, Signature)> {
    let mut calls = vec![
        ("delay", hi()),
        ("kwargs", feedback().kwarg("email_address", "a@example.com").kwarg("message", "hi")),
        (
            "unicode",
            feedback().arg("žluťoučký@example.com").arg("Grüße \"quoted\" \\ back\nnewline 😀"),
        ),
        ("countdown", hi().countdown(Duration::from_secs(30))),
        ("eta_aware", hi().eta(at("2030-01-02T03:04:05.678901+00:00"))),
        ("eta_aware_offset", hi().eta(at("2030-01-02T03:04:05+02:00"))),
        ("expires_seconds", hi().expires(Duration::from_secs(60))),
        ("expires_datetime", hi().expires_at(at("2030-01-02T03:04:05+00:00"))),
        ("retries_2", hi().retries(2)),
        ("queue_emails", hi().queue("emails")),
        ("task_id", hi()),
        ("ignore_result", hi().ignore_result()),
        ("headers", hi().header("x-trace", "abc")),
        (
            "time_limits",
            hi().time_limit(Duration::from_secs(30)).soft_time_limit(Duration::from_millis(20_500)),
        ),
    ];
    let priorities = [
        "priority_0",
        "priority_1",
        "priority_2",
        "priority_3",
        "priority_4",
        "priority_5",
        "priority_6",
        "priority_7",
        "priority_8",
        "priority_9",
        "priority_10",
    ];
    calls.extend((0..).zip(priorities).map(|(priority, name)| (name, hi().priority(priority))));
    calls
}

/// What differs from one sending to the next: who, when, and random ids.
const OWN: [&str; 6] = [
    "/headers/origin",
    "/headers/eta",
    "/headers/expires",
    "/properties/reply_to",
    "/properties/delivery_tag",
    "/properties/expiration",
];

/// Our text with the golden message's own ids and times put in, so that all the rest can be compared byte for byte.
fn with_the_same_ids(ours: &str, golden: &str) -> String {
    let [ours_json, golden_json]: [Value; 2] =
        [ours, golden].map(|text| serde_json::from_str(text).unwrap());
    let mut text = ours.to_owned();
    for pointer in OWN {
        let [ours, golden] = [&ours_json, &golden_json]
            .map(|json| json.pointer(pointer).cloned().unwrap_or(Value::Null));
        assert_eq!(ours.is_null(), golden.is_null(), "{pointer} is missing on one side");
        if let (Value::String(ours), Value::String(golden)) = (ours, golden) {
            text = text.replace(&format!("\"{ours}\""), &format!("\"{golden}\""));
        }
    }
    text
}

#[test]
fn our_message_is_byte_for_byte_what_celery_writes() {
    for (name, signature) in calls() {
        let golden = raw(name);
        let id = serde_json::from_str::<Value>(&golden).unwrap()["headers"]["id"]
            .as_str()
            .unwrap()
            .to_owned();
        let ours = signature.task_id(id).message().unwrap().encode().unwrap();
        assert_eq!(with_the_same_ids(&ours, &golden), golden, "{name}");
    }
}

/// A message's body as text, and the rest of the message without it.
fn taken_apart(raw: &str) -> (String, String) {
    let message: Value = serde_json::from_str(raw).unwrap();
    let body = message["body"].as_str().unwrap();
    (String::from_utf8(bytes_of(body)).unwrap(), raw.replace(body, "(body)"))
}

/// The first message of a canvas, as a Celery client wrote it.
fn canvas(name: &str) -> String {
    let file = fs::read(golden("canvas").join(format!("{name}.json"))).unwrap();
    let recording: Value = serde_json::from_slice(&file).unwrap();
    recording["steps"][0]["message"].as_str().unwrap().to_owned()
}

/// The same calls as in golden/messages/index.json and golden/canvas/record.py.
fn linked_calls() -> Vec<(String, Signature)> {
    let add = |args: &[i64]| args.iter().fold(Signature::new("wire.add"), |add, arg| add.arg(*arg));
    let echo = || Signature::new("wire.echo");
    let mail = |to: &str, text: &str| feedback().arg(to).arg(text).immutable();
    let linked = hi().link(mail("b@example.com", "cb")).link_error(mail("c@example.com", "eb"));
    let mails = chain([hi(), mail("b@example.com", "2"), mail("c@example.com", "3")]);
    let own_options = add(&[3]).queue("emails").countdown(Duration::from_millis(1500)).priority(3);
    vec![
        (raw("link"), linked),
        (raw("chain"), mails),
        (canvas("link"), add(&[1, 2]).link(add(&[10]))),
        (canvas("link_two"), add(&[1, 2]).link(add(&[10])).link(echo())),
        (
            canvas("link_countdown"),
            add(&[1, 2]).link(add(&[10]).countdown(Duration::from_secs(30))),
        ),
        (canvas("link_nested"), add(&[1, 2]).link(add(&[10]).link(echo()).link_error(echo()))),
        (canvas("link_chain"), add(&[1, 2]).link(chain([add(&[10]), echo()]))),
        (canvas("chain"), chain([add(&[1, 2]), add(&[3]), add(&[4])])),
        (
            canvas("chain_options"),
            chain([add(&[1, 2]).link(echo()), own_options]).link(echo()).link_error(echo()),
        ),
    ]
}

#[test]
fn our_links_are_byte_for_byte_what_celery_writes() {
    for (golden, signature) in linked_calls() {
        let (golden_body, golden_rest) = taken_apart(&golden);
        let id = serde_json::from_str::<Value>(&golden).unwrap()["headers"]["id"].clone();
        let ours = signature.task_id(id.as_str().unwrap()).message().unwrap().encode().unwrap();
        let (body, rest) = taken_apart(&ours);
        assert_eq!(with_the_same_ids(&rest, &golden_rest), golden_rest);
        assert_eq!(with_ids_by_order(&body), with_ids_by_order(&golden_body));
    }
}

/// Ids replaced by the order in which they come.
fn with_ids_by_order(text: &str) -> String {
    let is_uuid =
        |part: &&str| part.len() == 36 && part.split('-').map(str::len).eq([8, 4, 4, 4, 12]);
    let ids: Vec<&str> = text.split('"').filter(is_uuid).collect();
    (0..).zip(&ids).fold(text.to_owned(), |text, (at, id)| text.replace(*id, &format!("id {at}")))
}

#[test]
fn an_option_of_a_chain_is_its_first_tasks() {
    let add = || Signature::new("wire.add");
    let later = chain([add(), add()]).countdown(Duration::from_secs(30)).message().unwrap();
    assert!(later.eta().unwrap().is_some());
    let (body, _) = taken_apart(&later.encode().unwrap());
    assert!(!body.contains("countdown"), "{body}");
}

#[test]
fn no_header_of_the_callers_takes_the_place_of_celerys() {
    let message = hi().task_id("mine").header("id", "other").header("x-new", 1).message().unwrap();
    let text: Value = serde_json::from_str(&message.encode().unwrap()).unwrap();
    assert_eq!((&text["headers"]["id"], &text["headers"]["x-new"]), (&json!("mine"), &json!(1)));
}

#[test]
fn our_times_are_the_times_that_were_asked_for() {
    let sent = chrono::Utc::now();
    let message =
        hi().countdown(Duration::from_secs(30)).expires(Duration::from_secs(60)).message().unwrap();
    let done = chrono::Utc::now();
    let asked = |time: Option<DateTime<chrono::FixedOffset>>, seconds: i64| {
        let time = time.unwrap().to_utc() - chrono::TimeDelta::seconds(seconds);
        (sent..=done).contains(&time)
    };
    assert!(asked(message.eta().unwrap(), 30) && asked(message.expires().unwrap(), 60));
    let text: Value = serde_json::from_str(&message.encode().unwrap()).unwrap();
    assert_eq!(text["properties"]["expiration"], "60000");
}

#[test]
fn a_message_goes_to_the_list_that_celery_chooses() {
    for (name, signature) in calls() {
        let golden = described(name)["messages"][0]["list_key"].as_str().unwrap().to_owned();
        let message = signature.message().unwrap();
        let queue = if name == "queue_emails" { "emails" } else { "celery" };
        assert_eq!(keys::list(queue, message.properties.priority), golden, "{name}");
    }
}

#[test]
fn every_recorded_message_is_read_back() {
    for (name, raw) in recorded("messages") {
        let message = Message::decode(&raw).unwrap_or_else(|error| panic!("{name}: {error}"));
        if name == "yamlless_pickle" {
            assert!(
                matches!(message.body(), Err(MessageError::ContentType(_))),
                "pickle must be refused"
            );
            continue;
        }
        let body =
            serde_json::to_value(message.body().unwrap_or_else(|error| panic!("{name}: {error}")))
                .unwrap();
        let (stem, index) = name.split_once('.').unwrap_or((&name, "0"));
        let file = described(stem);
        let decoded = file
            .pointer(&format!("/messages/{index}/body_decoded"))
            .or_else(|| file.get("body_decoded"));
        if let Some(golden) = decoded {
            assert_eq!(&body, golden, "{name}");
        }
    }
}

#[test]
fn a_message_that_is_read_and_written_again_is_unchanged() {
    for (name, raw) in recorded("messages") {
        let again = Message::decode(&raw).unwrap().encode().unwrap();
        assert_eq!(again, String::from_utf8(raw).unwrap(), "{name}");
    }
}

/// Changes one thing of the reference message; null removes it.
fn changed(pointer: &str, value: Value) -> Vec<u8> {
    let mut message: Value = serde_json::from_str(&raw("delay")).unwrap();
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    let object = message.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    if value == json!("(remove)") {
        object.remove(field);
    } else {
        object.insert(field.to_owned(), value);
    }
    serde_json::to_vec(&message).unwrap()
}

/// Whether we can run it, which takes the envelope and the body.
fn accepted(raw: &[u8]) -> bool {
    Message::decode(raw).and_then(|message| message.body()).is_ok()
}

#[test]
fn what_celery_forgives_is_forgiven() {
    let remove = json!("(remove)");
    let optional = [
        "lang",
        "shadow",
        "eta",
        "expires",
        "group",
        "group_index",
        "retries",
        "timelimit",
        "root_id",
        "parent_id",
        "argsrepr",
        "kwargsrepr",
        "origin",
        "ignore_result",
        "replaced_task_nesting",
        "stamped_headers",
        "stamps",
    ];
    for field in optional {
        assert!(
            accepted(&changed(&format!("/headers/{field}"), remove.clone())),
            "without {field}"
        );
    }
    let plain = json!("[[1], {}, {}]");
    let variants = [
        ("/content-encoding", Value::Null),
        ("/content-encoding", remove.clone()),
        ("/properties/correlation_id", remove.clone()),
        ("/properties/reply_to", remove.clone()),
        ("/properties/delivery_mode", remove.clone()),
        ("/properties/priority", remove.clone()),
        ("/properties/delivery_tag", json!(7)),
        ("/properties/x-new", json!({"a": 1})),
        ("/headers/lang", json!("rust")),
        ("/headers/retries", Value::Null),
        ("/headers/retries", json!("2")),
        ("/headers/timelimit", Value::Null),
        ("/headers/stamps", Value::Null),
        ("/headers/id", json!("not-a-uuid")),
        ("/headers/id", json!("größe/7 of ann@example.com")),
        ("/headers/id", json!("x".repeat(300))),
        ("/headers/id", json!(7)),
        // It stands in `correlation_id` as well.
        ("/headers/id", remove.clone()),
        ("/headers/retries", json!("many")),
        ("/headers/retries", json!(-1)),
        ("/headers/retries", json!(1.0)),
        ("/headers/retries", json!(1e300)),
        ("/headers/retries", json!([])),
        ("/headers/timelimit", json!([null])),
        ("/headers/timelimit", json!(["30", 20.5])),
        ("/headers/timelimit", json!([0, -1])),
        ("/headers/timelimit", json!({})),
        ("/headers/eta", json!("")),
        ("/headers/expires", json!("")),
        ("/headers/group_index", json!("1")),
        ("/headers/group_index", json!(-1)),
        ("/headers/ignore_result", json!(0)),
        ("/headers/argsrepr", json!(["a"])),
        ("/headers/shadow", json!({"a": 1})),
        ("/headers/stamps", json!("x")),
        ("/headers/root_id", json!(5)),
        ("/headers/compression", Value::Null),
        ("/headers/compression", json!("")),
        ("/properties/delivery_info", remove.clone()),
        ("/properties/delivery_info", json!("x")),
        ("/properties/delivery_tag", remove.clone()),
        ("/properties/delivery_mode", json!("persistent")),
        ("/properties/expiration", json!(5)),
        ("/properties/body_encoding", json!("Base64")),
        ("/content-type", remove.clone()),
        ("/content-type", Value::Null),
        ("/content-type", json!("application/json; charset=utf-8")),
        ("/content-encoding", json!(7)),
        ("/headers/eta", json!("2030-01-02 03:04:05Z")),
    ];
    for (pointer, value) in variants {
        assert!(accepted(&changed(pointer, value.clone())), "{pointer} = {value}");
    }
    let mut unwrapped: Value = serde_json::from_slice(&changed("/body", plain)).unwrap();
    unwrapped["properties"].as_object_mut().unwrap().remove("body_encoding");
    assert!(accepted(&serde_json::to_vec(&unwrapped).unwrap()), "a body as plain JSON text");
}

#[test]
fn what_can_not_be_run_is_refused_with_a_reason() {
    let remove = json!("(remove)");
    let encoded = |text: &str| json!(base64_of(text));
    let cases = [
        ("/body", remove.clone(), "[args, kwargs, embed]"),
        ("/body", Value::Null, "[args, kwargs, embed]"),
        ("/headers", remove.clone(), "the message names no task"),
        ("/properties", remove.clone(), "[args, kwargs, embed]"),
        ("/headers/task", remove.clone(), "the message names no task"),
        ("/headers/task", json!(""), "the message names no task"),
        ("/headers/eta", json!(1_577_836_800), "eta \"1577836800\" is not an ISO 8601 time"),
        ("/headers/eta", json!("garbage"), "eta \"garbage\" is not an ISO 8601 time"),
        ("/headers/expires", json!("garbage"), "expires \"garbage\" is not an ISO 8601 time"),
        // Anything but base64 is plain text, and this is none.
        ("/properties/body_encoding", json!("utf-8"), "[args, kwargs, embed]"),
        ("/content-type", json!("application/x-python-serialize"), "x-python-serialize"),
        ("/body", json!("!!!"), "the body is not base64"),
        ("/body", encoded("{not json"), "[args, kwargs, embed]"),
        ("/body", encoded("[[1], {}]"), "[args, kwargs, embed]"),
        ("/body", encoded("[{}, {}, {}]"), "[args, kwargs, embed]"),
        ("/body", encoded("[[], null, {}]"), "[args, kwargs, embed]"),
        ("/body", encoded("[[NaN], {}, {}]"), "the body has NaN"),
        ("/body", encoded("[[1e400], {}, {}]"), "out of range"),
        ("/body", encoded("[[18446744073709551616], {}, {}]"), "the body has 18446744073709551616"),
        ("/body", encoded("[[], {\"a\": [-9223372036854775809]}, {}]"), "-9223372036854775809"),
        (
            "/body",
            encoded(&format!("[{}{}, {{}}, {{}}]", "[".repeat(200), "]".repeat(200))),
            "recursion limit",
        ),
        ("/body", json!(base64_of_bytes(b"[[\"\xff\"], {}, {}]")), "the body is not UTF-8"),
        ("/headers/compression", json!("application/x-gzip"), "zlib stream"),
        ("/headers/compression", json!("application/x-bz2"), "application/x-bz2"),
        ("/headers/compression", json!(7), "in a compression we know"),
    ];
    for (pointer, value, reason) in cases {
        let raw = changed(pointer, value.clone());
        let error = Message::decode(&raw).and_then(|message| message.body()).expect_err(pointer);
        assert!(error.to_string().contains(reason), "{pointer} = {value}: {error}");
    }
}

#[test]
fn a_priority_is_taken_as_kombu_takes_it() {
    let nine = "celery\u{6}\u{16}9";
    let six = "celery\u{6}\u{16}6";
    let cases = [
        (json!(300), nine),
        (json!(1e30), nine),
        (json!(-1), "celery"),
        (json!(-1e30), "celery"),
        (json!(6.9), six),
        (json!(" 6 "), six),
        (json!(true), "celery"),
        (json!("high"), "celery"),
        (json!([9]), "celery"),
        (Value::Null, "celery"),
    ];
    for (priority, list) in cases {
        let raw = changed("/properties/priority", priority.clone());
        let message = Message::decode(&raw).unwrap_or_else(|error| panic!("{priority}: {error}"));
        assert_eq!(keys::list("celery", message.properties.priority), list, "{priority}");
    }
}

#[test]
fn what_is_not_needed_travels_on_as_it_came() {
    let long = "123456789012345678901234567890";
    let raw = raw("headers").replace("\"abc\"", long);
    let again = Message::decode(raw.as_bytes()).unwrap().encode().unwrap();
    assert_eq!(again, raw);
    let deep = format!("{}{}", "[".repeat(90), "]".repeat(90));
    let raw = raw.replace(long, &deep);
    assert_eq!(Message::decode(raw.as_bytes()).unwrap().encode().unwrap(), raw);
    let twice = raw.replace("\"retries\": 0", "\"retries\": 7, \"retries\": 1");
    assert_eq!(Message::decode(twice.as_bytes()).unwrap().headers.retries, 1);
}

#[test]
fn half_a_surrogate_pair_is_no_reason_to_refuse_anything() {
    let broken = br#"[["broken \ud83d"], {"\udc00": 1}, {}]"#;
    let body = changed("/body", json!(base64_of_bytes(broken)));
    let body = Message::decode(&body).unwrap().body().unwrap();
    assert_eq!(json!([body.0, body.1]), json!([["broken \u{fffd}"], {"\u{fffd}": 1}]));
    let header = raw("headers")
        .replace("abc", "\\ud83d")
        .replace("\"shadow\": null", r#""shadow": "\uDEAD""#);
    let message = Message::decode(header.as_bytes()).unwrap();
    assert_eq!(message.headers.shadow.as_deref(), Some("\u{fffd}"));
    assert!(message.encode().unwrap().contains(r#""x-trace": "\ufffd""#));
}

/// As celery 3 and clients of its age write it.
#[test]
fn a_message_of_protocol_1_is_read_as_celery_reads_it() {
    let call = json!({"task": "wire.add", "id": "one", "args": [1], "kwargs": {"y": 2}, "retries": 2,
        "eta": "2030-01-02T03:04:05", "expires": null, "utc": true, "taskset": "g",
        "timelimit": [30, null], "chord": null, "errbacks": null,
        "callbacks": [{"task": "wire.echo", "args": [], "kwargs": {}, "options": {}}]});
    for headers in [json!({}), Value::Null, json!({"task": "wire.add", "id": "one"})] {
        let mut message: Value = serde_json::from_slice(&changed("/headers", headers)).unwrap();
        message["body"] = base64_of(&call.to_string()).into();
        let message = Message::decode(message.to_string().as_bytes()).unwrap();
        let body = message.body().unwrap();
        assert_eq!(json!([body.0, body.1]), json!([[1], {"y": 2}]));
        assert!(!body.2.is_empty());
        let headers = &message.headers;
        assert_eq!(
            (headers.task.as_str(), headers.id.as_str(), headers.retries),
            ("wire.add", "one", 2)
        );
        assert_eq!((headers.group.as_deref(), headers.argsrepr.as_str()), (Some("g"), "(1,)"));
        assert!(message.eta().unwrap().is_some());
        // And once more after a retry, when it has headers of protocol 2 and a body of protocol 1.
        let again = Message::decode(message.encode().unwrap().as_bytes()).unwrap();
        assert_eq!((again.headers.retries, again.body().unwrap().0), (2, vec![json!(1)]));
    }
}

#[test]
fn a_result_with_a_number_that_is_none_here_is_a_failure_and_not_another_number() {
    for number in ["NaN", "-Infinity", "18446744073709551616"] {
        let document = format!("{{\"status\": \"SUCCESS\", \"result\": [{number}]}}");
        let meta = TaskMeta::decode(document.as_bytes()).unwrap();
        assert_eq!((meta.state.word(), meta.error().exc_type.as_str()), ("FAILURE", "DecodeError"));
        assert!(meta.error().message().contains(number));
    }
}

#[test]
fn nothing_that_arrives_makes_the_reader_panic() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)).into_bytes();
    let huge = vec![b' '; taskqueue::MAX_SIZE + 1];
    for raw in [
        b"".to_vec(),
        b"not json".to_vec(),
        b"[]".to_vec(),
        b"{}".to_vec(),
        b"null".to_vec(),
        vec![0xff, 0xfe],
        deep,
        huge,
    ] {
        assert!(Message::decode(&raw).is_err());
    }
    let whole = raw("delay").into_bytes();
    for end in 0..whole.len() {
        assert!(Message::decode(&whole[..end]).is_err(), "cut at {end}");
    }
}

#[test]
fn every_recorded_result_is_read_back() {
    for (name, raw) in recorded("results").into_iter().filter(|(name, _)| name != "group_meta") {
        let golden: Value = serde_json::from_slice(&raw).unwrap();
        let meta = TaskMeta::decode(&raw).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(meta.state.word(), golden["status"], "{name}");
        assert_eq!(meta.result, golden["result"], "{name}");
        if meta.state == State::Failure {
            assert_eq!(json!(meta.error().exc_type), golden["result"]["exc_type"], "{name}");
        }
    }
}

fn base64_of(text: &str) -> String {
    base64_of_bytes(text.as_bytes())
}

fn base64_of_bytes(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::prelude::BASE64_STANDARD.encode(bytes)
}

fn bytes_of(base64: &str) -> Vec<u8> {
    use base64::Engine;
    base64::prelude::BASE64_STANDARD.decode(base64).unwrap()
}
