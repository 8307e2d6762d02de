//! SUBSCRIBE, PUBLISH, PUBSUB. How messages find their readers is in `../pubsub.rs`.

use crate::call::{Call, Outcome};
use crate::fault::Fault;
use crate::glob;
use crate::pubsub::Topic;
use crate::reply::Reply;

/// `SUBSCRIBE channel …`: one confirmation a channel.
pub(crate) fn subscribe(call: &mut Call<'_>) -> Outcome {
    begin(call, Topic::Channel, "subscribe")
}

/// `PSUBSCRIBE pattern …`
pub(crate) fn psubscribe(call: &mut Call<'_>) -> Outcome {
    begin(call, Topic::Pattern, "psubscribe")
}

/// `UNSUBSCRIBE [channel …]`: without a name, all channels.
pub(crate) fn unsubscribe(call: &mut Call<'_>) -> Outcome {
    end(call, Topic::Channel, "unsubscribe")
}

/// `PUNSUBSCRIBE [pattern …]`: without a name, all patterns.
pub(crate) fn punsubscribe(call: &mut Call<'_>) -> Outcome {
    end(call, Topic::Pattern, "punsubscribe")
}

fn begin(call: &mut Call<'_>, topic: Topic, word: &str) -> Outcome {
    let names = &call.args[1..];
    let confirmations = names.iter().map(|name| {
        call.world.subscribe(call.client, topic, name);
        confirmation(call, word, Reply::bulk(name))
    });
    Ok(Reply::Sequence(confirmations.collect()))
}

fn end(call: &mut Call<'_>, topic: Topic, word: &str) -> Outcome {
    let mut names = call.args[1..].to_vec();
    if names.is_empty() {
        let all = call.world.subscribed(call.client, topic);
        names = all.iter().map(|name| name.to_vec()).collect();
    }
    if names.is_empty() {
        return Ok(confirmation(call, word, Reply::Null));
    }
    let confirmations = names.iter().map(|name| {
        call.world.unsubscribe(call.client, topic, name);
        confirmation(call, word, Reply::bulk(name))
    });
    Ok(Reply::Sequence(confirmations.collect()))
}

fn confirmation(call: &Call<'_>, word: &str, name: Reply) -> Reply {
    let client = call.world.clients.get(&call.client);
    let left = client.map_or(0, crate::client::Client::subscriptions);
    Reply::Push(vec![Reply::bulk(word), name, Reply::count(left)])
}

/// `PUBLISH channel message`: how many heard it.
pub(crate) fn publish(call: &mut Call<'_>) -> Outcome {
    let args = call.args;
    Ok(Reply::count(call.world.publish(&args[1], &args[2])))
}

/// `PUBSUB CHANNELS [pattern]`
pub(crate) fn channels(call: &mut Call<'_>) -> Outcome {
    let pattern = call.args.get(2);
    if call.args.len() > 3 {
        let name = String::from_utf8_lossy(&call.args[1]);
        return Err(Fault::err(format!(
            "unknown subcommand or wrong number of arguments for '{name}'. Try PUBSUB HELP."
        )));
    }
    let names = call.world.subscriptions.channels.keys();
    let hit = |name: &&crate::dict::Key| pattern.is_none_or(|pattern| glob::matches(pattern, name));
    Ok(Reply::bulks(names.filter(hit)))
}

/// `PUBSUB NUMSUB [channel …]`
pub(crate) fn numsub(call: &mut Call<'_>) -> Outcome {
    let channels = &call.world.subscriptions.channels;
    let count = |name: &[u8]| channels.get(name).map_or(0, std::collections::BTreeSet::len);
    let names = call.args[2..].iter();
    let pairs = names.flat_map(|name| [Reply::bulk(name), Reply::count(count(name))]);
    Ok(Reply::Array(pairs.collect()))
}

/// `PUBSUB NUMPAT`
pub(crate) fn numpat(call: &mut Call<'_>) -> Outcome {
    Ok(Reply::count(call.world.subscriptions.patterns.len()))
}
