/* Every allocation of the files' part failed in turn: a wallet is there whole, or not at all. */
#include "unit.h"

#include "../torture.h"
#include "core/crypto/secret.h"
#include "wallet/import.h"

static struct home home;

/* In memory where that can be had: thousands of lives, each with its fsyncs. */
static void
make_home(void)
{
	char dir[] = "/dev/shm/b3iq-torture-XXXXXX";
	struct b3iq_error err = NO_ERR;

	if (mkdtemp(dir))
		assert_ok(home_open(&home, dir, &err), err);
	else
		unit_home(&home);
}

static int32_t
life(void *arg)
{
	struct keystore ks;
	struct keystore_entry e;
	struct ed25519_key *key = NULL;
	struct buf text;
	uint8_t seed[32];
	int32_t rc = keystore_open(&ks, &home, NULL);

	(void)arg;
	ks.n = 16;
	buf_init(&text, KEYSTORE_FILE_MAX);
	(void)keystore_delete(&ks, "w", NULL); /* what the fault before left */
	if (rc == B3IQ_OK)
		rc = keystore_create(&ks, "w", PASSWORD, &e, NULL);
	if (rc == B3IQ_OK)
		rc = keystore_read(&ks, "w", &e, NULL);
	if (rc == B3IQ_OK)
		rc = keystore_unlock(&e, PASSWORD, &key, NULL);
	if (rc == B3IQ_OK)
		rc = keystore_password(&ks, "w", PASSWORD, "another password", NULL);
	if (rc == B3IQ_OK)
		rc = keystore_export(&ks, "w", &text, NULL);
	if (rc == B3IQ_OK)
		rc = import_seed(text.data, text.len, "another password", seed, NULL);
	if (rc == B3IQ_OK)
		rc = keystore_delete(&ks, "w", NULL);
	ed25519_free(key);
	buf_free(&text);
	return rc;
}

static int32_t
see(void *arg, const char *name, const struct keystore_entry *e, const struct b3iq_error *why)
{
	(void)arg;
	(void)name;
	(void)why;
	return e ? B3IQ_OK : B3IQ_E_NO_MEMORY; /* a list tells of a wallet that it could not read */
}

static int32_t
listing(void *arg)
{
	struct keystore ks;
	const int32_t rc = keystore_open(&ks, &home, NULL);

	return rc == B3IQ_OK ? keystore_each(&ks, see, arg, NULL) : rc;
}

static void
test_life(void **state)
{
	(void)state;
	(void)secret_heap(); /* once a process: not part of what fails */
	make_home();
	torture("wallet", life, NULL, B3IQ_E_INTERNAL); /* OpenSSL without its cipher */
	unit_home_end(&home);
}

static void
test_list(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct keystore_entry e;
	struct keystore ks;

	(void)state;
	make_home();
	unit_keystore(&home, &ks);
	assert_ok(keystore_create(&ks, "a", PASSWORD, &e, &err), err);
	torture("wallets", listing, NULL, B3IQ_E_UNAVAILABLE);
	unit_home_end(&home);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_life),
		                            cmocka_unit_test(test_list) };

	return cmocka_run_group_tests_name("wallet/torture", tests, NULL, NULL);
}
