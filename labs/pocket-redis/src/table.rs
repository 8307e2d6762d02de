//! The one table of commands.
//!
//! Subcommands are in `subcommands.rs`.
//!
//! A line says: name, arity (as COMMAND INFO counts), flags, keys (first, last, step), function.
//! A test compares names, arities and keys with what a real redis-server tells about itself.

use crate::call::{Call, Outcome};
use crate::command::{
    ADMIN, AT_ONCE, BLOCKING, Command, FAST, Flags, Keys, NO_MULTI, NO_SCRIPT, PUBSUB, READ,
    SUBSCRIBER, UNSEEN, WRITE,
};
use crate::commands::{
    about, counters, draws, expiry, hashes, info, keys, keyspace, list_moves, list_wait, lists,
    pubsub, ranges, scan, scripts, session, set, set_ops, sets, sort, strings, transactions,
    zset_add, zset_ops, zset_pops, zset_wait, zsets,
};
use crate::subcommands::{
    CLIENT, COMMAND, CONFIG, LATENCY, MEMORY, MODULE, OBJECT, PUBSUB_INFO, SCRIPT, SLOWLOG,
};

pub(crate) const fn c(
    name: &'static str,
    arity: i64,
    flags: Flags,
    keys: Keys,
    run: fn(&mut Call<'_>) -> Outcome,
) -> Command {
    Command { name, arity, flags, keys, run, subcommands: &[] }
}

const fn parent(name: &'static str, arity: i64, flags: Flags, subs: &'static [Command]) -> Command {
    Command { name, arity, flags, keys: NONE, run: about::bare, subcommands: subs }
}

pub(crate) const NONE: Keys = (0, 0, 0);
const ONE: Keys = (1, 1, 1);
const TWO: Keys = (1, 2, 1);
const ALL: Keys = (1, -1, 1);
/// All but the last argument, which is a timeout.
const MOST: Keys = (1, -2, 1);
/// Keys and values in turn.
const PAIRS: Keys = (1, -1, 2);

const RF: Flags = READ | FAST;
const WF: Flags = WRITE | FAST;

/// What a redis-server 7.0 has beyond that: streams, bits, HyperLogLog, places, cluster, and the
/// like.
pub(crate) const ELSEWHERE: [&str; 6] = [
    "xack xadd xautoclaim xclaim xdel xgroup xinfo xlen xpending xrange xread xreadgroup xrevrange \
     xsetid xtrim",
    "bitcount bitfield bitfield_ro bitop bitpos getbit setbit lcs pfadd pfcount pfdebug pfmerge \
     pfselftest",
    "geoadd geodist geohash geopos georadius georadius_ro georadiusbymember georadiusbymember_ro \
     geosearch geosearchstore",
    "acl asking cluster readonly readwrite spublish ssubscribe sunsubscribe",
    "dump restore restore-asking migrate failover function fcall fcall_ro",
    "psync replconf sync",
];

/// Everything this server knows.
pub(crate) static COMMANDS: &[Command] = &[
    // Strings
    c("append", 3, WF, ONE, strings::append),
    c("decr", 2, WF, ONE, counters::decr),
    c("decrby", 3, WF, ONE, counters::decrby),
    c("get", 2, RF, ONE, strings::get),
    c("getdel", 2, WF, ONE, strings::getdel),
    c("getex", -2, WF, ONE, set::getex),
    c("getrange", 4, READ, ONE, strings::getrange),
    c("getset", 3, WF, ONE, strings::getset),
    c("incr", 2, WF, ONE, counters::incr),
    c("incrby", 3, WF, ONE, counters::incrby),
    c("incrbyfloat", 3, WF, ONE, counters::incrbyfloat),
    c("mget", -2, RF, ALL, strings::mget),
    c("mset", -3, WRITE, PAIRS, strings::mset),
    c("msetnx", -3, WRITE, PAIRS, strings::msetnx),
    c("psetex", 4, WRITE, ONE, set::psetex),
    c("set", -3, WRITE, ONE, set::set),
    c("setex", 4, WRITE, ONE, set::setex),
    c("setnx", 3, WF, ONE, set::setnx),
    c("setrange", 4, WRITE, ONE, strings::setrange),
    c("strlen", 2, RF, ONE, strings::strlen),
    c("substr", 4, READ, ONE, strings::getrange),
    // Lists
    c("blmove", 6, WRITE | NO_SCRIPT | BLOCKING, TWO, list_wait::blmove),
    c("blmpop", -5, WRITE | BLOCKING, NONE, list_wait::blmpop),
    c("blpop", -3, WRITE | NO_SCRIPT | BLOCKING, MOST, list_wait::blpop),
    c("brpop", -3, WRITE | NO_SCRIPT | BLOCKING, MOST, list_wait::brpop),
    c("brpoplpush", 4, WRITE | NO_SCRIPT | BLOCKING, TWO, list_wait::brpoplpush),
    c("lindex", 3, READ, ONE, lists::lindex),
    c("linsert", 5, WRITE, ONE, lists::linsert),
    c("llen", 2, RF, ONE, lists::llen),
    c("lmove", 5, WRITE, TWO, list_moves::lmove),
    c("lmpop", -4, WRITE, NONE, list_moves::lmpop),
    c("lpop", -2, WF, ONE, lists::lpop),
    c("lpos", -3, READ, ONE, list_moves::lpos),
    c("lpush", -3, WF, ONE, lists::lpush),
    c("lpushx", -3, WF, ONE, lists::lpushx),
    c("lrange", 4, READ, ONE, lists::lrange),
    c("lrem", 4, WRITE, ONE, lists::lrem),
    c("lset", 4, WRITE, ONE, lists::lset),
    c("ltrim", 4, WRITE, ONE, lists::ltrim),
    c("rpop", -2, WF, ONE, lists::rpop),
    c("rpoplpush", 3, WRITE, TWO, list_moves::rpoplpush),
    c("rpush", -3, WF, ONE, lists::rpush),
    c("rpushx", -3, WF, ONE, lists::rpushx),
    // Hashes
    c("hdel", -3, WF, ONE, hashes::hdel),
    c("hexists", 3, RF, ONE, hashes::hexists),
    c("hget", 3, RF, ONE, hashes::hget),
    c("hgetall", 2, READ, ONE, hashes::hgetall),
    c("hincrby", 4, WF, ONE, hashes::hincrby),
    c("hincrbyfloat", 4, WF, ONE, hashes::hincrbyfloat),
    c("hkeys", 2, READ, ONE, hashes::hkeys),
    c("hlen", 2, RF, ONE, hashes::hlen),
    c("hmget", -3, RF, ONE, hashes::hmget),
    c("hmset", -4, WF, ONE, hashes::hmset),
    c("hrandfield", -2, READ, ONE, draws::hrandfield),
    c("hscan", -3, READ, ONE, scan::hscan),
    c("hset", -4, WF, ONE, hashes::hset),
    c("hsetnx", 4, WF, ONE, hashes::hsetnx),
    c("hstrlen", 3, RF, ONE, hashes::hstrlen),
    c("hvals", 2, READ, ONE, hashes::hvals),
    // Sets
    c("sadd", -3, WF, ONE, sets::sadd),
    c("scard", 2, RF, ONE, sets::scard),
    c("sdiff", -2, READ, ALL, set_ops::sdiff),
    c("sdiffstore", -3, WRITE, ALL, set_ops::sdiffstore),
    c("sinter", -2, READ, ALL, set_ops::sinter),
    c("sintercard", -3, READ, NONE, set_ops::sintercard),
    c("sinterstore", -3, WRITE, ALL, set_ops::sinterstore),
    c("sismember", 3, RF, ONE, sets::sismember),
    c("smembers", 2, READ, ONE, sets::smembers),
    c("smismember", -3, RF, ONE, sets::smismember),
    c("smove", 4, WF, TWO, sets::smove),
    c("spop", -2, WF, ONE, draws::spop),
    c("srandmember", -2, READ, ONE, draws::srandmember),
    c("srem", -3, WF, ONE, sets::srem),
    c("sscan", -3, READ, ONE, scan::sscan),
    c("sunion", -2, READ, ALL, set_ops::sunion),
    c("sunionstore", -3, WRITE, ALL, set_ops::sunionstore),
    // Sorted sets
    c("bzmpop", -5, WRITE | BLOCKING, NONE, zset_wait::bzmpop),
    c("bzpopmax", -3, WF | NO_SCRIPT | BLOCKING, MOST, zset_wait::bzpopmax),
    c("bzpopmin", -3, WF | NO_SCRIPT | BLOCKING, MOST, zset_wait::bzpopmin),
    c("zadd", -4, WF, ONE, zset_add::zadd),
    c("zcard", 2, RF, ONE, zsets::zcard),
    c("zcount", 4, RF, ONE, ranges::zcount),
    c("zdiff", -3, READ, NONE, zset_ops::zdiff),
    c("zdiffstore", -4, WRITE, ONE, zset_ops::zdiffstore),
    c("zincrby", 4, WF, ONE, zset_add::zincrby),
    c("zinter", -3, READ, NONE, zset_ops::zinter),
    c("zintercard", -3, READ, NONE, zset_ops::zintercard),
    c("zinterstore", -4, WRITE, ONE, zset_ops::zinterstore),
    c("zlexcount", 4, RF, ONE, ranges::zlexcount),
    c("zmpop", -4, WRITE, NONE, zset_pops::zmpop),
    c("zmscore", -3, RF, ONE, zsets::zmscore),
    c("zpopmax", -2, WF, ONE, zset_pops::zpopmax),
    c("zpopmin", -2, WF, ONE, zset_pops::zpopmin),
    c("zrandmember", -2, READ, ONE, draws::zrandmember),
    c("zrange", -4, READ, ONE, ranges::zrange),
    c("zrangebylex", -4, READ, ONE, ranges::zrangebylex),
    c("zrangebyscore", -4, READ, ONE, ranges::zrangebyscore),
    c("zrangestore", -5, WRITE, TWO, ranges::zrangestore),
    c("zrank", 3, RF, ONE, zsets::zrank),
    c("zrem", -3, WF, ONE, zsets::zrem),
    c("zremrangebylex", 4, WRITE, ONE, ranges::zremrangebylex),
    c("zremrangebyrank", 4, WRITE, ONE, ranges::zremrangebyrank),
    c("zremrangebyscore", 4, WRITE, ONE, ranges::zremrangebyscore),
    c("zrevrange", -4, READ, ONE, ranges::zrevrange),
    c("zrevrangebylex", -4, READ, ONE, ranges::zrevrangebylex),
    c("zrevrangebyscore", -4, READ, ONE, ranges::zrevrangebyscore),
    c("zrevrank", 3, RF, ONE, zsets::zrevrank),
    c("zscan", -3, READ, ONE, scan::zscan),
    c("zscore", 3, RF, ONE, zsets::zscore),
    c("zunion", -3, READ, NONE, zset_ops::zunion),
    c("zunionstore", -4, WRITE, ONE, zset_ops::zunionstore),
    // Keys
    c("copy", -3, WRITE, TWO, keyspace::copy),
    c("dbsize", 1, RF, NONE, keys::dbsize),
    c("del", -2, WRITE, ALL, keys::del),
    c("exists", -2, RF, ALL, keys::exists),
    c("expire", -3, WF, ONE, expiry::expire),
    c("expireat", -3, WF, ONE, expiry::expireat),
    c("expiretime", 2, RF, ONE, expiry::expiretime),
    c("flushall", -1, WRITE, NONE, keyspace::flushall),
    c("flushdb", -1, WRITE, NONE, keyspace::flushdb),
    c("keys", 2, READ, NONE, keys::keys),
    c("move", 3, WF, ONE, keyspace::move_key),
    c("persist", 2, WF, ONE, expiry::persist),
    c("pexpire", -3, WF, ONE, expiry::pexpire),
    c("pexpireat", -3, WF, ONE, expiry::pexpireat),
    c("pexpiretime", 2, RF, ONE, expiry::pexpiretime),
    c("pttl", 2, RF, ONE, expiry::pttl),
    c("randomkey", 1, READ, NONE, draws::randomkey),
    c("rename", 3, WRITE, TWO, keyspace::rename),
    c("renamenx", 3, WF, TWO, keyspace::renamenx),
    c("scan", -2, READ, NONE, scan::scan),
    c("sort", -2, WRITE, ONE, sort::sort),
    c("sort_ro", -2, READ, ONE, sort::sort_ro),
    c("swapdb", 3, WF, NONE, keyspace::swapdb),
    c("touch", -2, RF, ALL, keys::exists),
    c("ttl", 2, RF, ONE, expiry::ttl),
    c("type", 2, RF, ONE, keys::type_of),
    c("unlink", -2, WF, ALL, keys::del),
    // Messages
    c("psubscribe", -2, PUBSUB | NO_SCRIPT | SUBSCRIBER, NONE, pubsub::psubscribe),
    c("publish", 3, PUBSUB | FAST, NONE, pubsub::publish),
    c("punsubscribe", -1, PUBSUB | NO_SCRIPT | SUBSCRIBER, NONE, pubsub::punsubscribe),
    c("subscribe", -2, PUBSUB | NO_SCRIPT | SUBSCRIBER, NONE, pubsub::subscribe),
    c("unsubscribe", -1, PUBSUB | NO_SCRIPT | SUBSCRIBER, NONE, pubsub::unsubscribe),
    // Transactions
    c("discard", 1, NO_SCRIPT | FAST | AT_ONCE, NONE, transactions::discard),
    c("exec", 1, NO_SCRIPT | AT_ONCE, NONE, transactions::exec),
    c("multi", 1, NO_SCRIPT | FAST | AT_ONCE, NONE, transactions::multi),
    c("unwatch", 1, NO_SCRIPT | FAST, NONE, transactions::unwatch),
    c("watch", -2, NO_SCRIPT | FAST | AT_ONCE, ALL, transactions::watch),
    // Scripts
    c("eval", -3, NO_SCRIPT | UNSEEN, NONE, scripts::eval),
    c("eval_ro", -3, NO_SCRIPT | UNSEEN | READ, NONE, scripts::eval_ro),
    c("evalsha", -3, NO_SCRIPT | UNSEEN, NONE, scripts::evalsha),
    c("evalsha_ro", -3, NO_SCRIPT | UNSEEN | READ, NONE, scripts::evalsha_ro),
    // Connection
    c("auth", -2, NO_SCRIPT | FAST, NONE, session::auth),
    c("echo", 2, FAST, NONE, session::echo),
    c("hello", -1, NO_SCRIPT | FAST, NONE, session::hello),
    c("ping", -1, FAST | SUBSCRIBER, NONE, session::ping),
    c("quit", -1, NO_SCRIPT | FAST | SUBSCRIBER | AT_ONCE, NONE, session::quit),
    c("reset", 1, NO_SCRIPT | FAST | SUBSCRIBER | AT_ONCE, NONE, session::reset),
    c("select", 2, FAST, NONE, session::select),
    // Server
    c("bgrewriteaof", 1, ADMIN | NO_SCRIPT, NONE, info::no_disk),
    c("bgsave", -1, ADMIN | NO_SCRIPT, NONE, info::no_disk),
    c("debug", -2, ADMIN | NO_SCRIPT, NONE, info::debug),
    c("info", -1, 0, NONE, info::info),
    c("lastsave", 1, FAST, NONE, info::lastsave),
    c("lolwut", -1, RF, NONE, info::lolwut),
    c("monitor", 1, ADMIN | NO_SCRIPT, NONE, info::monitor),
    c("replicaof", 3, ADMIN | NO_SCRIPT, NONE, info::replicaof),
    c("role", 1, NO_SCRIPT | FAST, NONE, info::role),
    c("save", 1, ADMIN | NO_SCRIPT | NO_MULTI, NONE, info::no_disk),
    c("shutdown", -1, ADMIN | NO_SCRIPT | NO_MULTI, NONE, info::shutdown),
    c("slaveof", 3, ADMIN | NO_SCRIPT, NONE, info::replicaof),
    c("time", 1, FAST, NONE, info::time),
    c("wait", 3, NO_SCRIPT | BLOCKING, NONE, info::wait),
    parent("client", -2, 0, CLIENT),
    Command { run: about::command, ..parent("command", -1, 0, COMMAND) },
    parent("config", -2, 0, CONFIG),
    parent("latency", -2, 0, LATENCY),
    parent("memory", -2, 0, MEMORY),
    parent("module", -2, 0, MODULE),
    parent("object", -2, 0, OBJECT),
    parent("pubsub", -2, 0, PUBSUB_INFO),
    parent("script", -2, 0, SCRIPT),
    parent("slowlog", -2, 0, SLOWLOG),
];
