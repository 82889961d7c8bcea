#include "core/http/sse.c"
#include "unit.h"

static struct buf seen;

static int32_t
collect(void *ctx, const char *event, const char *data, size_t len)
{
	(void)ctx;
	buf_printf(&seen, "<%s|%.*s>", event, (int)len, data);
	return strcmp(data, "stop") == 0 ? B3IQ_E_CANCELLED : B3IQ_OK;
}

static void
test_framing(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	sse_event(&out, NULL, "{\"a\":1}", 7);
	sse_event(&out, "receipt", "x\ny", 3);
	sse_comment(&out, "ping");
	assert_string_equal(out.data,
	                    "data: {\"a\":1}\n\nevent: receipt\ndata: x\ndata: y\n\n: ping\n\n");
	buf_free(&out);
}

/* The same events wherever the bytes are cut, and whatever ends the lines. */
static void
test_parse_in_pieces(void **state)
{
	static const char *const texts[] = {
		": hi\n\ndata: one\n\nevent: x\ndata:two\ndata: three\n\ndata\n\nid: 7\n\ndata: last",
		(": hi\r\n\r\ndata: one\r\n\r\nevent: x\r\ndata:two\r\ndata: three\r\n\r\n"
		 "data\r\n\r\nid: 7\r\n\r\ndata: last"),
		": hi\r\rdata: one\r\revent: x\rdata:two\rdata: three\r\rdata\r\rid: 7\r\rdata: last",
	};

	(void)state;
	buf_init(&seen, 10000);
	for (size_t t = 0; t < 3; t++) {
		for (size_t piece = 1; piece < 20; piece++) {
			struct sse_parser p;
			const size_t n = strlen(texts[t]);

			buf_clear(&seen);
			sse_parser_init(&p, 1000);
			for (size_t at = 0; at < n; at += piece)
				assert_int_equal(sse_parse(&p, texts[t] + at,
				                           n - at < piece ? n - at : piece,
				                           collect, NULL), B3IQ_OK);
			assert_string_equal(seen.data, "<message|one><x|two\nthree><message|>");
			sse_parser_finish(&p);
		}
	}
	buf_free(&seen);
}

static void
test_bounds(void **state)
{
	struct sse_parser p;
	int32_t rc = B3IQ_OK;

	(void)state;
	buf_init(&seen, 1000);
	sse_parser_init(&p, 100);
	for (int i = 0; i < 1000 && rc == B3IQ_OK; i++)
		rc = sse_parse(&p, "data: long", 10, collect, NULL);
	assert_int_equal(rc, B3IQ_E_INVALID);
	sse_parser_finish(&p);
	sse_parser_init(&p, 100);
	assert_int_equal(sse_parse(&p, "data: stop\n\ndata: x\n\n", 21, collect, NULL),
	                 B3IQ_E_CANCELLED);
	assert_string_equal(seen.data, "<message|stop>");
	sse_parser_finish(&p);
	buf_free(&seen);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_framing),
		cmocka_unit_test(test_parse_in_pieces),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
