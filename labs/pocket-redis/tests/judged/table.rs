//! The table of commands, next to what a real redis-server tells about its own.

use crate::support::script::Both;
use crate::support::wire::Answer;

/// Arity, first key, last key and step.
fn essence(command: &Answer) -> Vec<String> {
    [1, 3, 4, 5].map(|field| command.items[field].text()).into()
}

#[test]
fn names_arities_and_keys_are_those_of_redis() {
    let Some(mut both) = Both::start("names_arities_and_keys_are_those_of_redis") else {
        return;
    };
    let ours = both.ours.say("COMMAND").items;
    let count = both.ours.say("COMMAND COUNT").text();
    assert_eq!(ours.len().to_string(), count);
    for command in ours {
        let name = command.items[0].text();
        let real = both.real.ask(&["COMMAND", "INFO", &name]).items.remove(0);
        assert_eq!(essence(&command), essence(&real), "{name}");
        for sub in &command.items[9].items {
            let name = sub.items[0].text();
            let known = real.items[9].items.iter().find(|real| real.items[0].text() == name);
            let known = known.unwrap_or_else(|| panic!("{name} is unknown to redis"));
            assert_eq!(essence(sub), essence(known), "{name}");
        }
    }
}
