#!/usr/bin/env python3
"""A second implementation of the chain's state machine, written from docs/chain.md with the standard library only.

    verify.py chain.json            executes every block again and compares each root; exit 1 on any difference
    verify.py --make > chain.json   a chain with transactions of every kind, chosen at random

A file is {"genesis": {...}, "blocks": [{"header","signature","transactions"}, ...]}.  test_vectors.c imports the same
file into the C implementation: two programs that share no line agree to the byte.  The language itself (addresses,
signatures, trees) is that of tests/unit/tx/reference.py.
"""
import json
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tx"))
from reference import BASE, EMPTY, L, P, D, add, address, canonical, encode, multiply, public, recover_x, sha256, sign, transaction, tree_root, trie  # noqa: E402
import hashlib  # noqa: E402

MAX = 2**63 - 1


class Refused(Exception):
    pass


def need(condition, why):
    if not condition:
        raise Refused(why)


# ---- Ed25519 verification (RFC 8032, section 5.1.7) ----
def decode(text):
    number = int.from_bytes(text, "little")
    y, sign_bit = number & (1 << 255) - 1, number >> 255
    need(y < P, "a point is out of range")
    x = recover_x(y, sign_bit)
    need((x * x * (1 + D * y * y) - (y * y - 1)) % P == 0, "no such point")
    return x, y, 1, x * y % P


def signed(key, message, signature):
    try:
        a, s = decode(key), int.from_bytes(signature[32:], "little")
        need(s < L, "s is out of range")
        k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
        return encode(add(decode(signature[:32]), multiply(k, a))) == encode(multiply(s, BASE))
    except Refused:
        return False


# ---- the state machine ----
class State:
    """Entries are kept parsed; their canonical text is what is hashed."""

    def __init__(self, genesis):
        self.genesis, self.entries = genesis, {}
        self.hash = sha256(b"b3iq.genesis/1\n", canonical(genesis))
        self.entries["genesis"] = {"hash": self.hash.hex()}
        self.entries["supply"] = {"amount": str(sum(int(a) for a in genesis["accounts"].values()))}
        for who, amount in genesis["accounts"].items():
            self.entries[f"account/{who}"] = {"balance": amount, "nonce": 0, "stake": "0"}

    def root(self):
        return trie([(sha256(k.encode()), sha256(canonical(v))) for k, v in self.entries.items()])

    def money(self):
        total = 0
        for key, v in self.entries.items():
            kind = key.split("/")[0]
            if kind == "account":
                total += int(v["balance"]) + int(v["stake"])
            elif kind == "unbonding" or kind == "escrow" and v["state"] == "open":
                total += int(v["amount"])
        return total

    def account(self, who):
        return dict(self.entries.get(f"account/{who}", {"balance": "0", "nonce": 0, "stake": "0"}))

    def change(self, who, balance=0, stake=0, nonce=0):
        a = self.account(who)
        a = {"balance": str(int(a["balance"]) + balance), "nonce": a["nonce"] + nonce,
             "stake": str(int(a["stake"]) + stake)}
        assert 0 <= int(a["balance"]) <= MAX and 0 <= int(a["stake"]) <= MAX
        self.entries[f"account/{who}"] = a

    def credit(self, who, amount):
        if amount:
            self.change(who, amount)

    def unbonding(self, who=None):
        """Keys of what is unbonding, earliest first."""
        found = []
        for key, v in self.entries.items():
            part = key.split("/")
            if part[0] == "unbonding" and who in (None, part[1]):
                found.append((v["mature"], int(part[2]), key))
        return [key for *_, key in sorted(found)]

    # A block begins, and ends.
    def begin(self, time, proposer):
        self.time, self.proposer, self.fees = time, proposer, 0
        for key in self.unbonding():
            if self.entries[key]["mature"] <= time:
                self.credit(key.split("/")[1], int(self.entries.pop(key)["amount"]))

    def end(self):
        self.credit(self.proposer, self.fees)
        assert self.money() == int(self.entries["supply"]["amount"]), "the supply does not hold"

    # A transaction: refused, or all of it.
    def apply(self, body):
        kind, who = body["kind"], body["from"]
        outlay = int(body["amount"]) if kind in ("transfer", "escrow_open", "stake") else 0
        fee, account = int(body["fee"]), self.account(who)
        need(body["chain"] == self.genesis["chain"], "chain")
        need(fee >= int(self.genesis["min_fee"]), "fee")
        need(body["nonce"] == account["nonce"], "nonce")
        need(outlay + fee <= int(account["balance"]), "funds")
        effect = getattr(self, kind)(who, body)  # checks, changes nothing
        self.fees += fee
        self.change(who, -outlay - fee, nonce=1)
        if effect:
            effect()

    def transfer(self, who, b):
        return lambda: self.credit(b["to"], int(b["amount"]))

    def escrow_open(self, who, b):
        key = f"escrow/{b['id']}"
        need(key not in self.entries, "id")
        need(b["deadline"] > self.time, "deadline")
        return lambda: self.entries.update({key: {"amount": b["amount"], "arbiter": b["arbiter"], "buyer": who,
                                                  "deadline": b["deadline"], "state": "open"}})

    def open_escrow(self, b):
        e = self.entries.get(f"escrow/{b['id']}")
        need(e, "no escrow")
        need(e["state"] == "open", "closed")
        return e

    def escrow_release(self, who, b):
        e = self.open_escrow(b)
        paid, cut, locked = int(b["amount"]), int(b["cut"]), int(e["amount"])
        need(who == e["arbiter"], "arbiter")
        need(paid + cut <= locked, "too much")

        def effect():
            self.entries[f"escrow/{b['id']}"] = {**e, "state": "released", "to": b["to"], "paid": b["amount"],
                                                 "cut": b["cut"], "digest": b["digest"]}
            self.credit(b["to"], paid)
            self.credit(e["arbiter"], cut)
            self.credit(e["buyer"], locked - paid - cut)
        return effect

    def escrow_refund(self, who, b):
        e = self.open_escrow(b)
        need(who == e["arbiter"] or self.time > e["deadline"], "not yet")

        def effect():
            self.entries[f"escrow/{b['id']}"] = {**e, "state": "refunded"}
            self.credit(e["buyer"], int(e["amount"]))
        return effect

    def stake(self, who, b):
        return lambda: self.change(who, stake=int(b["amount"]))

    def unstake(self, who, b):
        need(int(self.account(who)["stake"]) >= int(b["amount"]), "stake")

        def effect():
            self.change(who, stake=-int(b["amount"]))
            self.entries[f"unbonding/{who}/{b['nonce']}"] = {
                "amount": b["amount"], "mature": self.time + self.genesis["unbonding_ms"]}
        return effect

    def slash(self, who, b):
        target, wanted = b["account"], int(b["amount"])
        need(who == self.genesis["slasher"], "slasher")
        need(int(self.account(target)["stake"]) or self.unbonding(target), "no stake")

        def effect():
            left = wanted
            taken = min(left, int(self.account(target)["stake"]))
            if taken:
                self.change(target, stake=-taken)
            left -= taken
            for key in self.unbonding(target):
                have = int(self.entries[key]["amount"])
                taken = min(left, have)
                left -= taken
                if taken == have:
                    del self.entries[key]
                elif taken:
                    self.entries[key] = {**self.entries[key], "amount": str(have - taken)}
            self.credit(self.genesis["treasury"], wanted - left)
        return effect

    def register_node(self, who, b):
        key = f"node/{b['node'].split(':')[1]}"
        need(self.entries.get(key, {"account": who})["account"] == who, "another's")
        label = {"label": b["label"]} if "label" in b else {}
        return lambda: self.entries.update({key: {"account": who, **label}})

    def register_model(self, who, b):
        key = f"model/{b['root']}"
        need(self.entries.get(key, {"account": who})["account"] == who, "another's")
        return lambda: self.entries.update({key: {"account": who, "name": b["name"]}})

    def commit(self, who, b):
        return None


def message_hash(domain, value):
    return sha256(domain, canonical(value))


def roots(transactions):
    hashes = [message_hash(b"b3iq.tx/1\n", t["body"]) for t in transactions]
    commits = [bytes.fromhex(t["body"]["root"]) for t in transactions if t["body"]["kind"] == "commit"]
    return tuple(tree_root([sha256(b"\0", h) for h in tree]).hex() for tree in (hashes, commits))


def genesis_header(genesis, state):
    return {"chain": genesis["chain"], "count": 0, "height": 0, "parent": EMPTY.hex(),
            "proposer": genesis["proposers"][0], "receipts": sha256(b"").hex(), "state": state.root().hex(),
            "time": genesis["time"], "transactions": sha256(b"").hex()}


def check_transaction(t):
    key, body = bytes.fromhex(t["key"].split(":")[1]), t["body"]
    need(address(key) == body["from"], "the key is not the sender's")
    need(signed(key, b"b3iq.tx/1\n" + canonical(body), bytes.fromhex(t["signature"])), "signature")
    if body["kind"] == "register_node":
        need(signed(bytes.fromhex(body["node"].split(":")[1]), b"b3iq.register/1\n" + body["from"].encode(),
                    bytes.fromhex(body["proof"])), "the node did not agree")


def verify(chain):
    genesis, state = chain["genesis"], State(chain["genesis"])
    parent = genesis_header(genesis, state)
    for block in chain["blocks"]:
        h = block["header"]
        key = bytes.fromhex(h["proposer"].split(":")[1])
        need(h["proposer"] in genesis["proposers"], "foreign proposer")
        need(signed(key, b"b3iq.block/1\n" + canonical(h), bytes.fromhex(block["signature"])), "block signature")
        need((h["chain"], h["height"]) == (genesis["chain"], parent["height"] + 1), "place")
        need(h["parent"] == message_hash(b"b3iq.block/1\n", parent).hex(), "parent")
        need(h["time"] >= parent["time"] and h["count"] == len(block["transactions"]), "time or count")
        need((h["transactions"], h["receipts"]) == roots(block["transactions"]), "trees")
        state.begin(h["time"], address(key))
        for t in block["transactions"]:
            check_transaction(t)
            state.apply(t["body"])
        state.end()
        need(h["state"] == state.root().hex(), f"state root of block {h['height']}")
        parent = h
    return state, parent


# ---- making a chain ----
def make():
    chance = random.Random(20261121)
    seeds = [bytes([n + 40] * 32) for n in range(5)]
    people = [address(public(s)) for s in seeds]
    genesis = {"accounts": {people[1]: "1000000000", people[2]: "5000000"}, "chain": "ait-vectors", "min_fee": "10",
               "proposers": ["ed25519:" + public(seeds[0]).hex()], "slasher": people[1], "time": 1700000000000,
               "treasury": people[4], "unbonding_ms": 5000}
    state, blocks = State(genesis), []
    parent, ids = genesis_header(genesis, state), [sha256(bytes([n])).hex() for n in range(12)]
    for height in range(1, 13):
        time = parent["time"] + chance.randrange(3000)
        state.begin(time, people[0])
        transactions = []
        while len(transactions) < 12:
            n = chance.randrange(5)
            who, to, amount = people[n], chance.choice(people), str(chance.randrange(1, 40000))
            some = ids[chance.randrange(12)]
            kind = chance.choice(["transfer", "escrow_open", "escrow_release", "escrow_refund", "stake", "unstake",
                                  "slash", "register_node", "register_model", "commit"])
            body = {"nonce": state.account(who)["nonce"], "fee": str(chance.randrange(10, 20)), "kind": kind,
                    "chain": genesis["chain"], **{
                        "transfer": {"to": to, "amount": amount, "memo": "é \"quoted\" \\"},
                        "escrow_open": {"id": some, "amount": amount, "arbiter": to,
                                        "deadline": time + chance.randrange(1, 4000)},
                        "escrow_release": {"id": some, "to": to, "amount": str(chance.randrange(3000)),
                                           "cut": str(chance.randrange(30)), "digest": sha256(some.encode()).hex()},
                        "escrow_refund": {"id": some}, "stake": {"amount": amount}, "unstake": {"amount": amount},
                        "slash": {"account": to, "amount": amount, "digest": some},
                        "register_node": {"node": "ed25519:" + public(seeds[n]).hex(), "label": f"node {n}",
                                          "proof": sign(seeds[n], b"b3iq.register/1\n" + who.encode()).hex()},
                        "register_model": {"root": some, "name": "m"},
                        "commit": {"root": some, "count": chance.randrange(1000)}}[kind]}
            try:
                state.apply({"from": who, **body})
            except Refused:
                continue
            transactions.append(json.loads(transaction(seeds[n], body)["wire"]))
        state.end()
        trees = roots(transactions)
        parent = {"chain": genesis["chain"], "count": len(transactions), "height": height,
                  "parent": message_hash(b"b3iq.block/1\n", parent).hex(), "proposer": genesis["proposers"][0],
                  "receipts": trees[1], "state": state.root().hex(), "time": time, "transactions": trees[0]}
        blocks.append({"header": parent, "transactions": transactions,
                       "signature": sign(seeds[0], b"b3iq.block/1\n" + canonical(parent)).hex()})
    return {"genesis": genesis, "blocks": blocks, "entries": {k: canonical(v).decode() for k, v in state.entries.items()}}


def main():
    if sys.argv[1:] == ["--make"]:
        json.dump(make(), sys.stdout, indent=1, sort_keys=True, ensure_ascii=False)
        print()
        return 0
    with open(sys.argv[1], encoding="utf-8") as f:
        chain = json.load(f)
    try:
        state, head = verify(chain)
    except Refused as why:
        print(f"refused: {why}")
        return 1
    entries = {k: canonical(v).decode() for k, v in state.entries.items()}
    if chain.get("entries", entries) != entries:
        print("the entries differ")
        return 1
    kinds = {t["body"]["kind"] for b in chain["blocks"] for t in b["transactions"]}
    print(f"{head['height']} blocks, {len(entries)} entries, state {head['state']}, {len(kinds)} kinds of transactions")
    return 0


if __name__ == "__main__":
    sys.exit(main())
