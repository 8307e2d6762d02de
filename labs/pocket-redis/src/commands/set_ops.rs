//! Sets against each other: SINTER, SUNION, SDIFF.

use crate::call::{Call, Outcome};
use crate::fault::Fault;
use crate::reply::Reply;
use crate::value::Set;

/// `SUNION key …`
pub(crate) fn sunion(call: &mut Call<'_>) -> Outcome {
    fold(call, |all, set| {
        for member in set.keys() {
            all.insert(member, ());
        }
    })
}

/// `SINTER key …`
pub(crate) fn sinter(call: &mut Call<'_>) -> Outcome {
    fold(call, |all, set| retain(all, |member| set.contains(member)))
}

/// `SDIFF key …`
pub(crate) fn sdiff(call: &mut Call<'_>) -> Outcome {
    fold(call, |all, set| retain(all, |member| !set.contains(member)))
}

/// Starts with the first set and lets each further one change it.
fn fold(call: &mut Call<'_>, each: impl Fn(&mut Set, &Set)) -> Outcome {
    let keys = &call.args[1..];
    let sets: Vec<Set> = keys.iter().map(|key| whole(call, key)).collect::<Result<_, _>>()?;
    let mut sets = sets.into_iter();
    let mut all = sets.next().unwrap_or_default();
    sets.for_each(|set| each(&mut all, &set));
    Ok(Reply::Set(all.keys().map(Reply::bulk).collect()))
}

fn whole(call: &mut Call<'_>, key: &[u8]) -> Result<Set, Fault> {
    Ok(call.get::<Set>(key)?.cloned().unwrap_or_default())
}

fn retain(set: &mut Set, keep: impl Fn(&[u8]) -> bool) {
    let gone: Vec<_> = set.keys().filter(|member| !keep(member)).cloned().collect();
    for member in gone {
        set.remove(&member);
    }
}
