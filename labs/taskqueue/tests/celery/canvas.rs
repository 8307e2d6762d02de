//! Chains, groups and chords whose tasks run on workers of both kinds.
//!
//! Celery's worker serves the queue `celery`, ours the queue `ours`, and each signature says which
//! of them it is for.

use serde_json::{Value, json};
use taskqueue::{AsyncResult, Broker, Signature, WorkerOptions, chain};

use crate::ours::{OurClient, OurWorker, options};
use crate::process::Process;
use crate::stage::{Place, Pool};
use crate::support::lab::PATIENCE;

/// Python that sends each task to one of the two queues in turn, beginning with the other one
/// each time.
const IN_TURN: &str = "
import itertools
from celery import chain, chord, group
queues = itertools.cycle(['celery', 'ours', 'ours', 'celery', 'ours'])
def on(task):
    return lambda *args: task.s(*args).set(queue=next(queues))
a, t, e, f = on(add), on(total), on(echo), on(fail)
";

struct Fleet {
    place: Place,
    ours: OurWorker,
    _celery: Process,
}

impl Fleet {
    fn start(pool: &str, acks_late: bool) -> Option<Self> {
        let mut place = Place::alone()?;
        let celery = place.celery_worker(&["--pool", pool, "--concurrency", "2"], &[]);
        let queues = vec!["ours".to_owned()];
        let ours = OurWorker::start(&place.url, WorkerOptions { queues, acks_late, ..options() });
        place.python(IN_TURN);
        Some(Self { place, ours, _celery: celery })
    }

    /// What five runs of this canvas return, each only once.
    fn values(&mut self, canvas: &str) -> Value {
        let run = format!("[({canvas}).apply_async().get(timeout=20) for _ in range(5)]");
        let values = self.place.python(&run);
        let mut values = values.as_array().unwrap().clone();
        values.dedup();
        Value::Array(values)
    }

    fn end(self) {
        self.place.until_gone("celery ours unacked unacked_index celery.dead ours.dead");
        self.ours.finish();
    }
}

fn each_ends_as_in_celery(pool: &str, acks_late: bool) {
    let Some(mut fleet) = Fleet::start(pool, acks_late) else { return };
    let canvases = [
        ("chain(a(1, 2), a(3), a(4))", json!(10)),
        ("chain(a(1, 2), group(a(10), e()))", json!([13, 3])),
        ("group(chain(a(1, 2), a(3)), a(3, 4))", json!([6, 7])),
        ("chord([a(i, 1) for i in range(10)], t())", json!(55)),
        ("chord([e(i) for i in range(10)], e())", json!([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])),
        ("chord([chain(a(1, 2), a(3)), a(3, 4)], t())", json!(13)),
        ("chord([a(1, 2), a(3, 4)], chain(t(), a(5)))", json!(15)),
        ("chord([a(1, 2), a(3, 4)], group(t(), e()))", json!([10, [3, 7]])),
        ("chord([chord([a(1, 2), a(3, 4)], t()), a(5, 6)], t())", json!(21)),
        ("chord([chain(a(1, 2), group(a(10), a(20))), a(5, 6)], e())", json!([[13, 23], 11])),
        ("chain(a(1, 2), group(a(10), a(20)), t(), a(100))", json!(136)),
        ("chain(a(1, 2), group(a(10), a(20)), t(), group(a(1), a(2)), t())", json!(75)),
        ("chain(a(1, 2), group(a(10), a(20)), group(t(), t()))", json!([36, 36])),
    ];
    for (canvas, value) in canvases {
        assert_eq!(fleet.values(canvas), json!([value]), "{canvas}");
    }
    fleet.end();
}

#[test]
fn chains_groups_and_chords_end_as_in_celery_with_threads_and_early_acknowledgement() {
    each_ends_as_in_celery("threads", false);
}

#[test]
fn chains_groups_and_chords_end_as_in_celery_with_prefork_and_late_acknowledgement() {
    each_ends_as_in_celery("prefork", true);
}

#[test]
fn a_chord_that_our_worker_starts_ends_whatever_the_order_of_its_members() {
    let Some(mut place) = Place::alone() else { return };
    let ours = OurWorker::start(&place.url, options());
    let run = "
from itertools import permutations
from celery import chain, chord, group
one = lambda value: echo.si(value)
kinds = [
    (one('t'), ['t']),
    (chain(one('c'), echo.s()), ['c']),
    (group(one('g'), one('h')), ['h', 'g']),  # Celery turns a group within a group round.
    (chord([one('k'), chain(one('l'), echo.s())], echo.s()), [['k', 'l']]),
]
sent = []
for members in permutations(kinds):
    canvas = chain(one('a'), group(*(member for member, _ in members)), echo.s())
    sent.append((canvas.apply_async(), [value for _, values in members for value in values]))
nested = chain(one('a'), group(one('b'), chain(one('c'), one('d'))), one('e'))
sent.append((nested.apply_async(), 'e'))
[[got.get(timeout=20), wanted] for got, wanted in sent]
";
    let values = place.python(run);
    for pair in values.as_array().unwrap() {
        assert_eq!(pair[0], pair[1]);
    }
    assert_eq!(values.as_array().unwrap().len(), 25);
    ours.finish();
}

#[test]
fn a_member_that_fails_fails_its_chord_and_the_rest_of_its_chain() {
    let Some(mut fleet) = Fleet::start("threads", false) else { return };
    let body = "
def told(canvas):
    result = canvas.apply_async()
    return re.sub('[0-9a-f-]{36}', 'ID', repr(result.get(timeout=20, propagate=False)))
import re
";
    fleet.place.python(body);
    let canvases = [
        ("chain(e('boom'), f(), e())", "ValueError('boom')"),
        (
            "chord([a(1, 2), f('boom')], t())",
            "ChordError(\"Dependency ID raised ValueError('boom')\")",
        ),
        (
            "chord([chain(f('boom'), e()), a(1, 2)], t())",
            "ChordError(\"Dependency ID raised ValueError('boom')\")",
        ),
        (
            "chain(e('boom'), group(f(), e()), e(), e())",
            "ChordError(\"Dependency ID raised ValueError('boom')\")",
        ),
    ];
    for (canvas, error) in canvases {
        let run = format!("sorted({{told({canvas}) for _ in range(5)}})");
        assert_eq!(fleet.place.python(&run), json!([error]), "{canvas}");
    }
    fleet.end();
}

#[test]
fn links_cross_from_each_kind_of_worker_to_the_other() {
    let Some(mut fleet) = Fleet::start("threads", false) else { return };
    let run = "
from kombu.utils.uuid import uuid
def linked(task, option, queue, other):
    id = uuid()
    link = echo.s().set(queue=other, task_id=id)
    parent = task.set(queue=queue).apply_async(**{option: link})
    return [parent.id, app.AsyncResult(id).get(timeout=20)]
pairs = [('celery', 'ours'), ('ours', 'celery'), ('ours', 'ours')]
[linked(add.s(1, 2), 'link', *pair)[1] for pair in pairs] + [
    told == id for id, told in (linked(fail.s('boom'), 'link_error', *pair) for pair in pairs)]
";
    assert_eq!(fleet.place.python(run), json!([3, 3, 3, true, true, true]));
    fleet.end();
}

#[test]
fn an_errback_of_celerys_new_style_fails_and_says_what_it_misses() {
    let Some(mut fleet) = Fleet::start("threads", false) else { return };
    let run = "
from kombu.utils.uuid import uuid
id = uuid()
link = explain.s().set(queue='celery', task_id=id)
fail.s('boom').set(queue='ours').apply_async(link_error=link)
repr(app.AsyncResult(id).get(timeout=20, propagate=False))
";
    let missing = "missing 2 required positional arguments: 'error' and 'traceback'";
    assert!(fleet.place.python(run).as_str().unwrap().contains(missing));
    fleet.end();
}

#[test]
fn celery_runs_our_links_and_chains() {
    for pool in Pool::BOTH {
        let Some(place) = Place::before_celery(pool) else { return };
        let client = OurClient::of(&place.url);
        let add = |y: i64| Signature::new("tasks.add").arg(y);
        let all = chain([add(1).arg(2), add(3), add(4)]);
        assert_eq!(client.call(&all).unwrap(), 10);
        let echo = |id: &str| Signature::new("tasks.echo").task_id(id);
        let [linked, told] = [(); 2].map(|()| client.name());
        assert_eq!(client.call(&add(1).arg(2).link(echo(&linked))).unwrap(), 3);
        assert_eq!(result(&client, &place.url, &linked), 3);
        let failing = Signature::new("tasks.fail").arg("boom").task_id(client.name());
        let failing = chain([failing, echo(&client.name())]).link_error(echo(&told));
        assert!(client.call(&failing).unwrap_err().to_string().contains("ValueError: boom"));
        assert!(result(&client, &place.url, &told).as_str().unwrap().starts_with("gate:"));
    }
}

/// The result of a task of which only the id is known.
fn result(client: &OurClient, url: &str, id: &str) -> Value {
    let broker = std::sync::Arc::new(Broker::new(url).unwrap());
    client.wait_for(AsyncResult::new(id, &broker).get(PATIENCE)).unwrap()
}
