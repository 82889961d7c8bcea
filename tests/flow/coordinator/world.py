"""world: a real coordinator, a wallet daemon of the test's own, workers and clients that the test leads.

    with Coordinator(ledger={"alice": 10_000_000}) as c:
        alice, gpu = Client(c, "alice"), Worker(c, "gpu0")
        status, job = alice.submit("What is a lease?")
        work = gpu.poll()
        status, answer = gpu.result(work, "An answer.")
"""
import base64
import glob
import hashlib
import hmac
import http.client
import http.server
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import B3IQ, BUILD, SLOW, free_port  # noqa: E402

# ---- Ed25519 (RFC 8032), slowly: the test signs what it forges ------------------------------------

P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def _add(a, b):
    x, y = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    z, w = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = y - x, w - z, w + z, y + x
    return e * f % P, g * h % P, f * g % P, e * h % P


def _mul(n, point):
    out = (0, 1, 1, 0)
    while n:
        if n & 1:
            out = _add(out, point)
        point = _add(point, point)
        n >>= 1
    return out


def _base():
    y = 4 * pow(5, P - 2, P) % P
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    x = P - x if x & 1 else x
    return x, y, 1, x * y % P


B = _base()


def _compress(point):
    z = pow(point[2], P - 2, P)
    x, y = point[0] * z % P, point[1] * z % P
    return (y | ((x & 1) << 255)).to_bytes(32, "little")


class Key:
    def __init__(self, seed=None):
        h = hashlib.sha512(seed or secrets.token_bytes(32)).digest()
        self.a = (int.from_bytes(h[:32], "little") & ((1 << 254) - 8)) | (1 << 254)
        self.prefix = h[32:]
        self.public = _compress(_mul(self.a, B))
        self.name = "ed25519:" + self.public.hex()

    def sign(self, message):
        r = int.from_bytes(hashlib.sha512(self.prefix + message).digest(), "little") % L
        point = _compress(_mul(r, B))
        k = int.from_bytes(hashlib.sha512(point + self.public + message).digest(), "little") % L
        return point + ((r + k * self.a) % L).to_bytes(32, "little")


# ---- receipts (docs/receipts.md) -------------------------------------------------------------------


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def salt(secret, field):
    prk = hmac.new(bytes(32), secret, "sha256").digest()
    return hmac.new(prk, b"b3iq.salt/1\n" + field.encode() + b"\x01", "sha256").digest()


def commit(secret, field, data):
    return hashlib.sha256(b"b3iq.commit/1\n" + field.encode() + b"\0" + salt(secret, field) + data).hexdigest()


def wait_for(condition, seconds=30):
    """Until it is true; the value, or None when the time is over."""
    end = time.monotonic() + seconds * SLOW
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    return None


# ---- a wallet daemon that signs everything ------------------------------------------------------------


class Wallets(http.server.ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self):
        super().__init__(("127.0.0.1", free_port()), WalletHandler)
        self.keys, self.token, self.asked = {}, secrets.token_hex(8), []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def key(self, name):
        return self.keys.setdefault(name, Key())

    def handle_error(self, *_):
        pass  # a coordinator that was killed while it asked


class WalletHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, doc):
        raw = json.dumps(doc).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def enter(self):
        m = re.match(r"/v1/wallets/([^/]+)(/sign)?$", self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Authorization") != f"Bearer {self.server.token}" or not m:
            self.answer(401, {"error": {"message": "not this token"}})
            return None, body
        return m.group(1), body

    def do_GET(self):
        name, _ = self.enter()
        if name:
            key = self.server.key(name)
            self.answer(200, {"name": name, "address": name, "public_key": key.name, "locked": False})

    def do_POST(self):
        name, body = self.enter()
        if name:
            text = json.loads(body)["message"]
            message = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            self.server.asked.append((name, message))
            key = self.server.key(name)
            self.answer(200, {"signature": key.sign(message).hex(), "public_key": key.name})


# ---- the coordinator -------------------------------------------------------------------------------------


class Coordinator:
    def __init__(self, ledger=None, fault="none", env=None, **settings):
        os.makedirs(os.path.join(BUILD, "flow"), mode=0o755, exist_ok=True)
        self.home = tempfile.mkdtemp(prefix="coord-", dir=os.path.join(BUILD, "flow"))
        self.process, self.more = None, env or {}
        self.log = os.path.join(self.home, "log")
        self.ledger, self.opening = os.path.join(self.home, "ledger.txt"), ledger
        self.wallets = Wallets() if ledger is not None else None
        self.port = free_port()  # after the wallets have theirs
        self.url = f"http://127.0.0.1:{self.port}"
        settings = {"listen": {"port": self.port}, **settings}
        if ledger is not None:
            settings["ledger"] = {
                "plugin": "ledger-file", "plugin_dirs": [os.path.join(BUILD, "examples")],
                "wallet_url": self.wallets.url, "signers": sorted(ledger), "batch_ms": 200,
                "config": {"path": self.ledger, "fault": fault,
                           "accounts": [f"{k}={v}" for k, v in sorted(ledger.items())]}}
            self.put("secrets/coordinator/wallet", self.wallets.token)
        self.settings = settings
        self.put("coordinator.json", json.dumps(settings))

    def put(self, name, text):
        path = os.path.join(self.home, name)
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path, 0o600)
        return path

    def __enter__(self):
        self.trust()
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        if self.wallets:
            self.wallets.shutdown()
            self.wallets.server_close()
        if os.environ.get("KEEP_HOME") is None:
            shutil.rmtree(self.home, ignore_errors=True)

    def trust(self):
        if self.opening is not None:
            with open(os.path.join(BUILD, "examples", "ledger-file.so"), "rb") as f:
                self.settings["ledger"]["sha256"] = hashlib.sha256(f.read()).hexdigest()
            self.put("coordinator.json", json.dumps(self.settings))

    def env(self):
        return {**os.environ, "B3IQ_HOME": self.home, "NO_COLOR": "1", **self.more}

    def start(self, wrap=()):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([*wrap, B3IQ, "coordinator"], env=self.env(),
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        def ready():
            if self.process.poll() is not None:
                raise RuntimeError("the coordinator ended:\n" + self.log_text()[-4000:])
            try:
                return self.call("GET", "/ready")[0] == 200
            except OSError:
                return False
        if not wait_for(ready, 30):
            raise RuntimeError("the coordinator is not ready:\n" + self.log_text()[-4000:])

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30 * SLOW)
        self.process = None

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30 * SLOW)
        # the sandbox child notices and ends; it holds no lock that matters

    def restart(self):
        self.kill()
        self.start()

    def log_text(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()

    def key(self, name, role, *more):
        r = subprocess.run([B3IQ, "coordinator", "key", "create", name, "--role", role, "--quiet", *more],
                           env=self.env(), capture_output=True, text=True, timeout=60 * SLOW)
        if r.returncode:
            raise RuntimeError(r.stderr)
        return r.stdout.strip()

    def call(self, method, path, body=None, key=None, headers=None, timeout=90):
        """(status, parsed body or None, headers)"""
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout * SLOW)
        h = {"Content-Type": "application/json", **(headers or {})}
        if key:
            h.setdefault("X-Api-Key", key)
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        try:
            c.request(method, path, body=body, headers=h)
            r = c.getresponse()
            raw = r.read()
            kind = r.getheader("Content-Type") or ""
            return r.status, (json.loads(raw) if raw and "json" in kind else raw.decode()), r.headers
        finally:
            c.close()

    # ---- the ledger, read by the test itself

    def lines(self):
        if not os.path.exists(self.ledger):
            return []
        with open(self.ledger, encoding="utf-8") as f:
            return [json.loads(x) for x in f.read().split("\n")[:-1]]

    def balances(self):
        """Accounts and open escrows, by the rules alone; raises where a line breaks them."""
        money, open_, closed = dict(self.opening), {}, set()
        for t in self.lines():
            amount = int(t.get("amount") or 0)
            if t["op"] == "escrow_open":
                assert t["digest"] not in open_ and t["digest"] not in closed, "opened twice"
                money[t["signer"]] -= amount
                assert money[t["signer"]] >= 0, "overdrawn"
                open_[t["digest"]] = (t["signer"], amount)
            elif t["op"] in ("escrow_release", "escrow_refund"):
                buyer, held = open_.pop(t["digest"])
                closed.add(t["digest"])
                if t["op"] == "escrow_refund":
                    money[buyer] += held
                    continue
                cut = int(json.loads(t["extra"])["cut"])
                assert amount + cut <= held, "more than was held"
                for who, n in ((t["to"], amount), (t["signer"], cut), (buyer, held - amount - cut)):
                    money[who] = money.get(who, 0) + n
        return money, {k: v[1] for k, v in open_.items()}

    def conserved(self):
        money, held = self.balances()
        return sum(money.values()) + sum(held.values()) == sum(self.opening.values())


class Client:
    def __init__(self, c, name, wallet=None, role="client", more=()):
        self.c, self.name = c, name
        wallet = wallet or (name if c.opening and name in c.opening else None)
        self.key = c.key(name, role, *(["--wallet", wallet] if wallet else []), *more)

    def call(self, method, path, body=None, **kw):
        return self.c.call(method, path, body, key=self.key, **kw)

    def submit(self, prompt="What is a lease?", model="mini", headers=None, **more):
        s, b, _ = self.call("POST", "/v1/jobs", {"type": "inference", "prompt": prompt, "model": model, **more},
                            headers=headers)
        return s, b

    def job(self, job, query=""):
        return self.call("GET", f"/v1/jobs/{job}{query}")[1]

    def cancel(self, job):
        s, b, _ = self.call("POST", f"/v1/jobs/{job}/cancel", {})
        return s, b

    def settled(self, job):
        """The job once its money has come to rest."""
        def at_rest():
            j = self.job(job)
            return j if j["payment_status"] in ("free", "released", "refunded", "failed") else None
        return wait_for(at_rest, 60)


class Worker:
    def __init__(self, c, name, register=True, key=None, **more):
        self.c, self.name, self.node = c, name, Key()
        self.key = key or c.key(name, "miner")
        if register:
            s, b = self.register(**more)
            assert s == 200, b

    def call(self, path, body=None, method="POST", **kw):
        headers = {"X-Miner-ID": self.name}
        s, b, _ = self.c.call(method, path, body if body is not None else {}, key=self.key, headers=headers, **kw)
        return s, b

    def register(self, verified=True, **more):
        body = {"capabilities": {"gpu": "RTX 4090", "cuda": "12.4", "vram_gb": 24}, "concurrency": 4,
                "region": "eu", "address": "pay-" + self.name, **more}
        if verified:
            _, n = self.call("/v1/miners/challenge")
            message = b"b3iq.worker/1\n" + n["nonce"].encode() + n["key"].encode()
            body = {"node": self.node.name, "nonce": n["nonce"], "proof": self.node.sign(message).hex(), **body}
        return self.call("/v1/miners/register", body)

    def poll(self, wait=10):
        s, b = self.call("/v1/miners/poll", {"max_wait_seconds": wait})
        assert s in (200, 204), (s, b)
        return b if s == 200 else None

    def heartbeat(self, **body):
        return self.call("/v1/miners/heartbeat", body)

    def receipt(self, work, output, secret, changes=None, key=None):
        now = int(time.time() * 1000)
        params = hashlib.sha256(b"b3iq.params/1\n" + canonical(work["params"])).hexdigest()
        key = key or self.node
        body = {
            "version": "b3iq.receipt/1", "kind": "final", "id": "rcpt_" + secrets.token_hex(16), "node": key.name,
            "seq": 1, "prev": "0" * 64, "order": work["order"], "model": {"name": work["model"]},
            "runtime": {"engine": "scripted 1", "profile": "none", "tier": "T0"}, "params": params,
            "seed": {"value": work.get("seed", "7"), "by": "client" if "seed" in work else "node"},
            "prompt": commit(secret, "prompt", work["request"].encode()),
            "output": commit(secret, "output", output.encode()),
            "usage": {"prompt": 5, "cached": 0, "output": 3}, "finish": "end",
            "times": {"start_ms": now - 20, "first_ms": now - 10, "end_ms": now}, "price": "0", "amount": "0",
            "evidence": {"model": "configured", "output": "signed-claim", "usage": "signed-claim",
                         "times": "signed-claim"}, "expires_ms": now + 86400000}
        body.update(changes or {})
        digest = hashlib.sha256(b"b3iq.receipt/1\n" + canonical(body)).digest()
        return {"receipt": body, "hash": digest.hex(), "node_key": key.name,
                "signature": key.sign(b"b3iq.receipt/1\n" + digest).hex()}

    def report(self, work, output="A lease is a promise with a date.", changes=None, key=None, **more):
        secret = secrets.token_bytes(32)
        return {"lease": work["lease"]["id"], "result": {"output": output, "model": work["model"]},
                "receipt": self.receipt(work, output, secret, changes, key),
                "openings": {"secret": secret.hex(), "params": work["params"]}, "metrics": {}, **more}

    def result(self, work, output="A lease is a promise with a date.", **kw):
        return self.call(f"/v1/miners/{work['job_id']}/result", self.report(work, output, **kw))

    def fail(self, work, code, message=""):
        return self.call(f"/v1/miners/{work['job_id']}/fail",
                         {"lease": work["lease"]["id"], "error_code": code, "error_message": message})


def files_with(folder, needle):
    """Files below that contain these bytes."""
    found = []
    for path in glob.glob(os.path.join(folder, "**", "*"), recursive=True):
        if os.path.isfile(path):
            with open(path, "rb") as f:
                if needle in f.read():
                    found.append(os.path.relpath(path, folder))
    return found
