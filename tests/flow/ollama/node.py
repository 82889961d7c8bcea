#!/usr/bin/env python3
"""A node with the Ollama plugin: answers, receipts of tier T0, and every way that Ollama can be away."""
import json
import os
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import Node, check, done  # noqa: E402
from little import Little  # noqa: E402

ASK = {"model": "words:latest", "max_tokens": 8, "messages": [{"role": "user", "content": "Say words"}]}


def ask(node, **more):
    status, headers, body = node.call("POST", "/v1/chat/completions", {**ASK, **more})
    return status, headers, body


def answers(node):
    status, _, body = ask(node)
    check("an answer", status == 200 and body["choices"][0]["message"]["content"], body)
    check("with Ollama's counts", body["usage"]["completion_tokens"] == 8 and body["usage"]["prompt_tokens"] > 0, body)
    events = list(node.stream("/v1/chat/completions", ASK))
    text = "".join(e["choices"][0]["delta"].get("content") or "" for e in events[:-1] if e.get("choices"))
    check("the same as a stream", text == body["choices"][0]["message"]["content"], text)
    status, _, stopped = ask(node, stop=["mat"])
    check("stop strings are passed on", status == 200 and "mat" not in stopped["choices"][0]["message"]["content"], stopped)
    status, _, more = ask(node, logprobs=True, top_logprobs=2)
    check("log probabilities", status == 200 and more["choices"][0]["logprobs"]["content"], more)
    status, _, body = node.call("POST", "/v1/completions", {"model": "words:latest", "prompt": "Once", "max_tokens": 3})
    check("a raw prompt", status == 200 and body["choices"][0]["text"], body)


def refusals(node):
    status, _, body = ask(node, model="wordy")
    check("a missing model is 404, never another one", status == 404, body)
    status, _, body = ask(node, logit_bias={"5": 1})
    check("what Ollama cannot do is refused", status in (400, 422), (status, body))
    status, _, body = ask(node, messages=[{"role": "user", "content": "x " * 20000}])
    check("context overflow", status == 400 and body["error"]["code"] == "context_length_exceeded", (status, body))


def receipt(node):
    with tempfile.TemporaryDirectory() as dir_:
        file = os.path.join(dir_, "a.json")
        r = node.cli("run", "-m", "words:latest", "-n", "4", "Say words", "--receipt", file)
        check("b3iq run", r.stdout.strip() != "")
        r = node.cli("receipt", "verify", file, check_rc=False)
        check("the receipt verifies", r.returncode == 0, r.stdout + r.stderr)
        with open(file, encoding="utf-8") as f:
            body = json.load(f)["receipt"]["receipt"]
        check("it is a signed claim and no more: T0, no root, no tokens",
              '"T0"' in json.dumps(body) and "root" not in json.dumps(body["model"]), body)
        r = node.cli("receipt", "audit", file, check_rc=False)
        check("nobody can audit it: 8", r.returncode == 8, r.stdout + r.stderr)


def away(node, little):
    little.stop()
    status, headers, body = ask(node)
    check("Ollama gone: 503 with the remedy", status == 503 and body["error"]["message"], (status, body))
    check("and a receipt of the failure", (headers.get("X-B3IQ-Receipt") or "").startswith("rcpt_"), dict(headers))
    check("the private address is in no error and no log", str(little.port) not in json.dumps(body))
    check("the node goes on", node.call("GET", "/health")[0] == 200)


little = Little()
node = Node()
node.cli("node", "--init")
node.cli("plugin", "config", "ollama", f"url=http://127.0.0.1:{little.port}")
node.cli("plugin", "enable", "ollama", "--yes")
node.start()
answers(node)
refusals(node)
receipt(node)
away(node, little)
check("the log has no address of Ollama", f":{little.port}" not in node.log_text())
node.close()
done()
