/* vectors.json, which reference.py made without a line of ours: the same bytes, hashes and signatures. */
#include "../check.h"

#include "core/base/encode.h"
#include "core/base/json.h"
#include "core/base/path.h"
#include "core/tx/proof.h"
#include "core/tx/tx.h"

static struct json_object *vectors;

static int
read_vectors(void **state)
{
	struct buf b;
	int32_t rc;

	(void)state;
	buf_init(&b, 1 << 20);
	rc = path_read(SOURCE_DIR "/tests/unit/tx/vectors.json", &b, NULL);
	if (rc == B3IQ_OK)
		rc = json_parse(b.data, b.len, "vectors.json", &vectors, NULL);
	buf_free(&b);
	return rc == B3IQ_OK ? 0 : -1;
}

static int
drop_vectors(void **state)
{
	(void)state;
	json_object_put(vectors);
	return 0;
}

static const char *
text(struct json_object *o, const char *key)
{
	const char *s = json_object_get_string(json_object_object_get(o, key));

	assert_non_null(s);
	return s;
}

static void
bytes(struct json_object *o, const char *key, void *out, size_t n)
{
	assert_true(hex_decode(text(o, key), strlen(text(o, key)), out, n));
}

/* Items of a list of the file; there are some. */
static size_t
list(const char *key, struct json_object **out)
{
	assert_true(json_object_object_get_ex(vectors, key, out));
	assert_true(json_object_array_length(*out) > 0);
	return json_object_array_length(*out);
}

static struct ed25519_key *
key_of(struct json_object *o)
{
	struct ed25519_key *key;
	uint8_t seed[32];

	bytes(o, "seed", seed, 32);
	assert_int_equal(ed25519_from_seed(seed, &key, NULL), B3IQ_OK);
	return key;
}

static void
test_addresses(void **state)
{
	struct json_object *all, *o;
	size_t i, n = list("addresses", &all);
	char address[ADDRESS_SIZE];
	struct address a, b;
	uint8_t pub[32];

	(void)state;
	for (i = 0; i < n; i++) {
		o = json_object_array_get_idx(all, i);
		bytes(o, "public", pub, 32);
		assert_int_equal(address_of(pub, &a), B3IQ_OK);
		address_write(&a, address);
		assert_string_equal(address, text(o, "address"));
		assert_int_equal(address_parse(address, &b, NULL), B3IQ_OK);
		assert_true(address_equal(&a, &b));
	}
}

static void
test_transactions(void **state)
{
	struct json_object *all, *o;
	size_t i, n = list("transactions", &all);
	char name[TX_HASH_TEXT];
	uint8_t hash[32], sig[64];
	struct ed25519_key *key;
	unsigned kinds = 0;
	struct buf wire;
	struct tx tx;

	(void)state;
	for (i = 0; i < n; i++) {
		o = json_object_array_get_idx(all, i);
		assert_int_equal(tx_parse(text(o, "wire"), strlen(text(o, "wire")), &tx, NULL),
		                 B3IQ_OK);
		assert_int_equal(tx_check(&tx, NULL), B3IQ_OK);
		assert_int_equal(tx_hash(&tx, hash, NULL), B3IQ_OK);
		tx_hash_write(hash, name);
		assert_string_equal(name, text(o, "hash"));
		key = key_of(o);
		memcpy(sig, tx.signature, 64);
		assert_int_equal(tx_sign(&tx, key, NULL), B3IQ_OK); /* Ed25519 is deterministic */
		assert_memory_equal(sig, tx.signature, 64);
		buf_init(&wire, TX_MAX);
		assert_int_equal(tx_format(&tx, &wire, NULL), B3IQ_OK);
		assert_string_equal(wire.data, text(o, "wire"));
		buf_free(&wire);
		ed25519_free(key);
		kinds |= 1u << tx.kind;
	}
	assert_int_equal(kinds, (1u << TX_N_KINDS) - 1); /* each kind has a vector */
}

static void
tree_root(struct json_object *o, const char *key, uint8_t out[32])
{
	struct json_object *entries = json_object_object_get(o, key);
	uint8_t entry[32], leaf[32];
	struct merkle tree;
	size_t i;

	merkle_init(&tree);
	for (i = 0; i < json_object_array_length(entries); i++) {
		const char *s = json_object_get_string(json_object_array_get_idx(entries, i));

		assert_true(hex_decode(s, strlen(s), entry, 32));
		assert_int_equal(merkle_leaf(entry, 32, leaf), B3IQ_OK);
		assert_int_equal(merkle_add(&tree, leaf), B3IQ_OK);
	}
	assert_int_equal(merkle_root(&tree, out), B3IQ_OK);
}

static void
test_blocks(void **state)
{
	struct json_object *all, *o;
	size_t i, n = list("blocks", &all);
	uint8_t want[64], got[64];
	struct ed25519_key *key;
	struct header h;

	(void)state;
	for (i = 0; i < n; i++) {
		o = json_object_array_get_idx(all, i);
		assert_int_equal(
			header_read(text(o, "header"), strlen(text(o, "header")), &h, NULL),
			B3IQ_OK);
		bytes(o, "hash", want, 32);
		assert_int_equal(header_hash(&h, got, NULL), B3IQ_OK);
		assert_memory_equal(got, want, 32);
		bytes(o, "signature", want, 64);
		assert_int_equal(header_check(&h, want, NULL), B3IQ_OK);
		key = key_of(o);
		assert_int_equal(header_sign(&h, key, got, NULL), B3IQ_OK);
		assert_memory_equal(got, want, 64);
		ed25519_free(key);
		tree_root(o, "hashes", got);
		assert_memory_equal(got, h.transactions, 32);
		tree_root(o, "roots", got);
		assert_memory_equal(got, h.receipts, 32);
	}
}

static void
test_states(void **state)
{
	struct json_object *all, *o, *proofs, *one, *value;
	size_t i, j, absent = 0, n = list("states", &all);
	struct proof_state p;
	uint8_t root[32];

	(void)state;
	for (i = 0; i < n; i++) {
		o = json_object_array_get_idx(all, i);
		bytes(o, "root", root, 32);
		proofs = json_object_object_get(o, "proofs");
		for (j = 0; j < json_object_array_length(proofs); j++) {
			const char *v;

			one = json_object_array_get_idx(proofs, j);
			value = json_object_object_get(one, "value");
			v = value ? json_object_get_string(value) : NULL;
			absent += !v;
			assert_int_equal(
				proof_state_read(json_object_object_get(one, "proof"), &p, NULL),
				B3IQ_OK);
			assert_int_equal(
				proof_state_check(&p, text(one, "key"), v, v ? strlen(v) : 0, root),
				B3IQ_OK);
			assert_int_equal(
				proof_state_check(&p, text(one, "key"), v ? NULL : "1", !v, root),
				B3IQ_E_DENIED);
			root[i] ^= 1;
			assert_int_equal(
				proof_state_check(&p, text(one, "key"), v, v ? strlen(v) : 0, root),
				B3IQ_E_DENIED);
			root[i] ^= 1;
		}
	}
	assert_true(absent > 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_transactions),
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_states),
	};

	return cmocka_run_group_tests_name("tx/vectors", tests, read_vectors, drop_vectors);
}
