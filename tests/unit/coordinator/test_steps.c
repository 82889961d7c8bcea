#include "coordinator/settle/steps.c"

#include "unit.h"

struct todo {
	struct step step[8];
	size_t      n;
	int64_t     open;
};

static int32_t
add_row(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	return steps_add(tx, arg, err);
}

static int32_t
save_row(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	return steps_save(tx, arg, err);
}

static int32_t
open_rows(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct todo *t = arg;
	int32_t rc = steps_open(tx, t->step, 8, &t->n, err);

	return rc == B3IQ_OK ? steps_count_open(tx, &t->open, err) : rc;
}

static struct step
step(const char *subject, enum step_kind kind, uint64_t due_ms)
{
	struct step s = { .job = 1, .kind = kind, .due_ms = due_ms, .amount = 5 };

	snprintf(s.subject, sizeof s.subject, "%s", subject);
	return s;
}

static void
test_one_step_once(void **state)
{
	struct step a = step("job_1", STEP_OPEN, 20), b = step("job_1", STEP_OPEN, 20),
	            c = step("job_1", STEP_REFUND, 10), d = step("job_2", STEP_OPEN, 30);
	struct b3iq_error err = NO_ERR;
	struct todo t = { .n = 0 };

	(void)state;
	assert_ok(store_write(unit_store, add_row, &a, &err), err);
	assert_ok(store_write(unit_store, add_row, &b, &err), err);
	assert_ok(store_write(unit_store, add_row, &c, &err), err);
	assert_ok(store_write(unit_store, add_row, &d, &err), err);
	assert_memory_equal(a.key, b.key, 32);
	assert_memory_not_equal(a.key, c.key, 32);
	assert_memory_not_equal(a.key, d.key, 32);
	assert_ok(store_read(unit_store, open_rows, &t, &err), err);
	assert_int_equal(t.n, 3);
	assert_int_equal(t.open, 3);
	assert_int_equal(t.step[0].kind, STEP_REFUND); /* the one that is due first */
	b.again = 1; /* after a failure on the ledger: another transaction */
	assert_ok(store_write(unit_store, add_row, &b, &err), err);
	assert_memory_not_equal(a.key, b.key, 32);
	t.step[0].state = STEP_DONE;
	t.step[0].height = 9;
	assert_ok(store_write(unit_store, save_row, &t.step[0], &err), err);
	assert_ok(store_read(unit_store, open_rows, &t, &err), err);
	assert_int_equal(t.n, 3);
}

struct find {
	enum step_kind kind;
	struct step    step;
};

static int32_t
find_row(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct find *f = arg;

	return steps_find(tx, 1, f->kind, &f->step, err);
}

static void
test_find(void **state)
{
	struct step a = step("job_1", STEP_OPEN, 20);
	struct find f = { .kind = STEP_OPEN };
	struct b3iq_error err = NO_ERR;

	(void)state;
	assert_int_equal(store_read(unit_store, find_row, &f, &err), B3IQ_E_NOT_FOUND);
	assert_ok(store_write(unit_store, add_row, &a, &err), err);
	assert_ok(store_read(unit_store, find_row, &f, &err), err);
	assert_int_equal(f.step.amount, 5);
	f.kind = STEP_RELEASE;
	assert_int_equal(store_read(unit_store, find_row, &f, &err), B3IQ_E_NOT_FOUND);
}

UNIT_MAIN(UNIT_STORE(test_one_step_once), UNIT_STORE(test_find))
