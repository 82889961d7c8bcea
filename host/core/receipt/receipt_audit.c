#include "core/receipt/receipt_audit.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/encode.h"
#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/base/utf8.h"
#include "core/receipt/bundle.h"
#include "core/receipt/params.h"
#include "core/receipt/trace.h"

struct auditor {
	struct b3iq_sink         sink; /* first: what the backend sees */
	const struct bundle     *b;
	struct receipt_audit    *audit;
	struct trace             trace;
	struct buf               text;    /* of the claimed tokens, as the host delivers it      */
	struct utf8_tail         tail;
	size_t                   held_at; /* what is behind it came without a token: held back   */
	bool                     parted;  /* the opened output is not that text, from...         */
	uint64_t                 parted_at; /* ...this token on                                  */
	uint32_t                 stop;    /* how the output ends, as the replay says             */
	int32_t                  rc;
};

__attribute__((format(printf, 3, 4))) static void
decide(struct receipt_audit *a, enum receipt_verdict verdict, const char *fmt, ...)
{
	va_list args;

	a->verdict = verdict;
	va_start(args, fmt);
	vsnprintf(a->text, sizeof(a->text), fmt, args);
	va_end(args);
}

/* ---- while it runs ------------------------------------------------------------------- */

static bool
probe_differs(const struct bundle *b, size_t at, const struct b3iq_chunk *c)
{
	struct json_object *claimed;
	char *hex;
	bool differs;

	if (!b->probes || !c->probe)
		return false;
	claimed = json_object_array_get_idx(b->probes, at);
	if ((size_t)json_object_get_string_len(claimed) != 2 * c->probe_len)
		return true;
	hex = malloc(2 * c->probe_len + 1);
	if (!hex)
		return false; /* the logit root will tell */
	hex_encode(c->probe, c->probe_len, hex);
	differs = memcmp(hex, json_object_get_string(claimed), 2 * c->probe_len) != 0;
	free(hex);
	return differs;
}

/* The text that left with one token, beside the opened output. */
static int32_t
compare_text(struct auditor *a, const struct b3iq_chunk *c)
{
	const struct bundle *b = a->b;
	const size_t from = a->text.len;
	int32_t rc = utf8_append(&a->text, &a->tail, c->text, c->text ? c->text_len : 0);

	if (rc != B3IQ_OK || c->n_ids == 0)
		return rc;
	a->held_at = a->text.len;
	if (!b->output || a->parted || a->text.len == from)
		return B3IQ_OK;
	a->parted = a->text.len > b->output_len ||
	            memcmp(b->output + from, a->text.data + from, a->text.len - from) != 0;
	a->parted_at = a->trace.count;
	return B3IQ_OK;
}

/* Chunk i carries the id that the model picks after prompt + ids[0..i), its probe, and the text that
 * leaves with ids[i]. */
static int32_t
compare_chunk(struct b3iq_sink *sink, const struct b3iq_chunk *c)
{
	struct auditor *a = (struct auditor *)sink;
	struct receipt_audit *audit = a->audit;
	size_t at = (size_t)a->trace.count;
	bool probe;

	if (c->n_ids > 1 || (c->n_ids == 1 && (!c->ids || at >= a->b->n_tokens)))
		return a->rc = B3IQ_E_INTERNAL; /* not what the extension promises */
	a->rc = compare_text(a, c);
	if (a->rc != B3IQ_OK || c->n_ids == 0)
		return a->rc; /* text that was held back, or a delta */
	probe = probe_differs(a->b, at, c);
	if (!audit->has_position && (c->ids[0] != a->b->tokens[at] || probe)) {
		audit->has_position = true;
		audit->position = at;
		audit->claimed = a->b->tokens[at];
		audit->replayed = c->ids[0];
	}
	/* Continue over the claimed ids: the tree is of what was claimed, with our probes. */
	a->rc = trace_token(&a->trace, a->b->tokens[at], c->probe, c->probe_len);
	return a->rc;
}

/* ---- before: what the receipt lets us check --------------------------------------------- */

/* Does the receipt say that the answer came to its end? */
static bool
is_whole(const struct receipt *r)
{
	return r->kind == RECEIPT_FINAL && r->finish != B3IQ_STOP_CANCELLED;
}

static bool
auditable(const struct bundle *b, const struct receipt_auditor *with, struct receipt_audit *a)
{
	const struct receipt *r = &b->receipt.body;

	if (r->tier < RECEIPT_T2 || !r->has_tokens || !r->has_logits || !r->has_root)
		decide(a, RECEIPT_CANNOT,
		       "the receipt claims nothing that can be re-executed (its tier is T%d)", (int)r->tier);
	else if (!with->replay || !with->replay->replay)
		decide(a, RECEIPT_CANNOT, "this backend has no replay; audit with one that has");
	else if (r->output_tokens == 0 && is_whole(r))
		decide(a, RECEIPT_DIFFERS,
		       "the receipt claims a whole answer without a token, but the one that ends it counts");
	else if (r->output_tokens == 0)
		decide(a, RECEIPT_CANNOT, "the receipt has no output token that could be compared");
	else if (!b->prompt || !b->params || !b->tokens)
		decide(a, RECEIPT_CANNOT,
		       "the bundle must open prompt, params and tokens to be re-executed");
	else if (!b->has_salt[BUNDLE_PROMPT] || !b->has_salt[BUNDLE_OUTPUT] ||
	         !b->has_salt[BUNDLE_TOKENS] || !b->has_salt[BUNDLE_LOGITS])
		decide(a, RECEIPT_CANNOT,
		       "the bundle must hold the secret, or the salts of prompt, output, tokens and "
		       "logits");
	else if (!with->root || memcmp(with->root, r->root, 32) != 0)
		decide(a, RECEIPT_DIFFERS,
		       "the model root is another one: these are not the weights, quantisation, tokenizer "
		       "and template of the receipt");
	else
		return true;
	return false;
}

/* Are the openings those of the receipt?  Otherwise we would audit something else. */
static int32_t
check_openings(const struct bundle *b, struct receipt_audit *a, bool *good)
{
	const struct receipt *r = &b->receipt.body;
	struct trace t;
	uint8_t found[32];
	struct buf text;
	int32_t rc;
	size_t i;

	*good = false;
	rc = commit_salted(b->salt[BUNDLE_PROMPT], COMMIT_PROMPT, b->prompt, b->prompt_len, found);
	if (rc != B3IQ_OK)
		return rc;
	if (memcmp(found, r->prompt, 32) != 0)
		return decide(a, RECEIPT_DIFFERS, "the opened prompt is not that of the receipt"), B3IQ_OK;
	if (b->output) {
		rc = commit_salted(b->salt[BUNDLE_OUTPUT], COMMIT_OUTPUT, b->output, b->output_len,
		                   found);
		if (rc != B3IQ_OK)
			return rc;
		if (memcmp(found, r->output, 32) != 0)
			return decide(a, RECEIPT_DIFFERS, "the opened output is not that of the receipt"),
			       B3IQ_OK;
	}
	buf_init(&text, BUNDLE_MAX);
	rc = json_canonical(b->params, &text, NULL);
	if (rc == B3IQ_OK)
		rc = params_digest(text.data, text.len, found);
	buf_free(&text);
	if (rc != B3IQ_OK && rc != B3IQ_E_INVALID)
		return rc;
	if (rc == B3IQ_E_INVALID || memcmp(found, r->params, 32) != 0)
		return decide(a, RECEIPT_DIFFERS, "the opened parameters are not those of the receipt"),
		       B3IQ_OK;
	rc = trace_init(&t, b->salt[BUNDLE_TOKENS]);
	for (i = 0; i < b->n_tokens && rc == B3IQ_OK; i++)
		rc = trace_token(&t, b->tokens[i], NULL, 0);
	if (rc != B3IQ_OK)
		return rc;
	*good = b->n_tokens == r->output_tokens && memcmp(t.head, r->tokens, 32) == 0;
	if (!*good)
		decide(a, RECEIPT_DIFFERS,
		       "the opened tokens are not those of the receipt (%zu opened, %" PRIu64 " counted)",
		       b->n_tokens, r->output_tokens);
	return B3IQ_OK;
}

/* ---- after: the verdict ------------------------------------------------------------------ */

static int32_t
compare_root(struct auditor *a, bool *equal)
{
	const struct bundle *b = a->b;
	uint8_t root[32], commitment[32];
	int32_t rc = merkle_root(&a->trace.logits, root);

	if (rc == B3IQ_OK)
		rc = commit_salted(b->salt[BUNDLE_LOGITS], COMMIT_LOGITS, root, 32, commitment);
	if (rc == B3IQ_OK)
		*equal = !a->trace.unprobed && memcmp(commitment, b->receipt.body.logits, 32) == 0;
	return rc;
}

/* Was it the text of these tokens that was delivered?  A run that was cut short may or may not have
 * let go what a stop string's beginning held back. */
static int32_t
compare_output(struct auditor *a, bool *equal)
{
	const struct bundle *b = a->b;
	const struct receipt *r = &b->receipt.body;
	const bool whole = is_whole(r);
	const char *text;
	uint8_t commitment[32];
	int32_t rc = whole ? utf8_end(&a->text, &a->tail) : B3IQ_OK;

	text = a->text.data ? a->text.data : "";
	if (rc == B3IQ_OK)
		rc = commit_salted(b->salt[BUNDLE_OUTPUT], COMMIT_OUTPUT, text, a->text.len, commitment);
	*equal = rc == B3IQ_OK && memcmp(commitment, r->output, 32) == 0;
	if (rc != B3IQ_OK || *equal || whole)
		return rc;
	rc = commit_salted(b->salt[BUNDLE_OUTPUT], COMMIT_OUTPUT, text, a->held_at, commitment);
	*equal = rc == B3IQ_OK && memcmp(commitment, r->output, 32) == 0;
	return rc;
}

static void
text_differs(const struct auditor *a)
{
	struct receipt_audit *audit = a->audit;

	audit->has_position = a->parted;
	if (a->parted) {
		audit->position = a->parted_at;
		audit->claimed = audit->replayed = a->b->tokens[a->parted_at];
		decide(audit, RECEIPT_DIFFERS,
		       "position %" PRIu64 ": the text that was delivered is not that of token %" PRId32,
		       audit->position, audit->claimed);
	} else {
		decide(audit, RECEIPT_DIFFERS,
		       "every token is equal, but the text that was delivered is not theirs");
	}
}

/* Does the output end as the receipt says?  A length below max_tokens is honest where the node's
 * context is smaller than ours: it claims no complete answer, and is told apart. */
static bool
ends_otherwise(const struct auditor *a)
{
	static const char *const how[] = { "?", "its end", "length", "a stop sequence",
		                           "a tool call", "a cancel" };
	const struct receipt *r = &a->b->receipt.body;
	const uint32_t stop = a->stop;

	if (stop == 0 || stop > B3IQ_STOP_CANCELLED) {
		decide(a->audit, RECEIPT_DIFFERS,
		       "the answer ended before the last of the %zu tokens that the receipt counts",
		       a->b->n_tokens);
		return true;
	}
	if (!is_whole(r) || r->finish == stop ||
	    (r->finish == B3IQ_STOP_LENGTH && stop == B3IQ_STOP_CANCELLED))
		return false;
	if (stop == B3IQ_STOP_CANCELLED)
		decide(a->audit, RECEIPT_DIFFERS,
		       "the receipt says that the answer ended by %s, but it goes on after %zu tokens",
		       how[r->finish], a->b->n_tokens);
	else
		decide(a->audit, RECEIPT_DIFFERS,
		       "the receipt says that the answer ended by %s, but it ended by %s", how[r->finish],
		       how[stop]);
	return true;
}

/* What differs once the ids are known to be equal; the strongest statement first. */
static int32_t
conclude_equal_ids(struct auditor *a, const struct b3iq_usage *usage)
{
	const struct receipt *r = &a->b->receipt.body;
	struct receipt_audit *audit = a->audit;
	bool root = false, text = false;
	int32_t rc = compare_root(a, &root);

	if (rc == B3IQ_OK)
		rc = compare_output(a, &text);
	if (rc != B3IQ_OK)
		return rc;
	if (a->trace.unprobed)
		decide(audit, RECEIPT_CANNOT, "the backend gave no probes, so logits were not compared");
	else if (!root)
		decide(audit, RECEIPT_DIFFERS,
		       "every token is equal, but the logit root is another one: other weights, "
		       "parameters or arithmetic");
	else if (usage->prompt_tokens != r->prompt_tokens)
		decide(audit, RECEIPT_DIFFERS,
		       "the prompt has %" PRIu64 " tokens, the receipt counts %" PRIu64,
		       usage->prompt_tokens, r->prompt_tokens);
	else if (!text)
		text_differs(a);
	else if (!ends_otherwise(a))
		decide(audit, RECEIPT_EQUAL,
		       "all %" PRIu64 " positions, the text and the logit root are equal%s",
		       audit->positions,
		       is_whole(r) && a->stop == B3IQ_STOP_CANCELLED
		               ? "; the answer would go on: the node's context was full, or it "
		                 "stopped early"
		               : "");
	return B3IQ_OK;
}

static int32_t
conclude(struct auditor *a, const struct b3iq_usage *usage)
{
	const struct receipt *r = &a->b->receipt.body;
	struct receipt_audit *audit = a->audit;
	char profile[64];

	audit->positions = a->trace.count;
	a->stop = usage->stop;
	receipt_profile(usage->fingerprint, profile);
	if (strcmp(profile, r->profile) != 0)
		decide(audit, RECEIPT_CANNOT, "this backend computes by profile %s, the receipt by %s",
		       profile, r->profile);
	else if (audit->has_position)
		decide(audit, RECEIPT_DIFFERS,
		       "position %" PRIu64 ": the receipt has token %" PRId32
		       ", the model gives %" PRId32 "%s",
		       audit->position, audit->claimed, audit->replayed,
		       audit->claimed == audit->replayed ? " with other logits" : "");
	else if (audit->positions != a->b->n_tokens)
		decide(audit, RECEIPT_DIFFERS, "the replay ended after %" PRIu64 " of %zu positions",
		       audit->positions, a->b->n_tokens);
	else
		return conclude_equal_ids(a, usage);
	return B3IQ_OK;
}

static int32_t
run(struct auditor *a, const struct receipt_auditor *with, struct b3iq_error *err)
{
	const struct bundle *b = a->b;
	union { /* a newer backend may know more fields than we do */
		struct b3iq_usage usage;
		char              slot[B3IQ_SLOT];
	} u;
	struct b3iq_gen_request req = {
		.size = sizeof(req), .model = with->model, .body = b->prompt,
		.body_len = b->prompt_len, .seed = b->receipt.body.seed,
		.deadline_ms = with->deadline_ms,
	};
	int32_t rc;

	memset(&u, 0, sizeof(u));
	u.usage.size = sizeof(u.usage);
	rc = params_read(b->params, &req, err);
	if (rc != B3IQ_OK)
		return rc;
	req.flags |= B3IQ_GEN_DETERMINISTIC | B3IQ_GEN_PROBES;
	rc = trace_init(&a->trace, b->salt[BUNDLE_TOKENS]);
	if (rc != B3IQ_OK)
		return fail_memory(err, "auditing a receipt");
	rc = with->replay->replay(with->self, &req, b->tokens, b->n_tokens, &a->sink, &u.usage,
	                          err);
	if (a->rc == B3IQ_E_NO_MEMORY)
		return fail_memory(err, "auditing a receipt");
	if (a->rc != B3IQ_OK)
		return fail(err, a->rc, "the backend's replay breaks its contract: one id a chunk, one "
		                        "chunk a token");
	if (rc != B3IQ_OK)
		return rc;
	u.usage.fingerprint[sizeof(u.usage.fingerprint) - 1] = '\0';
	rc = conclude(a, &u.usage);
	return rc == B3IQ_OK ? rc : fail_memory(err, "auditing a receipt");
}

int32_t
receipt_audit(const void *text, size_t len, const struct receipt_auditor *with,
              struct receipt_audit *audit, struct b3iq_error *err)
{
	struct auditor a = {
		.sink = { .size = sizeof(a.sink), .cancel_fd = with->cancel_fd,
		          .emit = compare_chunk },
		.audit = audit,
	};
	struct bundle b;
	bool good = false;
	int32_t rc;

	memset(audit, 0, sizeof(*audit));
	rc = bundle_read(text, len, &b, err);
	if (rc != B3IQ_OK)
		return rc;
	a.b = &b;
	buf_init(&a.text, BUNDLE_MAX);
	if (auditable(&b, with, audit)) {
		rc = check_openings(&b, audit, &good);
		if (rc != B3IQ_OK)
			fail_memory(err, "auditing a receipt");
		else if (good)
			rc = run(&a, with, err);
	}
	buf_wipe(&a.text);
	bundle_free(&b);
	return rc;
}
