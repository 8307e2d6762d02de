//! A real Celery at the other end: its clients, its prefork worker and its threads worker.
//!
//! `scripts/celery.sh install` brings the Celery; without one these tests say `did not run`.
//! Every test has a database of its own in one redis-server, but for those which send to the two
//! shared Celery workers.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails loudly")]

#[path = "../support/mod.rs"]
mod support;

mod beat;
mod built_in;
mod canvas;
mod control;
mod events;
mod flower;
mod mixed;
mod ours;
mod process;
mod results;
mod routes;
mod stage;
mod to_celery;
mod to_ours;
mod urls;
