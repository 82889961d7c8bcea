#include "engine/numeric/random.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

/* The known answers that the authors of Philox publish (Random123, kat_vectors). */
static void
known_answers(void **state)
{
	static const struct {
		uint32_t counter[4], key[2], want[4];
	} cases[] = {
		{ { 0 }, { 0 }, { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 } },
		{ { 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff }, { 0xffffffff, 0xffffffff },
		  { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd } },
		{ { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344 }, { 0xa4093822, 0x299f31d0 },
		  { 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint32_t out[4];

		random_block(cases[i].counter, cases[i].key, out);
		assert_memory_equal(out, cases[i].want, sizeof out);
	}
}

static void
numbers_are_uniform_and_repeat(void **state)
{
	unsigned boxes[16] = { 0 };
	double chi = 0.0;

	(void)state;
	for (uint64_t i = 0; i < 160000; i++) {
		const double u = random_unit(42, i);

		assert_true(u >= 0.0 && u < 1.0);
		assert_true(u == random_unit(42, i));
		boxes[(int)(u * 16.0)]++;
	}
	for (size_t i = 0; i < 16; i++)
		chi += ((double)boxes[i] - 10000.0) * ((double)boxes[i] - 10000.0) / 10000.0;
	assert_true(chi < 37.7); /* 15 degrees of freedom, 0.1 % */
	assert_true(random_unit(1, 0) != random_unit(2, 0));
	assert_true(random_unit(1ull << 32, 0) != random_unit(0, 0));
	assert_true(random_unit(0, 1ull << 32) != random_unit(0, 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_answers),
		cmocka_unit_test(numbers_are_uniform_and_repeat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
