/* listener.c: the stream is taken down as it came, its rules are held, and trouble comes on demand. */
#include "verdict.h"

#include "../../../sdk/check/listener.c"

static struct check the_check = { .scratch = verdict_dir };

struct stage { /* a listener at work, as generate() would see it                 */
	struct fakehost host;
	struct listener l;
	struct b3iq_sink *sink;
};

static void
stage_prepare(struct stage *s)
{
	fakehost_init(&s->host, &the_check, "check");
	atomic_store(&s->host.inside, 1);
	listener_init(&s->l, &s->host);
}

static void
stage_begin(struct stage *s)
{
	stage_prepare(s);
	s->sink = listener_begin(&s->l, 0, 0);
}

static void
stage_end(struct stage *s)
{
	if (s->sink)
		listener_end(&s->l);
	listener_finish(&s->l);
	fakehost_finish(&s->host);
}

static int32_t
say(struct stage *s, const char *text, int32_t id)
{
	struct b3iq_chunk k = { .size = sizeof k,
		                .n_ids = 1,
		                .text = text,
		                .text_len = strlen(text),
		                .ids = &id,
		                .probe = &id,
		                .probe_len = sizeof id };

	return s->sink->emit(s->sink, &k);
}

static void
test_takes_down(void **state)
{
	static const int32_t ids[] = { 7, 8, 9 };
	struct b3iq_chunk many = { .size = sizeof many, .n_ids = 3, .ids = ids, .delta = "{}" };
	struct b3iq_chunk hidden = {
		.size = sizeof hidden, .text = "!", .text_len = 1, .delta = "[1]"
	};
	struct stage s;

	(void)state;
	stage_begin(&s);
	assert_int_equal(say(&s, "h\xc3\xa9", 1), B3IQ_OK);
	assert_int_equal(say(&s, "", 2), B3IQ_OK);
	assert_int_equal(s.sink->emit(s.sink, &many), B3IQ_OK);
	assert_int_equal(s.sink->emit(s.sink, &hidden), B3IQ_OK);
	assert_string_equal(s.l.text.data, "h\xc3\xa9!");
	assert_string_equal(s.l.deltas.data, "{}\n[1]\n");
	assert_int_equal(s.l.n_chunks, 4);
	assert_int_equal(s.l.n_ids, 5);
	assert_memory_equal(s.l.ids, ((int32_t[]){ 1, 2, 7, 8, 9 }), 5 * sizeof(int32_t));
	assert_memory_equal(s.l.probes.data, ((int32_t[]){ 1, 2 }), 2 * sizeof(int32_t));
	assert_memory_equal(s.l.probe_ends, ((size_t[]){ 4, 8, 8, 8 }), 4 * sizeof(size_t));
	assert_int_equal(s.l.chunks_of_many, 1);
	assert_int_equal(s.l.chunks_without_ids, 1);
	assert_int_equal(s.l.chunks_without_probe, 2);
	assert_int_equal(s.l.after_stop, 0);
	assert_int_equal(s.l.stopped_us, 0);
	stage_end(&s);
}

static void
test_long_stream(void **state)
{
	struct stage s;

	(void)state;
	stage_begin(&s);
	for (int32_t i = 0; i < 1000; i++)
		assert_int_equal(say(&s, "x", i), B3IQ_OK);
	assert_int_equal(s.l.text.len, 1000);
	for (size_t i = 0; i < 1000; i++) {
		assert_int_equal(s.l.ids[i], i);
		assert_int_equal(s.l.probe_ends[i], 4 * (i + 1));
	}
	stage_end(&s);
}

static void
test_refuses_from_the_nth(void **state)
{
	struct stage s;

	(void)state;
	stage_begin(&s);
	s.l.refuse_at = 3;
	s.l.refuse_code = B3IQ_E_BUSY;
	assert_int_equal(say(&s, "a", 1), B3IQ_OK);
	assert_int_equal(say(&s, "b", 2), B3IQ_OK);
	assert_int_equal(s.l.stopped_us, 0);
	assert_int_equal(say(&s, "c", 3), B3IQ_E_BUSY);
	assert_true(s.l.stopped_us > 0);
	assert_int_equal(say(&s, "d", 4), B3IQ_E_BUSY); /* for good */
	assert_int_equal(s.l.after_stop, 2);
	assert_string_equal(s.l.text.data, "ab");
	assert_int_equal(s.l.n_ids, 2);
	stage_end(&s);
}

/* Does the descriptor that the plugin may wait for tell it to stop, at the latest after wait_ms? */
static bool
told(struct stage *s, int wait_ms)
{
	struct pollfd p = { .fd = s->sink->cancel_fd, .events = POLLIN };

	return poll(&p, 1, wait_ms) == 1;
}

static void
test_cancels_after_the_nth(void **state)
{
	struct stage s;

	(void)state;
	stage_begin(&s);
	s.l.cancel_at = 2;
	assert_int_equal(say(&s, "a", 1), B3IQ_OK);
	assert_false(told(&s, 0));
	assert_int_equal(say(&s, "b", 2), B3IQ_OK); /* it has come, so it counts */
	assert_true(told(&s, 0));
	assert_int_equal(say(&s, "c", 3), B3IQ_E_CANCELLED);
	assert_string_equal(s.l.text.data, "ab");
	assert_int_equal(s.l.after_stop, 1);
	stage_end(&s);
}

static void
test_cancelled_before(void **state)
{
	struct stage s;

	(void)state;
	stage_prepare(&s);
	s.l.cancel_first = true;
	s.l.cancel_code = B3IQ_E_DENIED;
	s.sink = listener_begin(&s.l, 0, 0);
	assert_true(told(&s, 0));
	assert_int_equal(say(&s, "a", 1), B3IQ_E_DENIED);
	assert_int_equal(s.l.n_chunks, 0);
	stage_end(&s);
}

static void
test_cancels_in_time(void **state)
{
	struct stage s;

	(void)state;
	stage_prepare(&s);
	s.l.cancel_ms = 1;
	s.sink = listener_begin(&s.l, 0, 0);
	assert_true(told(&s, 30000));
	assert_int_equal(say(&s, "a", 1), B3IQ_E_CANCELLED);
	stage_end(&s);
	stage_prepare(&s);
	s.sink = listener_begin(&s.l, 0, 1); /* a deadline long past */
	assert_true(told(&s, 30000));
	assert_int_equal(say(&s, "a", 1), B3IQ_E_TIMEOUT);
	stage_end(&s);
}

static void
test_same(void **state)
{
	struct stage s[2];

	(void)state;
	stage_begin(&s[0]);
	stage_begin(&s[1]);
	assert_true(listener_same(&s[0].l, &s[1].l));
	for (int i = 0; i < 2; i++)
		say(&s[i], "same", 1);
	assert_true(listener_same(&s[0].l, &s[1].l));
	s[1].l.ids[0] = 2;
	assert_false(listener_same(&s[0].l, &s[1].l));
	s[1].l.ids[0] = 1;
	s[1].l.text.data[3] = 'd';
	assert_false(listener_same(&s[0].l, &s[1].l));
	s[1].l.text.data[3] = 'e';
	s[1].l.probes.data[0] ^= 1;
	assert_false(listener_same(&s[0].l, &s[1].l));
	s[1].l.probes.data[0] ^= 1;
	assert_true(listener_same(&s[0].l, &s[1].l));
	say(&s[1], "", 1);
	assert_false(listener_same(&s[0].l, &s[1].l));
	stage_end(&s[0]);
	stage_end(&s[1]);
}

static void
emit_alone(void *arg)
{
	struct stage s;

	stage_begin(&s);
	s.sink->emit(s.sink, arg);
}

static void
test_rules_of_a_chunk(void **state)
{
	const uint32_t size = sizeof(struct b3iq_chunk);
	struct {
		struct b3iq_chunk chunk;
		const char *reason;
	} cases[] = {
		{ { .size = size - 8 }, "chunk.size" },
		{ { .size = size, .text_len = 1 }, "chunk.text is NULL" },
		{ { .size = size, .text = "\xc3\xa9", .text_len = 1 }, "not whole UTF-8" },
		{ { .size = size, .text = "\xff", .text_len = 1 }, "not whole UTF-8" },
		{ { .size = size, .n_ids = 65537 }, "chunk.n_ids is 65537" },
		{ { .size = size, .probe_len = 4 }, "chunk.probe is NULL" },
	};
	struct b3iq_chunk fine = { .size = size + 8, .text = "\xc3\xa9", .text_len = 2 };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_refused(emit_alone, &cases[i].chunk, cases[i].reason);
	assert_int_equal(verdict(emit_alone, &fine), VERDICT_RETURNED);
}

static void
emit_outside(void *arg)
{
	struct stage s;

	(void)arg;
	stage_begin(&s);
	atomic_store(&s.host.inside, 0);
	say(&s, "a", 1);
}

static void
emit_twice_at_once(void *arg)
{
	struct stage s;

	(void)arg;
	stage_begin(&s);
	atomic_store(&s.l.talking, true); /* as if another thread were within */
	say(&s, "a", 1);
}

static void
emit_afterwards(void *arg)
{
	struct stage s;

	(void)arg;
	stage_begin(&s);
	listener_end(&s.l);
	say(&s, "a", 1);
}

static void
test_rules_of_a_call(void **state)
{
	(void)state;
	assert_refused(emit_outside, NULL, "outside of generate()");
	assert_refused(emit_twice_at_once, NULL, "two threads at once");
	assert_int_equal(verdict(emit_afterwards, NULL), VERDICT_CRASHED + SIGSEGV);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_takes_down),
		cmocka_unit_test(test_long_stream),
		cmocka_unit_test(test_refuses_from_the_nth),
		cmocka_unit_test(test_cancels_after_the_nth),
		cmocka_unit_test(test_cancelled_before),
		cmocka_unit_test(test_cancels_in_time),
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_rules_of_a_chunk),
		cmocka_unit_test(test_rules_of_a_call),
	};

	return cmocka_run_group_tests(tests, verdict_setup, verdict_teardown);
}
