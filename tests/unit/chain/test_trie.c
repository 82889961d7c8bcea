/* trie.c: one root for one set of entries whatever the way there, proofs of both kinds, versions. */
#include "../check.h"

#include "chain/state/trie.c"

#define N 300

static uint32_t seed;

static uint32_t
chance(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % below;
}

static void
put(struct trie *t, int k, int v)
{
	uint8_t path[SHA256_SIZE];
	char key[32], value[32];
	const int n = snprintf(key, sizeof key, "key/%d", k);
	const int m = snprintf(value, sizeof value, "value %d", v);

	assert_int_equal(trie_path(key, (size_t)n, path), B3IQ_OK);
	assert_int_equal(trie_put(t, path, key, (size_t)n, value, (size_t)m, 0), B3IQ_OK);
}

static void
take(struct trie *t, int k)
{
	uint8_t path[SHA256_SIZE];
	char key[32];
	const int n = snprintf(key, sizeof key, "key/%d", k);

	assert_int_equal(trie_path(key, (size_t)n, path), B3IQ_OK);
	assert_int_equal(trie_remove(t, path), B3IQ_OK);
}

/* The root of these entries by the definition alone: -1 is absent. */
static void
root_by_definition(uint8_t (*paths)[32], uint8_t (*leaves)[32], size_t n, size_t depth,
                   uint8_t out[32])
{
	uint8_t left[32], right[32], (*lp)[32], (*ll)[32], (*rp)[32], (*rl)[32];
	size_t nl = 0, nr = 0;

	if (n == 0) {
		memset(out, 0, 32);
		return;
	}
	if (n == 1) {
		memcpy(out, leaves[0], 32);
		return;
	}
	lp = calloc(n, 32), ll = calloc(n, 32), rp = calloc(n, 32), rl = calloc(n, 32);
	for (size_t i = 0; i < n; i++) {
		if (proof_bit(paths[i], depth)) {
			memcpy(rp[nr], paths[i], 32);
			memcpy(rl[nr++], leaves[i], 32);
		} else {
			memcpy(lp[nl], paths[i], 32);
			memcpy(ll[nl++], leaves[i], 32);
		}
	}
	root_by_definition(lp, ll, nl, depth + 1, left);
	root_by_definition(rp, rl, nr, depth + 1, right);
	assert_int_equal(proof_node(left, right, out), B3IQ_OK);
	free(lp), free(ll), free(rp), free(rl);
}

static void
expect_root(struct trie *t, const int *values)
{
	uint8_t paths[N][32], leaves[N][32], want[32], have[32], hash[32];
	size_t n = 0;

	for (int k = 0; k < N; k++) {
		char key[32], value[32];

		if (values[k] < 0)
			continue;
		snprintf(key, sizeof key, "key/%d", k);
		snprintf(value, sizeof value, "value %d", values[k]);
		trie_path(key, strlen(key), paths[n]);
		sha256(value, strlen(value), hash);
		proof_leaf(paths[n], hash, leaves[n]);
		n++;
	}
	root_by_definition(paths, leaves, n, 0, want);
	assert_int_equal(trie_root(t, have), B3IQ_OK);
	assert_memory_equal(have, want, 32);
	assert_int_equal(trie_count(t, TRIE_NEXT), n);
}

static void
check_proofs(struct trie *t, enum trie_version version, const int *values, const uint8_t root[32])
{
	static struct proof_state proof;

	for (int k = 0; k < N; k++) {
		uint8_t path[32];
		char key[32], value[32], wrong[32];
		bool found;

		snprintf(key, sizeof key, "key/%d", k);
		snprintf(value, sizeof value, "value %d", values[k]);
		snprintf(wrong, sizeof wrong, "value %d", values[k] + 1);
		trie_path(key, strlen(key), path);
		assert_int_equal(trie_prove(t, version, path, &proof, &found), B3IQ_OK);
		assert_int_equal(found, values[k] >= 0);
		assert_int_equal(proof_state_check(&proof, key, found ? value : NULL,
		                                   found ? strlen(value) : 0, root),
		                 B3IQ_OK);
		/* and nothing else */
		assert_int_equal(proof_state_check(&proof, key, wrong, strlen(wrong), root),
		                 B3IQ_E_DENIED);
		if (found)
			assert_int_equal(proof_state_check(&proof, key, NULL, 0, root),
			                 B3IQ_E_DENIED);
	}
}

/* Random changes over many versions, some thrown away: always the root of the definition. */
static void
test_random(void **state)
{
	struct trie *t = trie_create();
	int values[N], before[N];
	uint8_t root[32];

	(void)state;
	seed = 1;
	memset(values, -1, sizeof values);
	for (int round = 0; round < 60; round++) {
		memcpy(before, values, sizeof before);
		trie_begin(t);
		for (uint32_t i = chance(80); i > 0; i--) {
			const int k = (int)chance(N);

			values[k] = chance(3) ? (int)chance(1000) : -1;
			if (values[k] < 0)
				take(t, k);
			else
				put(t, k, values[k]);
		}
		expect_root(t, values);
		if (round % 10 == 9) {
			assert_int_equal(trie_root(t, root), B3IQ_OK);
			check_proofs(t, TRIE_NEXT, values, root);
		}
		if (chance(4) == 0) {
			trie_abort(t);
			memcpy(values, before, sizeof values);
		} else {
			trie_commit(t);
		}
	}
	trie_begin(t);
	for (int k = 0; k < N; k++)
		take(t, k);
	memset(values, -1, sizeof values);
	expect_root(t, values);
	trie_commit(t);
	trie_destroy(t);
}

static void
test_committed_stays(void **state)
{
	struct trie *t = trie_create();
	struct trie_entry e;
	uint8_t root[32], path[32];
	int values[N];

	(void)state;
	memset(values, -1, sizeof values);
	trie_begin(t);
	for (int k = 0; k < 100; k++)
		put(t, k, values[k] = k);
	assert_int_equal(trie_root(t, root), B3IQ_OK);
	trie_commit(t);
	trie_begin(t);
	for (int k = 0; k < 100; k++)
		k % 2 ? put(t, k, k + 500) : take(t, k);
	check_proofs(t, TRIE_COMMITTED, values, root);
	trie_path("key/4", 5, path);
	assert_true(trie_get(t, TRIE_COMMITTED, path, &e));
	assert_string_equal(e.value, "value 4");
	assert_false(trie_get(t, TRIE_NEXT, path, &e));
	trie_destroy(t); /* with an open version */
}

/* What trie_changed() tells, replayed on a table of rows, keeps the table equal to the trie. */
struct table {
	bool     used[20000];
	uint64_t n;
	char     key[20000][16], value[20000][16];
};

static int32_t
row_put(void *arg, const struct trie_entry *e)
{
	struct table *table = arg;

	assert_true(e->row > 0 && e->row < 20000);
	table->used[e->row] = true;
	snprintf(table->key[e->row], 16, "%s", e->key);
	snprintf(table->value[e->row], 16, "%s", e->value);
	return B3IQ_OK;
}

static int32_t
row_removed(void *arg, const struct trie_entry *e)
{
	struct table *table = arg;

	assert_true(table->used[e->row]);
	assert_string_equal(table->key[e->row], e->key);
	table->used[e->row] = false;
	return B3IQ_OK;
}

static int32_t
row_same(void *arg, const struct trie_entry *e)
{
	struct table *table = arg;

	assert_true(table->used[e->row]);
	assert_string_equal(table->key[e->row], e->key);
	assert_string_equal(table->value[e->row], e->value);
	table->n++;
	return B3IQ_OK;
}

static void
test_changes(void **state)
{
	struct table *table = calloc(1, sizeof *table);
	struct trie *t = trie_create();

	(void)state;
	seed = 7;
	for (int round = 0; round < 100; round++) {
		uint64_t used = 0;

		trie_begin(t);
		for (uint32_t i = chance(40); i > 0; i--) /* few keys: put, change, remove, put again */
			chance(2) ? put(t, (int)chance(12), (int)chance(90)) : take(t, (int)chance(12));
		if (chance(5) == 0) {
			trie_abort(t);
			continue;
		}
		assert_int_equal(trie_changed(t, row_put, row_removed, table), B3IQ_OK);
		trie_commit(t);
		table->n = 0;
		assert_int_equal(trie_each(t, TRIE_COMMITTED, row_same, table), B3IQ_OK);
		for (int i = 0; i < 20000; i++)
			used += table->used[i];
		assert_int_equal(used, table->n);
		assert_int_equal(used, trie_count(t, TRIE_COMMITTED));
	}
	trie_destroy(t);
	free(table);
}

static int32_t
stop_at_once(void *arg, const struct trie_entry *e)
{
	(void)e;
	++*(int *)arg;
	return B3IQ_E_CANCELLED;
}

static void
test_visits_end(void **state)
{
	struct trie *t = trie_create();
	int n = 0;

	(void)state;
	trie_begin(t);
	put(t, 1, 1);
	put(t, 2, 2);
	assert_int_equal(trie_each(t, TRIE_NEXT, stop_at_once, &n), B3IQ_E_CANCELLED);
	assert_int_equal(trie_changed(t, stop_at_once, stop_at_once, &n), B3IQ_E_CANCELLED);
	assert_int_equal(n, 2);
	trie_abort(t);
	trie_abort(t); /* twice is fine */
	trie_destroy(t);
	trie_destroy(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_committed_stays),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_visits_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
