#!/usr/bin/env python3
"""The model root of a GGUF file, from docs/model-root.md alone: the check of engine/file/root.c.

usage: root_model.py FILE.gguf
"""
import hashlib
import struct
import sys

CHUNK = 1 << 20
SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
TYPES = {0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20), 6: ("Q5_0", 32, 22),
         7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 12: ("Q4_K", 256, 144), 13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210),
         24: ("I8", 1, 1), 26: ("I32", 1, 4), 30: ("BF16", 1, 2)}
ABSENT = 0xFFFFFFFF


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, fmt):
        value = struct.unpack_from("<" + fmt, self.data, self.at)[0]
        self.at += struct.calcsize("<" + fmt)
        return value

    def string(self):
        n = self.take("Q")
        self.at += n
        return self.data[self.at - n:self.at]

    def value(self, kind):
        if kind == 8:
            return self.string()
        if kind == 9:
            inner, n = self.take("I"), self.take("Q")
            return [self.value(inner) for _ in range(n)]
        return self.take(SCALARS[kind])


def sha(data):
    return hashlib.sha256(data).digest()


def tree(leaves):
    """RFC 9162 over leaf hashes."""
    if not leaves:
        return sha(b"")
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha(b"\x01" + tree(leaves[:k]) + tree(leaves[k:]))


def u32(n):
    return struct.pack("<I", n)


def u64(n):
    return struct.pack("<Q", n)


def string(s):
    return u64(len(s)) + s


def main():
    r = Reader(open(sys.argv[1], "rb").read())
    assert r.take("I") == 0x46554747 and r.take("I") in (2, 3)
    n_tensors, n_values = r.take("Q"), r.take("Q")
    values, raw = {}, {}
    for _ in range(n_values):
        key, kind = r.string(), r.take("I")
        start = r.at
        values[key] = r.value(kind)
        raw[key] = u32(kind) + r.data[start:r.at]
    infos = []
    for _ in range(n_tensors):
        name = r.string()
        dims = [r.take("Q") for _ in range(r.take("I"))]
        infos.append((name, dims, TYPES[r.take("I")], r.take("Q")))
    align = values.get(b"general.alignment", 32)
    base = -(-r.at // align) * align

    leaves = []
    for name, dims, (type_name, elements, size), offset in sorted(infos):
        count = 1
        for d in dims:
            count *= d
        data = r.data[base + offset:base + offset + count // elements * size]
        chunks = [sha(b"\x00" + data[i:i + CHUNK]) for i in range(0, len(data), CHUNK)]
        body = string(b"b3iq.tensor/1") + string(name) + string(type_name.encode()) + u32(len(dims))
        leaves.append(sha(b"\x00" + body + b"".join(u64(d) for d in dims) + tree(chunks)))
    tensors = tree(leaves)

    def of(name, default):
        return values.get(b"tokenizer.ggml." + name, default)

    tokens, types, scores = of(b"tokens", []), of(b"token_type", []), of(b"scores", [])
    text = string(b"b3iq.tokenizer/1") + string(of(b"model", b"")) + string(of(b"pre", b""))
    text += u64(len(tokens))
    for i, token in enumerate(tokens):
        text += string(token) + struct.pack("<i", types[i] if types else 1)
        text += struct.pack("<f", scores[i] if scores else 0.0)
    merges = of(b"merges", [])
    text += u64(len(merges)) + b"".join(map(string, merges))
    for name in b"bos eos unknown eot eom".split():
        text += u32(of(name + b"_token_id", ABSENT))
    for name in (b"add_bos_token", b"add_eos_token", b"add_space_prefix"):
        text += u32(int(of(name, ABSENT)))
    tokenizer = sha(text)

    chat = sha(string(b"b3iq.template/1") + string(values.get(b"tokenizer.chat_template", b"")))
    arch = values.get(b"general.architecture", b"")
    keys = sorted(k for k in raw if arch and k.startswith(arch + b"."))
    hyper = sha(string(b"b3iq.hyper/1") + string(arch) + u64(len(keys)) +
                b"".join(string(k) + raw[k] for k in keys))
    print(sha(string(b"b3iq.model/1") + tensors + tokenizer + chat + hyper).hex())


main()
