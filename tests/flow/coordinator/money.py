#!/usr/bin/env python3
"""F12: escrow opened with the job, ended once, whatever dies when."""
import os
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import Client, Coordinator, Worker, wait_for  # noqa: E402
from harness import check, done  # noqa: E402

COIN = 1_000_000


def test_way_of_a_payment():
    with Coordinator(ledger={"alice": 10 * COIN, "coordinator": 0}, price={"cut_permille": 100}) as c:
        alice, gpu = Client(c, "alice"), Worker(c, "gpu0")
        s, job = alice.submit(payment_amount=1.5)
        check("a paid job is taken", s == 201, job)
        check("its escrow is open before anybody works", job["payment_status"] == "escrowed", job)
        money, held = c.balances()
        check("the ledger holds it", money["alice"] == 85 * COIN // 10 and list(held.values()) == [15 * COIN // 10],
              (money, held))
        work = gpu.poll()
        check("the worker sees what there is to earn", work["reward"] == "1.5aitbc", work)
        s, b = gpu.result(work)
        check("a result whose receipt verifies counts", s == 200, b)
        j = alice.settled(job["job_id"])
        check("it is released", j and j["payment_status"] == "released", j)
        money, held = c.balances()
        paid = int(j["amount_units"])
        check("worker, coordinator and buyer have what is theirs",
              money["pay-gpu0"] == paid - paid // 10 and money["coordinator"] == paid // 10 and
              money["alice"] == 10 * COIN - paid and not held, (money, paid))
        check("money is conserved", c.conserved())
        s, r, _ = alice.call("GET", f"/v1/jobs/{job['job_id']}/receipt")
        check("the seed's receipt", s == 200 and r["amount_paid"].endswith("aitbc") and r["block_height"] >= 1 and
              r["result_hash"] == r["node_receipt"]["receipt"]["output"], r)
        s, p, _ = alice.call("GET", f"/v1/jobs/{job['job_id']}/payment")
        check("the payment's view", s == 200 and p["status"] == "released" and p["transaction_hash"], p)
        check("nobody releases by hand",
              alice.call("POST", f"/v1/payments/{p['payment_id']}/refund", {})[0] == 409)
        r = wait_for(lambda: (lambda x: x if "anchor" in x else None)(
            alice.call("GET", f"/v1/jobs/{job['job_id']}/receipt")[1]))
        check("its root is committed", r and any(t["op"] == "commit" and t["digest"] == r["anchor"]["root"]
                                                 for t in c.lines()), r)


def test_refunds():
    with Coordinator(ledger={"alice": 10 * COIN}, times={"no_worker_s": 1}, limits={"attempts": 2}) as c:
        alice = Client(c, "alice")
        s, job = alice.submit(payment_amount=2)
        j = alice.settled(job["job_id"])
        check("no worker: failed and refunded", j and j["status"] == "failed" and j["error"] == "no_worker" and
              j["payment_status"] == "refunded", j)
        gpu = Worker(c, "gpu0")
        s, job = alice.submit(payment_amount=2)
        s, b = alice.cancel(job["job_id"])
        check("cancelled while it waits: refunded", s == 200 and b["state"] == "CANCELED" and
              alice.settled(job["job_id"])["payment_status"] == "refunded", b)
        check("cancelled twice: 409", alice.cancel(job["job_id"])[0] == 409)
        s, job = alice.submit(payment_amount=2)
        work = gpu.poll()
        alice.cancel(job["job_id"])
        s, b = gpu.heartbeat(leases=[work["lease"]["id"]])
        check("the worker is told", b["lost"] == [work["lease"]["id"]], b)
        s, b = gpu.result(work)
        check("a result after that is refused", s == 409 and b["error"]["code"] == "job_finished", b)
        s, job = alice.submit(payment_amount=2)
        for _ in range(2):
            s, b = gpu.fail(gpu.poll(), "backend_error", "ollama is away")
        j = alice.settled(job["job_id"])
        check("failed as often as it may: refunded", j["status"] == "failed" and j["error"] == "backend_error" and
              j["payment_status"] == "refunded", j)
        s, b, _ = alice.call("GET", f"/v1/jobs/{job['job_id']}/result")
        check("the client is told why", s == 409 and "ollama is away" in b["detail"], b)
        s, job = alice.submit(payment_amount=2, ttl_seconds=1, constraints={"gpu": "rtx"})
        gpu.heartbeat(status="DRAINING")
        j = alice.settled(job["job_id"])
        check("expired or without worker: refunded", j["payment_status"] == "refunded", j)
        money, held = c.balances()
        check("all of it is back", money["alice"] == 10 * COIN and not held and c.conserved(), money)


def test_no_money():
    with Coordinator(ledger={"alice": COIN}) as c:
        alice, bob = Client(c, "alice"), Client(c, "bob")
        s, b = alice.submit(payment_amount=2)
        check("more than there is: 402", s == 402 and b["error"]["code"] == "insufficient_funds" and b["detail"], b)
        s, b, _ = alice.call("GET", "/v1/jobs")
        check("and no job", b["total"] == 0 and not c.lines(), b)
        s, b = bob.submit(payment_amount=1)
        check("a key without a wallet: 402", s == 402, b)
        s, b = bob.submit(payment_amount=0)
        check("unless the job is free", s == 201 and b["payment"] == "free", b)
        s, _ = alice.submit(payment_amount=0.6)
        s2, _ = alice.submit(payment_amount=0.6)
        check("what is held cannot be spent twice", (s, s2) == (201, 402), (s, s2))
        for bad in (-1, 1e300, "1.0000001", "x", 1e7, 0.0000001, None and 0, [1]):
            if bad is not None:
                check(f"payment {bad!r}: 400", alice.submit(payment_amount=bad)[0] == 400)
        check("NaN: 400", alice.call("POST", "/v1/jobs", '{"prompt":"x","payment_amount":NaN}')[0] == 400)


def run_jobs(c, alice, gpu, n):
    """Submits and works off n jobs, whatever happens to the coordinator meanwhile."""
    ids, got = [], 0
    stop = threading.Event()

    def worker():
        while not stop.is_set():
            try:
                work = gpu.poll(1)
                if work:
                    report = gpu.report(work)
                    for _ in range(200):
                        try:
                            if gpu.call(f"/v1/miners/{work['job_id']}/result", report)[0] in (200, 403, 404, 409, 422):
                                break
                        except OSError:
                            time.sleep(0.1)
            except (OSError, AssertionError, ValueError):
                time.sleep(0.05)

    t = threading.Thread(target=worker, daemon=True)
    t.start()
    for i in range(n):
        for _ in range(200):
            try:
                s, b = alice.submit(f"job {i}", payment_amount=0.1, headers={"Idempotency-Key": f"k{i}"})
                if s == 201:
                    ids.append(b["job_id"])
                    break
            except (OSError, ValueError):
                pass
            time.sleep(0.05)
    return ids, stop, t


def test_kill(fault, rounds=6, n=24):
    """kill -9 again and again while jobs are submitted, worked on and paid."""
    with Coordinator(ledger={"alice": 10 * COIN}, fault=fault, times={"no_worker_s": 600, "heartbeat_s": 30}) as c:
        alice, gpu = Client(c, "alice"), Worker(c, "gpu0")
        done_ids = {}

        def killer():
            for i in range(rounds):
                time.sleep(0.15 + 0.11 * i)
                c.restart()

        k = threading.Thread(target=killer)
        k.start()
        ids, stop, t = run_jobs(c, alice, gpu, n)
        k.join()

        def finished():
            try:
                for i in ids:
                    if i not in done_ids:
                        j = alice.job(i)
                        if j["payment_status"] in ("released", "refunded"):
                            done_ids[i] = j
                return len(done_ids) == len(ids)
            except OSError:
                return False

        wait_for(finished, 90)
        stop.set()
        t.join()
        check(f"{fault}: each submission is one job, none is lost", len(ids) == n == len(set(ids)), len(ids))
        check(f"{fault}: each escrow ended once", len(done_ids) == n,
              {i: alice.job(i)["payment_status"] for i in ids if i not in done_ids})
        check(f"{fault}: each was completed and paid", all(j["status"] == "completed" and
              j["payment_status"] == "released" for j in done_ids.values()),
              [(j["status"], j["error"], j["payment_status"]) for j in done_ids.values()
               if j["payment_status"] != "released"])
        money, held = c.balances()
        check(f"{fault}: money is conserved", c.conserved() and not held, (money, held))
        keys = [x["key"] for x in c.lines()]
        check(f"{fault}: no step was taken twice", len(keys) == len(set(keys)))
        paid = sum(int(j["amount_units"]) for j in done_ids.values())
        check(f"{fault}: what was paid is what the receipts say", money.get("pay-gpu0", 0) == paid, (money, paid))


def main():
    test_way_of_a_payment()
    test_refunds()
    test_no_money()
    for fault in ("none", "before-write", "torn-write", "after-write"):
        test_kill(fault)
    done()


main()
