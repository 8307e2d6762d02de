//! Scripts: what they may not do to the server.

use crate::support::pocket::Pocket;

#[test]
fn a_script_without_an_end_is_stopped() {
    let pocket = Pocket::start();
    let mut wire = pocket.connect();
    wire.say("CONFIG SET busy-reply-threshold 50");
    let endless = [
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        "local function f() return f() end return f()",
        "while true do redis.call('incr', 'k') end",
        "local t = setmetatable({}, {__index = function() while true do end end}) return pcall(function() return t.x end)",
    ];
    for source in endless {
        let answer = wire.ask(&["EVAL", source, "0"]);
        assert!(answer.text().contains("stopped after 50 ms"), "{source}: {answer:?}");
        assert_eq!(wire.ask(&["EVAL", "return 7", "0"]).text(), "7");
    }
}

#[test]
fn a_script_that_digs_deep_is_refused_and_the_server_lives() {
    let pocket = Pocket::start();
    let mut wire = pocket.connect();
    let nested = format!("return {}1{}", "(".repeat(10_000), ")".repeat(10_000));
    let called = format!("local x = 1 return x{}", "()".repeat(16_000));
    let added = format!("return 1{}", "+1".repeat(16_000));
    let sources = [
        "local function f() return pcall(f) end return f()",
        "local t = setmetatable({}, {__index = function(t, k) return t[k + 1] end}) return t[1]",
        "local function f() return 1 + f() end return f()",
        "local function f(s) return (string.gsub(s, '.', f)) end return f('x')",
        "local t = {} t[1] = t return t",
        "local t = {} t[1] = t t[2] = t return t",
        "return string.find(string.rep('a', 100000), string.rep('a?', 100000) .. 'b')",
        &nested,
        &called,
        &added,
        &"x = 1 ".repeat(10_000),
    ];
    for source in sources {
        wire.ask(&["EVAL", source, "0"]);
        assert_eq!(wire.say("PING").text(), "PONG", "{}", &source[..source.len().min(60)]);
    }
}

#[test]
fn a_script_cannot_fill_the_memory() {
    let pocket = Pocket::start();
    let mut wire = pocket.connect();
    for source in [
        "local s = 'x' while true do s = s .. s end",
        "local t = {} for i = 1, 1e9 do t[i] = {i} end",
        "return string.rep('x', 1e9)",
        "local t = {} for i = 1, 1e9 do t[i] = 'text ' .. i end",
    ] {
        assert_eq!(wire.ask(&["EVAL", source, "0"]).mark, b'-', "{source}");
        assert_eq!(wire.ask(&["EVAL", "return 7", "0"]).text(), "7");
    }
}

#[test]
fn a_script_leaves_nothing_for_the_next() {
    let pocket = Pocket::start();
    let mut wire = pocket.connect();
    for source in [
        "x = 1",
        "_G.x = 1",
        "string.upper = nil",
        "redis.call = 1",
        "cjson.x = 1",
        "math.pi = 3",
        "table.x = 1",
        "rawset(_G, 'x', 1)",
        "rawset(string, 'x', 1)",
        "setmetatable(_G, {})",
        "setmetatable(string, {})",
        "getmetatable('').__index.x = 1",
        "getmetatable(_G).__index.x = 1",
        "getmetatable('').__index = {}",
        "setfenv(1, {})",
        "loadstring('x = 1')()",
        "print(1)",
        "dofile('x')",
        "require('x')",
        "os.exit()",
        "io.open('x')",
        "coroutine.create(function() end)",
        "debug.getinfo(1)",
        "collectgarbage()",
        "newproxy()",
        "package.loaded = 1",
    ] {
        assert_eq!(wire.ask(&["EVAL", source, "0"]).mark, b'-', "{source}");
    }
    let check =
        "return {('x'):upper(), redis.call('ping').ok, math.floor(math.pi), type(string.rep)}";
    let answer = wire.ask(&["EVAL", check, "0"]);
    let told: Vec<String> = answer.items.iter().map(|item| item.text()).collect();
    assert_eq!(told, ["X", "PONG", "3", "function"]);
}

#[test]
fn arguments_of_one_run_are_not_seen_by_the_next() {
    let pocket = Pocket::start();
    let mut wire = pocket.connect();
    let source = "KEYS[9] = 'left' return #ARGV";
    assert_eq!(wire.ask(&["EVAL", source, "1", "k", "a", "b"]).text(), "2");
    assert_eq!(wire.ask(&["EVAL", "return KEYS[9] or 'none'", "0"]).text(), "none");
}

#[test]
fn a_script_that_is_run_thousands_of_times_keeps_its_values() {
    let pocket = Pocket::start();
    let mut wire = pocket.connect();
    let source = "local t = cjson.decode(ARGV[1]) t.n = t.n + 1 local s = cjson.encode(t) \
                  redis.call('SET', KEYS[1], s) local l = {} for i = 1, 5 do l[i] = s .. i end \
                  return {redis.call('GET', KEYS[1]), table.concat(l, ','), #KEYS, ARGV[2]}";
    let sha = wire.ask(&["SCRIPT", "LOAD", source]).text();
    for round in 0..5_000 {
        let (n, text) = (round.to_string(), format!("{{\"n\":{round}}}"));
        wire.send(&["EVALSHA", &sha, "1", "k", &text, &n]);
        let answer = wire.read();
        assert_eq!(answer.items[0].text(), format!("{{\"n\":{}}}", round + 1));
        assert_eq!(answer.items[3].text(), n);
    }
}

#[test]
fn a_script_sees_its_own_database_only() {
    let pocket = Pocket::start();
    let mut wire = pocket.connect();
    wire.ask(&["EVAL", "redis.call('select', 5) redis.call('set', 'k', 'v')", "0"]);
    assert_eq!(wire.say("EXISTS k").text(), "0");
    wire.say("SELECT 5");
    assert_eq!(wire.say("GET k").text(), "v");
}

#[test]
fn what_only_redis_has_is_named_with_the_next_step() {
    let pocket = Pocket::start();
    let mut wire = pocket.connect();
    for name in ["struct", "coroutine", "load", "loadstring", "collectgarbage", "os"] {
        let told = wire.ask(&["EVAL", &format!("return {name}"), "0"]).text();
        let cause = format!("'{name}' is not in the built-in broker's Lua: start a redis-server");
        assert!(told.contains(&cause), "{told}");
    }
    let told = wire.ask(&["EVAL", "return structure", "0"]).text();
    assert!(told.contains("nonexistent global variable 'structure'"), "{told}");
}
