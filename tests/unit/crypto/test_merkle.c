/* merkle.c against a second, recursive implementation of RFC 9162, for every tree up to 70 leaves. */
#include "../check.h"

#include "core/base/encode.h"
#include "core/crypto/merkle.c"

#define MOST 70

static uint8_t leaves[MOST * SHA256_SIZE];

static int
make_leaves(void **state)
{
	uint8_t i;

	(void)state;
	for (i = 0; i < MOST; i++)
		assert_int_equal(merkle_leaf(&i, 1, leaves + i * SHA256_SIZE), B3IQ_OK);
	return 0;
}

/* MTH of RFC 9162, word for word. */
static void
reference_root(const uint8_t *d, size_t n, uint8_t out[32])
{
	uint8_t both[65] = { 1 };
	size_t k = 1;

	if (n == 0) {
		sha256("", 0, out);
	} else if (n == 1) {
		memcpy(out, d, 32);
	} else {
		while (2 * k < n)
			k *= 2;
		reference_root(d, k, both + 1);
		reference_root(d + 32 * k, n - k, both + 33);
		sha256(both, 65, out);
	}
}

static void
test_known_roots(void **state)
{
	/* Of the certificate-transparency reference implementations: leaves "", 00, 10, 2021, ... */
	static const char *const inputs[] = { "", "00", "10", "2021", "3031", "40414243",
		"5051525354555657", "606162636465666768696a6b6c6d6e6f" };
	static const char *const roots[] = {
		"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
		"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
		"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
		"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
	};
	uint8_t leaf[32], want[32], got[32], data[16];
	struct merkle m;
	size_t i;

	(void)state;
	merkle_init(&m);
	for (i = 0; i < 8; i++) {
		hex_decode(inputs[i], strlen(inputs[i]), data, strlen(inputs[i]) / 2);
		merkle_leaf(data, strlen(inputs[i]) / 2, leaf);
		assert_int_equal(merkle_add(&m, leaf), B3IQ_OK);
		assert_int_equal(merkle_root(&m, got), B3IQ_OK);
		hex_decode(roots[i], 64, want, 32);
		assert_memory_equal(got, want, 32);
	}
}

static void
test_roots(void **state)
{
	uint8_t want[32], got[32];
	size_t n;

	(void)state;
	for (n = 0; n <= MOST; n++) {
		reference_root(leaves, n, want);
		assert_int_equal(merkle_root_of(leaves, n, got), B3IQ_OK);
		assert_memory_equal(got, want, 32);
	}
}

static void
test_every_proof(void **state)
{
	struct merkle_proof p, bad;
	uint8_t root[32];
	uint64_t n, i;
	size_t d;

	(void)state;
	for (n = 1; n <= MOST; n++) {
		reference_root(leaves, n, root);
		for (i = 0; i < n; i++) {
			assert_int_equal(merkle_prove(leaves, n, i, &p), B3IQ_OK);
			assert_int_equal(merkle_verify(&p, leaves + 32 * i, root), B3IQ_OK);
			/* Another leaf, place, size, or one bit of the path: not shown. */
			assert_int_equal(merkle_verify(&p, leaves + 32 * ((i + 1) % MOST), root),
			                 B3IQ_E_DENIED);
			for (d = 0; d < p.depth; d++) {
				bad = p;
				bad.path[d][d % 32] ^= 1;
				assert_int_equal(merkle_verify(&bad, leaves + 32 * i, root),
						 B3IQ_E_DENIED);
			}
			bad = p;
			bad.index = (i + 1) % n;
			assert_int_equal(merkle_verify(&bad, leaves + 32 * i, root),
			                 n == 1 ? B3IQ_OK : B3IQ_E_DENIED);
			bad = p;
			bad.depth++;
			assert_int_equal(merkle_verify(&bad, leaves + 32 * i, root), B3IQ_E_DENIED);
			if (p.depth > 0) {
				bad = p;
				bad.depth--;
				assert_int_equal(merkle_verify(&bad, leaves + 32 * i, root),
						 B3IQ_E_DENIED);
			}
		}
		assert_int_equal(merkle_prove(leaves, n, n, &p), B3IQ_E_INVALID);
	}
}

static void
test_hostile_proofs(void **state)
{
	struct merkle_proof p;
	uint8_t root[32] = { 0 };

	(void)state;
	memset(&p, 0, sizeof(p));
	assert_int_equal(merkle_verify(&p, leaves, root), B3IQ_E_DENIED); /* no leaves at all */
	p.count = UINT64_MAX;
	p.index = UINT64_MAX - 1;
	p.depth = SIZE_MAX;
	assert_int_equal(merkle_verify(&p, leaves, root), B3IQ_E_DENIED);
	p.depth = MERKLE_DEPTH;
	assert_int_equal(merkle_verify(&p, leaves, root), B3IQ_E_DENIED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_roots),
		cmocka_unit_test(test_roots),
		cmocka_unit_test(test_every_proof),
		cmocka_unit_test(test_hostile_proofs),
	};

	return cmocka_run_group_tests(tests, make_leaves, NULL);
}
