//! By hand: what each family of commands does, and how it refuses.

use crate::support::script::judge_lines;

#[test]
fn strings_answer_as_redis() {
    judge_lines(
        "strings_answer_as_redis",
        r#"
        SET a 1
        GET a
        SET a 2 NX
        SET a 2 XX GET
        SET n x NX GET
        SET n y NX GET
        SET b v EX 100
        TTL b
        SET b w KEEPTTL
        TTL b
        SET b w EX 0
        SET b w EX -1
        SET b w EX x
        SET b w PX 9223372036854775807
        SET b w EX 9223372036854775807
        SET b w EX 10 PX 10
        SET b w EX 10 KEEPTTL
        SET b w KEEPTTL EX 10
        SET b w NX XX
        SET b w EX
        SET b w NOPE
        SET b w EXAT 1
        GET b
        SET b w PXAT 99999999999999
        PEXPIRETIME b
        EXPIRETIME b
        SETEX c 100 v
        SETEX c 0 v
        SETEX c -5 v
        SETEX c x v
        PSETEX c 100000 v
        PSETEX c 0 v
        SETNX c 1
        SETNX d 1
        GETSET d 2
        GETSET nosuch 2
        GETDEL d
        GETDEL d
        GETEX c
        GETEX c PERSIST
        TTL c
        GETEX c EX 50
        TTL c
        GETEX c EX 0
        GETEX c PERSIST EX 10
        GETEX c EX 10 PERSIST
        GETEX c NX
        GETEX nosuch EX 0
        GETEX c EXAT 1
        GET c
        MSET x 1 y 2
        MSET x 1 y
        MSETNX x 1 q 2
        MSETNX p 1 q 2
        MGET x y nosuch
        LPUSH list a
        MGET x list
        APPEND x 23
        APPEND new hello
        STRLEN x
        STRLEN nosuch
        GETRANGE new 0 -1
        GETRANGE new 1 3
        GETRANGE new -3 -1
        GETRANGE new -1 -3
        GETRANGE new 5 9
        GETRANGE new 3 1
        GETRANGE new x 1
        GETRANGE nosuch 0 -1
        SUBSTR new 0 1
        SETRANGE new 1 EY
        GET new
        SETRANGE new 8 z
        GET new
        SETRANGE new -1 z
        SETRANGE nosuch2 0 ""
        SETRANGE new x z
        SETRANGE new 536870912 z
        SET list 5 GET
        GET list
        APPEND list x
        STRLEN list
        GETDEL list
        GETEX list
        SET list v
        GET list
    "#,
    );
}

#[test]
fn counters_answer_as_redis() {
    judge_lines(
        "counters_answer_as_redis",
        r#"
        INCR a
        INCRBY a 41
        DECR a
        DECRBY a 10
        INCRBY a x
        INCRBY a 1.5
        INCRBY a " 1"
        SET a 9223372036854775807
        INCR a
        DECRBY a -9223372036854775808
        SET a -9223372036854775808
        DECR a
        SET a 01
        INCR a
        SET a abc
        INCR a
        SET a ""
        INCR a
        RPUSH l x
        INCR l
        INCRBYFLOAT f 10.5
        INCRBYFLOAT f 0.1
        INCRBYFLOAT f -5
        INCRBYFLOAT f 2.0e1
        INCRBYFLOAT f x
        INCRBYFLOAT f inf
        INCRBYFLOAT f nan
        INCRBYFLOAT l 1
        INCRBYFLOAT a 1
        SET g 3.0
        INCRBYFLOAT g 0
        SET g 1.23456789012345678
        INCRBYFLOAT g 0
        INCRBYFLOAT h 5.0e3
        INCRBYFLOAT h 200
        INCRBYFLOAT h2 0.00000000000000001
        INCRBYFLOAT z -0.5
        INCRBYFLOAT z 0.5
        EXPIRE f 100
        INCRBYFLOAT f 1
        TTL f
        INCR
        INCR a b
        incrby a
    "#,
    );
}

#[test]
fn lists_answer_as_redis() {
    judge_lines(
        "lists_answer_as_redis",
        r#"
        RPUSH l a b c d
        LPUSH l z
        LRANGE l 0 -1
        LRANGE l -100 100
        LRANGE l 3 1
        LRANGE l x 1
        LRANGE nosuch 0 -1
        LLEN l
        LLEN nosuch
        LINDEX l 0
        LINDEX l -1
        LINDEX l 99
        LINDEX l x
        LINDEX nosuch x
        LSET l 1 A
        LSET l 99 A
        LSET l x A
        LSET nosuch 0 A
        LINSERT l BEFORE c X
        LINSERT l AFTER c Y
        LINSERT l AFTER nosuch Y
        LINSERT nosuch AFTER c Y
        LINSERT l WHERE c Y
        RPUSH r a b a c a d a
        LPOS r a
        LPOS r a RANK 2
        LPOS r a RANK -1
        LPOS r a COUNT 0
        LPOS r a COUNT 2 RANK -1
        LPOS r a MAXLEN 1
        LPOS r c MAXLEN 2
        LPOS r c MAXLEN 2 COUNT 0
        LPOS r a RANK 0
        LPOS r a RANK x
        LPOS r a COUNT -1
        LPOS r a COUNT x
        LPOS r a MAXLEN -1
        LPOS r a RANK -9223372036854775808
        LPOS r a RANK
        LPOS r a NOPE 1
        LPOS nosuch a
        LPOS nosuch a COUNT 1
        LREM r 2 a
        LRANGE r 0 -1
        LREM r -1 a
        LRANGE r 0 -1
        LREM r 0 a
        LREM r 0 nosuch
        LREM r x a
        LREM nosuch 0 a
        LREM r 0 b
        LREM r 0 c
        LREM r 0 d
        EXISTS r
        LPOP l
        RPOP l
        LPOP l 2
        RPOP l 2
        LPOP l 0
        LPOP nosuch 0
        LPOP nosuch
        LPOP nosuch 1
        LPOP l -1
        LPOP l x
        LPOP l 1 2
        RPOP l 100
        EXISTS l
        LPUSHX l a
        RPUSHX l a
        RPUSH l 1 2 3 4 5
        LPUSHX l 0
        RPUSHX l 6
        LTRIM l 1 -2
        LRANGE l 0 -1
        LTRIM l x 1
        LTRIM l 5 1
        EXISTS l
        RPUSH s 1 2 3
        LMOVE s t LEFT RIGHT
        LMOVE s t RIGHT LEFT
        LMOVE s s LEFT RIGHT
        LMOVE s t UP LEFT
        LMOVE nosuch t LEFT LEFT
        LRANGE t 0 -1
        RPOPLPUSH s t
        RPOPLPUSH s t
        LRANGE t 0 -1
        LMPOP 2 s t LEFT
        LMPOP 2 s t RIGHT COUNT 5
        LMPOP 1 s LEFT
        LMPOP 0 s LEFT
        LMPOP x s LEFT
        LMPOP 1 s LEFT COUNT 0
        LMPOP 1 s LEFT COUNT
        LMPOP 3 s LEFT
        LMPOP 1 s UP
        SET str v
        LPUSH str a
        LPOP str
        LLEN str
        LRANGE str 0 -1
        LMOVE str t LEFT LEFT
        RPUSH src x
        LMOVE src str LEFT LEFT
        LRANGE src 0 -1
        LMPOP 1 str LEFT
        LPOS str a
        LREM str 0 a
        LPUSH
        LPUSH a
    "#,
    );
}

#[test]
fn hashes_answer_as_redis() {
    judge_lines(
        "hashes_answer_as_redis",
        r#"
        HSET h a 1 b 2
        HSET h a 3 c 4
        HSET h a
        HSET h a 1 b
        HMSET h d 5
        HMSET h d 5 e
        HSETNX h a 9
        HSETNX h n 9
        HGET h a
        HGET h nosuch
        HGET nosuch a
        HMGET h a nosuch b
        HMGET nosuch a
        %HGETALL h
        HGETALL nosuch
        ~HKEYS h
        ~HVALS h
        HKEYS nosuch
        HLEN h
        HEXISTS h a
        HEXISTS h nosuch
        HSTRLEN h a
        HSTRLEN h nosuch
        HINCRBY h a 5
        HINCRBY h fresh 5
        HINCRBY h a x
        HSET h word abc
        HINCRBY h word 1
        HINCRBYFLOAT h word 1
        HINCRBYFLOAT h a 0.1
        HINCRBYFLOAT h a x
        HINCRBYFLOAT h a inf
        HINCRBYFLOAT h b 1.5e1
        HSET h big 9223372036854775807
        HINCRBY h big 1
        HDEL h a nosuch b
        HDEL nosuch a
        HSCAN h 0 MATCH c
        HSCAN h 0 COUNT 0
        HSCAN h 0 COUNT x
        HSCAN h x
        HSCAN h 0 NOPE
        HSCAN nosuch 0 NOPE
        HSCAN nosuch 0
        HDEL h c d n fresh word big a
        EXISTS h
        SET s v
        HSET s a 1
        HGET s a
        HGETALL s
        HINCRBY s a 1
        HSCAN s 0
        HDEL s a
    "#,
    );
}

#[test]
fn sets_answer_as_redis() {
    judge_lines(
        "sets_answer_as_redis",
        r#"
        SADD s a b c a
        SADD s a
        ~SMEMBERS s
        SMEMBERS nosuch
        SISMEMBER s a
        SISMEMBER s z
        SMISMEMBER s a z b
        SMISMEMBER nosuch a
        SCARD s
        SREM s a z
        SADD t b d
        ~SUNION s t
        ~SINTER s t
        ~SDIFF s t
        SINTER s nosuch
        SMOVE s t c
        SMOVE s t nosuch
        SMOVE nosuch t c
        SMOVE s s b
        SPOP s
        EXISTS s
        SPOP s
        SPOP s 1
        SPOP s -1
        SPOP s x
        SPOP s 1 2
        SADD one x
        SRANDMEMBER one
        SRANDMEMBER one 5
        SRANDMEMBER one -3
        SRANDMEMBER one 0
        SRANDMEMBER one x
        SRANDMEMBER one 1 2
        SRANDMEMBER nosuch
        SRANDMEMBER nosuch 3
        SRANDMEMBER nosuch -3
        SPOP one 0
        SPOP one 5
        EXISTS one
        SADD nums 1 2 3
        SSCAN nums 0 MATCH 2
        SSCAN nosuch 0
        SET str v
        SADD str a
        SMEMBERS str
        SMOVE nums str 1
        SINTER nums str
        SPOP str
        SRANDMEMBER str
    "#,
    );
}

#[test]
fn sorted_sets_answer_as_redis() {
    judge_lines(
        "sorted_sets_answer_as_redis",
        r#"
        ZADD z 1 a 2 b 3 c
        ZADD z NX 5 a 4 d
        ZADD z XX CH 5 a 9 nosuch
        ZADD z GT CH 4 a 6 b
        ZADD z LT CH 4 a 7 b
        ZADD z GT 1 new
        ZADD z XX NX 1 a
        ZADD z GT LT 1 a
        ZADD z NX GT 1 a
        ZADD z INCR 1 a
        ZADD z INCR 1 a 2 b
        ZADD z NX INCR 1 a
        ZADD z XX INCR 1 nosuch
        ZADD nosuch XX INCR 1 a
        ZADD nosuch XX 1 a
        ZADD z x a
        ZADD z 1 a x
        ZADD z NX
        ZADD z nan a
        ZADD z inf i -inf j
        ZINCRBY z -inf i
        ZINCRBY z x i
        ZINCRBY z 1.5 a
        ZSCORE z a
        ZSCORE z i
        ZSCORE z j
        ZSCORE z nosuch
        ZSCORE nosuch a
        ZMSCORE z a nosuch j
        ZMSCORE nosuch a
        ZADD fine 0.1 a 1e17 b 1.5e-7 c -0.0 d 3.0 e 12345678901234567 f
        ZRANGE fine 0 -1 WITHSCORES
        ZSCORE fine a
        ZRANK z a
        ZREVRANK z a
        ZRANK z nosuch
        ZRANK nosuch a
        ZCARD z
        ZCOUNT z -inf +inf
        ZCOUNT z (1 5
        ZCOUNT z 1 (5
        ZCOUNT z x 5
        ZCOUNT z 5 1
        ZRANGE z 0 -1
        ZRANGE z 0 -1 WITHSCORES
        ZRANGE z 0 -1 REV
        ZRANGE z 0 -1 REV WITHSCORES
        ZRANGE z 1 2
        ZRANGE z -2 -1 REV
        ZRANGE z x 1
        ZRANGE z 0 -1 NOPE
        ZRANGE z 0 -1 LIMIT 0 1
        ZRANGE z 0 -1 LIMIT 0 -1
        ZRANGE z 0 -1 LIMIT 0
        ZRANGE z 0 -1 LIMIT x 1 BYSCORE
        ZRANGE z (1 5 BYSCORE
        ZRANGE z 5 (1 BYSCORE REV
        ZRANGE z +inf -inf BYSCORE REV LIMIT 1 2 WITHSCORES
        ZRANGE z -inf +inf BYSCORE LIMIT -1 2
        ZRANGE z -inf +inf BYSCORE LIMIT 1 -1
        ZRANGE z 1 x BYSCORE
        ZRANGE z "" 5 BYSCORE
        ZRANGE z 0 -1 BYSCORE BYLEX
        ZRANGE z 0 -1 REV REV
        ZRANGE nosuch x 1 BYSCORE
        ZRANGE nosuch 0 1
        ZADD lex 0 a 0 b 0 c 0 d
        ZRANGE lex [b + BYLEX
        ZRANGE lex (b [d BYLEX
        ZRANGE lex - + BYLEX LIMIT 1 2
        ZRANGE lex + - BYLEX REV
        ZRANGE lex + - BYLEX
        ZRANGE lex b d BYLEX
        ZRANGE lex - + BYLEX WITHSCORES
        ZRANGEBYLEX lex - (c
        ZREVRANGEBYLEX lex + [b LIMIT 0 2
        ZREVRANGE z 0 1
        ZREVRANGE z 0 1 WITHSCORES
        ZREVRANGE z 0 1 LIMIT 0 1
        ZREVRANGE z 0 1 BYSCORE
        ZRANGEBYSCORE z -inf 5
        ZRANGEBYSCORE z -inf 5 WITHSCORES LIMIT 0 2
        ZRANGEBYSCORE z -inf 5 LIMIT 0
        ZRANGEBYSCORE z -inf 5 REV
        ZRANGEBYSCORE z -inf x
        ZREVRANGEBYSCORE z +inf 5 WITHSCORES
        ZREVRANGEBYSCORE z +inf (2 LIMIT 1 1
        ZSCAN lex 0 MATCH a
        ZSCAN nosuch 0
        ZREM z a nosuch
        ZREM nosuch a
        ZREMRANGEBYRANK lex 0 1
        ZREMRANGEBYRANK lex x 1
        ZREMRANGEBYRANK nosuch 0 1
        ZREMRANGEBYSCORE lex 0 0
        EXISTS lex
        ZREMRANGEBYSCORE z x 0
        ZREMRANGEBYSCORE z (2 +inf
        ZPOPMIN z
        ZADD p 1 a 2 b 3 c 4 d
        ZPOPMIN p
        ZPOPMAX p
        ZPOPMIN p 5
        ZPOPMIN p 5
        ZPOPMIN p
        ZPOPMAX p 0
        ZPOPMIN p -1
        ZPOPMIN p x
        ZPOPMIN p 1 2
        EXISTS p
        SET str v
        ZADD str 1 a
        ZRANGE str 0 -1
        ZSCORE str a
        ZPOPMIN str
        ZCOUNT str 0 1
        ZRANK str a
        ZINCRBY str 1 a
        ZADD str XX 1 a
    "#,
    );
}

#[test]
fn keys_answer_as_redis() {
    judge_lines(
        "keys_answer_as_redis",
        r#"
        MSET a 1 b 2 hello 3 hallo 4 hxllo 5
        RPUSH l 1
        SADD s 1
        HSET h f v
        ZADD z 1 a
        DBSIZE
        ~KEYS *
        ~KEYS h?llo
        ~KEYS h[ae]llo
        ~KEYS h[^e]llo
        KEYS nosuch
        KEYS
        TYPE a
        TYPE l
        TYPE s
        TYPE h
        TYPE z
        TYPE nosuch
        EXISTS a a b nosuch
        TOUCH a nosuch
        DEL a nosuch
        UNLINK b
        RENAME hello bye
        RENAME nosuch x
        RENAME bye bye
        RENAMENX bye hallo
        RENAMENX bye free
        RENAMENX free free
        RENAMENX nosuch x
        COPY free copy
        COPY free copy
        COPY free copy REPLACE
        COPY free free
        COPY nosuch x
        COPY free other DB 1
        COPY free other DB 99
        COPY free other DB x
        COPY free other NOPE
        SELECT 1
        GET other
        SELECT 0
        SELECT 16
        SELECT -1
        SELECT x
        OBJECT ENCODING free
        OBJECT ENCODING l
        OBJECT ENCODING s
        OBJECT ENCODING h
        OBJECT ENCODING z
        OBJECT ENCODING nosuch
        SET word "some text"
        OBJECT ENCODING word
        SADD words a
        OBJECT ENCODING words
        OBJECT REFCOUNT word
        OBJECT REFCOUNT nosuch
        OBJECT NOPE x
        OBJECT
        OBJECT ENCODING
        MEMORY USAGE nosuch
        ?MEMORY USAGE word
        ?MEMORY USAGE word SAMPLES 5
        MEMORY USAGE word SAMPLES -1
        MEMORY USAGE word NOPE
        ~SCAN 0 MATCH h* COUNT 100
        ~SCAN 0 COUNT 100 TYPE list
        ~SCAN 0 COUNT 100 TYPE nosuch
        SCAN x
        SCAN 0 COUNT 0
        SCAN 0 COUNT x
        SCAN 0 MATCH
        SCAN 0 NOPE 1
        FLUSHDB NOPE
        FLUSHDB ASYNC
        DBSIZE
        RANDOMKEY
        SET only 1
        RANDOMKEY
        FLUSHALL SYNC
        FLUSHALL A B
        SELECT 1
        DBSIZE
        SELECT 0
    "#,
    );
}

#[test]
fn deadlines_answer_as_redis() {
    judge_lines(
        "deadlines_answer_as_redis",
        r#"
        SET a 1
        TTL a
        PTTL a
        EXPIRETIME a
        TTL nosuch
        PTTL nosuch
        EXPIRETIME nosuch
        PEXPIRETIME nosuch
        EXPIRE a 100
        TTL a
        EXPIRE nosuch 100
        EXPIRE a x
        EXPIRE a 9223372036854775807
        EXPIRE a -9223372036854775807
        PEXPIRE a 9223372036854775807
        EXPIRE a 100 NX
        EXPIRE a 200 XX
        EXPIRE a 100 GT
        EXPIRE a 300 GT
        EXPIRE a 400 LT
        EXPIRE a 50 LT
        TTL a
        EXPIRE a 50 NX XX
        EXPIRE a 50 NX GT
        EXPIRE a 50 GT LT
        EXPIRE a 40 XX GT
        EXPIRE a 50 NOPE
        PERSIST a
        PERSIST a
        PERSIST nosuch
        EXPIRE a 100 GT
        EXPIRE a 100 XX
        EXPIRE a 100 LT
        TTL a
        PEXPIREAT a 99999999999999
        PEXPIRETIME a
        EXPIRETIME a
        EXPIREAT a 9999999999
        EXPIRETIME a
        PEXPIREAT a 99999999999999 GT
        EXPIREAT a 1
        EXISTS a
        SET b 1
        EXPIRE b -1
        EXISTS b
        SET b 1
        PEXPIRE b 0
        EXISTS b
        RPUSH l 1
        EXPIRE l 100
        RPUSH l 2
        TTL l
        RENAME l m
        TTL m
        SET m x
        TTL m
        EXPIRE m 100
        COPY m n
        TTL n
        GETSET n y
        TTL n
        EXPIRE n 100
        INCRBY n 1
        SETRANGE n 0 z
        TTL n
        TTL
    "#,
    );
}

#[test]
fn the_connection_answers_as_redis() {
    judge_lines(
        "the_connection_answers_as_redis",
        r#"
        PING
        PING hello
        PING a b
        ECHO hi
        ECHO
        nosuch
        nosuch a b c
        NoSuch "with \r\n lines" and "\0zero"
        nosuch aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa b
        GET
        get a b
        AUTH secret
        AUTH default secret
        AUTH other secret
        AUTH a b c
        HELLO 4
        HELLO x
        HELLO 2 NOPE
        HELLO 2 AUTH default
        HELLO 2 AUTH nobody pw
        HELLO 3 SETNAME "with space"
        ?HELLO 2 AUTH default pw SETNAME me
        CLIENT GETNAME
        ?HELLO
        ?HELLO 3
        CLIENT GETNAME
        CLIENT SETNAME you
        CLIENT GETNAME
        CLIENT SETNAME "a b"
        CLIENT SETNAME ""
        CLIENT GETNAME
        ?CLIENT ID
        ?CLIENT INFO
        ?CLIENT LIST
        CLIENT LIST TYPE nope
        CLIENT LIST ID x
        CLIENT LIST NOPE
        CLIENT NOPE
        CLIENT
        CLIENT KILL 1.2.3.4:5
        CLIENT KILL ID x
        CLIENT KILL ID 999999
        CLIENT KILL TYPE nope
        CLIENT KILL NOPE x
        CLIENT KILL ID
        CLIENT UNBLOCK 999999
        CLIENT UNBLOCK x
        CLIENT UNBLOCK 1 NOPE
        CLIENT NO-EVICT ON
        CLIENT NO-EVICT NOPE
        CLIENT REPLY NOPE
        CLIENT REPLY ON
        CONFIG GET maxmemory
        CONFIG GET maxmemory-policy
        CONFIG GET appendonly
        CONFIG GET save
        CONFIG GET databases
        ~CONFIG GET maxmemory appendonly
        CONFIG GET nosuch
        CONFIG GET
        CONFIG NOPE
        CONFIG SET nosuch 1
        CONFIG SET timeout
        CONFIG SET timeout 5
        CONFIG GET TIMEOUT
        CONFIG SET timeout 0
        CONFIG RESETSTAT
        ?TIME
        TIME x
        WAIT 0 0
        WAIT x 0
        WAIT 0 x
        WAIT 0 -1
        ?LASTSAVE
        SLOWLOG GET
        SLOWLOG LEN
        SLOWLOG RESET
        LATENCY LATEST
        LATENCY RESET
        PUBSUB CHANNELS
        PUBSUB NUMSUB a b
        PUBSUB NUMPAT
        PUBSUB NOPE
        PUBLISH nobody hears
        COMMAND INFO nosuch
        COMMAND NOPE
        RESET
        PING
        ?HELLO 3
    "#,
    );
}

#[test]
fn transactions_answer_as_redis() {
    judge_lines(
        "transactions_answer_as_redis",
        r#"
        MULTI
        SET a 1
        INCR a
        GET a
        LPUSH a x
        EXEC
        EXEC
        DISCARD
        MULTI
        MULTI
        WATCH a
        SET a 5
        DISCARD
        GET a
        MULTI
        nosuch
        SET a 1
        EXEC
        MULTI
        GET
        EXEC
        MULTI
        EXEC
        WATCH a
        SET a 9
        MULTI
        GET a
        EXEC
        WATCH a
        UNWATCH
        SET a 10
        MULTI
        GET a
        EXEC
        WATCH a
        MULTI
        SET a 11
        EXEC
        WATCH nosuch
        SET nosuch 1
        MULTI
        EXEC
        WATCH gone
        DEL gone
        MULTI
        PING
        EXEC
        MULTI
        BLPOP empty 0
        BLMOVE empty other LEFT LEFT 0
        BLMPOP 0 1 empty LEFT
        BRPOPLPUSH empty other 0
        EXEC
        MULTI
        SELECT 3
        SET in3 1
        EXEC
        GET in3
        SELECT 0
        MULTI
        EVAL "return redis.call('set','x','y')" 0
        GET x
        EXEC
        MULTI
        MULTI
        EXEC
        MULTI
        SAVE
        DISCARD
        WATCH
        MULTI x
        MULTI
        RESET
        PING
    "#,
    );
}
