/* errors.c - failing well: in words, without secrets, and whatever the host's own failure. */
#include <stdio.h>
#include <string.h>

#include "core/base/fail.h"
#include "core/base/path.h"
#include "smoke.h"
#include "subject.h"

#define UPCALLS 200

static void
in_words(struct reply r, const char *what)
{
	must(r.rc == B3IQ_OK || r.rc == B3IQ_DECLINED || r.absent || r.err.text[0],
	     "%s returned %s without a word for the operator", what, result_name(r.rc));
	must(r.rc != B3IQ_E_BUSY || r.err.retry_ms, "%s: E_BUSY without retry_ms", what);
}

static void
inference_errors(struct subject *s)
{
	const struct ask asks[] = {
		{ .model = "b3iq-no-such-model", .max_tokens = 1 },
		{ .body = "{", .max_tokens = 1 },
		{ .flags = 0x80000000u, .max_tokens = 1 },
		{ .flags = B3IQ_GEN_DETERMINISTIC, .max_tokens = 1 },
		{ .flags = B3IQ_GEN_PROBES, .max_tokens = 1 },
		{ .flags = B3IQ_GEN_LOGPROBS, .max_tokens = 1, .top_logprobs = 1000 },
	};
	struct b3iq_usage u;
	struct listener   l;
	struct buf        out;

	buf_init(&out, 8u << 20);
	for (size_t i = 0; s->model[0] && i < sizeof asks / sizeof *asks; i++) {
		listener_init(&l, &s->host);
		in_words(subject_generate(s, &asks[i], &l, &u), "generate()");
		listener_finish(&l);
	}
	in_words(subject_models(s, &out), "models()");
	in_words(subject_probe(s, &out), "probe()");
	in_words(subject_load(s, "b3iq-no-such-model"), "load()");
	in_words(subject_unload(s, "b3iq-no-such-model"), "unload()");
	in_words(subject_embed(s, "b3iq-no-such-model", "{", &out, &u), "embed()");
	buf_free(&out);
}

static void
ledger_errors(struct subject *s)
{
	struct b3iq_ledger_op op = { .op = 99, .signer = FAKEHOST_KEY, .amount = "x", .max_fee = "-" };
	struct b3iq_tx        tx;
	struct buf            out;

	buf_init(&out, 8u << 20);
	in_words(subject_quote(s, &op, &tx), "quote()");
	in_words(subject_submit(s, &op, &tx), "submit()");
	for (op.op = 0; op.op <= B3IQ_OP_DISPUTE; op.op++)
		in_words(subject_submit(s, &op, &tx), "submit()");
	in_words(subject_status(s, op.digest, &tx), "status()");
	in_words(subject_query(s, "{", &out), "query()");
	buf_free(&out);
}

static void
auth_errors(struct subject *s)
{
	struct b3iq_auth_request rq = { .scheme = "Bearer", .credential = "nobody", .method = "GET",
		                        .path = "/", .peer = "127.0.0.1",
		                        .now_ms = 1790000000000u };
	struct b3iq_principal    who;

	in_words(subject_authenticate(s, &rq, &who), "authenticate()");
}

static void
every_error_has_text(const struct check *c)
{
	struct subject s;

	subject_open(&s, c);
	if (c->kind == B3IQ_INFERENCE)
		inference_errors(&s);
	else if (c->kind == B3IQ_LEDGER)
		ledger_errors(&s);
	else if (c->kind == B3IQ_AUTH)
		auth_errors(&s);
	subject_close(&s);
}

/* Every upcall that can fail does, in turn: in create(), in each call, in destroy(). */
static void
survives_host_failures(const struct check *c)
{
	static const int32_t codes[] = { B3IQ_E_UNAVAILABLE, B3IQ_E_NO_MEMORY, B3IQ_E_INTERNAL };
	unsigned             n = 0;

	for (bool reached = true; reached && n < UPCALLS;) {
		struct subject s;
		struct reply   r;

		subject_prepare(&s, c);
		n++;
		s.host.fault = (struct fakehost_fault){ .at = n, .code = codes[n % 3] };
		r = subject_try(&s, NULL);
		if (r.rc != B3IQ_OK) { /* the host's table is gone, and its counter with it */
			must(r.err.text[0], "create() returned %s without a word",
			     result_name(r.rc));
			continue;
		}
		smoke(&s);
		reached = atomic_load(&s.host.fallible) >= n;
		s.host.fault.at = 0;
		smoke(&s); /* the failure was the host's and is over */
		subject_close(&s);
	}
}

static void
no_secret_in_log(const struct check *c)
{
	static const char canary[] = "b3iq-check-canary-90af";
	char              body[200];
	struct subject    s;

	subject_open(&s, c);
	smoke(&s);
	if (c->kind == B3IQ_INFERENCE && s.model[0]) {
		struct b3iq_usage u;
		struct listener   l;
		struct reply      r;

		snprintf(body, sizeof body,
		         "{\"messages\":[{\"role\":\"user\",\"content\":\"Repeat: %s\"}]}", canary);
		listener_init(&l, &s.host);
		r = subject_generate(&s, &(struct ask){ .body = body, .max_tokens = 16 }, &l, &u);
		must(!strstr(r.err.text, canary), "its error repeats the prompt");
		listener_finish(&l);
	}
	must(!fakehost_said(&s.host, canary), "its log repeats the prompt");
	json_object_object_foreach(c->secrets, name, value)
	{
		const char *secret = json_object_get_string(value);

		must(strlen(secret) < 4 || !fakehost_said(&s.host, secret),
		     "the secret %s is written to the log", name);
	}
	subject_close(&s);
}

/* stdout belongs to the host: it may be a pipe to somebody's program. */
static void
quiet_descriptors(const struct check *c)
{
	char           file[PATH_SIZE];
	struct buf     said;
	struct subject s;
	FILE          *f;

	snprintf(file, sizeof file, "%s/stdout", c->scratch);
	fflush(stdout);
	f = freopen(file, "w", stdout);
	must(f, "plugin-check: %s cannot be made", file);
	subject_open(&s, c);
	smoke(&s);
	subject_close(&s);
	fflush(stdout);
	buf_init(&said, 1u << 20);
	must(path_read(file, &said, NULL) == B3IQ_OK && said.len == 0, "it writes to stdout");
	buf_free(&said);
}

const struct check_test error_tests[] = {
	{ "every-error-has-text", every_error_has_text, 0, 0, 0,
	  "an error comes with a sentence for the operator, E_BUSY with retry_ms" },
	{ "survives-every-host-failure", survives_host_failures, 0, 0, 120,
	  "each call to the host fails in turn: it says so, and goes on" },
	{ "no-secret-in-log", no_secret_in_log, 0, CHECK_INLINE, 0,
	  "no prompt and no secret in the log" },
	{ "quiet-descriptors", quiet_descriptors, 0, CHECK_INLINE, 0,
	  "it writes nothing to stdout" },
	{ NULL, NULL, 0, 0, 0, NULL },
};
