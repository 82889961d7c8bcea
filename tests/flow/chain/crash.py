#!/usr/bin/env python3
"""kill -9 while transfers run, again and again: every transfer that was answered as committed is there, none counts
twice, the supply holds, and the replay of all blocks gives the stored state."""
import sys
import threading
import time

from client import Chain, Person
from harness import check, done

ROUNDS, PAYERS = 40, 3
NET = "ait-devnet"
payers = [Person(30 + n) for n in range(PAYERS)]
target = Person(60)


def pay(chain, who, stop, acknowledged):
    """One after the other; what is not answered is looked up in the next life."""
    nonce = chain.account(who)["nonce"]
    while not stop.is_set():
        wire, tx_hash = who.sign(NET, "transfer", nonce=nonce, to=target.address, amount="7")
        try:
            answer = chain.broadcast(wire)
        except Exception:  # noqa: BLE001  the chain is being killed
            return
        if answer.get("tx_result", {"code": 1})["code"] or answer["check_tx"]["code"]:
            acknowledged.append((tx_hash, answer))
            return
        acknowledged.append((tx_hash, answer["height"]))
        nonce += 1


with Chain() as chain:
    for who in payers:
        chain.give(who, 100000000)
    acknowledged = []
    for turn in range(ROUNDS):
        stop, before = threading.Event(), len(acknowledged)
        threads = [threading.Thread(target=pay, args=(chain, who, stop, acknowledged)) for who in payers]
        for t in threads:
            t.start()
        chain.until(lambda: len(acknowledged) >= before + 1 + 5 * (turn % 4))
        time.sleep(0.003 * turn)  # at another instant each time
        chain.kill()
        stop.set()
        for t in threads:
            t.join()
        chain.start()
    lost = [a for a in acknowledged
            if (lambda s, t: s != 200 or t["status"] != "confirmed" or str(t["block_height"]) != a[1])
            (*chain.call("GET", f"/rpc/tx/{a[0]}"))]
    check(f"{ROUNDS} kills: each of {len(acknowledged)} acknowledged transfers is in its block", acknowledged and not lost, lost[:3])
    sent = sum(chain.account(who)["nonce"] for who in payers)
    check("each counts once", int(chain.account(target)["balance"]) == 7 * sent >= 7 * len(acknowledged), (sent, len(acknowledged)))
    spent = sum(100000000 - int(chain.account(who)["balance"]) for who in payers)
    check("money went where it should", spent == sent * 17)
    verify = chain.cli("verify", check_rc=False)
    check("all blocks execute again to the stored state, and the supply holds", verify.returncode == 0, verify.stderr)
done()
