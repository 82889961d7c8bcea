/* flaky: misbehaves on demand.  What create(), destroy() and models() do is configured; what
 * generate() does is the model's name, so that one instance can be good and bad in turn.
 *
 * Models are "ok", each error of the closed list in lower case ("busy",
                                                                 "e_internal" is "internal"),
 * and the misdeeds of the table below.  A misdeed comes after two good tokens; with "first-" before
 * its name, at once.  Never run it where you would mind.
 */
#include "plugin.h"

#include <ctype.h>
#include <errno.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

struct flaky {
	const struct b3iq_host *host;
	struct json_object     *config;
	int                     token_ms;
};

struct stream { /* one generate()                                            */
	struct flaky                  *f;
	const struct b3iq_gen_request *rq;
	struct b3iq_sink              *sink;
	struct b3iq_usage             *use;
	struct b3iq_error             *err;
};

static int32_t
fail(struct b3iq_error *err, int32_t code, const char *text)
{
	snprintf(err->text, sizeof err->text, "%s", text);
	if (code == B3IQ_E_BUSY)
		err->retry_ms = 50;
	return code;
}

/* ---- plain misdeeds ------------------------------------------------------- */

static void
hang(void)
{
	for (;;)
		pause();
}

static void
crash(void)
{
	volatile int *volatile nowhere = NULL;

	*nowhere = 1;
}

static char
overflow(volatile unsigned long depth)
{
	volatile char frame[4096];

	frame[0] = (char)depth;
	if (depth) /* the stack ends sooner */
		frame[0] = overflow(depth - 1);
	return frame[0];
}

/* ---- good tokens ---------------------------------------------------------- */

static const char *const words[] = { "one ",   "two ",   "three ", "four ", "five ",
	                             "six ",   "seven ", "eight ", "nine ", "ten " };

/* A token at a time; waits as a device would, and wakes for a cancel. */
static int32_t
token(struct stream *s, uint32_t i)
{
	const int32_t     id = (int32_t)((i + s->rq->seed) % 10);
	struct b3iq_chunk step = { .size = sizeof step, .n_ids = 1, .ids = &id, .text = words[id],
		                   .text_len = strlen(words[id]) };
	struct pollfd     p = { .fd = s->sink->cancel_fd, .events = POLLIN };
	int32_t           rc;

	if (poll(&p, 1, s->f->token_ms) > 0)
		rc = B3IQ_E_CANCELLED;
	else {
		if (s->rq->flags & B3IQ_GEN_PROBES) {
			step.probe = &id;
			step.probe_len = sizeof id;
		}
		rc = s->sink->emit(s->sink, &step);
	}
	if (rc != B3IQ_OK) {
		s->use->stop = B3IQ_STOP_CANCELLED;
		return fail(s->err, rc, "the host asked to stop");
	}
	s->use->output_tokens++;
	return B3IQ_OK;
}

static int32_t
tokens(struct stream *s, uint32_t from, uint32_t to)
{
	int32_t rc = B3IQ_OK;

	for (uint32_t i = from; i < to && rc == B3IQ_OK; i++)
		rc = token(s, i);
	return rc;
}

/* ---- misdeeds of a stream -------------------------------------------------- */

static int32_t
bad_chunk(struct stream *s, struct b3iq_chunk k)
{
	k.size = k.size ? k.size : sizeof k;
	s->use->output_tokens += k.n_ids;
	return s->sink->emit(s->sink, &k);
}

static int32_t
do_crash(struct stream *s)
{
	(void)s;
	crash();
	return B3IQ_OK;
}

static int32_t
do_abort(struct stream *s)
{
	fputs("flaky: giving up\n", stderr);
	(void)s;
	abort();
}

static int32_t
do_exit(struct stream *s)
{
	(void)s;
	_exit(0);
}

static int32_t
do_overflow(struct stream *s)
{
	(void)s;
	return overflow(1ul << 40);
}

static int32_t
do_hang(struct stream *s)
{
	(void)s;
	hang();
	return B3IQ_OK;
}

static int32_t
do_spin(struct stream *s)
{
	volatile unsigned long n = 1;

	(void)s;
	while (n)
		n = n * 5 + 4;
	return B3IQ_OK;
}

/* Goes on and on, whatever emit() says. */
static int32_t
do_deaf(struct stream *s)
{
	const struct timespec moment = { .tv_nsec = 10000000 };

	for (uint32_t i = 0; i < 300; i++) {
		token(s, i);
		nanosleep(&moment, NULL);
	}
	return B3IQ_OK;
}

static int32_t
do_bad_utf8(struct stream *s)
{
	return bad_chunk(s, (struct b3iq_chunk){ .text = "\xff\xfe\xc3", .text_len = 3 });
}

static int32_t
do_many_ids(struct stream *s)
{
	const uint32_t n = 1u << 20;
	int32_t       *ids = calloc(n, sizeof *ids), rc = B3IQ_E_NO_MEMORY;

	if (ids)
		rc = bad_chunk(s, (struct b3iq_chunk){ .n_ids = n, .ids = ids });
	free(ids);
	return rc;
}

static int32_t
do_big(struct stream *s)
{
	const size_t n = 64u << 20;
	char        *text = malloc(n);
	int32_t      rc = B3IQ_E_NO_MEMORY;

	if (text) {
		memset(text, 'a', n);
		rc = bad_chunk(s, (struct b3iq_chunk){ .text = text, .text_len = n });
	}
	free(text);
	return rc;
}

/* Many small pieces, as fast as they are taken. */
static int32_t
do_flood(struct stream *s)
{
	int32_t rc = B3IQ_OK;

	for (uint32_t i = 0; i < 1000000 && rc == B3IQ_OK; i++)
		rc = token(s, i);
	return rc;
}

static int32_t
do_null_text(struct stream *s)
{
	return bad_chunk(s, (struct b3iq_chunk){ .text = NULL, .text_len = 10 });
}

static int32_t
do_small_chunk(struct stream *s)
{
	return bad_chunk(s, (struct b3iq_chunk){ .size = 4, .text = "x", .text_len = 1 });
}

static int32_t
do_bad_delta(struct stream *s)
{
	return bad_chunk(s, (struct b3iq_chunk){ .delta = "{\"logprobs\":[" });
}

static int32_t
do_lying_usage(struct stream *s)
{
	s->use->output_tokens += 1000;
	return B3IQ_OK;
}

static int32_t
do_unknown_code(struct stream *s)
{
	fail(s->err, B3IQ_E_INTERNAL, "a code of the future");
	return -99;
}

static int32_t
do_wordless(struct stream *s)
{
	s->err->text[0] = 0;
	return B3IQ_E_INTERNAL;
}

static int32_t
do_unterminated(struct stream *s)
{
	memset(s->err->text, 'a', sizeof s->err->text);
	return B3IQ_E_INTERNAL;
}

static int32_t
do_log_flood(struct stream *s)
{
	for (int i = 0; i < 100000; i++)
		s->f->host->log(s->f->host->ctx, B3IQ_LOG_INFO, "flaky has much to say");
	return B3IQ_OK;
}

static int32_t
do_stderr(struct stream *s)
{
	(void)s;
	for (int i = 0; i < 100; i++)
		fprintf(stderr, "flaky: line %d on stderr\n", i);
	crash();
	return B3IQ_OK;
}

static int32_t
do_leak_prompt(struct stream *s)
{
	char line[512];

	snprintf(line, sizeof line, "prompt: %.*s", (int)s->rq->body_len, s->rq->body);
	s->f->host->log(s->f->host->ctx, B3IQ_LOG_INFO, line);
	return B3IQ_OK;
}

static const struct misdeed {
	const char *model;
	int32_t (*commit)(struct stream *);
} misdeeds[] = {
	{ "crash", do_crash },               /* a segmentation fault                            */
	{ "abort", do_abort },               /* SIGABRT, with a last word on stderr             */
	{ "exit", do_exit },                 /* ends the process, politely                      */
	{ "overflow", do_overflow },         /* the stack runs out                              */
	{ "stderr", do_stderr },             /* a hundred lines on stderr, then a crash         */
	{ "hang", do_hang },                 /* sleeps for good, cancel or not                  */
	{ "spin", do_spin },                 /* as hang, at full speed                          */
	{ "deaf", do_deaf },                 /* emits on for seconds after it was refused       */
	{ "bad-utf8", do_bad_utf8 },         /* text that is none                               */
	{ "many-ids", do_many_ids },         /* a million ids in a chunk                        */
	{ "big", do_big },                   /* 64 MiB in a chunk                               */
	{ "flood", do_flood },               /* a million chunks at once                        */
	{ "null-text", do_null_text },       /* ten bytes at NULL                               */
	{ "small-chunk", do_small_chunk },   /* a chunk smaller than ABI 1.0's                  */
	{ "bad-delta", do_bad_delta },       /* half a JSON document                            */
	{ "lying-usage", do_lying_usage },   /* bills a thousand tokens that nobody got         */
	{ "unknown-code", do_unknown_code }, /* a result that is not in the list                */
	{ "wordless", do_wordless },         /* an error without text                           */
	{ "unterminated", do_unterminated }, /* an error without end                            */
	{ "log-flood", do_log_flood },       /* a hundred thousand lines of log                 */
	{ "leak-prompt", do_leak_prompt },   /* the prompt in the log                           */
	{ NULL, NULL },
};

static const struct {
	const char *name;
	int32_t     code;
} codes[] = {
#define RESULT(name, code, text) { #name, code },
	B3IQ_RESULTS(RESULT)
#undef RESULT
};
#define N_CODES (sizeof codes / sizeof *codes)

/* An error of the closed list by its name, "busy" for B3IQ_E_BUSY; 0 if there is none. */
static int32_t
code_of(const char *name)
{
	for (size_t i = 0; i < N_CODES; i++)
		if (codes[i].code < 0 && strcasecmp(codes[i].name + 2, name) == 0)
			return codes[i].code;
	return B3IQ_OK;
}

static const struct misdeed *
misdeed(const char *name)
{
	for (const struct misdeed *m = misdeeds; m->model; m++)
		if (strcmp(m->model, name) == 0)
			return m;
	return NULL;
}

/* ---- the interface ---------------------------------------------------------- */

static int32_t
generate(void *self, const struct b3iq_gen_request *rq, struct b3iq_sink *sink,
         struct b3iq_usage *use, struct b3iq_error *err)
{
	struct stream         s = { self, rq, sink, use, err };
	const bool            first = strncmp(rq->model, "first-", 6) == 0;
	const char           *name = rq->model + (first ? 6 : 0);
	const struct misdeed *m = misdeed(name);
	const int32_t         code = code_of(name);
	const uint32_t        max = rq->max_tokens ? rq->max_tokens : 100;
	int32_t               rc;

	if (!m && !code && strcmp(name, "ok") != 0)
		return fail(err, B3IQ_E_NOT_FOUND,
		            "flaky has no such model: see the table in flaky.c");
	if (rq->flags & ~(B3IQ_GEN_DETERMINISTIC | B3IQ_GEN_PROBES) ||
	    memmem(rq->body, rq->body_len, "\"stop\":", 7))
		return fail(err, B3IQ_E_UNSUPPORTED,
		            "flaky knows neither logprobs nor stop: ask without");
	use->determinism = B3IQ_DET_SAME_FINGERPRINT;
	use->prompt_tokens = 7;
	use->stop = B3IQ_STOP_LENGTH;
	snprintf(use->fingerprint, sizeof use->fingerprint, "flaky/%s", B3IQ_PLUGIN_VERSION);
	if (!m && !code)
		return tokens(&s, 0, max);
	rc = first ? B3IQ_OK : tokens(&s, 0, max < 2 ? max : 2);
	if (m && (rc == B3IQ_OK || m->commit == do_deaf))
		return m->commit(&s);
	return rc == B3IQ_OK ? fail(err, code, "flaky was asked to fail") : rc;
}

static int32_t
probe(void *self, struct b3iq_writer *devices, struct b3iq_error *err)
{
	static const char doc[] =
	        "[{\"id\":\"good\",\"name\":\"Moods\",\"kind\":\"cpu\",\"usable\":true},"
	        "{\"id\":\"bad\",\"name\":\"Tempers\",\"kind\":\"gpu\",\"usable\":false,"
	        "\"why\":\"no driver for it: there never will be one\"}]";

	(void)self, (void)err;
	return devices->write(devices, doc, sizeof doc - 1);
}

static const char *
configured(const struct flaky *f, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(f->config, key,
	                                 &value) ? json_object_get_string(value) : "ok";
}

static int32_t
write_model(struct b3iq_writer *out, const char *before, const char *name)
{
	char text[128];
	int  n = snprintf(text, sizeof text, "%s{\"id\":\"%s\",\"context\":4096}", before, name);

	return out->write(out, text, (size_t)n);
}

/* A model's name, and "first-" with it. */
static int32_t
write_both(struct b3iq_writer *out, const char *name)
{
	char    text[64];
	int32_t rc;

	for (size_t i = 0; i <= strlen(name) && i < sizeof text - 6; i++)
		text[6 + i] = (char)tolower((unsigned char)name[i]);
	memcpy(text, "first-", 6);
	rc = write_model(out, ",", text + 6);
	return rc == B3IQ_OK ? write_model(out, ",", text) : rc;
}

static int32_t
write_models(struct b3iq_writer *out)
{
	int32_t rc = write_model(out, "[", "ok");

	for (const struct misdeed *m = misdeeds; m->model && rc == B3IQ_OK; m++)
		rc = write_both(out, m->model);
	for (size_t i = 0; i < N_CODES && rc == B3IQ_OK; i++)
		if (codes[i].code < 0)
			rc = write_both(out, codes[i].name + 2);
	return rc == B3IQ_OK ? out->write(out, "]", 1) : rc;
}

static int32_t
models(void *self, struct b3iq_writer *out, struct b3iq_error *err)
{
	struct flaky *f = self;
	const char   *what = configured(f, "models");
	static char   block[65536];
	int32_t       rc = B3IQ_OK;

	if (strcmp(what, "unavailable") == 0)
		return fail(err, B3IQ_E_UNAVAILABLE, "flaky was told to have no models now");
	if (strcmp(what, "garbage") == 0)
		return out->write(out, "[{\"id\":", 7);
	if (strcmp(what, "empty") == 0)
		return out->write(out, "[]", 2);
	if (strcmp(what, "crash") == 0)
		crash();
	if (strcmp(what, "hang") == 0)
		hang();
	for (int i = 0; i < 4096 && strcmp(what, "huge") == 0 && rc == B3IQ_OK; i++)
		rc = out->write(out, block, sizeof block); /* 256 MiB, if it is let */
	if (rc == B3IQ_OK)
		rc = write_models(out);
	return rc == B3IQ_OK ? rc : fail(err, rc, "the host did not take the list of models");
}

/* ---- create and destroy ----------------------------------------------------- */

static int32_t
misbehave_at_start(struct flaky *f, struct b3iq_error *err)
{
	const struct timespec second = { .tv_sec = 1 };
	const char           *what = configured(f, "create");
	char                  mark[512];

	if (strcmp(what, "crash") == 0)
		crash();
	if (strcmp(what, "abort") == 0)
		abort();
	if (strcmp(what, "exit") == 0)
		_exit(3);
	if (strcmp(what, "hang") == 0)
		hang();
	if (strcmp(what, "slow") == 0)
		nanosleep(&second, NULL);
	if (strcmp(what, "once") == 0) { /* fails the first time only, over restarts too */
		snprintf(mark, sizeof mark, "%s/was-here", f->host->state_dir);
		if (access(mark, F_OK) != 0) {
			FILE *file = fopen(mark, "w");

			if (file)
				fclose(file);
			return fail(err, B3IQ_E_UNAVAILABLE,
			            "flaky fails the first time: start it again");
		}
	}
	if (code_of(what))
		return fail(err, code_of(what), "flaky was told not to start: set create to ok");
	return B3IQ_OK;
}

static int32_t
discard(struct b3iq_writer *w, const void *data, size_t len)
{
	(void)w, (void)data, (void)len;
	return B3IQ_OK;
}

static int32_t
create(const struct b3iq_host *host, const char *config, void **self, struct b3iq_error *err)
{
	struct b3iq_writer  nowhere = { discard };
	struct json_object *value;
	struct flaky       *f = calloc(1, sizeof *f);
	int32_t             rc;

	if (!f)
		return fail(err, B3IQ_E_NO_MEMORY, "out of memory");
	f->host = host;
	f->config = json_tokener_parse(config);
	if (!json_object_is_type(f->config, json_type_object)) {
		rc = fail(err, B3IQ_E_INVALID, "the config is no JSON object");
		goto failed;
	}
	if (json_object_object_get_ex(f->config, "token_ms", &value))
		f->token_ms = json_object_get_int(value);
	if (json_object_object_get_ex(f->config, "secret", &value)) {
		rc = host->secret(host->ctx, "secret", &nowhere);
		if (rc != B3IQ_OK) {
			fail(err, rc, "the secret is not to be had: set it, or leave it out");
			goto failed;
		}
	}
	rc = misbehave_at_start(f, err);
	if (rc != B3IQ_OK)
		goto failed;
	host->metric(host->ctx, B3IQ_COUNTER, "flaky_starts", 1);
	*self = f;
	return B3IQ_OK;
failed:
	json_object_put(f->config);
	free(f);
	return rc;
}

static void
destroy(void *self)
{
	struct flaky *f = self;

	if (!f)
		return;
	if (strcmp(configured(f, "destroy"), "crash") == 0)
		crash();
	if (strcmp(configured(f, "destroy"), "hang") == 0)
		hang();
	json_object_put(f->config);
	free(f);
}

static const struct b3iq_inference iface = {
	.size = sizeof iface,
	.probe = probe,
	.models = models,
	.generate = generate,
};

static const struct b3iq_plugin plugin = {
	.size = sizeof plugin,
	.abi = B3IQ_ABI,
	.kind = B3IQ_INFERENCE,
	.threads = B3IQ_THREADS_PARALLEL,
	.id = B3IQ_PLUGIN_ID,
	.version = B3IQ_PLUGIN_VERSION,
	.create = create,
	.destroy = destroy,
	.iface = &iface,
};

const struct b3iq_plugin *
b3iq_plugin_entry(uint32_t host_abi)
{
	return host_abi >> 16 == B3IQ_ABI_MAJOR ? &plugin : NULL;
}
