#include "core/tx/amount.h"

#include <string.h>

#include "core/base/fail.h"

#define DECIMALS 6

__extension__ typedef unsigned __int128 wide; /* a product of two amounts */

/* Digits from *text on, at most AMOUNT_MAX; the number of them, or 0 if there are none or too many. */
static size_t
digits(const char *text, size_t len, uint64_t *out)
{
	uint64_t v = 0;
	size_t n;

	for (n = 0; n < len && text[n] >= '0' && text[n] <= '9'; n++) {
		const unsigned d = (unsigned)(text[n] - '0');

		if (v > (AMOUNT_MAX - d) / 10)
			return 0;
		v = v * 10 + d;
	}
	*out = v;
	return n;
}

bool
amount_read(const char *text, size_t len, uint64_t *out)
{
	uint64_t v;

	if (len == 0 || (text[0] == '0' && len > 1) || digits(text, len, &v) != len)
		return false;
	*out = v;
	return true;
}

size_t
amount_write(uint64_t v, char out[AMOUNT_SIZE])
{
	char reversed[AMOUNT_SIZE + 1]; /* u64 beyond AMOUNT_MAX would have 20 digits */
	size_t n = 0, i;

	if (v > AMOUNT_MAX)
		v = AMOUNT_MAX;
	do {
		reversed[n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	for (i = 0; i < n; i++)
		out[i] = reversed[n - 1 - i];
	out[n] = '\0';
	return n;
}

/* ---- for people ------------------------------------------------------------------ */

/* Up to six digits behind the point, as micro units; false if there are none or more. */
static bool
fraction(const char **at, uint64_t *out)
{
	uint64_t v = 0;
	int n;

	for (n = 0; **at >= '0' && **at <= '9'; n++, ++*at) {
		if (n == DECIMALS)
			return false;
		v = v * 10 + (uint64_t)(**at - '0');
	}
	if (n == 0)
		return false;
	for (; n < DECIMALS; n++)
		v *= 10;
	*out = v;
	return true;
}

static bool
unit(const char *s)
{
	static const char name[] = "aitbc";
	size_t i;

	if (*s == '\0')
		return true;
	if (*s == ' ')
		s++;
	for (i = 0; name[i]; i++)
		if ((s[i] | 0x20) != name[i])
			return false;
	return s[i] == '\0';
}

int32_t
amount_parse(const char *text, uint64_t *out, struct b3iq_error *err)
{
	uint64_t whole = 0, part = 0, sum;
	const char *at = text;
	size_t n;

	if (*at < '0' || *at > '9')
		goto wrong;
	n = digits(at, strlen(at), &whole);
	if (n == 0)
		goto large;
	at += n;
	if (*at == '.') {
		at++;
		if (!fraction(&at, &part))
			goto wrong;
	}
	if (!unit(at))
		goto wrong;
	if (!amount_mul_div(whole, AMOUNT_COIN, 1, &whole) || !amount_add(whole, part, &sum))
		goto large;
	*out = sum;
	return B3IQ_OK;
wrong:
	return fail(
		err, B3IQ_E_INVALID,
		"\"%.40s\" is not an amount; write it as 0.25 or \"0.25 AITBC\", with at most six "
		"decimals",
		text);
large:
	return fail(err, B3IQ_E_INVALID,
	            "\"%.40s\" is more than there can be (9223372036854.775807 AITBC)", text);
}

static void
show(uint64_t v, const char *suffix, char out[AMOUNT_SHOW])
{
	uint64_t part = v % AMOUNT_COIN, scale = AMOUNT_COIN / 10;
	size_t n;

	if (v > AMOUNT_MAX)
		part = AMOUNT_MAX % AMOUNT_COIN;
	n = amount_write((v > AMOUNT_MAX ? AMOUNT_MAX : v) / AMOUNT_COIN, out);
	if (part > 0)
		out[n++] = '.';
	for (; part > 0; part %= scale, scale /= 10) {
		out[n++] = (char)('0' + part / scale);
		if (scale == 1)
			break;
	}
	memcpy(out + n, suffix, strlen(suffix) + 1);
}

void
amount_show(uint64_t v, char out[AMOUNT_SHOW])
{
	show(v, " AITBC", out);
}

void
amount_show_short(uint64_t v, char out[AMOUNT_SHOW])
{
	show(v, "aitbc", out);
}

/* ---- arithmetic -------------------------------------------------------------------- */

bool
amount_add(uint64_t a, uint64_t b, uint64_t *out)
{
	if (a > AMOUNT_MAX || b > AMOUNT_MAX - a)
		return false;
	*out = a + b;
	return true;
}

bool
amount_sub(uint64_t a, uint64_t b, uint64_t *out)
{
	if (a > AMOUNT_MAX || b > a)
		return false;
	*out = a - b;
	return true;
}

static bool
mul_div(uint64_t a, uint64_t b, uint64_t c, uint64_t add, uint64_t *out)
{
	wide v;

	if (c == 0)
		return false;
	v = ((wide)a * b + add) / c; /* (2^64-1)^2 + 2^64-1 < 2^128 */
	if (v > AMOUNT_MAX)
		return false;
	*out = (uint64_t)v;
	return true;
}

bool
amount_mul_div(uint64_t a, uint64_t b, uint64_t c, uint64_t *out)
{
	return mul_div(a, b, c, 0, out);
}

bool
amount_mul_div_up(uint64_t a, uint64_t b, uint64_t c, uint64_t *out)
{
	return mul_div(a, b, c, c ? c - 1 : 0, out);
}
