#include "address.h"

#include <openssl/evp.h>
#include <string.h>

#define DOMAIN   "b3iq.address/1\n"
#define BYTES    20
#define SYMBOLS  32 /* 20 bytes in groups of five bits */
#define CHECKSUM 6
#define BECH32M  0x2bc830a3u

static const char alphabet[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/* One step of the checksum: the BCH code of BIP-173. */
static uint32_t
step(uint32_t sum, uint32_t symbol)
{
	static const uint32_t generator[5] = { 0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd,
		                               0x2a1462b3 };
	const uint32_t top = sum >> 25;

	sum = (sum & 0x1ffffff) << 5 ^ symbol;
	for (int i = 0; i < 5; i++)
		sum ^= top >> i & 1 ? generator[i] : 0;
	return sum;
}

/* The sum over the prefix, its high bits first. */
static uint32_t
begin(void)
{
	static const char prefix[] = "ait";
	uint32_t sum = 1;

	for (int i = 0; i < 3; i++)
		sum = step(sum, (uint32_t)prefix[i] >> 5);
	sum = step(sum, 0);
	for (int i = 0; i < 3; i++)
		sum = step(sum, (uint32_t)prefix[i] & 31);
	return sum;
}

static void
encode(const uint8_t bytes[BYTES], char out[ADDRESS_SIZE])
{
	uint32_t sum = begin();

	memcpy(out, "ait1", 4);
	for (int i = 0; i < SYMBOLS; i++) { /* 5 bits from bit 5i on; 160 bits end even */
		const int at = 5 * i / 8, shift = 11 - 5 * i % 8;
		const uint32_t two = (uint32_t)bytes[at] << 8 | (at + 1 < BYTES ? bytes[at + 1] : 0);
		const uint32_t symbol = two >> shift & 31;

		sum = step(sum, symbol);
		out[4 + i] = alphabet[symbol];
	}
	for (int i = 0; i < CHECKSUM; i++)
		sum = step(sum, 0);
	sum ^= BECH32M;
	for (int i = 0; i < CHECKSUM; i++)
		out[4 + SYMBOLS + i] = alphabet[sum >> 5 * (CHECKSUM - 1 - i) & 31];
	out[ADDRESS_SIZE - 1] = '\0';
}

int32_t
address_of(const uint8_t public_key[32], char out[ADDRESS_SIZE])
{
	uint8_t input[sizeof DOMAIN - 1 + 32], digest[32];

	memcpy(input, DOMAIN, sizeof DOMAIN - 1);
	memcpy(input + sizeof DOMAIN - 1, public_key, 32);
	if (EVP_Digest(input, sizeof input, digest, NULL, EVP_sha256(), NULL) != 1)
		return B3IQ_E_INTERNAL;
	encode(digest, out);
	return B3IQ_OK;
}

bool
address_valid(const char *text)
{
	uint32_t sum = begin();

	if (!text || strlen(text) != ADDRESS_SIZE - 1 || strncmp(text, "ait1", 4) != 0)
		return false;
	for (const char *c = text + 4; *c; c++) {
		const char *symbol = strchr(alphabet, *c);

		if (!symbol)
			return false;
		sum = step(sum, (uint32_t)(symbol - alphabet));
	}
	return sum == BECH32M;
}
