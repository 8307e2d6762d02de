//! What the steps of Lab 3 share.

pub mod feedback;
pub mod form;
pub mod mail;
mod page;
pub mod printable;
