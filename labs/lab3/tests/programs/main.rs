//! The programs as a student runs them: real processes, real sockets, what they print.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails loudly")]
#![cfg_attr(
    not(unix),
    allow(
        dead_code,
        unused_imports,
        reason = "what a Ctrl-C from outside must end is played on Unix only"
    )
)]

mod brokers;
mod docs;
#[cfg(unix)]
mod hostile;
mod kills;
mod live;
mod loopback;
#[path = "../../../taskqueue/tests/support/scripted.rs"]
#[allow(dead_code, reason = "the queue's own tests use the rest")]
mod scripted;
mod steps;
mod support;
mod tour;
mod transcript;
mod worker;
