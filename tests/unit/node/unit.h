/* unit.h - a home, a store and plugin instances for the tests of this folder. */
#ifndef TESTS_UNIT_NODE_UNIT_H
#define TESTS_UNIT_NODE_UNIT_H

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

#include "core/base/buf.h"
#include "core/base/json.h"
#include "core/base/path.h"
#include "core/plugin/instance/plugins.h"
#include "node/home.h"

#define ECHO  BUILD_DIR "/examples/echo.so"
#define FLAKY BUILD_DIR "/examples/flaky.so"
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

/* The examples as inline instances, ready. */
static inline struct plugins *
unit_plugins(const struct home *home, const char *flaky_config)
{
	struct b3iq_error err = NO_ERR;
	struct plugins *set = plugins_create(&err);
	char state[2][PATH_SIZE];
	const struct instance_options wanted[] = {
		{ .name = "echo", .path = ECHO, .state_dir = state[0], .run_inline = true },
		{ .name = "flaky", .path = FLAKY, .state_dir = state[1], .run_inline = true,
		  .config = flaky_config },
	};

	assert_non_null(set);
	assert_ok(home_path(home, state[0], &err, "plugins", "echo", NULL), err);
	assert_ok(home_path(home, state[1], &err, "plugins", "flaky", NULL), err);
	assert_ok(plugins_reconcile(set, wanted, 2, &err), err);
	for (size_t i = 0; i < 2; i++) {
		struct instance *instance = plugins_find(set, wanted[i].name);

		assert_non_null(instance);
		assert_ok(instance_wait(instance, 20000, &err), err);
		instance_release(instance);
	}
	return set;
}

#endif
