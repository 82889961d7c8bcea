#include "engine/serve/scheduler.c"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include "cpu/kernels.h"
#include "rig.h"

#define MAX_OUT 400u

struct answer {
	int32_t  ids[MAX_OUT];
	uint8_t  probes[MAX_OUT][SCHEDULER_PROBE];
	size_t   n;
	uint64_t cached;
	struct scheduler_end end;
};

static struct rig_file model_file;

static int
open_model(void **state)
{
	struct synth s = SYNTH_TINY;

	(void)state;
	s.format = FORMAT_Q8_0;
	rig_open(&model_file, &s);
	return 0;
}

static int
close_model(void **state)
{
	(void)state;
	rig_close(&model_file);
	return 0;
}

static struct scheduler_config
usual(void)
{
	return (struct scheduler_config){ .kernels = select_at(0), .threads = 2, .max_sequences = 8,
		.max_queue = 64, .chunk = 64, .prefixes = 8 };
}

static struct scheduler *
start_scheduler(const struct scheduler_config *c)
{
	struct b3iq_error err = { .size = sizeof err };
	struct scheduler *s;

	if (scheduler_create(&s, model_file.model, NULL, c, &err) != B3IQ_OK)
		fail_msg("%s", err.text);
	return s;
}

static struct scheduler_job
job(const int32_t *prompt, size_t n, uint32_t max_tokens, uint64_t seed)
{
	return (struct scheduler_job){ .prompt = prompt, .n_prompt = n, .max_tokens = max_tokens,
		.probes = true,
		.sampling = { .seed = seed, .temperature = seed % 2 ? 0.8f : 0.0f, .top_p = 0.95f,
		              .repetition = 1.1f } };
}

static void
prompt_of(size_t which, int32_t *ids, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ids[i] = (int32_t)((i * 31 + which * 77 + i * i % 13) % 320);
}

static void
collect(struct ticket *t, struct answer *a)
{
	struct scheduler_token token;

	memset(a, 0, sizeof *a);
	for (;;) {
		struct pollfd p = { .fd = ticket_fd(t), .events = POLLIN };

		switch (ticket_next(t, &token, &a->end)) {
		case TICKET_TOKEN:
			assert_true(a->n < MAX_OUT);
			a->ids[a->n] = token.id;
			memcpy(a->probes[a->n++], token.probe, SCHEDULER_PROBE);
			break;
		case TICKET_ENDED:
			a->cached = ticket_times(t).cached_tokens;
			return;
		case TICKET_NOTHING:
			assert_int_equal(poll(&p, 1, 60000), 1);
		}
	}
}

static void
ask(struct scheduler *s, const struct scheduler_job *j, struct answer *a)
{
	struct b3iq_error err = { .size = sizeof err };
	struct ticket *t;

	if (scheduler_submit(s, j, &t, &err) != B3IQ_OK)
		fail_msg("%s", err.text);
	collect(t, a);
	ticket_close(t);
}

static void
same(const struct answer *a, const struct answer *b)
{
	assert_int_equal(a->n, b->n);
	assert_memory_equal(a->ids, b->ids, a->n * sizeof *a->ids);
	assert_memory_equal(a->probes, b->probes, a->n * SCHEDULER_PROBE);
}

/* ---- many at once give what each gives alone ---- */

#define CROWD 24u

struct client {
	struct scheduler *s;
	size_t            which;
	struct answer     answer;
};

static void
client_job(size_t which, int32_t prompt[300], struct scheduler_job *j)
{
	const size_t n = 5 + which * 12 % 290;

	prompt_of(which % 7, prompt, n); /* some begin alike */
	*j = job(prompt, n, 20 + (uint32_t)(which * 5 % 40), which);
}

static void *
client_main(void *arg)
{
	struct client *c = arg;
	int32_t prompt[300];
	struct scheduler_job j;

	client_job(c->which, prompt, &j);
	ask(c->s, &j, &c->answer);
	return NULL;
}

static void
a_crowd_changes_no_bit(void **state)
{
	static struct client crowd[CROWD];
	struct scheduler_config alone = usual(), together = usual();
	struct scheduler *s;

	(void)state;
	alone.max_sequences = 1;
	alone.prefixes = 0;
	alone.threads = 1;
	alone.chunk = 512;
	s = start_scheduler(&together);
	for (size_t round = 0; round < 2; round++) { /* cold, then with cached prefixes */
		pthread_t threads[CROWD];
		struct scheduler *one = start_scheduler(&alone);
		uint64_t cached = 0;

		for (size_t i = 0; i < CROWD; i++) {
			crowd[i].s = s;
			crowd[i].which = i;
			assert_int_equal(pthread_create(&threads[i], NULL, client_main, &crowd[i]),
					 0);
		}
		for (size_t i = 0; i < CROWD; i++)
			(void)pthread_join(threads[i], NULL);
		for (size_t i = 0; i < CROWD; i++) {
			struct answer want;
			struct scheduler_job j;
			int32_t prompt[300];

			client_job(i, prompt, &j);
			ask(one, &j, &want);
			assert_int_equal(crowd[i].answer.end.rc, B3IQ_OK);
			assert_int_equal(crowd[i].answer.end.stop, B3IQ_STOP_LENGTH);
			assert_int_equal(want.cached, 0);
			cached += crowd[i].answer.cached;
			same(&crowd[i].answer, &want);
		}
		assert_true(round == 0 || cached > 0);
		scheduler_destroy(one);
	}
	scheduler_destroy(s);
}

/* ---- replay ---- */

static void
replay_gives_the_same_and_finds_the_difference(void **state)
{
	const struct scheduler_config c = usual();
	struct scheduler *s = start_scheduler(&c);
	struct answer a, b;
	int32_t prompt[100];

	(void)state;
	prompt_of(1, prompt, 100);
	for (uint64_t seed = 0; seed < 4; seed++) {
		struct scheduler_job j = job(prompt, 100, 150, seed);

		ask(s, &j, &a);
		assert_int_equal(a.n, 150);
		j.forced = a.ids;
		j.n_forced = a.n;
		ask(s, &j, &b);
		same(&a, &b);
		a.ids[60] = (a.ids[60] + 1) % 320;
		ask(s, &j, &b);
		assert_int_not_equal(a.ids[60], b.ids[60]); /* there it picks another one */
		assert_memory_equal(a.probes, b.probes, 61 * SCHEDULER_PROBE);
		assert_memory_not_equal(a.probes[61], b.probes[61], SCHEDULER_PROBE);
		assert_int_equal(b.n, 150);
	}
	scheduler_destroy(s);
}

/* ---- limits ---- */

static void
limits_are_said(void **state)
{
	struct scheduler_config c = usual();
	struct b3iq_error err = { .size = sizeof err };
	int32_t prompt[1100], bad[2] = { 1, 320 };
	struct scheduler *s;
	struct scheduler_job j;
	struct answer a;
	struct ticket *t;

	(void)state;
	prompt_of(0, prompt, 1100);
	c.context = 256;
	s = start_scheduler(&c);
	assert_int_equal(scheduler_context(s), 256);
	j = job(prompt, 256, 10, 0);
	assert_int_equal(scheduler_submit(s, &j, &t, &err), B3IQ_E_INVALID);
	assert_int_equal(strncmp(err.text, "context_length_exceeded", 23), 0);
	assert_non_null(strstr(err.text, "256 tokens"));
	j = job(prompt, 255, 0, 0);
	ask(s, &j, &a);
	assert_int_equal(a.n, 1);
	assert_int_equal(a.end.stop, B3IQ_STOP_LENGTH);
	j = job(prompt, 250, 100, 0);
	ask(s, &j, &a);
	assert_int_equal(a.n, 6);
	j = job(prompt, 0, 1, 0);
	assert_int_equal(scheduler_submit(s, &j, &t, &err), B3IQ_E_INVALID);
	j = job(bad, 2, 1, 0);
	assert_int_equal(scheduler_submit(s, &j, &t, &err), B3IQ_E_INVALID);
	j = job(prompt, 5, 1, 0);
	j.sampling.top_p = 2.0f;
	assert_int_equal(scheduler_submit(s, &j, &t, &err), B3IQ_E_INVALID);
	j = job(prompt, 5, 1, 0);
	j.top_logprobs = SAMPLER_MAX_TOP + 1;
	assert_int_equal(scheduler_submit(s, &j, &t, &err), B3IQ_E_INVALID);
	scheduler_destroy(s);
	c.context = 5000;
	assert_int_equal(scheduler_create(&s, model_file.model, NULL, &c, &err), B3IQ_E_INVALID);
}

static void
queue_is_bounded_and_memory_planned(void **state)
{
	struct scheduler_config c = usual();
	struct b3iq_error err = { .size = sizeof err };
	struct ticket *tickets[5];
	struct answer a;
	int32_t prompt[300];
	struct scheduler *s;
	struct cache *cache;
	struct scheduler_job j;

	(void)state;
	prompt_of(0, prompt, 300);
	assert_int_equal(cache_create(&cache, &model_file.model->hyper, 0, NULL), B3IQ_OK);
	c.kv_bytes = 2 * cache_block_bytes(cache);
	cache_destroy(cache);
	c.max_queue = 3;
	s = start_scheduler(&c);
	j = job(prompt, 300, 300, 0); /* three blocks */
	assert_int_equal(scheduler_submit(s, &j, &tickets[0], &err), B3IQ_E_NO_MEMORY);
	j = job(prompt, 300, 0, 0); /* as many as fit: two blocks */
	assert_int_equal(scheduler_submit(s, &j, &tickets[0], &err), B3IQ_OK);
	j = job(prompt, 300, 100, 0);
	/* The first holds all the memory, and pauses as nobody reads: the others wait. */
	while (ticket_times(tickets[0]).prefill_us == 0)
		(void)usleep(1000);
	for (size_t i = 1; i < 4; i++)
		assert_int_equal(scheduler_submit(s, &j, &tickets[i], &err), B3IQ_OK);
	assert_int_equal(scheduler_submit(s, &j, &tickets[4], &err), B3IQ_E_BUSY);
	assert_true(err.retry_ms > 0);
	ticket_close(tickets[2]); /* gives up while it waits */
	collect(tickets[0], &a);
	assert_int_equal(a.n, 2 * KERNELS_KV_BLOCK - 300);
	ticket_close(tickets[0]);
	collect(tickets[1], &a);
	assert_int_equal(a.n, 100);
	collect(tickets[3], &a);
	assert_int_equal(a.n, 100);
	ticket_close(tickets[1]);
	ticket_close(tickets[3]);
	scheduler_destroy(s);
}

/* ---- cancel, slow readers ---- */

static void
who_does_not_read_stops_nobody(void **state)
{
	const struct scheduler_config c = usual();
	struct scheduler *s = start_scheduler(&c);
	struct ticket *slow[4];
	struct answer a;
	int32_t prompt[50];
	struct scheduler_job j;

	(void)state;
	prompt_of(3, prompt, 50);
	j = job(prompt, 50, 300, 1);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(scheduler_submit(s, &j, &slow[i], NULL), B3IQ_OK);
	for (size_t i = 0; i < 5; i++) {
		ask(s, &j, &a);
		assert_int_equal(a.n, 300);
	}
	collect(slow[0], &a); /* takes up where it paused */
	assert_int_equal(a.n, 300);
	for (size_t i = 0; i < 4; i++)
		ticket_close(slow[i]);
	scheduler_destroy(s);
}

static void
cancelled_places_are_free(void **state)
{
	struct scheduler_config c = usual();
	struct scheduler *s;
	struct answer a;
	int32_t prompt[200];
	struct scheduler_job j;

	(void)state;
	c.max_sequences = 2;
	s = start_scheduler(&c);
	prompt_of(4, prompt, 200);
	j = job(prompt, 200, 0, 1);
	for (size_t i = 0; i < 40; i++) {
		struct ticket *t;

		assert_int_equal(scheduler_submit(s, &j, &t, NULL), B3IQ_OK);
		if (i % 2)
			(void)usleep((unsigned)i * 200);
		ticket_close(t);
	}
	j.max_tokens = 10;
	ask(s, &j, &a);
	assert_int_equal(a.n, 10);
	scheduler_destroy(s);
}

static void
destroy_ends_who_waits(void **state)
{
	struct scheduler_config c = usual();
	struct scheduler *s;
	struct ticket *tickets[4];
	int32_t prompt[200];
	struct scheduler_job j;

	(void)state;
	c.max_sequences = 1;
	s = start_scheduler(&c);
	prompt_of(4, prompt, 200);
	j = job(prompt, 200, 0, 1);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(scheduler_submit(s, &j, &tickets[i], NULL), B3IQ_OK);
	for (size_t i = 0; i < 4; i++)
		ticket_close(tickets[i]);
	scheduler_destroy(s);
	scheduler_destroy(NULL);
	ticket_close(NULL);
}

/* Weights that are no numbers: an error, never an endless loop or an undefined token. */
static void
damaged_weights_are_said(void **state)
{
	const struct scheduler_config c = usual();
	struct synth shape = SYNTH_TINY;
	struct rig_file damaged;
	struct scheduler *s;
	struct answer a;
	int32_t prompt[10];
	struct scheduler_job j;

	(void)state;
	shape.format = FORMAT_Q8_0;
	rig_open(&damaged, &shape);
	for (size_t i = 0; i < 34 * 3; i += 34) /* scales of an output row: infinity */
		memcpy((uint8_t *)(uintptr_t)damaged.model->output.data + i, "\x00\x7c", 2);
	assert_int_equal(scheduler_create(&s, damaged.model, NULL, &c, NULL), B3IQ_OK);
	prompt_of(0, prompt, 10);
	j = job(prompt, 10, 5, 0);
	ask(s, &j, &a);
	assert_int_equal(a.end.rc, B3IQ_E_INTERNAL);
	assert_int_equal(a.n, 0);
	scheduler_destroy(s);
	rig_close(&damaged);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_crowd_changes_no_bit),
		cmocka_unit_test(replay_gives_the_same_and_finds_the_difference),
		cmocka_unit_test(limits_are_said),
		cmocka_unit_test(queue_is_bounded_and_memory_planned),
		cmocka_unit_test(who_does_not_read_stops_nobody),
		cmocka_unit_test(cancelled_places_are_free),
		cmocka_unit_test(destroy_ends_who_waits),
		cmocka_unit_test(damaged_weights_are_said),
	};

	return cmocka_run_group_tests(tests, open_model, close_model);
}
