/* lifecycle.c - create and destroy: often, twice at once, with bad luck and odd configs. */
#include <string.h>
#include <time.h>

#include "core/base/fail.h"
#include "defaults.h"
#include "proc.h"
#include "smoke.h"
#include "subject.h"

#define WARM_UP 20
#define CYCLES  100
/* What a cycle may keep on average: a pointer of a cache that grows, not an object. */
#define HEAP_SLACK (CYCLES * 16)
#define RSS_SLACK  (8u << 20)

static void
cycle(const struct check *c)
{
	struct subject s;

	subject_prepare(&s, c);
	must(subject_try(&s, NULL).rc == B3IQ_OK, "create() does not succeed every time");
	subject_close(&s);
}

static void
create_destroy_x100(const struct check *c)
{
	size_t fds, threads, heap, rss;
	int    cycles = c->sandbox || c->slow ? CYCLES / 10 : CYCLES;

	for (int i = 0; i < (c->sandbox ? 2 : WARM_UP); i++)
		cycle(c);
	fds = proc_fds();
	threads = proc_threads();
	heap = proc_heap();
	rss = proc_rss();
	for (int i = 0; i < cycles; i++)
		cycle(c);
	must(proc_fds() <= fds, "%zu descriptors leak in %d cycles", proc_fds() - fds, cycles);
	must(proc_threads_fall_to(threads), "%zu threads leak in %d cycles",
	     proc_threads() - threads,
	     cycles);
	if (!c->slow && !c->sandbox) {
		must(proc_heap() <= heap + HEAP_SLACK, "%zu bytes of heap leak in %d cycles",
		     proc_heap() - heap, cycles);
		must(proc_rss() <= rss + RSS_SLACK, "%zu bytes of memory leak in %d cycles",
		     proc_rss() - rss, cycles);
	}
}

static void
destroy_joins_threads(const struct check *c)
{
	struct subject s;
	size_t         threads, fds;

	cycle(c); /* what is made once and stays is no thread of an instance */
	threads = proc_threads();
	fds = proc_fds();
	subject_open(&s, c);
	smoke(&s);
	subject_close(&s);
	must(proc_threads_fall_to(threads), "%zu threads outlive destroy()",
	     proc_threads() - threads);
	must(proc_fds() <= fds, "%zu descriptors outlive destroy()", proc_fds() - fds);
}

static void
destroy_null(const struct check *c)
{
	const struct b3iq_plugin *p = subject_entry(c, B3IQ_ABI);

	must(p && p->destroy, "destroy() is NULL");
	p->destroy(NULL);
}

static void
two_instances(const struct check *c)
{
	struct subject a, b;

	subject_open(&a, c);
	subject_open(&b, c);
	smoke(&a);
	smoke(&b);
	subject_close(&a);
	smoke(&b);
	subject_close(&b);
}

static void
manners(const struct check *c)
{
	struct proc_state before, after;
	struct subject    s;
	const char       *changed;
	size_t            children = proc_children();

	proc_state(&before);
	subject_open(&s, c);
	smoke(&s);
	must(proc_children() == children, "it starts processes");
	subject_close(&s);
	proc_state(&after);
	changed = proc_changed(&before, &after);
	must(!changed, "it changes %s", changed);
}

/* ---- configs ------------------------------------------------------------ */

/* With this config create() may succeed or refuse, in words; it may not crash. */
static void
try_config(const struct check *c, const char *config, const char *what)
{
	struct subject s;
	struct reply   r;

	subject_prepare(&s, c);
	r = subject_try(&s, config);
	if (r.rc == B3IQ_OK)
		subject_close(&s);
	else
		must(r.err.text[0], "create() with %s returned %s without a word", what,
		     result_name(r.rc));
}

static void
without_secrets(const struct check *c)
{
	struct check bare = *c;

	if (!json_object_object_length(c->secrets))
		check_skip("it has no secrets");
	bare.secrets = json_object_new_object();
	try_config(&bare, NULL, "its secrets missing");
	json_object_object_foreach(c->secrets, name, value)
	{
		(void)value;
		json_object_object_add(bare.secrets, name, json_object_new_string(""));
	}
	try_config(&bare, NULL, "empty secrets");
	json_object_put(bare.secrets);
}

static void
try_value(const struct check *c, const char *field, struct json_object *value)
{
	struct json_object *config = defaults_with(c, field, value);

	try_config(c, json_object_to_json_string(config), field);
	json_object_put(config);
}

static void
vary(const struct check *c, const char *name, struct json_object *field)
{
	static const char *const bounds[] = { "minimum", "maximum", "default" };
	struct json_object      *value;

	if (json_object_object_get_ex(field, "enum", &value))
		for (size_t i = 0; i < json_object_array_length(value); i++)
			try_value(c, name, json_object_get(json_object_array_get_idx(value, i)));
	for (size_t i = 0; i < 3; i++)
		if (json_object_object_get_ex(field, bounds[i], &value))
			try_value(c, name, json_object_get(value));
	if (!json_object_object_get_ex(field, "type", &value))
		return;
	if (strcmp(json_object_get_string(value), "boolean") == 0) {
		try_value(c, name, json_object_new_boolean(0));
		try_value(c, name, json_object_new_boolean(1));
	} else if (strcmp(json_object_get_string(value), "string") == 0 &&
	           !json_object_object_get_ex(field, "enum", &value) &&
	           !json_object_object_get_ex(field, "format", &value) &&
	           !json_object_object_get_ex(field, "pattern", &value)) {
		try_value(c, name,
		          json_object_new_string("\xc3\xa4\xe2\x82\xac\xf0\x9f\x99\x82 \"\\"));
	} else if (json_object_object_get_ex(field, "format", &value)) {
		try_value(c, name, json_object_new_string("/nonexistent/b3iq-check"));
	}
}

static void
configs_within_schema(const struct check *c)
{
	struct json_object *schema, *fields;

	if (c->unready[0])
		check_skip("%s", c->unready);
	must(json_object_object_get_ex(c->manifest, "config", &schema) &&
	             json_object_object_get_ex(schema, "properties", &fields),
	     "the manifest holds no schema for the config");
	json_object_object_foreach(fields, name, field)
	{
		vary(c, name, field);
	}
}

static void
bad_config(const struct check *c)
{
	static const char *const bad[] = { "", "{", "[]", "null", "{\"b3iq-no-such-field\":[[[]]]}",
		                           "\xff\xfe", "{\"a\":1}}" };

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		try_config(c, bad[i], "a malformed config");
	cycle(c);
}

const struct check_test lifecycle_tests[] = {
	{ "create-destroy-x100", create_destroy_x100, 0, 0, 60,
	  "a hundred lives leave no descriptor, thread or memory behind" },
	{ "destroy-joins-threads", destroy_joins_threads, 0, 0, 0,
	  "nothing of an instance outlives destroy()" },
	{ "destroy-null", destroy_null, 0, CHECK_INLINE, 0,
	  "destroy(NULL) is fine" },
	{ "two-instances", two_instances, 0, 0, 0,
	  "two instances live side by side, and one outlives the other" },
	{ "manners", manners, 0, CHECK_INLINE, 0,
	  "no handler, locale, umask, directory, environment is changed, no process started" },
	{ "without-secrets", without_secrets, 0, 0, 0,
	  "create() fails in words, or not at all, if a secret is missing" },
	{ "configs-within-schema", configs_within_schema, 0, 0, 60,
	  "any config that the schema admits is taken or refused in words" },
	{ "bad-config", bad_config, 0, CHECK_INLINE, 0,
	  "a config that no host would pass on does not crash it" },
	{ NULL, NULL, 0, 0, 0, NULL },
};
