/* Hostile JSON: what is accepted is written and read back as the same, and its canonical form is one. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Two passes through writer and reader must agree to the byte. */
static void
again(const struct buf *first, int32_t (*write)(struct json_object *, struct buf *))
{
	struct json_object *o;
	struct buf second;

	buf_init(&second, 1 << 24);
	if (json_parse(first->data, first->len, "again", &o, NULL) != B3IQ_OK ||
	    write(o, &second) != B3IQ_OK || second.len != first->len ||
	    memcmp(second.data, first->data, first->len) != 0)
		abort();
	json_object_put(o);
	buf_free(&second);
}

static int32_t
canonical(struct json_object *o, struct buf *out)
{
	return json_canonical(o, out, NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_object *o;
	struct buf b;

	if (size > 1 << 20 || json_parse((const char *)data, size, "fuzz", &o, NULL) != B3IQ_OK)
		return 0;
	buf_init(&b, 1 << 24);
	if (json_write(o, &b) != B3IQ_OK)
		abort(); /* whatever can be read can be written */
	again(&b, json_write);
	buf_clear(&b);
	if (json_canonical(o, &b, NULL) == B3IQ_OK)
		again(&b, canonical);
	buf_free(&b);
	json_object_put(o);
	return 0;
}
