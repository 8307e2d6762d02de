//! The interpreter, made safe: what scripts see, and what they cannot change.
//!
//! Scripts get the base, string, table and math libraries, `redis`, `cjson`, `cmsgpack` and `bit`. Gone are files,
//! the system, loading of code, and everything that could reach around the guards. A guard is an
//! empty table in front of a real one: reads pass through, writes are refused with Redis' words,
//! so no script can leave anything behind for the next.

use rilua::vm::closure::{Closure, RustClosure};
use rilua::vm::state::{LuaState, MASK_COUNT};
use rilua::{
    Function, Lua, LuaApi, LuaApiMut, LuaResult, RustFn, StdLib, Table, Val, runtime_error,
};

use crate::script::lent::Lent;
use crate::script::limits::HARD_LIMIT;
use crate::script::{
    bit, bridge, json_decode, json_encode, library, msgpack_decode, msgpack_encode, text, watch,
};

/// The interpreter allows two hundred nested calls from Rust; scripts get the last forty.
const CALL_DEPTH: u16 = 160;

/// Base functions that load code, print, or see behind a guard.
const REMOVED: [&str; 11] = [
    "print",
    "dofile",
    "loadfile",
    "load",
    "loadstring",
    "getfenv",
    "setfenv",
    "newproxy",
    "collectgarbage",
    "gcinfo",
    "rawset",
];

/// What Redis' scripts have besides: who asks for it is told so.
const IN_REDIS_ONLY: [&str; 6] =
    ["struct", "coroutine", "load", "loadstring", "collectgarbage", "os"];

/// See the file's head.
pub(super) struct Sandbox {
    pub(super) lua: Lua,
    /// The real table of globals, behind its guard: KEYS and ARGV are set here.
    pub(super) globals: Table,
    /// Keeps compiled scripts alive.
    scripts: Table,
    kept: u32,
    /// Holds the world while a script runs.
    pub(super) lent: rilua::AnyUserData,
}

impl Sandbox {
    pub(super) fn new() -> LuaResult<Self> {
        let mut lua = Lua::new_with(StdLib::BASE | StdLib::STRING | StdLib::TABLE | StdLib::MATH)?;
        let globals = Table::from_gc_ref(lua.state().global);
        for name in REMOVED {
            lua.set_global(name, Val::Nil)?;
        }
        let lent = lua.create_userdata(Lent::default());
        let mut sandbox = Self { globals, scripts: lua.create_table(), kept: 0, lent, lua };
        sandbox.anchor()?;
        sandbox.install()?;
        sandbox.guard_all()?;
        Ok(sandbox)
    }

    /// The registry keeps alive what no script can see.
    fn anchor(&mut self) -> LuaResult<()> {
        let registry = Table::from_gc_ref(self.lua.state().registry);
        let scripts = text(&mut self.lua, b"pocket-redis scripts");
        let lent = text(&mut self.lua, b"pocket-redis world");
        set(self.lua.state_mut(), registry, scripts, Val::Table(self.scripts.gc_ref()))?;
        set(self.lua.state_mut(), registry, lent, Val::Userdata(self.lent.gc_ref()))
    }

    /// Keeps a compiled script.
    pub(super) fn keep(&mut self, script: Function) -> LuaResult<()> {
        self.kept += 1;
        let place = Val::Num(f64::from(self.kept));
        set(self.lua.state_mut(), self.scripts, place, Val::Function(script.gc_ref()))
    }

    fn install(&mut self) -> LuaResult<()> {
        self.table("redis", &bridge::FUNCTIONS)?;
        let redis = self.named("redis");
        for (name, value) in bridge::CONSTANTS {
            self.field(redis, name, Val::Num(value))?;
        }
        let version = text(&mut self.lua, crate::commands::info::REDIS_VERSION.as_bytes());
        self.field(redis, "REDIS_VERSION", version)?;
        self.table("cjson", &[("encode", json_encode::encode), ("decode", json_decode::decode)])?;
        self.table("bit", &bit::FUNCTIONS)?;
        self.table(
            "cmsgpack",
            &[
                ("pack", msgpack_encode::pack),
                ("unpack", msgpack_decode::unpack),
                ("unpack_one", msgpack_decode::unpack_one),
                ("unpack_limit", msgpack_decode::unpack_limit),
            ],
        )?;
        let cjson = self.named("cjson");
        self.field(cjson, "null", super::convert::NULL)?;
        for (table, functions) in library::FUNCTIONS {
            let table = if table == "_G" { self.globals } else { self.named(table) };
            self.functions(table, functions)?;
        }
        let hook = self.function("hook", watch::hook);
        let state = self.lua.state_mut();
        state.hook.hook_func = hook;
        state.hook.hook_mask = MASK_COUNT;
        state.call_depth = CALL_DEPTH;
        state.gc.set_alloc_limit(HARD_LIMIT);
        // The watch decides when to collect.
        state.gc.gc_state.gc_threshold = usize::MAX;
        self.anchor_hook(hook)
    }

    fn anchor_hook(&mut self, hook: Val) -> LuaResult<()> {
        let registry = Table::from_gc_ref(self.lua.state().registry);
        let name = text(&mut self.lua, b"pocket-redis hook");
        set(self.lua.state_mut(), registry, name, hook)
    }

    /// A table of functions, as a global.
    fn table(&mut self, name: &str, functions: &[(&str, RustFn)]) -> LuaResult<()> {
        let table = self.lua.create_table();
        self.field(self.globals, name, Val::Table(table.gc_ref()))?;
        self.functions(table, functions)
    }

    fn functions(&mut self, table: Table, functions: &[(&str, RustFn)]) -> LuaResult<()> {
        for (name, function) in functions {
            let function = self.function(name, *function);
            self.field(table, name, function)?;
        }
        Ok(())
    }

    /// A function that can reach what is lent.
    fn function(&mut self, name: &str, function: RustFn) -> Val {
        let mut closure = RustClosure::new(function, name);
        closure.upvalues.push(Val::Userdata(self.lent.gc_ref()));
        Val::Function(self.lua.state_mut().gc.alloc_closure(Closure::Rust(closure)))
    }

    fn named(&mut self, name: &str) -> Table {
        match self.lua.get_global_val(name) {
            Val::Table(table) => Table::from_gc_ref(table),
            _ => self.lua.create_table(),
        }
    }

    fn field(&mut self, table: Table, name: &str, value: Val) -> LuaResult<()> {
        let name = text(&mut self.lua, name.as_bytes());
        set(self.lua.state_mut(), table, name, value)
    }

    fn guard_all(&mut self) -> LuaResult<()> {
        // The metatable of strings leads to the string library: it must not be handed out.
        let strings = self.lua.state().gc.type_metatables;
        for metatable in strings.into_iter().flatten() {
            self.field(Table::from_gc_ref(metatable), "__metatable", Val::Bool(false))?;
        }
        for name in ["redis", "cjson", "cmsgpack", "bit", "string", "table", "math"] {
            let guard = self.named(name);
            let guard = self.guard(guard)?;
            self.field(self.globals, name, Val::Table(guard.gc_ref()))?;
        }
        let missing = self.lua.create_table();
        let function = self.function("__index", no_such_global);
        self.field(missing, "__index", function)?;
        self.globals.set_metatable(self.lua.state_mut(), Some(missing))?;
        let guard = self.guard(self.globals)?;
        self.field(self.globals, "_G", Val::Table(guard.gc_ref()))?;
        self.lua.state_mut().global = guard.gc_ref();
        Ok(())
    }

    fn guard(&mut self, real: Table) -> LuaResult<Table> {
        let (guard, metatable) = (self.lua.create_table(), self.lua.create_table());
        let refuse = self.function("__newindex", read_only);
        self.field(metatable, "__index", Val::Table(real.gc_ref()))?;
        self.field(metatable, "__newindex", refuse)?;
        self.field(metatable, "__metatable", Val::Bool(false))?;
        guard.set_metatable(self.lua.state_mut(), Some(metatable))?;
        Ok(guard)
    }
}

/// Sets a field, and tells the collector, which may have seen the table already, what it cost.
pub(super) fn set(state: &mut LuaState, table: Table, key: Val, value: Val) -> LuaResult<()> {
    let size = |state: &LuaState| {
        state.gc.tables.get(table.gc_ref()).map_or(0, rilua::vm::table::Table::estimated_memory)
    };
    let before = size(state);
    table.raw_set(state, key, value)?;
    let grown = size(state).saturating_sub(before);
    state.gc.gc_state.track_alloc(grown);
    state.gc.barrier_back(table.gc_ref());
    Ok(())
}

/// An argument of the running function, counted from zero.
pub(super) fn argument(state: &LuaState, place: usize) -> Val {
    let at = state.base + place;
    if at < state.top { state.stack_get(at) } else { Val::Nil }
}

const READ_ONLY: &str = "Attempt to modify a readonly table";

fn read_only(_state: &mut LuaState) -> LuaResult<u32> {
    Err(runtime_error(READ_ONLY))
}

fn no_such_global(state: &mut LuaState) -> LuaResult<u32> {
    let name = match argument(state, 1) {
        Val::Str(name) => state.gc.string_arena.get(name).map(|name| name.data().to_vec()),
        _ => None,
    };
    let name = String::from_utf8_lossy(name.as_deref().unwrap_or(b"?")).into_owned();
    let text = if IN_REDIS_ONLY.contains(&name.as_str()) {
        format!("'{name}' is not in the built-in broker's Lua: start a redis-server instead")
    } else {
        format!("Script attempted to access nonexistent global variable '{name}'")
    };
    Err(runtime_error(text))
}

/// `rawset`, which must not reach behind a guard.
pub(super) fn raw_set(state: &mut LuaState) -> LuaResult<u32> {
    let Val::Table(table) = argument(state, 0) else {
        return Err(state.type_error(1, "table"));
    };
    let (key, value) = (argument(state, 1), argument(state, 2));
    let metatable = state.gc.tables.get(table).and_then(rilua::vm::table::Table::metatable);
    let mark = Val::Str(state.gc.intern_string(b"__metatable"));
    if let Some(metatable) = metatable
        && let Val::Bool(false) = Table::from_gc_ref(metatable).raw_get(state, mark)?
    {
        return Err(runtime_error(READ_ONLY));
    }
    set(state, Table::from_gc_ref(table), key, value)?;
    state.push(Val::Table(table));
    Ok(1)
}
