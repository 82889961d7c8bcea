#!/usr/bin/env python3
"""The whole way, with a real node: submit, escrow, lease, work, receipt, verdict, payment; and its receipt verifies."""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import Client, Coordinator, wait_for  # noqa: E402
from harness import BUILD, Node, check, done  # noqa: E402

COIN = 1_000_000


def worker_node(c):
    node = Node({"require_pin": False, "plugin_dirs": [os.path.join(BUILD, "examples")],
                 "plugins": {"echo": {"plugin": "echo"}},
                 "worker": {"coordinator": c.url, "concurrency": 2, "name": "heron", "address": "pay-heron",
                            "models": ["echo"]}})
    key = c.key("heron", "miner")
    node.env = lambda **more: {**os.environ, "B3IQ_HOME": node.home, "NO_COLOR": "1", "MINER_API_KEY": key, **more}
    return node


def main():
    with Coordinator(ledger={"alice": 10 * COIN}) as c:
        alice, root = Client(c, "alice"), Client(c, "root", role="admin")
        with worker_node(c) as node:
            ready = wait_for(lambda: any(m["status"] == "ONLINE" for m in root.call("GET", "/v1/admin/miners")[1]["items"]))
            check("the node has registered, with its key", ready)
            s, job = alice.submit("say this again", model="echo", payment_amount=1, stream=True)
            j = alice.settled(job["job_id"])
            check("it did the job and was paid", j and j["status"] == "completed" and j["payment_status"] == "released",
                  (j, c.log_text()[-2000:], node.log_text()[-2000:]))
            check("money is conserved", c.conserved(), c.balances())
            s, b, _ = alice.call("GET", f"/v1/jobs/{job['job_id']}/result")
            check("there is an answer", s == 200 and b["result"]["output"], b)
            bundle = {"version": "b3iq.bundle/1", "receipt": b["receipt"]["node_receipt"], "openings": b["openings"]}
            path = c.put("bundle.json", json.dumps(bundle, separators=(",", ":"), sort_keys=True, ensure_ascii=False))
            r = node.cli("receipt", "verify", path, "--key", os.path.join(node.home, "keys", "node.pub"), check_rc=False)
            check("the client verifies the node's receipt without a network", r.returncode == 0, r.stdout + r.stderr)
            ids = [alice.submit(f"number {i}", model="echo", payment_amount=0.5)[1]["job_id"] for i in range(4)]
            node.kill()
            c.restart()
            node.start()
            settled = [alice.settled(i) for i in ids]
            check("both die and come back: every job is done and paid once",
                  all(x and x["status"] == "completed" and x["payment_status"] == "released" for x in settled) and
                  c.conserved(), settled)
    done()


main()
