/* proof.c: what shows an entry, and everything that only seems to. */
#include "../check.h"

#include "core/tx/proof.c"

/* A trie of two entries that part at bit `depth`, made by hand from the rules of the header. */
struct pair_trie {
	char    key[2][16];
	uint8_t path[2][32], leaf[2][32], root[32];
	size_t  depth;
};

static void
build(struct pair_trie *t, int from)
{
	uint8_t hash[32], empty[32] = { 0 };
	size_t d;
	int i;

	for (i = 0; i < 2; i++) {
		snprintf(t->key[i], sizeof(t->key[i]), "key/%d", from + i);
		assert_int_equal(sha256(t->key[i], strlen(t->key[i]), t->path[i]), B3IQ_OK);
		assert_int_equal(sha256(i ? "b" : "a", 1, hash), B3IQ_OK);
		assert_int_equal(proof_leaf(t->path[i], hash, t->leaf[i]), B3IQ_OK);
	}
	for (d = 0; proof_bit(t->path[0], d) == proof_bit(t->path[1], d);)
		d++;
	t->depth = d;
	i = proof_bit(t->path[0], d);
	assert_int_equal(proof_node(t->leaf[i], t->leaf[!i], t->root), B3IQ_OK);
	while (d-- > 0)
		assert_int_equal(proof_bit(t->path[0], d) ? proof_node(empty, t->root, t->root) :
		                                            proof_node(t->root, empty, t->root),
		                 B3IQ_OK);
}

static struct proof_state
presence(const struct pair_trie *t, int i)
{
	struct proof_state p;

	memset(&p, 0, sizeof(p));
	p.depth = t->depth + 1;
	memcpy(p.path[t->depth], t->leaf[!i], 32);
	return p;
}

static void
test_presence(void **state)
{
	struct pair_trie t;
	struct proof_state p;
	uint8_t zero[32] = { 0 };
	int n, i;

	(void)state;
	for (n = 0; n < 40; n += 2) { /* pairs that part at different depths */
		build(&t, n);
		for (i = 0; i < 2; i++) {
			p = presence(&t, i);
			assert_int_equal(proof_state_check(&p, t.key[i], i ? "b" : "a", 1, t.root),
			                 B3IQ_OK);
			assert_int_equal(proof_state_check(&p, t.key[i], i ? "a" : "b", 1, t.root),
			                 B3IQ_E_DENIED);
			assert_int_equal(proof_state_check(&p, t.key[!i], i ? "b" : "a", 1, t.root),
			                 B3IQ_E_DENIED);
			assert_int_equal(proof_state_check(&p, t.key[i], NULL, 0, t.root),
			                 B3IQ_E_DENIED);
			assert_int_equal(proof_state_check(&p, t.key[i], i ? "b" : "a", 1, zero),
			                 B3IQ_E_DENIED);
			p.depth--;
			assert_int_equal(proof_state_check(&p, t.key[i], i ? "b" : "a", 1, t.root),
			                 B3IQ_E_DENIED);
			p.depth = PROOF_DEPTH + 1;
			assert_int_equal(proof_state_check(&p, t.key[i], i ? "b" : "a", 1, t.root),
			                 B3IQ_E_DENIED);
		}
	}
}

/* A key whose path begins with the same bits as path up to `depth`, or parts from it there. */
static void
find_key(const uint8_t path[32], size_t depth, bool agrees, char out[16])
{
	uint8_t hash[32];
	size_t d;
	int n;

	for (n = 1000;; n++) {
		snprintf(out, 16, "k%d", n);
		assert_int_equal(sha256(out, strlen(out), hash), B3IQ_OK);
		for (d = 0; d < 256 && proof_bit(hash, d) == proof_bit(path, d);)
			d++;
		if (agrees ? d > depth : d == depth)
			return;
	}
}

static void
test_absence(void **state)
{
	struct proof_state p, zero;
	struct pair_trie t;
	uint8_t root[32] = { 0 };
	char key[16];

	(void)state;
	memset(&zero, 0, sizeof(zero)); /* the empty trie has nothing */
	assert_int_equal(proof_state_check(&zero, "anything", NULL, 0, root), B3IQ_OK);
	assert_int_equal(proof_state_check(&zero, "anything", "", 0, root), B3IQ_E_DENIED);

	build(&t, 4);
	/* another entry stands alone where this key would be */
	find_key(t.path[0], t.depth, true, key);
	p = presence(&t, 0);
	p.other = true;
	memcpy(p.other_path, t.path[0], 32);
	sha256("a", 1, p.other_value);
	assert_int_equal(proof_state_check(&p, key, NULL, 0, t.root), B3IQ_OK);
	assert_int_equal(proof_state_check(&p, key, "a", 1, t.root), B3IQ_E_DENIED);
	/* the entry itself never shows its own absence */
	assert_int_equal(proof_state_check(&p, t.key[0], NULL, 0, t.root), B3IQ_E_DENIED);
	/* nor does an entry elsewhere show the absence of one here */
	assert_int_equal(proof_state_check(&p, t.key[1], NULL, 0, t.root), B3IQ_E_DENIED);
	p.other_value[0] ^= 1;
	assert_int_equal(proof_state_check(&p, key, NULL, 0, t.root), B3IQ_E_DENIED);
}

/* Where two entries part below the top, the other half there is empty, and that can be shown. */
static void
test_absence_by_nothing(void **state)
{
	struct proof_state p;
	struct pair_trie t;
	char key[16];
	uint8_t hash[32];
	int n;

	(void)state;
	for (n = 0; build(&t, n), t.depth == 0; n += 2)
		;
	find_key(t.path[0], 0, false, key);
	memset(&p, 0, sizeof(p));
	p.depth = 1;
	/* the sibling at depth 0 is the half that holds both */
	memcpy(hash, t.leaf[0], 32);
	assert_int_equal(proof_node(t.leaf[proof_bit(t.path[0], t.depth)],
	                            t.leaf[!proof_bit(t.path[0], t.depth)], hash),
	                 B3IQ_OK);
	for (size_t d = t.depth; d-- > 1;) {
		uint8_t empty[32] = { 0 };

		assert_int_equal(proof_bit(t.path[0], d) ? proof_node(empty, hash, hash) :
		                                           proof_node(hash, empty, hash),
		                 B3IQ_OK);
	}
	memcpy(p.path[0], hash, 32);
	assert_int_equal(proof_state_check(&p, key, NULL, 0, t.root), B3IQ_OK);
	assert_int_equal(proof_state_check(&p, t.key[0], NULL, 0, t.root), B3IQ_E_DENIED);
}

static struct json_object *
parse(const char *text)
{
	struct json_object *o;

	assert_int_equal(json_parse(text, strlen(text), "proof", &o, NULL), B3IQ_OK);
	return o;
}

static void
test_state_json(void **state)
{
#define H "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
	static const char *const bad[] = {
		"{}",
		"[]",
		"{\"path\":1}",
		"{\"path\":[1]}",
		"{\"path\":[\"00\"]}",
		"{\"path\":[],\"x\":1}",
		"{\"path\":[],\"other\":1}",
		"{\"path\":[],\"other\":{}}",
		"{\"path\":[],\"other\":null}",
		"{\"path\":[],\"other\":{\"path\":\"" H "\"}}",
		"{\"path\":[],\"other\":{\"path\":\"" H "\",\"value\":\"" H "\",\"x\":1}}",
		"{\"path\":null}",
	};
	struct proof_state *p = calloc(2, sizeof(*p));
	struct json_object *o;
	size_t i;

	(void)state;
	assert_non_null(p);
	p[0].other = true;
	p[0].depth = 3;
	memset(p[0].path, 7, (size_t)3 * 32);
	p[0].other_value[4] = 1;
	assert_int_equal(proof_state_write(&p[0], &o, NULL), B3IQ_OK);
	assert_int_equal(proof_state_read(o, &p[1], NULL), B3IQ_OK);
	assert_memory_equal(&p[0], &p[1], sizeof(*p));
	json_object_put(o);
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		o = parse(bad[i]);
		if (proof_state_read(o, &p[1], NULL) != B3IQ_E_INVALID)
			fail_msg("accepted %s", bad[i]);
		json_object_put(o);
	}
	p[0].depth = PROOF_DEPTH + 1;
	assert_int_equal(proof_state_write(&p[0], &o, NULL), B3IQ_E_INVALID);
	p[0].depth = PROOF_DEPTH;
	assert_int_equal(proof_state_write(&p[0], &o, NULL), B3IQ_OK);
	json_add(json_object_object_get(o, "path"), json_object_new_string(H));
	assert_int_equal(proof_state_read(o, &p[1], NULL), B3IQ_E_INVALID);
	json_object_put(o);
	free(p);
}

static void
test_block_trees(void **state)
{
	uint8_t entry[5][32], leaves[5 * 32];
	struct merkle_proof p, back;
	struct json_object *o;
	struct header h;
	uint64_t i;

	(void)state;
	memset(&h, 0, sizeof(h));
	h.count = 5;
	for (i = 0; i < 5; i++) {
		memset(entry[i], (int)i + 1, 32);
		assert_int_equal(merkle_leaf(entry[i], 32, leaves + 32 * i), B3IQ_OK);
	}
	assert_int_equal(merkle_root_of(leaves, 5, h.transactions), B3IQ_OK);
	assert_int_equal(merkle_root_of(leaves, 3, h.receipts), B3IQ_OK);
	for (i = 0; i < 5; i++) {
		assert_int_equal(merkle_prove(leaves, 5, i, &p), B3IQ_OK);
		assert_int_equal(proof_merkle_write(&p, &o, NULL), B3IQ_OK);
		assert_int_equal(proof_merkle_read(o, &back, NULL), B3IQ_OK);
		json_object_put(o);
		assert_int_equal(proof_transaction(&h, &back, entry[i]), B3IQ_OK);
		assert_int_equal(proof_transaction(&h, &back, entry[(i + 1) % 5]), B3IQ_E_DENIED);
		assert_int_equal(proof_receipt(&h, &back, entry[i]), B3IQ_E_DENIED);
	}
	for (i = 0; i < 3; i++) {
		assert_int_equal(merkle_prove(leaves, 3, i, &p), B3IQ_OK);
		assert_int_equal(proof_receipt(&h, &p, entry[i]), B3IQ_OK);
		assert_int_equal(proof_transaction(&h, &p, entry[i]), B3IQ_E_DENIED);
		h.count = 2; /* fewer transactions than receipts: no such block */
		assert_int_equal(proof_receipt(&h, &p, entry[i]), B3IQ_E_DENIED);
		h.count = 5;
	}
}

static void
test_merkle_json(void **state)
{
	static const char *const bad[] = {
		"{}",
		"{\"count\":1,\"index\":0}",
		"{\"count\":0,\"index\":0,\"path\":[]}",
		"{\"count\":1,\"index\":1,\"path\":[]}",
		"{\"count\":1,\"index\":-1,\"path\":[]}",
		"{\"count\":\"1\",\"index\":0,\"path\":[]}",
		"{\"count\":1,\"index\":0,\"path\":[],\"leaf\":\"\"}",
		"{\"count\":1,\"index\":null,\"path\":[]}",
	};
	struct merkle_proof p;
	struct json_object *o;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		o = parse(bad[i]);
		if (proof_merkle_read(o, &p, NULL) != B3IQ_E_INVALID)
			fail_msg("accepted %s", bad[i]);
		json_object_put(o);
	}
	memset(&p, 0, sizeof(p));
	p.depth = MERKLE_DEPTH + 1;
	assert_int_equal(proof_merkle_write(&p, &o, NULL), B3IQ_E_INVALID);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_presence),           cmocka_unit_test(test_absence),
		cmocka_unit_test(test_absence_by_nothing), cmocka_unit_test(test_state_json),
		cmocka_unit_test(test_block_trees),        cmocka_unit_test(test_merkle_json),
	};

	return cmocka_run_group_tests_name("tx/proof", tests, NULL, NULL);
}
