/* fakehost.c: it keeps what it is told, breaks when it is told to, and sees a broken rule. */
#include "verdict.h"

#include "../../../sdk/check/fakehost.c"

static struct check the_check = { .scratch = verdict_dir };

static void
begin(struct fakehost *h)
{
	fakehost_init(h, &the_check, "check");
	atomic_store(&h->inside, 1);
}

static int32_t
put(struct fakehost *h, const char *key, const char *value)
{
	return h->table->kv_put(h->table->ctx, key, value, strlen(value));
}

/* The value as a string, which the next call overwrites. */
static int32_t
get(struct fakehost *h, const char *key, char value[64])
{
	struct fakehost_writer w;
	int32_t rc;

	fakehost_writer_init(&w, h, 63);
	rc = h->table->kv_get(h->table->ctx, key, &w.writer);
	snprintf(value, 64, "%.*s", (int)w.data.len, w.data.len ? w.data.data : "");
	buf_free(&w.data);
	return rc;
}

static void
test_table(void **state)
{
	struct fakehost h;
	struct check boxed = { .scratch = verdict_dir, .sandbox = true };
	struct stat st;

	(void)state;
	begin(&h);
	assert_int_equal(h.table->size, sizeof *h.table + 64); /* a host of the next minor */
	assert_int_equal(((unsigned char *)h.table)[sizeof *h.table], 0xa5);
	assert_int_equal(h.table->abi, B3IQ_ABI);
	assert_string_equal(h.table->instance, "check");
	assert_int_equal(stat(h.table->state_dir, &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_null(h.table->extension(h.table->ctx, "any"));
	assert_int_equal(h.calls[FAKE_EXTENSION], 1);
	fakehost_finish(&h);
	fakehost_init(&h, &boxed, "check");
	assert_int_equal(h.table->size, sizeof *h.table);
	fakehost_finish(&h);
}

static void
test_key_value(void **state)
{
	struct fakehost h;
	char value[64];

	(void)state;
	begin(&h);
	assert_int_equal(get(&h, "a", value), B3IQ_E_NOT_FOUND);
	assert_int_equal(put(&h, "a", "one"), B3IQ_OK);
	assert_int_equal(put(&h, "../b/\n", "two"), B3IQ_OK); /* any key will do */
	assert_int_equal(put(&h, "a", "three"), B3IQ_OK);
	fakehost_finish(&h);
	begin(&h); /* and a later host finds it */
	assert_int_equal(get(&h, "a", value), B3IQ_OK);
	assert_string_equal(value, "three");
	assert_int_equal(get(&h, "../b/\n", value), B3IQ_OK);
	assert_string_equal(value, "two");
	assert_int_equal(put(&h, "a", ""), B3IQ_OK);
	assert_int_equal(get(&h, "a", value), B3IQ_E_NOT_FOUND);
	assert_int_equal(put(&h, "a", ""), B3IQ_OK); /* absent already */
	assert_int_equal(h.table->kv_put(h.table->ctx, "a", "", VALUE_MAX + 1), B3IQ_E_INVALID);
	assert_int_equal(h.calls[FAKE_KV_GET], 3);
	assert_int_equal(h.calls[FAKE_KV_PUT], 3);
	assert_int_equal(h.calls[FAKE_WRITE], 2);
	fakehost_finish(&h);
}

static void
test_breaks_at_the_nth(void **state)
{
	struct fakehost h;
	char value[64];

	(void)state;
	begin(&h);
	h.fault = (struct fakehost_fault){ .at = 3, .code = B3IQ_E_UNAVAILABLE };
	assert_int_equal(put(&h, "n", "1"), B3IQ_OK);
	h.table->log(h.table->ctx, B3IQ_LOG_INFO, "cannot fail, so it does not count");
	h.table->metric(h.table->ctx, B3IQ_GAUGE, "nor_does_it", 1);
	assert_int_equal(put(&h, "n", "2"), B3IQ_OK);
	assert_int_equal(put(&h, "n", "3"), B3IQ_E_UNAVAILABLE); /* and does nothing */
	assert_int_equal(get(&h, "n", value), B3IQ_OK);          /* once only */
	assert_string_equal(value, "2");
	assert_int_equal(h.fallible, 5);
	fakehost_finish(&h);
}

static void
lose_power(void *arg)
{
	struct fakehost h;

	begin(&h);
	h.fault = (struct fakehost_fault){ .at = *(unsigned *)arg, .die = true };
	put(&h, "p", "1");
	put(&h, "q", "2");
	put(&h, "r", "3");
}

static void
test_power_loss(void **state)
{
	struct fakehost h;
	unsigned at = 2;
	char value[64];

	(void)state;
	assert_int_equal(verdict(lose_power, &at), CHECK_PASSED); /* but says nothing */
	assert_string_equal(verdict_reason, "");
	begin(&h);
	assert_int_equal(get(&h, "p", value), B3IQ_OK);
	assert_int_equal(get(&h, "q", value), B3IQ_OK); /* the work was done, the answer lost */
	assert_string_equal(value, "2");
	assert_int_equal(get(&h, "r", value), B3IQ_E_NOT_FOUND);
	fakehost_finish(&h);
	at = 4;
	assert_int_equal(verdict(lose_power, &at), VERDICT_RETURNED);
}

static void
test_secrets(void **state)
{
	struct check c = { .scratch = verdict_dir };
	struct fakehost h;
	struct fakehost_writer w;

	(void)state;
	c.secrets = json_object_new_object();
	json_object_object_add(c.secrets, "token", json_object_new_string("s3cret"));
	fakehost_init(&h, &c, "check");
	atomic_store(&h.inside, 1);
	fakehost_writer_init(&w, &h, 64);
	assert_int_equal(h.table->secret(h.table->ctx, "none", &w.writer), B3IQ_E_NOT_FOUND);
	assert_int_equal(w.data.len, 0);
	assert_int_equal(h.table->secret(h.table->ctx, "token", &w.writer), B3IQ_OK);
	assert_string_equal(w.data.data, "s3cret");
	buf_free(&w.data);
	fakehost_finish(&h);
	json_object_put(c.secrets);
}

static bool
verifies(const char *message, const struct buf *raw, const struct buf *sig)
{
	EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL,
	                                            (const uint8_t *)raw->data, raw->len);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool good;

	good = EVP_DigestVerifyInit(md, NULL, NULL, NULL, key) == 1 &&
	       EVP_DigestVerify(md, (const uint8_t *)sig->data, sig->len,
	                        (const uint8_t *)message, strlen(message)) == 1;
	EVP_MD_CTX_free(md);
	EVP_PKEY_free(key);
	return good;
}

static void
test_signs_in_submit(void **state)
{
	struct fakehost h;
	struct fakehost_writer w, key;
	const struct b3iq_host *t;

	(void)state;
	begin(&h);
	t = h.table;
	fakehost_writer_init(&w, &h, 64);
	fakehost_writer_init(&key, &h, 64);
	/* The public key is there before and outside of any submit(). */
	assert_int_equal(t->public_key(t->ctx, FAKEHOST_KEY, "ed25519", &key.writer), B3IQ_OK);
	h.submits = 1;
	snprintf(h.signer, sizeof h.signer, FAKEHOST_KEY);
	assert_int_equal(t->sign(t->ctx, FAKEHOST_KEY, "rsa", "pay alice", 9, &w.writer),
	                 B3IQ_E_UNSUPPORTED);
	assert_int_equal(t->sign(t->ctx, FAKEHOST_KEY, "ed25519", "pay alice", 9, &w.writer), B3IQ_OK);
	assert_true(verifies("pay alice", &key.data, &w.data));
	assert_false(verifies("pay bob", &key.data, &w.data));
	buf_free(&w.data);
	buf_free(&key.data);
	fakehost_finish(&h);
}

static void
test_keys_have_limits(void **state)
{
	static const char message[B3IQ_SIGN_MAX + 1];
	struct fakehost h;
	struct fakehost_writer w;
	const struct b3iq_host *t;

	(void)state;
	begin(&h);
	t = h.table;
	h.submits = 1;
	snprintf(h.signer, sizeof h.signer, FAKEHOST_KEY);
	fakehost_writer_init(&w, &h, 64);
	assert_int_equal(t->sign(t->ctx, FAKEHOST_KEY, "ed25519", NULL, 0, &w.writer), B3IQ_E_INVALID);
	assert_int_equal(t->sign(t->ctx, FAKEHOST_KEY, "ed25519", message, sizeof message, &w.writer),
	                 B3IQ_E_INVALID);
	assert_int_equal(t->public_key(t->ctx, "alice", "ed25519", &w.writer), B3IQ_E_DENIED);
	assert_int_equal(t->public_key(t->ctx, FAKEHOST_KEY, "rsa", &w.writer), B3IQ_E_UNSUPPORTED);
	assert_int_equal(t->public_key(t->ctx, FAKEHOST_KEY, NULL, &w.writer), B3IQ_E_INVALID);
	assert_int_equal(t->public_key(t->ctx, NULL, "ed25519", &w.writer), B3IQ_E_INVALID);
	assert_int_equal(w.data.len, 0);
	/* Both break on demand. */
	h.fault = (struct fakehost_fault){ .at = h.fallible + 1, .code = B3IQ_E_UNAVAILABLE };
	assert_int_equal(t->sign(t->ctx, FAKEHOST_KEY, "ed25519", message, 1, &w.writer),
	                 B3IQ_E_UNAVAILABLE);
	h.fault.at = h.fallible + 1;
	assert_int_equal(t->public_key(t->ctx, FAKEHOST_KEY, "ed25519", &w.writer), B3IQ_E_UNAVAILABLE);
	assert_int_equal(h.calls[FAKE_SIGN], 3);
	assert_int_equal(h.calls[FAKE_PUBLIC_KEY], 5);
	buf_free(&w.data);
	fakehost_finish(&h);
}

static void
test_words_are_kept(void **state)
{
	struct fakehost h;

	(void)state;
	begin(&h);
	assert_false(fakehost_said(&h, "x"));
	h.table->log(h.table->ctx, B3IQ_LOG_WARN, "the prompt is tell-tale");
	h.table->metric(h.table->ctx, B3IQ_COUNTER, "requests_total", 1);
	assert_true(fakehost_said(&h, "tell-tale"));
	assert_true(fakehost_said(&h, "requests_total"));
	assert_false(fakehost_said(&h, "tell-tales"));
	assert_int_equal(h.calls[FAKE_LOG], 1);
	assert_int_equal(h.calls[FAKE_METRIC], 1);
	fakehost_finish(&h);
}

static void
test_writer(void **state)
{
	struct fakehost h;
	struct fakehost_writer w;

	(void)state;
	begin(&h);
	fakehost_writer_init(&w, &h, 4);
	assert_int_equal(w.writer.write(&w.writer, "abc", 3), B3IQ_OK);
	assert_int_equal(w.refused, 0);
	assert_int_not_equal(w.writer.write(&w.writer, "de", 2), B3IQ_OK); /* over its maximum */
	assert_int_equal(w.data.len, 3);
	buf_free(&w.data);
	fakehost_writer_init(&w, &h, 4);
	h.fault = (struct fakehost_fault){ .at = 3, .code = B3IQ_E_INTERNAL };
	assert_int_equal(w.writer.write(&w.writer, "abc", 3), B3IQ_E_INTERNAL);
	assert_int_equal(w.refused, B3IQ_E_INTERNAL);
	assert_int_equal(w.data.len, 0);
	buf_free(&w.data);
	fakehost_finish(&h);
}

/* ---- rules -------------------------------------------------------------- */

enum rule {
	LOG_LEVEL,
	LOG_NULL,
	LOG_LINES,
	LOG_BYTES,
	METRIC_TYPE,
	METRIC_SHRINKS,
	METRIC_NAME,
	KV_OUTSIDE,
	KEY_EMPTY,
	KEY_LONG,
	SIGN_EARLY,
	SIGN_OTHER,
	WRITE_ON,
	RULES
};

static void
break_writer(struct fakehost *h)
{
	struct fakehost_writer w;

	fakehost_writer_init(&w, h, 8);
	h->fault = (struct fakehost_fault){ .at = 1, .code = B3IQ_E_INTERNAL };
	w.writer.write(&w.writer, "a", 1);
	w.writer.write(&w.writer, "b", 1);
}

static void
break_signer(struct fakehost *h, enum rule rule)
{
	struct fakehost_writer w;

	fakehost_writer_init(&w, h, 64);
	h->submits = rule == SIGN_OTHER;
	snprintf(h->signer, sizeof h->signer, "alice");
	h->table->sign(h->table->ctx, rule == SIGN_OTHER ? "bob" : "alice", "ed25519", "pay", 3,
	               &w.writer);
}

static void
break_rule(void *arg)
{
	const enum rule rule = *(enum rule *)arg;
	struct fakehost h;
	const struct b3iq_host *t;
	char key[257] = "";

	begin(&h);
	t = h.table;
	memset(key, 'k', 256);
	switch (rule) {
	case LOG_LEVEL:
		t->log(t->ctx, B3IQ_LOG_ERROR + 1, "a");
		break;
	case LOG_NULL:
		t->log(t->ctx, B3IQ_LOG_INFO, NULL);
		break;
	case LOG_LINES:
		t->log(t->ctx, B3IQ_LOG_INFO, "a\nb");
		break;
	case LOG_BYTES:
		t->log(t->ctx, B3IQ_LOG_INFO, "\xff");
		break;
	case METRIC_TYPE:
		t->metric(t->ctx, 99, "a", 1);
		break;
	case METRIC_SHRINKS:
		t->metric(t->ctx, B3IQ_COUNTER, "a", -1);
		break;
	case METRIC_NAME:
		t->metric(t->ctx, B3IQ_GAUGE, "No-name", 1);
		break;
	case KV_OUTSIDE:
		atomic_store(&h.inside, 0);
		put(&h, "outside", "a");
		break;
	case KEY_EMPTY:
		put(&h, "", "a");
		break;
	case KEY_LONG:
		put(&h, key, "a");
		break;
	case SIGN_EARLY:
	case SIGN_OTHER:
		break_signer(&h, rule);
		break;
	case WRITE_ON:
		break_writer(&h);
		break;
	case RULES:
		put(&h, key + 1, "255 bytes are fine");
		break;
	}
	fakehost_wrong(&h, rule == RULES ? "" : "a later one, which is not told");
	fakehost_finish(&h);
}

static void
test_rules(void **state)
{
	static const char *const reasons[RULES] = {
		"a level that is none", "one line of UTF-8",   "one line of UTF-8",
		"one line of UTF-8",    "a type that is none", "a counter only grows",
		"a name is [a-z0-9_]+", "outside of any call", "1 to 255 bytes",
		"1 to 255 bytes",       "outside of submit()", "another key than the op's signer",
		"after it had failed",
	};
	enum rule rule;

	(void)state;
	for (rule = 0; rule < RULES; rule++)
		assert_refused(break_rule, &rule, reasons[rule]);
	assert_int_equal(verdict(break_rule, &rule), VERDICT_RETURNED);
}

static void
log_afterwards(void *arg)
{
	struct fakehost h;
	struct b3iq_host *t;

	(void)arg;
	begin(&h);
	t = h.table;
	fakehost_finish(&h);
	t->log(&h, B3IQ_LOG_INFO, "kept too long");
}

static void
test_table_is_taken_away(void **state)
{
	(void)state;
	assert_int_equal(verdict(log_afterwards, NULL), VERDICT_CRASHED + SIGSEGV);
}

/* ---- threads ------------------------------------------------------------ */

static void *
talk(void *arg)
{
	struct fakehost *h = arg;

	for (int i = 0; i < 200; i++) {
		char value[64];

		h->table->log(h->table->ctx, B3IQ_LOG_INFO, "word");
		get(h, "nobody", value);
	}
	return NULL;
}

static void
test_any_thread(void **state)
{
	struct fakehost h;
	pthread_t threads[4];

	(void)state;
	begin(&h);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, talk, &h), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(h.calls[FAKE_LOG], 800);
	assert_int_equal(h.calls[FAKE_KV_GET], 800);
	assert_int_equal(h.fallible, 800);
	assert_int_equal(h.said.len, 800 * strlen("word\n"));
	fakehost_finish(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_key_value),
		cmocka_unit_test(test_breaks_at_the_nth),
		cmocka_unit_test(test_power_loss),
		cmocka_unit_test(test_secrets),
		cmocka_unit_test(test_signs_in_submit),
		cmocka_unit_test(test_keys_have_limits),
		cmocka_unit_test(test_words_are_kept),
		cmocka_unit_test(test_writer),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_table_is_taken_away),
		cmocka_unit_test(test_any_thread),
	};

	return cmocka_run_group_tests(tests, verdict_setup, verdict_teardown);
}
