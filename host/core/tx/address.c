#include "core/tx/address.h"

#include <string.h>

#include "core/base/fail.h"
#include "core/crypto/sha256.h"

#define PREFIX       "ait"
#define PREFIX_LEN   3
#define GROUPS       (ADDRESS_BYTES * 8 / 5) /* 160 bits are 32 groups of five, without rest */
#define CHECK_LEN    6
#define BECH32M      0x2bc830a3u
#define BECH32       1u /* what the older checksum would leave */
#define BECH32_MAX   90

static const char domain[] = "b3iq.address/1\n";
static const char charset[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/* ---- bech32m (BIP-350) --------------------------------------------------------- */

/* The BCH code of BIP-173, one group of five bits further. */
static uint32_t
step(uint32_t c, unsigned group)
{
	static const uint32_t generator[] = { 0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd,
		                              0x2a1462b3 };
	const uint32_t top = c >> 25;
	int i;

	c = (c & 0x1ffffff) << 5 ^ group;
	for (i = 0; i < 5; i++)
		if (top >> i & 1)
			c ^= generator[i];
	return c;
}

/* The checksum's state after the human readable part. */
static uint32_t
start(const char *hrp, size_t n)
{
	uint32_t c = 1;
	size_t i;

	for (i = 0; i < n; i++)
		c = step(c, (unsigned char)hrp[i] >> 5);
	c = step(c, 0);
	for (i = 0; i < n; i++)
		c = step(c, hrp[i] & 31);
	return c;
}

static int
group_of(char c)
{
	const char *at = c ? strchr(charset, c) : NULL;

	return at ? (int)(at - charset) : -1;
}

/* Lower case copy of a text of one case with characters 33 to 126; NULL, or why not. */
static const char *
fold(const char *text, size_t len, char *out)
{
	bool upper = false, lower = false;
	size_t i;

	for (i = 0; i < len; i++) {
		const unsigned char c = (unsigned char)text[i];

		if (c < 33 || c > 126)
			return "it has a character that no address has";
		upper |= c >= 'A' && c <= 'Z';
		lower |= c >= 'a' && c <= 'z';
		out[i] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
	}
	out[len] = '\0';
	return upper && lower ? "it mixes upper and lower case" : NULL;
}

/* Splits and checks a bech32m text of any prefix: NULL and the data groups without the checksum, or
 * what is wrong with it.  text is folded to lower case into `copy`, whose "1" becomes the end of the
 * prefix. */
static const char *
bech32m_decode(const char *text, size_t len, char copy[BECH32_MAX + 1], uint8_t *groups, size_t *n)
{
	const char *why;
	uint32_t c;
	char *one;
	size_t i;

	if (len > BECH32_MAX)
		return "it is too long";
	why = fold(text, len, copy);
	if (why)
		return why;
	one = strrchr(copy, '1');
	if (!one || one == copy)
		return "it has no prefix before a \"1\"";
	if ((size_t)(copy + len - one) <= CHECK_LEN)
		return "it is too short";
	*one++ = '\0';
	c = start(copy, strlen(copy));
	*n = (size_t)(copy + len - one);
	for (i = 0; i < *n; i++) {
		const int g = group_of(one[i]);

		if (g < 0)
			return "it has a character that no address has";
		groups[i] = (uint8_t)g;
		c = step(c, (unsigned)g);
	}
	*n -= CHECK_LEN;
	if (c == BECH32)
		return "it is bech32; addresses here are bech32m";
	return c == BECH32M ? NULL : "its checksum is wrong: a character was mistyped or lost";
}

static void
bech32m_encode(const char *hrp, const uint8_t *groups, size_t n, char *out)
{
	const size_t prefix = strlen(hrp);
	uint32_t c = start(hrp, prefix);
	size_t i;

	memcpy(out, hrp, prefix);
	out += prefix;
	*out++ = '1';
	for (i = 0; i < n; i++) {
		c = step(c, groups[i]);
		*out++ = charset[groups[i]];
	}
	for (i = 0; i < CHECK_LEN; i++)
		c = step(c, 0);
	c ^= BECH32M;
	for (i = 0; i < CHECK_LEN; i++)
		*out++ = charset[c >> (5 * (CHECK_LEN - 1 - i)) & 31];
	*out = '\0';
}

/* ---- addresses ----------------------------------------------------------------- */

int32_t
address_of(const uint8_t pub[ED25519_PUBLIC], struct address *out)
{
	uint8_t text[sizeof(domain) - 1 + ED25519_PUBLIC], hash[SHA256_SIZE];
	int32_t rc;

	memcpy(text, domain, sizeof(domain) - 1);
	memcpy(text + sizeof(domain) - 1, pub, ED25519_PUBLIC);
	rc = sha256(text, sizeof(text), hash);
	if (rc == B3IQ_OK)
		memcpy(out->bytes, hash, ADDRESS_BYTES);
	return rc;
}

void
address_write(const struct address *a, char out[ADDRESS_SIZE])
{
	uint8_t groups[GROUPS];
	uint32_t bits = 0;
	unsigned held = 0;
	size_t i, n = 0;

	for (i = 0; i < ADDRESS_BYTES; i++) {
		bits = (bits << 8 | a->bytes[i]) & 0xfff;
		for (held += 8; held >= 5; held -= 5)
			groups[n++] = bits >> (held - 5) & 31;
	}
	bech32m_encode(PREFIX, groups, GROUPS, out);
}

static const char *
decode(const char *text, size_t len, struct address *out)
{
	char copy[BECH32_MAX + 1];
	uint8_t groups[BECH32_MAX];
	uint32_t bits = 0;
	unsigned held = 0;
	size_t i, n = 0, at = 0;
	const char *why = bech32m_decode(text, len, copy, groups, &n);

	if (why)
		return why;
	if (strcmp(copy, PREFIX) != 0)
		return "it belongs to another network: ours begin with \"ait1\"";
	if (n != GROUPS)
		return "it is not 42 characters long";
	for (i = 0; i < GROUPS; i++) {
		bits = (bits << 5 | groups[i]) & 0xfff;
		held += 5;
		if (held >= 8) {
			held -= 8;
			out->bytes[at++] = (uint8_t)(bits >> held);
		}
	}
	return NULL;
}

int32_t
address_parse(const char *text, struct address *out, struct b3iq_error *err)
{
	struct address a;
	const char *why = decode(text, strlen(text), &a);

	if (why)
		return fail(err, B3IQ_E_INVALID, "\"%.90s\" is not an address: %s", text, why);
	*out = a;
	return B3IQ_OK;
}

bool
address_read(const char *text, size_t len, struct address *out)
{
	/* Upper case ends here: charset and prefix have none, and a text of digits only is no address. */
	return len == ADDRESS_SIZE - 1 && text[0] == PREFIX[0] && !decode(text, len, out);
}

bool
address_equal(const struct address *a, const struct address *b)
{
	return memcmp(a->bytes, b->bytes, ADDRESS_BYTES) == 0;
}
