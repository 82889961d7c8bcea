/* import.c: the same seed from every form that people have it in. */
#include "unit.h"

#include "wallet/import.c"

static const char hex[] = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";

static void
refused(const char *text, const char *password, int32_t want, const char *why)
{
	struct b3iq_error err = NO_ERR;
	uint8_t seed[32];
	const int32_t rc = import_seed(text, strlen(text), password, seed, &err);

	if (rc != want || !strstr(err.text, why))
		fail_msg("%s: %d %s", text, (int)rc, err.text);
}

static void
test_hex(void **state)
{
	uint8_t seed[32], want[32];
	char text[80];
	size_t i;

	(void)state;
	assert_true(hex_decode(hex, 64, want, 32));
	assert_int_equal(import_seed(hex, 64, NULL, seed, NULL), B3IQ_OK);
	assert_memory_equal(seed, want, 32);
	snprintf(text, sizeof(text), " \t%s\r\n", hex);
	for (i = 0; text[i]; i++)
		if (text[i] >= 'a' && text[i] <= 'f')
			text[i] = (char)(text[i] & ~0x20);
	memset(seed, 0, sizeof(seed));
	assert_int_equal(import_seed(text, strlen(text), NULL, seed, NULL), B3IQ_OK);
	assert_memory_equal(seed, want, 32);
	text[10] = 'g';
	refused(text, NULL, B3IQ_E_INVALID, "hex digits");
	refused("", NULL, B3IQ_E_INVALID, "no wallet");
	refused(hex + 1, NULL, B3IQ_E_INVALID, "no wallet");
}

static void
test_pem(void **state)
{
	/* openssl genpkey -algorithm X25519: another curve */
	static const char x25519[] =
		"-----BEGIN PRIVATE KEY-----\n"
		"MC4CAQAwBQYDK2VuBCIEIKiD3tXSVqu8cU2RA4kYpBUFQSqUMSEWTRW0fCcIF+ht\n"
		"-----END PRIVATE KEY-----\n";
	uint8_t seed[32], want[32];
	struct buf pem;

	(void)state;
	assert_true(hex_decode(hex, 64, want, 32));
	buf_init(&pem, IMPORT_MAX);
	assert_int_equal(import_write_pem(want, &pem, NULL), B3IQ_OK);
	assert_int_equal(import_kind(pem.data, pem.len), IMPORT_PEM);
	assert_int_equal(import_seed(pem.data, pem.len, NULL, seed, NULL), B3IQ_OK);
	assert_memory_equal(seed, want, 32);
	pem.data[40] ^= 1;
	refused(pem.data, NULL, B3IQ_E_INVALID, "PEM");
	refused(x25519, NULL, B3IQ_E_INVALID, "PEM");
	buf_free(&pem);
}

static void
test_backup(void **state)
{
	struct b3iq_error err = NO_ERR;
	struct keystore_entry e, second;
	uint8_t seed[32], want[32];
	struct keystore ks;
	struct home home;
	struct buf text;

	(void)state;
	unit_home(&home);
	unit_keystore(&home, &ks);
	assert_ok(keystore_create(&ks, "a", PASSWORD, &e, &err), err);
	assert_ok(keystore_reveal(&e, PASSWORD, want, &err), err);
	buf_init(&text, KEYSTORE_FILE_MAX);
	assert_ok(keystore_export(&ks, "a", &text, &err), err);
	assert_ok(import_seed(text.data, text.len, PASSWORD, seed, &err), err);
	assert_memory_equal(seed, want, 32);
	refused(text.data, "another password", B3IQ_E_DENIED, "wrong password");
	refused(text.data, NULL, B3IQ_E_DENIED, "own password");
	assert_ok(keystore_add(&ks, "b", seed, "a new password", &second, &err), err);
	assert_true(address_equal(&e.address, &second.address));
	text.data[20] = '}';
	refused(text.data, PASSWORD, B3IQ_E_INVALID, "damaged");
	buf_free(&text);
	unit_home_end(&home);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hex),
		cmocka_unit_test(test_pem),
		cmocka_unit_test(test_backup),
	};

	return cmocka_run_group_tests_name("wallet/import", tests, NULL, NULL);
}
