#include "core/tx/header.h"

#include <string.h>

#include "core/base/fail.h"

#define FIELD(key, type, member) \
	{ key, type, offsetof(struct header, member), sizeof(((struct header *)0)->member), NULL }

static const struct form_field fields[] = {
	FIELD("chain", FORM_CHAIN, chain),
	FIELD("count", FORM_COUNT, count),
	FIELD("height", FORM_COUNT, height),
	FIELD("parent", FORM_HASH, parent),
	FIELD("proposer", FORM_KEY, proposer),
	FIELD("receipts", FORM_HASH, receipts),
	FIELD("state", FORM_HASH, state),
	FIELD("time", FORM_COUNT, time),
	FIELD("transactions", FORM_HASH, transactions),
};
static const struct form form = { "the block header", fields, sizeof(fields) / sizeof(fields[0]) };

int32_t
header_write(const struct header *h, struct buf *out, struct b3iq_error *err)
{
	return form_write(&form, h, out, err);
}

int32_t
header_read(const void *text, size_t len, struct header *out, struct b3iq_error *err)
{
	size_t used;
	int32_t rc;

	memset(out, 0, sizeof(*out));
	rc = form_read(&form, text, len, out, &used, err);
	if (rc == B3IQ_OK && used != len)
		rc = fail(err, B3IQ_E_INVALID, "the block header: something follows its end");
	return rc;
}

/* Initialises out, which the caller frees on every path. */
static int32_t
message(const struct header *h, struct buf *out, struct b3iq_error *err)
{
	buf_init(out, HEADER_MAX);
	buf_puts(out, HEADER_DOMAIN);
	return header_write(h, out, err);
}

int32_t
header_hash(const struct header *h, uint8_t out[SHA256_SIZE], struct b3iq_error *err)
{
	struct buf m;
	int32_t rc = message(h, &m, err);

	if (rc == B3IQ_OK && sha256(m.data, m.len, out) != B3IQ_OK)
		rc = fail_memory(err, "hashing a block header");
	buf_free(&m);
	return rc;
}

int32_t
header_sign(const struct header *h, const struct ed25519_key *key, uint8_t sig[ED25519_SIGNATURE],
            struct b3iq_error *err)
{
	struct buf m;
	int32_t rc;

	if (memcmp(ed25519_public(key), h->proposer, ED25519_PUBLIC) != 0)
		return fail(err, B3IQ_E_DENIED,
		            "the block header names another proposer than this key");
	rc = message(h, &m, err);
	if (rc == B3IQ_OK)
		rc = ed25519_sign(key, m.data, m.len, sig, err);
	buf_free(&m);
	return rc;
}

int32_t
header_check(const struct header *h, const uint8_t sig[ED25519_SIGNATURE], struct b3iq_error *err)
{
	struct buf m;
	int32_t rc = message(h, &m, err);

	if (rc == B3IQ_OK) {
		rc = ed25519_verify(h->proposer, m.data, m.len, sig);
		if (rc != B3IQ_OK)
			fail(err, rc, "the block header: the signature is not its proposer's");
	}
	buf_free(&m);
	return rc;
}
