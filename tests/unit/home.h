/* home.h - a home of its own for each test of a role. */
#ifndef TESTS_UNIT_HOME_H
#define TESTS_UNIT_HOME_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "core/role/home.h"

#define NO_ERR ((struct b3iq_error){ .size = sizeof(struct b3iq_error) })

/* B3IQ_OK, or the test fails with the sentence. */
#define assert_ok(rc, err)                                                     \
	do {                                                                   \
		if ((rc) != B3IQ_OK)                                           \
			fail_msg("%d: %s", (int)(rc), (err).text);             \
	} while (0)

static inline void
unit_remove(const char *dir)
{
	char command[PATH_SIZE + 16];

	snprintf(command, sizeof command, "rm -rf '%s'", dir);
	assert_int_equal(system(command), 0);
}

static inline void
unit_home(struct home *home)
{
	struct b3iq_error err = NO_ERR;
	char dir[] = BUILD_DIR "/unit-home-XXXXXX";

	assert_non_null(mkdtemp(dir));
	assert_ok(home_open(home, dir, &err), err);
}

static inline void
unit_home_end(struct home *home)
{
	home_close(home);
	unit_remove(home->dir);
}

#endif
