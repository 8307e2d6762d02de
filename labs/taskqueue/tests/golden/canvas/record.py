"""Records what real Celery writes when a task of a canvas ends.

    redis-server --port 7391 --save '' &
    pip install 'celery[redis]==5.7.0'
    REDIS_URL=redis://127.0.0.1:7391/0 python record.py [name …]

Empties that Redis. Each message is taken from its list and run by Celery's own tracer, so that what it
sends and stores is known to be its doing. Tracebacks are left out; ids and times are as they came.
"""
import base64
import json
import os
import pathlib
import sys

import redis
from celery import Celery, chain, chord, group, signature
from celery._state import _set_task_join_will_block
from celery.app.trace import build_tracer

URL = os.environ["REDIS_URL"]
app = Celery("wire", broker=URL, backend=URL)
database = redis.Redis.from_url(URL, decode_responses=True)


@app.task(name="wire.add")
def add(x, y):
    return x + y


@app.task(name="wire.tsum")
def tsum(numbers):
    return sum(numbers)


@app.task(name="wire.echo")
def echo(value):
    return value


@app.task(name="wire.fail")
def fail(message):
    raise ValueError(message)


@app.task(name="wire.quiet", ignore_result=True)
def quiet(x, y):
    return x + y


def far(name, *args, **options):
    """A task that this worker does not know."""
    return signature(name, args=args, app=app, **options)


def stamped():
    canvas = add.s(1, 2).set(link=[add.s(10)])
    canvas.stamp(visit="monday")
    return canvas


FAR = {"queue": "emails", "priority": 6, "expires": 60, "time_limit": 9, "soft_time_limit": 5,
       "shadow": "near", "headers": {"x-own": 1}, "retries": 2}

CANVASES = {
    "link": lambda: add.s(1, 2).set(link=[add.s(10)]),
    "link_immutable": lambda: add.s(1, 2).set(link=[add.si(10, 20)]),
    "link_two": lambda: add.s(1, 2).set(link=[add.s(10), echo.s()]),
    "link_far": lambda: add.s(1, 2).set(link=[far("far.away", 10, options=FAR)]),
    "link_countdown": lambda: add.s(1, 2).set(link=[add.s(10).set(countdown=30)]),
    "link_eta": lambda: add.s(1, 2).set(
        link=[add.s(10).set(eta="2030-01-02T03:04:05+02:00", expires="2030-01-02T03:05:05+02:00")]),
    "link_nested": lambda: add.s(1, 2).set(link=[add.s(10).set(link=[echo.s()], link_error=[echo.s()])]),
    "link_chain": lambda: add.s(1, 2).set(link=[chain(add.s(10), echo.s())]),
    "link_chain_linked": lambda: add.s(1, 2).set(
        link=[chain(add.s(10), echo.s(), link=[echo.s()], link_error=[echo.s()])]),
    "link_group": lambda: add.s(1, 2).set(link=[group(add.s(10), echo.s())]),
    "link_group_nested": lambda: add.s(1, 2).set(link=[group(add.s(10), group(echo.s(), add.s(20)))]),
    "link_chord": lambda: add.s(1, 2).set(link=[chord([add.s(10), add.s(20)], tsum.s())]),
    "link_chord_countdown": lambda: add.s(1, 2).set(
        link=[chord([add.s(10), add.s(20)], tsum.s()).set(countdown=5)]),
    "link_chord_in_header": lambda: add.s(1, 2).set(
        link=[chord([chord([add.s(1), add.s(2)], tsum.s()), add.s(3)], tsum.s())]),
    "link_chord_chain_group": lambda: add.s(1, 2).set(
        link=[chord([chain(add.s(1), group(add.s(10), add.s(20))), add.s(5)], echo.s())]),
    "link_group_and_task": lambda: add.s(1, 2).set(link=[group(add.s(10), echo.s()), echo.s()]),
    "link_quiet": lambda: add.s(1, 2).set(link=[quiet.s(1), add.s(1).set(ignore_result=True)]),
    "link_stamped": stamped,
    "errback": lambda: fail.s("boom").set(link_error=[echo.s()]),
    "errback_two": lambda: fail.s("boom").set(link_error=[echo.s(), far("far.away", 7)]),
    "errback_far": lambda: fail.s("boom").set(link_error=[far("far.away", 7)]),
    "errback_immutable": lambda: fail.s("boom").set(link_error=[echo.si("fixed")]),
    "chain": lambda: chain(add.s(1, 2), add.s(3), add.s(4)),
    "chain_immutable": lambda: chain(add.s(1, 2), add.si(3, 3), echo.s()),
    "chain_options": lambda: chain(
        add.s(1, 2).set(link=[echo.s()]), add.s(3).set(countdown=1.5, priority=3, queue="emails"),
        link=[echo.s()], link_error=[echo.s()]),
    "chain_group": lambda: chain(add.s(1, 2), group(add.s(10), echo.s())),
    "chain_group_chain": lambda: chain(add.s(1, 2), group(chain(add.s(10), add.s(20)), echo.s())),
    "chain_chord": lambda: chain(add.s(1, 2), group(add.s(10), add.s(20)), tsum.s()),
    "chain_chord_chain": lambda: chain(add.s(1, 2), group(add.s(10), add.s(20)), tsum.s(), add.s(100)),
    "chain_chord_errback": lambda: chain(
        add.s(1, 2), group(add.s(10), add.s(20)), tsum.s(), link=[echo.s()], link_error=[echo.s()]),
    "chain_two_chords": lambda: chain(
        add.s(1, 2), group(add.s(10), add.s(20)), tsum.s(), group(add.s(1), add.s(2)), tsum.s()),
    "chain_chord_group": lambda: chain(
        add.s(1, 2), group(add.s(10), add.s(20)), group(tsum.s(), tsum.s())),
    "chain_fails": lambda: chain(fail.s("boom"), echo.s(), echo.s()),
    "chain_fails_later": lambda: chain(echo.s("boom"), fail.s(), echo.s(), link_error=echo.s()),
    "chain_fails_before_group": lambda: chain(fail.s("boom"), group(echo.s(), echo.s())),
    "chain_fails_before_chord": lambda: chain(fail.s("boom"), group(echo.s(), echo.s()), tsum.s()),
    "group": lambda: group(add.s(1, 2), add.s(3, 4)),
    "group_chains": lambda: group(chain(add.s(1, 2), add.s(3)), add.s(3, 4)),
    "chord": lambda: chord([add.s(1, 2), add.s(3, 4)], tsum.s()),
    "chord_one": lambda: chord([add.s(1, 2)], tsum.s()),
    "chord_chains": lambda: chord([chain(add.s(1, 2), add.s(3)), add.s(3, 4)], tsum.s()),
    "chord_body_chain": lambda: chord([add.s(1, 2), add.s(3, 4)], chain(tsum.s(), add.s(5))),
    "chord_body_group": lambda: chord([add.s(1, 2), add.s(3, 4)], group(tsum.s(), echo.s())),
    "chord_body_immutable": lambda: chord([add.s(1, 2), add.s(3, 4)], add.si(5, 6)),
    "chord_in_header": lambda: chord([chord([add.s(1, 2), add.s(3, 4)], tsum.s()), add.s(5, 6)], tsum.s()),
    "chord_chain_group": lambda: chord(
        [chain(add.s(1, 2), group(add.s(10), add.s(20))), add.s(5, 6)], echo.s()),
    "chord_fails": lambda: chord([add.s(1, 2), fail.s("boom")], tsum.s()),
    "chord_fails_errback": lambda: chord(
        [fail.s("boom"), add.s(1, 2)], tsum.s().set(link_error=[echo.s()])),
    "chord_fails_chain": lambda: chord([chain(fail.s("boom"), echo.s()), add.s(1, 2)], tsum.s()),
    "chord_fails_body_chain": lambda: chord([fail.s("boom"), add.s(1, 2)], chain(tsum.s(), add.s(5))),
    "chord_fails_body_group": lambda: chord([fail.s("boom"), add.s(1, 2)], group(tsum.s(), echo.s())),
    "chord_fails_in_header": lambda: chord(
        [chord([add.s(1, 2), fail.s("boom")], tsum.s()), add.s(5, 6)], tsum.s()),
    "chord_fails_in_chain": lambda: chain(
        add.s(1, 2), group(fail.si("boom"), add.s(20)), tsum.s(), add.s(100)),
    "chord_quiet": lambda: chord([quiet.s(1, 2), add.s(3, 4)], tsum.s()),
}


def stored():
    """Results and counters, whoever wrote them."""
    read = {"string": database.get, "set": lambda key: sorted(database.smembers(key)),
            "zset": lambda key: database.zrange(key, 0, -1, withscores=True)}
    found = {key: read[database.type(key)](key) for key in sorted(database.keys("celery-task*"))}
    return {key: without_traceback(value) for key, value in found.items()}


def without_traceback(value):
    if isinstance(value, str) and value.startswith("{"):
        value = json.loads(value)
        value.pop("traceback", None)
    return value


def lists():
    keys = sorted(key for key in database.keys("*") if database.type(key) == "list")
    return [(key, raw) for key in keys for raw in reversed(database.lrange(key, 0, -1))]


def run(raw):
    """False where the task is none of this worker's."""
    envelope = json.loads(raw)
    args, kwargs, embed = json.loads(base64.b64decode(envelope["body"]))
    headers, properties = envelope["headers"], envelope["properties"]
    task = app.tasks.get(headers["task"])
    if task is None or not headers["task"].startswith("wire."):
        return False
    request = dict(
        headers, **embed, hostname="celery@vm", reply_to=properties["reply_to"], is_eager=False,
        correlation_id=headers["id"], args=args, kwargs=kwargs,
        delivery_info=dict(properties["delivery_info"], priority=0, redelivered=False))
    build_tracer(task.name, task, app=app, loader=app.loader, hostname="celery@vm")(
        headers["id"], args, kwargs, request)
    return True


def record(canvas):
    database.flushall()
    canvas.apply_async()
    steps, waiting = [], []
    while True:
        waiting += [raw for _, raw in lists()]
        for key in {key for key, _ in lists()}:
            database.delete(key)
        if not waiting:
            return {"canvas": repr(canvas), "steps": steps}
        raw, before = waiting.pop(0), stored()
        if run(raw):
            after = stored()
            steps.append({
                "message": raw,
                "before": {key: value for key, value in before.items() if "taskset" in key},
                "sent": lists(),
                "stored": {key: value for key, value in after.items() if before.get(key) != value},
                "gone": [key for key in before if key not in after]})


if __name__ == "__main__":
    app.finalize()
    app.set_current()
    _set_task_join_will_block(True)
    for name in sys.argv[1:] or CANVASES:
        recorded = record(CANVASES[name]())
        path = pathlib.Path(__file__).with_name(f"{name}.json")
        path.write_text(json.dumps(recorded, indent=1) + "\n")
        print(name, len(recorded["steps"]))
