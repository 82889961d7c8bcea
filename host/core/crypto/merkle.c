#include "core/crypto/merkle.h"

#include <stdbool.h>
#include <string.h>

#include "core/crypto/secret.h"
#include "plugin.h"

static int32_t
node(const uint8_t left[SHA256_SIZE], const uint8_t right[SHA256_SIZE], uint8_t out[SHA256_SIZE])
{
	uint8_t both[1 + 2 * SHA256_SIZE] = { 1 };

	memcpy(both + 1, left, SHA256_SIZE);
	memcpy(both + 1 + SHA256_SIZE, right, SHA256_SIZE);
	return sha256(both, sizeof(both), out);
}

int32_t
merkle_leaf(const void *data, size_t n, uint8_t out[SHA256_SIZE])
{
	struct sha256 s;

	sha256_begin(&s);
	sha256_add(&s, "", 1); /* the byte 0x00 */
	sha256_add(&s, data, n);
	return sha256_end(&s, out);
}

void
merkle_init(struct merkle *m)
{
	memset(m, 0, sizeof(*m));
}

/* As in binary counting: the new leaf joins the full subtrees of its size. */
int32_t
merkle_add(struct merkle *m, const uint8_t leaf[SHA256_SIZE])
{
	uint8_t hash[SHA256_SIZE];
	int32_t rc;
	int i;

	memcpy(hash, leaf, SHA256_SIZE);
	for (i = 0; m->count >> i & 1; i++) {
		rc = node(m->peak[i], hash, hash);
		if (rc != B3IQ_OK)
			return rc; /* nothing changed yet: the caller may try again */
	}
	memcpy(m->peak[i], hash, SHA256_SIZE);
	m->count++;
	return B3IQ_OK;
}

int32_t
merkle_root(const struct merkle *m, uint8_t out[SHA256_SIZE])
{
	uint8_t hash[SHA256_SIZE];
	bool some = false;
	int32_t rc;
	int i;

	if (m->count == 0)
		return sha256("", 0, out);
	for (i = 0; i < MERKLE_DEPTH; i++) {
		if (!(m->count >> i & 1))
			continue;
		if (some) {
			rc = node(m->peak[i], hash, hash);
			if (rc != B3IQ_OK)
				return rc;
		} else {
			memcpy(hash, m->peak[i], SHA256_SIZE);
			some = true;
		}
	}
	memcpy(out, hash, SHA256_SIZE);
	return B3IQ_OK;
}

int32_t
merkle_root_of(const uint8_t *leaves, uint64_t count, uint8_t out[SHA256_SIZE])
{
	struct merkle m;
	uint64_t i;
	int32_t rc;

	merkle_init(&m);
	for (i = 0; i < count; i++) {
		rc = merkle_add(&m, leaves + i * SHA256_SIZE);
		if (rc != B3IQ_OK)
			return rc;
	}
	return merkle_root(&m, out);
}

/* The largest power of two below n; n > 1. */
static uint64_t
split(uint64_t n)
{
	return UINT64_C(1) << (63 - __builtin_clzll(n - 1));
}

int32_t
merkle_prove(const uint8_t *leaves, uint64_t count, uint64_t index,
             struct merkle_proof *out)
{
	uint8_t swap[SHA256_SIZE];
	uint64_t n = count, m = index, k;
	size_t i, depth = 0;
	int32_t rc;

	if (index >= count)
		return B3IQ_E_INVALID;
	/* From the root down: the half that the leaf is not in is its sibling there. */
	while (n > 1) {
		k = split(n);
		if (m < k) {
			rc = merkle_root_of(leaves + k * SHA256_SIZE, n - k, out->path[depth]);
			n = k;
		} else {
			rc = merkle_root_of(leaves, k, out->path[depth]);
			leaves += k * SHA256_SIZE;
			m -= k;
			n -= k;
		}
		if (rc != B3IQ_OK)
			return rc;
		depth++;
	}
	for (i = 0; i < depth / 2; i++) { /* the proof runs from the leaf up */
		memcpy(swap, out->path[i], SHA256_SIZE);
		memcpy(out->path[i], out->path[depth - 1 - i], SHA256_SIZE);
		memcpy(out->path[depth - 1 - i], swap, SHA256_SIZE);
	}
	out->index = index;
	out->count = count;
	out->depth = depth;
	return B3IQ_OK;
}

/* RFC 9162, 2.1.3.2. */
int32_t
merkle_verify(const struct merkle_proof *p, const uint8_t leaf[SHA256_SIZE],
              const uint8_t root[SHA256_SIZE])
{
	uint64_t at, last;
	uint8_t hash[SHA256_SIZE];
	size_t i;
	int32_t rc;

	if (p->index >= p->count || p->depth > MERKLE_DEPTH)
		return B3IQ_E_DENIED;
	at = p->index;
	last = p->count - 1;
	memcpy(hash, leaf, SHA256_SIZE);
	for (i = 0; i < p->depth; i++) {
		if (last == 0)
			return B3IQ_E_DENIED;
		if ((at & 1) || at == last) {
			rc = node(p->path[i], hash, hash);
			while (!(at & 1) && at != 0) {
				at >>= 1;
				last >>= 1;
			}
		} else {
			rc = node(hash, p->path[i], hash);
		}
		if (rc != B3IQ_OK)
			return rc;
		at >>= 1;
		last >>= 1;
	}
	return last == 0 && secret_equal(hash, root, SHA256_SIZE) ? B3IQ_OK : B3IQ_E_DENIED;
}
