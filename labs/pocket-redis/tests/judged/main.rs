//! Sequences whose judge is a real redis-server: equal replies, byte for byte, in RESP2 and RESP3.

#![allow(clippy::expect_used, reason = "a test that cannot go on says why, and ends")]

#[path = "../support/mod.rs"]
mod support;

mod cli;
mod families;
mod generated;
mod guards;
mod messages;
mod protocol;
mod silence;
mod table;
mod waiting;
