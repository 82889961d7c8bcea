#!/usr/bin/env python3
"""Weights, quantised activations and products of det-v1, from sections 1, 2, 4, 5 and 6 of docs/det-v1.md alone: the
check of numeric/format.c and cpu/scalar.c.  All values are exact fractions, rounded where the document says so.

usage: products_model.py PROGRAM       PROGRAM prints the cases (products_main.c)
"""
import struct
import subprocess
import sys
from fractions import Fraction as F


def f32(x):
    """The nearest binary32, ties to even."""
    if x == 0:
        return F(0)
    top, unit = abs(x), F(1)
    exponent = top.numerator.bit_length() - top.denominator.bit_length()
    while F(2) ** exponent > top:
        exponent -= 1
    while F(2) ** (exponent + 1) <= top:
        exponent += 1
    unit = F(2) ** (max(exponent, -126) - 23)
    return F(round(x / unit)) * unit


def fma(a, b, c):
    return f32(a * b + c)


def half(b):
    return F(struct.unpack("<e", b)[0])


def low(byte):
    return byte & 15


def high(byte):
    return byte >> 4


def small(p, offset, fifths, minimum, bias):
    """Q4_0, Q4_1, Q5_0 and Q5_1: scale, 32 integers, minimum."""
    word = int.from_bytes(p[offset - 4:offset], "little") if fifths else 0
    n = [low(p[offset + i]) if i < 16 else high(p[offset + i - 16]) for i in range(32)]
    t = [n[i] + 16 * (word >> i & 1) - bias for i in range(32)]
    return [(half(p[:2]), t, half(p[2:4]) if minimum else F(0))]


def super_block(p, five):
    """Q4_K and Q5_K."""
    d, e, c = half(p[:2]), half(p[2:4]), p[4:16]
    f, n = (p[16:48], p[48:]) if five else (None, p[16:])
    s, u = [0] * 8, [0] * 8
    for j in range(4):
        s[j], u[j] = c[j] % 64, c[j + 4] % 64
        s[j + 4] = low(c[j + 8]) + 16 * (c[j] // 64)
        u[j + 4] = high(c[j + 8]) + 16 * (c[j + 4] // 64)
    blocks = []
    for j in range(8):
        t = [(high if j % 2 else low)(n[32 * (j // 2) + i]) for i in range(32)]
        if five:
            t = [t[i] + 16 * (f[i] >> j & 1) for i in range(32)]
        blocks.append((d * s[j], t, -(e * u[j])))
    return blocks


def six(p):
    """Q6_K."""
    a, f, s, d = p[:128], p[128:192], struct.unpack("16b", p[192:208]), half(p[208:])
    blocks = []
    for j in range(8):
        h, r = divmod(j, 4)
        t = []
        for i in range(32):
            n = (low if r < 2 else high)(a[64 * h + 32 * (r % 2) + i]) + 16 * (f[32 * h + i] >> 2 * r & 3)
            t.append((s[2 * j] if i < 16 else s[2 * j + 1]) * (n - 32))
        blocks.append((d, t, F(0)))
    return blocks


QUANTISED = {
    "Q8_0": (34, False, lambda p: [(half(p[:2]), list(struct.unpack("32b", p[2:])), F(0))]),
    "Q4_0": (18, False, lambda p: small(p, 2, False, False, 8)),
    "Q4_1": (20, True, lambda p: small(p, 4, False, True, 0)),
    "Q5_0": (22, False, lambda p: small(p, 6, True, False, 16)),
    "Q5_1": (24, True, lambda p: small(p, 8, True, True, 0)),
    "Q4_K": (144, True, lambda p: super_block(p, False)),
    "Q5_K": (176, True, lambda p: super_block(p, True)),
    "Q6_K": (210, False, six),
}


def floats(data):
    return [F(x) for x in struct.unpack(f"<{len(data) // 4}f", data)]


def real_weights(name, row):
    if name == "F32":
        return floats(row)
    if name == "F16":
        return [half(row[i:i + 2]) for i in range(0, len(row), 2)]
    return floats(b"".join(b"\0\0" + row[i:i + 2] for i in range(0, len(row), 2)))


def real_dot(w, x):
    lane = [F(0)] * 16
    for i in range(len(w)):
        lane[i % 16] = fma(w[i], x[i], lane[i % 16])
    step = 8
    while step:
        for i in range(step):
            lane[i] = f32(lane[i] + lane[i + step])
        step //= 2
    return lane[0]


def quantise(x):
    """Scale and levels of 32 activations."""
    top = max(abs(v) for v in x)
    if top < F(2) ** -100:
        return F(0), [0] * 32
    f = f32(127 / top)
    return f32(top / 127), [round(f32(v * f)) for v in x]


def quantised_dot(blocks, x, minimum):
    total = F(0)
    for first in range(0, len(blocks), 8):
        chain = minima = F(0)
        for b in range(first, min(first + 8, len(blocks))):
            d, t, m = blocks[b]
            scale, level = quantise(x[32 * b:32 * b + 32])
            isum, lsum = sum(p * q for p, q in zip(t, level)), sum(level)
            assert abs(isum) < 2 ** 24
            chain = fma(f32(d * scale), F(isum), chain)
            if minimum:
                minima = fma(m, f32(scale * lsum), minima)
        total = f32(total + (f32(chain + minima) if minimum else chain))
    return total


def main():
    wrong = n = 0
    for line in subprocess.run(sys.argv[1], stdout=subprocess.PIPE, check=True, text=True).stdout.splitlines():
        name, *fields = line.split()
        row, x, decoded, out = map(bytes.fromhex, fields)
        x = floats(x)
        if name in QUANTISED:
            size, minimum, unpack = QUANTISED[name]
            blocks = [b for at in range(0, len(row), size) for b in unpack(row[at:at + size])]
            weights = [f32(d * t + m) for d, ts, m in blocks for t in ts]
            product = quantised_dot(blocks, x, minimum)
        else:
            weights = real_weights(name, row)
            product = real_dot(weights, x)
        n += 1
        if weights != floats(decoded) or product != floats(out)[0]:
            wrong += 1
            print(f"{name}: {float(product).hex()} where the program has {float(floats(out)[0]).hex()}")
    print(f"{n} products, {wrong} differ")
    return 1 if wrong or not n else 0


sys.exit(main())
