//! What plays each row of the table.

pub(crate) mod network;
pub(crate) mod odd;
pub(crate) mod redis;
pub(crate) mod time;
pub(crate) mod workers;
