#!/usr/bin/env python3
"""The seeds' flow between processes that share nothing but the network, with money on a real chain: the way of a
paid job, the four error paths, and each role away or locked at the moment when it is needed."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "ollama")]
import little  # noqa: E402
from roles import COIN, NODE, World, audit, check, escrows, files_with, until  # noqa: E402
from harness import done  # noqa: E402

CANARY = "canary-93e5-ibis"
MORE = {"payment_amount": 1}


def the_seed(net):
    r = net.client.cli("submit", "inference", "--prompt", f"What is machine learning? {CANARY}", "--model", "b3iq-mini", "--wait")
    said = dict(x.split(": ", 1) for x in r.stdout.splitlines() if ": " in x)
    check("the seed's command says the seed's words", r.returncode == 0 and said.get("Status") == "completed" and
          {"Job ID", "Result", "Receipt", "Completed in", "Cost"} <= set(said), r.stdout + r.stderr)
    job = net.settled(said["Job ID"])
    check("the node has what it costs", net.balance(net.payee) == int(job["amount_units"]) > 0, job)
    check("and the buyer the rest", net.balance(net.buyer) == 1000 * COIN - int(job["amount_units"]) - 10, net.balance(net.buyer))
    for what in (said["Job ID"], said["Receipt"]):
        r = net.client.cli("receipt", "verify", what, "--coordinator", net.public_key())
        check(f"{what.split('_')[0]} verifies, with order and verdict", r.returncode == 0 and "verdict" in r.stdout and
              "FAIL" not in r.stdout, r.stdout + r.stderr)
    path = f"/v1/jobs/{said['Job ID']}/receipt"
    until(lambda: "anchor" in net.call("GET", path)[1])
    receipt = net.call("GET", path)[1]
    where = net.chain.get(f"/rpc/receipts/{receipt['anchor']['root']}")
    check("its root is on the chain", receipt["anchor"]["root"] in str(where), where)
    (kinds, paid, to), = escrows(net).values()
    check("the chain tells the same story", (kinds, paid, to) ==
          (["escrow_open", "escrow_release"], int(job["amount_units"]), net.payee), (kinds, paid, to))


def invalid_prompt(net):
    before = len(net.transactions())
    r = net.client.cli("submit", "inference", "--prompt", "  ", "--wait")
    check("an invalid prompt: the client says why", r.returncode == 1 and "prompt" in r.stderr, r.stdout + r.stderr)
    status, body = net.submit("")
    check("400, in both shapes", status == 400 and body["detail"] and body["error"]["code"], body)
    check("and nothing was locked for it", len([t for t in net.transactions()[before:] if t["kind"].startswith("escrow")]) == 0)


def no_money(net):
    poor = net.key("bob", "client", "--wallet", "poor")
    before = len(escrows(net))
    status, body = net.submit("x", key=poor, **MORE)
    check("who has no money: 402", status == 402 and body["error"]["code"] == "insufficient_funds", (status, body))
    check("and no job, and no escrow", net.jobs(poor) == [] and len(escrows(net)) == before, net.jobs(poor))
    status, body = net.submit("x", payment_amount=5000)
    check("nor who asks for more than he has", status == 402 and body["error"]["code"] == "insufficient_funds", (status, body))


def backend_error(net):
    had = net.balance(net.buyer)
    for model, why in (("internal", "a backend that fails"), ("words:latest", "an Ollama that answers 500")):
        status, body = net.submit(f"{why} {CANARY}", model=model, **MORE)
        job = net.settled(body["job_id"])
        check(f"{why}: failed, refunded", status == 201 and job["status"] == "failed" and job["payment_status"] == "refunded"
              and job["amount_units"] == "0", job)
    check("nothing was paid but the fees", net.balance(net.buyer) == had - 20, (had, net.balance(net.buyer)))
    r = net.client.cli("result", body["job_id"])
    check("the client says so", r.returncode != 0 and "failed" in (r.stdout + r.stderr).lower(), r.stdout + r.stderr)


def cancelled(net):
    _, body = net.submit("a long story", model="ok", max_tokens=4000, **MORE)
    job = body["job_id"]
    check("it runs", net.status(job, "running")["status"] == "running")
    status, body, _ = net.call("POST", f"/v1/jobs/{job}/cancel", {})
    check("a running job is cancelled", status == 200 and body["status"] == "cancelled", body)
    j = net.settled(job)
    check("and refunded, all of it", j["payment_status"] == "refunded" and j["amount_units"] == "0", j)
    check("once", net.call("POST", f"/v1/jobs/{job}/cancel", {})[0] == 409)


def buyer_locked(net):
    net.lock("buyer")
    known = {j["job_id"] for j in net.jobs()}
    status, body = net.submit("locked", headers={"Idempotency-Key": "locked"}, **MORE)
    said = body.get("error") or {}
    check("a locked purse: the client is told, and not that money is wanting", status == 402 and
          said.get("code") == "payment_refused" and "unlocked" in said["message"], (status, body))
    check("the operator too", "wallet buyer is locked" in net.coordinator.log_text())
    net.unlock("buyer")
    status, body = net.submit("locked", headers={"Idempotency-Key": "locked"}, **MORE)
    check("unlocked: the same wish is a job", status in (200, 201), (status, body))
    job = net.settled(body["job_id"])
    check("and done, and paid", job["status"] == "completed" and job["payment_status"] == "released", job)
    fresh = [j for j in net.jobs() if j["job_id"] not in known and j["status"] != "failed"]
    check("one job only", len(fresh) == 1, fresh)


def waits_for_release(net, why, away, back):
    """A job whose escrow is open ends while who must release it is away."""
    _, body = net.submit(f"{why} {CANARY}", model="ok", max_tokens=25, **MORE)
    job = body["job_id"]
    net.status(job, "running")
    away()
    j = net.status(job, "completed")
    check(f"{why}: the job is done, the money waits", j["status"] == "completed" and j["payment_status"] == "releasing", j)
    back()
    j = net.settled(job)
    check(f"{why}: then it is paid", j["payment_status"] == "released", j)


def restart_alone(net):
    net.wallet.end()
    net.chain.end()
    net.coordinator.end()
    net.coordinator.start()


def chain_away(net):
    net.chain.end()
    status, body = net.submit("without a chain", **MORE)
    check("no chain: the wish is kept, its payment is pending", status == 201 and body["payment_status"] == "pending", (status, body))
    net.chain.start()
    job = net.settled(body["job_id"])
    check("the chain is back: done and paid", job["status"] == "completed" and job["payment_status"] == "released", job)


def privacy(net):
    for role in (net.chain, net.wallet, net.coordinator, net.node):
        found = [x for x in files_with(role.home, CANARY.encode()) if not x.startswith("coordinator.db")]
        check(f"no prompt in the files of the {role.name}", not found, found)
        check("nor in its metrics", CANARY not in role.get("/metrics"))
        check("no password in its log", "canary password" not in role.log_text())
    for path in ("/rpc/transactions?limit=1000", "/rpc/receipts", "/rpc/state", "/rpc/mempool"):
        check(f"nor at {path}", CANARY not in str(net.chain.get(path)))


def main():
    ollama = little.Little()
    little.Ollama.generate = lambda self, ask, chat: self.answer(500, {"error": "llama runner has terminated"})
    NODE["plugins"]["ollama"] = {"plugin": "ollama", "config": {"url": f"http://127.0.0.1:{ollama.port}"}}
    NODE["worker"]["models"].append("words:latest")
    net = World(times={"heartbeat_s": 1, "funding_s": 2, "no_worker_s": 60})
    net.start()
    the_seed(net)
    invalid_prompt(net)
    no_money(net)
    backend_error(net)
    cancelled(net)
    buyer_locked(net)
    waits_for_release(net, "arbiter locked", lambda: net.lock("arbiter"), lambda: net.unlock("arbiter"))
    waits_for_release(net, "wallet daemon killed", net.wallet.end, net.wallet.start)
    waits_for_release(net, "chain killed", net.chain.end, net.chain.start)
    waits_for_release(net, "all three killed, and the coordinator back alone", lambda: restart_alone(net),
                      lambda: (net.chain.start(), net.wallet.start()))
    chain_away(net)
    jobs = [net.settled(j["job_id"]) for j in net.jobs()]
    privacy(net)
    audit(net, [j for j in jobs if j["payment_status"] != "failed"], [net.payee])
    net.close()
    ollama.stop()
    done()


main()
