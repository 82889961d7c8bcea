"""A dishonest node: bundles that say what its operator likes, signed with the node's real key."""
import copy
import hashlib
import hmac
import json
import os
import struct
import subprocess
import tempfile


def canonical(value):  # no floats, and ASCII keys only
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def salt(secret, field):
    prk = hmac.new(bytes(32), bytes.fromhex(secret), "sha256").digest()
    return hmac.new(prk, b"b3iq.salt/1\n" + field.encode() + b"\x01", "sha256").digest()


def commit(secret, field, data):
    return sha256(b"b3iq.commit/1\n", field.encode(), b"\0", salt(secret, field), data).hex()


def commitments(body, o):
    """Makes the body fit its openings."""
    body["prompt"] = commit(o["secret"], "prompt", o["prompt"].encode())
    body["output"] = commit(o["secret"], "output", o["output"].encode())
    body["params"] = sha256(b"b3iq.params/1\n", canonical(o["params"])).hex()
    if "tokens" in o:
        head = sha256(b"b3iq.tokens/1\n", salt(o["secret"], "tokens"))
        for token in o["tokens"]:
            head = sha256(head, struct.pack("<i", token))
        body["tokens"] = head.hex()
    if "logits" in o:
        body["logits"] = commit(o["secret"], "logits", bytes.fromhex(o["logits"]))


def signature(key_file, message):
    with tempfile.NamedTemporaryFile() as f:
        f.write(message)
        f.flush()
        return subprocess.run(["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", key_file, "-in", f.name],
                              capture_output=True, check=True).stdout.hex()


def sign(envelope, key_file):
    digest = sha256(b"b3iq.receipt/1\n", canonical(envelope["receipt"]))
    envelope["hash"] = digest.hex()
    envelope["signature"] = signature(key_file, b"b3iq.receipt/1\n" + digest)


def forge(bundle, home, change, consistent=True):
    """A copy of the bundle after change(body, openings), signed again by the node of that home."""
    new = copy.deepcopy(bundle)
    body, o = new["receipt"]["receipt"], new["openings"]
    change(body, o)
    if consistent:
        commitments(body, o)
    sign(new["receipt"], os.path.join(home, "keys", "node.key"))
    return new
