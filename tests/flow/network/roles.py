"""roles: chain, wallet daemon, coordinator, node and client, each a process in a home of its own, wired by hand as
docs/coordinator.md section 7 tells an operator to do it.

    net = World()
    net.start()                            # chain, wallets and their money, daemon, coordinator, node
    job = net.submit("What is an escrow?")
    net.kill("chain"); net.start("chain")  # kill -9, and the next life of the same home
    audit(net)                             # the books, by what the chain says alone
"""
import atexit
import glob
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

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from harness import B3IQ, BUILD, SLOW, check  # noqa: E402

COIN = 10**6
ENDED = ("completed", "failed", "cancelled", "expired")
AT_REST = ("released", "refunded", "failed", "free")
PASSWORD = "canary password 5e1d"
NODE = {
    "node": {"limits": {"drain_s": 5}}, "require_pin": False,
    "plugin_dirs": [os.path.join(BUILD, "examples"), os.path.join(BUILD, "plugins")],
    "plugins": {"cpu": {"plugin": "cpu"}, "slow": {"plugin": "flaky", "config": {"token_ms": 40}}},
    "worker": {"concurrency": 4, "models": ["b3iq-mini", "ok", "internal"]},
}


def until(condition, seconds=60):
    """What it was when it came true, or at the end of the time."""
    end = time.monotonic() + seconds * SLOW
    while True:
        value = condition()
        if value or time.monotonic() > end:
            return value
        time.sleep(0.05)


def own_port():
    """A free port below the ephemeral range, drawn: it must stay ours while its process is dead, and tests that
    run beside this one take theirs in order."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


class Role:
    """One process, its home and its port, which it keeps through all its lives."""

    def __init__(self, name):
        os.makedirs(os.path.join(BUILD, "flow"), mode=0o755, exist_ok=True)
        self.name, self.process, self.port = name, None, None
        self.home = tempfile.mkdtemp(prefix=f"net-{name}-", dir=os.path.join(BUILD, "flow"))
        self.log = os.path.join(self.home, "log")
        self.args, self.more = [], {}
        atexit.register(self.close)

    def env(self):
        own = {k: v for k, v in os.environ.items() if not k.endswith(("_KEY", "_KEYS")) and
               k not in ("AITBC_URL", "B3IQ_URL", "AITBC_BLOCKCHAIN_RPC_URL")}
        return {**own, "B3IQ_HOME": self.home, "NO_COLOR": "1", **self.more}

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def put(self, name, text):
        path = os.path.join(self.home, name)
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path, 0o600)
        return path

    def start(self):
        self.port = self.port or own_port()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([B3IQ, self.name, "--port", str(self.port), "--json", *self.args],
                                            env=self.env(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)
        line = self.process.stdout.readline()
        if not line.startswith(b"{") or "error" in json.loads(line):
            raise RuntimeError(f"{self.name} did not become ready: {line}\n{self.log_text()[-3000:]}")
        until(lambda: self.call("GET", "/ready")[0] == 200, 5)  # the coordinator's ledger may take its time

    def end(self, sig=signal.SIGKILL):
        if not self.process:
            return None
        self.process.send_signal(sig)
        code = self.process.wait(60 * SLOW)
        self.process.stdout.close()
        self.process = None
        return code

    def close(self):
        self.end()
        if os.environ.get("KEEP_HOME") is None:
            shutil.rmtree(self.home, ignore_errors=True)

    def cli(self, *args, **kw):
        return subprocess.run([B3IQ, *args], env=self.env(), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=300 * SLOW, check=False, **kw)

    def said(self, *args):
        """What a command that must succeed says."""
        r = self.cli(*args)
        if r.returncode:
            raise RuntimeError(f"b3iq {' '.join(args)}: exit {r.returncode}\n{r.stdout}{r.stderr}")
        return r.stdout.strip()

    def call(self, method, path, body=None, headers=None):
        """(status, JSON or text, headers)"""
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120 * SLOW)
        try:
            c.request(method, path, body=None if body is None else json.dumps(body),
                      headers={"Content-Type": "application/json", **(headers or {})})
            r = c.getresponse()
            raw = r.read().decode()
            is_json = raw and "json" in (r.getheader("Content-Type") or "")
            return r.status, json.loads(raw) if is_json else raw, r.headers
        finally:
            c.close()

    def get(self, path):
        return self.call("GET", path)[1]

    def log_text(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()


class World:
    def __init__(self, node=True, **settings):
        self.chain, self.wallet, self.coordinator, self.node, self.client = self.all = [
            Role(name) for name in ("chain", "wallet", "coordinator", "node", "client")]
        self.settings, self.with_node = settings, node

    # ---- as an operator does it

    def start(self):
        self.chain.args = ["--no-comet"]
        self.chain.start()
        self.password = self.wallet.put("password", PASSWORD + "\n")
        for name in ("buyer", "poor", "arbiter"):
            self.wallet.said("wallet", "create", name, "--password-file", self.password)
        self.node.put("password", PASSWORD + "\n")
        self.node.said("wallet", "create", "node", "--password-file", os.path.join(self.node.home, "password"))
        self.payee = self.node.said("wallet", "address", "node")
        self.buyer, self.arbiter = (self.wallet.said("wallet", "address", n) for n in ("buyer", "arbiter"))
        self.wallet.args = ["--chain-url", self.chain.url, "--unlock", "buyer poor arbiter", "--password-file", self.password]
        self.wallet.start()
        for address in (self.buyer, self.arbiter):
            self.fund(address, 1000 * COIN)
        token = self.wallet.said("wallet", "token", "create", "coordinator", "--wallets", "buyer poor arbiter",
                                 "--per-tx", "none", "--per-day", "none", "--quiet")
        self.coordinator.put("secrets/coordinator/wallet", token + "\n")
        self.configure()
        self.keys = {"miner": self.key("gpu0", "miner"), "admin": self.key("root", "admin"),
                     "client": self.key("alice", "client", "--wallet", "buyer")}
        self.coordinator.start()
        self.client.more = {"AITBC_URL": self.coordinator.url, "CLIENT_API_KEY": self.keys["client"],
                            "ADMIN_API_KEY": self.keys["admin"]}
        if self.with_node:
            self.node.put("config.json", json.dumps(NODE))
            self.node.more = {"MINER_API_KEY": self.keys["miner"]}
            self.node.args = ["--coordinator", self.coordinator.url, "--payout", self.payee]
            self.node.start()
            self.online()

    def configure(self, **more):
        """coordinator.json; counts from the coordinator's next start."""
        plugin = os.path.join(BUILD, "plugins")
        pin = subprocess.run(["sha256sum", os.path.join(plugin, "localchain.so")], capture_output=True, text=True,
                             check=True).stdout.split()[0]
        self.coordinator.put("coordinator.json", json.dumps({
            "default_model": "b3iq-mini", **self.settings, **more,
            "ledger": {"plugin": "localchain", "plugin_dirs": [plugin], "sha256": pin, "config": {"url": self.chain.url},
                       "wallet": "arbiter", "wallet_url": self.wallet.url, "address": self.arbiter, "signers": ["buyer", "poor"], "batch_ms": 200}}))

    def key(self, name, role, *more):
        return self.coordinator.said("coordinator", "key", "create", name, "--role", role, *more, "--quiet")

    def fund(self, address, amount):
        status, answer, _ = self.chain.call("POST", "/rpc/faucet", {"address": address, "amount": str(amount)})
        if status != 200:
            raise RuntimeError(f"faucet: {status} {answer}")
        until(lambda: self.balance(address) >= amount)

    def online(self):
        def ready():
            try:
                found = self.call("GET", "/v1/admin/miners", key=self.keys["admin"])[1]["items"]
                return any(m["status"] == "ONLINE" for m in found)
            except OSError:
                return False
        if not until(ready):
            raise RuntimeError("the node is not online:\n" + self.node.log_text()[-3000:])

    def unlock(self, name):
        self.wallet.said("wallet", "unlock", name, "--seconds", "0", "--password-file", self.password)

    def lock(self, name):
        self.wallet.said("wallet", "lock", name)

    def public_key(self):
        """The coordinator's, as a client pins it: a file."""
        return os.path.join(self.coordinator.home, "keys", "coordinator.pub")

    def close(self):
        for role in self.all:
            role.close()

    # ---- as a client does it

    def ask(self, *args):
        r = self.client.cli(*args, "--json")
        if not r.stdout.strip():
            raise RuntimeError(f"b3iq {' '.join(args)}: exit {r.returncode}\n{r.stderr}")
        return json.loads(r.stdout)

    def call(self, method, path, body=None, key=None, headers=None):
        """(status, answer, headers) of the coordinator; the client's key, or another."""
        return self.coordinator.call(method, path, body, {"X-Api-Key": key or self.keys["client"], **(headers or {})})

    def submit(self, prompt, model="b3iq-mini", key=None, headers=None, **more):
        """(status, answer) of POST /v1/jobs."""
        return self.call("POST", "/v1/jobs", {"type": "inference", "prompt": prompt, "model": model, **more}, key,
                         headers)[:2]

    def job(self, job):
        return self.call("GET", f"/v1/jobs/{job}")[1]

    def jobs(self, key=None):
        return self.call("GET", "/v1/jobs?limit=500", key=key)[1]["items"]

    def status(self, job, *wanted):
        """The job when its status is one of these."""
        until(lambda: self.job(job)["status"] in wanted)
        return self.job(job)

    def settled(self, job, seconds=90):
        """The job when it has ended and its money is at rest."""
        until(lambda: (lambda j: j["status"] in ENDED and j["payment_status"] in AT_REST)(self.job(job)), seconds)
        return self.job(job)

    # ---- what the chain says

    def balance(self, address):
        return int(self.chain.get(f"/rpc/accounts/{address}")["balance"])

    def transactions(self):
        """All of them, oldest first."""
        out, path = [], "/rpc/transactions?limit=100"
        while path:
            page = self.chain.get(path)
            out += page["items"]
            path = f"/rpc/transactions?limit=100&before={page['next_before']}" if page.get("next_before") else None
        return out[::-1]


def escrows(net):
    """id -> (kinds of its transactions in order, amount paid, to whom), by the blocks alone."""
    found = {}
    for t in net.transactions():
        body = t["transaction"]["body"]
        if body["kind"].startswith("escrow_"):
            kinds, paid, to = found.setdefault(body["id"], ([], 0, None))
            kinds.append(body["kind"])
            if body["kind"] == "escrow_release":
                found[body["id"]] = (kinds, paid + int(body["amount"]), body["to"])
    return found


def audit(net, jobs, payees):
    """What must hold after anything.  jobs: all that were accepted, settled; payees: addresses that may be paid."""
    ends = {"escrow_release", "escrow_refund"}
    found = escrows(net)
    wrong = {i: k for i, (k, _, _) in found.items() if k[0] != "escrow_open" or len(k) != 2 or k[1] not in ends}
    check("every escrow was opened once and released or refunded once", not wrong and found, wrong)
    info = net.chain.get("/rpc/info")
    held = sum(int(a["balance"]) + int(a.get("stake", "0")) for a in net.chain.get("/rpc/addresses?limit=1000")["addresses"])
    check("all money is in accounts, none appeared or vanished", int(info["supply"]) == held, (info["supply"], held))
    paid = [j for j in jobs if j["payment_status"] == "released"]
    released = [(a, to) for k, a, to in found.values() if k[-1] == "escrow_release"]
    check("as many releases as paid jobs", len(released) == len(paid), (len(released), len(paid)))
    check("to those who worked, and nobody else", {to for _, to in released} <= set(payees), released[:4])
    said, moved = sum(int(j["amount_units"]) for j in paid), sum(a for a, _ in released)
    check("what was paid is what the receipts say", said == moved == sum(net.balance(p) for p in payees), (said, moved))
    check("paid is who completed, and no other", all((j["status"] == "completed") == (j["payment_status"] == "released")
                                                    for j in jobs), [(j["status"], j["payment_status"]) for j in jobs])
    r = net.chain.cli("chain", "verify")
    check("every block again gives the same state", r.returncode == 0, r.stdout + r.stderr)


def files_with(folder, needle):
    """Files below that contain these bytes."""
    found = []
    for path in glob.glob(os.path.join(folder, "**", "*"), recursive=True):
        if os.path.isfile(path):
            with open(path, "rb") as f:
                if needle in f.read():
                    found.append(os.path.relpath(path, folder))
    return found
