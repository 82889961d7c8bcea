#include "value.h"

#include <stdlib.h>
#include <string.h>

int32_t
value_write(struct b3iq_writer *writer, const void *data, size_t len)
{
	struct value *v = (struct value *)writer;
	char *longer;

	if (len > v->max - v->len)
		return B3IQ_E_INVALID;
	longer = realloc(v->data, v->len + len + 1);
	if (!longer)
		return B3IQ_E_NO_MEMORY;
	memcpy(longer + v->len, data, len);
	v->data = longer;
	v->len += len;
	v->data[v->len] = '\0';
	return B3IQ_OK;
}

struct json_object *
value_json(const struct value *v)
{
	return v->data ? json_tokener_parse(v->data) : NULL;
}

void
value_finish(struct value *v)
{
	free(v->data);
	v->data = NULL;
	v->len = 0;
}
