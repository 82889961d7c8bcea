#!/usr/bin/env python3
"""A canary in prompt, output and key appears in no log, metric, database, config or process list."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import Node, check, done  # noqa: E402

CANARY = "qzjxkv-canary-7741"

with Node() as node:
    node.call("POST", "/v1/chat/completions", {"model": "default", "max_tokens": 8, "messages": [{"role": "user", "content": f"Say {CANARY}"}]})
    node.call("POST", "/v1/completions", {"model": "default", "prompt": CANARY, "max_tokens": 4, "user": CANARY})
    list(node.stream("/v1/chat/completions", {"model": "default", "max_tokens": 4, "messages": [{"role": "user", "content": CANARY}]}))
    node.call("POST", "/v1/chat/completions", {"model": "default", "messages": [{"role": "user", "content": f"{CANARY} " * 9000}]})
    node.call("POST", "/v1/chat/completions", {"model": "default", "messages": [{"role": CANARY, "content": ""}]})
    node.call("POST", "/v1/chat/completions", b'{"model": "' + CANARY.encode())
    node.call("GET", f"/v1/models?q={CANARY}")
    secret = node.key.removeprefix("b3iq_local_")
    listing = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    check("not in the process list", CANARY not in listing and secret not in listing)
    metrics = node.call("GET", "/metrics")[2]
    check("not in the metrics", CANARY not in metrics and "b3iq_" in metrics)
    receipts = json.dumps(json.loads(node.cli("receipt", "list", "--json").stdout))
    check("not in the receipts", CANARY not in receipts and "rcpt_" in receipts)
    check("no core dump of the node", open(f"/proc/{node.process.pid}/limits").read().split("Max core file size")[1].split()[0] == "0")
    node.kill(15)
    found = []
    for folder, _, names in os.walk(node.home):
        for name in names:
            path = os.path.join(folder, name)
            with open(path, "rb") as f:
                content = f.read()
            if CANARY.encode() in content:
                found.append(f"canary in {name}")
            if secret.encode() in content:
                found.append(f"key in {name}")
            if name.endswith((".key", ".db")) or "secret" in folder:
                check(f"{name} is for its owner only", os.stat(path).st_mode & 0o077 == 0, oct(os.stat(path).st_mode))
    check("in no file of the home", not found, found)
done()
