//! Numbers in strings: INCR and its relatives.

use crate::call::{Call, Outcome};
use crate::db::Made;
use crate::decimal::Decimal;
use crate::fault::Fault;
use crate::number::parse_int;
use crate::reply::Reply;
use crate::value::Text;

/// `INCR key`
pub(crate) fn incr(call: &mut Call<'_>) -> Outcome {
    add(call, 1)
}

/// `DECR key`
pub(crate) fn decr(call: &mut Call<'_>) -> Outcome {
    add(call, -1)
}

/// `INCRBY key n`
pub(crate) fn incrby(call: &mut Call<'_>) -> Outcome {
    let by = call.int(2)?;
    add(call, by)
}

/// `DECRBY key n`
pub(crate) fn decrby(call: &mut Call<'_>) -> Outcome {
    let by = call.int(2)?.checked_neg().ok_or(Fault::from("ERR decrement would overflow"))?;
    add(call, by)
}

/// Adds to the number in a string; the deadline of the key stays.
fn add(call: &mut Call<'_>, by: i64) -> Outcome {
    let key = &call.args[1];
    let sum = sum(call.get::<Text>(key)?.map(Vec::as_slice), by, &Fault::NotAnInteger)?;
    *call.get_or_new::<Text>(key)? = sum.to_string().into_bytes();
    call.db().set_made(key, Made::Whole);
    call.changed(key);
    Ok(Reply::Int(sum))
}

/// What INCRBY and HINCRBY have in common; they differ in how they complain about the old value.
pub(crate) fn sum(old: Option<&[u8]>, by: i64, complaint: &Fault) -> Result<i64, Fault> {
    let old = parse_int(old.unwrap_or(b"0")).ok_or_else(|| complaint.clone())?;
    old.checked_add(by).ok_or("ERR increment or decrement would overflow".into())
}

/// `INCRBYFLOAT key n`
pub(crate) fn incrbyfloat(call: &mut Call<'_>) -> Outcome {
    let (key, by) = (&call.args[1], &call.args[2]);
    let old = call.get::<Text>(key)?.map(Vec::as_slice);
    let sum = decimal_sum(old, by, &Fault::NotAFloat)?;
    *call.get_or_new::<Text>(key)? = sum.clone().into_bytes();
    call.db().set_made(key, Made::AsText);
    call.changed(key);
    Ok(Reply::bulk(sum))
}

/// What INCRBYFLOAT and HINCRBYFLOAT have in common.
pub(crate) fn decimal_sum(
    old: Option<&[u8]>,
    by: &[u8],
    complaint: &Fault,
) -> Result<String, Fault> {
    let old = Decimal::parse(old.unwrap_or(b"0")).ok_or_else(|| complaint.clone())?;
    let by = Decimal::parse(by).ok_or(Fault::NotAFloat)?;
    let sum = old.plus(by).ok_or(Fault::from("ERR increment would produce NaN or Infinity"))?;
    Ok(sum.to_string())
}
