#include "core/base/encode.h"

static const char hex_digits[] = "0123456789abcdef";
static const char base64_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void
hex_encode(const void *in, size_t n, char *out)
{
	const unsigned char *p = in;
	size_t i;

	for (i = 0; i < n; i++) {
		out[2 * i] = hex_digits[p[i] >> 4];
		out[2 * i + 1] = hex_digits[p[i] & 15];
	}
	out[2 * n] = '\0';
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
hex_decode(const char *in, size_t in_len, void *out, size_t n)
{
	unsigned char *p = out;
	size_t i;
	int hi, lo;

	if (n > SIZE_MAX / 2 || in_len != 2 * n)
		return false;
	for (i = 0; i < n; i++) {
		hi = hex_value(in[2 * i]);
		lo = hex_value(in[2 * i + 1]);
		if (hi < 0 || lo < 0)
			return false;
		p[i] = (unsigned char)(hi << 4 | lo);
	}
	return true;
}

void
base64_encode(const void *in, size_t n, char *out)
{
	const unsigned char *p = in;
	uint32_t bits;

	for (; n >= 3; n -= 3, p += 3) {
		bits = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
		*out++ = base64_digits[bits >> 18];
		*out++ = base64_digits[bits >> 12 & 63];
		*out++ = base64_digits[bits >> 6 & 63];
		*out++ = base64_digits[bits & 63];
	}
	if (n > 0) {
		bits = (uint32_t)p[0] << 16 | (n > 1 ? (uint32_t)p[1] << 8 : 0);
		*out++ = base64_digits[bits >> 18];
		*out++ = base64_digits[bits >> 12 & 63];
		if (n > 1)
			*out++ = base64_digits[bits >> 6 & 63];
	}
	*out = '\0';
}

static int
base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '-')
		return 62;
	return c == '_' ? 63 : -1;
}

ptrdiff_t
base64_decode(const char *in, size_t in_len, void *out, size_t out_size)
{
	unsigned char *p = out;
	uint32_t bits = 0;
	unsigned held = 0;
	size_t i, n = 0;
	int v;

	if (in_len % 4 == 1)
		return -1;
	for (i = 0; i < in_len; i++) {
		v = base64_value(in[i]);
		if (v < 0)
			return -1;
		bits = (bits << 6 | (uint32_t)v) & 0xffffffu;
		held += 6;
		if (held < 8)
			continue;
		held -= 8;
		if (n == out_size)
			return -1;
		p[n++] = (unsigned char)(bits >> held);
	}
	/* Bits left over must be zero: one text for each value. */
	if (bits & ((1u << held) - 1u))
		return -1;
	return (ptrdiff_t)n;
}
