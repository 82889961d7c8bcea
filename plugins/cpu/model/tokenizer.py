"""Byte-level BPE: trainer and encoder, in the form that llama.cpp calls `gpt2` with pre-type `gpt-2`.

A text is cut by the pre-tokenizer; each piece becomes bytes, written in GPT-2's printable alphabet;
then the learned merges are applied, the earliest learned first.
"""
import collections
import heapq
import json
import random
from pathlib import Path

import regex

SPLIT = regex.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")
SPECIAL = ['<|endoftext|>', '<|im_start|>', '<|im_end|>']


def byte_alphabet():
	"""GPT-2's printable character for each byte."""
	keep = [*range(ord('!'), ord('~') + 1), *range(0xa1, 0xad), *range(0xae, 0x100)]
	table, extra = {}, 0
	for b in range(256):
		if b in keep:
			table[b] = chr(b)
		else:
			table[b] = chr(256 + extra)
			extra += 1
	return table


ALPHABET = byte_alphabet()
BYTE_OF = {c: b for b, c in ALPHABET.items()}


def pieces(text):
	"""The pre-tokens of text in the byte alphabet."""
	return [''.join(ALPHABET[b] for b in p.encode('utf-8')) for p in SPLIT.findall(text)]


def learn(texts, vocab):
	"""The merges that fill a vocabulary of the given size; ties go to the smaller pair."""
	words = collections.Counter(p for t in texts for p in pieces(t))
	words = [(list(w), n) for w, n in sorted(words.items())]
	count, places = collections.Counter(), collections.defaultdict(set)
	for at, (word, n) in enumerate(words):
		for pair in zip(word, word[1:]):
			count[pair] += n
			places[pair].add(at)
	heap = [(-n, pair) for pair, n in count.items()]
	heapq.heapify(heap)
	merges = []
	while heap and len(merges) < vocab - 256 - len(SPECIAL):
		n, pair = heapq.heappop(heap)
		if count[pair] != -n or -n < 2:
			continue
		merges.append(pair)
		changed = set()
		for at in places.pop(pair):
			word, times = words[at]
			for old in zip(word, word[1:]):
				count[old] -= times
				changed.add(old)
			word[:] = merge(word, pair)
			for new in zip(word, word[1:]):
				count[new] += times
				places[new].add(at)
				changed.add(new)
		for p in changed:
			if count[p] > 0:
				heapq.heappush(heap, (-count[p], p))
	return merges


def merge(word, pair):
	out, i = [], 0
	while i < len(word):
		if i + 1 < len(word) and (word[i], word[i + 1]) == pair:
			out.append(word[i] + word[i + 1])
			i += 2
		else:
			out.append(word[i])
			i += 1
	return out


class Tokenizer:
	def __init__(self, merges):
		self.merges = [tuple(m) for m in merges]
		self.rank = {m: i for i, m in enumerate(self.merges)}
		self.tokens = [ALPHABET[b] for b in range(256)] + [a + b for a, b in self.merges] + SPECIAL
		self.id = {t: i for i, t in enumerate(self.tokens)}
		self.bos, self.start, self.end = (self.id[s] for s in SPECIAL)
		self.known = {}

	@classmethod
	def load(cls, path):
		return cls(json.loads(Path(path).read_text()))

	def save(self, path):
		Path(path).write_text(json.dumps(self.merges))

	def piece(self, word, drop, rng):
		"""Ids of one pre-token; with drop, each merge is skipped with that probability."""
		if not drop and word in self.known:
			return self.known[word]
		parts = list(word)
		while len(parts) > 1:
			best = None
			for pair in zip(parts, parts[1:]):
				r = self.rank.get(pair)
				if r is not None and (best is None or r < best[0]) and not (drop and rng.random() < drop):
					best = (r, pair)
			if best is None:
				break
			parts = merge(parts, best[1])
		ids = [self.id[p] for p in parts]
		if not drop:
			self.known[word] = ids
		return ids

	def encode(self, text, drop=0.0, rng=random):
		"""Ids of plain text: special tokens in it are text."""
		return [i for p in pieces(text) for i in self.piece(p, drop, rng)]

	def decode(self, ids):
		text = ''.join(self.tokens[i] for i in ids if i < len(self.tokens) - len(SPECIAL))
		return bytes(BYTE_OF[c] for c in text).decode('utf-8', 'replace')

	def message(self, role, text, drop=0.0, rng=random):
		"""ChatML: <|im_start|>role\\ntext<|im_end|>\\n"""
		head, *rest = pieces(f'{role}\n{text}')
		body = [i for p in rest for i in self.piece(p, drop, rng)]
		return [self.start, *self.piece(head, 0.0, rng), *body, self.end, *self.encode('\n')]

	def prompt(self, talk):
		"""Ids of a conversation, ready for the assistant's answer."""
		ids = [i for role, text in talk for i in self.message(role, text)]
		return ids + [self.start, *self.encode('assistant\n')]
