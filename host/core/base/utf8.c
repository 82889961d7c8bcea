#include "core/base/utf8.h"

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
