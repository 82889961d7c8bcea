/* header.c: one text, one hash, one proposer. */
#include "../check.h"

#include "core/tx/header.c"

#include "fixture.h"

static struct header
sample(void)
{
	struct ed25519_key *key = fixture_key(1);
	struct header h;

	memset(&h, 0, sizeof(h));
	memcpy(h.chain, TX_DEVNET, sizeof(TX_DEVNET));
	h.height = 3;
	h.time = 1795240800000;
	h.count = 2;
	memset(h.parent, 1, 32);
	memset(h.state, 2, 32);
	memcpy(h.proposer, ed25519_public(key), 32);
	ed25519_free(key);
	return h;
}

static void
test_round_trip(void **state)
{
	struct header h = sample(), back;
	struct buf b;
	size_t i;

	(void)state;
	for (i = 1; i < form.n; i++)
		assert_true(strcmp(fields[i - 1].key, fields[i].key) < 0);
	buf_init(&b, HEADER_MAX);
	assert_int_equal(header_write(&h, &b, NULL), B3IQ_OK);
	assert_int_equal(header_read(b.data, b.len, &back, NULL), B3IQ_OK);
	assert_memory_equal(&back, &h, sizeof(h));
	buf_append(&b, " ", 1);
	assert_int_equal(header_read(b.data, b.len, &back, NULL), B3IQ_E_INVALID);
	assert_int_equal(header_read(b.data, b.len - 2, &back, NULL), B3IQ_E_INVALID);
	buf_free(&b);
}

static void
test_signature(void **state)
{
	struct ed25519_key *key = fixture_key(1), *other = fixture_key(2);
	struct header h = sample();
	uint8_t sig[64], one[32], two[32];

	(void)state;
	assert_int_equal(header_sign(&h, other, sig, NULL), B3IQ_E_DENIED);
	assert_int_equal(header_sign(&h, key, sig, NULL), B3IQ_OK);
	assert_int_equal(header_check(&h, sig, NULL), B3IQ_OK);
	assert_int_equal(header_hash(&h, one, NULL), B3IQ_OK);
	h.state[31] ^= 1;
	assert_int_equal(header_check(&h, sig, NULL), B3IQ_E_DENIED);
	assert_int_equal(header_hash(&h, two, NULL), B3IQ_OK);
	assert_memory_not_equal(one, two, 32);
	h.chain[0] = '\0';
	assert_int_equal(header_hash(&h, two, NULL), B3IQ_E_INVALID);
	assert_int_equal(header_sign(&h, key, sig, NULL), B3IQ_E_INVALID);
	assert_int_equal(header_check(&h, sig, NULL), B3IQ_E_INVALID);
	ed25519_free(key);
	ed25519_free(other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_signature),
	};

	(void)fixture_tx;
	return cmocka_run_group_tests_name("tx/header", tests, NULL, NULL);
}
