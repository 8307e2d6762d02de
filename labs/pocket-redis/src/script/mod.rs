//! Lua: scripts by their SHA1, compiled once, run with the world in their hands.
//!
//! A script has the whole server to itself, as in Redis. For its time the world is lent to the
//! interpreter (`bridge.rs`), whose functions can be given no reference to it, and taken back
//! afterwards, also when the script fails or the interpreter panics.
//!
//! Bounds: a script stops after `busy-reply-threshold` (5 s), at 128 MiB, at strings of 32 MiB, at
//! forty nested calls through `pcall` or metamethods, and its source has at most 64 KiB. The last
//! two protect the stack, which the interpreter uses generously in a debug build. Time and memory
//! are watched inside the library functions too (`watch.rs`, `library.rs`), and what a script held
//! is gone when it ends. The 128 MiB are by the interpreter's account of its values: the process may
//! grow by more than twice that meanwhile. Until then nobody else is served, as in Redis before it says BUSY.

mod bit;
mod bridge;
mod char_class;
mod convert;
mod format;
mod gsub;
mod json_decode;
mod json_encode;
mod json_token;
mod lent;
mod library;
mod limits;
mod math;
mod msgpack_decode;
mod msgpack_encode;
mod pattern;
mod printf;
mod quiet;
mod random;
mod run;
mod sandbox;
mod shebang;
mod strings;
mod tables;
mod watch;

use std::collections::HashMap;

use rilua::vm::closure::Closure;
use rilua::{Function, Lua, LuaApi, LuaApiMut, LuaResult, Val};

use crate::fault::Fault;
use crate::script::quiet::catch_quietly;
use crate::script::sandbox::Sandbox;
use crate::script::shebang::Shebang;

pub(crate) use random::Random;
pub(crate) use run::Request;

/// The longest source.
const MAX_SOURCE: usize = 64 * 1024;
/// Enough for the compiler, which descends with the nesting of the longest source.
const COMPILER_STACK: usize = 256 * 1024 * 1024;
/// What Redis calls the chunk; it stands in every error.
const CHUNK: &str = "@user_script";

/// The name of a script: forty hex digits.
pub(crate) fn sha1(source: &[u8]) -> String {
    sha1_smol::Sha1::from(source).digest().to_string()
}

/// A known script.
struct Script {
    source: Vec<u8>,
    /// `None` after the interpreter had to be replaced: compiled again when it is called.
    compiled: Option<Compiled>,
}

/// A script as the interpreter has it.
#[derive(Clone, Copy)]
struct Compiled {
    function: Function,
    /// See `watch::careful_above`.
    careful_above: usize,
}

/// The scripts that were loaded, and the interpreter that runs them.
#[derive(Default)]
pub(crate) struct Scripts {
    known: HashMap<String, Script>,
    sandbox: Option<Sandbox>,
}

impl Scripts {
    /// Whether a script of this name is known.
    pub(crate) fn knows(&self, sha: &str) -> bool {
        self.known.contains_key(sha)
    }

    /// Forgets all scripts.
    pub(crate) fn flush(&mut self) {
        *self = Self::default();
    }

    /// Compiles a script if it is new; gives its name.
    pub(crate) fn load(&mut self, source: &[u8]) -> Result<String, Fault> {
        let sha = sha1(source);
        if !self.knows(&sha) {
            let compiled = Some(self.compile(source)?);
            self.known.insert(sha.clone(), Script { source: source.to_vec(), compiled });
        }
        Ok(sha)
    }

    /// Whether a script may write, which its first line can rule out.
    fn may_write(&self, sha: &str, read_only: bool) -> Result<bool, Fault> {
        let script = self.known.get(sha).ok_or(Fault::NoScript)?;
        match Shebang::read(&script.source)?.writes {
            Some(true) if read_only => {
                Err("ERR Can not execute a script with write flag using *_ro command.".into())
            }
            writes => Ok(!read_only && writes != Some(false)),
        }
    }

    /// The compiled script.
    fn compiled(&mut self, sha: &str) -> Result<Compiled, Fault> {
        let script = self.known.get(sha).ok_or(Fault::NoScript)?;
        if let Some(compiled) = script.compiled {
            return Ok(compiled);
        }
        let source = script.source.clone();
        let compiled = self.compile(&source)?;
        if let Some(script) = self.known.get_mut(sha) {
            script.compiled = Some(compiled);
        }
        Ok(compiled)
    }

    fn compile(&mut self, source: &[u8]) -> Result<Compiled, Fault> {
        let complain =
            |text: &str| Fault::err(format!("Error compiling script (new function): {text}"));
        if source.len() > MAX_SOURCE {
            return Err(complain("the source is longer than 64 KiB"));
        }
        if source.first() == Some(&0x1b) {
            return Err(complain("bytecode is not accepted"));
        }
        let source = Shebang::read(source)?.source;
        let sandbox = self.sandbox()?;
        let function =
            compile_roomily(&mut sandbox.lua, source).map_err(|error| complain(&error))?;
        sandbox.keep(function).map_err(|error| complain(&error.to_string()))?;
        let closure = sandbox.lua.state().gc.closures.get(function.gc_ref());
        let lua = closure.and_then(Closure::as_lua);
        let careful_above = lua.map_or(0, |lua| watch::careful_above(&lua.proto));
        Ok(Compiled { function, careful_above })
    }

    fn sandbox(&mut self) -> Result<&mut Sandbox, Fault> {
        if self.sandbox.is_none() {
            let sandbox = Sandbox::new().map_err(|error| Fault::err(format!("Lua: {error}")))?;
            self.sandbox = Some(sandbox);
        }
        self.sandbox.as_mut().ok_or_else(|| Fault::err("Lua: no interpreter"))
    }

    /// After a panic nothing in the interpreter can be trusted; the sources can.
    fn replace_sandbox(&mut self) {
        self.sandbox = None;
        for script in self.known.values_mut() {
            script.compiled = None;
        }
    }
}

/// Compiles on a thread with a large stack: the compiler recurses with the depth of the source.
fn compile_roomily(lua: &mut Lua, source: &[u8]) -> Result<Function, String> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(COMPILER_STACK);
        let compile =
            move || catch_quietly(|| -> LuaResult<Function> { lua.load_bytes(source, CHUNK) });
        let handle = thread.spawn_scoped(scope, compile).map_err(|error| error.to_string())?;
        let compiled = handle.join().ok().flatten();
        compiled.ok_or("the compiler gave up")?.map_err(|error| error.to_string())
    })
}

/// A string in the interpreter.
fn text(lua: &mut impl LuaApiMut, bytes: &[u8]) -> Val {
    lua.create_string(bytes)
}
