#!/usr/bin/env python3
"""Answer the held-out questions from a GGUF and judge the answers.

	judge.py b3iq-mini.gguf            fraction answered well, and every failure
	judge.py b3iq-mini.gguf --all      every answer
	judge.py b3iq-mini.gguf --ask "What is a receipt?"
	judge.py b3iq-mini.gguf --json answers.json

The forward pass is net.py in float32 over the dequantised weights, greedy. An answer is good when
the corpus answer nearest to it belongs to the expected intent and nearly every word agrees: the
model was taught these sentences, so an answer that strays from them is garbled. The rule is
stricter than a person, who may accept the answer of a neighbouring intent: read the failures.
"""
import argparse
import difflib
import json
import re
from pathlib import Path

import torch

import corpus
import gguf
from net import Net, Shape
from tokenizer import Tokenizer

FLUENT = 0.9            # share of words in common with the nearest answer of the corpus


class Model:
	def __init__(self, path):
		file = gguf.Reader(path)
		get = lambda key: file.fields['llama.' + key]
		shape = Shape(vocab=get('vocab_size'), dim=get('embedding_length'), layers=get('block_count'),
			heads=get('attention.head_count'), kv_heads=get('attention.head_count_kv'),
			ffn=get('feed_forward_length'), context=get('context_length'),
			rope_base=get('rope.freq_base'), eps=get('attention.layer_norm_rms_epsilon'))
		self.net = Net(shape).eval()
		names = [n for n, _ in self.net.named_parameters()]
		weights = {n: torch.tensor(file.tensors[n if n.endswith('.weight') else n + '.weight']) for n in names}
		self.net.load_state_dict(weights)
		self.tok = Tokenizer([m.split(' ') for m in file.fields['tokenizer.ggml.merges']])
		assert self.tok.tokens == file.fields['tokenizer.ggml.tokens']

	def answer(self, talk):
		ids = self.net.greedy(self.tok.prompt(talk), {self.tok.end, self.tok.bos, self.tok.start})
		return self.tok.decode(ids).strip()


def words(text):
	return re.findall(r"[\w'/.-]+", text.lower())


def likeness(a, b):
	return difflib.SequenceMatcher(None, words(a), words(b), autojunk=False).ratio()


def nearest(answer, intents):
	"""(likeness, text, names of the intents that answer so)."""
	texts = {}
	for intent in intents.values():
		for known in intent.answers + intent.more:
			texts.setdefault(known, []).append(intent.name)
	if answer in texts:
		return 1.0, answer, texts[answer]
	best = max(texts, key=lambda known: likeness(answer, known))
	return likeness(answer, best), best, texts[best]


def outside(intent):
	return intent.startswith('outside') or intent in ('foreign', 'gibberish')


def report(what, rows):
	good = sum(r['good'] for r in rows)
	print(f'{what}: {good} of {len(rows)} answered well, {100 * good / len(rows):.1f} %')


def main():
	p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
	p.add_argument('gguf', type=Path)
	p.add_argument('--all', action='store_true')
	p.add_argument('--ask')
	p.add_argument('--json', type=Path)
	args = p.parse_args()
	torch.set_num_threads(1)
	model = Model(args.gguf)
	if args.ask:
		print(model.answer([('user', args.ask)]))
		return
	intents, rows, results = corpus.load(), corpus.held_out(), []
	for row in rows:
		talk = []
		if 'before' in row:
			talk = [('user', row['before']), ('assistant', model.answer([('user', row['before'])]))]
		answer = model.answer(talk + [('user', row['question'])])
		like, _, names = nearest(answer, intents)
		wanted = intents[row['intent']]
		fine = like >= FLUENT and row['intent'] in names
		if row.get('more'):
			fine = fine and nearest(answer, {row['intent']: wanted})[1] in wanted.more
		results.append({**row, 'answer': answer, 'nearest': names[0], 'likeness': round(like, 3), 'good': fine})
		if args.all or not fine:
			print(f"{'good' if fine else 'FAIL'} [{row['intent']} <- {names[0]} {like:.2f}] "
				f"{row.get('before', '')}{' / ' if 'before' in row else ''}{row['question']}\n     {answer}")
	if args.json:
		args.json.write_text(json.dumps(results, ensure_ascii=False, indent=1))
	report('in the field', [r for r in results if not outside(r['intent'])])
	report('outside of it', [r for r in results if outside(r['intent'])])
	for number in (1, 2):
		report(f'set {number}', [r for r in results if r.get('set', 1) == number])
	report('all', results)


if __name__ == '__main__':
	main()
