//! "Hello": a worker that starts asks the others what is revoked, before it takes a message.
//! Whoever answers under its own name is told of.
//!
//! Celery's word is *mingle*. To Redis: `SADD` its reply queue to kombu's binding, `PUBLISH` the
//! question, `BRPOP` as many answers as there were listeners, and both keys gone again. Where
//! nobody listens it costs two round trips; whoever does not answer is waited for a second.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::json;
use tokio::time::timeout;
use uuid::Uuid;

use crate::broker::ReplyTo;
use crate::error::BrokerError;
use crate::event::Event;
use crate::transient;
use crate::worker::Shared;

const PATIENCE: Duration = Duration::from_secs(1);
const EXCHANGE: &str = "reply.celery.pidbox";

/// Learns from the others what is revoked. An outage is no news here: whoever fetches meets it too.
pub(in crate::worker) async fn mingle(shared: &Shared) {
    let oid = Uuid::new_v4().to_string();
    let to = ReplyTo { exchange: EXCHANGE, routing_key: &oid };
    let learn = async {
        if let Ok(listeners @ 1..) = ask(shared, &to).await {
            let _ = hear(shared, &to, listeners).await;
        }
    };
    let _ = timeout(PATIENCE, learn).await;
    let _ = timeout(PATIENCE, shared.broker.close_replies(&to)).await;
}

/// How many heard the question.
async fn ask(shared: &Shared, to: &ReplyTo<'_>) -> Result<usize, BrokerError> {
    shared.broker.open_replies(to).await?;
    let question = json!({
        "method": "hello",
        "arguments": {"from_node": shared.options.hostname, "revoked": []},
        "destination": null,
        "ticket": to.routing_key,
        "reply_to": {"exchange": to.exchange, "routing_key": to.routing_key},
    });
    shared.broker.broadcast(&question).await
}

async fn hear(shared: &Shared, to: &ReplyTo<'_>, answers: usize) -> Result<(), BrokerError> {
    // A command that blocks needs a connection of its own.
    let connection = shared.broker.connection().another(PATIENCE * 2)?;
    let mut wait = redis::cmd("BRPOP");
    wait.arg(to.queue()).arg(PATIENCE.as_secs());
    for _ in 0..answers {
        let answer: Option<(String, Vec<u8>)> = connection.query(&wait).await?;
        let Some((_, answer)) = answer else { break };
        let now = Instant::now();
        for (hostname, hello) in hellos(&answer) {
            if hostname == shared.options.hostname {
                (shared.observe)(Event::NameTaken { hostname });
            }
            hello
                .iter()
                .flat_map(|hello| &hello.revoked)
                .for_each(|id| shared.revoked.add(id, now));
        }
    }
    Ok(())
}

#[derive(Deserialize)]
struct Hello {
    revoked: Vec<String>,
}

/// Who says what: whoever has the name of the one who asks answers with null. An answer that can't
/// be read is none.
fn hellos(answer: &[u8]) -> HashMap<String, Option<Hello>> {
    let Ok(received) = transient::decode(answer) else { return HashMap::new() };
    serde_json::from_slice(&received.body).unwrap_or_default()
}
