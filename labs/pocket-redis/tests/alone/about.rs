//! What the server tells about itself, and about what it has not.

use crate::support::pocket::Pocket;

#[test]
fn what_only_a_real_server_has_names_it() {
    let pocket = Pocket::start();
    let mut wire = pocket.connect();
    for line in [
        "XADD s * a b",
        "xlen s",
        "SETBIT k 1 1",
        "PFADD h a",
        "GEOADD g 1 2 a",
        "CLUSTER INFO",
        "FCALL f 0",
        "COMMAND DOCS get",
    ] {
        let told = wire.say(line).text();
        assert!(
            told.ends_with("not in the built-in broker: start a redis-server instead"),
            "{told}"
        );
        assert!(told.len() <= 80, "{told}");
    }
    let told = wire.ask(&["EVAL", "return redis.call('xadd', 's', '*', 'a', 'b')", "0"]).text();
    assert!(told.starts_with("ERR XADD is not in the built-in broker"), "{told}");
    assert!(wire.say("NOSUCH a").text().starts_with("ERR unknown command 'NOSUCH'"));
}

#[test]
fn slow_commands_are_kept_as_asked() {
    let pocket = Pocket::start();
    let mut wire = pocket.connect();
    wire.say("CLIENT SETNAME me");
    wire.say("CONFIG SET slowlog-log-slower-than 0");
    wire.say("SET k v");
    wire.ask(&vec!["DEL".to_owned(); 40]);
    wire.ask(&["ECHO".to_owned(), "x".repeat(200)]);
    wire.say("HELLO 2 AUTH default secret");
    wire.say("CONFIG SET slowlog-log-slower-than -1");
    let kept = wire.say("SLOWLOG GET 10").items;
    let words = |place: usize| -> Vec<String> {
        kept[place].items[3].items.iter().map(|word| word.text()).collect()
    };
    assert!(!kept.iter().any(|slow| format!("{slow:?}").contains("secret")), "{kept:?}");
    assert_eq!(words(1)[1], format!("{}... (72 more bytes)", "x".repeat(128)));
    assert_eq!((words(2).len(), words(2)[31].as_str()), (32, "... (9 more arguments)"));
    assert_eq!(
        (words(3), kept[3].items[5].text().as_str()),
        (vec!["SET".into(), "k".into(), "v".into()], "me")
    );
    wire.say("CONFIG SET slowlog-max-len 2");
    assert_eq!(wire.say("SLOWLOG LEN").text(), kept.len().to_string());
    wire.say("SLOWLOG RESET");
    assert_eq!(wire.say("SLOWLOG LEN").text(), "0");
}

#[test]
fn commands_are_counted() {
    let pocket = Pocket::start();
    let mut wire = pocket.connect();
    for line in ["SET k v", "GET k", "GET k", "INCR k", "GET", "CONFIG GET save"] {
        wire.say(line);
    }
    wire.ask(&["EVAL", "return redis.call('get', 'k')", "0"]);
    let told = wire.say("INFO commandstats").text();
    for (name, calls, rejected, failed) in
        [("get", 3, 1, 0), ("incr", 1, 0, 1), ("config|get", 1, 0, 0), ("eval", 1, 0, 0)]
    {
        let line = told.lines().find(|line| line.starts_with(&format!("cmdstat_{name}:")));
        let line = line.unwrap_or_else(|| panic!("{name} is missing in {told}"));
        assert!(line.contains(&format!(":calls={calls},")), "{line}");
        assert!(
            line.contains(&format!("rejected_calls={rejected},failed_calls={failed}")),
            "{line}"
        );
    }
    assert!(!wire.say("INFO").text().contains("cmdstat_"));
}

#[test]
fn a_key_that_nobody_uses_grows_idle() {
    let pocket = Pocket::start();
    let mut wire = pocket.connect();
    wire.say("SET used v");
    wire.say("SET unused v");
    while wire.say("OBJECT IDLETIME unused").text() == "0" {
        wire.say("GET used");
    }
    assert_eq!(wire.say("OBJECT IDLETIME used").text(), "0");
}

#[test]
fn an_answer_has_a_bound() {
    let pocket = Pocket::start();
    let mut wire = pocket.connect();
    wire.ask(&[b"SET".as_slice(), b"k", &[b'x'; 1024 * 1024]]);
    let mut many = vec!["MGET"];
    many.resize(600, "k");
    assert_eq!(wire.ask(&many).text(), "ERR the answer would be larger than 512 MiB");
}
