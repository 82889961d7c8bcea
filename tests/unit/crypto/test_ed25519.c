/* ed25519.c: the vectors of RFC 8032, and a key file that only its owner can read. */
#include "../check.h"

#include "core/crypto/ed25519.c"

static char dir[64], file[96];

static int
make_dir(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/b3iq-key-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(file, sizeof(file), "%s/node.pem", dir);
	return 0;
}

static int
remove_dir(void **state)
{
	(void)state;
	unlink(file);
	return rmdir(dir);
}

static void
test_vectors(void **state)
{
	static const char *const cases[][4] = { /* seed, public key, message, signature */
		{ "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
		  "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
		  "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701c"
		  "f9b46bd25bf5f0595bbe24655141438e7a100b" },
		{ "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
		  "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
		  "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0"
		  "f11d8c387b2eaeb4302aeeb00d291612bb0c00" },
	};
	uint8_t seed[32], pub[32], msg[8], want[64], sig[64];
	struct ed25519_key *key;
	size_t i, n;

	(void)state;
	for (i = 0; i < 2; i++) {
		n = strlen(cases[i][2]) / 2;
		assert_true(hex_decode(cases[i][0], 64, seed, 32));
		assert_true(hex_decode(cases[i][1], 64, pub, 32));
		assert_true(hex_decode(cases[i][2], 2 * n, msg, n));
		assert_true(hex_decode(cases[i][3], 128, want, 64));
		assert_int_equal(ed25519_from_seed(seed, &key, NULL), B3IQ_OK);
		assert_memory_equal(ed25519_public(key), pub, 32);
		assert_int_equal(ed25519_sign(key, msg, n, sig, NULL), B3IQ_OK);
		assert_memory_equal(sig, want, 64);
		assert_int_equal(ed25519_verify(pub, msg, n, sig), B3IQ_OK);
		ed25519_free(key);
	}
}

static void
test_what_is_not_signed(void **state)
{
	struct ed25519_key *key, *other;
	uint8_t sig[64], bad[32];
	int i;

	(void)state;
	assert_int_equal(ed25519_generate(&key, NULL), B3IQ_OK);
	assert_int_equal(ed25519_generate(&other, NULL), B3IQ_OK);
	assert_memory_not_equal(ed25519_public(key), ed25519_public(other), 32);
	assert_int_equal(ed25519_sign(key, "message", 7, sig, NULL), B3IQ_OK);
	assert_int_equal(ed25519_verify(ed25519_public(key), "messagE", 7, sig), B3IQ_E_DENIED);
	assert_int_equal(ed25519_verify(ed25519_public(key), "message", 6, sig), B3IQ_E_DENIED);
	assert_int_equal(ed25519_verify(ed25519_public(other), "message", 7, sig), B3IQ_E_DENIED);
	for (i = 0; i < 512; i++) {
		sig[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_int_equal(ed25519_verify(ed25519_public(key), "message", 7, sig), B3IQ_E_DENIED);
		sig[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	memset(bad, 0xff, sizeof(bad)); /* no point of the curve */
	assert_int_equal(ed25519_verify(bad, "message", 7, sig), B3IQ_E_DENIED);
	ed25519_free(key);
	ed25519_free(other);
	ed25519_free(NULL);
}

static void
test_name(void **state)
{
	char name[ED25519_NAME_SIZE];
	uint8_t pub[32], back[32];

	(void)state;
	memset(pub, 0xab, sizeof(pub));
	ed25519_name(pub, name);
	assert_int_equal(strlen(name), ED25519_NAME_SIZE - 1);
	assert_true(ed25519_parse(name, back));
	assert_memory_equal(pub, back, 32);
	name[10] = 'A';
	assert_false(ed25519_parse(name, back));
	assert_false(ed25519_parse("ed25519:", back));
	assert_false(ed25519_parse("abab", back));
	assert_false(ed25519_parse("", back));
}

static void
test_key_file(void **state)
{
	struct b3iq_error err = NO_ERROR;
	struct ed25519_key *key, *back;
	struct stat st;

	(void)state;
	assert_int_equal(ed25519_load(file, &back, &err), B3IQ_E_NOT_FOUND);
	assert_int_equal(ed25519_generate(&key, &err), B3IQ_OK);
	assert_int_equal(ed25519_save(key, file, &err), B3IQ_OK);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(ed25519_load(file, &back, &err), B3IQ_OK);
	assert_memory_equal(ed25519_public(key), ed25519_public(back), 32);
	ed25519_free(back);
	assert_int_equal(ed25519_save(key, file, &err), B3IQ_E_DENIED); /* never overwritten */
	chmod(file, 0640);
	assert_int_equal(ed25519_load(file, &back, &err), B3IQ_E_DENIED);
	assert_non_null(strstr(err.text, "chmod 600"));
	assert_null(back);
	ed25519_free(key);
}

static void
test_files_that_hold_something_else(void **state)
{
	static const char *const wrong[] = {
		"", "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n", "no key at all",
		/* an X25519 key: the right form, the wrong algorithm */
		("-----BEGIN PRIVATE KEY-----\n"
		 "MC4CAQAwBQYDK2VuBCIEIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
		 "-----END PRIVATE KEY-----\n"),
		"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIGb\n-----END ENCRYPTED PRIVATE KEY-----\n",
	};
	struct b3iq_error err = NO_ERROR;
	struct ed25519_key *key;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(path_write(file, wrong[i], strlen(wrong[i]), 0600, &err), B3IQ_OK);
		assert_int_equal(ed25519_load(file, &key, &err), B3IQ_E_INVALID);
		assert_null(key);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_what_is_not_signed),
		cmocka_unit_test(test_name),
		cmocka_unit_test_setup_teardown(test_key_file, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_files_that_hold_something_else, make_dir, remove_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
