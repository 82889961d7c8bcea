#!/usr/bin/env python3
"""Every command of `b3iq` with a real node, real files, a real terminal (a pty), and without them."""
import http.server
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import B3IQ, BUILD, SLOW, Node, check, done  # noqa: E402

OK, FAILED, USAGE, NOT_FOUND, DENIED, NO_NODE, UNVERIFIED, DIFFERS, UNAUDITABLE, CANCELLED = (
    0, 1, 2, 3, 4, 5, 6, 7, 8, 130)


def run(node, *args, stdin="", **env):
    r = subprocess.run([B3IQ, *args], env=node.env(**env), input=stdin, capture_output=True, text=True,
                       timeout=120 * SLOW)
    return r.returncode, r.stdout, r.stderr


def as_json(node, *args, **kw):
    """(exit code, the one object on stdout)."""
    rc, out, err = run(node, *args, "--json", **kw)
    try:
        return rc, json.loads(out)
    except ValueError:
        check(f"{' '.join(args)} --json is one object", False, out + err)
        return rc, {}


class Stranger:
    """Somebody else's server: wants a key, and remembers the headers of each request."""

    def __enter__(self):
        seen = self.seen = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self):
                seen.append({k.lower(): v for k, v in self.headers.items()})
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                body = b'{"error":{"message":"no key","type":"t","param":null,"code":"invalid_api_key"}}'
                self.send_response(401)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = answer

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class Terminal:
    """A command with a pty for its three descriptors."""

    def __init__(self, node, *args, **env):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(B3IQ, [B3IQ, *args], node.env(TERM="xterm", **env))
        self.seen = ""

    def until(self, text, seconds=30):
        end = time.monotonic() + seconds * SLOW
        while text not in self.seen and time.monotonic() < end:
            if select.select([self.fd], [], [], 0.2)[0]:
                try:
                    self.seen += os.read(self.fd, 65536).decode("utf-8", "replace")
                except OSError:
                    break
        return text in self.seen

    def type(self, text):
        os.write(self.fd, text.encode())

    def wait(self):
        self.until("\0never", 0.5)
        _, status = os.waitpid(self.pid, 0)
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)


def without_a_node(node):
    rc, _, err = run(node, "run", "hi")
    check("run without a node: 5, and what to do", rc == NO_NODE and "b3iq node" in err, err)
    rc, found = as_json(node, "doctor")
    check("doctor without a node warns and changes nothing", rc == OK and found["healthy"], found)
    rc, out = as_json(node, "model", "list")
    check("model list asks the plugins themselves", rc == OK and out["models"][0]["builtin"], out)
    rc, out, err = run(node, "selftest")
    check("selftest: the kernels agree and the digest is golden", rc == OK and "to the bit" in out, out + err)
    rc, out, _ = run(node, "node", "--print-url")
    check("node --print-url", rc == OK and out.startswith("http://127.0.0.1:"), out)


def running(node):
    rc, out, err = run(node, "run", "--max-tokens", "12", "-t", "0", "What is", "machine learning?")
    check("run prints the answer alone", rc == OK and out.strip() and err == "", err)
    rc, again, _ = run(node, "run", "--max-tokens", "12", "-t", "0", "-", stdin="What is machine learning?")
    check("a prompt from stdin gives the same greedy answer", rc == OK and again == out, (out, again))
    rc, body = as_json(node, "run", "hi", "-n", "4", "--seed", "1")
    check("run --json", rc == OK and body["usage"]["completion_tokens"] <= 4 and body["b3iq"], body)
    rc, _, err = run(node, "run", "hi", "-m", "no-such-model")
    check("an unknown model: 3", rc == NOT_FOUND and "no-such-model" in err, err)
    rc, _, err = run(node, "run", "hi", B3IQ_API_KEY="b3iq_local_" + "0" * 64)
    check("a wrong key: 4", rc == DENIED, err)
    rc, _, err = run(node, "run", "hi", "-n", "1", "--url", node.url)
    check("a URL that names the home's own node gets its key", rc == OK, err)
    with Stranger() as stranger:
        rc, _, err = run(node, "run", "hi", "--url", stranger.url)
        check("the home's key is not given to a URL of others", rc == DENIED and "B3IQ_API_KEY" in err, err)
        check("who was asked, but saw no key", stranger.seen and not any("authorization" in h for h in stranger.seen), stranger.seen)
        run(node, "run", "hi", "--url", stranger.url, B3IQ_API_KEY="meant-for-it")
        check("and sees the one that is meant for it", stranger.seen[-1].get("authorization") == "Bearer meant-for-it", stranger.seen[-1:])
    rc, _, err = run(node, "run", "hi", "--temperature", "3")
    check("an option out of range: 2", rc == USAGE and "between 0 and 2" in err, err)


def receipts(node, dir_):
    file = os.path.join(dir_, "a.json")
    rc, _, err = run(node, "run", "What is a receipt?", "-n", "30", "--seed", "7", "--receipt", file)
    check("run --receipt", rc == OK, err)
    check("the bundle is for its owner alone", os.stat(file).st_mode & 0o777 == 0o600)
    rc, out, err = run(node, "receipt", "verify", file)
    check("receipt verify", rc == OK and out.rstrip().endswith("valid"), out + err)
    rc, out, err = run(node, "receipt", "audit", file)
    check("receipt audit: equal", rc == OK and out.startswith("equal"), out + err)
    rc, out, _ = run(node, "receipt", "show", file)
    receipt_id = re.search(r"rcpt_[0-9a-f]{32}", out)
    check("receipt show FILE", rc == OK and receipt_id, out)
    rc, out, err = run(node, "receipt", "show", receipt_id.group())
    check("receipt show ID", rc == OK and receipt_id.group() in out, err)
    rc, out = as_json(node, "receipt", "list", "-n", "3")
    check("receipt list, newest first", rc == OK and out["receipts"][0]["id"] == receipt_id.group(), out)
    with open(file, encoding="utf-8") as f:
        bundle = json.load(f)
    forgeries(node, dir_, bundle)
    keys(node, dir_, file)


def saved(dir_, bundle):
    file = os.path.join(dir_, "forged.json")
    with open(file, "w", encoding="utf-8") as f:
        json.dump(bundle, f)
    return file


def forgeries(node, dir_, bundle):
    def forge(change):
        copy = json.loads(json.dumps(bundle))
        change(copy)
        return saved(dir_, copy)

    def other_token(b):
        b["openings"]["tokens"][3] ^= 1

    def other_output(b):
        b["openings"]["output"] += "!"

    def other_count(b):
        b["receipt"]["receipt"]["output_tokens"] = b["receipt"]["receipt"].get("output_tokens", 0) + 1

    def other_signature(b):
        s = b["receipt"]["signature"]
        b["receipt"]["signature"] = s[:-1] + ("0" if s[-1] != "0" else "1")

    for what, change in (("a token", other_token), ("the output", other_output), ("the body", other_count),
                         ("the signature", other_signature)):
        rc, out, err = run(node, "receipt", "verify", forge(change))
        check(f"verify finds {what} changed: 6", rc == UNVERIFIED, out + err)
        rc, out, err = run(node, "receipt", "audit", forge(change))
        check(f"audit refuses {what} changed: 6", rc == UNVERIFIED, out + err)
    rc, _, err = run(node, "receipt", "verify", forge(lambda b: b.pop("receipt")))
    check("a bundle without receipt does not verify", rc in (FAILED, UNVERIFIED), err)


def keys(node, dir_, file):
    with open(os.path.join(node.home, "keys", "node.pub"), encoding="ascii") as f:
        name = f.read().split()[0]
    rc, out, _ = run(node, "receipt", "verify", file, "--key", name)
    check("verify --key ed25519:...", rc == OK, out)
    wrong = name[:-2] + ("00" if name[-2:] != "00" else "11")
    rc, out, err = run(node, "receipt", "verify", file, "-k", wrong)
    check("verify with another key: 6", rc == UNVERIFIED, out + err)
    pub = os.path.join(dir_, "node.pub")
    shutil.copyfile(os.path.join(node.home, "keys", "node.pub"), pub)
    other = os.path.join(dir_, "empty-home")
    rc, _, err = run(node, "--home", other, "receipt", "verify", file)
    check("a home without a node must be told whose key", rc == USAGE and "--key" in err, err)
    rc, out, err = run(node, "--home", other, "receipt", "verify", file, "--key", pub)
    check("verify offline in another home, with a .pub file", rc == OK, out + err)
    rc, out, err = run(node, "--home", other, "receipt", "audit", file, "--key", pub)
    check("audit in another home, without its node", rc == OK, out + err)


def api_keys(node):
    rc, made = as_json(node, "key", "create", "narrow", "--scopes", "models.read", "--days", "1")
    check("key create", rc == OK and made["key"].startswith("b3iq_local_"), made)
    status, _, _ = node.call("GET", "/v1/models", key=made["key"])
    check("the key works at once", status == 200)
    status, _, _ = node.call("POST", "/v1/chat/completions", {"model": "default", "messages": []}, key=made["key"])
    check("and only for its scopes", status == 403, status)
    rc, listed = as_json(node, "key", "list")
    check("key list, without keys in it", made["id"] in str(listed) and made["key"] not in str(listed))
    rc, _, _ = run(node, "key", "revoke", "narrow")
    check("key revoke", rc == OK and node.call("GET", "/v1/models", key=made["key"])[0] == 401)
    rc, _, err = run(node, "key", "revoke", "narrow")
    check("twice: 3", rc == NOT_FOUND, err)
    _, listed = as_json(node, "key", "list", "--all")
    check("key list --all shows it revoked", '"revoked"' in json.dumps(listed), listed)
    rc, out, err = run(node, "key", "create", "quiet one", "--quiet")
    check("--quiet prints the key alone", rc == OK and re.fullmatch(r"b3iq_local_[0-9a-f]{64}\n", out) and not err)


def models(node, dir_):
    mini = os.path.join(BUILD, "plugins", "b3iq-mini.gguf")
    rc, out = as_json(node, "model", "list")
    check("model list", rc == OK and [m["id"] for m in out["models"]] == ["b3iq-mini"], out)
    rc, added = as_json(node, "model", "add", mini, "--name", "copy")
    check("model add", rc == OK and added["model"]["id"] == "copy", added)
    _, listed = as_json(node, "receipt", "list")
    check("the copy has the root that receipts name", added["model"]["root"] in str(listed), added)
    rc, shown = as_json(node, "model", "show", "copy")
    check("model show", rc == OK and shown["model"]["context"] == added["model"]["context"], shown)
    rc, out, err = run(node, "run", "-m", "copy", "-n", "3", "hi")
    check("the running node answers with it", rc == OK, out + err)
    rc, _, err = run(node, "model", "add", mini, "--name", "copy")
    check("a second one of that name is refused", rc == FAILED and "--name" in err, err)
    cut = os.path.join(dir_, "cut.gguf")
    with open(mini, "rb") as f, open(cut, "wb") as g:
        g.write(f.read(100000))
    rc, _, err = run(node, "model", "add", cut)
    check("a truncated file is refused and says so", rc == FAILED and "the file is cut" in err, err)
    check("and nothing of it stays", os.listdir(os.path.join(node.home, "models")) == ["copy.gguf"],
          os.listdir(os.path.join(node.home, "models")))
    rc, _, err = run(node, "model", "add", os.path.join(dir_, "absent.gguf"))
    check("no such file: 3", rc == NOT_FOUND, err)
    rc, _, err = run(node, "model", "rm", "copy")
    check("rm asks, and needs a terminal for it", rc == FAILED and "--yes" in err, err)
    check("model rm --yes", run(node, "model", "rm", "-y", "copy")[0] == OK)
    check("rm of what is not there: 3", run(node, "model", "rm", "-y", "../config")[0] == NOT_FOUND)


def plugins(node):
    rc, out = as_json(node, "plugin", "list")
    state = {p["name"]: p["state"] for p in out["plugins"]}
    check("plugin list", rc == OK and state == {"cpu": "ready", "localchain": "available", "ollama": "available"},
          state)
    rc, out, _ = run(node, "plugin", "info", "ollama")
    check("plugin info draws needs and config", "met" in out and "first_token_timeout_ms" in out, out)
    rc, _, err = run(node, "plugin", "enable", "ollama")
    check("enable asks, and needs a terminal for it", rc == FAILED and "--yes" in err, err)
    rc, out, err = run(node, "plugin", "enable", "far", "--plugin", "ollama", "--yes")
    check("enable --yes pins and tells the node", rc == OK and "taken it over" in out, out + err)
    with open(os.path.join(node.home, "config.json"), encoding="utf-8") as f:
        check("the pin is in config.json", len(json.load(f)["plugins"]["far"]["sha256"]) == 64)
    rc, out, err = run(node, "plugin", "config", "far", "context=4096", "allow=a,b", "keep_alive=1h")
    check("plugin config", rc == OK and "4096" in out, out + err)
    rc, got = as_json(node, "plugin", "config", "far")
    check("shows it", got["config"]["allow"] == ["a", "b"] and got["config"]["context"] == 4096, got)
    for bad, says in (("context=big", "integer"), ("context=1", "context"), ("nonsense=1", "no field"),
                      ("token=hunter2", "command line"), ("url", "url=VALUE")):
        rc, _, err = run(node, "plugin", "config", "far", bad)
        check(f"config {bad} is refused", rc != OK and says in err and "hunter2" not in err, err)
    rc, out, err = run(node, "plugin", "config", "far", "token", stdin="hunter2\n")
    secret = os.path.join(node.home, "secrets", "far", "token")
    check("a secret from stdin", rc == OK and "hunter2" not in out + err, out + err)
    with open(secret, encoding="ascii") as f, open(os.path.join(node.home, "config.json"), encoding="utf-8") as g:
        check("lies in a file of its own", f.read().strip() == "hunter2" and "hunter2" not in g.read())
    check("for its owner alone", os.stat(secret).st_mode & 0o777 == 0o600)
    rc, _, _ = run(node, "plugin", "disable", "far")
    _, out = as_json(node, "plugin", "list")
    check("disable", rc == OK and {p["name"]: p["state"] for p in out["plugins"]}["far"] == "disabled", out)
    check("disable --forget", run(node, "plugin", "disable", "far", "--forget")[0] == OK)
    check("of what is not there: 3", run(node, "plugin", "disable", "far")[0] == NOT_FOUND)
    if os.path.exists(os.path.join(BUILD, "bin", "plugin-check")):
        rc, out, err = run(node, "plugin", "check", "ollama", "--only", "^file/")
        check("plugin check", rc == OK and "all passed" in out, out + err)


def doctor(node):
    rc, found = as_json(node, "doctor")
    check("doctor finds nothing", rc == OK and found["healthy"], found)
    key = os.path.join(node.home, "keys", "cli.key")
    os.chmod(key, 0o644)
    rc, out, _ = run(node, "doctor")
    check("doctor finds an open key and how to mend it", rc == FAILED and "chmod 600" in out, out)
    os.chmod(key, 0o600)
    config = os.path.join(node.home, "config.json")
    with open(config, encoding="utf-8") as f:
        good = f.read()
    broken = json.loads(good)
    broken["plugins"]["cpu"]["sha256"] = "0" * 64
    with open(config, "w", encoding="utf-8") as f:
        json.dump(broken, f)
    rc, out, _ = run(node, "doctor")
    check("doctor finds a changed plugin", rc == FAILED and "plugin enable cpu" in out, out)
    with open(config, "w", encoding="utf-8") as f:
        f.write(good)


def terminal(node):
    t = Terminal(node, "chat", "-n", "300", "-t", "0")
    check("chat greets", t.until(">>> "), t.seen)
    t.type("What is machine learning?\n")
    check("and answers", t.until("earn", 60), t.seen)
    t.until(">>> \0", 2)
    t.type("/reset\n")
    check("/reset", t.until("forgotten"), t.seen)
    t.type("/help\n")
    check("/help", t.until("/quit    leave"), t.seen)
    t.type("/quit\n")
    check("/quit leaves with 0", t.wait() == OK, t.seen)

    t = Terminal(node, "run", "-n", "450", "-t", "2", "Say a word, and again, for ever")
    t.until("Say a word", 0.3)
    t.type("\x03")
    rc = t.wait()
    # It may have been done before the key was pressed; if not, it is cancelled.
    check("Ctrl-C ends run", rc in (CANCELLED, OK), (rc, t.seen))
    rc, out, _ = run(node, "run", "-n", "3", "hi")
    check("and the node goes on", rc == OK)

    t = Terminal(node, "run", "-n", "400", "-t", "2", "--seed", "5", "Noise")
    rc = t.wait()
    evil = re.findall(r"[\x00-\x06\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f]", t.seen)
    check("nothing in an answer steers the terminal", rc == OK and not evil, evil)

    t = Terminal(node, "plugin", "enable", "ollama")
    check("enable shows the hash and asks", t.until("[y/N]") and re.search("[0-9a-f]{64}", t.seen), t.seen)
    t.type("n\n")
    check("no is no", t.wait() == CANCELLED)
    t = Terminal(node, "plugin", "enable", "ollama")
    t.until("[y/N]")
    t.type("y\n")
    check("yes is yes", t.wait() == OK, t.seen)
    run(node, "plugin", "disable", "ollama", "--forget")


def cancelled(node):
    """A signal to a run that cannot be done yet: the answer is cut, 130."""
    p = subprocess.Popen([B3IQ, "run", "-n", "500", "-t", "2", "Words " * 60], env=node.env(),
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    os.kill(node.process.pid, signal.SIGSTOP)  # so that it surely is not done
    time.sleep(0.3)
    p.send_signal(signal.SIGINT)
    try:
        _, err = p.communicate(timeout=20 * SLOW)
        check("Ctrl-C: 130, at once, also when the node hangs", p.returncode in (CANCELLED, OK), (p.returncode, err))
    finally:
        os.kill(node.process.pid, signal.SIGCONT)


def helps(node):
    rc, out, _ = run(node, "help", "--man")
    check("the man page", rc == OK and out.startswith(".\\\" Made by") and ".SH EXIT STATUS" in out)
    if shutil.which("man"):
        r = subprocess.run(["man", "--warnings=all", "-l", "-"], input=out, capture_output=True, text=True,
                           env={**os.environ, "MANPAGER": "cat", "MANWIDTH": "80"}, check=False)
        check("man takes it without a warning", r.returncode == 0 and not r.stderr, r.stderr)
    for shell in ("bash", "zsh", "fish"):
        rc, out, _ = run(node, "completion", shell)
        check(f"completion {shell}", rc == OK and "receipt" in out)
        if shutil.which(shell):
            r = subprocess.run([shell, "-n", "/dev/stdin"] if shell != "fish" else [shell, "-n"], input=out,
                               capture_output=True, text=True, check=False)
            check(f"{shell} can read it", r.returncode == 0, r.stderr)
    rc, out, _ = run(node, "receipt", "audit", "--help")
    check("--help teaches", rc == OK and "re-execute" in out and "Exit codes" in out)


scratch = tempfile.mkdtemp(prefix="b3iq-cli-")
try:
    node = Node()
    check("node --init makes a home", run(node, "node", "--init")[0] == OK)
    with open(os.path.join(node.home, "config.json"), encoding="utf-8") as f:
        config = json.load(f)
    config["node"] = {"listen": {"port": node.port}}
    node.write_config(config)
    without_a_node(node)
    node.start()
    running(node)
    receipts(node, scratch)
    api_keys(node)
    models(node, scratch)
    plugins(node)
    doctor(node)
    terminal(node)
    cancelled(node)
    helps(node)
    node.close()
finally:
    shutil.rmtree(scratch, ignore_errors=True)
done()
