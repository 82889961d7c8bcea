#!/usr/bin/env python3
"""Write golden.jsonl: prompts, their token ids, and the greedy answer by net.py in float32.

	golden.py b3iq-mini.gguf golden.jsonl

For tests of an engine on a trained model: the same ids, and the same greedy text. A prompt is kept
only if at every step the best logit leads the second by more than MARGIN, so that another order of
summation cannot turn it.
"""
import json
import sys

import torch

from judge import Model

MARGIN = 0.5
PROMPTS = [
	'What is machine learning?', 'What is a receipt?', 'hello', 'Who are you?', 'How do I start the node?',
	'How do I create an API key?', 'What is det-v1?', 'What is the KV cache?', 'how do i bake a cake',
	'What is the difference between prefill and decode?', 'What can you do?', 'thanks', 'What is GGUF?',
	'How do I verify a receipt?', 'What is overfitting?', 'What is a plugin?', 'How does escrow work?',
	'What is 12 times 12?', 'Tell me a joke', 'What does temperature do?', 'How do I add a model?',
	'What is the capital of France?', 'What is quantisation?', 'How do I join the network?',
]


def main():
	torch.set_num_threads(1)
	model = Model(sys.argv[1])
	with open(sys.argv[2], 'w', encoding='utf-8') as out:
		for prompt in PROMPTS:
			ids = model.tok.prompt([('user', prompt)])
			answer = model.net.greedy(ids, {model.tok.end})
			with torch.no_grad():
				top = model.net(torch.tensor([ids + answer]))[0, len(ids) - 1:].topk(2).values
			if float((top[:, 0] - top[:, 1]).min()) > MARGIN:
				row = {'prompt': prompt, 'ids': ids, 'answer_ids': answer, 'answer': model.tok.decode(answer)}
				out.write(json.dumps(row) + '\n')


if __name__ == '__main__':
	main()
