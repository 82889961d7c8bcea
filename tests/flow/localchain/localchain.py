#!/usr/bin/env python3
"""The adapter against a real chain: every rule of plugin-check, inline and sandboxed; through a line that
breaks after the request; and beside a chain that is killed again and again.  One key is one transaction."""
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import B3IQ, BUILD, SLOW, check, done, free_port  # noqa: E402

CHECK = os.path.join(BUILD, "bin", "plugin-check")
PLUGIN = os.path.join(BUILD, "plugins", "localchain.so")
ACCOUNT = "ait1cqx9lchx50xvsvdzn5fswmdd9gnex2husvsahs"  # of the checker's key, 32 zero bytes


class Chain:
    def __init__(self):
        self.home = tempfile.mkdtemp(prefix="chain-", dir=os.path.join(BUILD, "flow"))
        self.port, self.process = free_port(), None
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self):
        self.process = subprocess.Popen(
            [B3IQ, "chain", "--port", str(self.port), "--no-comet", "--json"], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, env={**os.environ, "B3IQ_HOME": self.home})
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the chain did not become ready")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60 * SLOW)

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=60) as r:
            return json.load(r)

    def fund(self, amount):
        body = json.dumps({"address": ACCOUNT, "amount": amount}).encode()
        with urllib.request.urlopen(self.url + "/rpc/faucet", body, timeout=60):
            pass
        end = time.monotonic() + 30 * SLOW
        while int(self.get("/rpc/accounts/" + ACCOUNT)["balance"]) < int(amount) and time.monotonic() < end:
            time.sleep(0.05)

    def commits(self):
        return int(self.get("/rpc/info")["total_receipts"])


class Line:
    """A proxy that hands a broadcast over and cuts the line before the answer, every other time."""

    def __init__(self, port):
        self.to, self.cut, self.n = port, 0, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.carry, args=(client,), daemon=True).start()

    def carry(self, client):
        try:
            with client, socket.create_connection(("127.0.0.1", self.to)) as chain:
                while data := client.recv(65536):
                    chain.sendall(data)
                    broadcast = b"broadcast_tx" in data
                    answer = self.answer(chain)
                    self.n += broadcast
                    if broadcast and self.n % 2:
                        self.cut += 1
                        return
                    client.sendall(answer)
        except OSError:
            pass

    @staticmethod
    def answer(chain):
        data = b""
        while b"\r\n\r\n" not in data:
            data += chain.recv(65536)
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(int(h.split(b":")[1]) for h in head.split(b"\r\n") if h.lower().startswith(b"content-length"))
        while len(body) < length:
            more = chain.recv(65536)
            body, data = body + more, data + more
        return data


def conformance(url, *args):
    config = json.dumps({"url": url, "chain": "ait-devnet", "timeout_ms": 20000 * SLOW, "inclusion_ms": 3000 * SLOW})
    r = subprocess.run([CHECK, *args, "--limit", str(60 * SLOW), "--json", "--config", config, PLUGIN],
                       capture_output=True, text=True, timeout=900, check=False)
    return r.returncode, json.loads(r.stdout or "[]"), r.stderr


def failures(tests):
    return [t for t in tests if t["result"] not in ("passed", "skipped")]


def test_conformance(chain):
    for how in ("--inline", "--sandbox"):
        rc, tests, err = conformance(chain.url, how)
        check(f"plugin-check {how} passes against a real chain", rc == 0 and len(tests) > 40,
              json.dumps(failures(tests))[:600] + err[-300:])


def test_broken_line(chain):
    line = Line(chain.port)
    before = chain.commits()
    rc, tests, err = conformance(f"http://127.0.0.1:{line.port}", "--inline", "--only", "^ledger/")
    check("through a line that breaks after every other broadcast", rc == 0, json.dumps(failures(tests))[:600] + err[-300:])
    check("the line did break", line.cut > 5, line.cut)
    check("and transactions arrived", chain.commits() > before)


def test_killed_chain(chain):
    """Beside kills, a call may fail; what was answered stays: a key never gets a second transaction."""
    stop, kills = threading.Event(), []

    def killer():
        while not stop.wait(0.05):
            chain.kill()
            chain.start()
            kills.append(time.monotonic())

    thread = threading.Thread(target=killer)
    thread.start()
    two, broken = 0, 0
    while len(kills) < 25:
        _, tests, _ = conformance(chain.url, "--inline", "--only", "idempotent-key|status-after-restart|crash-at-every")
        two += "two transactions" in json.dumps(tests)
        broken += sum(t["result"] != "passed" for t in tests)  # a chain that is away skips a test
    stop.set()
    thread.join()
    check("beside a chain that is killed, no key has two transactions", two == 0)
    check("the kills were felt", broken > 0, broken)
    rc, tests, err = conformance(chain.url, "--inline", "--only", "^ledger/")
    check("and afterwards everything holds again", rc == 0, json.dumps(failures(tests))[:600] + err[-300:])


def test_books(chain):
    info = chain.get("/rpc/info")
    account = chain.get("/rpc/accounts/" + ACCOUNT)
    spent = 10_000_000 - int(account["balance"])
    check("each transaction of the account was counted and paid for once",
          spent == account["nonce"] * int(info["min_fee"]), (spent, account["nonce"], info["min_fee"]))
    check("each of them is a commitment", chain.commits() == account["nonce"], (chain.commits(), account["nonce"]))


def main():
    os.makedirs(os.path.join(BUILD, "flow"), exist_ok=True)
    chain = Chain()
    chain.start()
    try:
        chain.fund("10000000")
        test_conformance(chain)
        test_broken_line(chain)
        test_killed_chain(chain)
        test_books(chain)
        check("the chain ends in order", chain.stop() == 0)
    finally:
        chain.process.kill()
    done()


main()
