//! What the tests share: the server under test, a real redis-server as the judge, and a client
//! that shows replies as they are on the wire.

#![allow(dead_code, reason = "each test program uses its part")]

pub(crate) mod judge;
pub(crate) mod pocket;
pub(crate) mod script;
pub(crate) mod wire;
