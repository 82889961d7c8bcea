#!/usr/bin/env python3
"""The chain as its clients see it: transfers, escrow, stake, registry, receipts, proofs, both RPCs, both dialects."""
import base64
import json
import os
import shutil
import sys
import tempfile
import time

from client import Chain, Person
from harness import BUILD, check, done

ALICE, BOB, CAROL, COORDINATOR = (Person(n) for n in (11, 12, 13, 14))
NET = "ait-devnet"


def code(result):
    """Of broadcast_tx_sync, or the one that counts of broadcast_tx_commit."""
    return result["code"] if "code" in result else result["check_tx"]["code"] or result["tx_result"]["code"]


def balance(chain, who):
    return int(chain.account(who)["balance"])


def transfers(chain):
    chain.give(ALICE, 1000000)
    check("the faucet gives", balance(chain, ALICE) == 1000000)
    wire, tx_hash = ALICE.sign(NET, "transfer", to=BOB.address, amount="250000", memo="for é")
    sent = chain.broadcast(wire)
    check("broadcast_tx_commit answers with the block", code(sent) == 0 and int(sent["height"]) > 0, sent)
    check("with the hash as another implementation works it out", sent["hash"] == tx_hash, sent["hash"])
    check("the amount has moved", (balance(chain, ALICE), balance(chain, BOB)) == (749990, 250000))
    check("the same again is answered with the same block", chain.broadcast(wire)["height"] == sent["height"])
    check("and moved nothing", balance(chain, BOB) == 250000)
    check("broadcast_tx_sync calls it a duplicate", chain.broadcast(wire, "sync")["code"] == 7)
    other, _ = ALICE.sign(NET, "transfer", nonce=0, to=BOB.address, amount="1")
    check("a used nonce is refused", chain.broadcast(other, "sync")["code"] == 5)
    late, _ = ALICE.sign(NET, "transfer", nonce=ALICE.nonce + 1, to=BOB.address, amount="5")
    check("a gap is accepted and waits", chain.broadcast(late, "sync")["code"] == 0)
    check("in the mempool", chain.call("GET", "/rpc/mempool")[1]["count"] == 1)
    check("the account tells the nonce that is missing", chain.account(ALICE)["pending_nonce"] == 1)
    wire, _ = ALICE.sign(NET, "transfer", to=BOB.address, amount="1")
    chain.broadcast(wire)
    ALICE.nonce += 1
    chain.until(lambda: balance(chain, BOB) == 250006)
    check("and goes with the one before it", chain.account(ALICE)["nonce"] == 3)
    for what, want, wire in (
            ("another chain", 2, ALICE.sign("other", "transfer", nonce=3, to=BOB.address, amount="1")[0]),
            ("too low a fee", 4, ALICE.sign(NET, "transfer", nonce=3, fee="9", to=BOB.address, amount="1")[0]),
            ("more than there is", 6, ALICE.sign(NET, "transfer", nonce=3, to=BOB.address, amount="999999999")[0]),
            ("an amount of zero", 1, ALICE.sign(NET, "transfer", nonce=3, to=BOB.address, amount="0")[0]),
            ("a negative amount", 1, ALICE.sign(NET, "transfer", nonce=3, to=BOB.address, amount="-5")[0]),
            ("an overflow", 1, ALICE.sign(NET, "transfer", nonce=3, to=BOB.address, amount="9223372036854775808")[0]),
            ("a number as amount", 1, ALICE.sign(NET, "transfer", nonce=3, to=BOB.address, amount=5)[0]),
            ("an unknown field", 1, ALICE.sign(NET, "transfer", nonce=3, to=BOB.address, amount="1", x=1)[0]),
            ("an address with a typo", 1, ALICE.sign(NET, "transfer", nonce=3, to=BOB.address[:-1] + ("q" if BOB.address[-1] != "q" else "p"), amount="1")[0]),
            ("white space", 1, ALICE.sign(NET, "transfer", nonce=3, to=BOB.address, amount="1")[0].replace(":", ": ", 1)),
            ("a forged amount", 3, ALICE.sign(NET, "transfer", nonce=3, to=BOB.address, amount="1")[0].replace('"amount":"1"', '"amount":"2"')),
            ("another's signature", 3, BOB.sign(NET, "transfer", nonce=3, to=BOB.address, amount="1")[0].replace(BOB.address, ALICE.address, 1)),
            ("a gap too wide", 5, ALICE.sign(NET, "transfer", nonce=50000, to=BOB.address, amount="1")[0]),
            ("no JSON", 1, "nonsense")):
        got = chain.broadcast(wire, "sync")
        check(f"refused: {what}", got.get("code") == want and got["log"], got)
    many = [ALICE.sign(NET, "transfer", to=CAROL.address, amount="100")[0] for _ in range(20)]
    batch = [{"jsonrpc": "2.0", "id": i, "method": "broadcast_tx_sync", "params": [base64.b64encode(w.encode()).decode()]}
             for i, w in enumerate(many)]
    status, answers = chain.call("POST", "/", batch)
    check("a batch of 20, parameters by position", status == 200 and all(a["result"]["code"] == 0 for a in answers))
    chain.until(lambda: balance(chain, CAROL) == 2000)
    before = balance(chain, ALICE)
    chain.broadcast(ALICE.sign(NET, "transfer", to=ALICE.address, amount="700")[0])
    check("a self-transfer costs the fee and nothing else", balance(chain, ALICE) == before - 10)


def escrows(chain):
    chain.give(COORDINATOR, 10000)
    first, second, third = (bytes([n] * 32).hex() for n in (1, 2, 3))
    far = int(time.time() * 1000) + 3600000
    before = balance(chain, ALICE)
    opened = chain.broadcast(ALICE.sign(NET, "escrow_open", id=first, amount="50000", arbiter=COORDINATOR.address, deadline=far)[0])
    check("an escrow is opened", code(opened) == 0, opened)
    check("its money is locked", balance(chain, ALICE) == before - 50010)
    status, escrow = chain.call("GET", f"/rpc/escrow/{first}")
    check("and shown", status == 200 and escrow["state"] == "open" and escrow["amount"] == "50000", escrow)
    again = chain.broadcast(ALICE.sign(NET, "escrow_open", nonce=ALICE.nonce, id=first, amount="1", arbiter=BOB.address, deadline=far)[0], "sync")
    check("no second escrow with this id", again["code"] == 10, again)
    theft = chain.broadcast(BOB.sign(NET, "escrow_release", nonce=0, id=first, to=BOB.address, amount="50000", cut="0", digest=first)[0], "sync")
    check("a third party releases nothing", theft["code"] == 9, theft)
    theft = chain.broadcast(ALICE.sign(NET, "escrow_refund", nonce=ALICE.nonce, id=first)[0], "sync")
    check("the buyer has no refund before the deadline", theft["code"] == 9, theft)
    much = chain.broadcast(COORDINATOR.sign(NET, "escrow_release", nonce=0, id=first, to=BOB.address, amount="50000", cut="1", digest=first)[0], "sync")
    check("not more than it holds", much["code"] == 10, much)
    bob, alice = balance(chain, BOB), balance(chain, ALICE)
    released = chain.broadcast(COORDINATOR.sign(NET, "escrow_release", id=first, to=BOB.address, amount="30000", cut="500", digest=second)[0])
    check("the arbiter releases", code(released) == 0, released)
    check("pay, cut and rest", (balance(chain, BOB) - bob, balance(chain, COORDINATOR), balance(chain, ALICE) - alice)
          == (30000, 10000 + 500 - 10, 19500))
    twice = chain.broadcast(COORDINATOR.sign(NET, "escrow_release", nonce=1, id=first, to=BOB.address, amount="1", cut="0", digest=second)[0], "sync")
    check("once", twice["code"] == 10, twice)
    alice = balance(chain, ALICE)
    chain.broadcast(ALICE.sign(NET, "escrow_open", id=second, amount="7000", arbiter=COORDINATOR.address, deadline=far)[0])
    refund = chain.broadcast(COORDINATOR.sign(NET, "escrow_refund", id=second)[0])
    check("the arbiter refunds", code(refund) == 0 and balance(chain, ALICE) == alice - 10, refund)
    soon = int(time.time() * 1000) + 1500
    chain.broadcast(ALICE.sign(NET, "escrow_open", id=third, amount="7000", arbiter=COORDINATOR.address, deadline=soon)[0])
    while int(time.time() * 1000) <= soon + 5:
        time.sleep(0.05)
    refund = chain.broadcast(CAROL.sign(NET, "escrow_refund", id=third)[0])
    check("anybody refunds after the deadline", code(refund) == 0 and balance(chain, ALICE) == alice - 20, refund)
    none = chain.broadcast(COORDINATOR.sign(NET, "escrow_release", nonce=COORDINATOR.nonce, id="ff" * 32, to=BOB.address, amount="1", cut="0", digest=first)[0], "sync")
    check("an escrow that is not there", none["code"] == 11, none)
    for path, kind in (("/rpc/escrow/create", "escrow_open"), (f"/rpc/escrow/{first}/release", "escrow_release"),
                       ("/rpc/staking/stake", "stake"), ("/rpc/submitReceipt", "commit")):
        status, answer = chain.call("POST", path, {"job_id": "x", "amount": 5})
        check(f"{path} without a signature names the transaction to send", status == 403 and kind in answer["detail"], answer)


def stake_and_registry(chain):
    from reference import sign
    chain.broadcast(BOB.sign(NET, "stake", amount="20000")[0])
    chain.broadcast(BOB.sign(NET, "unstake", amount="5000")[0])
    account = chain.account(BOB)
    check("stake, and what is unbonding", account["stake"] == "15000" and account["unbonding"][0]["amount"] == "5000", account)
    slash = chain.broadcast(ALICE.sign(NET, "slash", nonce=ALICE.nonce, account=BOB.address, amount="1", digest="00" * 32)[0], "sync")
    check("only the slasher slashes", slash["code"] == 9, slash)
    node = "ed25519:" + CAROL.key.hex()
    proof = sign(CAROL.seed, b"b3iq.register/1\n" + BOB.address.encode()).hex()
    check("a node is registered", code(chain.broadcast(BOB.sign(NET, "register_node", node=node, proof=proof, label="one")[0])) == 0)
    check("with its consent only", chain.broadcast(ALICE.sign(NET, "register_node", nonce=ALICE.nonce, node=node, proof=proof)[0], "sync")["code"] == 3)
    check("a model is registered", code(chain.broadcast(BOB.sign(NET, "register_model", root="ab" * 32, name="b3iq-mini")[0])) == 0)
    value = chain.rpc("abci_query", path=f"/node/{CAROL.key.hex()}")["result"]["response"]["value"]
    check("and read by abci_query", json.loads(base64.b64decode(value)) == {"account": BOB.address, "label": "one"}, value)


def receipts_and_proofs(chain):
    root = "cd" * 32
    chain.broadcast(COORDINATOR.sign(NET, "commit", root="01" * 32, count=1)[0])
    sent = chain.broadcast(COORDINATOR.sign(NET, "commit", root=root, count=12, label="job 1")[0])
    check("a receipt root is committed", code(sent) == 0, sent)
    status, receipt = chain.call("GET", f"/rpc/receipts/{root}")
    check("and found again", status == 200 and str(receipt["block_height"]) == sent["height"], receipt)
    key = chain.call("GET", "/rpc/validators")[1]["validators"][0]
    for what, entry in (("an account", f"account/{ALICE.address}"), ("a receipt", f"receipt/{root}"),
                        ("a transaction", f"tx/{sent['hash']}"), ("an absent account", f"account/{Person(99).address}"),
                        ("the supply", "supply")):
        proof = chain.cli("entry", entry, "--prove").stdout
        good = chain.cli("proof", "-", "--proposer", key, "--json", stdin=proof, check_rc=False)
        check(f"a proof of {what} verifies offline", good.returncode == 0, good.stderr + good.stdout)
        bad = chain.cli("proof", "-", "--proposer", "ed25519:" + ALICE.key.hex(), stdin=proof, check_rc=False)
        check("not under another key", bad.returncode == 6, bad.stdout)
        document = json.loads(proof)
        document["header"]["time"] += 1
        bad = chain.cli("proof", "-", "--proposer", key, stdin=json.dumps(document), check_rc=False)
        check("nor with another header", bad.returncode == 6, bad.stdout)
    proof = json.loads(chain.cli("account", ALICE.address, "--prove").stdout)
    proof["value"] = proof["value"].replace('"nonce":', '"nonce":1')
    check("nor with another value", chain.cli("proof", "-", "--proposer", key, stdin=json.dumps(proof), check_rc=False).returncode == 6)


def reads(chain):
    head = chain.call("GET", "/rpc/head")[1]
    info = chain.call("GET", "/rpc/info")[1]
    check("the supply is what the genesis gave", info["supply"] == str(10**15), info["supply"])
    status = chain.rpc("status", chain.comet)["result"]
    check("status on the second port", status["node_info"]["network"] == NET and int(status["sync_info"]["latest_block_height"]) >= head["height"])
    block = chain.rpc("block", height="1")["result"]
    check("block", block["block"]["header"]["height"] == "1" and len(block["block"]["data"]["txs"]) == 1, block)
    metas = chain.rpc("blockchain", minHeight="1", maxHeight="3")["result"]["block_metas"]
    check("blockchain, newest first", [m["header"]["height"] for m in metas] == ["3", "2", "1"])
    tx = chain.call("GET", "/rpc/transactions?limit=3")[1]["items"]
    check("transactions, newest first", len(tx) == 3 and tx[0]["seq"] > tx[2]["seq"])
    found = chain.rpc("tx", hash=tx[0]["hash"], prove=True)["result"]
    check("tx with a proof", found["hash"] == tx[0]["hash"] and found["proof"]["kind"] == "transaction")
    check("tx that nobody sent", "error" in chain.rpc("tx", hash="00" * 32))
    address = chain.call("GET", f"/rpc/address/{ALICE.address}")[1]
    check("an address with its history", address["total_transactions"] > 20 and len(address["recent_transactions"]) == 20)
    check("addresses by balance", chain.call("GET", "/rpc/addresses?min_balance=1")[1]["count"] >= 4)
    for path in ("balance", "account", "accounts", "getBalance"):
        check(f"/rpc/{path}", chain.call("GET", f"/rpc/{path}/{BOB.address}")[1]["nonce"] == BOB.nonce)
    for path, want in (("/rpc/head", 200), ("/rpc/height", 200), ("/rpc/status", 200), ("/rpc/syncStatus", 200),
                       ("/rpc/network-info", 200), ("/rpc/peers", 200), ("/rpc/getGenesisBlock", 200), ("/rpc/state", 200),
                       ("/rpc/blocks/1", 200), ("/rpc/blocks/latest", 200), (f"/rpc/blocks/by_hash/{head['hash']}", 200),
                       ("/rpc/blocks-range?start=0&end=5", 200), ("/rpc/blocks/99999999", 404), ("/rpc/blocks/x", 400),
                       ("/rpc/blocks-range?start=0&end=999999999999", 200), ("/rpc/tx/0xabc", 400), (f"/rpc/tx/0x{'0' * 64}", 404),
                       ("/rpc/getBalance/nope", 400), ("/rpc/head?chain_id=other", 404), ("/rpc/head?chain_id=ait-devnet", 200),
                       ("/rpc/transactions?limit=101", 400), ("/rpc/entry/nope/1", 400), ("/rpc/escrow/" + "ee" * 32, 404),
                       ("/health", 200), ("/ready", 200), ("/metrics", 200), ("/status", 200), ("/nope", 404),
                       ("/block?height=2", 200), ("/rpc/receipts", 200), ("/rpc/validators", 200)):
        status, answer = chain.call("GET", path)
        check(f"GET {path}: {want}", status == want and (want < 400 or path == "/nope" or answer["detail"]), (status, answer))
    check("estimateFee", chain.call("POST", "/rpc/estimateFee", {"type": "transfer", "payload": {}})[1]["base_fee"] == "10")
    for what, body, want in (("no JSON", "{", -32700), ("no call", "5", -32600), ("no method", {"jsonrpc": "2.0", "id": 1}, -32600),
                             ("an unknown method", {"jsonrpc": "2.0", "id": 1, "method": "x"}, -32601),
                             ("a wrong parameter", {"jsonrpc": "2.0", "id": 1, "method": "block", "params": {"height": "x"}}, -32602),
                             ("an empty batch", [], -32600)):
        status, answer = chain.call("POST", "/", body)
        check(f"JSON-RPC: {what}", status == 200 and answer["error"]["code"] == want, answer)
    check("a notification has no answer", chain.call("POST", "/", {"jsonrpc": "2.0", "method": "health"}) == (204, ""))
    wire, tx_hash = CAROL.sign(NET, "transfer", to=BOB.address, amount="1")
    status, answer = chain.call("POST", "/rpc/transaction", wire)
    check("dialect H sends", status == 200 and answer["success"] and answer["transaction_hash"] == tx_hash, answer)
    wire, tx_hash = CAROL.sign(NET, "transfer", to=BOB.address, amount="1")
    status, answer = chain.call("POST", "/rpc/sendTx", {"tx": base64.b64encode(wire.encode()).decode()})
    check("dialect A sends", status == 200 and answer["tx_hash"] == tx_hash, answer)
    status, answer = chain.call("POST", "/rpc/sendTx", {"type": "submit_job", "job_id": "x"})
    check("an unsigned transaction is refused", status == 400 and answer["detail"], answer)
    poor = Person(77).sign(NET, "transfer", to=BOB.address, amount="1")[0]
    check("402 without funds", chain.call("POST", "/rpc/transaction", poor)[0] == 402)
    check("send-raw", "pending" in chain.cli("send-raw", "-", stdin=CAROL.sign(NET, "transfer", to=BOB.address, amount="1")[0]).stdout)
    check("the faucet has a limit", chain.call("POST", "/rpc/faucet", {"address": BOB.address, "amount": "1000000001"})[0] == 409)


def converge(chain):
    """A second node of the same genesis, without any key, imports every block; forged ones are refused."""
    folder = tempfile.mkdtemp(dir=os.path.join(BUILD, "flow"))
    genesis = os.path.join(folder, "genesis.json")
    with open(genesis, "w", encoding="utf-8") as f:
        f.write(chain.cli("genesis").stdout)
    with Chain(genesis=genesis) as follower:
        check("the follower proposes nothing", follower.call("GET", "/rpc/info")[1]["proposes"] is False)
        check("and has no faucet's key", follower.call("POST", "/rpc/faucet", {"address": BOB.address})[0] == 403)
        chain.until(lambda: chain.call("GET", "/rpc/mempool")[1]["count"] == 0)
        height = chain.call("GET", "/rpc/height")[1]["height"]
        blocks = [json.dumps(chain.call("GET", f"/rpc/blocks/{h}/export")[1]) for h in range(1, height + 1)]
        status, answer = follower.call("POST", "/rpc/importBlock", blocks[1])
        check("a block with a gap before it is refused", status == 409 and "height" in answer["detail"], answer)
        forged = json.loads(blocks[0])
        forged["header"]["time"] += 1
        check("a forged block is refused", follower.call("POST", "/rpc/importBlock", json.dumps(forged))[0] == 403)
        forged = json.loads(blocks[0])
        forged["transactions"] = []
        check("one without its transactions as well", follower.call("POST", "/rpc/importBlock", json.dumps(forged))[0] == 409)
        check("all others are taken", all(follower.call("POST", "/rpc/importBlock", b)[0] == 200 for b in blocks))
        check("one of them again is refused", follower.call("POST", "/rpc/importBlock", blocks[0])[0] == 409)
        mine, theirs = (c.call("GET", "/rpc/head")[1] for c in (chain, follower))
        check("both have the same head and state", mine["hash"] == theirs["hash"] and mine["state_root"] == theirs["state_root"])
        check("and its replay is equal", follower.cli("verify", check_rc=False).returncode == 0)
    with open(genesis, encoding="utf-8") as f:
        other = json.load(f)
    other["time"] += 1
    with open(genesis, "w", encoding="utf-8") as f:
        json.dump(other, f)
    r = chain.cli("--genesis", genesis, "--port", "0", "--no-comet", check_rc=False)
    check("one home has one chain at a time", r.returncode != 0 and "already runs" in r.stderr, r.stderr)
    return folder, genesis


def lives(chain, folder, genesis):
    before = chain.call("GET", "/rpc/head")[1]
    check("SIGTERM ends it in order", chain.kill(15) == 0)
    r = chain.cli("--genesis", genesis, "--port", "0", "--no-comet", check_rc=False)
    check("another genesis is refused", r.returncode != 0 and "another chain" in r.stderr, r.stderr)
    chain.start()
    check("the next life has the same head", chain.call("GET", "/rpc/head")[1]["hash"] == before["hash"])
    check("and goes on", code(chain.broadcast(ALICE.sign(NET, "transfer", to=BOB.address, amount="1")[0])) == 0)
    check("the whole chain replays", "every block" in chain.cli("verify").stdout)
    r = chain.cli("--address", "0.0.0.0", "--port", "0", "--no-comet", check_rc=False)
    check("no address of others without a word", r.returncode != 0)
    shutil.rmtree(folder, ignore_errors=True)


with Chain() as it:
    transfers(it)
    escrows(it)
    stake_and_registry(it)
    receipts_and_proofs(it)
    reads(it)
    lives(it, *converge(it))
done()
