#include "engine/serve/request.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

static int32_t
parse(const char *body, struct request *r, struct b3iq_error *err)
{
	*r = (struct request){ 0 };
	*err = (struct b3iq_error){ .size = sizeof *err };
	return request_parse(r, body, strlen(body), err);
}

static void
everything_is_read(void **state)
{
	struct b3iq_error err;
	struct request r;

	(void)state;
	assert_int_equal(parse("{\"messages\":[{\"role\":\"system\",\"content\":\"a\\u0000b\"},"
	                       "{\"content\":\"\",\"role\":\"user\"}],\"stop\":[\"x\",\"yz\"],"
	                       "\"logit_bias\":{\"5\":-100,\"70000\":1.5}}", &r, &err), B3IQ_OK);
	assert_int_equal(r.n_messages, 2);
	assert_int_equal(r.messages[0].role, CHAT_SYSTEM);
	assert_int_equal(r.messages[0].len, 3); /* a NUL is a character like any other */
	assert_int_equal(r.messages[1].role, CHAT_USER);
	assert_int_equal(r.n_stops, 2);
	assert_int_equal(r.stops[1].len, 2);
	assert_int_equal(r.n_bias, 2);
	assert_int_equal(r.bias[1].id, 70000);
	assert_true(r.bias[1].value == 1.5f && r.bias[0].value == -100.0f);
	request_finish(&r);
	assert_int_equal(parse("{\"prompt\":\"\"}", &r, &err), B3IQ_OK);
	assert_int_equal(r.prompt.len, 0);
	assert_false(r.no_thinking);
	request_finish(&r);
	assert_int_equal(parse("{\"prompt\":\"\",\"thinking\":true}", &r, &err), B3IQ_OK);
	assert_false(r.no_thinking);
	request_finish(&r);
	assert_int_equal(parse("{\"prompt\":\"\",\"thinking\":0}", &r, &err), B3IQ_E_INVALID);
	request_finish(&r);
	assert_int_equal(parse("{\"prompt\":\"\",\"thinking\":false}", &r, &err), B3IQ_OK);
	assert_true(r.no_thinking);
	request_finish(&r);
	request_finish(&r); /* twice is fine */
}

/* Cut anywhere, a body is no document; no length is read beyond. */
static void
cut_bodies_are_refused(void **state)
{
	static const char body[] = "{\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}],"
				   "\"stop\":[\"x\"],\"logit_bias\":{\"5\":1}}";

	(void)state;
	for (size_t n = 0; n < sizeof body - 1; n++) {
		char *copy = malloc(n + 1);
		struct b3iq_error err = { .size = sizeof err };
		struct request r = { 0 };

		assert_non_null(copy);
		memcpy(copy, body, n);
		copy[n] = 'X';
		assert_int_equal(request_parse(&r, copy, n, &err), B3IQ_E_INVALID);
		assert_true(err.text[0]);
		request_finish(&r);
		free(copy);
	}
}

static void
nothing_is_ignored(void **state)
{
	static const char *const members[] = { "tools", "echo", "suffix", "n", "best_of", "Stop" };
	struct b3iq_error err;
	struct request r;
	char body[128];

	(void)state;
	for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
		snprintf(body, sizeof body, "{\"prompt\":\"a\",\"%s\":[1]}", members[i]);
		assert_int_equal(parse(body, &r, &err), B3IQ_E_UNSUPPORTED);
		assert_non_null(strstr(err.text, members[i]));
		request_finish(&r);
	}
}

static void
too_many_are_refused(void **state)
{
	char body[512] = "{\"prompt\":\"a\",\"stop\":[\"0\"";
	char deep[256] = "{\"prompt\":";
	struct b3iq_error err;
	struct request r;

	(void)state;
	for (size_t i = 0; i < STOP_MAX_STRINGS; i++)
		strncat(body, ",\"x\"", 5);
	strncat(body, "]}", 3);
	assert_int_equal(parse(body, &r, &err), B3IQ_E_INVALID);
	request_finish(&r);
	memset(deep + strlen(deep), '[', 100);
	assert_int_equal(parse(deep, &r, &err), B3IQ_E_INVALID);
	request_finish(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_read),
		cmocka_unit_test(cut_bodies_are_refused),
		cmocka_unit_test(nothing_is_ignored),
		cmocka_unit_test(too_many_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
