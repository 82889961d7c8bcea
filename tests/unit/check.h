/* check.h - cmocka and the headers that it wants, with our fail() left alone. */
#ifndef TESTS_UNIT_CHECK_H
#define TESTS_UNIT_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* cmocka's fail() is a macro in the way of ours, and its fail_msg() needs it. */
#undef fail
#undef fail_msg
#define fail_msg(...)                              \
	do {                                       \
		print_error("ERROR: " __VA_ARGS__); \
		print_error("\n");                 \
		_fail(__FILE__, __LINE__);         \
	} while (0)

#endif
