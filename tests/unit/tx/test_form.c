/* form.c: one text for one value, by a table. */
#include "../check.h"

#include "core/tx/form.c"

struct thing {
	char           chain[FORM_CHAIN_SIZE];
	struct address owner;
	uint64_t       amount, count, price;
	uint8_t        hash[32], pub[32], sig[64];
	char           name[9], note[9];
};

#define AT(m) offsetof(struct thing, m), sizeof(((struct thing *)0)->m), NULL
static const struct form_field fields[] = {
	{ "amount", FORM_AMOUNT, AT(amount) },    { "chain", FORM_CHAIN, AT(chain) },
	{ "count", FORM_COUNT, AT(count) },       { "hash", FORM_HASH, AT(hash) },
	{ "kind", FORM_WORD, 0, 0, "thing" },     { "name", FORM_TEXT, AT(name) },
	{ "note", FORM_MAYBE_TEXT, AT(note) },    { "owner", FORM_ADDRESS, AT(owner) },
	{ "price", FORM_POSITIVE, AT(price) },    { "pub", FORM_KEY, AT(pub) },
	{ "sig", FORM_SIGNATURE, AT(sig) },
};
static const struct form form = { "the thing", fields, sizeof(fields) / sizeof(*fields) };

static struct thing
sample(void)
{
	struct thing t;

	memset(&t, 0, sizeof(t));
	memcpy(t.chain, "c-1", 4);
	t.amount = 5;
	t.count = FORM_COUNT_MAX;
	t.price = 1;
	memcpy(t.name, "a\"b\\c", 6);
	memset(t.sig, 0xab, sizeof(t.sig));
	return t;
}

static void
write_ok(const struct thing *t, struct buf *b)
{
	struct b3iq_error err = NO_ERROR;

	buf_init(b, 4096);
	if (form_write(&form, t, b, &err) != B3IQ_OK)
		fail_msg("%s", err.text);
}

static void
test_round_trip(void **state)
{
	struct thing t = sample(), back;
	struct buf b, again;
	size_t used;

	(void)state;
	write_ok(&t, &b);
	assert_memory_equal(b.data,
	                    "{\"amount\":\"5\",\"chain\":\"c-1\",\"count\":9007199254740991,", 53);
	assert_non_null(strstr(b.data, "\"name\":\"a\\\"b\\\\c\",\"owner\""));
	memset(&back, 0, sizeof(back));
	memset(back.note, 'x', sizeof(back.note));
	assert_int_equal(form_read(&form, b.data, b.len, &back, &used, NULL), B3IQ_OK);
	assert_int_equal(used, b.len);
	assert_string_equal(back.note, "");
	memset(back.note, 0, sizeof(back.note));
	assert_memory_equal(&back, &t, sizeof(t));
	memcpy(t.note, "\xf0\x9f\x98\x80/", 6);
	buf_free(&b);
	write_ok(&t, &b);
	assert_int_equal(form_read(&form, b.data, b.len, &back, &used, NULL), B3IQ_OK);
	write_ok(&back, &again);
	assert_int_equal(again.len, b.len);
	assert_memory_equal(again.data, b.data, b.len);
	buf_free(&again);
	buf_free(&b);
}

/* Every prefix, and every byte changed to every other value: refused, or the one text of what was read. */
static void
test_no_second_text(void **state)
{
	struct thing t = sample(), back;
	struct buf b, again;
	size_t i, used;
	unsigned c;

	(void)state;
	memcpy(t.note, "n", 2);
	write_ok(&t, &b);
	for (i = 0; i < b.len; i++) {
		const char was = b.data[i];

		assert_int_equal(form_read(&form, b.data, i, &back, &used, NULL), B3IQ_E_INVALID);
		for (c = 0; c < 256; c++) {
			b.data[i] = (char)c;
			memset(&back, 0, sizeof(back));
			if (form_read(&form, b.data, b.len, &back, &used, NULL) != B3IQ_OK)
				continue;
			write_ok(&back, &again);
			assert_int_equal(again.len, used);
			assert_memory_equal(again.data, b.data, used);
			buf_free(&again);
		}
		b.data[i] = was;
	}
	buf_free(&b);
}

static void
refused(const struct thing *t, const char *name)
{
	struct b3iq_error err = NO_ERROR;
	struct buf b;

	buf_init(&b, 4096);
	assert_int_equal(form_write(&form, t, &b, &err), B3IQ_E_INVALID);
	if (!strstr(err.text, name))
		fail_msg("%s: %s", name, err.text);
	buf_free(&b);
}

static void
test_members_without_form(void **state)
{
	struct thing t = sample();
	struct buf b;

	(void)state;
	t.chain[0] = '\0';
	refused(&t, "\"chain\"");
	memset(t.chain, 'a', sizeof(t.chain)); /* no NUL */
	refused(&t, "\"chain\"");
	t = sample();
	t.count++;
	refused(&t, "\"count\"");
	t = sample();
	t.amount = AMOUNT_MAX + 1;
	refused(&t, "\"amount\"");
	t = sample();
	t.price = 0;
	refused(&t, "\"price\"");
	t = sample();
	memset(t.name, 'a', sizeof(t.name));
	refused(&t, "\"name\"");
	memcpy(t.name, "\n", 2);
	refused(&t, "\"name\"");
	memcpy(t.name, "\x7f", 2);
	refused(&t, "\"name\"");
	memcpy(t.name, "\xc3", 2);
	refused(&t, "\"name\"");
	t.name[0] = '\0';
	refused(&t, "\"name\"");
	t = sample();
	buf_init(&b, 100); /* no room */
	assert_int_equal(form_write(&form, &t, &b, NULL), B3IQ_E_INVALID);
	buf_free(&b);
}

static void
test_other_spellings(void **state)
{
	static const struct {
		const char *from, *to;
	} cases[] = {
		{ "{\"amount\"", "{ \"amount\"" },
		{ "\"5\"", "5" },
		{ "\"5\"", "\"05\"" },
		{ "\"5\"", "\"5 \"" },
		{ "\"5\"", "\"-5\"" },
		{ "\"5\"", "\"9223372036854775808\"" },
		{ "9007199254740991", "9007199254740992" },
		{ "9007199254740991", "1.0" },
		{ "9007199254740991", "1e3" },
		{ "9007199254740991", "-0" },
		{ "9007199254740991", "\"1\"" },
		{ "9007199254740991", "null" },
		{ "\"c-1\"", "\"C-1\"" },
		{ "\"c-1\"", "\"-c\"" },
		{ "\"c-1\"", "\"\"" },
		{ "\"c-1\"", "\"\\u0063-1\"" },
		{ "\"thing\"", "\"thin\"" },
		{ "\"thing\"", "\"things\"" },
		{ "\"a\\\"b\\\\c\"", "\"a\\u0022b\"" },
		{ "\"a\\\"b\\\\c\"", "\"a\\/b\"" },
		{ "\"a\\\"b\\\\c\"", "\"a\\n\"" },
		{ "\"a\\\"b\\\\c\"", "\"123456789\"" },
		{ "\"a\\\"b\\\\c\"", "\"\"" },
		{ "\"a\\\"b\\\\c\"", "\"\\" },
		{ "\"price\":\"1\"", "\"price\":\"0\"" },
		{ "abababab\"}", "ababABab\"}" },
		{ "abababab\"}", "abababab\",\"zeta\":1}" },
		{ "abababab\"}", "abababab\" }" },
		{ "\"ed25519:", "\"ed25518:" },
		{ "\"ed25519:", "\"" },
		{ ",\"owner\"", ",\"note\":\"\",\"owner\"" },
		{ ",\"owner\"", ",\"note\":\"a\",\"note\":\"a\",\"owner\"" },
		{ "\"amount\":\"5\",\"chain\":\"c-1\"", "\"chain\":\"c-1\",\"amount\":\"5\"" },
	};
	struct thing t = sample(), back;
	char text[4096];
	struct buf b;
	size_t i, used;

	(void)state;
	write_ok(&t, &b);
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *at = strstr(b.data, cases[i].from);
		struct b3iq_error err = NO_ERROR;
		int n;

		assert_non_null(at);
		n = snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - b.data), b.data,
		             cases[i].to, at + strlen(cases[i].from));
		if (form_read(&form, text, (size_t)n, &back, &used, &err) != B3IQ_E_INVALID)
			fail_msg("accepted %s", cases[i].to);
		assert_true(strlen(err.text) > 20);
	}
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_no_second_text),
		cmocka_unit_test(test_members_without_form),
		cmocka_unit_test(test_other_spellings),
	};

	return cmocka_run_group_tests_name("tx/form", tests, NULL, NULL);
}
