"""The Ollama plugin against a server that really generates, by llama.cpp, behind Ollama's protocol.

    test_ollama.py DRIVE OLLAMA_SO UPSTREAM_DIR SCRATCH_DIR [MODEL.gguf]

Skipped (77) where npm or the upstream's sources are absent, or npm cannot install them.
"""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import unittest

DRIVE, PLUGIN, UPSTREAM, SCRATCH = sys.argv[1:5]
MODEL = sys.argv[5] if len(sys.argv) > 5 and os.path.exists(sys.argv[5]) else None
OK, INVALID, NOT_FOUND, UNSUPPORTED, CANCELLED, UNAVAILABLE = 0, -1, -3, -4, -7, -9
STOP_END, STOP_LENGTH, STOP_CANCELLED = 1, 2, 5


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def prepare():
    """The upstream's program and packages in the scratch folder, installed once."""
    if not os.path.isdir(UPSTREAM):
        skip(f"no {UPSTREAM}")
    if not shutil.which("npm") or not shutil.which("node"):
        skip("no npm")
    version = subprocess.run(["node", "-p", "process.versions.node"], capture_output=True, text=True).stdout
    if int(version.split(".")[0] or 0) < 20:
        skip("Node.js 20 or newer is needed, here is " + version.strip())
    os.makedirs(SCRATCH, exist_ok=True)
    for name in os.listdir(UPSTREAM):
        target = os.path.join(SCRATCH, name)
        if not os.path.exists(target):
            shutil.copyfile(os.path.join(UPSTREAM, name), target)
    if not os.path.isdir(os.path.join(SCRATCH, "node_modules", "node-llama-cpp")):
        print("installing the upstream with npm ...", flush=True)
        done = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"],
                              cwd=SCRATCH, capture_output=True, text=True)
        if done.returncode:
            shutil.rmtree(os.path.join(SCRATCH, "node_modules"), ignore_errors=True)
            skip("npm install failed: " + done.stderr[-300:])
    tiny = os.path.join(SCRATCH, "tiny.gguf")
    if not os.path.exists(tiny):
        subprocess.run(["node", "tinygguf.mjs", tiny], cwd=SCRATCH, check=True)
    return MODEL or tiny


def free_port():
    """A port below the range of outgoing connections."""
    for port in range(21000, 32000, 7):
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise RuntimeError("no free port")


class Upstream:
    def __init__(self, model, context=512):
        self.port = free_port()
        self.name = os.path.basename(model).removesuffix(".gguf")
        self.process = subprocess.Popen(
            ["node", "ollama-shim.mjs", os.path.abspath(model), str(self.port)], cwd=SCRATCH,
            env=dict(os.environ, CTX=str(context)), stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("ready"), line

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait()
        self.process.stdout.close()


def config(**more):
    return json.dumps({"url": f"http://127.0.0.1:{up.port}", "allow": [], "context": 512,
                       "keep_alive": "5m", "connect_timeout_ms": 5000,
                       "first_token_timeout_ms": 120000, "idle_timeout_ms": 60000} | more)


def call(*args, **more):
    done = subprocess.run([DRIVE, PLUGIN, config(**more), *map(str, args)], capture_output=True,
                          text=True, check=True)
    return json.loads(done.stdout)


def chat(text, **more):
    return json.dumps({"messages": [{"role": "user", "content": text}]} | more)


class Ollama(unittest.TestCase):
    def test_is_seen(self):
        out = call("probe")
        self.assertEqual(out["rc"], OK, out)
        self.assertTrue(out["document"][0]["usable"])

    def test_models(self):
        (model,) = call("models")["document"]
        self.assertEqual(model["id"], up.name + ":latest")
        self.assertGreater(model["context"], 0)
        self.assertGreater(model["size"], 1000)
        self.assertTrue(model["quantisation"])
        self.assertNotIn("root", model)
        self.assertTrue(model["resident"])

    def test_chat_and_raw_prompt(self):
        for body in (chat("Tell me about the sea."), json.dumps({"prompt": "The sea"})):
            out = call("generate", up.name, body, 8)
            self.assertEqual(out["rc"], OK, out)
            self.assertTrue(out["text"])
            self.assertGreater(out["prompt_tokens"], 0)
            self.assertGreaterEqual(8, out["output_tokens"])
            self.assertGreaterEqual(out["output_tokens"], out["chunks"])
            self.assertEqual(out["determinism"], 0)
            self.assertIn(out["stop"], (STOP_END, STOP_LENGTH))

    def test_no_limit_ends_within_the_context(self):
        out = call("generate", up.name, json.dumps({"prompt": "Hi"}), 0, context=16)
        self.assertEqual(out["rc"], OK, out)
        self.assertGreaterEqual(16, out["output_tokens"])

    def test_json_format(self):
        out = call("generate", up.name, chat("Give an object", response_format={
            "type": "json_schema", "json_schema": {"schema": {
                "type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"],
                "additionalProperties": False}}}), 200)
        self.assertEqual(out["rc"], OK, out)
        self.assertIsInstance(json.loads(out["text"])["ok"], bool)

    def test_missing_model_is_never_substituted(self):
        out = call("generate", "no-such-model", chat("Hi"))
        self.assertEqual((out["rc"], out["text"]), (NOT_FOUND, ""))
        out = call("generate", up.name, chat("Hi"), allow=["other"])
        self.assertEqual((out["rc"], out["text"]), (NOT_FOUND, ""))

    def test_promises_nothing(self):
        for flags in (1, 2, 3):
            out = call("generate", up.name, chat("Hi"), 4, 0, flags)
            self.assertEqual((out["rc"], out["chunks"]), (UNSUPPORTED, 0))
        out = call("generate", up.name, chat("Hi"), 4, 0, 4)  # logprobs: this upstream has none
        self.assertEqual((out["rc"], out["chunks"]), (UNSUPPORTED, 0))

    def test_cancel(self):
        out = call("generate", up.name, chat("Count to a thousand"), 400, 2)
        self.assertEqual((out["rc"], out["stop"]), (CANCELLED, STOP_CANCELLED))
        print(f"cancelled within {out['stopped_ms']} ms")
        out = call("generate", up.name, chat("Hi"), 4)
        self.assertEqual(out["rc"], OK, out)

    def test_death_in_the_middle_and_return(self):
        global up
        started = subprocess.Popen([DRIVE, PLUGIN, config(), "generate", up.name,
                                    chat("Count to a thousand"), "450"],
                                   stdout=subprocess.PIPE, text=True)
        time.sleep(0.5)  # somewhere in it, or before it: each is an error
        up.stop(signal.SIGKILL)
        out = json.loads(started.communicate()[0])
        self.assertIn(out["rc"], (UNAVAILABLE, OK), out)
        out = call("generate", up.name, chat("Hi"))
        self.assertEqual(out["rc"], UNAVAILABLE)
        self.assertFalse(call("probe")["document"][0]["usable"])
        up = Upstream(model)
        self.assertEqual(call("generate", up.name, chat("Hi"), 4)["rc"], OK)


if __name__ == "__main__":
    model = prepare()
    up = Upstream(model)
    try:
        done = unittest.main(argv=sys.argv[:1], exit=False, verbosity=2)
    finally:
        up.stop()
    sys.exit(not done.result.wasSuccessful())
