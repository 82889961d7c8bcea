"""GGUF version 3, as much as this model needs: write a file, and read one back.

Tensors are numpy float32 arrays; `kind` says how a matrix is stored. Q8_0 is quantised as llama.cpp
does it: scale = max |x| / 127 in float32, kept as float16; values rounded half away from zero.
"""
import struct

import numpy as np

ALIGN = 32
U32, F32, BOOL, STRING, ARRAY, I32 = 4, 6, 7, 8, 9, 5
TYPES = {'F32': 0, 'F16': 1, 'Q8_0': 8}
FILE_TYPES = {'F32': 0, 'F16': 1, 'Q8_0': 7}


def q8_0(matrix):
	blocks = matrix.astype('<f4').reshape(-1, 32)
	scale = (np.abs(blocks).max(1) / np.float32(127)).astype('<f4')
	with np.errstate(divide='ignore'):
		inverse = np.where(scale > 0, np.float32(1) / scale, np.float32(0)).astype('<f4')
	x = blocks * inverse[:, None]
	out = np.zeros(len(blocks), dtype=[('d', '<f2'), ('q', 'i1', 32)])
	out['d'] = scale.astype('<f2')
	out['q'] = np.trunc(x + np.copysign(np.float32(0.5), x)).astype('i1')
	return out.tobytes()


def raw(matrix, kind):
	if kind == 'Q8_0':
		return q8_0(matrix)
	return matrix.astype('<f2' if kind == 'F16' else '<f4').tobytes()


def text(s):
	data = s.encode('utf-8')
	return struct.pack('<Q', len(data)) + data


def value(kind, v):
	if kind == STRING:
		return text(v)
	return struct.pack({U32: '<I', I32: '<i', F32: '<f', BOOL: '<?'}[kind], v)


def field(key, kind, v, item=None):
	head = text(key) + struct.pack('<I', kind)
	if kind != ARRAY:
		return head + value(kind, v)
	return head + struct.pack('<IQ', item, len(v)) + b''.join(value(item, x) for x in v)


def write(path, fields, tensors, kind):
	"""fields: (key, kind, value[, item kind]); tensors: (name, float32 array) with 1 or 2 dimensions."""
	info, data, at = [], [], 0
	for name, array in tensors:
		stored = 'F32' if array.ndim == 1 else kind
		info.append(text(name) + struct.pack('<I', array.ndim)
			+ b''.join(struct.pack('<Q', n) for n in reversed(array.shape))
			+ struct.pack('<IQ', TYPES[stored], at))
		part = raw(array, stored)
		part += b'\0' * (-len(part) % ALIGN)
		data.append(part)
		at += len(part)
	head = b'GGUF' + struct.pack('<IQQ', 3, len(tensors), len(fields))
	head += b''.join(field(*f) for f in fields) + b''.join(info)
	head += b'\0' * (-len(head) % ALIGN)
	with open(path, 'wb') as f:
		f.write(head + b''.join(data))


class Reader:
	"""fields: key -> value; tensors: name -> float32 array. For our own files: it trusts them."""

	def __init__(self, path):
		with open(path, 'rb') as f:
			self.data = f.read()
		self.at = 0
		magic, version, count, keys = self.take('<4sIQQ')
		assert magic == b'GGUF' and version == 3
		self.fields = {}
		for _ in range(keys):
			key = self.string()
			self.fields[key] = self.value(*self.take('<I'))
		info = [self.info() for _ in range(count)]
		base = self.at + -self.at % ALIGN
		self.tensors = {n: self.tensor(s, k, base + o) for n, s, k, o in info}

	def take(self, form):
		out = struct.unpack_from(form, self.data, self.at)
		self.at += struct.calcsize(form)
		return out

	def string(self):
		size, = self.take('<Q')
		self.at += size
		return self.data[self.at - size:self.at].decode('utf-8')

	def value(self, kind):
		if kind == STRING:
			return self.string()
		if kind == ARRAY:
			item, count = self.take('<IQ')
			return [self.value(item) for _ in range(count)]
		return self.take({U32: '<I', I32: '<i', F32: '<f', BOOL: '<?'}[kind])[0]

	def info(self):
		name = self.string()
		dims, = self.take('<I')
		shape = self.take(f'<{dims}Q')[::-1]
		kind, offset = self.take('<IQ')
		return name, shape, kind, offset

	def tensor(self, shape, kind, at):
		size = int(np.prod(shape))
		if kind == TYPES['Q8_0']:
			b = np.frombuffer(self.data, dtype=[('d', '<f2'), ('q', 'i1', 32)], count=size // 32, offset=at)
			return (b['d'].astype('f4')[:, None] * b['q'].astype('f4')).reshape(shape)
		form = '<f2' if kind == TYPES['F16'] else '<f4'
		return np.frombuffer(self.data, dtype=form, count=size, offset=at).astype('f4').reshape(shape)
