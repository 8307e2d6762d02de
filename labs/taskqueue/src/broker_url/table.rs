//! Each URL against what kombu and Celery's result backend say (`tests/golden/urls/record.py`).

use serde_json::{Value, json};

use super::{BrokerUrl, Place};

const GOLDEN: &str = include_str!("../../tests/golden/urls/urls.json");

/// kombu takes these, and we do not: what we refuse would be somewhere else than was meant.
const REFUSED_HERE: [(&str, &str); 5] = [
    ("redis://localhost/-1", "no number from 0"),
    ("redis://localhost/1_0", "no number from 0"),
    ("redis+socket:///tmp/r.sock?db=4", "would read this database differently"),
    ("redis+socket:///tmp/r.sock?virtual_host=3&socket_timeout=5", "an option"),
    ("redis://:12#34@localhost/0", "there is an @ behind the address"),
];
/// redis-py takes it, and kombu does not.
const TAKEN_HERE: &str = "unix:///tmp/r.sock";

fn rows() -> Vec<Value> {
    serde_json::from_str(GOLDEN).unwrap()
}

fn ours(url: &BrokerUrl) -> Value {
    let BrokerUrl { db, username, password, place } = url;
    match place {
        Place::Tcp { host, port } => {
            json!({"host": host, "port": port, "db": db, "username": username, "password": password})
        }
        Place::Socket(path) => {
            json!({"path": path, "db": db, "username": username, "password": password})
        }
    }
}

/// To connect to "any address" is to connect to this machine.
fn reached(place: &Value) -> Value {
    let mut place = place.clone();
    match place["host"].as_str() {
        Some("0.0.0.0") => place["host"] = json!("127.0.0.1"),
        Some("::") => place["host"] = json!("::1"),
        _ => {}
    }
    place
}

#[test]
fn every_url_leads_where_kombu_goes_or_is_refused() {
    for row in rows() {
        let (text, kombu) = (row["url"].as_str().unwrap(), &row["broker"]);
        let read = text.parse::<BrokerUrl>();
        let exception = REFUSED_HERE.iter().find(|(url, _)| *url == text);
        match (&read, exception) {
            (Err(error), Some((_, why))) => assert!(error.to_string().contains(why), "{error}"),
            (Ok(url), None) if text == TAKEN_HERE => {
                assert_eq!(url.to_string(), "redis+socket:///tmp/r.sock");
            }
            (Ok(url), None) => assert_eq!(ours(url), reached(kombu), "{text:?}"),
            (Err(error), None) => assert!(kombu.is_null(), "{text:?}: {error}"),
            (Ok(_), Some(_)) => panic!("{text:?} should be refused"),
        }
    }
}

#[test]
fn where_broker_and_result_backend_disagree_about_the_database_the_url_is_refused() {
    for row in rows() {
        let (text, broker, backend) =
            (row["url"].as_str().unwrap(), &row["broker"], &row["backend"]);
        if text.parse::<BrokerUrl>().is_ok() && text != TAKEN_HERE {
            assert_eq!(broker["db"], backend["db"], "{text:?}");
        }
    }
}

#[test]
fn what_is_shown_of_a_url_leads_to_the_same_place() {
    for url in rows().iter().filter_map(|row| row["url"].as_str()?.parse::<BrokerUrl>().ok()) {
        let again: BrokerUrl = url.to_string().parse().unwrap();
        assert_eq!((&again.place, again.db), (&url.place, url.db), "{url}");
    }
}

/// Every way in which a URL is mistyped, each with the secret in it.
const SLIPS: [&str; 27] = [
    "ann:s3cret@localhost:6379",
    "redis//:s3cret@localhost",
    "redis:/:s3cret@localhost",
    "redis:s3cret@localhost",
    ":s3cret@localhost",
    "s3cret",
    "s3cret://localhost",
    "redis://localhost:6379:s3cret",
    "redis://localhost:s3cret@6379:0:0",
    "redis://localhost:s3cret",
    "redis://localhost/s3cret",
    "redis://localhost/0?password=s3cret",
    "redis://localhost/0?s3cret=1",
    "redis://localhost?db=s3cret",
    "redis://:12/s3cret@localhost/0",
    "redis://:12#s3cret@localhost/0",
    "redis://:12?s3cret@localhost/0",
    "redis://:s3[cret@localhost/0",
    "redis://:x;s3cret@localhost/0",
    "redis://:x@localhost:6379@s3cret:0:0/0",
    "redis://s3cret host/0",
    "rediss://:s3cret@localhost/0",
    "sentinel://:s3cret@localhost/0",
    "redis+unix://:s3cret@/tmp/r.sock",
    "redis+socket://:12/s3cret@/tmp/r.sock",
    "\"redis://:s3cret@localhost\"",
    "amqp://guest:s3cret@localhost//",
];

#[test]
fn of_a_url_that_is_not_read_nothing_is_shown_but_its_scheme() {
    for slip in SLIPS {
        let error = slip.parse::<BrokerUrl>().expect_err(slip);
        for shown in [error.to_string(), format!("{error:?}")] {
            for part in ["s3", "cret", "ann", "localhost", "12", "guest"] {
                assert!(!shown.contains(part), "{slip:?}: {shown}");
            }
        }
        assert!(error.to_string().contains("\n  next: "), "{error}");
    }
}

#[test]
fn of_a_url_that_is_read_no_secret_is_shown() {
    let url: BrokerUrl = "redis://ann:s3cret@localhost:7000/2".parse().unwrap();
    for shown in [url.to_string(), format!("{url:?}"), format!("{url:#?}"), url.redis_cli()] {
        assert!(!shown.contains("s3cret"), "{shown}");
    }
    assert_eq!(url.to_string(), "redis://localhost:7000/2");
}
