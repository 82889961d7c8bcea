#include "fixture.h"

#include <stdio.h>
#include <string.h>

#include "../check.h"
#include "core/crypto/sha256.h"

#define START UINT64_C(1790000000000)

/* What the model picks after the prompt and n ids, and its probe. */
static int32_t
pick(const uint8_t weights[32], const struct b3iq_gen_request *req, const int32_t *ids, size_t n,
     int32_t *id, uint8_t probe[8])
{
	struct sha256 s;
	uint8_t hash[32] = { 0 };
	int32_t rc;

	sha256_begin(&s);
	sha256_add(&s, weights, 32);
	sha256_add(&s, req->body, req->body_len);
	sha256_add(&s, &req->seed, sizeof(req->seed));
	sha256_add(&s, &req->temperature, sizeof(req->temperature));
	sha256_add(&s, &req->top_p, sizeof(req->top_p));
	sha256_add(&s, &req->top_k, sizeof(req->top_k));
	sha256_add(&s, ids, n * sizeof(*ids));
	rc = sha256_end(&s, hash);
	memcpy(probe, hash + 8, 8);
	*id = hash[0] | hash[1] << 8;
	return rc;
}

/* The text of the token at a position: so many bytes of the one answer. */
#define ANSWER "A statement that you can \"check\".\n"
#define PIECE  5

static int32_t
replay(void *self, const struct b3iq_gen_request *req, const int32_t *ids, size_t n_ids,
       struct b3iq_sink *sink, struct b3iq_usage *usage, struct b3iq_error *err)
{
	struct b3iq_chunk chunk;
	uint8_t probe[8];
	int32_t id, rc;
	size_t i;

	(void)err;
	for (i = 0; i < n_ids; i++) {
		rc = pick(self, req, ids, i, &id, probe);
		if (rc != B3IQ_OK)
			return rc;
		chunk = (struct b3iq_chunk){ .size = sizeof(chunk), .n_ids = 1, .ids = &id,
			                     .probe = probe, .probe_len = sizeof(probe) };
		if (i * PIECE < strlen(ANSWER)) {
			chunk.text = &ANSWER[i * PIECE];
			chunk.text_len = strnlen(chunk.text, PIECE);
		}
		rc = sink->emit(sink, &chunk);
		if (rc != B3IQ_OK)
			return rc;
	}
	usage->prompt_tokens = 5;
	usage->stop = n_ids == req->max_tokens  ? B3IQ_STOP_LENGTH
	              : n_ids < req->max_tokens ? B3IQ_STOP_CANCELLED
	                                        : 0;
	snprintf(usage->fingerprint, sizeof(usage->fingerprint), "det-v1 / fixture / cpu");
	return B3IQ_OK;
}

const struct b3iq_replay fixture_replay = { .size = sizeof(fixture_replay), .replay = replay };

struct receipt_auditor
fixture_auditor(const uint8_t root[32])
{
	return (struct receipt_auditor){ .self = (void *)(uintptr_t)root, .replay = &fixture_replay,
		                         .model = "fixture", .root = root, .cancel_fd = -1 };
}

static void
generate(struct fixture *f)
{
	uint8_t salt[32];
	struct trace t;
	size_t i;

	assert_int_equal(commit_salt(f->secret, COMMIT_TOKENS, salt), B3IQ_OK);
	assert_int_equal(trace_init(&t, salt), B3IQ_OK);
	for (i = 0; i < FIXTURE_TOKENS; i++) {
		assert_int_equal(pick(f->root, &f->req, f->ids, i, &f->ids[i], f->probes[i]),
				 B3IQ_OK);
		assert_int_equal(trace_token(&t, f->ids[i], f->probes[i], 8), B3IQ_OK);
	}
	assert_int_equal(merkle_root(&t.logits, f->logits), B3IQ_OK);
}

void
fixture_commit(struct fixture *f)
{
	struct receipt *r = &f->r;
	uint8_t salt[32];
	struct trace t;
	size_t i;

	commit_field(f->secret, COMMIT_PROMPT, f->prompt, strlen(f->prompt), r->prompt);
	commit_field(f->secret, COMMIT_OUTPUT, f->output, strlen(f->output), r->output);
	commit_field(f->secret, COMMIT_LOGITS, f->logits, 32, r->logits);
	params_digest(f->params, strlen(f->params), r->params);
	commit_salt(f->secret, COMMIT_TOKENS, salt);
	trace_init(&t, salt);
	for (i = 0; i < r->output_tokens && i < FIXTURE_TOKENS; i++)
		trace_token(&t, f->ids[i], NULL, 0);
	memcpy(r->tokens, t.head, 32);
}

static void
fill(struct receipt *r, const struct fixture *f)
{
	memset(r, 0, sizeof(*r));
	r->kind = RECEIPT_FINAL;
	snprintf(r->id, sizeof(r->id), "rcpt_00112233445566778899aabbccddeeff");
	ed25519_name(ed25519_public(f->key), r->node);
	r->seq = 1;
	snprintf(r->model, sizeof(r->model), "tiny-chat");
	r->has_root = true;
	memcpy(r->root, f->root, 32);
	snprintf(r->engine, sizeof(r->engine), "org.b3iq.cpu 0.1.0");
	snprintf(r->profile, sizeof(r->profile), "det-v1");
	r->tier = RECEIPT_T2;
	r->seed = f->req.seed;
	r->seed_by_client = true;
	r->has_tokens = r->has_logits = true;
	r->prompt_tokens = 5;
	r->cached_tokens = 2;
	r->output_tokens = FIXTURE_TOKENS;
	r->finish = B3IQ_STOP_LENGTH;
	r->start_ms = START;
	r->first_ms = START + 40;
	r->end_ms = START + 90;
	r->expires_ms = START + 86400000;
	snprintf(r->price, sizeof(r->price), "0");
	snprintf(r->amount, sizeof(r->amount), "0");
	receipt_label(r);
}

void
fixture_make(struct fixture *f)
{
	uint8_t seed[32];
	struct buf params;

	memset(f, 0, sizeof(*f));
	memset(seed, 0x42, sizeof(seed));
	memset(f->secret, 0x5e, sizeof(f->secret));
	memset(f->root, 0x77, sizeof(f->root));
	assert_int_equal(ed25519_from_seed(seed, &f->key, NULL), B3IQ_OK);
	snprintf(f->prompt, sizeof(f->prompt),
	         "{\"messages\":[{\"content\":\"What is a receipt? \xe2\x82\xac\",\"role\":\"user\"}]}");
	snprintf(f->output, sizeof(f->output), "%s", ANSWER);
	f->req = (struct b3iq_gen_request){
		.size = sizeof(f->req), .flags = B3IQ_GEN_DETERMINISTIC | B3IQ_GEN_PROBES,
		.model = "tiny-chat", .body = f->prompt, .body_len = strlen(f->prompt),
		.seed = UINT64_C(18446744073709551615), .max_tokens = FIXTURE_TOKENS, .top_k = 40,
		.temperature = 0.7F, .top_p = 0.95F, .repetition_penalty = 1.1F,
	};
	buf_init(&params, sizeof(f->params));
	assert_int_equal(params_settle(&f->req, NULL), B3IQ_OK);
	assert_int_equal(params_write(&f->req, &params, NULL), B3IQ_OK);
	snprintf(f->params, sizeof(f->params), "%s", params.data);
	buf_free(&params);
	generate(f);
	fill(&f->r, f);
	fixture_commit(f);
}

void
fixture_free(struct fixture *f)
{
	ed25519_free(f->key);
}

struct bundle_opening
fixture_opening(const struct fixture *f)
{
	return (struct bundle_opening){
		.secret = f->secret, .prompt = f->prompt, .prompt_len = strlen(f->prompt),
		.params = f->params, .params_len = strlen(f->params), .output = f->output,
		.output_len = strlen(f->output), .tokens = f->ids, .n_tokens = FIXTURE_TOKENS,
		.logits = f->logits,
	};
}

int32_t
fixture_bundle(const struct fixture *f, const struct bundle_opening *open, struct buf *out)
{
	struct buf body, envelope;
	int32_t rc;

	buf_init(&body, RECEIPT_MAX);
	buf_init(&envelope, RECEIPT_MAX);
	rc = receipt_write(&f->r, &body, NULL);
	if (rc == B3IQ_OK)
		rc = receipt_sign(body.data, body.len, f->key, &envelope, NULL);
	if (rc == B3IQ_OK)
		rc = bundle_write(envelope.data, envelope.len, open, out, NULL);
	buf_free(&body);
	buf_free(&envelope);
	return rc;
}
