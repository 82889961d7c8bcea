"""The network: a llama-architecture decoder, small enough to read in one sitting.

RMSNorm, rotary positions on interleaved pairs (the order that GGUF's `llama` calls NORM, so that
export.py need not permute q and k), grouped-query attention, SwiGLU, and one matrix for both the
embedding and the output. Parameter names are GGUF tensor names with '.' written as '__'.
"""
import math
from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import nn


@dataclass
class Shape:
	"""Every row length is a multiple of 32, the block of Q8_0."""
	vocab: int = 2048
	dim: int = 256
	layers: int = 4
	heads: int = 8
	kv_heads: int = 4
	ffn: int = 640
	context: int = 512
	rope_base: float = 10000.0
	eps: float = 1e-5

	@property
	def head_dim(self):
		return self.dim // self.heads

	def as_dict(self):
		return asdict(self)


def rope_table(shape):
	"""cos and sin, [context, head_dim / 2]."""
	half = torch.arange(0, shape.head_dim, 2, dtype=torch.float64) / shape.head_dim
	angle = torch.outer(torch.arange(shape.context, dtype=torch.float64), shape.rope_base ** -half)
	return angle.cos().float(), angle.sin().float()


def rotate(x, cos, sin):
	"""Rotate the pairs (0,1), (2,3), ... of x [batch, time, heads, head_dim]."""
	a, b = x[..., 0::2], x[..., 1::2]
	cos, sin = cos[:, None, :], sin[:, None, :]
	return torch.stack((a * cos - b * sin, a * sin + b * cos), -1).flatten(-2)


def rms_norm(x, weight, eps):
	return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * weight


class Block(nn.Module):
	def __init__(self, s):
		super().__init__()
		kv = s.kv_heads * s.head_dim
		self.shape = s
		self.attn_norm = nn.Parameter(torch.ones(s.dim))
		self.ffn_norm = nn.Parameter(torch.ones(s.dim))
		self.attn_q = nn.Linear(s.dim, s.dim, bias=False)
		self.attn_k = nn.Linear(s.dim, kv, bias=False)
		self.attn_v = nn.Linear(s.dim, kv, bias=False)
		self.attn_output = nn.Linear(s.dim, s.dim, bias=False)
		self.ffn_gate = nn.Linear(s.dim, s.ffn, bias=False)
		self.ffn_up = nn.Linear(s.dim, s.ffn, bias=False)
		self.ffn_down = nn.Linear(s.ffn, s.dim, bias=False)

	def attend(self, x, cos, sin, mask, cache):
		s, (b, t, _) = self.shape, x.shape
		q = rotate(self.attn_q(x).view(b, t, s.heads, s.head_dim), cos, sin)
		k = rotate(self.attn_k(x).view(b, t, s.kv_heads, s.head_dim), cos, sin)
		v = self.attn_v(x).view(b, t, s.kv_heads, s.head_dim)
		if cache is not None:
			if cache:
				k, v = torch.cat((cache[0], k), 1), torch.cat((cache[1], v), 1)
			cache[:] = [k, v]
		group = s.heads // s.kv_heads
		k = k.repeat_interleave(group, 2).permute(0, 2, 3, 1)
		v = v.repeat_interleave(group, 2).transpose(1, 2)
		score = q.transpose(1, 2) @ k / math.sqrt(s.head_dim) + mask
		out = (score.softmax(-1) @ v).transpose(1, 2).reshape(b, t, s.dim)
		return self.attn_output(out)

	def forward(self, x, cos, sin, mask, cache=None, drop=0.0):
		h = self.attend(rms_norm(x, self.attn_norm, self.shape.eps), cos, sin, mask, cache)
		x = x + F.dropout(h, drop, self.training)
		h = rms_norm(x, self.ffn_norm, self.shape.eps)
		h = self.ffn_down(F.silu(self.ffn_gate(h)) * self.ffn_up(h))
		return x + F.dropout(h, drop, self.training)


class Net(nn.Module):
	def __init__(self, shape):
		super().__init__()
		self.shape = shape
		self.token_embd = nn.Embedding(shape.vocab, shape.dim)
		self.blk = nn.ModuleList(Block(shape) for _ in range(shape.layers))
		self.output_norm = nn.Parameter(torch.ones(shape.dim))
		cos, sin = rope_table(shape)
		self.register_buffer('cos', cos, persistent=False)
		self.register_buffer('sin', sin, persistent=False)
		for name, p in self.named_parameters():
			if p.dim() == 2:
				deep = name.endswith(('attn_output.weight', 'ffn_down.weight'))
				nn.init.normal_(p, std=0.02 / math.sqrt(2 * shape.layers) if deep else 0.02)

	def hidden(self, ids, caches=None, drop=0.0):
		"""Hidden states of ids [batch, time]; with caches, ids go on where the caches end."""
		t = ids.shape[1]
		past = caches[0][0].shape[1] if caches and caches[0] else 0
		cos, sin = self.cos[past:past + t], self.sin[past:past + t]
		mask = torch.full((t, past + t), float('-inf')).triu(past + 1)
		x = F.dropout(self.token_embd(ids), drop, self.training)
		for i, block in enumerate(self.blk):
			x = block(x, cos, sin, mask, caches[i] if caches else None, drop)
		return rms_norm(x, self.output_norm, self.shape.eps)

	def forward(self, ids, caches=None):
		return self.hidden(ids, caches) @ self.token_embd.weight.T

	@torch.no_grad()
	def greedy(self, ids, stop, limit=120):
		"""Token ids that follow ids, greedily, up to a token of `stop` (not included)."""
		caches, out = [[] for _ in self.blk], []
		step = torch.tensor([ids])
		while len(out) < limit and len(ids) + len(out) < self.shape.context:
			best = int(self(step, caches)[0, -1].argmax())
			if best in stop:
				break
			out.append(best)
			step = torch.tensor([[best]])
		return out
