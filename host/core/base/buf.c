#include "core/base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/fail.h"

#define FIRST_CAP 64

static int32_t
writer_write(struct b3iq_writer *w, const void *data, size_t n)
{
	return buf_append((struct buf *)w, data, n);
}

void
buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .writer = { writer_write }, .max = max, .rc = B3IQ_OK };
}

void
buf_free(struct buf *b)
{
	free(b->data);
	buf_init(b, b->max);
}

void
buf_wipe(struct buf *b)
{
	if (b->data)
		explicit_bzero(b->data, b->cap);
	buf_free(b);
}

void
buf_clear(struct buf *b)
{
	b->len = 0;
	b->rc = B3IQ_OK;
	if (b->data)
		b->data[0] = '\0';
}

/* Room for n bytes and a NUL behind them. */
static int32_t
grow(struct buf *b, size_t n)
{
	size_t need, cap = b->cap ? b->cap : FIRST_CAP;
	char *data;

	if (b->rc != B3IQ_OK)
		return b->rc;
	if (n > b->max || b->len > b->max - n)
		return b->rc = B3IQ_E_INVALID;
	need = b->len + n + 1;
	if (need == 0)
		return b->rc = B3IQ_E_INVALID;
	if (need <= b->cap)
		return B3IQ_OK;
	while (cap < need)
		cap = cap > SIZE_MAX / 2 ? need : cap * 2;
	if (cap - 1 > b->max)
		cap = b->max + 1; /* need fits: len + n <= max */
	data = realloc(b->data, cap);
	if (!data)
		return b->rc = B3IQ_E_NO_MEMORY;
	b->data = data;
	b->cap = cap;
	return B3IQ_OK;
}

int32_t
buf_append(struct buf *b, const void *data, size_t n)
{
	if (grow(b, n) != B3IQ_OK)
		return b->rc;
	if (n > 0)
		memcpy(b->data + b->len, data, n);
	buf_grew(b, n);
	return B3IQ_OK;
}

int32_t
buf_puts(struct buf *b, const char *s)
{
	return buf_append(b, s, strlen(s));
}

int32_t
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (n < 0)
		return b->rc = b->rc == B3IQ_OK ? B3IQ_E_INTERNAL : b->rc;
	if (grow(b, (size_t)n) != B3IQ_OK)
		return b->rc;
	va_start(args, fmt);
	vsnprintf(b->data + b->len, (size_t)n + 1, fmt, args);
	va_end(args);
	b->len += (size_t)n;
	return B3IQ_OK;
}

char *
buf_reserve(struct buf *b, size_t n)
{
	return grow(b, n) == B3IQ_OK ? b->data + b->len : NULL;
}

void
buf_grew(struct buf *b, size_t n)
{
	b->len += n;
	b->data[b->len] = '\0';
}

void
buf_consume(struct buf *b, size_t n)
{
	if (n > b->len)
		n = b->len;
	if (n == 0)
		return;
	b->len -= n;
	memmove(b->data, b->data + n, b->len + 1);
}

char *
buf_take(struct buf *b)
{
	char *data;

	if (grow(b, 0) != B3IQ_OK) {
		buf_free(b);
		return NULL;
	}
	b->data[b->len] = '\0';
	data = b->data;
	b->data = NULL;
	buf_free(b);
	return data;
}
