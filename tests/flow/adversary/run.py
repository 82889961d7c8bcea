#!/usr/bin/env python3
"""Honest answers verify and audit as equal; each way to cheat is found by verify, audit or the chain."""
import copy
import http.server
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
import gguf  # noqa: E402
from forge import canonical, forge  # noqa: E402
from harness import B3IQ, BUILD, SLOW, Node, check, done, free_port, skip  # noqa: E402

OK, USAGE, UNVERIFIED, DIFFERS, UNAUDITABLE = 0, 2, 6, 7, 8
MINI = os.path.join(BUILD, "plugins", "b3iq-mini.gguf")
SYNTH = os.path.join(BUILD, "bin", "synth-model")
QUESTION = "What is machine learning?"


def node_with(models, **cpu):
    """A node that offers models = {name: bytes or path}."""
    node = Node({})
    folder = os.path.join(node.home, "models")
    os.mkdir(folder, 0o700)
    for name, what in models.items():
        file = os.path.join(folder, name + ".gguf")
        if isinstance(what, bytes):
            with open(file, "wb") as f:
                f.write(what)
        else:
            shutil.copyfile(what, file)
    node.write_config({"require_pin": False, "plugin_dirs": [os.path.join(BUILD, "plugins")],
                       "plugins": {"cpu": {"plugin": "cpu", "config": {"models_dir": folder, **cpu}}}})
    return node


def bundles(found):
    """Every bundle in an answer or event."""
    if isinstance(found, dict):
        if found.get("version") == "b3iq.bundle/1":
            return [found]
        return [b for v in found.values() for b in bundles(v)]
    return [b for v in found for b in bundles(v)] if isinstance(found, list) else []


def ask(node, stream=False, model="mini", prompt=None, n=1, **more):
    """The bundles of one request."""
    body = {"model": model, "n": n, "max_tokens": 60, "temperature": 0, **more}
    if prompt is None:
        body["messages"] = [{"role": "user", "content": QUESTION}]
    else:
        body["prompt"] = prompt
    path = "/v1/completions" if prompt is not None else "/v1/chat/completions"
    headers = {"X-B3IQ-Bundle": "1"}
    if stream:
        answer = [e for e in node.stream(path, body, headers=headers) if e != "[DONE]"]
    else:
        status, _, answer = node.call("POST", path, body, headers=headers)
        if status != 200:
            raise RuntimeError(f"{status}: {answer}")
    found = bundles(answer)
    if len(found) != n:
        raise RuntimeError(f"{len(found)} bundles for n = {n}: {answer}")
    return found


class Client:
    """Who checks: a home of its own with its own copies of the models, and the node's pinned key."""

    def __init__(self, models, **cpu):
        self.home = node_with(models, **cpu)
        self.file = os.path.join(self.home.home, "bundle.json")

    def run(self, what, bundle, node, *more):
        """(exit code, result) of `b3iq receipt verify|audit`."""
        with open(self.file, "wb") as f:
            f.write(canonical(bundle))
        r = self.home.cli("receipt", what, self.file, "--key", os.path.join(node.home, "keys", "node.pub"),
                          "--json", *more, check_rc=False)
        try:
            return r.returncode, json.loads(r.stdout)
        except ValueError:
            return r.returncode, {"text": r.stdout + r.stderr}

    def verify(self, bundle, node, *more):
        return self.run("verify", bundle, node, *more)

    def audit(self, bundle, node, model="mini"):
        return self.run("audit", bundle, node, "--model", model)


def failed(report):
    return [c["name"] for c in report.get("checks", []) if c["result"] == "FAIL"]


def equal(what, bundle, node, *clients, **kw):
    for client in clients:
        rc, report = client.verify(bundle, node)
        check(f"{what}: verifies", rc == OK and report["valid"], report)
        rc, report = client.audit(bundle, node, **kw)
        check(f"{what}: equal", rc == OK and report["verdict"] == "equal", report)


def refused(what, bundle, node, client, *names):
    """verify finds it, in these checks, and audit does not go on."""
    rc, report = client.verify(bundle, node)
    check(f"{what}: verify finds it", rc == UNVERIFIED and set(names) <= set(failed(report)), (rc, report))
    rc, report = client.audit(bundle, node)
    check(f"{what}: audit refuses it", rc == UNVERIFIED, (rc, report))


def found(what, bundle, node, client, says="", position=None, **kw):
    """The lie is well-formed and well signed: verify cannot see it, the audit does."""
    rc, report = client.verify(bundle, node)
    check(f"{what}: is well signed", rc == OK, report)
    rc, report = client.audit(bundle, node, **kw)
    ok = rc == DIFFERS and report["verdict"] == "DIFFERS" and says in report["text"]
    if position is not None:
        ok = ok and report.get("position") == position
    if check(f"{what}: audit finds it", ok, (rc, report, position)):
        print(f"#   {report['text']}", flush=True)
    return report


# ---- honest work --------------------------------------------------------------------------------

def honest(node, fast, slow, tiny):
    plain = ask(node)[0]["openings"]
    middle = plain["output"][len(plain["output"]) // 2:][:4]
    seen = str(plain["tokens"][0])
    begun = ask(node, max_tokens=20)[0]["openings"]["output"][-3:] + "\0"  # held back to the last
    ways = {
        "greedy": {},
        "to its end": {"max_tokens": 300},
        "one token": {"max_tokens": 1},
        "temperature 1 and a seed": {"temperature": 1, "seed": 7},
        "the node's seed": {"temperature": 1},
        "penalties": {"temperature": 0.8, "seed": 2 ** 62 + 1, "frequency_penalty": 0.5, "presence_penalty": 0.25,
                      "top_p": 0.9},
        "a stop string": {"stop": [middle], "max_tokens": 200},
        "stop strings that do not come": {"stop": ["<never>", begun], "max_tokens": 20},
        "a bias against a token": {"logit_bias": {seen: -100}},
        "a raw prompt": {"prompt": "The node is", "temperature": 1.5, "seed": 3},
        "noise, broken characters and all": {"prompt": "x", "temperature": 2, "seed": 11, "max_tokens": 200},
        "logprobs": {"logprobs": True, "top_logprobs": 3, "max_tokens": 12},
    }
    for what, how in ways.items():
        equal(what, ask(node, **how)[0], node, fast)
        if what in ("greedy", "temperature 1 and a seed", "a stop string", "penalties"):
            equal(what + ", streamed", ask(node, stream=True, **how)[0], node, slow)
    for stream in (False, True):
        two = ask(node, stream=stream, n=2, temperature=1, seed=5, max_tokens=30)
        check("n = 2: two receipts", len({b["receipt"]["receipt"]["id"] for b in two}) == 2)
        for i, b in enumerate(two):
            equal(f"n = 2{', streamed' if stream else ''}: choice {i}", b, node, slow if i else fast)
    with open(tiny["q8_0"], "rb") as f:
        never = {str(i): -100 for i in gguf.end_tokens(f.read())}
    full = ask(node, model="tiny", prompt="a", temperature=1, seed=2, max_tokens=5000, logit_bias=never)[0]
    check("an answer until the context is full", full["receipt"]["receipt"]["usage"]["output"] > 1000, full["receipt"])
    equal("until the context is full", full, node, fast, model="tiny")
    equal("another model", ask(node, model="tiny", prompt="abc", temperature=1, seed=1)[0], node, fast, slow,
          model="tiny")


def limited(client, tiny):
    """A node with less context than who audits it stops for length; that is no lie."""
    with node_with({"tiny": tiny["q8_0"]}, context=64) as node:
        b = ask(node, model="tiny", prompt="a b", temperature=1, seed=5, max_tokens=400)[0]
        rc, report = client.audit(b, node, model="tiny")
        check("a smaller context: equal, and said", rc == OK and "would go on" in report["text"], report)


# ---- cheats on paper: the node computes honestly, and writes something else ------------------------

def untouched_signature(b, node, client):
    bad = copy.deepcopy(b)
    bad["openings"]["tokens"][3] ^= 1
    refused("a flipped token in the bundle", bad, node, client, "tokens")
    bad = copy.deepcopy(b)
    bad["openings"]["output"] += "!"
    refused("another text in the bundle", bad, node, client, "output")
    bad = copy.deepcopy(b)
    bad["receipt"]["receipt"]["usage"]["output"] += 1
    refused("a changed body", bad, node, client, "hash", "counts")
    with Node() as other:
        refused("the key of another node", forge(b, other.home, lambda body, o: None), node, client, "signature")

        def its_own(body, o):
            with open(os.path.join(other.home, "keys", "node.pub"), encoding="ascii") as f:
                body["node"] = f.read().split()[0]
        bad = forge(b, other.home, its_own)
        bad["receipt"]["node_key"] = bad["receipt"]["receipt"]["node"]
        refused("a whole receipt by another node", bad, node, client, "key")


def other_openings(b, node, client):
    """Of two requests of the same node: the receipt of one, what belongs to the other."""
    other = ask(node, prompt="Receipts are", temperature=1, seed=9, max_tokens=25)[0]
    bad = {**b, "receipt": other["receipt"]}
    refused("the receipt of another request", bad, node, client, "prompt", "output", "params", "tokens")
    bad = copy.deepcopy(b)
    for key in ("output", "tokens"):
        bad["openings"][key] = other["openings"][key]
    refused("a receipt used again for another answer", bad, node, client, "output", "tokens")


def rewritten(b, node, client):
    """Signed again with the node's real key, so that only re-execution can tell."""
    n = len(b["openings"]["tokens"])

    for at in (0, n // 2, n - 1):
        def flip(body, o, at=at):
            o["tokens"][at] = o["tokens"][at] ^ 1
        r = found(f"token {at} flipped and signed", forge(b, node.home, flip), node, client, f"position {at}", at)
        check("both ids are named", r.get("replayed") == b["openings"]["tokens"][at] != r.get("claimed"), r)

    def prompt(body, o):
        o["prompt"] = o["prompt"].replace(QUESTION, "What is machine yearning?")
    found("another prompt", forge(b, node.home, prompt), node, client)

    def count(body, o):
        body["usage"]["prompt"] += 100
    found("prompt tokens over-counted", forge(b, node.home, count), node, client, "the prompt has")

    def output_count(body, o):
        body["usage"]["output"] += 1
    refused("output tokens over-counted", forge(b, node.home, output_count), node, client, "counts")

    def logits(body, o):
        o["logits"] = o["logits"][:-1] + ("0" if o["logits"][-1] != "0" else "1")
    found("another logit root", forge(b, node.home, logits), node, client, "logit root")


def other_sampling(node, client):
    """On a model whose next token is open: where the choice is the same, nothing differs, and nothing should."""
    b = ask(node, model="tiny", prompt="abc", temperature=1, seed=7)[0]

    def seed(body, o):
        body["seed"]["value"] = "8"

    def temperature(body, o):
        o["params"]["temperature_e6"] = 500000

    def greedy(body, o):
        o["params"]["temperature_e6"] = 0

    def top_k(body, o):
        o["params"]["top_k"] = 2

    def penalty(body, o):
        o["params"]["frequency_penalty_e6"] = 1500000

    def bias(body, o):
        o["prompt"] = canonical({**json.loads(o["prompt"]), "logit_bias": {str(o["tokens"][5]): -100}}).decode()

    for what, lie in (("seed", seed), ("temperature", temperature), ("way of choosing", greedy), ("top_k", top_k),
                      ("penalty", penalty), ("logit_bias", bias)):
        found(f"another {what}", forge(b, node.home, lie), node, client, "position", model="tiny")


def words(b, node, client):
    """The tokens are the model's own, and the client was shown something else."""
    def other(body, o):
        o["output"] = o["output"][:8] + "\u2603" + o["output"][9:]
    r = found("another text", forge(b, node.home, other), node, client, "the text that was delivered")
    check("at the token where it begins", 0 < r.get("position", -1) <= 8, r)

    def shorter(body, o):
        o["output"] = o["output"][:len(o["output"]) // 2]
    found("a text cut short", forge(b, node.home, shorter), node, client, "the text that was delivered")

    def longer(body, o):
        o["output"] += " Buy more!"
    found("a text made longer", forge(b, node.home, longer), node, client, "text")


def endings(node, client):
    cut = ask(node, max_tokens=12)[0]

    def complete(body, o):
        o["params"]["max_tokens"] = 200
        body["finish"] = "end"
    found("truncated, and claimed complete", forge(cut, node.home, complete), node, client, "goes on after 12")

    def nothing(body, o):
        o.update(tokens=[], output="")
        body["usage"]["output"] = 0
        body["finish"] = "end"
    found("no answer at all, and claimed complete", forge(cut, node.home, nothing), node, client, "without a token")

    def stopped(body, o):
        body["finish"] = "sequence"
    found("truncated, and claimed stopped", forge(cut, node.home, stopped), node, client, "ended by length")

    long, text = ask(node, max_tokens=40)[0], ""
    stop = long["openings"]["output"][10:16]

    def ignored(body, o):
        request = json.loads(o["prompt"])
        request["stop"] = [stop]
        o["prompt"] = canonical(request).decode()
        o["output"] = o["output"][:o["output"].index(stop)]
    found("tokens counted behind a stop string", forge(long, node.home, ignored), node, client, "ended before the last")

    def shown(body, o):
        text = o["output"]
        ignored(body, o)
        o["output"] = text
    found("text shown behind a stop string", forge(long, node.home, shown), node, client, "text")


def dressed_up(b, node, client):
    """A claim about an external runtime's answer, as a T0 receipt, and then as more than that."""
    def claim(body, o):
        body["runtime"].update(tier="T0", profile="none", engine="org.b3iq.ollama 0.1.0")
        body["evidence"] = {k: "signed-claim" for k in ("model", "output", "usage", "times")}
        for key in ("tokens", "logits"):
            body.pop(key, None), o.pop(key, None)
        o["output"] = "What somebody's runtime said."

    t0 = forge(b, node.home, claim)
    rc, report = client.verify(t0, node)
    check("a T0 receipt verifies as what it is", rc == OK, report)
    rc, report = client.audit(t0, node)
    check("and cannot be audited", rc == UNAUDITABLE, (rc, report))

    def tier_only(body, o):
        claim(body, o)
        body["runtime"]["tier"] = "T2"
    refused("T0 with the tier of T2", forge(b, node.home, tier_only), node, client, "tier")

    def label_only(body, o):
        claim(body, o)
        body["evidence"]["output"] = "recomputed"
    refused("T0 with the labels of T2", forge(b, node.home, label_only), node, client, "tier")

    def invented(body, o):
        o["output"] = "What somebody's runtime said."
        o["tokens"] = [(t + 17) % 256 for t in o["tokens"]]
        o["logits"] = "ab" * 32
    found("T0 dressed as T2, tokens and logits invented", forge(b, node.home, invented), node, client, "position 0", 0)


def seeds(node, client):
    """Who tried many seeds until it liked an answer must say whose choice the seed was."""
    mine = ask(node, temperature=1, seed=41, max_tokens=10)[0]
    rc, report = client.verify(mine, node, "--seed", "41")
    check("the seed that the client gave", rc == OK, report)
    ground = ask(node, temperature=1, seed=40, max_tokens=10)[0]  # what the node would rather give
    rc, report = client.verify(ground, node, "--seed", "41")
    check("another seed than the client's is found", rc == UNVERIFIED and not report["valid"], report)
    its = ask(node, temperature=1, max_tokens=10)[0]
    rc, report = client.verify(its, node, "--seed", "node")
    check("the client gave none, and the node says so", rc == OK, report)

    def blame(body, o):
        body["seed"]["by"] = "client"
    bad = forge(its, node.home, blame)
    rc, report = client.verify(bad, node, "--seed", "node")
    check("a ground seed as the client's choice is found", rc == UNVERIFIED and not report["valid"], report)
    rc, _ = client.verify(mine, node, "--seed", "4x")
    check("--seed wants a number or node", rc == USAGE, rc)


class Swindler(http.server.BaseHTTPRequestHandler):
    """Stands before a node and hands out its answers with a bundle that has been used before."""
    node = bundle = None

    def do_POST(self):
        r, c = self.node.request("POST", self.path, self.rfile.read(int(self.headers["Content-Length"])),
                                 key=None, headers={k: self.headers[k] for k in ("Authorization", "Content-Type",
                                                                                "X-B3IQ-Bundle")})
        self.send_response(r.status)
        self.send_header("Content-Type", r.getheader("Content-Type"))
        self.end_headers()
        for line in r:
            event = json.loads(line[6:]) if line.startswith(b"data: {") else {}
            if "b3iq" in event and self.bundle:
                line = b"data: " + canonical({**event, "b3iq": self.bundle}) + b"\n"
            self.wfile.write(line)
        c.close()

    def log_message(self, *_):
        pass


def replayed(node, client):
    """A whole good bundle, of another request: only who asked can tell, and `b3iq run` does."""
    file, question = os.path.join(client.home.home, "own.json"), ["What is a receipt?", "-n", "20", "-m", "mini"]
    server = http.server.ThreadingHTTPServer(("127.0.0.1", free_port()), Swindler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Swindler.node, Swindler.bundle = node, None

    def run_(*more):
        env = client.home.env(B3IQ_URL=f"http://127.0.0.1:{server.server_port}", B3IQ_API_KEY=node.key)
        r = subprocess.run([B3IQ, "run", *question, *more, "--receipt", file], capture_output=True, text=True,
                           env=env, timeout=60 * SLOW, check=False)
        return r.returncode, r.stderr

    def last():
        with open(file, encoding="utf-8") as f:
            return json.load(f)
    rc, err = run_("--seed", "5", "-t", "0")
    check("run takes a receipt of its own request", rc == OK, (rc, err))
    with_seed = last()
    rc, err = run_("-t", "0")
    check("and without a seed", rc == OK, (rc, err))
    Swindler.bundle = last()
    rc, err = run_("--seed", "5", "-t", "0")
    check("run finds a receipt with another seed", rc == UNVERIFIED and "another seed" in err, (rc, err))
    Swindler.bundle = with_seed
    rc, err = run_("-t", "0")
    check("run finds a seed that it did not give", rc == UNVERIFIED and "another seed" in err, (rc, err))
    rc, err = run_("-n", "19", "-t", "0", "--seed", "5")
    check("run finds a receipt of another answer", rc == UNVERIFIED and "another answer" in err, (rc, err))
    question[0] = "What is a node?"
    rc, err = run_("--seed", "5")
    check("run finds a receipt of another request", rc == UNVERIFIED and "another request" in err, (rc, err))
    rc, report = client.verify(last(), node)
    check("although that one verifies", rc == OK, report)
    server.shutdown()
    server.server_close()


# ---- cheats in deed: the node serves another model under the name -----------------------------------

def pretend(what, model, root, client, change=lambda body, o: None, **kw):
    """First as the node's own software states it, then with the root of the good model, signed."""
    with node_with({"mini": model}) as node:
        b = ask(node, temperature=1, seed=7)[0]
        found(what, b, node, client, "the model root is another one")

        def lie(body, o):
            body["model"]["root"] = root
            change(body, o)
        return found(what + ", and the root is a lie", forge(b, node.home, lie), node, client, **kw)


def other_models(b, client):
    with open(MINI, "rb") as f:
        good = f.read()
    root = b["receipt"]["receipt"]["model"]["root"]
    pretend("one bit of one weight", gguf.other_weight(good), root, client)
    pretend("a layer skipped", gguf.skipped_layer(good), root, client)
    pretend("weights of four bits", gguf.requantised(good), root, client)
    pretend("another template", gguf.other_template(good), root, client)

    # The same ids and logits, but one id reads otherwise: only the text can show it.
    names, prompt = gguf.tokens(good), json.loads(b["openings"]["prompt"])
    said = b["openings"]["tokens"]
    asked = str(prompt).replace(" ", "\u0120") + "<|im_start|>system\u010auser\u010aassistant"
    at, a, other = next((said.index(a), a, o) for a in said for o in range(300, len(names))
                        if names[a] not in asked and re.fullmatch(r"\u0120[a-z]{3,}", names[a]) and
                        o not in said and len(names[o]) == len(names[a]) and re.fullmatch(r"\u0120[a-z]+", names[o]) and
                        names[o] not in asked)
    r = pretend("two words of the vocabulary swapped", gguf.swapped_tokens(good, a, other), root, client,
                says="the text that was delivered is not that of token")
    check("at the first such word", r.get("position") == at, (r, at))


def other_format(client, tiny):
    with node_with({"tiny": tiny["q8_0"]}) as honest_node, node_with({"tiny": tiny["f16"]}) as node:
        how = {"model": "tiny", "prompt": "once", "temperature": 1, "seed": 3, "max_tokens": 40}
        good, b = ask(honest_node, **how)[0], ask(node, **how)[0]
        found("F16 for Q8_0", b, node, client, "the model root is another one", model="tiny")

        def lie(body, o):
            body["model"]["root"] = good["receipt"]["receipt"]["model"]["root"]
        found("F16 for Q8_0, and the root is a lie", forge(b, node.home, lie), node, client, model="tiny")


# ---- the chain ---------------------------------------------------------------------------------------

def chain(node, count=6):
    with node:
        for i in range(count):
            ask(node, prompt="x", max_tokens=1 + i)

        def verify():
            r = node.cli("receipt", "verify", "--chain", "--json", check_rc=False)
            return r.returncode, json.loads(r.stdout)
        rc, whole = verify()
        check("the chain is whole", rc == OK and whole["receipts"] == count and len(whole["head"]) == 64, whole)
        node.kill()
        rc, after = verify()
        check("also when the node is gone", rc == OK and after["head"] == whole["head"], after)
        path = os.path.join(node.home, "state.db")
        with open(path + ".good", "wb") as good:
            db = sqlite3.connect(path)
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            db.close()
            with open(path, "rb") as f:
                good.write(f.read())

        def after_change(what, sql, args=(), says="receipt 3"):
            shutil.copyfile(path + ".good", path)
            with sqlite3.connect(path) as db_:
                db_.execute(sql, args)
            db_.close()
            rc, report = verify()
            check(f"{what}: the chain shows it", rc == UNVERIFIED and says in report["error"]["message"], (rc, report))

        after_change("a receipt omitted", "DELETE FROM receipt WHERE seq = 3")
        after_change("the first one omitted", "DELETE FROM receipt WHERE seq = 1", says="receipt 1")
        after_change("a body changed", "UPDATE receipt SET body = CAST(replace(CAST(body AS TEXT), "
                     "'\"by\":\"node\"', '\"by\":\"client\"') AS BLOB) WHERE seq = 3")
        after_change("a signature changed", "UPDATE receipt SET signature = zeroblob(64) WHERE seq = 3")
        shutil.copyfile(path + ".good", path)
        with sqlite3.connect(path) as db_:  # omitted, and the rest moved up: bodies say their number
            db_.execute("DELETE FROM receipt WHERE seq = 3")
            db_.execute("UPDATE receipt SET seq = -seq WHERE seq > 3")
            db_.execute("UPDATE receipt SET seq = -seq - 1 WHERE seq < 0")
        db_.close()
        rc, report = verify()
        check("omitted and renumbered: the chain shows it", rc == UNVERIFIED, report)
        shutil.copyfile(path + ".good", path)
        with sqlite3.connect(path) as db_:
            db_.execute("DELETE FROM receipt WHERE seq = ?", (count,))
        db_.close()
        rc, report = verify()
        check("the newest omitted: the head is another one", rc == OK and report["head"] != whole["head"], report)
        with Node() as other:
            rc = node.cli("receipt", "verify", "--chain", "--key", os.path.join(other.home, "keys", "node.pub"),
                          check_rc=False).returncode
            check("a chain of another node is found", rc == UNVERIFIED, rc)


def cost(node, clients):
    """What an audit costs beside the generation; no gate."""
    for model, how in (("mini", {"max_tokens": 400}),
                       ("tiny", {"prompt": "a", "temperature": 1, "seed": 2, "max_tokens": 900})):
        b = ask(node, model=model, **how)[0]
        body = b["receipt"]["receipt"]
        made = max(1, body["times"]["end_ms"] - body["times"]["start_ms"])
        for kernels, client in clients.items():
            start = time.monotonic()
            rc, _ = client.audit(b, node, model=model)
            took = (time.monotonic() - start) * 1000
            start = time.monotonic()
            client.home.cli("model", "show", model)  # the same start of a sandboxed plugin, and no audit
            rest = (time.monotonic() - start) * 1000
            print(f"# {model}, {body['usage']['output']} tokens: generated in {made} ms; audit with {kernels} "
                  f"kernels in {took:.0f} ms, {took / made:.2f} of it; without its start ({rest:.0f} ms) "
                  f"{(took - rest) / made:.2f}", flush=True)
            check(f"the audit that was measured is equal, {kernels}", rc == OK)


if not os.path.exists(SYNTH):
    skip("no synth-model in this build: ninja synth-model")
if not shutil.which("openssl"):
    skip("no openssl program to sign with")
tiny = {kind: os.path.join(BUILD, "flow", f"tiny-{os.getpid()}-{kind}.gguf") for kind in ("q8_0", "f16")}
os.makedirs(os.path.join(BUILD, "flow"), exist_ok=True)
try:
    for kind, path in tiny.items():
        subprocess.run([SYNTH, "tiny", kind, path], check=True)
        with open(path, "r+b") as f:
            open_model = gguf.undecided(f.read())
            f.seek(0)
            f.write(open_model)
    models = {"mini": MINI, "tiny": tiny["q8_0"]}
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as cpu_info:
        avx2 = "avx2" if " avx2" in cpu_info.read() else "auto"
    fast, slow = Client(models, kernels=avx2, threads=2), Client(models, kernels="scalar", threads=1)
    with node_with(models, kernels=avx2, threads=2) as node:
        honest(node, fast, slow, tiny)
        b = ask(node, temperature=1, seed=7)[0]
        untouched_signature(b, node, fast)
        other_openings(b, node, fast)
        rewritten(b, node, fast)
        other_sampling(node, slow)
        words(b, node, fast)
        endings(node, fast)
        dressed_up(b, node, fast)
        seeds(node, fast)
        replayed(node, fast)
        cost(node, {avx2: fast, "scalar": slow})
    limited(fast, tiny)
    other_models(b, slow)
    other_format(fast, tiny)
    chain(node_with({"mini": MINI}))
finally:
    for path in tiny.values():
        if os.path.exists(path):
            os.remove(path)
done()
