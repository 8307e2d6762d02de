//! `string.gsub`.

use rilua::vm::state::LuaState;
use rilua::{LuaResult, Val, runtime_error};

use crate::script::convert::bytes;
use crate::script::lent::lent;
use crate::script::limits::check_length;
use crate::script::pattern::{Capture, Matcher};
use crate::script::sandbox::argument;
use crate::script::strings::{matched, push_captures, value};
use crate::script::watch::look;

/// A match: the text, where it stands in there, and its captures.
struct Match<'a> {
    text: &'a [u8],
    start: usize,
    end: usize,
    captures: &'a [Capture],
}

/// `string.gsub(text, pattern, replacement [, n])`
pub(super) fn gsub(state: &mut LuaState) -> LuaResult<u32> {
    look(state)?;
    let (text, pattern) = (state.check_string(1)?, state.check_string(2)?);
    let replacement = replacement(state)?;
    let most = i64::try_from(text.len()).unwrap_or(i64::MAX) + 1;
    let most = int(state.opt_integer(4, most)?);
    let anchored = pattern.first() == Some(&b'^');
    let deadline = lent(state)?.limits.deadline;
    let mut matcher = Matcher::new(&text, &pattern[usize::from(anchored)..], deadline);
    let (mut out, mut count, mut at) = (Vec::new(), 0, 0);
    while count < most {
        let end = matched(state, matcher.at(at))?;
        if let Some(end) = end {
            count += 1;
            let found = Match { text: &text, start: at, end, captures: &matcher.captures };
            found.replace(state, replacement, &mut out)?;
            check_length(out.len())?;
            look(state)?;
        }
        match end.filter(|&end| end > at) {
            Some(end) => at = end,
            None if at < text.len() => {
                out.push(text[at]);
                at += 1;
            }
            None => break,
        }
        if anchored {
            break;
        }
    }
    out.extend_from_slice(&text[at..]);
    check_length(out.len())?;
    let whole = Val::Str(state.gc.intern_string(&out));
    state.push(whole);
    state.push(Val::Num(f64::from(u32::try_from(count).unwrap_or(0))));
    Ok(2)
}

/// A C `int`: what does not fit loses its upper bits.
#[expect(clippy::cast_possible_truncation, reason = "as C converts")]
fn int(number: i64) -> i64 {
    i64::from(number as i32)
}

fn replacement(state: &mut LuaState) -> LuaResult<Val> {
    match argument(state, 2) {
        number @ Val::Num(_) => {
            let text = bytes(state, number).unwrap_or_default();
            Ok(Val::Str(state.gc.intern_string(&text)))
        }
        value @ (Val::Str(_) | Val::Table(_) | Val::Function(_)) => Ok(value),
        _ => Err(state.arg_error(3, "string/function/table expected")),
    }
}

impl Match<'_> {
    fn whole(&self) -> &[u8] {
        &self.text[self.start..self.end]
    }

    /// A capture by its number from zero on; the first may be the whole match.
    fn capture(&self, state: &mut LuaState, level: usize) -> LuaResult<Val> {
        match self.captures.get(level) {
            Some(capture) => value(state, self.text, *capture),
            None if level == 0 => Ok(Val::Str(state.gc.intern_string(self.whole()))),
            None => Err(runtime_error("invalid capture index")),
        }
    }

    fn replace(&self, state: &mut LuaState, replacement: Val, out: &mut Vec<u8>) -> LuaResult<()> {
        let new = match replacement {
            Val::Str(_) => {
                let template = bytes(state, replacement).unwrap_or_default();
                return self.fill(state, &template, out);
            }
            Val::Table(_) => {
                let key = self.capture(state, 0)?;
                state.gettable(replacement, key)?
            }
            _ => self.call(state, replacement)?,
        };
        match new {
            Val::Nil | Val::Bool(false) => out.extend_from_slice(self.whole()),
            Val::Str(_) | Val::Num(_) => {
                out.extend_from_slice(&bytes(state, new).unwrap_or_default());
            }
            other => {
                let kind = other.type_name();
                return Err(runtime_error(format!("invalid replacement value (a {kind})")));
            }
        }
        Ok(())
    }

    fn call(&self, state: &mut LuaState, function: Val) -> LuaResult<Val> {
        let place = state.top;
        state.push(function);
        push_captures(state, self.text, self.captures, Some((self.start, self.end)))?;
        state.call_function(place, 1)?;
        let new = state.stack_get(place);
        state.top = place;
        Ok(new)
    }

    /// Fills `%0` to `%9` into a template.
    fn fill(&self, state: &mut LuaState, template: &[u8], out: &mut Vec<u8>) -> LuaResult<()> {
        let mut rest = template.iter();
        while let Some(&byte) = rest.next() {
            let escaped = if byte == b'%' { rest.next().copied().or(Some(0)) } else { None };
            match escaped {
                None => out.push(byte),
                Some(b'0') => out.extend_from_slice(self.whole()),
                Some(digit @ b'1'..=b'9') => {
                    let capture = self.capture(state, usize::from(digit - b'1'))?;
                    out.extend_from_slice(&bytes(state, capture).unwrap_or_default());
                }
                Some(literal) => out.push(literal),
            }
            check_length(out.len())?;
        }
        Ok(())
    }
}
