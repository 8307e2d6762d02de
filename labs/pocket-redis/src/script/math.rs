//! `math.random` and `math.randomseed`, whose generator is in `random.rs`.

use rilua::vm::state::LuaState;
use rilua::{LuaResult, Val, runtime_error};

use crate::script::lent::lent;
use crate::script::random::Random;

/// `math.random([m [, n]])`
pub(super) fn random(state: &mut LuaState) -> LuaResult<u32> {
    let draw = lent(state)?.world.random.draw();
    let number = match state.top - state.base {
        0 => draw,
        1 => {
            let most = int(state, 1)?;
            if most < 1 {
                return Err(state.arg_error(1, "interval is empty"));
            }
            (draw * f64::from(most)).floor() + 1.0
        }
        2 => {
            let (least, most) = (int(state, 1)?, int(state, 2)?);
            if least > most {
                return Err(state.arg_error(2, "interval is empty"));
            }
            (draw * f64::from(most.wrapping_sub(least).wrapping_add(1))).floor() + f64::from(least)
        }
        _ => return Err(runtime_error("wrong number of arguments")),
    };
    state.push(Val::Num(number));
    Ok(1)
}

/// `math.randomseed(n)`
pub(super) fn randomseed(state: &mut LuaState) -> LuaResult<u32> {
    let seed = int(state, 1)?;
    lent(state)?.world.random = Random::seeded(seed.cast_unsigned());
    Ok(0)
}

/// A C `int`: what does not fit loses its upper bits.
#[expect(clippy::cast_possible_truncation, reason = "as C converts")]
fn int(state: &LuaState, place: usize) -> LuaResult<i32> {
    Ok(state.check_integer(place)? as i32)
}
