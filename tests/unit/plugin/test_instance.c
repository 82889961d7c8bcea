/* The instance with real plugins in real processes: everything that can go wrong, does. */
#include "live.h"

#include "core/plugin/instance/instance.c"

#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

static const bool both[] = { false, true };

static void
assert_served(struct instance *i)
{
	struct live_result r = live_ask(i, "ok");

	if (r.rc != B3IQ_OK)
		fail_msg("%s", r.err.text);
	assert_int_equal(r.use.output_tokens, 10);
}

static void
test_answers_the_same_inline_and_sandboxed(void **state)
{
	(void)state;
	for (size_t k = 0; k < 2; k++) {
		const struct instance_options o = live_options(ECHO, NULL, both[k]);
		struct instance *i = live_ready(&o);
		struct instance_status st;
		struct live_sink s;
		struct live_result r;

		live_sink_init(&s);
		r = live_generate(i, "echo", "hello", 0, &s);
		assert_int_equal(r.rc, B3IQ_OK);
		assert_string_equal(s.text.data, "hello");
		assert_int_equal(r.use.output_tokens, 5);
		assert_int_equal(r.use.stop, B3IQ_STOP_END);
		assert_int_equal(r.use.determinism, B3IQ_DET_SAME_FINGERPRINT);
		assert_string_equal(r.use.fingerprint, "echo/1.0.0");
		instance_status(i, &st);
		assert_int_equal(st.state, INSTANCE_READY);
		assert_int_equal(st.kind, B3IQ_INFERENCE);
		assert_true(both[k] ? st.pid == 0 : st.pid > 0);
		assert_string_equal(st.id, "org.b3iq.example.echo");
		assert_string_equal(st.version, "1.0.0");
		assert_int_equal(strlen(st.sha256), 64);
		assert_int_equal(st.running + st.waiting, 0);
		buf_free(&s.text);
		live_close(i);
	}
}

static void
test_documents_and_absent_functions(void **state)
{
	(void)state;
	for (size_t k = 0; k < 2; k++) {
		const struct instance_options o = live_options(ECHO, NULL, both[k]);
		struct instance *i = live_ready(&o);
		const struct b3iq_inference *t = instance_inference(i);
		struct b3iq_usage use = { .size = sizeof use };
		struct b3iq_error err = NO_ERROR;
		struct live_sink s;
		struct b3iq_gen_request q = { .size = sizeof q, .model = "echo", .body = "x", .body_len = 1 };
		struct buf doc;

		buf_init(&doc, 4096);
		assert_int_equal(t->models(i, &doc.writer, &err), B3IQ_OK);
		assert_non_null(strstr(doc.data, "\"echo\""));
		buf_clear(&doc);
		assert_int_equal(t->probe(i, &doc.writer, &err), B3IQ_OK);
		assert_non_null(strstr(doc.data, "\"cpu\""));
		assert_int_equal(t->load(i, "echo", NULL, &err), B3IQ_E_UNSUPPORTED);
		assert_int_equal(t->unload(i, "echo", &err), B3IQ_E_UNSUPPORTED);
		assert_int_equal(t->embed(i, "echo", "{}", 2, &doc.writer, &use, &err), B3IQ_E_UNSUPPORTED);
		live_sink_init(&s);
		assert_int_equal(instance_replay(i)->replay(i, &q, NULL, 0, &s.sink, &use, &err),
		                 B3IQ_E_UNSUPPORTED);
		assert_non_null(strstr(err.text, "replay"));
		assert_null(instance_ledger(i));
		assert_null(instance_auth(i));
		q.model = NULL;
		assert_int_equal(t->generate(i, &q, &s.sink, &use, &err), B3IQ_E_INVALID);
		buf_free(&doc);
		live_close(i);
	}
}

static void
test_every_error_comes_through(void **state)
{
	static const struct {
		const char *model;
		int32_t rc;
	} cases[] = {
		{ "invalid", B3IQ_E_INVALID }, { "denied", B3IQ_E_DENIED },
		{ "not_found", B3IQ_E_NOT_FOUND }, { "unsupported", B3IQ_E_UNSUPPORTED },
		{ "busy", B3IQ_E_BUSY }, { "no_memory", B3IQ_E_NO_MEMORY },
		{ "cancelled", B3IQ_E_CANCELLED }, { "timeout", B3IQ_E_TIMEOUT },
		{ "unavailable", B3IQ_E_UNAVAILABLE }, { "unknown_outcome", B3IQ_E_UNKNOWN_OUTCOME },
		{ "internal", B3IQ_E_INTERNAL }, { "no-such-model", B3IQ_E_NOT_FOUND },
		{ "unknown-code", B3IQ_E_INTERNAL }, { "wordless", B3IQ_E_INTERNAL },
		{ "unterminated", B3IQ_E_INTERNAL }, { "lying-usage", B3IQ_E_INTERNAL },
		{ "null-text", B3IQ_E_INTERNAL }, { "log-flood", B3IQ_OK },
		{ "small-chunk", B3IQ_OK }, { "many-ids", B3IQ_OK }, { "bad-utf8", B3IQ_OK },
	};

	(void)state;
	for (size_t k = 0; k < 2; k++) {
		const struct instance_options o = live_options(FLAKY, NULL, both[k]);
		struct instance *i = live_ready(&o);

		for (size_t n = 0; n < sizeof cases / sizeof cases[0]; n++) {
			struct live_result r = live_ask(i, cases[n].model);

			if (r.rc != cases[n].rc)
				fail_msg("%s: %s, not %s (%s)", cases[n].model, result_name(r.rc),
				         result_name(cases[n].rc), r.err.text);
			if (r.rc != B3IQ_OK)
				assert_true(r.err.text[0] != '\0' && memchr(r.err.text, 0, sizeof r.err.text));
			if (r.rc == B3IQ_E_BUSY)
				assert_int_equal(r.err.retry_ms, 50);
		}
		assert_served(i);
		assert_int_equal(live_state(i), INSTANCE_READY);
		live_close(i);
	}
}

static void
test_a_crash_costs_one_request(void **state)
{
	static const char *const deaths[] = { "crash", "abort", "exit", "stderr", NULL };

	(void)state;
	for (size_t n = 0; deaths[n] != NULL; n++) {
		const struct instance_options o = live_options(FLAKY, NULL, false);
		struct instance *i = live_ready(&o);
		struct instance_status st;
		struct live_result r = live_ask(i, deaths[n]);

		assert_int_equal(r.rc, B3IQ_E_DIED);
		assert_non_null(strstr(r.err.text, "test"));
		assert_served(i); /* waits for the restart by itself */
		instance_status(i, &st);
		assert_int_equal(st.deaths, 1);
		assert_int_equal(st.code, B3IQ_E_DIED);
		live_close(i);
	}
}

static void
test_overflow_and_big_chunks(void **state)
{
	const struct instance_options o = live_options(FLAKY, NULL, false);
	struct instance *i = live_ready(&o);

	(void)state;
	assert_int_equal(live_ask(i, "overflow").rc, B3IQ_E_DIED);
	assert_int_equal(live_ask(i, "big").rc, B3IQ_E_INTERNAL); /* more than a frame */
	assert_served(i);
	live_close(i);
}

static void
test_keeps_the_last_words(void **state)
{
	const struct instance_options o = live_options(FLAKY, NULL, false);
	struct instance *i = live_ready(&o);
	struct buf out;

	(void)state;
	buf_init(&out, 65536);
	live_ask(i, "stderr");
	assert_served(i);
	assert_int_equal(instance_stderr(i, &out), B3IQ_OK);
	assert_non_null(strstr(out.data, "flaky: line 99 on stderr\n"));
	assert_null(strstr(out.data, "flaky: line 50 on stderr\n"));
	buf_free(&out);
	live_close(i);
}

static void
test_five_deaths_and_a_new_start(void **state)
{
	const struct instance_options o = live_options(FLAKY, NULL, false);
	struct instance *i = live_ready(&o);
	struct live_result r;

	(void)state;
	for (int n = 0; n < INSTANCE_DEATHS; n++)
		assert_int_equal(live_ask(i, "crash").rc, B3IQ_E_DIED);
	live_until(i, INSTANCE_FAILED);
	r = live_ask(i, "ok");
	assert_int_equal(r.rc, B3IQ_E_UNAVAILABLE);
	assert_non_null(strstr(r.err.text, "plugin info test"));
	instance_start(i);
	assert_served(i);
	live_close(i);
}

static void
test_create_that_fails(void **state)
{
	static const struct {
		const char *config;
		enum instance_state becomes;
	} cases[] = {
		{ "{\"create\":\"invalid\"}", INSTANCE_REFUSED },
		{ "{\"create\":\"crash\"}", INSTANCE_FAILED },
		{ "{\"create\":\"exit\"}", INSTANCE_FAILED },
		{ "{\"nonsense\":1}", INSTANCE_REFUSED },
		{ "{\"secret\":{\"secret\":\"missing\"}}", INSTANCE_REFUSED },
		{ "{\"secret\":\"plain\"}", INSTANCE_REFUSED },
		{ "not json", INSTANCE_REFUSED },
	};

	(void)state;
	for (size_t n = 0; n < sizeof cases / sizeof cases[0]; n++) {
		const struct instance_options o = live_options(FLAKY, cases[n].config, false);
		struct instance *i = live_start(&o);
		struct instance_status st;

		live_until(i, cases[n].becomes);
		instance_status(i, &st);
		assert_true(st.error[0] != '\0');
		assert_null(strstr(st.error, "plain\"")); /* the value of a secret */
		assert_int_equal(live_ask(i, "ok").rc, B3IQ_E_UNAVAILABLE);
		live_close(i);
	}
}

static void
test_create_that_is_unavailable_is_tried_again(void **state)
{
	char mark[PATH_MAX];
	const struct instance_options o = live_options(FLAKY, "{\"create\":\"once\"}", false);
	struct instance *i = live_start(&o);

	(void)state;
	assert_served(i); /* the second start works */
	live_close(i);
	snprintf(mark, sizeof mark, "%s/was-here", live_dir);
	unlink(mark);
}

static void
test_create_that_hangs(void **state)
{
	struct instance_options o = live_options(FLAKY, "{\"create\":\"hang\"}", false);
	struct instance *i;
	struct instance_status st;

	(void)state;
	o.start_ms = 200;
	o.patience_ms = 100;
	i = live_start(&o);
	live_until(i, INSTANCE_RESTARTING);
	instance_status(i, &st);
	assert_non_null(strstr(st.error, "hung"));
	instance_stop(i); /* also while it hangs in the next create() */
	assert_int_equal(live_state(i), INSTANCE_STOPPED);
	live_close(i);
}

static void
test_destroy_that_misbehaves(void **state)
{
	static const char *const configs[] = { "{\"destroy\":\"crash\"}", "{\"destroy\":\"hang\"}" };

	(void)state;
	for (size_t n = 0; n < 2; n++) {
		struct instance_options o = live_options(FLAKY, configs[n], false);
		struct instance *i;

		o.bye_ms = 200;
		i = live_ready(&o);
		instance_stop(i);
		assert_int_equal(live_state(i), INSTANCE_STOPPED);
		instance_start(i);
		assert_served(i);
		live_close(i);
	}
}

static void
test_hang_is_found_and_ended(void **state)
{
	struct instance_options o = live_options(FLAKY, NULL, false);
	struct instance *i;
	struct live_result r;

	(void)state;
	o.stall_ms = 300;
	i = live_ready(&o);
	r = live_ask(i, "hang");
	assert_int_equal(r.rc, B3IQ_E_DIED);
	assert_non_null(strstr(r.err.text, "no token for 300 ms"));
	r = live_ask(i, "spin");
	assert_int_equal(r.rc, B3IQ_E_DIED);
	assert_served(i);
	live_close(i);
}

static void
test_other_calls_hang_too(void **state)
{
	struct instance_options o = live_options(FLAKY, "{\"models\":\"hang\"}", false);
	struct b3iq_error err = NO_ERROR;
	struct instance *i;
	struct buf doc;

	(void)state;
	o.call_ms = 300;
	i = live_ready(&o);
	buf_init(&doc, 100);
	assert_int_equal(instance_inference(i)->models(i, &doc.writer, &err), B3IQ_E_DIED);
	assert_non_null(strstr(err.text, "no answer"));
	live_close(i);
}

static void
test_frozen_process_is_found(void **state)
{
	struct instance_options o = live_options(FLAKY, NULL, false);
	struct instance_status before, after;
	struct instance *i;

	(void)state;
	o.ping_ms = 100;
	i = live_ready(&o);
	instance_status(i, &before);
	kill(before.pid, SIGSTOP);
	for (int n = 0; n < 60000; n++) {
		instance_status(i, &after);
		if (after.state == INSTANCE_READY && after.pid != before.pid)
			break;
		usleep(1000);
	}
	assert_int_not_equal(after.pid, before.pid);
	assert_non_null(strstr(after.error, "no sign of life"));
	assert_served(i);
	live_close(i);
}

static void
test_deaf_plugin_is_ended(void **state)
{
	struct instance_options o = live_options(FLAKY, NULL, false);
	struct live_sink s;
	struct live_result r;
	struct instance *i;

	(void)state;
	o.cancel_ms = 200;
	i = live_ready(&o);
	live_sink_init(&s);
	s.refuse_at = 3;
	s.refuse_with = B3IQ_E_CANCELLED;
	r = live_generate(i, "deaf", "{}", 10, &s);
	assert_int_equal(r.rc, B3IQ_E_DIED);
	assert_int_equal(s.chunks, 3);
	assert_served(i);
	buf_free(&s.text);
	live_close(i);
}

static void
kill_at_three(struct live_sink *s)
{
	struct instance_status st;

	if (s->chunks != 3)
		return;
	instance_status(s->ctx, &st);
	kill(st.pid, SIGKILL);
}

static void
test_kill_9_in_the_middle_of_a_stream(void **state)
{
	const struct instance_options o = live_options(FLAKY, "{\"token_ms\":1}", false);
	struct instance *i = live_ready(&o);
	struct live_sink s;
	struct live_result r;

	(void)state;
	live_sink_init(&s);
	s.on_chunk = kill_at_three;
	s.ctx = i;
	r = live_generate(i, "ok", "{}", 100000, &s);
	assert_int_equal(r.rc, B3IQ_E_DIED);
	assert_non_null(strstr(r.err.text, "SIGKILL"));
	assert_true(s.chunks >= 3);
	assert_served(i);
	buf_free(&s.text);
	live_close(i);
}

/* ---- stopping calls --------------------------------------------------------------- */

static void
test_refusing_sink(void **state)
{
	(void)state;
	for (size_t k = 0; k < 2; k++) {
		const struct instance_options o = live_options(FLAKY, NULL, both[k]);
		struct instance *i = live_ready(&o);
		struct live_sink s;
		struct live_result r;

		live_sink_init(&s);
		s.refuse_at = 2;
		s.refuse_with = B3IQ_E_BUSY;
		r = live_generate(i, "flood", "{}", 10, &s);
		assert_int_equal(r.rc, B3IQ_E_BUSY);
		assert_int_equal(s.chunks, 2); /* not one more, however many were on their way */
		assert_served(i);
		buf_free(&s.text);
		live_close(i);
	}
}

static void *
cancel_soon(void *arg)
{
	usleep(50000);
	(void)!write(*(int *)arg, &(uint64_t){ 1 }, 8);
	return NULL;
}

/* The plugin waits a minute for its device; only cancel_fd can wake it. */
static void
test_cancel_fd_wakes_a_waiting_plugin(void **state)
{
	(void)state;
	for (size_t k = 0; k < 2; k++) {
		const struct instance_options o = live_options(FLAKY, "{\"token_ms\":60000}", both[k]);
		struct instance *i = live_ready(&o);
		const uint64_t begun = clock_mono_ms();
		struct live_sink s;
		struct live_result r;
		pthread_t thread;

		live_sink_init(&s);
		s.sink.cancel_fd = eventfd(0, EFD_CLOEXEC);
		pthread_create(&thread, NULL, cancel_soon, &s.sink.cancel_fd);
		r = live_generate(i, "ok", "{}", 10, &s);
		assert_int_equal(r.rc, B3IQ_E_CANCELLED);
		assert_int_equal(s.chunks, 0);
		assert_true(clock_mono_ms() - begun < 30000);
		print_message("cancel_fd: %llu ms\n", (unsigned long long)(clock_mono_ms() - begun - 50));
		pthread_join(thread, NULL);
		close(s.sink.cancel_fd);
		live_close(i);
	}
}

static void
test_deadline_stops_a_waiting_plugin(void **state)
{
	(void)state;
	for (size_t k = 0; k < 2; k++) {
		const struct instance_options o = live_options(FLAKY, "{\"token_ms\":60000}", both[k]);
		struct instance *i = live_ready(&o);
		const struct b3iq_gen_request q = { .size = sizeof q, .model = "ok", .body = "{}",
		                                    .body_len = 2, .max_tokens = 5,
		                                    .deadline_ms = clock_mono_ms() + 100 };
		struct b3iq_usage use = { .size = sizeof use };
		struct b3iq_error err = NO_ERROR;
		struct live_sink s;

		live_sink_init(&s);
		assert_int_equal(instance_inference(i)->generate(i, &q, &s.sink, &use, &err),
		                 B3IQ_E_TIMEOUT);
		assert_true(clock_mono_ms() < q.deadline_ms + 30000);
		assert_non_null(strstr(err.text, "deadline"));
		live_close(i);
	}
}

struct running {
	struct instance *i;
	struct live_result r;
	pthread_t thread;
};

static void *
run_forever(void *arg)
{
	struct running *run = arg;
	struct live_sink s;

	live_sink_init(&s);
	run->r = live_generate(run->i, "ok", "{}", 1000000, &s);
	buf_free(&s.text);
	return NULL;
}

static void
wait_running(struct instance *i, uint32_t n)
{
	struct instance_status st = { .running = 0 };

	for (int k = 0; k < 60000 && st.running != n; k++) {
		instance_status(i, &st);
		usleep(1000);
	}
	assert_int_equal(st.running, n);
}

static void
test_stop_drains_then_cancels(void **state)
{
	(void)state;
	for (size_t k = 0; k < 2; k++) {
		struct instance_options o = live_options(FLAKY, "{\"token_ms\":5}", both[k]);
		struct running run = { .i = NULL };

		o.drain_ms = 50;
		run.i = live_ready(&o);
		pthread_create(&run.thread, NULL, run_forever, &run);
		wait_running(run.i, 1);
		instance_stop(run.i);
		pthread_join(run.thread, NULL);
		assert_int_equal(run.r.rc, B3IQ_E_CANCELLED);
		assert_int_equal(live_state(run.i), INSTANCE_STOPPED);
		assert_int_equal(live_ask(run.i, "ok").rc, B3IQ_E_UNAVAILABLE);
		live_close(run.i);
	}
}

static void
test_stop_lets_a_short_call_end(void **state)
{
	struct instance_options o = live_options(FLAKY, "{\"token_ms\":20}", false);
	struct instance *i;
	struct running run;

	(void)state;
	o.drain_ms = 60000;
	i = live_ready(&o);
	run = (struct running){ .i = i };
	pthread_create(&run.thread, NULL, run_forever, &run);
	wait_running(i, 1);
	instance_restart(i);
	live_until(i, INSTANCE_STOPPING);
	roster_cancel_all(instance_roster(i), B3IQ_E_CANCELLED);
	pthread_join(run.thread, NULL);
	assert_int_equal(run.r.rc, B3IQ_E_CANCELLED);
	assert_int_equal(instance_wait(i, 60000, NULL), B3IQ_OK); /* it came back: a restart */
	live_close(i);
}

/* Stopped before its thread even noticed that it was wanted: nobody waits for a start any more. */
static void
test_start_and_stop_at_once(void **state)
{
	const struct instance_options o = live_options(ECHO, NULL, false);

	(void)state;
	for (int n = 0; n < 200; n++) {
		struct instance *i = live_start(&o);
		struct instance *held = instance_ref(i);
		const uint64_t begun = clock_mono_ms();

		if (n % 2 == 0)
			instance_stop(i);
		instance_close(i);
		assert_int_equal(live_ask(held, "echo").rc, B3IQ_E_UNAVAILABLE);
		assert_true(clock_mono_ms() - begun < 50000); /* not its patience, which is a minute */
		instance_release(held);
	}
}

static void
test_reference_outlives_close(void **state)
{
	const struct instance_options o = live_options(ECHO, NULL, false);
	struct instance *i = live_ready(&o);
	struct instance *held = instance_ref(i);

	(void)state;
	instance_close(i);
	assert_int_equal(live_ask(held, "echo").rc, B3IQ_E_UNAVAILABLE);
	assert_int_equal(live_state(held), INSTANCE_STOPPED);
	instance_release(held);
}

/* ---- many at once -------------------------------------------------------------------- */

#define MANY 64

static void *
echo_many(void *arg)
{
	struct running *run = arg;
	char body[512];

	for (int n = 0; n < 20 && (n == 0 || run->r.rc == B3IQ_OK); n++) {
		struct live_sink s;

		snprintf(body, sizeof body, "call %d of %p, and some more text to tell them apart", n, arg);
		live_sink_init(&s);
		run->r = live_generate(run->i, "echo", body, 0, &s);
		if (run->r.rc == B3IQ_OK && (s.text.len == 0 || strcmp(s.text.data, body) != 0))
			run->r.rc = B3IQ_E_INTERNAL;
		buf_free(&s.text);
	}
	return NULL;
}

static void
test_64_at_once(void **state)
{
	(void)state;
	for (size_t k = 0; k < 2; k++) {
		const struct instance_options o = live_options(ECHO, NULL, both[k]);
		struct instance *i = live_ready(&o);
		struct running run[MANY];

		for (int n = 0; n < MANY; n++) {
			run[n] = (struct running){ .i = i };
			pthread_create(&run[n].thread, NULL, echo_many, &run[n]);
		}
		for (int n = 0; n < MANY; n++) {
			pthread_join(run[n].thread, NULL);
			assert_int_equal(run[n].r.rc, B3IQ_OK);
		}
		live_close(i);
	}
}

static void
test_64_die_together_and_all_hear_of_it(void **state)
{
	const struct instance_options o = live_options(FLAKY, "{\"token_ms\":1}", false);
	struct instance *i = live_ready(&o);
	struct running run[MANY];
	struct instance_status st;

	(void)state;
	for (int n = 0; n < MANY; n++) {
		run[n] = (struct running){ .i = i };
		pthread_create(&run[n].thread, NULL, run_forever, &run[n]);
	}
	wait_running(i, MANY);
	instance_status(i, &st);
	kill(st.pid, SIGKILL);
	for (int n = 0; n < MANY; n++) {
		pthread_join(run[n].thread, NULL);
		assert_int_equal(run[n].r.rc, B3IQ_E_DIED);
	}
	assert_served(i);
	live_close(i);
}

static void
test_width_is_kept_and_the_others_wait(void **state)
{
	struct instance_options o = live_options(FLAKY, "{\"token_ms\":10}", false);
	struct running run[6];
	struct instance_status st;
	struct instance *i;

	(void)state;
	o.width = 2;
	o.drain_ms = 50;
	i = live_ready(&o);
	for (int n = 0; n < 6; n++) {
		run[n] = (struct running){ .i = i };
		pthread_create(&run[n].thread, NULL, run_forever, &run[n]);
	}
	for (int n = 0; n < 60000; n++) {
		instance_status(i, &st);
		if (st.running == 2 && st.waiting == 4)
			break;
		assert_true(st.running <= 2);
		usleep(1000);
	}
	assert_int_equal(st.running, 2);
	assert_int_equal(st.waiting, 4);
	instance_stop(i);
	for (int n = 0; n < 6; n++) {
		pthread_join(run[n].thread, NULL);
		assert_true(run[n].r.rc == B3IQ_E_CANCELLED || run[n].r.rc == B3IQ_E_UNAVAILABLE);
	}
	live_close(i);
}

static void
slow_reader(struct live_sink *s)
{
	if (s->chunks % 50000 == 1)
		usleep(20000);
}

/* A million chunks against a reader that dawdles: none is lost, memory stays within the ring. */
static void
test_back_pressure(void **state)
{
	const struct instance_options o = live_options(FLAKY, NULL, false);
	struct instance *i = live_ready(&o);
	struct live_sink s;
	struct live_result r;

	(void)state;
	live_sink_init(&s);
	s.on_chunk = slow_reader;
	r = live_generate(i, "flood", "{}", 10, &s);
	assert_int_equal(r.rc, B3IQ_OK);
	assert_int_equal(s.chunks, 1000002);
	assert_int_equal(r.use.output_tokens, 1000002);
	buf_free(&s.text);
	live_close(i);
}

/* ---- the other end ---------------------------------------------------------------------- */

extern char **environ;

/* `test_instance --victim`: a host that starts a sandbox, tells its pid, and waits to be killed. */
static int
victim(void)
{
	struct instance_options o = live_options(ECHO, NULL, false);
	struct instance_status st;
	struct instance *i;

	o.state_dir = "/tmp";
	i = live_ready(&o);
	instance_status(i, &st);
	printf("%d\n", (int)st.pid);
	fflush(stdout);
	while (pause() < 0)
		;
	return 0;
}

static void
test_host_killed_child_gone(void **state)
{
	char program[] = "test_instance", flag[] = "--victim";
	char *argv[] = { program, flag, NULL };
	posix_spawn_file_actions_t files;
	int out[2], child = 0, status;
	pid_t host;
	FILE *from;

	(void)state;
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0); /* the orphan comes to us */
	assert_int_equal(pipe(out), 0);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, out[1], 1);
	assert_int_equal(posix_spawn(&host, "/proc/self/exe", &files, NULL, argv, environ), 0);
	posix_spawn_file_actions_destroy(&files);
	close(out[1]);
	from = fdopen(out[0], "r");
	assert_int_equal(fscanf(from, "%d", &child), 1);
	assert_true(child > 0);
	kill(host, SIGKILL);
	assert_int_equal(waitpid(host, &status, 0), host);
	assert_int_equal(waitpid(child, &status, 0), child); /* it ends, or this test times out */
	fclose(from);
	prctl(PR_SET_CHILD_SUBREAPER, 0);
}

static void
test_child_is_confined(void **state)
{
	const struct instance_options o = live_options(FLAKY, NULL, false);
	char path[64], line[256];
	struct instance_status st;
	struct instance *i;
	bool no_new_privs = false, no_core = false;
	struct rlimit core;
	FILE *f;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_CORE, &core), 0);
	core.rlim_cur = core.rlim_max; /* as far as we may; where that is nothing, so be it */
	assert_int_equal(setrlimit(RLIMIT_CORE, &core), 0);
	setenv("B3IQ_TEST_SECRET", "must-not-be-inherited", 1);
	i = live_ready(&o);
	instance_status(i, &st);
	snprintf(path, sizeof path, "/proc/%d/status", (int)st.pid);
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof line, f) != NULL)
		if (strstr(line, "NoNewPrivs:\t1") != NULL)
			no_new_privs = true;
	fclose(f);
	assert_true(no_new_privs);
	snprintf(path, sizeof path, "/proc/%d/limits", (int)st.pid);
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof line, f) != NULL)
		if (strncmp(line, "Max core file size", 18) == 0)
			no_core = strtoul(line + 18, NULL, 10) == 0 && strstr(line, "unlimited") == NULL;
	fclose(f);
	assert_true(no_core);
	snprintf(path, sizeof path, "/proc/%d/environ", (int)st.pid);
	f = fopen(path, "r");
	if (f != NULL) { /* only root may look */
		size_t n = fread(line, 1, sizeof line, f);

		assert_null(memmem(line, n, "must-not", 8));
		assert_non_null(memmem(line, n, "HOME=", 5));
		fclose(f);
	}
	snprintf(path, sizeof path, "/proc/%d/cmdline", (int)st.pid);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_true(fread(line, 1, sizeof line, f) > 0);
	assert_string_equal(line, "b3iq");
	fclose(f);
	live_close(i);
}

static void
take_starts(void *ctx, const char *instance, int32_t type, const char *name, double value)
{
	assert_string_equal(instance, "test");
	assert_int_equal(type, B3IQ_COUNTER);
	if (strcmp(name, "flaky_starts") == 0)
		*(double *)ctx = value;
}

static void
test_metrics(void **state)
{
	const struct instance_options o = live_options(FLAKY, NULL, false);
	struct instance *i = live_ready(&o);
	double starts = 0;

	(void)state;
	instance_metrics(i, take_starts, &starts); /* it counts before it is ready */
	assert_true(starts == 1);
	instance_restart(i);
	assert_int_equal(instance_wait(i, 60000, NULL), B3IQ_OK);
	instance_metrics(i, take_starts, &starts);
	assert_true(starts == 2);
	live_close(i);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers_the_same_inline_and_sandboxed),
		cmocka_unit_test(test_documents_and_absent_functions),
		cmocka_unit_test(test_every_error_comes_through),
		cmocka_unit_test(test_a_crash_costs_one_request),
		cmocka_unit_test(test_overflow_and_big_chunks),
		cmocka_unit_test(test_keeps_the_last_words),
		cmocka_unit_test(test_five_deaths_and_a_new_start),
		cmocka_unit_test(test_create_that_fails),
		cmocka_unit_test(test_create_that_is_unavailable_is_tried_again),
		cmocka_unit_test(test_create_that_hangs),
		cmocka_unit_test(test_destroy_that_misbehaves),
		cmocka_unit_test(test_hang_is_found_and_ended),
		cmocka_unit_test(test_other_calls_hang_too),
		cmocka_unit_test(test_frozen_process_is_found),
		cmocka_unit_test(test_deaf_plugin_is_ended),
		cmocka_unit_test(test_kill_9_in_the_middle_of_a_stream),
		cmocka_unit_test(test_refusing_sink),
		cmocka_unit_test(test_cancel_fd_wakes_a_waiting_plugin),
		cmocka_unit_test(test_deadline_stops_a_waiting_plugin),
		cmocka_unit_test(test_stop_drains_then_cancels),
		cmocka_unit_test(test_stop_lets_a_short_call_end),
		cmocka_unit_test(test_start_and_stop_at_once),
		cmocka_unit_test(test_reference_outlives_close),
		cmocka_unit_test(test_64_at_once),
		cmocka_unit_test(test_64_die_together_and_all_hear_of_it),
		cmocka_unit_test(test_width_is_kept_and_the_others_wait),
		cmocka_unit_test(test_back_pressure),
		cmocka_unit_test(test_host_killed_child_gone),
		cmocka_unit_test(test_child_is_confined),
		cmocka_unit_test(test_metrics),
	};

	LIVE_MAIN(argc, argv);
	if (argc > 1 && strcmp(argv[1], "--victim") == 0)
		return victim();
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, live_setup, live_teardown);
}
