#!/usr/bin/env python3
"""F1 to F9: submit, wait, cancel, register, dispatch, results and their forgeries, receipts; and privacy."""
import hashlib
import http.client
import json
import os
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import Client, Coordinator, Key, Worker, canonical, files_with, wait_for  # noqa: E402
from harness import SLOW, check, done, free_port  # noqa: E402

CANARY = "canary-51c0-plover"


def code(answer):
    return answer["error"]["code"]


# ---- F1: submit --------------------------------------------------------------------------------------


def test_submit():
    with Coordinator(limits={"body_bytes": 4096, "prompt_bytes": 1000, "queue": 60, "queue_each": 50}) as c:
        alice, bob = Client(c, "alice"), Client(c, "bob")
        s, flat = alice.submit()
        check("flat body: 201", s == 201 and flat["status"] == "pending" and flat["state"] == "QUEUED", flat)
        check("free mode is said", flat["payment"] == "free" and flat["submitted_at"] == flat["requested_at"], flat)
        s, nested, _ = alice.call("POST", "/v1/jobs", {"payload": {"type": "inference", "prompt": "x", "model": "m"},
                                                       "constraints": {"gpu": "4090"}, "ttl_seconds": 60, "odd": 1})
        check("nested body: 201, extra members are ignored", s == 201 and nested["model"] == "m", nested)
        for name, body, word in (
                ("empty prompt", {"prompt": ""}, "invalid_prompt"), ("blank prompt", {"prompt": " \n"}, "invalid_prompt"),
                ("no prompt", {}, "invalid_type"), ("a number as prompt", {"prompt": 7}, "invalid_type"),
                ("NUL in a prompt", {"prompt": "a\0b"}, "invalid_prompt"),
                ("too long a prompt", {"prompt": "x" * 1001}, "invalid_prompt"),
                ("unknown type", {"prompt": "x", "type": "mining"}, "unknown_type"),
                ("odd model", {"prompt": "x", "model": "a b"}, "invalid_value"),
                ("negative ttl", {"prompt": "x", "ttl_seconds": -1}, "invalid_value"),
                ("huge ttl", {"prompt": "x", "ttl_seconds": 10**9}, "invalid_value"),
                ("payload is a list", {"payload": []}, "invalid_type"),
                ("temperature 9", {"prompt": "x", "temperature": 9}, "invalid_value"),
                ("another currency", {"prompt": "x", "payment_currency": "BTC"}, "invalid_value"),
                ("messages that say nothing", {"messages": [{"role": "user", "content": ""}]}, "invalid_prompt"),
                ("a message of nobody", {"messages": [{"role": "x", "content": "y"}]}, "invalid_value")):
            s, b, _ = alice.call("POST", "/v1/jobs", body)
            check(f"{name}: 400", s == 400 and code(b) == word and b["detail"] == b["error"]["message"], (s, b))
        for name, raw in (("broken JSON", b"{"), ("not UTF-8", b'{"prompt":"\xff"}'), ("NaN", b'{"prompt":"x","ttl":NaN}'),
                          ("a list", b"[]"), ("duplicate keys", b'{"prompt":"a","prompt":"b"}')):
            check(f"{name}: 400", alice.call("POST", "/v1/jobs", raw)[0] == 400)
        check("body over the limit: 413", alice.call("POST", "/v1/jobs", {"prompt": "x", "y": "z" * 5000})[0] == 413)
        check("no key: 401", c.call("POST", "/v1/jobs", {"prompt": "x"})[0] == 401)
        check("a wrong key: 401", c.call("POST", "/v1/jobs", {"prompt": "x"}, key="b3iq_net_" + "0" * 64)[0] == 401)
        for header in ("X-Client-Key", "X-Miner-Key"):
            check(f"{header} is an alias", c.call("GET", "/v1/jobs", headers={header: alice.key})[0] == 200)
        check("so is a bearer", c.call("GET", "/v1/jobs", headers={"Authorization": f"Bearer {alice.key}"})[0] == 200)
        test_idempotency(alice, bob)
        test_full(c, alice, bob)
        test_lists(alice, bob, flat)


def test_idempotency(alice, bob):
    h = {"Idempotency-Key": "once"}
    s, one = alice.submit("the same", headers=h)
    s2, two = alice.submit("the same", headers=h)
    check("the same Idempotency-Key: the same job", (s, s2) == (201, 201) and one["job_id"] == two["job_id"])
    s, b = alice.submit("another", headers=h)
    check("for another body: 409", s == 409 and code(b) == "idempotency_mismatch", b)
    check("of another client: another job", bob.submit("the same", headers=h)[1]["job_id"] != one["job_id"])
    found = []
    threads = [threading.Thread(target=lambda: found.append(
        alice.submit("racing", headers={"Idempotency-Key": "race"})[1]["job_id"])) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    check("eight at once: one job", len(found) == 8 and len(set(found)) == 1, found)


def test_full(c, alice, bob):
    while alice.submit()[0] == 201:
        pass
    s, b, h = alice.call("POST", "/v1/jobs", {"prompt": "x"})
    check("too many of one key: 503 with Retry-After", s == 503 and code(b) == "queue_full" and h["Retry-After"], b)
    check("another key has room", bob.submit()[0] == 201)
    while bob.submit()[0] == 201:
        pass
    check("the queue is full for everybody", Client(c, "carol").submit()[0] == 503)


def test_lists(alice, bob, flat):
    s, b, _ = alice.call("GET", "/v1/jobs?limit=5&offset=0")
    check("a list", s == 200 and len(b["items"]) == 5 and b["total"] >= 50 and b["limit"] == 5, b["total"])
    s, b, _ = alice.call("GET", "/v1/jobs/history?status=COMPLETED")
    check("history by status", s == 200 and b["total"] == 0, b)
    check("history by time", alice.call("GET", "/v1/jobs/history?to_time=2020-01-01T00:00:00")[1]["total"] == 0)
    check("an odd limit: 400", alice.call("GET", "/v1/jobs?limit=x")[0] == 400)
    check("an unknown status: 400", alice.call("GET", "/v1/jobs?status=odd")[0] == 400)
    ours = {j["job_id"] for j in bob.call("GET", "/v1/jobs?limit=1000")[1]["items"]}
    check("nobody sees another's jobs in a list", flat["job_id"] not in ours)


def test_rates():
    with Coordinator(env={"CLIENT_API_KEYS": '["env-key-1"]', "ADMIN_API_KEYS": "root-1, root-2"}) as c:
        dave = Client(c, "dave", more=("--rate", "60", "--burst", "2"))
        got = [dave.call("POST", "/v1/jobs", {"prompt": "x"}) for _ in range(4)]
        check("a bucket of two", [g[0] for g in got].count(201) in (2, 3) and got[-1][0] == 429, [g[0] for g in got])
        check("429 has both shapes and Retry-After", got[-1][1]["detail"] and code(got[-1][1]) == "rate_limit_exceeded" and
              int(got[-1][2]["Retry-After"]) >= 1)
        check("keys of the environment", c.call("POST", "/v1/jobs", {"prompt": "x"}, key="env-key-1")[0] == 201)
        check("an administrator of the environment", c.call("GET", "/v1/admin/stats", key="root-2")[0] == 200)
        check("a client is no administrator", c.call("GET", "/v1/admin/stats", key="env-key-1")[0] == 401)
        check("a client is no worker", c.call("POST", "/v1/miners/poll", {}, key="env-key-1")[0] == 401)
        s, b, _ = c.call("POST", "/v1/admin/cancel-running", {}, key="root-1")
        check("the administrator cancels what runs", s == 200 and b["cancelled"] >= 3, b)


# ---- F2, F3: wait, cancel --------------------------------------------------------------------------------


def test_wait():
    with Coordinator() as c:
        alice, bob, gpu = Client(c, "alice"), Client(c, "bob"), Worker(c, "gpu0")
        _, job = alice.submit(stream=True)
        path = f"/v1/jobs/{job['job_id']}"
        s, b, h = alice.call("GET", path + "/result")
        check("not ready: 425", s == 425 and b["detail"] == "job not ready" and h["Retry-After"], b)
        foreign, nothing = bob.call("GET", path), bob.call("GET", "/v1/jobs/job_" + "0" * 32)
        check("another's job is 404, as one that is not", foreign[0] == nothing[0] == 404 and
              foreign[1]["detail"] == nothing[1]["detail"] == "job not found", foreign)
        check("also to cancel it", bob.cancel(job["job_id"])[0] == 404)
        s, b, _ = alice.call("GET", path + "?wait=1")
        check("a wait that runs out shows the job as it is", s == 200 and b["status"] == "pending", b)
        events = follow(c, alice, path)
        waited = []
        t = threading.Thread(target=lambda: waited.append(alice.call("GET", path + "/result?wait=60")))
        t.start()
        work = gpu.poll()
        say = [gpu.call(f"/v1/miners/{job['job_id']}/delta", {"lease": work["lease"]["id"], "seq": i, "text": x})
               for i, x in enumerate(("A lease ", "is a promise."))]
        check("deltas are taken", all(s == 200 for s, _ in say) and say[-1][1]["next"] == 2, say)
        check("a repeated delta is fine", gpu.call(f"/v1/miners/{job['job_id']}/delta", {
            "lease": work["lease"]["id"], "seq": 0, "text": "A lease "})[1]["next"] == 2)
        s, b = gpu.call(f"/v1/miners/{job['job_id']}/delta", {"lease": work["lease"]["id"], "seq": 9, "text": "x"})
        check("a gap is not", s == 409 and code(b) == "gap", b)
        check("a delta means running", alice.job(job["job_id"])["phase"] == "running")
        gpu.result(work, "A lease is a promise.")
        t.join()
        s, b, _ = waited[0]
        check("who waited has the result", s == 200 and b["result"]["output"] == "A lease is a promise." and b["receipt"], b)
        check("the seed's result is the text", alice.job(job["job_id"])["result"] == "A lease is a promise.")
        events.join()
        check("the stream had the text and the end", "".join(events.text) == "A lease is a promise." and
              events.names[-1] == "done", (events.text, events.names))
        c.restart()
        s, b, _ = alice.call("GET", path + "/result")
        check("all of it survives a restart", s == 200 and b["result"]["output"] == "A lease is a promise.", b)
        test_races(c, alice, gpu)


class follow(threading.Thread):
    """A reader of the stream of a job; starts once it is connected."""

    def __init__(self, c, client, path):
        super().__init__(daemon=True)
        self.text, self.names = [], []
        self.connection = http.client.HTTPConnection("127.0.0.1", c.port, timeout=60 * SLOW)
        self.connection.request("GET", path + "/stream", headers={"X-Api-Key": client.key})
        self.response = self.connection.getresponse()
        assert self.response.status == 200
        self.start()

    def run(self):
        name = ""
        for line in self.response:
            line = line.decode().rstrip("\n")
            if line.startswith("event: "):
                name = line[7:]
                self.names.append(name)
            elif line.startswith("data: ") and name == "delta":
                self.text.append(json.loads(line[6:])["text"])
        self.connection.close()


def test_races(c, alice, gpu):
    outcomes = set()
    for _ in range(6):
        _, job = alice.submit()
        work = gpu.poll()
        report = gpu.report(work)
        got = {}
        threads = [threading.Thread(target=lambda: got.update(cancel=alice.cancel(job["job_id"])[0])),
                   threading.Thread(target=lambda: got.update(
                       result=gpu.call(f"/v1/miners/{work['job_id']}/result", report)[0]))]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        state = alice.job(job["job_id"])["state"]
        outcomes.add((got["cancel"], got["result"], state))
    check("cancel against complete is decided once", outcomes <= {(200, 409, "CANCELED"), (409, 200, "COMPLETED")},
          outcomes)


# ---- F4, F5: workers and dispatch -----------------------------------------------------------------------------


def test_workers():
    with Coordinator(times={"heartbeat_s": 1, "lease_s": 2, "no_worker_s": 600}, limits={"attempts": 3}) as c:
        alice = Client(c, "alice")
        gpu = Worker(c, "gpu0", models=["mini"])
        thief = Worker(c, "other", register=False)
        thief.name = "gpu0"
        s, b = thief.register()
        check("an id belongs to its key", s == 403 and code(b) == "miner_id_taken", b)
        old, gpu.node = gpu.node, Key()
        s, b = gpu.register()
        check("and is pinned to its node key", s == 403 and code(b) == "node_pinned", b)
        gpu.node = old
        s, b = gpu.register(nonce="0" * 64)
        check("a nonce that nobody gave: 403", s == 403 and code(b) == "proof_invalid", b)
        s, b = gpu.register(proof="0" * 128)
        check("a wrong proof: 403", s == 403 and code(b) == "proof_invalid", b)
        stranger = Worker(c, "nobody", register=False)
        s, b = stranger.call("/v1/miners/poll", {"max_wait_seconds": 0})
        check("a poll of a stranger: 404", s == 404 and b["detail"] == "miner not registered", b)
        _, job = alice.submit(model="other")
        check("a job for another model is not offered", gpu.poll(0) is None)
        alice.cancel(job["job_id"])
        _, job = alice.submit(constraints={"gpu": "h100"})
        check("nor one for another gpu", gpu.poll(0) is None)
        alice.cancel(job["job_id"])
        _, job = alice.submit(constraints={"gpu": "4090", "cuda": "12", "min_vram_gb": 16, "region": "EU"})
        work = gpu.poll()
        check("what fits is", work and work["job_id"] == job["job_id"] and work["constraints"]["gpu"] == "4090", work)
        s, b = gpu.register(models=["mini"])
        check("registering again loses nothing", s == 200 and gpu.heartbeat()[1]["leases"][0]["id"] == work["lease"]["id"])
        check("a lease that goes on is not lost", keep_alive(gpu, work, 3))
        j = wait_for(lambda: (lambda x: x if x["phase"] == "queued" else None)(alice.job(job["job_id"])))
        check("heartbeats missing: the job waits again", j is not None)
        s, b = gpu.result(work)
        check("what comes after that is refused", s == 409 and code(b) == "lease_lost", b)
        again = gpu.poll()
        check("the next attempt has a number", again and again["attempt"] == 2 and
              again["lease"]["id"] != work["lease"]["id"], again)
        check("its result counts", gpu.result(again)[0] == 200)
        test_two_workers(c, alice, gpu)
        test_leaving(c, alice)


def keep_alive(gpu, work, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        _, b = gpu.heartbeat(leases=[work["lease"]["id"]])
        if [x["id"] for x in b["leases"]] != [work["lease"]["id"]] or b["lost"]:
            return False
        time.sleep(0.3)
    return True


def test_two_workers(c, alice, gpu):
    two = Worker(c, "gpu1")
    ids = [alice.submit(f"job {i}")[1]["job_id"] for i in range(6)]
    got = []
    threads = [threading.Thread(target=lambda w=w: got.append((w.poll(5) or {}).get("job_id"))) for w in (gpu, two) * 3]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    check("six polls of two workers: six jobs, none twice", sorted(got, key=str) == sorted(ids), (got, ids))
    for w in (gpu, two):
        check("no more than its concurrency", w.call("/v1/miners/poll", {"max_wait_seconds": 0})[0] == 204)
    alice.call("GET", "/v1/jobs")
    s, b, _ = c.call("DELETE", "/v1/miners/gpu1", key=two.key)
    check("a worker leaves: its jobs wait again", s == 200 and wait_for(
        lambda: sum(alice.job(i)["phase"] == "queued" for i in ids) >= 1), b)
    check("and is not known any more", two.heartbeat()[0] == 404)
    for i in ids:
        alice.cancel(i)


def test_leaving(c, alice):
    one = Worker(c, "solo", concurrency=1)
    _, job = alice.submit()
    work = one.poll()
    s, b = one.fail(work, "model_not_found", "no such model here")
    check("a model that is not there: elsewhere", s == 200 and b["requeued"], b)
    alice.cancel(job["job_id"])
    _, job = alice.submit()
    other = Worker(c, "third")
    s, b = other.fail(other.poll(), "invalid_request", "cannot be done")
    check("a final failure ends it", s == 200 and not b["requeued"] and alice.job(job["job_id"])["status"] == "failed", b)
    check("a failure after the end: 409 or 404", other.call(f"/v1/miners/{job['job_id']}/fail", {})[0] in (404, 409))


def test_fairness():
    with Coordinator() as c:
        alice, bob, gpu = Client(c, "alice"), Client(c, "bob"), Worker(c, "gpu0", concurrency=100)
        for i in range(20):
            alice.submit(f"a{i}")
        for i in range(3):
            bob.submit(f"b{i}")
        order = [gpu.poll(0)["payload"]["prompt"] for _ in range(8)]
        check("a client with many jobs does not hold up another", sum(x[0] == "b" for x in order) == 3, order)
        check("each client's jobs come in order", [x for x in order if x[0] == "a"] == [f"a{i}" for i in range(5)], order)


def test_push():
    taken, refuse = [], {"next": True}

    class Node(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            taken.append((self.path, self.headers["X-Api-Key"], body))
            self.send_response(503 if refuse.pop("next", False) else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", free_port()), Node)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with Coordinator() as c:
        alice = Client(c, "alice")
        url = f"http://127.0.0.1:{server.server_address[1]}"
        gpu = Worker(c, "pushed", push_url=url, push_key="let-me-in")
        check("a push to another machine is not registered",
              gpu.register(push_url="http://198.51.100.7:8005")[0] == 400)
        _, job = alice.submit()
        wait_for(lambda: taken)
        check("the seed's push", taken and taken[0][0] == "/v1/jobs/assign" and taken[0][1] == "let-me-in" and
              taken[0][2]["job_data"]["prompt"] == "What is a lease?", taken)
        wait_for(lambda: alice.job(job["job_id"])["phase"] == "queued")
        check("a push that is refused gives the job back", alice.job(job["job_id"])["phase"] == "queued")
        check("it may still be polled", gpu.poll()["job_id"] == job["job_id"])
        gpu.register(push_url=url, push_key="let-me-in")  # no longer muted
        _, second = alice.submit()
        work = wait_for(lambda: next((t[2] for t in taken if t[2]["job_id"] == second["job_id"]), None))
        s, b, _ = c.call("POST", f"/v1/jobs/{second['job_id']}/status", {"status": "running"},
                         headers={"X-Miner-Key": gpu.key, "X-Miner-ID": "pushed"})
        check("the seed's status", s == 200 and alice.job(second["job_id"])["status"] == "running", b)
        body = {**gpu.report(work), "result": "pushed answer", "job_id": second["job_id"],
                **{k: v for k, v in gpu.report(work, "pushed answer").items() if k in ("receipt", "openings")}}
        s, b, _ = c.call("POST", f"/v1/jobs/{second['job_id']}/complete", body,
                         headers={"X-Miner-Key": gpu.key, "X-Miner-ID": "pushed"})
        check("the seed's complete", s == 200 and alice.job(second["job_id"])["result"] == "pushed answer", b)
    server.shutdown()


# ---- F7, F9: results and forgeries ------------------------------------------------------------------------------------


def test_forgeries():
    with Coordinator(limits={"attempts": 100}) as c:
        alice, gpu = Client(c, "alice"), Worker(c, "gpu0")
        other = Worker(c, "gpu1", concurrency=1)
        _, job = alice.submit(seed=42, max_tokens=50)
        j = job["job_id"]

        def forged(name, status, word, changes=None, key=None, output="fine", worker=gpu, **more):
            work = gpu.poll()
            body = gpu.report(work, output, changes, key, **more)
            s, b = worker.call(f"/v1/miners/{j}/result", body)
            check(f"{name}: {status}", s == status and code(b) == word, (s, b))
            if worker is not gpu:
                gpu.fail(work, "overloaded")
            return body

        now = int(time.time() * 1000)
        forged("signed by another key", 403, "receipt_signature", key=Key())
        forged("for another order", 422, "receipt_order", {"order": "0" * 64})
        forged("for another model", 422, "receipt_model", {"model": {"name": "large"}})
        forged("another prompt", 422, "receipt_prompt", {"prompt": "0" * 64})
        forged("another output", 422, "receipt_output", {"output": "0" * 64})
        forged("other parameters", 422, "receipt_params", {"params": "0" * 64})
        forged("another seed", 422, "receipt_params", {"seed": {"value": "43", "by": "client"}})
        forged("more tokens than ordered", 422, "receipt_units", {"usage": {"prompt": 5, "cached": 0, "output": 51}})
        forged("more tokens than there can be", 422, "receipt_units", {"usage": {"prompt": 5, "cached": 0, "output": 40}})
        forged("more time than the lease has", 422, "receipt_units",
               {"times": {"start_ms": now - 3600000, "first_ms": now, "end_ms": now}})
        forged("a failure as a result", 422, "receipt_malformed", {"kind": "failure", "failure": "E_TIMEOUT"})
        forged("a tier that it has not", 422, "receipt_malformed", {"runtime": {
            "engine": "scripted 1", "profile": "none", "tier": "T2"}})
        forged("no receipt", 422, "receipt_malformed", receipt=None)
        work = gpu.poll()
        s, b = other.call(f"/v1/miners/{j}/result", other.report(work))
        check("another worker with a lease that is not its own: 404", s == 404, (s, b))
        s, b = gpu.call(f"/v1/miners/{j}/result", {**gpu.report(work), "lease": "lease_" + "0" * 32})
        check("a lease that never was: 409", s == 409 and code(b) == "lease_lost", (s, b))
        check("no body: 400, and the lease stands", gpu.call(f"/v1/miners/{j}/result", {})[0] == 400)
        report = gpu.report(work)
        s, first = gpu.call(f"/v1/miners/{j}/result", report)
        check("the true one counts after all", s == 200, first)
        s, again = gpu.call(f"/v1/miners/{j}/result", report)
        check("the same again: the same answer", s == 200 and
              again["receipt"]["receipt_id"] == first["receipt"]["receipt_id"], again)
        s, b = gpu.call(f"/v1/miners/{j}/result", gpu.report(work, "another text"))
        check("another one: 409", s == 409 and code(b) == "job_finished", b)
        c.restart()
        check("also after a restart", gpu.call(f"/v1/miners/{j}/result", report)[0] == 200)
        _, second = alice.submit(seed=42, max_tokens=50)
        work2 = gpu.poll()
        s, b = gpu.call(f"/v1/miners/{second['job_id']}/result",
                        {**report, "lease": work2["lease"]["id"]})
        check("a receipt of another job is not for this one", s == 422 and code(b) == "receipt_order", b)
        s, b, _ = c.call("GET", "/v1/admin/miners", key=Client(c, "root", role="admin").key)
        w = next(x for x in b["items"] if x["miner_id"] == "gpu0")
        check("quality has fallen by our own measure", w["refused"] >= 13 and w["quality"] < 200, w)
        test_receipt(alice, first["receipt"], j)


def test_receipt(alice, receipt, job):
    v = receipt["verdict"]
    message = b"b3iq.verdict/1\n" + canonical(v["body"])
    check("the verdict's hash", hashlib.sha256(message).hexdigest() == v["hash"])
    check("it is over the node's receipt and order", v["body"]["receipt"] == receipt["node_receipt"]["hash"] and
          v["body"]["order"] == receipt["order"] == receipt["node_receipt"]["receipt"]["order"])
    s, b, _ = alice.call("GET", f"/v1/jobs/{job}/result")
    text = b["order"]["text"].encode()
    check("the order's hash", hashlib.sha256(b"b3iq.order/1\n" + text).hexdigest() == receipt["order"])
    check("the client can open everything", b["openings"]["secret"] and "What is a lease?" in b["openings"]["prompt"], b)
    s, b, _ = alice.call("GET", f"/v1/jobs/{job}/receipts")
    check("receipts as a list", s == 200 and len(b["items"]) == 1, b)


def test_unverified():
    with Coordinator() as c:
        alice = Client(c, "alice")
        plain = Worker(c, "plain", register=False)
        s, b = plain.register(verified=False)
        check("AITBC's own worker may register", s == 200 and b["verified"] is False, b)
        _, job = alice.submit()
        work = plain.poll()
        s, b = plain.call(f"/v1/miners/{job['job_id']}/result", {"result": {"output": "ok", "model": "mini"}})
        check("its result is taken for a free job, and called unverified", s == 200 and
              b["receipt"]["verified"] is False and b["receipt"]["node_receipt"] is None, b)
        check("units are measured, whatever it says", b["receipt"]["units_ms"] < 600000 * SLOW and work, b)


# ---- privacy, health -------------------------------------------------------------------------------------------------


def test_privacy():
    with Coordinator(times={"keep_s": 0}) as c:
        alice, gpu = Client(c, "alice"), Worker(c, "gpu0")
        root = Client(c, "root", role="admin")
        _, job = alice.submit(f"My name is {CANARY}-prompt", stream=True)
        work = gpu.poll()
        gpu.call(f"/v1/miners/{job['job_id']}/delta", {"lease": work["lease"]["id"], "seq": 0, "text": CANARY + "-delta"})
        gpu.result(work, CANARY + "-output")
        _, failed = alice.submit(f"{CANARY}-second")
        gpu.fail(gpu.poll(), "invalid_request", CANARY + "-message")
        alice.call("POST", "/v1/jobs", {"prompt": CANARY, "type": CANARY + "-type"})
        alice.call("POST", "/v1/jobs", b'{"prompt":"' + CANARY.encode() + b'"')
        check("in no log", CANARY not in c.log_text())
        for path in ("/metrics", "/health", "/ready", "/v1/admin/stats", "/v1/admin/jobs", "/v1/admin/miners"):
            s, b, _ = c.call("GET", path, key=root.key)
            check(f"not in {path}", s == 200 and CANARY not in (b if isinstance(b, str) else json.dumps(b)), s)
        s, b, _ = alice.call("GET", f"/v1/jobs/{job['job_id']}/receipt")
        check("not in the receipt", s == 200 and CANARY not in json.dumps(b))
        for key in (alice.key, gpu.key):
            check("no key is kept in the plain", not files_with(c.home, key.encode()))
        c.stop()
        c.start()
        gone = wait_for(lambda: alice.call("GET", f"/v1/jobs/{job['job_id']}/result")[0] == 410, 90)
        check("once its time is over the content is deleted, the job stays", gone and
              alice.job(job["job_id"])["status"] == "completed")
        c.stop()
        check("and is in no file any more", files_with(c.home, CANARY.encode()) == [], files_with(c.home, CANARY.encode()))


def test_health():
    with Coordinator() as c:
        for path in ("/health", "/v1/health", "/health/live", "/health/ready", "/ready"):
            check(path, c.call("GET", path)[0] == 200)
        s, b, _ = c.call("GET", "/metrics")
        check("metrics are numbers", s == 200 and "b3iq_jobs_queued 0" in b)
        s, b, _ = c.call("GET", "/v1/none", key=Client(c, "x").key)
        check("nothing there: 404", s == 404 and b["error"])
        with socket.create_connection(("127.0.0.1", c.port)) as half:  # a client that never ends its request
            half.sendall(b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
            check("one client's pause is not another's", c.call("GET", "/health")[0] == 200)


def main():
    for test in (test_submit, test_rates, test_wait, test_workers, test_fairness, test_push, test_forgeries,
                 test_unverified, test_privacy, test_health):
        test()
    done()


main()
