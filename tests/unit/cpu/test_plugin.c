/* The plugin as the host sees it: loaded with dlopen, driven through plugin.h alone. */
#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <json-c/json.h>
#include <cmocka.h>
#include "plugin.h"
#include "rig.h"

#define MAX_CHUNKS 600u

static const struct b3iq_plugin *plugin;
static const struct b3iq_inference *api;
static char folder[64];
static void *self;

static void
log_line(void *ctx, int32_t level, const char *text)
{
	(void)ctx, (void)level;
	assert_non_null(text);
}

static struct b3iq_host host = { .size = sizeof host, .abi = B3IQ_ABI, .instance = "test",
	.state_dir = folder, .log = log_line };

struct page {
	struct b3iq_writer base;
	char               text[65536];
	size_t             len;
};

static int32_t
page_write(struct b3iq_writer *w, const void *data, size_t n)
{
	struct page *p = (struct page *)w;

	assert_true(p->len + n < sizeof p->text);
	memcpy(p->text + p->len, data, n);
	p->text[p->len += n] = 0;
	return B3IQ_OK;
}

struct answer {
	struct b3iq_sink base;
	size_t   n, fail_at, text_len, held, max_chunk_ids;
	int32_t  ids[MAX_CHUNKS];
	uint8_t  probes[MAX_CHUNKS][32];
	char     text[16384], delta[4096];
	union {
		struct b3iq_usage usage;
		char              slot[B3IQ_SLOT];
	} u;
	union {
		struct b3iq_error err;
		char              slot[B3IQ_SLOT];
	} e;
};

static int32_t
answer_emit(struct b3iq_sink *sink, const struct b3iq_chunk *c)
{
	struct answer *a = (struct answer *)sink;

	if (a->fail_at && a->n + 1 >= a->fail_at)
		return B3IQ_E_CANCELLED;
	assert_true(a->n < MAX_CHUNKS && a->text_len + c->text_len < sizeof a->text);
	if (c->n_ids == 0) { /* the last of a replay: what is held back */
		assert_true(c->text_len > 0 && !a->held);
		a->held = c->text_len;
	} else {
		assert_int_equal(c->n_ids, 1);
		assert_int_equal(a->held, 0);
		a->ids[a->n] = c->ids[0];
		if (c->probe) {
			assert_int_equal(c->probe_len, 32);
			memcpy(a->probes[a->n], c->probe, 32);
		}
		a->n++;
	}
	memcpy(a->text + a->text_len, c->text, c->text_len);
	a->text[a->text_len += c->text_len] = 0;
	if (c->delta)
		snprintf(a->delta, sizeof a->delta, "%s", c->delta);
	return B3IQ_OK;
}

static struct b3iq_gen_request
request(const char *body)
{
	return (struct b3iq_gen_request){ .size = sizeof(struct b3iq_gen_request),
		.flags = B3IQ_GEN_DETERMINISTIC | B3IQ_GEN_PROBES, .model = "tiny", .body = body,
		.body_len = strlen(body), .max_tokens = 40, .top_p = 1.0f };
}

static int32_t
ask(const struct b3iq_gen_request *rq, struct answer *a)
{
	const size_t fail_at = a->fail_at;

	memset(a, 0, sizeof *a);
	a->fail_at = fail_at;
	a->base = (struct b3iq_sink){.size = sizeof a->base, .cancel_fd = -1, .emit = answer_emit};
	a->u.usage.size = a->e.err.size = B3IQ_SLOT;
	return api->generate(self, rq, &a->base, &a->u.usage, &a->e.err);
}

/* Replays n ids of an answer. */
static void
replay_it(const struct b3iq_gen_request *rq, const struct answer *a, size_t n, struct answer *b)
{
	const struct b3iq_replay *replay = plugin->extension(self, B3IQ_EXT_REPLAY);

	memset(b, 0, sizeof *b);
	b->base = (struct b3iq_sink){ .size = sizeof b->base, .cancel_fd = -1, .emit = answer_emit };
	b->u.usage.size = b->e.err.size = B3IQ_SLOT;
	assert_int_equal(replay->replay(self, rq, a->ids, n, &b->base, &b->u.usage, &b->e.err), B3IQ_OK);
	assert_int_equal(b->n, n);
	assert_int_equal(b->u.usage.output_tokens, n);
}

static int
open_plugin(void **state)
{
	struct b3iq_error err = { .size = sizeof err };
	struct synth tiny = SYNTH_TINY;
	char path[128], config[256];
	const struct b3iq_plugin *(*entry)(uint32_t);
	void *so = dlopen(PLUGIN_FILE, RTLD_NOW | RTLD_LOCAL);
	FILE *broken;

	(void)state;
	if (!so)
		fail_msg("%s", dlerror());
	*(void **)&entry = dlsym(so, "b3iq_plugin_entry");
	assert_non_null(entry);
	assert_null(entry(B3IQ_ABI + (1u << 16)));
	plugin = entry(B3IQ_ABI);
	api = plugin->iface;
	snprintf(folder, sizeof folder, "/tmp/b3iq-cpu-XXXXXX");
	assert_non_null(mkdtemp(folder));
	tiny.format = FORMAT_Q4_0;
	tiny.chat =
	    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n"
	    "{% endfor %}<|im_start|>assistant\n";
	snprintf(path, sizeof path, "%s/tiny.gguf", folder);
	rig_save(&tiny, path);
	tiny.seed = 2;
	snprintf(path, sizeof path, "%s/other.gguf", folder);
	rig_save(&tiny, path);
	snprintf(path, sizeof path, "%s/broken.gguf", folder);
	broken = fopen(path, "w");
	fputs("GGUF, says the name", broken);
	(void)fclose(broken);
	snprintf(config, sizeof config, "{\"models_dir\":\"%s\",\"threads\":2}", folder);
	if (plugin->create(&host, config, &self, &err) != B3IQ_OK)
		fail_msg("%s", err.text);
	return 0;
}

static int
close_plugin(void **state)
{
	char command[128];

	(void)state;
	plugin->destroy(self);
	plugin->destroy(NULL);
	snprintf(command, sizeof command, "rm -r %s", folder);
	return system(command);
}

static struct json_object *
models_now(void)
{
	struct page p = { .base.write = page_write };
	struct b3iq_error err = { .size = sizeof err };

	assert_int_equal(api->models(self, &p.base, &err), B3IQ_OK);
	return json_tokener_parse(p.text);
}

static struct json_object *
model_named(struct json_object *list, const char *id)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *m = json_object_array_get_idx(list, i);

		if (strcmp(json_object_get_string(json_object_object_get(m, "id")), id) == 0)
			return m;
	}
	return NULL;
}

static void
lists_what_can_run(void **state)
{
	static struct answer a;
	struct page p = { .base.write = page_write };
	struct b3iq_error err = { .size = sizeof err };
	struct b3iq_gen_request rq = request("{\"prompt\":\"a\"}");
	struct json_object *list = models_now(), *m = model_named(list, "tiny");

	(void)state;
	assert_non_null(m);
	assert_null(model_named(list, "broken"));
	assert_int_equal(json_object_get_int(json_object_object_get(m, "context")), 1024);
	assert_string_equal(json_object_get_string(json_object_object_get(m, "quantisation")),
			    "Q4_0");
	assert_string_equal(json_object_get_string(json_object_object_get(m, "architecture")),
			    "llama");
	assert_false(json_object_get_boolean(json_object_object_get(m, "resident")));
	json_object_put(list);
	assert_int_equal(api->probe(self, &p.base, &err), B3IQ_OK);
	assert_non_null(strstr(p.text, "\"usable\":true"));
	assert_int_equal(ask(&rq, &a), B3IQ_OK);
	list = models_now();
	m = model_named(list, "tiny");
	assert_true(json_object_get_boolean(json_object_object_get(m, "resident")));
	assert_int_equal(strlen(json_object_get_string(json_object_object_get(m, "root"))), 64);
	json_object_put(list);
	assert_int_equal(api->unload(self, "tiny", &err), B3IQ_OK);
	list = models_now();
	m = model_named(list, "tiny"); /* the root is remembered */
	assert_int_equal(strlen(json_object_get_string(json_object_object_get(m, "root"))), 64);
	assert_false(json_object_get_boolean(json_object_object_get(m, "resident")));
	json_object_put(list);
	assert_int_equal(api->unload(self, "nosuch", &err), B3IQ_E_NOT_FOUND);
	assert_int_equal(api->load(self, "nosuch", NULL, &err), B3IQ_E_NOT_FOUND);
	assert_int_equal(api->load(self, "tiny", NULL, &err), B3IQ_OK);
	assert_int_equal(api->load(self, "tiny", "{\"pin\":true}", &err), B3IQ_E_UNSUPPORTED);
}

static void
answers_and_replays(void **state)
{
	static struct answer a, b;
	static const char *const bodies[] = {
		"{\"messages\":[{\"role\":\"user\",\"content\":\"hello there\"}]}",
		"{\"prompt\":\"once upon a time\",\"logit_bias\":{\"270\":3.5}}" };

	(void)state;
	assert_null(plugin->extension(self, "nosuch"));
	for (size_t i = 0; i < 6; i++) {
		struct b3iq_gen_request rq = request(bodies[i % 2]);

		rq.temperature = i < 2 ? 0.0f : 1.0f;
		rq.seed = i;
		rq.top_k = i > 3 ? 40 : 0;
		rq.frequency_penalty = i > 3 ? 0.5f : 0.0f;
		assert_int_equal(ask(&rq, &a), B3IQ_OK);
		assert_true(a.n > 0 && a.n == a.u.usage.output_tokens);
		assert_int_equal(a.u.usage.determinism, B3IQ_DET_SAME_FINGERPRINT);
		assert_string_equal(a.u.usage.fingerprint, "det-v1/b3iq-engine-0.1.0/cpu");
		assert_true(a.u.usage.prompt_tokens > 1);
		assert_int_equal(ask(&rq, &b), B3IQ_OK);
		assert_int_equal(a.n, b.n);
		assert_memory_equal(a.ids, b.ids, a.n * 4);
		assert_memory_equal(a.probes, b.probes, a.n * 32);
		assert_string_equal(a.text, b.text);
		replay_it(&rq, &a, a.n, &b);
		assert_memory_equal(a.ids, b.ids, a.n * 4);
		assert_memory_equal(a.probes, b.probes, a.n * 32);
		assert_string_equal(a.text, b.text);
		assert_int_equal(a.u.usage.stop, b.u.usage.stop);
	}
}

/* The configuration changes no bit. */
static void
kernels_and_threads_change_nothing(void **state)
{
	static const char *const ways[] = { "\"kernels\":\"scalar\",\"threads\":1",
		"\"threads\":3,\"max_batch\":1,\"prefix_cache\":false", "\"prefill_chunk\":512" };
	static struct answer a, b;
	struct b3iq_gen_request rq = request("{\"prompt\":\"the bits are the bits are the bits\"}");
	void *const first = self;

	(void)state;
	rq.temperature = 0.9f;
	rq.max_tokens = 300;
	assert_int_equal(ask(&rq, &a), B3IQ_OK);
	for (size_t i = 0; i < 3; i++) {
		struct b3iq_error err = { .size = sizeof err };
		char config[300];

		snprintf(config, sizeof config, "{\"models_dir\":\"%s\",%s}", folder, ways[i]);
		assert_int_equal(plugin->create(&host, config, &self, &err), B3IQ_OK);
		assert_int_equal(ask(&rq, &b), B3IQ_OK);
		plugin->destroy(self);
		self = first;
		assert_int_equal(a.n, b.n);
		assert_memory_equal(a.ids, b.ids, a.n * 4);
		assert_memory_equal(a.probes, b.probes, a.n * 32);
		assert_string_equal(a.u.usage.fingerprint, b.u.usage.fingerprint);
	}
}

static void
logprobs_are_a_delta(void **state)
{
	static struct answer a;
	struct b3iq_gen_request rq = request("{\"prompt\":\"abc\"}");
	struct json_object *delta, *list, *entry;

	(void)state;
	rq.flags |= B3IQ_GEN_LOGPROBS;
	rq.top_logprobs = 3;
	rq.max_tokens = 5;
	assert_int_equal(ask(&rq, &a), B3IQ_OK);
	delta = json_tokener_parse(a.delta);
	assert_true(json_object_object_get_ex(delta, "logprobs", &list));
	assert_int_equal(json_object_array_length(list), 1);
	entry = json_object_array_get_idx(list, 0);
	assert_true(json_object_get_double(json_object_object_get(entry, "logprob")) <= 0.0);
	assert_int_equal(json_object_array_length(json_object_object_get(entry, "top")), 3);
	json_object_put(delta);
}

static void
stop_strings_end(void **state)
{
	static struct answer a, b;
	struct b3iq_gen_request rq = request("{\"prompt\":\"abc\"}");
	char body[128], stop[8] = { 0 };
	size_t at = 0;

	(void)state;
	assert_int_equal(ask(&rq, &a), B3IQ_OK);
	/* Some three letters from the middle of the answer. */
	for (size_t i = 10; i + 3 < a.text_len && !at; i++)
		if (strspn(a.text + i, "abcdefghijklmnopqrstuvwxyz ") >= 3)
			at = i;
	assert_true(at > 0);
	memcpy(stop, a.text + at, 3);
	snprintf(body, sizeof body, "{\"prompt\":\"abc\",\"stop\":[\"%s\"]}", stop);
	rq = request(body);
	assert_int_equal(ask(&rq, &b), B3IQ_OK);
	assert_int_equal(b.u.usage.stop, B3IQ_STOP_SEQUENCE);
	assert_null(strstr(b.text, stop));
	assert_int_equal(strncmp(a.text, b.text, b.text_len), 0);
	assert_ptr_equal(strstr(a.text, stop), a.text + b.text_len);
}

/* Text and end are those of the output that is given, also where no generate() would give it. */
static void
replays_tell_the_end(void **state)
{
	static struct answer a, b, c;
	struct b3iq_gen_request rq = request("{\"prompt\":\"abc\"}"), stopped;
	char body[128];
	size_t at = 0;

	(void)state;
	assert_int_equal(ask(&rq, &a), B3IQ_OK);
	assert_int_equal(a.u.usage.stop, B3IQ_STOP_LENGTH);
	replay_it(&rq, &a, a.n - 1, &b); /* it would go on */
	assert_int_equal(b.u.usage.stop, B3IQ_STOP_CANCELLED);
	assert_int_equal(strncmp(a.text, b.text, b.text_len - b.held), 0);
	rq.max_tokens = (uint32_t)a.n - 1; /* one too many */
	replay_it(&rq, &a, a.n, &b);
	assert_int_equal(b.u.usage.stop, 0);
	rq.max_tokens = 0;
	replay_it(&rq, &a, a.n, &b);
	assert_int_equal(b.u.usage.stop, B3IQ_STOP_CANCELLED);
	assert_string_equal(a.text, b.text); /* nothing but what the flush let go */

	for (size_t i = 10; i + 3 < a.text_len && !at; i++)
		if (strspn(a.text + i, "abcdefghijklmnopqrstuvwxyz ") >= 3)
			at = i;
	assert_true(at > 0);
	snprintf(body, sizeof body, "{\"prompt\":\"abc\",\"stop\":[\"%.3s\"]}", a.text + at);
	stopped = request(body);
	assert_int_equal(ask(&stopped, &b), B3IQ_OK);
	replay_it(&stopped, &b, b.n, &c);
	assert_int_equal(c.u.usage.stop, B3IQ_STOP_SEQUENCE);
	assert_string_equal(b.text, c.text);
	assert_int_equal(c.held, 0);
	replay_it(&stopped, &a, a.n, &c); /* beyond the stop: no more text, and said */
	assert_int_equal(c.u.usage.stop, 0);
	assert_string_equal(b.text, c.text);

	/* What may become a stop string is held back where the output would go on. */
	snprintf(body, sizeof body, "{\"prompt\":\"abc\",\"stop\":[\"%.3s~~~\"]}", a.text + at);
	stopped = request(body);
	for (size_t n = 1; n <= a.n && !c.held; n++)
		replay_it(&stopped, &a, n, &c);
	assert_in_range(c.held, 1, 3);
	assert_int_equal(c.u.usage.stop, B3IQ_STOP_CANCELLED);
	assert_int_equal(strncmp(a.text, c.text, c.text_len), 0);
}

static void
what_it_cannot_do_is_refused(void **state)
{
	static const struct {
		const char *body;
		int32_t     rc;
	} cases[] = {
	    {"", B3IQ_E_INVALID},
	    {"{", B3IQ_E_INVALID},
	    {"[]", B3IQ_E_INVALID},
	    {"{}", B3IQ_E_INVALID},
	    {"{\"prompt\":\"a\"} x", B3IQ_E_INVALID},
	    {"{\"prompt\":5}", B3IQ_E_INVALID},
	    {"{\"prompt\":\"a\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}",
	     B3IQ_E_INVALID},
	    {"{\"messages\":[]}", B3IQ_E_INVALID},
	    {"{\"messages\":[{\"role\":\"king\",\"content\":\"a\"}]}", B3IQ_E_INVALID},
	    {"{\"messages\":[{\"role\":\"user\",\"content\":\"a\",\"name\":\"b\"}]}",
	     B3IQ_E_UNSUPPORTED},
	    {"{\"prompt\":\"a\",\"tools\":[{\"type\":\"function\"}]}", B3IQ_E_UNSUPPORTED},
	    {"{\"prompt\":\"a\",\"tool_choice\":\"required\"}", B3IQ_E_UNSUPPORTED},
	    {"{\"prompt\":\"a\",\"response_format\":{\"type\":\"json_object\"}}",
	     B3IQ_E_UNSUPPORTED},
	    {"{\"prompt\":\"a\",\"echo\":true}", B3IQ_E_UNSUPPORTED},
	    {"{\"prompt\":\"a\",\"stop\":[\"\"]}", B3IQ_E_INVALID},
	    {"{\"prompt\":\"a\",\"stop\":\"x\"}", B3IQ_E_INVALID},
	    {"{\"prompt\":\"a\",\"logit_bias\":{\"x\":1}}", B3IQ_E_INVALID},
	    {"{\"prompt\":\"a\",\"logit_bias\":{\"320\":1}}", B3IQ_E_INVALID},
	    {"{\"prompt\":\"a\",\"logit_bias\":{\"7\":1,\"07\":1}}", B3IQ_E_INVALID},
	    {"{\"prompt\":\"a\",\"response_format\":{\"type\":\"text\"},\"tools\":[],"
	     "\"tool_choice\":\"auto\"}",
	     B3IQ_OK},
	};
	static struct answer a;
	struct b3iq_gen_request rq;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		rq = request(cases[i].body);
		if (ask(&rq, &a) != cases[i].rc)
			fail_msg("%s: %s", cases[i].body, a.e.err.text);
		assert_true(cases[i].rc == B3IQ_OK || a.e.err.text[0]);
	}
	rq = request("{\"prompt\":\"a\"}");
	rq.flags |= 0x100;
	assert_int_equal(ask(&rq, &a), B3IQ_E_UNSUPPORTED);
	rq = request("{\"prompt\":\"a\"}");
	rq.model = "nosuch";
	assert_int_equal(ask(&rq, &a), B3IQ_E_NOT_FOUND);
	rq.model = "../tiny";
	assert_int_equal(ask(&rq, &a), B3IQ_E_NOT_FOUND);
	rq = request("{\"prompt\":\"a\"}");
	rq.top_p = -1.0f;
	assert_int_equal(ask(&rq, &a), B3IQ_E_INVALID);
}

static void
long_prompts_are_refused(void **state)
{
	static struct answer a;
	char body[8192] = "{\"prompt\":\"";
	struct b3iq_gen_request rq;

	(void)state;
	memset(body + strlen(body), '#', 5000);
	strncat(body, "\"}", 3);
	rq = request(body);
	assert_int_equal(ask(&rq, &a), B3IQ_E_INVALID);
	assert_int_equal(strncmp(a.e.err.text, "context_length_exceeded", 23), 0);
}

/* ---- cancel and deadline ---- */

static uint64_t
now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void
it_stops_when_told(void **state)
{
	static struct answer a;
	struct b3iq_gen_request rq = request("{\"prompt\":\"a\"}");
	int fds[2];

	(void)state;
	rq.max_tokens = 0;
	a.fail_at = 5;
	assert_int_equal(ask(&rq, &a), B3IQ_E_CANCELLED);
	assert_int_equal(a.n, 4);
	assert_int_equal(a.u.usage.stop, B3IQ_STOP_CANCELLED);
	a.fail_at = 0;
	rq.deadline_ms = now_ms() - 1;
	assert_int_equal(ask(&rq, &a), B3IQ_E_TIMEOUT);
	rq.deadline_ms = 0;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	memset(&a, 0, sizeof a);
	a.base = (struct b3iq_sink){ .size = sizeof a.base, .cancel_fd = fds[0],
		.emit = answer_emit };
	a.u.usage.size = a.e.err.size = B3IQ_SLOT;
	assert_int_equal(api->generate(self, &rq, &a.base, &a.u.usage, &a.e.err),
	                 B3IQ_E_CANCELLED);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

/* ---- many at once, two models, loads and unloads in between ---- */

static void *
hammer(void *arg)
{
	const uintptr_t which = (uintptr_t)arg;
	struct answer *a = malloc(sizeof *a);
	char body[64];

	assert_non_null(a);
	for (uintptr_t i = 0; i < 12; i++) {
		struct b3iq_error err = { .size = sizeof err };
		struct b3iq_gen_request rq;

		snprintf(body, sizeof body, "{\"prompt\":\"number %zu\"}", (size_t)(which + i) % 3);
		rq = request(body);
		rq.model = (which + i) % 2 ? "tiny" : "other";
		a->fail_at = i % 5 == 4 ? 3 : 0;
		assert_int_equal(ask(&rq, a), a->fail_at ? B3IQ_E_CANCELLED : B3IQ_OK);
		if (i % 3 == 0) {
			const int32_t rc = api->unload(self, rq.model, &err);

			assert_true(rc == B3IQ_OK || rc == B3IQ_E_BUSY);
		}
		if (i % 4 == 0)
			json_object_put(models_now());
	}
	free(a);
	return NULL;
}

static void
many_threads_at_once(void **state)
{
	pthread_t threads[8];

	(void)state;
	for (uintptr_t i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hammer, (void *)i), 0);
	for (size_t i = 0; i < 8; i++)
		(void)pthread_join(threads[i], NULL);
}

/* A file that was replaced is another model. */
static void
replaced_files_are_seen(void **state)
{
	static struct answer a, b;
	struct b3iq_gen_request rq = request("{\"prompt\":\"abc\"}");
	struct synth s = SYNTH_TINY;
	char next[128], path[128];

	(void)state;
	rq.model = "other";
	assert_int_equal(ask(&rq, &a), B3IQ_OK);
	s.seed = 77;
	snprintf(next, sizeof next, "%s/next", folder);
	snprintf(path, sizeof path, "%s/other.gguf", folder);
	rig_save(&s, next);
	assert_int_equal(rename(next, path), 0);
	assert_int_equal(ask(&rq, &b), B3IQ_OK);
	assert_memory_not_equal(a.probes[0], b.probes[0], 32);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(ask(&rq, &b), B3IQ_E_NOT_FOUND);
}

static void
bad_configs_are_refused(void **state)
{
	static const char *const configs[] = { "", "[]", "{\"thread\":1}", "{\"threads\":-1}",
		"{\"threads\":\"2\"}", "{\"kernels\":\"mmx\"}", "{\"context\":1e9}",
		"{\"models_dir\":7}", "{\"prefill_chunk\":1}", "{\"max_batch\":0}" };

	(void)state;
	for (size_t i = 0; i < sizeof configs / sizeof *configs; i++) {
		struct b3iq_error err = { .size = sizeof err };
		void *other = NULL;

		if (plugin->create(&host, configs[i], &other, &err) == B3IQ_OK)
			fail_msg("%s is accepted", configs[i]);
		assert_true(err.text[0]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_what_can_run),
		cmocka_unit_test(answers_and_replays),
		cmocka_unit_test(kernels_and_threads_change_nothing),
		cmocka_unit_test(logprobs_are_a_delta),
		cmocka_unit_test(stop_strings_end),
		cmocka_unit_test(replays_tell_the_end),
		cmocka_unit_test(what_it_cannot_do_is_refused),
		cmocka_unit_test(long_prompts_are_refused),
		cmocka_unit_test(it_stops_when_told),
		cmocka_unit_test(many_threads_at_once),
		cmocka_unit_test(replaced_files_are_seen),
		cmocka_unit_test(bad_configs_are_refused),
	};

	return cmocka_run_group_tests(tests, open_plugin, close_plugin);
}
