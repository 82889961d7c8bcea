/* live.h - what the tests of this room share: real instances of the examples, and a sink. */
#ifndef TESTS_UNIT_PLUGIN_LIVE_H
#define TESTS_UNIT_PLUGIN_LIVE_H

#include "../check.h"

#include <ftw.h>
#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/fail.h"
#include "core/base/log.h"
#include "core/plugin/sandbox/child.h"
#include "core/plugin/instance/instance.h"


/* A second's sleep at the end of each process, which the thread sanitizer else adds: this program
 * starts dozens.  What it may still find at exit, it finds in a twentieth of that. */
__attribute__((visibility("default"))) const char *__tsan_default_options(void);

const char *
__tsan_default_options(void)
{
	return "atexit_sleep_ms=50";
}

/* Every main() of these tests begins so: the sandbox is this program again. */
#define LIVE_MAIN(argc, argv)                                                \
	do {                                                                 \
		if ((argc) > 1 && strcmp((argv)[1], PLUGIN_CHILD_FLAG) == 0) \
			return plugin_child_main((argc), (argv));            \
		log_setup(B3IQ_LOG_ERROR + 1, LOG_TEXT);                     \
	} while (0)

static char live_dir[] = "/tmp/b3iq-plugin-XXXXXX";

static inline int
live_setup(void **state)
{
	(void)state;
	return mkdtemp(live_dir) != NULL ? 0 : -1;
}

static inline int
live_remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st, (void)kind, (void)ftw;
	return remove(path);
}

static inline int
live_teardown(void **state)
{
	(void)state;
	return nftw(live_dir, live_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Options that make trouble quick, so that no test waits long. */
static inline struct instance_options
live_options(const char *path, const char *config, bool run_inline)
{
	return (struct instance_options){
		.name = "test", .path = path, .config = config, .state_dir = live_dir,
		.run_inline = run_inline, .backoff_ms = 1, .start_ms = 60000,
		.stall_ms = 60000, .cancel_ms = 30000, .ping_ms = 20000, .patience_ms = 60000,
	};
}

static inline struct instance *
live_start(const struct instance_options *o)
{
	struct b3iq_error err = NO_ERROR;
	struct instance *i;

	if (instance_create(o, &i, &err) != B3IQ_OK)
		fail_msg("%s", err.text);
	instance_start(i);
	return i;
}

static inline struct instance *
live_ready(const struct instance_options *o)
{
	struct b3iq_error err = NO_ERROR;
	struct instance *i = live_start(o);

	if (instance_wait(i, 60000, &err) != B3IQ_OK)
		fail_msg("%s", err.text);
	return i;
}

static inline enum instance_state
live_state(struct instance *i)
{
	struct instance_status s;

	instance_status(i, &s);
	return s.state;
}

/* Waits, a minute at most, until it is in that state. */
static inline void
live_until(struct instance *i, enum instance_state state)
{
	for (int n = 0; n < 60000 && live_state(i) != state; n++)
		usleep(1000);
	assert_string_equal(instance_state_name(live_state(i)), instance_state_name(state));
}

/* Closes it, unless a sanitizer has found something in its process. */
static inline void
live_close(struct instance *i)
{
	static const char *const findings[] = { "data race", "lock-order", "heap-", "use-after" };
	struct buf out;

	buf_init(&out, 1u << 20);
	assert_int_equal(instance_stderr(i, &out), B3IQ_OK);
	for (size_t n = 0; n < sizeof findings / sizeof findings[0]; n++)
		if (out.len > 0 && strstr(out.data, findings[n]) != NULL)
			fail_msg("in the sandbox: %s", out.data);
	buf_free(&out);
	instance_close(i);
}

struct live_sink { /* collects; refuses from chunk `refuse_at` on (0: never)           */
	struct b3iq_sink sink;
	struct buf text;
	uint64_t chunks, ids;
	uint64_t refuse_at;
	int32_t  refuse_with;
	void   (*on_chunk)(struct live_sink *); /* or NULL */
	void    *ctx;
};

static inline int32_t
live_emit(struct b3iq_sink *sink, const struct b3iq_chunk *c)
{
	struct live_sink *s = (struct live_sink *)(void *)sink;

	s->chunks++;
	s->ids += c->n_ids;
	buf_append(&s->text, c->text, c->text_len);
	if (s->on_chunk != NULL)
		s->on_chunk(s);
	return s->refuse_at != 0 && s->chunks >= s->refuse_at ? s->refuse_with : B3IQ_OK;
}

static inline void
live_sink_init(struct live_sink *s)
{
	*s = (struct live_sink){ .sink = { .size = sizeof s->sink, .cancel_fd = -1,
	                                   .emit = live_emit } };
	buf_init(&s->text, 64u << 20);
}

struct live_result {
	int32_t rc;
	struct b3iq_usage use;
	struct b3iq_error err;
};

static inline struct live_result
live_generate(struct instance *i, const char *model, const char *body, uint32_t max,
              struct live_sink *s)
{
	const struct b3iq_gen_request q = { .size = sizeof q, .model = model, .body = body,
	                                    .body_len = strlen(body), .max_tokens = max };
	struct live_result r = { .use = { .size = sizeof r.use }, .err = NO_ERROR };

	r.rc = instance_inference(i)->generate(i, &q, &s->sink, &r.use, &r.err);
	return r;
}

/* The same into a sink that nobody looks at. */
static inline struct live_result
live_ask(struct instance *i, const char *model)
{
	struct live_sink s;
	struct live_result r;

	live_sink_init(&s);
	r = live_generate(i, model, "{\"prompt\":\"secret words\"}", 10, &s);
	buf_free(&s.text);
	return r;
}

#endif
