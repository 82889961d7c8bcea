#!/usr/bin/env python3
"""The OpenAPI documents are lint-clean (npm @redocly/cli, recommended rules, no exceptions)."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import BUILD, SOURCE, check, done, need_npm, skip  # noqa: E402

need_npm()
work = os.path.join(BUILD, "flow", "redocly")
os.makedirs(work, exist_ok=True)
linter = os.path.join(work, "node_modules", ".bin", "redocly")
if not os.path.exists(linter):
    r = subprocess.run(["npm", "install", "--silent", "--no-fund", "--no-audit", "--no-save", "@redocly/cli@2.77.0"], cwd=work, check=False)
    if r.returncode:
        skip("the npm registry cannot be reached")
for name in ("openapi.yaml", "coordinator.yaml"):
    r = subprocess.run([linter, "lint", os.path.join(SOURCE, "schemas", name)], cwd=work,
                       env={**os.environ, "REDOCLY_TELEMETRY": "off"}, capture_output=True, text=True, check=False)
    said = r.stdout + r.stderr
    check(f"{name}: no error and no warning", r.returncode == 0 and "rule" not in said and "is valid" in said, said)
done()
