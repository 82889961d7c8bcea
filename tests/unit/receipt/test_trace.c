/* trace.c: chain and tree by the formulas, and what spoils a claim. */
#include "../check.h"

#include "core/base/encode.h"
#include "core/receipt/trace.c"

/* Worked out with Python's hashlib from the formulas of docs/receipts.md, for the salt 11...11, the
 * ids 5, -1, 70000 and the probes "pr0", "pr1", "pr2". */
#define HEAD_0 "bd4c345f212d7cdf6aa1aedd5f3900f016dc798141c65c079f64141b719d3623"
#define HEAD_3 "eb3bdd797c335f0c48557b2ae424f519c04a3f2c8d4b9cd768854eea52c439da"
#define ROOT_3 "19545524ac9bfc23cd9b0243570c16d2125adfcf9c73aac76fc23ae67b14aed6"

static const int32_t ids[] = { 5, -1, 70000 };
static const char *const probes[] = { "pr0", "pr1", "pr2" };

static void
is(const uint8_t got[32], const char *hex)
{
	uint8_t want[32];

	assert_true(hex_decode(hex, 64, want, 32));
	assert_memory_equal(got, want, 32);
}

static void
begin(struct trace *t)
{
	uint8_t salt[32];

	memset(salt, 0x11, sizeof(salt));
	assert_int_equal(trace_init(t, salt), B3IQ_OK);
}

static void
test_formulas(void **state)
{
	struct trace t;
	uint8_t root[32];
	int i;

	(void)state;
	begin(&t);
	is(t.head, HEAD_0);
	for (i = 0; i < 3; i++)
		assert_int_equal(trace_token(&t, ids[i], probes[i], 3), B3IQ_OK);
	is(t.head, HEAD_3);
	assert_int_equal(merkle_root(&t.logits, root), B3IQ_OK);
	is(root, ROOT_3);
	assert_int_equal(t.count, 3);
	assert_false(t.hidden || t.unprobed);
}

static void
test_chunks(void **state)
{
	struct b3iq_chunk c = { .size = sizeof(c), .text = "", .n_ids = 1 };
	struct trace t;
	uint8_t root[32];
	int i;

	(void)state;
	begin(&t);
	for (i = 0; i < 3; i++) {
		c.ids = &ids[i];
		c.probe = probes[i];
		c.probe_len = 3;
		assert_int_equal(trace_chunk(&t, &c), B3IQ_OK);
	}
	c = (struct b3iq_chunk){ .size = sizeof(c), .text = "tail", .text_len = 4, .ids = ids };
	assert_int_equal(trace_chunk(&t, &c),
			 B3IQ_OK); /* text that was held back: no id, no harm */
	is(t.head, HEAD_3);
	assert_int_equal(merkle_root(&t.logits, root), B3IQ_OK);
	is(root, ROOT_3);
	assert_false(t.hidden);
}

static void
test_what_spoils_a_claim(void **state)
{
	struct b3iq_chunk c = { .size = sizeof(c), .text = "", .n_ids = 3, .ids = ids,
		                .probe = "x", .probe_len = 1 };
	struct trace t;

	(void)state;
	begin(&t);
	assert_int_equal(trace_chunk(&t, &c), B3IQ_OK);
	is(t.head, HEAD_3); /* several ids in a chunk: the chain is whole */
	assert_true(t.unprobed); /* one probe for three ids: the tree is not */
	begin(&t);
	c = (struct b3iq_chunk){ .size = sizeof(c), .text = "hello", .text_len = 5 };
	assert_int_equal(trace_chunk(&t, &c), B3IQ_OK);
	assert_true(t.hidden);
	begin(&t);
	t.rc = B3IQ_E_NO_MEMORY;
	assert_int_equal(trace_token(&t, 1, "x", 1), B3IQ_E_NO_MEMORY);
	assert_int_equal(t.count, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formulas),
		cmocka_unit_test(test_chunks),
		cmocka_unit_test(test_what_spoils_a_claim),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
