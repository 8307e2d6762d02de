"""Records where kombu's Redis transport and Celery's Redis result backend would look for each URL.

    python record.py            # writes urls.json beside this file; needs no Redis
    python record.py URL …      # prints the same for these URLs

kombu is asked with the function that its channel asks before it connects (`_connparams`), so that
nothing is connected to. `broker` or `backend` is null where that side refuses the URL.
"""

import json
import sys
import warnings
from pathlib import Path

import redis
from celery import Celery
from celery.backends.redis import RedisBackend
from kombu import Connection
from kombu.transport.redis import Channel

warnings.simplefilter("ignore")

URLS = [
    # Defaults of host, port and database.
    "redis://",
    "redis:///",
    "redis:///1",
    "redis://:6379/0",
    "redis://:7000",
    "redis://localhost",
    "redis://localhost/",
    "redis://localhost:/3",
    "redis://localhost:0/3",
    "redis://LocalHost:6379/3",
    "REDIS://localhost/3",
    "redis://0.0.0.0:7000/0",
    "redis://127.0.0.1:06379/0",
    # Databases.
    "redis://localhost//2",
    "redis://localhost///2",
    "redis://localhost/2/",
    "redis://localhost/02",
    "redis://localhost/+2",
    "redis://localhost/-1",
    "redis://localhost/1_0",
    "redis://localhost/%32",
    "redis://localhost/2 ",
    "redis://localhost/2\n",
    "redis://localhost/two",
    "redis://localhost/2/3",
    "redis://localhost/99",
    "redis://localhost/2#fragment",
    "redis://localhost/2;",
    # Queries.
    "redis://localhost?db=4",
    "redis://localhost/?db=4",
    "redis://localhost/1?db=4",
    "redis://localhost/?virtual_host=4",
    "redis://localhost/1?connect_timeout=3",
    "redis://localhost/1?heartbeat=3",
    "redis://localhost/1?heartbeat=often",
    "redis://localhost/1?login_method=x&insist=1",
    "redis://localhost/1?password=secret",
    "redis://localhost/1?ssl_cert_reqs=none",
    "redis://localhost/1?ssl=true",
    "redis://localhost/1?socket_timeout=5",
    "redis://localhost/1?protocol=3",
    "redis://localhost/1?",
    "redis://localhost/1?db=",
    # User and password.
    "redis://ann:secret@localhost/0",
    "redis://ann@localhost/0",
    "redis://ann:@localhost/0",
    "redis://:secret@localhost/0",
    "redis://:@localhost/0",
    "redis://@localhost/0",
    "redis://a%6En:s%40c%2Fr%3Ae%25t@localhost/0",
    "redis://:s@cret@localhost/0",
    "redis://:a:b:c@localhost/0",
    "redis://:gr%C3%BC%C3%9Fe@localhost/0",
    "redis://:grüße@localhost/0",
    "redis://:p+q@localhost/0",
    "redis://:100%@localhost/0",
    "redis://ann:pa ss@localhost/0",
    "redis://ann:pa?ss@localhost/0",
    "redis://:12#34@localhost/0",
    "redis://:secret@/2",
    # Addresses.
    "redis://[::1]:6379/0",
    "redis://[::1]/0",
    "redis://[::]:7000/0",
    "redis://ann:secret@[::1]:7000/3",
    "redis://[fe80::1%25eth0]:6379/0",
    "redis://[2001:DB8::1]/0",
    "redis://::1:6379/0",
    "redis://[::1/0",
    "redis://box%2Dname/0",
    "redis://bücher.example/0",
    "redis://localhost:99999/0",
    "redis://localhost:abc/0",
    "redis://localhost:6379:secret/0",
    "redis://localhost:6379:secret",
    "redis://:se/cret@localhost/0",
    # Sockets.
    "redis+socket:///tmp/r.sock",
    "redis+socket:///tmp/r.sock?virtual_host=3",
    "redis+socket:///tmp/r.sock?virtual_host=/3",
    "redis+socket:///tmp/r.sock?virtual_host=three",
    "redis+socket:///tmp/r.sock?virtual_host=",
    "redis+socket:///tmp/a%20b.sock",
    "redis+socket:///tmp/r@home.sock",
    "redis+socket://:secret@/tmp/r.sock",
    "redis+socket://ann:secret@/tmp/r.sock?virtual_host=2",
    "redis+socket://ann@/tmp/r.sock",
    "redis+socket://localhost/tmp/r.sock",
    "redis+SOCKET:///tmp/r.sock",
    "Redis+socket:///tmp/r.sock",
    "redis+socket:///tmp/r.sock?db=4",
    "redis+socket:///tmp/r.sock?virtual_host=3&socket_timeout=5",
    # What is something else, or nothing.
    "socket:///tmp/r.sock",
    "unix:///tmp/r.sock",
    "redis+unix:///tmp/r.sock",
    "redis+redis://localhost:7000/3",
    "valkey://localhost/0",
    "localhost:6379",
    "ann:secret@localhost:6379",
    "redis:localhost",
    "redis//:secret@localhost",
    "redis:/localhost/0",
    '"redis://localhost/0"',
    " redis://localhost/0",
    "",
]


def place(parameters):
    """Host and port, or the socket's path; the database; who is there."""
    found = {key: parameters.get(key) for key in ("db", "username", "password")}
    if parameters.get("path"):
        return {"path": parameters["path"], **found}
    return {"host": parameters["host"], "port": int(parameters["port"]), **found}


def tls(parameters):
    return issubclass(parameters.get("connection_class", object), redis.SSLConnection)


def broker(url):
    if ";" in url:
        return None  # Several brokers, one after the other: no one place.
    connection = Connection(url)
    if connection.transport_cls != "redis" and "redis" not in str(connection.transport_cls):
        return None
    channel = Channel.__new__(Channel)
    channel.connection = connection.transport
    parameters = channel._connparams()
    return None if tls(parameters) else place(parameters)


def backend(url):
    if ";" in url:
        return None
    _, _, rest = url.partition("+") if "+" in url.partition("://")[0] else ("", "", url)
    parameters = RedisBackend(app=Celery(), url=rest).connparams
    return None if tls(parameters) else place(parameters)


def asked(side, url):
    try:
        return side(url)
    except Exception:
        return None


def record(url):
    return {"url": url, "broker": asked(broker, url), "backend": asked(backend, url)}


if __name__ == "__main__":
    if sys.argv[1:]:
        print(json.dumps([record(url) for url in sys.argv[1:]], indent=1))
    else:
        rows = ",\n".join(json.dumps(record(url), ensure_ascii=False) for url in URLS)
        Path(__file__).with_name("urls.json").write_text(f"[\n{rows}\n]\n", encoding="utf-8")
