"""Forged copies of a GGUF model: what a dishonest node would serve under an honest name.

Each function takes the bytes of a good file and returns those of another one that still loads.
"""
import struct

ALIGN, STRING, ARRAY, Q8_0, Q8_0_BLOCK = 32, 8, 9, 8, 34
SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}


class Map:
    """Where in the file everything lies: fields[key] = (start, end), tokens, tensors[name] = (kind, start, size)."""

    def __init__(self, data):
        self.data, self.at = data, 8
        n_tensors, n_fields = self.take("<QQ")
        self.fields, self.tensors, self.strings = {}, {}, {}
        for _ in range(n_fields):
            key = self.string()
            start = self.at + 4
            self.value(self.take("<I")[0], key)
            self.fields[key] = (start, self.at)
        found = [self.info() for _ in range(n_tensors)]
        self.head = self.at
        self.base = self.head + -self.head % ALIGN
        found.sort(key=lambda t: t[2])
        for (name, kind, offset), (_, _, end) in zip(found, found[1:] + [("", 0, len(data) - self.base)]):
            self.tensors[name] = (kind, self.base + offset, end - offset)

    def take(self, form):
        out = struct.unpack_from(form, self.data, self.at)
        self.at += struct.calcsize(form)
        return out

    def string(self):
        size, = self.take("<Q")
        self.at += size
        return self.data[self.at - size:self.at].decode("utf-8")

    def value(self, kind, key):
        if kind == STRING:
            self.string()
        elif kind == ARRAY:
            item, count = self.take("<IQ")
            if item == STRING:
                self.strings[key] = []
                for _ in range(count):
                    start = self.at
                    self.strings[key].append((start, self.string()))
            else:
                self.at += SIZES[item] * count
        else:
            self.at += SIZES[kind]

    def info(self):
        name = self.string()
        dims, = self.take("<I")
        self.take(f"<{dims}Q")
        kind, offset = self.take("<IQ")
        return name, kind, offset


def undecided(data):
    """Not forged: a model whose next token is open, because its last norm is a twentieth."""
    _, start, size = Map(data).tensors["output_norm.weight"]
    out, n = bytearray(data), size // 4
    struct.pack_into(f"<{n}f", out, start, *(x / 20 for x in struct.unpack_from(f"<{n}f", data, start)))
    return bytes(out)


def other_weight(data):
    """One bit of one weight."""
    _, start, _ = Map(data).tensors["blk.0.ffn_up.weight"]
    out = bytearray(data)
    out[start + 7] ^= 0x40
    return bytes(out)


def skipped_layer(data):
    """The last layer adds nothing: both of its projections back into the stream are zeros."""
    m, out = Map(data), bytearray(data)
    last = max(int(n.split(".")[1]) for n in m.tensors if n.startswith("blk."))
    for part in ("attn_output", "ffn_down"):
        _, start, size = m.tensors[f"blk.{last}.{part}.weight"]
        out[start:start + size] = bytes(size)
    return bytes(out)


def requantised(data):
    """Every Q8_0 weight rounded to four bits, in the same format."""
    def coarse(byte):
        q = byte - 256 if byte > 127 else byte
        return max(-112, min(112, (q + (8 if q >= 0 else -8)) // 16 * 16 if q >= 0 else -((-q + 8) // 16 * 16))) & 0xff
    table, out = bytes(coarse(b) for b in range(256)), bytearray(data)
    for kind, start, size in Map(data).tensors.values():
        for at in range(start, start + size // Q8_0_BLOCK * Q8_0_BLOCK if kind == Q8_0 else start, Q8_0_BLOCK):
            out[at + 2:at + Q8_0_BLOCK] = data[at + 2:at + Q8_0_BLOCK].translate(table)
    return bytes(out)


def other_template(data):
    """ChatML, but with a system message of its own where the client gave none."""
    m = Map(data)
    start, end = m.fields["tokenizer.chat_template"]
    text = b"{# <|im_start|>system\nYou are a helpful assistant.<|im_end|> #}" + data[start + 8:end]
    head = data[:start] + struct.pack("<Q", len(text)) + text + data[end:m.head]
    return head + bytes(-len(head) % ALIGN) + data[m.base:]


def tokens(data):
    return [text for _, text in Map(data).strings["tokenizer.ggml.tokens"]]


def end_tokens(data):
    """Ids that end an answer."""
    m = Map(data)
    eos, = struct.unpack_from("<I", data, m.fields["tokenizer.ggml.eos_token_id"][0])
    return {eos} | {i for i, t in enumerate(tokens(data)) if t in ("<|im_end|>", "<|endoftext|>", "</s>")}


def swapped_tokens(data, a, b):
    """Two entries of the vocabulary, equally long, change places."""
    places, out = Map(data).strings["tokenizer.ggml.tokens"], bytearray(data)
    (at_a, text_a), (at_b, text_b) = places[a], places[b]
    one, two = text_a.encode(), text_b.encode()
    assert len(one) == len(two)
    out[at_a + 8:at_a + 8 + len(two)] = two
    out[at_b + 8:at_b + 8 + len(one)] = one
    return bytes(out)
