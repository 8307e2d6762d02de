//! From a request to its answer: the checks in Redis' order, then the command, then what follows.
//!
//! What follows a command is as much a part of it as its function: MONITOR shows it, and clients
//! that waited for what it wrote are served before any other command runs.

use std::time::Instant;

use crate::call::{Call, Origin, Outcome};
use crate::client::{Client, ClientId, Closing, Transaction};
use crate::command::{self, ADMIN, AT_ONCE, BLOCKING, Command, NO_MULTI, SUBSCRIBER, UNSEEN};
use crate::fault::Fault;
use crate::log::Notice;
use crate::monitor::redacted;
use crate::reply::Reply;
use crate::resp::{MAX_REQUEST, Request};
use crate::usage::Slow;
use crate::world::World;

impl World {
    /// Runs or queues one request of a client and leaves the answer with the client.
    pub(crate) fn execute(&mut self, id: ClientId, args: Request) {
        self.tick();
        self.stats.commands += 1;
        if is_http(&args) {
            return self.cut_off(id);
        }
        let reply = match self.admit(id, &args) {
            Ok(command) if self.is_queued(id, command) => self.queue(id, args),
            Ok(command) => self.run(id, command, &args, Origin::Client).into_reply(),
            Err(fault) => {
                self.break_transaction(id);
                let command = command::named(&args);
                if let Some(command) = command {
                    self.stats.usage.count(command).rejected += 1;
                }
                match command {
                    Some(command) if command.name == "exec" => self.abort(id, &fault),
                    _ => fault.into(),
                }
            }
        };
        if let Some(client) = self.clients.get_mut(&id) {
            client.last_seen = self.now;
            if reply != Reply::NOTHING {
                client.respond(&reply);
            }
        }
        self.serve_waiting();
    }

    /// A web page can make a browser send text to any port, this one as well.
    fn cut_off(&mut self, id: ClientId) {
        if let Some(client) = self.clients.get_mut(&id) {
            client.close(Closing::Now);
            let notice = Notice::CrossProtocol(client.addr);
            self.log.note(self.now, notice);
        }
    }

    /// Finds the command and checks whether this client may send it now.
    fn admit(&mut self, id: ClientId, args: &[Vec<u8>]) -> Result<&'static Command, Fault> {
        let command = command::resolve(args)?;
        let Some(client) = self.clients.get_mut(&id) else {
            return Ok(command);
        };
        if client.is_subscriber() && !command.has(SUBSCRIBER) {
            let name = command.full_name();
            return Err(Fault::err(format!(
                "Can't execute '{name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / \
                 RESET are allowed in this context"
            )));
        }
        if client.transaction.is_some() && command.has(NO_MULTI) {
            return Err("ERR Command not allowed inside a transaction".into());
        }
        client.last_command = Some(command);
        Ok(command)
    }

    fn is_queued(&self, id: ClientId, command: &Command) -> bool {
        let open = |client: &Client| client.transaction.is_some();
        !command.has(AT_ONCE) && self.clients.get(&id).is_some_and(open)
    }

    /// Keeps a command for EXEC. All of them together may be as long as one request.
    fn queue(&mut self, id: ClientId, args: Request) -> Reply {
        let Some(transaction) = self.transaction(id) else {
            return Reply::NOTHING;
        };
        transaction.size += args.iter().map(|arg| arg.len() + size_of_val(arg)).sum::<usize>();
        if transaction.size > MAX_REQUEST {
            transaction.queue.clear();
            transaction.broken = true;
            return Reply::Error("ERR the transaction is too large".to_owned());
        }
        transaction.queue.push(args);
        Reply::Status("QUEUED")
    }

    fn break_transaction(&mut self, id: ClientId) {
        if let Some(transaction) = self.transaction(id) {
            transaction.broken = true;
        }
    }

    /// An EXEC that is refused ends its transaction.
    fn abort(&mut self, id: ClientId, fault: &Fault) -> Reply {
        if let Some(client) = self.clients.get_mut(&id) {
            client.transaction = None;
        }
        self.unwatch(id);
        let reason = fault.to_string();
        let reason = reason.strip_prefix("ERR ").unwrap_or(&reason);
        Reply::Error(format!("EXECABORT Transaction discarded because of: {reason}"))
    }

    fn transaction(&mut self, id: ClientId) -> Option<&mut Transaction> {
        self.clients.get_mut(&id)?.transaction.as_mut()
    }

    /// Runs a command of a client, directly or out of its transaction.
    pub(crate) fn run(
        &mut self,
        id: ClientId,
        command: &'static Command,
        args: &[Vec<u8>],
        origin: Origin,
    ) -> Outcome {
        let (db, protocol) = match self.clients.get(&id) {
            Some(client) => (client.db, client.protocol),
            None => return Ok(Reply::NOTHING),
        };
        let began = Instant::now();
        let mut call = Call { world: self, command, args, client: id, db, protocol, origin };
        let outcome = (command.run)(&mut call);
        let db = call.db;
        self.account(command, began, outcome.is_err());
        if !command.has(BLOCKING) {
            self.keep_if_slow(id, began, args);
        }
        if let Some(client) = self.clients.get_mut(&id) {
            client.db = db;
        }
        if !command.has(UNSEEN | ADMIN) {
            self.show(id, db, args);
        }
        outcome
    }
}

impl World {
    /// Counts a command that has run.
    pub(crate) fn account(&mut self, command: &'static Command, began: Instant, failed: bool) {
        let count = self.stats.usage.count(command);
        count.calls += 1;
        count.micros += micros(began);
        count.failed += u64::from(failed);
    }

    fn keep_if_slow(&mut self, id: ClientId, began: Instant, args: &[Vec<u8>]) {
        let (limit, most) = self.settings.slowlog();
        let micros = micros(began);
        if limit.is_none_or(|limit| micros < limit) {
            return;
        }
        let Some(client) = self.clients.get(&id) else {
            return;
        };
        let (addr, name) = (client.addr.to_string(), client.name.clone());
        let args = redacted(args);
        let slow = Slow { id: 0, at: self.now / 1000, micros, args, addr, name };
        self.stats.usage.keep(slow, most);
    }
}

fn micros(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// Words that begin a line of HTTP and no command of Redis.
fn is_http(args: &[Vec<u8>]) -> bool {
    args.first().is_some_and(|name| {
        name.eq_ignore_ascii_case(b"post") || name.eq_ignore_ascii_case(b"host:")
    })
}

/// An error is an answer like any other.
pub(crate) trait IntoReply {
    /// The reply, or the error as one.
    fn into_reply(self) -> Reply;
}

impl IntoReply for Outcome {
    fn into_reply(self) -> Reply {
        self.unwrap_or_else(Reply::from)
    }
}
