#include "catalog.c"

#include "bench.h"
#include "fake_http.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define TAG(name, digest)                                                                    \
	"{\"name\":\"" name "\",\"model\":\"" name "\",\"size\":42,\"digest\":\"" digest "\"," \
	"\"details\":{\"quantization_level\":\"Q4_K_M\"}}"
#define SHOW(context)                                                                 \
	"{\"details\":{\"quantization_level\":\"Q4_K_M\"},\"model_info\":{\"general." \
	"architecture\":"                                                             \
	"\"llama\",\"llama.context_length\":" context "}}"

struct bench {
	struct fake       *fake;
	struct config      config;
	struct catalog    *catalog;
	struct b3iq_error  err;
	struct heap_writer out;
};

static struct bench *
begin(const struct fake_answer *answers, size_t n, const char *more)
{
	static struct bench    b;
	const struct b3iq_host host = bench_host(NULL);

	memset(&b, 0, sizeof b);
	b.err.size = sizeof b.err;
	b.out.base.write = heap_write;
	b.fake = fake_start(answers, n);
	assert_int_equal(
		config_read(&b.config, &host, bench_config(fake_port(b.fake), more), &b.err), 0);
	assert_int_equal(catalog_create(&b.catalog, &b.config, &b.err), 0);
	return &b;
}

static void
end(struct bench *b)
{
	catalog_destroy(b->catalog);
	config_finish(&b->config);
	fake_stop(b->fake);
}

static void
lists_what_is_there(void **state)
{
	static const struct fake_answer answers[] = {
		{ .path = "/api/version", .body = "{\"version\":\"0.5.1\"}" },
		{ .path = "/api/tags",
		  .body = "{\"models\":[" TAG("a:latest", "11") "," TAG("b:7b", "22") "]}" },
		{ .path = "/api/ps", .body = "{\"models\":[" TAG("b:7b", "22") "]}" },
		{ .path = "/api/show", .body = SHOW("2048") },
	};
	static const char expected[] =
		"[{\"id\":\"a:latest\",\"context\":2048,\"profile\":\"none\",\"engine\":\"ollama/"
	        "0.5.1\","
		"\"quantisation\":\"Q4_K_M\",\"size\":42,\"resident\":false},"
		"{\"id\":\"b:7b\",\"context\":2048,\"profile\":\"none\",\"engine\":\"ollama/"
	        "0.5.1\","
		"\"quantisation\":\"Q4_K_M\",\"size\":42,\"resident\":true}]";
	struct bench *b = begin(answers, COUNT(answers), "");

	(void)state;
	for (int i = 0; i < 2; i++) { /* the second time nothing is shown anew */
		b->out.len = 0;
		assert_int_equal(catalog_list(b->catalog, &b->out.base, &b->err), B3IQ_OK);
		assert_string_equal(b->out.text, expected);
		assert_int_equal(fake_count(b->fake, "/api/show"), 2);
	}
	b->out.refuse = B3IQ_E_NO_MEMORY;
	assert_int_equal(catalog_list(b->catalog, &b->out.base, &b->err), B3IQ_E_NO_MEMORY);
	end(b);
}

static void
lists_only_what_is_offered(void **state)
{
	static const struct fake_answer answers[] = {
		{ .path = "/api/version", .body = "{\"version\":\"0.5.1\"}" },
		{ .path = "/api/tags",
		  .body = "{\"models\":[" TAG("a:latest", "11") "," TAG("b:7b", "22") ",{},7]}" },
		{ .path = "/api/show", .body = SHOW("1000000") },
	};
	struct bench        *b = begin(answers, COUNT(answers), ",\"allow\":[\"a\"]");
	struct catalog_model m;

	(void)state;
	assert_int_equal(catalog_list(b->catalog, &b->out.base, &b->err), B3IQ_OK);
	assert_string_equal(
		b->out.text,
		"[{\"id\":\"a:latest\",\"context\":8192,\"profile\":\"none\","
		"\"engine\":\"ollama/0.5.1\",\"quantisation\":\"Q4_K_M\",\"size\":42}]");
	assert_int_equal(catalog_find(b->catalog, "b:7b", UPSTREAM_NO_STOP, &m, &b->err),
	                 B3IQ_E_NOT_FOUND);
	assert_int_equal(catalog_find(b->catalog, "a", UPSTREAM_NO_STOP, &m, &b->err), B3IQ_OK);
	assert_int_equal(fake_count(b->fake, "/api/show"), 1);
	end(b);
}

static void
finds_by_asking_once(void **state)
{
	static const struct fake_answer answers[] = { { .path = "/api/show",
		                                        .body = SHOW("4096") } };
	struct bench        *b = begin(answers, COUNT(answers), "");
	struct catalog_model m;

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(catalog_find(b->catalog, i ? "x" : "x:latest", UPSTREAM_NO_STOP,
		                              &m, &b->err),
		                 B3IQ_OK);
		assert_int_equal(m.context, 4096);
		assert_int_equal(fake_count(b->fake, "/api/show"), 1);
	}
	catalog_forget(b->catalog, "x");
	assert_int_equal(catalog_find(b->catalog, "x", UPSTREAM_NO_STOP, &m, &b->err), B3IQ_OK);
	assert_int_equal(fake_count(b->fake, "/api/show"), 2);
	end(b);
}

static void
a_missing_model_is_not_found(void **state)
{
	struct bench        *b = begin(NULL, 0, "");
	struct catalog_model m;
	char                 name[CATALOG_NAME + 2];

	(void)state;
	assert_int_equal(catalog_find(b->catalog, "x", UPSTREAM_NO_STOP, &m, &b->err),
	                 B3IQ_E_NOT_FOUND);
	memset(name, 'x', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	assert_int_equal(catalog_find(b->catalog, name, UPSTREAM_NO_STOP, &m, &b->err),
	                 B3IQ_E_NOT_FOUND);
	end(b);
}

static void
what_is_not_ollama_is_unavailable(void **state)
{
	static const struct fake_answer one[] = {
		{ .path = "/api/version", .body = "{\"version\":\"1\"}" },
		{ .path = "/api/tags", .body = "{\"models\":7}" }
	};
	static const struct fake_answer two[] = { { .path = "/api/version", .body = "{\"v\":1}" } };
	struct bench *b = begin(one, COUNT(one), "");

	(void)state;
	assert_int_equal(catalog_list(b->catalog, &b->out.base, &b->err), B3IQ_E_UNAVAILABLE);
	end(b);
	b = begin(two, COUNT(two), "");
	assert_int_equal(catalog_list(b->catalog, &b->out.base, &b->err), B3IQ_E_UNAVAILABLE);
	end(b);
}

static void
memory_is_bounded(void **state)
{
	struct bench        *b = begin(NULL, 0, "");
	struct catalog_model m = { .context = 1 };

	(void)state;
	for (unsigned i = 0; i < CATALOG_MAX + 10; i++) {
		snprintf(m.name, sizeof m.name, "m%u", i);
		remember(b->catalog, &m);
	}
	assert_int_equal(b->catalog->n, CATALOG_MAX);
	assert_false(recall(b->catalog, "m0", NULL, &m));
	assert_true(recall(b->catalog, "m521", NULL, &m));
	end(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_what_is_there),
		cmocka_unit_test(lists_only_what_is_offered),
		cmocka_unit_test(finds_by_asking_once),
		cmocka_unit_test(a_missing_model_is_not_found),
		cmocka_unit_test(what_is_not_ollama_is_unavailable),
		cmocka_unit_test(memory_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
