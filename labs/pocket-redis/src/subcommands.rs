//! The subcommands of CLIENT, CONFIG and the like: lines as in `table.rs`.

use crate::command::{ADMIN, Command, NO_SCRIPT, PUBSUB, READ};
use crate::commands::{
    about, client_control, clients, command_keys, config, info, keys, pubsub, scripts, slowlog,
};
use crate::table::{NONE, c};

pub(crate) const CLIENT: &[Command] = &[
    c("getname", 2, NO_SCRIPT, NONE, clients::getname),
    c("getredir", 2, NO_SCRIPT, NONE, client_control::getredir),
    c("help", 2, 0, NONE, about::help),
    c("id", 2, NO_SCRIPT, NONE, clients::id),
    c("info", 2, NO_SCRIPT, NONE, clients::info),
    c("kill", -3, ADMIN | NO_SCRIPT, NONE, client_control::kill),
    c("list", -2, ADMIN | NO_SCRIPT, NONE, clients::list),
    c("no-evict", 3, ADMIN | NO_SCRIPT, NONE, client_control::no_evict),
    c("pause", -3, ADMIN | NO_SCRIPT, NONE, client_control::pause),
    c("reply", 3, NO_SCRIPT, NONE, client_control::reply),
    c("setname", 3, NO_SCRIPT, NONE, clients::setname),
    c("trackinginfo", 2, NO_SCRIPT, NONE, client_control::tracking_info),
    c("unblock", -3, ADMIN | NO_SCRIPT, NONE, client_control::unblock),
    c("unpause", 2, ADMIN | NO_SCRIPT, NONE, client_control::unpause),
];

pub(crate) const COMMAND: &[Command] = &[
    c("count", 2, 0, NONE, about::count),
    c("docs", -2, 0, NONE, about::docs),
    c("getkeys", -4, 0, NONE, command_keys::getkeys),
    c("help", 2, 0, NONE, about::help),
    c("info", -2, 0, NONE, about::command_info),
    c("list", -2, 0, NONE, about::list),
];

pub(crate) const CONFIG: &[Command] = &[
    c("get", -3, ADMIN | NO_SCRIPT, NONE, config::get),
    c("help", 2, 0, NONE, about::help),
    c("resetstat", 2, ADMIN | NO_SCRIPT, NONE, config::resetstat),
    c("rewrite", 2, ADMIN | NO_SCRIPT, NONE, config::rewrite),
    c("set", -4, ADMIN | NO_SCRIPT, NONE, config::set),
];

pub(crate) const LATENCY: &[Command] = &[
    c("help", 2, 0, NONE, about::help),
    c("history", 3, ADMIN | NO_SCRIPT, NONE, info::nothing),
    c("latest", 2, ADMIN | NO_SCRIPT, NONE, info::nothing),
    c("reset", -2, ADMIN | NO_SCRIPT, NONE, info::zero),
];

pub(crate) const MEMORY: &[Command] = &[
    c("doctor", 2, 0, NONE, info::memory_doctor),
    c("help", 2, 0, NONE, about::help),
    c("purge", 2, 0, NONE, info::ok),
    c("stats", 2, 0, NONE, info::memory_stats),
    c("usage", -3, READ, (2, 2, 1), keys::memory_usage),
];

pub(crate) const MODULE: &[Command] =
    &[c("help", 2, 0, NONE, about::help), c("list", 2, ADMIN | NO_SCRIPT, NONE, info::nothing)];

pub(crate) const OBJECT: &[Command] = &[
    c("encoding", 3, READ, (2, 2, 1), keys::object_encoding),
    c("freq", 3, READ, (2, 2, 1), keys::object_freq),
    c("help", 2, 0, NONE, about::help),
    c("idletime", 3, READ, (2, 2, 1), keys::object_idletime),
    c("refcount", 3, READ, (2, 2, 1), keys::object_refcount),
];

pub(crate) const PUBSUB_INFO: &[Command] = &[
    c("channels", -2, PUBSUB, NONE, pubsub::channels),
    c("help", 2, 0, NONE, about::help),
    c("numpat", 2, PUBSUB, NONE, pubsub::numpat),
    c("numsub", -2, PUBSUB, NONE, pubsub::numsub),
];

pub(crate) const SCRIPT: &[Command] = &[
    c("exists", -3, NO_SCRIPT, NONE, scripts::exists),
    c("flush", -2, NO_SCRIPT, NONE, scripts::flush),
    c("help", 2, 0, NONE, about::help),
    c("kill", 2, NO_SCRIPT, NONE, scripts::kill),
    c("load", 3, NO_SCRIPT, NONE, scripts::load),
];

pub(crate) const SLOWLOG: &[Command] = &[
    c("get", -2, ADMIN, NONE, slowlog::get),
    c("help", 2, 0, NONE, about::help),
    c("len", 2, ADMIN, NONE, slowlog::len),
    c("reset", 2, ADMIN, NONE, slowlog::reset),
];
