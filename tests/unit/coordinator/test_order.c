#include "coordinator/jobs/order.c"

#include <string.h>

#include "core/base/json.h"
#include "unit.h"

static void
test_order(void **state)
{
	struct job j = unit_job("alice", "llama3.2:latest"), other;
	struct json_object *doc = NULL;
	struct b3iq_error err = NO_ERR;
	struct buf request, params, text, again, canonical;
	uint8_t secret[32] = { 1 };

	(void)state;
	buf_init(&request, 100);
	buf_init(&params, 100);
	buf_init(&text, 4096);
	buf_init(&again, 4096);
	buf_init(&canonical, 4096);
	buf_puts(&request, "{\"prompt\":\"x\"}");
	buf_puts(&params, "{}");
	j.escrow = 250000;
	assert_ok(order_make(&j, &request, &params, secret, &text, &err), err);
	assert_ok(json_parse(text.data, text.len, "order", &doc, &err), err);
	assert_ok(json_canonical(doc, &canonical, &err), err);
	assert_string_equal(text.data, canonical.data); /* it is canonical as it stands */
	assert_null(strstr(text.data, "prompt\":\"x"));
	other = j;
	other.id[10] = other.id[10] == 'a' ? 'b' : 'a';
	assert_ok(order_make(&other, &request, &params, secret, &again, &err), err);
	assert_memory_not_equal(j.order, other.order, 32); /* of another job it is another */
	json_object_put(doc);
	buf_free(&request);
	buf_free(&params);
	buf_free(&text);
	buf_free(&again);
	buf_free(&canonical);
}

UNIT_MAIN(cmocka_unit_test(test_order))
