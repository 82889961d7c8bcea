#include "core/receipt/trace.h"

#include <string.h>

#include "core/crypto/sha256.h"

static const char domain[] = "b3iq.tokens/1\n";

static void
put_le(uint8_t *out, uint64_t v, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		out[i] = (uint8_t)(v >> 8 * i);
}

int32_t
trace_init(struct trace *t, const uint8_t tokens_salt[32])
{
	struct sha256 s;

	memset(t, 0, sizeof(*t));
	merkle_init(&t->logits);
	sha256_begin(&s);
	sha256_add(&s, domain, sizeof(domain) - 1);
	sha256_add(&s, tokens_salt, 32);
	return t->rc = sha256_end(&s, t->head);
}

static int32_t
add_leaf(struct trace *t, int32_t id, const void *probe, size_t n)
{
	uint8_t head[12], leaf[SHA256_SIZE];
	struct sha256 s;
	int32_t rc;

	put_le(head, t->count, 8);
	put_le(head + 8, (uint32_t)id, 4);
	sha256_begin(&s);
	sha256_add(&s, "", 1); /* 0x00 marks a leaf */
	sha256_add(&s, head, sizeof(head));
	sha256_add(&s, probe, n);
	rc = sha256_end(&s, leaf);
	return rc == B3IQ_OK ? merkle_add(&t->logits, leaf) : rc;
}

int32_t
trace_token(struct trace *t, int32_t id, const void *probe, size_t probe_len)
{
	uint8_t link[32 + 4];

	if (t->rc != B3IQ_OK)
		return t->rc;
	if (!probe)
		t->unprobed = true;
	if (!t->unprobed)
		t->rc = add_leaf(t, id, probe, probe_len);
	memcpy(link, t->head, 32);
	put_le(link + 32, (uint32_t)id, 4);
	if (t->rc == B3IQ_OK)
		t->rc = sha256(link, sizeof(link), t->head);
	t->count++;
	return t->rc;
}

int32_t
trace_chunk(struct trace *t, const struct b3iq_chunk *c)
{
	uint32_t i;

	if (!c->ids) {
		if (c->text_len > 0 || c->n_ids > 0)
			t->hidden = true;
		return t->rc;
	}
	for (i = 0; i < c->n_ids; i++)
		trace_token(t, c->ids[i], c->n_ids == 1 ? c->probe : NULL, c->probe_len);
	return t->rc;
}
