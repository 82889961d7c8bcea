/* log.c: one line an event, nothing a value holds can break out of its field. */
#include "../check.h"

#include <fcntl.h>

#include "core/base/json.h"
#include "core/base/log.c"

static int pipe_fds[2], saved;

static int
catch_stderr(void **state)
{
	(void)state;
	if (pipe(pipe_fds) != 0)
		return -1;
	fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK);
	saved = dup(STDERR_FILENO);
	dup2(pipe_fds[1], STDERR_FILENO);
	return 0;
}

static int
restore_stderr(void **state)
{
	(void)state;
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	return 0;
}

/* The line behind its time stamp. */
static const char *
line(char *out, size_t size)
{
	ssize_t n = read(pipe_fds[0], out, size - 1);

	out[n > 0 ? n : 0] = '\0';
	return n > 25 ? out + 25 : out;
}

static void
test_text(void **state)
{
	char got[4096];

	(void)state;
	log_setup(B3IQ_LOG_INFO, LOG_TEXT);
	log_event(B3IQ_LOG_INFO, "plugin.started", "instance=%s pid=%d", "gpu0", 7);
	assert_string_equal(line(got, sizeof(got)), "info  plugin.started instance=gpu0 pid=7\n");
	log_event(B3IQ_LOG_WARN, "x", "why=%s n=%d", "no \"room\"\nlevel=error", 1);
	assert_string_equal(line(got, sizeof(got)),
	                    "warn  x why=\"no \\\"room\\\"\\u000alevel=error\" n=1\n");
	log_event(B3IQ_LOG_DEBUG, "quiet", "a=%d", 1);
	assert_string_equal(line(got, sizeof(got)), "");
}

static void
test_json(void **state)
{
	struct json_object *o;
	const char *s;
	char got[4096];

	(void)state;
	log_setup(B3IQ_LOG_DEBUG, LOG_JSON);
	log_event(B3IQ_LOG_ERROR, "a.b", "why=%s n=%d", "quote \" and \\ and \t end", 5);
	line(got, sizeof(got));
	assert_int_equal(json_parse(got, strlen(got), "line", &o, NULL), B3IQ_OK);
	json_get_string(o, "why", "", &s, NULL);
	assert_string_equal(s, "quote \" and \\ and \t end");
	json_get_string(o, "level", "", &s, NULL);
	assert_string_equal(s, "error");
	json_get_string(o, "n", "", &s, NULL);
	assert_string_equal(s, "5");
	json_object_put(o);
}

static void
test_long_values_leave_whole_json(void **state)
{
	struct json_object *o;
	char value[3000], got[4096];
	size_t i, n;

	(void)state;
	log_setup(B3IQ_LOG_DEBUG, LOG_JSON);
	for (n = 1900; n < 2060; n++) {
		for (i = 0; i < n; i++)
			value[i] = i % 7 ? 'a' : '"';
		value[n] = '\0';
		log_event(B3IQ_LOG_INFO, "long", "v=%s after=%d", value, 1);
		line(got, sizeof(got));
		assert_true(strlen(got) <= LINE_SIZE);
		assert_int_equal(json_parse(got, strlen(got), "line", &o, NULL), B3IQ_OK);
		json_object_put(o);
	}
}

static void
test_levels(void **state)
{
	(void)state;
	assert_int_equal(log_level("debug"), B3IQ_LOG_DEBUG);
	assert_int_equal(log_level("error"), B3IQ_LOG_ERROR);
	assert_int_equal(log_level("loud"), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_text, catch_stderr, restore_stderr),
		cmocka_unit_test_setup_teardown(test_json, catch_stderr, restore_stderr),
		cmocka_unit_test_setup_teardown(test_long_values_leave_whole_json, catch_stderr,
		                                restore_stderr),
		cmocka_unit_test(test_levels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
