#!/usr/bin/env python3
"""Train b3iq-mini on the expanded corpus. CPU, bfloat16 products, resumable.

	train.py RUN --steps 3000              a new run in the folder RUN
	train.py RUN --steps 3000 --from R2    start from the weights and the tokenizer of run R2

The same command on the same machine with the same number of threads repeats a run. A run that was
stopped goes on from its last checkpoint.
"""
import argparse
import json
import math
import random
import time
from pathlib import Path

import torch
import torch.nn.functional as F

import corpus
from muon import Muon
from net import Net, Shape
from tokenizer import Tokenizer, learn

USER_WEIGHT = 0.1       # of a token that the user wrote
HEAD_WEIGHT = 3.0       # of the first tokens of an answer, which decide what it is about
TAIL_WEIGHT = 1.0       # of the rest, which follows from them
CUT = 0.85              # share of dialogues whose last answer is cut after its deciding tokens
MERGE_DROP = 0.04       # probability to skip a merge in the user's text, in half of the dialogues
BATCH_TOKENS = 4096
POOL = 1536             # dialogues that are sorted by length and cut into batches together


def deciding(tok, intents):
	"""How many tokens of each answer it takes to tell it from all others, and two more."""
	texts = sorted({a for i in intents.values() for a in i.answers + i.more}, key=tok.encode)
	coded = [[], *map(tok.encode, texts), []]
	common = [next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
		for a, b in zip(coded, coded[1:])]
	return {t: max(common[i], common[i + 1]) + 3 for i, t in enumerate(texts)}


def encode(tok, talk, heads, rng):
	"""(ids, weight of each id as a target)."""
	ids, weight = [], []
	drop = MERGE_DROP if rng.random() < 0.5 else 0.0
	for turn, (role, text) in enumerate(talk, 1):
		start = 1 + len(tok.encode(role + '\n'))
		if role != 'assistant':
			part = tok.message(role, text, drop, rng)
			each = [USER_WEIGHT if role == 'user' else 0.0] * (len(part) - start - 1)
		else:
			part = tok.message(role, text)
			head = heads[text]
			each = [HEAD_WEIGHT] * head + [TAIL_WEIGHT] * (len(part) - start - head - 1)
			if turn == len(talk) and rng.random() < CUT:
				part, each = part[:start + head], each[:head]
		ids += part
		weight += [0.0] * start + each + [0.0] * (len(part) - start - len(each))
	return ids, weight


def batches(tok, data, heads, rng, context):
	"""Endless batches (ids, weights), padded; rows of about the same length go together."""
	while True:
		rows = sorted((encode(tok, data.dialogue(), heads, rng) for _ in range(POOL)), key=lambda r: len(r[0]))
		groups, at = [], 0
		while at < len(rows):
			fit = at
			while fit < len(rows) and (fit - at + 1) * len(rows[fit][0]) <= BATCH_TOKENS:
				fit += 1
			groups.append(rows[at:max(fit, at + 1)])
			at = max(fit, at + 1)
		rng.shuffle(groups)
		for group in groups:
			width = min(-(-max(len(r[0]) for r in group) // 8) * 8, context)
			pad = [(r[0] + [tok.bos] * width)[:width] for r in group]
			weight = [(r[1] + [0.0] * width)[:width] for r in group]
			yield torch.tensor(pad), torch.tensor(weight)


def schedule(step, steps):
	"""Share of the peak rate: linear warm-up, then a cosine down to 3 %."""
	warm = min(60, steps // 10)
	if step < warm:
		return (step + 1) / warm
	done = (step - warm) / max(1, steps - warm)
	return 0.03 + 0.97 * 0.5 * (1 + math.cos(math.pi * done))


def loss_of(net, ids, weight, drop):
	"""Weighted cross-entropy of the next token, only where a target counts."""
	with torch.autocast('cpu', dtype=torch.bfloat16):
		hidden = net.hidden(ids[:, :-1], drop=drop)
		at = weight[:, 1:] > 0
		logits = hidden[at] @ net.token_embd.weight.T
	w = weight[:, 1:][at]
	each = F.cross_entropy(logits.float(), ids[:, 1:][at], reduction='none')
	with torch.no_grad():
		answer = each[w == HEAD_WEIGHT].mean()
	return (each * w).sum() / w.sum(), float(answer)


class Optimizers:
	"""Muon for the matrices of the blocks, AdamW for the embedding and the norms; rates scale together."""

	def __init__(self, net, rate):
		inner = [p for n, p in net.named_parameters() if n.startswith('blk') and p.dim() == 2]
		outer = [p for n, p in net.named_parameters() if not (n.startswith('blk') and p.dim() == 2)]
		self.both = [(Muon(inner), 10 * rate), (torch.optim.AdamW(outer, betas=(0.9, 0.98), weight_decay=0.01), rate)]

	def step(self, scale):
		for opt, peak in self.both:
			for group in opt.param_groups:
				group['lr'] = peak * scale
			opt.step()

	def state_dict(self):
		return [opt.state_dict() for opt, _ in self.both]

	def load_state_dict(self, states):
		for (opt, _), state in zip(self.both, states):
			opt.load_state_dict(state)


def save(path, net, opt, step):
	half = path.with_suffix('.part')
	torch.save({'shape': net.shape.as_dict(), 'net': net.state_dict(), 'opt': opt.state_dict(),
		'step': step}, half)
	half.rename(path)


def tokenizer_of(run, source, data, vocab):
	if source:
		tok = Tokenizer.load(source / 'merges.json')
	elif (run / 'merges.json').exists():
		tok = Tokenizer.load(run / 'merges.json')
	else:
		texts = [t for _ in range(20000) for turn in data.dialogue() for t in turn]
		tok = Tokenizer(learn(texts, vocab))
	tok.save(run / 'merges.json')
	return tok


def main():
	p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
	p.add_argument('run', type=Path)
	p.add_argument('--steps', type=int, default=3000)
	p.add_argument('--rate', type=float, default=2e-3)
	p.add_argument('--drop', type=float, default=0.05)
	p.add_argument('--seed', type=int, default=1)
	p.add_argument('--threads', type=int, default=2)
	p.add_argument('--from', dest='source', type=Path)
	args = p.parse_args()
	torch.set_num_threads(args.threads)
	torch.manual_seed(args.seed)
	args.run.mkdir(parents=True, exist_ok=True)
	held = [r['question'] for r in corpus.held_out()]
	shape = Shape()
	tok = tokenizer_of(args.run, args.source, corpus.Corpus(0, held), shape.vocab)
	net, start, last = Net(shape), 0, args.run / 'last.pt'
	opt = Optimizers(net, args.rate)
	if last.exists():
		state = torch.load(last)
		net.load_state_dict(state['net'])
		opt.load_state_dict(state['opt'])
		start = state['step']
	elif args.source:
		net.load_state_dict(torch.load(args.source / 'last.pt')['net'])
	(args.run / 'args.json').write_text(json.dumps({k: str(v) for k, v in vars(args).items()}))
	data = corpus.Corpus(args.seed + 1000 * start, held)
	feed = batches(tok, data, deciding(tok, data.intents), random.Random(args.seed + start), shape.context)
	print(f'{sum(q.numel() for q in net.parameters())} parameters, from step {start}', flush=True)
	net.train()
	began, seen, mean = time.time(), 0, None
	for step in range(start, args.steps):
		ids, weight = next(feed)
		loss, answer = loss_of(net, ids, weight, args.drop)
		net.zero_grad()
		loss.backward()
		torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
		opt.step(schedule(step, args.steps))
		seen += ids.numel()
		mean = answer if mean is None else 0.95 * mean + 0.05 * answer
		if step % 20 == 0:
			spent = time.time() - began
			print(f'step {step} deciding loss {mean:.4f} {seen / spent:.0f} tok/s {spent:.0f} s', flush=True)
		if (step + 1) % 100 == 0 or step + 1 == args.steps:
			save(last, net, opt, step + 1)


if __name__ == '__main__':
	main()
