#include "engine/serve/scheduler.h"

#include <openssl/sha.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>
#include "engine/fail.h"
#include "engine/model/forward.h"
#include "engine/numeric/rounding.h"
#include "engine/serve/prefix.h"

#define RING         64u /* tokens that wait for their reader         */
#define LOGITS       64u /* rows with logits of a request in a step   */
#define RETRY_MS     1000u
#define MIXED_SHARE  4u  /* prefill takes 1/4 chunk while others decode */

/* A request.  What stands under `shared` belongs to scheduler.lock; the rest is the engine thread's
 * once the ticket is queued. */
struct ticket {
	struct scheduler *scheduler;
	struct ticket    *next;
	int32_t          *ids;     /* prompt, then output                      */
	size_t            n_prompt, n_known, n_run; /* n_run have keys and values */
	size_t            n_results, max_results;
	bool              replay, probes, logprobs;
	uint32_t          top_logprobs;
	struct sampler   *sampler;
	uint16_t        **blocks;
	size_t            n_blocks, n_taken;
	uint64_t          submitted_us, started_us, first_us, last_us;

	struct {
		struct scheduler_token ring[RING];
		size_t                 head, n;
		bool                   ended, closed;
		struct scheduler_end   end;
		struct scheduler_times times;
		unsigned               owners; /* the reader and the engine */
		int                    fd;
	} shared;
};

/* The rows of one request in a step, and what came of them. */
struct part {
	struct ticket          *ticket;
	size_t                  n_rows, first_logits, n_logits;
	bool                    failed, end;
	struct scheduler_token *results;
};

struct scheduler {
	const struct model     *model;
	const struct tokenizer *tokenizer;
	struct scheduler_config config;
	struct cache           *cache;
	struct prefix          *prefix;
	struct pool            *pool;
	struct forward         *forward;
	struct sampler_room   **rooms; /* one a thread */
	size_t                  max_logits;

	struct forward_row     *rows; /* of the step at hand */
	struct part            *parts;
	struct scheduler_token *results;
	float                  *logits;
	size_t                  n_rows, n_parts, turn;
	struct ticket         **active;
	size_t                  n_active;

	pthread_mutex_t lock;
	pthread_cond_t  news; /* for the engine thread */
	struct ticket  *first, *last; /* waiting */
	size_t          n_waiting;
	bool            closing, started;
	pthread_t       thread;
};

static uint64_t
now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

/* ---- tickets ---- */

static void
ticket_free(struct ticket *t)
{
	if (!t)
		return;
	if (t->shared.fd >= 0)
		(void)close(t->shared.fd);
	sampler_destroy(t->sampler);
	free(t->blocks);
	if (t->ids)
		explicit_bzero(t->ids, (t->n_prompt + t->max_results) * sizeof *t->ids);
	free(t->ids);
	free(t);
}

/* Under the lock: one owner less; true when it was the last. */
static bool
let_go(struct ticket *t)
{
	return --t->shared.owners == 0;
}

static void
notify(const struct ticket *t)
{
	const uint64_t one = 1;
	const ssize_t n = write(t->shared.fd, &one, sizeof one);

	(void)n; /* a counter that is full is readable all the same */
}

int
ticket_fd(const struct ticket *t)
{
	return t->shared.fd;
}

enum ticket_news
ticket_next(struct ticket *t, struct scheduler_token *token, struct scheduler_end *end)
{
	struct scheduler *s = t->scheduler;
	enum ticket_news news = TICKET_NOTHING;
	uint64_t count;

	pthread_mutex_lock(&s->lock);
	if (t->shared.n > 0) {
		*token = t->shared.ring[t->shared.head];
		t->shared.head = (t->shared.head + 1) % RING;
		if (t->shared.n-- == RING)
			pthread_cond_signal(&s->news);
		news = TICKET_TOKEN;
	} else if (t->shared.ended) {
		*end = t->shared.end;
		news = TICKET_ENDED;
	} else {
		const ssize_t n = read(t->shared.fd, &count, sizeof count);

		(void)n; /* under the lock no news can slip in between */
	}
	pthread_mutex_unlock(&s->lock);
	return news;
}

struct scheduler_times
ticket_times(struct ticket *t)
{
	struct scheduler_times times;

	pthread_mutex_lock(&t->scheduler->lock);
	times = t->shared.times;
	pthread_mutex_unlock(&t->scheduler->lock);
	return times;
}

void
ticket_close(struct ticket *t)
{
	struct scheduler *s;
	bool last;

	if (!t)
		return;
	s = t->scheduler;
	pthread_mutex_lock(&s->lock);
	t->shared.closed = true;
	last = let_go(t);
	pthread_cond_signal(&s->news);
	pthread_mutex_unlock(&s->lock);
	if (last)
		ticket_free(t);
}

/* ---- submission ---- */

static int32_t
check_job(const struct scheduler *s, const struct scheduler_job *j, struct b3iq_error *err)
{
	const uint32_t vocab = s->model->hyper.vocab;
	const size_t beyond = j->forced ? j->n_forced : 1;

	if (j->n_prompt == 0)
		return fail_with(err, B3IQ_E_INVALID,
				 "the prompt is empty: send at least one token");
	if (j->n_prompt + beyond > s->config.context)
		return fail_with(
		    err, B3IQ_E_INVALID,
		    "context_length_exceeded: the prompt has %zu tokens and the context "
		    "holds %u, prompt and answer together: shorten the prompt",
		    j->n_prompt, s->config.context);
	if (j->top_logprobs > SAMPLER_MAX_TOP)
		return fail_with(err, B3IQ_E_INVALID, "top_logprobs is %u: at most %u",
		                 j->top_logprobs, SAMPLER_MAX_TOP);
	for (size_t i = 0; i < j->n_prompt; i++)
		if (j->prompt[i] < 0 || (uint32_t)j->prompt[i] >= vocab)
			return fail_with(err, B3IQ_E_INVALID, "token %zu of the prompt is unknown",
					 i);
	for (size_t i = 0; i < j->n_forced; i++)
		if (j->forced[i] < 0 || (uint32_t)j->forced[i] >= vocab)
			return fail_with(err, B3IQ_E_INVALID, "token %zu of the output is unknown",
					 i);
	for (size_t i = 0; i < j->sampling.n_bias; i++)
		if (j->sampling.bias[i].id < 0 || (uint32_t)j->sampling.bias[i].id >= vocab)
			return fail_with(err, B3IQ_E_INVALID,
			                 "logit_bias names token %d, the vocabulary has %u",
			                 j->sampling.bias[i].id, vocab);
	return sampler_check(&j->sampling, err);
}

/* How many tokens a job may give, and the blocks for its whole course. */
static int32_t
plan(const struct scheduler *s, const struct scheduler_job *j, struct ticket *t,
     struct b3iq_error *err)
{
	const size_t most = cache_max_blocks(s->cache) * KERNELS_KV_BLOCK;
	const size_t room = s->config.context - j->n_prompt;

	t->max_results = j->max_tokens == 0 || j->max_tokens > room ? room : j->max_tokens;
	if (j->forced)
		t->max_results = j->n_forced;
	if (j->n_prompt < most && j->max_tokens == 0 && !j->forced &&
	    t->max_results > most - j->n_prompt)
		t->max_results = most - j->n_prompt;
	t->n_blocks = cache_blocks_for(j->n_prompt + t->max_results);
	if (t->n_blocks > cache_max_blocks(s->cache))
		return fail_with(
		    err, B3IQ_E_NO_MEMORY,
		    "%zu tokens need %zu MiB of keys and values, more than the budget: "
		    "lower max_tokens or raise \"kv_memory_mib\"",
		    j->n_prompt + t->max_results,
		    (t->n_blocks * cache_block_bytes(s->cache) >> 20) + 1);
	return B3IQ_OK;
}

static int32_t
ticket_create(struct scheduler *s, const struct scheduler_job *j, struct ticket **out,
              struct b3iq_error *err)
{
	struct ticket *t = calloc(1, sizeof *t);
	int32_t rc;

	if (!t)
		return fail_memory(err, "the request");
	t->scheduler = s;
	t->shared.owners = 2;
	t->shared.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	t->n_prompt = t->n_known = j->n_prompt;
	t->replay = j->forced != NULL;
	t->probes = j->probes;
	t->logprobs = j->logprobs;
	t->top_logprobs = j->top_logprobs;
	t->submitted_us = now_us();
	rc = t->shared.fd < 0 ? fail_with(err, B3IQ_E_UNAVAILABLE,
	                                  "no descriptor for a request: raise the limit on open "
	                                  "files")
	                      : plan(s, j, t, err);
	if (rc == B3IQ_OK) {
		t->ids = calloc(t->n_prompt + t->max_results, sizeof *t->ids);
		t->blocks = calloc(t->n_blocks, sizeof(*t->blocks));
		if (!t->ids || !t->blocks)
			rc = fail_memory(err, "the request");
	}
	if (rc == B3IQ_OK)
		rc = sampler_create(&t->sampler, &j->sampling, s->model->hyper.vocab, err);
	if (rc != B3IQ_OK) {
		ticket_free(t);
		return rc;
	}
	memcpy(t->ids, j->prompt, j->n_prompt * sizeof *t->ids);
	if (j->n_forced > 1) { /* nothing follows the last one */
		memcpy(t->ids + j->n_prompt, j->forced, (j->n_forced - 1) * sizeof *t->ids);
		t->n_known += j->n_forced - 1;
	}
	sampler_prompt(t->sampler, j->prompt, j->n_prompt);
	*out = t;
	return B3IQ_OK;
}

int32_t
scheduler_submit(struct scheduler *s, const struct scheduler_job *job, struct ticket **out,
                 struct b3iq_error *err)
{
	struct ticket *t = NULL;
	bool full;
	int32_t rc = check_job(s, job, err);

	if (rc == B3IQ_OK)
		rc = ticket_create(s, job, &t, err);
	if (rc != B3IQ_OK)
		return rc;
	pthread_mutex_lock(&s->lock);
	full = s->n_waiting >= s->config.max_queue;
	if (!full) {
		if (s->last)
			s->last->next = t;
		else
			s->first = t;
		s->last = t;
		s->n_waiting++;
		pthread_cond_signal(&s->news);
	}
	pthread_mutex_unlock(&s->lock);
	if (full) {
		ticket_free(t);
		if (err)
			err->retry_ms = RETRY_MS;
		return fail_with(err, B3IQ_E_BUSY,
		                 "%zu requests wait already: try again in a second, or raise "
		                 "\"max_queue\"",
		                 s->config.max_queue);
	}
	*out = t;
	return B3IQ_OK;
}

/* ---- the engine thread: who runs (under the lock) ---- */

/* The engine lets go of a request that has ended. */
static void
retire(struct scheduler *s, struct ticket *t, bool keep)
{
	const size_t untaken = t->n_blocks - t->n_taken;
	bool last;

	if (keep && t->n_run > 0) {
		prefix_keep(s->prefix, t->ids, t->n_run, t->blocks, t->n_taken);
	} else {
		for (size_t i = 0; i < t->n_taken; i++)
			cache_drop(s->cache, t->blocks[i]);
	}
	cache_release(s->cache, untaken);
	last = let_go(t);
	if (last)
		ticket_free(t);
}

static void
end(struct ticket *t, int32_t rc, uint32_t stop, const char *text)
{
	t->shared.end.rc = rc;
	t->shared.end.stop = stop;
	if (text)
		(void)fail_with(&t->shared.end.err, rc, "%s", text);
	t->shared.ended = true;
	notify(t);
}

static void
drop_closed(struct scheduler *s)
{
	struct ticket **at = &s->first, *before = NULL;

	for (size_t i = 0; i < s->n_active;) {
		if (s->active[i]->shared.closed) {
			retire(s, s->active[i], true);
			s->active[i] = s->active[--s->n_active];
		} else {
			i++;
		}
	}
	while (*at) {
		struct ticket *t = *at;

		if (!t->shared.closed) {
			before = t;
			at = &t->next;
			continue;
		}
		*at = t->next;
		if (s->last == t)
			s->last = before;
		s->n_waiting--;
		if (let_go(t))
			ticket_free(t);
	}
}

static void
start(struct scheduler *s, struct ticket *t)
{
	/* The last token of the prompt is always run: its logits are wanted. */
	const size_t reusable = t->replay ? 0 : t->n_prompt - 1;

	t->started_us = t->last_us = now_us();
	t->n_run = prefix_find(s->prefix, t->ids, reusable, t->blocks);
	t->n_taken = cache_blocks_for(t->n_run);
	t->shared.times.cached_tokens = t->n_run;
	t->shared.times.queue_us = t->started_us - t->submitted_us;
	s->active[s->n_active++] = t;
}

/* In the order of arrival: who does not fit holds back who comes later, so nobody starves. */
static void
admit(struct scheduler *s)
{
	while (s->first && s->n_active < s->config.max_sequences) {
		struct ticket *t = s->first;

		while (!cache_reserve(s->cache, t->n_blocks))
			if (!prefix_evict(s->prefix))
				return;
		s->first = t->next;
		if (!s->first)
			s->last = NULL;
		s->n_waiting--;
		start(s, t);
	}
}

/* ---- the engine thread: what a step carries ---- */

/* Rows of a request that could run now, of which at most `logits` may want logits. */
static size_t
runnable(const struct ticket *t, size_t logits)
{
	const size_t pending = t->n_known - t->n_run;
	const size_t quiet = t->n_run + 1 < t->n_prompt ? t->n_prompt - 1 - t->n_run : 0;
	const size_t space = RING - t->shared.n;
	const size_t loud = logits < space ? logits : space;

	return pending < quiet + loud ? pending : quiet + loud;
}

static bool
take_blocks(struct scheduler *s, struct ticket *t, size_t rows)
{
	while (t->n_taken < cache_blocks_for(t->n_run + rows)) {
		t->blocks[t->n_taken] = cache_take(s->cache);
		if (!t->blocks[t->n_taken])
			return false;
		t->n_taken++;
	}
	return true;
}

static void
add_part(struct scheduler *s, struct ticket *t, size_t n, size_t *n_logits)
{
	struct part *p = &s->parts[s->n_parts++];

	*p = (struct part){ .ticket = t, .n_rows = n, .first_logits = *n_logits };
	for (size_t i = 0; i < n; i++) {
		const size_t at = t->n_run + i;

		s->rows[s->n_rows++] = (struct forward_row){ .blocks = t->blocks,
			.position = (uint32_t)at, .token = t->ids[at],
			.logits = at + 1 >= t->n_prompt };
		p->n_logits += at + 1 >= t->n_prompt;
	}
	p->results = s->results + *n_logits;
	*n_logits += p->n_logits;
}

static size_t
smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* One row for everybody, the rest in even shares, beginning with another request each time. */
static void
compose(struct scheduler *s)
{
	size_t budget = s->config.chunk, hungry = 0, n_logits = 0;

	s->n_rows = s->n_parts = 0;
	for (size_t i = 0; i < s->n_active; i++) {
		const struct ticket *t = s->active[i];
		const size_t n = runnable(t, 1);

		hungry += n > 1;
		if (n == 1 && t->n_run >= t->n_prompt)
			budget = s->config.chunk / MIXED_SHARE;
	}
	budget = budget > s->n_active ? budget - s->n_active : 0;
	s->turn++;
	for (size_t i = 0; i < s->n_active; i++) {
		struct ticket *t = s->active[(s->turn + i) % s->n_active];
		const size_t later = s->n_active - i - 1; /* each may want logits too */
		size_t n = runnable(t, smaller(s->max_logits - n_logits - later, LOGITS));

		if (n > 1) {
			const size_t share = hungry ? budget / hungry : 0;

			n = smaller(n, 1 + share);
			budget -= n - 1;
			hungry -= hungry > 0;
		}
		if (n == 0)
			continue;
		if (take_blocks(s, t, n))
			add_part(s, t, n, &n_logits);
		else
			end(t, B3IQ_E_NO_MEMORY, 0,
			    "the machine has no memory for the keys and values that were planned: "
			    "lower \"kv_memory_mib\"");
	}
}

/* ---- the engine thread: what comes of it ---- */

static void
probe(const struct scheduler *s, const float *logits, uint8_t out[SCHEDULER_PROBE])
{
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "a probe is over little-endian logits: swap them here"
#endif
	(void)SHA256((const uint8_t *)logits, s->model->hyper.vocab * sizeof *logits, out);
}

static void
sample_part(void *ctx, size_t index, unsigned worker)
{
	struct scheduler *s = ctx;
	struct part *p = &s->parts[index];
	struct ticket *t = p->ticket;
	const uint32_t vocab = s->model->hyper.vocab;

	for (size_t i = 0; i < p->n_logits; i++) {
		const float *logits = s->logits + (p->first_logits + i) * vocab;
		const size_t following = t->n_run + p->n_rows - p->n_logits + i + 1;
		struct scheduler_token *r = &p->results[i];

		r->id = sampler_pick(t->sampler, s->rooms[worker], logits);
		if (r->id < 0) {
			p->failed = true;
			return;
		}
		r->end = s->tokenizer && tokenizer_is_end(s->tokenizer, r->id);
		if (t->probes)
			probe(s, logits, r->probe);
		if (t->logprobs)
			sampler_logprobs(logits, vocab, r->id, t->top_logprobs, r->logprobs);
		if (!t->replay)
			sampler_accept(t->sampler, r->id);
		else if (following < t->n_known)
			sampler_accept(t->sampler, t->ids[following]);
	}
}

/* Under the lock: hands the results over and says whether the request goes on. */
static void
deliver(struct part *p)
{
	struct ticket *t = p->ticket;
	const uint64_t now = now_us();

	t->n_run += p->n_rows;
	for (size_t i = 0; i < p->n_logits && !p->failed; i++) {
		const struct scheduler_token *r = &p->results[i];

		t->n_results++;
		t->shared.ring[(t->shared.head + t->shared.n) % RING] = *r;
		t->shared.ring[(t->shared.head + t->shared.n++) % RING].last =
			t->n_results == t->max_results || (r->end && !t->replay);
		if (!t->replay && t->n_results < t->max_results)
			t->ids[t->n_known++] = r->id;
		p->end |= r->end && !t->replay;
	}
	if (t->first_us == 0)
		t->shared.times.prefill_us = now - t->started_us;
	else
		t->shared.times.decode_us = now - t->first_us;
	if (t->first_us == 0 && t->n_results > 0)
		t->first_us = now;
	if (p->failed)
		end(t, B3IQ_E_INTERNAL, 0,
		    "the model computes numbers that are not finite: its weights are damaged, get "
		    "another copy");
	else if (p->end)
		end(t, B3IQ_OK, B3IQ_STOP_END, NULL);
	else if (t->n_results == t->max_results)
		end(t, B3IQ_OK, B3IQ_STOP_LENGTH, NULL);
	else if (p->n_logits > 0)
		notify(t);
}

static void
drop_ended(struct scheduler *s)
{
	for (size_t i = 0; i < s->n_active;) {
		if (!s->active[i]->shared.ended) {
			i++;
			continue;
		}
		retire(s, s->active[i], s->active[i]->shared.end.rc == B3IQ_OK);
		s->active[i] = s->active[--s->n_active];
	}
}

static void
fail_all(struct scheduler *s, int32_t rc, const char *text)
{
	for (size_t i = 0; i < s->n_active; i++)
		end(s->active[i], rc, 0, text);
}

/* A step; called and returns with the lock held. */
static void
step(struct scheduler *s)
{
	struct b3iq_error err = { .size = sizeof err };
	int32_t rc;

	pthread_mutex_unlock(&s->lock);
	rc = forward_run(s->forward, s->rows, s->n_rows, &s->logits, &err);
	if (rc == B3IQ_OK)
		pool_run(s->pool, sample_part, s, s->n_parts);
	pthread_mutex_lock(&s->lock);
	if (rc != B3IQ_OK)
		fail_all(s, rc, err.text);
	else
		for (size_t i = 0; i < s->n_parts; i++)
			deliver(&s->parts[i]);
}

static void *
engine_main(void *arg)
{
	struct scheduler *s = arg;

	(void)rounding_pin();
	pthread_mutex_lock(&s->lock);
	while (!s->closing) {
		drop_closed(s);
		admit(s);
		compose(s);
		if (s->n_rows > 0)
			step(s);
		else
			pthread_cond_wait(&s->news, &s->lock);
		drop_ended(s);
	}
	fail_all(s, B3IQ_E_UNAVAILABLE, "the model is being unloaded");
	drop_ended(s);
	while (s->first) {
		struct ticket *t = s->first;

		s->first = t->next;
		end(t, B3IQ_E_UNAVAILABLE, 0, "the model is being unloaded");
		if (let_go(t))
			ticket_free(t);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* ---- making and unmaking ---- */

static int32_t
check_config(const struct scheduler_config *c, const struct model *m, struct b3iq_error *err)
{
	if (c->chunk == 0 || c->chunk > SCHEDULER_MAX_CHUNK || c->max_sequences == 0 ||
	    c->max_sequences > c->chunk)
		return fail_with(
		    err, B3IQ_E_INVALID,
		    "a step of %zu rows for %zu sequences: 1..%u rows, and a row for each "
		    "sequence",
		    c->chunk, c->max_sequences, SCHEDULER_MAX_CHUNK);
	if (c->context > m->hyper.context)
		return fail_with(err, B3IQ_E_INVALID,
				 "a context of %u is asked for, the model was made for %u",
				 c->context, m->hyper.context);
	return B3IQ_OK;
}

static int32_t
create_parts(struct scheduler *s, struct b3iq_error *err)
{
	const struct scheduler_config *c = &s->config;
	const uint32_t vocab = s->model->hyper.vocab;
	int32_t rc;

	s->max_logits = LOGITS + c->max_sequences;
	s->rows = calloc(c->chunk, sizeof *s->rows);
	s->parts = calloc(c->max_sequences, sizeof *s->parts);
	s->active = calloc(c->max_sequences, sizeof(*s->active));
	s->results = calloc(s->max_logits, sizeof *s->results);
	if (!s->rows || !s->parts || !s->active || !s->results)
		return fail_memory(err, "the scheduler");
	rc = cache_create(&s->cache, &s->model->hyper, c->kv_bytes, err);
	if (rc == B3IQ_OK)
		rc = prefix_create(&s->prefix, s->cache, c->prefixes, err);
	if (rc == B3IQ_OK)
		rc = pool_create(&s->pool, c->threads, err);
	if (rc == B3IQ_OK)
		rc = forward_create(&s->forward, s->model, s->cache, c->kernels, s->pool, c->chunk,
		                    s->max_logits, err);
	if (rc != B3IQ_OK)
		return rc;
	s->rooms = calloc(pool_threads(s->pool), sizeof(*s->rooms));
	if (!s->rooms)
		return fail_memory(err, "the scheduler");
	for (unsigned i = 0; rc == B3IQ_OK && i < pool_threads(s->pool); i++)
		rc = sampler_room_create(&s->rooms[i], vocab, err);
	return rc;
}

int32_t
scheduler_create(struct scheduler **out, const struct model *model,
                 const struct tokenizer *tokenizer, const struct scheduler_config *config,
                 struct b3iq_error *err)
{
	struct scheduler *s;
	int32_t rc = check_config(config, model, err);

	if (rc != B3IQ_OK)
		return rc;
	s = calloc(1, sizeof *s);
	if (!s)
		return fail_memory(err, "the scheduler");
	s->model = model;
	s->tokenizer = tokenizer;
	s->config = *config;
	if (s->config.context == 0)
		s->config.context = model->hyper.context;
	(void)pthread_mutex_init(&s->lock, NULL);
	(void)pthread_cond_init(&s->news, NULL);
	rc = create_parts(s, err);
	if (rc == B3IQ_OK && pthread_create(&s->thread, NULL, engine_main, s) != 0)
		rc = fail_with(err, B3IQ_E_UNAVAILABLE,
		               "the system refused the engine thread: raise the limit on tasks");
	else
		s->started = rc == B3IQ_OK;
	if (rc != B3IQ_OK) {
		scheduler_destroy(s);
		return rc;
	}
	*out = s;
	return B3IQ_OK;
}

void
scheduler_destroy(struct scheduler *s)
{
	if (!s)
		return;
	if (s->started) {
		pthread_mutex_lock(&s->lock);
		s->closing = true;
		pthread_cond_signal(&s->news);
		pthread_mutex_unlock(&s->lock);
		(void)pthread_join(s->thread, NULL);
	}
	for (unsigned i = 0; s->rooms && i < pool_threads(s->pool); i++)
		sampler_room_destroy(s->rooms[i]);
	free(s->rooms);
	forward_destroy(s->forward);
	pool_destroy(s->pool);
	prefix_destroy(s->prefix);
	cache_destroy(s->cache);
	pthread_cond_destroy(&s->news);
	pthread_mutex_destroy(&s->lock);
	free(s->rows), free(s->parts), free(s->active), free(s->results);
	free(s);
}

uint32_t
scheduler_context(const struct scheduler *s)
{
	return s->config.context;
}
