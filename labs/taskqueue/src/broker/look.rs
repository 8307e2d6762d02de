//! Looking at a queue without touching it: `look.lua`, and what it answers.

use std::collections::HashMap;

use super::Broker;
use crate::error::BrokerError;
use crate::keys;

/// Tag, score, entry.
pub(crate) type Entries = Vec<(String, f64, Vec<u8>)>;

type Lists = (f64, Vec<u64>, Vec<Vec<u8>>, Vec<u8>, [bool; 2], u64);
type OutOfLists = (Entries, u64, Entries, u64, Vec<Vec<u8>>, HashMap<String, f64>);

/// What stood in Redis at one moment, as it stood there; a text that is too long is empty.
pub(crate) struct Look {
    pub(crate) now: f64,
    pub(crate) lengths: Vec<u64>,
    pub(crate) next: Vec<Vec<u8>>,
    pub(crate) newest: Vec<u8>,
    pub(crate) asked_wait: [bool; 2],
    pub(crate) unacked: u64,
    pub(crate) held: Entries,
    pub(crate) parked: u64,
    pub(crate) parked_next: Entries,
    pub(crate) dead: u64,
    pub(crate) letters: Vec<Vec<u8>>,
    pub(crate) published: HashMap<String, f64>,
}

impl Broker {
    /// `bounds`: how many of each, and the bytes of the longest text.
    pub(crate) async fn look(
        &self,
        queue: &str,
        lists: &[String],
        bounds: (usize, usize),
        asked: [&[u8]; 2],
    ) -> Result<Look, BrokerError> {
        let mut call = self.scripts.look.prepare_invoke();
        call.key(keys::UNACKED).key(keys::UNACKED_INDEX).key(keys::UNACKED_ETA);
        call.key(keys::PUBLISHED).key(keys::dead(queue)).key(lists);
        call.arg(bounds.0).arg(bounds.1).arg(asked[0]).arg(asked[1]);
        let (lists, rest): (Lists, OutOfLists) = self.connection.invoke(&call).await?;
        let (now, lengths, next, newest, asked_wait, unacked) = lists;
        let (held, parked, parked_next, dead, letters, published) = rest;
        Ok(Look {
            now,
            lengths,
            next,
            newest,
            asked_wait,
            unacked,
            held,
            parked,
            parked_next,
            dead,
            letters,
            published,
        })
    }
}
