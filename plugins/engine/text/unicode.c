#include "engine/text/unicode.h"

#include "engine/text/unicode_table.h"

#define N_RUNS (sizeof(unicode_runs) / sizeof(unicode_runs[0]))

/* First byte of a character: its length and the least second byte that is not overlong, a surrogate
 * or above 10FFFF (Unicode 15 table 3-7). */
struct lead {
	int     len;
	uint8_t low, high;
};

static struct lead
lead(uint8_t byte)
{
	if (byte < 0x80)
		return (struct lead){ 1, 0, 0 };
	if (byte < 0xc2 || byte > 0xf4)
		return (struct lead){ 0, 0, 0 };
	if (byte < 0xe0)
		return (struct lead){ 2, 0x80, 0xbf };
	if (byte < 0xf0)
		return (struct lead){ 3, byte == 0xe0 ? 0xa0 : 0x80, byte == 0xed ? 0x9f : 0xbf };
	return (struct lead){ 4, byte == 0xf0 ? 0x90 : 0x80, byte == 0xf4 ? 0x8f : 0xbf };
}

int
unicode_scan(const char *text, size_t len)
{
	const uint8_t *s = (const uint8_t *)text;
	struct lead first = lead(s[0]);

	if (!first.len)
		return -1;
	for (int i = 1; i < first.len; i++) {
		if ((size_t)i == len)
			return 0;
		if (s[i] < (i == 1 ? first.low : 0x80) || s[i] > (i == 1 ? first.high : 0xbf))
			return -i;
	}
	return first.len;
}

uint32_t
unicode_decode(const char *text, size_t len, size_t *taken)
{
	static const uint8_t masks[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	const uint8_t *s = (const uint8_t *)text;
	int n = unicode_scan(text, len);
	uint32_t point;

	if (n <= 0) {
		*taken = 1;
		return UNICODE_REPLACEMENT;
	}
	point = s[0] & masks[n];
	for (int i = 1; i < n; i++)
		point = point << 6 | (s[i] & 0x3f);
	*taken = (size_t)n;
	return point;
}

size_t
unicode_encode(uint32_t point, char out[UNICODE_MAX_UTF8])
{
	size_t n = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
	static const uint8_t leads[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

	for (size_t i = n - 1; i > 0; i--, point >>= 6)
		out[i] = (char)(0x80 | (point & 0x3f));
	out[0] = (char)(leads[n] | point);
	return n;
}

enum unicode_class
unicode_class(uint32_t point)
{
	size_t low = 0, high = N_RUNS;

	while (high - low > 1) {
		size_t middle = (low + high) / 2;

		if (unicode_runs[middle] >> 3 <= point)
			low = middle;
		else
			high = middle;
	}
	return (enum unicode_class)(unicode_runs[low] & 7);
}

bool
unicode_is_space(uint32_t point)
{
	if (point < 0x80)
		return point == ' ' || (point >= '\t' && point <= '\r');
	return point == 0x85 || point == 0xa0 || point == 0x1680 ||
	       (point >= 0x2000 && point <= 0x200a) || point == 0x2028 || point == 0x2029 ||
	       point == 0x202f || point == 0x205f || point == 0x3000;
}

/* The printable Latin-1 characters stand for themselves, all other bytes follow from U+0100 on. */
static bool
spells_itself(uint32_t byte)
{
	return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xff && byte != 0xad);
}

uint32_t
unicode_from_byte(uint8_t byte)
{
	if (spells_itself(byte))
		return byte;
	if (byte <= 0x20)
		return 0x100u + byte;
	return byte == 0xad ? 0x143 : 0x121u + byte - 0x7f;
}

int
unicode_to_byte(uint32_t point)
{
	if (point < 0x100)
		return spells_itself(point) ? (int)point : -1;
	if (point <= 0x120)
		return (int)(point - 0x100);
	if (point <= 0x142)
		return (int)(point - 0x121 + 0x7f);
	return point == 0x143 ? 0xad : -1;
}
