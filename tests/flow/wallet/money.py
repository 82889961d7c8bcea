#!/usr/bin/env python3
"""Payments on a real chain: once each, whatever the line does; balances with what is held."""
import http.client
import http.server
import json
import os
import signal
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import PASSWORD, Chain, Home, canonical, transfer, until  # noqa: E402
from harness import check, done  # noqa: E402

COIN = 1000000
FEE = 10


class Line(http.server.ThreadingHTTPServer):
    """A proxy that hands broadcasts over and cuts the line before the answer, as often as it is told."""
    daemon_threads = True

    def __init__(self, port):
        self.target, self.cut, self.sent = port, 0, []
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_):
        pass  # the other side has left, as it should


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def pass_on(self, body):
        c = http.client.HTTPConnection("127.0.0.1", self.server.target, timeout=60)
        c.request(self.command, self.path, body=body)
        r = c.getresponse()
        data = r.read()
        c.close()
        return r.status, data

    def answer(self, status, data):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        self.answer(*self.pass_on(None))

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status, data = self.pass_on(body)
        if b"broadcast" in body:
            self.server.sent.append(json.loads(body)["params"]["tx"])
            if self.server.cut > 0:
                self.server.cut -= 1
                self.close_connection = True
                return
        self.answer(status, data)


def balance(chain, address):
    return int(chain.account(address)["balance"])


def plain_payment(home, chain):
    before = balance(chain, home.bob)
    sent = home.json("send", "alice", home.bob, "0.25", "--memo", "a \"quoted\" memo", password=PASSWORD)
    check("a payment is in a block", sent["height"] > 0 and balance(chain, home.bob) == before + COIN // 4, sent)
    tx = chain.call("GET", "/rpc/tx/" + sent["hash"])[1]
    check("the chain knows it by our hash", tx["hash"] == sent["hash"] and tx["block_height"] == sent["height"])
    r = home.cli("send", "alice", home.bob, "1000000", password=PASSWORD, check=False)
    check("more than there is: the chain's reason", r.returncode == 4 and "refuses" in r.stderr, r.stderr)
    r = home.cli("send", "alice", home.bob[:-1] + ("q" if home.bob[-1] != "q" else "p"), "1", check=False)
    check("a mistyped address is refused here", r.returncode == 2 and "checksum" in r.stderr, r.stderr)
    for amount in ("0", "-1", "0.0000001", "1e3", "nan"):
        r = home.cli("send", "alice", home.bob, "--", amount, check=False, stdin=PASSWORD + "\n")
        check(f"no amount: {amount}", r.returncode != 0, r.stderr)
    sent = home.json("send", "alice", home.bob, "0.1", password=PASSWORD)
    check("a refused one leaves no gap", sent["height"] > 0, sent)


def cut_line(home, chain, line):
    """The chain takes the payment, and its answer is lost: sent again, paid once."""
    home.chain_url = line.url
    before = balance(chain, home.bob)
    line.cut, line.sent = 2, []
    sent = home.json("send", "alice", home.bob, "0.5", password=PASSWORD)
    check("an answer that is lost is asked for again", len(line.sent) == 3, len(line.sent))
    check("with the same bytes", len(set(line.sent)) == 1)
    check("and paid once", balance(chain, home.bob) == before + COIN // 2 and sent["height"] > 0)
    line.cut, line.sent = 1000, []
    r = home.cli("send", "alice", home.bob, "0.5", "--idempotency-key", "rent", password=PASSWORD, check=False)
    check("a line that stays cut: the outcome is said to be unknown",
          r.returncode != 0 and "may be on its way" in r.stderr, r.stderr)
    line.cut = 0
    again = home.json("send", "alice", home.bob, "0.5", "--idempotency-key", "rent", password=PASSWORD)
    check("asked again it is the same one", again["hash"] in r.stderr and len(set(line.sent)) == 1, again)
    check("and was paid once", balance(chain, home.bob) == before + COIN)
    r = home.cli("send", "alice", home.bob, "0.6", "--idempotency-key", "rent", password=PASSWORD, check=False)
    check("another payment needs another key", r.returncode == 1 and "another payment" in r.stderr, r.stderr)
    line.cut, line.sent = 1000, []
    home.cli("send", "alice", home.bob, "0.5", password=PASSWORD, check=False)
    line.cut = 0
    home.json("send", "alice", home.bob, "0.25", password=PASSWORD)
    check("what was left open is settled before the next", balance(chain, home.bob) == before + COIN * 7 // 4)
    home.chain_url = chain.url


def through_the_daemon(home, chain):
    home.start()
    home.unlock("alice")
    before = balance(chain, home.bob)
    sent = home.json("send", "alice", home.bob, "0.25")
    check("an unlocked wallet pays without a password", balance(chain, home.bob) == before + COIN // 4, sent)
    token = home.token("payer", "--wallets", "alice", "--per-tx", "0.3", "--per-day", "0.5")
    wish = {"to": home.bob, "amount": str(COIN // 4)}
    status, answer, _ = home.call("POST", "/v1/wallets/alice/send", wish, token, {"Idempotency-Key": "a"})
    check("a token pays", status == 200 and answer["state"] == "sent", answer)
    again = home.call("POST", "/v1/wallets/alice/send", wish, token, {"Idempotency-Key": "a"})[1]
    check("once for each key", again["hash"] == answer["hash"], again)
    status, refused, _ = home.call("POST", "/v1/wallets/alice/send", wish, token)
    check("within its day", status == 403 and "in a day" in refused["error"]["message"], refused)
    status, refused, _ = home.call("POST", "/v1/wallets/alice/send", {**wish, "amount": 5}, token)
    check("an amount is a text", status == 400, refused)
    until(lambda: balance(chain, home.bob) == before + COIN // 2)
    check("both were paid, and no third", balance(chain, home.bob) == before + COIN // 2)


def many_at_once(home, chain):
    before, results = balance(chain, home.bob), []

    def pay(i):
        results.append(home.call("POST", "/v1/wallets/alice/send", {"to": home.bob, "amount": "1000"}, "own",
                                 {"Idempotency-Key": f"many-{i // 2}"})[0])  # each key twice

    threads = [threading.Thread(target=pay, args=(i,)) for i in range(16)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    check("many at once are all taken", results == [200] * 16, results)
    until(lambda: balance(chain, home.bob) == before + 8000)
    check("each key was paid once", balance(chain, home.bob) == before + 8000)


def holds_and_stake(home, chain):
    account = chain.account(home.alice)
    message = b"b3iq.tx/1\n" + canonical({
        "chain": "ait-devnet", "from": home.alice, "nonce": account["pending_nonce"], "fee": str(FEE),
        "kind": "escrow_open", "id": "ab" * 32, "amount": "700000", "arbiter": home.bob, "deadline": 4102444800000})
    status, signed, _ = home.sign("alice", message)
    check("an escrow is signed", status == 200, signed)
    result = chain.broadcast(message, signed["signature"], signed["public_key"])
    check("and opened", result["code"] == 0, result)
    shown = until(lambda: (lambda b: b if b["held"] == "700000" else None)(home.json("balance", "alice")))
    check("the balance shows what is held", shown and shown["open_escrows"] == 1, shown)
    before = int(home.json("balance", "alice")["balance"])
    home.json("stake", "alice", "1", password=PASSWORD)
    shown = home.json("balance", "alice")
    check("and the stake", shown["stake"] == str(COIN) and int(shown["balance"]) == before - COIN - FEE, shown)
    home.json("unstake", "alice", "0.4", password=PASSWORD)
    shown = home.json("balance", "alice")
    check("and what is unbonding", shown["stake"] == "600000" and shown["unbonding"] == "400000", shown)
    status, answer, _ = home.call("GET", "/v1/wallets/alice/balance")
    check("the daemon says the same", status == 200 and answer["held"] == "700000" and answer["stake"] == "600000", answer)


def history(home):
    shown = home.json("history", "alice", "-n", "100")
    kinds = [t["kind"] for t in shown["transactions"]]
    check("history is the chain's, newest first", kinds[:3] == ["unstake", "stake", "escrow_open"], kinds[:5])
    states = {t["state"] for t in shown["sent"]}
    check("and tells what was refused", states == {"sent", "refused"}, states)
    status, answer, _ = home.call("GET", "/v1/wallets/alice/history?limit=3")
    check("so does the daemon", status == 200 and len(answer["transactions"]) == 3, answer)
    text = home.cli("history", "alice").stdout
    check("and in words", "transfer" in text and "out" in text)


def killed_daemon(home, chain):
    """kill -9 in the middle of payments: asked again with their keys, each is paid once."""
    before, keys = balance(chain, home.bob), [f"kill-{i}" for i in range(12)]

    def pay(key):
        try:
            return home.call("POST", "/v1/wallets/alice/send", {"to": home.bob, "amount": "1000"}, "own",
                             {"Idempotency-Key": key})[0]
        except (OSError, ValueError):
            return 0

    for start in range(0, len(keys), 4):
        threads = [threading.Thread(target=pay, args=(k,)) for k in keys[start:start + 4]]
        for t in threads:
            t.start()
        threads[0].join()
        home.stop(signal.SIGKILL)
        for t in threads:
            t.join()
        home.start("--unlock", "alice", "--password-file", home.password_file)
    results = [pay(k) for k in keys]
    check("asked again, all are taken", results == [200] * len(keys), results)
    want = before + 1000 * len(keys)
    until(lambda: balance(chain, home.bob) >= want)
    check("and each was paid once", balance(chain, home.bob) == want, f"{balance(chain, home.bob)} {want}")
    account = chain.account(home.alice)
    check("no nonce was lost", account["nonce"] == account["pending_nonce"], account)


def main():
    chain = Chain()
    chain.start()
    home = Home(chain.url)
    for name in ("alice", "bob"):
        home.cli("create", name, password=PASSWORD)
    home.alice, home.bob = home.address("alice"), home.address("bob")
    chain.fund(home.alice, 20 * COIN)
    line = Line(chain.port)
    plain_payment(home, chain)
    cut_line(home, chain, line)
    through_the_daemon(home, chain)
    many_at_once(home, chain)
    holds_and_stake(home, chain)
    history(home)
    killed_daemon(home, chain)
    check("the wallet ends in order", home.stop() == 0)
    done()


main()
