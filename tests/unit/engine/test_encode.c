/* Encodings are near what was encoded, and the same bytes on any machine. */
#include "engine/numeric/encode.c"

#include <math.h>
#include <openssl/sha.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "engine/numeric/random.h"

static void
encoding_is_near(void **state)
{
	/* Of values within -1..1: half a step of the greatest range, and what its half loses. */
	static const double bounds[FORMAT_N] = {
		[FORMAT_F32] = 0.0,        [FORMAT_F16] = 1e-3,       [FORMAT_BF16] = 8e-3,
		[FORMAT_Q8_0] = 0.6 / 127, [FORMAT_Q4_0] = 1.0 / 8,   [FORMAT_Q4_1] = 1.1 / 15,
		[FORMAT_Q5_0] = 1.0 / 16,  [FORMAT_Q5_1] = 1.1 / 31,  [FORMAT_Q4_K] = 1.4 / 15,
		[FORMAT_Q5_K] = 1.7 / 31,  [FORMAT_Q6_K] = 1.05 / 32,
	};

	(void)state;
	for (size_t k = 0; k < FORMAT_N; k++) {
		const struct format *f = format_at((enum format_kind)k);
		uint8_t packed[512 * 4];
		float in[512], out[512];

		for (size_t i = 0; i < 512; i++)
			in[i] = (float)(random_unit(7, i) * 2.0 - 1.0);
		f->encode(in, packed, 512);
		f->decode(packed, out, 512);
		for (size_t i = 0; i < 512; i++)
			if (!(fabs((double)in[i] - (double)out[i]) <= bounds[k] + 1e-7))
				fail_msg("%s: %g becomes %g", f->name, (double)in[i], (double)out[i]);
		memset(in, 0, sizeof in);
		f->encode(in, packed, 512);
		f->decode(packed, out, 512);
		for (size_t i = 0; i < 512; i++)
			assert_true(out[i] == 0.0f);
	}
}

/* SHA-256 of 2048 encoded values: the models of the tests, and so their golden digests, depend on
 * these bytes. */
static const char *const digests[FORMAT_N] = {
	[FORMAT_F32] = "15ee7a5182ad43b8d14a4f34122b92e06ec2ce81e21683d0aad2affb10d57c20",
	[FORMAT_F16] = "f970ac01fb9db2686226509759c823e111ba6e2d043952077b0801ba03f3640d",
	[FORMAT_BF16] = "f8bced48186d0283117c63ea4fc65f9d04a241f2a70d78f2ee69cdbcfb301c7a",
	[FORMAT_Q8_0] = "eb89d0bb83ccc8cb8e8c1a6df0d82fa36d0631c8ed13c5f295ac71a000f1a33c",
	[FORMAT_Q4_0] = "5cf131f81ecb6b1dc42827ab983c1489c4efb5ee0fe39a381ca7ee7486fbb9fe",
	[FORMAT_Q4_1] = "07683db00019215dfd87f87e7d8428e8e26845f9153e823310f3edc63532aef5",
	[FORMAT_Q5_0] = "619bb0f5972342ed0ef272809df8bfe5901c82e674085aa8d7eb449ca2d2e3b9",
	[FORMAT_Q5_1] = "619ecd19f8a9752f780b24503fdc15cbb8ddccfa6ed5da5eb212a01212f0dc1a",
	[FORMAT_Q4_K] = "23b646ad66e4a5623212795a99e7b9ffc36d7e8943297760701f8d20a73f3985",
	[FORMAT_Q5_K] = "bead2db87841f20a08ad1fd796fe0009b3d4898887704d7e9736412c073f3843",
	[FORMAT_Q6_K] = "ceeb6e26d9dfec03ff2828f81171b26035de201222d618087c30be461595a409",
};

static void
the_bytes_are_known(void **state)
{
	static float in[2048];
	static uint8_t packed[2048 * 4], hash[32];
	char hex[65];

	(void)state;
	for (size_t i = 0; i < 2048; i++)
		in[i] = (float)((random_unit(9, i) - 0.4) * (i % 7 ? 1.0 : 30.0));
	for (size_t k = 0; k < FORMAT_N; k++) {
		const struct format *f = format_at((enum format_kind)k);

		f->encode(in, packed, 2048);
		(void)SHA256(packed, format_row(f, 2048), hash);
		for (size_t i = 0; i < sizeof hash; i++)
			snprintf(hex + 2 * i, 3, "%02x", hash[i]);
		if (strcmp(hex, digests[k]) != 0)
			fail_msg("%s: %s", f->name, hex);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encoding_is_near),
		cmocka_unit_test(the_bytes_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
