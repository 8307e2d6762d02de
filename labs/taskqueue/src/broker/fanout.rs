//! What goes to everybody who listens, and to whoever asked: kombu's fanout exchanges over Redis
//! channels, and the reply queues of remote control.

use serde::Serialize;
use serde_json::{Value, json};

use super::Broker;
use crate::error::BrokerError;
use crate::{keys, transient};

/// Where a reply is to go, as the one who asks names it.
pub(crate) struct ReplyTo<'a> {
    pub(crate) exchange: &'a str,
    pub(crate) routing_key: &'a str,
}

impl ReplyTo<'_> {
    /// The list that holds the answers.
    pub(crate) fn queue(&self) -> String {
        keys::reply_queue(self.exchange, self.routing_key)
    }
}

#[derive(Serialize)]
struct EventHeaders<'a> {
    hostname: &'a str,
}

#[derive(Serialize)]
struct ReplyHeaders<'a> {
    ticket: Option<&'a str>,
    clock: u64,
}

impl Broker {
    /// The channel on which kombu's fanout exchange of this name is heard.
    pub(crate) fn channel(&self, exchange: &str, routing_key: &str) -> String {
        keys::channel(self.url().db(), exchange, routing_key)
    }

    /// Publishes a worker's event, or a list of them.
    pub(crate) async fn announce(
        &self,
        body: &str,
        hostname: &str,
        routing_key: &str,
    ) -> Result<(), BrokerError> {
        let exchange = keys::EVENT_EXCHANGE;
        let message = transient::encode(body, EventHeaders { hostname }, exchange, routing_key);
        let mut publish = redis::cmd("PUBLISH");
        publish.arg(self.channel(exchange, routing_key)).arg(message);
        self.connection.query(&publish).await
    }

    /// Says something to all workers by remote control; how many hear it.
    pub(crate) async fn broadcast(&self, call: &Value) -> Result<usize, BrokerError> {
        let exchange = keys::CONTROL_EXCHANGE;
        let message = transient::encode(&call.to_string(), json!({"clock": 0}), exchange, "");
        let mut publish = redis::cmd("PUBLISH");
        publish.arg(self.channel(exchange, "")).arg(message);
        self.connection.query(&publish).await
    }

    /// From now on workers may answer there.
    pub(crate) async fn open_replies(&self, to: &ReplyTo<'_>) -> Result<(), BrokerError> {
        let mut add = redis::cmd("SADD");
        add.arg(keys::binding(to.exchange)).arg(keys::member(to.routing_key, &to.queue()));
        self.connection.query(&add).await
    }

    /// Nobody waits there any more.
    pub(crate) async fn close_replies(&self, to: &ReplyTo<'_>) -> Result<(), BrokerError> {
        let mut remove = redis::cmd("SREM");
        remove.arg(keys::binding(to.exchange)).arg(keys::member(to.routing_key, &to.queue()));
        self.connection.query::<()>(&remove).await?;
        self.connection.query(&redis::Cmd::del(to.queue())).await
    }

    /// Answers one who asked by remote control; false where nobody waits for it any more.
    pub(crate) async fn reply(
        &self,
        body: &str,
        to: &ReplyTo<'_>,
        ticket: Option<&str>,
        clock: u64,
    ) -> Result<bool, BrokerError> {
        let ReplyTo { exchange, routing_key } = to;
        let headers = ReplyHeaders { ticket, clock };
        let message = transient::encode(body, headers, exchange, routing_key);
        let queue = to.queue();
        let mut call = self.scripts.reply.prepare_invoke();
        call.key(keys::binding(exchange)).key(&queue);
        call.arg(keys::member(routing_key, &queue)).arg(message);
        self.connection.invoke(&call).await
    }

    /// Notes for kombu that there are `queues`.
    pub(crate) async fn bind(&self, queues: &[String]) -> Result<(), BrokerError> {
        let mut call = self.scripts.bind.prepare_invoke();
        for queue in queues {
            call.key(keys::binding(queue)).key(keys::binding_permanent(queue));
            call.arg(keys::binding_member(queue));
        }
        self.connection.invoke(&call).await
    }

    /// Stores REVOKED for a task that has not started, as far as its result tells.
    pub(crate) async fn revoke(
        &self,
        id: &str,
        document: &str,
        ttl: std::time::Duration,
    ) -> Result<(), BrokerError> {
        let mut call = self.scripts.revoke.prepare_invoke();
        call.key(keys::task_meta(id)).arg(document).arg(ttl.as_secs().max(1));
        self.connection.invoke(&call).await
    }
}
