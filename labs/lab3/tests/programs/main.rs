//! The programs as a student runs them: real processes, real sockets, what they print.

mod kills;
mod steps;
mod support;
mod tour;
