"""plugin-check on ollama.so, inline and sandboxed, against a little Ollama, so that every test of
plugin-check has a model to work with, at any speed of the machine.

    check.py PLUGIN_CHECK OLLAMA_SO
"""
import json
import subprocess
import sys

from little import Little

CHECK, PLUGIN = sys.argv[1:3]
config = json.dumps({"url": f"http://127.0.0.1:{Little().port}"})
failed = 0
for where in ("--inline", "--sandbox"):
    done = subprocess.run([CHECK, where, "--config", config, PLUGIN], stdout=subprocess.PIPE, text=True)
    print(done.stdout, flush=True)
    failed += done.returncode != 0
    skipped = [x for x in done.stdout.splitlines() if "SKIP it lists no model" in x]
    if skipped:
        print("NOT OK - the little Ollama was not seen:", skipped[0])
        failed += 1
sys.exit(1 if failed else 0)
