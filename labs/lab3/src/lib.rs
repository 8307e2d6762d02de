//! What the steps of Lab 3 share.

pub mod broker;
pub mod chart;
pub mod clock;
pub mod digest;
pub mod doctor;
pub mod examine;
pub mod exposure;
pub mod feedback;
pub mod form;
pub mod handout;
pub mod interrupt;
pub mod loopback;
pub mod mail;
pub mod monitor;
pub mod narration;
mod page;
pub mod printable;
pub mod progress;
pub mod scenario;
pub mod settings;
pub mod shell;
pub mod slow_mail;
pub mod smtp_server;
pub mod system;
pub mod tasks;
pub mod tour;
pub mod visitor;
