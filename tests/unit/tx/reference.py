#!/usr/bin/env python3
"""A second implementation of the chain's language, written from docs/chain.md with the standard library only.

    reference.py vectors.json          works every vector out again; exit 1 on any difference
    reference.py --make > vectors.json

The C tests read the same file: two programs that share no line agree to the byte.
"""
import hashlib
import json
import sys

# ---- Ed25519 (RFC 8032, section 5.1), for signatures of known seeds ----
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
I = pow(2, (P - 1) // 4, P)


def recover_x(y, sign):
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * I % P
    return P - x if x & 1 != sign else x


def add(a, b):
    (x1, y1, z1, t1), (x2, y2, z2, t2) = a, b
    q, r = (y1 - x1) * (y2 - x2) % P, (y1 + x1) * (y2 + x2) % P
    s, u = 2 * t1 * t2 * D % P, 2 * z1 * z2 % P
    e, f, g, h = r - q, u - s, u + s, r + q
    return e * f % P, g * h % P, f * g % P, e * h % P


def multiply(n, point):
    out = (0, 1, 1, 0)
    while n:
        if n & 1:
            out = add(out, point)
        point = add(point, point)
        n >>= 1
    return out


BY = 4 * pow(5, P - 2, P) % P
BX = recover_x(BY, 0)
BASE = (BX, BY, 1, BX * BY % P)


def encode(point):
    x, y, z, _ = point
    i = pow(z, P - 2, P)
    return ((y * i % P) | (x * i % P & 1) << 255).to_bytes(32, "little")


def expand(seed):
    h = hashlib.sha512(seed).digest()
    a = int.from_bytes(h[:32], "little") & (1 << 254) - 8 | 1 << 254
    return a, h[32:]


def public(seed):
    return encode(multiply(expand(seed)[0], BASE))


def sign(seed, message):
    a, prefix = expand(seed)
    r = int.from_bytes(hashlib.sha512(prefix + message).digest(), "little") % L
    big_r = encode(multiply(r, BASE))
    k = int.from_bytes(hashlib.sha512(big_r + public(seed) + message).digest(), "little") % L
    return big_r + ((r + k * a) % L).to_bytes(32, "little")


# ---- bech32m (BIP-350) ----
CHARSET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def polymod(values):
    c = 1
    for v in values:
        top = c >> 25
        c = (c & 0x1ffffff) << 5 ^ v
        for i, g in enumerate((0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3)):
            if top >> i & 1:
                c ^= g
    return c


def bech32m(hrp, data):
    bits = "".join(f"{b:08b}" for b in data)
    groups = [int(bits[i:i + 5], 2) for i in range(0, len(bits), 5)]
    head = [ord(c) >> 5 for c in hrp] + [0] + [ord(c) & 31 for c in hrp]
    check = polymod(head + groups + [0] * 6) ^ 0x2bc830a3
    return hrp + "1" + "".join(CHARSET[g] for g in groups + [check >> 5 * (5 - i) & 31 for i in range(6)])


# ---- the chain's language ----
def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def address(key):
    return bech32m("ait", sha256(b"b3iq.address/1\n", key)[:20])


def transaction(seed, body):
    key = public(seed)
    body = {"chain": "ait-devnet", "from": address(key), **body}
    message = b"b3iq.tx/1\n" + canonical(body)
    wire = canonical({"body": body, "key": "ed25519:" + key.hex(), "signature": sign(seed, message).hex()})
    return {"seed": seed.hex(), "wire": wire.decode(), "hash": "0x" + sha256(message).hex()}


def tree_root(leaves):
    if not leaves:
        return sha256(b"")
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\1", tree_root(leaves[:k]), tree_root(leaves[k:]))


def block(seed, header, hashes, roots):
    header = {**header, "chain": "ait-devnet", "count": len(hashes), "proposer": "ed25519:" + public(seed).hex(),
              "transactions": tree_root([sha256(b"\0", h) for h in hashes]).hex(),
              "receipts": tree_root([sha256(b"\0", r) for r in roots]).hex()}
    message = b"b3iq.block/1\n" + canonical(header)
    return {"seed": seed.hex(), "header": canonical(header).decode(), "hash": sha256(message).hex(),
            "signature": sign(seed, message).hex(), "hashes": [h.hex() for h in hashes],
            "roots": [r.hex() for r in roots]}


# ---- the state trie ----
EMPTY = bytes(32)


def bit(path, depth):
    return path[depth // 8] >> 7 - depth % 8 & 1


def trie(entries, depth=0):
    """Root over [(path, value hash)]."""
    if not entries:
        return EMPTY
    if len(entries) == 1:
        return sha256(b"\0", *entries[0])
    halves = [[e for e in entries if bit(e[0], depth) == side] for side in (0, 1)]
    return sha256(b"\1", trie(halves[0], depth + 1), trie(halves[1], depth + 1))


def prove(entries, path):
    siblings, depth = [], 0
    while len(entries) > 1:
        side = bit(path, depth)
        siblings.append(trie([e for e in entries if bit(e[0], depth) != side], depth + 1).hex())
        entries = [e for e in entries if bit(e[0], depth) == side]
        depth += 1
    proof = {"path": siblings}
    if entries and entries[0][0] != path:
        proof["other"] = {"path": entries[0][0].hex(), "value": entries[0][1].hex()}
    return proof


def state(values, asked):
    entries = [(sha256(k.encode()), sha256(v.encode())) for k, v in values.items()]
    return {"root": trie(entries).hex(),
            "proofs": [{"key": k, "value": values.get(k), "proof": prove(entries, sha256(k.encode()))}
                       for k in asked]}


# ---- the vectors ----
def seed(n):
    return bytes([n] * 32)


def make_transactions():
    a, b, node = seed(1), seed(2), seed(3)
    to, digest, ident = address(public(b)), sha256(b"receipt").hex(), sha256(b"escrow").hex()
    arbiter = address(public(seed(4)))
    proof = sign(node, b"b3iq.register/1\n" + address(public(a)).encode())
    bodies = [
        {"kind": "transfer", "nonce": 0, "fee": "10", "to": to, "amount": "250000"},
        {"kind": "transfer", "nonce": 1, "fee": "0", "to": to, "amount": str(2**63 - 1),
         "memo": "Gr\u00fc\u00dfe \\ \"\u4f60\u597d\" \U0001f600 </memo>"},
        {"kind": "transfer", "nonce": 2**53 - 1, "fee": str(2**63 - 1), "to": to, "amount": "1", "memo": "m" * 128},
        {"kind": "escrow_open", "nonce": 2, "fee": "10", "id": ident, "amount": "5000000", "arbiter": arbiter,
         "deadline": 1795240800000},
        {"kind": "escrow_release", "nonce": 3, "fee": "10", "id": ident, "to": to, "amount": "4000000",
         "cut": "0", "digest": digest},
        {"kind": "escrow_refund", "nonce": 4, "fee": "10", "id": ident},
        {"kind": "stake", "nonce": 5, "fee": "10", "amount": "1000000"},
        {"kind": "unstake", "nonce": 6, "fee": "10", "amount": "1000000"},
        {"kind": "slash", "nonce": 7, "fee": "10", "account": to, "amount": "7", "digest": digest},
        {"kind": "register_node", "nonce": 8, "fee": "10", "node": "ed25519:" + public(node).hex(),
         "proof": proof.hex(), "label": "a node"},
        {"kind": "register_node", "nonce": 9, "fee": "10", "node": "ed25519:" + public(node).hex(),
         "proof": proof.hex()},
        {"kind": "register_model", "nonce": 10, "fee": "10", "root": digest, "name": "llama3.2:latest"},
        {"kind": "commit", "nonce": 11, "fee": "10", "root": digest, "count": 1000},
        {"kind": "commit", "nonce": 12, "fee": "10", "root": digest, "count": 0, "label": "epoch 1"},
    ]
    return [transaction(a, body) for body in bodies]


def make():
    transactions = make_transactions()
    hashes = [bytes.fromhex(t["hash"][2:]) for t in transactions]
    values = {f"account/{address(public(seed(n)))}": canonical({"balance": str(n), "nonce": n}).decode()
              for n in range(1, 40)}
    values["supply"] = "1000000"
    few = {"supply": "1"}
    header = {"height": 7, "time": 1795240800000, "parent": sha256(b"parent").hex(), "state": state(values, [])["root"]}
    return {
        "addresses": [{"public": public(seed(n)).hex(), "address": address(public(seed(n)))} for n in range(1, 9)],
        "transactions": transactions,
        "blocks": [block(seed(5), header, hashes, [sha256(b"receipt")] * 2), block(seed(5), header, [], [])],
        "states": [state(values, [*list(values)[:5], "supply", "account/nobody", "escrow/0", "x", "y"]),
                   state(few, ["supply", "account/nobody"]), state({}, ["supply"])],
    }


def main():
    made = json.dumps(make(), indent=1, ensure_ascii=True) + "\n"
    if sys.argv[1] == "--make":
        sys.stdout.write(made)
        return 0
    with open(sys.argv[1], encoding="ascii") as f:
        same = f.read() == made
    print("vectors agree" if same else "vectors differ: run reference.py --make and compare")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
