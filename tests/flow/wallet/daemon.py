#!/usr/bin/env python3
"""The wallet daemon: who may what, caps through kill -9, lockout through restarts, secrets nowhere."""
import json
import os
import re
import signal
import sqlite3
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import PASSWORD, Home, canonical, transfer, until  # noqa: E402
from harness import check, done  # noqa: E402


def http_rules(home):
    check("health is open", home.call("GET", "/health", token=None)[0] == 200)
    check("metrics are open on loopback", "b3iq_wallet_unlocked 0" in home.call("GET", "/metrics", token=None)[1])
    check("no token: 401", home.call("GET", "/v1/wallets", token=None)[0] == 401)
    check("a wrong token: 401", home.call("GET", "/v1/wallets", token="b3iq_wallet_" + "0" * 64)[0] == 401)
    status = home.call("GET", "/v1/wallets", headers={"Host": "evil.example"})[0]
    check("another Host is refused", status in (400, 403, 421), status)
    status = home.call("GET", "/v1/wallets", headers={"Origin": "https://evil.example"})[0]
    check("another Origin is refused", status == 403, status)
    status, answer, _ = home.call("GET", "/v1/wallets")
    check("the home's own token lists", status == 200 and len(answer["wallets"]) == 2, answer)
    status, answer, _ = home.call("POST", "/v1/wallets", {"name": "alice", "password": PASSWORD})
    check("an existing wallet: 409", status == 409, answer)
    status, answer, _ = home.call("POST", "/v1/wallets", {"name": "carol", "password": PASSWORD})
    check("a new one: 201", status == 201 and answer["locked"] and answer["address"].startswith("ait1"), answer)
    check("an unknown one: 404", home.call("GET", "/v1/wallets/nobody")[0] == 404)


def unlocking(home):
    message = transfer(home.alice, home.bob, 5, 0)
    status, answer, _ = home.sign("alice", message)
    check("a locked wallet signs nothing", status == 403 and "locked" in answer["error"]["message"], answer)
    status, answer, _ = home.unlock("alice", "wrong password")
    check("a wrong password: 403", status == 403, answer)
    status, answer, _ = home.unlock("alice", seconds=1)
    check("the right one unlocks", status == 200 and not answer["locked"], answer)
    check("until its time is over", until(lambda: home.call("GET", "/v1/wallets/alice")[1]["locked"]))
    home.unlock("alice", seconds=600)
    status, answer, _ = home.sign("alice", message)
    check("then it signs", status == 200 and len(answer["signature"]) == 128, answer)
    again = home.sign("alice", message)[1]
    check("the same for the same", again == answer)
    home.cli("lock", "alice")
    check("locked at once", home.sign("alice", message)[0] == 403)


def messages(home):
    home.unlock("alice")
    status, answer, _ = home.sign("alice", b"pay all to me")
    check("an unknown domain is refused", status == 400, answer)
    status, answer, _ = home.sign("alice", transfer(home.bob, home.alice, 5, 0))
    check("another account's transaction is refused", status == 403, answer)
    status, answer, _ = home.sign("alice", transfer(home.alice, home.bob, 5, 0) + b" ")
    check("a text that is not canonical is refused", status == 400, answer)
    status, answer, _ = home.sign("alice", b"b3iq.order/1\n" + canonical({"job": "j", "v": 1}))
    check("an order is signed", status == 200, answer)
    status, answer, _ = home.sign("alice", b'b3iq.verdict/1\n{"b":1,"a":2}')
    check("a verdict with its keys in disorder is not", status == 400, answer)
    status, answer, _ = home.call("POST", "/v1/wallets/alice/sign", {"message": "AA", "alg": "secp256k1-keccak256"})
    check("another algorithm is refused", status == 400, answer)
    status, answer, _ = home.call("POST", "/v1/wallets/alice/sign", {"message": "*", "alg": "ed25519"})
    check("a message that is no base64 is refused", status == 400, answer)


def tokens(home):
    look = home.token("look", "--verbs", "read", "--per-tx", "0", "--per-day", "0")
    only = home.token("only-bob", "--wallets", "bob", "--per-tx", "none", "--per-day", "none")
    message = transfer(home.alice, home.bob, 5, 0)
    check("a token that looks may not sign", home.sign("alice", message, look)[0] == 403)
    check("a token sees its wallets only", [w["name"] for w in home.call("GET", "/v1/wallets", token=only)[1]["wallets"]] == ["bob"])
    check("and signs with no other: 404", home.sign("alice", message, only)[0] == 404)
    check("a token does not unlock unless it may", home.unlock("bob", token=only)[0] == 403)
    home.cli("token", "revoke", "only-bob")
    check("revoked: 401 at once", home.call("GET", "/v1/wallets", token=only)[0] == 401)
    rows = home.json("token", "list", "--all")["tokens"]
    check("the list says so", {r["name"]: r["state"] for r in rows}["only-bob"] == "revoked", rows)


def caps(home):
    token = home.token("caps", "--per-tx", "0.00005", "--per-day", "0.0001")  # 50 and 100 micro
    check("over the cap of a transaction", home.sign("alice", transfer(home.alice, home.bob, 41, 100), token)[0] == 403)
    check("up to it", home.sign("alice", transfer(home.alice, home.bob, 40, 100), token)[0] == 200)
    check("again the same counts once", home.sign("alice", transfer(home.alice, home.bob, 40, 100), token)[0] == 200)
    check("up to the day's", home.sign("alice", transfer(home.alice, home.bob, 40, 101), token)[0] == 200)
    status, answer, _ = home.sign("alice", transfer(home.alice, home.bob, 1, 102, fee=0), token)
    check("and no unit more", status == 403 and "in a day" in answer["error"]["message"], answer)
    rows = {r["name"]: r for r in home.json("token", "list")["tokens"]}
    check("what was spent is shown", rows["caps"]["spent_today"] == "100", rows["caps"])


def spent(home, name):
    return int({r["name"]: r for r in home.json("token", "list")["tokens"]}[name]["spent_today"])


def caps_through_kill(home):
    """Signatures that came are counted, whenever the process dies; a cap holds over all lives."""
    cap, each = 4000, 10
    token = home.token("killed", "--per-tx", "1", "--per-day", f"{cap / 1e6:.6f}")
    came, refused, lock, nonce = set(), threading.Event(), threading.Lock(), [1000]

    def ask():
        while not refused.is_set():
            with lock:
                nonce[0] += 1
                n = nonce[0]
            try:
                status = home.sign("alice", transfer(home.alice, home.bob, each, n, fee=0), token)[0]
            except (OSError, ValueError):
                return  # this life is over
            if status == 200:
                with lock:
                    came.add(n)
            elif status == 403:
                refused.set()

    for life in range(40):
        goal = min(len(came) + 60, cap // each)
        threads = [threading.Thread(target=ask) for _ in range(4)]
        for t in threads:
            t.start()
        until(lambda: len(came) >= goal or refused.is_set())
        if refused.is_set():
            break
        home.stop(signal.SIGKILL)
        for t in threads:
            t.join()
        counted = spent(home, "killed")
        if counted < len(came) * each:
            check(f"life {life}: every signature that left is counted", False, f"{counted} < {len(came) * each}")
        home.start("--unlock", "alice bob", "--password-file", home.password_file)
    for t in threads:
        t.join()
    counted = spent(home, "killed")
    check("the cap was reached over several lives", refused.is_set() and life >= 2, f"{life} lives")
    check("every signature that left is counted", counted >= len(came) * each, f"{counted} {len(came)}")
    check("and the cap held", counted <= cap and len(came) * each <= cap, f"{counted} {len(came)}")
    check("little was counted that never left", counted - len(came) * each <= (life + 1) * 4 * each, f"{counted} {len(came)}")


def failures(home, wallet):
    with sqlite3.connect(home.path("wallet.db"), timeout=30) as db:
        row = db.execute("SELECT failures FROM lockout WHERE wallet = ?", (wallet,)).fetchone()
    return row[0] if row else 0


def lockout(home):
    check("the right password clears the count", failures(home, "bob") == 0)
    statuses = []
    for _ in range(4):
        statuses.append(home.unlock("bob", "wrong password")[0])
    check("wrong passwords are counted", statuses == [403] * 4 and failures(home, "bob") == 4, statuses)
    home.stop(signal.SIGKILL)
    check("kill -9 forgets none", failures(home, "bob") == 4)
    with sqlite3.connect(home.path("wallet.db"), timeout=30) as db:  # as after a night of guessing
        db.execute("UPDATE lockout SET failures = 20, until_ms = ? WHERE wallet = 'bob'",
                   (int(time.time() * 1000) + 3600000,))
    home.start("--unlock", "alice", "--password-file", home.password_file)
    status, answer, headers = home.unlock("bob")
    check("locked out after the restart, whatever the password", status == 429, answer)
    check("with the time to wait", int(headers["Retry-After"]) > 60, headers["Retry-After"])
    r = home.cli("export", "bob", "--raw", password=PASSWORD, check=False)
    check("the command line is locked out as well", r.returncode != 0 and "locked out" in r.stderr, r.stderr)
    check("another wallet is not", home.unlock("carol")[0] == 200)
    check("a refused try is no failure", failures(home, "bob") == 20)
    with sqlite3.connect(home.path("wallet.db"), timeout=30) as db:
        db.execute("UPDATE lockout SET until_ms = 0 WHERE wallet = 'bob'")
    check("when the time is over the right password opens", home.unlock("bob")[0] == 200)
    check("and all is forgiven", failures(home, "bob") == 0)


def memory_holds(pid, needle):
    """Is it in the writable memory of the process?  None: the system does not let us look."""
    try:
        with open(f"/proc/{pid}/maps", encoding="ascii") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
            for line in maps:
                at, end = (int(x, 16) for x in line.split()[0].split("-"))
                if "w" not in line.split()[1] or end - at > 1 << 30:
                    continue
                try:
                    mem.seek(at)
                    if needle in mem.read(end - at):
                        return True
                except (OSError, ValueError):
                    continue
        return False
    except PermissionError:
        return None


def secrets(home):
    """The password, the seed and a token, looked for everywhere."""
    seed = home.cli("export", "alice", "--raw", password=PASSWORD).stdout.strip()
    token = home.token("canary", "--per-tx", "1", "--per-day", "1")
    home.unlock("alice")
    home.sign("alice", transfer(home.alice, home.bob, 5, 5000), token)
    home.unlock("alice", "wrong " + PASSWORD)
    home.call("GET", "/v1/wallets/alice", token=token + "x")
    needles = [PASSWORD, seed, token, home.own]
    needles = [n.encode() for n in needles] + [bytes.fromhex(seed)]
    mine = {home.password_file, home.path("given"), home.path("keys", "wallet.key")}  # where they belong
    found = []
    for folder, _, files in os.walk(home.dir):
        for name in files:
            path = os.path.join(folder, name)
            if path not in mine:
                with open(path, "rb") as f:
                    data = f.read()
                found += [(path, i) for i, n in enumerate(needles) if n in data]
    check("no file of the home shows one", not found, found)
    for name in ("cmdline", "environ"):  # environ: only where the system lets us look
        try:
            with open(f"/proc/{home.process.pid}/{name}", "rb") as f:
                data = f.read()
        except PermissionError:
            data = b""
        check(f"nor does /proc/PID/{name}", not any(n in data for n in needles))
    metrics = home.call("GET", "/metrics")[1].encode()
    check("nor do the metrics", not any(n in metrics for n in needles))
    with open(f"/proc/{home.process.pid}/limits", encoding="ascii") as f:
        core = re.search(r"Max core file size\s+(\S+)", f.read()).group(1)
    check("no core dump is written", core == "0", core)
    log = home.log_text()
    check("the log tells of signatures", "wallet.tx" in log and home.alice not in log)
    raw = bytes.fromhex(seed)
    unlocked = memory_holds(home.process.pid, raw)
    if unlocked is None:
        print("# memory: not allowed to look")
        return
    check("an unlocked key is in memory", unlocked)
    for wallet in ("alice", "bob", "carol"):
        home.cli("lock", wallet)
    check("a locked one is not", memory_holds(home.process.pid, raw) is False)
    check("nor is its password", memory_holds(home.process.pid, PASSWORD.encode()) is False)


def one_daemon(home):
    r = home.cli("--port", "0", check=False)
    check("a second daemon in the home is refused", r.returncode != 0 and "already runs" in r.stderr, r.stderr)
    r = home.cli("--address", "0.0.0.0", "--port", "0", check=False)
    check("only loopback", r.returncode != 0, r.stderr)
    home.cli("delete", "carol", "--yes")
    check("a deleted wallet is gone for the daemon", home.call("GET", "/v1/wallets/carol")[0] == 404)
    check("it ends in order", home.stop() == 0)


def main():
    home = Home()
    for name in ("alice", "bob"):
        home.cli("create", name, password=PASSWORD)
    home.alice, home.bob = home.address("alice"), home.address("bob")
    home.start()
    http_rules(home)
    unlocking(home)
    messages(home)
    tokens(home)
    caps(home)
    caps_through_kill(home)
    lockout(home)
    secrets(home)
    one_daemon(home)
    done()


main()
