"""The tasks that both ends know. `ours.rs` has the same, under the same names.

A worker imports this file, with its settings in the environment; the client runs it once for each
test, with that test's own `url`.
"""

import os
import time

import trouble
from celery import Celery

url = globals().get("url") or os.environ["REDIS_URL"]

app = Celery("tasks", broker=url, backend=url)
app.conf.task_track_started = True
if "VISIBILITY_TIMEOUT" in os.environ:
    app.conf.broker_transport_options = {
        "visibility_timeout": float(os.environ["VISIBILITY_TIMEOUT"]),
        # Look every second, not every hundred.
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
    }


@app.task
def add(x, y):
    return x + y


@app.task
def echo(value):
    return value


@app.task
def total(numbers):
    return sum(numbers)


@app.task
def explain(request, error, traceback):
    """An errback in the style that Celery calls where it has the task at hand."""
    return [request.id, repr(error)]


@app.task
def who():
    return "Celery"


@app.task
def now():
    return time.time()


@app.task(acks_late=True)
def sleep(seconds):
    time.sleep(seconds)
    return "Celery"


@app.task
def fail(message):
    raise ValueError(message)


@app.task
def fail_with_custom():
    raise trouble.OutOfCheese("brie", 3)


@app.task(bind=True)
def flaky(self, failures, countdown):
    """Fails this often, then tells which attempt it is, and what came along with the message."""
    if self.request.retries < failures:
        raise self.retry(exc=ValueError("not yet"), countdown=countdown)
    return {"by": "Celery", "retries": self.request.retries, "trace": self.request.get("x-trace")}


@app.task(bind=True)
def context(self):
    """All that a task can know of its message, but for what is a function."""
    known = vars(self.request).items()
    return {name: value for name, value in known if not name.startswith("_")}


@app.task
def leave(name):
    """Leaves something in the list `name`."""
    app.backend.client.lpush(name, "here")


@app.task(bind=True)
def progress(self, gate):
    """Says how far it is until something stands in the list `gate`."""
    self.update_state(state="PROGRESS", meta={"done": 1, "of": 2})
    app.backend.client.brpop(gate, timeout=20)
    return "done"
