#include "engine/bytes.h"

#include <stdlib.h>
#include <string.h>
#include "plugin.h"

void
bytes_finish(struct bytes *b)
{
	free(b->data);
	*b = BYTES(b->max);
}

int32_t
bytes_reserve(struct bytes *b, size_t more)
{
	size_t cap = b->cap ? b->cap : 64;
	char  *data;

	if (b->len > b->max || more > b->max - b->len)
		return B3IQ_E_INVALID;
	if (more <= b->cap - b->len)
		return B3IQ_OK;
	if (cap > b->max)
		cap = b->max;
	while (cap - b->len < more)
		cap = cap > b->max / 2 ? b->max : cap * 2;
	data = realloc(b->data, cap);
	if (!data)
		return B3IQ_E_NO_MEMORY;
	b->data = data;
	b->cap = cap;
	return B3IQ_OK;
}

int32_t
bytes_add(struct bytes *b, const void *data, size_t len)
{
	int32_t rc;

	if (!len)
		return B3IQ_OK;
	rc = bytes_reserve(b, len);
	if (rc)
		return rc;
	memcpy(b->data + b->len, data, len);
	b->len += len;
	return B3IQ_OK;
}

int32_t
bytes_text(struct bytes *b, const char *text)
{
	return bytes_add(b, text, strlen(text));
}
