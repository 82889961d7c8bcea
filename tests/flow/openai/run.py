#!/usr/bin/env python3
"""OpenAI's own JavaScript client (npm) against a real node with the built-in model."""
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from harness import BUILD, Node, check, done, need_npm, skip  # noqa: E402

need_npm()
work = os.path.join(BUILD, "flow", "openai")
os.makedirs(work, exist_ok=True)
for name in ("package.json", "client.mjs"):
    shutil.copy(os.path.join(HERE, name), work)
if not os.path.isdir(os.path.join(work, "node_modules", "openai")):
    if subprocess.run(["npm", "install", "--silent", "--no-fund", "--no-audit"], cwd=work, check=False).returncode:
        skip("the npm registry cannot be reached")

with Node() as node:
    status, _, models = node.call("GET", "/v1/models")
    check("the node lists a model", status == 200 and models["data"], models)
    r = subprocess.run(["node", "client.mjs", node.url + "/v1", node.key, models["data"][0]["id"]],
                       cwd=work, timeout=600, check=False)
    check("the client's checks", r.returncode == 0)
done()
