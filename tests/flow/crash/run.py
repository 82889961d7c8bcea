#!/usr/bin/env python3
"""kill -9 in the middle of a stream: of the plugin child, then of the node.  Nothing that was
acknowledged is lost, the chain of receipts stays whole, and the next request is served."""
import json
import os
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import SLOW, Node, check, done  # noqa: E402

ASK = {"model": "default", "max_tokens": 200, "temperature": 1, "seed": 3, "logit_bias": {},
       "messages": [{"role": "user", "content": "What is machine learning?"}]}


def long_stream(node):
    """Starts a stream and returns after its third piece: (iterator, text so far)."""
    events = node.stream("/v1/completions", {"model": "default", "prompt": "a a a a a a", "max_tokens": 450,
                                             "temperature": 2, "seed": 5})
    text = ""
    for n, event in enumerate(events):
        text += event["choices"][0]["text"] if event.get("choices") else ""
        if n >= 2:
            break
    return events, text


def rest(events):
    """What comes after the kill: the events, or the exception that ended them."""
    got = []
    try:
        for event in events:
            got.append(event)
    except Exception as e:  # noqa: BLE001  a reset connection is one of the honest endings
        got.append(e)
    return got


def whole(tail):
    """Was the answer complete?"""
    return any(c.get("finish_reason") for e in tail if isinstance(e, dict) for c in e.get("choices") or ())


def killed(node, kill):
    """The end of a stream that kill() met in its middle.  The model is quick: a kill after its last
    word proves nothing, and is tried again (not five times: that many deaths end a plugin)."""
    for _ in range(3):
        events, _ = long_stream(node)
        kill()
        tail = rest(events)
        if not whole(tail):
            break
        answered(node)
    return tail


def ended(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            return f.read().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def answer(node):
    return node.call("POST", "/v1/chat/completions", ASK)


def answered(node, seconds=15):
    """The next request is served, after at most the restart of the child."""
    end = time.monotonic() + seconds * SLOW
    while True:
        status, _, body = answer(node)
        if status == 200 or time.monotonic() > end:
            return status == 200, body
        time.sleep(0.2)


with Node() as node:
    status, _, first = answer(node)
    check("a first answer", status == 200, first)
    text = first["choices"][0]["message"]["content"]

    tail = killed(node, lambda: [os.kill(pid, signal.SIGKILL) for pid in node.children()])
    error = next((e for e in tail if isinstance(e, dict) and "error" in e), None)
    check("a dead child ends the stream with a typed error", error is not None, tail[-2:])
    check("and not with [DONE]", "[DONE]" not in tail)
    ok, body = answered(node)
    check("the next request is served", ok, body)
    check("with the same bits", ok and body["choices"][0]["message"]["content"] == text)
    listed = json.loads(node.cli("receipt", "list", "--json").stdout)
    kinds = [r["receipt"]["kind"] for r in listed["receipts"]]
    check("the failed request has its receipt", "failure" in kinds, kinds)

    known = {r["id"] for r in listed["receipts"]}
    def next_life():
        node.kill()
        node.start()

    killed(node, next_life)
    ok, body = answered(node)
    check("the next life of the node serves", ok, body)
    check("with the same bits again", ok and body["choices"][0]["message"]["content"] == text)
    listed = json.loads(node.cli("receipt", "list", "--json").stdout)["receipts"]
    check("no receipt is lost", known <= {r["id"] for r in listed})
    check("the interrupted request is accounted for", sum(r["receipt"]["kind"] == "failure" for r in listed) >= 2, [r["receipt"]["kind"] for r in listed])
    check("the chain of receipts is whole", node.cli("receipt", "verify", "--chain", check_rc=False).returncode == 0)

    # Twenty rounds of kill -9 at arbitrary moments under load.
    lost, acknowledged, lock = [], set(), threading.Lock()

    def load(stop):
        while not stop.is_set():
            try:
                s, h, _ = node.call("POST", "/v1/completions", {"model": "default", "prompt": "x", "max_tokens": 1})
                if s == 200:
                    with lock:
                        acknowledged.add(h["X-B3IQ-Receipt"])
            except Exception:  # noqa: BLE001  the node is down for a moment
                time.sleep(0.01)

    for turn in range(20):
        stop = threading.Event()
        threads = [threading.Thread(target=load, args=(stop,)) for _ in range(4)]
        for t in threads:
            t.start()
        time.sleep(0.05 + 0.037 * (turn % 7))
        node.kill()
        stop.set()
        for t in threads:
            t.join()
        node.start()
    for receipt in acknowledged:
        if node.call("GET", f"/v1/receipts/{receipt}")[0] != 200:
            lost.append(receipt)
    check(f"20 kills: each of {len(acknowledged)} acknowledged receipts is there", acknowledged and not lost, lost[:3])
    check("and the chain is whole", node.cli("receipt", "verify", "--chain", check_rc=False).returncode == 0)

    pids = node.children()
    node.kill()
    end = time.monotonic() + 20 * SLOW
    while not all(map(ended, pids)) and time.monotonic() < end:
        time.sleep(0.01)
    check("the children end with the node", pids and all(map(ended, pids)), pids)
done()
