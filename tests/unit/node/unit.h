/* unit.h - a home, a store and plugin instances for the tests of this folder. */
#ifndef TESTS_UNIT_NODE_UNIT_H
#define TESTS_UNIT_NODE_UNIT_H

#include "core/base/buf.h"
#include "core/base/json.h"
#include "core/base/path.h"
#include "core/plugin/instance/plugins.h"
#include "../home.h"

#define ECHO  BUILD_DIR "/examples/echo.so"
#define FLAKY BUILD_DIR "/examples/flaky.so"
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
