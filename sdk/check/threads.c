/* threads.c - the thread model that the plugin declares, held to the letter. */
#include <pthread.h>
#include <string.h>

#include "core/base/fail.h"
#include "smoke.h"
#include "subject.h"

#define THREADS 4
#define ROUNDS  5

struct worker {
	pthread_t       thread;
	struct subject *s;
	struct listener heard[ROUNDS];
	int32_t         rc[ROUNDS];
	unsigned        rounds;
	unsigned        who;
};

static const struct ask question = { .flags = B3IQ_GEN_DETERMINISTIC, .max_tokens = 12, .seed = 7 };

static void
ask(struct worker *w, unsigned round)
{
	struct listener  *l = &w->heard[round];
	struct b3iq_usage use;

	listener_init(l, &w->s->host);
	w->rc[round] = subject_generate(w->s, &question, l, &use).rc;
}

static void *
work(void *arg)
{
	struct worker *w = arg;

	for (unsigned i = 0; i < w->rounds; i++) {
		if (w->s->be.kind == B3IQ_INFERENCE && w->s->model[0])
			ask(w, i);
		else
			smoke(w->s);
	}
	return NULL;
}

static void
start(struct worker *w)
{
	must(pthread_create(&w->thread, NULL, work, w) == 0, "plugin-check: no thread to be had");
}

/* Every answer of w is the first answer of reference. */
static void
compare(struct worker *w, struct worker *reference)
{
	for (unsigned i = 0; i < w->rounds; i++) {
		must(w->rc[i] == reference->rc[0] || w->rc[i] == B3IQ_E_BUSY,
		     "alone it returns %s, beside others %s", result_name(reference->rc[0]),
		     result_name(w->rc[i]));
		must(w->rc[i] != B3IQ_OK || reference->rc[0] != B3IQ_OK ||
		             listener_same(&w->heard[i], &reference->heard[0]),
		     "the same request has another answer when others run beside it");
	}
}

static void
forget(struct worker *w)
{
	for (unsigned i = 0; i < w->rounds; i++)
		if (w->heard[i].host)
			listener_finish(&w->heard[i]);
}

static void
any_thread(const struct check *c)
{
	struct subject s;
	struct worker  w[3];

	subject_open(&s, c);
	memset(w, 0, sizeof w);
	for (unsigned i = 0; i < 3; i++) {
		w[i].s = &s;
		w[i].rounds = 1;
		start(&w[i]);
		pthread_join(w[i].thread, NULL);
		compare(&w[i], &w[0]);
	}
	for (unsigned i = 0; i < 3; i++)
		forget(&w[i]);
	subject_close(&s);
}

static void
declared_model(const struct check *c)
{
	struct subject s[THREADS];
	struct worker  alone, w[THREADS];
	uint32_t       model;

	subject_open(&s[0], c);
	model = s[0].be.threads;
	if (model == B3IQ_THREADS_SERIAL)
		check_skip("it declares SERIAL: one call at a time");
	for (unsigned i = 1; i < THREADS && model == B3IQ_THREADS_INSTANCE; i++)
		subject_open(&s[i], c);
	memset(&alone, 0, sizeof alone);
	memset(w, 0, sizeof w);
	alone.s = &s[0];
	alone.rounds = 1;
	work(&alone);
	for (unsigned i = 0; i < THREADS; i++) {
		w[i].s = model == B3IQ_THREADS_INSTANCE ? &s[i] : &s[0];
		w[i].rounds = ROUNDS;
		start(&w[i]);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(w[i].thread, NULL);
	for (unsigned i = 0; i < THREADS && alone.heard[0].host; i++)
		compare(&w[i], &alone);
	for (unsigned i = 0; i < THREADS; i++)
		forget(&w[i]);
	forget(&alone);
	for (unsigned i = 0; i < THREADS; i++)
		if (i == 0 || model == B3IQ_THREADS_INSTANCE)
			subject_close(&s[i]);
}

const struct check_test thread_tests[] = {
	{ "any-thread", any_thread, 0, 0, 60,
	  "it does not care which thread calls" },
	{ "declared-model-holds", declared_model, 0, 0, 120,
	  "concurrent calls, as many as it declares, answer as a single one does" },
	{ NULL, NULL, 0, 0, 0, NULL },
};
