//! Messages that nobody should have sent, but anybody can who reaches Redis.
//!
//! Some are no JSON at all; the others are good ones with a single thing wrong.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::load::work;
use crate::trouble::Trouble;

/// What is no JSON, or JSON of another shape.
const TEXTS: [&str; 25] = [
    "",
    " ",
    "not json",
    "\u{1}",
    "null",
    "true",
    "17",
    "\"text\"",
    "[]",
    "{}",
    "[1, 2",
    "{\"a\"",
    "{\"headers\": 1}",
    "{\"headers\": {}}",
    "{\"headers\": {}, \"properties\": 1}",
    "{\"headers\": {}, \"properties\": {}}",
    "{\"headers\": [], \"properties\": []}",
    "{\"headers\": null, \"properties\": null}",
    "{\"headers\": {}, \"headers\": {}}",
    "1e999",
    "{\"body\": NaN}",
    "\u{feff}{}",
    "gAKWLg==",
    "--",
    "*1\r\n$4\r\nPING\r\n",
];

/// A place in a message, and what stands there instead, as JSON; nothing where it is missing.
const DAMAGES: [(&str, &str, &str); 48] = [
    ("", "body", ""),
    ("", "content-type", ""),
    ("", "properties", ""),
    ("/headers", "id", ""),
    ("/headers", "id", "null"),
    ("/headers", "id", "7"),
    ("/headers", "id", "[\"a\"]"),
    ("/headers", "id", "\"\""),
    ("/headers", "id", "\"../etc\""),
    ("/headers", "id", "\"a b\""),
    ("/headers", "id", "\"a\\nb\""),
    ("/headers", "id", "\"*\""),
    ("/headers", "id", "\"\\u00fc\""),
    ("/headers", "id", "\"{celery}\""),
    ("/headers", "task", ""),
    ("/headers", "task", "null"),
    ("/headers", "task", "7"),
    ("/headers", "task", "{}"),
    ("/headers", "task", "\"\""),
    ("/headers", "task", "\"no.such.task\""),
    ("/headers", "eta", "\"soon\""),
    ("/headers", "eta", "12"),
    ("/headers", "expires", "\"never\""),
    ("/headers", "expires", "{}"),
    ("/headers", "retries", "\"many\""),
    ("/headers", "retries", "-1"),
    ("/headers", "retries", "1e30"),
    ("/headers", "timelimit", "\"short\""),
    ("/headers", "timelimit", "[1, 2, 3]"),
    ("/headers", "group_index", "\"first\""),
    ("/headers", "argsrepr", "5"),
    ("/headers", "kwargsrepr", "[]"),
    ("/headers", "ignore_result", "\"yes\""),
    ("/headers", "compression", "\"application/x-bz2\""),
    ("/headers", "compression", "\"application/x-gzip\""),
    ("/properties", "delivery_info", "null"),
    ("/properties", "delivery_info", "\"celery\""),
    ("/properties", "priority", "-1"),
    ("/properties", "priority", "\"high\""),
    ("/properties", "body_encoding", "\"base85\""),
    ("/properties", "delivery_mode", "\"two\""),
    ("", "content-type", "\"application/x-python-serialize\""),
    ("", "content-type", "\"application/x-yaml\""),
    ("", "content-type", "\"text/plain\""),
    ("", "content-type", "\"\""),
    ("", "body", "null"),
    ("", "body", "1"),
    ("", "body", "\"%%%\""),
];

/// What stands in a body, before it is made base64.
const BODIES: [&str; 12] = [
    "",
    "not json",
    "{}",
    "[]",
    "[[], {}]",
    "[1, 2, 3]",
    "[[1, 2], {}, {}, 4]",
    "[[], {}, null]",
    "[[1, 2, 3], {}, null]",
    "[[\"long\", 0], {}, null]",
    "[[1, 2], {\"millis\": 3}, null]",
    "[[-1, 0], {}, null]",
];

/// Each once, each good one under an id of its own.
pub(crate) fn all() -> Result<Vec<String>, Trouble> {
    let mut odd: Vec<String> = TEXTS.map(str::to_owned).to_vec();
    odd.extend([deep(200), deep(100_000), "x".repeat(5 * 1024 * 1024)]);
    odd.push(format!("{{\"headers\": {{\"a\": {}}}, \"properties\": {{}}}}", deep(5000)));
    for (place, field, value) in DAMAGES {
        let mut message = good(odd.len())?;
        let fields = message.pointer_mut(place).and_then(Value::as_object_mut);
        match (fields, serde_json::from_str(value)) {
            (Some(fields), Ok(value)) => drop(fields.insert(field.to_owned(), value)),
            (Some(fields), Err(_)) => drop(fields.remove(field)),
            (None, _) => {}
        }
        odd.push(message.to_string());
    }
    let long = "x".repeat(300);
    let mut message = good(odd.len())?;
    message["headers"]["id"] = json!(long);
    odd.push(message.to_string());
    for body in BODIES.map(str::to_owned).into_iter().chain(["[".repeat(100_000)]) {
        let mut message = good(odd.len())?;
        message["body"] = json!(BASE64_STANDARD.encode(body));
        odd.push(message.to_string());
    }
    Ok(odd)
}

/// Brackets within brackets.
fn deep(depth: usize) -> String {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth))
}

/// One that a worker would run.
fn good(number: usize) -> Result<Value, Trouble> {
    let message = work(1).task_id(format!("odd-{number}")).message()?;
    let text = message.encode().unwrap_or_default();
    Ok(serde_json::from_str(&text).unwrap_or_default())
}
