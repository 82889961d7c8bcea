#!/usr/bin/env python3
"""kill -9 of chain, wallet daemon, coordinator and node, one at a time and in turns, while jobs are submitted, worked
on and paid.  Afterwards every accepted job has ended, every escrow too, and nobody was paid twice."""
import json
import os
import random
import signal
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from roles import SLOW, World, audit, check, until  # noqa: E402
from harness import done  # noqa: E402

ROUNDS, EACH = (2, 3) if SLOW > 1 else (4, 5)  # of all four roles; jobs in each life


def submit(net, name, model, ids):
    """As a client that does not give up: the same wish again until it is a job."""
    def once():
        r = net.client.cli("submit", "inference", "--prompt", f"What is a receipt? {name}", "--model", model,
                           "--max-tokens", "12", "--payment", "0.5", "--idempotency-key", name, "--json")
        try:
            return json.loads(r.stdout)["job"]["job_id"]
        except (ValueError, KeyError):
            return None  # somebody was away: the client was told so

    job = until(once, 120)
    if job:
        ids[name] = job


def kills(net):
    rng, ids, n = random.Random(os.environ.get("SEED", "5")), {}, 0
    for r in range(ROUNDS):
        for role in rng.sample((net.chain, net.wallet, net.coordinator, net.node), 4):
            names = [(f"{role.name}-{r}-{i}", "ok" if i % 3 == 0 else "b3iq-mini") for i in range(EACH)]
            n += len(names)
            half = len(names) // 2
            threads = [threading.Thread(target=lambda part: [submit(net, a, b, ids) for a, b in part], args=(part,))
                       for part in (names[:half], names[half:])]
            for t in threads:
                t.start()
            threads[0].join(rng.uniform(0.0, 0.7))  # any moment will do
            role.end()
            threads[0].join(rng.uniform(0.0, 0.4))  # the others go on without it
            role.start()
            for t in threads:
                t.join()
    check("each wish became a job, none two", len(ids) == n == len(set(ids.values())), (len(ids), n))
    return ids


def main():
    net = World(times={"heartbeat_s": 1, "lease_s": 5, "funding_s": 5, "no_worker_s": 600}, limits={"attempts": 50})
    net.start()
    ids = kills(net)
    jobs = [net.settled(j, 120) for j in ids.values()]
    open_jobs = [(j["job_id"], j["phase"], j["payment_status"]) for j in jobs
                 if j["status"] != "completed" or j["payment_status"] != "released"]
    check("each of them was done and paid, whoever died", not open_jobs, open_jobs)
    known = {j["job_id"] for j in net.jobs()}
    check("no job is lost, none is there that nobody wished", set(ids.values()) == known,
          (set(ids.values()) - known, known - set(ids.values())))
    audit(net, [net.settled(j) for j in known], [net.payee])
    for job in list(ids.values())[::7]:
        net.client.said("result", job)
        r = net.client.cli("receipt", "verify", job, "--coordinator", net.public_key())
        check("a receipt verifies", r.returncode == 0 and "FAIL" not in r.stdout, r.stdout + r.stderr)
    for role in (net.node, net.coordinator, net.wallet, net.chain):
        check(f"the {role.name} ends in order", role.end(signal.SIGTERM) == 0)
    net.close()
    done()


main()
