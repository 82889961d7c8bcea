"""client: a real `b3iq chain` in a home of its own, and somebody who signs with nothing of ours (the Python of
tests/unit/tx/reference.py)."""
import atexit
import base64
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(HERE), os.path.join(os.path.dirname(os.path.dirname(HERE)), "unit", "tx")]
from harness import B3IQ, BUILD, SLOW  # noqa: E402
from reference import address, public, transaction  # noqa: E402


class Person:
    def __init__(self, n):
        self.seed = bytes([n] * 32)
        self.key = public(self.seed)
        self.address = address(self.key)
        self.nonce = 0

    def sign(self, chain, kind, fee="10", nonce=None, **body):
        """Returns (wire text, hash) and counts the nonce."""
        if nonce is None:
            nonce, self.nonce = self.nonce, self.nonce + 1
        t = transaction(self.seed, {"chain": chain, "fee": fee, "nonce": nonce, "kind": kind, **body})
        return t["wire"], t["hash"]


class Chain:
    def __init__(self, *args, home=None, genesis=None):
        os.makedirs(os.path.join(BUILD, "flow"), mode=0o755, exist_ok=True)
        self.home = home or tempfile.mkdtemp(prefix="chain-", dir=os.path.join(BUILD, "flow"))
        self.args, self.process, self.id = list(args), None, 0
        if genesis:
            self.args += ["--genesis", genesis]
        atexit.register(self.close)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()

    def env(self):
        return {**os.environ, "B3IQ_HOME": self.home, "NO_COLOR": "1"}

    def start(self, ready=True):
        self.errors = open(os.path.join(self.home, "chain.log"), "ab")
        self.process = subprocess.Popen([B3IQ, "chain", "--port", "0", "--comet-port", "0", "--json", *self.args],
                                        env=self.env(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=self.errors)
        if ready:
            line = self.process.stdout.readline()
            if not line:
                raise RuntimeError("the chain did not start:\n" + self.log())
            self.ready = json.loads(line)
            if "url" not in self.ready:
                raise RuntimeError("the chain did not start:\n" + line.decode())
            self.port = int(self.ready["url"].rsplit(":", 1)[1])
            self.comet = int(self.ready["comet_url"].rsplit(":", 1)[1])
        return self

    def log(self):
        with open(os.path.join(self.home, "chain.log"), encoding="utf-8", errors="replace") as f:
            return f.read()[-4000:]

    def kill(self, sig=signal.SIGKILL):
        self.process.send_signal(sig)
        rc = self.process.wait(60 * SLOW)
        self.process.stdout.close()
        self.errors.close()
        return rc

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process = None
        if os.environ.get("KEEP_HOME") is None:
            shutil.rmtree(self.home, ignore_errors=True)

    def cli(self, *args, stdin="", check_rc=True):
        r = subprocess.run([B3IQ, "chain", *args], env=self.env(), input=stdin, capture_output=True, text=True,
                           timeout=120 * SLOW)
        if check_rc and r.returncode:
            raise RuntimeError(f"b3iq chain {' '.join(args)}: exit {r.returncode}\n{r.stdout}{r.stderr}")
        return r

    def call(self, method, path, body=None, port=None):
        c = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=120 * SLOW)
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        c.request(method, path, body=body, headers={"Content-Type": "application/json"} if body is not None else {})
        r = c.getresponse()
        raw = r.read()
        c.close()
        kind = r.getheader("Content-Type") or ""
        return r.status, json.loads(raw) if "json" in kind and raw else raw.decode()

    def rpc(self, method, port=None, **params):
        """The whole JSON-RPC answer."""
        self.id += 1
        status, answer = self.call("POST", "/", {"jsonrpc": "2.0", "id": self.id, "method": method, "params": params}, port)
        assert status == 200 and answer["id"] == self.id, answer
        return answer

    def broadcast(self, wire, how="commit", port=None):
        """The result of broadcast_tx_*."""
        answer = self.rpc(f"broadcast_tx_{how}", port, tx=base64.b64encode(wire.encode()).decode())
        return answer.get("result") or answer["error"]

    def account(self, who):
        return self.call("GET", f"/rpc/accounts/{who.address}")[1]

    def give(self, who, amount):
        status, answer = self.call("POST", "/rpc/faucet", {"address": who.address, "amount": str(amount)})
        assert status == 200, answer
        self.until(lambda: self.call("GET", f"/rpc/tx/{answer['tx_hash']}")[1].get("status") == "confirmed")

    def until(self, condition, seconds=60):
        end = time.monotonic() + seconds * SLOW
        while not condition():
            if time.monotonic() > end:
                raise RuntimeError("it does not come to that:\n" + self.log())
            time.sleep(0.01)
