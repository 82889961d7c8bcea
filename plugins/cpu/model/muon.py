"""Muon: momentum whose matrices are made orthogonal before the step (Jordan et al., 2024).

It takes about half the steps of AdamW here. For the matrices inside the blocks only; the embedding
and the norms stay with AdamW.
"""
import torch


def orthogonal(g, rounds=5):
	"""The nearest orthogonal matrix, roughly, by a quintic Newton-Schulz iteration in bfloat16."""
	a, b, c = 3.4445, -4.7750, 2.0315
	wide = g.shape[0] <= g.shape[1]
	x = (g if wide else g.T).bfloat16()
	x = x / (x.norm() + 1e-7)
	for _ in range(rounds):
		s = x @ x.T
		x = a * x + (b * s + c * (s @ s)) @ x
	return (x if wide else x.T).float()


class Muon(torch.optim.Optimizer):
	def __init__(self, params, lr=0.02, momentum=0.95, decay=0.01):
		super().__init__(params, {'lr': lr, 'momentum': momentum, 'decay': decay})

	@torch.no_grad()
	def step(self):
		for group in self.param_groups:
			for p in group['params']:
				state = self.state[p]
				if not state:
					state['mean'] = torch.zeros_like(p)
				mean = state['mean'].lerp_(p.grad, 1 - group['momentum'])
				step = orthogonal(p.grad.lerp(mean, group['momentum']))
				p.mul_(1 - group['lr'] * group['decay'])
				p.add_(step, alpha=-group['lr'] * max(1, p.shape[0] / p.shape[1]) ** 0.5)
