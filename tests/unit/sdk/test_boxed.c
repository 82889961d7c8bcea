/* boxed.c: in a sandbox child the subject answers as it would inline, out of the fake host's store. */
#include "verdict.h"

#include "../../../sdk/check/boxed.c"
#include "../../../sdk/check/subject.h"
#include "core/base/log.h"
#include "core/plugin/sandbox/child.h"

static struct check
sandboxed(const char *file, uint32_t kind, const char *config)
{
	struct check c = {
		.plugin = getenv(file), .scratch = verdict_dir, .kind = kind, .sandbox = true
	};

	assert_non_null(c.plugin);
	c.config = json_tokener_parse(config);
	return c;
}

static void
test_inference(void **state)
{
	struct check c = sandboxed("SUBJECT", B3IQ_INFERENCE, "{}");
	struct subject s;
	struct listener l;
	struct b3iq_usage use;
	struct reply r;

	(void)state;
	subject_open(&s, &c);
	assert_non_null(s.boxed);
	assert_string_equal(s.model, "echo");
	listener_init(&l, &s.host);
	r = subject_generate(&s, &(struct ask){ .body = "hello", .max_tokens = 4 }, &l, &use);
	assert_int_equal(r.rc, B3IQ_OK);
	assert_string_equal(l.text.data, "hell");
	assert_int_equal(use.output_tokens, 4);
	assert_true(subject_load(&s, "echo").rc == B3IQ_E_UNSUPPORTED);
	listener_finish(&l);
	subject_close(&s);
	assert_null(s.boxed);
	json_object_put(c.config);
}

/* The child has no table of the fake host, and yet what it keeps is kept there. */
static void
test_store_and_signer(void **state)
{
	struct check c = sandboxed("LEDGER", B3IQ_LEDGER, "{}");
	struct b3iq_ledger_op op = { .op = B3IQ_OP_COMMIT,
		                     .signer = FAKEHOST_KEY,
		                     .amount = "0",
		                     .max_fee = "1000",
		                     .extra = "{}" };
	char path[PATH_SIZE];
	struct b3iq_tx tx;
	struct subject s;
	struct reply r;

	(void)state;
	snprintf(path, sizeof path, "%s/ledger", verdict_dir);
	json_object_object_add(c.config, "path", json_object_new_string(path));
	memset(op.key, 1, sizeof op.key);
	subject_open(&s, &c);
	r = subject_submit(&s, &op, &tx);
	if (r.rc != B3IQ_OK)
		fail_msg("submit(): %s", r.err.text);
	assert_int_equal(s.host.calls[FAKE_SIGN], 1);
	assert_int_equal(s.host.calls[FAKE_PUBLIC_KEY], 1);
	assert_true(s.host.calls[FAKE_KV_PUT] > 0);
	assert_true(s.host.calls[FAKE_KV_GET] > 0);
	assert_int_equal(subject_status(&s, op.key, &tx).rc, B3IQ_OK);
	subject_close(&s);
	json_object_put(c.config);
}

static void
test_secrets(void **state)
{
	struct check c = sandboxed("AUTH", B3IQ_AUTH, "{\"tokens\":{\"secret\":\"tokens\"}}");
	struct b3iq_auth_request rq = { .scheme = "Bearer",
		                        .method = "GET",
		                        .path = "/v1/models",
		                        .peer = "127.0.0.1",
		                        .now_ms = 1790000000000 };
	struct b3iq_principal who;
	struct subject s;

	(void)state;
	c.secrets = json_object_new_object();
	json_object_object_add(c.secrets, "tokens",
	                       json_object_new_string("0123456789abcdef alice chat"));
	subject_open(&s, &c);
	rq.credential = "0123456789abcdef";
	assert_int_equal(subject_authenticate(&s, &rq, &who).rc, B3IQ_OK);
	assert_string_equal(who.subject, "alice");
	rq.credential = "0123456789abcdeg";
	assert_int_not_equal(subject_authenticate(&s, &rq, &who).rc, B3IQ_OK);
	subject_close(&s);
	json_object_put(c.config);
	json_object_put(c.secrets);
}

static void
refused(struct check *c, const char *config)
{
	struct fakehost h;
	struct boxed *box = (struct boxed *)&h;
	struct backend be = { 0 };
	struct b3iq_error err = { .size = sizeof err };

	fakehost_init(&h, c, "check");
	assert_int_not_equal(boxed_open(&box, &h, config, &be, &err), B3IQ_OK);
	assert_null(box);
	assert_null(be.self);
	assert_true(err.text[0]);
	fakehost_finish(&h);
}

static void
test_refusals(void **state)
{
	struct check c = sandboxed("LEDGER", B3IQ_LEDGER, "{}");

	(void)state;
	refused(&c, "{\"path\":\"/none/such/folder/ledger\"}");
	c.plugin = "/none/such.so";
	refused(&c, "{}");
	boxed_close(NULL);
	json_object_put(c.config);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inference),
		cmocka_unit_test(test_store_and_signer),
		cmocka_unit_test(test_secrets),
		cmocka_unit_test(test_refusals),
	};

	if (argc > 1 && strcmp(argv[1], PLUGIN_CHILD_FLAG) == 0)
		return plugin_child_main(argc, argv);
	if (!getenv("SUBJECT")) {
		fputs("SUBJECT names no plugin: run this by ctest\n", stderr);
		return 77;
	}
	log_setup(B3IQ_LOG_ERROR + 1, LOG_TEXT);
	return cmocka_run_group_tests(tests, verdict_setup, verdict_teardown);
}
