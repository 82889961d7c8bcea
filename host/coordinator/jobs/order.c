#include "coordinator/jobs/order.h"

#include "core/base/encode.h"
#include "core/base/fail.h"
#include "core/crypto/sha256.h"
#include "core/receipt/commit.h"
#include "core/receipt/params.h"

static int32_t
hash_text(const struct buf *text, uint8_t out[32])
{
	struct sha256 s;

	sha256_begin(&s);
	sha256_add(&s, ORDER_DOMAIN, sizeof ORDER_DOMAIN - 1);
	sha256_add(&s, text->data, text->len);
	return sha256_end(&s, out);
}

int32_t
order_make(struct job *j, const struct buf *request, const struct buf *params,
           const uint8_t secret[32], struct buf *text, struct b3iq_error *err)
{
	uint8_t prompt[COMMIT_SIZE], digest[32];
	char prompt_hex[65], params_hex[65];
	int32_t rc = commit_field(secret, COMMIT_PROMPT, request->data, request->len, prompt);

	if (rc == B3IQ_OK)
		rc = params_digest(params->data, params->len, digest);
	if (rc != B3IQ_OK)
		return fail(err, rc, "the order could not be hashed");
	hex_encode(prompt, sizeof prompt, prompt_hex);
	hex_encode(digest, sizeof digest, params_hex);
	/* Ids and model names have no character that JSON would escape: submission.c sees to it. */
	rc = buf_printf(text,
	                "{\"deadline_ms\":%llu,\"job\":\"%s\",\"max_price\":\"%llu\",\"model\":"
	                "\"%s\",\"params\":\"%s\",\"prompt\":\"%s\",\"version\":\"b3iq.order/1\"}",
	                (unsigned long long)j->expires_ms, j->id, (unsigned long long)j->escrow,
	                j->model, params_hex, prompt_hex);
	if (rc == B3IQ_OK)
		rc = hash_text(text, j->order);
	return rc == B3IQ_OK ? rc : fail(err, rc, "the order could not be written");
}
