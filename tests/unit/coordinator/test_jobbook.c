#include "coordinator/jobs/jobbook.c"

#include "unit.h"

struct ask {
	const char *id;
	struct job  job;
	jobbook_fn *apply;
	int         calls;
};

static int32_t
change_row(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct ask *a = arg;

	return jobbook_change(tx, a->id, a->apply, a, &a->job, err);
}

static int32_t
to_leased(struct store_tx *tx, struct job *j, void *arg, struct b3iq_error *err)
{
	(void)tx;
	(void)err;
	((struct ask *)arg)->calls++;
	if (j->phase != JOB_QUEUED)
		return B3IQ_E_BUSY;
	j->phase = JOB_LEASED;
	j->attempt++;
	return B3IQ_OK;
}

static int32_t
to_end(struct store_tx *tx, struct job *j, void *arg, struct b3iq_error *err)
{
	(void)tx;
	(void)arg;
	(void)err;
	j->phase = JOB_FAILED;
	j->ended_ms = 1000;
	snprintf(j->error, sizeof j->error, "why");
	return B3IQ_OK;
}

static void
test_compare_and_set(void **state)
{
	struct job j = unit_job("alice", "m");
	struct ask a = { .id = j.id, .apply = to_leased };
	struct b3iq_error err = NO_ERR;

	(void)state;
	unit_put(&j);
	assert_true(j.seq > 0);
	assert_ok(store_write(unit_store, change_row, &a, &err), err);
	assert_int_equal(a.job.rev, 2);
	assert_int_equal(a.job.attempt, 1);
	assert_int_equal(store_write(unit_store, change_row, &a, &err), B3IQ_E_BUSY);
	assert_int_equal(a.job.phase, JOB_LEASED); /* what it is, also after a refusal */
	assert_int_equal(a.job.rev, 2);
	a.id = "job_none";
	assert_int_equal(store_write(unit_store, change_row, &a, &err), B3IQ_E_NOT_FOUND);
	assert_int_equal(a.calls, 2);
}

static void
test_retry(void **state)
{
	struct jobbook_retry retry = { .key = { 1 }, .body = { 2 } };
	struct job one = unit_job("alice", "m"), two = unit_job("alice", "m"), bob = unit_job("bob", "m");
	struct unit_insert i = { .job = &one, .retry = &retry };
	struct b3iq_error err = NO_ERR;

	(void)state;
	assert_ok(store_write(unit_store, unit_insert_row, &i, &err), err);
	assert_string_equal(i.known, "");
	i.job = &two;
	assert_ok(store_write(unit_store, unit_insert_row, &i, &err), err);
	assert_string_equal(i.known, one.id);
	assert_int_equal(two.seq, 0);
	retry.body[0] = 3;
	assert_int_equal(store_write(unit_store, unit_insert_row, &i, &err), B3IQ_E_INVALID);
	i.job = &bob;
	assert_ok(store_write(unit_store, unit_insert_row, &i, &err), err);
	assert_string_equal(i.known, "");
}

struct forget {
	uint64_t before;
	int64_t  n;
};

static int32_t
forget_rows(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct forget *f = arg;

	return jobbook_forget_old(tx, f->before, &f->n, err);
}

struct look {
	struct job             *job;
	struct jobbook_secrets  hidden;
	int64_t                 total, n;
	struct jobbook_filter   filter;
};

static int32_t
read_hidden(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct look *l = arg;

	return jobbook_get_secrets(tx, l->job->seq, &l->hidden, err);
}

static void
test_private_content_goes(void **state)
{
	struct job j = unit_job("alice", "m");
	struct look l = { .job = &j };
	struct ask a = { .id = j.id, .apply = to_end };
	struct forget f = { .before = 500 };
	struct b3iq_error err = NO_ERR;

	(void)state;
	unit_put(&j);
	f.before = UINT64_MAX >> 1;
	assert_ok(store_write(unit_store, forget_rows, &f, &err), err);
	assert_int_equal(f.n, 0); /* it has not ended */
	assert_ok(store_write(unit_store, change_row, &a, &err), err);
	f.before = 500;
	assert_ok(store_write(unit_store, forget_rows, &f, &err), err);
	assert_int_equal(f.n, 0); /* too young */
	jobbook_secrets_init(&l.hidden);
	assert_ok(store_read(unit_store, read_hidden, &l, &err), err);
	assert_string_equal(l.hidden.request.data, "{\"prompt\":\"x\"}");
	jobbook_secrets_wipe(&l.hidden);
	f.before = 1001;
	assert_ok(store_write(unit_store, forget_rows, &f, &err), err);
	assert_int_equal(f.n, 1);
	assert_int_equal(store_read(unit_store, read_hidden, &l, &err), B3IQ_E_NOT_FOUND);
}

static int32_t
count_one(void *arg, const struct job *j, struct b3iq_error *err)
{
	(void)err;
	assert_true(j->seq > 0);
	((struct look *)arg)->n++;
	return B3IQ_OK;
}

static int32_t
list_rows(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct look *l = arg;

	return jobbook_list(tx, &l->filter, count_one, l, &l->total, err);
}

static int32_t
live_rows(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	return jobbook_live(tx, count_one, arg, err);
}

static void
test_lists(void **state)
{
	struct look l = { .filter = { .client = "alice", .worker = "", .type = "", .phase = -1,
	                              .limit = 3 } };
	struct b3iq_error err = NO_ERR;
	struct job j;

	(void)state;
	for (int i = 0; i < 5; i++) {
		j = unit_job(i % 2 ? "bob" : "alice", "m");
		unit_put(&j);
	}
	assert_ok(store_write(unit_store, change_row,
	                      &(struct ask){ .id = j.id, .apply = to_end }, &err), err);
	assert_ok(store_read(unit_store, list_rows, &l, &err), err);
	assert_int_equal(l.total, 3);
	assert_int_equal(l.n, 3);
	l.n = 0;
	l.filter.phase = JOB_FAILED;
	l.filter.client = "";
	assert_ok(store_read(unit_store, list_rows, &l, &err), err);
	assert_int_equal(l.total, 1);
	l.n = 0;
	assert_ok(store_read(unit_store, live_rows, &l, &err), err);
	assert_int_equal(l.n, 4);
}

UNIT_MAIN(UNIT_STORE(test_compare_and_set), UNIT_STORE(test_retry),
          UNIT_STORE(test_private_content_goes), UNIT_STORE(test_lists))
