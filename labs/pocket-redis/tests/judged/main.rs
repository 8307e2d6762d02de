//! Sequences whose judge is a real redis-server: equal replies, byte for byte, in RESP2 and RESP3.

#[path = "../support/mod.rs"]
mod support;

mod cli;
mod families;
mod generated;
mod messages;
mod protocol;
mod table;
mod waiting;
