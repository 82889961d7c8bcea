/* main.c: the words of the command line reach the runner or the one test, and nothing else does. */
#include "verdict.h"

#define main plugin_check_main
#include "../../../sdk/check/main.c"
#undef main

/* ---- instead of run.c and defaults.c: what main.c asks of them ---------------------- */

static struct {
	int lists, runs;
	bool passes;            /* the runner's verdict                            */
	uint32_t kind;
	unsigned limit_s;
	bool sandbox, json, valgrind, takes_load, takes_auth, has_only, has_except;
	char self[PATH_MAX], plugin[PATH_MAX], pass[512];
} asked;

static int tests_run;

bool
run_all(const struct run_options *o)
{
	asked.runs++;
	asked.kind = o->kind;
	asked.limit_s = o->limit_s;
	asked.sandbox = o->sandbox;
	asked.json = o->json;
	asked.valgrind = o->valgrind;
	asked.has_only = o->only != NULL;
	asked.has_except = o->except != NULL;
	asked.takes_load = !o->only || regexec(o->only, "load/x", 0, NULL, 0) == 0;
	asked.takes_auth = !o->except || regexec(o->except, "auth/x", 0, NULL, 0) != 0;
	snprintf(asked.self, sizeof asked.self, "%s", o->self);
	snprintf(asked.plugin, sizeof asked.plugin, "%s", o->plugin);
	for (size_t i = 0; o->pass[i]; i++)
		snprintf(asked.pass + strlen(asked.pass), sizeof asked.pass - strlen(asked.pass), "%s|",
		         o->pass[i]);
	return asked.passes;
}

void
run_list(void)
{
	asked.lists++;
}

/* Says what it was given, as its failure. */
static void
tell(const struct check *c)
{
	check_fail("%s %s %s:%s %u %d%d %s", c->scratch, c->model ? c->model : "-",
	           c->scheme ? c->scheme : "-", c->credential ? c->credential : "-", c->kind,
	           c->sandbox, c->slow, json_object_to_json_string(c->config));
}

static void
count(const struct check *c)
{
	(void)c;
	tests_run++;
}

const struct check_test *
run_find(const char *name)
{
	static const struct check_test tell_test = { "tell", tell, 0, 0, 0, "" };
	static const struct check_test good_test = { "good", count, 0, 0, 0, "" };

	return strcmp(name, "tell") == 0 ? &tell_test : strcmp(name, "good") == 0 ? &good_test : NULL;
}

void
defaults_config(struct check *c, const char *given, size_t len)
{
	c->config = given ? json_object_new_string_len(given, (int)len) : json_object_new_object();
}

/* ---- the command line ----------------------------------------------------------- */

#define WORDS 16

struct words {
	char *at[WORDS];
	int n;
};

static struct words
words(const char *first, ...)
{
	struct words w = { .at = { (char *)(uintptr_t) "plugin-check" }, .n = 1 };
	va_list more;

	va_start(more, first);
	for (const char *s = first; s; s = va_arg(more, const char *)) {
		assert_true(w.n < WORDS - 1);
		w.at[w.n++] = (char *)(uintptr_t)s;
	}
	va_end(more);
	return w;
}

/* Runs it with stdout and stderr put away. */
static int
run(struct words w)
{
	const int out = dup(1), err = dup(2), nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);
	int rc;

	memset(&asked, 0, sizeof asked);
	asked.passes = true;
	optind = 0;
	fflush(NULL);
	dup2(nothing, 1);
	dup2(nothing, 2);
	rc = plugin_check_main(w.n, w.at);
	fflush(NULL);
	dup2(out, 1);
	dup2(err, 2);
	close(out);
	close(err);
	close(nothing);
	return rc;
}

#define RUN(...) run(words(__VA_ARGS__, NULL))

static const char *echo;

static void
test_wrong_usage(void **state)
{
	(void)state;
	assert_int_equal(run(words(NULL)), 2);
	assert_int_equal(RUN(echo, echo), 2);
	assert_int_equal(RUN("--nonsense", echo), 2);
	assert_int_equal(RUN("--help"), 2);
	assert_int_equal(RUN("--limit", "0", echo), 2);
	assert_int_equal(RUN("--limit", "86401", echo), 2);
	assert_int_equal(RUN("--limit", "-1", echo), 2);
	assert_int_equal(RUN("--credential", "without-a-colon", echo), 2);
	assert_int_equal(RUN("--only", "(", echo), 2);
	assert_int_equal(RUN("--except", "(", echo), 2);
	assert_int_equal(RUN("/no/such.so"), 2);
	assert_int_equal(asked.runs + asked.lists, 0);
}

static void
test_list(void **state)
{
	(void)state;
	assert_int_equal(RUN("--list"), 0);
	assert_int_equal(asked.lists, 1);
	assert_int_equal(asked.runs, 0);
}

static void
test_all(void **state)
{
	char self[PATH_MAX] = "", plugin[PATH_MAX];

	(void)state;
	assert_true(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
	assert_non_null(realpath(echo, plugin));
	assert_int_equal(RUN(echo), 0);
	assert_int_equal(asked.runs, 1);
	assert_string_equal(asked.self, self);
	assert_string_equal(asked.plugin, plugin);
	assert_string_equal(asked.pass, "");
	assert_int_equal(asked.kind, B3IQ_INFERENCE);
	assert_int_equal(asked.limit_s, 0);
	assert_false(asked.sandbox || asked.json || asked.valgrind || asked.has_only ||
	             asked.has_except);
	assert_int_equal(RUN("--limit", "86400", "--json", "--only", "^auth", "--except", "^load", echo),
	                 0);
	assert_int_equal(asked.limit_s, 86400);
	assert_true(asked.json && !asked.takes_load && asked.takes_auth);
	assert_int_equal(RUN("--only", "^load", "--except", "^auth", echo), 0);
	assert_true(asked.takes_load && !asked.takes_auth);
	assert_int_equal(RUN("--sandbox", "--inline", echo), 0); /* the last word counts */
	assert_false(asked.sandbox);
	assert_string_equal(asked.pass, "");
}

static void
test_a_failure_is_the_exit_status(void **state)
{
	struct arguments a = { 0 };

	(void)state;
	memset(&asked, 0, sizeof asked);
	assert_int_equal(all(&a, echo), 1);
	asked.passes = true;
	assert_int_equal(all(&a, echo), 0);
}

/* What each test's process needs to know, and no more: not what selects tests. */
static void
test_passes_on(void **state)
{
	(void)state;
	assert_int_equal(RUN("--config", "{\"a\":1}", "--model", "m", "--credential", "Bearer:x",
	                     "--sandbox", "--valgrind", "--limit", "9", "--json", echo), 0);
	assert_string_equal(asked.pass, "--config|{\"a\":1}|--model|m|--credential|Bearer:x|"
	                                "--sandbox|--valgrind|");
	assert_true(asked.sandbox && asked.valgrind);
}

/* ---- the manifest ----------------------------------------------------------------- */

static uint32_t
kind_in(const char *text)
{
	struct json_object *m = json_tokener_parse(text);
	const uint32_t kind = kind_of(m);

	assert_non_null(m);
	json_object_put(m);
	return kind;
}

static void
test_kinds(void **state)
{
	(void)state;
	assert_int_equal(kind_in("{\"kind\":\"inference\"}"), B3IQ_INFERENCE);
	assert_int_equal(kind_in("{\"kind\":\"ledger\"}"), B3IQ_LEDGER);
	assert_int_equal(kind_in("{\"kind\":\"auth\"}"), B3IQ_AUTH);
	assert_int_equal(kind_in("{\"kind\":\"other\"}"), 0);
	assert_int_equal(kind_in("{\"kind\":null}"), 0);
	assert_int_equal(kind_in("{\"kind\":7}"), 0);
	assert_int_equal(kind_in("{}"), 0);
	assert_int_equal(kind_of(NULL), 0);
}

static void
test_manifest(void **state)
{
	struct b3iq_error err = NO_ERROR;
	struct json_object *m = NULL, *id;

	(void)state;
	assert_int_equal(manifest(echo, &m, &err), B3IQ_OK);
	assert_true(json_object_object_get_ex(m, "id", &id));
	assert_string_equal(json_object_get_string(id), "org.b3iq.example.echo");
	json_object_put(m);
	assert_int_equal(manifest("/no/such.so", &m, &err), B3IQ_E_NOT_FOUND);
	assert_non_null(strstr(err.text, "/no/such.so"));
	assert_int_equal(manifest("/etc/passwd", &m, &err), B3IQ_E_INVALID);
	assert_int_equal(RUN("--info", echo), 0);
	assert_int_equal(RUN("--info", "/etc/passwd"), 1);
	assert_int_equal(asked.runs, 0);
}

/* ---- one test's process ------------------------------------------------------------ */

static void
process(void *arg)
{
	struct words *w = arg;

	optind = 0;
	dup2(verdict_fd, CHECK_FD); /* as the runner does */
	_exit(plugin_check_main(w->n, w->at));
}

static void
test_one(void **state)
{
	struct words w = words("--test", "good", "--scratch", verdict_dir, echo, NULL);

	(void)state;
	assert_int_equal(verdict(process, &w), CHECK_PASSED);
	assert_string_equal(verdict_reason, CHECK_WORD);
	w = words("--test", "tell", "--scratch", "/s", echo, NULL);
	assert_refused(process, &w, "/s - -:- 1 00 { }");
	w = words("--test", "tell", "--scratch", "/s", "--model", "m", "--sandbox", "--valgrind",
	          "--credential", "Basic:a:b", "--config", "{\"k\":2}", echo, NULL);
	assert_refused(process, &w, "/s m Basic:a:b 1 11 \"{\\\"k\\\":2}\"");
	w = words("--test", "none", "--scratch", "/s", echo, NULL);
	assert_refused(process, &w, "there is no test none");
	w = words("--test", "good", echo, NULL);
	assert_refused(process, &w, "--scratch");
}

static void
test_config_file(void **state)
{
	char file[128];
	struct words w;

	(void)state;
	snprintf(file, sizeof file, "%s/config.json", verdict_dir);
	assert_int_equal(path_write(file, "{\"f\":3}", 7, 0600, NULL), B3IQ_OK);
	w = words("--test", "tell", "--scratch", "/s", "--config", file, echo, NULL);
	assert_refused(process, &w, "\"{\\\"f\\\":3}\"");
	w = words("--test", "good", "--scratch", "/s", "--config", "/no/such.json", echo, NULL);
	assert_refused(process, &w, "/no/such.json");
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wrong_usage), cmocka_unit_test(test_list),
		cmocka_unit_test(test_all),         cmocka_unit_test(test_a_failure_is_the_exit_status),
		cmocka_unit_test(test_passes_on),   cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_manifest),    cmocka_unit_test(test_one),
		cmocka_unit_test(test_config_file),
	};

	(void)argc, (void)argv;
	echo = getenv("SUBJECT");
	if (!echo) {
		fputs("SUBJECT names no plugin: run this by ctest\n", stderr);
		return 77;
	}
	return cmocka_run_group_tests(tests, verdict_setup, verdict_teardown);
}
