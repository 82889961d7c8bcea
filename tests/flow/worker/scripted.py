"""scripted: a coordinator that a test leads step by step, as docs/coordinator.md section 3 has it.

    with Scripted() as c:
        c.give(job("hello", model="echo"))      # the next poll gets it
        report = c.wait_report("job_1")         # {"kind": "result"|"fail", "body": {...}}
        c.down(); c.up()                        # nobody listens; the same port again

It checks what a worker proves, keeps every call, and answers as it was told (c.answers).
"""
import hashlib
import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(HERE)), "unit", "receipt"))
from harness import SLOW, free_port  # noqa: E402
from verify import canonical, commit, signed  # noqa: E402

KEY = "miner-key-of-the-test"
PARAMS = {"flags": 0, "frequency_penalty_e6": 0, "max_tokens": 64, "min_p_e6": 0, "presence_penalty_e6": 0,
          "repetition_penalty_e6": 1000000, "temperature_e6": 0, "top_k": 0, "top_logprobs": 0, "top_p_e6": 1000000}
_count = [0]


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).hexdigest()


def job(prompt, model, seed="7", stream=False, **params):
    """What a poll answers for a job with this prompt; each with ids of its own."""
    _count[0] += 1
    name = f"job_{_count[0]}"
    request = canonical({"messages": [{"role": "user", "content": prompt}]}).decode()
    given = {**PARAMS, **params}
    order = canonical({
        "version": "b3iq.order/1", "job": name, "model": model, "max_price": "0", "deadline_ms": 4102444800000,
        "prompt": commit("prompt", bytes(32), request.encode()), "params": sha(b"b3iq.params/1\n", canonical(given))})
    answer = {"job_id": name, "attempt": 1, "lease": {"id": f"lease_{_count[0]}", "attempt": 1, "deadline_ms": 4102444800000},
              "payload": {"type": "inference", "prompt": prompt, "model": model}, "constraints": {},
              "model": model, "request": request, "params": given, "stream": stream,
              "order": sha(b"b3iq.order/1\n", order), "order_text": order.decode(), "reward": "0aitbc"}
    if seed is not None:
        answer["seed"] = seed
    return answer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=None, **headers):
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if status != 204:
            self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def error(self, status, code):
        self.answer(status, {"detail": code, "error": {"code": code, "message": code, "type": "x", "param": None}})

    def do(self):
        c = self.server.scripted
        if c.server is not self.server:  # down: also what was connected before
            self.close_connection = True
            return
        size = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(size)
        body = json.loads(raw) if raw else {}
        try:
            if self.headers.get("X-Api-Key") != KEY:
                return self.error(401, "unauthorized")
            c.note(self.command, self.path, body)
            c.handle(self, self.command, self.path, body)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the worker has left

    do_POST = do_DELETE = do_GET = do_PUT = do


class Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def handle_error(self, *_):
        pass


class Scripted:
    def __init__(self):
        self.lock = threading.Condition()
        self.port, self.server, self.thread = free_port(), None, None
        self.url = f"http://127.0.0.1:{self.port}"
        self.calls, self.jobs, self.leases, self.reports, self.deltas = [], [], {}, {}, {}
        self.lost, self.answers, self.nonces = set(), {}, {}
        self.worker, self.key_id, self.heartbeat_seconds = None, "key_test", 1

    def __enter__(self):
        self.up()
        return self

    def __exit__(self, *_):
        self.down()

    def up(self):
        self.server = Server(("127.0.0.1", self.port), Handler)
        self.server.scripted = self
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    def down(self):
        if not self.server:
            return
        server, self.server = self.server, None
        with self.lock:
            self.lock.notify_all()
        server.shutdown()
        server.server_close()
        self.thread.join()

    # ---- what a test does

    def give(self, *jobs):
        with self.lock:
            self.jobs += jobs
            self.lock.notify_all()

    def wait(self, condition, seconds=60):
        with self.lock:
            return self.lock.wait_for(condition, seconds * SLOW)

    def wait_report(self, name, seconds=60):
        return self.reports.get(name) if self.wait(lambda: name in self.reports, seconds) else None

    def called(self, part):
        with self.lock:
            return [c for c in self.calls if part in c[1]]

    def text_of(self, name):
        with self.lock:
            return "".join(text for _, text in sorted(self.deltas.get(name, {}).items()))

    # ---- what a worker sees

    def note(self, method, path, body):
        with self.lock:
            self.calls.append((method, path, body, time.monotonic()))
            self.lock.notify_all()

    def handle(self, h, method, path, body):
        parts = path.strip("/").split("/")
        told = self.answers.get(parts[-1])
        if told:  # (status, code[, how often]) instead of what it would say
            status, code, *left = told
            if left:
                self.answers[parts[-1]] = (status, code, left[0] - 1)
                if left[0] <= 1:
                    self.answers.pop(parts[-1])
            return h.error(status, code)
        if parts[:2] != ["v1", "miners"]:
            return h.error(404, "not_found")
        if method == "DELETE":
            with self.lock:
                self.worker = None
                self.lock.notify_all()
            return h.answer(200, {"status": "ok"})
        if len(parts) == 3:
            return getattr(self, "on_" + parts[2])(h, body)
        return getattr(self, "on_" + parts[3])(h, parts[2], body)

    def on_challenge(self, h, _):
        nonce = os.urandom(32).hex()
        with self.lock:
            self.nonces[nonce] = True
        h.answer(200, {"nonce": nonce, "key": self.key_id, "expires_ms": 4102444800000})

    def on_register(self, h, body):
        with self.lock:
            known = self.nonces.pop(body.get("nonce"), False)
        message = b"b3iq.worker/1\n" + body["nonce"].encode() + self.key_id.encode()
        key = bytes.fromhex(body["node"].removeprefix("ed25519:"))
        if not known or signed(key, message, bytes.fromhex(body["proof"])) is False:
            return h.error(403, "proof_invalid")
        with self.lock:
            self.worker = body
            self.lock.notify_all()
        h.answer(200, {"status": "ok", "miner_id": body.get("miner_id") or self.key_id, "session_token": "t", "verified": True,
                       "coordinator": "ed25519:" + "0" * 64, "heartbeat_seconds": self.heartbeat_seconds,
                       "lease_seconds": 60, "poll_seconds": 2})

    def on_heartbeat(self, h, body):
        with self.lock:
            if not self.worker:
                return h.error(404, "miner not registered")
            named = body.get("leases", [])
            lost = [x for x in named if x in self.lost]
            for lease, (given, when) in list(self.leases.items()):  # what never arrived is given again
                if lease not in named and lease not in self.lost and given["job_id"] not in self.reports \
                        and when < time.monotonic() - 2 * SLOW:
                    del self.leases[lease]
                    self.jobs.append(given)
                    self.lock.notify_all()
        h.answer(200, {"status": "ok", "leases": [], "lost": lost})

    def on_poll(self, h, body):
        server = self.server
        with self.lock:
            if not self.worker:
                return h.error(404, "miner not registered")
            self.lock.wait_for(lambda: self.jobs or self.server is not server, min(body["max_wait_seconds"], 2))
            if self.server is not server:
                h.close_connection = True
                return
            if not self.jobs:
                return h.answer(204)
            given = self.jobs.pop(0)
            self.leases[given["lease"]["id"]] = given, time.monotonic()
        h.answer(200, given)

    def on_status(self, h, name, body):
        h.answer(200, {"status": "ok"}) if body["status"] == "running" else h.error(400, "invalid_value")

    def on_delta(self, h, name, body):
        with self.lock:
            if body["lease"] in self.lost:
                return h.error(409, "lease_lost")
            pieces = self.deltas.setdefault(name, {})
            if body["seq"] > len(pieces):
                return h.error(409, "gap")
            pieces.setdefault(body["seq"], body["text"])
            n = len(pieces)
            self.lock.notify_all()
        h.answer(200, {"status": "ok", "next": n, "listeners": 1})

    def report(self, h, kind, name, body):
        with self.lock:
            if body["lease"] in self.lost:
                return h.error(409, "lease_lost")
            given = self.leases.get(body["lease"])
            if given and given[0]["job_id"] != name:
                return h.error(404, "not_found")
            self.reports.setdefault(name, {"kind": kind, "body": body, "count": 0})["count"] += 1
            self.lock.notify_all()
        h.answer(200, {"status": "ok", "job_id": name})

    def on_result(self, h, name, body):
        self.report(h, "result", name, body)

    def on_fail(self, h, name, body):
        self.report(h, "fail", name, body)
