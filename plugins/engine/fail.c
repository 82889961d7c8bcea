#include "engine/fail.h"

#include <stdarg.h>
#include <stdio.h>

int32_t
fail_with(struct b3iq_error *err, int32_t code, const char *format, ...)
{
	va_list args;

	if (err) {
		va_start(args, format);
		(void)vsnprintf(err->text, sizeof(err->text), format, args);
		va_end(args);
	}
	return code;
}

int32_t
fail_memory(struct b3iq_error *err, const char *what)
{
	return fail_with(err, B3IQ_E_NO_MEMORY,
		    "no memory for %s: free some, or use a smaller model or context", what);
}
