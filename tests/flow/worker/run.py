#!/usr/bin/env python3
"""The node as worker, against a coordinator that the test leads: what it proves, hands in, retries, gives up;
and that nothing acknowledged is done twice, whatever dies when."""
import glob
import http.client
import json
import os
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from scripted import KEY, SLOW, Scripted, canonical, job  # noqa: E402
from harness import BUILD, Node, check, done  # noqa: E402
from verify import verify  # noqa: E402

CANARY = "canary-b1f6-heron"
CONFIG = {
    "node": {"limits": {"drain_s": 5}}, "require_pin": False,
    "plugin_dirs": [os.path.join(BUILD, "examples")],
    "plugins": {"echo": {"plugin": "echo"}, "flaky": {"plugin": "flaky"},
                "slow": {"plugin": "flaky", "config": {"token_ms": 50}}},
    "worker": {"concurrency": 3, "name": "heron", "models": ["echo", "slow/*", "flaky/crash", "flaky/internal"],
               "region": "here", "push": {"enabled": True, "port": 0}},
}


def start_worker(node, **kw):
    node.env = lambda **more: {**os.environ, "B3IQ_HOME": node.home, "NO_COLOR": "1", "MINER_API_KEY": KEY, **more}
    node.start(**kw)


def worker_of(node):
    return node.call("GET", "/api/status", key=cli_key(node))[2]["worker"]


def cli_key(node):
    with open(os.path.join(node.home, "keys", "cli.key"), encoding="ascii") as f:
        return f.read().strip()


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds * SLOW
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.03)
    return False


def receipts(node):
    return node.call("GET", "/api/receipts?limit=1000", key=cli_key(node))[2]["receipts"]


def bundle_of(given, report):
    body = report["body"]
    openings = {**body["openings"], "prompt": given["request"], "output": body["result"]["output"]}
    return {"version": "b3iq.bundle/1", "receipt": body["receipt"], "openings": openings}


def registration(c, node):
    check("it registers", c.wait(lambda: c.worker))
    def listed():
        return {m["id"] for m in c.worker["models"]}
    check("again when a plugin has started", c.wait(lambda: {"echo", "slow/ok", "flaky/crash"} <= listed()))
    w = c.worker
    models = {m["id"] for m in w["models"]}
    check("with the models that it offers, and no other",
          models == {"echo", "slow/ok"} | {"slow/" + m.split("/")[1] for m in models if m.startswith("slow/")}
          | {"flaky/crash", "flaky/internal"}, models)
    check("and with what was configured", w["concurrency"] == 3 and w["region"] == "here" and w["miner_id"] == "heron"
          and w["push_url"].startswith("http://127.0.0.1:"), w)
    check("its node key is its identity", open(os.path.join(node.home, "keys", "node.pub")).read().split()[0] == w["node"])


def one_job(c, node):
    given = job(f"hello {CANARY} \u00e9\u4e16", "echo")
    c.give(given)
    report = c.wait_report(given["job_id"])
    check("a job is done", report and report["kind"] == "result", report)
    body = report["body"]
    check("under its lease", body["lease"] == given["lease"]["id"])
    check("echo says the request, byte for byte", 
          body["result"]["output"].encode() == given["request"].encode()[:64], body["result"])
    receipt = body["receipt"]["receipt"]
    check("the receipt names the order", receipt.get("order") == given["order"], receipt)
    check("and model, seed and its chooser", receipt["model"]["name"] == "echo"
          and receipt["seed"] == {"value": "7", "by": "client"}, receipt)
    fails = verify(canonical(bundle_of(given, report)).decode(), c.worker["node"])
    check("it verifies: signature by the registered key, prompt, params, output", fails == [], fails)
    params = {**body["openings"]["params"], "flags": 0}
    check("the parameters are the ordered ones", params == given["params"], params)
    check("running was told before the result", [x[1].split("/")[-1] for x in c.called(given["job_id"])][0] == "status")


def seedless(c, _):
    given = job("x", "echo", seed=None)
    c.give(given)
    receipt = c.wait_report(given["job_id"])["body"]["receipt"]["receipt"]
    check("without a seed the node chooses one and says so", receipt["seed"]["by"] == "node")


def many(c, _):
    jobs = [job(f"many {i}", "slow/ok", max_tokens=8) for i in range(7)]
    c.give(*jobs)
    check("more jobs than hands are all done", all(c.wait_report(j["job_id"]) for j in jobs))
    outputs = {c.reports[j["job_id"]]["body"]["result"]["output"] for j in jobs}
    check("and never more than agreed at once", max(
        b["inflight"] for _, _, b, _ in c.called("/heartbeat")) <= 3, len(outputs))
    check("each once", all(c.reports[j["job_id"]]["count"] == 1 for j in jobs))


def streaming(c, _):
    given = job("stream", "slow/ok", stream=True, max_tokens=12)
    c.give(given)
    report = c.wait_report(given["job_id"])
    check("deltas make up the output", c.text_of(given["job_id"]) == report["body"]["result"]["output"] != "",
          c.text_of(given["job_id"]))
    check("in more than one piece", len(c.deltas[given["job_id"]]) > 1)
    quiet = job("quiet", "slow/ok", max_tokens=3)
    c.give(quiet)
    c.wait_report(quiet["job_id"])
    check("who does not ask gets none", quiet["job_id"] not in c.deltas)


def failures(c, node):
    for model, code in (("nobody", "model_not_found"), ("flaky/ok", "model_not_found"), ("default", "model_not_found"),
                        ("slow/internal", "internal"), ("slow/unsupported", "unsupported"), ("slow/busy", "overloaded"),
                        ("slow/timeout", "timeout"), ("slow/no_memory", "out_of_memory"), ("flaky/crash", "backend_error")):
        given = job("fail", model)
        c.give(given)
        report = c.wait_report(given["job_id"])
        check(f"{model} is a failure: {code}", report and report["kind"] == "fail"
              and report["body"]["error_code"] == code, report)
    odd = job("odd", "echo")
    odd["order"] = "0" * 64
    other = job("other", "echo")
    other["model"] = "slow/ok"
    c.give(odd, other)
    check("an order that is not the job's is handed back",
          all(c.wait_report(j["job_id"])["body"]["error_code"] == "unsupported" for j in (odd, other)))
    evil = job("evil", "echo")
    evil["job_id"] = "../../admin"
    after = job("after", "echo")
    c.give(evil, after)
    check("an id that is a path reaches nobody", c.wait_report(after["job_id"]) and not c.called("admin"))


def cancel(c, node):
    given = job("cancel", "slow/ok", max_tokens=4096)
    c.give(given)
    check("it runs", c.wait(lambda: c.called(given["job_id"] + "/status")))
    before = len(receipts(node))
    with c.lock:
        c.lost.add(given["lease"]["id"])
    check("a lost lease stops the work", wait_for(lambda: worker_of(node)["inflight"] == 0))
    check("and is not reported", given["job_id"] not in c.reports)
    end = receipts(node)[0]["receipt"]
    check("its receipt is a failure", len(receipts(node)) == before + 1 and end.get("failure") == "E_CANCELLED", end)
    streamed = job("cancel", "slow/ok", stream=True, max_tokens=4096)
    c.give(streamed)
    c.wait(lambda: len(c.deltas.get(streamed["job_id"], {})) > 2)
    with c.lock:
        c.lost.add(streamed["lease"]["id"])
    check("so does the answer to a delta", wait_for(lambda: worker_of(node)["inflight"] == 0))


def twice(c, node):
    given = job("twice", "slow/ok", max_tokens=20)
    before = len(receipts(node))
    c.give(given, json.loads(json.dumps(given)))
    c.wait_report(given["job_id"])
    check("a lease that is offered twice is worked on once",
          wait_for(lambda: worker_of(node)["inflight"] == 0) and len(receipts(node)) == before + 1)


def patience(c, _):
    for status, code, often in ((500, "internal", 2), (503, "busy", 2), (401, "unauthorized", 1)):
        given = job("patience", "echo")
        c.answers["result"] = (status, code, often)
        c.give(given)
        report = c.wait_report(given["job_id"])
        tries = len(c.called(given["job_id"] + "/result"))
        check(f"{status} is not the last word", report and tries == often + 1, tries)
    for status, code in ((409, "lease_lost"), (403, "receipt_signature"), (404, "not_found"), (422, "receipt_units")):
        given, after = job("final", "echo"), job("after", "echo")
        c.answers["result"] = (status, code, 1)
        c.give(given)
        c.wait(lambda: c.called(given["job_id"] + "/result"))
        c.give(after)
        c.wait_report(after["job_id"])
        check(f"{status} is the last word", len(c.called(given["job_id"] + "/result")) == 1)


def forgotten(c, _):
    with c.lock:
        c.worker = None
    check("forgotten, it registers again", c.wait(lambda: c.worker))
    given = job("again", "echo")
    c.give(given)
    check("and works on", c.wait_report(given["job_id"]))


def away(c, node):
    given = job(f"away {CANARY}", "slow/ok", max_tokens=40)
    c.give(given)
    c.wait(lambda: c.called(given["job_id"] + "/status"))
    c.down()
    check("the coordinator gone, the job ends", wait_for(lambda: worker_of(node)["inflight"] == 0))
    check("and the node serves its own clients",
          node.call("POST", "/v1/chat/completions", {"model": "echo", "messages": [{"role": "user", "content": "hi"}]})[0] == 200)
    check("the trouble can be seen", wait_for(lambda: worker_of(node)["error"] != ""))
    node.kill()
    start_worker(node)
    c.up()
    report = c.wait_report(given["job_id"])
    check("a spooled result outlives kill -9 and is handed in", report and report["kind"] == "result", report)
    made = [r for r in receipts(node) if r["receipt"].get("order") == given["order"]]
    check("without doing the work again", len(made) == 1, len(made))
    check("and verifies", verify(canonical(bundle_of(given, report)).decode(), c.worker["node"]) == [])


def killed(c, node):
    given = job("killed", "slow/ok", max_tokens=4096)
    c.give(given)
    c.wait(lambda: c.called(given["job_id"] + "/status"))
    c.down()
    node.kill()
    c.up()
    start_worker(node)
    report = c.wait_report(given["job_id"])
    check("work that kill -9 ended is handed back", report and report["kind"] == "fail"
          and report["body"]["error_code"] == "internal", report)
    lost = [r["receipt"] for r in receipts(node) if r["receipt"].get("order") == given["order"]]
    check("and has its failure receipt, for that order", len(lost) == 1 and lost[0]["failure"] == "E_DIED", lost)
    check("once", report["count"] == 1)


def acknowledged(c, node):
    """kill -9 between the coordinator's acknowledgement and the node's note of it: at most a repeat of the same."""
    given = job("acknowledged", "echo")
    c.give(given)
    c.wait_report(given["job_id"])
    first = json.dumps(c.reports[given["job_id"]]["body"], sort_keys=True)
    node.kill()
    start_worker(node)
    after = job("after", "echo")
    c.wait(lambda: c.worker)
    c.give(after)
    c.wait_report(after["job_id"])
    results = [json.dumps(b, sort_keys=True) for _, p, b, _ in c.called(given["job_id"] + "/result")]
    made = [r for r in receipts(node) if r["receipt"].get("order") == given["order"]]
    check("what was acknowledged is not done again", len(made) == 1, len(made))
    check("at most said again, in the same words", set(results) == {first}, results)


def pushed(c, node):
    def push(body, key):
        h = http.client.HTTPConnection(c.worker["push_url"].split("/")[2], timeout=20 * SLOW)
        h.request("POST", "/v1/jobs/assign", body=json.dumps(body), headers={"X-Api-Key": key, "Content-Type": "application/json"})
        status = h.getresponse().status
        h.close()
        return status

    given = job("pushed", "echo")
    check("a push without the key is refused", push(given, KEY) == 401 and push(given, "") == 401)
    check("what is no job, too", push({"job_id": 7}, c.worker["push_key"]) == 400)
    check("a push with it is accepted", push(given, c.worker["push_key"]) == 202)
    check("and done", c.wait_report(given["job_id"])["kind"] == "result")
    full = [job("full", "slow/ok", max_tokens=4096) for _ in range(4)]
    got = [push(j, c.worker["push_key"]) for j in full]
    check("a full worker says so", got == [202, 202, 202, 503], got)
    with c.lock:
        c.lost |= {j["lease"]["id"] for j in full}
    check("and is free again", wait_for(lambda: worker_of(node)["inflight"] == 0))


def goodbye(c, node):
    short, long = job("short", "slow/ok", max_tokens=20), job("long", "slow/ok", max_tokens=4096)
    c.give(short, long)
    c.wait(lambda: c.called(short["job_id"] + "/status") and c.called(long["job_id"] + "/status"))
    node.process.send_signal(signal.SIGTERM)
    check("told to stop, it finishes what it can", c.wait_report(short["job_id"])["kind"] == "result")
    report = c.wait_report(long["job_id"])
    check("hands the rest back", report["kind"] == "fail" and report["body"]["error_code"] == "stopping", report)
    node.process.wait(60 * SLOW)
    check("says goodbye", c.worker is None and node.process.returncode == 0)
    check("and was draining meanwhile", any(b.get("status") == "DRAINING" for _, _, b, _ in c.called("/heartbeat")))


def nobody(node):
    start_worker(node)
    check("without a coordinator the node is ready and serves",
          node.call("POST", "/v1/chat/completions", {"model": "echo", "messages": [{"role": "user", "content": "hi"}]})[0] == 200)
    check("and says what is wrong", wait_for(lambda: worker_of(node)["error"]) and not worker_of(node)["registered"])


def canary(node):
    found = [name for name in glob.glob(node.home + "/**", recursive=True)
             if os.path.isfile(name) and CANARY.encode() in open(name, "rb").read()]
    check("prompts and outputs are in no log, table or file", not found, found)


with Scripted() as c:
    node = Node(CONFIG, args=["--coordinator", c.url + "/"])
    start_worker(node)
    try:
        for step in (registration, one_job, seedless, many, streaming, failures, cancel, twice, patience, forgotten, away,
                     killed, acknowledged, pushed, goodbye):
            step(c, node)
        canary(node)
    except Exception:
        print(node.log_text()[-6000:])  # without content, as logs are
        raise
nobody(node)
node.close()
done()
