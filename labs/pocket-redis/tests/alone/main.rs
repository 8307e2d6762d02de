//! What can be claimed without a real redis-server: the promises that are this server's own, and
//! enough of the rest that the crate is tested on a bare machine too.

#![allow(clippy::expect_used, reason = "a test that cannot go on says why, and ends")]

#[path = "../support/mod.rs"]
mod support;

mod about;
mod bounds;
mod guards;
mod life;
mod mutations;
mod script_limits;
mod scripts;
mod waiting;
