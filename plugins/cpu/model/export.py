#!/usr/bin/env python3
"""Write the weights of a run as a GGUF: export.py RUN b3iq-mini.gguf [--type Q8_0|F16|F32]"""
import argparse
from pathlib import Path

import torch

import gguf
from gguf import ARRAY, BOOL, F32, I32, STRING, U32
from tokenizer import SPECIAL, Tokenizer

CHATML = ("{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content']"
	" + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}"
	"{% endif %}")
NORMAL, CONTROL = 1, 3


def fields_of(shape, tok, kind):
	count = len(tok.tokens)
	return [
		('general.architecture', STRING, 'llama'),
		('general.type', STRING, 'model'),
		('general.name', STRING, 'b3iq-mini'),
		('general.author', STRING, 'The b3iq authors'),
		('general.license', STRING, 'Apache-2.0'),
		('general.description', STRING, 'Built-in model of b3iq: the node and machine learning basics'),
		('general.languages', ARRAY, ['en'], STRING),
		('general.quantization_version', U32, 2),
		('general.file_type', U32, gguf.FILE_TYPES[kind]),
		('llama.vocab_size', U32, shape['vocab']),
		('llama.context_length', U32, shape['context']),
		('llama.embedding_length', U32, shape['dim']),
		('llama.block_count', U32, shape['layers']),
		('llama.feed_forward_length', U32, shape['ffn']),
		('llama.attention.head_count', U32, shape['heads']),
		('llama.attention.head_count_kv', U32, shape['kv_heads']),
		('llama.attention.layer_norm_rms_epsilon', F32, shape['eps']),
		('llama.rope.dimension_count', U32, shape['dim'] // shape['heads']),
		('llama.rope.freq_base', F32, shape['rope_base']),
		('tokenizer.ggml.model', STRING, 'gpt2'),
		('tokenizer.ggml.pre', STRING, 'gpt-2'),
		('tokenizer.ggml.tokens', ARRAY, tok.tokens, STRING),
		('tokenizer.ggml.token_type', ARRAY,
			[CONTROL if i >= count - len(SPECIAL) else NORMAL for i in range(count)], I32),
		('tokenizer.ggml.merges', ARRAY, [f'{a} {b}' for a, b in tok.merges], STRING),
		('tokenizer.ggml.bos_token_id', U32, tok.bos),
		('tokenizer.ggml.eos_token_id', U32, tok.end),
		('tokenizer.ggml.padding_token_id', U32, tok.bos),
		('tokenizer.ggml.add_bos_token', BOOL, False),
		('tokenizer.ggml.add_eos_token', BOOL, False),
		('tokenizer.chat_template', STRING, CHATML),
	]


def tensors_of(net):
	"""GGUF names; the output matrix is the embedding, so it is not there."""
	for name, tensor in net.items():
		full = name if name.endswith('.weight') else name + '.weight'
		yield full, tensor.float().numpy()


def main():
	p = argparse.ArgumentParser(description=__doc__)
	p.add_argument('run', type=Path)
	p.add_argument('out', type=Path)
	p.add_argument('--type', choices=sorted(gguf.TYPES), default='Q8_0')
	args = p.parse_args()
	state = torch.load(args.run / 'last.pt')
	tok = Tokenizer.load(args.run / 'merges.json')
	assert len(tok.tokens) == state['shape']['vocab']
	gguf.write(args.out, fields_of(state['shape'], tok, args.type), list(tensors_of(state['net'])), args.type)
	print(f"{args.out}: {args.out.stat().st_size} bytes, {args.type}, step {state['step']}")


if __name__ == '__main__':
	main()
