#!/usr/bin/env python3
"""kill -9 of the coordinator at each single write to its disk, one after another, during the life of a paid job: strace
kills it as the n-th fdatasync begins.  And the same for the ledger's process at each of its own.  Whatever had been
written by then, the job ends once and its money with it."""
import os
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import Client, Coordinator, Worker, wait_for  # noqa: E402
from harness import check, done, skip  # noqa: E402

COIN = 1_000_000
if not shutil.which("strace") or subprocess.run(["strace", "-D", "-o", "/dev/null", "true"], check=False,
                                                 capture_output=True).returncode:
    skip("strace is not installed, or may not be used")


def kill_at(call, n):
    return ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e",
            f"inject={call}:signal=KILL:when={n}"]


class Life:
    """One job from submission to payment, by clients and workers that repeat themselves until they are answered."""

    def __init__(self, c, alice, gpu, name):
        self.c, self.alice, self.gpu, self.name, self.died = c, alice, gpu, name, False

    def alive(self):
        if self.c.process.poll() is not None:
            self.died = True
            self.c.start()

    def until(self, ask):
        """The first answer that ask() has."""
        for _ in range(600):
            self.alive()
            try:
                value = ask()
                if value:
                    return value
            except (OSError, ValueError, RuntimeError, AssertionError):
                pass
            time.sleep(0.05)
        raise RuntimeError(f"{self.name}: no answer")

    def submit(self):
        s, b = self.alice.submit(self.name, payment_amount=0.1, headers={"Idempotency-Key": self.name})
        return b["job_id"] if s == 201 else None

    def work(self):
        if self.alice.job(self.job)["status"] in ("completed", "failed"):
            return True
        work = self.gpu.poll(1)
        if not work:
            return None
        report = self.gpu.report(work)
        path = f"/v1/miners/{work['job_id']}/result"
        return self.until(lambda: self.gpu.call(path, report)[0] in (200, 403, 404, 409, 422))

    def at_rest(self):
        j = self.alice.job(self.job)
        return j if j["payment_status"] in ("released", "refunded") else None

    def live(self):
        self.job = self.until(self.submit)
        self.until(self.work)
        return self.until(self.at_rest)


def lives(call, most):
    with Coordinator(ledger={"alice": 100 * COIN}, times={"no_worker_s": 600, "heartbeat_s": 5, "lease_s": 60}) as c:
        alice, gpu = Client(c, "alice"), Worker(c, "gpu0")
        ends, killed = [], 0
        c.stop()
        for n in range(1, most):
            life = Life(c, alice, gpu, f"{call}-{n}")
            try:
                c.start(wrap=kill_at(call, n))
            except RuntimeError:
                life.died = True
                c.start()
            j = life.live()
            ends.append(j)
            killed += life.died or call == "fsync"
            c.stop()
            if not life.died and call == "fdatasync":
                break
        c.start()
        check(f"{call}: killed at each of {killed} writes", killed >= (8 if call == "fdatasync" else 1), killed)
        check(f"{call}: every job is completed and paid", all(j["status"] == "completed" and
              j["payment_status"] == "released" for j in ends), [j for j in ends if j["payment_status"] != "released"])
        s, b, _ = alice.call("GET", "/v1/jobs?limit=1000")
        check(f"{call}: each submission is one job", b["total"] == len(ends), b["total"])
        wait_for(lambda: not c.balances()[1])
        money, held = c.balances()
        check(f"{call}: money is conserved, nothing is held", c.conserved() and not held, (money, held))
        paid = sum(int(j["amount_units"]) for j in ends)
        check(f"{call}: what was paid is what was earned", money.get("pay-gpu0", 0) == paid and
              money["alice"] == 100 * COIN - paid, (money, paid))


lives("fdatasync", 60)
lives("fsync", 5)
done()
