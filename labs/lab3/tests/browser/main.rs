//! The pages in a real Chromium, as a visitor sees them.
//!
//! How to write such a test, in a module of its own, one for each topic:
//!
//! ```text
//! #[test]
//! fn the_form_has_a_heading() {
//!     let Some(tab) = Tab::open("the form has a heading") else { return };
//!     let form = step2(&["--work", "0s"]);
//!     tab.visit(&form.url());
//!     assert_eq!(tab.text("h1"), "How are we doing?");
//! }
//! ```
//!
//! - One browser is shared by all tests that run at the time, and one test has it at a time:
//!   [`Tab::open`](tab::Tab::open) waits for its turn, and brings a tab in a fresh state. It is
//!   `None` on a machine without a browser; it has said so then, or failed where `CI` is set.
//! - When the tab is closed the test fails if the page wrote an error to the console, or asked for
//!   anything that is not on this machine. A status of 400 and above counts as an error in the
//!   console; a test that wants one says so by [`Tab::expect_status`](tab::Tab::expect_status).
//! - A page that listens to a stream must be closed before its program, by `drop(tab)`: a connection
//!   that breaks off is an error in the console.
//! - While a page is about to be left, as in step 2, the driver hears nothing from it.
//! - Nothing here sleeps: [`Tab::until`](tab::Tab::until) asks the page until it is so.
//! - [`looks::check`] is for every page there is: no violation that axe-core knows, nothing wider
//!   than the window, in light and dark, on a projector and on a phone, with screenshots of each in
//!   `target/screenshots`.
//!
//! The browser and axe-core come by `scripts/install-browser.sh`. Where the driver's process group
//! can't be ended as a whole (Windows) nothing of this is built.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails loudly")]

mod driver;
mod form;
mod forward;
mod harness;
mod looks;
mod many;
mod programs;
#[path = "../programs/support.rs"]
#[allow(dead_code, reason = "the programs' tests use the rest")]
mod support;
mod tab;
mod task;
mod view;
mod visit;
