/* The ledger and auth examples through the tables, inline and sandboxed, with services of ours. */
#include "live.h"

#include "core/plugin/instance/tables.c"

#include <pthread.h>
#include <signal.h>

static const bool both[] = { false, true };
static const char *const signers[] = { "hot", NULL };

struct store { /* a small kv in memory, and a signer                               */
	pthread_mutex_t lock;
	size_t n;
	struct {
		char key[HOSTAPI_KEY_MAX + 1], value[4096];
		size_t len;
	} item[64];
	int signatures, public_keys;
	struct instance *kill_on_put; /* its process dies when something is stored */
};

static int32_t
kv_get(void *ctx, const char *instance, const char *key, struct b3iq_writer *out)
{
	struct store *s = ctx;
	int32_t rc = B3IQ_E_NOT_FOUND;

	(void)instance;
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->item[i].key, key) == 0)
			rc = out->write(out, s->item[i].value, s->item[i].len);
	pthread_mutex_unlock(&s->lock);
	return rc;
}

static int32_t
kv_put(void *ctx, const char *instance, const char *key, const void *value, size_t len)
{
	struct instance_status st;
	struct store *s = ctx;
	size_t i = 0;

	(void)instance;
	pthread_mutex_lock(&s->lock);
	while (i < s->n && strcmp(s->item[i].key, key) != 0)
		i++;
	assert_true(i < 64 && len <= sizeof s->item[i].value);
	snprintf(s->item[i].key, sizeof s->item[i].key, "%s", key);
	memcpy(s->item[i].value, value, len);
	s->item[i].len = len;
	s->n += i == s->n;
	pthread_mutex_unlock(&s->lock);
	if (s->kill_on_put != NULL) {
		instance_status(s->kill_on_put, &st);
		kill(st.pid, SIGKILL);
	}
	return B3IQ_OK;
}

static int32_t
sign(void *ctx, const char *instance, const char *key, const char *alg, const void *message,
     size_t len, struct b3iq_writer *sig)
{
	static const char subject[] = "\"digest\":\"0900";
	struct store *s = ctx;

	assert_string_equal(instance, "test");
	assert_string_equal(key, "hot");
	assert_string_equal(alg, "ed25519");
	/* What is to be signed lies open. */
	assert_non_null(memmem(message, len, subject, sizeof subject - 1));
	s->signatures++;
	return sig->write(sig, "a signature", 11);
}

static int32_t
public_key(void *ctx, const char *instance, const char *key, const char *alg,
           struct b3iq_writer *out)
{
	struct store *s = ctx;

	assert_string_equal(instance, "test");
	assert_string_equal(key, "hot");
	assert_string_equal(alg, "ed25519");
	s->public_keys++;
	return out->write(out, "a public key", 12);
}

static struct b3iq_ledger_op
commit_op(uint8_t key, const char *signer)
{
	return (struct b3iq_ledger_op){ .size = sizeof(struct b3iq_ledger_op), .op = B3IQ_OP_COMMIT,
	                                .key = { key }, .digest = { 9 }, .signer = signer };
}

/* Outside of submit() nothing is signed, not even with a key that the operator named. */
static void
assert_signs_nothing(struct instance *i)
{
	const struct b3iq_host *host = hostapi_table(instance_api(i));
	struct buf out;

	buf_init(&out, 1024);
	assert_int_equal(host->sign(host->ctx, "hot", "ed25519", "m", 1, &out.writer), B3IQ_E_DENIED);
	assert_int_equal(out.len, 0);
	buf_free(&out);
}

static void
ledger_with(bool run_inline)
{
	struct store s = { .lock = PTHREAD_MUTEX_INITIALIZER };
	const struct hostapi_services services = { .ctx = &s, .kv_get = kv_get, .kv_put = kv_put,
	                                           .sign = sign, .public_key = public_key };
	char config[PATH_MAX + 64];
	struct instance_options o;
	struct b3iq_ledger_op op = commit_op(1, "hot");
	struct b3iq_tx tx = { .size = sizeof tx }, again = { .size = sizeof again };
	struct b3iq_error err = NO_ERROR;
	const struct b3iq_ledger *t;
	struct instance *i;
	struct buf out;

	snprintf(config, sizeof config, "{\"path\":\"%s/ledger-%d\",\"fee\":\"7\"}", live_dir, run_inline);
	o = live_options(LEDGER, config, run_inline);
	o.services = &services;
	o.signers = signers;
	i = live_ready(&o);
	t = instance_ledger(i);
	assert_non_null(t);
	assert_null(instance_inference(i));
	assert_true(instance_ledger_ops(i) & 1u << B3IQ_OP_COMMIT);
	assert_int_equal(t->quote(i, &op, &tx, &err), B3IQ_OK);
	assert_string_equal(tx.fee, "7");
	if (t->submit(i, &op, &tx, &err) != B3IQ_OK)
		fail_msg("%s", err.text);
	assert_int_equal(s.signatures, 1);
	assert_int_equal(s.public_keys, 1);
	assert_signs_nothing(i);
	assert_int_equal(t->submit(i, &op, &again, &err), B3IQ_OK); /* the same key */
	assert_string_equal(tx.ref, again.ref);
	assert_int_equal(t->status(i, op.key, &again, &err), B3IQ_OK);
	assert_int_equal(again.state, B3IQ_TX_FINAL);
	/* A key that the operator did not name: the host refuses, the plugin passes it on. */
	op = commit_op(2, "cold");
	assert_int_equal(t->submit(i, &op, &tx, &err), B3IQ_E_DENIED);
	buf_init(&out, 65536);
	assert_int_equal(t->query(i, "{\"what\":\"no-such-question\"}", &out.writer, &err) < 0, 1);
	/* A result struct of an older caller is filled as far as it reaches. */
	memset(&again, 0x55, sizeof again);
	again.size = offsetof(struct b3iq_tx, height);
	op = commit_op(1, "hot");
	assert_int_equal(t->status(i, op.key, &again, &err), B3IQ_OK);
	assert_int_equal(again.state, B3IQ_TX_FINAL);
	assert_true(again.height == 0x5555555555555555u);
	buf_free(&out);
	live_close(i);
}

static void
test_ledger(void **state)
{
	(void)state;
	for (size_t k = 0; k < 2; k++)
		ledger_with(both[k]);
}

/* The process dies inside submit(): the outcome is unknown, status() knows after the restart. */
static void
test_submit_that_dies(void **state)
{
	struct store s = { .lock = PTHREAD_MUTEX_INITIALIZER };
	const struct hostapi_services services = { .ctx = &s, .kv_get = kv_get, .kv_put = kv_put,
	                                           .sign = sign, .public_key = public_key };
	char config[PATH_MAX + 64];
	struct instance_options o;
	const struct b3iq_ledger_op op = commit_op(3, "hot");
	struct b3iq_tx tx = { .size = sizeof tx };
	struct b3iq_error err = NO_ERROR;
	struct instance *i;

	(void)state;
	snprintf(config, sizeof config, "{\"path\":\"%s/ledger-dies\"}", live_dir);
	o = live_options(LEDGER, config, false);
	o.services = &services;
	o.signers = signers;
	i = live_ready(&o);
	s.kill_on_put = i;
	assert_int_equal(tables_ledger.submit(i, &op, &tx, &err), B3IQ_E_UNKNOWN_OUTCOME);
	assert_signs_nothing(i);
	s.kill_on_put = NULL;
	assert_int_equal(tables_ledger.status(i, op.key, &tx, &err), B3IQ_OK); /* the next life */
	assert_int_equal(tables_ledger.submit(i, &op, &tx, &err), B3IQ_OK);
	assert_int_equal(s.signatures, 1); /* it had signed and stored it in its former life */
	live_close(i);
}

static void
test_auth(void **state)
{
	char secrets[PATH_MAX], file[PATH_MAX + 16];
	FILE *f;

	(void)state;
	snprintf(secrets, sizeof secrets, "%s/secrets", live_dir);
	mkdir(secrets, 0700);
	snprintf(file, sizeof file, "%s/tokens", secrets);
	f = fopen(file, "w");
	fputs("0123456789abcdef0123 alice chat,models.read\n", f);
	fclose(f);
	chmod(file, 0600);
	for (size_t k = 0; k < 2; k++) {
		struct instance_options o = live_options(AUTH, NULL, both[k]);
		struct b3iq_auth_request q = { .size = sizeof q, .scheme = "Bearer",
		                               .credential = "0123456789abcdef0123", .now_ms = 1000 };
		struct b3iq_principal who = { .size = sizeof who };
		struct b3iq_error err = NO_ERROR;
		const struct b3iq_auth *t;
		struct instance *i;
		struct buf a, b;
		uint32_t next = 0;

		o.secrets_dir = secrets;
		i = live_ready(&o);
		t = instance_auth(i);
		if (t->authenticate(i, &q, &who, &err) != B3IQ_OK)
			fail_msg("%s", err.text);
		assert_string_equal(who.subject, "alice");
		assert_string_equal(who.scopes, "chat models.read");
		q.scheme = "Basic";
		assert_int_equal(t->authenticate(i, &q, &who, &err), B3IQ_DECLINED);
		q.scheme = NULL;
		q.credential = NULL;
		assert_int_equal(t->authenticate(i, &q, &who, &err), B3IQ_DECLINED);
		buf_init(&a, 100);
		buf_init(&b, 100);
		assert_int_equal(t->login(i, "", "{}", &next, &a.writer, &b.writer, &who, &err),
		                 B3IQ_E_UNSUPPORTED);
		live_close(i);
	}
}

/* The tables are for one kind each. */
static void
test_wrong_kind(void **state)
{
	const struct instance_options o = live_options(ECHO, NULL, false);
	struct instance *i = live_ready(&o);
	struct b3iq_error err = NO_ERROR;
	struct b3iq_tx tx = { .size = sizeof tx };
	const uint8_t key[32] = { 0 };

	(void)state;
	assert_int_equal(tables_ledger.status(i, key, &tx, &err), B3IQ_E_UNSUPPORTED);
	assert_non_null(strstr(err.text, "ledger"));
	live_close(i);
}

/* A replay of ids that are not there is refused before the plugin is asked. */
static void
test_replay_of_nothing(void **state)
{
	const struct instance_options o = live_options(ECHO, NULL, true);
	const struct b3iq_gen_request q = { .size = sizeof q, .model = "echo", .body = "x", .body_len = 1 };
	struct instance *i = live_ready(&o);
	struct b3iq_usage use = { .size = sizeof use };
	struct b3iq_error err = NO_ERROR;
	struct live_sink s;

	(void)state;
	live_sink_init(&s);
	assert_int_equal(tables_replay.replay(i, &q, NULL, 3, &s.sink, &use, &err), B3IQ_E_INVALID);
	assert_int_equal(tables_replay.replay(i, &q, NULL, 0, &s.sink, &use, &err), B3IQ_E_UNSUPPORTED);
	live_close(i);
}

/* What a plugin may say: the closed list, DECLINED if it is asked who somebody is, never DIED. */
static void
test_codes(void **state)
{
	struct backend inference = { .kind = B3IQ_INFERENCE }, auth = { .kind = B3IQ_AUTH };
	struct roster_run run = { .remote = NULL };
	struct guard g = { .backend = &inference };

	(void)state;
	g.call.run = &run;
	assert_int_equal(known(&g, B3IQ_OK), B3IQ_OK);
	assert_int_equal(known(&g, B3IQ_E_BUSY), B3IQ_E_BUSY);
	assert_int_equal(known(&g, B3IQ_DECLINED), B3IQ_E_INTERNAL);
	assert_int_equal(known(&g, B3IQ_E_DIED), B3IQ_E_INTERNAL);
	assert_int_equal(known(&g, 4711), B3IQ_E_INTERNAL);
	assert_int_equal(known(&g, -4711), B3IQ_E_INTERNAL);
	g.backend = &auth;
	assert_int_equal(known(&g, B3IQ_DECLINED), B3IQ_DECLINED);
}

static void
test_struct_sizes(void **state)
{
	struct b3iq_usage from = { .size = sizeof from, .stop = 1, .output_tokens = 5 };
	struct b3iq_usage to;
	struct {
		struct b3iq_usage known;
		char future[16];
	} newer;

	(void)state;
	memset(&newer, 0x55, sizeof newer);
	newer.known.size = sizeof newer;
	copy_out(&newer, &from, sizeof from);
	assert_int_equal(newer.known.size, sizeof newer);
	assert_int_equal(newer.known.output_tokens, 5);
	assert_int_equal(newer.future[0], 0x55);
	memset(&to, 0x55, sizeof to);
	to.size = 0;
	copy_out(&to, &from, sizeof from);
	assert_int_equal(to.stop, 0x55555555);
	from.size = 8;
	copy_in(&to, sizeof to, &from);
	assert_int_equal(to.size, sizeof to);
	assert_int_equal(to.stop, 1);
	assert_int_equal(to.output_tokens, 0);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ledger), cmocka_unit_test(test_submit_that_dies),
		cmocka_unit_test(test_auth), cmocka_unit_test(test_wrong_kind),
		cmocka_unit_test(test_replay_of_nothing), cmocka_unit_test(test_codes),
		cmocka_unit_test(test_struct_sizes),
	};

	LIVE_MAIN(argc, argv);
	return cmocka_run_group_tests(tests, live_setup, live_teardown);
}
