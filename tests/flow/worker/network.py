#!/usr/bin/env python3
"""Client, coordinator and nodes as they are shipped, in free mode: the seed's command, and what becomes of a job
when the node, the coordinator or the client's network dies in the middle of it."""
import glob
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import B3IQ, BUILD, SLOW, Node, check, done, free_port  # noqa: E402

CANARY = "canary-c7d2-egret"
CONFIG = {
    "node": {"limits": {"drain_s": 5}}, "require_pin": False,
    "plugin_dirs": [os.path.join(BUILD, "examples"), os.path.join(BUILD, "plugins")],
    "plugins": {"cpu": {"plugin": "cpu"}, "slow": {"plugin": "flaky", "config": {"token_ms": 50}}},
    "worker": {"concurrency": 2, "models": ["b3iq-mini", "ok"]},
}


class Coordinator:
    def __init__(self):
        os.makedirs(os.path.join(BUILD, "flow"), mode=0o755, exist_ok=True)
        self.home = tempfile.mkdtemp(prefix="coordinator-", dir=os.path.join(BUILD, "flow"))
        with open(os.path.join(self.home, "coordinator.json"), "w", encoding="utf-8") as f:
            json.dump({"times": {"heartbeat_s": 1, "lease_s": 5, "no_worker_s": 60}}, f)
        os.chmod(f.name, 0o600)
        self.port, self.process = free_port(), None
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = os.path.join(self.home, "coordinator.log")
        self.keys = {role: self.key(role) for role in ("client", "miner", "admin")}

    def env(self):
        return {**os.environ, "B3IQ_HOME": self.home, "NO_COLOR": "1"}

    def key(self, role):
        r = subprocess.run([B3IQ, "coordinator", "key", "create", role, "--role", role, "--json"], env=self.env(),
                           capture_output=True, text=True, check=True)
        return json.loads(r.stdout)["key"]

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([B3IQ, "coordinator", "--port", str(self.port), "--json"], env=self.env(),
                                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)
        line = self.process.stdout.readline()
        if not line:
            with open(self.log, encoding="utf-8", errors="replace") as f:
                raise RuntimeError("the coordinator did not become ready:\n" + f.read()[-3000:])

    def end(self, sig=signal.SIGKILL):
        if self.process:
            self.process.send_signal(sig)
            self.process.wait(60 * SLOW)
            self.process.stdout.close()
        self.process = None


class Client:
    def __init__(self, coordinator):
        self.c = coordinator
        self.home = tempfile.mkdtemp(prefix="client-", dir=os.path.join(BUILD, "flow"))

    def env(self):
        return {**os.environ, "B3IQ_HOME": self.home, "NO_COLOR": "1", "AITBC_URL": self.c.url,
                "CLIENT_API_KEY": self.c.keys["client"], "ADMIN_API_KEY": self.c.keys["admin"]}

    def run(self, *args, program=B3IQ, **kw):
        return subprocess.run([program, *args], env=self.env(), capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=180 * SLOW, **kw)

    def ask(self, *args):
        return json.loads(self.run(*args, "--json").stdout)

    def submit(self, prompt, *args):
        return self.ask("submit", "inference", "--prompt", prompt, *args)["job"]["job_id"]

    def job(self, job):
        return self.ask("status", job)["job"]

    def wait(self, job):
        return self.run("result", job, "--wait", "--timeout", str(120 * SLOW))


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds * SLOW
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    return None


def worker(c):
    node = Node(CONFIG, args=["--coordinator", c.url])
    node.env = lambda **more: {**os.environ, "B3IQ_HOME": node.home, "NO_COLOR": "1", "MINER_API_KEY": c.key_of(node), **more}
    return node


def receipts(node, order=None):
    with open(os.path.join(node.home, "keys", "cli.key"), encoding="ascii") as f:
        key = f.read().strip()
    found = node.call("GET", "/api/receipts?limit=1000", key=key)[2]["receipts"]
    return [r["receipt"] for r in found if order is None or r["receipt"].get("order") == order]


def online(client, n):
    return wait_for(lambda: sum(m["status"] == "ONLINE" for m in client.ask("admin", "miners")["items"]) == n)


def the_seed(c, client):
    link = os.path.join(client.home, "aitbc")
    os.symlink(B3IQ, link)
    r = client.run("submit", "inference", "--prompt", f"What is machine learning? {CANARY}", "--model", "b3iq-mini",
                   "--wait", program=link)
    lines = [line.split(": ")[0] for line in r.stdout.splitlines() if ": " in line]
    check("the seed's command ends with the seed's words", r.returncode == 0 and "Status: completed" in r.stdout
          and {"Job ID", "Status", "Result", "Receipt", "Completed in", "Cost"} <= set(lines), r.stdout + r.stderr)
    fields = dict(line.split(": ", 1) for line in r.stdout.splitlines() if ": " in line)
    pub = os.path.join(c.home, "keys", "coordinator.pub")
    for what in (fields["Job ID"], fields["Receipt"]):
        v = client.run("receipt", "verify", what, "--coordinator", pub)
        check(f"{what.split('_')[0]}: receipt, order, question and verdict verify", v.returncode == 0
              and all(f"{x} " in v.stdout for x in ("order", "question", "verdict")) and "FAIL" not in v.stdout, v.stdout)
    v = client.run("receipt", "verify", fields["Job ID"], "--coordinator", "ed25519:" + "0" * 64)
    check("not by another coordinator's word", v.returncode == 6, v.stdout)
    kept = os.path.join(client.home, "jobs", fields["Receipt"] + ".json")
    with open(kept, encoding="utf-8") as f:
        doc = json.load(f)
    doc["openings"]["output"] = doc["result"]["output"] = "something else"
    forged = os.path.join(client.home, "forged.json")
    with open(forged, "w", encoding="utf-8") as f:
        json.dump(doc, f)
    check("a changed answer shows", client.run("receipt", "verify", forged, "--coordinator", pub).returncode == 6)


def streaming(client):
    r = client.run("submit", "inference", "--prompt", "stream", "--model", "ok", "--max-tokens", "20", "--stream")
    said = r.stdout.split("\nJob ID: ")[0]
    job = r.stdout.split("Job ID: ")[1].split()[0]
    whole = client.ask("result", job)["settled"]["result"]["output"]
    check("a stream shows the whole answer", r.returncode == 0 and said == whole, (said, whole))


def once(client):
    a = client.submit("once", "--model", "ok", "--max-tokens", "2", "--idempotency-key", "k1")
    b = client.submit("once", "--model", "ok", "--max-tokens", "2", "--idempotency-key", "k1")
    check("the same key is the same job", a == b)
    r = client.run("submit", "inference", "--prompt", "other", "--idempotency-key", "k1")
    check("but not for another question", r.returncode == 1, r.stderr)


def wrong_model(client):
    r = client.run("submit", "inference", "--prompt", "x", "--model", "nobody-has-it", "--wait", "--ttl", "1")
    check("a model that nobody has is never substituted", r.returncode == 11 and "Status: expired" in r.stdout, r.stdout + r.stderr)
    r = client.run("submit", "inference", "--prompt", "   ")
    check("an empty prompt is refused by the coordinator", r.returncode == 1 and "prompt" in r.stderr, r.stderr)


def cancelled(client, node):
    job = client.submit("cancel", "--model", "ok", "--max-tokens", "4000")
    wait_for(lambda: client.job(job)["status"] == "running")
    r = client.run("cancel", job)
    check("a running job is cancelled", r.returncode == 0 and "Status: cancelled" in r.stdout, r.stdout + r.stderr)
    check("and its worker stops", wait_for(lambda: any(x.get("failure") == "E_CANCELLED" for x in receipts(node))))
    check("its result is an end without one", client.wait(job).returncode == 11)
    check("cancelled twice: no", client.run("cancel", job).returncode == 1)


def killed_node(client, node):
    job = client.submit("kill the node", "--model", "ok", "--max-tokens", "40")
    wait_for(lambda: client.job(job)["status"] == "running")
    node.kill()
    node.start()
    r = client.wait(job)
    check("kill -9 of the node: the job is done all the same", r.returncode == 0 and "Status: completed" in r.stdout,
          r.stdout + r.stderr)
    order = client.ask("result", job)["settled"]["receipt"]["order"]
    kinds = sorted(x["kind"] for x in receipts(node, order))
    check("one receipt of the lost run, one of the good one", kinds == ["failure", "final"], kinds)
    check("in another attempt", client.job(job)["attempt"] > 1, client.job(job))


def restarted_coordinator(c, client, node):
    job = client.submit("kill the coordinator", "--model", "ok", "--max-tokens", "30")
    wait_for(lambda: client.job(job)["status"] == "running")
    before = len(receipts(node))
    c.end()
    check("the result waits", wait_for(lambda: len(receipts(node)) > before))
    r = client.run("status", job)
    check("nobody answers: three retries, then the client says so", r.returncode == 5, (r.returncode, r.stdout, r.stderr))
    c.start()
    r = client.wait(job)
    check("kill -9 of the coordinator: the spooled result counts", r.returncode == 0, r.stdout + r.stderr)
    order = client.ask("result", job)["settled"]["receipt"]["order"]
    check("without being made again", [x["kind"] for x in receipts(node, order)] == ["final"]
          and client.job(job)["attempt"] == 1)


def patient_client(c, client):
    c.end(signal.SIGTERM)
    result = {}

    def later():
        result["r"] = client.run("submit", "inference", "--prompt", "patience", "--model", "ok", "--max-tokens", "2")

    t = threading.Thread(target=later)
    t.start()
    time.sleep(0.2)
    c.start()
    t.join()
    # The pauses are drawn at random: a coordinator that is slow to start may miss all four tries.
    check("a submission outlives a short absence, or says that nobody answers",
          result["r"].returncode in (0, 5), result["r"].stderr)


def racing(c, client, nodes):
    jobs = [client.submit(f"race {i}", "--model", "ok", "--max-tokens", "10") for i in range(12)]
    wait_for(lambda: sum(client.job(j)["status"] == "running" for j in jobs) >= 2)
    nodes[1].kill()
    good = [client.wait(j).returncode for j in jobs]
    check("two workers, one of them killed: every job is done", good == [0] * 12, good)
    orders = [client.ask("result", j)["settled"]["receipt"]["order"] for j in jobs]
    nodes[1].start()
    finals = [sum(x["kind"] == "final" for n in nodes for x in receipts(n, o)) for o in orders]
    check("none of them lost, and done by both at most where one was killed", all(1 <= n <= 2 for n in finals), finals)
    counted = {client.ask("result", j)["settled"]["receipt"]["node_receipt"]["hash"] for j in jobs}
    check("each settled by a receipt of its own", len(counted) == 12)


def canary(c, node, client):
    found = []
    for home in (c.home, node.home):
        for name in glob.glob(home + "/**", recursive=True):
            if os.path.isfile(name) and "coordinator.db" not in name and CANARY.encode() in open(name, "rb").read():
                found.append(name)
    check("the prompt is with the client, and in the coordinator's table of content, nowhere else", not found, found)
    kept = [n for n in glob.glob(client.home + "/jobs/*") if os.stat(n).st_mode & 0o077]
    check("what the client keeps is for its eyes alone", not kept, kept)


c = Coordinator()
miner_keys = {}
c.key_of = lambda node: miner_keys[node.home]
c.start()
client = Client(c)
nodes = []
for i in range(2):
    nodes.append(worker(c))
    miner_keys[nodes[i].home] = c.keys["miner"] if i == 0 else json.loads(subprocess.run(
        [B3IQ, "coordinator", "key", "create", "second", "--role", "miner", "--json"], env=c.env(),
        capture_output=True, text=True, check=True).stdout)["key"]
    if i == 0:
        nodes[0].start()
try:
    check("the worker is online", online(client, 1))
    the_seed(c, client)
    streaming(client)
    once(client)
    wrong_model(client)
    cancelled(client, nodes[0])
    killed_node(client, nodes[0])
    restarted_coordinator(c, client, nodes[0])
    patient_client(c, client)
    nodes[1].start()
    check("a second worker is online", online(client, 2))
    racing(c, client, nodes)
    canary(c, nodes[0], client)
finally:
    for n in nodes:
        n.close()
    c.end(signal.SIGTERM)
    if os.environ.get("KEEP_HOME") is None:
        shutil.rmtree(c.home, ignore_errors=True)
        shutil.rmtree(client.home, ignore_errors=True)
done()
