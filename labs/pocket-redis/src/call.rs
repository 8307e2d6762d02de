//! One command on its way: its arguments, who sent it, and the keys it reads and writes.
//!
//! Commands reach keys through this alone. Here a key past its deadline is gone for whoever looks,
//! a value of another kind is refused, and every change tells those who watch the key (WATCH) or
//! wait for it (BLPOP).

use crate::client::{Client, ClientId};
use crate::command::Command;
use crate::db::Db;
use crate::fault::Fault;
use crate::number::{parse_double, parse_int};
use crate::reply::{Protocol, Reply};
use crate::value::{Kind, Value};
use crate::world::World;

/// What a command gives back.
pub(crate) type Outcome = Result<Reply, Fault>;

/// Where a command comes from. Only a direct one may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    Client,
    Transaction,
    Script,
}

/// See the file's head.
pub(crate) struct Call<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) command: &'static Command,
    /// The name, then the arguments.
    pub(crate) args: &'a [Vec<u8>],
    pub(crate) client: ClientId,
    /// The database in use; SELECT changes it.
    pub(crate) db: usize,
    pub(crate) protocol: Protocol,
    pub(crate) origin: Origin,
}

impl Call<'_> {
    /// The client that sent this; for a script, the one that called the script.
    pub(crate) fn client(&mut self) -> Result<&mut Client, Fault> {
        let gone = Fault::from("ERR the client is gone");
        self.world.clients.get_mut(&self.client).ok_or(gone)
    }

    /// The database in use.
    pub(crate) fn db(&mut self) -> &mut Db {
        &mut self.world.dbs[self.db]
    }

    /// The argument at this place as an integer.
    pub(crate) fn int(&self, place: usize) -> Result<i64, Fault> {
        parse_int(&self.args[place]).ok_or(Fault::NotAnInteger)
    }

    /// The argument at this place as a double.
    pub(crate) fn double(&self, place: usize) -> Result<f64, Fault> {
        parse_double(&self.args[place]).ok_or(Fault::NotAFloat)
    }

    /// The error for a wrong number of arguments.
    pub(crate) fn arity(&self) -> Fault {
        Fault::Arity(self.command.full_name())
    }

    /// Removes the key if its time is over.
    fn drop_if_due(&mut self, key: &[u8]) {
        let now = self.world.now;
        if self.db().is_due(key, now) {
            self.world.expire(self.db, key);
        }
    }

    pub(crate) fn value(&mut self, key: &[u8]) -> Option<&Value> {
        self.drop_if_due(key);
        let now = self.world.now;
        self.db().touch(key, now);
        self.db().value(key)
    }

    pub(crate) fn exists(&mut self, key: &[u8]) -> bool {
        self.value(key).is_some()
    }

    /// The key's value if it is of this kind, `None` if there is none.
    pub(crate) fn get<K: Kind>(&mut self, key: &[u8]) -> Result<Option<&K>, Fault> {
        let value = self.value(key);
        value.map(|value| K::of(value).ok_or(Fault::WrongType)).transpose()
    }

    /// The same, to be changed. Whoever changes it says so with [`Call::changed`].
    pub(crate) fn get_mut<K: Kind>(&mut self, key: &[u8]) -> Result<Option<&mut K>, Fault> {
        self.drop_if_due(key);
        let now = self.world.now;
        self.db().touch(key, now);
        let value = self.db().value_mut(key);
        value.map(|value| K::of_mut(value).ok_or(Fault::WrongType)).transpose()
    }

    /// The same; an empty one is made where there was none.
    pub(crate) fn get_or_new<K: Kind>(&mut self, key: &[u8]) -> Result<&mut K, Fault> {
        if !self.exists(key) {
            self.db().put(key, K::default().wrap());
        }
        self.get_mut(key)?.ok_or(Fault::NoSuchKey)
    }

    /// Puts a value in place of whatever was there, without a deadline.
    pub(crate) fn put(&mut self, key: &[u8], value: Value) {
        let db = self.db();
        db.put(key, value);
        db.set_deadline(key, None);
        let now = self.world.now;
        self.db().touch(key, now);
        self.changed(key);
    }

    /// Puts a result in place of whatever was there; an empty one leaves no key.
    pub(crate) fn store(&mut self, key: &[u8], value: Value) {
        if value.is_spent() {
            self.delete(key);
        } else {
            self.put(key, value);
        }
    }

    /// Removes a key; says whether there was one.
    pub(crate) fn delete(&mut self, key: &[u8]) -> bool {
        self.drop_if_due(key);
        let removed = self.db().remove(key).is_some();
        if removed {
            self.changed(key);
        }
        removed
    }

    /// To be called after a change: an empty collection goes, watchers and waiters are told.
    pub(crate) fn changed(&mut self, key: &[u8]) {
        if self.db().value(key).is_some_and(Value::is_spent) {
            self.db().remove(key);
        }
        self.world.touched(self.db, key);
    }

    /// Whether this argument is that word, in any case.
    pub(crate) fn is(&self, place: usize, word: &str) -> bool {
        self.args.get(place).is_some_and(|arg| arg.eq_ignore_ascii_case(word.as_bytes()))
    }
}
