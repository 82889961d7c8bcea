#!/usr/bin/env python3
"""Workers that lie, race and come late, against the real coordinator with real money: whatever they hand in, the
chain pays for one true result, once, to who had the lease."""
import os
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(TESTS, "flow", "coordinator"), os.path.join(TESTS, "unit", "tx")]
from reference import address, public  # noqa: E402
from roles import World, audit, check, until  # noqa: E402
from harness import done  # noqa: E402
from world import Key, Worker  # noqa: E402

MORE = {"payment_amount": 1}


class Desk:
    """The network as the scripted workers of the coordinator's own tests see a coordinator."""

    def __init__(self, net):
        self.net = net

    def call(self, method, path, body=None, key=None, headers=None, **_):
        return self.net.call(method, path, body, key, headers)

    def key(self, name, role):
        return self.net.key(name, role)


def worker(net, n, **more):
    payee = address(public(bytes([n] * 32)))
    w = Worker(Desk(net), f"gpu-{n}", address=payee, **more)
    w.payee = payee
    return w


def code(answer):
    return answer["error"]["code"]


def lease(gpu):
    work = until(lambda: gpu.poll(2))
    if not work:
        raise RuntimeError(f"{gpu.name} gets no work")
    return work


def forgeries(net, gpu, other):
    _, body = net.submit("forge this", max_tokens=50, seed=42, **MORE)
    job = body["job_id"]

    def hand_in(what, status, word, changes=None, key=None):
        s, b = gpu.result(lease(gpu), changes=changes, key=key)
        check(f"{what}: {status}", s == status and code(b) == word, (s, b))

    hand_in("signed by another node", 403, "receipt_signature", key=Key())
    hand_in("a receipt of another order", 422, "receipt_order", {"order": "1" * 64})
    hand_in("units blown up", 422, "receipt_units", {"usage": {"prompt": 5, "cached": 0, "output": 50_000}})
    hand_in("more time than there was", 422, "receipt_units", {"times": {"start_ms": 1, "first_ms": 2, "end_ms": 10**12}})
    work = lease(gpu)
    s, b = other.call(f"/v1/miners/{job}/result", other.report(work))
    check("another's lease: 404", s == 404, (s, b))
    j = net.job(job)
    check("none of it was paid", j["status"] != "completed" and j["payment_status"] == "escrowed" and
          net.balance(gpu.payee) == net.balance(other.payee) == 0, j)
    report = gpu.report(work)
    s, b = gpu.call(f"/v1/miners/{job}/result", report)
    check("the true one counts", s == 200, (s, b))
    first = net.settled(job)
    for _ in range(3):
        s, again = gpu.call(f"/v1/miners/{job}/result", report)
        check("the same again: the same receipt", s == 200 and again["receipt"]["receipt_id"] == b["receipt"]["receipt_id"], again)
    s, body = net.submit("forge this", max_tokens=50, seed=42, **MORE)
    work = lease(gpu)
    s, b = gpu.call(f"/v1/miners/{work['job_id']}/result", {**report, "lease": work["lease"]["id"]})
    check("the receipt of another job is not paid again", s == 422 and code(b) == "receipt_order", (s, b))
    s, b = gpu.result(lease(gpu))
    check("its own is", s == 200, (s, b))
    second = net.settled(body["job_id"])
    until(lambda: net.balance(gpu.payee) == int(first["amount_units"]) + int(second["amount_units"]))
    check("two jobs, two payments", net.balance(gpu.payee) == int(first["amount_units"]) + int(second["amount_units"]) > 0,
          net.balance(gpu.payee))


def late(net, gpu, other):
    """The lease is lost while its worker is silent; its result comes when another one has the job, and has done it."""
    _, body = net.submit("slowly", **MORE)
    job, work = body["job_id"], lease(gpu)
    theirs = lease(other)
    check("a silent worker loses the lease to another", theirs["job_id"] == job and theirs["attempt"] > work["attempt"], theirs)
    s, b = gpu.result(work)
    check("its late result: 409", s == 409 and code(b) == "lease_lost", (s, b))
    s, b = other.result(theirs)
    check("the holder's counts", s == 200, (s, b))
    j = net.settled(job)
    s, b = gpu.result(work)
    check("later still: refused all the same", s == 409, (s, b))
    check("the holder is paid", j["payment_status"] == "released" and j["assigned_miner_id"] == other.name, j)


def racing(net, workers):
    """Both ask for the same jobs at the same time, and hand in at once."""
    jobs, taken, refused = [net.submit(f"race {i}", **MORE)[1]["job_id"] for i in range(12)], [], []

    def work_off(gpu):
        while len(taken) < len(jobs):
            work = gpu.poll(1)
            if work:
                taken.append(work["job_id"])
                s, b = gpu.result(work)
                if s != 200:
                    refused.append(b)

    threads = [threading.Thread(target=work_off, args=(w,)) for w in workers]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    check("two workers racing: each job is leased once and done", sorted(taken) == sorted(jobs) and not refused,
          (sorted(taken), refused))


def cancelled(net, gpu):
    _, body = net.submit("never mind", **MORE)
    work = lease(gpu)
    s, _, _ = net.call("POST", f"/v1/jobs/{body['job_id']}/cancel", {})
    check("cancelled under a worker's hands", s == 200)
    s, b = gpu.result(work)
    check("its result is too late: 409", s == 409 and code(b) == "job_finished", (s, b))
    check("the buyer has all of it back", net.settled(body["job_id"])["payment_status"] == "refunded")
    s, b = gpu.fail(work, "internal")
    check("a failure after the end: 409", s == 409, (s, b))


def cancel_against_result(net, gpu):
    """Both at once: one of them holds, and the money goes its way."""
    for i in range(6):
        job = net.submit(f"now or never {i}", **MORE)[1]["job_id"]
        work, said = lease(gpu), {}
        report = gpu.report(work)
        threads = [threading.Thread(target=lambda: said.update(cancel=net.call("POST", f"/v1/jobs/{job}/cancel", {})[0])),
                   threading.Thread(target=lambda: said.update(result=gpu.call(f"/v1/miners/{job}/result", report)[0]))]
        for t in threads[::(-1) ** i]:
            t.start()
        for t in threads:
            t.join()
        j = net.settled(job)
        held = {"completed": ("result", "released"), "cancelled": ("cancel", "refunded")}[j["status"]]
        lost = "cancel" if held[0] == "result" else "result"
        check("cancel against result: one holds, the money follows", said[held[0]] == 200 and said[lost] == 409 and
              j["payment_status"] == held[1], (said, j["status"], j["payment_status"]))


def nobody(net, **more):
    status, body = net.submit("is anybody there?", model="nobody-has-it", **more)
    job = net.settled(body["job_id"])
    check("no worker has the model: failed and refunded", status == 201 and job["status"] == "failed" and
          job["error"] == "no_worker" and job["payment_status"] == "refunded", job)


def main():
    net = World(node=False, times={"heartbeat_s": 2, "lease_s": 3, "no_worker_s": 600}, limits={"attempts": 100})
    net.start()
    models = {"models": ["b3iq-mini"]}
    gpu = worker(net, 1, **models)
    other = worker(net, 2, **models)
    forgeries(net, gpu, other)
    late(net, gpu, other)
    racing(net, (gpu, other))
    cancelled(net, gpu)
    cancel_against_result(net, gpu)
    net.coordinator.end()
    net.configure(times={"no_worker_s": 1})
    net.coordinator.start()
    nobody(net, **MORE)
    jobs = [net.settled(j["job_id"]) for j in net.jobs()]
    audit(net, jobs, [gpu.payee, other.payee])
    net.close()
    done()


main()
