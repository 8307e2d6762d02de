"""Runs the Python that the tests send: a line of JSON in, a line of JSON out, for each of many.

    python client.py PORT

In comes {"url": …} first, then {"code": …} as often as wanted; out comes {"value": …} of the code's
last expression, or {"raised": …}. A connection has names of its own, those of tasks.py among them.
"""

import ast
import json
import socketserver
import sys
import traceback
from pathlib import Path

from celery import Celery

# Celery loads its parts when they are first used, which many threads must not do at once.
Celery(broker="redis://", backend="redis://").backend

TASKS = compile(Path(__file__).with_name("tasks.py").read_text(), "tasks.py", "exec")


def run(code, names):
    """The value of the last expression."""
    module = ast.parse(code)
    last = module.body.pop() if isinstance(module.body[-1], ast.Expr) else None
    exec(compile(module, "<test>", "exec"), names)
    return last and eval(compile(ast.Expression(last.value), "<test>", "eval"), names)


def answer(code, names):
    try:
        return {"value": run(code, names)}
    except Exception as error:
        return {
            "raised": {
                "type": type(error).__name__,
                "module": type(error).__module__,
                "args": error.args,
                "traceback": traceback.format_exc(),
            }
        }


class Connection(socketserver.StreamRequestHandler):
    def handle(self):
        names = None
        for line in self.rfile:
            request = json.loads(line)
            if names is None:
                names = {"__name__": "tasks", "url": request["url"]}
                exec(TASKS, names)
                continue
            text = json.dumps(answer(request["code"], names), default=repr)
            self.wfile.write(text.encode() + b"\n")


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


with Server(("127.0.0.1", int(sys.argv[1])), Connection) as server:
    server.serve_forever()
