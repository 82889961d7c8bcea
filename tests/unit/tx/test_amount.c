/* amount.c: one text for each amount, nothing else, and arithmetic that never wraps. */
#include "../check.h"

#include "core/tx/amount.c"

static void
test_canonical(void **state)
{
	static const char *const bad[] = { "", "00", "01", "+1", "-1", " 1", "1 ", "1.0", "1e3", "0x1",
		                           "9223372036854775808", "18446744073709551616",
		                           "99999999999999999999999999", "\xd9\xa1" };
	static const uint64_t good[] = { 0, 1, 9, 10, 250000, AMOUNT_MAX - 1, AMOUNT_MAX };
	char text[AMOUNT_SIZE];
	uint64_t v = 77;
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(*good); i++) {
		n = amount_write(good[i], text);
		assert_int_equal(n, strlen(text));
		assert_true(amount_read(text, n, &v));
		assert_int_equal(v, good[i]);
	}
	assert_string_equal(text, "9223372036854775807");
	v = 77;
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(amount_read(bad[i], strlen(bad[i]), &v));
	assert_false(amount_read("1\0", 2, &v));
	assert_int_equal(v, 77);
	amount_write(UINT64_MAX, text); /* beyond the range: cut, not overrun */
	assert_string_equal(text, "9223372036854775807");
}

static void
test_people(void **state)
{
	static const struct {
		const char *text;
		uint64_t    v;
	} good[] = {
		{ "0.25 AITBC", 250000 },  { "0.25aitbc", 250000 },  { "0.25", 250000 },
		{ "100aitbc", 100000000 }, { "3", 3000000 },         { "0", 0 },
		{ "0.000001", 1 },         { "1.500000", 1500000 },  { "007", 7000000 },
		{ "1 AitBC", 1000000 },    { "9223372036854.775807", AMOUNT_MAX },
	};
	static const char *const bad[] = { "", " 1", "1 ", "1  AITBC", ".5", "5.", "1.0000001", "1,5", "-1",
		                           "+1", "1e3", "nan", "inf", "1 BTC", "1aitbcx", "1 aitb",
		                           "9223372036854.775808", "9223372036855", "99999999999999999999",
		                           "0x10", "1.2.3", "1 micro" };
	struct b3iq_error err;
	uint64_t v;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(*good); i++) {
		v = 77;
		assert_int_equal(amount_parse(good[i].text, &v, NULL), B3IQ_OK);
		assert_int_equal(v, good[i].v);
	}
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		v = 77;
		err = NO_ERROR;
		assert_int_equal(amount_parse(bad[i], &v, &err), B3IQ_E_INVALID);
		assert_true(strlen(err.text) > 20);
		assert_int_equal(v, 77);
	}
	assert_int_equal(amount_parse("99999999999999999999", &v, &err), B3IQ_E_INVALID);
	assert_non_null(strstr(err.text, "more than there can be"));
}

static void
test_show(void **state)
{
	static const struct {
		uint64_t    v;
		const char *text, *brief;
	} cases[] = {
		{ 0, "0 AITBC", "0aitbc" },
		{ 1, "0.000001 AITBC", "0.000001aitbc" },
		{ 250000, "0.25 AITBC", "0.25aitbc" },
		{ 1000000, "1 AITBC", "1aitbc" },
		{ 1000010, "1.00001 AITBC", "1.00001aitbc" },
		{ 100000, "0.1 AITBC", "0.1aitbc" },
		{ AMOUNT_MAX, "9223372036854.775807 AITBC", "9223372036854.775807aitbc" },
		{ UINT64_MAX, "9223372036854.775807 AITBC", "9223372036854.775807aitbc" },
	};
	char text[AMOUNT_SHOW];
	uint64_t v, back;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		amount_show(cases[i].v, text);
		assert_string_equal(text, cases[i].text);
		amount_show_short(cases[i].v, text);
		assert_string_equal(text, cases[i].brief);
	}
	for (v = 1, i = 0; i < 62; i++, v = v * 2 + i % 3) { /* what is shown reads back */
		amount_show(v, text);
		assert_int_equal(amount_parse(text, &back, NULL), B3IQ_OK);
		assert_int_equal(back, v);
	}
}

static void
test_arithmetic(void **state)
{
	uint64_t v = 77;

	(void)state;
	assert_false(amount_add(AMOUNT_MAX, 1, &v));
	assert_false(amount_add(1, AMOUNT_MAX, &v));
	assert_false(amount_add(UINT64_MAX, 2, &v));
	assert_false(amount_add(2, UINT64_MAX, &v));
	assert_false(amount_sub(1, 2, &v));
	assert_false(amount_sub(UINT64_MAX, 2, &v));
	assert_false(amount_mul_div(AMOUNT_MAX, 2, 1, &v));
	assert_false(amount_mul_div(UINT64_MAX, UINT64_MAX, 1, &v));
	assert_false(amount_mul_div(1, 1, 0, &v));
	assert_false(amount_mul_div_up(1, 1, 0, &v));
	assert_int_equal(v, 77);
	assert_true(amount_add(AMOUNT_MAX, 0, &v) && v == AMOUNT_MAX);
	assert_true(amount_sub(AMOUNT_MAX, AMOUNT_MAX, &v) && v == 0);
	/* 12.5 s at 0.02 AITBC a second */
	assert_true(amount_mul_div(12500, 20000, 1000, &v) && v == 250000);
	assert_true(amount_mul_div(AMOUNT_MAX, AMOUNT_MAX, AMOUNT_MAX, &v) && v == AMOUNT_MAX);
	assert_true(amount_mul_div(10, 1, 3, &v) && v == 3);
	assert_true(amount_mul_div_up(10, 1, 3, &v) && v == 4);
	assert_true(amount_mul_div_up(9, 1, 3, &v) && v == 3);
	assert_true(amount_mul_div_up(UINT64_MAX, UINT64_MAX, UINT64_MAX, &v) == false);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_canonical),
		cmocka_unit_test(test_people),
		cmocka_unit_test(test_show),
		cmocka_unit_test(test_arithmetic),
	};

	return cmocka_run_group_tests_name("tx/amount", tests, NULL, NULL);
}
