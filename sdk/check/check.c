#include "check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const struct check_group check_groups[] = {
	{ "file", file_tests },
	{ "load", load_tests },
	{ "lifecycle", lifecycle_tests },
	{ "threads", thread_tests },
	{ "inference", inference_tests },
	{ "ledger", ledger_tests },
	{ "auth", auth_tests },
	{ "errors", error_tests },
	{ NULL, NULL },
};

static _Noreturn void
end(int status, const char *fmt, va_list args)
{
	char text[512];
	int  n = vsnprintf(text, sizeof text, fmt, args);

	if (n > 0) {
		size_t len = (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;

		if (write(CHECK_FD, text, len) < 0)
			status = CHECK_FAILED;
	}
	_exit(status);
}

void
check_fail(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	end(CHECK_FAILED, fmt, args);
}

void
check_skip(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	end(CHECK_SKIPPED, fmt, args);
}
