#include "core/base/fail.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/utf8.h"

int32_t
fail(struct b3iq_error *err, int32_t code, const char *fmt, ...)
{
	va_list args;
	bool bad;
	int n;

	if (!err)
		return code;
	err->retry_ms = 0;
	va_start(args, fmt);
	n = vsnprintf(err->text, sizeof(err->text), fmt, args);
	va_end(args);
	if (n < 0)
		err->text[0] = '\0';
	else if ((size_t)n >= sizeof(err->text))
		err->text[utf8_whole(err->text, sizeof(err->text) - 1, &bad)] = '\0';
	return code;
}

int32_t
fail_memory(struct b3iq_error *err, const char *what)
{
	return fail(err, B3IQ_E_NO_MEMORY, "out of memory while %s; free some and try again", what);
}

int32_t
fail_code(int reason)
{
	switch (reason) {
	case ENOENT:
		return B3IQ_E_NOT_FOUND;
	case ENOMEM:
		return B3IQ_E_NO_MEMORY;
	case EMFILE:
	case ENFILE:
	case EIO:
		return B3IQ_E_UNAVAILABLE;
	default:
		return B3IQ_E_DENIED;
	}
}

static const struct {
	int32_t     code;
	const char *name, *text;
} results[] = {
#define RESULT(name, code, text) { (code), #name, text },
	B3IQ_RESULTS(RESULT)
#undef RESULT
};

#define N_RESULTS (sizeof(results) / sizeof(results[0]))

/* An unknown code counts as B3IQ_E_INTERNAL, as the contract says. */
static size_t
find(int32_t code)
{
	size_t i, internal = 0;

	for (i = 0; i < N_RESULTS; i++) {
		if (results[i].code == code)
			return i;
		if (results[i].code == B3IQ_E_INTERNAL)
			internal = i;
	}
	return internal;
}

const char *
result_name(int32_t code)
{
	return results[find(code)].name;
}

const char *
result_text(int32_t code)
{
	return results[find(code)].text;
}
