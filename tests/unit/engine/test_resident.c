/* A model in memory: what it refuses to open, and requests from body to chunks.  The whole of it is
 * driven through the plugin's table in cpu/test_plugin.c. */
#include "engine/serve/resident.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>
#include <cmocka.h>
#include "cpu/kernels.h"
#include "rig.h"

#define CHATML "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n" \
	       "{% endfor %}<|im_start|>assistant\n"

static const struct scheduler_config *
usual(void)
{
	static struct scheduler_config c = { .threads = 1, .max_sequences = 4, .max_queue = 4,
		.chunk = 64, .prefixes = 4 };

	c.kernels = select_at(0);
	return &c;
}

/* Opens what synth_write() makes of this. */
static int32_t
open_synth(const struct synth *s, struct resident **out, struct b3iq_error *err)
{
	char path[] = "/tmp/b3iq-resident-XXXXXX";
	const int fd = mkstemp(path);
	int32_t rc;

	assert_true(fd >= 0);
	(void)close(fd);
	rig_save(s, path);
	*err = (struct b3iq_error){ .size = sizeof *err };
	rc = resident_open(out, path, usual(), "cpu", err);
	(void)unlink(path); /* the mapping lives on */
	return rc;
}

/* An answer as a sink sees it. */
struct answer {
	struct b3iq_sink  base;
	struct b3iq_usage use;
	struct b3iq_error err;
	char     text[4096];
	int32_t  ids[64];
	size_t   len, n, deltas, probes, fail_at;
};

static int32_t
take(struct b3iq_sink *sink, const struct b3iq_chunk *c)
{
	struct answer *a = (struct answer *)sink;

	if (a->fail_at && a->n + 1 == a->fail_at)
		return B3IQ_E_CANCELLED;
	assert_true(a->len + c->text_len < sizeof a->text && a->n + c->n_ids <= 64);
	memcpy(a->text + a->len, c->text, c->text_len);
	a->len += c->text_len;
	memcpy(a->ids + a->n, c->ids, c->n_ids * sizeof *c->ids);
	a->n += c->n_ids;
	a->deltas += c->delta != NULL;
	a->probes += c->probe != NULL && c->probe_len == SCHEDULER_PROBE;
	return B3IQ_OK;
}

static struct answer
fresh(void)
{
	return (struct answer){ .base = { .size = sizeof(struct b3iq_sink), .cancel_fd = -1,
		.emit = take }, .use.size = sizeof(struct b3iq_usage),
		.err.size = sizeof(struct b3iq_error) };
}

static struct b3iq_gen_request
request(const char *body)
{
	return (struct b3iq_gen_request){ .size = sizeof(struct b3iq_gen_request), .model = "m",
		.body = body, .body_len = strlen(body), .max_tokens = 20, .top_p = 1.0f };
}

static int32_t
ask(struct resident *r, const struct b3iq_gen_request *rq, struct answer *a)
{
	return resident_generate(r, rq, &a->base, &a->use, &a->err);
}

/* ---- opening ---- */

static void
files_that_are_no_model_are_refused(void **state)
{
	struct synth s = SYNTH_TINY;
	struct b3iq_error err = { .size = sizeof err };
	struct resident *r = NULL;

	(void)state;
	assert_int_equal(resident_open(&r, "/tmp/there-is-no-such.gguf", usual(), "cpu", &err),
	                 B3IQ_E_NOT_FOUND);
	assert_non_null(strstr(err.text, "no-such.gguf"));
	s.extra_tensor = "blk.0.attn_q.bias";
	assert_int_equal(open_synth(&s, &r, &err), B3IQ_E_UNSUPPORTED);
	assert_null(r);
	resident_close(NULL);
}

static void
the_context_is_the_models_or_less(void **state)
{
	struct scheduler_config c = *usual();
	const struct synth s = SYNTH_TINY;
	char path[] = "/tmp/b3iq-resident-XXXXXX";
	struct b3iq_error err = { .size = sizeof err };
	const int fd = mkstemp(path);
	struct resident *r;

	(void)state;
	assert_true(fd >= 0);
	(void)close(fd);
	rig_save(&s, path);
	assert_int_equal(resident_open(&r, path, &c, "cpu", &err), B3IQ_OK);
	assert_int_equal(resident_context(r), s.context);
	assert_int_equal(resident_model(r)->hyper.vocab, s.vocab);
	resident_close(r);
	c.context = 100;
	assert_int_equal(resident_open(&r, path, &c, "cpu", &err), B3IQ_OK);
	assert_int_equal(resident_context(r), 100);
	resident_close(r);
	c.context = s.context + 1;
	assert_int_equal(resident_open(&r, path, &c, "cpu", &err), B3IQ_E_INVALID);
	assert_true(err.text[0]);
	(void)unlink(path);
}

/* ---- asking ---- */

static void
usage_says_what_was_done(void **state)
{
	const struct synth s = SYNTH_TINY;
	struct b3iq_gen_request rq = request("{\"prompt\":\"abc\"}");
	struct answer a = fresh(), again = fresh();
	struct resident *r;

	(void)state;
	assert_int_equal(open_synth(&s, &r, &a.err), B3IQ_OK);
	rq.flags = B3IQ_GEN_PROBES;
	assert_int_equal(ask(r, &rq, &a), B3IQ_OK);
	assert_int_equal(a.n, 20);
	assert_int_equal(a.probes, 20);
	assert_int_equal(a.deltas, 0);
	assert_int_equal(a.use.output_tokens, 20);
	assert_int_equal(a.use.stop, B3IQ_STOP_LENGTH);
	assert_true(a.use.prompt_tokens > 1 && a.use.cached_tokens == 0);
	assert_int_equal(a.use.determinism, B3IQ_DET_SAME_FINGERPRINT);
	assert_string_equal(a.use.fingerprint, RESIDENT_PROFILE "/" RESIDENT_ENGINE "/cpu");
	rq.flags = B3IQ_GEN_LOGPROBS;
	assert_int_equal(ask(r, &rq, &again), B3IQ_OK);
	assert_memory_equal(a.ids, again.ids, 20 * sizeof *a.ids);
	assert_int_equal(again.deltas, 20);
	assert_int_equal(again.probes, 0);
	resident_close(r);
}

static void
chats_need_a_template(void **state)
{
	static const char chat[] = "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";
	const struct b3iq_gen_request rq = request(chat), plain = request("{\"prompt\":\"hi\"}");
	struct synth s = SYNTH_TINY;
	struct answer a = fresh();
	struct resident *r;

	(void)state;
	assert_int_equal(open_synth(&s, &r, &a.err), B3IQ_OK);
	assert_int_not_equal(ask(r, &rq, &a), B3IQ_OK); /* text completion is all it can */
	assert_non_null(strstr(a.err.text, "has no chat template"));
	a = fresh();
	assert_int_equal(ask(r, &plain, &a), B3IQ_OK);
	resident_close(r);
	s.chat = CHATML;
	assert_int_equal(open_synth(&s, &r, &a.err), B3IQ_OK);
	a = fresh();
	assert_int_equal(ask(r, &rq, &a), B3IQ_OK);
	assert_true(a.use.prompt_tokens > 20); /* the turns are spelt out around the word */
	resident_close(r);
}

/* Without thinking the prompt has the empty thought that the template writes then. */
static void
thinking_can_be_switched_off(void **state)
{
	static const char on[] = "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],"
	                         "\"thinking\":true}";
	static const char off[] = "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],"
	                          "\"thinking\":false}";
	static const char *const templates[] = { "<|im_start|> enable_thinking last_query_index",
		CHATML };
	const struct b3iq_gen_request thinks = request(on), answers = request(off);

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct synth s = SYNTH_TINY;
		struct answer a = fresh(), b = fresh();
		struct resident *r;

		s.chat = templates[i];
		assert_int_equal(open_synth(&s, &r, &a.err), B3IQ_OK);
		assert_int_equal(ask(r, &thinks, &a), B3IQ_OK);
		assert_int_equal(ask(r, &answers, &b), B3IQ_OK);
		if (i == 0) /* "<think>", "</think>" and line ends, spelt out */
			assert_true(b.use.prompt_tokens > a.use.prompt_tokens + 4);
		else /* a template without the switch */
			assert_int_equal(b.use.prompt_tokens, a.use.prompt_tokens);
		resident_close(r);
	}
}

static void
what_is_not_known_is_refused(void **state)
{
	const struct synth s = SYNTH_TINY;
	struct b3iq_gen_request rq = request("{\"prompt\":\"abc\"}");
	struct answer a = fresh();
	struct resident *r;
	int32_t id = 320;

	(void)state;
	assert_int_equal(open_synth(&s, &r, &a.err), B3IQ_OK);
	rq.flags = 0x40000000;
	assert_int_equal(ask(r, &rq, &a), B3IQ_E_UNSUPPORTED);
	assert_non_null(strstr(a.err.text, "0x40000000"));
	rq.flags = 0;
	assert_int_equal(resident_replay(r, &rq, NULL, 0, &a.base, &a.use, &a.err), B3IQ_E_INVALID);
	assert_int_equal(resident_replay(r, &rq, &id, 1, &a.base, &a.use, &a.err), B3IQ_E_INVALID);
	id = -1;
	assert_int_equal(resident_replay(r, &rq, &id, 1, &a.base, &a.use, &a.err), B3IQ_E_INVALID);
	assert_int_equal(a.n, 0);
	assert_int_equal(a.use.output_tokens, 0);
	resident_close(r);
}

/* ---- ending early ---- */

static void
stops_count_what_left(void **state)
{
	const struct synth s = SYNTH_TINY;
	struct b3iq_gen_request rq = request("{\"prompt\":\"abc\"}");
	struct answer a = fresh();
	struct resident *r;
	int fds[2];

	(void)state;
	assert_int_equal(open_synth(&s, &r, &a.err), B3IQ_OK);
	a.fail_at = 4; /* the host says no to the fourth */
	assert_int_equal(ask(r, &rq, &a), B3IQ_E_CANCELLED);
	assert_int_equal(a.use.output_tokens, 3);
	assert_int_equal(a.use.stop, B3IQ_STOP_CANCELLED);
	a = fresh();
	rq.deadline_ms = 1; /* long ago */
	assert_int_equal(ask(r, &rq, &a), B3IQ_E_TIMEOUT);
	assert_int_equal(a.use.output_tokens, 0);
	assert_int_equal(a.use.stop, B3IQ_STOP_CANCELLED);
	a = fresh();
	rq.deadline_ms = 0;
	assert_int_equal(pipe(fds), 0);
	(void)close(fds[1]); /* hung up: as good as readable */
	a.base.cancel_fd = fds[0];
	assert_int_equal(ask(r, &rq, &a), B3IQ_E_CANCELLED);
	(void)close(fds[0]);
	resident_close(r);
}

/* A replay says of each length what a generation would have said. */
static void
replays_end_as_given(void **state)
{
	const struct synth s = SYNTH_TINY;
	const struct b3iq_gen_request rq = request("{\"prompt\":\"abc\"}");
	struct answer a = fresh();
	struct resident *r;

	(void)state;
	assert_int_equal(open_synth(&s, &r, &a.err), B3IQ_OK);
	assert_int_equal(ask(r, &rq, &a), B3IQ_OK);
	for (size_t n = 1; n <= 20; n++) {
		struct answer b = fresh();

		assert_int_equal(resident_replay(r, &rq, a.ids, n, &b.base, &b.use, &b.err), B3IQ_OK);
		assert_int_equal(b.n, n);
		assert_memory_equal(a.ids, b.ids, n * sizeof *a.ids);
		assert_int_equal(b.use.stop, n == 20 ? B3IQ_STOP_LENGTH : B3IQ_STOP_CANCELLED);
		assert_memory_equal(a.text, b.text, n == 20 ? a.len : 0);
	}
	resident_close(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_that_are_no_model_are_refused),
		cmocka_unit_test(the_context_is_the_models_or_less),
		cmocka_unit_test(usage_says_what_was_done),
		cmocka_unit_test(chats_need_a_template),
		cmocka_unit_test(thinking_can_be_switched_off),
		cmocka_unit_test(what_is_not_known_is_refused),
		cmocka_unit_test(stops_count_what_left),
		cmocka_unit_test(replays_end_as_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
