//! The form as its visitors meet it: bytes over TCP, and a stand-in for what a valid form leads to.

mod attack_cases;
mod attacks;
mod leaving;
mod limits;
mod pages;
mod properties;
mod refusals;
mod streams;
mod submitting;
mod support;
mod visitors;
