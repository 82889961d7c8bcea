#include "chain/rpc/wire.h"

#include <string.h>

#include "core/base/encode.h"
#include "core/tx/tx.h"

/* The two alphabets differ in two characters and the padding. */
void
wire_encode(const void *in, size_t n, char *out)
{
	size_t len;

	base64_encode(in, n, out);
	len = strlen(out);
	for (size_t i = 0; i < len; i++)
		out[i] = (char)(out[i] == '-' ? '+' : out[i] == '_' ? '/' : out[i]);
	while (len % 4)
		out[len++] = '=';
	out[len] = '\0';
}

ptrdiff_t
wire_decode(const char *text, size_t len, void *out, size_t size)
{
	char piece[1024];
	uint8_t *at = out;
	size_t total = 0;

	if (len % 4 == 0)
		for (int i = 0; i < 2 && len > 0 && text[len - 1] == '='; i++)
			len--;
	while (len > 0) {
		const size_t n = len < sizeof piece ? len : sizeof piece;
		ptrdiff_t got;

		for (size_t i = 0; i < n; i++)
			piece[i] = (char)(text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i]);
		got = base64_decode(piece, n, at + total, size - total);
		if (got < 0)
			return -1;
		total += (size_t)got;
		text += n;
		len -= n;
	}
	return (ptrdiff_t)total;
}

bool
wire_hash(const char *text, uint8_t out[32])
{
	uint8_t bytes[33];

	if (tx_hash_parse(text, out))
		return true;
	if (wire_decode(text, strlen(text), bytes, sizeof bytes) != 32)
		return false;
	memcpy(out, bytes, 32);
	return true;
}

void
wire_hex(const void *in, size_t n, char *out)
{
	hex_encode(in, n, out);
	for (; *out; out++)
		if (*out >= 'a' && *out <= 'f')
			*out = (char)(*out - 'a' + 'A');
}
