//! The commands, a file a family. Each function takes a [`Call`](crate::call::Call) and gives a
//! reply or a fault; which name leads to which function stands in `table.rs`.

pub(crate) mod about;
pub(crate) mod client_control;
pub(crate) mod clients;
pub(crate) mod command_keys;
pub(crate) mod config;
pub(crate) mod counters;
pub(crate) mod draws;
pub(crate) mod expiry;
pub(crate) mod hashes;
pub(crate) mod info;
pub(crate) mod keys;
pub(crate) mod keyspace;
pub(crate) mod list_moves;
pub(crate) mod list_wait;
pub(crate) mod lists;
pub(crate) mod name_range;
pub(crate) mod pubsub;
pub(crate) mod ranges;
pub(crate) mod scan;
pub(crate) mod scripts;
pub(crate) mod session;
pub(crate) mod set;
pub(crate) mod set_ops;
pub(crate) mod sets;
pub(crate) mod slowlog;
pub(crate) mod sort;
pub(crate) mod strings;
pub(crate) mod transactions;
pub(crate) mod zset_add;
pub(crate) mod zset_ops;
pub(crate) mod zset_pops;
pub(crate) mod zset_wait;
pub(crate) mod zsets;
