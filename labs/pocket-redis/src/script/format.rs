//! `string.format`: C's `printf` with the bounds that Lua puts on it. The items are in `printf.rs`.

use rilua::vm::state::LuaState;
use rilua::{LuaResult, Val, runtime_error};

use crate::script::limits::check_length;
use crate::script::printf::Item;
use crate::script::watch::look;

/// Strings from this length on pass unchanged where no precision cuts them.
const LONG: usize = 100;

/// `string.format(template, …)`
pub(super) fn format(state: &mut LuaState) -> LuaResult<u32> {
    look(state)?;
    let template = state.check_string(1)?;
    let (mut out, mut rest, mut place) = (Vec::new(), template.as_slice(), 1);
    while let [byte, after @ ..] = rest {
        rest = after;
        if *byte != b'%' {
            out.push(*byte);
            continue;
        }
        if let [b'%', after @ ..] = rest {
            out.push(b'%');
            rest = after;
            continue;
        }
        place += 1;
        if state.base + place > state.top {
            return Err(state.arg_error(place, "no value"));
        }
        let (item, length) = Item::parse(rest).map_err(runtime_error)?;
        let letter = rest.get(length).copied().unwrap_or(0);
        out.extend(one(state, &item, letter, place)?);
        check_length(out.len())?;
        rest = rest.get(length + 1..).unwrap_or_default();
    }
    let whole = Val::Str(state.gc.intern_string(&out));
    state.push(whole);
    Ok(1)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "as C converts")]
fn one(state: &LuaState, item: &Item, letter: u8, place: usize) -> LuaResult<Vec<u8>> {
    let number = || state.check_number(place);
    Ok(match letter {
        b'c' => character(item, number()? as i64 as u8),
        b'd' | b'i' => item.signed(number()? as i64),
        b'o' | b'u' | b'x' | b'X' => item.unsigned(unsigned(number()?), letter),
        b'e' | b'E' | b'f' | b'g' | b'G' => item.float(number()?, letter),
        b'q' => quoted(&state.check_string(place)?),
        b's' => {
            let text = state.check_string(place)?;
            if item.precision.is_none() && text.len() >= LONG { text } else { item.text(&text) }
        }
        _ => {
            let letter = if letter == 0 { String::new() } else { char::from(letter).to_string() };
            return Err(runtime_error(format!("invalid option '%{letter}' to 'format'")));
        }
    })
}

/// Negative numbers wrap around, as on the machines that Redis runs on.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "as C converts")]
fn unsigned(number: f64) -> u64 {
    if number < 0.0 { number as i64 as u64 } else { number as u64 }
}

/// A zero byte ends what C has written.
fn character(item: &Item, byte: u8) -> Vec<u8> {
    let text = item.pad(vec![byte], false);
    let end = text.iter().position(|&byte| byte == 0).unwrap_or(text.len());
    text[..end].to_vec()
}

fn quoted(text: &[u8]) -> Vec<u8> {
    let mut out = vec![b'"'];
    for &byte in text {
        match byte {
            b'"' | b'\\' | b'\n' => out.extend([b'\\', byte]),
            b'\r' => out.extend(b"\\r"),
            0 => out.extend(b"\\000"),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
    out
}
