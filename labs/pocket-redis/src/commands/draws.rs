//! Draws: SPOP, SRANDMEMBER, HRANDFIELD, ZRANDMEMBER, RANDOMKEY.

use crate::call::{Call, Outcome};
use crate::commands::lists::positive;
use crate::fault::Fault;
use crate::reply::{MAX_ANSWER, Reply};
use crate::sorted_set::SortedSet;
use crate::value::{Hash, Kind, Set};

/// A negative count asks for any number of draws; this many are given.
const MAX_DRAWS: usize = 1024 * 1024;

/// A collection that one can draw from: how many there are, and what stands at a place.
trait Drawn: Kind {
    fn count(&self) -> usize;
    fn entry(&self, place: usize) -> (Reply, Reply);
}

impl Drawn for Set {
    fn count(&self) -> usize {
        self.len()
    }

    fn entry(&self, place: usize) -> (Reply, Reply) {
        (Reply::bulk_or_null(self.at(place).map(|(member, ())| member)), Reply::Null)
    }
}

impl Drawn for Hash {
    fn count(&self) -> usize {
        self.len()
    }

    fn entry(&self, place: usize) -> (Reply, Reply) {
        let (field, value) = self.at(place).unzip();
        (Reply::bulk_or_null(field), Reply::bulk_or_null(value))
    }
}

impl Drawn for SortedSet {
    fn count(&self) -> usize {
        self.len()
    }

    fn entry(&self, place: usize) -> (Reply, Reply) {
        let (member, score) = self.scores().at(place).unzip();
        (Reply::bulk_or_null(member), score.map_or(Reply::Null, |score| Reply::Double(*score)))
    }
}

/// `SPOP key [count]`
pub(crate) fn spop(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    if args.len() > 3 {
        return Err(Fault::Syntax);
    }
    let count = args.get(2).map(|text| positive(text)).transpose()?;
    let length = call.get::<Set>(&args[1])?.map_or(0, Set::len);
    let taken = (0..count.unwrap_or(1).min(length)).filter_map(|_| pop_one(call, &args[1]));
    let taken: Vec<Reply> = taken.collect();
    let left = length.saturating_sub(taken.len());
    // Where little is left, Redis moves that to a new set instead of taking the rest out.
    if left.saturating_mul(5) <= count.unwrap_or(0)
        && let Some(set) = call.get_mut::<Set>(&args[1])?
    {
        set.pack();
    }
    match count {
        Some(_) => Ok(Reply::Set(taken)),
        None => Ok(taken.into_iter().next().unwrap_or(Reply::Null)),
    }
}

fn pop_one(call: &mut Call<'_>, key: &[u8]) -> Option<Reply> {
    let length = call.get::<Set>(key).ok()??.len();
    let place = call.world.draw(length);
    let set = call.get_mut::<Set>(key).ok()??;
    let member = set.at(place).map(|(member, ())| member.clone())?;
    set.remove(&member);
    call.changed(key);
    Some(Reply::bulk(member))
}

/// `SRANDMEMBER key [count]`
pub(crate) fn srandmember(call: &mut Call<'_>) -> Outcome {
    if call.args.len() > 3 {
        return Err(Fault::Syntax);
    }
    draw::<Set>(call, "")
}

/// `HRANDFIELD key [count [WITHVALUES]]`
pub(crate) fn hrandfield(call: &mut Call<'_>) -> Outcome {
    draw::<Hash>(call, "withvalues")
}

/// `ZRANDMEMBER key [count [WITHSCORES]]`
pub(crate) fn zrandmember(call: &mut Call<'_>) -> Outcome {
    draw::<SortedSet>(call, "withscores")
}

/// A negative count may draw the same more than once.
fn draw<K: Drawn>(call: &mut Call<'_>, both_word: &str) -> Outcome {
    let key = &call.args[1];
    if call.args.len() == 2 {
        let length = call.get::<K>(key)?.map_or(0, K::count);
        let place = call.world.draw(length);
        return Ok(call.get::<K>(key)?.map_or(Reply::Null, |all| all.entry(place).0));
    }
    let count = count(call)?;
    let both = call.is(3, both_word);
    if call.args.len() > 4 || (call.args.len() == 4 && !both) {
        return Err(Fault::Syntax);
    }
    if both && count.unsigned_abs() > i64::MAX.unsigned_abs() / 2 {
        return Err("ERR value is out of range".into());
    }
    let length = call.get::<K>(key)?.map_or(0, K::count);
    let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    let places: Vec<usize> = match count < 0 {
        true if length == 0 => Vec::new(),
        true => (0..wanted.min(MAX_DRAWS)).map(|_| call.world.draw(length)).collect(),
        false => call.world.draw_distinct(length, wanted.min(length)),
    };
    let Some(all) = call.get::<K>(key)? else {
        return Ok(Reply::Array(Vec::new()));
    };
    let mut left = MAX_ANSWER;
    let entries = places.into_iter().map(|place| all.entry(place)).take_while(|(key, value)| {
        left = left.saturating_sub(key.size() + value.size());
        left > 0
    });
    match both {
        true => Ok(Reply::Pairs(entries.collect())),
        false => Ok(Reply::Array(entries.map(|(key, _)| key).collect())),
    }
}

fn count(call: &Call<'_>) -> Result<i64, Fault> {
    let range = "ERR value is out of range, value must between -9223372036854775807 and \
                 9223372036854775807";
    Some(call.int(2)?).filter(|count| *count != i64::MIN).ok_or(range.into())
}

/// `RANDOMKEY`
pub(crate) fn randomkey(call: &mut Call<'_>) -> Outcome {
    loop {
        let length = call.db().len();
        let place = call.world.draw(length);
        let Some(key) = call.db().entries().at(place).map(|(key, _)| key.clone()) else {
            return Ok(Reply::Null);
        };
        // One that is past its deadline is removed by this look, and another is drawn.
        if call.exists(&key) {
            return Ok(Reply::bulk(key));
        }
    }
}
