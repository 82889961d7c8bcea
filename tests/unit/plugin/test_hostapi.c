#include "live.h"
#include "../torture.h"

#include "core/plugin/load/hostapi.c"

struct store { /* of one key                                                     */
	char key[HOSTAPI_KEY_MAX + 1], value[64];
	size_t len;
	int signatures;
	size_t message_len; /* of the last of them */
};

static int32_t
store_get(void *ctx, const char *instance, const char *key, struct b3iq_writer *out)
{
	const struct store *s = ctx;

	assert_string_equal(instance, "test");
	return strcmp(s->key, key) == 0 ? out->write(out, s->value, s->len) : B3IQ_E_NOT_FOUND;
}

static int32_t
store_put(void *ctx, const char *instance, const char *key, const void *value, size_t len)
{
	struct store *s = ctx;

	assert_string_equal(instance, "test");
	snprintf(s->key, sizeof s->key, "%s", key);
	memcpy(s->value, value, len < sizeof s->value ? len : sizeof s->value);
	s->len = len;
	return B3IQ_OK;
}

static int32_t
store_sign(void *ctx, const char *instance, const char *key, const char *alg,
           const void *message, size_t len, struct b3iq_writer *sig)
{
	struct store *s = ctx;

	(void)instance, (void)key, (void)alg;
	s->signatures++;
	s->message_len = len;
	return len > 0 ? sig->write(sig, message, len < 32 ? len : 32) : B3IQ_OK;
}

static int32_t
store_public_key(void *ctx, const char *instance, const char *key, const char *alg,
                 struct b3iq_writer *out)
{
	(void)ctx;
	assert_string_equal(instance, "test");
	assert_string_equal(alg, "ed25519");
	return out->write(out, key, strlen(key));
}

static const char *const signers[] = { "hot", "warm", NULL };

static struct hostapi *
make(struct store *s, bool with_services)
{
	const struct hostapi_services services = { .ctx = s, .kv_get = store_get, .kv_put = store_put,
	                                           .sign = store_sign,
	                                           .public_key = store_public_key };
	const struct hostapi_options o = { .instance = "test", .state_dir = "/state",
	                                   .secrets_dir = live_dir, .signers = signers,
	                                   .services = with_services ? &services : NULL };
	struct b3iq_error err = NO_ERROR;
	struct hostapi *h;
	const int32_t rc = hostapi_create(&o, &h, &err);

	assert_true(rc == (h != NULL ? B3IQ_OK : B3IQ_E_NO_MEMORY));
	return h;
}

static void
test_sign_only_while_submitting(void **state)
{
	static const char message[B3IQ_SIGN_MAX + 1] = "pay nobody";
	struct store s = { .len = 0 };
	struct hostapi *h = make(&s, true);
	const struct b3iq_host *t = hostapi_table(h);
	struct b3iq_error err = NO_ERROR;
	char longer[NAME_SIZE + 1];
	struct buf sig;

	(void)state;
	buf_init(&sig, 64);
	assert_int_equal(t->sign(t->ctx, "hot", "ed25519", message, 10, &sig.writer), B3IQ_E_DENIED);
	assert_int_equal(hostapi_submit_enter(h, "hot", &err), B3IQ_OK);
	assert_int_equal(t->sign(t->ctx, "hot", "ed25519", message, 10, &sig.writer), B3IQ_OK);
	assert_string_equal(sig.data, message);
	assert_int_equal(t->sign(t->ctx, "warm", "ed25519", message, 10, &sig.writer), B3IQ_E_DENIED);
	assert_int_equal(t->sign(t->ctx, "hot", "rot13", message, 10, &sig.writer),
	                 B3IQ_E_UNSUPPORTED);
	assert_int_equal(t->sign(t->ctx, NULL, "ed25519", message, 10, &sig.writer), B3IQ_E_INVALID);
	/* Two submits with one signer: allowed until the second ends. */
	assert_int_equal(hostapi_submit_enter(h, "hot", &err), B3IQ_OK);
	hostapi_submit_leave(h, "hot");
	assert_int_equal(t->sign(t->ctx, "hot", "secp256k1-keccak256", message, B3IQ_SIGN_MAX,
	                         &sig.writer), B3IQ_OK);
	assert_int_equal(s.message_len, B3IQ_SIGN_MAX); /* the signer sees all of it */
	assert_int_equal(t->sign(t->ctx, "hot", "ed25519", "", 0, &sig.writer), B3IQ_OK);
	assert_int_equal(t->sign(t->ctx, "hot", "ed25519", NULL, 0, &sig.writer), B3IQ_E_INVALID);
	assert_int_equal(t->sign(t->ctx, "hot", "ed25519", message, B3IQ_SIGN_MAX + 1, &sig.writer),
	                 B3IQ_E_INVALID);
	hostapi_submit_leave(h, "hot");
	assert_int_equal(t->sign(t->ctx, "hot", "ed25519", message, 10, &sig.writer), B3IQ_E_DENIED);
	/* The op names a key that the operator did not. */
	assert_int_equal(hostapi_submit_enter(h, "cold", &err), B3IQ_OK);
	assert_int_equal(t->sign(t->ctx, "cold", "ed25519", message, 10, &sig.writer), B3IQ_E_DENIED);
	hostapi_submit_leave(h, "cold");
	assert_int_equal(hostapi_submit_enter(h, NULL, &err), B3IQ_OK);
	hostapi_submit_leave(h, NULL);
	memset(longer, 'k', sizeof longer);
	longer[NAME_SIZE] = '\0';
	assert_int_equal(hostapi_submit_enter(h, longer, &err), B3IQ_E_INVALID);
	for (int i = 0; i < SUBMITS; i++)
		assert_int_equal(hostapi_submit_enter(h, "hot", &err), B3IQ_OK);
	assert_int_equal(hostapi_submit_enter(h, "hot", &err), B3IQ_E_BUSY);
	assert_int_equal(s.signatures, 3);
	buf_free(&sig);
	hostapi_destroy(h);
}

static void
test_public_key_of_named_keys(void **state)
{
	struct store s = { .len = 0 };
	struct hostapi *h = make(&s, true);
	const struct b3iq_host *t = hostapi_table(h);
	struct buf out;

	(void)state;
	buf_init(&out, 64);
	/* No submit() runs, none is needed. */
	assert_int_equal(t->public_key(t->ctx, "warm", "ed25519", &out.writer), B3IQ_OK);
	assert_string_equal(out.data, "warm");
	assert_int_equal(t->public_key(t->ctx, "cold", "ed25519", &out.writer), B3IQ_E_DENIED);
	assert_int_equal(t->public_key(t->ctx, "hot", "rot13", &out.writer), B3IQ_E_UNSUPPORTED);
	assert_int_equal(t->public_key(t->ctx, NULL, "ed25519", &out.writer), B3IQ_E_INVALID);
	assert_int_equal(t->public_key(t->ctx, "hot", NULL, &out.writer), B3IQ_E_INVALID);
	buf_free(&out);
	hostapi_destroy(h);
}

static void
test_kv(void **state)
{
	struct store s = { .len = 0 };
	struct hostapi *h = make(&s, true);
	const struct b3iq_host *t = hostapi_table(h);
	char key[HOSTAPI_KEY_MAX + 2];
	struct buf out;

	(void)state;
	buf_init(&out, 64);
	assert_int_equal(t->kv_put(t->ctx, "a", "value", 5), B3IQ_OK);
	assert_int_equal(t->kv_get(t->ctx, "a", &out.writer), B3IQ_OK);
	assert_string_equal(out.data, "value");
	assert_int_equal(t->kv_get(t->ctx, "b", &out.writer), B3IQ_E_NOT_FOUND);
	assert_int_equal(t->kv_get(t->ctx, "", &out.writer), B3IQ_E_INVALID);
	assert_int_equal(t->kv_get(t->ctx, NULL, &out.writer), B3IQ_E_INVALID);
	assert_int_equal(t->kv_put(t->ctx, "\xff", "v", 1), B3IQ_E_INVALID);
	memset(key, 'k', sizeof key);
	key[HOSTAPI_KEY_MAX + 1] = '\0';
	assert_int_equal(t->kv_put(t->ctx, key, "v", 1), B3IQ_E_INVALID);
	key[HOSTAPI_KEY_MAX] = '\0';
	assert_int_equal(t->kv_put(t->ctx, key, "v", 1), B3IQ_OK);
	assert_int_equal(t->kv_put(t->ctx, "a", "v", HOSTAPI_VALUE_MAX + 1), B3IQ_E_INVALID);
	buf_free(&out);
	hostapi_destroy(h);
}

static void
test_without_services(void **state)
{
	struct hostapi *h = make(NULL, false);
	const struct b3iq_host *t = hostapi_table(h);
	struct buf out;

	(void)state;
	buf_init(&out, 64);
	assert_int_equal(t->kv_get(t->ctx, "a", &out.writer), B3IQ_E_UNAVAILABLE);
	assert_int_equal(t->kv_put(t->ctx, "a", "v", 1), B3IQ_E_UNAVAILABLE);
	hostapi_submit_enter(h, "hot", NULL);
	assert_int_equal(t->sign(t->ctx, "hot", "ed25519", "pay", 3, &out.writer), B3IQ_E_UNAVAILABLE);
	assert_int_equal(t->public_key(t->ctx, "hot", "ed25519", &out.writer), B3IQ_E_UNAVAILABLE);
	assert_int_equal(t->secret(t->ctx, "none", &out.writer), B3IQ_E_NOT_FOUND);
	assert_null(t->extension(t->ctx, "any"));
	assert_string_equal(t->instance, "test");
	assert_string_equal(t->state_dir, "/state");
	assert_int_equal(t->size, sizeof *t);
	hostapi_destroy(h);
}

static void
count_metrics(void *ctx, const char *instance, int32_t type, const char *name, double value)
{
	struct metric *m = ctx;

	(void)instance;
	m->type++;
	if (strcmp(name, m->name) == 0)
		m->value = value + 0 * type;
}

static double
metric_of(struct hostapi *h, const char *name, int *n)
{
	struct metric m = { .value = -1 };

	snprintf(m.name, sizeof m.name, "%s", name);
	hostapi_metrics(h, count_metrics, &m);
	*n = m.type;
	return m.value;
}

static void
test_metrics_are_bounded(void **state)
{
	struct hostapi *h = make(NULL, false);
	const struct b3iq_host *t = hostapi_table(h);
	char name[80];
	int n;

	(void)state;
	t->metric(t->ctx, B3IQ_COUNTER, "tokens", 2);
	t->metric(t->ctx, B3IQ_COUNTER, "tokens", 3);
	t->metric(t->ctx, B3IQ_COUNTER, "tokens", -3); /* counters do not fall */
	t->metric(t->ctx, B3IQ_GAUGE, "tokens", 9);    /* nor change their type */
	assert_true(metric_of(h, "tokens", &n) == 5);
	t->metric(t->ctx, B3IQ_GAUGE, "level", 4);
	t->metric(t->ctx, B3IQ_GAUGE, "level", -1.5);
	assert_true(metric_of(h, "level", &n) == -1.5);
	t->metric(t->ctx, B3IQ_GAUGE, "level", 0.0 / 0.0);
	t->metric(t->ctx, 7, "other", 1);
	t->metric(t->ctx, B3IQ_GAUGE, "Bad-Name", 1);
	t->metric(t->ctx, B3IQ_GAUGE, "", 1);
	t->metric(t->ctx, B3IQ_GAUGE, NULL, 1);
	assert_true(metric_of(h, "level", &n) == -1.5);
	assert_int_equal(n, 2);
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof name, "m%d", i);
		t->metric(t->ctx, B3IQ_GAUGE, name, i);
	}
	metric_of(h, "", &n);
	assert_int_equal(n, HOSTAPI_METRICS);
	hostapi_destroy(h);
}

static void
test_log_is_limited(void **state)
{
	struct hostapi *h = make(NULL, false);
	const struct b3iq_host *t = hostapi_table(h);
	uint64_t dropped;
	int passed = 0;

	(void)state;
	for (int i = 0; i < 10 * HOSTAPI_LOG_BURST; i++)
		passed += log_allowed(h, &dropped);
	assert_true(passed >= HOSTAPI_LOG_BURST && passed < 5 * HOSTAPI_LOG_BURST);
	h->log_at_ms -= 1000; /* a second passes */
	assert_true(log_allowed(h, &dropped));
	assert_true(dropped > 0);
	t->log(t->ctx, 99, "level and \xff bytes that are none");
	t->log(t->ctx, B3IQ_LOG_INFO, NULL);
	hostapi_destroy(h);
}

static void
test_names_are_checked(void **state)
{
	const char *list[HOSTAPI_SIGNERS + 2] = { NULL };
	struct hostapi_options o = { .instance = "Bad Name" };
	struct b3iq_error err = NO_ERROR;
	struct hostapi *h;

	(void)state;
	assert_int_equal(hostapi_create(&o, &h, &err), B3IQ_E_INVALID);
	assert_null(h);
	o.instance = "test";
	o.signers = list;
	for (size_t i = 0; i <= HOSTAPI_SIGNERS; i++)
		list[i] = "key";
	assert_int_equal(hostapi_create(&o, &h, &err), B3IQ_E_INVALID);
	assert_null(h);
	assert_non_null(strstr(err.text, "at most"));
	hostapi_destroy(NULL);
}

static int32_t
scenario(void *arg)
{
	struct hostapi *h = make(arg, true);

	hostapi_destroy(h);
	return h != NULL ? B3IQ_OK : B3IQ_E_NO_MEMORY;
}

static void
test_memory(void **state)
{
	struct store s = { .len = 0 };

	(void)state;
	torture("hostapi", scenario, &s, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sign_only_while_submitting),
		cmocka_unit_test(test_public_key_of_named_keys), cmocka_unit_test(test_kv),
		cmocka_unit_test(test_without_services), cmocka_unit_test(test_metrics_are_bounded),
		cmocka_unit_test(test_log_is_limited), cmocka_unit_test(test_names_are_checked),
		cmocka_unit_test(test_memory),
	};

	log_setup(B3IQ_LOG_ERROR + 1, LOG_TEXT);
	return cmocka_run_group_tests(tests, live_setup, live_teardown);
}
