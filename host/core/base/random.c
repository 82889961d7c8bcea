#include "core/base/random.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "core/base/encode.h"

void
random_bytes(void *out, size_t n)
{
	char *at = out;
	ssize_t got;

	while (n > 0) {
		got = getrandom(at, n, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			abort(); /* going on with guessable keys would be worse */
		at += got;
		n -= (size_t)got;
	}
}

bool
random_id(char *out, size_t out_size, const char *prefix, size_t n)
{
	unsigned char bytes[32];
	size_t len = strlen(prefix);

	if (n > sizeof(bytes) || out_size < 2 * n + 1 || len > out_size - 2 * n - 1)
		return false;
	random_bytes(bytes, n);
	memcpy(out, prefix, len);
	hex_encode(bytes, n, out + len);
	explicit_bzero(bytes, sizeof(bytes));
	return true;
}
