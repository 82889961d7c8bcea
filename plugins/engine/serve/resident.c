#include "engine/serve/resident.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "engine/fail.h"
#include "engine/serve/logprobs.h"
#include "engine/serve/request.h"

struct resident {
	struct gguf      *gguf;
	struct model     *model;
	struct tokenizer *tokenizer;
	struct scheduler *scheduler;
	enum chat_format  format;
	int32_t           chat_rc; /* of chat_detect_file(): asked again when a chat comes */
	char              fingerprint[128];
};

/* A generation on its way. */
struct run {
	struct resident               *resident;
	const struct b3iq_gen_request *rq;
	struct b3iq_sink              *sink;
	struct b3iq_usage             *use;
	struct b3iq_error             *err;
	struct request                 request;
	struct tokens                  prompt;
	struct stop                    stop;
	struct bytes                   text, delta;
	struct ticket                 *ticket;
	bool                           stopped;
	const int32_t                 *claimed; /* replay: the output as given, or NULL */
	uint32_t                       ending;  /* replay: how it ends, as usage.stop says */
};

#define DELTA_MAX (1u << 20)
#define TEXT_MAX  (1u << 20)

int32_t
resident_open(struct resident **out, const char *path, const struct scheduler_config *config,
              const char *device, struct b3iq_error *err)
{
	struct resident *r = calloc(1, sizeof *r);
	int32_t rc;

	if (!r)
		return fail_memory(err, "the model");
	rc = gguf_open(&r->gguf, path, err);
	if (rc == B3IQ_OK)
		rc = model_create(&r->model, r->gguf, err);
	if (rc == B3IQ_OK)
		rc = tokenizer_create(&r->tokenizer, r->gguf, err);
	if (rc == B3IQ_OK && tokenizer_size(r->tokenizer) > r->model->hyper.vocab)
		rc = fail_with(err, B3IQ_E_INVALID, "%s: %u tokens, but embeddings for %u", path,
		               tokenizer_size(r->tokenizer), r->model->hyper.vocab);
	if (rc == B3IQ_OK) {
		r->chat_rc = chat_detect_file(r->gguf, &r->format, NULL);
		rc = scheduler_create(&r->scheduler, r->model, r->tokenizer, config, err);
	}
	if (rc != B3IQ_OK) {
		resident_close(r);
		return rc;
	}
	snprintf(r->fingerprint, sizeof r->fingerprint, "%s/%s/%s", RESIDENT_PROFILE,
	         RESIDENT_ENGINE, device);
	*out = r;
	return B3IQ_OK;
}

void
resident_close(struct resident *r)
{
	if (!r)
		return;
	scheduler_destroy(r->scheduler);
	tokenizer_destroy(r->tokenizer);
	model_destroy(r->model);
	gguf_close(r->gguf);
	free(r);
}

const struct model *
resident_model(const struct resident *r)
{
	return r->model;
}

uint32_t
resident_context(const struct resident *r)
{
	return scheduler_context(r->scheduler);
}

/* ---- the request in tokens ---- */

static int32_t
encode(struct run *run)
{
	struct resident *r = run->resident;
	const struct request *q = &run->request;
	struct chat_prompt chat = { 0 };
	enum chat_format format = r->format;
	int32_t rc;

	/* A few more than the context holds, so that the error can say how many there are. */
	run->prompt.max = (size_t)1 << 24;
	if (!q->messages)
		return tokenizer_encode(r->tokenizer, q->prompt.ptr, q->prompt.len, TOKENIZER_ENDS,
		                        &run->prompt, run->err);
	if (r->chat_rc != B3IQ_OK) /* for its sentence */
		return chat_detect_file(r->gguf, &format, run->err);
	rc = chat_render(format, q->messages, q->n_messages,
	                 CHAT_GENERATE | (q->no_thinking ? CHAT_NO_THINK : 0), &chat, run->err);
	if (rc == B3IQ_OK)
		rc = chat_encode(r->tokenizer, &chat, &run->prompt, run->err);
	chat_finish(&chat);
	return rc;
}

static int32_t
submit(struct run *run, const int32_t *forced, size_t n_forced)
{
	const struct b3iq_gen_request *rq = run->rq;
	const struct scheduler_job job = {
	    .prompt = run->prompt.ids,
	    .n_prompt = run->prompt.len,
	    .max_tokens = rq->max_tokens,
	    .sampling =
		{
		    .seed = rq->seed,
		    .temperature = rq->temperature,
		    .top_k = rq->top_k,
		    .top_p = rq->top_p,
		    .min_p = rq->min_p,
		    .repetition = rq->repetition_penalty != 0.0f ? rq->repetition_penalty : 1.0f,
		    .presence = rq->presence_penalty,
		    .frequency = rq->frequency_penalty,
		    .bias = run->request.bias,
		    .n_bias = run->request.n_bias,
		},
	    .probes = rq->flags & B3IQ_GEN_PROBES,
	    .logprobs = rq->flags & B3IQ_GEN_LOGPROBS,
	    .top_logprobs = rq->flags & B3IQ_GEN_LOGPROBS ? rq->top_logprobs : 0,
	    .forced = forced,
	    .n_forced = n_forced,
	};

	return scheduler_submit(run->resident->scheduler, &job, &run->ticket, run->err);
}

/* ---- tokens to chunks ---- */

/* The text that leaves with a token: what the stop strings let through, and at the end all of it.
 */
static int32_t
text_for(struct run *run, const struct scheduler_token *token)
{
	const struct gguf_str bytes = tokenizer_bytes(run->resident->tokenizer, token->id);
	const char *text;
	size_t len;
	int32_t rc;

	run->text.len = 0;
	rc = stop_push(&run->stop, bytes.ptr, bytes.len, &text, &len, &run->stopped);
	if (rc == B3IQ_OK)
		rc = bytes_add(&run->text, text, len);
	if (rc != B3IQ_OK || !token->last || run->stopped)
		return rc;
	rc = stop_flush(&run->stop, &text, &len);
	return rc == B3IQ_OK ? bytes_add(&run->text, text, len) : rc;
}

/* Replay: the text that left with the next claimed token, and whether that was the end. */
static int32_t
claimed_text(struct run *run)
{
	const size_t at = run->use->output_tokens;
	const size_t room = resident_context(run->resident) - run->prompt.len;
	const uint32_t most = run->rq->max_tokens;
	struct scheduler_token token = { .id = run->claimed[at] };
	int32_t rc;

	run->text.len = 0;
	if (run->ending != B3IQ_STOP_CANCELLED) {
		run->ending = 0; /* it had ended before */
		return B3IQ_OK;
	}
	token.end = tokenizer_is_end(run->resident->tokenizer, token.id);
	token.last = token.end || at + 1 == (most == 0 || most > room ? room : most);
	rc = text_for(run, &token);
	if (run->stopped)
		run->ending = B3IQ_STOP_SEQUENCE;
	else if (token.last)
		run->ending = token.end ? B3IQ_STOP_END : B3IQ_STOP_LENGTH;
	return rc;
}

/* Replay: what an output that would go on holds back so far, in a chunk without id. */
static int32_t
emit_held(struct run *run)
{
	struct b3iq_chunk chunk = { .size = sizeof chunk };
	int32_t rc = stop_flush(&run->stop, &chunk.text, &chunk.text_len);

	if (rc != B3IQ_OK)
		return fail_memory(run->err, "a chunk of the answer");
	if (chunk.text_len == 0)
		return B3IQ_OK;
	rc = run->sink->emit(run->sink, &chunk);
	return rc == B3IQ_OK ? rc : fail_with(run->err, rc, "the host asked to stop");
}

static int32_t
emit(struct run *run, const struct scheduler_token *token)
{
	struct b3iq_chunk chunk = { .size = sizeof chunk, .n_ids = 1, .ids = &token->id };
	int32_t rc = run->claimed ? claimed_text(run) : text_for(run, token);

	chunk.text = run->text.len ? run->text.data : "";
	chunk.text_len = run->text.len;
	if (rc == B3IQ_OK && run->rq->flags & B3IQ_GEN_LOGPROBS) {
		run->delta.len = 0;
		rc = logprobs_json(run->resident->tokenizer, token->logprobs, run->rq->top_logprobs,
		                   &run->delta);
		chunk.delta = run->delta.data;
	}
	if (run->rq->flags & B3IQ_GEN_PROBES) {
		chunk.probe = token->probe;
		chunk.probe_len = sizeof token->probe;
	}
	if (rc != B3IQ_OK)
		return fail_memory(run->err, "a chunk of the answer");
	rc = run->sink->emit(run->sink, &chunk);
	if (rc != B3IQ_OK) {
		run->use->stop = B3IQ_STOP_CANCELLED;
		return fail_with(run->err, rc, "the host asked to stop");
	}
	run->use->output_tokens++;
	return B3IQ_OK;
}

/* ---- waiting ---- */

static uint64_t
now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

static int32_t
too_late(struct run *run)
{
	run->use->stop = B3IQ_STOP_CANCELLED;
	return fail_with(run->err, B3IQ_E_TIMEOUT,
	                 "the deadline passed after %llu tokens: allow more time or ask for fewer",
	                 (unsigned long long)run->use->output_tokens);
}

/* Waits for news of the ticket, cancel or deadline.  0: whatever may have happened, look. */
static int32_t
await(struct run *run, bool block)
{
	struct pollfd fds[2] = { { .fd = run->sink->cancel_fd, .events = POLLIN },
		                 { .fd = ticket_fd(run->ticket), .events = POLLIN } };
	const uint64_t deadline = run->rq->deadline_ms, now = deadline ? now_ms() : 0;
	int wait = block ? -1 : 0;

	if (deadline && now >= deadline)
		return too_late(run);
	if (deadline && block)
		wait = deadline - now < 60000 ? (int)(deadline - now) : 60000;
	if (poll(fds, block ? 2 : 1, wait) > 0 && fds[0].fd >= 0 && fds[0].revents) {
		if (deadline && now_ms() >= deadline)
			return too_late(run);
		run->use->stop = B3IQ_STOP_CANCELLED;
		return fail_with(run->err, B3IQ_E_CANCELLED, "the request was cancelled");
	}
	return B3IQ_OK;
}

/* Fetches and emits until the answer ends. */
static int32_t
stream(struct run *run)
{
	struct scheduler_token token;
	struct scheduler_end end;
	int32_t rc = B3IQ_OK;

	while (rc == B3IQ_OK) {
		switch (ticket_next(run->ticket, &token, &end)) {
		case TICKET_NOTHING:
			rc = await(run, true);
			break;
		case TICKET_TOKEN:
			rc = await(run, false);
			if (rc == B3IQ_OK)
				rc = emit(run, &token);
			if (rc == B3IQ_OK && run->stopped && !run->claimed) {
				run->use->stop = B3IQ_STOP_SEQUENCE;
				return B3IQ_OK;
			}
			break;
		case TICKET_ENDED:
			run->use->stop = run->claimed ? run->ending : end.stop;
			if (end.rc != B3IQ_OK)
				return fail_with(run->err, end.rc, "%s", end.err.text);
			return run->ending == B3IQ_STOP_CANCELLED ? emit_held(run) : B3IQ_OK;
		}
	}
	return rc;
}

static int32_t
check_request(const struct b3iq_gen_request *rq, struct b3iq_error *err)
{
	const uint32_t known = B3IQ_GEN_DETERMINISTIC | B3IQ_GEN_PROBES | B3IQ_GEN_LOGPROBS;

	if (rq->flags & ~known)
		return fail_with(err, B3IQ_E_UNSUPPORTED,
		                 "the request has flags 0x%x, which this engine does not know",
		                 rq->flags & ~known);
	return B3IQ_OK;
}

static int32_t
execute(struct run *run, const int32_t *forced, size_t n_forced)
{
	struct b3iq_usage *use = run->use;
	int32_t rc = check_request(run->rq, run->err);

	if (rc == B3IQ_OK)
		rc = request_parse(&run->request, run->rq->body, run->rq->body_len, run->err);
	if (rc == B3IQ_OK)
		rc = stop_init(&run->stop, run->request.stops, run->request.n_stops, run->err);
	if (rc == B3IQ_OK)
		rc = encode(run);
	if (rc == B3IQ_OK)
		rc = submit(run, forced, n_forced);
	if (rc != B3IQ_OK)
		return rc;
	use->prompt_tokens = run->prompt.len;
	use->determinism = B3IQ_DET_SAME_FINGERPRINT;
	snprintf(use->fingerprint, sizeof use->fingerprint, "%s", run->resident->fingerprint);
	rc = stream(run);
	if (run->ticket) {
		const struct scheduler_times times = ticket_times(run->ticket);

		use->cached_tokens = times.cached_tokens;
		use->queue_us = times.queue_us;
		use->prefill_us = times.prefill_us;
		use->decode_us = times.decode_us;
	}
	return rc;
}

static int32_t
run_all(struct run *run, const int32_t *forced, size_t n_forced)
{
	int32_t rc;

	run->text = BYTES(TEXT_MAX);
	run->delta = BYTES(DELTA_MAX);
	rc = execute(run, forced, n_forced);
	ticket_close(run->ticket);
	stop_finish(&run->stop);
	bytes_finish(&run->text);
	bytes_finish(&run->delta);
	tokens_finish(&run->prompt);
	request_finish(&run->request);
	return rc;
}

int32_t
resident_generate(struct resident *r, const struct b3iq_gen_request *rq, struct b3iq_sink *sink,
                  struct b3iq_usage *use, struct b3iq_error *err)
{
	struct run run = { .resident = r, .rq = rq, .sink = sink, .use = use, .err = err };

	return run_all(&run, NULL, 0);
}

int32_t
resident_replay(struct resident *r, const struct b3iq_gen_request *rq, const int32_t *ids,
                size_t n_ids, struct b3iq_sink *sink, struct b3iq_usage *use,
                struct b3iq_error *err)
{
	struct run run = { .resident = r, .rq = rq, .sink = sink, .use = use, .err = err,
		           .claimed = ids, .ending = B3IQ_STOP_CANCELLED };

	if (n_ids == 0)
		return fail_with(err, B3IQ_E_INVALID, "there is no output to replay: give its ids");
	return run_all(&run, ids, n_ids);
}
