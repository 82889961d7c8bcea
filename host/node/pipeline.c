#include "node/pipeline.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/random.h"
#include "core/base/utf8.h"
#include "core/crypto/secret.h"
#include "core/receipt/commit.h"
#include "core/receipt/params.h"
#include "core/receipt/trace.h"
#include "node/jobs.h"

#define TURN_MS    60000 /* how long a request waits for its turn */
#define TICK_MS    50
#define DELTA_MAX  (1u << 20)

struct pipeline {
	struct pipeline_options o;
	pthread_mutex_t lock;
	pthread_cond_t  turn;
	uint32_t        running, waiting;
};

/* One run while generate() is in it. */
struct sink {
	struct b3iq_sink  base; /* first */
	struct run       *run;
	struct trace      trace;
	struct receipt    receipt;
	uint64_t          start_us;
	struct utf8_tail  tail;
	int32_t           rc;         /* why emit() said stop         */
};

struct pipeline *
pipeline_create(const struct pipeline_options *o, struct b3iq_error *err)
{
	struct pipeline *p = calloc(1, sizeof *p);

	if (!p) {
		fail_memory(err, "starting the pipeline");
		return NULL;
	}
	p->o = *o;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->turn, NULL);
	return p;
}

void
pipeline_destroy(struct pipeline *p)
{
	if (!p)
		return;
	pthread_cond_destroy(&p->turn);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

/* ---- turns --------------------------------------------------------------- */

static void
wait_tick(struct pipeline *p)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += TICK_MS * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	pthread_cond_timedwait(&p->turn, &p->lock, &until);
}

static bool
is_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return fd >= 0 && poll(&p, 1, 0) > 0;
}

int32_t
pipeline_enter(struct pipeline *p, int cancel_fd, struct b3iq_error *err)
{
	const uint64_t until = clock_mono_ms() + TURN_MS;
	int32_t rc = B3IQ_OK;

	pthread_mutex_lock(&p->lock);
	if (p->running >= p->o.streams && p->waiting >= p->o.queue)
		rc = B3IQ_E_BUSY;
	p->waiting++;
	while (rc == B3IQ_OK && p->running >= p->o.streams) {
		wait_tick(p);
		if (is_readable(cancel_fd))
			rc = B3IQ_E_CANCELLED;
		else if (clock_mono_ms() >= until)
			rc = B3IQ_E_BUSY;
	}
	p->waiting--;
	if (rc == B3IQ_OK)
		p->running++;
	pthread_mutex_unlock(&p->lock);
	if (rc == B3IQ_E_CANCELLED)
		return fail(err, rc, "the client left");
	if (rc == B3IQ_E_BUSY) {
		fail(err, rc, "the node already works on %u requests; try again shortly",
		     p->o.streams);
		err->retry_ms = 1000;
		return rc;
	}
	metrics_running(p->o.metrics, 1);
	return rc;
}

void
pipeline_leave(struct pipeline *p)
{
	metrics_running(p->o.metrics, -1);
	pthread_mutex_lock(&p->lock);
	p->running--;
	pthread_cond_signal(&p->turn);
	pthread_mutex_unlock(&p->lock);
}

/* ---- a run's own memory -------------------------------------------------- */

void
pipeline_prepare(struct run *run)
{
	memset(run, 0, sizeof *run);
	run->cancel_fd = -1;
	receipt_new_id(run->receipt_id);
	random_bytes(run->secret, sizeof run->secret);
	buf_init(&run->output, PIPELINE_OUTPUT_MAX);
	buf_init(&run->envelope, RECEIPT_MAX);
	buf_init(&run->params, RECEIPT_MAX);
	run->usage.size = sizeof run->usage;
}

void
pipeline_finish(struct run *run)
{
	buf_wipe(&run->output);
	buf_free(&run->envelope);
	buf_free(&run->params);
	if (run->tokens)
		secret_wipe(run->tokens, run->n_tokens * sizeof *run->tokens);
	free(run->tokens);
	secret_wipe(run->secret, sizeof run->secret);
}

/* ---- emit: from chunks to whole characters ------------------------------- */

static int32_t
keep_tokens(struct run *run, const struct b3iq_chunk *chunk)
{
	const size_t room = 64;
	int32_t *longer;

	for (uint32_t i = 0; i < chunk->n_ids; i++) {
		if (run->n_tokens == PIPELINE_TOKENS_MAX)
			return B3IQ_E_NO_MEMORY;
		if (run->n_tokens % room == 0) {
			longer = realloc(run->tokens, (run->n_tokens + room) * sizeof *longer);
			if (!longer)
				return B3IQ_E_NO_MEMORY;
			run->tokens = longer;
		}
		run->tokens[run->n_tokens++] = chunk->ids[i];
	}
	return B3IQ_OK;
}

static int32_t
give_step(struct sink *s, size_t from, const struct b3iq_chunk *chunk)
{
	struct run *run = s->run;
	struct json_object *delta = NULL;
	int32_t rc = B3IQ_OK;

	if (chunk && chunk->delta) {
		const size_t n = strnlen(chunk->delta, DELTA_MAX);

		rc = n < DELTA_MAX ? json_parse(chunk->delta, n, "chunk.delta", &delta, NULL)
		                   : B3IQ_E_INTERNAL;
		if (rc != B3IQ_OK || !json_object_is_type(delta, json_type_object))
			rc = B3IQ_E_INTERNAL;
	}
	if (rc == B3IQ_OK && (run->output.len > from || delta))
		rc = run->on_step(run->ctx, run->output.data ? run->output.data + from : "",
		                  run->output.len - from, delta);
	json_object_put(delta);
	return rc;
}

static int32_t
emit(struct b3iq_sink *base, const struct b3iq_chunk *chunk)
{
	struct sink *s = (struct sink *)base;
	struct run *run = s->run;
	const size_t from = run->output.len;

	if (s->rc != B3IQ_OK)
		return s->rc;
	if (!s->receipt.first_ms) {
		s->receipt.first_ms = clock_wall_ms();
		run->first_us = clock_mono_us() - s->start_us + 1;
	}
	s->rc = trace_chunk(&s->trace, chunk);
	if (s->rc == B3IQ_OK && run->keep_tokens && chunk->ids)
		s->rc = keep_tokens(run, chunk);
	if (s->rc == B3IQ_OK)
		s->rc = utf8_append(&run->output, &s->tail, chunk->text,
		                    chunk->text ? chunk->text_len : 0);
	if (s->rc == B3IQ_OK)
		s->rc = give_step(s, from, chunk);
	return s->rc;
}

/* The end cut a character in half. */
static int32_t
flush_half(struct sink *s)
{
	const size_t from = s->run->output.len;

	if (utf8_end(&s->run->output, &s->tail) != B3IQ_OK || s->run->output.len == from)
		return s->run->output.rc;
	return give_step(s, from, NULL);
}

/* ---- the receipt --------------------------------------------------------- */

/* What is known before the work starts. */
static int32_t
draft(const struct run *run, struct sink *s, struct b3iq_error *err)
{
	struct receipt *r = &s->receipt;
	const struct model *model = run->model;
	const size_t name = strlen(model->name);
	uint8_t salt[32];

	memset(r, 0, sizeof *r);
	if (name >= sizeof r->model)
		return fail(err, B3IQ_E_UNSUPPORTED,
		            "the model's name is longer than a receipt can hold");
	memcpy(r->id, run->receipt_id, sizeof r->id);
	memcpy(r->model, model->name, name + 1);
	snprintf(r->engine, sizeof r->engine, "%.*s", (int)sizeof r->engine - 1, model->engine);
	snprintf(r->profile, sizeof r->profile, "none");
	snprintf(r->price, sizeof r->price, "0");
	snprintf(r->amount, sizeof r->amount, "0");
	r->has_root = model->has_root;
	memcpy(r->root, model->root, sizeof r->root);
	r->seed = run->request.seed;
	r->seed_by_client = run->seed_by_client;
	r->has_order = run->order != NULL;
	if (run->order)
		memcpy(r->order, run->order, sizeof r->order);
	r->start_ms = clock_wall_ms();
	if (params_digest(run->params.data, run->params.len, r->params) != B3IQ_OK ||
	    commit_field(run->secret, COMMIT_PROMPT, run->request.body, run->request.body_len,
	                 r->prompt) != B3IQ_OK ||
	    commit_field(run->secret, COMMIT_OUTPUT, "", 0, r->output) != B3IQ_OK ||
	    commit_salt(run->secret, COMMIT_TOKENS, salt) != B3IQ_OK ||
	    trace_init(&s->trace, salt) != B3IQ_OK)
		return fail_memory(err, "preparing the receipt");
	return B3IQ_OK;
}

/* Is this run re-executable to the bit?  Only if backend and model both say so, and it showed
 * everything that it takes. */
static bool
is_exact(const struct run *run, const struct sink *s, const char *profile)
{
	return strcmp(run->model->profile, "none") != 0 &&
	       strcmp(run->model->profile, profile) == 0 && run->model->has_root &&
	       (run->request.flags & B3IQ_GEN_DETERMINISTIC) &&
	       run->usage.determinism == B3IQ_DET_SAME_FINGERPRINT && s->trace.rc == B3IQ_OK &&
	       !s->trace.hidden && !s->trace.unprobed;
}

static int32_t
fill_exact(struct run *run, struct sink *s, const char *profile)
{
	struct receipt *r = &s->receipt;

	r->tier = RECEIPT_T2;
	snprintf(r->profile, sizeof r->profile, "%s", profile);
	r->has_tokens = r->has_logits = true;
	memcpy(r->tokens, s->trace.head, sizeof r->tokens);
	if (merkle_root(&s->trace.logits, run->logits) != B3IQ_OK)
		return B3IQ_E_NO_MEMORY;
	run->has_logits = true;
	return commit_field(run->secret, COMMIT_LOGITS, run->logits, sizeof run->logits, r->logits);
}

static void
fill_usage(const struct run *run, struct sink *s)
{
	const struct b3iq_usage *use = &run->usage;
	struct receipt *r = &s->receipt;

	r->prompt_tokens = use->prompt_tokens;
	r->cached_tokens = use->cached_tokens < use->prompt_tokens ? use->cached_tokens
	                                                          : use->prompt_tokens;
	r->output_tokens = s->trace.hidden || !s->trace.count ? use->output_tokens : s->trace.count;
	r->end_ms = clock_wall_ms();
	if (r->end_ms < r->start_ms) /* the clock was set back meanwhile */
		r->end_ms = r->start_ms;
	if (r->output_tokens && !r->first_ms)
		r->first_ms = r->end_ms;
	if (r->first_ms && (r->first_ms < r->start_ms || r->first_ms > r->end_ms))
		r->first_ms = r->end_ms;
	r->expires_ms = r->end_ms + JOBS_DISPUTE_MS;
}

/* Completes the receipt with what became of the run, and stores it. */
static int32_t
finish(struct pipeline *p, struct run *run, struct sink *s, int32_t result, struct b3iq_error *err)
{
	struct receipt *r = &s->receipt;
	struct b3iq_error reason = NO_ERROR;
	char profile[64];
	int32_t rc;

	r->kind = result == B3IQ_OK ? RECEIPT_FINAL : RECEIPT_FAILURE;
	r->failure = result;
	if (run->usage.stop < B3IQ_STOP_END || run->usage.stop > B3IQ_STOP_CANCELLED)
		run->usage.stop = B3IQ_STOP_END;
	r->finish = run->usage.stop;
	fill_usage(run, s);
	rc = commit_field(run->secret, COMMIT_OUTPUT, run->output.data ? run->output.data : "",
	                  run->output.len, r->output);
	run->usage.fingerprint[sizeof run->usage.fingerprint - 1] = '\0';
	receipt_profile(run->usage.fingerprint, profile);
	if (rc == B3IQ_OK && is_exact(run, s, profile))
		rc = fill_exact(run, s, profile);
	receipt_label(r);
	if (rc == B3IQ_OK)
		rc = jobs_end(p->o.store, r, p->o.key, &run->envelope, &reason);
	if (rc != B3IQ_OK) {
		buf_clear(&run->envelope);
		log_event(B3IQ_LOG_ERROR, "receipt.not_stored", "receipt=%s code=%s reason=\"%s\"",
		          r->id, result_name(rc), reason.text);
		if (result == B3IQ_OK)
			return fail(err, B3IQ_E_UNAVAILABLE, "the receipt could not be stored");
	}
	return result;
}

static void
count(struct pipeline *p, const struct run *run, const struct sink *s, int32_t rc)
{
	metrics_generation(p->o.metrics, &(struct metrics_generation){
						 .rc = rc,
						 .prompt_tokens = s->receipt.prompt_tokens,
						 .cached_tokens = s->receipt.cached_tokens,
						 .output_tokens = s->receipt.output_tokens,
						 .first_us = run->first_us,
						 .total_us = clock_mono_us() - s->start_us });
}

int32_t
pipeline_run(struct pipeline *p, struct run *run, struct b3iq_error *err)
{
	const struct b3iq_inference *backend = instance_inference(run->instance);
	struct sink s = { .base = { sizeof s.base, -1, emit }, .run = run };
	int32_t rc;

	if (!backend)
		return fail(err, B3IQ_E_INTERNAL, "the instance %s runs no models",
		            instance_name(run->instance));
	rc = params_write(&run->request, &run->params, err);
	if (rc == B3IQ_OK)
		rc = draft(run, &s, err);
	if (rc == B3IQ_OK)
		rc = jobs_begin(p->o.store, &(struct job){
			.draft = &s.receipt, .instance = instance_name(run->instance),
			.principal = run->principal, .request = run->origin }, err);
	if (rc != B3IQ_OK)
		return rc;
	s.start_us = clock_mono_us();
	s.base.cancel_fd = run->cancel_fd;
	run->request.deadline_ms = clock_mono_ms() + p->o.request_s * 1000ull;
	rc = backend->generate(run->instance, &run->request, &s.base, &run->usage, err);
	if (rc == B3IQ_OK && s.rc != B3IQ_OK)
		rc = s.rc; /* it went on although it was told to stop */
	if (rc == B3IQ_OK)
		rc = flush_half(&s);
	if (rc != B3IQ_OK && !err->text[0])
		fail(err, rc, "%s", result_text(rc));
	rc = finish(p, run, &s, rc < 0 || rc == B3IQ_OK ? rc : B3IQ_E_INTERNAL, err);
	count(p, run, &s, rc);
	return rc;
}
