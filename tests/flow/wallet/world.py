"""world: a home with wallets, its daemon, and a chain, for the wallet's flow tests."""
import atexit
import base64
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import B3IQ, BUILD, SLOW, free_port  # noqa: E402

PASSWORD = "canary password 7f3a"


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def b64(data):
    return base64.b64encode(data).decode()


def until(what, seconds=60):
    """Waits for a state; what it was when it came."""
    end = time.monotonic() + seconds * SLOW
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        time.sleep(0.05)
    return what()


class Home:
    def __init__(self, chain_url=None):
        os.makedirs(os.path.join(BUILD, "flow"), mode=0o755, exist_ok=True)
        self.dir = tempfile.mkdtemp(prefix="wallet-", dir=os.path.join(BUILD, "flow"))
        self.chain_url, self.process, self.url = chain_url, None, None
        self.log = os.path.join(self.dir, "wallet.log")
        self.password_file = self.write("password", PASSWORD + "\n")
        atexit.register(self.close)

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def write(self, name, text, mode=0o600):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(f.name, mode)
        return f.name

    def env(self):
        env = {**os.environ, "B3IQ_HOME": self.dir, "NO_COLOR": "1"}
        env.pop("AITBC_BLOCKCHAIN_RPC_URL", None)
        if self.chain_url:
            env["AITBC_BLOCKCHAIN_RPC_URL"] = self.chain_url
        return env

    def cli(self, *args, stdin="", password=None, check=True, env=None):
        """b3iq wallet ARGS.  password: handed over in a file."""
        words = [B3IQ, "wallet", *args]
        if password is not None:
            words += ["--password-file", self.write("given", password + "\n")]
        r = subprocess.run(words, env=env or self.env(), input=stdin, capture_output=True, text=True,
                           timeout=180 * SLOW)
        if check and r.returncode:
            raise RuntimeError(f"{' '.join(words)}: exit {r.returncode}\n{r.stdout}{r.stderr}")
        return r

    def json(self, *args, **kw):
        return json.loads(self.cli(*args, "--json", **kw).stdout)

    def address(self, name):
        return self.cli("address", name).stdout.strip()

    def start(self, *args):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([B3IQ, "wallet", "--port", "0", "--json", *args], env=self.env(),
                                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the wallet did not become ready:\n" + self.log_text()[-4000:])
        self.url = json.loads(line)["url"]
        self.port = int(self.url.rsplit(":", 1)[1])
        with open(self.path("keys", "wallet.key"), encoding="ascii") as f:
            self.own = f.read()

    def stop(self, sig=signal.SIGTERM):
        self.process.send_signal(sig)
        rc = self.process.wait(60 * SLOW)
        self.process.stdout.close()
        self.process = None
        return rc

    def call(self, method, path, body=None, token="own", headers=None):
        """(status, JSON or text, headers)."""
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120 * SLOW)
        h = dict(headers or {})
        token = self.own if token == "own" else token
        if token:
            h["Authorization"] = f"Bearer {token}"
        raw = None if body is None else json.dumps(body)
        try:
            c.request(method, path, body=raw, headers=h)
            r = c.getresponse()
            text = r.read().decode()
            is_json = "json" in (r.getheader("Content-Type") or "")
            return r.status, json.loads(text) if is_json and text else text, r.headers
        finally:
            c.close()

    def unlock(self, name, password=PASSWORD, seconds=0, token="own"):
        return self.call("POST", f"/v1/wallets/{name}/unlock", {"password": password, "seconds": seconds}, token)

    def sign(self, name, message, token="own"):
        return self.call("POST", f"/v1/wallets/{name}/sign", {"message": b64(message), "alg": "ed25519"}, token)

    def token(self, name, *args):
        return self.cli("token", "create", name, "--quiet", *args).stdout.strip()

    def log_text(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if os.environ.get("KEEP_HOME") is None:
            shutil.rmtree(self.dir, ignore_errors=True)


def transfer(sender, to, amount, nonce, fee=10, chain="ait-devnet"):
    return b"b3iq.tx/1\n" + canonical({"chain": chain, "from": sender, "nonce": nonce, "fee": str(fee),
                                       "kind": "transfer", "to": to, "amount": str(amount)})


class Chain:
    def __init__(self):
        self.home = tempfile.mkdtemp(prefix="chain-", dir=os.path.join(BUILD, "flow"))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None
        atexit.register(self.close)

    def start(self):
        self.process = subprocess.Popen(
            [B3IQ, "chain", "--port", str(self.port), "--no-comet", "--json"], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={**os.environ, "B3IQ_HOME": self.home})
        if not self.process.stdout.readline():
            raise RuntimeError("the chain did not become ready")

    def call(self, method, path, body=None):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60 * SLOW)
        try:
            c.request(method, path, body=None if body is None else json.dumps(body))
            r = c.getresponse()
            return r.status, json.loads(r.read())
        finally:
            c.close()

    def account(self, address):
        return self.call("GET", f"/rpc/accounts/{address}")[1]

    def fund(self, address, amount):
        before = int(self.account(address)["balance"])
        status, answer = self.call("POST", "/rpc/faucet", {"address": address, "amount": str(amount)})
        if status != 200:
            raise RuntimeError(f"faucet: {status} {answer}")
        until(lambda: int(self.account(address)["balance"]) >= before + amount)

    def broadcast(self, message, signature, key):
        """The wire made of a message and what a wallet signed; the result of broadcast_tx_sync."""
        body = json.loads(message.split(b"\n", 1)[1])
        wire = canonical({"body": body, "key": "ed25519:" + key, "signature": signature})
        return self.call("POST", "/", {"jsonrpc": "2.0", "id": 1, "method": "broadcast_tx_sync",
                                       "params": {"tx": b64(wire)}})[1]["result"]

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.home, ignore_errors=True)
