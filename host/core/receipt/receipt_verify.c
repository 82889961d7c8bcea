#include "core/receipt/receipt_verify.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/encode.h"
#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/crypto/secret.h"
#include "core/receipt/bundle.h"
#include "core/receipt/params.h"
#include "core/receipt/trace.h"

#define PROBE_MAX 4096 /* bytes of one probe */

struct verifier {
	struct bundle          b;
	struct receipt_report *report;
	const uint8_t         *pinned;
	size_t                 n_pinned;
};

const char *
receipt_result_text(enum receipt_result result)
{
	return result == RECEIPT_PASS ? "pass" : result == RECEIPT_FAIL ? "FAIL" : "not checked";
}

__attribute__((format(printf, 4, 5))) static void
note(struct verifier *v, const char *name, enum receipt_result result, const char *fmt, ...)
{
	struct receipt_check *c = &v->report->check[v->report->n++];
	va_list args;

	c->name = name;
	c->result = result;
	va_start(args, fmt);
	vsnprintf(c->text, sizeof(c->text), fmt, args);
	va_end(args);
}

/* ---- the receipt itself ---------------------------------------------------------------- */

static void
check_hash(struct verifier *v)
{
	const struct receipt_signed *r = &v->b.receipt;

	if (memcmp(r->hash, r->stated_hash, RECEIPT_HASH_SIZE) == 0)
		note(v, "hash", RECEIPT_PASS, "the stated hash is that of the body");
	else
		note(v, "hash", RECEIPT_FAIL, "the body was changed: its hash is not the stated one");
}

static int32_t
check_signature(struct verifier *v)
{
	int32_t rc = receipt_signature(&v->b.receipt, v->b.receipt.node_key);

	if (rc == B3IQ_OK)
		note(v, "signature", RECEIPT_PASS, "signed by node_key");
	else if (rc == B3IQ_E_DENIED)
		note(v, "signature", RECEIPT_FAIL, "the signature is not of node_key over this body");
	else
		return rc;
	return B3IQ_OK;
}

static void
check_key(struct verifier *v)
{
	const struct receipt_signed *r = &v->b.receipt;
	char node[ED25519_NAME_SIZE];
	size_t i;

	ed25519_name(r->node_key, node);
	if (strcmp(node, r->body.node) != 0) {
		note(v, "key", RECEIPT_FAIL, "node_key is not the node that the body names");
		return;
	}
	for (i = 0; i < v->n_pinned; i++)
		if (secret_equal(v->pinned + i * ED25519_PUBLIC, r->node_key, ED25519_PUBLIC))
			break;
	if (v->n_pinned == 0)
		note(v, "key", RECEIPT_NOT_CHECKED,
		     "no key is pinned, so anybody could have signed this; give the node's key");
	else if (i == v->n_pinned)
		note(v, "key", RECEIPT_FAIL, "node_key is none of the %zu pinned keys", v->n_pinned);
	else
		note(v, "key", RECEIPT_PASS, "node_key is pinned");
}

static void
check_rule(struct verifier *v, const char *name,
           int32_t (*rule)(const struct receipt *, struct b3iq_error *), const char *good)
{
	struct b3iq_error why = NO_ERROR;

	if (rule(&v->b.receipt.body, &why) == B3IQ_OK)
		note(v, name, RECEIPT_PASS, "%s", good);
	else
		note(v, name, RECEIPT_FAIL, "%s", why.text);
}

/* ---- the openings ------------------------------------------------------------------------ */

static int32_t
check_commitment(struct verifier *v, const char *name, int which, const void *data, size_t len,
                 const uint8_t stated[32])
{
	uint8_t found[COMMIT_SIZE];
	int32_t rc;

	if (!data || !v->b.has_salt[which]) {
		note(v, name, RECEIPT_NOT_CHECKED, "not opened");
		return B3IQ_OK;
	}
	rc = commit_salted(v->b.salt[which], name, data, len, found);
	if (rc != B3IQ_OK)
		return rc;
	if (memcmp(found, stated, sizeof(found)) == 0)
		note(v, name, RECEIPT_PASS, "the opened %zu bytes are what the receipt commits to", len);
	else
		note(v, name, RECEIPT_FAIL, "the opened bytes are not what the receipt commits to");
	return B3IQ_OK;
}

static int32_t
check_params(struct verifier *v)
{
	struct b3iq_error why = NO_ERROR;
	uint8_t found[32];
	struct buf text;
	int32_t rc;

	if (!v->b.params) {
		note(v, "params", RECEIPT_NOT_CHECKED, "not opened");
		return B3IQ_OK;
	}
	buf_init(&text, BUNDLE_MAX);
	rc = json_canonical(v->b.params, &text, &why);
	if (rc == B3IQ_E_INVALID) {
		note(v, "params", RECEIPT_FAIL, "%s", why.text);
		rc = B3IQ_OK;
	} else if (rc == B3IQ_OK) {
		rc = params_digest(text.data, text.len, found);
		if (rc == B3IQ_OK && memcmp(found, v->b.receipt.body.params, 32) == 0)
			note(v, "params", RECEIPT_PASS, "the opened parameters have the stated digest");
		else if (rc == B3IQ_OK)
			note(v, "params", RECEIPT_FAIL, "the opened parameters have another digest");
	}
	buf_free(&text);
	return rc;
}

static int32_t
check_tokens(struct verifier *v)
{
	const struct receipt *r = &v->b.receipt.body;
	struct trace t;
	int32_t rc;
	size_t i;

	if (!r->has_tokens && v->b.tokens) {
		note(v, "tokens", RECEIPT_FAIL, "tokens are opened that the receipt does not claim");
		return B3IQ_OK;
	}
	if (!r->has_tokens || !v->b.tokens || !v->b.has_salt[BUNDLE_TOKENS]) {
		note(v, "tokens", RECEIPT_NOT_CHECKED, "%s",
		     r->has_tokens ? "not opened" : "the receipt has no token chain");
		return B3IQ_OK;
	}
	rc = trace_init(&t, v->b.salt[BUNDLE_TOKENS]);
	for (i = 0; i < v->b.n_tokens && rc == B3IQ_OK; i++)
		rc = trace_token(&t, v->b.tokens[i], NULL, 0);
	if (rc != B3IQ_OK)
		return rc;
	if (memcmp(t.head, r->tokens, sizeof(t.head)) == 0)
		note(v, "tokens", RECEIPT_PASS, "the chain over the %zu opened ids ends at the stated head",
		     v->b.n_tokens);
	else
		note(v, "tokens", RECEIPT_FAIL,
		     "the chain over the %zu opened ids does not end at the stated head", v->b.n_tokens);
	return B3IQ_OK;
}

/* The tree over the opened probes; B3IQ_E_INVALID for a probe that is not hex. */
static int32_t
probe_root(const struct bundle *b, uint8_t root[32])
{
	static const uint8_t no_salt[32];
	uint8_t probe[PROBE_MAX];
	struct trace t;
	const char *hex;
	size_t i, n;
	int32_t rc;

	rc = trace_init(&t, no_salt);
	for (i = 0; i < b->n_tokens && rc == B3IQ_OK; i++) {
		struct json_object *p = json_object_array_get_idx(b->probes, i);

		hex = json_object_get_string(p);
		n = (size_t)json_object_get_string_len(p);
		if (n > 2 * PROBE_MAX || !hex_decode(hex, n, probe, n / 2))
			return B3IQ_E_INVALID;
		rc = trace_token(&t, b->tokens[i], probe, n / 2);
	}
	return rc == B3IQ_OK ? merkle_root(&t.logits, root) : rc;
}

static int32_t
check_logits(struct verifier *v)
{
	const struct receipt *r = &v->b.receipt.body;
	uint8_t found[32];
	int32_t rc;

	if (!r->has_logits && v->b.has_logits) {
		note(v, "logits", RECEIPT_FAIL, "a logit root is opened that the receipt does not claim");
		return B3IQ_OK;
	}
	if (!r->has_logits || !v->b.has_logits || !v->b.has_salt[BUNDLE_LOGITS]) {
		note(v, "logits", RECEIPT_NOT_CHECKED, "%s",
		     r->has_logits ? "not opened" : "the receipt has no logit root");
		return B3IQ_OK;
	}
	rc = commit_salted(v->b.salt[BUNDLE_LOGITS], COMMIT_LOGITS, v->b.logits, 32, found);
	if (rc != B3IQ_OK)
		return rc;
	if (memcmp(found, r->logits, 32) != 0) {
		note(v, "logits", RECEIPT_FAIL, "the opened root is not what the receipt commits to");
		return B3IQ_OK;
	}
	if (!v->b.probes) {
		note(v, "logits", RECEIPT_PASS, "the opened root is committed; an audit recomputes it");
		return B3IQ_OK;
	}
	rc = probe_root(&v->b, found);
	if (rc == B3IQ_OK && memcmp(found, v->b.logits, 32) == 0)
		note(v, "logits", RECEIPT_PASS, "the opened probes make the committed root");
	else if (rc == B3IQ_OK || rc == B3IQ_E_INVALID)
		note(v, "logits", RECEIPT_FAIL, "the opened probes do not make the opened root");
	else
		return rc;
	return B3IQ_OK;
}

static void
check_counts(struct verifier *v)
{
	const struct receipt *r = &v->b.receipt.body;
	struct b3iq_error why = NO_ERROR;

	if (receipt_check_counts(r, &why) != B3IQ_OK)
		note(v, "counts", RECEIPT_FAIL, "%s", why.text);
	else if (v->b.tokens && v->b.n_tokens != r->output_tokens)
		note(v, "counts", RECEIPT_FAIL, "%" PRIu64 " output tokens are counted, %zu are opened",
		     r->output_tokens, v->b.n_tokens);
	else if (!v->b.tokens)
		note(v, "counts", RECEIPT_PASS, "plausible; the ids are not opened");
	else
		note(v, "counts", RECEIPT_PASS, "as many tokens as are counted");
}

/* ---- all together ---------------------------------------------------------------------- */

static int32_t
check_openings(struct verifier *v)
{
	const struct bundle *b = &v->b;
	const struct receipt *r = &b->receipt.body;
	int32_t rc;

	rc = check_commitment(v, COMMIT_PROMPT, BUNDLE_PROMPT, b->prompt, b->prompt_len, r->prompt);
	if (rc == B3IQ_OK)
		rc = check_params(v);
	if (rc == B3IQ_OK)
		rc = check_commitment(v, COMMIT_OUTPUT, BUNDLE_OUTPUT, b->output, b->output_len,
		                      r->output);
	if (rc == B3IQ_OK)
		rc = check_tokens(v);
	return rc == B3IQ_OK ? check_logits(v) : rc;
}

static int32_t
check_everything(struct verifier *v)
{
	int32_t rc;

	note(v, "form", RECEIPT_PASS, "b3iq.receipt/1, closed and canonical");
	check_hash(v);
	rc = check_signature(v);
	if (rc != B3IQ_OK)
		return rc;
	check_key(v);
	check_rule(v, "tier", receipt_check_tier, "claims no more than its tier can");
	rc = check_openings(v);
	if (rc != B3IQ_OK)
		return rc;
	check_counts(v);
	check_rule(v, "times", receipt_check_times, "in order");
	note(v, "inclusion", RECEIPT_NOT_CHECKED, "the bundle carries no inclusion proof");
	return B3IQ_OK;
}

static bool
all_good(const struct receipt_report *report)
{
	size_t i;

	for (i = 0; i < report->n; i++) {
		if (report->check[i].result == RECEIPT_FAIL)
			return false;
		if (strcmp(report->check[i].name, "key") == 0 && report->check[i].result != RECEIPT_PASS)
			return false;
	}
	return report->n > 1;
}

int32_t
receipt_verify(const void *text, size_t len, const uint8_t *pinned, size_t n_pinned,
               struct receipt_report *report, struct b3iq_error *err)
{
	struct verifier v = { .report = report, .pinned = pinned, .n_pinned = n_pinned };
	struct b3iq_error why = NO_ERROR;
	int32_t rc;

	memset(report, 0, sizeof(*report));
	rc = bundle_read(text, len, &v.b, &why);
	if (rc == B3IQ_E_INVALID) {
		note(&v, "form", RECEIPT_FAIL, "%s", why.text);
		return B3IQ_OK;
	}
	if (rc != B3IQ_OK)
		return fail(err, rc, "%s", why.text);
	report->readable = true;
	report->body = v.b.receipt.body;
	memcpy(report->hash, v.b.receipt.hash, sizeof(report->hash));
	rc = check_everything(&v);
	report->valid = rc == B3IQ_OK && all_good(report);
	bundle_free(&v.b);
	return rc == B3IQ_OK ? rc : fail(err, rc, "the receipt could not be checked: out of memory");
}
