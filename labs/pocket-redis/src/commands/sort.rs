//! SORT: elements in the order of numbers or texts, their own or those of other keys.

use std::cmp::Ordering;

use crate::call::{Call, Outcome};
use crate::fault::Fault;
use crate::number::parse_int;
use crate::reply::Reply;
use crate::sorted_set::SortedSet;
use crate::value::{Hash, List, Text, Value};

/// A command as it was asked for.
#[derive(Default)]
struct Wish<'a> {
    by: Option<&'a [u8]>,
    get: Vec<&'a [u8]>,
    limit: Option<(i64, i64)>,
    descending: bool,
    alpha: bool,
    store: Option<&'a [u8]>,
}

/// `SORT key [BY pattern] [LIMIT offset count] [GET pattern …] [ASC | DESC] [ALPHA] [STORE target]`
pub(crate) fn sort(call: &mut Call<'_>) -> Outcome {
    run(call, true)
}

/// `SORT_RO key …`: without STORE.
pub(crate) fn sort_ro(call: &mut Call<'_>) -> Outcome {
    run(call, false)
}

fn read(mut words: &[Vec<u8>], may_store: bool) -> Result<Wish<'_>, Fault> {
    let mut wish = Wish::default();
    while let [word, rest @ ..] = words {
        words = match (word.to_ascii_uppercase().as_slice(), rest) {
            (b"ASC", _) => {
                wish.descending = false;
                rest
            }
            (b"DESC", _) => {
                wish.descending = true;
                rest
            }
            (b"ALPHA", _) => {
                wish.alpha = true;
                rest
            }
            (b"LIMIT", [offset, count, rest @ ..]) => {
                let int = |text| parse_int(text).ok_or(Fault::NotAnInteger);
                wish.limit = Some((int(offset)?, int(count)?));
                rest
            }
            (b"STORE", [target, rest @ ..]) if may_store => {
                wish.store = Some(target);
                rest
            }
            (b"BY", [pattern, rest @ ..]) => {
                wish.by = Some(pattern);
                rest
            }
            (b"GET", [pattern, rest @ ..]) => {
                wish.get.push(pattern);
                rest
            }
            _ => return Err(Fault::Syntax),
        };
    }
    Ok(wish)
}

fn run(call: &mut Call<'_>, may_store: bool) -> Outcome {
    let wish = read(&call.args[2..], may_store)?;
    let mut elements = elements(call, &wish)?;
    // Redis unpacks a sorted set before it looks through it.
    if let Ok(Some(set)) = call.get_mut::<SortedSet>(&call.args[1]) {
        set.unpack();
    }
    if wish.by.is_none_or(|by| by.contains(&b'*')) {
        elements = in_order(call, elements, &wish)?;
    }
    let elements = limited(elements, wish.limit);
    let found = fetch(call, &elements, &wish);
    let Some(target) = wish.store else {
        return Ok(Reply::Array(found.into_iter().map(Reply::bulk_or_null).collect()));
    };
    let count = found.len();
    let list: List = found.into_iter().map(Option::unwrap_or_default).collect();
    call.store(target, Value::List(list));
    Ok(Reply::count(count))
}

/// The elements; those that have an order in theirs, or from behind.
fn elements(call: &mut Call<'_>, wish: &Wish<'_>) -> Result<Vec<Text>, Fault> {
    let unsorted = wish.by.is_some_and(|by| !by.contains(&b'*'));
    let to_vec = |key: &crate::dict::Key| key.to_vec();
    Ok(match call.value(&call.args[1]) {
        None => Vec::new(),
        Some(Value::List(list)) if unsorted && wish.descending => {
            list.iter().rev().cloned().collect()
        }
        Some(Value::List(list)) => list.iter().cloned().collect(),
        Some(Value::Set(set)) => {
            let mut members: Vec<Text> = set.keys().map(to_vec).collect();
            // What is stored or seen by a script shall not depend on chance.
            if unsorted && wish.store.is_some() {
                members.sort();
            }
            members
        }
        Some(Value::SortedSet(set)) if unsorted && wish.descending => {
            set.iter().rev().map(|(key, _)| key.to_vec()).collect()
        }
        Some(Value::SortedSet(set)) => set.iter().map(|(key, _)| key.to_vec()).collect(),
        Some(_) => return Err(Fault::WrongType),
    })
}

/// What an element is sorted by.
enum Weight {
    Number(f64),
    Text(Option<Text>),
}

fn in_order(call: &mut Call<'_>, elements: Vec<Text>, wish: &Wish<'_>) -> Result<Vec<Text>, Fault> {
    let mut weighed = Vec::with_capacity(elements.len());
    for element in elements {
        let key = match wish.by {
            None => Some(element.clone()),
            Some(pattern) => look_up(call, pattern, &element),
        };
        let weight = match (wish.alpha, key) {
            (true, key) => Weight::Text(key),
            (false, None) => Weight::Number(0.0),
            (false, Some(key)) => Weight::Number(number(&key)?),
        };
        weighed.push((weight, element));
    }
    let by = wish.by.is_some();
    weighed.sort_by(|a, b| {
        let order = compare(&a.0, &b.0);
        // Equal weights leave the order to the elements themselves.
        let order = if wish.alpha && by { order } else { order.then_with(|| a.1.cmp(&b.1)) };
        if wish.descending { order.reverse() } else { order }
    });
    Ok(weighed.into_iter().map(|(_, element)| element).collect())
}

fn number(text: &[u8]) -> Result<f64, Fault> {
    let number = std::str::from_utf8(text).ok().and_then(|text| text.trim_start().parse().ok());
    let number = if text.is_empty() { Some(0.0) } else { number };
    let complaint = "ERR One or more scores can't be converted into double";
    number.filter(|number: &f64| !number.is_nan()).ok_or(complaint.into())
}

fn compare(a: &Weight, b: &Weight) -> Ordering {
    match (a, b) {
        (Weight::Number(a), Weight::Number(b)) => a.total_cmp(&(b + 0.0)),
        (Weight::Text(a), Weight::Text(b)) => a.cmp(b),
        _ => Ordering::Equal,
    }
}

fn limited(elements: Vec<Text>, limit: Option<(i64, i64)>) -> Vec<Text> {
    let Some((offset, count)) = limit else {
        return elements;
    };
    let skip = usize::try_from(offset).unwrap_or(0);
    let take = usize::try_from(count).unwrap_or(usize::MAX);
    elements.into_iter().skip(skip).take(take).collect()
}

/// What GET asks for, for each element; the elements where it asks for nothing.
fn fetch(call: &mut Call<'_>, elements: &[Text], wish: &Wish<'_>) -> Vec<Option<Text>> {
    if wish.get.is_empty() {
        return elements.iter().cloned().map(Some).collect();
    }
    let mut found = Vec::new();
    for element in elements {
        for pattern in &wish.get {
            found.push(match *pattern {
                b"#" => Some(element.clone()),
                pattern => look_up(call, pattern, element),
            });
        }
    }
    found
}

/// The string at a key, or the field of a hash (`key->field`), with the element for the `*`.
fn look_up(call: &mut Call<'_>, pattern: &[u8], element: &[u8]) -> Option<Text> {
    let star = pattern.iter().position(|&byte| byte == b'*')?;
    let (before, after) = (&pattern[..star], &pattern[star + 1..]);
    let arrow = after.windows(2).position(|pair| pair == b"->");
    match arrow.filter(|&at| at + 2 < after.len()) {
        Some(at) => {
            let key = [before, element, &after[..at]].concat();
            call.get::<Hash>(&key).ok()??.get(&after[at + 2..]).cloned()
        }
        None => {
            let key = [before, element, after].concat();
            call.get::<Text>(&key).ok()?.cloned()
        }
    }
}
