//! The library functions that stand in for the interpreter's own: those that work long are written
//! anew, and those that only copy look at clock and memory before they do.

use rilua::vm::state::LuaState;
use rilua::{LuaResult, RustFn, stdlib};

use crate::script::watch::look;
use crate::script::{bridge, format, gsub, math, sandbox, strings, tables};

/// Functions by the table that they stand in; the first are globals.
pub(super) const FUNCTIONS: [(&str, &[(&str, RustFn)]); 4] =
    [("_G", GLOBALS), ("string", STRING), ("table", TABLE), ("math", MATH)];

const GLOBALS: &[(&str, RustFn)] =
    &[("pcall", bridge::protected_call), ("rawset", sandbox::raw_set), ("unpack", tables::unpack)];

const STRING: &[(&str, RustFn)] = &[
    ("byte", strings::byte),
    ("char", watched_char),
    ("find", strings::find),
    ("format", format::format),
    ("gmatch", strings::gmatch),
    ("gsub", gsub::gsub),
    ("lower", lower),
    ("match", strings::match_),
    ("rep", strings::rep),
    ("reverse", reverse),
    ("sub", sub),
    ("upper", upper),
];

const TABLE: &[(&str, RustFn)] = &[
    ("concat", tables::concat),
    ("foreach", foreach),
    ("foreachi", foreachi),
    ("insert", tables::insert),
    ("maxn", maxn),
    ("remove", tables::remove),
    ("sort", tables::sort),
];

const MATH: &[(&str, RustFn)] = &[("random", math::random), ("randomseed", math::randomseed)];

macro_rules! watched {
    ($($name:ident = $inner:path;)*) => {$(
        fn $name(state: &mut LuaState) -> LuaResult<u32> {
            look(state)?;
            $inner(state)
        }
    )*};
}

watched! {
    watched_char = stdlib::string::str_char;
    lower = stdlib::string::str_lower;
    reverse = stdlib::string::str_reverse;
    sub = stdlib::string::str_sub;
    upper = stdlib::string::str_upper;
    foreach = stdlib::table::tab_foreach;
    foreachi = stdlib::table::tab_foreachi;
    maxn = stdlib::table::tab_maxn;
}
