"""harness: a real node in a home of its own, for the flow tests.  Standard library only.

    with Node() as node:                      # starts build/bin/b3iq, waits until it is ready
        status, headers, body = node.call("GET", "/v1/models")
        for event in node.stream("/v1/chat/completions", {...}): ...
        node.kill(); node.start()             # kill -9 and the next life of the same home

BUILD_DIR (or argv) says which build is under test.  A test prints one line per check and ends with
done(), which sets the exit status; skip(why) ends it as skipped (77).
"""
import atexit
import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("BUILD_DIR", os.path.join(SOURCE, "build", "release")))
B3IQ = os.path.join(BUILD, "bin", "b3iq")
SLOW = 10 if os.environ.get("B3IQ_SLOW") else 1  # sanitizers and valgrind: longer waits

_checks = {"passed": 0, "failed": 0}


def check(what, ok, detail=""):
    _checks["passed" if ok else "failed"] += 1
    print(f"{'ok' if ok else 'NOT OK'} - {what}" + (f": {detail}" if detail and not ok else ""), flush=True)
    return ok


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def need_npm():
    """npm and a Node.js of at least 20 (Debian 12 has 18; ci/test brings a newer one), else skipped."""
    if not shutil.which("npm") or not shutil.which("node"):
        skip("npm is not installed")
    version = subprocess.run(["node", "-p", "process.versions.node"], capture_output=True, text=True, check=False).stdout
    if not version or int(version.split(".")[0]) < 20:
        skip(f"Node.js 20 or newer is needed, here is {version.strip() or 'none'}")


def done():
    print(f"{_checks['passed']} passed, {_checks['failed']} failed")
    sys.exit(1 if _checks["failed"] or not _checks["passed"] else 0)


def free_port():
    """A port below the ephemeral range, free at this moment; drawn, so that tests side by side differ."""
    for port in random.sample(range(20000, 32000), 500):
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise RuntimeError("no free port below 32000")


class Node:
    def __init__(self, config=None, wrap=(), args=()):
        os.makedirs(os.path.join(BUILD, "flow"), mode=0o755, exist_ok=True)
        self.home = tempfile.mkdtemp(prefix="home-", dir=os.path.join(BUILD, "flow"))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.wrap, self.args, self.process, self.key = list(wrap), list(args), None, None
        self.log = os.path.join(self.home, "node.log")
        if config is not None:
            self.write_config(config)
        atexit.register(self.close)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.close()

    def write_config(self, config):
        with open(os.path.join(self.home, "config.json"), "w", encoding="utf-8") as f:
            json.dump(config, f)
        os.chmod(f.name, 0o600)

    def env(self, **more):
        return {**os.environ, "B3IQ_HOME": self.home, "NO_COLOR": "1", **more}

    def start(self, ready=True):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*self.wrap, B3IQ, "node", "--port", str(self.port), *self.args],
                env=self.env(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        if ready:
            self.wait_ready()
        if self.key is None and ready:
            self.key = self.cli("key", "create", "flow", "--quiet").stdout.strip()

    def wait_ready(self, seconds=20):
        end = time.monotonic() + seconds * SLOW
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            try:
                if self.call("GET", "/ready", key=None)[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.02)
        raise RuntimeError("the node did not become ready:\n" + self.log_text()[-4000:])

    def cli(self, *args, stdin="", timeout=120, check_rc=True):
        r = subprocess.run([B3IQ, *args], env=self.env(), input=stdin, capture_output=True,
                           text=True, timeout=timeout * SLOW)
        if check_rc and r.returncode:
            raise RuntimeError(f"b3iq {' '.join(args)}: exit {r.returncode}\n{r.stdout}{r.stderr}")
        return r

    def request(self, method, path, body=None, key="own", headers=None, timeout=120):
        """An open response, and its connection."""
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout * SLOW)
        h = dict(headers or {})
        key = self.key if key == "own" else key
        if key:
            h["Authorization"] = f"Bearer {key}"
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            h.setdefault("Content-Type", "application/json")
        c.request(method, path, body=body, headers=h)
        return c.getresponse(), c

    def call(self, method, path, body=None, **kw):
        """(status, headers, parsed JSON or text)."""
        r, c = self.request(method, path, body, **kw)
        raw = r.read()
        c.close()
        text = raw.decode("utf-8")
        is_json = "json" in (r.getheader("Content-Type") or "")
        return r.status, r.headers, json.loads(text) if is_json and text else text

    def stream(self, path, body, **kw):
        """The data of each server-sent event, parsed; "[DONE]" as it is."""
        r, c = self.request("POST", path, {**body, "stream": True}, **kw)
        try:
            if r.status != 200:
                raise RuntimeError(f"{r.status}: {r.read().decode()}")
            for line in r:
                line = line.decode("utf-8").rstrip("\n")  # a broken character raises here
                if line.startswith("data: "):
                    data = line[6:]
                    yield data if data == "[DONE]" else json.loads(data)
        finally:
            c.close()

    def log_text(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()

    def children(self):
        """Process ids of the plugin children."""
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as f:
            found = f.read().split()
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            try:
                with open(f"/proc/{self.process.pid}/task/{task}/children", encoding="ascii") as f:
                    found += f.read().split()
            except OSError:
                pass
        return sorted({int(p) for p in found})

    def rss(self):
        """Resident bytes of the node process itself."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as f:
            return next(int(x.split()[1]) * 1024 for x in f if x.startswith("VmRSS"))

    def kill(self, sig=signal.SIGKILL):
        self.process.send_signal(sig)
        return self.process.wait(30 * SLOW)

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20 * SLOW)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None
        if os.environ.get("KEEP_HOME") is None:
            shutil.rmtree(self.home, ignore_errors=True)
