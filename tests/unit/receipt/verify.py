#!/usr/bin/env python3
"""A second verifier of b3iq.receipt/1, written from docs/receipts.md with the standard library only.

    verify.py vectors/*.json     each file: {"bundle", "pinned", "fails"}; exit 1 on any difference

Signatures are checked with python3-cryptography or with the openssl program, else left out.
"""
import hashlib
import hmac
import json
import os
import re
import struct
import subprocess
import sys
import tempfile

KEYS = {  # object: (required, optional)
    "": ("version kind id node seq prev model runtime params seed prompt output usage times price amount "
         "evidence expires_ms", "order tokens logits finish failure"),
    "model": ("name", "root"), "runtime": ("engine profile tier", "quote"), "seed": ("value by", ""),
    "usage": ("prompt cached output", ""), "times": ("start_ms end_ms", "first_ms"),
    "evidence": ("model output usage times", "tokens logits")}


class Bad(Exception):
    pass


def pairs(items):
    if len(dict(items)) != len(items):
        raise Bad("duplicate key")
    return dict(items)


def parse(text):
    def refuse(_):
        raise Bad("a number that is not an integer")
    return json.loads(text, object_pairs_hook=pairs, parse_float=refuse, parse_constant=refuse)


def canonical(value):  # all keys of the format are ASCII: any order of characters sorts them alike
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def salt_of(openings, field):
    if "secret" in openings:  # HKDF-SHA256, one block
        prk = hmac.new(bytes(32), bytes.fromhex(openings["secret"]), "sha256").digest()
        return hmac.new(prk, b"b3iq.salt/1\n" + field.encode() + b"\x01", "sha256").digest()
    salt = openings.get("salts", {}).get(field)
    return bytes.fromhex(salt) if salt else None


def commit(field, salt, data):
    return sha256(b"b3iq.commit/1\n", field.encode(), b"\0", salt, data).hex()


def signed(key, message, signature):
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        try:
            Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
            return True
        except Exception:
            return False
    except ImportError:
        pass
    with tempfile.TemporaryDirectory() as folder:
        names = [os.path.join(folder, n) for n in ("key", "message", "signature")]
        der = bytes.fromhex("302a300506032b6570032100") + key
        for name, data in zip(names, (der, message, signature)):
            with open(name, "wb") as out:
                out.write(data)
        try:
            return subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey",
                                   names[0], "-rawin", "-in", names[1], "-sigfile", names[2]],
                                  capture_output=True).returncode == 0
        except FileNotFoundError:
            return None


def check_form(text, bundle, body):
    for name, (required, optional) in KEYS.items():
        keys = set(body[name] if name else body)
        if not set(required.split()) <= keys <= set((required + " " + optional).split()):
            raise Bad("keys of " + (name or "the body"))
    if canonical(body) not in text.encode() or body["version"] != "b3iq.receipt/1":
        raise Bad("not canonical")
    if not re.fullmatch("rcpt_[0-9a-f]{32}", body["id"]) or body["seq"] < 1:
        raise Bad("id or seq")
    if (body["kind"] == "final") != ("finish" in body) or (body["kind"] == "failure") != ("failure" in body):
        raise Bad("kind")
    if (body["seq"] == 1) != (body["prev"] == "0" * 64):
        raise Bad("prev")


def tier_ok(body):
    runtime, labels, tier = body["runtime"], body["evidence"], body["runtime"]["tier"]
    exact = "tokens" in body and "logits" in body and runtime["profile"] != "none"
    claims = "recomputed" in (v for k, v in labels.items() if k != "times")
    if labels["times"] == "recomputed" or ("quote" in runtime) != (tier == "T3"):
        return False
    if tier == "T0" and ("tokens" in body or "logits" in body or runtime["profile"] != "none"):
        return False
    if tier != "T0" and "root" not in body["model"]:
        return False
    if tier == "T2" and (runtime["profile"] == "none" or (body["kind"] != "failure" and not exact)):
        return False
    return not claims or (exact and tier in ("T2", "T3"))


def verify(text, pinned):
    """The names of the checks that fail, in the order of the report."""
    try:
        bundle = parse(text)
        envelope = bundle["receipt"] if "version" in bundle else bundle
        body = envelope["receipt"]
        check_form(text, bundle, body)
    except (Bad, KeyError, TypeError, ValueError):
        return ["form"]
    o, fails = bundle.get("openings", {}), []

    def check(name, good):
        if not good and good is not None:  # None: not checked
            fails.append(name)
    digest = sha256(b"b3iq.receipt/1\n", canonical(body))
    key = bytes.fromhex(envelope["node_key"].removeprefix("ed25519:"))
    check("hash", digest.hex() == envelope["hash"])
    check("signature", signed(key, b"b3iq.receipt/1\n" + digest, bytes.fromhex(envelope["signature"])))
    check("key", envelope["node_key"] == pinned == body["node"])
    check("tier", tier_ok(body))
    for name in ("prompt", "params", "output"):
        if name == "params" and name in o:
            check(name, sha256(b"b3iq.params/1\n", canonical(o[name])).hex() == body[name])
        elif name in o and salt_of(o, name):
            check(name, commit(name, salt_of(o, name), o[name].encode()) == body[name])
    if "tokens" in o and "tokens" not in body:
        fails.append("tokens")
    elif "tokens" in o and salt_of(o, "tokens"):
        head = sha256(b"b3iq.tokens/1\n", salt_of(o, "tokens"))
        for token in o["tokens"]:
            head = sha256(head, struct.pack("<i", token))
        check("tokens", head.hex() == body["tokens"])
    if "logits" in o and salt_of(o, "logits"):
        check("logits", commit("logits", salt_of(o, "logits"), bytes.fromhex(o["logits"])) == body.get("logits"))
    usage, times = body["usage"], body["times"]
    check("counts", usage["cached"] <= usage["prompt"] and
          (usage["output"] == 0 or "first_ms" in times or body["kind"] == "failure") and
          ("tokens" not in o or len(o["tokens"]) == usage["output"]))
    check("times", times["start_ms"] <= times.get("first_ms", times["start_ms"]) <=
          times["end_ms"] <= body["expires_ms"])
    return fails


def main(files):
    wrong = 0
    for name in files:
        with open(name, encoding="utf-8") as source:
            vector = json.load(source)
        found = " ".join(verify(vector["bundle"], vector["pinned"]))
        same = found == vector["fails"]
        wrong += not same
        print("ok" if same else "not ok", os.path.basename(name), "-", found or "valid")
    return 1 if wrong or not files else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
