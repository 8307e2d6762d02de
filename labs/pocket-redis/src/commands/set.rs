//! SET with its options, and the commands that are SET under another name.

use crate::call::{Call, Outcome};
use crate::fault::Fault;
use crate::number::parse_int;
use crate::reply::Reply;
use crate::value::{Text, Value};

/// A deadline as it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Seconds,
    Millis,
    AtSecond,
    AtMilli,
}

impl Unit {
    fn named(word: &[u8]) -> Option<Self> {
        match word.to_ascii_uppercase().as_slice() {
            b"EX" => Some(Self::Seconds),
            b"PX" => Some(Self::Millis),
            b"EXAT" => Some(Self::AtSecond),
            b"PXAT" => Some(Self::AtMilli),
            _ => None,
        }
    }

    /// The deadline in milliseconds since 1970.
    fn deadline(self, call: &Call<'_>, amount: &[u8]) -> Result<i64, Fault> {
        let amount = parse_int(amount).ok_or(Fault::NotAnInteger)?;
        let millis = match self {
            Self::Seconds | Self::AtSecond => amount.checked_mul(1000),
            Self::Millis | Self::AtMilli => Some(amount),
        };
        let deadline = match self {
            Self::Seconds | Self::Millis => millis.and_then(|n| n.checked_add(call.world.now)),
            Self::AtSecond | Self::AtMilli => millis,
        };
        deadline.filter(|_| amount > 0).ok_or(Fault::InvalidExpire(call.command.name))
    }
}

/// The options of SET and GETEX.
#[derive(Debug, Default)]
struct Options<'a> {
    only_new: bool,
    only_old: bool,
    keep_deadline: bool,
    persist: bool,
    give_old: bool,
    deadline: Option<(Unit, &'a [u8])>,
}

impl<'a> Options<'a> {
    /// Reads the options; SET and GETEX do not share all of them.
    fn read(mut words: &'a [Vec<u8>], getex: bool) -> Result<Self, Fault> {
        let mut options = Self::default();
        while let [word, rest @ ..] = words {
            words = rest;
            let fresh = options.deadline.is_none() && !options.keep_deadline && !options.persist;
            match word.to_ascii_uppercase().as_slice() {
                b"NX" if !getex && !options.only_old => options.only_new = true,
                b"XX" if !getex && !options.only_new => options.only_old = true,
                b"GET" if !getex => options.give_old = true,
                b"KEEPTTL" if !getex && options.deadline.is_none() => options.keep_deadline = true,
                b"PERSIST" if getex && options.deadline.is_none() => options.persist = true,
                name => {
                    let unit = Unit::named(name).filter(|_| fresh).ok_or(Fault::Syntax)?;
                    let (amount, rest) = words.split_first().ok_or(Fault::Syntax)?;
                    options.deadline = Some((unit, amount));
                    words = rest;
                }
            }
        }
        Ok(options)
    }

    fn deadline(&self, call: &Call<'_>) -> Result<Option<i64>, Fault> {
        self.deadline.map(|(unit, amount)| unit.deadline(call, amount)).transpose()
    }
}

/// `SET key value [NX | XX] [GET] [EX s | PX ms | EXAT s | PXAT ms | KEEPTTL]`
pub(crate) fn set(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    let options = Options::read(&args[3..], false)?;
    let mut deadline = options.deadline(call)?;
    let old = match options.give_old {
        true => Some(Reply::bulk_or_null(call.get::<Text>(&args[1])?)),
        false => None,
    };
    let exists = call.exists(&args[1]);
    if (options.only_new && exists) || (options.only_old && !exists) {
        return Ok(old.unwrap_or(Reply::Null));
    }
    if options.keep_deadline {
        deadline = call.db().deadline(&args[1]);
    }
    call.put(&args[1], Value::Text(args[2].clone()));
    call.db().set_deadline(&args[1], deadline);
    Ok(old.unwrap_or(Reply::OK))
}

/// `SETNX key value`
pub(crate) fn setnx(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    let free = !call.exists(&args[1]);
    if free {
        call.put(&args[1], Value::Text(args[2].clone()));
    }
    Ok(Reply::flag(free))
}

/// `SETEX key seconds value`
pub(crate) fn setex(call: &mut Call<'_>) -> Outcome {
    set_until(call, Unit::Seconds)
}

/// `PSETEX key milliseconds value`
pub(crate) fn psetex(call: &mut Call<'_>) -> Outcome {
    set_until(call, Unit::Millis)
}

fn set_until(call: &mut Call<'_>, unit: Unit) -> Outcome {
    let args = call.args;
    let deadline = unit.deadline(call, &args[2])?;
    call.put(&args[1], Value::Text(args[3].clone()));
    call.db().set_deadline(&args[1], Some(deadline));
    Ok(Reply::OK)
}

/// `GETEX key [EX s | PX ms | EXAT s | PXAT ms | PERSIST]`
pub(crate) fn getex(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    let options = Options::read(&args[2..], true)?;
    let Some(text) = call.get::<Text>(&args[1])?.cloned() else {
        return Ok(Reply::Null);
    };
    if let Some(deadline) = options.deadline(call)? {
        call.db().set_deadline(&args[1], Some(deadline));
        call.changed(&args[1]);
        // A deadline in the past ends the key now, not at the next look.
        call.exists(&args[1]);
    }
    if options.persist && call.db().deadline(&args[1]).is_some() {
        call.db().set_deadline(&args[1], None);
        call.changed(&args[1]);
    }
    Ok(Reply::Bulk(text))
}
