#!/usr/bin/env python3
"""b3iq up: the seeds' flow through all roles of one process, and what must hold whatever dies when: no job is
lost, every escrow ends once, no money appears or vanishes, and no prompt is where it does not belong."""
import glob
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import B3IQ, BUILD, SLOW, check, done  # noqa: E402

CANARY = "zebra-lantern-4711"
ENDED = ("completed", "failed", "cancelled", "expired")
SETTLED = ("released", "refunded", "failed", "free")


class Devnet:
    def __init__(self):
        self.home = tempfile.mkdtemp(prefix="up-", dir=os.path.join(BUILD, "flow"))
        self.log = os.path.join(self.home, "up.log")
        self.process, self.urls = None, {}

    def env(self):
        own = {k: v for k, v in os.environ.items() if not k.endswith("_KEY") and k not in ("AITBC_URL", "B3IQ_URL")}
        return {**own, "B3IQ_HOME": self.home, "NO_COLOR": "1"}

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([B3IQ, "up", "--any-ports", "--json"], env=self.env(),
                                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)
        line = self.process.stdout.readline()
        if not line:
            with open(self.log, encoding="utf-8", errors="replace") as f:
                raise RuntimeError("b3iq up did not become ready:\n" + f.read()[-3000:])
        self.urls = json.loads(line)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60 * SLOW)

    def cli(self, *args, timeout=180):
        return subprocess.run([B3IQ, *args], env=self.env(), stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=timeout * SLOW, check=False)

    def ask(self, *args):
        r = self.cli(*args, "--json")
        return json.loads(r.stdout) if r.stdout.strip() else {}

    def get(self, role, path):
        with urllib.request.urlopen(self.urls[role] + path, timeout=60) as r:
            return r.read().decode()

    def jobs(self):
        return self.ask("jobs", "--limit", "500")["jobs"]


def books(net):
    """Supply as the genesis has it, and where it is."""
    info = json.loads(net.get("chain", "/rpc/info"))
    found = json.loads(net.get("chain", "/rpc/addresses"))
    held = sum(int(a["balance"]) + int(a.get("stake", "0")) for a in found["addresses"])
    return int(info["supply"]), held


def settled(net, seconds=90):
    """Until every job has ended and every escrow too."""
    end = time.monotonic() + seconds * SLOW
    jobs = []
    while time.monotonic() < end:
        jobs = net.jobs()
        if all(j["status"] in ENDED and j["payment_status"] in SETTLED for j in jobs):
            return jobs
        time.sleep(0.2)
    return jobs


def test_flow(net):
    r = net.cli("submit", "inference", "--prompt", f"What is machine learning? {CANARY}", "--wait")
    check("the seeds' command answers", r.returncode == 0 and "Status: completed" in r.stdout, r.stdout + r.stderr)
    for word in ("Job ID: job_", "Result: ", "Receipt: receipt_", "Completed in: ", "Cost: "):
        check(f"it says {word.strip(': ')}", word in r.stdout, r.stdout)
    job = settled(net)[0]
    check("the escrow is released", job["payment_status"] == "released", job)
    r = net.cli("receipt", "verify", job["job_id"])
    check("its receipt verifies, with verdict and order", r.returncode == 0 and "FAIL" not in r.stdout, r.stdout)
    paid = int(net.ask("wallet", "balance", "node", "--chain-url", net.urls["chain"])["balance"])
    check("the node has what the receipt says", paid == int(job["amount_units"]) > 0, (paid, job.get("amount_units")))
    r = net.cli("submit", "inference", "--prompt", "What is a token?", "--stream")
    check("an answer streams through the coordinator", r.returncode == 0 and "language model" in r.stdout, r.stdout)


def test_failures(net):
    r = net.cli("submit", "inference", "--prompt", " ", "--wait")
    check("an empty prompt is refused", r.returncode != 0 and "prompt" in r.stderr, r.stderr)
    before = len(net.jobs())
    r = net.cli("submit", "inference", "--prompt", "x", "--payment", "5000", "--wait")
    check("who has not the money gets no job", r.returncode != 0 and "cannot pay" in r.stderr,
          r.stdout + r.stderr)
    left = [j for j in net.jobs() if j["status"] not in ENDED]
    check("and nothing is left of it", not left and len(net.jobs()) <= before + 1, left)


def test_privacy(net):
    for pattern in ("up.log", "chain.db*", "wallet.db*", "state.db*"):
        for file in glob.glob(os.path.join(net.home, pattern)):
            with open(file, "rb") as f:
                check(f"no prompt in {os.path.basename(file)}", CANARY.encode() not in f.read())
    for role in ("chain", "wallet", "coordinator", "node"):
        check(f"no prompt in the metrics of {role}", CANARY not in net.get(role, "/metrics"))
    for path in ("/rpc/transactions", "/rpc/receipts", "/rpc/state"):
        check(f"no prompt at {path}", CANARY not in net.get("chain", path))


def submit_many(net, n, ids):
    for i in range(n):
        r = net.cli("submit", "inference", "--prompt", f"What is a receipt? {i}", "--json")
        try:
            ids.add(json.loads(r.stdout)["job_id"])
        except (ValueError, KeyError):
            pass  # the network was away: the client was told so


def test_kills(net, rounds):
    rng, ids = random.Random(11), set()
    for _ in range(rounds):
        threads = [threading.Thread(target=submit_many, args=(net, 4, ids)) for _ in range(2)]
        for t in threads:
            t.start()
        time.sleep(rng.uniform(0.01, 0.5))
        net.kill()
        for t in threads:
            t.join()
        net.start()
    jobs = settled(net, 180)
    known = {j["job_id"] for j in jobs}
    open_jobs = [(j["job_id"], j["status"], j["payment_status"]) for j in jobs
                 if j["status"] not in ENDED or j["payment_status"] not in SETTLED]
    check("every job ended and was settled", not open_jobs, open_jobs[:4])
    check("no accepted job is lost", ids <= known, ids - known)
    check("jobs were completed in spite of it", sum(j["status"] == "completed" for j in jobs) > rounds, len(jobs))
    return jobs


def test_books(net, jobs):
    supply, held = books(net)
    check("all money is in accounts: no escrow is left open", supply == held, (supply, held))
    transactions = json.loads(net.get("chain", "/rpc/transactions?limit=100"))["items"]
    check("the chain has transactions", len(transactions) > 10)
    paid = int(net.ask("wallet", "balance", "node", "--chain-url", net.urls["chain"])["balance"])
    said = sum(int(j["amount_units"]) for j in jobs if j["payment_status"] == "released")
    check("the node has exactly what its receipts say", paid == said, (paid, said))
    check("the node was not out of work", said > 0)
    code = net.stop()
    check("it ends in order", code == 0, code)
    r = net.cli("chain", "verify")
    check("every block again gives the same state", r.returncode == 0, r.stdout + r.stderr)


def main():
    os.makedirs(os.path.join(BUILD, "flow"), exist_ok=True)
    net = Devnet()
    net.start()
    try:
        test_flow(net)
        test_failures(net)
        test_privacy(net)
        test_books(net, test_kills(net, 4 if SLOW > 1 else 10))
    finally:
        net.process.kill()
    done()


main()
