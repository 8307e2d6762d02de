//! Scripts and their limits: what is stopped, what is not, and what is left afterwards.

use crate::support::pocket::Pocket;
use crate::support::wire::Wire;

fn run(wire: &mut Wire, source: &str) -> String {
    wire.ask(&["EVAL", source, "0"]).text()
}

#[test]
fn a_script_that_failed_leaves_nothing_behind() {
    let pocket = Pocket::start();
    let mut wire = pocket.connect();
    let greedy = "local t = {} for i = 1, 50 do t[i] = string.rep('x', 10 * 1024 * 1024) .. i end";
    for _ in 0..3 {
        let told = run(&mut wire, greedy);
        assert!(told.contains("not enough memory: it may hold 128 MiB"), "{told}");
        assert_eq!(wire.ask(&["EVAL", "return KEYS[1] .. ':x'", "1", "a"]).text(), "a:x");
    }
    let half = "local t = {} for i = 1, 6 do t[i] = string.rep('x', 10 * 1024 * 1024) .. i end \
                return #t";
    for _ in 0..5 {
        assert_eq!(run(&mut wire, half), "6");
    }
}

#[test]
fn a_script_may_hand_over_more_than_it_may_hold() {
    let pocket = Pocket::start();
    let mut wire = pocket.connect();
    let pushes = "for i = 1, 3000 do redis.call('lpush', 'l', string.rep('y', 1e5) .. i) end \
                  return redis.call('llen', 'l')";
    assert_eq!(run(&mut wire, pushes), "3000");
    wire.say("FLUSHALL");
    let sets = "for i = 1, 28 do redis.call('set', i, string.rep('y', 1e7)) end return 28";
    assert_eq!(run(&mut wire, sets), "28");
    assert_eq!(wire.say("STRLEN 28").text(), "10000000");
}

fn each_is_stopped(limit: &str, cases: &[(&str, &str)]) {
    let pocket = Pocket::start();
    let mut wire = pocket.connect();
    wire.say(&format!("CONFIG SET busy-reply-threshold {limit}"));
    for (source, reason) in cases {
        let told = run(&mut wire, source);
        assert!(told.contains(reason), "{source}: {told}");
        assert_eq!(run(&mut wire, "return 7"), "7", "{source}");
    }
}

#[test]
fn a_library_function_that_works_for_long_is_stopped() {
    const LATE: &str = "stopped after 300 ms";
    each_is_stopped(
        "300",
        &[
            ("return string.find(('a'):rep(3000), ('a-'):rep(6) .. 'b')", LATE),
            ("return string.match(('a'):rep(3000), ('a*'):rep(6) .. 'b')", LATE),
            ("return string.gsub(('a'):rep(3000), ('a?'):rep(30) .. 'b', '')", LATE),
            ("for x in string.gmatch(('a'):rep(3000), ('(a-)'):rep(6) .. 'b') do end", LATE),
            ("local t = {} for i = 1, 60 do t = {t, t} end return cjson.encode(t)", LATE),
            ("local s = ('x'):rep(16e6) while true do s:sub(2) end", LATE),
            ("local t = {} table.insert(t, -2e9, 1)", LATE),
            ("string.gsub(('x'):rep(3e7), '.', pcall)", LATE),
        ],
    );
}

#[test]
fn a_library_function_that_makes_too_much_is_stopped() {
    const LONG: &str = "resulting string too large";
    // Little in hand, and a `..` that makes a hundred times as much.
    let wide = format!("local s = ('x'):rep(7e6) return #({})", ["s"; 150].join(" .. "));
    let called = format!(
        "local s = ('x'):rep(1e6) local function wide() return {} end return #wide()",
        ["s"; 120].join(" .. ")
    );
    each_is_stopped(
        // Long enough to count as none: what stops these is their size.
        "600000",
        &[
            (&wide, LONG),
            (&called, LONG),
            ("return #string.gsub(('x'):rep(1e6), 'x', ('y'):rep(1000))", LONG),
            (
                "return #string.gsub(('x'):rep(1e3), 'x', function() return ('y'):rep(1e5) end)",
                LONG,
            ),
            ("return table.concat({1, 2, 3, 4}, ('x'):rep(16e6))", LONG),
            ("local s = ('x'):rep(16e6) return string.format('%s%s%s', s, s, s)", LONG),
            ("local s = ('x'):rep(16e6) return #(s .. s .. s .. s .. s .. s .. s .. s)", LONG),
            ("local s = 'x' while true do s = s .. s .. s .. s .. s .. s .. s .. s .. s end", LONG),
            ("return unpack({}, 1, 1e8)", "too many results to unpack"),
            ("return unpack({}, -9e18, 9e18)", "too many results to unpack"),
            ("return string.byte(('x'):rep(1e6), 1, -1)", "string slice too long"),
            ("return cjson.decode('[' .. ('[],'):rep(4e6) .. '[]]')", "not enough memory"),
            ("local s, t = ('x'):rep(2e7), {} for i = 1, 9 do t[i] = s end return t", "128 MiB"),
        ],
    );
}

#[test]
fn odd_arguments_are_a_lua_error() {
    let pocket = Pocket::start();
    let mut wire = pocket.connect();
    for source in [
        "return string.format('%99999999d', 1)",
        "return string.format('%.99999999f', 1)",
        "return string.format('%-+ #0-+ #0d', 1)",
        "return string.format('%d')",
        "return string.format('%')",
        "return string.format('%100s', 'x')",
        "return math.random(2, 1)",
        "return unpack({}, 1, 9e18)",
        "return string.rep('x', 9e18)",
        "return string.find('a', '%')",
        "return string.find('a', '[a')",
        "return string.gsub('a', '.', '%2')",
    ] {
        let told = run(&mut wire, source);
        assert!(told.starts_with("ERR user_script:1: "), "{source}: {told}");
    }
    for (source, answer) in [
        ("return string.format('%5d|%-5d|%05.1f', 1, 2, 3)", "    1|2    |003.0"),
        ("return math.random(1e308) > 0 and 'a number'", "ERR user_script:1: "),
        ("return string.sub('abc', -9e18, 9e18)", "abc"),
    ] {
        let told = run(&mut wire, source);
        assert!(told.starts_with(answer), "{source}: {told}");
    }
}
