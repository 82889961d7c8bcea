#include "coordinator/desk/desk.c"

#include <pthread.h>
#include <stdatomic.h>

#include "unit.h"

#define JOBS    40 /* of each client */
#define CLIENTS 3
#define WORKERS 4

static struct ed25519_key *key;
static struct desk *desk;
static const struct payments free_of_charge = { .wallet = "", .address = "" };
static atomic_int completed, refused_late;

static void
open_desk(void)
{
	const struct desk_options o = {
		.store = unit_store, .key = key, .payments = &free_of_charge,
		.rules = { .prompt_bytes = 1000, .ttl_s = 900, .ttl_most_s = 900, .model = "m" },
		.queue_most = 1000, .queue_most_each = 500, .no_worker_s = 600, .lease_s = 600,
		.run_s = 600, .heartbeat_s = 600, .attempts = 3, .keep_s = 3600, .ended_most = 10,
	};
	struct b3iq_error err = NO_ERR;

	assert_ok(desk_create(&o, &desk, &err), err);
}

static int
setup(void **state)
{
	struct b3iq_error err = NO_ERR;

	unit_open(state);
	assert_ok(ed25519_generate(&key, &err), err);
	open_desk();
	return 0;
}

static int
teardown(void **state)
{
	desk_destroy(desk);
	ed25519_free(key);
	return unit_close(state);
}

static void
enlist(const char *id, uint32_t concurrency)
{
	const struct desk_registration r = { .id = id, .region = "", .node = "", .nonce = "",
		                             .proof = "", .address = "", .push_url = "",
		                             .push_key = "", .concurrency = concurrency };
	struct why why = NO_WHY;
	bool verified;

	assert_ok(desk_register(desk, "key_w", &r, &verified, &why), why.err);
}

static int32_t
count_worker(void *arg, struct worker *w)
{
	++*(size_t *)arg;
	worker_free(w);
	return B3IQ_OK;
}

static int32_t
count_workers(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	return fleet_load(tx, count_worker, arg, err);
}

/* The one too many leaves no row, which a restart would bring back. */
static void
test_one_worker_too_many(void **state)
{
	const struct desk_registration r = { .id = "more", .region = "", .node = "", .nonce = "",
		                             .proof = "", .address = "", .push_url = "",
		                             .push_key = "", .concurrency = 1 };
	struct b3iq_error err = NO_ERR;
	struct why why = NO_WHY;
	size_t rows = 0;
	bool verified;
	char id[32];

	(void)state;
	for (int i = 0; i < FLEET_MAX_EACH; i++) {
		snprintf(id, sizeof id, "w%d", i);
		enlist(id, 1);
	}
	assert_int_equal(desk_register(desk, "key_w", &r, &verified, &why), B3IQ_E_BUSY);
	assert_string_equal(why.code, "too_many_miners");
	assert_ok(store_read(unit_store, count_workers, &rows, &err), err);
	assert_int_equal(rows, FLEET_MAX_EACH);
	why = NO_WHY;
	assert_ok(desk_register(desk, "key_x", &r, &verified, &why), why.err);
}

static struct job
submit(const char *client)
{
	const struct desk_client c = { .key = client, .wallet = "" };
	static const char body[] = "{\"prompt\":\"x\"}";
	struct why why = NO_WHY;
	struct job job;
	bool again;

	assert_ok(desk_submit(desk, &c, body, sizeof body - 1, NULL, &job, &again, &why), why.err);
	return job;
}

static void *
client_main(void *arg)
{
	const char *name = arg;

	for (int i = 0; i < JOBS; i++) {
		const struct desk_client c = { .key = name };
		struct job job = submit(name), now;
		struct why why = NO_WHY;

		if (i % 8 == 7) /* some are cancelled, whoever has them */
			desk_cancel(desk, &c, job.id, &now, &why);
	}
	return NULL;
}

static void *
worker_main(void *arg)
{
	const struct desk_patience patience = { .ms = 200 };
	const char *id = arg;

	for (;;) {
		struct desk_result r = { .output = "y", .output_len = 1, .document = "\"y\"",
			                 .document_len = 3 };
		struct why why = NO_WHY;
		struct desk_work work;
		struct job done;
		bool got;
		int32_t rc = desk_poll(desk, id, &patience, &work, &got, &why);

		assert_ok(rc, why.err);
		if (!got)
			return NULL;
		r.lease = work.job.lease;
		rc = desk_result(desk, id, work.job.id, &r, &done, &why);
		if (rc == B3IQ_OK)
			atomic_fetch_add(&completed, 1);
		else if (why.code && strcmp(why.code, "job_finished") == 0)
			atomic_fetch_add(&refused_late, 1);
		else
			fail_msg("%d %s", (int)rc, why.err.text);
		desk_work_free(&work);
	}
}

struct tally {
	int64_t count[JOB_PHASES_N], paid, mean;
};

static int32_t
tally_rows(struct store_tx *tx, void *arg, struct b3iq_error *err)
{
	struct tally *t = arg;

	return jobbook_stats(tx, t->count, &t->paid, &t->mean, err);
}

/* Clients submit and cancel, workers take and finish: each job ends once, in memory as in the rows. */
static void
test_everybody_at_once(void **state)
{
	static const char *const names[] = { "c0", "c1", "c2", "w0", "w1", "w2", "w3" };
	pthread_t thread[CLIENTS + WORKERS];
	struct b3iq_error err = NO_ERR;
	struct desk_counts n;
	struct tally t;

	(void)state;
	atomic_store(&completed, 0);
	for (int i = 0; i < WORKERS; i++)
		enlist(names[CLIENTS + i], 3);
	for (int i = 0; i < CLIENTS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, client_main,
		                                (void *)(uintptr_t)names[i]), 0);
	for (int i = 0; i < WORKERS; i++)
		assert_int_equal(pthread_create(&thread[CLIENTS + i], NULL, worker_main,
		                                (void *)(uintptr_t)names[CLIENTS + i]), 0);
	for (int i = 0; i < CLIENTS + WORKERS; i++)
		pthread_join(thread[i], NULL);
	for (int i = 0; i < WORKERS; i++) /* what came after they had gone home */
		worker_main((void *)(uintptr_t)names[CLIENTS + i]);
	assert_ok(store_read(unit_store, tally_rows, &t, &err), err);
	assert_int_equal(t.count[JOB_COMPLETED], atomic_load(&completed));
	assert_int_equal(t.count[JOB_COMPLETED] + t.count[JOB_CANCELLED], CLIENTS * JOBS);
	desk_counts(desk, &n);
	assert_int_equal(n.queued, 0);
	assert_int_equal(n.held, 0);
	assert_int_equal(n.board, 10); /* the latest that ended */
}

/* What a restart finds: the queue in its order, the lease with whom it was. */
static void
test_restart(void **state)
{
	const struct desk_patience at_once = { .ms = 0 };
	const struct desk_client c = { .key = "c0" };
	struct job first, second, now;
	struct why why = NO_WHY;
	struct desk_work work;
	struct desk_counts n;
	bool got;

	(void)state;
	enlist("w0", 1);
	first = submit("c0");
	second = submit("c0");
	assert_ok(desk_poll(desk, "w0", &at_once, &work, &got, &why), why.err);
	assert_true(got);
	assert_string_equal(work.job.id, first.id);
	desk_destroy(desk);
	open_desk();
	desk_counts(desk, &n);
	assert_int_equal(n.queued, 1);
	assert_int_equal(n.held, 1);
	assert_int_equal(n.workers, 1);
	assert_ok(desk_running(desk, "w0", first.id, work.job.lease, &why), why.err);
	desk_work_free(&work);
	assert_ok(desk_poll(desk, "w0", &at_once, &work, &got, &why), why.err);
	assert_false(got); /* it has its one */
	assert_int_equal(desk_running(desk, "w0", second.id, NULL, &why), B3IQ_E_NOT_FOUND);
	assert_ok(desk_cancel(desk, &c, first.id, &now, &why), why.err);
	assert_int_equal(desk_running(desk, "w0", first.id, NULL, &why), B3IQ_E_INVALID);
	assert_string_equal(why.code, "job_finished");
}

/* Nobody but its owner, the administrator included, sees a job; nobody waits longer than he said. */
static void
test_whose(void **state)
{
	const struct desk_client owner = { .key = "c0" }, other = { .key = "c1" },
	                         admin = { .key = "x", .admin = true };
	struct job job = submit("c0"), seen;
	const struct desk_patience moment = { .ms = 10 };
	struct why why = NO_WHY;

	(void)state;
	assert_ok(desk_job(desk, &owner, job.id, &seen, &why), why.err);
	assert_ok(desk_job(desk, &admin, job.id, &seen, &why), why.err);
	assert_int_equal(desk_job(desk, &other, job.id, &seen, &why), B3IQ_E_NOT_FOUND);
	assert_int_equal(desk_cancel(desk, &other, job.id, &seen, &why), B3IQ_E_NOT_FOUND);
	assert_ok(desk_wait(desk, &owner, job.id, -1, &moment, &seen, &why), why.err);
	assert_int_equal(seen.phase, JOB_QUEUED);
	assert_ok(desk_wait(desk, &owner, job.id, 0, &moment, &seen, &why), why.err);
}

/* All lines are taken: the job waits outside, keeps its alarm, and is let in when there is room. */
static void
test_no_line(void **state)
{
	struct ringing *r = calloc(1, sizeof *r);
	struct live *l;
	struct job job;

	(void)state;
	desk->queue.n_lines += QUEUE_LINES;
	job = submit("c0");
	pthread_mutex_lock(&desk->lock);
	l = board_find(&desk->board, job.id);
	assert_true(l && !l->line && l->alarm.at);
	for (int i = 0; i < 2; i++) {
		heap_rekey(&desk->alarms, &l->alarm, 1);
		collect(desk, r);
		assert_int_equal(r->n, 0);
		assert_true(l->alarm.at && l->alarm.key > 1);
		assert_true(i ? l->line != NULL : !l->line);
		desk->queue.n_lines -= i ? 0 : QUEUE_LINES;
	}
	pthread_mutex_unlock(&desk->lock);
	free(r);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
UNIT_MAIN(T(test_everybody_at_once), T(test_restart), T(test_whose), T(test_no_line),
          T(test_one_worker_too_many))
