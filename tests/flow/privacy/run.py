#!/usr/bin/env python3
"""A canary in prompt, output and key appears in no log, metric, database, config or process list."""
import json
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import SLOW, Node, check, done  # noqa: E402

CANARY = "qzjxkv-canary-7741"
ACCESS = re.compile(r"\S+ info +http\.request id=req_[0-9a-f]{32} peer=127\.0\.0\.1 method=POST route=/v1/chat/completions"
                    r" status=200 bytes=\d+ ms=\d+")


def chat(text, **more):
    return {"model": "default", "max_tokens": 8, "messages": [{"role": "user", "content": text}], **more}


def expect(status, what, answer):
    """What was refused at the door proves nothing: each request has to get as far as it should."""
    check(f"{what}: {status}", answer[0] == status, answer)
    return answer[2]


def settled(node):
    """The length of the log once it has stood still: the lines of earlier requests are in it."""
    seen = -1
    while (size := len(node.log_text())) != seen:
        seen = size
        time.sleep(0.2 * SLOW)
    return size


def logged(node, before):
    """The lines that a request has added to the log, once its own is there."""
    end = time.monotonic() + 10 * SLOW
    while "http.request" not in node.log_text()[before:] and time.monotonic() < end:
        time.sleep(0.01)
    return node.log_text()[before:].splitlines()


with Node() as node:
    ask = "/v1/chat/completions"
    expect(200, "a chat", node.call("POST", ask, chat(f"Say {CANARY}")))
    expect(200, "a completion", node.call("POST", "/v1/completions", {"model": "default", "prompt": CANARY, "max_tokens": 4, "user": CANARY}))
    streamed = list(node.stream(ask, chat(CANARY)))
    check("a stream", streamed[-1] == "[DONE]", streamed[-1:])
    expect(400, "an overflow", node.call("POST", ask, chat(f"{CANARY} " * 9000)))
    expect(400, "a role of no meaning", node.call("POST", ask, {"model": "default", "messages": [{"role": CANARY, "content": ""}]}))
    expect(400, "broken JSON", node.call("POST", ask, b'{"model": "' + CANARY.encode()))
    expect(404, "a model that is not there", node.call("POST", ask, chat("Hello", model=CANARY)))
    expect(401, "a wrong key", node.call("POST", ask, chat(CANARY), key=f"b3iq_local_{CANARY}"))
    node.call("GET", f"/v1/models?q={CANARY}")
    log_at = settled(node)
    said = expect(200, "words that nobody else says", node.call("POST", ask, chat("Hello", max_tokens=60, temperature=2, seed=11)))
    # Token by token it would not be recognised: so nothing but this one line, and no word more in it.
    lines = logged(node, log_at)
    check("an answer leaves one line of numbers in the log", len(lines) == 1 and ACCESS.fullmatch(lines[0]), lines)
    output = said["choices"][0]["message"]["content"]
    pieces = [output[i:i + 12] for i in range(0, len(output) - 12, 12)]
    check("the answer is long enough to be recognised", len(pieces) > 5, output)
    secret = node.key.removeprefix("b3iq_local_")
    listing = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    check("not in the process list", CANARY not in listing and secret not in listing)
    metrics = node.call("GET", "/metrics")[2]
    check("not in the metrics", CANARY not in metrics and "b3iq_" in metrics)
    receipts = json.dumps(json.loads(node.cli("receipt", "list", "--json").stdout))
    check("not in the receipts", CANARY not in receipts and "rcpt_" in receipts)
    for pid in [node.process.pid, *node.children()]:
        with open(f"/proc/{pid}/limits", encoding="ascii") as f:
            check("no core dump", f.read().split("Max core file size")[1].split()[0] == "0", pid)
    check("a plugin has a process of its own", node.children())
    check("the log was written", ask in node.log_text(), node.log_text()[-500:])
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
            if sum(piece.encode() in content for piece in pieces) > 1:
                found.append(f"output in {name}")
            if name.endswith((".key", ".db")) or "secret" in folder:
                check(f"{name} is for its owner only", os.stat(path).st_mode & 0o077 == 0, oct(os.stat(path).st_mode))
    check("in no file of the home", not found, found)
done()
