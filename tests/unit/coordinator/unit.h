/* unit.h - a coordinator.db of its own for each test. */
#ifndef TESTS_UNIT_COORDINATOR_H
#define TESTS_UNIT_COORDINATOR_H

#include "core/base/fail.h" /* before cmocka takes the name */
#include "../home.h"
#include "coordinator/jobs/jobbook.h"
#include "coordinator/settle/receipts.h"
#include "coordinator/settle/steps.h"
#include "coordinator/workers/fleet.h"
#include "core/base/clock.h"
#include "core/base/fail.h"
#include "core/role/keyring.h"

static struct home unit_at;
static struct store *unit_store;

static inline int
unit_open(void **state)
{
	static const struct store_module *const modules[] = {
		&keyring_module, &jobbook_module, &fleet_module, &steps_module, &receipts_module, NULL,
	};
	struct b3iq_error err = NO_ERR;
	char file[PATH_SIZE];

	(void)state;
	unit_home(&unit_at);
	assert_ok(home_path(&unit_at, file, &err, "coordinator.db", NULL), err);
	assert_ok(store_open(file, modules, &unit_store, &err), err);
	return 0;
}

static inline int
unit_close(void **state)
{
	(void)state;
	store_close(unit_store);
	unit_home_end(&unit_at);
	return 0;
}

/* A job of a client, as it is submitted. */
static inline struct job
unit_job(const char *client, const char *model)
{
	struct job j;

	memset(&j, 0, sizeof j);
	job_new_id(clock_wall_ms(), j.id);
	snprintf(j.client, sizeof j.client, "%s", client);
	snprintf(j.model, sizeof j.model, "%s", model);
	snprintf(j.type, sizeof j.type, "inference");
	j.phase = JOB_QUEUED;
	j.requested_ms = j.queued_ms = clock_wall_ms();
	j.expires_ms = j.requested_ms + 900000;
	j.rev = 1;
	return j;
}

struct unit_insert {
	struct job            *job;
	struct jobbook_retry  *retry;
	char                   known[JOB_ID_SIZE];
};

static inline int32_t
unit_insert_row(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	const struct jobbook_private hidden = { .payload = "{\"prompt\":\"x\"}",
		                                .request = "{\"prompt\":\"x\"}",
		                                .params = "{}", .seed = "", .order_text = "{}" };
	struct unit_insert *i = arg;

	return jobbook_insert(tx, i->job, &hidden, i->retry, i->known, err);
}

static inline void
unit_put(struct job *j)
{
	struct unit_insert i = { .job = j };
	struct b3iq_error err = NO_ERR;

	assert_ok(store_write(unit_store, unit_insert_row, &i, &err), err);
}

#define UNIT_MAIN(...)                                                             \
	int main(void)                                                             \
	{                                                                          \
		const struct CMUnitTest tests[] = { __VA_ARGS__ };                 \
		return cmocka_run_group_tests(tests, NULL, NULL);                  \
	}
#define UNIT_STORE(test) cmocka_unit_test_setup_teardown(test, unit_open, unit_close)

#endif
