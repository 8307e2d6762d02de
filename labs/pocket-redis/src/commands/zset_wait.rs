//! Sorted sets: the commands that wait when there is nothing. How waiting works is in
//! `blocking.rs`.

use crate::blocking::{Action, End};
use crate::call::{Call, Outcome};
use crate::commands::list_wait::{deadline, take_or_wait};
use crate::commands::zset_pops::many;

/// `BZPOPMIN key … timeout`
pub(crate) fn bzpopmin(call: &mut Call<'_>) -> Outcome {
    pop(call, End::Left)
}

/// `BZPOPMAX key … timeout`
pub(crate) fn bzpopmax(call: &mut Call<'_>) -> Outcome {
    pop(call, End::Right)
}

fn pop(call: &mut Call<'_>, from: End) -> Outcome {
    let last = call.args.len() - 1;
    let deadline = deadline(&call.args[last])?;
    take_or_wait(call, &call.args[1..last], Action::PopMember(from), deadline)
}

/// `BZMPOP timeout numkeys key … MIN | MAX [COUNT n]`
pub(crate) fn bzmpop(call: &mut Call<'_>) -> Outcome {
    let deadline = deadline(&call.args[1])?;
    let (keys, from, count) = many(&call.args[2..])?;
    take_or_wait(call, keys, Action::PopMembers { from, count }, deadline)
}
