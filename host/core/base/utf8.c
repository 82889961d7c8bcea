#include "core/base/utf8.h"

#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd"

/* Length of the character at s, 0 if it is wrong, -1 if it is unfinished at the end. */
static int
character(const unsigned char *s, size_t left)
{
	unsigned char low = 0x80, high = 0xbf;
	int need, i;

	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		need = 2;
	else if (s[0] >= 0xe0 && s[0] <= 0xef)
		need = 3;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		need = 4;
	else
		return 0;
	/* The second byte excludes overlong forms, surrogates and what lies above U+10FFFF. */
	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	for (i = 1; i < need; i++) {
		if ((size_t)i == left)
			return -1;
		if (s[i] < low || s[i] > high)
			return 0;
		low = 0x80;
		high = 0xbf;
	}
	return need;
}

size_t
utf8_whole(const char *s, size_t len, bool *bad)
{
	size_t at = 0;
	int n = 1;

	while (at < len) {
		n = character((const unsigned char *)s + at, len - at);
		if (n <= 0)
			break;
		at += (size_t)n;
	}
	*bad = n == 0;
	return at;
}

bool
utf8_valid(const char *s, size_t len)
{
	bool bad;

	return utf8_whole(s, len, &bad) == len;
}

/* Appends all but a cut character at the end; returns how many bytes that one has, 3 at most. */
static size_t
append_whole(struct buf *out, const char *s, size_t len)
{
	bool bad;

	for (;;) {
		const size_t whole = utf8_whole(s, len, &bad);

		buf_append(out, s, whole);
		s += whole;
		len -= whole;
		if (!bad)
			return len;
		buf_puts(out, REPLACEMENT);
		s++;
		len--;
	}
}

int32_t
utf8_append(struct buf *out, struct utf8_tail *tail, const char *s, size_t len)
{
	size_t left;

	while (tail->n > 0 && len > 0) {
		tail->bytes[tail->n++] = *s++;
		len--;
		left = append_whole(out, tail->bytes, tail->n);
		memmove(tail->bytes, tail->bytes + tail->n - left, left);
		tail->n = left;
	}
	if (len > 0) {
		tail->n = append_whole(out, s, len);
		memcpy(tail->bytes, s + len - tail->n, tail->n);
	}
	return out->rc;
}

int32_t
utf8_end(struct buf *out, struct utf8_tail *tail)
{
	if (tail->n > 0)
		buf_puts(out, REPLACEMENT);
	tail->n = 0;
	return out->rc;
}
