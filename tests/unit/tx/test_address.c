/* address.c: the vectors of BIP-350, and texts that look like addresses. */
#include "../check.h"

#include "core/tx/address.c"

/* BIP-350, "Test vectors for Bech32m". */
static void
test_bip350_valid(void **state)
{
	static const char *const valid[] = {
		"A1LQFN3A",
		"a1lqfn3a",
		"an83characterlonghumanreadablepartthatcontainsthetheexcludedcharactersbioandnumber11sg7"
		"hg6",
		"abcdef1l7aum6echk45nj3s0wdvt2fg8x9yrzpqzd3ryx",
		"11llllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllludsr"
		"8",
		"split1checkupstagehandshakeupstreamerranterredcaperredlc445v",
		"?1v759aa",
	};
	char copy[BECH32_MAX + 1], again[BECH32_MAX + 1], lower[BECH32_MAX + 1];
	uint8_t groups[BECH32_MAX];
	size_t i, j, n;

	(void)state;
	for (i = 0; i < sizeof(valid) / sizeof(*valid); i++) {
		assert_null(bech32m_decode(valid[i], strlen(valid[i]), copy, groups, &n));
		bech32m_encode(copy, groups, n, again);
		for (j = 0; valid[i][j]; j++)
			lower[j] = (char)(valid[i][j] >= 'A' && valid[i][j] <= 'Z' ? valid[i][j] | 0x20 :
			                                                             valid[i][j]);
		lower[j] = '\0';
		assert_string_equal(again, lower);
	}
}

static void
test_bip350_invalid(void **state)
{
	static const char *const invalid[] = {
		" 1xj0phk", /* prefix character out of range */
		"\x7f"
		"1g6xzxy",
		"\x80"
		"1vctc34",
		"an84characterslonghumanreadablepartthatcontainsthetheexcludedcharactersbioandnumber11d6p"
		"ts4", /* too long */
		"qyrz8wqd2c9m", /* no separator */
		"1qyrz8wqd2c9m", /* no prefix */
		"y1b0jsk6g", /* data character */
		"lt1igcx5c0",
		"in1muywd", /* too short checksum */
		"mm1crxm3i", /* checksum character */
		"au1s5cgom",
		"M1VUXWEZ", /* checksum made of the upper case prefix */
		"16plkw9", /* no prefix */
		"1p2gdwpf",
	};
	char copy[BECH32_MAX + 1];
	uint8_t groups[BECH32_MAX];
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof(invalid) / sizeof(*invalid); i++)
		assert_non_null(bech32m_decode(invalid[i], strlen(invalid[i]), copy, groups, &n));
}

static void
refused(const char *text, const char *why)
{
	struct b3iq_error err = NO_ERROR;
	struct address a;

	assert_int_equal(address_parse(text, &a, &err), B3IQ_E_INVALID);
	if (!strstr(err.text, why))
		fail_msg("%s: %s", text, err.text);
}

static void
test_errors(void **state)
{
	char text[128], other[ADDRESS_SIZE];
	struct address a = { { 1, 2, 3 } };
	uint8_t groups[GROUPS + 1] = { 0 };

	(void)state;
	address_write(&a, other);
	refused("", "prefix");
	refused("hello", "prefix");
	refused("ait1", "short");
	refused("ait1qqq!qqq", "character");
	refused("A1lqfn3a", "case");
	refused("a1lqfn3a", "another network");
	bech32m_encode(PREFIX, groups, GROUPS + 1, text);
	refused(text, "42 characters");
	memcpy(text, other, sizeof(other));
	text[41] = text[41] == 'q' ? 'p' : 'q';
	refused(text, "checksum");
	text[20] = (char)(text[20] & ~0x20);
	memset(text, 'q', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	refused(text, "too long");
	/* BIP-173 vector: the older checksum says so */
	refused("A12UEL5L", "bech32m");
}

/* Every substitution, swap of neighbours and loss of a character is found. */
static void
test_mistyped(void **state)
{
	struct address a = { { 0 } }, b;
	char text[ADDRESS_SIZE], bad[ADDRESS_SIZE];
	size_t at, i;

	(void)state;
	for (i = 0; i < ADDRESS_BYTES; i++)
		a.bytes[i] = (uint8_t)(i * 37 + 11);
	address_write(&a, text);
	assert_int_equal(strlen(text), ADDRESS_SIZE - 1);
	assert_int_equal(address_parse(text, &b, NULL), B3IQ_OK);
	assert_true(address_equal(&a, &b));
	assert_true(address_read(text, ADDRESS_SIZE - 1, &b));
	for (at = 4; at < ADDRESS_SIZE - 1; at++) {
		memcpy(bad, text, sizeof(bad));
		for (i = 0; charset[i]; i++) {
			bad[at] = charset[i];
			assert_int_equal(address_parse(bad, &b, NULL) == B3IQ_OK,
			                 charset[i] == text[at]);
		}
		memcpy(bad, text, sizeof(bad));
		memmove(bad + at, bad + at + 1, sizeof(bad) - at - 1);
		assert_int_equal(address_parse(bad, &b, NULL), B3IQ_E_INVALID);
		memcpy(bad, text, sizeof(bad));
		if (at + 1 < ADDRESS_SIZE - 1 && bad[at] != bad[at + 1]) {
			bad[at] = text[at + 1];
			bad[at + 1] = text[at];
			assert_int_equal(address_parse(bad, &b, NULL), B3IQ_E_INVALID);
		}
	}
}

static void
test_one_canonical_text(void **state)
{
	struct address a = { { 9, 8, 7 } }, b;
	char text[ADDRESS_SIZE], upper[ADDRESS_SIZE];
	size_t i;

	(void)state;
	address_write(&a, text);
	for (i = 0; i < ADDRESS_SIZE; i++)
		upper[i] = (char)(text[i] >= 'a' && text[i] <= 'z' ? text[i] & ~0x20 : text[i]);
	assert_int_equal(address_parse(upper, &b, NULL), B3IQ_OK); /* a QR code has it so */
	assert_true(address_equal(&a, &b));
	assert_false(address_read(upper, ADDRESS_SIZE - 1, &b)); /* a transaction does not */
	assert_false(address_read(text, ADDRESS_SIZE - 2, &b));
	assert_false(address_read(text, 0, &b));
	a.bytes[19] ^= 1;
	assert_false(address_equal(&a, &b));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bip350_valid), cmocka_unit_test(test_bip350_invalid),
		cmocka_unit_test(test_errors),       cmocka_unit_test(test_mistyped),
		cmocka_unit_test(test_one_canonical_text),
	};

	return cmocka_run_group_tests_name("tx/address", tests, NULL, NULL);
}
