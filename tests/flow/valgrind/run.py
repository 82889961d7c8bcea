#!/usr/bin/env python3
"""The way of a request under valgrind: no invalid access, nothing lost.  The plugin runs inline,
because valgrind 3.19 cannot follow the sandbox child (it knows neither pidfd_open nor /proc/self/exe)."""
import json
import os
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import harness  # noqa: E402
from harness import Node, check, done, skip  # noqa: E402

if not shutil.which("valgrind"):
    skip("valgrind is not installed")
harness.SLOW = 20

node = Node()
node.cli("plugin", "list")  # makes the home
node.key = node.cli("key", "create", "flow", "--quiet").stdout.strip()
path = os.path.join(node.home, "config.json")
with open(path, encoding="utf-8") as f:
    config = json.load(f)
config["plugins"]["cpu"].update(isolation="inline", config={"threads": 1})
node.write_config(config)
report = os.path.join(node.home, "valgrind.log")
node.wrap = ["valgrind", "--leak-check=full", "--errors-for-leak-kinds=definite", "--error-exitcode=99",
             "--fair-sched=yes", f"--log-file={report}"]
node.start()
short = {"model": "default", "max_tokens": 3}
check("the plugin runs where valgrind sees it", not node.children(), node.children())
check("the list", node.call("GET", "/v1/models")[0] == 200)
check("an answer", node.call("POST", "/v1/chat/completions", {**short, "messages": [{"role": "user", "content": "Hello"}]})[0] == 200)
events = list(node.stream("/v1/completions", {**short, "prompt": "Hello"}))
check("a stream", events[-1] == "[DONE]", events[-1:])
check("a refusal", node.call("POST", "/v1/chat/completions", {**short, "messages": [{"role": "x"}]})[0] == 400)
check("no such model", node.call("POST", "/v1/completions", {**short, "model": "no", "prompt": "x"})[0] == 404)
check("metrics", node.call("GET", "/metrics")[0] == 200)
code = node.kill(15)
with open(report, encoding="utf-8") as f:
    said = f.read()
check("valgrind has nothing to say", code == 0 and "ERROR SUMMARY: 0 errors" in said, said[-6000:])
done()
