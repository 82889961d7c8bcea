#include "ollama.c"

#include <pthread.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>
#include "bench.h"
#include "fake_http.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define SHOW     { .path = "/api/show", .body = "{\"model_info\":{\"llama.context_length\":2048}}" }
#define LINE(text) "{\"model\":\"m\",\"message\":{\"content\":\"" text "\"},\"done\":false}\n"
#define DONE                                                                                      \
	"{\"model\":\"m\",\"message\":{\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\"," \
	"\"prompt_eval_count\":4,\"eval_count\":2}\n"

struct bench {
	struct fake       *fake;
	struct b3iq_host   host;
	void              *self;
	struct b3iq_error  err;
	struct b3iq_usage  use;
	struct memory_sink sink;
	struct heap_writer out;
};

static struct bench *
begin(const struct fake_answer *answers, size_t n, const char *more)
{
	static struct bench b;

	memset(&b, 0, sizeof b);
	b.host = bench_host(NULL);
	b.err.size = sizeof b.err;
	b.use.size = sizeof b.use;
	b.sink = (struct memory_sink)MEMORY_SINK;
	b.out.base.write = heap_write;
	b.fake = fake_start(answers, n);
	assert_int_equal(create(&b.host, bench_config(fake_port(b.fake), more), &b.self, &b.err),
	                 0);
	return &b;
}

static void
end(struct bench *b)
{
	destroy(b->self);
	fake_stop(b->fake);
}

static int32_t
ask(struct bench *b, uint32_t flags)
{
	static const char body[] = "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";
	const struct b3iq_gen_request rq = { .size = sizeof rq, .flags = flags, .model = "m",
		                             .body = body, .body_len = sizeof body - 1, .top_p = 1,
		                             .max_tokens = 16 };

	return generate(b->self, &rq, &b->sink.base, &b->use, &b->err);
}

static void
answers_in_any_delivery(void **state)
{
	static const size_t pieces[] = { 0, 1, 7 };

	(void)state;
	for (size_t i = 0; i < COUNT(pieces); i++) {
		const struct fake_answer answers[] = { SHOW,
			                               { .path = "/api/chat",
			                                 .body = LINE("Hel") LINE("lo") DONE,
			                                 .piece = pieces[i] } };
		struct bench *b = begin(answers, COUNT(answers), "");

		assert_int_equal(ask(b, 0), B3IQ_OK);
		assert_string_equal(b->sink.text, "Hello");
		assert_int_equal(b->use.stop, B3IQ_STOP_END);
		assert_int_equal(b->use.determinism, B3IQ_DET_NONE);
		assert_int_equal(b->use.prompt_tokens, 4);
		assert_int_equal(b->use.output_tokens, 2);
		assert_string_equal(b->use.fingerprint, "none/ollama/unknown/");
		assert_non_null(strstr(fake_asked(b->fake, "/api/chat"), "\"num_ctx\":2048"));
		end(b);
	}
}

static void
promises_nothing_it_cannot_keep(void **state)
{
	struct bench *b = begin(NULL, 0, "");

	(void)state;
	assert_int_equal(ask(b, B3IQ_GEN_DETERMINISTIC), B3IQ_E_UNSUPPORTED);
	assert_int_equal(ask(b, B3IQ_GEN_PROBES), B3IQ_E_UNSUPPORTED);
	assert_int_equal(ask(b, 0x80000000u), B3IQ_E_UNSUPPORTED);
	assert_int_equal(b->sink.n_chunks, 0);
	end(b);
}

static void
faults_of_an_answer(void **state)
{
	static const struct {
		struct fake_answer answer;
		int32_t            code;
	} faults[] = {
		{ { .body = LINE("x") }, B3IQ_E_UNAVAILABLE },          /* cut between lines  */
		{ { .body = LINE("x") "{\"mod" }, B3IQ_E_UNAVAILABLE }, /* cut in a line      */
		{ { .body = LINE("x"), .claimed = 999 },
		  B3IQ_E_UNAVAILABLE }, /* cut in the body    */
		{ { .body = LINE("x"), .reset = true, .claimed = 999 }, B3IQ_E_UNAVAILABLE },
		{ { .body = "<html>\n" }, B3IQ_E_UNAVAILABLE },
		{ { .body = DONE }, B3IQ_E_UNAVAILABLE }, /* empty              */
		{ { .body = LINE("x") "{\"error\":\"llama runner died\"}\n" }, B3IQ_E_UNAVAILABLE },
		{ { .body = "{\"error\":\"model 'm' not found\"}", .status = "404 Not Found" },
		  B3IQ_E_NOT_FOUND },
		{ { .body = "{\"model\":\"other\",\"message\":{\"content\":\"x\"}}\n" },
		  B3IQ_E_NOT_FOUND },
		{ { .body = "oops", .status = "500 Internal Server Error" }, B3IQ_E_UNAVAILABLE },
		{ { .body = "{\"error\":\"bad\"}", .status = "400 Bad Request" }, B3IQ_E_INVALID },
		{ { .body = LINE("x") "{\"model\":\"m\",\"done\":true,\"prompt_eval_count\":2048}"
		                      "\n" },
		  B3IQ_E_INVALID },
		{ { .body = LINE("x"), .hang = true }, B3IQ_E_TIMEOUT }, /* falls silent       */
		{ { .mute = true }, B3IQ_E_TIMEOUT },                    /* no first token     */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(faults); i++) {
		struct fake_answer answers[] = { SHOW, faults[i].answer };
		struct bench      *b;

		answers[1].path = "/api/chat";
		b = begin(answers, COUNT(answers),
		          ",\"first_token_timeout_ms\":200,\"idle_timeout_ms\":200");
		if (ask(b, 0) != faults[i].code)
			fail_msg("fault %zu: %s", i, b->err.text);
		assert_true(strlen(b->err.text) > 20);
		assert_null(strstr(b->err.text, "127.0.0.1"));
		end(b);
	}
}

static void
a_model_that_went_away_is_asked_for_anew(void **state)
{
	static const struct fake_answer answers[] = { SHOW, { .path = "/api/chat", .body = "{}",
		                                              .status = "404 Not Found" } };
	struct bench *b = begin(answers, COUNT(answers), "");

	(void)state;
	assert_int_equal(ask(b, 0), B3IQ_E_NOT_FOUND);
	assert_int_equal(ask(b, 0), B3IQ_E_NOT_FOUND);
	assert_int_equal(fake_count(b->fake, "/api/show"), 2);
	end(b);
}

/* ---- cancel ------------------------------------------------------------- */

static void
poke(struct memory_sink *s)
{
	assert_int_equal(eventfd_write(*(int *)s->ctx, 1), 0);
}

static void
cancel_after_the_first_token(void **state)
{
	static const struct fake_answer answers[] = {
		SHOW, { .path = "/api/chat", .body = LINE("x"), .hang = true }
	};
	struct bench *b = begin(answers, COUNT(answers), "");
	int           fd = eventfd(0, EFD_CLOEXEC);

	(void)state;
	b->sink.base.cancel_fd = fd;
	b->sink.ctx = &fd;
	b->sink.on_chunk = poke;
	assert_int_equal(ask(b, 0), B3IQ_E_CANCELLED);
	assert_int_equal(b->use.stop, B3IQ_STOP_CANCELLED);
	assert_int_equal(b->use.output_tokens, 1);
	close(fd);
	end(b);
}

static void
cancel_while_the_model_is_looked_up(void **state)
{
	static const struct fake_answer answers[] = { { .path = "/api/show", .mute = true } };
	struct bench *b = begin(answers, COUNT(answers), "");
	const int     fd = eventfd(1, EFD_CLOEXEC);

	(void)state;
	b->sink.base.cancel_fd = fd;
	assert_int_equal(ask(b, 0), B3IQ_E_CANCELLED);
	close(fd);
	end(b);
}

static void
a_refusing_sink_ends_the_transfer(void **state)
{
	static const struct fake_answer answers[] = {
		SHOW, { .path = "/api/chat", .body = LINE("x") LINE("y"), .hang = true }
	};
	struct bench *b = begin(answers, COUNT(answers), "");

	(void)state;
	b->sink.refuse_at = 2;
	assert_int_equal(ask(b, 0), B3IQ_E_CANCELLED);
	assert_string_equal(b->sink.text, "x");
	end(b);
}

/* ---- many at once ------------------------------------------------------- */

static void *
one_of_many(void *self)
{
	static const char body[] = "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";
	const struct b3iq_gen_request rq = { .size = sizeof rq, .model = "m", .body = body,
		                             .body_len = sizeof body - 1, .top_p = 1 };
	struct memory_sink           *sink = calloc(1, sizeof *sink);
	struct b3iq_usage             use = { .size = sizeof use };
	struct b3iq_error             err = { .size = sizeof err };
	bool                          ok;

	sink->base = (struct b3iq_sink){ sizeof sink->base, -1, memory_emit };
	ok = generate(self, &rq, &sink->base, &use, &err) == B3IQ_OK &&
	     strcmp(sink->text, "Hello") == 0;
	free(sink);
	return ok ? self : NULL;
}

static void
calls_run_side_by_side(void **state)
{
	static const struct fake_answer answers[] = {
		SHOW, { .path = "/api/chat", .body = LINE("Hel") LINE("lo") DONE, .piece = 3 } };
	struct bench *b = begin(answers, COUNT(answers), "");
	pthread_t     threads[16];
	void         *ok;

	(void)state;
	for (size_t i = 0; i < COUNT(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, one_of_many, b->self), 0);
	for (size_t i = 0; i < COUNT(threads); i++) {
		assert_int_equal(pthread_join(threads[i], &ok), 0);
		assert_non_null(ok);
	}
	end(b);
}

/* ---- the rest ----------------------------------------------------------- */

static void
probes_what_is_there(void **state)
{
	static const struct fake_answer answers[] = { { .path = "/api/version",
		                                        .body = "{\"version\":\"0.5.1\"}" } };
	struct bench *b = begin(answers, COUNT(answers), "");
	char          more[64];
	void         *other;

	(void)state;
	assert_int_equal(probe(b->self, &b->out.base, &b->err), B3IQ_OK);
	assert_string_equal(b->out.text,
	                    "[{\"id\":\"ollama\",\"name\":\"Ollama\",\"kind\":\"remote\","
	                    "\"usable\":true,\"driver\":\"0.5.1\"}]");
	snprintf(more, sizeof more, ",\"url\":\"http://127.0.0.1:%d\"", fake_closed_port());
	assert_int_equal(create(&b->host, bench_config(1, more), &other, &b->err), B3IQ_OK);
	b->out.len = 0;
	assert_int_equal(probe(other, &b->out.base, &b->err), B3IQ_OK);
	assert_non_null(strstr(b->out.text, "\"usable\":false"));
	assert_non_null(strstr(b->out.text, "ollama serve"));
	destroy(other);
	end(b);
}

static void
loads_and_lets_go(void **state)
{
	static const struct fake_answer answers[] = { SHOW, { .path = "/api/generate",
		                                              .body = "{\"done\":true}" } };
	struct bench *b = begin(answers, COUNT(answers), "");

	(void)state;
	assert_int_equal(load(b->self, "m", NULL, &b->err), B3IQ_OK);
	assert_non_null(strstr(fake_asked(b->fake, "/api/generate"), "\"keep_alive\":\"5m\""));
	assert_int_equal(unload(b->self, "m", &b->err), B3IQ_OK);
	assert_non_null(strstr(fake_asked(b->fake, "/api/generate"), "\"keep_alive\":0"));
	end(b);
}

static void
a_bad_config_is_refused(void **state)
{
	const struct b3iq_host host = bench_host(NULL);
	struct b3iq_error      err = { .size = sizeof err };
	void                  *self = NULL;

	(void)state;
	assert_int_equal(create(&host, "{}", &self, &err), B3IQ_E_INVALID);
	assert_null(self);
	destroy(NULL);
	assert_null(b3iq_plugin_entry(2u << 16));
	assert_ptr_equal(b3iq_plugin_entry(B3IQ_ABI), &plugin);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_in_any_delivery),
		cmocka_unit_test(promises_nothing_it_cannot_keep),
		cmocka_unit_test(faults_of_an_answer),
		cmocka_unit_test(a_model_that_went_away_is_asked_for_anew),
		cmocka_unit_test(cancel_after_the_first_token),
		cmocka_unit_test(cancel_while_the_model_is_looked_up),
		cmocka_unit_test(a_refusing_sink_ends_the_transfer),
		cmocka_unit_test(calls_run_side_by_side),
		cmocka_unit_test(probes_what_is_there),
		cmocka_unit_test(loads_and_lets_go),
		cmocka_unit_test(a_bad_config_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
