/* inference.c - what plugin.h asks of an inference backend. */
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/fail.h"
#include "core/base/json.h"
#include "core/base/schema.h"
#include "subject.h"

#define STOP_MS 250 /* from cancel to return                                       */
#define TRIES   3   /* a busy machine may be slow twice                             */

static void
begin(struct subject *s, const struct check *c)
{
	subject_open(s, c);
	if (!s->model[0])
		check_skip("it lists no model here: name one with --model, or --config it");
}

/* A call that has to succeed, unless what it needs is away. */
static void
fine(struct reply r, const char *what)
{
	if (r.rc == B3IQ_E_UNAVAILABLE)
		check_skip("%s: %s", what, r.err.text);
	must(r.rc == B3IQ_OK, "%s returned %s: %s", what, result_name(r.rc), r.err.text);
}

/* Skips the test where the plugin says that it cannot do what the test is about. */
static void
fine_or_unsupported(struct reply r, const char *what)
{
	if (r.rc == B3IQ_E_UNSUPPORTED)
		check_skip("%s is refused, as is its right", what);
	fine(r, what);
}

static struct json_object *
schema_of(const char *name)
{
	struct json_object *schema = NULL;
	size_t              len = 0;
	const char         *text = schema_text(name, &len);

	must(text && json_parse(text, len, name, &schema, NULL) == B3IQ_OK,
	     "plugin-check: schemas/%s is not built in", name);
	return schema;
}

static struct json_object *
valid(const char *text, size_t len, const char *name)
{
	struct json_object *schema = schema_of(name), *doc = NULL;
	struct b3iq_error   err = NO_ERROR;

	must(json_parse(text, len, name, &doc, &err) == B3IQ_OK, "%s", err.text);
	must(schema_check(schema, doc, name, &err) == B3IQ_OK, "%s", err.text);
	json_object_put(schema);
	return doc;
}

/* ---- documents ---------------------------------------------------------- */

static void
models_schema(const struct check *c)
{
	struct subject s;
	struct buf     text;

	subject_open(&s, c);
	buf_init(&text, 8u << 20);
	fine(subject_models(&s, &text), "models()");
	json_object_put(valid(text.data, text.len, "models.json"));
	buf_free(&text);
	subject_close(&s);
}

static void
probe_schema(const struct check *c)
{
	struct subject s;
	struct buf     text;

	subject_open(&s, c);
	buf_init(&text, 8u << 20);
	fine_or_unsupported(subject_probe(&s, &text), "probe()");
	json_object_put(valid(text.data, text.len, "devices.json"));
	buf_free(&text);
	subject_close(&s);
}

/* ---- answers ------------------------------------------------------------ */

static void
usage_true(const struct check *c)
{
	struct subject    s;
	struct listener   l;
	struct b3iq_usage u;

	begin(&s, c);
	listener_init(&l, &s.host);
	fine(subject_generate(&s, &(struct ask){ .max_tokens = 16 }, &l, &u), "generate()");
	must(l.n_ids == 0 || l.chunks_without_ids == 0 || l.n_ids == u.output_tokens,
	     "ids on some steps only, and %llu output tokens for %zu ids",
	     (unsigned long long)u.output_tokens, l.n_ids);
	must(l.n_ids == 0 || l.n_ids == u.output_tokens, "output_tokens is %llu, ids were %zu",
	     (unsigned long long)u.output_tokens, l.n_ids);
	must(u.prompt_tokens > 0, "prompt_tokens is 0");
	must(u.cached_tokens <= u.prompt_tokens, "more prompt tokens cached than there are");
	must(u.stop >= B3IQ_STOP_END && u.stop <= B3IQ_STOP_CANCELLED, "usage.stop is %u", u.stop);
	must(u.determinism <= B3IQ_DET_SAME_FINGERPRINT, "usage.determinism is %u", u.determinism);
	must(memchr(u.fingerprint, 0, sizeof u.fingerprint), "usage.fingerprint is not terminated");
	must(u.determinism == B3IQ_DET_NONE || u.fingerprint[0],
	     "determinism is claimed without a fingerprint of what has to be equal");
	must(u.reserved == 0, "usage.reserved is not 0");
	listener_finish(&l);
	subject_close(&s);
}

static void
stop_at_max_tokens(const struct check *c)
{
	struct subject    s;
	struct b3iq_usage u;

	begin(&s, c);
	for (uint32_t max = 1; max <= 4; max++) {
		struct listener l;

		listener_init(&l, &s.host);
		fine(subject_generate(&s, &(struct ask){ .max_tokens = max }, &l, &u),
		     "generate()");
		must(u.output_tokens <= max && l.n_ids <= max, "max_tokens is %u, it made %llu",
		     max, (unsigned long long)u.output_tokens);
		must(u.output_tokens < max || u.stop == B3IQ_STOP_LENGTH || u.stop == B3IQ_STOP_END,
		     "stopped at max_tokens, usage.stop is %u", u.stop);
		listener_finish(&l);
	}
	subject_close(&s);
}

static void
unknown_model(const struct check *c)
{
	struct subject    s;
	struct listener   l;
	struct b3iq_usage u;
	struct reply      r;

	begin(&s, c);
	listener_init(&l, &s.host);
	r = subject_generate(&s, &(struct ask){ .model = "b3iq-no-such-model", .max_tokens = 1 },
	                     &l, &u);
	if (r.rc == B3IQ_E_UNAVAILABLE)
		check_skip("%s", r.err.text);
	must(r.rc == B3IQ_E_NOT_FOUND, "a model that is not listed gives %s, not E_NOT_FOUND",
	     result_name(r.rc));
	must(l.n_chunks == 0, "a model that is not listed answers");
	listener_finish(&l);
	subject_close(&s);
}

static void
bad_bodies(const struct check *c)
{
	static const char *const bad[] = {
		"", "{", "[]", "null", "{}", "{\"messages\":5}", "{\"messages\":[]}",
		"{\"messages\":[{\"role\":\"user\"}]}", "{\"prompt\":1}",
		"{\"prompt\":\"a\",\"logit_bias\":{\"-1\":1}}",
		"{\"prompt\":\"a\",\"logit_bias\":{\"999999999\":1}}",
	};
	struct subject    s;
	struct b3iq_usage u;

	begin(&s, c);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct listener l;
		struct reply    r;

		listener_init(&l, &s.host);
		r = subject_generate(&s, &(struct ask){ .body = bad[i], .max_tokens = 2 }, &l, &u);
		must(r.rc <= B3IQ_OK && (r.rc == B3IQ_OK || r.err.text[0]),
		     "body %s: %s without a word", bad[i], result_name(r.rc));
		listener_finish(&l);
	}
	subject_close(&s);
}

static void
utf8_whole_chunks(const struct check *c)
{
	static const char body[] =
	        "{\"messages\":[{\"role\":\"user\",\"content\":"
	        "\"Gr\xc3\xbc\xc3\x9f Gott, \xe4\xb8\x96\xe7\x95\x8c "
	        "\xf0\x9f\x99\x82 \xd0\xbc\xd0\xb8\xd1\x80\"}]}";
	struct subject    s;
	struct b3iq_usage u;

	begin(&s, c);
	for (uint32_t max = 1; max <= 64; max += max < 8 ? 1 : 9) {
		const struct ask a = { .body = body, .max_tokens = max, .seed = max,
		                       .temperature = 1 };
		struct listener  l; /* which looks at each chunk */

		listener_init(&l, &s.host);
		fine(subject_generate(&s, &a, &l, &u), "generate()");
		listener_finish(&l);
	}
	subject_close(&s);
}

static void
back_pressure(const struct check *c)
{
	struct subject    s;
	struct listener   slow, quick;
	struct b3iq_usage u;
	struct ask        a = { .flags = B3IQ_GEN_DETERMINISTIC, .max_tokens = 8 };
	struct reply      r;

	begin(&s, c);
	listener_init(&slow, &s.host);
	listener_init(&quick, &s.host);
	slow.slow_ms = 40;
	r = subject_generate(&s, &a, &slow, &u);
	fine_or_unsupported(r, "determinism");
	fine(subject_generate(&s, &a, &quick, &u), "generate()");
	must(listener_same(&slow, &quick), "a slow reader gets another answer");
	listener_finish(&slow);
	listener_finish(&quick);
	subject_close(&s);
}

/* ---- stopping ----------------------------------------------------------- */

/* Had the answer ended before the stop?  Through the sandbox its end may be under way meanwhile. */
static bool
ended_before(const struct subject *s, const struct listener *l, int32_t rc)
{
	return !l->stopped_us || (rc == B3IQ_OK && (!l->after_stop || s->check->sandbox));
}

/* Milliseconds from the stop to the return, the best of some tries; -1: the answer ended before. */
static double
stop_ms(struct subject *s, const struct listener *trouble, const struct ask *a, int32_t *rc)
{
	double best = -1;

	for (int i = 0; i < TRIES; i++) {
		struct listener   l;
		struct b3iq_usage u;
		double            took;

		listener_init(&l, &s->host);
		l.refuse_at = trouble->refuse_at;
		l.refuse_code = trouble->refuse_code;
		l.cancel_at = trouble->cancel_at;
		l.cancel_ms = trouble->cancel_ms;
		l.cancel_first = trouble->cancel_first;
		l.slow_ms = trouble->slow_ms;
		*rc = subject_generate(s, a, &l, &u).rc;
		took = (double)(clock_mono_us() - l.stopped_us) / 1000;
		if (*rc == B3IQ_E_UNAVAILABLE)
			check_skip("the backend is away");
		if (ended_before(s, &l, *rc))
			return -1;
		must(*rc == B3IQ_OK || *rc == B3IQ_E_CANCELLED || *rc == B3IQ_E_TIMEOUT ||
		             *rc == l.refuse_code,
		     "after the stop it returned %s", result_name(*rc));
		must(s->check->sandbox || l.after_stop <= 1,
		     "it called emit() %u times more after the stop", l.after_stop - 1);
		listener_finish(&l);
		if (best < 0 || took < best)
			best = took;
		if (best <= STOP_MS)
			break;
	}
	return best;
}

static void
stops(const struct check *c, const struct listener *trouble, const struct ask *a, int32_t code)
{
	struct subject s;
	int32_t        rc;
	double         ms;

	begin(&s, c);
	ms = stop_ms(&s, trouble, a, &rc);
	if (ms < 0)
		check_skip("its answer was too short to be stopped");
	must(ms <= STOP_MS || c->slow, "it returned %.0f ms after the stop; %d are allowed", ms,
	     STOP_MS);
	must(rc == code, "it returned %s instead of %s", result_name(rc), result_name(code));
	subject_close(&s);
}

static void
emit_error(const struct check *c)
{
	const struct listener first = { .refuse_at = 1, .refuse_code = B3IQ_E_CANCELLED };
	const struct listener third = { .refuse_at = 3, .refuse_code = B3IQ_E_TIMEOUT };

	stops(c, &first, &(struct ask){ .max_tokens = 200 }, B3IQ_E_CANCELLED);
	if (!c->sandbox) /* over the wire any refusal is a cancel */
		stops(c, &third, &(struct ask){ .max_tokens = 200 }, B3IQ_E_TIMEOUT);
}

static void
cancel_streaming(const struct check *c)
{
	const struct listener t = { .cancel_at = 2, .slow_ms = 5 };

	stops(c, &t, &(struct ask){ .max_tokens = 200 }, B3IQ_E_CANCELLED);
}

static void
cancel_before(const struct check *c)
{
	const struct listener t = { .cancel_first = true };

	stops(c, &t, &(struct ask){ .max_tokens = 200 }, B3IQ_E_CANCELLED);
}

static void
cancel_in_prefill(const struct check *c)
{
	const struct listener t = { .cancel_ms = 10 };
	struct buf            body;

	buf_init(&body, 1u << 20);
	buf_puts(&body, "{\"messages\":[{\"role\":\"user\",\"content\":\"");
	for (int i = 0; i < 100; i++)
		buf_puts(&body, "one two three ");
	buf_puts(&body, "\"}]}");
	stops(c, &t, &(struct ask){ .body = body.data, .max_tokens = 200 }, B3IQ_E_CANCELLED);
	buf_free(&body);
}

static void
deadline(const struct check *c)
{
	struct subject s;
	int32_t        rc = B3IQ_OK;
	double         ms = -1;

	begin(&s, c);
	for (int i = 0; i < TRIES && (i == 0 || ms > STOP_MS); i++) {
		const struct ask  a = { .max_tokens = 200, .deadline_ms = clock_mono_ms() + 60 };
		struct listener   l;
		struct b3iq_usage u;

		listener_init(&l, &s.host);
		l.slow_ms = 10;
		rc = subject_generate(&s, &a, &l, &u).rc;
		if (ended_before(&s, &l, rc))
			check_skip("its answer was too short to miss a deadline");
		ms = (double)(clock_mono_us() - l.stopped_us) / 1000;
		listener_finish(&l);
	}
	must(rc == B3IQ_E_TIMEOUT || rc == B3IQ_E_CANCELLED, "after its deadline it returned %s",
	     result_name(rc));
	must(ms <= STOP_MS || c->slow, "it returned %.0f ms after its deadline", ms);
	subject_close(&s);
}

/* The answer that holds a stop string ends before it, wherever the string lies over the chunks. */
static void
stop_sequence(const struct check *c)
{
	struct subject    s;
	struct listener   whole, cut;
	struct b3iq_usage u;
	struct ask        a = { .flags = B3IQ_GEN_DETERMINISTIC, .max_tokens = 24 };
	struct buf        body;
	char              stop[8] = "";
	size_t            at = 0;
	const char       *first;

	begin(&s, c);
	listener_init(&whole, &s.host);
	listener_init(&cut, &s.host);
	fine_or_unsupported(subject_generate(&s, &a, &whole, &u), "determinism");
	for (at = 2; at + 3 < whole.text.len && !stop[0]; at++) /* three plain characters */
		if (strspn(whole.text.data + at, "abcdefghijklmnopqrstuvwxyz ,.") >= 3)
			memcpy(stop, whole.text.data + at, 3);
	if (!stop[0])
		check_skip("its answer holds no plain text to stop at");
	first = memmem(whole.text.data, whole.text.len, stop, 3);
	buf_init(&body, 4096);
	buf_printf(&body,
	           "{\"messages\":[{\"role\":\"user\",\"content\":\"Count from one to twenty.\"}],"
	                  "\"stop\":[\"zzzz\",\"%s\"]}", stop);
	a.body = body.data;
	fine_or_unsupported(subject_generate(&s, &a, &cut, &u), "stop");
	must(cut.text.len == (size_t)(first - whole.text.data) &&
	             (!cut.text.len || memcmp(cut.text.data, whole.text.data, cut.text.len) == 0),
	     "with a stop string the answer does not end right before it");
	must(u.stop == B3IQ_STOP_SEQUENCE, "stopped by a stop string, usage.stop is %u", u.stop);
	listener_finish(&whole);
	listener_finish(&cut);
	buf_free(&body);
	subject_close(&s);
}

/* ---- determinism -------------------------------------------------------- */

static void
seed_repeats(const struct check *c)
{
	const struct ask  a = { .flags = B3IQ_GEN_DETERMINISTIC, .max_tokens = 24, .temperature = 1,
		                .seed = 20261121 };
	struct subject    s;
	struct listener   one, two;
	struct b3iq_usage u;

	begin(&s, c);
	listener_init(&one, &s.host);
	listener_init(&two, &s.host);
	fine_or_unsupported(subject_generate(&s, &a, &one, &u), "determinism");
	must(u.determinism != B3IQ_DET_NONE,
	     "determinism was asked for, not refused, and not claimed");
	fine(subject_generate(&s, &a, &two, &u), "generate()");
	must(listener_same(&one, &two), "the same seed gives another answer");
	listener_finish(&one);
	listener_finish(&two);
	subject_close(&s);
}

static void
seed_repeats_elsewhere(const struct check *c)
{
	const struct ask  a = { .flags = B3IQ_GEN_DETERMINISTIC, .max_tokens = 24, .temperature = 1,
		                .seed = 3 };
	const struct ask  other = { .max_tokens = 9, .body = "{\"messages\":[{\"role\":\"user\","
		                    "\"content\":\"Something else before.\"}]}" };
	struct subject    first, second;
	struct listener   one, two, between;
	struct b3iq_usage u;

	begin(&first, c);
	listener_init(&one, &first.host);
	fine_or_unsupported(subject_generate(&first, &a, &one, &u), "determinism");
	begin(&second, c);
	listener_init(&between, &second.host);
	listener_init(&two, &second.host);
	fine(subject_generate(&second, &other, &between, &u), "generate()");
	fine(subject_generate(&second, &a, &two, &u), "generate()");
	must(listener_same(&one, &two), "another instance, with another past, answers otherwise");
	listener_finish(&one);
	listener_finish(&two);
	listener_finish(&between);
	subject_close(&second);
	subject_close(&first);
}

static void
max_tokens_is_a_prefix(const struct check *c)
{
	struct ask        a = { .flags = B3IQ_GEN_DETERMINISTIC, .max_tokens = 20 };
	struct subject    s;
	struct listener   whole, part;
	struct b3iq_usage u;

	begin(&s, c);
	listener_init(&whole, &s.host);
	fine_or_unsupported(subject_generate(&s, &a, &whole, &u), "determinism");
	for (a.max_tokens = 1; a.max_tokens < 20; a.max_tokens += 6) {
		listener_init(&part, &s.host);
		fine(subject_generate(&s, &a, &part, &u), "generate()");
		must(part.n_ids <= whole.n_ids &&
		             (!part.n_ids ||
		              memcmp(part.ids, whole.ids, part.n_ids * sizeof *part.ids) == 0),
		     "the first %u tokens depend on max_tokens", a.max_tokens);
		listener_finish(&part);
	}
	listener_finish(&whole);
	subject_close(&s);
}

/* ---- probes and replay -------------------------------------------------- */

static void
probe_per_token(const struct check *c)
{
	const struct ask  a = { .flags = B3IQ_GEN_PROBES, .max_tokens = 12 };
	struct subject    s;
	struct listener   l;
	struct b3iq_usage u;

	begin(&s, c);
	listener_init(&l, &s.host);
	fine_or_unsupported(subject_generate(&s, &a, &l, &u), "probes");
	must(l.chunks_of_many == 0, "with probes a chunk carries one id");
	must(l.chunks_without_ids == 0, "with probes every chunk carries an id");
	must(l.chunks_without_probe == 0, "%zu chunks came without a probe",
	     l.chunks_without_probe);
	listener_finish(&l);
	subject_close(&s);
}

static const struct ask replayed = { .flags = B3IQ_GEN_DETERMINISTIC | B3IQ_GEN_PROBES,
	                             .max_tokens = 12, .temperature = 1, .seed = 99 };

static void
replay_equals(const struct check *c)
{
	struct subject    s;
	struct listener   l, again;
	struct b3iq_usage u, use;

	begin(&s, c);
	listener_init(&l, &s.host);
	listener_init(&again, &s.host);
	fine_or_unsupported(subject_generate(&s, &replayed, &l, &u), "determinism with probes");
	fine_or_unsupported(subject_replay(&s, &replayed, l.ids, l.n_ids, &again, &use), "replay()");
	must(again.n_ids == l.n_ids, "replay() of %zu tokens gives %zu", l.n_ids, again.n_ids);
	must(!l.n_ids || memcmp(again.ids, l.ids, l.n_ids * sizeof *l.ids) == 0,
	     "replay() picks other tokens than generate()");
	must(again.probes.len == l.probes.len &&
	             (!l.probes.len || memcmp(again.probes.data, l.probes.data, l.probes.len) == 0),
	     "replay() has other probes than generate()");
	must(listener_same(&l, &again), "replay() has another text than generate()");
	must(use.stop == u.stop, "replay() says that the output ends by %u, generate() by %u", use.stop,
	     u.stop);
	listener_finish(&l);
	listener_finish(&again);
	subject_close(&s);
}

static void
replay_finds(const struct check *c)
{
	struct subject    s;
	struct listener   l, again;
	struct b3iq_usage u;
	size_t            at;

	begin(&s, c);
	listener_init(&l, &s.host);
	listener_init(&again, &s.host);
	fine_or_unsupported(subject_generate(&s, &replayed, &l, &u), "determinism with probes");
	if (l.n_ids < 3)
		check_skip("its answer is too short");
	at = l.n_ids / 2;
	l.ids[at] = l.ids[at] == 5 ? 6 : 5; /* a forged token */
	fine_or_unsupported(subject_replay(&s, &replayed, l.ids, l.n_ids, &again, &u), "replay()");
	must(again.n_ids == l.n_ids, "replay() of %zu tokens gives %zu", l.n_ids, again.n_ids);
	must(memcmp(again.ids, l.ids, at * sizeof *l.ids) == 0,
	     "replay() differs before the forged token");
	must(again.ids[at] != l.ids[at], "replay() agrees with a forged token");
	listener_finish(&l);
	listener_finish(&again);
	subject_close(&s);
}

/* ---- logprobs, embeddings, residency ------------------------------------ */

static size_t
count_logprobs(struct json_object *delta, uint32_t most)
{
	struct json_object *list, *top;
	size_t              n;

	if (!json_object_object_get_ex(delta, "logprobs", &list))
		return 0;
	n = json_object_array_length(list);
	for (size_t i = 0; i < n; i++) {
		double last = 0;

		json_object_object_get_ex(json_object_array_get_idx(list, i), "top", &top);
		must(json_object_array_length(top) <= most,
		     "more top_logprobs than were asked for");
		for (size_t j = 0; j < json_object_array_length(top); j++) {
			struct json_object *p;
			double              value;

			json_object_object_get_ex(json_object_array_get_idx(top, j), "logprob", &p);
			value = json_object_get_double(p);
			must(value <= last + 1e-9, "top_logprobs are not in order");
			last = value;
		}
	}
	return n;
}

static void
logprobs(const struct check *c)
{
	const struct ask  a = { .flags = B3IQ_GEN_LOGPROBS, .max_tokens = 8, .top_logprobs = 3 };
	struct subject    s;
	struct listener   l;
	struct b3iq_usage u;
	size_t            n = 0;

	begin(&s, c);
	listener_init(&l, &s.host);
	fine_or_unsupported(subject_generate(&s, &a, &l, &u), "logprobs");
	for (char *line = l.deltas.data, *end; line && *line; line = end + 1) {
		struct json_object *delta;

		end = strchr(line, '\n');
		delta = valid(line, (size_t)(end - line), "chat-delta.json");
		n += count_logprobs(delta, a.top_logprobs);
		json_object_put(delta);
	}
	must(n == u.output_tokens, "%llu tokens and %zu entries of logprobs",
	     (unsigned long long)u.output_tokens, n);
	listener_finish(&l);
	subject_close(&s);
}

static void
embeddings(const struct check *c)
{
	struct subject      s;
	struct b3iq_usage   u;
	struct buf          text;
	struct json_object *v = NULL;
	size_t              dim;

	begin(&s, c);
	buf_init(&text, 8u << 20);
	fine_or_unsupported(subject_embed(&s, s.model, "{\"input\":[\"one\",\"two\",\"one\"]}",
	                                  &text, &u),
	                    "embed()");
	must(json_parse(text.data, text.len, "vectors", &v, NULL) == B3IQ_OK &&
	             json_object_is_type(v, json_type_array) && json_object_array_length(v) == 3,
	     "three inputs give three vectors");
	dim = json_object_array_length(json_object_array_get_idx(v, 0));
	for (size_t i = 0; i < 3; i++)
		must(json_object_array_length(json_object_array_get_idx(v, i)) == dim && dim,
		     "the vectors have different lengths");
	must(json_object_equal(json_object_array_get_idx(v, 0), json_object_array_get_idx(v, 2)),
	     "the same input gives another vector");
	json_object_put(v);
	buf_free(&text);
	subject_close(&s);
}

static void
load_unload_x10(const struct check *c)
{
	struct subject s;
	struct reply   r;

	begin(&s, c);
	for (int i = 0; i < 10; i++) {
		fine_or_unsupported(subject_load(&s, s.model), "load()");
		fine_or_unsupported(subject_unload(&s, s.model), "unload()");
	}
	r = subject_load(&s, "b3iq-no-such-model");
	must(r.rc == B3IQ_E_NOT_FOUND, "load() of a model that is not listed gives %s",
	     result_name(r.rc));
	subject_close(&s);
}

#define I B3IQ_INFERENCE
const struct check_test inference_tests[] = {
	{ "models-schema", models_schema, I, 0, 0,
	  "models() gives schemas/models.json" },
	{ "probe-schema", probe_schema, I, 0, 0,
	  "probe() gives schemas/devices.json" },
	{ "usage-equals-ids", usage_true, I, 0, 0,
	  "usage is complete, and counts the ids that were emitted" },
	{ "stop-at-max-tokens", stop_at_max_tokens, I, 0, 0,
	  "not one token more than max_tokens" },
	{ "unknown-model", unknown_model, I, 0, 0,
	  "a model that it does not list is E_NOT_FOUND, never another one" },
	{ "bad-bodies", bad_bodies, I, 0, 0,
	  "a body that no host would pass on does not crash it" },
	{ "utf8-reassembles", utf8_whole_chunks, I, 0, 60,
	  "no chunk ends inside a character" },
	{ "back-pressure", back_pressure, I, 0, 0,
	  "a slow reader gets the same answer" },
	{ "emit-error-stops-in-250ms", emit_error, I, 0, 0,
	  "what emit() returns is returned, at once" },
	{ "cancel-fd-stops-in-250ms", cancel_streaming, I, 0, 0,
	  "a cancel in mid-stream ends the call" },
	{ "cancel-before-stops-in-250ms", cancel_before, I, 0, 0,
	  "a request that is cancelled already ends at once" },
	{ "cancel-in-prefill-stops-in-250ms", cancel_in_prefill, I, 0, 0,
	  "a cancel while the prompt is read ends the call" },
	{ "deadline", deadline, I, 0, 0,
	  "a deadline ends the call" },
	{ "stop-sequence", stop_sequence, I, 0, 0,
	  "the answer ends right before a stop string, or stop is refused" },
	{ "seed-repeats-or-refused", seed_repeats, I, 0, 0,
	  "determinism is honoured to the bit, or refused" },
	{ "seed-repeats-elsewhere", seed_repeats_elsewhere, I, 0, 0,
	  "another instance with another past gives the same answer" },
	{ "chunk-boundaries-invariant", max_tokens_is_a_prefix, I, 0, 0,
	  "max_tokens cuts the answer and changes nothing before" },
	{ "probe-per-token", probe_per_token, I, 0, 0,
	  "with probes each chunk has one id and its probe, or they are refused" },
	{ "replay-equals-generate", replay_equals, I, 0, 0,
	  "replay gives ids, probes, text and end of the answer" },
	{ "replay-finds-a-forged-token", replay_finds, I, 0, 0,
	  "replay differs first where the answer was forged" },
	{ "logprobs", logprobs, I, 0, 0,
	  "one entry a token, as in schemas/chat-delta.json, or refused" },
	{ "embeddings", embeddings, I, 0, 0,
	  "one vector an input, equal for equal inputs, or refused" },
	{ "load-unload-x10", load_unload_x10, I, 0, 60,
	  "a model comes and goes ten times" },
	{ NULL, NULL, 0, 0, 0, NULL },
};
#undef I
