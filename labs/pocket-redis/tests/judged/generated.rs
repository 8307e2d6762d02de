//! Generated: sequences drawn from a grammar, with a fixed seed so that a failure comes again.
//!
//! The keys are few, so that commands meet keys of every kind; the arguments are taken from what
//! is worth a doubt: ends of ranges, numbers that are none, options that do not fit.

use std::cell::RefCell;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use crate::support::script::Both;

/// Templates: `K` a key, `V` a value, `F` a field or member, `I` an integer, `N` a score.
/// The mark in front is that of `support/script.rs`.
const TEMPLATES: &[&str] = &[
    "SET K V",
    "SET K V NX GET",
    "SET K V XX",
    "SET K V EX I",
    "SET K V KEEPTTL",
    "GET K",
    "GETSET K V",
    "GETDEL K",
    "GETEX K PERSIST",
    "APPEND K V",
    "STRLEN K",
    "GETRANGE K I I",
    "SETRANGE K I V",
    "INCR K",
    "DECRBY K I",
    "INCRBY K I",
    "MGET K K K",
    "MSETNX K V K V",
    "LPUSH K V",
    "RPUSH K V V V",
    "LPUSHX K V",
    "LPOP K",
    "RPOP K I",
    "LLEN K",
    "LRANGE K I I",
    "LINDEX K I",
    "LSET K I V",
    "LREM K I V",
    "LTRIM K I I",
    "LINSERT K BEFORE V V",
    "LINSERT K AFTER V V",
    "LPOS K V RANK I",
    "LPOS K V COUNT I",
    "LPOS K V RANK I COUNT I MAXLEN I",
    "LMOVE K K LEFT RIGHT",
    "LMOVE K K RIGHT RIGHT",
    "RPOPLPUSH K K",
    "LMPOP 2 K K LEFT COUNT I",
    "LMPOP I K K RIGHT",
    "HSET K F V",
    "HSET K F V F V",
    "HSETNX K F V",
    "HGET K F",
    "HMGET K F F",
    "%HGETALL K",
    "HDEL K F F",
    "HLEN K",
    "HEXISTS K F",
    "~HKEYS K",
    "~HVALS K",
    "HSTRLEN K F",
    "HINCRBY K F I",
    "SADD K F F",
    "SREM K F",
    "~SMEMBERS K",
    "SISMEMBER K F",
    "SMISMEMBER K F F",
    "SCARD K",
    "SMOVE K K F",
    "~SUNION K K",
    "~SINTER K K",
    "~SDIFF K K",
    "ZADD K N F",
    "ZADD K N F N F",
    "ZADD K NX CH N F",
    "ZADD K XX CH N F",
    "ZADD K GT N F",
    "ZADD K LT CH N F",
    "ZADD K INCR N F",
    "ZADD K GT INCR N F",
    "ZREM K F F",
    "ZCARD K",
    "ZSCORE K F",
    "ZMSCORE K F F",
    "ZRANK K F",
    "ZREVRANK K F",
    "ZINCRBY K N F",
    "ZCOUNT K N N",
    "ZCOUNT K (N +inf",
    "ZRANGE K I I",
    "ZRANGE K I I REV WITHSCORES",
    "ZRANGE K N N BYSCORE LIMIT I I",
    "ZRANGE K N (N BYSCORE REV WITHSCORES",
    "ZRANGEBYSCORE K -inf N WITHSCORES",
    "ZREVRANGEBYSCORE K +inf N LIMIT I I",
    "ZREVRANGE K I I WITHSCORES",
    "ZREMRANGEBYSCORE K N N",
    "ZREMRANGEBYRANK K I I",
    "ZPOPMIN K",
    "ZPOPMAX K I",
    // Only where all scores are the same: elsewhere a skip list answers by chance.
    "ZADD names 0 F 0 F",
    "ZRANGE names [F [F BYLEX",
    "ZRANGE names [F [F BYLEX REV",
    "ZLEXCOUNT names [F [F",
    "ZREMRANGEBYLEX names [F [F",
    "ZRANGESTORE K K I I",
    "ZRANGESTORE K K N N BYSCORE REV",
    "~SUNIONSTORE K K K",
    "SINTERSTORE K K K",
    "SDIFFSTORE K K K",
    "SINTERCARD 2 K K LIMIT I",
    "ZUNION 2 K K WITHSCORES",
    "ZUNION I K K AGGREGATE MAX",
    "ZUNIONSTORE K 2 K K WEIGHTS N N",
    "ZINTER 2 K K WITHSCORES",
    "ZINTERSTORE K 2 K K AGGREGATE MIN",
    "ZDIFF 2 K K WITHSCORES",
    "ZDIFFSTORE K 2 K K",
    "ZINTERCARD 2 K K LIMIT I",
    "ZMPOP 2 K K MIN COUNT I",
    "ZMPOP 1 K MAX",
    "SORT K ALPHA",
    "SORT K DESC LIMIT I I",
    "?SORT K BY K* GET # GET K ALPHA",
    "SORT K BY nosort STORE K",
    "MOVE K 0",
    "HRANDFIELD K 0 WITHVALUES",
    "ZRANDMEMBER K I X",
    "DEL K",
    "EXISTS K K",
    "TYPE K",
    "OBJECT ENCODING K",
    "RENAME K K",
    "RENAMENX K K",
    "COPY K K",
    "COPY K K REPLACE",
    "EXPIRE K 100",
    "EXPIREAT K 99999999999 LT",
    "EXPIREAT K 99999999990 GT",
    "EXPIRE K I NX",
    "TTL K",
    "PERSIST K",
    "DBSIZE",
    "~KEYS *",
    "EVAL \"return redis.call('type', KEYS[1])\" 1 K",
    "EVAL \"return {redis.pcall('incr', KEYS[1]), redis.call('exists', KEYS[1])}\" 1 K",
    "EVAL \"return redis.call('lrange', KEYS[1], 0, -1)\" 1 K",
    "EVAL \"return redis.call('zscore', KEYS[1], ARGV[1])\" 1 K F",
];

const KEYS: &[&str] = &["k1", "k2", "k3", "k4"];
const VALUES: &[&str] =
    &["a", "b", "1", "-7", "3.5", "\"\"", "\"two words\"", "9223372036854775807"];
const FIELDS: &[&str] = &["a", "b", "c", "1"];
const INTEGERS: &[&str] =
    &["0", "1", "2", "-1", "-2", "5", "100", "-100", "x", "1.5", "-9223372036854775808"];
const SCORES: &[&str] = &["0", "1", "1.5", "-2", "0.1", "inf", "-inf", "1e10", "x", "3"];

fn line() -> impl Strategy<Value = String> {
    let template = prop::sample::select(TEMPLATES);
    (template, prop::collection::vec(any::<prop::sample::Index>(), 8)).prop_map(
        |(template, picks)| {
            let mut picks = picks.into_iter();
            let mut pick = |from: &[&'static str]| match picks.next() {
                Some(index) => *index.get(from),
                None => from[0],
            };
            let words = template.split(' ').map(|word| match word {
                "K" => pick(KEYS).to_owned(),
                "V" => pick(VALUES).to_owned(),
                "F" => pick(FIELDS).to_owned(),
                "[F" => format!("[{}", pick(FIELDS)),
                "I" => pick(INTEGERS).to_owned(),
                "N" => pick(SCORES).to_owned(),
                "K*" => format!("{}*", pick(KEYS)),
                "(N" => format!("({}", pick(SCORES)),
                word => word.to_owned(),
            });
            words.collect::<Vec<_>>().join(" ")
        },
    )
}

fn judge_generated(test: &str, protocol: &str) {
    let Some(both) = Both::start(test) else {
        return;
    };
    let both = RefCell::new(both);
    let config = Config {
        cases: 600,
        failure_persistence: None,
        max_shrink_iters: 2_000,
        ..Config::default()
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let outcome = runner.run(&prop::collection::vec(line(), 1..120), |lines| {
        let mut both = both.borrow_mut();
        both.begin(protocol);
        for line in &lines {
            both.compare(line).map_err(TestCaseError::fail)?;
        }
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

#[test]
fn generated_sequences_answer_as_redis_in_resp2() {
    judge_generated("generated_sequences_answer_as_redis_in_resp2", "2");
}

#[test]
fn generated_sequences_answer_as_redis_in_resp3() {
    judge_generated("generated_sequences_answer_as_redis_in_resp3", "3");
}
